"""The sensor in block characters: every entry is somewhere, whatever its size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.maps.entries import Column, DefectKind
from sensormap.report.palette import COLOURS, TERMINAL_COLOURS
from sensormap.report.thumbnail import LARGEST, thumbnail
from tests.support.maps import sensor_maps, toy_defect, toy_map


def square(side, *defects, columns=()):
    sensor = Sensor((side, side), Rect(0, 0, side, side), Cfa("GBRG"), None)
    placed = tuple(toy_defect(x, y, kind=kind, sensor=sensor) for y, x, kind in sorted(defects))
    return toy_map(sensor=sensor, columns=columns, defects=placed)


def lines(picture):
    return ["".join(char for char, _ in line) for line in picture.cells]


def test_a_defect_is_a_quarter_of_a_character():
    small = square(8, (0, 0, DefectKind.HOT), (7, 7, DefectKind.WEAK), (0, 7, DefectKind.DEAD))
    found = thumbnail(small, width=4)
    assert lines(found) == ["▘  ▝", "   ▗"]
    assert found.cells[0][0][1] == "hot"
    assert found.cells[1][3][1] == "weak"
    assert found.kinds == ("hot", "dead", "weak")
    assert not found.shaded


def test_the_most_frequent_kind_gives_the_colour():
    found = thumbnail(square(40, (0, 0, DefectKind.HOT), (0, 1, DefectKind.WEAK), (1, 0, DefectKind.WEAK)), width=4)
    assert found.cells[0][0][1] == "weak"


def test_a_column_is_a_line():
    column = Column(5, 0, 39, "B+Gr", DefectKind.WEAK, 0.99, -12.0, 20)
    found = thumbnail(square(40, columns=(column,)), width=8)
    assert lines(found) == [" ▌      "] * 4
    assert found.kinds == ("column",)


def test_thousands_are_shaded():
    defects = [(y, x, DefectKind.HOT) for y in range(40) for x in range(40) if x < 20 or (x + y) % 5 == 0]
    found = thumbnail(square(40, *defects), width=4)
    assert found.shaded
    assert lines(found)[0] == "██░░"


def test_nothing_is_nothing():
    found = thumbnail(square(40), width=4)
    assert lines(found) == ["    ", "    "]
    assert found.kinds == ()


@pytest.mark.parametrize(("size", "shape"), [((1, 1), (60, 20)), ((9000, 10), (60, 1)), ((10, 9000), (1, 20))])
def test_sizes(size, shape):
    sensor = Sensor(size, Rect(0, 0, *size), Cfa("mono"), None)
    found = thumbnail(replace(square(2), sensor=sensor))
    assert len(found.cells) == shape[1]
    assert len(found.cells[0]) <= shape[0]


@given(sensor_map=sensor_maps())
def test_any_map_fits(sensor_map):
    for width in (1, 7, 200):
        found = thumbnail(sensor_map, width=width)
        assert 1 <= len(found.cells) <= LARGEST[1]
        assert {len(line) for line in found.cells} == {len(found.cells[0])}
        assert len(found.cells[0]) <= min(width, LARGEST[0])
        drawn = any(char != " " for line in found.cells for char, _ in line)
        assert drawn == bool(sensor_map.defects or sensor_map.lines)


def test_every_kind_has_a_look_of_its_own():
    assert len(set(COLOURS.values())) == len(set(TERMINAL_COLOURS.values())) == len(COLOURS) == len(TERMINAL_COLOURS)
    assert {str(kind) for kind in DefectKind} <= set(COLOURS)
