"""A raw mosaic of fine texture, and the JPEG that a camera stores of it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fixtures.camera.develop import Development, develop
from fixtures.files.jpeg import jpeg_bytes
from fixtures.scenes.texture import noise
from tests.support.frames import SATURATION

SHAPE = (256, 320)
CROP_SIZE = (SHAPE[1] - 32, SHAPE[0] - 24)
CAST = np.array([[1.0, 0.55], [0.45, 1.0]])  # of blue and red beside green, in the D80's GBRG


@cache
def mosaic(seed: int = 0) -> NDArray[np.uint16]:
    """Return a scene of all scales, with photon and read noise, some of it clipped."""
    rng = np.random.default_rng([seed, 0xA119])
    light = 900 * np.exp(0.7 * noise(SHAPE, rng, roughness=0.75)) * np.tile(CAST, (SHAPE[0] // 2, SHAPE[1] // 2))
    return np.clip(np.rint(light + rng.normal(0, np.sqrt(9 + light / 8))), 0, SATURATION).astype(np.uint16)


def developed(
    offset: tuple[int, int], *, seed: int = 0, demosaic: str = "bilinear", gains: tuple[float, float] = (1.9, 2.2)
) -> NDArray[np.uint8]:
    """Return the picture of a mosaic, before it is compressed."""
    return develop(mosaic(seed), Development(demosaic, offset, gains))


def jpeg(picture: NDArray[np.uint8], *, quality: int = 90, subsampling: str = "4:2:0", meta=None) -> bytes:
    return jpeg_bytes(picture, meta, quality=quality, subsampling=subsampling)
