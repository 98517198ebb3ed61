"""The programs that the lists are for: they repair exactly the exported photosites, and no photo from before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
import tifffile

from fixtures.camera.curve import quantise
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.formats.listing import Listing, Photosite, Run, one_by_one
from sensormap.formats.programs import dcraw, siril

NOON = datetime(2010, 7, 1, 12)
SENSOR = Sensor((192, 128), Rect(0, 0, 188, 125), Cfa("GBRG"), None)
BODY = Body("NIKON CORPORATION", "NIKON D80", "")
BORN = Photosite(90, 70, since=NOON)
LISTING = Listing((Photosite(20, 50), BORN, Photosite(101, 120), Photosite(126, 30)), (Run(40, 31, 1, 5),))
"""Two photosites, a piece of a column; one photosite that was healthy at noon, and one outside the visible area."""


def places(listing):
    return {(found.y, found.x) for found in one_by_one(listing) if SENSOR.active_area.contains(found.x, found.y)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo of noon and one of a second later: every photosite bright, but those around it."""
    folder = tmp_path_factory.mktemp("consumers")
    mosaic = np.full((128, 192), 400, np.uint16)
    for found in one_by_one(LISTING):
        mosaic[found.y, found.x] = 3000
    mosaic = quantise(mosaic)
    for name, seconds in (("noon", 0), ("later", 1)):
        meta = NefMeta(captured=NOON + timedelta(seconds=seconds), shutter=(1, 10), iso=100)
        (folder / f"{name}.NEF").write_bytes(nef_bytes(mosaic, meta))
    (folder / "list").write_bytes(dcraw.write(LISTING, SENSOR, BODY))
    (folder / "always").write_bytes(siril.write(LISTING, SENSOR, BODY))
    return folder


def run(*command, folder, zone="UTC"):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = os.environ | {"TZ": zone, "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize(("name", "healthy"), [("noon", {(90, 70)}), ("later", set())])
def test_dcraw_repairs_what_is_bad_by_then(name, healthy, zone, folder):
    develop = ("dcraw", "-c", "-D", "-4", "-T", "-t", "0")
    before, after = (
        tifffile.imread(BytesIO(run(*develop, *repair, f"{name}.NEF", folder=folder, zone=zone)))
        for repair in ((), ("-P", "list"))
    )
    changed = set(map(tuple, np.argwhere(before != after).tolist()))
    assert changed == places(LISTING) - healthy


# rawpy 0.28 refuses a `bad_pixels_path` of any type; the attribute behind it takes bytes. A linear development at half
# size keeps each photosite's value in one channel of one pixel, save that the two greens of a pixel are averaged.
DEVELOP = """
import numpy, rawpy, sys
def develop(path):
    params = rawpy.Params(half_size=True, no_auto_bright=True, output_bps=16, gamma=(1, 1), user_wb=[1, 1, 1, 1],
                          output_color=rawpy.ColorSpace.raw, user_flip=0)
    if path:
        params.bad_pixels = path
    with rawpy.imread(sys.argv[1]) as raw:
        return raw.postprocess(params)
print(numpy.argwhere((develop(None) != develop(b"list")).any(axis=2)).tolist())
"""


@pytest.mark.parametrize(("name", "healthy"), [("noon", {(90, 70)}), ("later", set())])
def test_libraw_repairs_what_is_bad_by_then(name, healthy, folder):
    """In a process of its own: the zone is that of the process."""
    environment = os.environ | {"TZ": "UTC"}
    command = [sys.executable, "-c", DEVELOP, f"{name}.NEF"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, text=True, timeout=60)
    pixels = {(row // 2, col // 2) for row, col in places(LISTING) - healthy}
    assert set(map(tuple, json.loads(done.stdout))) == pixels


def test_siril_repairs_photosites_and_whole_lines(folder):
    fits = pytest.importorskip("astropy.io.fits")
    area = SENSOR.active_area
    listing = Listing((Photosite(20, 50), Photosite(101, 120)), (Run(0, 31, 1, area.height), Run(7, 0, area.width, 1)))
    (folder / "toy.lst").write_bytes(siril.write(listing, SENSOR, BODY))
    steps = ["requires 1.0.0", "setext fit", f"cd {folder}", "load later.NEF", "save before", "cosme_cfa toy.lst"]
    (folder / "toy.ssf").write_text("\n".join([*steps, "save after", ""]))
    run("siril-cli", "-s", str(folder / "toy.ssf"), folder=folder)
    before, after = (fits.getdata(folder / f"{name}.fit")[::-1] for name in ("before", "after"))
    assert before.shape == (area.height, area.width)
    changed = set(map(tuple, np.argwhere(before != after).tolist()))
    assert {(20, 50), (101, 120)} <= changed
    assert changed <= places(listing)


def test_siril_lists_hot_photosites_where_we_would(folder):
    (folder / "find.ssf").write_text(
        "\n".join(["requires 1.0.0", f"cd {folder}", "load later.NEF", "find_hot found 3 10", ""])
    )
    run("siril-cli", "-s", str(folder / "find.ssf"), folder=folder)
    found = siril.read((folder / "found.lst").read_bytes(), "found.lst", SENSOR)
    assert {(spot.y, spot.x) for spot in one_by_one(found)} == places(LISTING)
