"""Coordinates of a map in each space, and the correction script that they feed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from sensormap.camera.geometry import Rect
from sensormap.errors import ProfileError, SensorMapError
from sensormap.maps.coordinates import Space, coordinates
from sensormap.maps.entries import Column, DefectKind, Row
from tests.support.folders import PROJECT
from tests.support.maps import TOY_SENSOR, both_map, full_map, jpeg_map, phone_map, sensor_maps, toy_defect, toy_map

STANDIN = PROJECT / "tests" / "support" / "correctpixel_standin.py"


def test_spaces():
    assert coordinates(toy_map()) == [(2, 1), (17, 4), (10, 5), (10, 7), (10, 9), (5, 11), (10, 11)]
    assert coordinates(toy_map(), "active") == [(0, 0), (15, 3), (8, 4), (8, 6), (8, 8), (3, 10), (8, 10)]
    assert coordinates(toy_map(), Space.JPEG) == [(14, 2), (7, 3), (7, 5), (7, 7), (2, 9), (7, 9)]


def test_a_column_of_both_planes_is_whole():
    column = Column(10, 5, 8, "Gb+R", DefectKind.DEAD, 1.0, -9.0, 4)
    assert coordinates(toy_map(columns=(column,), defects=())) == [(10, 5), (10, 6), (10, 7), (10, 8)]


def test_rows_are_taken_apart_as_columns_are():
    row = Row(9, 3, 6, "Gr", DefectKind.DEAD, 1.0, -9.0, 4)
    assert coordinates(toy_map(rows=(row,), columns=(), defects=())) == [(3, 9), (5, 9)]
    both = replace(row, plane="R+Gr")
    assert coordinates(toy_map(rows=(both,), columns=(), defects=()), "jpeg") == [(0, 7), (1, 7), (2, 7), (3, 7)]


def test_where_a_row_crosses_a_column_is_one_photosite():
    assert coordinates(full_map()).count((10, 9)) == 1
    assert len(coordinates(full_map())) == 4 + 4 + 10 - 1


def test_edges_of_the_crop():
    corners = [(3, 2), (20, 2), (3, 13), (20, 13)]
    outside = [(2, 2), (3, 1), (21, 13), (20, 14)]
    defects = [toy_defect(x, y) for y, x in sorted((y, x) for x, y in corners + outside)]
    found = coordinates(toy_map(defects=tuple(defects), columns=()), "jpeg")
    assert found == [(0, 0), (17, 0), (0, 11), (17, 11)]


def test_unknown_crop_and_space():
    sensor = replace(TOY_SENSOR, jpeg_crop=None)
    blind = toy_map(sensor=sensor, defects=(toy_defect(2, 1, sensor=sensor),))
    with pytest.raises(ProfileError, match="profile 'toy' knows no JPEG crop") as error:
        coordinates(blind, "jpeg")
    assert isinstance(error.value, SensorMapError)
    assert coordinates(blind)[0] == (2, 1)
    with pytest.raises(ValueError, match="visible"):
        coordinates(blind, "visible")


def test_maps_of_jpegs():
    assert coordinates(jpeg_map(columns=())) == [(3, 2), (17, 4), (18, 4), (5, 11)]
    assert coordinates(jpeg_map(columns=()), "jpeg") == [(0, 0), (14, 2), (15, 2), (2, 9)]
    assert coordinates(both_map())[-1] == (12, 12)


def test_the_grid_of_a_picture_is_no_raw_grid():
    column = [(7, y) for y in range(3, 11)]
    assert coordinates(phone_map(), "jpeg") == sorted([(14, 2), (2, 9), *column], key=lambda pixel: pixel[::-1])
    for space in ("raw", "active"):
        with pytest.raises(ProfileError, match="so its raw grid is unknown; use --space jpeg"):
            coordinates(phone_map(), space)


def test_no_defects():
    assert coordinates(toy_map(defects=(), columns=()), "jpeg") == []


@given(sensor_map=sensor_maps())
def test_laws(sensor_map):
    spaces = {"active": sensor_map.sensor.active_area, "jpeg": sensor_map.sensor.jpeg_crop}
    if sensor_map.sensor.is_jpeg_grid:
        del spaces["active"]
    raw = coordinates(sensor_map, "jpeg" if sensor_map.sensor.is_jpeg_grid else "raw")
    assert raw == sorted(set(raw), key=lambda pixel: pixel[::-1])
    mask = np.zeros(sensor_map.sensor.raw_size[::-1], bool)
    for x, y in raw:
        mask[y, x] = True
    for space, window in spaces.items():
        if window is not None:
            rows, cols = np.nonzero(mask[window.slices])
            assert coordinates(sensor_map, space) == list(zip(cols.tolist(), rows.tolist(), strict=True))


def test_the_correction_script_repairs_what_the_map_names(tmp_path):
    sensor = replace(TOY_SENSOR, raw_size=(60, 40), active_area=Rect(0, 0, 60, 40), jpeg_crop=Rect(7, 3, 48, 32))
    photosites = [(3, 1), (7, 3), (31, 12), (54, 34)]  # outside the JPEG, two of its corners, and inside
    column = Column(20, 10, 13, "R", DefectKind.STUCK, 1.0, 30.0, 2)
    toy = toy_map(
        sensor=sensor, defects=tuple(toy_defect(x, y, sensor=sensor) for x, y in photosites), columns=(column,)
    )
    raw = np.full((40, 60, 3), 90, np.uint8)
    for x, y in [*photosites, *column.photosites(sensor.cfa)]:
        raw[y, x] = 255
    picture = tmp_path / "DSC_0001.jpg"
    Image.fromarray(raw[sensor.jpeg_crop.slices]).save(picture, quality=100, subsampling=0)
    before = np.array(Image.open(picture))
    for x, y in coordinates(toy, "jpeg"):
        subprocess.run([sys.executable, STANDIN, picture.name, f"{x},{y}"], cwd=tmp_path, check=True)
        (tmp_path / "c_DSC_0001.jpg").replace(picture)
    after = np.array(Image.open(picture))
    assert np.count_nonzero(before.max(axis=2) > 200) == 5  # two of the column are on plane R: rows 11 and 13
    assert abs(after.astype(int) - 90).max() <= 4  # of 165; JPEG's own rounding


def test_the_stand_in_refuses_what_the_raw_grid_would_give(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    done = subprocess.run(
        [sys.executable, STANDIN, "a.jpg", "8,0"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "outside the picture" in done.stderr
