"""All that a corrected copy needs of a raw photo: its whole mosaic, the meaning of its values, and how it was taken."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import rawpy
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body
from sensormap.decode.kinds.no_mosaic import composite
from sensormap.decode.libraw import MOST_DN, RawLevels, open_raw, raw_values, read_levels, read_sizes
from sensormap.errors import DecodeError
from sensormap.frame import MAX_ISO, MAX_SHUTTER_S, YEARS, Exposure
from sensormap.photos.exif import Tags, body_of, exposure_of, read_tags, text_of

_SMALLEST = 2  # photosites a side of anything that shows all planes
_MOST_F_NUMBER, _MOST_FOCAL_MM = 1e3, 1e5
_STEEPEST_BALANCE = 100.0  # red or blue against green; beyond, a white balance is damage
_MOST_STRETCH = 4.0  # the least square photosites of any camera are 1 : 2
_LARGEST_COEFFICIENT = 100.0  # of a colour matrix; real ones stay below 3
_LEAST_OWN_RED = 0.125  # LibRaw's own test of whether a file's matrix is one
# IEC 61966-2-1 from its primaries and white, with as many digits as LibRaw uses.
_SRGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_LEAST_DETERMINANT = 1e-6  # of a matrix that can be inverted; real ones have some 0.3
_ORIENTATION = {0: 1, 1: 2, 2: 4, 3: 3, 4: 5, 5: 8, 6: 6, 7: 7}  # LibRaw's flip bits to EXIF's number

Matrix = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, eq=False)
class Original:
    """A raw photo as LibRaw decodes it, undeveloped.

    Parameters
    ----------
    mosaic
        Every photosite of the raw grid, ``(H, W)``, in DN, black included. Outside `visible`, where LibRaw may leave
        uninitialised memory, each has its plane's black level.
    visible
        The part of the raw grid that LibRaw takes for image.
    crop
        The part that the camera's JPEG shows, on the raw grid and inside `visible`; None where the file does not tell.
    cfa
        Filter pattern from raw-grid (0, 0).
    black_level
        DN of no light, one per plane in the order of ``cfa.planes``.
    white_level
        DN at which a photosite clips, by LibRaw.
    colour_matrix
        Matrix from CIE XYZ (D65 white at Y = 1) to the camera's red, green, blue; None where LibRaw knows none, or
        applies it without giving it out, as for some cameras of the nineties.
    neutral
        Red, green, blue of a grey patch above black, green 1: the inverse of the camera's white balance, or of
        LibRaw's for daylight where the file has none.
    pixel_aspect
        Width of a photosite over its height.
    body, exposure
        The camera, and its settings; the orientation is the one that LibRaw applies.
    f_number, focal_length_mm
        Aperture, and focal length in mm; None where unknown.
    lens
        The lens's name, "" where unknown.
    """

    mosaic: NDArray[np.uint16]
    visible: Rect
    crop: Rect | None
    cfa: Cfa
    black_level: tuple[int, ...]
    white_level: int
    colour_matrix: Matrix | None
    neutral: tuple[float, float, float]
    pixel_aspect: float
    body: Body
    exposure: Exposure
    f_number: float | None
    focal_length_mm: float | None
    lens: str


def read_original(data: bytes, name: str) -> Original:
    """Decode a raw photo with everything that a corrected copy must say again.

    Parameters
    ----------
    data
        The whole file, of any format that LibRaw reads.
    name
        The file's name, for messages.

    Returns
    -------
    Original
        Nothing in it refers to LibRaw's memory.

    Raises
    ------
    DecodeError
        If LibRaw refuses the file, it holds no mosaic of a Bayer or the X-Trans pattern or without filters, its
        levels make no sense, or every photosite is 0.
    """
    tags, note = read_tags(BytesIO(data))
    if why := composite(data):
        msg = f"{name}: {why}"
        raise DecodeError(msg)
    with open_raw(data, name) as raw:
        sizes = read_sizes(raw, name)
        levels = read_levels(raw, name, data)
        if min(sizes.visible.width, sizes.visible.height) < _SMALLEST:
            msg = f"{name}: visible area of {sizes.visible.width} x {sizes.visible.height}, expected a picture"
            raise DecodeError(msg)
        if not max(levels.black_level) < levels.white_level <= MOST_DN:
            msg = f"{name}: white level {levels.white_level}, expected above black and at most {MOST_DN}"
            raise DecodeError(msg)
        mosaic = _settled(raw_values(raw), levels, sizes.visible)
        if not mosaic[sizes.visible.slices].any():
            msg = f"{name}: every photosite is 0"
            raise DecodeError(msg)
        settings = _libraw_settings(raw)
        return Original(
            mosaic=mosaic,
            visible=sizes.visible,
            crop=_cut(sizes.crop, sizes.visible),
            cfa=levels.cfa,
            black_level=levels.black_level,
            white_level=levels.white_level,
            colour_matrix=_colour_matrix(raw),
            neutral=_neutral(raw),
            pixel_aspect=_within(raw.sizes.pixel_aspect, 1 / _MOST_STRETCH, _MOST_STRETCH) or 1.0,
            body=body_of(tags, note),
            exposure=_completed(exposure_of(tags, note), settings, raw.sizes.flip),
            f_number=_number(tags, "FNumber", settings, "aperture", _MOST_F_NUMBER),
            focal_length_mm=_number(tags, "FocalLength", settings, "focal_length", _MOST_FOCAL_MM),
            lens=text_of(tags, "EXIF LensModel"),
        )


def _settled(values: NDArray[np.uint16], levels: RawLevels, visible: Rect) -> NDArray[np.uint16]:
    """Return a copy of the raw grid, black outside the visible part."""
    mosaic = np.empty(values.shape, np.uint16)
    for plane, level in zip(levels.cfa.planes, levels.black_level, strict=True):
        plane.view(mosaic)[...] = level
    mosaic[visible.slices] = values[visible.slices]
    return mosaic


def _cut(crop: Rect | None, visible: Rect) -> Rect | None:
    """Return the part of a crop that is visible, None where hardly any is."""
    try:
        part = crop.intersection(visible) if crop else None
    except ValueError:
        return None
    return part if part and min(part.width, part.height) >= _SMALLEST else None


def _colour_matrix(raw: rawpy.RawPy) -> Matrix | None:
    """Return LibRaw's matrix of three colours, None for none or a damaged one.

    What the file itself brings along, as a DNG does, LibRaw keeps as its inverse, from the camera's colours balanced
    for daylight to sRGB, and prefers to what it knows of the model.
    """
    to_srgb = np.array(raw.color_matrix, np.float64)[:, :3]
    daylight = np.array(raw.daylight_whitebalance, np.float64)[:3]
    known: NDArray[np.floating[Any]] = np.array(raw.rgb_xyz_matrix, np.float64)[:3]
    if to_srgb[0, 0] > _LEAST_OWN_RED:
        if not np.isfinite([*to_srgb, daylight]).all():
            return None
        to_xyz = _SRGB_TO_XYZ @ (to_srgb * daylight)
        if abs(np.linalg.det(to_xyz)) < _LEAST_DETERMINANT:
            return None
        known = np.linalg.inv(to_xyz)
    usable = np.isfinite(known).all() and known.any(axis=1).all()
    if not usable or np.abs(known).max() > _LARGEST_COEFFICIENT:
        return None
    red, green, blue = ((float(x), float(y), float(z)) for x, y, z in known)
    return red, green, blue


def _neutral(raw: rawpy.RawPy) -> tuple[float, float, float]:
    """Return `Original.neutral` by the first of the file's and LibRaw's white balances that is plausible."""
    for red, green, blue, _ in (raw.camera_whitebalance, raw.daylight_whitebalance):
        if all(_within(gain, 0, math.inf) for gain in (red, green, blue)):
            balance = green / red, green / blue
            if all(1 / _STEEPEST_BALANCE <= part <= _STEEPEST_BALANCE for part in balance):
                return balance[0], 1.0, balance[1]
    return 1.0, 1.0, 1.0


def _libraw_settings(raw: rawpy.RawPy) -> Any:
    """Return what LibRaw found of the settings; None with rawpy 0.24, and where a date or text is damaged."""
    try:
        return getattr(raw, "other", None)
    except (ValueError, OverflowError, OSError):
        return None


def _completed(exposure: Exposure, settings: Any, flip: int) -> Exposure:
    """Fill in what EXIF leaves out from what LibRaw found, in formats that have no EXIF."""
    iso = _within(getattr(settings, "iso_speed", None), 1, MAX_ISO)
    time = getattr(settings, "timestamp", None)
    known_time = time if isinstance(time, datetime) and time.year in YEARS else None  # 1970 stands for unknown
    return replace(
        exposure,
        iso=exposure.iso or (round(iso) if iso else None),
        shutter_s=exposure.shutter_s or _within(getattr(settings, "shutter_speed", None), 0, MAX_SHUTTER_S),
        time=exposure.time or known_time,
        orientation=_ORIENTATION.get(flip, 1),
    )


def _number(tags: Tags, name: str, settings: Any, libraw_name: str, most: float) -> float | None:
    """Return a plausible number from EXIF, of either directory, or from what LibRaw found."""
    for directory in ("EXIF", "Image"):
        try:
            number = float(tags[f"{directory} {name}"].values[0])
        except (LookupError, TypeError, ValueError, ArithmeticError):
            continue
        if _within(number, 0, most):
            return number
    return _within(getattr(settings, libraw_name, None), 0, most)


def _within(number: float | None, low: float, high: float) -> float | None:
    """Return a finite number between two others, None otherwise."""
    return float(number) if number is not None and low < number < high and math.isfinite(number) else None
