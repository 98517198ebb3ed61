"""Part `scaling`: what a further frame costs, from few frames to many, and what a second thread saves."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml

from benchmarks.commands import bare_decode, mapping
from benchmarks.costs import interleaved
from benchmarks.performance.decoding import BY_LIBRAW, DECODE, LIBRAW_NO_FOLLOW, MAP, NO_FOLLOW
from benchmarks.performance.sets import Plan, first, photos_of, read_all, repeated, that_fit
from benchmarks.performance.targets import NOT_MEASURED, Costs, Outcome, Run, Target, seconds_of, times_faster

LEAST_BY_TWO = 1.85

# How far the cost of a further frame may be from the median of them all: times vary by a third between runs.
MOST_OFF = 0.15


@dataclass(frozen=True)
class Series:
    """Sets of one size, each the first frames of the next, the options of `map` for them, and what they are."""

    size: str
    folders: dict[int, Path]
    profile: tuple[str, ...]
    note: str


def measure(plan: Plan) -> Outcome:
    """Measure frames of the main size, then small ones, of which there is room for more."""
    outcome = Outcome()
    photos = photos_of(plan.main_set / "photos")
    outcome.add(_measure(plan, _series(plan, photos, plan.size), by_libraw=True))
    outcome.add(_threads(plan))
    small = photos_of(plan.generated(plan.small_size, plan.frames) / "photos")
    outcome.add(_measure(plan, _series(plan, small, plan.small_size), by_libraw=False))
    return outcome


def _series(plan: Plan, photos: Sequence[Path], size: str) -> Series:
    """Make the sets of one size, as long ones as the disk has room for."""
    unknown = size != plan.size
    folder = plan.folder / f"repeats-{size}-{plan.frames}"
    asked = plan.small_counts if unknown else plan.counts
    counts = that_fit(photos, asked, folder)
    note = f"{size}: {', '.join(map(str, counts))} frames, of {plan.frames} different ones, repeated"
    if len(counts) < len(asked):
        note += "; the disk has no room for more"
    long = repeated(photos, folder, max(counts), unknown=unknown)
    read_all(long)
    folders = {count: first(long, count, plan.folder / f"scaling-{size}-{count}") for count in counts}
    return Series(size, folders, () if unknown else plan.profile, note)


def _measure(plan: Plan, series: Series, *, by_libraw: bool) -> Outcome:
    """Run every command on every set in turn; nothing is warmed up, all files having been read."""
    commands, maps = {}, {}
    for count, folder in series.folders.items():
        run = {name: Run(name, series.size, count, plan.jobs) for name in (DECODE, NO_FOLLOW, MAP, LIBRAW_NO_FOLLOW)}
        maps[count] = plan.map_file(f"scaling-{series.size}-{count}")
        commands[run[DECODE]] = bare_decode(folder, plan.jobs)
        options = {MAP: (), NO_FOLLOW: ("--no-follow",), LIBRAW_NO_FOLLOW: ("--no-follow", *BY_LIBRAW)}
        if not by_libraw:
            del options[LIBRAW_NO_FOLLOW]
        for name, own in options.items():
            map_file = maps[count] if name == MAP else plan.map_file("scaling")
            commands[run[name]] = mapping(folder, map_file, plan.jobs, *series.profile, *own)
    costs = interleaved(commands, rounds=plan.rounds, warm_up=False)
    names = [NO_FOLLOW, *([LIBRAW_NO_FOLLOW] if by_libraw else [])]
    targets = [_constant(costs, [Run(name, series.size, n, plan.jobs) for n in series.folders]) for name in names]
    return Outcome([*targets, _all_counted(series.size, maps)], costs, notes=[series.note])


def _threads(plan: Plan) -> Outcome:
    """Run the first pass with one and with two threads in turn."""
    photos, map_file = plan.main_set / "photos", plan.map_file("threads")
    one, two = (Run(NO_FOLLOW, plan.size, plan.frames, jobs) for jobs in (1, 2))
    commands = {run: mapping(photos, map_file, run.jobs, *plan.profile, follow=False) for run in (one, two)}
    costs = interleaved(commands, rounds=plan.rounds)
    return Outcome([times_faster(f"{NO_FOLLOW}, two threads to one", costs[two], costs[one], LEAST_BY_TWO)], costs)


def rates(counts: Sequence[int], seconds: Sequence[float]) -> list[float]:
    """Return the seconds that a further frame takes, from each number of frames to the next.

    Examples
    --------
    >>> rates([20, 60, 200], [3.0, 7.0, 21.0])
    [0.1, 0.1]
    """
    pairs = zip(pairwise(counts), pairwise(seconds), strict=True)
    return [(later - earlier) / (more - fewer) for (fewer, more), (earlier, later) in pairs]


def _constant(costs: Costs, runs: Sequence[Run]) -> Target:
    """Return the target that a further frame costs the same however many there are."""
    counts = [run.frames for run in runs]
    words = f"{runs[0].command}, {runs[0].size}, {counts[0]} to {counts[-1]} frames: a further frame"
    asked = f"within {MOST_OFF:.0%}"
    seconds = [value for run in runs if (value := seconds_of(costs[run])) is not None]
    if len(seconds) < max(len(runs), 2):
        return Target(words, asked, NOT_MEASURED, met=False)
    found = rates(counts, seconds)
    middle = statistics.median(found)
    met = all(abs(rate - middle) <= MOST_OFF * middle for rate in found)
    return Target(words, asked, f"{', '.join(f'{1000 * rate:.0f}' for rate in found)} ms", met)


def _all_counted(size: str, maps: dict[int, Path]) -> Target:
    """Return the target that every frame was tallied: a scene that comes again at once is not, and costs less."""
    words = f"{size}: every frame counted"
    frames = {
        count: yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["frames"]
        for count, path in maps.items()
        if path.exists()
    }
    if len(frames) < len(maps):
        return Target(words, "all", NOT_MEASURED, met=False)
    left_out = {count: count - found["used"] + found["repeated"] for count, found in frames.items()}
    told = ", ".join(f"{lost} of {count} not" for count, lost in left_out.items() if lost)
    return Target(words, "all", told or "all", not told)
