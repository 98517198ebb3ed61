"""Raw files through LibRaw: geometry, levels and the undemosaiced mosaic."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
import rawpy
from numpy.typing import NDArray

from sensormap.camera.cfa import BAYER_NAMES, MONO, XTRANS_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import LIBRAW
from sensormap.decode.dng.directories import active_area_start
from sensormap.decode.dng.layout import check_layout
from sensormap.decode.kinds.no_mosaic import composite, many_values, undecodable
from sensormap.decode.mosaic import Decoded, check_size, decoded
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.photos.files import JPEG_START, check_photosites

log = logging.getLogger(__name__)

_JPEG = JPEG_START + b"\xff"  # with the first byte of the marker that follows
_LEAF_SIDE = 16  # of the pattern of old Leaf backs
_XTRANS_SIDE = 6
MOST_DN = 0xFFFF
"""Highest value of 16 bits."""

_ERRORS = (rawpy.LibRawError, RuntimeError)  # rawpy itself raises RuntimeError and NotImplementedError, one of these


@dataclass(frozen=True)
class RawSizes:
    """What LibRaw knows before it decodes.

    Parameters
    ----------
    raw_size
        Width and height of the raw grid.
    visible
        The part of it that LibRaw takes for image; beyond, values may be uninitialised.
    crop
        The rectangle that the camera's JPEG shows, where the file tells; else None.
    """

    raw_size: tuple[int, int]
    visible: Rect
    crop: Rect | None


@dataclass(frozen=True)
class RawLevels:
    """What LibRaw knows after it has decoded: filters, black of each plane in the order of ``cfa.planes``, white."""

    cfa: Cfa
    black_level: tuple[int, ...]
    white_level: int


def versions() -> tuple[str, ...]:
    """Return the releases of rawpy and of LibRaw: another one may decode a photo differently."""
    libraw = ".".join(map(str, rawpy.libraw_version))
    return (f"rawpy {rawpy.__version__}", f"LibRaw {libraw}")


def libraw_geometry(data: bytes, profile: Profile | None, name: str) -> Profile:
    """Return the geometry of a raw file: the profile's as far as LibRaw decodes it, or without one LibRaw's own.

    Parameters and errors are those of `reading.ReadGeometry`.
    """
    if why := composite(data):
        msg = f"{name}: {why}"
        raise DecodeError(msg)
    with open_raw(data, name) as raw:
        sizes = read_sizes(raw, name)
        if profile is None or not profile.verified or sizes.raw_size != profile.raw_size:
            levels = read_levels(raw, name, data)  # a file that is no mosaic at all does not contradict the profile
            if profile is None:
                return _own_profile(sizes, levels)
            if not profile.verified:
                return _believed(profile, sizes, levels, name)
    check_size(sizes.raw_size, profile, name, ProfileError)
    return replace(profile, active_area=usable_area(profile, sizes.visible))


def read_libraw_frame(data: bytes, profile: Profile | None, name: str) -> Decoded:
    """Decode a raw file; parameters and errors are those of `reading.DecodeFunction`."""
    with open_raw(data, name) as raw:
        sizes = read_sizes(raw, name)
        if profile is not None:
            check_size(sizes.raw_size, profile, name, FrameMismatchError)
        levels = read_levels(raw, name, data)
        profile = profile or _own_profile(sizes, levels)
        _check_levels(levels, profile, name)
        _check_area(usable_area(profile, sizes.visible), profile, name)
        if profile.black_level is None:
            black, saturation = levels.black_level, min(profile.saturation, levels.white_level)
        else:
            black, saturation = profile.black_level, profile.saturation
        return decoded(raw_values(raw), profile, name, black_level=black, saturation=saturation)


def usable_area(profile: Profile, visible: Rect) -> Rect:
    """Return the part of a profile's active area that LibRaw really decodes.

    Parameters
    ----------
    profile
        Profile of the camera, which says what is light-sensitive.
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


@contextmanager
def open_raw(data: bytes, name: str) -> Iterator[rawpy.RawPy]:
    """Open a raw file's bytes without decoding them. It closes when neither it nor its `raw_values` are referred to.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If LibRaw refuses the file, here or inside the block, or would misread it; see `dng.layout`.
    """
    check_layout(data, name)
    try:
        yield rawpy.imread(BytesIO(data))
    except _ERRORS as error:
        # Only said of a file that failed: some cameras append their raw data to a JPEG, and LibRaw reads those.
        is_jpeg = data.startswith(_JPEG)
        why = "a JPEG picture, expected a raw photo" if is_jpeg else undecodable(data) or _reason(error)
        msg = f"{name}: {why}"
        raise DecodeError(msg) from error


def read_sizes(raw: rawpy.RawPy, name: str) -> RawSizes:
    """Return the sizes of an opened file, checked before anything of that size is allocated.

    Parameters
    ----------
    raw
        The file, as `open_raw` opened it.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the frame is empty or too large, or its visible part lies outside it.
    """
    sizes = raw.sizes
    width, height = check_photosites(sizes.raw_width, sizes.raw_height, name)
    visible = _inside(sizes.left_margin, sizes.top_margin, sizes.width, sizes.height, size=(width, height))
    if visible is None:
        msg = f"{name}: visible area {sizes.width} x {sizes.height} does not lie in the raw grid of {width} x {height}"
        raise DecodeError(msg)
    left, top = sizes.crop_left_margin, sizes.crop_top_margin
    crop = _inside(left, top, sizes.crop_width, sizes.crop_height, size=(width, height))
    # rawpy writes 0 for an unknown corner: (0, 0) is believed only where nothing is cropped away.
    if crop is not None and (left, top) == (0, 0) and crop != visible:
        crop = None
    return RawSizes((width, height), visible, crop)


def read_levels(raw: rawpy.RawPy, name: str, data: bytes) -> RawLevels:
    """Decode an opened file and return its filters and levels.

    Parameters
    ----------
    raw
        The file, as `open_raw` opened it.
    name
        The file's name, for messages.
    data
        The whole file, which tells what it is if it is no mosaic.

    Raises
    ------
    DecodeError
        If the file holds no mosaic of red, green and blue in a 2 x 2 or in the X-Trans pattern, and none without
        filters, or its black is beyond all values.
    """
    image = raw.raw_image
    if image.ndim != 2:
        msg = f"{name}: {many_values(data, image.shape[2])}"
        raise DecodeError(msg)
    pattern = raw.raw_pattern
    black = raw.black_level_per_channel
    if not all(0 <= level <= MOST_DN for level in black):
        msg = f"{name}: black levels {', '.join(map(str, black))}, expected 0 to {MOST_DN} each"
        raise DecodeError(msg)
    if pattern.shape == (1, 1) and raw.num_colors == 1:
        return RawLevels(Cfa(MONO), (black[0],), raw.white_level)
    if pattern.shape not in ((2, 2), (_XTRANS_SIDE, _XTRANS_SIDE)):
        leaf = "Leaf " if pattern.shape == (_LEAF_SIDE, _LEAF_SIDE) else ""
        msg = f"{name}: {leaf}{pattern.shape[0]}x{pattern.shape[1]} pattern, expected 2x2 Bayer or 6x6 X-Trans filters"
        raise DecodeError(msg)
    # raw_pattern counts from raw-grid (0, 0), whatever the margins are; its numbers index the lists of levels.
    if len(pattern) == _XTRANS_SIDE:
        pattern = _large_pattern(raw, name)
    colours = raw.color_desc.decode("ascii", "replace")
    letters = ["".join(colours[index] for index in row) for row in pattern.tolist()]
    cfa = _bayer(letters, name) if len(pattern) == 2 else _xtrans(letters, data, name)
    return RawLevels(cfa, tuple(black[index] for index in pattern.flat), raw.white_level)


def _large_pattern(raw: rawpy.RawPy, name: str) -> NDArray[np.int64]:
    """Return a 6 x 6 pattern from raw-grid (0, 0), read off visible photosites.

    Where margins are wider than the pattern, rawpy's raw_pattern reads beyond LibRaw's (0.28.0).
    """
    sizes, side = raw.sizes, range(_XTRANS_SIDE)
    if min(sizes.width, sizes.height) < _XTRANS_SIDE:
        msg = f"{name}: visible area {sizes.width} x {sizes.height}, expected all of its 6x6 filters"
        raise DecodeError(msg)
    rows, cols = (
        [margin + (i - margin) % _XTRANS_SIDE for i in side] for margin in (sizes.top_margin, sizes.left_margin)
    )
    pattern = np.array([[raw.raw_color(row, col) for col in cols] for row in rows], np.int64)
    if pattern.min() < 0 or pattern.max() >= len(raw.color_desc):
        msg = f"{name}: 6x6 filters of other colours than {raw.color_desc.decode('ascii', 'replace')}"
        raise DecodeError(msg)
    return pattern


def _bayer(rows: list[str], name: str) -> Cfa:
    """Return a 2 x 2 pattern."""
    letters = "".join(rows)
    if letters not in BAYER_NAMES:
        msg = f"{name}: filters {letters}, expected one of {', '.join(BAYER_NAMES)}"
        raise DecodeError(msg)
    return Cfa(letters)


def _xtrans(rows: list[str], data: bytes, name: str) -> Cfa:
    """Return a 6 x 6 pattern."""
    if len({*"".join(rows)}) == 1:
        if not any(start % _XTRANS_SIDE for start in active_area_start(data, name)):
            msg = f"{name}: 6x6 filters that LibRaw takes for one colour, expected those of X-Trans, 8 R, 20 G, 8 B"
            raise DecodeError(msg)
        msg = (
            f"{name}: LibRaw does not tell the phase of its 6x6 filters: of X-Trans DNGs it does so only where the "
            f"active area begins at a row and a column that are multiples of {_XTRANS_SIDE}"
        )
        raise DecodeError(msg)
    if (letters := "/".join(rows)) not in XTRANS_NAMES:
        counts = ", ".join(f"{letters.count(colour)} {colour}" for colour in dict.fromkeys("RGB" + "".join(rows)))
        msg = f"{name}: 6x6 filters {letters} ({counts}), expected those of X-Trans, 8 R, 20 G, 8 B in its order"
        raise DecodeError(msg)
    return Cfa(letters)


def raw_values(raw: rawpy.RawPy) -> NDArray[np.uint16]:
    """Return LibRaw's own array of a decoded file, ``(H, W)``, which keeps the file open.

    Parameters
    ----------
    raw
        The file, as `open_raw` opened it.
    """
    values: NDArray[np.uint16] = raw.raw_image
    return values


def _own_profile(sizes: RawSizes, levels: RawLevels) -> Profile:
    """Return the geometry that LibRaw itself gives a photo, as a profile named ``libraw``.

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


def _believed(profile: Profile, sizes: RawSizes, levels: RawLevels, name: str) -> Profile:
    """Return a profile that no photo has confirmed with LibRaw's levels, and with the crop if the file tells it.

    Where a photo contradicts the profile, LibRaw's own geometry is returned.
    """
    own = _own_profile(sizes, levels)
    try:
        check_size(sizes.raw_size, profile, name, ProfileError)
        _check_filters(levels, profile, name)
        area = usable_area(profile, sizes.visible)
    except ProfileError as error:
        log.debug("%s; the profile is not verified, so LibRaw's geometry is taken", error)
        return own
    crop = own.jpeg_crop or profile.jpeg_crop  # few files tell it, but those know
    return replace(
        profile, active_area=area, jpeg_crop=crop, black_level=None, saturation=own.saturation, bits=own.bits
    )


def _check_filters(levels: RawLevels, profile: Profile, name: str) -> None:
    """Compare a photo's filters with the profile's."""
    if levels.cfa != profile.cfa:
        msg = f"{name}: filters {levels.cfa.name}, but profile {profile.name} has cfa {profile.cfa.name}"
        raise ProfileError(msg)


def _check_levels(levels: RawLevels, profile: Profile, name: str) -> None:
    """Compare a photo's filters and bits with the profile's."""
    _check_filters(levels, profile, name)
    bits = levels.white_level.bit_length()
    if bits > profile.bits:
        msg = f"{name}: values of {bits} bits, but profile {profile.name} has bits {profile.bits}"
        raise FrameMismatchError(msg)


def _check_area(usable: Rect, profile: Profile, name: str) -> None:
    """Refuse a photo that shows less than others: what is not decoded would be uninitialised memory."""
    if usable != profile.active_area:
        msg = (
            f"{name}: {usable.width} x {usable.height} photosites of the active area are decoded, "
            f"expected all {profile.active_area.width} x {profile.active_area.height}"
        )
        raise FrameMismatchError(msg)


def _inside(x: int, y: int, width: int, height: int, *, size: tuple[int, int]) -> Rect | None:
    """Return a rectangle if there is one and it lies in the raw grid."""
    if min(x, y) < 0 or min(width, height) < 1 or x + width > size[0] or y + height > size[1]:
        return None
    return Rect(x, y, width, height)


def _reason(error: Exception) -> str:
    """Say in a few words what LibRaw found wrong."""
    text = error.args[0] if error.args else type(error).__name__
    text = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    if isinstance(error, rawpy.LibRawFileUnsupportedError):
        return "not a raw photo of any format that LibRaw knows"
    if isinstance(error, rawpy.LibRawIOError | rawpy.LibRawDataError):
        return f"truncated or damaged (LibRaw: {text})"
    return f"cannot be decoded (LibRaw: {text})"
