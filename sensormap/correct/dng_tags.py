"""What a DNG says of its mosaic and of the camera, as tags in tifffile's form.

Adobe, Digital Negative Specification 1.3, chapters 3 and 4. DNG counts crops, filters and black levels from the corner
of the active area, not from raw-grid (0, 0). Its corner is therefore always at even x and y, where both patterns read
alike. LibRaw cuts an odd row or column away in any case, and then takes the black levels of the wrong planes (0.22.2).
"""

from __future__ import annotations

from collections.abc import Iterable

from sensormap.camera.geometry import Rect
from sensormap.correct.dng_exif import ascii_text, fraction
from sensormap.decode.original import Matrix, Original

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SRATIONAL = 1, 2, 3, 4, 5, 7, 10

Tag = tuple[int, int, int, object, bool]
"""Number, type, count, value, and whether only the first directory gets it."""

_VERSION = bytes((1, 3, 0, 0))
_FIRST_WITH_ACTIVE_AREA = bytes((1, 1, 0, 0))
_COLOUR = {"R": 0, "G": 1, "B": 2}
_D65 = 21  # EXIF's number of the light that LibRaw's matrices are for
_MATRIX_UNIT = 10_000  # Adobe and LibRaw give four decimals
_NEUTRAL_UNIT = 10_000_000

# For a camera whose matrix LibRaw does not know: its colours are taken for linear sRGB. IEC 61966-2-1, XYZ to sRGB.
_SRGB: Matrix = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))


def dng_tags(original: Original, *, opcodes: bytes | None) -> list[Tag]:
    """Return what stands in the main directory besides the image itself.

    Parameters
    ----------
    original
        The photo.
    opcodes
        Content of OpcodeList1, or None for no such tag. Readers older than DNG 1.3 are then told to keep away, since
        they would show the mosaic without it.

    Examples
    --------
    >>> import numpy as np
    >>> from sensormap.camera.profile import Body
    >>> from sensormap.camera.cfa import Cfa
    >>> from sensormap.frame import Exposure
    >>> photo = Original(np.ones((4, 6), np.uint16), Rect(1, 0, 4, 4), None, Cfa("GBRG"), (5, 6, 7, 8), 4095, None,
    ...                  (0.5, 1.0, 0.75), 1.0, Body("ACME", "One", ""), Exposure(), None, None, "")
    >>> tags = {tag[0]: tag[3] for tag in dng_tags(photo, opcodes=None)}
    >>> tags[50829], tags[33422].hex(), tags[50714]
    ((0, 2, 4, 5), '01020001', (5, 6, 7, 8))
    """
    tags = [
        _tag(50706, _BYTE, _VERSION),  # DNGVersion
        _tag(50707, _BYTE, _VERSION if opcodes else _FIRST_WITH_ACTIVE_AREA),  # DNGBackwardVersion
        *_camera_tags(original),
        *_area_tags(original),
        *_level_tags(original),
        *(_colour_tags(original) if original.cfa.step == 2 else []),
    ]
    return [*tags, _tag(51008, _UNDEFINED, opcodes)] if opcodes else tags


def _camera_tags(original: Original) -> list[Tag]:
    """Return the camera's names and serial number, how it was held, and its clock."""
    body, time = original.body, original.exposure.time
    brand = body.make.split(" ")[0]
    unique = body.model if brand and body.model.startswith(brand) else f"{body.make} {body.model}".strip()
    texts = {
        271: body.make,
        272: body.model,
        306: f"{time:%Y:%m:%d %H:%M:%S}" if time else "",
        50708: unique or "Unknown",  # UniqueCameraModel, which must not be missing
        50735: body.serial,
    }
    tags = [_tag(number, _ASCII, ascii_text(text)) for number, text in texts.items() if text]
    return [*tags, _tag(274, _SHORT, (original.exposure.orientation or 1,))]


def _area_tags(original: Original) -> list[Tag]:
    """Return the active area, and the crop, all of it where none is known."""
    area = _from_even_corner(original.visible)
    crop = area.intersection(original.crop) if original.crop else area
    return [
        _tag(50829, _LONG, (area.y, area.x, area.y + area.height, area.x + area.width)),  # ActiveArea
        _tag(50718, _RATIONAL, (*fraction(original.pixel_aspect), 1, 1)),  # DefaultScale
        _tag(50719, _LONG, (crop.x - area.x, crop.y - area.y)),  # DefaultCropOrigin
        _tag(50720, _LONG, (crop.width, crop.height)),  # DefaultCropSize
    ]


def _level_tags(original: Original) -> list[Tag]:
    """Return black of each plane, and white."""
    step = original.cfa.step
    return [
        _tag(50713, _SHORT, (step, step)),  # BlackLevelRepeatDim
        _tag(50714, _SHORT, original.black_level),
        _tag(50717, _LONG, (original.white_level,)),
    ]


def _colour_tags(original: Original) -> list[Tag]:
    """Return where the filters are, and what their colours are."""
    matrix = [part for row in original.colour_matrix or _SRGB for part in row]
    return [
        _tag(33421, _SHORT, (2, 2)),  # CFARepeatPatternDim
        _tag(33422, _BYTE, bytes(_COLOUR[letter] for letter in original.cfa.name)),  # CFAPattern
        _tag(50710, _BYTE, bytes((0, 1, 2))),  # CFAPlaneColor: red, green, blue
        _tag(50711, _SHORT, (1,)),  # CFALayout: rectangular
        _tag(50721, _SRATIONAL, _fixed(matrix, _MATRIX_UNIT)),  # ColorMatrix1
        _tag(50778, _SHORT, (_D65,)),  # CalibrationIlluminant1
        _tag(50728, _RATIONAL, _fixed(original.neutral, _NEUTRAL_UNIT)),  # AsShotNeutral
    ]


def _from_even_corner(area: Rect) -> Rect:
    """Return an area without its first row and column where these are odd."""
    cut_x, cut_y = area.x % 2, area.y % 2
    return Rect(area.x + cut_x, area.y + cut_y, area.width - cut_x, area.height - cut_y)


def _fixed(numbers: Iterable[float], unit: int) -> tuple[int, ...]:
    """Return fractions of one denominator, each as two numbers."""
    return tuple(part for number in numbers for part in (round(number * unit), unit))


def _tag(number: int, kind: int, value: tuple[int, ...] | bytes) -> Tag:
    """Return a tag as tifffile takes it; a fraction counts once."""
    count = len(value) // 2 if kind in (_RATIONAL, _SRATIONAL) else len(value)
    return number, kind, count, value, True
