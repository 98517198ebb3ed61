"""A map's defective photosites: listed, masked, and counted before memory is taken for them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.errors import MapSizeError
from sensormap.maps import sensor_map as module
from sensormap.maps.coordinates import coordinates
from sensormap.maps.entries import Column, DefectKind, Row
from sensormap.maps.sensor_map import photosites_of
from tests.support.maps import full_map, sensor_maps, toy_defect, toy_map

MEGABYTES = 2**20
LARGE = Sensor((20_000, 20_000), Rect(0, 0, 20_000, 20_000), Cfa("RGGB"), None)


def slowly(sensor_map):
    """Every photosite that an entry covers, one by one, as (y, x)."""
    found = {(defect.y, defect.x) for defect in sensor_map.defects}
    for column in sensor_map.columns:
        found |= {(y, column.x) for y in range(column.y0, column.y1 + 1) if on_plane(column, column.x, y, sensor_map)}
    for row in sensor_map.rows:
        found |= {(row.y, x) for x in range(row.x0, row.x1 + 1) if on_plane(row, x, row.y, sensor_map)}
    return sorted(found)


def on_plane(line, x, y, sensor_map):
    return sensor_map.sensor.cfa.plane_name(x=x, y=y) in line.plane.split("+")


@given(sensor_map=sensor_maps())
def test_all_photosites_are_listed_and_masked(sensor_map):
    expected = slowly(sensor_map)
    mask = sensor_map.mask()
    assert sensor_map.photosites() == [(x, y) for y, x in expected]
    assert (mask.shape, mask.dtype) == (sensor_map.sensor.raw_size[::-1], np.bool_)
    assert [tuple(place) for place in np.argwhere(mask).tolist()] == expected


def test_a_map_without_entries_has_none():
    empty = toy_map(defects=(), columns=(), rows=())
    assert empty.photosites() == []
    assert not empty.mask().any()
    assert empty.lines == ()


def test_some_entries_may_be_listed_alone():
    found = full_map()
    assert photosites_of((), found.lines, found.sensor.cfa) == replace(found, defects=()).photosites()


def whole(make, place, first, last, cfa):
    """A column or row of all planes of its line."""
    return make(place, first, last, "+".join(make.crossed(place, cfa)), DefectKind.HOT, 0.9, 9.0, 9)


def many_columns():
    """A map whose file is small and whose columns fill the sensor."""
    columns = tuple(whole(Column, x, 0, 19_999, LARGE.cfa) for x in range(20_000))
    return toy_map(sensor=LARGE, columns=columns, rows=(), defects=())


@pytest.mark.parametrize("listed", [lambda one: one.photosites(), coordinates], ids=["photosites", "coordinates"])
def test_few_lines_of_a_file_that_ask_for_much_memory_do_not_get_it(listed):
    huge = many_columns()
    tracemalloc.start()
    try:
        with pytest.raises(MapSizeError, match="the map holds 400000000 defective photosites"):
            listed(huge)
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTES
    finally:
        tracemalloc.stop()


def test_a_mask_takes_a_byte_a_photosite_however_many_are_defective():
    huge = many_columns()
    tracemalloc.start()
    try:
        assert huge.mask().all()
        assert tracemalloc.get_traced_memory()[1] < 400 * MEGABYTES
    finally:
        tracemalloc.stop()


def test_a_grid_larger_than_any_camera_s_has_no_mask():
    sensor = Sensor((65_536, 65_536), Rect(0, 0, 65_536, 65_536), Cfa("mono"), None)
    huge = toy_map(sensor=sensor, columns=(), rows=(), defects=(toy_defect(65_000, 65_000, sensor=sensor),))
    with pytest.raises(MapSizeError, match="65536 x 65536 photosites is too large"):
        huge.mask()
    assert huge.photosites() == [(65_000, 65_000)]


def test_as_many_as_the_most_are_listed(monkeypatch):
    cfa = toy_map().sensor.cfa
    crossing = toy_map(columns=(whole(Column, 5, 0, 9, cfa),), rows=(whole(Row, 3, 0, 9, cfa),), defects=())
    monkeypatch.setattr(module, "MOST_PHOTOSITES", 20)
    assert len(crossing.photosites()) == 19  # the one at the crossing once
    monkeypatch.setattr(module, "MOST_PHOTOSITES", 19)
    with pytest.raises(MapSizeError, match="20 defective photosites, too many"):
        crossing.photosites()
