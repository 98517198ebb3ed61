"""From the decoder's numbers to a mosaic: black subtracted, signed, as narrow as it can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.frame import NARROW


def subtract_black(
    values: NDArray[np.uint16], cfa: Cfa, black_level: tuple[int, ...], *, area: Rect, bits: int
) -> NDArray[np.int16] | NDArray[np.int32]:
    """Return a mosaic with the black level of each plane subtracted.

    Parameters
    ----------
    values
        Photosites on the raw grid, shape ``(H, W)``, in DN.
    cfa
        Filter pattern from raw-grid (0, 0).
    black_level
        DN of no light, one per plane in the order of ``cfa.planes``.
    area
        The active area.
    bits
        Bits of a photosite; no value in `area` has more.

    Returns
    -------
    ndarray of int16 or int32, shape (H, W)
        Values below black are negative. Outside `area` it may be uninitialised. It is int16 up to 14 bits, and where
        there is nothing to subtract then it is `values` itself: its 20 MB are not copied.

    Examples
    --------
    >>> values = np.full((2, 4), 100, np.uint16)
    >>> subtract_black(values, Cfa("RGGB"), (1, 2, 3, 4), area=Rect(0, 0, 4, 2), bits=12).tolist()
    [[99, 98, 99, 98], [97, 96, 97, 96]]
    """
    narrow = max(2**bits - 1, *black_level) <= NARROW
    if narrow and not any(black_level):
        return values.view(np.int16)
    mosaic: NDArray[np.int16] | NDArray[np.int32] = np.empty(values.shape, np.int16 if narrow else np.int32)
    active = mosaic[area.slices]
    active[...] = values[area.slices]
    for plane, level in zip(cfa.planes, black_level, strict=True):
        if level:
            row, col = (plane.row - area.y) % plane.step, (plane.col - area.x) % plane.step
            active[row :: plane.step, col :: plane.step] -= level
    return mosaic
