"""The slow, obvious equivalent of remosaicking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO, PICTURE, Cfa
from sensormap.decode.jpeg_mosaic import LUMA_WEIGHTS


def remosaic_slowly(pixels: NDArray[np.uint8], cfa: Cfa) -> NDArray[np.int16]:
    """Return what `remosaic` fills in, plane by plane."""
    if cfa.name in (PICTURE, MONO):
        return np.asarray((pixels.astype(np.int32) @ np.array(LUMA_WEIGHTS, np.int32) + 128) >> 8, np.int16)
    out = np.empty(pixels.shape[:2], np.int16)
    for plane in cfa.planes:
        plane.view(out)[...] = plane.view(pixels)[..., "RGB".index(plane.name[0])]
    return out
