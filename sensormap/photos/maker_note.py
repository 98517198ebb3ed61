"""The MakerNote: its directory, found and read without trusting it, and only the tags that are asked for.

Makers write a directory as TIFF has it, behind an opening of their own; exifread reads all of it byte by byte, some 20
ms a photo where a note holds tables and previews.
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import BinaryIO, NamedTuple, TypeAlias

NoteValue: TypeAlias = "bytes | tuple[int, ...]"
Note: TypeAlias = "dict[tuple[int, ...], NoteValue]"
"""Values by their tags' numbers: one, or two where the first is of an inner directory."""

MAKER_NOTE = 0x927C
"""Tag of the maker's own notes."""

NIKON_NOTE, NIKON_NOTE_HEADER = b"Nikon\0\x02", 10
"""How a note of Nikon's starts that holds a TIFF of its own, and how many bytes stand before that TIFF."""

# Where notes keep the temperature of the sensor or the camera, by the first word of the make. ExifTool's Canon.pm,
# Olympus.pm, Pentax.pm and Sony.pm list them, as does LibRaw. Panasonic's and Nikon's, such as a D80's, keep none.
_CANON, _OLYMPUS, _PENTAX, _SONY = (0x0004,), (0x2050, 0x1500), (0x0047,), (0x9403,)
_TEMPERATURES = {
    "CANON": _CANON, "OLYMPUS": _OLYMPUS, "OM": _OLYMPUS, "PENTAX": _PENTAX, "RICOH": _PENTAX, "ASAHI": _PENTAX,
    "SONY": _SONY,
}  # fmt: skip
_CANON_PLACE, _CANON_ZERO = 12, 128  # in Canon's table of the shot, and what stands for 0 degrees there
_COLDEST_C, _HOTTEST_C = -40, 90  # cameras work from -10 to 40
_UNTOLD_BY_SONY = (0x00, 0x94)
# Sony's tables are written with each byte's third power modulo 249 in its place.
_SONY_BYTES = {pow(byte, 3, 249): byte for byte in range(249)}

_HEADS = {_SONY[0]: 6}  # of long values, how many bytes are read
_MAX_ENTRIES = 1000  # of a directory; real ones have up to some 200
_MAX_VALUE_BYTES = 256  # what is asked for has up to 32
_ENTRY_BYTES = 12
_FORMATS = {1: "s", 2: "s", 3: "H", 4: "I", 6: "s", 7: "s", 8: "h", 9: "i", 13: "I"}  # TIFF types; "s" is kept as bytes


class _Opening(NamedTuple):
    """How a note opens, how many bytes stand before its directory, and whether offsets count from the note's start."""

    start: bytes
    length: int
    own_offsets: bool


# ExifTool's MakerNotes.pm lists them. A note that opens in no such way is a directory from its first byte on, with
# offsets from the start of the file's TIFF.
_OPENINGS = (
    _Opening(b"Nikon\0\x01", 8, own_offsets=False),
    _Opening(b"OLYMPUS\0", 12, own_offsets=True),
    _Opening(b"OM SYSTEM\0", 16, own_offsets=True),
    _Opening(b"OLYMP\0", 8, own_offsets=False),
    _Opening(b"PENTAX \0", 10, own_offsets=True),
    _Opening(b"RICOH\0", 8, own_offsets=True),
    _Opening(b"AOC\0", 6, own_offsets=False),
    _Opening(b"FUJIFILM", 12, own_offsets=True),
    _Opening(b"Panasonic\0", 12, own_offsets=False),
    _Opening(b"SIGMA\0", 10, own_offsets=False),
    _Opening(b"FOVEON\0", 10, own_offsets=False),
)


class _Directory(NamedTuple):
    """The entries of a directory by tag, its byte order, and where offsets count from."""

    entries: dict[int, bytes]
    order: str
    base: int


def find_note(file: BinaryIO, exif_start: int) -> int | None:
    """Return where the MakerNote of a TIFF-like file starts, None where it has none.

    Parameters
    ----------
    file
        An open file that is a TIFF, or nearly: big- or little-endian by its first two bytes.
    exif_start
        Where its EXIF directory starts.
    """
    file.seek(0)
    order = {b"II": "<", b"MM": ">"}.get(file.read(2))
    if order is None:
        return None
    entry = _read_entries(file, exif_start, order).get(MAKER_NOTE)
    return None if entry is None else int(struct.unpack(f"{order}I", entry[-4:])[0])


def read_note(file: BinaryIO, start: int, wanted: Collection[tuple[int, ...]]) -> Note:
    """Read some tags of a MakerNote.

    Parameters
    ----------
    file
        The file, as for `find_note`.
    start
        Where the note starts.
    wanted
        The tags, each by its number, or by two where the first is of an inner directory.

    Returns
    -------
    dict
        Those of the tags that are there whole, and of a type of numbers or text.
    """
    directory = _open(file, start)
    note: Note = {}
    for path in wanted:
        inner = directory
        for number in path[:-1]:
            inner = _inside(file, inner, number)
        value = _value(file, inner, path[-1])
        if value is not None:
            note[path] = value
    return note


def temperature_tag(make: str) -> tuple[int, ...] | None:
    """Return the tag in which a maker's notes keep the temperature; None where they keep none that is known."""
    return _TEMPERATURES.get(make.upper().split(" ")[0])


def temperature_of(make: str, note: Note) -> float | None:
    r"""Return the temperature of the sensor, or of the camera, by its note; degrees Celsius, None where it is not told.

    Parameters
    ----------
    make
        The maker, as EXIF has it.
    note
        Tags of its note, among them that of `temperature_tag`.

    Examples
    --------
    >>> temperature_of("PENTAX", {(0x0047,): b"\xfb"}), temperature_of("NIKON CORPORATION", {(0x0047,): b"\xfb"})
    (-5.0, None)
    """
    tag = temperature_tag(make)
    value = None if tag is None else note.get(tag)
    found: float | None = None
    if tag == _CANON and isinstance(value, tuple) and len(value) > _CANON_PLACE and value[_CANON_PLACE]:
        found = value[_CANON_PLACE] - _CANON_ZERO
    elif tag == _PENTAX and isinstance(value, bytes):
        found = int.from_bytes(value[:1], signed=True)
    elif tag == _SONY and isinstance(value, bytes) and len(value) >= _HEADS[tag[0]]:
        told, degrees = (_SONY_BYTES.get(byte, byte) for byte in value[4:6])
        found = None if told in _UNTOLD_BY_SONY else int.from_bytes(bytes([degrees]), signed=True)
    elif tag == _OLYMPUS and isinstance(value, tuple) and value[0]:
        # Newer bodies write what the thermometer reads.
        found = 86.474958 - 0.120228 * value[0] if len(value) == 1 and value[0] > 199 else value[0]
    return round(float(found), 1) if found is not None and _COLDEST_C <= found <= _HOTTEST_C else None


def opens_with(file: BinaryIO, start: int, opening: bytes) -> bool:
    """Tell whether a note that starts somewhere in a file opens with some bytes."""
    file.seek(start)
    return file.read(len(opening)) == opening


def _open(file: BinaryIO, start: int) -> _Directory:
    """Return the directory of the note that starts somewhere."""
    file.seek(start)
    head = file.read(NIKON_NOTE_HEADER + 8)
    if head.startswith(NIKON_NOTE) and len(head) == NIKON_NOTE_HEADER + 8:
        base = start + NIKON_NOTE_HEADER
        order = "<" if head[NIKON_NOTE_HEADER:].startswith(b"II") else ">"
        (first,) = struct.unpack(f"{order}I", head[-4:])
        return _Directory(_read_entries(file, base + first, order), order, base)
    opening = next((one for one in _OPENINGS if head.startswith(one.start)), _Opening(b"", 0, own_offsets=False))
    place = start + opening.length
    order = _order(file, place)
    return _Directory(_read_entries(file, place, order), order, start if opening.own_offsets else 0)


def _inside(file: BinaryIO, directory: _Directory, number: int) -> _Directory:
    """Return the directory that an entry of another one leads to; one without entries where it does not."""
    entry = directory.entries.get(number)
    if entry is None:
        return _Directory({}, directory.order, directory.base)
    (offset,) = struct.unpack(f"{directory.order}I", entry[-4:])
    return directory._replace(entries=_read_entries(file, directory.base + offset, directory.order))


def _order(file: BinaryIO, place: int) -> str:
    """Return the byte order of a directory, which a note may have of its own: that in which it has fewer entries."""
    file.seek(place)
    count = file.read(2)
    return min("<>", key=lambda order: int.from_bytes(count, "little" if order == "<" else "big"))


def _read_entries(file: BinaryIO, place: int, order: str) -> dict[int, bytes]:
    """Return the entries of a directory by tag; none where it has more than are plausible."""
    file.seek(place)
    count = int.from_bytes(file.read(2), "little" if order == "<" else "big")
    if count > _MAX_ENTRIES:
        return {}
    data = file.read(_ENTRY_BYTES * count)
    entries = [data[at : at + _ENTRY_BYTES] for at in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES)]
    # Backwards, as the first of several entries of one tag counts.
    return {struct.unpack_from(f"{order}H", entry)[0]: entry for entry in reversed(entries)}


def _value(file: BinaryIO, directory: _Directory, number: int) -> NoteValue | None:
    """Return the value of a tag; None where there is none, or of an unknown type, or longer than is plausible."""
    entry = directory.entries.get(number)
    if entry is None:
        return None
    kind, count, offset = struct.unpack_from(f"{directory.order}HII", entry, 2)
    letter = _FORMATS.get(kind)
    size = count * struct.calcsize(f"={letter or 's'}")
    if size > _MAX_VALUE_BYTES and letter == "s" and number in _HEADS:
        size = _HEADS[number]
        file.seek(directory.base + offset)
        return file.read(size)
    if letter is None or not 0 < size <= _MAX_VALUE_BYTES:
        return None
    if size > 4:
        file.seek(directory.base + offset)
    data = entry[8 : 8 + size] if size <= 4 else file.read(size)
    if len(data) < size:
        return None
    return data if letter == "s" else struct.unpack(f"{directory.order}{count}{letter}", data)
