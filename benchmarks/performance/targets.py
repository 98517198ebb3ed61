"""Targets: what was asked, what was measured, and whether it holds; and everything else that a part of a run yields."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.costs import Cost, ratios
from benchmarks.judging import Finding

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Run:
    """What was run.

    Attributes
    ----------
    command
        Its name, such as ``map --no-follow``.
    size
        Of the photos, such as ``3904x2616``; "" where there are none.
    frames, jobs
        How many photos and threads; 0 where there are none.
    """

    command: str
    size: str = ""
    frames: int = 0
    jobs: int = 0

    def __str__(self) -> str:
        if not self.size:
            return self.command
        return f"{self.frames} photos of {self.size}, {self.jobs} job{'s' if self.jobs > 1 else ''}: {self.command}"


Costs = dict[Run, list[Cost]]


@dataclass(frozen=True)
class Target:
    """One target: in words, what was asked, what was measured, and whether it is met."""

    words: str
    asked: str
    measured: str
    met: bool


@dataclass
class Outcome:
    """What one part of the suite measured, or all of them together."""

    targets: list[Target] = field(default_factory=list)
    costs: Costs = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take up what another part measured; what both ran has the runs of both."""
        self.targets += other.targets
        self.findings += other.findings
        self.notes += other.notes
        for run, costs in other.costs.items():
            self.costs[run] = self.costs.get(run, []) + costs


def seconds_of(costs: Sequence[Cost]) -> float | None:
    """Return the median time of some runs; None where there are none."""
    return statistics.median(cost.seconds for cost in costs) if costs else None


def peak_of(costs: Sequence[Cost]) -> float | None:
    """Return the highest peak of some runs in megabytes; None where there are none."""
    return max((cost.megabytes for cost in costs), default=None)


def at_most(words: str, value: float | None, limit: float, unit: str) -> Target:
    """Return a target for a number in a unit."""
    places = 0 if unit == "MB" else 2
    measured = NOT_MEASURED if value is None else f"{value:.{places}f} {unit}"
    return Target(words, f"at most {limit:g} {unit}", measured, value is not None and value <= limit)


def share_of(words: str, costs: Sequence[Cost], others: Sequence[Cost], limit: float) -> Target:
    """Return a target for the time of one command as a share of another's."""
    found = ratios(costs, others)
    return Target(words, f"at most {limit:.2f} x", _spread(found), bool(found) and statistics.median(found) <= limit)


def times_faster(words: str, costs: Sequence[Cost], others: Sequence[Cost], least: float) -> Target:
    """Return a target for how many times as long the other command takes."""
    found = ratios(others, costs)
    return Target(words, f"at least {least:.2f} x", _spread(found), bool(found) and statistics.median(found) >= least)


def _spread(found: Sequence[float]) -> str:
    """Return the median and the range of some ratios."""
    if not found:
        return NOT_MEASURED
    return f"{statistics.median(found):.2f} x ({min(found):.2f} to {max(found):.2f})"
