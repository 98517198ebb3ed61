"""The new values of a photo's defective photosites, by any of the methods, rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.correct.methods.registry import DIRECTIONAL, INTERPOLATIONS, METHODS
from sensormap.correct.methods.targets import Targets

# Rounded half up, a little early: a mean that is half a DN in exact arithmetic may miss it by its last bits, and those
# differ between machines.
_HALF = 0.5 + 1e-6


@dataclass(frozen=True, eq=False)
class NewValues:
    """New values of N photosites.

    Parameters
    ----------
    values
        Values in DN, black included if the mosaic includes it, in the mosaic's type, ``(N,)``.
    unknown
        Whether each keeps the value it had, since it has no healthy photosite of its colour within `surround.REACH`,
        ``(N,)``.
    """

    values: NDArray[Any]
    unknown: NDArray[np.bool_]


def new_values(targets: Targets, method: str) -> NewValues:
    """Return the values that photosites should have.

    Parameters
    ----------
    targets
        The photosites.
    method
        One of `registry.METHODS`.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    if method not in METHODS:
        msg = f"method {method!r} is not one of {', '.join(METHODS)}"
        raise ValueError(msg)
    values = METHODS[method].load()(targets)
    unknown = np.isnan(values)
    rounded = np.floor(np.where(unknown, targets.recorded, values) + _HALF)
    return NewValues(rounded.astype(targets.mosaic.dtype), unknown)


def repair(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], targets: NDArray[Any], cfa: Cfa, *, method: str = DIRECTIONAL
) -> NewValues:
    """Return the values that photosites should have by what is around them alone.

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
        One of `registry.INTERPOLATIONS`.

    Raises
    ------
    ValueError
        If `method` is unknown, shapes disagree, a target lies outside, or `cfa` is that of a JPEG of an unknown camera.

    Examples
    --------
    >>> ramp = np.add.outer(np.arange(16), 10 * np.arange(16))
    >>> hot = ramp.copy()
    >>> hot[7, 8] = 4000
    >>> repair(hot, hot == 4000, np.array([[7, 8]]), Cfa("RGGB")).values.tolist(), int(ramp[7, 8])
    ([87], 87)
    """
    if method not in INTERPOLATIONS:
        msg = f"method {method!r} is not one of {', '.join(INTERPOLATIONS)}"
        raise ValueError(msg)
    places = np.asarray(targets, np.int64).reshape(-1, 2)
    return new_values(Targets(mosaic, defective, places, cfa), method)
