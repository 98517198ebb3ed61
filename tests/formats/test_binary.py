"""Binary and structured formats: what is written is read again, and the programs themselves understand it."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import sys
import warnings
from dataclasses import replace
from importlib.util import find_spec
from xml.etree import ElementTree

import imageio.v3 as iio
import numpy as np
import pytest
import rawpy
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.files.nef import NefMeta, write_nef
from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError, MissingExtraError
from sensormap.formats.listing import Listing, Photosite, Run, make_listing, one_by_one, within
from sensormap.formats.programs import bmp, chdk, dalsa, dng_opcodes, ecsv, fits, kstars, numpy_list, png
from sensormap.maps.entries import DefectKind
from tests.support.frames import make_mosaic

MODULES = [dng_opcodes, chdk, kstars, dalsa, ecsv, fits, png, bmp, numpy_list]
FORMATS = {module.FORMAT.name: module.FORMAT for module in MODULES}
BODY = Body("NIKON CORPORATION", "NIKON D80", "4001234")
SENSOR = Sensor((24, 16), Rect(3, 1, 19, 14), Cfa("GBRG"), None)
HOT, DEAD = DefectKind.HOT, DefectKind.DEAD
COLD = {DefectKind.DEAD, DefectKind.WEAK}
LIST = Listing(
    (Photosite(0, 4, HOT), Photosite(5, 3, HOT), Photosite(5, 6), Photosite(9, 8, DEAD)), (Run(8, 20, 1, 3),)
)
"""One photosite lies above the active area, one in its leftmost column, and the run ends within it."""
ABSENT = find_spec("astropy") is None
every_format = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.skipif(name == "fits" and ABSENT, reason="astropy is not installed"))
        for name in FORMATS
    ],
)


@st.composite
def sensors(draw):
    width, height = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    area = Rect(left, top, draw(st.integers(1, width - left)), draw(st.integers(1, height - top)))
    return Sensor((width, height), area, Cfa(draw(st.sampled_from([*BAYER_NAMES, "mono"]))), None)


@st.composite
def listings(draw, sensor):
    """Photosites and runs anywhere on the raw grid; runs may cross, touch and overlap."""
    width, height = sensor.raw_size
    kinds = st.none() | st.sampled_from(DefectKind)
    runs = {}
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        if draw(st.booleans()) and x + 1 < width:
            runs[y, x, draw(st.integers(2, width - x)), 1] = draw(kinds)
        elif y + 1 < height:
            runs[y, x, 1, draw(st.integers(2, height - y))] = draw(kinds)
    lines = tuple(Run(*place, kind) for place, kind in sorted(runs.items()))
    covered = {(y, x) for run in lines for x, y in photosites_of(run)}
    places = draw(st.sets(st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)), max_size=12))
    return Listing(tuple(Photosite(y, x, draw(kinds)) for y, x in sorted(places - covered)), lines)


def photosites_of(run):
    return [(x, y) for y in range(run.y, run.y + run.height) for x in range(run.x, run.x + run.width)]


def kept(name, listing, sensor):
    """Say plainly what is left of a list in a format."""
    keeps, area = FORMATS[name].keeps, sensor.active_area
    if "runs" in keeps:
        photosites, runs = list(listing.photosites), listing.runs
    else:
        found = {(photosite.y, photosite.x): photosite.kind for photosite in listing.photosites}
        for run in listing.runs:
            for x, y in photosites_of(run):
                found.setdefault((y, x), run.kind)
        photosites, runs = [Photosite(y, x, kind) for (y, x), kind in sorted(found.items())], ()
    if FORMATS[name].space.startswith("visible area"):
        photosites = [found for found in photosites if area.contains(found.x, found.y)]
    if name == "kstars":
        inner = (range(area.x + 1, area.x + area.width - 1), range(area.y + 1, area.y + area.height - 1))
        photosites = [found for found in photosites if found.x in inner[0] and found.y in inner[1]]
        return Listing(tuple(replace(found, kind=DEAD if found.kind in COLD else HOT) for found in photosites))
    if "kind" not in keeps:
        photosites = [replace(found, kind=None) for found in photosites]
        runs = tuple(replace(run, kind=None) for run in runs)
    return Listing(tuple(photosites), runs)


@every_format
@given(data=st.data())
@settings(max_examples=60)
def test_what_is_written_is_read_again(name, data):
    sensor = data.draw(sensors())
    listing = data.draw(listings(sensor))
    if name == "dng-opcodes" and sensor.cfa.name == "mono":
        sensor = replace(sensor, cfa=Cfa("RGGB"))
    written = FORMATS[name].write(listing, sensor, BODY)
    assert FORMATS[name].read(written, "list", sensor) == kept(name, listing, sensor)
    assert FORMATS[name].write(listing, sensor, BODY) == written


@every_format
def test_an_empty_list(name):
    written = FORMATS[name].write(Listing(()), SENSOR, BODY)
    assert FORMATS[name].read(written, "list", SENSOR) == Listing(())


# What each writes, in its own space


@pytest.mark.parametrize(("cfa", "phase"), [("GRBG", 0), ("RGGB", 1), ("BGGR", 2), ("GBRG", 3)])
def test_opcodes_as_in_the_worked_example(cfa, phase):
    sensor = Sensor((3904, 2616), Rect(0, 0, 3900, 2611), Cfa(cfa), None)
    listing = Listing((Photosite(1203, 2517, HOT),), (Run(0, 1800, 1, 2613),))
    example = (
        "00000001 00000005 01030000 00000000 00000024 00000003 00000001 00000001 "
        "000004b3 000009d5 00000000 00000708 00000a35 00000709"
    )
    words = example.split()
    words[5] = f"{phase:08x}"
    written = dng_opcodes.opcode_list(listing, sensor)
    assert written.hex(" ", 4).split() == words
    assert dng_opcodes.read(written, "list", sensor).runs == listing.runs


def test_opcodes_are_for_bayer_filters_only():
    with pytest.raises(ListFormatError, match="is for Bayer filters, and this map has mono"):
        dng_opcodes.write(LIST, replace(SENSOR, cfa=Cfa("mono")), BODY)


def test_opcodes_among_others():
    def opcode(kind, content):
        return struct.pack(">IIII", kind, 0x01030000, 1, len(content)) + content

    first, second = ((struct.pack(">IIIii", phase, 1, 0, y, x)) for phase, y, x in ((3, 2, 1), (0, 1, 2)))
    parts = [opcode(9, b"gain map"), opcode(5, first), opcode(4, bytes(8)), opcode(2**31, b""), opcode(5, second)]
    found = dng_opcodes.read(struct.pack(">I", 5) + b"".join(parts), "list", SENSOR)
    assert found == Listing((Photosite(1, 2), Photosite(2, 1)))


def test_a_rectangle_of_several_lines_becomes_runs():
    found = make_listing([Run(2, 3, 2, 5), Run(4, 4, 1, 1), Run(9, 9, 6, 2)], Rect(0, 0, 24, 16), "list")
    assert found == Listing((), (Run(2, 3, 1, 5), Run(2, 4, 1, 5), Run(9, 9, 6, 1), Run(10, 9, 6, 1)))


def test_chdk_words():
    photosites = [Photosite(y, 2) for y in range(11)] + [Photosite(y, 5) for y in range(0, 20, 2)]
    sensor = Sensor((8192, 8192), Rect(3, 3, 9, 9), Cfa("RGGB"), None)
    words = struct.unpack("<16H", chdk.write(Listing((*photosites, Photosite(8191, 8191))), sensor, BODY)[:32])
    assert words[:3] == (2 | 1 << 13, 0 | 7 << 13, 8 | 2 << 13)
    assert words[3:12] == (5 | 7 << 13, 0, 2, 4, 6, 8, 10, 12, 14)
    assert words[12:] == (5 | 1 << 13, 16, 18, 8191)
    assert chdk.FORMAT.file_name is not None
    assert chdk.FORMAT.file_name(sensor, BODY) == "badpixel.bin"


@pytest.mark.parametrize("place", [(8192, 3), (3, 8192)])
def test_chdk_holds_13_bits(place):
    sensor = Sensor((9000, 9000), Rect(0, 0, 9000, 9000), Cfa("RGGB"), None)
    with pytest.raises(ListFormatError, match=r"coordinate 8192, but badpixel\.bin holds none above 8191"):
        chdk.write(Listing((Photosite(*place),)), sensor, BODY)
    with pytest.raises(ListFormatError, match="coordinate 8195, but"):
        chdk.write(Listing((), (Run(8189, 4, 1, 7),)), sensor, BODY)


def test_kstars_counts_from_the_visible_area_and_stays_off_its_border():
    content = json.loads(kstars.write(LIST, SENSOR, BODY))
    assert content == {
        "camera": "NIKON D80",
        "median": 0,
        "standardDeviation": 0,
        "hotAggressiveness": 75,
        "coldAggressiveness": 75,
        "hot": [{"x": 3, "y": 4, "value": 1}, *({"x": 17, "y": y, "value": 1} for y in (7, 8, 9))],
        "cold": [{"x": 5, "y": 8, "value": -1}],
    }
    border = Listing(tuple(Photosite(y, x) for y, x in [(1, 9), (5, 3), (5, 21), (14, 9)]))
    assert json.loads(kstars.write(border, SENSOR, BODY))["hot"] == []


def test_dalsa_takes_the_first_2048():
    root = ElementTree.fromstring(dalsa.write(LIST, SENSOR, BODY))
    places = [(element.get("OffsetX"), element.get("OffsetY")) for element in root]
    assert places == [("4", "0"), ("3", "5"), ("6", "5"), ("20", "8"), ("8", "9"), ("20", "9"), ("20", "10")]
    sensor = Sensor((100, 30), Rect(0, 0, 100, 30), Cfa("mono"), None)
    full = dalsa.write(Listing((), tuple(Run(y, 0, 100, 1) for y in range(30))), sensor, BODY)
    found = dalsa.read(full, "list", sensor).photosites
    assert len(found) == dalsa.FORMAT.at_most == 2048
    assert found[-1] == Photosite(20, 47)


def test_ecsv_lines():
    lines = ecsv.write(LIST, SENSOR, BODY).decode().splitlines()
    assert lines[0] == "# %ECSV 1.0"
    table = [line for line in lines if not line.startswith("#")]
    assert table == ["x0,y0,width,height,kind", "4,0,1,1,hot", "3,5,1,1,hot", "6,5,1,1,", "20,8,1,3,", "8,9,1,1,dead"]


def test_ecsv_reads_what_others_add():
    text = '# %ECSV 1.0\r\n# ---\r\n# meta: !!omap\r\nkind id height "x0" width y0\r\n\r\nlost 7 2 3 1 4\r\n'
    assert ecsv.read(b"\xef\xbb\xbf" + text.encode(), "list", SENSOR) == Listing((), (Run(4, 3, 1, 2),))


def test_numpy_counts_from_the_visible_area():
    places = np.load(io.BytesIO(numpy_list.write(LIST, SENSOR, BODY)))
    assert places.dtype == np.int64
    assert places.tolist() == [[4, 0], [4, 3], [7, 17], [8, 5], [8, 17], [9, 17]]


@pytest.mark.parametrize("array", [np.array([[1, 2]], ">u2"), np.asfortranarray(np.array([[1, 2], [3, 4]], np.int8))])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_numpy_arrays_of_others(array, version):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    found = numpy_list.read(file.getvalue(), "list", SENSOR)
    assert [(place.y - 1, place.x - 3) for place in found.photosites] == [tuple(place) for place in array.tolist()]


def test_png_is_a_mask_of_the_raw_grid():
    mask = iio.imread(png.write(LIST, SENSOR, BODY))
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}
    assert np.argwhere(mask).tolist() == [[0, 4], [5, 3], [5, 6], [8, 20], [9, 8], [9, 20], [10, 20]]


def test_png_of_one_bit():
    mask = np.zeros((16, 24), bool)
    mask[3, 5] = True
    data = iio.imwrite("<bytes>", mask, plugin="pillow", extension=".png")
    assert data[24] == 1
    assert png.read(data, "list", SENSOR) == Listing((Photosite(3, 5),))


@pytest.mark.parametrize("module", [png, fits])
def test_masks_larger_than_any_sensor_are_not_made(module):
    if module is fits:
        pytest.importorskip("astropy", reason="astropy is not installed")
    sensor = Sensor((65536, 65536), Rect(0, 0, 1, 1), Cfa("mono"), None)
    with pytest.raises(ListFormatError, match=r"65536 x 65536 photosites, expected at most 1?[27]0+"):
        module.write(LIST, sensor, BODY)


def test_without_astropy_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "astropy.io", None)
    with pytest.raises(MissingExtraError, match=r"^FITS: needs astropy, .*: pip install 'sensormap\[astro\]'$"):
        fits.write(LIST, SENSOR, BODY)
    with pytest.raises(MissingExtraError, match="needs astropy"):
        fits.read(b"", "list", SENSOR)


# What stands between a list and the formats


def test_within_cuts_runs():
    listing = Listing((), (Run(0, 4, 1, 16), Run(5, 0, 5, 1), Run(0, 0, 24, 1)))
    assert within(listing, SENSOR.active_area).runs == (Run(0, 1, 1, 14), Run(4, 0, 2, 1))


def test_one_by_one_takes_each_place_once():
    listing = Listing((Photosite(0, 0, HOT),), (Run(0, 0, 2, 1, DEAD), Run(0, 1, 1, 2, HOT)))
    assert one_by_one(listing) == (Photosite(0, 0, HOT), Photosite(0, 1, DEAD), Photosite(1, 1, HOT))


# The programs themselves


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_exiftool_finds_the_opcodes_of_a_dng(tmp_path, byteorder):
    path, content = tmp_path / "toy.dng", dng_opcodes.opcode_list(LIST, SENSOR)
    tags = [(50706, 1, 4, (1, 4, 0, 0), True), (51008, 7, len(content), content, True)]
    raw = np.zeros((16, 24), np.uint16)
    tifffile.imwrite(path, raw, byteorder=byteorder, photometric=tifffile.PHOTOMETRIC.CFA, extratags=tags)
    read = subprocess.run(["exiftool", "-b", "-OpcodeList1", path], capture_output=True, check=True, timeout=60)
    assert read.stdout == content
    told = subprocess.run(["exiftool", "-s3", "-OpcodeList1", path], capture_output=True, check=True, timeout=60)
    assert told.stdout.decode().split() == ["FixBadPixelsList"]


def test_rawpy_repairs_exactly_the_exported_photosites(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rawpy says which of scikit-image and OpenCV is absent
        enhance = pytest.importorskip(
            "rawpy.enhance", reason="rawpy.enhance needs OpenCV or scikit-image", exc_type=ImportError
        )
    shape = (400, 600)
    places = [(y, x) for y in range(11, 380, 37) for x in range(12 + y % 3, 580, 41)]
    mosaic = make_mosaic(3, shape=shape, level=900.0, defects=dict.fromkeys(places, (0.0, 3700.0))).astype(np.uint16)
    path = tmp_path / "toy.NEF"
    write_nef(path, mosaic, NefMeta())
    with rawpy.imread(str(path)) as raw:
        visible = Rect(raw.sizes.left_margin, raw.sizes.top_margin, raw.sizes.width, raw.sizes.height)
        sensor = Sensor((raw.sizes.raw_width, raw.sizes.raw_height), visible, Cfa("GBRG"), None)
        listing = Listing(tuple(Photosite(y, x, HOT) for y, x in sorted(places)))
        (tmp_path / "list.npy").write_bytes(numpy_list.write(listing, sensor, BODY))
        before = raw.raw_image.copy()
        enhance.repair_bad_pixels(raw, np.load(tmp_path / "list.npy"))
        changed = np.argwhere(raw.raw_image != before)
    assert [tuple(place) for place in changed.tolist()] == sorted(places)


def test_astropy_reads_the_fits_mask():
    astropy = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    listing = Listing(tuple(Photosite(2, x, kind) for x, kind in enumerate([None, *DefectKind])))
    data = fits.write(listing, SENSOR, BODY)
    with astropy.open(io.BytesIO(data)) as images:
        images.verify("exception")
        mask, header = images[0].data, images[0].header
    assert mask.shape == (16, 24)
    assert mask.dtype == ">i4"
    assert np.flatnonzero(mask.any(axis=1)).tolist() == [2]
    bits = {"hot": 11, "offset": 12, "stuck": 30, "dead": 10, "weak": 13, "noisy": 15, "cold": 22, "overresponsive": 25}
    assert mask[2, :9].tolist() == [1, *(1 | 1 << bits[kind] for kind in DefectKind)]
    assert "DATE" not in header
    assert "2048 HOT: hot" in list(header["COMMENT"])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64])
def test_fits_masks_of_others(dtype):
    astropy = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    mask = np.zeros((16, 24), dtype)
    mask[3, 5], mask[4, 6] = 1, 64
    expected = [Photosite(3, 5), Photosite(4, 6)]
    if dtype == np.uint32:
        mask[5, 7] = 1 | 1 << 24 | 1 << 30
        expected.append(Photosite(5, 7, DefectKind.NOISY))
    file = io.BytesIO()
    astropy.HDUList([astropy.PrimaryHDU(), astropy.ImageHDU(mask, name="DQ")]).writeto(file)
    assert fits.read(file.getvalue(), "list", SENSOR) == Listing(tuple(expected))


def test_fits_images_of_other_sorts_are_refused():
    astropy = pytest.importorskip("astropy.io.fits", reason="astropy is not installed")
    mask = np.zeros((16, 24), np.int32)
    sorts = [
        astropy.HDUList([astropy.PrimaryHDU(), astropy.CompImageHDU(mask)]),
        astropy.HDUList([astropy.PrimaryHDU(mask.astype(np.float32))]),
        astropy.HDUList([astropy.PrimaryHDU(mask.T)]),
        astropy.HDUList([astropy.PrimaryHDU(mask[None])]),
        astropy.HDUList([astropy.PrimaryHDU()]),
    ]
    for images in sorts:
        file = io.BytesIO()
        images.writeto(file)
        with pytest.raises(ListFormatError, match=r"expected 24 x 16 integers|truncated or damaged"):
            fits.read(file.getvalue(), "list", SENSOR)


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_astropy_and_the_ecsv_module_read_each_other(delimiter):
    table = pytest.importorskip("astropy.table", reason="astropy is not installed")
    ours = table.Table.read(ecsv.write(LIST, SENSOR, BODY).decode(), format="ascii.ecsv")
    assert ours.colnames == ["x0", "y0", "width", "height", "kind"]
    assert [list(ours[name]) for name in ecsv.BOX] == [[4, 3, 6, 20, 8], [0, 5, 5, 8, 9], [1] * 5, [1, 1, 1, 3, 1]]
    assert [str(kind) if kind else "" for kind in ours["kind"].filled("")] == ["hot", "hot", "", "", "dead"]
    theirs = table.Table([[4, 7], [0, 2], [1, 3], [5, 2]], names=ecsv.BOX, meta={"OBSTYPE": "defects", "INSTRUME": "a"})
    file = io.StringIO()
    theirs.write(file, format="ascii.ecsv", delimiter=delimiter)
    found = ecsv.read(file.getvalue().encode(), "list", SENSOR)
    assert found == Listing((), (Run(0, 4, 1, 5), Run(2, 7, 3, 1), Run(3, 7, 3, 1)))
