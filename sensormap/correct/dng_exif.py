"""The EXIF directory of a DNG, which says how the photo was taken.

tifffile writes directories of images only. Without this one, its fields in the main directory, dcraw and LibRaw do not
find the ISO, and RawTherapee none of it.
"""

from __future__ import annotations

import struct
from fractions import Fraction

from sensormap.decode.original import Original

ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 2, 3, 4, 5, 7
_SIZE = {ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}  # bytes of a value of each TIFF type
_INLINE_BYTES = 4  # values up to this length stand in the entry itself
_FINEST, _COARSE = 100_000, 10_000  # denominators, of numbers below and above 1: both parts have 32 bits
_WIDE_ISO = 0xFFFF  # says that the number stands in the wider field

Field = tuple[int, int, bytes]
"""Number, type and little-endian value of an entry."""


def exif_directory(original: Original, start: int) -> bytes:
    """Return the EXIF directory of a photo.

    Parameters
    ----------
    original
        The photo.
    start
        Where the directory will stand in the file, in bytes; even.

    Returns
    -------
    bytes
        Little-endian: entries by ascending number, then the values that are too long for their entries.
        EXIF 2.31 (CIPA DC-008), of which only what is known is written.
    """
    fields = [(0x9000, UNDEFINED, b"0231"), *_setting_fields(original), *_time_fields(original)]
    texts = {0xA431: original.body.serial, 0xA434: original.lens}
    fields += [(number, ASCII, ascii_text(text)) for number, text in texts.items() if text]
    entries, values = struct.pack("<H", len(fields)), b""
    values_start = start + 2 + 12 * len(fields) + 4
    for number, kind, data in sorted(fields):
        entries += struct.pack("<HHI", number, kind, len(data) // _SIZE[kind])
        if len(data) <= _INLINE_BYTES:
            entries += data.ljust(_INLINE_BYTES, b"\0")
        else:
            entries += struct.pack("<I", values_start + len(values))
            values += data + b"\0" * (len(data) % 2)
    return entries + struct.pack("<I", 0) + values


def ascii_text(text: str) -> bytes:
    r"""Return text as TIFF has it: ASCII, other letters as question marks, and a zero.

    Examples
    --------
    >>> ascii_text("Müller's D80")
    b"M?ller's D80\x00"
    """
    return text.encode("ascii", "replace") + b"\0"


def fraction(number: float) -> tuple[int, int]:
    """Return the simplest fraction as good as a positive number of up to a hundred thousand.

    Examples
    --------
    >>> fraction(0.004000000189989805), fraction(7.6), fraction(1e-9)
    ((1, 250), (38, 5), (1, 100000))
    """
    near = Fraction(number).limit_denominator(_FINEST if number < 1 else _COARSE)
    return (near.numerator, near.denominator) if near else (1, _FINEST)


def _setting_fields(original: Original) -> list[Field]:
    """Return shutter time, aperture, focal length and ISO."""
    iso = original.exposure.iso
    numbers = {0x829A: original.exposure.shutter_s, 0x829D: original.f_number, 0x920A: original.focal_length_mm}
    fields = [(key, RATIONAL, struct.pack("<2I", *fraction(value))) for key, value in numbers.items() if value]
    if iso:
        fields.append((0x8827, SHORT, struct.pack("<H", min(iso, _WIDE_ISO))))
    if iso and iso >= _WIDE_ISO:
        fields += [(0x8830, SHORT, struct.pack("<H", 3)), (0x8833, LONG, struct.pack("<I", iso))]  # 3: ISOSpeed
    return fields


def _time_fields(original: Original) -> list[Field]:
    """Return when it was taken, twice: by the shutter and by the file."""
    time = original.exposure.time
    if time is None:
        return []
    second, fraction_digits = f"{time:%Y:%m:%d %H:%M:%S}", f"{time.microsecond:06d}".rstrip("0")
    fields = [(number, ASCII, ascii_text(second)) for number in (0x9003, 0x9004)]
    if fraction_digits:
        fields += [(number, ASCII, ascii_text(fraction_digits)) for number in (0x9290, 0x9291, 0x9292)]
    return fields
