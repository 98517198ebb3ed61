"""The nearest healthy photosites of one colour around each of a list of photosites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa, Lattice, step_of

REACH = 16
"""Photosites, in rows and columns, within which healthy ones are looked for: eight steps of a Bayer plane."""

_AT_ONCE = 65_536  # photosites times neighbours: some megabytes, whatever the length of the list


@dataclass(frozen=True)
class Surround:
    """Around each of N photosites, up to n of its nearest healthy ones of one colour.

    Parameters
    ----------
    values
        Values of the n in DN, ``(N, n)`` float64; arbitrary where not `known`.
    known
        Whether each of the n is healthy and on the grid, ``(N, n)``.
    distance2
        Their squared distance in photosites, ``(n,)``.
    """

    values: NDArray[np.float64]
    known: NDArray[np.bool_]
    distance2: NDArray[np.int64]

    def mean(self) -> NDArray[np.float64]:
        """Return each mean, ``(N,)``."""
        return self.weighted(np.ones(self.distance2.size))

    def weighted(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each weighted mean, ``(N,)``.

        Parameters
        ----------
        weights
            Weights of the n, ``(n,)``; those of unknown ones do not count.
        """
        share = self.known * weights
        return np.asarray((share * self.values).sum(axis=1) / share.sum(axis=1), np.float64)

    def median(self) -> NDArray[np.float64]:
        """Return each median, ``(N,)``."""
        ordered = np.sort(np.where(self.known, self.values, np.inf), axis=1)
        count = self.known.sum(axis=1)
        middle = np.stack([(count - 1) // 2, count // 2], axis=1)
        return np.asarray(np.take_along_axis(ordered, middle, axis=1).mean(axis=1), np.float64)

    def range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each lowest and highest value, ``(N,)`` both."""
        lowest = np.where(self.known, self.values, np.inf).min(axis=1)
        return lowest, np.where(self.known, self.values, -np.inf).max(axis=1)


def same_plane_rings(step: int) -> list[NDArray[np.int64]]:
    """Return row and column offsets of a plane's photosites, ``(n, 2)``: the eight nearest, the sixteen around, ...

    Parameters
    ----------
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.

    Examples
    --------
    >>> same_plane_rings(2)[0].tolist()
    [[-2, -2], [-2, 0], [-2, 2], [0, -2], [0, 2], [2, -2], [2, 0], [2, 2]]
    """
    return [step * _ring(radius) for radius in range(1, REACH // step + 1)]


@cache
def colour_rings(cfa: Cfa, place: int) -> list[NDArray[np.int64]]:
    """Return offsets of same-colour photosites around those of one place of an X-Trans pattern, ``(n, 2)``.

    Those that one is compared with, the sixteen nearest others, and all farther ones within `REACH`.

    Parameters
    ----------
    cfa
        X-Trans pattern as read from the corner of the mosaic.
    place
        Number of the place in ``cfa.planes``.

    Examples
    --------
    >>> [len(ring) for ring in colour_rings(Cfa("GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG"), 0)][:2]
    [8, 16]
    """
    plane = cfa.planes[place]
    own, first = cfa.letter(plane.row, plane.col), list(dict.fromkeys(cfa.neighbours[place]))
    offsets = np.concatenate([_ring(radius) for radius in range(1, REACH + 1)])
    alike = [cfa.letter(plane.row + down, plane.col + right) == own for down, right in offsets.tolist()]
    others = [one for one in offsets[alike].tolist() if tuple(one) not in first]
    others.sort(key=lambda one: one[0] ** 2 + one[1] ** 2)
    return [np.array(ring, np.int64) for ring in (first, others[:16], others[16:])]


def same_colour(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[np.int64], lattice: Lattice
) -> Iterator[tuple[NDArray[np.intp], Surround]]:
    """Yield positions in `targets`, and their surround of the same plane, or of X-Trans of the same colour.

    Parameters
    ----------
    mosaic, defective, targets
        As for `surroundings`.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the corner of `mosaic`.
    """
    if isinstance(lattice, int) or not lattice.is_xtrans:
        yield from surroundings(mosaic, defective, targets, same_plane_rings(step_of(lattice)))
        return
    for place, own in by_place(targets, lattice.step):
        for found, surround in surroundings(mosaic, defective, targets[own], colour_rings(lattice, place)):
            yield own[found], surround


def by_place(targets: NDArray[np.int64], step: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each place of the pattern that some targets have, by its number row by row, and which those are."""
    place = targets[:, 0] % step * step + targets[:, 1] % step
    for number in np.unique(place).tolist():
        yield number, np.flatnonzero(place == number)


def green_rings() -> list[NDArray[np.int64]]:
    """Return offsets of the greens of both planes around a green one: the four diagonal ones first.

    Examples
    --------
    >>> green_rings()[0].tolist()
    [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    """
    rings = [_ring(radius) for radius in range(1, REACH + 1)]
    return [ring[ring.sum(axis=1) % 2 == 0] for ring in rings]


def surroundings(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[np.int64], rings: list[NDArray[np.int64]]
) -> Iterator[tuple[NDArray[np.intp], Surround]]:
    """Yield positions in `targets`, and their surround: for each the first of `rings` that has a healthy photosite.

    Parameters
    ----------
    mosaic
        Values in DN, ``(H, W)``, of any type.
    defective
        Mask of the photosites that count as unknown, ``(H, W)``.
    targets
        Rows and columns, ``(N, 2)``; those without a healthy photosite in any ring never come.
    rings
        Row and column offsets, ``(n, 2)`` each.
    """
    waiting = np.arange(len(targets))
    for ring in rings:
        missed = []
        size = max(_AT_ONCE // len(ring), 1)
        for first in range(0, waiting.size, size):
            places = waiting[first : first + size]
            surround = _look(mosaic, defective, targets[places], ring)
            found = surround.known.any(axis=1)
            missed.append(places[~found])
            if found.any():
                yield places[found], Surround(surround.values[found], surround.known[found], surround.distance2)
        waiting = np.concatenate(missed) if missed else waiting[:0]


def _ring(radius: int) -> NDArray[np.int64]:
    """Return the offsets on the square of this radius, row by row."""
    across = np.arange(-radius, radius + 1)
    offsets = np.stack(np.meshgrid(across, across, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(offsets[np.abs(offsets).max(axis=1) == radius], np.int64)


def _look(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[np.int64], ring: NDArray[np.int64]
) -> Surround:
    """Return what lies at the offsets of one ring."""
    rows, cols = np.moveaxis(targets[:, None] + ring, -1, 0)
    height, width = mosaic.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    rows, cols = np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)
    values = mosaic[rows, cols].astype(np.float64)
    return Surround(values, inside & ~defective[rows, cols], (ring**2).sum(axis=1))
