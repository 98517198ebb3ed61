"""JPEGs as frames: which grid they lie on, and what they show of its photosites."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import PICTURE, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import PICTURES
from sensormap.decode.jpeg import Memory, jpeg_size, read_jpeg
from sensormap.errors import FrameMismatchError, ProfileError
from sensormap.frame import WHITE
from sensormap.remosaic import remosaic


class _Thread(threading.local):
    """What each thread keeps from one photo to the next."""

    def __init__(self) -> None:
        self.memory = Memory()


_thread = _Thread()


def picture_profile(size: tuple[int, int], profile: Profile | None) -> Profile:
    """Return the geometry of a camera's full-size JPEGs.

    Parameters
    ----------
    size
        Width and height of the pictures.
    profile
        What is known of the camera.

    Returns
    -------
    Profile
        `profile` with the JPEG's crop for its active area and the levels of a JPEG; where the camera or its crop is
        unknown the grid is that of the picture itself, and the filters are ``picture``.

    Raises
    ------
    ProfileError
        If the profile has another size for the camera's JPEGs.
    """
    if profile is None or profile.jpeg_crop is None:
        whole, cfa = Rect(0, 0, *size), Cfa(PICTURE)
        make, model = (profile.make, profile.model) if profile else ("", "")
        return Profile(PICTURES, make, model, size, whole, whole, cfa, (0,) * len(cfa.planes), WHITE, 8, None)
    crop = profile.jpeg_crop
    if size != (crop.width, crop.height):
        msg = f"JPEG of {size[0]} x {size[1]} pixels, but profile {profile.name} has jpeg_crop "
        msg += f"[{crop.x}, {crop.y}, {crop.width}, {crop.height}]"
        raise ProfileError(msg)
    black = (0,) * len(profile.cfa.planes)
    return replace(profile, active_area=crop, black_level=black, saturation=WHITE, bits=8)


def read_picture_frame(data: bytes, profile: Profile | None, name: str) -> tuple[NDArray[np.int16], int, int]:
    """Decode a JPEG.

    Parameters
    ----------
    data
        The whole file.
    profile
        As `picture_profile` returns it; None leaves the grid to the picture.
    name
        Its name, for messages.

    Returns
    -------
    mosaic, lowest, highest
        The raw grid, int16, of which the active area is filled: each pixel's value, 0 to 255, in the colour of its
        filter.

    Raises
    ------
    DecodeError
        As `jpeg.read_jpeg`.
    FrameMismatchError
        If the picture has another size than the active area.
    """
    if profile is None:
        profile = picture_profile(jpeg_size(data, name), None)
    area, picture = profile.active_area, read_jpeg(data, name, memory=_thread.memory)
    if picture.shape[:2] != (area.height, area.width):
        msg = (
            f"{name}: picture of {picture.shape[1]} x {picture.shape[0]} pixels, expected {area.width} x {area.height}"
        )
        raise FrameMismatchError(msg)
    mosaic = np.empty((profile.raw_size[1], profile.raw_size[0]), np.int16)
    remosaic(picture, profile.cfa.shifted(x=area.x, y=area.y), mosaic[area.slices])
    return mosaic, 0, WHITE
