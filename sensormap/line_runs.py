"""Runs along lines: which of them are parts of one line, and which are but the shadow of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

# Beside a bad line three of eight neighbours are bad: their median moves by up to 0.4 of the effect, the other way.
_GHOST_SHARE = 0.6


@dataclass(frozen=True, order=True)
class Line:
    """A partial column or row of the active area.

    Parameters
    ----------
    axis
        Which of the two.
    place
        Its column, or its row.
    first, last
        Its rows, or its columns, both inclusive.
    phases
        Parities of the affected positions along the line; ``(0,)`` for a sensor without filters.
    effect
        Typical deviation in sigma of one frame, negative for dark: the mean of the phases' medians.
    score
        Size of the effect in robust standard deviations of equally long runs in the lines beside it.
    """

    axis: Literal["column", "row"]
    place: int
    first: int
    last: int
    phases: tuple[int, ...]
    effect: float
    score: float


def joined(runs: Sequence[Line], gap: int) -> list[Line]:
    """Return the runs with those of one line and sign joined that follow, or that share more than half of both.

    Parameters
    ----------
    runs
        Of one axis, in any order.
    gap
        Photosites of the raw grid that may lie between two runs of the same phases.
    """
    found: list[Line] = []
    for run in sorted(runs):
        for i, other in enumerate(found):
            if run.place != other.place or (run.effect < 0) != (other.effect < 0):
                continue
            overlap = shared(run, other)
            longer = max(run.last - run.first, other.last - other.first) + 1
            common = {*run.phases} & {*other.phases}
            if overlap >= -gap if run.phases == other.phases else overlap > (0 if common else longer / 2):
                phases = tuple(sorted({*run.phases, *other.phases}))
                first, last = min(run.first, other.first), max(run.last, other.last)
                found[i] = replace(other, phases=phases, first=first, last=last)
                break
        else:
            found.append(run)
    return found


def without_ghosts(lines: Sequence[Line], step: int) -> list[Line]:
    """Return the lines that stronger, opposite ones of their plane do not explain, be it beside or across them.

    Parameters
    ----------
    lines
        Of one axis, in any order.
    step
        Distance between same-plane neighbours.
    """
    kept: list[Line] = []
    for line in sorted(lines, key=lambda line: (-abs(line.effect), line)):
        alike = [other for other in kept if {*other.phases} & {*line.phases} and shared(line, other) > 0]
        beside = sum(
            abs(other.effect)
            for other in alike
            if abs(other.place - line.place) == step
            and (other.effect < 0) != (line.effect < 0)
            and 2 * shared(line, other) > line.last - line.first + 1
        )
        if abs(line.effect) >= _GHOST_SHARE * beside and all(other.place != line.place for other in alike):
            kept.append(line)
    return kept


def shared(line: Line, other: Line) -> int:
    """Return how many rows (columns) both have; negative, how many lie between them.

    Examples
    --------
    >>> shared(Line("row", 3, 10, 19, (0,), 1.0, 9.0), Line("row", 3, 15, 30, (0,), 1.0, 9.0))
    5
    """
    return min(line.last, other.last) - max(line.first, other.first) + 1
