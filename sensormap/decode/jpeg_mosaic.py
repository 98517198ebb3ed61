"""JPEGs as frames: which grid they lie on, and what they still show of each photosite.

Demosaicing fills in the two colours that a photosite lacks; the one that it has it keeps, up to white balance, tone
curve and sharpening. So of each pixel only the colour of its own filter is taken: the result has the colours of the
raw grid and values from 0 to 255, and a defect that is smeared over its neighbours stands out most where it belongs.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO, PICTURE, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import JPEG_PROFILE
from sensormap.compiled import compiled
from sensormap.decode.jpeg import PixelBuffer, jpeg_size, read_jpeg
from sensormap.decode.mosaic import Decoded
from sensormap.errors import FrameMismatchError, ProfileError
from sensormap.frame import LUMA_SHARES, WHITE

LUMA_WEIGHTS = tuple(round(256 * share) for share in LUMA_SHARES)
"""Shares of red, green and blue in brightness, in 256ths."""

_BITS = 8  # of a JPEG's value


def jpeg_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return `jpeg_profile` of a file; parameters and errors are those of `reading.ReadGeometry`."""
    return jpeg_profile(jpeg_size(data, name), profile)


def jpeg_profile(size: tuple[int, int], profile: Profile | None) -> Profile:
    """Return the geometry of a camera's full-size JPEGs.

    Parameters
    ----------
    size
        Width and height of the JPEGs, pixels.
    profile
        Profile of the camera.

    Returns
    -------
    Profile
        `profile` with the JPEG's crop for its active area and the levels of a JPEG; where the camera or its crop is
        unknown, or `size` contradicts a profile that is not verified, the grid is that of the JPEG itself, and the
        filters are ``picture``.

    Raises
    ------
    ProfileError
        If the profile is verified and has another size for the camera's JPEGs.
    """
    crop = profile.jpeg_crop if profile else None
    if profile is None or crop is None or not profile.places_jpegs_of(size):
        whole, cfa = Rect(0, 0, *size), Cfa(PICTURE)
        make, model = (profile.make, profile.model) if profile else ("", "")
        return Profile(JPEG_PROFILE, make, model, size, whole, whole, cfa, (0,) * len(cfa.planes), WHITE, _BITS, None)
    if size != (crop.width, crop.height):
        msg = f"JPEG of {size[0]} x {size[1]} pixels, but profile {profile.name} has jpeg_crop "
        msg += f"[{crop.x}, {crop.y}, {crop.width}, {crop.height}]"
        raise ProfileError(msg)
    black = (0,) * len(profile.cfa.planes)
    return replace(profile, active_area=crop, black_level=black, saturation=WHITE, bits=_BITS)


def read_jpeg_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a JPEG: in the active area each pixel's value, 0 to 255, in the colour of its filter, as int16.

    Parameters and errors are those of `reading.DecodeFunction`.
    """
    if profile is None:
        profile = jpeg_geometry(data, None, name)
    area, pixels = profile.active_area, read_jpeg(data, name, buffer=_thread.buffer)
    height, width = pixels.shape[:2]
    if (width, height) != (area.width, area.height):
        msg = f"{name}: picture of {width} x {height} pixels, expected {area.width} x {area.height}"
        raise FrameMismatchError(msg)
    mosaic = np.empty((profile.raw_size[1], profile.raw_size[0]), np.int16)
    remosaic(pixels, profile.cfa.shifted(x=area.x, y=area.y), mosaic[area.slices])
    return Decoded(mosaic, 0, WHITE)


class _Thread(threading.local):
    """What each thread keeps from one photo to the next."""

    def __init__(self) -> None:
        self.buffer = PixelBuffer()


_thread = _Thread()


def remosaic(pixels: NDArray[np.uint8], cfa: Cfa, out: NDArray[np.int16]) -> None:
    """Fill `out` with each pixel's value in the colour of its own filter.

    Parameters
    ----------
    pixels
        Red, green and blue, shape ``(h, w, 3)``.
    cfa
        Filter pattern as read from the corner of `pixels`. Where there are no filters, or none that are known
        (``mono``, ``picture``), brightness is taken.
    out
        Shape ``(h, w)``.

    Examples
    --------
    >>> pixels, out = np.arange(12, dtype=np.uint8).reshape(2, 2, 3), np.zeros((2, 2), np.int16)
    >>> remosaic(pixels, Cfa("RGGB"), out)
    >>> out.tolist()
    [[0, 4], [7, 11]]
    """
    if cfa.name in (PICTURE, MONO):
        _take_luma(pixels, np.array(LUMA_WEIGHTS, np.int32), out)
    else:
        channels = np.array([["RGB".index(plane.name[0]) for plane in cfa.planes]]).reshape(2, 2)
        _take_channels(np.ascontiguousarray(pixels), channels, out)


@compiled
def _take_channels(pixels: NDArray[np.uint8], channels: NDArray[np.int64], out: NDArray[np.int16]) -> None:
    """Take of every pixel the channel that `channels` has for its row and column, modulo 2."""
    width = out.shape[1]
    pairs, odd_width = np.uint64(width // 2), width % 2
    two, six = np.uint64(2), np.uint64(6)
    for row in range(out.shape[0]):
        values, line = pixels[row].reshape(3 * width), out[row]
        # Slices and unsigned counters leave the compiler nothing to check in the loop.
        even, odd = values[channels[row % 2, 0] :], values[3 + channels[row % 2, 1] :]
        right = line[1:]
        for k in range(pairs):
            line[two * k] = even[six * k]
            right[two * k] = odd[six * k]
        if odd_width:
            line[width - 1] = values[3 * (width - 1) + channels[row % 2, 0]]


@compiled
def _take_luma(pixels: NDArray[np.uint8], shares: NDArray[np.int32], out: NDArray[np.int16]) -> None:
    """Take the rounded mean of the three channels with these shares of 256."""
    red, green, blue = shares[0], shares[1], shares[2]
    for row in range(out.shape[0]):
        across, line = pixels[row], out[row]
        for col in range(line.shape[0]):
            pixel = across[col]
            line[col] = (red * pixel[0] + green * pixel[1] + blue * pixel[2] + 128) >> 8
