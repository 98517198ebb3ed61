"""Foreign lists are hostile: whatever their bytes, a reader returns a list within the sensor, or one clear error."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats import listing, masks
from sensormap.formats.listing import Listing, Photosite, Run
from sensormap.formats.programs import chdk, fits, kstars, numpy_list, png
from sensormap.formats.registry import FORMATS
from sensormap.maps.entries import DefectKind
from tests.support.lists import iiq

READERS = {name: form for name, form in FORMATS.items() if form.read is not None}
SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), None)
BODY = Body("ACME", "ACME One", "7")
SMALL = Listing((Photosite(3, 5, DefectKind.HOT), Photosite(9, 20, DefectKind.DEAD)), (Run(4, 7, 1, 6),))
every_reader = pytest.mark.parametrize("name", READERS)


def valid(name):
    if name == "fits":
        pytest.importorskip("astropy", reason="astropy is not installed")
    write = READERS[name].write
    return write(SMALL, SENSOR, BODY) if write else iiq([(20, 3, 129), (7, 0, 131)])


def attempt(name, data):
    """Read; what is read lies within the sensor."""
    try:
        found = READERS[name].read(data, "list", SENSOR)
    except ListFormatError as error:
        message = str(error)
        assert message.startswith("list:")
        assert "\n" not in message
        assert len(message) < 400
        return None
    for photosite in found.photosites:
        assert 0 <= photosite.x < 24
        assert 0 <= photosite.y < 16
    for run in found.runs:
        assert 0 <= run.x < run.x + run.width <= 24
        assert 0 <= run.y < run.y + run.height <= 16
    return found


@every_reader
@given(data=st.binary(max_size=200))
@settings(max_examples=60)
def test_random_bytes(name, data):
    opening = valid(name)[:30]
    attempt(name, data)
    attempt(name, opening + data)


@every_reader
def test_truncations(name):
    whole = valid(name)
    step = 1 if len(whole) < 1500 else 61  # of a FITS file every length would take seconds
    for length in range(0, len(whole), step):
        attempt(name, whole[:length])


@every_reader
@given(data=st.data())
@settings(max_examples=150)
def test_single_bytes_changed(name, data):
    content = bytearray(valid(name))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    attempt(name, bytes(content))


@every_reader
@given(data=st.data())
@settings(max_examples=40)
def test_pieces_repeated_and_cut_out(name, data):
    whole = valid(name)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    attempt(name, whole[:end] + whole[start:])
    attempt(name, whole[:start] + whole[end:])


def png_of(width, height, *, bits=8, colours=0, content=b"", extra=()):
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)), *extra]
    chunks += [(b"IDAT", zlib.compress(content)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def npy_of(header):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def fits_of(**cards):
    lines = [f"{key:8}= {value:>20}".ljust(80) for key, value in cards.items()] + ["END".ljust(80)]
    return "".join(lines).ljust(2880).encode()


def opcodes_of(*contents, count=None, kind=5):
    parts = [struct.pack(">IIII", kind, 0x01030000, 0, len(content)) + content for content in contents]
    return struct.pack(">I", len(parts) if count is None else count) + b"".join(parts)


def ecsv_of(*lines):
    return "\n".join(("# %ECSV 1.0", "# ---", "# delimiter: ','", *lines, "")).encode()


BOMB = zlib.compress(bytes(50_000_000), 9)
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = [
    ("dng-opcodes", b"", "does not open with a count"),
    ("dng-opcodes", struct.pack(">I", 2**32 - 1), "does not open with a count"),
    ("dng-opcodes", opcodes_of(b"", count=3), "opcode 2 of 3 reaches beyond"),
    ("dng-opcodes", struct.pack(">IIIII", 1, 9, 0, 0, 2**31), "opcode 1 of 1 reaches beyond"),
    ("dng-opcodes", opcodes_of(bytes(8), kind=4), r"no opcode FixBadPixelsList \(id 5\) among its opcodes \(4\)"),
    ("dng-opcodes", opcodes_of(), r"no opcode .* \(none\)"),
    ("dng-opcodes", opcodes_of(struct.pack(">III", 1, 2**32 - 1, 0)), "4294967295 points"),
    ("dng-opcodes", opcodes_of(struct.pack(">III", 1, 0, 2**32 - 1)), "4294967295 rectangles"),
    ("dng-opcodes", opcodes_of(struct.pack(">III", 4, 0, 0)), "phase 4"),
    ("dng-opcodes", opcodes_of(b"12"), "FixBadPixelsList of 2 bytes"),
    ("dng-opcodes", opcodes_of(struct.pack(">IIIii", 1, 1, 0, -1, 3)), "entry 1: x 3, y -1 is not within 24 x 16"),
    ("dng-opcodes", opcodes_of(struct.pack(">IIIiiii", 1, 0, 1, 5, 5, 5, 9)), "entry 1: x 5, y 5, 4 x 0, is not"),
    ("dng-opcodes", opcodes_of(struct.pack(">IIIiiii", 1, 0, 1, 0, 0, 2**31 - 1, 1)), "1 x 2147483647, is not within"),
    ("dng-opcodes", opcodes_of(struct.pack(">III", 1, 0, 0)) + b"x", "1 bytes after the last of 1 opcodes"),
    ("chdk", b"abc", "3 bytes, expected 16-bit numbers"),
    ("chdk", struct.pack("<H", 5), "ends within column 5"),
    ("chdk", struct.pack("<3H", 5 | 2 << 13, 1, 1), "ends within column 5"),
    ("chdk", struct.pack("<2H", 5, 12 | 7 << 13), "entry 5: x 5, y 16 is not within 24 x 16"),
    ("kstars", b"[" * 100_000, "no JSON"),
    ("kstars", b'{"a":' * 100_000, "no JSON"),
    ("kstars", b"{" + b'"hot":[],' + b" " * 9_000_000, "expected at most 8388608"),
    ("kstars", b"\xff\xfe{", "no JSON"),
    ("kstars", b'{"hot":[],"cold":[],"median":NaN}', "NaN is no JSON number"),
    ("kstars", b'{"hot":[],"median":' + b"9" * 5000 + b"}", "no JSON"),
    ("kstars", b"[]", "no KStars defect map"),
    ("kstars", b'{"hot":[]}', "no KStars defect map"),
    ("kstars", b'{"hot":[{"x":1}],"cold":[]}', "hot, entry 1: without integers x and y"),
    ("kstars", b'{"hot":[{"x":' + b"9" * 4000 + b',"y":1}],"cold":[]}', "hot, entry 1: .* x and y, below"),
    ("kstars", b'{"hot":[],"cold":[[1,2]]}', "cold, entry 1: without"),
    ("kstars", b'{"hot":[{"x":true,"y":1}],"cold":[]}', "hot, entry 1: without"),
    ("kstars", b'{"hot":[{"x":20,"y":1}],"cold":[]}', "entry 1: x 20, y 1 is not within 20 x 14"),
    ("dalsa", f"<!DOCTYPE c [{LAUGHS}]><Coordinates>&a9;</Coordinates>".encode(), "declares a document type"),
    ("dalsa", "<?xml version='1.0'?><!DOCTYPE c><Coordinates/>".encode("utf-16"), "no XML in UTF-8"),
    ("dalsa", b"<Coordinates>&a9;</Coordinates>", "no XML"),
    ("dalsa", b"<Coordinates>" + b"<a>" * 170_000, "no XML"),
    ("dalsa", b"<Coordinates>" + b"<a>" * 70_000 + b"</a>" * 70_000 + b"</Coordinates>", "entry 1 is not"),
    ("dalsa", b"<Coordinates>" + b" " * 2_000_000, "expected at most 524288"),
    ("dalsa", b"<Other/>", "opens with <Other>"),
    ("dalsa", b"<Coordinates><Pixel/></Coordinates>", "entry 1 is not <DefectivePixel"),
    ("dalsa", b'<Coordinates><DefectivePixel OffsetX="1"/></Coordinates>', "entry 1 is not"),
    ("dalsa", b'<Coordinates><DefectivePixel OffsetX="-1" OffsetY="2"/></Coordinates>', "entry 1 is not"),
    ("dalsa", '<Coordinates><DefectivePixel OffsetX="\u0663" OffsetY="2"/></Coordinates>'.encode(), "entry 1 is not"),
    ("dalsa", b'<Coordinates><DefectivePixel OffsetX="24" OffsetY="2"/></Coordinates>', "entry 1: x 24, y 2"),
    ("ecsv", b"x0,y0,width,height\n", "does not open with '# %ECSV'"),
    ("ecsv", ecsv_of(), "no line names the columns"),
    ("ecsv", ecsv_of("x0,y0,width"), "line 4: not one column each of height"),
    ("ecsv", ecsv_of("x0,y0,width,height,x0"), "line 4: not one column each of x0"),
    ("ecsv", ecsv_of("x0,y0,width,height", "1,2,3"), "line 5: 3 fields, expected 4"),
    ("ecsv", ecsv_of("x0,y0,width,height", "1,2,3,-4"), "line 5: height: '-4' is not a whole number"),
    ("ecsv", ecsv_of("x0,y0,width,height", "1,2,3," + "4" * 9999), "line 5: height: '4{30}' is not"),
    ("ecsv", ecsv_of("x0,y0,width,height", '1,2,3,"4'), "line 5: "),
    ("ecsv", ecsv_of("x0,y0,width,height", "1,2,3," + "4" * 200_000), "line 5: field larger"),
    ("ecsv", ecsv_of("x0,y0,width,height", "20,2,5,1"), "entry 1: x 20, y 2, 5 x 1, is not within 24 x 16"),
    ("ecsv", ecsv_of("x0,y0,width,height", "2,2,0,1"), "entry 1: x 2, y 2, 0 x 1, is not within"),
    ("ecsv", b"# %ECSV \xff", "no text in UTF-8"),
    (
        "ecsv",
        ecsv_of("x0,y0,width,height", *["0,0,24,16"] * (listing.MAX_LISTED // 384 + 1)),
        "more than [0-9]+ photosites",
    ),
    ("fits", gzip.compress(b"SIMPLE  =" + bytes(9999), mtime=0), "no FITS file, or a compressed one"),
    ("fits", bz2.compress(b"SIMPLE  ="), "no FITS file, or a compressed one"),
    ("fits", fits_of(SIMPLE="T", BITPIX=32, NAXIS=2, NAXIS1=10**6, NAXIS2=10**6), "expected 24 x 16 integers"),
    ("fits", fits_of(SIMPLE="T", BITPIX=-32, NAXIS=2, NAXIS1=24, NAXIS2=16), "BITPIX -32; expected 24 x 16"),
    ("fits", fits_of(SIMPLE="T", BITPIX=32, NAXIS=2, NAXIS1=24, NAXIS2=16), "truncated or damaged"),
    ("fits", fits_of(SIMPLE="T", BITPIX=8, NAXIS=0), "truncated or damaged|expected 24 x 16"),
    ("fits", fits_of(SIMPLE="T", BITPIX=8, NAXIS=999), "NAXIS 999; expected 24 x 16"),
    ("fits", fits_of(SIMPLE="T", BITPIX=8, NAXIS=999999999999), "NAXIS 999999999999; expected 24 x 16"),
    (
        "fits",
        fits_of(SIMPLE="T", BITPIX=8, NAXIS=0) + fits_of(XTENSION="'IMAGE   '", BITPIX=8, NAXIS=99999999999),
        "NAXIS 99999999999; expected 24 x 16",
    ),
    ("png", b"", "no PNG file"),
    ("png", png_of(2**31 - 1, 2**31 - 1), "expected the size of the raw grid, 24 x 16"),
    ("png", png_of(24, 16, bits=16), "16 bits, colour type 0; expected"),
    ("png", png_of(24, 16, colours=3), "colour type 3; expected"),
    ("png", png_of(24, 16), "truncated or damaged"),
    ("png", png_of(24, 16, extra=[(b"zTXt", b"a\0\0" + BOMB)]), "truncated or damaged"),
    ("png", png_of(24, 16, extra=[(b"iCCP", b"a\0\0" + BOMB)]), "truncated or damaged"),
    ("numpy", b"\x93NUMPY", "no NumPy file"),
    ("numpy", npy_of("{'descr': '<i8', 'fortran_order': False, 'shape': (999999999, 2), }"), "999999999 rows"),
    ("numpy", npy_of("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2), }"), "contradict its header's 1 rows"),
    ("numpy", npy_of("(" * 5000), "no NumPy file"),
    ("numpy", npy_of("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2), }"), "no NumPy file"),
    ("numpy", saved(np.zeros((3, 2))), "no NumPy file of one array of integers"),
    ("numpy", saved(np.zeros((2, 3), int)), "no NumPy file of one array of integers"),
    ("numpy", saved(np.array([[0, 20]])), "entry 1: x 20, y 0 is not within 20 x 14"),
    ("numpy", saved(np.array([[-1, 2]])), "entry 1: x 2, y -1 is not within"),
    ("numpy", saved(np.array([[2**64 - 1, 2]], np.uint64)), "entry 1: x 2, y 18446744073709551615 is not"),
]


@pytest.mark.parametrize(("name", "data", "reason"), HOSTILE)
def test_hostile_files_are_refused_at_once(name, data, reason):
    if name == "fits":
        pytest.importorskip("astropy", reason="astropy is not installed")
    READERS[name].read(valid(name), "list", SENSOR)  # what is imported now takes no part in the measurement
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        with pytest.raises(ListFormatError, match=f"^list: .*({reason})"):
            READERS[name].read(data, "list", SENSOR)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - begin < 20  # a fraction of a second on an idle machine
    assert peak < 64_000_000 + 8 * len(data)


@pytest.mark.parametrize("filler", [b"[],", b"{},", b'{"":0},', b"1.5,"])
def test_json_takes_at_most_thirty_times_its_size(filler):
    data = b'{"hot":[' + filler * (300_000 // len(filler)) + b'0],"cold":[]}'
    tracemalloc.start()
    try:
        with pytest.raises(ListFormatError, match="hot, entry 1: without integers"):
            kstars.read(data, "list", SENSOR)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 33 * len(data)


def test_masks_hold_at_most_so_many_photosites(monkeypatch):
    for module in (masks, fits, numpy_list, listing):
        monkeypatch.setattr(module, "MAX_LISTED", 9)
    grid = png_of(24, 16, content=b"\0" + b"\1" * 9 + bytes(24 * 16 + 15 - 9))
    assert len(png.read(grid, "list", SENSOR).photosites) == 9
    grid = png_of(24, 16, content=b"\0" + b"\1" * 10 + bytes(24 * 16 + 15 - 10))
    with pytest.raises(ListFormatError, match="10 photosites are not 0, expected at most 9"):
        png.read(grid, "list", SENSOR)
    with pytest.raises(ListFormatError, match="10 rows, or more than 9"):
        numpy_list.read(saved(np.zeros((10, 2), int)), "list", SENSOR)
    with pytest.raises(ListFormatError, match="more than 9 photosites"):
        chdk.read(struct.pack("<3H", 5 | 1 << 13, 1 | 7 << 13, 9 | 7 << 13), "list", SENSOR)
    kept = json.dumps({"hot": [{"x": 2, "y": 2}] * 10, "cold": []}).encode()
    with pytest.raises(ListFormatError, match="more than 9 photosites"):
        kstars.read(kept, "list", SENSOR)
