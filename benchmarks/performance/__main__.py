"""Whether the targets of time and memory hold: ``python -m benchmarks.performance.__main__ --scenes FOLDER``.

Everything that is compared is run side by side, in turn, on the same generated photos, whose files are in the page
cache. Prints one table of targets, then what every command cost, then what maps and other programs found. Exits with 1
where a target is missed, at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.commands import mapping
from benchmarks.costs import interleaved
from benchmarks.judging import finding_lines
from benchmarks.performance import decoding, engines, kills, known, memory, peers, scaling, scan, start, variance
from benchmarks.performance.plot import draw, write_numbers
from benchmarks.performance.sets import D80, Plan
from benchmarks.performance.targets import NOT_MEASURED, Costs, Outcome, Target

PARTS: dict[str, Callable[[Plan], Outcome]] = {
    "decode": decoding.measure,
    "peers": peers.measure,
    "variance": variance.measure,
    "memory": memory.measure,
    "scaling": scaling.measure,
    "start": start.measure,
    "scan": scan.measure,
    "engines": engines.measure,
    "kills": kills.measure,
    "known": known.measure,
}
LIBRARIES = ("rawpy", "numba", "numpy", "opencv-python-headless")


def measured(plan: Plan, parts: Sequence[str]) -> Outcome:
    """Run some parts; one that breaks is told as a missed target, and the others are run all the same."""
    outcome = Outcome()
    _compile(plan)
    for part in parts:
        print(f"measuring: {part}", file=sys.stderr)
        try:
            outcome.add(PARTS[part](plan))
        except (OSError, ValueError, LookupError, subprocess.CalledProcessError) as error:
            traceback.print_exc()
            outcome.targets.append(Target(f"{part}: {error}", "all of it", NOT_MEASURED, met=False))
    return outcome


def _compile(plan: Plan) -> None:
    """Map the main set once, raw photos and JPEGs, so that all is compiled and the photos are in the page cache."""
    folder, map_file = plan.main_set, plan.map_file("uncounted")
    photos = [folder / name for name in ("photos", "jpegs")]
    interleaved({path: mapping(path, map_file, plan.jobs, *plan.profile) for path in photos}, rounds=1, warm_up=False)


def target_lines(targets: Sequence[Target]) -> list[str]:
    """Return the table of targets."""
    rows = [("target", "asked", "measured", "")]
    rows += [(target.words, target.asked, target.measured, "met" if target.met else "MISSED") for target in targets]
    return _aligned(rows, "<<<<")


def cost_lines(costs: Costs) -> list[str]:
    """Return the table of what every command cost: medians of time, and the highest peak."""
    rows = [("command", "seconds", "range", "of processors", "peak MB", "runs")]
    for run, runs in costs.items():
        if not runs:
            rows.append((str(run), "failed", "", "", "", "0"))
            continue
        seconds = [cost.seconds for cost in runs]
        processor = statistics.median(cost.processor_seconds for cost in runs)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        peak = max(cost.megabytes for cost in runs)
        middle = statistics.median(seconds)
        rows.append((str(run), f"{middle:.2f}", spread, f"{processor:.2f}", f"{peak:.0f}", str(len(runs))))
    return _aligned(rows, "<>>>>>")


def _aligned(rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Return rows as lines of text, each column as wide as its longest entry."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return [f"  {form.format(*row)}".rstrip() for row in rows]


def machine() -> str:
    """Return what this was measured with."""
    found = []
    for library in LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"no {library}")
    return f"{os.cpu_count()} processors, Python {platform.python_version()}, {', '.join(found)}"


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--only", default=",".join(PARTS), help="parts to run, with commas between: %(default)s")
    add("--scenes", type=Path, help="folder of photographs; without it painted scenes")
    add("--seed", type=int, default=611)
    add("--keep", type=Path, help="folder to keep sets and maps in; sets that are there are used as they are")
    add("--rounds", type=int, default=3, help="counted runs of each command (%(default)s)")
    add("--jobs", type=int, default=2, help="threads (%(default)s)")
    add("--frames", type=int, default=60, help="of the main set; fewer than 33 make long series repeat (%(default)s)")
    add("--size", default=D80, help="of its frames; the targets are those of %(default)s")
    add("--counts", type=int, nargs="+", default=[20, 60, 200, 600], help="frames of the series of that size")
    add("--small-size", default="1936x1296", help="of the longest series (%(default)s)")
    add("--small-counts", type=int, nargs="+", default=[20, 60, 200, 600, 2000], help="frames of those series")
    add("--large-size", default="8256x5504", help="of the large frames, for memory (%(default)s)")
    add("--large-frames", type=int, default=8, help="how many (%(default)s)")
    add("--engine-frames", type=int, default=180, help="of the parts engines and kills (%(default)s)")
    add("--kills", type=int, default=5, help="runs that are killed (%(default)s)")
    add("--plot", type=Path, help="PNG file to draw; the numbers behind it are written beside it, as CSV")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    if unknown := set(arguments.only) - set(PARTS):
        parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {', '.join(PARTS)}")
    return arguments


def plan_of(arguments: argparse.Namespace, scratch: str) -> Plan:
    """Return what the arguments ask to measure."""
    return Plan(
        folder=(arguments.keep or Path(scratch)).resolve(),
        scenes=arguments.scenes,
        seed=arguments.seed,
        size=arguments.size,
        frames=arguments.frames,
        jobs=arguments.jobs,
        rounds=arguments.rounds,
        counts=tuple(sorted(arguments.counts)),
        small_size=arguments.small_size,
        small_counts=tuple(sorted(arguments.small_counts)),
        large_size=arguments.large_size,
        large_frames=arguments.large_frames,
        engine_frames=arguments.engine_frames,
        kills=arguments.kills,
    )


def main() -> None:
    """Measure, print, draw."""
    arguments = parse()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = measured(plan_of(arguments, scratch), arguments.only)
    print(machine())
    print(f"rounds: {arguments.rounds}; medians, with the range of the ratios in brackets\n")
    print("\n".join(target_lines(outcome.targets)))
    print("\n".join(["", *cost_lines(outcome.costs), *(f"  {note}" for note in outcome.notes)]))
    print("\n".join(["", *finding_lines(outcome.findings)]))
    if arguments.plot:
        numbers = arguments.plot.with_suffix(".csv")
        write_numbers(outcome.costs, numbers)
        draw(numbers, arguments.plot)
    sys.exit(not all(target.met for target in outcome.targets))


if __name__ == "__main__":
    main()
