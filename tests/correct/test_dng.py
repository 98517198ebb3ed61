"""Corrected mosaics as DNGs: what LibRaw and other developers read in them is what the original says."""

from __future__ import annotations

import io
import shutil
import subprocess
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawpy
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.correct.dng import check_dng, dng_bytes
from sensormap.decode.original import Original, read_original
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.errors import DecodeError, OutputError
from sensormap.formats.listing import Listing, Photosite, Run, one_by_one
from sensormap.formats.programs.dng_opcodes import opcode_list
from sensormap.frame import Exposure
from sensormap.photos.exif import read_photo
from tests.support.folders import SHARED

RAW = SHARED / "raw"
SIZE = (96, 64)
AREAS = [Rect(0, 0, 96, 64), Rect(3, 0, 93, 60), Rect(4, 5, 88, 57), Rect(1, 7, 91, 55)]
"""Corners of each parity, and odd sizes."""
EVEN = [Rect(0, 0, 96, 64), Rect(4, 0, 92, 60), Rect(4, 6, 88, 56), Rect(2, 8, 90, 54)]
"""What a DNG shows of them: an odd row or column is left out."""
OPCODES = bytes.fromhex(
    "00000001 00000005 01030000 00000000 00000024 00000003 00000001 00000001"
    "00000004 00000005 00000000 00000008 00000035 00000009"
)
D80 = NefMeta(
    serial="0012345",
    captured=datetime(2009, 5, 3, 12, 55, 24, 70_000),
    shutter=(10, 5000),
    iso=800,
    f_number=(56, 10),
    focal_length_mm=(350, 10),
    orientation=6,
)


def scene(cfa: Cfa, black: tuple[int, ...], *, seed: int = 3) -> NDArray[np.uint16]:
    """Return a grid lit evenly, each colour at a level of its own, with some noise."""
    level = {"R": 1500, "G": 1000, "B": 500, "m": 1000}
    mosaic = np.random.default_rng(seed).integers(0, 20, SIZE[::-1]).astype(np.uint16)
    for plane, dark in zip(cfa.planes, black, strict=True):
        plane.view(mosaic)[...] += level[plane.name[0]] + dark
    return mosaic


def toy_original(cfa: str = "GBRG", visible: Rect = AREAS[2], **changes: Any) -> Original:
    """Return a photo of an unknown camera with a black level of its own in each plane."""
    pattern = Cfa(cfa)
    black = (100, 110, 120, 130)[: len(pattern.planes)]
    values: dict[str, Any] = {
        "mosaic": scene(pattern, black),
        "visible": visible,
        "crop": Rect(visible.x + visible.x % 2 + 2, visible.y + visible.y % 2 + 4, 80, 48),
        "cfa": pattern,
        "black_level": black,
        "white_level": 3880,
        "colour_matrix": ((0.8629, -0.241, -0.0883), (-0.9055, 1.694, 0.2171), (-0.149, 0.1363, 0.852)),
        "neutral": (0.5, 1.0, 0.75),
        "pixel_aspect": 1.0,
        "body": Body("ACME Corp", "One", "0017"),
        "exposure": Exposure(iso=400, shutter_s=1 / 250, time=datetime(2010, 5, 2, 17, 31, 8, 250_000), orientation=1),
        "f_number": 5.6,
        "focal_length_mm": 35.0,
        "lens": "35mm f/2",
    }
    return Original(**(values | changes))


def toy_dng(original: Original | None = None, **options: Any) -> bytes:
    original = original or toy_original()
    return dng_bytes(original.mosaic, original, **options)


def develop(data: bytes, **options: Any) -> NDArray[Any]:
    with rawpy.imread(io.BytesIO(data)) as raw:
        return np.asarray(raw.postprocess(no_auto_bright=True, **options), np.int64)


def run(*words: object) -> bytes:
    """Run a program, where it is installed."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed")
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


def needs(name: str) -> bytes:
    """Skip where a file outside the repository is absent."""
    if not (RAW / name).exists():
        pytest.skip(f"{name} is not at hand")
    return (RAW / name).read_bytes()


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with native_stderr_silenced():
        yield


# --- through LibRaw ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "shown"), [*zip(AREAS, EVEN, strict=True)], ids=str)
@pytest.mark.parametrize("cfa", BAYER_NAMES)
def test_what_is_written_is_read(cfa: str, visible: Rect, shown: Rect) -> None:
    original = toy_original(cfa, visible)
    data = toy_dng(original)
    check_dng(data, original.mosaic, "toy.dng")
    again = read_original(data, "toy.dng")
    assert again.visible == shown
    np.testing.assert_array_equal(again.mosaic[shown.slices], original.mosaic[shown.slices])
    for name in ("crop", "cfa", "black_level", "white_level", "body", "exposure", "pixel_aspect", "lens"):
        assert getattr(again, name) == getattr(original, name), name
    for name in ("f_number", "focal_length_mm", "neutral", "colour_matrix"):
        # LibRaw computes in 32 bits, and its matrix goes there and back.
        np.testing.assert_allclose(getattr(again, name), getattr(original, name), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("visible", AREAS, ids=str)
@pytest.mark.parametrize("cfa", BAYER_NAMES)
def test_colours_land_where_they_are(cfa: str, visible: Rect) -> None:
    picture = develop(
        toy_dng(toy_original(cfa, visible)),
        output_color=rawpy.ColorSpace.raw,
        user_wb=[1, 1, 1, 1],
        gamma=(1, 1),
        output_bps=16,
        adjust_maximum_thr=0,
    )
    # LibRaw takes the common part of black from white. Noise is up to 2 %, the colours lie 50 % apart.
    expected = np.array([1510, 1010, 510]) * 65535 / (3880 - 100)
    np.testing.assert_allclose(picture, np.broadcast_to(expected, picture.shape), rtol=0.06)


def test_a_dng_of_a_dng_is_the_same_file_but_for_the_margins() -> None:
    first = read_original(toy_dng(), "toy.dng")
    second = dng_bytes(first.mosaic, first)
    third = read_original(second, "toy.dng")
    assert dng_bytes(third.mosaic, third) == second


def test_margins_hold_black() -> None:
    original = toy_original(visible=EVEN[2])
    mosaic = read_original(toy_dng(original), "toy.dng").mosaic
    masked = np.ones(mosaic.shape, bool)
    masked[original.visible.slices] = False
    for plane, level in zip(original.cfa.planes, original.black_level, strict=True):
        assert (plane.view(mosaic)[plane.view(masked)] == level).all()


def test_no_filters() -> None:
    original = toy_original(MONO, colour_matrix=None, neutral=(1.0, 1.0, 1.0))
    data = toy_dng(original)
    check_dng(data, original.mosaic, "toy.dng")
    again = read_original(data, "toy.dng")
    assert (again.cfa, again.black_level, again.visible) == (Cfa(MONO), (100,), EVEN[2])
    picture = develop(data)
    assert (picture == picture[..., :1]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int) -> None:
    exposure = Exposure(orientation=orientation)
    data = toy_dng(toy_original(exposure=exposure))
    assert read_original(data, "toy.dng").exposure == exposure
    assert (develop(data).shape[0] > SIZE[1]) == (orientation > 4)


def test_photosites_that_are_not_square() -> None:
    data = toy_dng(toy_original(pixel_aspect=0.5))
    assert read_original(data, "toy.dng").pixel_aspect == 0.5
    assert develop(data).shape == (2 * EVEN[2].height, EVEN[2].width, 3)


def test_little_known() -> None:
    original = toy_original(
        crop=None, body=Body("", "", ""), exposure=Exposure(), f_number=None, focal_length_mm=None, lens=""
    )
    data = toy_dng(original)
    again = read_original(data, "toy.dng")
    assert again.exposure == Exposure(orientation=1)
    assert (again.body, again.f_number, again.crop) == (Body("", "", ""), None, EVEN[2])


@pytest.mark.parametrize("iso", [1, 800, 65534, 65536, 102_400])
@pytest.mark.parametrize("shutter_s", [1e-5, 0.00435, 1 / 3, 4.96743106842041, 30.0, 99_999.9])
def test_settings_survive(tmp_path: Path, iso: int, shutter_s: float) -> None:
    exposure = Exposure(iso, shutter_s, datetime(1999, 12, 31, 23, 59, 59, 7), orientation=3)
    path = tmp_path / "toy.dng"
    path.write_bytes(toy_dng(toy_original(exposure=exposure)))
    found = read_photo(path).exposure
    assert found.shutter_s == pytest.approx(shutter_s, rel=1e-5)
    assert replace(found, shutter_s=shutter_s) == exposure


def test_letters_outside_ascii() -> None:
    body = Body("Röhm", "Röhm 1", "№ 7")
    assert read_original(toy_dng(toy_original(body=body)), "toy.dng").body == Body("R?hm", "R?hm 1", "? 7")


# --- the same look ----------------------------------------------------------------------------------------------------


def d80_photo() -> bytes:
    # LibRaw leaves three rows and four columns of such a file undecoded.
    row, col = np.mgrid[:128, :192]
    light = 900 + 700 * np.sin(row / 9) * np.cos(col / 13)
    noise = np.random.default_rng(5).normal(0, 12, light.shape)
    return nef_bytes(np.clip(light + noise, 0, 3800).astype(np.uint16), D80)


@pytest.mark.parametrize("use_camera_wb", [True, False])
def test_a_nef_looks_the_same(use_camera_wb: bool) -> None:
    data = d80_photo()
    original = read_original(data, "d80.nef")
    copy = dng_bytes(original.mosaic, original)
    before, after = develop(data, use_camera_wb=use_camera_wb), develop(copy, use_camera_wb=use_camera_wb)
    assert before.shape == after.shape == (188, 125, 3)  # upright
    assert np.abs(before - after).mean() < 0.001


def test_a_nef_and_its_dng_tell_the_same(tmp_path: Path) -> None:
    data = d80_photo()
    original = read_original(data, "d80.nef")
    paths = tmp_path / "d80.nef", tmp_path / "d80.dng"
    for path, content in zip(paths, (data, dng_bytes(original.mosaic, original)), strict=True):
        path.write_bytes(content)
    nef, dng = map(read_photo, paths)
    assert nef.body == dng.body == Body("NIKON CORPORATION", "NIKON D80", "0012345")
    assert nef.exposure == dng.exposure
    assert (original.f_number, original.focal_length_mm) == (5.6, 35.0)


@pytest.mark.parametrize(
    ("name", "options", "most"),
    [
        ("RAW_NIKON_D1.NEF", {"use_camera_wb": True}, 0.001),
        # LibRaw finds no white balance in it: the DNG has the one for daylight.
        ("canon-d30.crw", {}, 0.001),
        # LibRaw's colours of the DC50 are built in and not told: the DNG's are plainer.
        ("kodak-dc50.kdc", {"output_color": rawpy.ColorSpace.raw}, 0.01),
    ],
)
def test_real_photos_look_the_same(name: str, options: dict[str, Any], most: float) -> None:
    data = needs(name)
    original = read_original(data, name)
    copy = dng_bytes(original.mosaic, original)
    check_dng(copy, original.mosaic, name)
    before, after = develop(data, half_size=True, **options), develop(copy, half_size=True, **options)
    assert before.shape == after.shape
    assert np.abs(before - after).mean() < most


def test_what_a_crw_without_exif_tells() -> None:
    original = read_original(needs("canon-d30.crw"), "canon-d30.crw")
    assert original.visible == Rect(48, 6, 2176, 1448)
    assert original.crop == Rect(56, 12, 2160, 1440)
    assert original.black_level == (127, 128, 128, 128)
    assert original.exposure.time == datetime(2018, 1, 1, 13, 3, 32)
    assert (original.exposure.iso, original.focal_length_mm) == (100, 31.0)
    assert original.exposure.shutter_s == pytest.approx(4.96743)


# --- other programs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "shown"), [*zip(AREAS, EVEN, strict=True)], ids=str)
@pytest.mark.parametrize("cfa", BAYER_NAMES)
def test_dcraw(tmp_path: Path, cfa: str, visible: Rect, shown: Rect) -> None:
    original = toy_original(cfa, visible)
    path = tmp_path / "toy.dng"
    path.write_bytes(toy_dng(original))
    told = dict(line.split(": ", 1) for line in run("dcraw", "-i", "-v", path).decode().splitlines() if ": " in line)
    assert told["Filter pattern"].strip() == f"{cfa[:2]}/{cfa[2:]}"
    assert (told["ISO speed"], told["Shutter"], told["Aperture"]) == ("400", "1/250.0 sec", "f/5.6")
    assert told["Timestamp"] == "Sun May  2 17:31:08 2010"
    run("dcraw", "-D", "-4", "-T", path)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "toy.tiff"), original.mosaic[shown.slices])


def exiftool(path: Path, *options: str) -> dict[str, str]:
    lines = run("exiftool", "-s", *options, path).decode().splitlines()
    return {name.strip(): value for name, value in (line.split(": ", 1) for line in lines)}


def test_exiftool(tmp_path: Path) -> None:
    path = tmp_path / "toy.dng"
    path.write_bytes(toy_dng(toy_original("GBRG", Rect(3, 0, 93, 60)), opcodes=OPCODES))
    assert run("exiftool", "-b", "-OpcodeList1", path) == OPCODES
    assert run("exiftool", "-s3", "-validate", "-warning", "-a", path).decode().strip() == "OK"
    told = exiftool(path, "-IFD0:all", "-n")
    assert (told["CFAPattern2"], told["BlackLevel"]) == ("1 2 0 1", "100 110 120 130")
    assert (told["ActiveArea"], told["DefaultCropOrigin"]) == ("0 4 60 96", "2 4")
    assert told["DNGBackwardVersion"] == "1 3 0 0"
    exif = exiftool(path, "-ExifIFD:all")
    assert exif["ExposureTime"] == "1/250"
    assert exif["DateTimeOriginal"] == "2010:05:02 17:31:08"
    assert (exif["SubSecTimeOriginal"], exif["ISO"], exif["SerialNumber"]) == ("25", "400", "0017")
    assert (exif["FNumber"], exif["FocalLength"], exif["LensModel"]) == ("5.6", "35.0 mm", "35mm f/2")


def test_exiv2(tmp_path: Path) -> None:
    path = tmp_path / "toy.dng"
    path.write_bytes(toy_dng(opcodes=OPCODES))
    text = run("exiv2", "-q", "-PEkv", path).decode()
    told = dict(line.split(None, 1) for line in text.splitlines() if " " in line)
    assert told["Exif.Photo.ExposureTime"].strip() == "1/250"
    assert told["Exif.Photo.BodySerialNumber"].strip() == "0017"
    assert told["Exif.Image.OpcodeList1"].split() == [str(byte) for byte in OPCODES]


def test_rawtherapee(tmp_path: Path) -> None:
    path = tmp_path / "toy.dng"
    size = 300, 400  # it refuses small ones
    mosaic = np.full(size, 900, np.uint16)
    path.write_bytes(toy_dng(toy_original(mosaic=mosaic, visible=Rect(4, 5, 380, 291), crop=None)))
    run("rawtherapee-cli", "-o", tmp_path / "toy.tif", "-t", "-Y", "-c", path)
    assert tifffile.imread(tmp_path / "toy.tif").shape == (290 - 8, 380 - 8, 3)  # less its own border


def test_darktable_repairs_by_the_list(tmp_path: Path) -> None:
    """Margins and all: its raw decoder counts from the raw grid, as the list does, and follows rectangles too."""
    mosaic = np.random.default_rng(1).integers(880, 920, (300, 400)).astype(np.uint16)
    listing = Listing((Photosite(100, 120), Photosite(151, 201), Photosite(299, 399)), (Run(60, 50, 1, 80),))
    for found in one_by_one(listing):
        mosaic[found.y, found.x] = 3500
    original = toy_original(mosaic=mosaic, visible=Rect(20, 10, 370, 280), crop=None)
    opcodes = opcode_list(listing, Sensor((400, 300), original.visible, original.cfa, None))
    bright = {}
    for name, listed in (("without", None), ("with", opcodes)):
        photo, shown = tmp_path / f"{name}.dng", tmp_path / f"{name}.tif"
        photo.write_bytes(toy_dng(original, opcodes=listed))
        folders = ("--configdir", tmp_path / "settings", "--cachedir", tmp_path / "cache", "--library", ":memory:")
        sixteen_bits = ("--conf", "plugins/imageio/format/tiff/bpp=16")
        run("darktable-cli", photo, shown, "--apply-custom-presets", "false", "--core", *folders, *sixteen_bits)
        developed = tifffile.imread(shown).astype(int)
        bright[name] = (developed > 1.3 * np.median(developed, axis=(0, 1))).any(axis=2)
    rows, cols = bright["without"].nonzero()
    assert {(100 - 10, 120 - 20), (151 - 10, 201 - 20), (60 - 10, 50 - 20)} <= set(zip(rows, cols, strict=True))
    assert not bright["with"].any()


# --- the file ---------------------------------------------------------------------------------------------------------


def test_the_same_bytes_and_nothing_of_the_machine() -> None:
    data = toy_dng()
    assert data == toy_dng()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        assert not {"Software", "ImageDescription", "HostComputer", "Artist"} & {tag.name for tag in page.tags}
        assert page.tags["DateTime"].value == "2010:05:02 17:31:08"
        codes = [tag.code for tag in page.tags]
        assert codes == sorted(codes)
        assert len(file.pages) == 1
    assert len(data) < SIZE[0] * SIZE[1] * 2 + 2000


def test_no_opcodes_no_tag() -> None:
    with tifffile.TiffFile(io.BytesIO(toy_dng())) as file:
        tags = file.pages.first.tags
        assert 51008 not in tags
        assert bytes(tags[50707].value) == bytes((1, 1, 0, 0))


@pytest.mark.parametrize(
    "mosaic", [np.zeros((64, 95), np.uint16), np.zeros((64, 96), np.int32), np.zeros((64, 96, 1), np.uint16)]
)
def test_another_mosaic_is_refused(mosaic: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"expected uint16 \(64, 96\)"):
        dng_bytes(mosaic, toy_original())


def test_memory() -> None:
    mosaic = np.full((2000, 2000), 900, np.uint16)
    original = toy_original(mosaic=mosaic, visible=Rect(0, 0, 2000, 2000), crop=None)
    tracemalloc.start()
    data = dng_bytes(mosaic, original)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * len(data)


# --- what is checked and refused --------------------------------------------------------------------------------------


def test_check_finds_one_other_photosite() -> None:
    original = toy_original()
    mosaic = original.mosaic.copy()
    mosaic[20, 30] += 1
    with pytest.raises(OutputError, match=r"toy\.dng: decoded again, 1 photosites differ"):
        check_dng(toy_dng(original), mosaic, "toy.dng")
    mosaic = original.mosaic.copy()
    mosaic[0, 0] += 1  # outside the visible area
    check_dng(toy_dng(original), mosaic, "toy.dng")


def test_check_finds_another_size() -> None:
    with pytest.raises(OutputError, match=r"toy\.dng: decoded again, a mosaic of shape \(64, 96\)"):
        check_dng(toy_dng(), np.zeros((96, 64), np.uint16), "toy.dng")


@pytest.mark.parametrize("length", [0, 4, 300, 6000])
def test_check_finds_damage(length: int) -> None:
    with pytest.raises(OutputError, match=r"toy\.dng: .*, expected the corrected mosaic"):
        check_dng(toy_dng()[:length], toy_original().mosaic, "toy.dng")


def other_dng(values: NDArray[np.uint16], photometric: int, pattern: str = "GBRG", **tags: Any) -> bytes:
    """Return a DNG of another kind than those written here."""
    side = 6 if len(pattern) == 36 else 2
    codes = [
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50708, 2, 5, b"ACME\0", True),
        (33421, 3, 2, (side, side), True),
        (33422, 1, len(pattern), bytes("RGB".index(letter) for letter in pattern), True),
        (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        *((int(number[1:]), 4, 1, value, True) for number, value in tags.items()),
    ]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric=photometric, metadata=None, extratags=codes)
    return buffer.getvalue()


PLAIN = np.full((66, 96), 700, np.uint16)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated or damaged"),
        (bytes(5000), "not a raw photo"),
        (b"\xff\xd8\xff" + bytes(500), "a JPEG picture, expected a raw photo"),
        (other_dng(PLAIN, 32803, "RGRGGBGGBGGRBRGRBGGGBGGRGGRGGBRBGBRG"), "6x6 filters .*, expected those of X-Trans"),
        (other_dng(np.dstack([PLAIN] * 3), 34892), "no mosaic|LibRaw"),
        (other_dng(0 * PLAIN, 32803), "every photosite is 0"),
        (other_dng(PLAIN, 32803, t50714=5000, t50717=4095), "white level 4095, expected above black"),
    ],
)
def test_what_is_no_mosaic_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=rf"^x\.dng: .*({reason})[^\n]*$"):
        read_original(data, "x.dng")


TOY_DNG, NEF = toy_dng(), d80_photo()


@settings(max_examples=80)
@given(
    data=st.sampled_from([TOY_DNG, NEF]),
    flips=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.none() | st.integers(0, 12_000),
)
def test_damage_never_ends_in_a_traceback(data: bytes, flips: list[tuple[int, int]], length: int | None) -> None:
    damaged = bytearray(data)
    for place, value in flips:
        damaged[place] = value
    with native_stderr_silenced(), suppress(DecodeError):
        original = read_original(bytes(damaged[:length]), "x.dng")
        # What can be read can be written; LibRaw may refuse odd things in the copy that it let pass in the original.
        written = dng_bytes(original.mosaic, original)
        with suppress(OutputError):
            check_dng(written, original.mosaic, "x.dng")
