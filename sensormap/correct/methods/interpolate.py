"""Interpolation of a photosite from the nearest healthy ones of its colour, whatever lies farther away.

The nearest are those of the first square around it that has any: the eight beside it, else the sixteen around these,
and so on, up to `surround.REACH`. Of X-Trans sensors they are the eight of its colour that the photosite is compared
with in detection, else the sixteen nearest others, else all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.methods.surround import Surround, green_rings, same_colour, same_plane_rings, surroundings
from sensormap.correct.methods.targets import Targets


def mean(targets: Targets) -> NDArray[np.float64]:
    """Return the mean of the nearest healthy photosites of the same plane, in DN, ``(N,)``; NaN where there is none."""
    return _from_plane(targets, Surround.mean)


def median(targets: Targets) -> NDArray[np.float64]:
    """Return the median of the nearest healthy photosites of the same plane, in DN, ``(N,)``; NaN where none is."""
    return _from_plane(targets, Surround.median)


def weighted8(targets: Targets) -> NDArray[np.float64]:
    """Return the mean of the nearest healthy ones of the same plane, weighted by one over the squared distance.

    Of the eight nearest the diagonal ones have half the weight, as in the single-pixel correction script. In DN,
    ``(N,)``; NaN where there is none.
    """
    return _from_plane(targets, lambda surround: surround.weighted(surround.distance2.min() / surround.distance2))


def dcraw(targets: Targets) -> NDArray[np.float64]:
    """Return the mean of the nearest healthy ones of the same colour, in DN, ``(N,)``; NaN where there is none.

    Greens have the four diagonal ones, which are of the other green plane.
    """
    cfa, values = targets.cfa, np.full(len(targets.places), np.nan)
    if cfa.is_xtrans:  # whose greens are of one kind to dcraw
        return mean(targets)
    greens = np.array([plane.name.startswith("G") for plane in cfa.planes])
    phase = targets.places % cfa.step
    green = greens[phase[:, 0] * cfa.step + phase[:, 1]]
    _fill(values, np.flatnonzero(green), targets, green_rings(), Surround.mean)
    _fill(values, np.flatnonzero(~green), targets, same_plane_rings(cfa.step), Surround.mean)
    return values


def _from_plane(targets: Targets, reduce: Callable[[Surround], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return what `reduce` makes of the nearest of the same plane."""
    values = np.full(len(targets.places), np.nan)
    for found, surround in same_colour(targets.mosaic, targets.unhealthy, targets.places, targets.cfa):
        values[found] = reduce(surround)
    return values


def _fill(
    values: NDArray[np.float64],
    some: NDArray[np.intp],
    targets: Targets,
    rings: list[NDArray[np.int64]],
    reduce: Callable[[Surround], NDArray[np.float64]],
) -> None:
    """Fill the values of some targets with what `reduce` makes of their surround."""
    for found, surround in surroundings(targets.mosaic, targets.unhealthy, targets.places[some], rings):
        values[some[found]] = reduce(surround)
