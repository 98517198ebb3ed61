"""A mosaic as a DNG: for raw photos of formats that nothing else than the camera writes.

Adobe, Digital Negative Specification 1.3, chapters 3 and 4. DNG counts crops, filters and black levels from the corner
of the active area, not from raw-grid (0, 0). Its corner is therefore always at even x and y, of X-Trans at multiples of
6, where both patterns read alike. LibRaw cuts such rows and columns away in any case, and then takes the black levels
of the wrong planes, or does not tell the pattern of X-Trans (0.22.2).

The EXIF directory, which says how the photo was taken, is put in by this module, since tifffile writes directories of
images only. Without it, its fields in the main directory, dcraw and LibRaw do not find the ISO, and RawTherapee none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO, Cfa
from sensormap.camera.geometry import Rect
from sensormap.decode.libraw import open_raw, raw_values, read_sizes
from sensormap.decode.original import Matrix, Original
from sensormap.decode.tiff import BYTES_OF_TYPE, CFA_MOSAIC, EXIF_DIRECTORY
from sensormap.errors import DecodeError, OutputError

# Types of TIFF values.
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SRATIONAL = 1, 2, 3, 4, 5, 7, 10
_INLINE_BYTES = 4  # values up to this length stand in the entry itself
_FINEST, _COARSE = 100_000, 10_000  # denominators, of numbers below and above 1: both parts have 32 bits
_WIDE_ISO = 0xFFFF  # in EXIF's 16-bit field it says that the number stands in the wider one

_VERSION = bytes((1, 3, 0, 0))
_FIRST_WITH_ACTIVE_AREA = bytes((1, 1, 0, 0))
_COLOUR = {"R": 0, "G": 1, "B": 2}
_D65 = 21  # EXIF's number of the light that LibRaw's matrices are for
_MATRIX_UNIT = 10_000  # Adobe and LibRaw give four decimals
_NEUTRAL_UNIT = 10_000_000

# For a camera whose matrix LibRaw does not know: its colours are taken for linear sRGB. IEC 61966-2-1, XYZ to sRGB.
_SRGB: Matrix = ((3.2406, -1.5372, -0.4986), (-0.9689, 1.8758, 0.0415), (0.0557, -0.2040, 1.0570))

_PHOTOMETRIC, _LINEAR_RAW = 262, 34892  # a tag, and its value for a plane without filters
_PLACEHOLDER = EXIF_DIRECTORY - 1  # a tag that nobody uses, and whose entry stands where EXIF's must: they are ordered

_DngTag = tuple[int, int, int, object, bool]
"""Number, type, count, value, and whether only the first directory gets it, as tifffile takes them."""

_ExifField = tuple[int, int, bytes]
"""Number, type and little-endian value of an entry."""


def dng_bytes(mosaic: NDArray[np.uint16], original: Original, *, opcodes: bytes | None = None) -> bytes:
    """Return a DNG file that holds a mosaic and says of it what the original photo says.

    Parameters
    ----------
    mosaic
        Photosites on the raw grid, shape ``(H, W)``, in DN, black included: those of `original`, corrected or not.
    original
        The photo that they come from.
    opcodes
        Content of the tag OpcodeList1: what a raw developer shall do with the mosaic, such as interpolate photosites.

    Returns
    -------
    bytes
        Uncompressed, 16 bits a photosite, little-endian; the same for the same arguments.

    Raises
    ------
    ValueError
        If the mosaic is not of the original's size and type.

    Notes
    -----
    DNG 1.3 [1]_ with one image in the main directory. Previews, MakerNote and whatever else the original says are not
    carried over.

    References
    ----------
    .. [1] Adobe, Digital Negative (DNG) Specification, version 1.3.0.0, 2009.
    """
    import tifffile  # noqa: PLC0415 - only writers of DNGs need it

    if mosaic.shape != original.mosaic.shape or mosaic.dtype != np.uint16:
        msg = f"mosaic of {mosaic.dtype} {mosaic.shape}, expected uint16 {original.mosaic.shape}"
        raise ValueError(msg)
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer, byteorder="<") as writer:
        place = writer.write(
            shape=mosaic.shape,
            dtype=mosaic.dtype,
            photometric=CFA_MOSAIC,
            subfiletype=0,
            software=False,
            metadata=None,
            extratags=[*_dng_tags(original, opcodes=opcodes), (_PLACEHOLDER, _LONG, 1, 0, True)],
            returnoffset=True,
        )
    # Written by tifffile, the mosaic would take a copy of its own besides the file.
    np.frombuffer(buffer.getbuffer(), "<u2", mosaic.size, place[0])[...] = mosaic.ravel()
    _complete(buffer, original)
    return buffer.getvalue()


def check_dng(data: bytes, mosaic: NDArray[np.uint16], name: str) -> None:
    """Decode a DNG again and compare it with what was to be written.

    Parameters
    ----------
    data
        The whole file.
    mosaic
        Raw values that must be in it, shape ``(H, W)``; only what LibRaw takes for image is compared.
    name
        The file's name, for messages.

    Raises
    ------
    OutputError
        If LibRaw refuses the file, or decodes anything else.
    """
    try:
        with open_raw(data, name) as raw:
            visible = read_sizes(raw, name).visible
            values = raw_values(raw)
            same_shape = values.shape == mosaic.shape
            wrong = np.count_nonzero(values[visible.slices] != mosaic[visible.slices]) if same_shape else -1
    except DecodeError as error:
        msg = f"{error}, expected the corrected mosaic when it is decoded again"
        raise OutputError(msg) from error
    if wrong:
        found = f"{wrong} photosites differ" if same_shape else f"a mosaic of shape {values.shape}"
        msg = f"{name}: decoded again, {found} from what was to be written"
        raise OutputError(msg)


def _dng_tags(original: Original, *, opcodes: bytes | None) -> list[_DngTag]:
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
    >>> tags = {tag[0]: tag[3] for tag in _dng_tags(photo, opcodes=None)}
    >>> tags[50829], tags[33422].hex(), tags[50714]
    ((0, 2, 4, 5), '01020001', (5, 6, 7, 8))
    """
    tags = [
        _tag(50706, _BYTE, _VERSION),  # DNGVersion
        _tag(50707, _BYTE, _VERSION if opcodes else _FIRST_WITH_ACTIVE_AREA),  # DNGBackwardVersion
        *_camera_tags(original),
        *_area_tags(original),
        *_level_tags(original),
        *([] if original.cfa.name == MONO else _colour_tags(original)),
    ]
    return [*tags, _tag(51008, _UNDEFINED, opcodes)] if opcodes else tags


def _camera_tags(original: Original) -> list[_DngTag]:
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
    tags = [_tag(number, _ASCII, _ascii_text(text)) for number, text in texts.items() if text]
    return [*tags, _tag(274, _SHORT, (original.exposure.orientation or 1,))]


def _area_tags(original: Original) -> list[_DngTag]:
    """Return the active area, and the crop, all of it where none is known."""
    area = _from_whole_corner(original.visible, original.cfa)
    crop = area.intersection(original.crop) if original.crop else area
    return [
        _tag(50829, _LONG, (area.y, area.x, area.y + area.height, area.x + area.width)),  # ActiveArea
        _tag(50718, _RATIONAL, (*_fraction(original.pixel_aspect), 1, 1)),  # DefaultScale
        _tag(50719, _LONG, (crop.x - area.x, crop.y - area.y)),  # DefaultCropOrigin
        _tag(50720, _LONG, (crop.width, crop.height)),  # DefaultCropSize
    ]


def _level_tags(original: Original) -> list[_DngTag]:
    """Return black of each plane, and white."""
    step, black = original.cfa.step, original.black_level
    if original.cfa.is_xtrans and len({*black}) == 1:  # which LibRaw reads better than 36 numbers
        step, black = 1, black[:1]
    return [
        _tag(50713, _SHORT, (step, step)),  # BlackLevelRepeatDim
        _tag(50714, _SHORT, black),
        _tag(50717, _LONG, (original.white_level,)),
    ]


def _colour_tags(original: Original) -> list[_DngTag]:
    """Return where the filters are, and what their colours are."""
    matrix = [part for row in original.colour_matrix or _SRGB for part in row]
    step, letters = original.cfa.step, original.cfa.name.replace("/", "")
    return [
        _tag(33421, _SHORT, (step, step)),  # CFARepeatPatternDim
        _tag(33422, _BYTE, bytes(_COLOUR[letter] for letter in letters)),  # CFAPattern
        _tag(50710, _BYTE, bytes((0, 1, 2))),  # CFAPlaneColor: red, green, blue
        _tag(50711, _SHORT, (1,)),  # CFALayout: rectangular
        _tag(50721, _SRATIONAL, _fixed(matrix, _MATRIX_UNIT)),  # ColorMatrix1
        _tag(50778, _SHORT, (_D65,)),  # CalibrationIlluminant1
        _tag(50728, _RATIONAL, _fixed(original.neutral, _NEUTRAL_UNIT)),  # AsShotNeutral
    ]


def _from_whole_corner(area: Rect, cfa: Cfa) -> Rect:
    """Return an area without its first rows and columns, such that its corner lies where the pattern begins anew.

    Examples
    --------
    >>> _from_whole_corner(Rect(3, 4, 20, 10), Cfa("GBRG"))
    Rect(x=4, y=4, width=19, height=10)
    """
    period = max(cfa.step, 2)
    cut_x, cut_y = -area.x % period, -area.y % period
    return Rect(area.x + cut_x, area.y + cut_y, area.width - cut_x, area.height - cut_y)


def _fixed(numbers: Iterable[float], unit: int) -> tuple[int, ...]:
    """Return fractions of one denominator, each as two numbers."""
    return tuple(part for number in numbers for part in (round(number * unit), unit))


def _tag(number: int, kind: int, value: tuple[int, ...] | bytes) -> _DngTag:
    """Return a tag as tifffile takes it; a fraction counts once."""
    count = len(value) // 2 if kind in (_RATIONAL, _SRATIONAL) else len(value)
    return number, kind, count, value, True


def _exif_directory(original: Original, start: int) -> bytes:
    """Return the EXIF directory of a photo.

    Parameters
    ----------
    original
        The photo.
    start
        Place of the directory in the file, in bytes; even.

    Returns
    -------
    bytes
        Little-endian: entries by ascending number, then the values that are too long for their entries.
        EXIF 2.31 (CIPA DC-008), of which only what is known is written.
    """
    fields = [(0x9000, _UNDEFINED, b"0231"), *_setting_fields(original), *_time_fields(original)]  # ExifVersion
    texts = {0xA431: original.body.serial, 0xA434: original.lens}  # BodySerialNumber, LensModel
    fields += [(number, _ASCII, _ascii_text(text)) for number, text in texts.items() if text]
    entries, values = struct.pack("<H", len(fields)), b""
    values_start = start + 2 + 12 * len(fields) + 4
    for number, kind, data in sorted(fields):
        entries += struct.pack("<HHI", number, kind, len(data) // BYTES_OF_TYPE[kind])
        if len(data) <= _INLINE_BYTES:
            entries += data.ljust(_INLINE_BYTES, b"\0")
        else:
            entries += struct.pack("<I", values_start + len(values))
            values += data + b"\0" * (len(data) % 2)
    return entries + struct.pack("<I", 0) + values


def _setting_fields(original: Original) -> list[_ExifField]:
    """Return shutter time, aperture, focal length and ISO."""
    iso = original.exposure.iso
    numbers = {
        0x829A: original.exposure.shutter_s,  # ExposureTime
        0x829D: original.f_number,  # FNumber
        0x920A: original.focal_length_mm,  # FocalLength
    }
    fields = [(key, _RATIONAL, struct.pack("<2I", *_fraction(value))) for key, value in numbers.items() if value]
    if iso:
        fields.append((0x8827, _SHORT, struct.pack("<H", min(iso, _WIDE_ISO))))  # PhotographicSensitivity
    if iso and iso >= _WIDE_ISO:  # SensitivityType, of which 3 says that the number is the ISOSpeed, and that
        fields += [(0x8830, _SHORT, struct.pack("<H", 3)), (0x8833, _LONG, struct.pack("<I", iso))]
    return fields


def _time_fields(original: Original) -> list[_ExifField]:
    """Return when it was taken and when it was digitized, which is the same."""
    time = original.exposure.time
    if time is None:
        return []
    second, fraction_digits = f"{time:%Y:%m:%d %H:%M:%S}", f"{time.microsecond:06d}".rstrip("0")
    fields = [(number, _ASCII, _ascii_text(second)) for number in (0x9003, 0x9004)]  # DateTimeOriginal, -Digitized
    if fraction_digits:  # SubSecTime, -Original, -Digitized
        fields += [(number, _ASCII, _ascii_text(fraction_digits)) for number in (0x9290, 0x9291, 0x9292)]
    return fields


def _ascii_text(text: str) -> bytes:
    r"""Return text as TIFF has it: ASCII, other letters as question marks, and a zero.

    Examples
    --------
    >>> _ascii_text("Müller's D80")
    b"M?ller's D80\x00"
    """
    return text.encode("ascii", "replace") + b"\0"


def _fraction(number: float) -> tuple[int, int]:
    """Return the simplest fraction as good as a positive number of up to a hundred thousand.

    Examples
    --------
    >>> _fraction(0.004000000189989805), _fraction(7.6), _fraction(1e-9)
    ((1, 250), (38, 5), (1, 100000))
    """
    near = Fraction(number).limit_denominator(_FINEST if number < 1 else _COARSE)
    return (near.numerator, near.denominator) if near else (1, _FINEST)


def _complete(buffer: BytesIO, original: Original) -> None:
    """Write what tifffile refuses to: the EXIF directory, where it is, and a single plane that has no filters."""
    import tifffile  # noqa: PLC0415

    end = buffer.seek(0, 2)
    buffer.write(_exif_directory(original, end))
    buffer.seek(0)
    with tifffile.TiffFile(buffer) as written:
        tags = written.pages.first.tags
        if original.cfa.name == MONO:
            tags[_PHOTOMETRIC].overwrite(_LINEAR_RAW)
        entry = tags[_PLACEHOLDER].offset
    buffer.seek(entry)
    buffer.write(struct.pack("<HHII", EXIF_DIRECTORY, _LONG, 1, end))
