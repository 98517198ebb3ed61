"""Columns and rows of a map: runs of defects, lines found as a whole, and both at one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.assemble.evidence import Clock
from sensormap.assemble.lines import make_lines
from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.detect.lines import DeviatingLine
from sensormap.diagnose.kind_and_strengths import Diagnosis, FollowedLine
from sensormap.diagnose.onset import FrameSpan
from sensormap.maps.entries import Between, Column, Defect, DefectKind, Row
from sensormap.maps.sensor_map import SensorMap
from tests.support.evidences import photo
from tests.support.maps import toy_defect, toy_map

AREA = Rect(3, 1, 90, 300)
SENSOR = Sensor((100, 320), AREA, Cfa("GBRG"), None)
OFFSETS = pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (3, 5)], ids=str)
NAMES = pytest.mark.parametrize("name", BAYER_NAMES)
BEYOND = 16
JANUARY = Between(None, datetime(2010, 1, 1))
JUNE = Between(datetime(2010, 1, 1), datetime(2010, 6, 1))
CLOCK = Clock([photo(day, time=datetime(2010, 1, 1 + day)) for day in range(9)])


def sensor_with(name: str, corner: tuple[int, int]) -> Sensor:
    return Sensor((100, 320), Rect(*corner, 90, 300), Cfa(name), None)


def defects_at(places: Iterable[tuple[int, int]], *, sensor: Sensor = SENSOR, **values: Any) -> list[Defect]:
    """Make defects by raw (x, y)."""
    return [toy_defect(x, y, sensor=sensor, **values) for x, y in sorted(places, key=lambda place: place[::-1])]


def merged(*parts: list[Defect]) -> list[Defect]:
    return sorted((one for part in parts for one in part), key=lambda one: (one.y, one.x))


def line_of(
    axis: Literal["column", "row"],
    place: int,
    first: int,
    last: int,
    *,
    phases: tuple[int, ...] = (0, 1),
    effect: float = 0.5,
    score: float = 9.0,
    area: Rect = AREA,
) -> DeviatingLine:
    """Make a line by raw coordinates, its phases those of the raw grid."""
    across, along = (area.x, area.y) if axis == "column" else (area.y, area.x)
    own = tuple(sorted((phase - along) % 2 for phase in phases))
    return DeviatingLine(axis, place - across, first - along, last - along, own, effect, score)


def mapped(defects: list[Defect], lines: Iterable[DeviatingLine] = (), *, sensor: Sensor = SENSOR) -> SensorMap:
    """Return the map of defects and lines, which refuses what is unsorted, overlaps, or stands twice."""
    columns, rows, alone = lines_made(defects, lines, sensor=sensor)
    return toy_map(sensor=sensor, columns=columns, rows=rows, defects=alone)


def lines_made(
    defects: list[Defect],
    lines: Iterable[DeviatingLine] = (),
    *,
    sensor: Sensor = SENSOR,
    diagnosis: Diagnosis | None = None,
    confidence: float = 0.99,
) -> tuple[tuple[Column, ...], tuple[Row, ...], tuple[Defect, ...]]:
    """Return what is made of defects and lines, followed ones if they have a diagnosis."""
    followed = [FollowedLine(line, confidence, diagnosis) for line in lines]
    return make_lines(defects, followed, sensor, CLOCK)


def column_at(x: int, y0: int, y1: int, *, step: int = 1) -> list[Defect]:
    return defects_at((x, y) for y in range(y0, y1 + 1, step))


# runs of defects alone, lines alone


def test_nothing_makes_no_lines() -> None:
    assert lines_made([]) == ((), (), ())


def test_single_defects_stay_single() -> None:
    defects = defects_at({(10, 20), (11, 20), (10, 90), (40, 200)})
    assert lines_made(defects) == ((), (), tuple(defects))


def test_a_run_of_defects_is_a_column_with_what_most_of_them_have() -> None:
    weak = defects_at(((10, y) for y in range(40, 60)), kind=DefectKind.WEAK, score=9.0, confidence=0.9, onset=JANUARY)
    dead = defects_at(((10, y) for y in range(60, 70)), kind=DefectKind.DEAD, score=30.0, confidence=0.99, onset=JUNE)
    stray = defects_at({(50, 7)})
    found = mapped(merged(weak, dead, stray))
    assert found.columns == (Column(10, 40, 69, "Gb+R", DefectKind.WEAK, 0.9, 9.0, 30, JANUARY),)
    assert found.rows == ()
    assert found.defects == tuple(stray)


def test_a_run_of_defects_along_a_row_is_a_row() -> None:
    found = mapped(defects_at((x, 12) for x in range(20, 50)))
    assert found.rows == (Row(12, 20, 49, "B+Gb", DefectKind.HOT, 0.995, 12.5, 30, None),)
    assert (found.columns, found.defects) == ((), ())


def test_a_row_that_crosses_a_column_shares_a_defect_with_it() -> None:
    column, row = {(30, y) for y in range(5, 35)}, {(x, 12) for x in range(20, 50)}
    found = mapped(defects_at(column | row))
    assert [(one.x, one.y0, one.y1, one.defects) for one in found.columns] == [(30, 5, 34, 30)]
    assert [(one.y, one.x0, one.x1, one.defects) for one in found.rows] == [(12, 20, 49, 30)]
    assert found.defects == ()


@pytest.mark.parametrize(
    ("effect", "kind"), [(0.5, DefectKind.OFFSET), (-0.5, DefectKind.WEAK), (9.0, DefectKind.OFFSET)]
)
def test_a_line_alone_has_its_kind_from_its_sign_and_no_onset(effect: float, kind: DefectKind) -> None:
    lines = [line_of("column", 10, 40, 139, effect=effect, score=12.34567), line_of("row", 7, 3, 92, effect=effect)]
    stray = defects_at({(50, 7), (11, 50)})  # the first in the row
    found = mapped(stray, lines)
    assert found.columns == (Column(10, 40, 139, "Gb+R", kind, 0.99, 12.35, 0, None),)
    assert found.rows == (Row(7, 3, 92, "Gr+R", kind, 0.99, 9.0, 1, None),)
    assert [(one.x, one.y) for one in found.defects] == [(11, 50)]


@pytest.mark.parametrize(("members", "kind"), [(0, DefectKind.WEAK), (11, DefectKind.WEAK), (12, DefectKind.STUCK)])
def test_a_few_chance_defects_in_a_line_do_not_tell_its_kind(members: int, kind: DefectKind) -> None:
    """Too far apart for a run, they are in the line for all that."""
    defects = defects_at(((10, 12 + 20 * i) for i in range(members)), kind=DefectKind.STUCK, confidence=0.8, onset=JUNE)
    found = mapped(defects, [line_of("column", 10, 4, 297, effect=-0.5)])
    told = (0.8, 12.5, members, JUNE) if kind == DefectKind.STUCK else (0.99, 9.0, members, None)
    assert found.columns == (Column(10, 4, 297, "Gb+R", kind, *told),)
    assert found.defects == ()


WEAK = Diagnosis(
    kind=DefectKind.WEAK,
    score=43.21987,
    strengths={"response": (0.9511, 0.9452, 0.957)},
    unresolved=("dark_dn_per_s",),
    onset=FrameSpan(2, 3),
    until=None,
    seen=5,
    due=6,
)


@pytest.mark.parametrize("members", [0, 100])
def test_a_followed_line_is_what_its_series_says_whatever_its_members_are(members: int) -> None:
    defects = column_at(10, 40, 39 + members)
    columns, _, alone = lines_made(defects, [line_of("column", 10, 40, 139)], diagnosis=WEAK, confidence=0.9999999)
    (column,) = columns
    assert (column.x, column.y0, column.y1, column.plane, column.defects) == (10, 40, 139, "Gb+R", members)
    assert (column.kind, column.score, column.seen) == (DefectKind.WEAK, 43.22, (5, 6))
    assert column.response == (0.9511, 0.9452, 0.957)
    assert (column.dark_dn_per_s, column.offset_dn, column.unresolved) == (None, None, ("dark_dn_per_s",))
    assert (column.onset, column.until) == (Between(datetime(2010, 1, 2), datetime(2010, 1, 4)), None)
    assert column.confidence == (0.995 if members else 0.99)
    assert alone == ()


def test_a_followed_line_that_came_and_went_within_a_day_jumps() -> None:
    brief = replace(WEAK, onset=FrameSpan(2, 2), until=FrameSpan(3, 3))
    clock = Clock([photo(hour, time=datetime(2010, 1, 1, hour)) for hour in range(9)])
    columns, _, _ = make_lines([], [FollowedLine(line_of("column", 10, 40, 139), 0.97, brief)], SENSOR, clock)
    (column,) = columns
    assert (column.kind, column.until, column.response, column.confidence) == (DefectKind.NOISY, None, None, 0.97)


# planes


def places_slowly(line: DeviatingLine, area: Rect, step: int) -> set[tuple[int, int]]:
    """Return the raw places of a line, by the definition of its phases."""
    along = [i for i in range(line.first, line.last + 1) if i % step in line.phases]
    if line.axis == "column":
        return {(area.x + line.place, area.y + i) for i in along}
    return {(area.x + i, area.y + line.place) for i in along}


@NAMES
@OFFSETS
@pytest.mark.parametrize("phases", [(0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("place", [6, 7])
@pytest.mark.parametrize("axis", ["column", "row"])
def test_a_line_of_the_active_area_has_the_right_photosites_of_the_raw_grid(
    name: str, corner: tuple[int, int], phases: tuple[int, ...], place: int, axis: Literal["column", "row"]
) -> None:
    sensor = sensor_with(name, corner)
    line = DeviatingLine(axis, place, 10, 69, phases, 0.5, 9.0)
    found = mapped([], [line], sensor=sensor)
    (entry,) = found.columns + found.rows
    assert isinstance(entry, Column if axis == "column" else Row)
    assert set(entry.photosites(sensor.cfa)) == places_slowly(line, sensor.active_area, 2)
    assert len(entry.plane.split("+")) == len(phases)


@pytest.mark.parametrize("axis", ["column", "row"])
def test_a_line_of_a_sensor_without_filters(axis: Literal["column", "row"]) -> None:
    sensor = sensor_with(MONO, (3, 1))
    line = DeviatingLine(axis, 6, 10, 69, (0,), 0.5, 9.0)
    defects = defects_at({(9, 30), (9, 31), (30, 7), (31, 7), (60, 200)}, sensor=sensor)
    found = mapped(defects, [line], sensor=sensor)
    (entry,) = found.columns + found.rows
    assert entry.plane == MONO
    assert set(entry.photosites(sensor.cfa)) == places_slowly(line, sensor.active_area, 1)
    assert entry.defects == 2
    assert len(found.defects) == 3


def test_a_run_of_a_sensor_without_filters_on_every_second_photosite() -> None:
    sensor = sensor_with(MONO, (3, 1))
    found = mapped(defects_at(((9, y) for y in range(30, 90, 2)), sensor=sensor), sensor=sensor)
    assert [(one.x, one.y0, one.y1, one.plane, one.defects) for one in found.columns] == [(9, 30, 88, MONO, 30)]


@NAMES
@OFFSETS
@pytest.mark.parametrize("first", [40, 41])
def test_defects_of_the_other_plane_stay_single_beside_a_line_of_one(
    name: str, corner: tuple[int, int], first: int
) -> None:
    sensor = sensor_with(name, corner)
    own, other = {(10, first + 20), (10, first + 40)}, {(10, first + 21), (10, first + 41)}
    line = line_of("column", 10, first, first + 60, phases=(first % 2,), area=sensor.active_area)
    found = mapped(defects_at(own | other, sensor=sensor), [line], sensor=sensor)
    assert [(one.plane, one.defects) for one in found.columns] == [(sensor.cfa.plane_name(x=10, y=first), 2)]
    assert {(one.x, one.y) for one in found.defects} == other


# both at one place


@pytest.mark.parametrize(
    ("first", "last", "ends"),
    [
        (100, 199, (100, 199)),
        (100 - BEYOND, 199 + BEYOND, (100, 199)),
        (100 - BEYOND - 1, 199 + BEYOND, (100 - BEYOND - 1, 199)),
        (100 - BEYOND, 199 + BEYOND + 1, (100, 199 + BEYOND + 1)),
        (20, 290, (20, 290)),
        (120, 150, (100, 199)),
        (190, 290, (100, 290)),
        (20, 100, (20, 199)),
    ],
)
def test_a_run_and_a_line_at_one_place_are_one_entry(first: int, last: int, ends: tuple[int, int]) -> None:
    found = mapped(column_at(10, 100, 199), [line_of("column", 10, first, last, effect=-0.5)])
    assert found.columns == (Column(10, *ends, "Gb+R", DefectKind.HOT, 0.995, 12.5, 100, None),)
    assert found.defects == ()


def test_the_ends_of_rows_are_united_likewise() -> None:
    found = mapped(defects_at((x, 12) for x in range(20, 50)), [line_of("row", 12, 15, 80)])
    assert [(one.y, one.x0, one.x1, one.defects) for one in found.rows] == [(12, 20, 80, 30)]


@pytest.mark.parametrize(("first", "last"), [(200, 290), (20, 99)])
def test_a_run_and_a_line_that_do_not_meet_stay_two(first: int, last: int) -> None:
    found = mapped(column_at(10, 100, 199), [line_of("column", 10, first, last)])
    assert [(one.y0, one.y1) for one in found.columns] == sorted([(100, 199), (first, last)])


def test_a_run_and_a_line_of_different_planes_or_axes_stay_two() -> None:
    run = column_at(10, 100, 198, step=2)  # Gb
    found = mapped(run, [line_of("column", 10, 100, 199, phases=(1,)), line_of("row", 150, 5, 80)])
    assert [(one.y0, one.y1, one.plane, one.defects) for one in found.columns] == [
        (100, 198, "Gb", 50),
        (100, 199, "R", 0),
    ]
    assert [(one.y, one.x0, one.x1, one.defects) for one in found.rows] == [(150, 5, 80, 1)]


def test_a_line_of_one_plane_widens_a_run_of_both() -> None:
    found = mapped(column_at(10, 100, 199), [line_of("column", 10, 102, 250, phases=(0,))])
    assert [(one.y0, one.y1, one.plane) for one in found.columns] == [(100, 250, "Gb+R")]


def test_a_line_unites_all_runs_along_it() -> None:
    runs = merged(column_at(10, 20, 60), column_at(10, 100, 140), column_at(10, 180, 220))
    assert len(mapped(runs).columns) == 3
    found = mapped(runs, [line_of("column", 10, 10, 230)])
    assert [(one.y0, one.y1, one.defects) for one in found.columns] == [(20, 220, 123)]


def test_what_is_united_may_meet_what_neither_part_met() -> None:
    """The line takes the other plane over from the run above, and with it the run below, which is of that plane."""
    runs = merged(column_at(10, 20, 100), column_at(10, 180, 240, step=2))
    line = line_of("column", 10, 21, 271, phases=(1,))
    assert [one.plane for one in mapped(runs).columns] == ["Gb+R", "Gb"]
    found = mapped(runs, [line])
    assert [(one.y0, one.y1, one.plane, one.defects) for one in found.columns] == [(20, 271, "Gb+R", 112)]


def test_lines_that_overlap_are_one() -> None:
    lines = [line_of("column", 10, 50, 120, effect=-0.5), line_of("column", 10, 100, 200, phases=(0,), effect=-0.5)]
    found = mapped([], lines)
    assert [(one.y0, one.y1, one.plane, one.kind) for one in found.columns] == [(50, 200, "Gb+R", DefectKind.WEAK)]


def test_entries_are_sorted() -> None:
    lines = [line_of("column", x, y, y + 40) for x, y in [(30, 200), (10, 150), (30, 20), (10, 20)]]
    lines += [line_of("row", y, x, x + 30) for x, y in [(50, 9), (5, 9), (50, 4)]]
    found = mapped(column_at(20, 100, 130), lines)
    assert [(one.x, one.y0) for one in found.columns] == [(10, 20), (10, 150), (20, 100), (30, 20), (30, 200)]
    assert [(one.y, one.x0) for one in found.rows] == [(4, 50), (9, 5), (9, 50)]


# whatever is found


@st.composite
def findings(draw: st.DrawFn) -> tuple[Sensor, list[Defect], list[DeviatingLine]]:
    """Runs along few columns and rows, strays, and lines at the same places."""
    name = draw(st.sampled_from((*BAYER_NAMES, MONO)))
    width, height = 120, 130
    corner = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    sensor = Sensor((130, 140), Rect(*corner, width, height), Cfa(name), None)
    place, along = st.integers(20, 23), st.integers(0, 119)
    spots = draw(st.sets(st.tuples(place, along) | st.tuples(along, place), max_size=20))
    for _ in range(draw(st.integers(0, 5))):
        at, first, length, step = (
            draw(place),
            draw(along),
            draw(st.integers(5, 80)),
            draw(st.sampled_from([1, 1, 2, 3])),
        )
        run = {(at, i) for i in range(first, min(first + length, 120), step)}
        spots |= run if draw(st.booleans()) else {(y, x) for x, y in run}
    defects = defects_at({(x + corner[0], y + corner[1]) for x, y in spots}, sensor=sensor)
    lines = []
    phases = st.sampled_from([(0,)] if name == MONO else [(0,), (1,), (0, 1)])
    for _ in range(draw(st.integers(0, 5))):
        first, last = sorted(draw(st.tuples(along, along)))
        axis, effect = draw(st.sampled_from(["column", "row"])), draw(st.sampled_from([-0.5, 0.5]))
        lines.append(DeviatingLine(axis, draw(place), first, last, draw(phases), effect, 9.0))
    return sensor, defects, lines


@given(found=findings())
def test_any_defects_and_lines_make_a_valid_map_in_which_each_defect_stands_once(
    found: tuple[Sensor, list[Defect], list[DeviatingLine]],
) -> None:
    sensor, defects, lines = found
    sensor_map = mapped(defects, lines, sensor=sensor)
    at = {(one.x, one.y) for one in defects}
    entries = (*sensor_map.columns, *sensor_map.rows)
    covered = {entry: set(entry.photosites(sensor.cfa)) for entry in entries}
    alone = {(one.x, one.y) for one in sensor_map.defects}
    assert alone == at - set().union(*covered.values())
    for entry, places in covered.items():
        assert entry.defects == len(at & places)
    area = sensor.active_area
    for line in lines:  # all of it, but for ends that a run corrects
        axis = Column if line.axis == "column" else Row
        own = set().union(*(places for entry, places in covered.items() if isinstance(entry, axis)))
        missing = places_slowly(line, area, sensor.cfa.step) - own
        ends = (line.first + BEYOND, line.last - BEYOND)
        for x, y in missing:
            i = y - area.y if line.axis == "column" else x - area.x
            assert i < ends[0] or i > ends[1]


@pytest.mark.parametrize(
    ("line", "kind", "lost"),
    [
        (DefectKind.WEAK, DefectKind.OVERRESPONSIVE, True),
        (DefectKind.HOT, DefectKind.COLD, True),
        (DefectKind.HOT, DefectKind.OVERRESPONSIVE, False),
        (DefectKind.WEAK, DefectKind.HOT, False),
    ],
)
def test_what_a_line_makes_of_its_neighbours_is_no_defect(line: DefectKind, kind: DefectKind, lost: bool) -> None:
    column = [replace(one, kind=line) for one in column_at(40, 20, 60)]
    beside = defects_at([(38, 30), (42, 61)], kind=kind)
    away = defects_at([(44, 30), (42, 70), (36, 30)], kind=kind)
    columns, _, alone = lines_made(merged(column, beside, away))
    assert len(columns) == 1
    assert {(one.x, one.y) for one in alone} == {(one.x, one.y) for one in (away if lost else [*away, *beside])}
