"""Where lines are followed: photosites along each, along the lines on either side, and about its ends.

A line is compared with the lines beside it, frame by frame, and what chance and scenery make is read from lines a
little further away. Photosites are taken at places that hardly depend on where a line ends: what the leading frames
list and what all frames show in the end have most of them in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.lines import DeviatingLine

NEAR = (-6, -5, -4, -3, 3, 4, 5, 6)
"""Distances of the lines near by, in lines of a plane: nearer ones are what the line itself is compared with."""

BESIDE = 2
"""Lines of a plane on either side that each line is compared with."""

REACH = NEAR[-1] + BESIDE
"""Lines of a plane on either side that are looked at."""

ENDS = 32
"""Photosites on either side of an end, where it is looked for."""

MOST_LINES = 64
"""Lines that are followed, those of the highest score; the others are dropped."""

# Photosites of a line and of each beside it, by plane, and of all lines together: they take memory in every frame.
_SAMPLED, _SAMPLED_IN_ALL = 64, 24_000

# Lines whose ends are looked for, those of the highest score.
_WITH_ENDS = 32


@dataclass(frozen=True, eq=False)
class LineSites:
    """Photosites along some lines, beside them, and about their ends.

    Parameters
    ----------
    lines
        The lines, sorted.
    beside
        Positions ``row * W + col`` in the active area along each line and the lines on either side, int64, one array of
        shape ``(2 REACH + 1, sampled)`` a line: the line itself is in the middle.
    ends
        Positions about its first and its last photosite, from the start of the line on: two arrays a line, int64, both
        empty of lines whose ends are not looked for.
    along
        Row, or column, of the photosites of `ends`.
    """

    lines: tuple[DeviatingLine, ...]
    beside: tuple[NDArray[np.int64], ...]
    ends: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    along: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]

    @staticmethod
    def of(
        lines: Sequence[DeviatingLine], shape: tuple[int, int], step: int, *, every_plane: bool = False
    ) -> LineSites:
        """Choose the photosites of lines.

        Parameters
        ----------
        lines
            Lines of the active area, from `lines.find_lines`.
        shape
            ``(H, W)`` of the active area.
        step
            Distance between same-plane neighbours.
        every_plane
            Whether all planes along a line are listed, since it is not known yet which of them deviate.
        """
        ranked = sorted(lines, key=lambda line: (-line.score, line))[:MOST_LINES]
        with_ends, kept = {*ranked[:_WITH_ENDS]}, sorted(ranked)
        most = max(min(_SAMPLED, _SAMPLED_IN_ALL // ((2 * REACH + 1) * step * max(len(kept), 1))), 1)
        beside, ends, places = [], [], []
        for line in kept:
            phases = tuple(range(step)) if every_plane else line.phases
            width, (length, number) = shape[1], shape if line.axis == "column" else shape[::-1]
            by_along, by_across = (width, 1) if line.axis == "column" else (1, width)
            along = np.arange(line.first, line.last + 1)
            along = along[np.isin(along % step, phases)]
            across = _lines_beside(line.place, number, step)
            beside.append(by_along * _thinned(along, most, step) + by_across * across[:, np.newaxis])
            about = tuple(
                _of_phases(max(end - ENDS, 0), min(end + ENDS, length - 1), phases, step)
                if line in with_ends
                else np.empty(0, np.int64)
                for end in (line.first, line.last)
            )
            places.append((about[0], about[1]))
            at = by_across * line.place
            ends.append((by_along * about[0] + at, by_along * about[1] + at))
        return LineSites(tuple(kept), tuple(beside), tuple(ends), tuple(places))

    @property
    def photosites(self) -> NDArray[np.int64]:
        """All positions, line by line: those of `beside`, then of both `ends`."""
        parts = [np.empty(0, np.int64)]
        for beside, ends in zip(self.beside, self.ends, strict=True):
            parts += [beside.ravel(), *ends]
        return np.concatenate(parts)

    def slices(self) -> list[tuple[slice, slice, slice]]:
        """Return where in `photosites` each line's are: those of `beside`, and of its first and its last end."""
        found, start = [], 0
        for beside, ends in zip(self.beside, self.ends, strict=True):
            own = []
            for part in (beside, *ends):
                own.append(slice(start, start + part.size))
                start += part.size
            found.append((own[0], own[1], own[2]))
        return found


def _of_phases(first: int, last: int, phases: Sequence[int], step: int) -> NDArray[np.int64]:
    along = np.arange(first, last + 1)
    return along[np.isin(along % step, phases)]


def _thinned(along: NDArray[np.int64], most: int, step: int) -> NDArray[np.int64]:
    """Return at most so many of each plane, one of every 2, 4, 8 ... counted from the sensor's border."""
    every = 1
    while np.unique(along // step // every).size > most:
        every *= 2
    kept = along[along // step % every == 0]
    return kept if kept.size else along[:1]


def _lines_beside(place: int, number: int, step: int) -> NDArray[np.int64]:
    """Return the lines of one plane about a place; beyond the border those of the other side take their place."""
    across = place + step * np.arange(-REACH, REACH + 1)
    last = place + (number - 1 - place) // step * step
    across = np.where((across < 0) | (across > last), 2 * place - across, across)
    return np.asarray(np.clip(across, place % step, last), np.int64)
