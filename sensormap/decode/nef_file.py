"""Where and how a NEF keeps its compressed mosaic: the few TIFF directories that lead there, read without trusting any.

Offsets lead from the first directory to a SubIFD (the mosaic) and over the EXIF directory to the MakerNote, which is a
TIFF of its own. Each directory is visited once, whatever it says, so loops cannot hold the reader up.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.nef_strip import LOSSLESS, LOSSLESS_14, LOSSY, LOSSY_14, StripCoding
from sensormap.errors import DecodeError
from sensormap.photos.files import TIFF_ORDERS
from sensormap.photos.maker_note import MAKER_NOTE, NIKON_NOTE, NIKON_NOTE_HEADER

EXIF_DIRECTORY = 0x8769
CFA_MOSAIC = 32803
"""Photometric interpretation of a mosaic behind colour filters, in TIFF/EP and DNG."""
BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value of each type that TIFF knows."""

# Tags of a TIFF directory.
_MAKE, _SUBDIRECTORIES = 0x010F, 0x014A
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
_STRIP_OFFSET, _STRIP_LENGTH, _CFA_SIZE, _CFA_COLOURS = 0x0111, 0x0117, 0x828D, 0x828E

# Nikon's own: the compression of the mosaic, and the MakerNote's tags that say how.
_NIKON = b"NIKON"  # how the maker's name begins
_NIKON_COMPRESSED = 34713
_NIKON_COMPRESSION, _LINEARISATION = 0x0093, 0x0096
_LOSSY, _LOSSLESS = (1, b"\x44\x10"), (3, b"\x46\x30")  # 0x0093, and how 0x0096 starts; lossy with the full table
_CODES = {(_LOSSY, 12): LOSSY, (_LOSSLESS, 12): LOSSLESS, (_LOSSY, 14): LOSSY_14, (_LOSSLESS, 14): LOSSLESS_14}
_STARTS_PLACE, _COUNT_PLACE, _TABLE_PLACE = 2, 10, 12  # bytes in tag 0x0096

_ENTRY_BYTES = 12
_FORM_OF_TYPE = {3: "H", 4: "I", 13: "I"}  # of the whole numbers that are asked for here, as in `struct`
_BYTE, _TEXT, _LONG = 1, 2, 4  # types: numbers of 8 bits, text, numbers of 32 bits
_MOST_SUBDIRECTORIES = 8  # cameras write two or three
_ALIGNMENT = 512  # bytes: where cameras let strips begin


@dataclass(frozen=True)
class RawStrip:
    """Where and how a NEF holds its compressed mosaic.

    Parameters
    ----------
    order
        ``"<"`` or ``">"``, as in `struct`: the byte order of all numbers in the file.
    width, height
        Size of the raw grid, photosites.
    bits
        Bits of a value.
    offset, length
        Start of the strip in the file, and its length, in bytes; it lies wholly inside.
    offset_place, length_place
        Places in the file of these two as 32-bit numbers, outside the strip.
    compression
        MakerNote tag 0x0093: 1 lossy type 1, 3 lossless.
    linearisation
        The bytes of MakerNote tag 0x0096: version, start values, table.
    filters
        Colours of the four filters, from raw-grid (0, 0), row by row: 0 red, 1 green, 2 blue; nothing where the file
        does not say.
    """

    order: str
    width: int
    height: int
    bits: int
    offset: int
    length: int
    offset_place: int
    length_place: int
    compression: int
    linearisation: bytes
    filters: bytes = b""


def find_strip(data: bytes, name: str) -> RawStrip | None:
    """Find the compressed mosaic of a NEF.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages.

    Returns
    -------
    RawStrip or None
        None where the file is no NEF, or none whose mosaic is one Nikon-compressed strip behind a Bayer pattern.

    Raises
    ------
    DecodeError
        If it is one, but what it tells lies outside the file.

    Notes
    -----
    The tags are those of TIFF 6.0 and TIFF/EP (ISO 12234-2), and Nikon's as ExifTool names them.
    """
    file = _open(data, name, 0)
    if file is None:
        return None
    main = file.directory(struct.unpack_from(f"{file.order}I", data, 4)[0])
    maker = main.get(_MAKE)
    if maker is None or maker.type != _TEXT or not file.content(maker).startswith(_NIKON):
        return None  # others take such a file for another maker's
    parts = [file.directory(offset) for offset in file.numbers(main, _SUBDIRECTORIES, most=_MOST_SUBDIRECTORIES)]
    raws = [part for part in parts if file.numbers(part, _COMPRESSION) == (_NIKON_COMPRESSED,)]
    if len(raws) != 1 or file.numbers(raws[0], _PHOTOMETRIC) != (CFA_MOSAIC,):
        return None
    raw = raws[0]
    note = _note(file, main)
    fields = _compression_fields(note) if note else None
    # A strip's place and length must be rewritten at need, in the four bytes that they have.
    rewritable = all((tag in raw and raw[tag].type == _LONG) for tag in (_STRIP_OFFSET, _STRIP_LENGTH))
    if not fields or not rewritable or file.numbers(raw, _CFA_SIZE, most=2) != (2, 2):
        return None
    numbers = [file.numbers(raw, tag) for tag in (_WIDTH, _HEIGHT, _BITS, _STRIP_OFFSET, _STRIP_LENGTH)]
    if not all(numbers):
        return None
    width, height, bits, offset, length = (values[0] for values in numbers)
    places = (raw[_STRIP_OFFSET].place, raw[_STRIP_LENGTH].place)
    _check_strip(file, offset, length, places)
    colours = raw.get(_CFA_COLOURS)
    filters = file.content(colours) if colours and (colours.type, colours.count) == (_BYTE, 4) else b""
    return RawStrip(file.order, width, height, bits, offset, length, *places, *fields, filters)


def strip_coding(raw: RawStrip, name: str) -> StripCoding | None:
    """Return how a strip is coded, or None where it is in a way that `nef_strip` does not read.

    Parameters
    ----------
    raw
        The strip, as `find_strip` returns it.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If MakerNote tag 0x0096 is too short, or its numbers make no sense.
    """
    order, table = raw.order, raw.linearisation
    kind = (raw.compression, table[:_STARTS_PLACE])
    code = _CODES.get((kind, raw.bits))
    if code is None:
        return None
    if len(table) < _TABLE_PLACE:
        msg = f"{name}: MakerNote tag 0x0096 of {len(table)} bytes, expected at least {_TABLE_PLACE}"
        raise DecodeError(msg)
    starts = struct.unpack_from(f"{order}4H", table, _STARTS_PLACE)
    if max(starts) >= code.most_levels:
        msg = f"{name}: start values {', '.join(map(str, starts))}, expected below {code.most_levels}"
        raise DecodeError(msg)
    if kind == _LOSSLESS:
        return StripCoding(code, starts, np.arange(code.most_levels, dtype=np.uint16))
    return StripCoding(code, starts, _levels(table, order, code.most_levels, name))


def with_strip(data: bytes, raw: RawStrip, strip: bytes) -> bytes:
    """Return a file with another strip; all other bytes stay where and what they are.

    Parameters
    ----------
    data
        The whole file.
    raw
        Place and size of its strip, as `find_strip` returns it.
    strip
        The new one. If it is no longer than the old one, zeros behind it fill the place. If it is, it grows at the end
        of the file; where something lies behind the old strip, the new one goes to the end and the old one stays too.
    """
    end = raw.offset + raw.length
    if len(strip) <= raw.length:
        return b"".join([data[: raw.offset], strip.ljust(raw.length, b"\0"), data[end:]])
    while len(strip) in uncompressed_lengths(raw):
        strip += b"\0"
    offset = raw.offset
    if end < len(data):
        offset = -(-len(data) // _ALIGNMENT) * _ALIGNMENT
    file = bytearray(data[:offset].ljust(offset, b"\0"))
    struct.pack_into(f"{raw.order}I", file, raw.offset_place, offset)
    struct.pack_into(f"{raw.order}I", file, raw.length_place, len(strip))
    return bytes(file + strip)


def uncompressed_lengths(raw: RawStrip) -> set[int]:
    """Return the lengths in bytes of strips that LibRaw takes for uncompressed layouts."""
    area = raw.width * raw.height
    padded = {-(-raw.width // 10) * 16 * raw.height, -(-raw.width * 3 // 32) * 16 * raw.height}
    return {area * 3 // 2, area * 2, area * 3} | padded


@dataclass(frozen=True)
class TiffField:
    """One entry of a directory: its type, its number of values, and where in the file these lie."""

    type: int
    count: int
    place: int


@dataclass(frozen=True)
class _Tiff:
    """A TIFF inside a file: its offsets count from `base`, positions here from the start of the file."""

    data: bytes
    name: str
    base: int
    order: str

    def directory(self, offset: int) -> dict[int, TiffField]:
        """Return a directory's fields by tag; none where it does not lie inside the file."""
        start = self.base + offset
        if start + 2 > len(self.data):
            return {}
        (count,) = struct.unpack_from(f"{self.order}H", self.data, start)
        entries = self.data[start + 2 : start + 2 + _ENTRY_BYTES * count]
        if len(entries) < _ENTRY_BYTES * count:
            return {}
        fields = {}
        for i, (tag, kind, values, where) in enumerate(struct.iter_unpack(f"{self.order}HHII", entries)):
            inline = values * BYTES_OF_TYPE.get(kind, 1) <= 4
            fields[tag] = TiffField(kind, values, start + 10 + _ENTRY_BYTES * i if inline else self.base + where)
        return fields

    def content(self, field: TiffField) -> bytes:
        """Return the bytes of a field's values."""
        size = field.count * BYTES_OF_TYPE.get(field.type, 1)
        if field.place + size > len(self.data):
            msg = f"{self.name}: {size} bytes at {field.place}, expected inside the file's {len(self.data)} bytes"
            raise DecodeError(msg)
        return self.data[field.place : field.place + size]

    def numbers(self, fields: dict[int, TiffField], tag: int, *, most: int = 1) -> tuple[int, ...]:
        """Return a field's whole numbers; none where it is missing, of another type, or has too many."""
        field = fields.get(tag)
        if field is None or field.type not in _FORM_OF_TYPE or field.count > most:
            return ()
        return struct.unpack(f"{self.order}{field.count}{_FORM_OF_TYPE[field.type]}", self.content(field))


def _open(data: bytes, name: str, base: int) -> _Tiff | None:
    """Return the TIFF that starts at a position, if one does."""
    order = TIFF_ORDERS.get(data[base : base + 4])
    return _Tiff(data, name, base, order) if order and base + 8 <= len(data) else None


def _note(file: _Tiff, main: dict[int, TiffField]) -> _Tiff | None:
    """Return the TIFF inside the MakerNote, if it is Nikon's of this kind."""
    exif = file.numbers(main, EXIF_DIRECTORY)
    field = file.directory(exif[0]).get(MAKER_NOTE) if exif else None
    if field is None or not file.content(field).startswith(NIKON_NOTE):
        return None
    note = _open(file.data, file.name, field.place + NIKON_NOTE_HEADER)
    return note if note and note.order == file.order else None  # readers differ on the order of mixed ones


def _compression_fields(note: _Tiff) -> tuple[int, bytes] | None:
    """Return compression and linearisation as a MakerNote tells them."""
    fields = note.directory(struct.unpack_from(f"{note.order}I", note.data, note.base + 4)[0])
    compression = note.numbers(fields, _NIKON_COMPRESSION)
    if not compression or _LINEARISATION not in fields:
        return None
    return compression[0], note.content(fields[_LINEARISATION])


def _check_strip(file: _Tiff, offset: int, length: int, places: tuple[int, int]) -> None:
    """Insist that the strip lies in the file, and not over the numbers that tell where it lies."""
    if offset + length > len(file.data):
        msg = f"{file.name}: strip of {length} bytes at {offset}, expected inside the file's {len(file.data)} bytes"
        raise DecodeError(msg)
    if any(offset - 4 < place < offset + length for place in places):
        msg = f"{file.name}: strip of {length} bytes at {offset} lies over the directory that names it"
        raise DecodeError(msg)


def _levels(table: bytes, order: str, most: int, name: str) -> NDArray[np.uint16]:
    """Return the value of each index, ascending, in DN, as tag 0x0096 lists them; at most `most`."""
    (count,) = struct.unpack_from(f"{order}H", table, _COUNT_PLACE)
    if not 2 <= count <= most or _TABLE_PLACE + 2 * count > len(table):
        msg = f"{name}: table of {count} levels in {len(table)} bytes, expected 2 to {most} of 2 bytes each"
        raise DecodeError(msg)
    levels = np.frombuffer(table, f"{order}u2", count, _TABLE_PLACE).astype(np.uint16)
    if (levels[1:] < levels[:-1]).any():
        at = int(np.argmax(levels[1:] < levels[:-1]))
        msg = f"{name}: table falls from {levels[at]} to {levels[at + 1]} DN at index {at + 1}, expected it to ascend"
        raise DecodeError(msg)
    return levels
