"""Values of a map: what fits together can be made, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.frame import Skipped
from sensormap.maps.entries import Between, Column, DefectKind, FrameSummary, Row, Source, rounded
from tests.support.maps import TOY_PICTURE, TOY_SENSOR, both_map, full_map, jpeg_map, phone_map, toy_defect, toy_map


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


def test_a_line_of_a_picture_has_all_its_pixels():
    cfa = Cfa(PICTURE)
    assert list(Column(4, 3, 6, "luma", DefectKind.HOT, 0.9, 9.0, 1).photosites(cfa)) == [(4, y) for y in range(3, 7)]
    assert list(Row(4, 3, 6, "luma", DefectKind.HOT, 0.9, 9.0, 1).photosites(cfa)) == [(x, 4) for x in range(3, 7)]


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


@pytest.mark.parametrize(
    ("crop", "found"), [(None, "null"), (Rect(0, 0, 18, 11), r"\[0, 0, 18, 11\]"), (Rect(1, 0, 17, 12), r"\[1, 0, 17")]
)
def test_the_grid_of_a_picture_is_the_whole_picture(crop, found):
    assert TOY_PICTURE.is_jpeg_grid
    assert not TOY_SENSOR.is_jpeg_grid
    assert TOY_PICTURE.jpeg_pixel(17, 11) == (17, 11)
    with pytest.raises(ValueError, match=rf"jpeg_crop: {found}.*, but where cfa is picture it is \[0, 0, 18, 12\]"):
        replace(TOY_PICTURE, jpeg_crop=crop)


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
        ({"defects": (replace(HOT, dark_dn_per_s=(1e308,) * 3),)}, "dark_dn_per_s: .* is beyond 1e[+]12"),
        ({"defects": (replace(HOT, offset_dn=(0.0, -2e9, 1.0)),)}, "offset_dn: .* is beyond 1e[+]09"),
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


ROUGH = toy_defect(17, 4, radius=1)
ROUGH_LINE, ROUGH_ACROSS = replace(LINE, radius=0), replace(ACROSS, radius=16)


@pytest.mark.parametrize("make", [jpeg_map, both_map], ids=["jpeg", "both"])
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"defects": (replace(ROUGH, radius=-1),)}, r"defects\[0\].radius: -1 is not in 0 to 16"),
        ({"defects": (replace(ROUGH, radius=17),)}, r"defects\[0\].radius: 17 is not in 0 to 16"),
        ({"columns": (replace(LINE, radius=17),)}, r"columns\[0\].radius: 17 is not in 0 to 16"),
        ({"rows": (replace(ACROSS, radius=-1),)}, r"rows\[0\].radius: -1 is not in 0 to 16"),
        (
            {"defects": (replace(ROUGH, dark_dn_per_s=(1.0, 1.0, 1.0)),)},
            r"0\].dark_dn_per_s: \[1.0, 1.0, 1.0\], but an",
        ),
        ({"defects": (replace(ROUGH, offset_dn=(1.0, 1.0, 1.0)),)}, r"defects\[0\].offset_dn: .*, but an entry with a"),
        ({"defects": (replace(ROUGH, response=(1.0, 1.0, 1.0)),)}, r"defects\[0\].response: .*, but an entry with a"),
        ({"defects": (replace(ROUGH, unresolved=("response",)),)}, r"unresolved: \['response'\], but an entry with a"),
        ({"defects": (replace(ROUGH, mean=0.0),)}, r"defects\[0\].mean: 0.0, but an entry with a radius has none"),
        ({"defects": (replace(ROUGH, variance=0.0),)}, r"defects\[0\].variance: 0.0, but an entry with a radius"),
        (
            {"defects": (toy_defect(2, 1, radius=1),)},
            r"defects\[0\].jpeg: null, but an entry with a radius was seen in",
        ),
        ({"defects": (replace(ROUGH, jpeg=None),)}, r"defects\[0\].jpeg: null, but by the JPEG crop"),
        ({"defects": (replace(ROUGH, seen=(2, 1)),)}, "seen: 2/1"),
    ],
)
def test_contradictions_of_what_jpegs_show(make, parts, message):
    with pytest.raises(ValueError, match=message):
        make(columns=parts.get("columns", ()), rows=parts.get("rows", ()), defects=parts.get("defects", ()))


@pytest.mark.parametrize(
    ("make", "parts", "message"),
    [
        (toy_map, {"defects": (ROUGH,)}, r"defects\[0\].radius: 1, but in a map of source raw no entry has one"),
        (toy_map, {"columns": (ROUGH_LINE,)}, r"columns\[0\].radius: 0, but in a map of source raw"),
        (toy_map, {"rows": (ROUGH_ACROSS,)}, r"rows\[0\].radius: 16, but in a map of source raw"),
        (toy_map, {"defects": (replace(HOT, mean=None),)}, r"defects\[0\].mean: missing, but mean and variance come"),
        (toy_map, {"defects": (replace(HOT, variance=None),)}, r"defects\[0\].variance: missing, but mean and varia"),
        (
            both_map,
            {"defects": (replace(HOT, mean=None, variance=None, seen=(3, 4)),)},
            r"defects\[0\].mean: missing, but the defect was followed",
        ),
        (jpeg_map, {"defects": (HOT,)}, r"defects\[0\].radius: missing, but in a map of source jpeg every entry has"),
        (jpeg_map, {"columns": (LINE,)}, r"columns\[0\].radius: missing, but in a map of source jpeg"),
        (jpeg_map, {"rows": (ACROSS,)}, r"rows\[0\].radius: missing, but in a map of source jpeg"),
        (toy_map, {"jpegs": 1}, "frames.jpegs: 1 of 40 used, but the source is raw$"),
        (toy_map, {"jpegs": -1}, "frames.jpegs: -1 of 40 used"),
        (jpeg_map, {"jpegs": 39}, "frames.jpegs: 39 of 40 used, but the source is jpeg"),
        (jpeg_map, {"jpegs": 41}, "frames.jpegs: 41 of 40 used, but the source is jpeg"),
        (both_map, {"jpegs": 0}, r"frames.jpegs: 0 of 40 used, but the source is raw\+jpeg"),
        (both_map, {"jpegs": 40}, r"frames.jpegs: 40 of 40 used, but the source is raw\+jpeg"),
        (phone_map, {"source": Source.RAW}, "source: raw, but sensor.cfa is picture, which is of source jpeg"),
        (phone_map, {"source": Source.BOTH}, r"source: raw\+jpeg, but sensor.cfa is picture"),
        (
            phone_map,
            {"columns": (replace(LINE, plane="R", y1=10, radius=1),)},
            "plane: 'R', but column 10 of picture crosses luma$",
        ),
        (phone_map, {"columns": (replace(LINE, plane="luma+luma", y1=10, radius=1),)}, r"plane: 'luma\+luma'"),
    ],
)
def test_contradictions_with_the_source(make, parts, message):
    frames = replace(make().frames, jpegs=parts["jpegs"]) if "jpegs" in parts else make().frames
    entries = {name: parts.get(name, ()) for name in ("columns", "rows", "defects")}
    with pytest.raises(ValueError, match=message):
        make(frames=frames, **entries, **{name: part for name, part in parts.items() if name == "source"})


def test_what_is_allowed_of_jpegs():
    assert [make().source for make in (toy_map, jpeg_map, phone_map, both_map)] == ["raw", "jpeg", "jpeg", "raw+jpeg"]
    for make in (jpeg_map, both_map):
        make(
            columns=(ROUGH_LINE,), rows=(ROUGH_ACROSS,), defects=(replace(ROUGH, radius=0), toy_defect(3, 6, radius=16))
        )
        make(columns=(), rows=(), defects=())
    both_map(defects=(toy_defect(0, 0), ROUGH, toy_defect(18, 4)), columns=(LINE,), rows=(ROUGH_ACROSS,))
    blind = replace(TOY_SENSOR, jpeg_crop=None)
    jpeg_map(sensor=blind, columns=(), defects=())
    none = FrameSummary(0, 0, None, None, None, None, "")
    jpeg_map(frames=none, skipped=(), defects=(), columns=())


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
