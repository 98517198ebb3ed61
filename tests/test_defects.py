"""Values of a map: what fits together can be made, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maps import TOY_SENSOR, toy_defect, toy_map

from sensormap.camera import Rect
from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.defects import Column, DefectKind, FrameSummary, Sensor, rounded
from sensormap.frame import Skipped


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
def test_column_photosites_are_those_of_its_planes(name):
    cfa = Cfa(name)
    for x in (4, 5):
        column = Column(x, 3, 9, cfa.plane_name(x=x, y=3), DefectKind.HOT, 0.9, 9.0, 1)
        assert list(column.photosites(cfa)) == [(x, y) for y in range(3, 10, cfa.step)]
        both = replace(column, plane="+".join({cfa.plane_name(x=x, y=y): None for y in (0, 1)}))
        assert list(both.photosites(cfa)) == [(x, y) for y in range(3, 10)]


def test_jpeg_pixel_at_the_edges():
    assert TOY_SENSOR.jpeg_pixel(3, 2) == (0, 0)
    assert TOY_SENSOR.jpeg_pixel(20, 13) == (17, 11)
    assert [TOY_SENSOR.jpeg_pixel(*p) for p in ((2, 2), (3, 1), (21, 13), (20, 14))] == [None] * 4
    assert replace(TOY_SENSOR, jpeg_crop=None).jpeg_pixel(3, 2) is None


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5, 65_537)])
def test_impossible_sensor(size):
    with pytest.raises(ValueError, match=r"raw_size: \[.*\] is not a width and a height"):
        Sensor(size, Rect(0, 0, 1, 1), Cfa("RGGB"), None)


def test_rectangles_lie_on_the_sensor():
    Sensor((5, 4), Rect(1, 0, 4, 4), Cfa("RGGB"), Rect(0, 3, 5, 1))
    with pytest.raises(ValueError, match=r"active_area: \[1, 0, 5, 4\] reaches beyond the raw size \[5, 4\]"):
        Sensor((5, 4), Rect(1, 0, 5, 4), Cfa("RGGB"), None)
    with pytest.raises(ValueError, match="jpeg_crop"):
        Sensor((5, 4), Rect(0, 0, 5, 4), Cfa("RGGB"), Rect(0, 3, 5, 2))


HOT = toy_defect(17, 4)
LINE = Column(10, 5, 12, "R", DefectKind.WEAK, 0.9995, -9.7, 3)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"defects": (replace(HOT, x=24),)}, r"defects\[0\].x: 24 is outside"),
        ({"defects": (replace(HOT, y=-1),)}, r"defects\[0\].y: -1 is outside"),
        ({"defects": (replace(HOT, plane="R"),)}, r"defects\[0\].plane: 'R', but"),
        ({"defects": (replace(HOT, jpeg=None),)}, r"defects\[0\].jpeg: null, but"),
        ({"defects": (HOT, HOT)}, r"defects\[1\]: .* each photosite once"),
        ({"defects": (HOT, toy_defect(3, 4))}, r"defects\[1\]: \(x 3, y 4\) stands after \(x 17, y 4\)"),
        ({"defects": (replace(HOT, confidence=1.1),)}, "confidence"),
        ({"defects": (replace(HOT, confidence=math.nan),)}, "confidence"),
        ({"defects": (replace(HOT, score=math.nan),)}, "score"),
        ({"defects": (replace(HOT, mean=math.inf),)}, "mean"),
        ({"defects": (replace(HOT, variance=-0.5),)}, "variance"),
        ({"defects": (toy_defect(10, 5),)}, r"defects\[0\]: \(x 10, y 5\) lies in a column entry"),
        ({"defects": (toy_defect(10, 11),)}, "lies in a column entry"),
        ({"columns": (replace(LINE, x=-1),)}, r"columns\[0\].x: -1 is outside"),
        ({"columns": (replace(LINE, y1=16),)}, r"columns\[0\].y1: 16 is outside"),
        ({"columns": (replace(LINE, y1=4),)}, r"columns\[0\].y0: 5 is not in 0 to y1 = 4"),
        ({"columns": (replace(LINE, plane="R+Gr"),)}, "plane: 'R.Gr', but column 10 of GBRG crosses Gb.R"),
        ({"columns": (replace(LINE, plane=""),)}, "plane"),
        ({"columns": (replace(LINE, confidence=-0.1),)}, "confidence"),
        ({"columns": (replace(LINE, score=math.inf),)}, "score"),
        ({"columns": (replace(LINE, defects=-1),)}, "defects"),
        ({"columns": (LINE, replace(LINE, x=8))}, r"columns\[1\]: \(8, 5\) stands after \(10, 5\)"),
        ({"columns": (LINE, replace(LINE, y0=12, y1=14))}, r"columns\[1\].y0: 12 overlaps"),
        ({"columns": (LINE, replace(LINE, plane="Gb+R", y0=12, y1=14))}, "overlaps"),
        ({"settings": {"a b": 1}}, "settings: 'a b' is not a name"),
        ({"settings": {"a": math.nan}}, "settings.a: nan"),
        ({"skipped": (Skipped("a", "b"),)}, r"frames.skipped: 2, but 1 photos"),
    ],
)
def test_contradictions(parts, message):
    with pytest.raises(ValueError, match=message):
        toy_map(**parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"used": -1}, "frames.used: -1"),
        ({"first": None}, "one of them is missing"),
        ({"first": datetime(2010, 1, 1, tzinfo=UTC)}, "time zone"),
        ({"last": datetime(2010, 1, 1)}, "lies after"),
        ({"iso": (200, 100)}, r"frames.iso: \[200, 100\]"),
        ({"shutter_s": (-1.0, 1.0)}, "frames.shutter_s"),
        ({"shutter_s": (math.nan, 1.0)}, "frames.shutter_s"),
    ],
)
def test_contradicting_frames(parts, message):
    with pytest.raises(ValueError, match=message):
        toy_map(frames=replace(toy_map().frames, **parts))


def test_what_is_allowed():
    toy_map(frames=FrameSummary(0, 0, None, None, None, None, ""), skipped=(), columns=(), defects=())
    toy_map(columns=(LINE, replace(LINE, plane="Gb"), replace(LINE, y0=13, y1=15)))
    toy_map(defects=(toy_defect(10, 4), toy_defect(10, 6), toy_defect(10, 13)))  # beside the column's rows and plane
    toy_map(defects=(toy_defect(0, 0), toy_defect(23, 15)))


@given(value=st.floats(allow_nan=False, allow_infinity=False), digits=st.integers(1, 17))
def test_rounded(value, digits):
    once = rounded(value, digits=digits)
    assert rounded(once, digits=digits) == once
    assert math.copysign(1, once) == 1 or once < 0
    if abs(value) > 1e-300 and math.isfinite(once):
        assert abs(once - value) <= abs(value) * 10.0 ** (1 - digits)
