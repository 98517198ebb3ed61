"""The value that a defective photosite should get, from healthy ones around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import PICTURE, Cfa
from sensormap.correct.methods.directional import predict
from sensormap.correct.methods.surround import Surround, green_rings, same_plane_rings, surroundings

DIRECTIONAL = "directional"
"""The default: predicted from all colours around, by what goes together in this very photo."""

METHODS = (DIRECTIONAL, "mean", "median", "dcraw", "weighted8")

# Rounded half up, a little early: a mean that is half a DN in exact arithmetic may miss it by its last bits, and those
# differ between machines.
_HALF = 0.5 + 1e-6


@dataclass(frozen=True)
class NewValues:
    """What N photosites should be.

    Parameters
    ----------
    values
        In DN, in the type of the mosaic, ``(N,)``.
    unknown
        Which have no healthy photosite of their colour within `surround.REACH`, and keep the value they had, ``(N,)``.
    """

    values: NDArray[Any]
    unknown: NDArray[np.bool_]


def repair(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[Any], cfa: Cfa, *, method: str = DIRECTIONAL
) -> NewValues:
    """Return the values that some photosites should have.

    Parameters
    ----------
    mosaic
        The active area in DN, ``(H, W)``, of any integer type; whether black is subtracted does not matter.
    defective
        Everything mapped, ``(H, W)``: never a source. Neither is a target, whether it is in here or not.
    targets
        Rows and columns of the photosites to repair, ``(N, 2)``; their order does not matter.
    cfa
        Filter pattern as read from the corner of `mosaic`.
    method
        One of `METHODS`; `mean`, `median` and `weighted8` take the nearest healthy of the same plane, `dcraw` those of
        the same colour, `directional` is `prediction.predict`.

    Raises
    ------
    ValueError
        If `method` is unknown, shapes disagree, a target lies outside, or `cfa` is that of a picture.

    Examples
    --------
    >>> ramp = np.add.outer(np.arange(16), 10 * np.arange(16))
    >>> hot = ramp.copy()
    >>> hot[7, 8] = 4000
    >>> repair(hot, hot == 4000, np.array([[7, 8]]), Cfa("RGGB")).values.tolist(), int(ramp[7, 8])
    ([87], 87)
    """
    targets = _checked(mosaic, defective, targets, cfa, method)
    rows, cols = targets.T
    unhealthy = defective.copy()
    unhealthy[rows, cols] = True
    values = np.full(len(targets), np.nan)
    if method == "dcraw":
        for places, rings in _rings_by_colour(targets, cfa):
            _fill(values, places, (mosaic, unhealthy, targets, rings), Surround.mean)
    elif method == DIRECTIONAL:
        values = predict(mosaic, unhealthy, targets, cfa.step)
    else:
        _fill(values, np.arange(len(targets)), (mosaic, unhealthy, targets, same_plane_rings(cfa.step)), _MEANS[method])
    unknown = np.isnan(values)
    rounded = np.floor(np.where(unknown, mosaic[rows, cols], values) + _HALF)
    return NewValues(rounded.astype(mosaic.dtype), unknown)


def _weighted8(surround: Surround) -> NDArray[np.float64]:
    """Weigh by one over the squared distance: of the eight nearest the diagonal ones have half the weight."""
    return surround.weighted(surround.distance2.min() / surround.distance2)


_MEANS: dict[str, Callable[[Surround], NDArray[np.float64]]] = {
    "mean": Surround.mean,
    "median": Surround.median,
    "weighted8": _weighted8,
}

_Sources = tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.int64], list[NDArray[np.int64]]]


def _fill(
    values: NDArray[np.float64],
    places: NDArray[np.intp],
    sources: _Sources,
    reduce: Callable[[Surround], NDArray[np.float64]],
) -> None:
    """Fill the values of some targets with what `reduce` makes of their surround."""
    mosaic, unhealthy, targets, rings = sources
    for found, surround in surroundings(mosaic, unhealthy, targets[places], rings):
        values[places[found]] = reduce(surround)


def _rings_by_colour(targets: NDArray[np.int64], cfa: Cfa) -> list[tuple[NDArray[np.intp], list[NDArray[np.int64]]]]:
    """Split targets into greens, which have neighbours in two planes, and the rest."""
    greens = [plane.name.startswith("G") for plane in cfa.planes]
    step = cfa.step
    green = np.array(greens)[targets[:, 0] % step * step + targets[:, 1] % step]
    return [(np.flatnonzero(green), green_rings()), (np.flatnonzero(~green), same_plane_rings(step))]


def _checked(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[Any], cfa: Cfa, method: str
) -> NDArray[np.int64]:
    """Refuse what cannot be repaired, and return the targets as integers."""
    if method not in METHODS:
        msg = f"method {method!r} is not one of {', '.join(METHODS)}"
        raise ValueError(msg)
    if cfa.name == PICTURE:
        msg = "a mosaic is needed, not a picture"
        raise ValueError(msg)
    places = np.asarray(targets, np.int64).reshape(-1, 2)
    if mosaic.ndim != 2 or defective.shape != mosaic.shape:
        msg = f"shapes {mosaic.shape} of the mosaic and {defective.shape} of the mask, expected the same (H, W)"
        raise ValueError(msg)
    if places.size and (places.min() < 0 or (places >= mosaic.shape).any()):
        msg = f"a target lies outside the mosaic of shape {mosaic.shape}"
        raise ValueError(msg)
    return places
