"""The camera that took a photo, and its settings: EXIF tags and MakerNotes, read without trusting any of it.

exifread trusts files. Here it is bounded in bytes and reads, and what it raises on damage is caught; what is
implausible counts as not told.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

import exifread
from exifread.core.exceptions import ExifError

from sensormap.camera.profile import MAX_NAME_LENGTH, Body, shared_body
from sensormap.camera.serial_tags import EXIF, IFD0, NOTE, serial_tags
from sensormap.errors import DecodeError, EditedError
from sensormap.frame import MAX_ISO, MAX_SHUTTER_S, YEARS, Exposure, Photo, PhotoPath, VideoFrame
from sensormap.photos.astro import fits_facts
from sensormap.photos.astro.fits_header import find_image
from sensormap.photos.astro.ser import problem_of, read_ser_photo
from sensormap.photos.files import JPEG_START, PARSER_ERRORS, is_fits_name, is_jpeg_name, is_ser_name, opened
from sensormap.photos.jpeg_markers import segments, stored_size
from sensormap.photos.maker_note import (
    NIKON_NOTE,
    Note,
    find_note,
    opens_with,
    read_note,
    temperature_of,
    temperature_tag,
)
from sensormap.photos.mark import check_unmarked

log = logging.getLogger(__name__)

Tags = dict[str, Any]
"""Tags by exifread's names."""

ReadHeader = Callable[[PhotoPath], Photo]
"""Reads what the header of a photo says: `read_photo`, or something that remembers what it returns."""

MAX_SHUTTER_COUNT = 100_000_000  # bodies are rated for less than a million

_MOST_DIGITS = 40  # of a number that is stored as text

# Bounds of what is read.
MAX_READS = 50_000  # real files take 500 to 5000; a hostile directory could ask for a hundred million
MAX_READ_BYTES = 1 << 23  # real files take some 10 kB
MAX_BLOCK_BYTES = 1 << 20  # EXIF of the containers that exifread does not know; a preview may be among it

# Tags of a note of Nikon's that holds a TIFF of its own; those of other notes have other meanings.
_NIKON_NOISE_REDUCTION, _NIKON_SHUTTER_COUNT, _NIKON_ISO = (0x0095,), (0x00A7,), (0x0002,)
_LONG_EXPOSURE_NR = "FPNR"  # the note's word for a dark frame subtracted in camera

# How containers start, and where EXIF stands in them.
_HEAD_BYTES = 256  # enough to know a container by
_APP1, _EXIF = 0xE1, b"Exif\0\0"  # JPEG: the marker of a segment that may hold EXIF, and how it starts then
_RAF, _RAF_JPEG_START = b"FUJIFILMCCD-RAW", 84  # Fujifilm: where the embedded JPEG's offset stands
_CR3, _CR3_EXIF = b"ftypcrx ", (b"CMT1", b"CMT2")  # Canon: the boxes of the main and of the EXIF directory

_EXIFREAD_ERRORS = (*PARSER_ERRORS, ExifError, RecursionError, DecodeError)  # the last: of a JPEG's markers

# Words in EXIF's Software, in lower case, where an editor wrote a JPEG. Firmware tells its version there.
EDITORS = (
    "acd systems", "acdsee", "affinity", "afterlight", "aperture", "capture nx", "capture one", "corel", "darktable",
    "dcraw", "digikam", "digital photo professional", "dxo filmpack", "dxo optics", "dxo photolab", "dxo pureraw",
    "f-spot", "facetune", "faststone", "fotor", "fotoxx", "gimp", "graphicconverter", "graphicsmagick", "gthumb",
    "gwenview", "hugin", "image data converter", "imagemagick", "imageready", "imaging edge", "instagram", "iphoto",
    "irfanview", "krita", "lightroom", "luminar", "meitu", "nx studio", "olympus master", "olympus studio",
    "olympus viewer", "om workspace", "paint", "photo gallery", "photofiltre", "photoimpact", "photomatix", "photos ",
    "photoscape", "photoshop", "picasa", "picture manager", "pixelmator", "pixlr", "polarr", "ptgui", "quicktime",
    "raw file converter", "rawstudio", "rawtherapee", "shotwell", "showfoto", "silkypix", "snapseed", "topaz",
    "ufraw", "viewnx", "vsco", "windows live", "windows photo", "xnview", "zoner",
)  # fmt: skip

# exifread warns of every damaged tag on a logger of its own; what matters of it is told by the reader of the photo.
logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)


def read_photo(path: PhotoPath, *, corrected: bool = False) -> Photo:
    """Read the camera that took a photo and its settings, without decoding the photo.

    Parameters
    ----------
    path
        Any file, of which only the kilobytes that hold EXIF are read.
    corrected
        Whether it may be a copy that sensormap corrected, or wrote a list into: it tells the same camera.

    Returns
    -------
    Photo
        Its body is empty and its settings are None as far as there is no usable EXIF; implausible values count as none.
        `jpeg_size` is known where the file is named like a JPEG.

    Raises
    ------
    DecodeError
        If the file is missing, unreadable, empty, too large, no regular file, or a copy that sensormap corrected; or
        if it is named like a JPEG and is none, or not as a camera wrote it.
    """
    if isinstance(path, VideoFrame):
        return read_ser_photo(path)
    if is_ser_name(path):
        msg = f"{path.name}: {problem_of(path)}"
        raise DecodeError(msg)
    with opened(path) as (found, size, file):
        if not corrected:
            check_unmarked(file, path.name)
        if is_fits_name(path):
            keywords = find_image(file, path.name).keywords
            return Photo(found, size, fits_facts.body_of(keywords), fits_facts.exposure_of(keywords))
        jpeg_size = stored_size(file, path.name) if is_jpeg_name(path) else None
        tags, note = read_tags(file)
    if jpeg_size is not None:
        _check_unedited(tags, jpeg_size, path.name)
    return Photo(found, size, body_of(tags, note), exposure_of(tags, note), jpeg_size)


def read_tags(file: BinaryIO) -> tuple[Tags, Note]:
    """Read a file's EXIF tags and those of its MakerNote.

    Parameters
    ----------
    file
        An open file, of which only the kilobytes that hold EXIF are read.

    Returns
    -------
    tuple of dict
        The tags by exifread's names; and those of the note that are needed. Either ends early, or is empty, where the
        file is damaged or has none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    tags: Tags = {}
    note: Note = {}
    with _damage_logged():
        file = _jpeg_block(file) or file
        tags = _read_main(file)
    with _damage_logged():
        note = _read_note(file, tags)
    return tags, note


def body_of(tags: Tags, note: Note) -> Body:
    """Return the camera by a photo's tags, as `read_tags` returns them; "" for what they do not tell."""
    make = text_of(tags, "Image Make")
    numbered = {(name.split(" ", 1)[0], tag.tag): tag.values for name, tag in tags.items()}
    places = {IFD0: "Image", EXIF: "EXIF"}
    model = text_of(tags, "Image Model")
    for tag in serial_tags(make):
        in_note = tag.directory == NOTE
        value = note.get(tag.path) if in_note else numbered.get((places[tag.directory], tag.path[0]))
        serial = _clean(value).removeprefix("NO=").strip()  # as the first bodies of one maker write it
        if serial.strip("0"):
            return shared_body(make, model, serial)
    return shared_body(make, model, "")


def exposure_of(tags: Tags, note: Note) -> Exposure:
    """Return a photo's settings by its tags, as `read_tags` returns them; each None unless plausible.

    Numbers count whatever type a camera stores them as; a time or ISO of zero stands for no value.
    """
    noise_reduction = _clean(note.get(_NIKON_NOISE_REDUCTION))
    return Exposure(
        iso=_iso(tags, note),
        shutter_s=_shutter(tags),
        time=_time(tags),
        orientation=_within(_integer(tags, "Image Orientation"), 1, 8),
        shutter_count=_within(_first_integer(note.get(_NIKON_SHUTTER_COUNT)), 0, MAX_SHUTTER_COUNT),
        long_exposure_nr=_LONG_EXPOSURE_NR in noise_reduction if noise_reduction else None,
        temperature_c=temperature_of(text_of(tags, "Image Make"), note),
    )


def text_of(tags: Tags, *names: str) -> str:
    """Return the first of some tags that holds text, printable characters only; "" where none does."""
    return next((text for name in names if name in tags and (text := _clean(tags[name].values))), "")


def _clean(value: object) -> str:
    """Return a tag's value as text of printable characters; "" where it is none, nor a single number."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, list | tuple) and len(value) == 1:
        value = str(value[0])
    if not isinstance(value, str):
        return ""
    text = "".join(letter for letter in value.split("\0")[0] if letter.isprintable()).strip()
    return text[:MAX_NAME_LENGTH].strip()


def _check_unedited(tags: Tags, size: tuple[int, int], name: str) -> None:
    """Refuse a JPEG that EXIF says was edited: by the name of its software, or by another size."""
    for tag in ("Image Software", "Image ProcessingSoftware"):
        software = text_of(tags, tag)
        if any(editor in software.lower() for editor in EDITORS):
            msg = f"{name}: edited with {software}, expected a JPEG as the camera wrote it"
            raise EditedError(msg)
    sides = _integer(tags, "EXIF ExifImageWidth"), _integer(tags, "EXIF ExifImageLength")
    if any(side and side != stored for side, stored in zip(sides, size, strict=True)):
        shown = " x ".join(str(side or "?") for side in sides)
        msg = f"{name}: EXIF says {shown} pixels, the picture has {size[0]} x {size[1]}: edited"
        raise EditedError(msg)


def _iso(tags: Tags, note: Note) -> int | None:
    """Return the ISO setting; EXIF's 16-bit field says 65535 where the number stands in a wider one."""
    names = ("EXIF ISOSpeedRatings", "EXIF RecommendedExposureIndex", "EXIF ISOSpeed")
    told = [_number(tags[name].values) if name in tags else None for name in names]
    for value in (*told, _first_integer(note.get(_NIKON_ISO, ())[::-1])):
        iso = _within(None if value is None else round(value), 1, MAX_ISO)
        if iso is not None and iso != 0xFFFF:
            return iso
    return None


def _shutter(tags: Tags) -> float | None:
    """Return the shutter time in seconds."""
    for name in ("EXIF ExposureTime", "Image ExposureTime"):
        seconds = _number(tags[name].values) if name in tags else None
        if seconds is not None and 0 < seconds < MAX_SHUTTER_S:
            return seconds
    return None


def _number(values: object) -> float | None:
    """Return the first of a tag's values as a finite number, whatever type it is stored as; None where it is none.

    Integers and fractions come as numbers, floats of either width as tuples of one, text as it is, such as ``1/60``.
    """
    value = values
    while isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, str | bytes):
        value = _clean(value).lower().removesuffix("s").replace(" ", "")[:_MOST_DIGITS]
    try:
        over, *under = value.split("/", 1) if isinstance(value, str) else [value]
        number = float(over) / float(under[0]) if under else float(over)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _time(tags: Tags) -> datetime | None:
    """Return the capture time with its subseconds."""
    names = ("EXIF DateTimeOriginal", "Image DateTimeOriginal", "EXIF DateTimeDigitized", "Image DateTime")
    for name in names:
        try:
            time = datetime.strptime(text_of(tags, name), "%Y:%m:%d %H:%M:%S")  # cameras keep no time zone
        except ValueError:
            continue
        digits = text_of(tags, "EXIF SubSecTimeOriginal") or text_of(tags, "EXIF SubSecTime")
        if time.year in YEARS:
            fraction = digits[:6] if digits.isascii() and digits.isdigit() else "0"
            return time.replace(microsecond=int(fraction.ljust(6, "0")))
    return None


def _integer(tags: Tags, name: str) -> int | None:
    """Return a tag's first value where that is a whole number."""
    return _first_integer(tags[name].values) if name in tags else None


def _first_integer(values: object) -> int | None:
    """Return the first of a tag's values where that is a whole number."""
    value = values[0] if isinstance(values, list | tuple) and values else None
    return value if isinstance(value, int) else None


def _within(value: int | None, low: int, high: int) -> int | None:
    """Return a value inside its plausible range, None otherwise."""
    return value if value is not None and low <= value <= high else None


def _read_main(file: BinaryIO) -> Tags:
    """Return the EXIF tags, also of a container that exifread does not know; its boxes hold what exifread does."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:12] == _CR3:
        head += file.read(MAX_BLOCK_BYTES)
        main, exif = (_process(BytesIO(_box(head, name))) for name in _CR3_EXIF)
        return main | {name.replace("Image ", "EXIF ", 1): tag for name, tag in exif.items()}
    return _process(file)


def _jpeg_block(file: BinaryIO) -> BinaryIO | None:
    """Return the EXIF of a JPEG, or of the one in a raw file: a TIFF of its own, an empty one where there is none.

    None for other files.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(_RAF):
        (start,) = struct.unpack_from(">I", head, _RAF_JPEG_START)
        file.seek(start)
        file = BytesIO(file.read(MAX_BLOCK_BYTES))
        head = file.read(len(JPEG_START))
    if not head.startswith(JPEG_START):
        return None
    for marker, length in segments(file, "JPEG"):
        if marker == _APP1 and (block := file.read(length)).startswith(_EXIF):
            return BytesIO(block[len(_EXIF) :])
    return BytesIO()


def _box(data: bytes, name: bytes) -> bytes:
    """Return the content of a box of a CR3 file: its length, its name, then that."""
    start = data.find(name)
    if start < 4:
        msg = f"no box {name!r}"
        raise ExifError(msg)
    (length,) = struct.unpack_from(">I", data, start - 4)
    return data[start + 4 : start - 4 + length]


def _read_note(file: BinaryIO, tags: Tags) -> Note:
    """Return those tags of the MakerNote that tell something of the body or its settings."""
    exif = _integer(tags, "Image ExifOffset")
    start = None if exif is None else find_note(file, exif)
    if start is None:
        return {}
    wanted = {tag.path for tag in serial_tags(text_of(tags, "Image Make")) if tag.directory == NOTE}
    wanted |= {tag} if (tag := temperature_tag(text_of(tags, "Image Make"))) else set()
    if opens_with(file, start, NIKON_NOTE):
        wanted |= {_NIKON_NOISE_REDUCTION, _NIKON_SHUTTER_COUNT, _NIKON_ISO}
    elif text_of(tags, "Image Make").startswith("NIKON") and not opens_with(file, start, NIKON_NOTE[:6]):
        wanted.add(_NIKON_ISO)  # the first of them, such as the D1, have the same tag in a note without an opening
    return read_note(file, start, wanted)


def _process(file: BinaryIO) -> Tags:
    """Run exifread, bounded; it leaves the MakerNote alone."""
    return exifread.process_file(_BoundedFile(file), details=False, extract_thumbnail=False)  # type: ignore[no-any-return]


@contextmanager
def _damage_logged() -> Iterator[None]:
    """Let a block end early where EXIF is damaged: what it could not read counts as not told."""
    try:
        yield
    except _EXIFREAD_ERRORS as error:
        log.debug("damaged EXIF: %s", error)


class _BoundedFile:
    """A file for exifread: no directory leads to endless reading, no count to a huge one."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.reads_left = MAX_READS
        self.bytes_left = MAX_READ_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size if 0 <= size < self.bytes_left else self.bytes_left)
        self.reads_left -= 1
        self.bytes_left -= len(data)
        if self.reads_left < 0 or self.bytes_left <= 0:
            msg = f"more than {MAX_READS} reads or {MAX_READ_BYTES} bytes"
            raise ExifError(msg)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset < 0 and whence == 0:
            msg = f"offset {offset}"
            raise ExifError(msg)
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()
