"""Where and how a NEF keeps its compressed mosaic: the few TIFF directories that lead there, read without trusting any.

Offsets lead from the first directory to a SubIFD (the mosaic) and over the EXIF directory to the MakerNote, which is a
TIFF of its own. Each directory is visited once, whatever it says, so loops cannot hold the reader up.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.nef.codes import LOSSLESS, LOSSLESS_14, LOSSY, LOSSY_14, LOSSY_14_AFTER, LOSSY_AFTER
from sensormap.decode.nef.strip import StripCoding
from sensormap.decode.tiff import BYTE, CFA_MOSAIC, EXIF_DIRECTORY, LONG, TEXT, Tiff, TiffField, open_tiff
from sensormap.errors import DecodeError
from sensormap.photos.maker_note import MAKER_NOTE, NIKON_NOTE, NIKON_NOTE_HEADER

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
_STARTS_PLACE, _COUNT_PLACE, _TABLE_PLACE, _SPLIT_PLACE = 2, 10, 12, 562  # bytes in tag 0x0096
# Lossy with some values of the table, and a row from which on another code is used; and the share of all indices that
# the table is for.
_WITH_KNOTS = {b"\x44\x20": 1, b"\x44\x40": 4}
_LOSSY_TYPES = (1, 4)
_SPLIT_CODES = {12: (LOSSY, LOSSY_AFTER), 14: (LOSSY_14, LOSSY_14_AFTER)}
_SPLIT_MARGIN = 16  # indices by which rows after a split may leave the table, as LibRaw has it

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
        MakerNote tag 0x0093: 1 lossy type 1, 3 lossless, 4 lossy type 2.
    linearisation
        The bytes of MakerNote tag 0x0096: version, start values, table, and the row of a split.
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
    file = open_tiff(data, name, 0)
    if file is None:
        return None
    main = file.directory(struct.unpack_from(f"{file.order}I", data, 4)[0])
    maker = main.get(_MAKE)
    if maker is None or maker.type != TEXT or not file.content(maker).startswith(_NIKON):
        return None  # others take such a file for another maker's
    parts = [file.directory(offset) for offset in file.numbers(main, _SUBDIRECTORIES, most=_MOST_SUBDIRECTORIES)]
    raws = [part for part in parts if file.numbers(part, _COMPRESSION) == (_NIKON_COMPRESSED,)]
    if len(raws) != 1 or file.numbers(raws[0], _PHOTOMETRIC) != (CFA_MOSAIC,):
        return None
    raw = raws[0]
    note = _note(file, main)
    fields = _compression_fields(note) if note else None
    # A strip's place and length must be rewritten at need, in the four bytes that they have.
    rewritable = all((tag in raw and raw[tag].type == LONG) for tag in (_STRIP_OFFSET, _STRIP_LENGTH))
    if not fields or not rewritable or file.numbers(raw, _CFA_SIZE, most=2) != (2, 2):
        return None
    numbers = [file.numbers(raw, tag) for tag in (_WIDTH, _HEIGHT, _BITS, _STRIP_OFFSET, _STRIP_LENGTH)]
    if not all(numbers):
        return None
    width, height, bits, offset, length = (values[0] for values in numbers)
    places = (raw[_STRIP_OFFSET].place, raw[_STRIP_LENGTH].place)
    _check_strip(file, offset, length, places)
    colours = raw.get(_CFA_COLOURS)
    filters = file.content(colours) if colours and (colours.type, colours.count) == (BYTE, 4) else b""
    return RawStrip(file.order, width, height, bits, offset, length, *places, *fields, filters)


def strip_coding(raw: RawStrip, name: str) -> StripCoding | None:
    """Return how a strip is coded, or None where it is in a way that `strip` does not read.

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
    knots = raw.compression in _LOSSY_TYPES and raw.bits in _SPLIT_CODES and kind[1] in _WITH_KNOTS
    code = _SPLIT_CODES[raw.bits][0] if knots else _CODES.get((kind, raw.bits))
    if code is None:
        return None
    if len(table) < _TABLE_PLACE:
        msg = f"{name}: MakerNote tag 0x0096 of {len(table)} bytes, expected at least {_TABLE_PLACE}"
        raise DecodeError(msg)
    starts = struct.unpack_from(f"{order}4H", table, _STARTS_PLACE)
    if max(starts) >= code.most_levels:
        msg = f"{name}: start values {', '.join(map(str, starts))}, expected below {code.most_levels}"
        raise DecodeError(msg)
    if knots:
        return _coding_with_split(table, order, raw.bits, starts, name)
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


def _note(file: Tiff, main: dict[int, TiffField]) -> Tiff | None:
    """Return the TIFF inside the MakerNote, if it is Nikon's of this kind."""
    exif = file.numbers(main, EXIF_DIRECTORY)
    field = file.directory(exif[0]).get(MAKER_NOTE) if exif else None
    if field is None or not file.content(field).startswith(NIKON_NOTE):
        return None
    note = open_tiff(file.data, file.name, field.place + NIKON_NOTE_HEADER)
    return note if note and note.order == file.order else None  # readers differ on the order of mixed ones


def _compression_fields(note: Tiff) -> tuple[int, bytes] | None:
    """Return compression and linearisation as a MakerNote tells them."""
    fields = note.directory(struct.unpack_from(f"{note.order}I", note.data, note.base + 4)[0])
    compression = note.numbers(fields, _NIKON_COMPRESSION)
    if not compression or _LINEARISATION not in fields:
        return None
    return compression[0], note.content(fields[_LINEARISATION])


def _check_strip(file: Tiff, offset: int, length: int, places: tuple[int, int]) -> None:
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
    _check_ascending(levels, name)
    return levels


def _coding_with_split(
    table: bytes, order: str, bits: int, starts: tuple[int, int, int, int], name: str
) -> StripCoding | None:
    """Return the coding of a strip by a tag 0x0096 that has knots and a split; None where readers may differ on it."""
    code, after = _SPLIT_CODES[bits]
    (count,) = struct.unpack_from(f"{order}H", table, _COUNT_PLACE)
    most = code.most_levels // _WITH_KNOTS[table[:_STARTS_PLACE]]
    if count < 2 or most % (count - 1) or _TABLE_PLACE + 2 * count > _SPLIT_PLACE or len(table) < _SPLIT_PLACE + 2:
        return None
    knots = np.frombuffer(table, f"{order}u2", count, _TABLE_PLACE).astype(np.int64)
    _check_ascending(knots, name)
    step = most // (count - 1)
    part = np.arange(step)
    levels = ((knots[:-1, None] * (step - part) + knots[1:, None] * part) // step).astype(np.uint16).ravel()
    # Cameras' tables end flat; what an index behind the first of the equal levels stands for is never asked for.
    levels = levels[: max(int(np.searchsorted(levels, levels[-1])) + 1, 2)]
    (split,) = struct.unpack_from(f"{order}H", table, _SPLIT_PLACE)
    if not split:
        return StripCoding(code, starts, levels)
    if len(levels) + _SPLIT_MARGIN > most:
        return None
    first, second, third, fourth = (start + _SPLIT_MARGIN for start in starts)
    levels = np.pad(levels, _SPLIT_MARGIN, "edge")
    return StripCoding(code, (first, second, third, fourth), levels, split, after, _SPLIT_MARGIN)


def _check_ascending(levels: NDArray[np.integer], name: str) -> None:
    """Insist that a table never falls."""
    if (levels[1:] < levels[:-1]).any():
        at = int(np.argmax(levels[1:] < levels[:-1]))
        msg = f"{name}: table falls from {levels[at]} to {levels[at + 1]} DN at index {at + 1}, expected it to ascend"
        raise DecodeError(msg)
