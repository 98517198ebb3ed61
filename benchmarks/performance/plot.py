"""The plot of time and memory: ``python -m benchmarks.performance.plot NUMBERS.csv PLOT.png`` draws it again."""

from __future__ import annotations

import csv
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.performance.decoding import DECODE, LIBRAW_NO_FOLLOW, MAP, NO_FOLLOW
from benchmarks.performance.targets import Costs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("command", "size", "frames", "jobs", "runs", "seconds", "processor_seconds", "megabytes")

# Colours that colour-blind people tell apart (Okabe and Ito, 2008).
COLOURS = {DECODE: "#000000", MAP: "#D55E00", NO_FOLLOW: "#0072B2", LIBRAW_NO_FOLLOW: "#009E73"}
STYLES = ("-", "--", ":")
_JOBS_COLOUR = "#CC79A7"


@dataclass(frozen=True)
class Row:
    """A line of the numbers: medians of seconds, the highest peak in megabytes."""

    command: str
    size: str
    frames: int
    jobs: int
    seconds: float
    megabytes: float


def write_numbers(costs: Costs, path: Path) -> None:
    """Write what every command cost."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for run, runs in costs.items():
            if runs:
                seconds = statistics.median(cost.seconds for cost in runs)
                processor = statistics.median(cost.processor_seconds for cost in runs)
                peak = max(cost.megabytes for cost in runs)
                numbers = (f"{seconds:.3f}", f"{processor:.3f}", f"{peak:.1f}")
                table.writerow([run.command, run.size, run.frames, run.jobs, len(runs), *numbers])


def read_numbers(path: Path) -> list[Row]:
    """Read the numbers of those commands that have photos."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["command"], row["size"], int(row["frames"]), int(row["jobs"]),
                float(row["seconds"]), float(row["megabytes"]),
            )
            for row in csv.DictReader(file)
            if row["size"]
        ]  # fmt: skip


def draw(numbers: Path, plot: Path) -> None:
    """Draw time and memory side by side."""
    import matplotlib as mpl  # noqa: PLC0415 - slow, and its memory would count as that of every command

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    rows = read_numbers(numbers)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
    draw_time(left, rows)
    draw_memory(right, rows)
    figure.savefig(plot, dpi=150)
    plt.close(figure)


def series_of(rows: list[Row], command: str, size: str, jobs: int) -> list[Row]:
    """Return a command's rows of one size and number of threads, by number of frames."""
    found = [row for row in rows if (row.command, row.size, row.jobs) == (command, size, jobs)]
    return sorted(found, key=lambda row: row.frames)


def draw_time(axes: Axes, rows: list[Row]) -> None:
    """Draw seconds against the number of frames, with the bare decode as a line."""
    jobs = _usual_jobs(rows)
    for command, colour in COLOURS.items():
        for size, style in zip(_sizes(rows), STYLES, strict=False):
            line = series_of(rows, command, size, jobs)
            if len(line) > 1:
                words = f"{command}, {_megapixels(size)}"
                frames, seconds = [row.frames for row in line], [row.seconds for row in line]
                axes.plot(frames, seconds, style, color=colour, label=words, marker="" if command == DECODE else "o")
    axes.set(xlabel="frames", ylabel=f"seconds, {jobs} threads", xlim=0, ylim=0)
    _finish(axes)


def draw_memory(axes: Axes, rows: list[Row]) -> None:
    """Draw peak memory against the number of frames, and, by an axis of its own, against that of threads."""
    jobs = _usual_jobs(rows)
    for size, style in zip(_sizes(rows), STYLES, strict=False):
        line = series_of(rows, MAP, size, jobs)
        if line:
            axes.plot(
                [row.frames for row in line], [row.megabytes for row in line], style,
                color=COLOURS[MAP], marker="o", label=f"{MAP}, {_megapixels(size)}, {jobs} threads",
            )  # fmt: skip
    axes.set(xlabel="frames", ylabel="peak memory, MB", xscale="log")
    by_jobs = _by_jobs(rows)
    if by_jobs:
        above = axes.twiny()
        (line_of_jobs,) = above.plot(
            [row.jobs for row in by_jobs], [row.megabytes for row in by_jobs], "-s", color=_JOBS_COLOUR
        )
        above.set_xlabel("threads", color=_JOBS_COLOUR)
        above.set_xlim(0, max(row.jobs for row in by_jobs) + 1)
        line_of_jobs.set_label(f"{MAP}, {by_jobs[0].frames} frames, by threads")
        axes.plot([], [], "-s", color=_JOBS_COLOUR, label=line_of_jobs.get_label())
    axes.set_ylim(0)
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        # Below, where it covers no line.
        axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)


def _by_jobs(rows: list[Row]) -> list[Row]:
    """Return the rows of `map` on one set with different numbers of threads, the most there are."""
    sets = {(row.size, row.frames) for row in rows if row.command == MAP}
    found = [[row for row in rows if row.command == MAP and (row.size, row.frames) == one] for one in sorted(sets)]
    longest = max(found, key=len, default=[])
    return sorted(longest, key=lambda row: row.jobs) if len(longest) > 1 else []


def _usual_jobs(rows: list[Row]) -> int:
    """Return the number of threads that most was measured with."""
    return statistics.mode(row.jobs for row in rows) if rows else 0


def _sizes(rows: list[Row]) -> list[str]:
    """Return the sizes, that of most commands first."""
    sizes = [row.size for row in rows]
    return sorted(set(sizes), key=lambda size: (-sizes.count(size), size))


def _megapixels(size: str) -> str:
    width, height = map(int, size.split("x"))
    return f"{width * height / 1e6:.1f} megapixels"


def main() -> None:
    """Draw a plot from its numbers."""
    draw(Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
