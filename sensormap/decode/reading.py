"""Photos into frames: one geometry for a run, then each photo decoded, checked against it, and its black subtracted."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import LIBRAW
from sensormap.decode.flashraw import load_flashraw, read_flash
from sensormap.decode.jpeg import jpeg_size
from sensormap.decode.jpeg_mosaic import picture_profile, read_picture_frame
from sensormap.decode.libraw import RawLevels, RawSizes, open_raw, raw_values, read_levels, read_sizes
from sensormap.decode.png_tiff import image_size, read_image
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.frame import NARROW, Frame, Mosaic, Photo
from sensormap.photos.files import is_image_name, is_jpeg_name, read_bytes
from sensormap.settings import FLASHRAW, RAWPY

log = logging.getLogger(__name__)


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


def open_geometry(path: Path, profile: Profile | None) -> Profile:
    """Return the geometry to use for a run, from its first photo.

    Parameters
    ----------
    path
        A photo of the camera.
    profile
        What is known of the camera; None leaves all of it to LibRaw, which must decode the photo for it.

    Returns
    -------
    Profile
        `profile` with its active area cut to what LibRaw decodes, or LibRaw's own, named ``libraw``; for a JPEG that of
        `picture_profile`.

    Raises
    ------
    DecodeError
        If the photo cannot be used, or is a PNG or TIFF file and there is no profile.
    ProfileError
        If the photo contradicts the profile.
    """
    data = read_bytes(path)
    if is_jpeg_name(path):
        return picture_profile(jpeg_size(data, path.name), profile)
    if is_image_name(path):
        profile = _needed(profile, path.name)
        _check_size(image_size(data, path.name), profile, path.name, ProfileError)
        return profile
    with open_raw(data, path.name) as raw:
        sizes = read_sizes(raw, path.name)
        if profile is None or sizes.raw_size != profile.raw_size:
            levels = read_levels(raw, path.name)  # a file that is no mosaic at all does not contradict the profile
            if profile is None:
                return libraw_profile(sizes, levels)
    _check_size(sizes.raw_size, profile, path.name, ProfileError)
    return replace(profile, active_area=usable_area(profile, sizes.visible))


def read_frame(photo: Photo, profile: Profile | None, *, decoder: str = RAWPY) -> Frame:
    """Decode one photo.

    Parameters
    ----------
    photo
        The photo, as `read_photo` describes it.
    profile
        Geometry and levels that it must agree with, as `open_geometry` returns them; None leaves them to LibRaw.
    decoder
        One of `DECODERS`: the frame is the same.

    Returns
    -------
    Frame
        Its mosaic is int16 wherever the values fit; what lies outside the active area may be anything.
        Where the profile leaves black to LibRaw, saturation is the lower of the profile's and the photo's own. A JPEG
        has its pixels' values, 0 to 255 on the camera's tone curve, each in the colour of its filter.

    Raises
    ------
    DecodeError
        If the file is damaged, no mosaic, or every photosite is 0.
    FrameMismatchError
        If its size or bits differ from the profile's, or it shows a part of the active area only.
    ProfileError
        If its filters differ from the profile's, or it shows nothing of the active area.

    Notes
    -----
    Threads may call this at once: reading, hashing, decoding and the arithmetic all release the GIL.
    """
    data = read_bytes(photo.path)
    if len(data) != photo.size_bytes:
        msg = f"{photo.path.name}: changed from {photo.size_bytes} to {len(data)} bytes during the run"
        raise DecodeError(msg)
    decoded: tuple[Mosaic, int, int] | None = None
    if is_jpeg_name(photo.path):
        decoded = read_picture_frame(data, profile, photo.path.name)
    elif is_image_name(photo.path):
        decoded = _read_image_frame(data, profile, photo.path.name)
    elif decoder == FLASHRAW and profile is not None:
        decoded = _read_flash_frame(data, profile, photo.path.name)
    mosaic, floor, saturation = decoded or _read_raw_frame(data, profile, photo.path.name)
    return Frame(photo, mosaic, floor, saturation, hashlib.sha256(data).hexdigest())


def usable_area(profile: Profile, visible: Rect) -> Rect:
    """Return the part of a profile's active area that LibRaw really decodes.

    Parameters
    ----------
    profile
        Says what is light-sensitive.
    visible
        LibRaw's visible area on the raw grid; rows and columns beyond can be uninitialised memory.

    Raises
    ------
    ProfileError
        If nothing is left.
    """
    try:
        area = profile.active_area.intersection(visible)
    except ValueError as error:
        msg = f"{profile.name}: active_area {profile.active_area} lies outside what LibRaw decodes, {visible}"
        raise ProfileError(msg) from error
    if area != profile.active_area:
        log.debug("%s: active area %s cut to %s, which LibRaw decodes", profile.name, profile.active_area, area)
    return area


def libraw_profile(sizes: RawSizes, levels: RawLevels) -> Profile:
    """Return the geometry that LibRaw itself gives a photo, as a profile named ``libraw``.

    Notes
    -----
    Black is left to LibRaw, which measures it anew in each photo where the sensor has masked borders.
    """
    return Profile(
        name=LIBRAW,
        make="",
        model="",
        raw_size=sizes.raw_size,
        active_area=sizes.visible,
        jpeg_crop=sizes.crop,
        cfa=levels.cfa,
        black_level=None,
        saturation=levels.white_level,
        bits=levels.white_level.bit_length(),
        suppression_from_s=None,
    )


def _read_raw_frame(data: bytes, profile: Profile | None, name: str) -> tuple[Mosaic, int, int]:
    """Decode a raw file's bytes; return its mosaic, and its lowest and highest value above black."""
    with open_raw(data, name) as raw:
        sizes = read_sizes(raw, name)
        if profile is not None:
            _check_size(sizes.raw_size, profile, name, FrameMismatchError)
        levels = read_levels(raw, name)
        profile = profile or libraw_profile(sizes, levels)
        _check_levels(levels, profile, name)
        _check_area(usable_area(profile, sizes.visible), profile, name)
        if profile.black_level is None:
            black, saturation = levels.black_level, min(profile.saturation, levels.white_level)
        else:
            black, saturation = profile.black_level, profile.saturation
        return _mosaic(raw_values(raw), profile, black, name), -min(black), saturation - max(black)


def _read_flash_frame(data: bytes, profile: Profile, name: str) -> tuple[Mosaic, int, int] | None:
    """Decode a raw file's bytes by flashraw, or say why not: None leaves it to LibRaw."""
    flashraw = load_flashraw()
    values = read_flash(flashraw, data, profile) if flashraw else "not installed (pip install 'sensormap[fast]')"
    if isinstance(values, str):
        log.info("%s: decoded by rawpy; flashraw: %s", name, values)
        return None
    black = profile.black_level or (0,)
    mosaic = _mosaic(values, profile, black, name)
    return mosaic, -min(black), profile.saturation - max(black)


def _read_image_frame(data: bytes, profile: Profile | None, name: str) -> tuple[Mosaic, int, int]:
    """Decode a PNG's or TIFF's bytes; return its mosaic, and its lowest and highest value above black."""
    profile = _needed(profile, name)
    _check_size(image_size(data, name), profile, name, FrameMismatchError)
    black = profile.black_level or (0,) * len(profile.cfa.planes)
    values = read_image(data, name)
    return _mosaic(values, profile, black, name), -min(black), profile.saturation - max(black)


def _mosaic(values: NDArray[np.uint16], profile: Profile, black: tuple[int, ...], name: str) -> Mosaic:
    """Refuse a frame that is empty or does not fit the profile's bits; subtract black."""
    highest = int(values[profile.active_area.slices].max())
    if highest == 0:
        msg = f"{name}: every photosite is 0"
        raise DecodeError(msg)
    if highest >> profile.bits:
        msg = f"{name}: a photosite has {highest} DN, but profile {profile.name} has bits {profile.bits}"
        raise FrameMismatchError(msg)
    return subtract_black(values, profile.cfa, black, area=profile.active_area, bits=profile.bits)


def _needed(profile: Profile | None, name: str) -> Profile:
    """Insist on a profile where nothing else says what the photosites are."""
    if profile is None:
        msg = f"{name}: a PNG or TIFF file does not say its filters; name a camera profile (--profile)"
        raise DecodeError(msg)
    return profile


def _check_size(found: tuple[int, int], profile: Profile, name: str, error: type[Exception]) -> None:
    """Compare a photo's raw grid with the profile's."""
    if found != profile.raw_size:
        msg = (
            f"{name}: raw grid of {found[0]} x {found[1]} photosites, but profile {profile.name} has raw_size "
            f"{profile.raw_size[0]} x {profile.raw_size[1]}"
        )
        raise error(msg)


def _check_area(decoded: Rect, profile: Profile, name: str) -> None:
    """Refuse a photo that shows less than others: what is not decoded would be uninitialised memory."""
    if decoded != profile.active_area:
        msg = (
            f"{name}: {decoded.width} x {decoded.height} photosites of the active area are decoded, "
            f"expected all {profile.active_area.width} x {profile.active_area.height}"
        )
        raise FrameMismatchError(msg)


def _check_levels(levels: RawLevels, profile: Profile, name: str) -> None:
    """Compare a photo's filters and bits with the profile's."""
    if levels.cfa != profile.cfa:
        msg = f"{name}: filters {levels.cfa.name}, but profile {profile.name} has cfa {profile.cfa.name}"
        raise ProfileError(msg)
    if levels.white_level.bit_length() > profile.bits:
        msg = (
            f"{name}: values of {levels.white_level.bit_length()} bits, but profile {profile.name} has bits "
            f"{profile.bits}"
        )
        raise FrameMismatchError(msg)
