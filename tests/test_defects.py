"""Values of a map: what fits together can be made, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maps import TOY_SENSOR, full_map, toy_defect, toy_map

from sensormap.camera import Rect
from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.defects import Between, Column, DefectKind, FrameSummary, Row, Sensor, rounded
from sensormap.frame import Skipped


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
def test_column_photosites_are_those_of_its_planes(name):
    cfa = Cfa(name)
    for x in (4, 5):
        column = Column(x, 3, 9, cfa.plane_name(x=x, y=3), DefectKind.HOT, 0.9, 9.0, 1)
        assert list(column.photosites(cfa)) == [(x, y) for y in range(3, 10, cfa.step)]
        both = replace(column, plane="+".join({cfa.plane_name(x=x, y=y): None for y in (0, 1)}))
        assert list(both.photosites(cfa)) == [(x, y) for y in range(3, 10)]


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])
def test_row_photosites_are_those_of_its_planes(name):
    cfa = Cfa(name)
    for y in (4, 5):
        row = Row(y, 3, 9, cfa.plane_name(x=3, y=y), DefectKind.HOT, 0.9, 9.0, 1)
        assert list(row.photosites(cfa)) == [(x, y) for x in range(3, 10, cfa.step)]
        both = replace(row, plane="+".join({cfa.plane_name(x=x, y=y): None for x in (0, 1)}))
        assert list(both.photosites(cfa)) == [(x, y) for x in range(3, 10)]


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
ACROSS = Row(9, 5, 12, "R", DefectKind.WEAK, 0.9995, -9.7, 3)
EARLY, LATE = datetime(2010, 5, 2, 17, 31, 8), datetime(2010, 5, 9, 11, 2, 45)
ZONED = datetime(2010, 5, 2, tzinfo=UTC)


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
        ({"columns": (replace(LINE, onset=Between(LATE, EARLY)),)}, r"columns\[0\].onset: after .* is later than by"),
        ({"rows": (replace(ACROSS, y=16),)}, r"rows\[0\].y: 16 is outside the sensor, 0 to 15"),
        ({"rows": (replace(ACROSS, x1=24),)}, r"rows\[0\].x1: 24 is outside the sensor, 0 to 23"),
        ({"rows": (replace(ACROSS, x0=13),)}, r"rows\[0\].x0: 13 is not in 0 to x1 = 12"),
        ({"rows": (replace(ACROSS, plane="Gb+R"),)}, "plane: 'Gb.R', but row 9 of GBRG crosses R.Gr"),
        ({"rows": (replace(ACROSS, plane="R+R"),)}, "plane: 'R.R', but"),
        ({"rows": (replace(ACROSS, confidence=math.nan),)}, r"rows\[0\].confidence"),
        ({"rows": (replace(ACROSS, score=math.nan),)}, r"rows\[0\].score"),
        ({"rows": (replace(ACROSS, defects=-1),)}, r"rows\[0\].defects: -1 is negative"),
        ({"rows": (replace(ACROSS, onset=Between(ZONED, None)),)}, r"rows\[0\].onset: .* has a time zone"),
        (
            {"rows": (ACROSS, replace(ACROSS, y=7))},
            r"rows\[1\]: \(7, 5\) stands .*\(9, 5\); rows are sorted by \(y, x0\)",
        ),
        ({"rows": (ACROSS, replace(ACROSS, x0=12, x1=14))}, r"rows\[1\].x0: 12 overlaps the row before it"),
        ({"rows": (ACROSS, replace(ACROSS, plane="R+Gr", x0=12, x1=14))}, "overlaps"),
        ({"rows": (ACROSS,), "defects": (toy_defect(6, 9),)}, r"defects\[0\]: \(x 6, y 9\) lies in a row entry"),
        ({"rows": (ACROSS,), "defects": (toy_defect(12, 9),)}, "lies in a row entry"),
        ({"rows": (ACROSS,), "defects": (toy_defect(10, 9),)}, "lies in a column entry"),
        (
            {"defects": (replace(HOT, dark_dn_per_s=(1.0, 1.5, 2.0)),)},
            r"defects\[0\].dark_dn_per_s: \[1.0, 1.5, 2.0\] is",
        ),
        ({"defects": (replace(HOT, offset_dn=(2.5, 1.5, 2.0)),)}, "offset_dn: .* is not an estimate between"),
        ({"defects": (replace(HOT, response=(1.0, 0.5, math.inf)),)}, "response: .* all finite"),
        ({"defects": (replace(HOT, response=(1.0, -math.inf, 2.0)),)}, "response: .* all finite"),
        ({"defects": (replace(HOT, response=(math.nan, 0.5, 2.0)),)}, "response: .* all finite"),
        (
            {"defects": (replace(HOT, unresolved=("mean",)),)},
            r"unresolved: \['mean'\] are not distinct names out of dark",
        ),
        ({"defects": (replace(HOT, unresolved=("response",) * 2),)}, "unresolved: .* are not distinct"),
        (
            {"defects": (replace(HOT, offset_dn=(1.0, 1.0, 1.0), unresolved=("offset_dn",)),)},
            r"defects\[0\].unresolved: offset_dn, but the entry has a value for it",
        ),
        ({"defects": (replace(HOT, seen=(5, 4)),)}, r"defects\[0\].seen: 5/4 is not a count"),
        ({"defects": (replace(HOT, seen=(-1, 4)),)}, "seen: -1/4"),
        ({"defects": (replace(HOT, cluster=-1),)}, r"defects\[0\].cluster: -1 is not 1 or more"),
        ({"defects": (replace(HOT, onset=Between(None, ZONED)),)}, "onset: 2010-05-02 .* has a time zone"),
        ({"defects": (replace(HOT, until=Between(ZONED, LATE)),)}, "until: 2010-05-02 .* has a time zone"),
        ({"defects": (replace(HOT, onset=Between(LATE, EARLY)),)}, r"defects\[0\].onset: after .* is later than by"),
        ({"defects": (replace(HOT, until=Between(LATE, EARLY)),)}, r"defects\[0\].until: after .* is later than by"),
        ({"false_positives": -0.1}, "false_positives: -0.1 is not a finite number of at least 0"),
        ({"false_positives": math.nan}, "false_positives: nan"),
        ({"false_positives": math.inf}, "false_positives: inf"),
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
        ({"repeated": -1}, "frames.repeated: -1 is not in 0 to used = 40"),
        ({"repeated": 41}, "frames.repeated: 41"),
        ({"filtered": -1}, "frames.filtered: -1"),
        ({"filtered": 41}, "frames.filtered: 41"),
        ({"followed": -1}, "frames.followed: -1"),
        ({"followed": 41}, "frames.followed: 41"),
        ({"clock_jumps": -1}, "frames.clock_jumps: -1 is negative"),
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
    toy_map(
        frames=replace(toy_map().frames, repeated=40, filtered=40, followed=40, clock_jumps=99), false_positives=0.0
    )


def test_what_is_allowed_of_what_a_second_look_tells():
    toy_map(rows=(ACROSS, replace(ACROSS, plane="Gr"), replace(ACROSS, x0=13, x1=15)))  # they cross the column
    toy_map(
        rows=(ACROSS,), defects=(toy_defect(4, 9), toy_defect(7, 9), toy_defect(14, 9))
    )  # beside it, of other planes
    toy_map(defects=(replace(HOT, seen=(0, 0), cluster=1, response=(1.0, 1.0, 1.0), unresolved=("offset_dn",)),))
    ends = (None, EARLY, LATE)
    for change in (Between(after, by) for after in ends for by in ends if (after, by) != (LATE, EARLY)):
        toy_map(defects=(replace(HOT, onset=change, until=change),))
    backwards = replace(HOT, onset=Between(LATE, EARLY))
    toy_map(defects=(backwards,), frames=replace(toy_map().frames, clock_jumps=1))
    full_map()


@given(value=st.floats(allow_nan=False, allow_infinity=False), digits=st.integers(1, 17))
def test_rounded(value, digits):
    once = rounded(value, digits=digits)
    assert rounded(once, digits=digits) == once
    assert math.copysign(1, once) == 1 or once < 0
    if abs(value) > 1e-300 and math.isfinite(once):
        assert abs(once - value) <= abs(value) * 10.0 ** (1 - digits)
