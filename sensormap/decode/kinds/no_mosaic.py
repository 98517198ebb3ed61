"""Raw files that are no mosaic of one exposure: told by their own names, where a file says what it is.

A defect shows at its photosite only where each value is of one photosite and one exposure. Colours that every
photosite measures, or that are filled in already, pictures made smaller in the camera, and those put together of
several exposures that were moved against each other hide or smear it.
"""

from __future__ import annotations

import struct
from io import BytesIO

from sensormap.photos.exif import Tags, read_tags, text_of
from sensormap.photos.maker_note import find_note, read_note

_FOVEON_FILE = b"FOVb"  # how an X3F begins
_HDR_PLUS = "HDR+"  # how EXIF's Software begins in the DNGs of Google's camera app
_LINEAR = "no mosaic but a linear DNG, whose colours are filled in already"
_NIKON_COMPRESSION, _HIGH_EFFICIENCY = (0x0093,), (13, 14)  # MakerNote; the latter is "High Efficiency*"
_OLYMPUS_STACKED, _HIGH_RESOLUTION = (0x2020, 0x0804), (8, 11)  # MakerNote; from a tripod, and held in the hand


def many_values(data: bytes, values: int) -> str:
    """Say what a file is of which LibRaw decodes several values a photosite.

    Parameters
    ----------
    data
        The whole file.
    values
        Number of values a photosite.

    Examples
    --------
    >>> many_values(b"FOVb" + bytes(100), 3)
    'no mosaic but a Foveon photo, of which every photosite measures all colours'
    """
    if data.startswith(_FOVEON_FILE):
        return "no mosaic but a Foveon photo, of which every photosite measures all colours"
    tags, _ = read_tags(BytesIO(data))
    make = text_of(tags, "Image Make").upper()
    if _is_dng(tags):
        if make == "APPLE":
            return "no mosaic but an Apple ProRAW, merged of several exposures, whose colours are filled in already"
        return _LINEAR
    if make.startswith(("CANON", "NIKON")):
        return "no mosaic but an sRAW or mRAW, which the camera made smaller: take its full raw photos"
    if make.startswith("SONY") and values > 3:
        return "no mosaic but a pixel-shift composite of several exposures: take the single ones"
    return f"no mosaic ({values} values a photosite), expected one value a photosite"


def composite(data: bytes) -> str:
    """Say what a file is that looks like a mosaic, but was put together of several exposures; "" for any other.

    Parameters
    ----------
    data
        The whole file.
    """
    tags, _ = read_tags(BytesIO(data))
    if _is_dng(tags) and text_of(tags, "Image Software").startswith(_HDR_PLUS):
        return "merged by the phone of several exposures (HDR+), expected a raw photo of one"
    if text_of(tags, "Image Make").upper().startswith(("OLYMPUS", "OM DIGITAL")):
        stacked = _note_numbers(data, tags, _OLYMPUS_STACKED)
        if stacked and stacked[0] in _HIGH_RESOLUTION:
            return "a high-resolution composite of several exposures, expected a raw photo of one"
    return ""


def undecodable(data: bytes) -> str:
    """Say what a file is that LibRaw does not decode; "" where nothing is known of it.

    Parameters
    ----------
    data
        The whole file.
    """
    if data.startswith(_FOVEON_FILE):
        return many_values(data, 3)
    tags, _ = read_tags(BytesIO(data))
    if text_of(tags, "Image Make").upper().startswith("NIKON"):
        compression = _note_numbers(data, tags, _NIKON_COMPRESSION)
        if compression and compression[0] in _HIGH_EFFICIENCY:
            return "compressed by Nikon High Efficiency, which LibRaw does not decode: use lossless compression"
    return ""


def _is_dng(tags: Tags) -> bool:
    return "Image DNGVersion" in tags or "Image Tag 0xC612" in tags


def _note_numbers(data: bytes, tags: Tags, path: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers of a tag of the MakerNote; none where the file has no such tag, or is damaged."""
    file = BytesIO(data)
    try:
        start = find_note(file, int(tags["Image ExifOffset"].values[0]))
        value = None if start is None else read_note(file, start, [path]).get(path)
    except (LookupError, TypeError, ValueError, ArithmeticError, OSError, struct.error):
        return ()
    numbers = value if isinstance(value, tuple | list) else (value,)
    return tuple(number for number in numbers if isinstance(number, int))
