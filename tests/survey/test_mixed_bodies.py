"""Photos of two bodies whose EXIF is the same, raw or JPEGs: the map says so, and how to split them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import numpy as np
import pytest

from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta
from fixtures.series import Recipe, make_series
from sensormap.maps.mapfile.writing import map_text
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from tests.support.photos import NOON

TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d(?=\0)")
TEXT = "%Y:%m:%d %H:%M:%S"
COUNT = b"\x00\xa7\x00\x04\x00\x00\x00\x01"  # entry of the shutter count in the maker note, before its value
FRAMES, DEFECTS = 16, 60


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    """Two series of one camera by EXIF, with other defects, and a profile."""
    folders = []
    for seed in (11, 12):
        folders.append(tmp_path_factory.mktemp(f"body{seed}"))
        make_series(Recipe(FRAMES, (384, 512), seed=seed, defects=DEFECTS), folders[-1])
    return folders


def put(source, target, *, later=timedelta(0), counts=0):
    """Copy photos that were taken later, with a higher shutter count."""
    target.mkdir(parents=True)

    def moved(found):
        return (datetime.strptime(found[0].decode(), TEXT) + later).strftime(TEXT).encode()

    for path in sorted((source / "photos").iterdir()):
        data = path.read_bytes()
        head = TIME.sub(moved, data[:16_384])
        if (place := head.find(COUNT)) >= 0:
            start = place + len(COUNT)
            count = int.from_bytes(head[start : start + 4], "big") + counts
            head = head[:start] + count.to_bytes(4, "big") + head[start + 4 :]
        (target / path.name).write_bytes(head + data[16_384:])


def mapped(folder, bodies):
    return map_defects([folder], Options(profile=str(bodies[0] / "profile.yaml"), jobs=2))


def test_interleaved_photos_are_split_by_folder(bodies, tmp_path, caplog):
    put(bodies[0], tmp_path / "card-a")
    put(bodies[1], tmp_path / "card-b", later=timedelta(minutes=7), counts=1)
    found = mapped(tmp_path, bodies)
    assert {"card-a", "card-b"} <= set(re.findall(r"[\w-]+", str(found.settings["two_sensors"])))
    assert found.settings["two_sensors"] in caplog.text
    assert str(tmp_path) not in map_text(found)
    assert len(found.defects) > DEFECTS


def test_a_replaced_sensor_is_dated(bodies, tmp_path, caplog):
    put(bodies[0], tmp_path / "all" / "before")
    put(bodies[1], tmp_path / "all" / "after", later=timedelta(days=3000), counts=9000)
    found = mapped(tmp_path / "all", bodies)
    said = str(found.settings["two_sensors"])
    assert said.startswith(f"split by date: DSC_{FRAMES:04}.NEF is the last of one, DSC_0001.NEF, ")
    assert "two sensors" in caplog.text


@pytest.mark.parametrize("body", [0, 1])
def test_one_body_is_none(bodies, body, caplog):
    found = mapped(bodies[body] / "photos", bodies)
    assert "two_sensors" not in found.settings
    assert "two sensors" not in caplog.text


def test_jpegs_of_an_unknown_camera_say_which_size_was_taken(tmp_path, caplog):
    rng = np.random.default_rng(1)
    for number in range(3):
        pixels = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
        meta = NefMeta(model="OTHER", captured=NOON + timedelta(minutes=number))
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_bytes(pixels, meta))
    map_defects([tmp_path])
    assert "JPEGs of 64 x 48 pixels are taken for the camera's full size" in caplog.text


@pytest.fixture(scope="module")
def jpeg_bodies(tmp_path_factory):
    """Two series of JPEGs of one camera by EXIF, with other defects, and a profile."""
    folders = []
    for seed in (13, 14):
        folders.append(tmp_path_factory.mktemp(f"body{seed}"))
        make_series(Recipe(FRAMES, (384, 512), seed=seed, defects=40, jpeg=True), folders[-1])
    return folders


def test_jpegs_of_two_bodies_are_told_apart(jpeg_bodies, caplog):
    """By folders that both have the same name."""
    folders = [body / "jpegs" for body in jpeg_bodies]
    found = map_defects(folders, Options(profile=str(jpeg_bodies[0] / "profile.yaml"), jobs=2))
    one, other = (f"{body.name}/jpegs" for body in jpeg_bodies)
    said = {f"split by folder: {one} and {other}", f"split by folder: {other} and {one}"}
    assert found.settings["two_sensors"] in said
    assert "two sensors" in caplog.text


@pytest.mark.parametrize("body", [0, 1])
def test_jpegs_of_one_body_are_of_one(jpeg_bodies, body):
    options = Options(profile=str(jpeg_bodies[body] / "profile.yaml"), jobs=2)
    found = map_defects([jpeg_bodies[body] / "jpegs"], options)
    assert found.defects
    assert "two_sensors" not in found.settings
