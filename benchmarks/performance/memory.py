"""Part `memory`: the most memory that `map`, both passes, holds at once, by threads, number and size of frames."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from benchmarks.commands import mapping
from benchmarks.costs import interleaved
from benchmarks.performance.decoding import MAP
from benchmarks.performance.sets import Plan, first, photos_of, repeated, that_fit
from benchmarks.performance.targets import NOT_MEASURED, Costs, Outcome, Run, Target, at_most, peak_of

JOBS = (1, 2, 4, 8)
MOST_MB, MOST_MB_A_JOB = 500.0, 60.0
MOST_GROWTH, MOST_LARGE = 1.05, 4.5
_MB = "MB"


def measure(plan: Plan) -> Outcome:
    """Run `map` with more threads, with more frames, and with larger ones."""
    photos = photos_of(plan.main_set / "photos")
    map_file = plan.map_file("memory")

    def command(count: int, jobs: int) -> list[str]:
        folder = first(long, count, plan.folder / f"first{count}")
        return mapping(folder, map_file, jobs, *plan.profile)

    repeats = plan.folder / f"repeats-{plan.size}-{plan.frames}"
    longest = max(that_fit(photos, plan.counts, repeats), default=plan.frames)
    long = repeated(photos, repeats, max(longest, plan.frames))
    few, many = (Run(MAP, plan.size, count, plan.jobs) for count in (plan.large_frames, longest))
    large = Run(MAP, plan.large_size, plan.large_frames, plan.jobs)
    by_jobs = [Run(MAP, plan.size, plan.frames, jobs) for jobs in sorted({*JOBS, plan.jobs})]
    commands = {run: command(run.frames, run.jobs) for run in (*by_jobs, few, many)}
    commands[large] = mapping(_large(plan), map_file, plan.jobs)
    # No memory is warm: the first round counts.
    costs = interleaved(commands, rounds=plan.rounds, warm_up=False)
    usual = next(run for run in by_jobs if run.jobs == plan.jobs)
    more = by_jobs[by_jobs.index(usual) :]
    return Outcome(
        [
            at_most(f"{usual}, peak memory", peak_of(costs[usual]), MOST_MB, _MB),
            at_most(f"{MAP}, memory of a further job", _a_job(costs, more), MOST_MB_A_JOB, _MB),
            _times(f"{MAP} of {longest} frames, peak to that of {plan.frames}", costs, many, usual, MOST_GROWTH),
            _times(f"{MAP} of {plan.large_size}, peak to that of {plan.size}", costs, large, few, MOST_LARGE),
        ],
        costs,
    )


def _large(plan: Plan) -> Path:
    """Return the folder of large frames of a camera that nothing is known of."""
    photos = photos_of(plan.generated(plan.large_size, plan.large_frames) / "photos")
    folder = plan.folder / f"unknown-{plan.large_size}-{plan.large_frames}"
    repeated(photos, folder, plan.large_frames, unknown=True)
    return folder


def _a_job(costs: Costs, by_jobs: list[Run]) -> float | None:
    """Return the most that a job beyond the usual ones adds, among the steps from one number of jobs to the next."""
    peaks = [(run.jobs, peak_of(costs[run])) for run in by_jobs]
    steps = [
        (peak - before) / (jobs - fewer)
        for (fewer, before), (jobs, peak) in pairwise(peaks)
        if peak is not None and before is not None
    ]
    return max(steps) if len(steps) == len(peaks) - 1 else None


def _times(words: str, costs: Costs, one: Run, other: Run, limit: float) -> Target:
    """Return a target for a peak as a multiple of another."""
    peak, base = peak_of(costs[one]), peak_of(costs[other])
    # The disk may have no room for more photos than the usual ones.
    if peak is None or base is None or one == other:
        return Target(words, f"at most {limit:.2f} x", NOT_MEASURED, met=False)
    return Target(words, f"at most {limit:.2f} x", f"{peak / base:.2f} x ({peak:.0f} MB)", peak <= limit * base)
