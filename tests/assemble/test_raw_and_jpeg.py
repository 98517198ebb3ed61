"""Combining: what raw photos show stands, and what only JPEGs of other shots show is added, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.assemble.raw_and_jpeg import combine
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.frame import Skipped
from sensormap.maps.entries import Between, Column, Defect, DefectKind, FrameSummary, Row, Source
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from sensormap.maps.sensor_map import SensorMap
from tests.support.maps import full_map, toy_defect

CROP = Rect(5, 4, 90, 70)
SENSOR = Sensor((100, 80), Rect(2, 1, 96, 78), Cfa("GBRG"), CROP)
PICTURES = replace(SENSOR, active_area=CROP)
SKIPPED = (Skipped("DSC_0007.NEF", "zero bytes"), Skipped("IMG_1.JPG", "is empty"))
RAW_FRAMES = FrameSummary(
    used=40,
    skipped=1,
    first=datetime(2010, 5, 2, 17),
    last=datetime(2011, 1, 9, 11),
    shutter_s=(0.0005, 16.0),
    iso=(100, 1600),
    digest="12e4",
    repeated=3,
    filtered=6,
    followed=37,
    clock_jumps=1,
)
JPEG_FRAMES = FrameSummary(
    used=12,
    skipped=2,
    first=datetime(2009, 5, 2, 17),
    last=datetime(2010, 8, 1, 9),
    shutter_s=(0.01, 30.0),
    iso=(200, 800),
    digest="77ff",
    repeated=2,
    clock_jumps=2,
    jpegs=12,
)
HOT, STUCK = DefectKind.HOT, DefectKind.STUCK


def raw_defect(x: int, y: int, **values: Any) -> Defect:
    told = {"seen": (37, 40), "dark_dn_per_s": (210.0, 198.0, 222.0)}
    return toy_defect(x, y, sensor=SENSOR, **(told | values))


def seen_defect(x: int, y: int, *, radius: int = 0, **values: Any) -> Defect:
    """One that a JPEG shows."""
    return toy_defect(x, y, sensor=SENSOR, kind=STUCK, radius=radius, **({"seen": (11, 12)} | values))


def raw_map(*defects: Defect, **values: Any) -> SensorMap:
    parts = {
        "sensor": SENSOR,
        "frames": RAW_FRAMES,
        "skipped": SKIPPED[:1],
        "settings": {"block": 10, "mean_sigma": 7.0, "offset_floor": 4.0},
        "columns": (),
        "rows": (),
        "defects": tuple(sorted(defects, key=lambda one: (one.y, one.x))),
        "false_positives": 0.3,
    }
    return full_map(**(parts | values))


def jpeg_map(*defects: Defect, **values: Any) -> SensorMap:
    parts = {
        "sensor": PICTURES,
        "frames": JPEG_FRAMES,
        "skipped": SKIPPED,
        "settings": {"block": 12, "mean_sigma": 7.0, "jpeg": True},
        "false_positives": 0.02,
        "source": Source.JPEG,
    }
    return raw_map(*defects, **(parts | values))


def column(x: int, y0: int, y1: int, *, sensor: Sensor = SENSOR, **values: Any) -> Column:
    planes = sorted({sensor.cfa.plane_name(x=x, y=y) for y in (0, 1)})
    facts = {"plane": "+".join(planes), "kind": HOT, "confidence": 0.9, "score": 8.5, "defects": 30}
    return Column(x, y0, y1, **(facts | values))


def row(y: int, x0: int, x1: int, **values: Any) -> Row:
    planes = sorted({SENSOR.cfa.plane_name(x=x, y=y) for x in (0, 1)})
    facts = {"plane": "+".join(planes), "kind": HOT, "confidence": 0.9, "score": 8.5, "defects": 30}
    return Row(y, x0, x1, **(facts | values))


def places(sensor_map: SensorMap) -> list[tuple[int, int]]:
    return [(defect.x, defect.y) for defect in sensor_map.defects]


# defects


@pytest.mark.parametrize("away", [(0, 0), (1, 0), (0, -2), (3, 3), (-3, 3)])
@pytest.mark.parametrize("radius", [0, 1])
def test_an_entry_within_three_pixels_of_a_raw_one_is_the_same_and_stays_as_the_raw_one_is(
    away: tuple[int, int], radius: int
) -> None:
    raw = raw_defect(40, 30)
    assert combine(raw_map(raw), jpeg_map(seen_defect(40 + away[0], 30 + away[1], radius=radius))).defects == (raw,)


@pytest.mark.parametrize(("raw", "jpeg"), [(0.8, 0.95), (0.95, 0.8), (0.9, 0.9)])
def test_a_defect_that_both_show_has_the_higher_confidence(raw: float, jpeg: float) -> None:
    one, other = raw_defect(40, 30, confidence=raw), seen_defect(41, 30, confidence=jpeg)
    assert combine(raw_map(one), jpeg_map(other)).defects == (replace(one, confidence=max(raw, jpeg)),)


def test_a_jpeg_entry_between_two_raw_ones_is_a_witness_of_the_stronger_only() -> None:
    strong, weak = raw_defect(40, 30, confidence=0.9), raw_defect(42, 30, confidence=0.85)
    found = combine(raw_map(strong, weak), jpeg_map(seen_defect(41, 30, confidence=0.95)))
    assert [one.confidence for one in found.defects] == [0.95, 0.85]


def test_clusters_of_jpegs_are_numbered_after_those_of_raw_photos() -> None:
    raw = raw_defect(10, 10, cluster=2), raw_defect(11, 10, cluster=2)
    jpegs = seen_defect(40, 30, cluster=1), seen_defect(41, 30, cluster=1), seen_defect(60, 30)
    found = combine(raw_map(*raw), jpeg_map(*jpegs))
    assert [(one.x, one.cluster) for one in found.defects] == [(10, 2), (11, 2), (40, 3), (41, 3), (60, None)]


def test_of_several_jpeg_entries_near_a_raw_one_the_nearest_is_its_witness() -> None:
    near, far = seen_defect(41, 30, confidence=0.6), seen_defect(40, 33, confidence=0.9)
    raw = raw_defect(40, 30, confidence=0.5)
    assert [one.confidence for one in combine(raw_map(raw), jpeg_map(near, far)).defects] == [0.6]


# births


JPEG_FIRST, RAW_FIRST = JPEG_FRAMES.first, RAW_FRAMES.first
BETWEEN = Between(datetime(2009, 9, 1), datetime(2009, 10, 1))
START, BORN = Between(None, None), Between(datetime(2010, 9, 1), datetime(2010, 10, 1))


@pytest.mark.parametrize(
    ("raw", "jpeg", "told"),
    [
        (START, BETWEEN, BETWEEN),  # older photos tell since when
        (START, START, START),
        (START, Between(datetime(2009, 9, 1), datetime(2010, 8, 1)), Between(datetime(2009, 9, 1), RAW_FIRST)),
        (START, None, Between(None, RAW_FIRST)),
        (BORN, BETWEEN, BORN),
        (BORN, START, BORN),
        (None, BETWEEN, None),
    ],
)
def test_what_was_there_from_the_first_raw_photo_on_is_dated_by_older_jpegs(
    raw: Between | None, jpeg: Between | None, told: Between | None
) -> None:
    found = combine(raw_map(raw_defect(40, 30, onset=raw)), jpeg_map(seen_defect(40, 30, onset=jpeg)))
    assert [defect.onset for defect in found.defects] == [told]


def test_what_only_later_photos_show_from_their_start_was_born_before_those() -> None:
    alone = combine(
        raw_map(raw_defect(40, 30, onset=START), columns=(column(20, 10, 40, onset=START),)),
        jpeg_map(seen_defect(60, 60, onset=START)),
    )
    assert [defect.onset for defect in alone.defects] == [Between(None, RAW_FIRST), START]
    assert [one.onset for one in alone.columns] == [Between(None, RAW_FIRST)]
    later = replace(JPEG_FRAMES, first=datetime(2010, 7, 1))
    both = combine(
        raw_map(raw_defect(40, 30, onset=START)),
        jpeg_map(seen_defect(40, 30, onset=BORN), seen_defect(60, 60, onset=START), frames=later),
    )
    assert [defect.onset for defect in both.defects] == [START, Between(None, later.first)]


def test_columns_are_dated_and_made_surer_likewise() -> None:
    raw = column(60, 10, 40, onset=START, confidence=0.9)
    other = column(61, 12, 44, onset=BETWEEN, confidence=0.95, radius=1)
    found = combine(raw_map(columns=(raw,)), jpeg_map(columns=(other,)))
    assert found.columns == (replace(raw, onset=BETWEEN, confidence=0.95),)


def test_without_times_births_stay_as_they_are() -> None:
    untimed = replace(JPEG_FRAMES, first=None, last=None)
    found = combine(raw_map(raw_defect(40, 30, onset=START)), jpeg_map(seen_defect(60, 60), frames=untimed))
    assert [defect.onset for defect in found.defects] == [START, None]


# places


@pytest.mark.parametrize("away", [(4, 0), (0, -4), (4, 4), (-4, 1), (20, 20)])
def test_an_entry_farther_away_is_added_with_its_radius(away: tuple[int, int]) -> None:
    raw, other = raw_defect(40, 30), seen_defect(40 + away[0], 30 + away[1], radius=1)
    assert set(combine(raw_map(raw), jpeg_map(other)).defects) == {raw, other}


def test_defects_are_sorted_by_place() -> None:
    raws, others = [(50, 10), (10, 50), (90, 10)], [(70, 10), (30, 50), (60, 5), (5, 73)]
    found = combine(raw_map(*(raw_defect(*at) for at in raws)), jpeg_map(*(seen_defect(*at) for at in others)))
    assert places(found) == [(60, 5), (50, 10), (70, 10), (90, 10), (10, 50), (30, 50), (5, 73)]
    assert [defect.radius for defect in found.defects] == [0, None, 0, None, None, 0, 0]


def test_entries_of_the_jpegs_beside_each_other_are_all_added() -> None:
    """They are told apart already."""
    found = combine(raw_map(), jpeg_map(seen_defect(40, 30), seen_defect(42, 30)))
    assert places(found) == [(40, 30), (42, 30)]


@pytest.mark.parametrize(("x", "added"), [(60, False), (63, False), (57, False), (64, True), (56, True)])
@pytest.mark.parametrize(("y", "within"), [(10, True), (40, True), (43, True), (44, False), (7, True), (6, False)])
def test_an_entry_beside_a_raw_column_is_part_of_it(x: int, added: bool, y: int, within: bool) -> None:
    found = combine(raw_map(columns=(column(60, 10, 40),)), jpeg_map(seen_defect(x, y)))
    assert places(found) == [(x, y)] * (added or not within)


@pytest.mark.parametrize(("y", "added"), [(50, False), (53, False), (54, True)])
def test_an_entry_beside_a_raw_row_is_part_of_it(y: int, added: bool) -> None:
    found = combine(raw_map(rows=(row(50, 10, 40),)), jpeg_map(seen_defect(30, y)))
    assert places(found) == [(30, y)] * added


# columns and rows


@pytest.mark.parametrize("away", [0, 1, -3])
def test_a_column_within_three_pixels_of_a_raw_one_is_the_same(away: int) -> None:
    raw, other = column(60, 10, 40), column(60 + away, 8, 44, radius=1)
    assert combine(raw_map(columns=(raw,)), jpeg_map(columns=(other,))).columns == (raw,)


@pytest.mark.parametrize("other", [column(64, 10, 40, radius=1), column(60, 41, 60, radius=1), column(9, 10, 40)])
def test_another_column_is_added_in_order(other: Column) -> None:
    raw, other = column(60, 10, 40), replace(other, radius=1)
    expected = tuple(sorted([raw, other], key=lambda one: (one.x, one.y0)))
    assert combine(raw_map(columns=(raw,)), jpeg_map(columns=(other,))).columns == expected


@pytest.mark.parametrize(
    ("other", "added"),
    [(row(52, 10, 40), False), (row(53, 40, 60), False), (row(54, 10, 40), True), (row(50, 41, 60), True)],
)
def test_rows_likewise(other: Row, added: bool) -> None:
    raw, other = row(50, 10, 40), replace(other, radius=1)
    assert combine(raw_map(rows=(raw,)), jpeg_map(rows=(other,))).rows == (raw, other)[: 1 + added]


def test_a_column_that_only_jpegs_show_takes_the_raw_defects_in_it_out_of_the_list() -> None:
    """Those of its planes: others are listed on."""
    inside, beside, above = raw_defect(60, 20), raw_defect(61, 20), raw_defect(60, 5)
    other = column(60, 10, 40, radius=1)
    found = combine(raw_map(inside, beside, above), jpeg_map(columns=(other,)))
    assert found.columns == (other,)
    assert set(found.defects) == {beside, above}
    one_plane = replace(other, plane=SENSOR.cfa.plane_name(x=60, y=11))
    assert set(combine(raw_map(inside, above), jpeg_map(columns=(one_plane,))).defects) == {inside, above}


def test_a_row_that_only_jpegs_show_takes_them_too_and_may_cross_a_raw_column() -> None:
    raw, other = column(60, 10, 40), row(20, 50, 70, radius=1)
    found = combine(raw_map(raw_defect(55, 20), columns=(raw,)), jpeg_map(rows=(other,)))
    assert (found.columns, found.rows, found.defects) == ((raw,), (other,), ())


# the rest


def test_the_rest_of_the_map_is_of_both() -> None:
    raw = raw_map(raw_defect(40, 30))
    found = combine(raw, jpeg_map(seen_defect(70, 30)))
    assert (found.body, found.profile, found.sensor) == (raw.body, raw.profile, raw.sensor)
    assert found.source == Source.BOTH
    assert found.skipped == SKIPPED
    assert found.settings == {"block": 10, "mean_sigma": 7.0, "offset_floor": 4.0, "jpeg": True}


def test_frames_are_summed_up() -> None:
    frames = combine(raw_map(), jpeg_map()).frames
    assert (frames.used, frames.jpegs, frames.skipped) == (52, 12, 2)
    assert (frames.repeated, frames.filtered, frames.followed, frames.clock_jumps) == (5, 6, 37, 3)
    assert (frames.first, frames.last) == (datetime(2009, 5, 2, 17), datetime(2011, 1, 9, 11))
    assert (frames.shutter_s, frames.iso) == ((0.0005, 30.0), (100, 1600))


@pytest.mark.parametrize("raw_tells", [True, False])
@pytest.mark.parametrize("jpegs_tell", [True, False])
def test_what_one_set_of_frames_does_not_tell_the_other_does(raw_tells: bool, jpegs_tell: bool) -> None:
    nothing = {"first": None, "last": None, "shutter_s": None, "iso": None}
    one = RAW_FRAMES if raw_tells else replace(RAW_FRAMES, **nothing)
    other = JPEG_FRAMES if jpegs_tell else replace(JPEG_FRAMES, **nothing)
    frames = combine(raw_map(frames=one), jpeg_map(frames=other)).frames
    told = (frames.first, frames.last, frames.shutter_s, frames.iso)
    if raw_tells != jpegs_tell:
        only = one if raw_tells else other
        assert told == (only.first, only.last, only.shutter_s, only.iso)
    assert (None in told) == (not raw_tells and not jpegs_tell)


def test_the_digest_depends_on_both_sets() -> None:
    def digest(raw: str, jpegs: str) -> str:
        frames = replace(RAW_FRAMES, digest=raw), replace(JPEG_FRAMES, digest=jpegs)
        return combine(raw_map(frames=frames[0]), jpeg_map(frames=frames[1])).frames.digest

    assert digest("a", "b") == digest("a", "b")
    assert len({digest("a", "b"), digest("b", "a"), digest("a", "c"), digest("c", "b")}) == 4


@pytest.mark.parametrize(
    ("raw", "jpegs", "both"), [(0.3, 0.02, 0.32), (0.0, 0.175, 0.17), (None, 0.02, None), (0.3, None, None)]
)
def test_the_estimates_of_false_entries_are_added_where_there_are_both(
    raw: float | None, jpegs: float | None, both: float | None
) -> None:
    found = combine(raw_map(false_positives=raw), jpeg_map(false_positives=jpegs)).false_positives
    assert found == (None if both is None else pytest.approx(both, abs=0.006))


# a map like any other

POINTS = st.tuples(st.integers(CROP.x, CROP.x + CROP.width - 1), st.integers(CROP.y, CROP.y + CROP.height - 1))
RUNS = st.dictionaries(
    st.integers(CROP.x, 79), st.tuples(st.integers(5, 30), st.integers(10, 35), st.booleans()), max_size=3
)


def runs_of(runs: dict[int, tuple[int, int, bool]], make: Any, **values: Any) -> tuple[Any, ...]:
    """Return columns or rows; some of one plane only."""
    found = []
    for place, (first, length, whole) in sorted(runs.items()):
        one = make(place, first, first + length, **values)
        found.append(one if whole else replace(one, plane=one.plane.split("+")[0]))
    return tuple(found)


@given(
    points=st.tuples(st.sets(POINTS, max_size=12), st.sets(POINTS, max_size=12)),
    columns=st.tuples(RUNS, RUNS),
    rows=st.tuples(RUNS, RUNS),
)
def test_any_two_maps_make_a_valid_one_that_is_written_and_read_as_it_is(
    points: tuple[set[tuple[int, int]], set[tuple[int, int]]],
    columns: tuple[dict[int, Any], dict[int, Any]],
    rows: tuple[dict[int, Any], dict[int, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows = tuple({place: run for place, run in one.items() if place <= 70} for one in rows)  # type: ignore[assignment]
    maps = []
    for number, make_map, make_defect, told in (
        (0, raw_map, raw_defect, {}),
        (1, jpeg_map, seen_defect, {"radius": 1}),
    ):
        lines = runs_of(columns[number], column, **told), runs_of(rows[number], row, **told)
        covered = {at for line in (*lines[0], *lines[1]) for at in line.photosites(SENSOR.cfa)}
        defects = [make_defect(*at) for at in points[number] - covered]
        maps.append(make_map(*defects, columns=lines[0], rows=lines[1]))
    found = combine(*maps)
    path = tmp_path_factory.getbasetemp() / "combined.yaml"
    path.write_text(map_text(found), "utf-8")
    assert read_map(path) == found
    raw, jpegs = maps
    assert set(raw.columns) <= set(found.columns) <= {*raw.columns, *jpegs.columns}
    assert set(raw.rows) <= set(found.rows) <= {*raw.rows, *jpegs.rows}
    covered = {at for line in (*found.columns, *found.rows) for at in line.photosites(SENSOR.cfa)}
    assert {(one.x, one.y) for one in raw.defects} <= covered | set(places(found))
    assert set(found.defects) <= {*raw.defects, *jpegs.defects}


def test_a_combined_map_is_read_as_it_was_written(tmp_path: Path) -> None:
    raw = raw_map(raw_defect(40, 30), columns=(column(60, 10, 40),))
    found = combine(raw, jpeg_map(seen_defect(70, 30, radius=1), rows=(row(50, 10, 40, radius=1),)))
    write_map(found, tmp_path / "map.yaml")
    assert read_map(tmp_path / "map.yaml") == found
    assert "source: raw+jpeg" in map_text(found)
