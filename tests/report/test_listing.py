"""Which entries of a map are listed, in which order, and as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given

from sensormap.errors import PlaneError, StrengthError
from sensormap.maps.entries import Between, DefectKind
from sensormap.maps.mapfile.writing import map_text
from sensormap.report.listing.choice import Choice, parse_day
from sensormap.report.listing.machine import map_csv, map_json
from sensormap.report.listing.order import ORDERS, check_order, in_order
from sensormap.strict_yaml import load_yaml
from tests.support.maps import FIRST, LATER, both_map, full_map, jpeg_map, phone_map, sensor_maps, toy_defect, toy_map
from tests.support.schema import problems

FULL = full_map()


def places(sensor_map):
    return [(defect.x, defect.y) for defect in sensor_map.defects]


@pytest.mark.parametrize("kind", DefectKind)
def test_kinds(kind):
    found = Choice([kind]).of(FULL)
    assert found.defects == tuple(one for one in FULL.defects if one.kind == kind)
    assert found.lines == tuple(line for line in FULL.lines if line.kind == kind)


def test_several_kinds_and_what_may_be_one():
    either = replace(FULL.defects[1], kind=DefectKind.OFFSET, or_kinds=(DefectKind.COLD,))
    sensor_map = replace(FULL, defects=(FULL.defects[0], either, *FULL.defects[2:]))
    assert places(Choice([DefectKind.COLD]).of(sensor_map)) == [(either.x, either.y)]
    both = Choice([DefectKind.COLD, DefectKind.WEAK]).of(sensor_map)
    assert len(both.defects) == 2


def test_planes():
    one = FULL.defects[0].plane
    found = Choice(planes=[one.lower()]).of(FULL)
    assert {defect.plane for defect in found.defects} == {one}
    assert all(one in line.plane.split("+") for line in found.lines)
    assert Choice(planes=["R", "Gr", "Gb", "B"]).of(FULL) == FULL


def test_a_plane_that_is_none():
    with pytest.raises(PlaneError, match=r"has no plane 'G'; --plane takes (R|Gr|Gb|B)(, (R|Gr|Gb|B)){3}$"):
        Choice(planes=["G"]).of(FULL)


@pytest.mark.parametrize(
    ("onset", "since", "listed"),
    [
        (Between(FIRST, LATER), LATER.date(), True),
        (Between(FIRST, LATER), FIRST.date(), True),
        (Between(FIRST, LATER), date(LATER.year + 1, 1, 1), False),
        (Between(None, LATER), LATER.date(), True),
        (Between(None, None), date(1, 1, 1), False),
        (Between(LATER, None), LATER.date(), True),
        (None, date(1, 1, 1), False),
    ],
)
def test_since(onset, since, listed):
    sensor_map = toy_map(columns=(), defects=(toy_defect(3, 2, onset=onset),))
    assert bool(Choice(since=since).of(sensor_map).defects) == listed


@pytest.mark.parametrize(
    ("text", "day"),
    [("2010-05-02", (2010, 5, 2)), ("2010-05", (2010, 5, 1)), (" 2010 ", (2010, 1, 1)), ("0001", (1, 1, 1))],
)
def test_days(text, day):
    assert parse_day(text) == date(*day)


@pytest.mark.parametrize("text", ["", "yesterday", "2010-13", "2010-02-30", "10", "2010-5-2", "0000", "2010-05-02T00"])
def test_what_is_no_day(text):
    with pytest.raises(ValueError, match="is not a day such as 2010-05-02"):
        parse_day(text)


def test_nothing_asked_for_is_everything():
    assert Choice().of(FULL) == FULL
    assert Choice().text() == ""


@given(sensor_map=sensor_maps())
def test_orders_keep_every_defect(sensor_map):
    for by in ORDERS:
        found = in_order(sensor_map.defects, by)
        assert sorted(found, key=lambda one: (one.y, one.x)) == list(sensor_map.defects)
    assert in_order(sensor_map.defects, "place") == list(sensor_map.defects)
    scores = [abs(one.score) for one in in_order(sensor_map.defects, "score")]
    assert scores == sorted(scores, reverse=True)


def test_strengths_largest_first_and_unknown_ones_last():
    strengths = (None, (20.0, 1.0, 30.0), (-90.0, -99.0, -80.0), (50.0, 40.0, 60.0))
    defects = [toy_defect(x, 2, dark_dn_per_s=strength) for x, strength in enumerate(strengths)]
    assert [one.x for one in in_order(defects, "dark")] == [2, 3, 1, 0]
    responses = [toy_defect(x, 2, response=(m, m, m)) for x, m in enumerate((0.99, 0.5, 1.2))]
    assert [one.x for one in in_order(responses, "response")] == [1, 2, 0]


def test_latest_first_then_from_the_start_then_unknown():
    onsets = (None, Between(None, None), Between(None, FIRST), Between(FIRST, LATER))
    defects = [toy_defect(x, 2, onset=onset) for x, onset in enumerate(onsets)]
    assert [one.x for one in in_order(defects, "since")] == [3, 2, 1, 0]


@pytest.mark.parametrize("by", ["dark", "offset", "response"])
def test_what_holds_no_strengths_is_not_sorted_by_them(by):
    check_order(FULL, by)
    for sensor_map in (jpeg_map(), phone_map(), toy_map()):
        with pytest.raises(StrengthError, match=f"cannot be sorted by --sort {by}; --sort score can"):
            check_order(sensor_map, by)
        check_order(sensor_map, "score")
    check_order(replace(jpeg_map(), defects=()), by)


def as_read(value):
    """Return what YAML gives, with times as in JSON."""
    if isinstance(value, dict):
        return {key: as_read(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_read(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


@given(sensor_map=sensor_maps())
def test_json_says_what_the_map_file_says(sensor_map):
    text = map_json(sensor_map)
    assert text.isascii()
    found, expected = json.loads(text), as_read(load_yaml(map_text(sensor_map)))
    counts = found["summary"], expected["summary"]
    assert {key: count for key, count in counts[0].items() if count or key in counts[1]} == counts[1]
    assert found | {"summary": None} == expected | {"summary": None}


@pytest.mark.parametrize("make", [toy_map, full_map, both_map, jpeg_map, phone_map])
def test_json_is_a_map_by_the_schema(make):
    assert problems(map_json(make())) == []


def test_json_in_another_order():
    found = json.loads(map_json(FULL, by="score"))["defects"]
    assert [(one["x"], one["y"]) for one in found] == [(one.x, one.y) for one in in_order(FULL.defects, "score")]


def test_csv():
    rows = list(csv.DictReader(io.StringIO(map_csv(FULL))))
    assert [row["entry"] for row in rows] == ["column", "row", *["defect"] * len(FULL.defects)]
    column, row = rows[:2]
    assert (column["x"], column["last_x"]) == (str(FULL.columns[0].x),) * 2
    assert (column["y"], column["last_y"]) == (str(FULL.columns[0].y0), str(FULL.columns[0].y1))
    assert (row["y"], row["x"], row["last_x"]) == (str(FULL.rows[0].y), str(FULL.rows[0].x0), str(FULL.rows[0].x1))
    for found, defect in zip(rows[2:], FULL.defects, strict=True):
        assert (found["x"], found["y"], found["kind"]) == (str(defect.x), str(defect.y), defect.kind.value)
        dark = [found[f"dark_dn_per_s{end}"] for end in ("", "_low", "_high")]
        assert dark == ([str(value) for value in defect.dark_dn_per_s] if defect.dark_dn_per_s else [""] * 3)
    by_place = {(int(found["x"]), int(found["y"])): found for found in rows[2:]}
    started = next(one for one in FULL.defects if one.onset == Between(None, None))
    assert by_place[started.x, started.y]["onset_after"] == "before-first"


@given(sensor_map=sensor_maps())
def test_csv_of_any_map_has_a_line_for_each_entry(sensor_map):
    rows = list(csv.DictReader(io.StringIO(map_csv(sensor_map))))
    assert len(rows) == len(sensor_map.defects) + len(sensor_map.lines)
    assert all(None not in row and None not in row.values() for row in rows)
