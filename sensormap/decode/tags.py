"""EXIF tags and MakerNotes through exifread, which trusts files: bounded, and quiet about damage."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import exifread
from exifread.core.exceptions import ExifError

from sensormap.decode.markers import segments
from sensormap.errors import DecodeError

log = logging.getLogger(__name__)

# exifread warns of every damaged tag on a logger of its own; what matters of it is told by the reader of the photo.
logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)

MAX_NOTE_BYTES = 1 << 20  # real notes have up to some 200 kB, most of it a preview
MAX_PLAIN_NOTE_BYTES = 1 << 14  # exifread reads a note byte by byte, 1 ms per kB: only short ones are left to it
MAX_READS = 50_000  # real files take 500 to 5000; a hostile directory could ask for a hundred million
MAX_READ_BYTES = 1 << 23  # real files take some 10 kB

_MAKER_NOTE = 0x927C
_NIKON_NOTE = b"Nikon\0\x02"  # starts a note that holds a TIFF of its own, from its eleventh byte

_HEAD_BYTES = 256  # enough to know a container by
_JPEG, _APP1, _EXIF = b"\xff\xd8", 0xE1, b"Exif\0\0"
_RAF, _RAF_JPEG_START = b"FUJIFILMCCD-RAW", 84  # Fujifilm: where the embedded JPEG's offset stands
_CR3, _CR3_EXIF = b"ftypcrx ", (b"CMT1", b"CMT2")  # Canon: the boxes of the main and of the EXIF directory

# What exifread raises on damaged files, found by feeding it some. It has no common base.
_EXIFREAD_ERRORS = (
    ExifError,
    DecodeError,  # a JPEG's markers
    ValueError,  # includes UnicodeDecodeError
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    EOFError,
    NotImplementedError,
    RecursionError,
    struct.error,
)

Tags = dict[str, Any]


def read_tags(file: BinaryIO) -> tuple[Tags, Tags]:
    """Read a file's EXIF tags and those of its MakerNote.

    Parameters
    ----------
    file
        An open file, of which only the kilobytes that hold EXIF are read.

    Returns
    -------
    tuple of dict
        The tags by exifread's names; and the note's, as ``MakerNote 0x001D`` for a Nikon, by exifread's names for
        another maker's short note. Either ends early, or is empty, where the file is damaged or has none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    tags: Tags = {}
    note: Tags = {}
    with _damage_logged():
        file = _jpeg_block(file) or file
        tags = _read_main(file)
    with _damage_logged():
        note = _read_note(file, tags)
    return tags, note


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


def _read_main(file: BinaryIO) -> Tags:
    """Return the EXIF tags, also of the two containers that exifread does not know; they hold what it does."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(_RAF):
        (start,) = struct.unpack_from(">I", head, _RAF_JPEG_START)
        file.seek(start)
        return _process(BytesIO(file.read(MAX_NOTE_BYTES)), details=False)
    if head[4:12] == _CR3:
        head += file.read(MAX_NOTE_BYTES)
        main, exif = (_process(BytesIO(_box(head, name)), details=False) for name in _CR3_EXIF)
        return main | {name.replace("Image ", "EXIF ", 1): tag for name, tag in exif.items()}
    return _process(file, details=False)


def _jpeg_block(file: BinaryIO) -> BinaryIO | None:
    """Return the EXIF of a JPEG file, which is a TIFF of its own; an empty one where there is none."""
    file.seek(0)
    if file.read(2) != _JPEG:
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


def _process(file: BinaryIO, *, details: bool) -> Tags:
    """Run exifread, bounded."""
    return exifread.process_file(_BoundedFile(file), details=details, extract_thumbnail=False)  # type: ignore[no-any-return]


@contextmanager
def _damage_logged() -> Iterator[None]:
    """Let a block end early where EXIF is damaged: what it could not read counts as not told."""
    try:
        yield
    except _EXIFREAD_ERRORS as error:
        log.debug("damaged EXIF: %s", error)


def _read_note(file: BinaryIO, tags: Tags) -> Tags:
    """Return the MakerNote's tags as ``MakerNote 0x001D`` or by exifread's names."""
    place = _find_note(file, tags)
    if place is None:
        return {}
    offset, size = place
    file.seek(offset)
    note = file.read(min(size, MAX_NOTE_BYTES))
    if note.startswith(_NIKON_NOTE):
        inner = _process(BytesIO(note[10:]), details=False)
        return {f"MakerNote 0x{tag.tag:04X}": tag for name, tag in inner.items() if name.startswith("Image ")}
    if size > MAX_PLAIN_NOTE_BYTES:
        return {}
    return {name: tag for name, tag in _process(file, details=True).items() if name.startswith("MakerNote ")}


def _find_note(file: BinaryIO, tags: Tags) -> tuple[int, int] | None:
    """Return offset and size of the MakerNote of a TIFF-like file, or None; exifread can only read it byte by byte."""
    file.seek(0)
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None or "Image ExifOffset" not in tags:
        return None
    file.seek(tags["Image ExifOffset"].values[0])
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = file.read(12 * count)
    for tag, _, size, offset in struct.iter_unpack(f"{order}HHII", entries[: len(entries) // 12 * 12]):
        if tag == _MAKER_NOTE:
            return offset, size
    return None
