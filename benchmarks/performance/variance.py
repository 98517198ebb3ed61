"""Part `variance`: mean and variance of JPEGs beside the running-variance script, over few photos and over many."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.commands import measuring_variance, running_variance
from benchmarks.costs import interleaved
from benchmarks.performance.peers import SCRIPT, SINGLE
from benchmarks.performance.sets import Plan
from benchmarks.performance.targets import Costs, Outcome, Run, times_faster

VARIANCE = "variance of the JPEGs"
LEAST = 4.0
LOWEST = 10  # values that both print
FEW = (4, 12)  # photos, beside all


def measure(plan: Plan) -> Outcome:
    """Run both in turn, over the first few photos and over all, with as many threads as processes."""
    pictures = sorted((plan.main_set / "jpegs").iterdir())
    outcome = Outcome()
    for count in sorted({*FEW, len(pictures)}):
        folder = _linked(pictures[:count], plan.folder / f"variance-{count}")
        points = folder.with_suffix(".csv")
        jobs = {VARIANCE: plan.jobs, SCRIPT: plan.jobs, SINGLE: 1}
        ours, script, single = (Run(name, plan.size, count, number) for name, number in jobs.items())
        costs: Costs = interleaved(
            {
                ours: measuring_variance(folder, plan.jobs, "--lowest", LOWEST, *plan.profile),
                script: running_variance(folder, points, plan.jobs, "--lowest", LOWEST),
                single: running_variance(folder, points, 1, "--lowest", LOWEST),
            },
            rounds=plan.rounds,
        )
        words = f"{VARIANCE}, {count} photos, faster than {SCRIPT}, {plan.jobs} processes"
        outcome.add(Outcome([times_faster(words, costs[ours], costs[script], LEAST)], costs))
    return outcome


def _linked(pictures: list[Path], folder: Path) -> Path:
    """Return a folder of some pictures."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for picture in pictures:
        (folder / picture.name).hardlink_to(picture)
    return folder
