"""Notes of all makers: some tags of each are found, whatever opens it, and damage ends nothing."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.photos.exif import read_photo
from sensormap.photos.maker_note import find_note, read_note

SERIAL = b"BODY-0042\0"
EXIF_START = 200
NOTE_START = 400


def directory(fields: list[tuple[int, int, bytes]], start: int, order: str) -> bytes:
    """Return a directory of tags, types and values that stands `start` bytes behind where offsets count from."""
    width = {2: 1, 3: 2, 4: 4, 7: 1, 13: 4}
    entries, values = struct.pack(f"{order}H", len(fields)), b""
    place = start + 2 + 12 * len(fields) + 4
    for tag, kind, data in fields:
        entries += struct.pack(f"{order}HHI", tag, kind, len(data) // width[kind])
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", place + len(values))
            values += data
    return entries + bytes(4) + values


def file_of(note: bytes, make: str, order: str = ">") -> bytes:
    """Return a TIFF of a make, a model, and an EXIF directory that holds a note."""
    header = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    pointer = struct.pack(f"{order}I", EXIF_START)
    main = directory([(0x010F, 2, make.encode() + b"\0"), (0x0110, 2, b"MODEL 1\0"), (0x8769, 4, pointer)], 8, order)
    entry = struct.pack(f"{order}HHHII", 1, 0x927C, 7, len(note), NOTE_START) + bytes(4)
    return ((header + main).ljust(EXIF_START, b"\0") + entry).ljust(NOTE_START, b"\0") + note


def plain(opening: bytes, tag: int, *, own: bool, order: str, value: bytes = SERIAL, kind: int = 2) -> bytes:
    """Return a note of one tag behind an opening."""
    start = len(opening) + (0 if own else NOTE_START)
    return opening + directory([(0x0001, 3, b"\0\1"), (tag, kind, value)], start, order)


def nikon(tag: int, value: bytes, order: str) -> bytes:
    header = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    return b"Nikon\0\x02\x10\0\0" + header + directory([(tag, 2, value)], 8, order)


def olympus(order: str) -> bytes:
    """Return a note whose first directory leads to one of the equipment."""
    opening, start = b"OLYMPUS\0II\x03\0", 12
    first = len(directory([(0x2010, 13, bytes(4))], start, order))
    outer = directory([(0x2010, 13, struct.pack(f"{order}I", start + first))], start, order)
    return opening + outer + directory([(0x0101, 2, SERIAL)], start + first, order)


NOTES = {
    "Nikon": ("NIKON CORPORATION", lambda order: nikon(0x001D, SERIAL, order)),
    "old Nikon": ("NIKON CORPORATION", lambda order: nikon(0x00A0, b"NO= BODY-0042\0", order)),
    "bare Nikon": ("NIKON", lambda order: plain(b"", 0x001D, own=False, order=order)),
    "Olympus": ("OLYMPUS IMAGING CORP.", olympus),
    "old Olympus": ("OLYMPUS OPTICAL CO.,LTD", lambda order: plain(b"OLYMP\0\1\0", 0x101A, own=False, order=order)),
    "Pentax": ("PENTAX", lambda order: plain(b"AOC\0MM", 0x0229, own=False, order=order)),
    "Pentax DNG": ("PENTAX", lambda order: plain(b"PENTAX \0MM", 0x0229, own=True, order=order)),
    "Ricoh": ("RICOH IMAGING COMPANY, LTD.", lambda order: plain(b"RICOH\0MM", 0x0229, own=True, order=order)),
    "Fujifilm": ("FUJIFILM", lambda _: plain(b"FUJIFILM\x0c\0\0\0", 0x0010, own=True, order="<")),
    "Panasonic": ("Panasonic", lambda order: plain(b"Panasonic\0\0\0", 0x0025, own=False, order=order, kind=7)),
    "Sigma": ("SIGMA", lambda order: plain(b"SIGMA\0\0\0\1\0", 0x0002, own=False, order=order)),
    "Samsung": ("SAMSUNG", lambda order: plain(b"", 0xA002, own=False, order=order)),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("of_file", ["<", ">"])
@pytest.mark.parametrize("name", NOTES)
def test_the_serial_number_of_each_maker_is_found_in_either_byte_order(
    tmp_path: Path, name: str, order: str, of_file: str
) -> None:
    make, note = NOTES[name]
    path = tmp_path / "x.nef"
    path.write_bytes(file_of(note(order), make, of_file))
    body = read_photo(path).body
    assert (body.make, body.model, body.serial) == (make.strip(), "MODEL 1", "BODY-0042")


def test_a_serial_number_may_be_a_number(tmp_path: Path) -> None:
    path = tmp_path / "x.cr2"
    value = struct.pack("<I", 420301234)
    path.write_bytes(file_of(plain(b"", 0x000C, own=False, order="<", value=value, kind=4), "Canon", "<"))
    assert read_photo(path).body.serial == "420301234"


@pytest.mark.parametrize("value", [b"\0" * 8, b"000000\0", b"   \0", b"\x1b\x07\0\0\0"])
def test_nothing_and_zeros_are_no_serial_number(tmp_path: Path, value: bytes) -> None:
    path = tmp_path / "x.nef"
    path.write_bytes(file_of(nikon(0x001D, value, ">"), "NIKON"))
    assert read_photo(path).body.serial == ""


def test_another_maker_s_tags_are_not_those_of_the_first(tmp_path: Path) -> None:
    """A number means something else in another maker's note."""
    path = tmp_path / "x.nef"
    path.write_bytes(file_of(plain(b"", 0x00A7, own=False, order=">", value=b"\0\0\0\7", kind=4), "Canon"))
    photo = read_photo(path)
    assert (photo.body.serial, photo.exposure.shutter_count) == ("", None)


def read(data: bytes) -> dict[tuple[int, ...], object]:
    """Return what is read of a note, and of what it leads to."""
    file = BytesIO(data)
    start = find_note(file, EXIF_START)
    return {} if start is None else dict(read_note(file, start, {(0x001D,), (0x2010, 0x0101), (0x0229,), (0x00A0, 1)}))


@pytest.mark.parametrize("name", NOTES)
@given(data=st.data())
def test_a_damaged_note_ends_nothing(name: str, data: st.DataObject) -> None:
    whole = bytearray(file_of(NOTES[name][1](">"), "NIKON"))
    for _ in range(data.draw(st.integers(0, 6))):
        whole[data.draw(st.integers(EXIF_START, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    assert all(isinstance(value, bytes | tuple) and len(value) <= 256 for value in found.values())


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\0",
        b"Nikon\0\x02",
        b"Nikon\0\x02\x10\0\0MM\0*\xff\xff\xff\xff",
        b"\xff\xff" + bytes(100),
        struct.pack(">HHHII", 1, 0x001D, 2, 0xFFFFFFFF, 0),
        struct.pack(">HHHII", 1, 0x001D, 2, 100, 0xFFFFFFF0),
        struct.pack(">HHHII", 1, 0x001D, 99, 4, 0),
        struct.pack(">HHHII", 1, 0x001D, 2, 0, 0),
    ],
)
def test_what_cannot_be_is_not_read(note: bytes) -> None:
    assert read(file_of(note, "NIKON")) == {}


def test_a_directory_that_leads_to_itself_is_read_once() -> None:
    note = struct.pack(">HHHII", 1, 0x2010, 13, 1, NOTE_START)
    assert read(file_of(note, "NIKON")) == {}


def test_of_two_entries_of_one_tag_the_first_counts() -> None:
    note = struct.pack(">H", 2) + struct.pack(">HHII", 0x001D, 4, 1, 7) + struct.pack(">HHII", 0x001D, 4, 1, 8)
    assert read(file_of(note, "NIKON")) == {(0x001D,): (7,)}


def sony(told: int, degrees: int) -> bytes:
    """Return a table of Sony's: each byte's third power modulo 249."""
    return bytes(pow(byte, 3, 249) for byte in (0, 0, 0, 0, told, degrees)) + bytes(994)


def of_olympus(order: str, values: tuple[int, ...]) -> bytes:
    opening, start = b"OLYMPUS\0II\x03\0", 12
    first = len(directory([(0x2050, 13, bytes(4))], start, order))
    outer = directory([(0x2050, 13, struct.pack(f"{order}I", start + first))], start, order)
    inner = directory([(0x1500, 3, struct.pack(f"{order}{len(values)}H", *values))], start + first, order)
    return opening + outer + inner


def of_canon(order: str, value: int) -> bytes:
    shot = struct.pack(f"{order}34H", *[value if place == 12 else 7 for place in range(34)])
    return plain(b"", 0x0004, own=False, order=order, value=shot, kind=3)


def of_pentax(order: str, value: bytes) -> bytes:
    return plain(b"AOC\0MM", 0x0047, own=False, order=order, value=value, kind=7)


def of_sony(order: str, value: bytes) -> bytes:
    return plain(b"", 0x9403, own=False, order=order, value=value, kind=7)


TEMPERATURES = {
    "Canon": ("Canon", lambda order: of_canon(order, 128 + 31), 31.0),
    "Canon in the frost": ("Canon", lambda order: of_canon(order, 128 - 12), -12.0),
    "Canon, untold": ("Canon", lambda order: of_canon(order, 0), None),
    "Canon, damaged": ("Canon", lambda order: of_canon(order, 60_000), None),
    "Canon, short": ("Canon", lambda order: plain(b"", 4, own=False, order=order, value=b"\0\1" * 5, kind=3), None),
    "Olympus": ("OLYMPUS IMAGING CORP.", lambda order: of_olympus(order, (27, 0, 0)), 27.0),
    "newer Olympus": ("OM Digital Solutions", lambda order: of_olympus(order, (500,)), 26.4),
    "Olympus, untold": ("OLYMPUS CORPORATION", lambda order: of_olympus(order, (0,)), None),
    "Pentax": ("PENTAX", lambda order: of_pentax(order, b"\x1d"), 29.0),
    "Pentax in the frost": ("RICOH IMAGING COMPANY, LTD.", lambda order: of_pentax(order, b"\xf6"), -10.0),
    "Sony": ("SONY", lambda order: of_sony(order, sony(5, 36)), 36.0),
    "Sony, untold": ("SONY", lambda order: of_sony(order, sony(0, 36)), None),
    "Sony, short": ("SONY", lambda order: of_sony(order, sony(5, 36)[:5]), None),
    "Nikon": ("NIKON CORPORATION", lambda order: nikon(0x0047, b"\x1d", order), None),
    "Panasonic": ("Panasonic", lambda order: plain(b"Panasonic\0\0\0", 0x47, own=False, order=order), None),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", TEMPERATURES)
def test_temperatures_of_all_makers(name, order, tmp_path):
    make, note, expected = TEMPERATURES[name]
    path = tmp_path / "a.tif"
    path.write_bytes(file_of(note(order), make, order))
    assert read_photo(path).exposure.temperature_c == expected
