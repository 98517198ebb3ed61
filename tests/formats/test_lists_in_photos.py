"""Lists of defects that photos hold: opcodes of DNGs, and the sensor defects of Phase One."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.camera.profile_files import load_profile
from sensormap.cli.commands import import_
from sensormap.cli.main import main
from sensormap.correct.dng import dng_bytes
from sensormap.decode.original import Original
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Listing, Photosite, Run
from sensormap.formats.programs import dng_opcodes, phase_one
from sensormap.frame import Exposure
from sensormap.maps.mapfile.reading import parse_map
from sensormap.photos.mark import marked
from tests.support.frames import make_mosaic
from tests.support.lists import iiq, tiff_with_tag

SENSOR = Sensor((24, 16), Rect(2, 1, 20, 14), Cfa("GBRG"), None)
LIST = Listing((Photosite(3, 20), Photosite(5, 6)), (Run(0, 7, 1, 16),))
OPCODES = dng_opcodes.opcode_list(LIST, SENSOR)


def constant(value):
    """An OpcodeList1 of one FixBadPixelsConstant."""
    return struct.pack(">IIIIIII", 1, 4, 0x01030000, 0, 8, value, 1)


# DNG


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deep", [False, True])
def test_the_list_of_a_dng_is_found_in_any_of_its_images(order, deep):
    data = tiff_with_tag(51008, OPCODES, order=order, deep=deep)
    assert dng_opcodes.read(data, "a.dng", SENSOR) == LIST


def short(length):
    return tiff_with_tag(51008, OPCODES, deep=True)[:length]


LOOP = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 330, 4, 1, 8, 8)
FAR = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 330, 4, 9, 2**31, 0)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (tiff_with_tag(51009, OPCODES), "has no list of opcodes"),
        (LOOP, "has no list of opcodes"),
        (FAR, "has no list of opcodes"),
        (b"II*\0", "does not open with a count of opcodes"),
        (short(20), "has no list of opcodes"),
        (short(60), "bytes at 44, expected inside the file's 60 bytes"),
        (b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(100), "has no list of opcodes"),
        (tiff_with_tag(51008, b"\0\0\0\0"), r"no opcode FixBadPixelsList \(id 5\) among its opcodes \(none\)"),
        (tiff_with_tag(51008, constant(0)), "marks defects by a value in its image, which cannot be decoded"),
        (tiff_with_tag(51008, struct.pack(">IIIII", 1, 4, 0, 0, 0)), "FixBadPixelsConstant of 0 bytes, expected 8"),
    ],
)
def test_a_dng_without_a_list_is_refused(data, problem):
    with pytest.raises(ListFormatError, match=f"a.dng: .*{problem}"):
        dng_opcodes.read(data, "a.dng", SENSOR)


@pytest.fixture(scope="module")
def marked_dng():
    """A DNG of an unknown camera whose defects have the value 0, which its list says."""
    mosaic = (make_mosaic(seed=4, shape=(64, 96)) + 50).astype(np.uint16)
    mosaic[[5, 9], [6, 70]] = 0
    sensor = Sensor((96, 64), Rect(2, 1, 90, 60), Cfa("GBRG"), None)
    original = Original(
        mosaic, sensor.active_area, None, sensor.cfa, (0,) * 4, 3880, None, (1.0, 1.0, 1.0), 1.0,
        Body("ACME", "ACME One", "7"), Exposure(), None, None, "",
    )  # fmt: skip
    return dng_bytes(mosaic, original, opcodes=constant(0)), sensor


def test_defects_that_a_value_marks_are_found(marked_dng):
    data, sensor = marked_dng
    assert dng_opcodes.read(data, "a.dng", sensor).photosites == (Photosite(5, 6), Photosite(9, 70))
    with pytest.raises(ListFormatError, match="an image of 96 x 64 photosites, expected the raw grid, 98 x 64"):
        dng_opcodes.read(data, "a.dng", replace(sensor, raw_size=(98, 64)))


# Phase One


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("start", [0, 8])
def test_the_list_of_a_phase_one_photo(order, start):
    data = iiq([(20, 3, 129), (7, 0, 131), (9, 0, 137), (1, 1, 5)], order=order, start=start)
    assert phase_one.read(data, "a.iiq", SENSOR) == Listing((Photosite(3, 20),), (Run(0, 7, 1, 16), Run(0, 9, 1, 16)))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is no IIQ photo of Phase One"),
        (b"IIII" + bytes(40), "is no IIQ photo of Phase One"),
        (b"IIII", "ends before byte 8"),
        (iiq([])[:30], "ends before byte"),
        (iiq([], calibration=False), "holds no calibration data"),
        (iiq([], defects=False), "its calibration data hold no list of defects"),
        (iiq([(20, 3, 129)])[:-1], "its list of defects reaches beyond the end of the file"),
        (iiq([(20, 30, 129)]), "entry 1: x 20, y 30 is not within 24 x 16"),
        (iiq([]).replace(b"II\0\0", b"XX\0\0"), "open with no byte order"),
        (b"IIII" + struct.pack("<III", 0x526177 << 8, 12, 9999), "a directory of 9999 tags, expected at most 8192"),
    ],
)
def test_what_is_no_such_list_is_refused(data, problem):
    with pytest.raises(ListFormatError, match=f"^a.iiq: .*{problem}"):
        phase_one.read(data, "a.iiq", SENSOR)


@given(st.data())
@settings(max_examples=150)
def test_damage_is_one_line(data):
    kind, content = data.draw(
        st.sampled_from([(phase_one, iiq([(20, 3, 129), (7, 0, 131)])), (dng_opcodes, tiff_with_tag(51008, OPCODES))])
    )
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    try:
        found = kind.read(bytes(damaged[:cut]), "list", SENSOR)
    except ListFormatError as error:
        problem = str(error)
    else:
        problem = "list: "
        assert all(one.x < 24 and one.y < 16 for one in found.photosites)
    assert problem.startswith("list: ")
    assert "\n" not in problem


# the command


@pytest.fixture
def photo(tmp_path, marked_dng):
    """The DNG in a file, and its camera's profile in another."""
    (tmp_path / "toy.yaml").write_text(
        "make: ACME\nmodel: ACME One\nraw_size: [96, 64]\nactive_area: [2, 1, 90, 60]\njpeg_crop: null\n"
        "cfa: GBRG\nblack_level: 0\nsaturation: 3880\nbits: 12\nsuppression_from_s: null\n"
    )
    (tmp_path / "a.dng").write_bytes(marked_dng[0])
    return tmp_path / "a.dng", tmp_path / "toy.yaml"


def test_import_knows_a_photo_by_its_ending(photo):
    path, profile = photo
    result = CliRunner().invoke(main, ["import", str(path), "--profile", str(profile)])
    assert (result.exit_code, result.stderr) == (0, "a.dng: 2 entries without a kind, taken for hot\n")
    found = parse_map(result.stdout)
    assert [(one.x, one.y) for one in found.defects] == [(6, 5), (70, 9)]
    assert found.body == Body("ACME", "ACME One", "7")
    assert found.settings == {"imported_from": "dng-opcodes", "imported_file": "a.dng"}


def test_import_reads_a_list_that_sensormap_put_into_a_copy(photo):
    path, profile = photo
    path.write_bytes(marked(path.read_bytes()))
    result = CliRunner().invoke(main, ["import", str(path), "--profile", str(profile)])
    assert result.exit_code == 0
    assert parse_map(result.stdout).body == Body("ACME", "ACME One", "7")


def test_import_takes_the_camera_from_a_photo(photo, monkeypatch):
    path, profile = photo
    result = CliRunner().invoke(main, ["import", str(path)])
    assert result.exit_code == 1
    assert "a.dng: no profile knows the camera ACME One, serial 7; name one by --profile" in result.stderr
    monkeypatch.setattr(import_, "find_profile", lambda _: load_profile(profile))
    assert parse_map(CliRunner().invoke(main, ["import", str(path)]).stdout).profile == "toy"


@pytest.mark.parametrize(
    ("name", "arguments", "code", "problem"),
    [
        ("list.txt", [], 2, "--format"),
        ("list.txt", ["--format", "dcraw"], 2, "--profile"),
        ("a.dng", [], 1, "a.dng: "),
    ],
)
def test_what_is_not_told_has_to_be_named(tmp_path, name, arguments, code, problem):
    Path(tmp_path, name).write_bytes(b"1 2 0\n")
    result = CliRunner().invoke(main, ["import", str(tmp_path / name), *arguments])
    assert result.exit_code == code
    assert problem in result.stderr
