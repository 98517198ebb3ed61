"""Part `scan`: what `scan` takes of time and memory for each photo of a large tree."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import sensormap
from benchmarks.costs import interleaved
from benchmarks.performance.sets import Plan, first, photos_of, read_all, repeated
from benchmarks.performance.targets import Outcome, Run, at_most, peak_of, seconds_of

FEW, MANY = 2_000, 20_000  # photos, of which only the headers are on the disk: scan reads no more
MOST_MS, MOST_KB = 5.0, 1.5  # 200 photos a second


def measure(plan: Plan) -> Outcome:
    """Scan a few photos, and many, in turn."""
    photos = photos_of(plan.main_set / "photos")
    heads = repeated(photos, plan.folder / "heads", MANY, heads=True)
    read_all(heads)
    runs = {Run("scan", plan.size, count, plan.jobs): folder for count, folder in _folders(plan, heads).items()}
    commands = {run: sensormap("scan", folder, "--json", "--jobs", plan.jobs) for run, folder in runs.items()}
    outcome = Outcome(costs=interleaved(commands, rounds=plan.rounds))
    seconds, megabytes = (
        [of(outcome.costs[run]) for run in runs] for of in (seconds_of, peak_of)
    )
    each = None if None in seconds else 1e3 * (seconds[1] or 0) / MANY
    further = None if None in megabytes else 1e3 * ((megabytes[1] or 0) - (megabytes[0] or 0)) / (MANY - FEW)
    outcome.targets += [
        at_most(f"scan of {MANY} photos, for each", each, MOST_MS, "ms"),
        at_most("scan, memory for a further photo", further, MOST_KB, "kB"),
    ]
    return outcome


def _folders(plan: Plan, heads: list[Path]) -> dict[int, Path]:
    """Return a folder of a few of the photos, and that of all."""
    return {FEW: first(heads, FEW, plan.folder / "few-heads"), MANY: heads[0].parent}
