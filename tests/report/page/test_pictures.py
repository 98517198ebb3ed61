"""Drawings: scales and ticks, the tiles' colours, the charts of a defect, and what the script gets to know."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from sensormap.assemble.details.values import OUTSIDE, TILE, Surroundings, ranked_defects
from sensormap.camera.cfa import Cfa
from sensormap.maps.entries import Between, DefectKind
from sensormap.maps.visible import GREY_DN, SHADOW_DN, visible_defects
from sensormap.report.page.charts import MOST_POINTS, Followed, law_chart, time_chart
from sensormap.report.page.drawing import LEFT, RIGHT, Scale, round_ticks, seconds_of, time_ticks
from sensormap.report.page.listing import entries_content
from sensormap.report.page.sensor_picture import SHAPES, sensor_drawing
from sensormap.report.page.statistics import onset_chart, plane_chart
from sensormap.report.page.tiles import sheet_element, tile_colours
from tests.support.details import FIRST, made_details, made_map
from tests.support.histories import between, dated_map
from tests.support.maps import full_map, jpeg_map


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 4e5), (1e-9, 2e-9), (-1e9, 1e9)])
def test_ticks_are_few_round_and_within(low, high) -> None:
    ticks = round_ticks(low, high)
    assert 2 <= len(ticks) <= 5
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


@pytest.mark.parametrize("days", [0.01, 0.5, 1, 10, 59, 61, 200, 800, 5000, 3_000_000])
def test_times_have_a_few_ticks(days) -> None:
    low = seconds_of(datetime(2009, 4, 18, 12, 36))
    ticks = time_ticks(low, low + days * 86400)
    assert 1 <= len(ticks) <= 6
    assert [at for at, _ in ticks] == sorted(at for at, _ in ticks)


def test_a_scale_keeps_what_lies_beyond_at_its_ends() -> None:
    scale = Scale(1, 100, 0, 10, math.log)
    assert (scale(0.1), scale(10), scale(1e9)) == (0, pytest.approx(5), 10)


def around(middle, *, x=8, y=8):
    scores = np.zeros((TILE, TILE), np.int8)
    scores[TILE // 2, TILE // 2] = middle
    return Surroundings(x, y, scores)


@pytest.mark.parametrize("x", [8, 9])
@pytest.mark.parametrize("y", [8, 9])
def test_each_photosite_has_the_colour_of_its_filter(x, y) -> None:
    cfa = Cfa("GBRG")
    colours = tile_colours(around(0, x=x, y=y), cfa).astype(int)
    for row, col in ((0, 0), (7, 7), (7, 8), (8, 7), (14, 14)):
        name = cfa.plane_name(x=x - TILE // 2 + col, y=y - TILE // 2 + row)
        assert "RGB"[int(np.argmax(colours[row, col]))] == name[0]


def test_brighter_ones_shine_and_darker_ones_are_dark() -> None:
    cfa = Cfa("mono")
    bright, dark, usual = (tile_colours(around(score), cfa)[7, 7, 0] for score in (40, -40, 0))
    assert dark == 0 < usual < bright == 235


def test_beyond_the_edge_nothing_is_drawn() -> None:
    one = around(20)
    one.scores[:, :7] = OUTSIDE
    colours = tile_colours(one, Cfa("RGGB"))
    assert (colours[:, :7] == 128).all()
    assert sheet_element([], Cfa("RGGB")) is None


def followed_of(defect, **options):
    details = made_details(full_map(defects=(defect,)), **options)
    return Followed.of(details.series[0], details)


def paths(drawn, name):
    return [one.get("d") for one in drawn.iter("path") if name in (one.get("class") or "").split()]


def test_a_dot_for_each_photo_that_counts_and_the_onset_between_two() -> None:
    onset = Between(FIRST + timedelta(days=10), FIRST + timedelta(days=20))
    defect = replace(full_map().defects[1], onset=onset, until=None)
    followed = followed_of(defect)
    drawn = time_chart(defect, followed)
    (dots,) = paths(drawn, "dots")
    assert dots.count("M") == int(followed.series.known.sum())
    (band,) = drawn.iter("rect")
    left, width = float(band.get("x")), float(band.get("width"))
    assert LEFT < left < left + width < RIGHT


@pytest.mark.parametrize("kind", list(DefectKind))
def test_every_kind_has_its_law(kind) -> None:
    defect = replace(made_map(30).defects[[one.kind for one in made_map(30).defects].index(kind)], x=5, y=5)
    defect = replace(full_map().defects[1], kind=kind, dark_dn_per_s=defect.dark_dn_per_s, offset_dn=defect.offset_dn,
                     response=defect.response)  # fmt: skip
    drawn = law_chart(defect, followed_of(defect))
    assert paths(drawn, "dots")
    timed = kind in (DefectKind.HOT, DefectKind.OFFSET, DefectKind.COLD)
    assert bool(paths(drawn, "band")) == timed
    assert bool(paths(drawn, "equal")) != timed
    assert bool(paths(drawn, "law")) == (kind != DefectKind.NOISY)


def test_a_map_alone_draws_the_law_of_what_it_knows() -> None:
    hot = full_map().defects[1]
    assert hot.kind == DefectKind.HOT
    drawn = law_chart(hot, None)
    assert paths(drawn, "law")
    assert not paths(drawn, "dots")
    assert law_chart(replace(hot, kind=DefectKind.STUCK), None) is None


def test_where_no_strength_is_known_values_are_shown_against_the_level() -> None:
    offset = replace(full_map().defects[2], dark_dn_per_s=None, offset_dn=None)
    assert offset.kind == DefectKind.OFFSET
    assert paths(law_chart(offset, followed_of(offset)), "equal")
    assert law_chart(offset, None) is None


def test_many_photos_are_thinned_out() -> None:
    assert followed_of(full_map().defects[1], photos=3000).series.value.size == MOST_POINTS


def test_the_sensor_has_a_mark_at_each_defect() -> None:
    sensor_map = made_map(300)
    drawn = sensor_drawing(sensor_map, ranked_defects(sensor_map))
    (marks,) = ([one.get("d") for one in drawn.iter("path") if one.get("class") == "marks"],)
    assert sum(data.count("M") + data.count("L") for data in marks) == len(sensor_map.defects)
    assert len(marks) == len(DefectKind) == len(SHAPES)
    assert len(paths(drawn, "line")) == 1


def stands(excess, noise, shutter_s, iso):
    """What page.js does."""
    if excess is None:
        return True
    gain = iso / noise["iso"]

    def sigma(level):
        return math.sqrt((noise["read"] * gain) ** 2 + level * gain * noise["perElectron"])

    return any(
        gain * (excess[i] * shutter_s + excess[i + 1]) > noise["sigmas"] * sigma(noise["shadow"])
        or excess[i + 2] * noise["grey"] > noise["sigmas"] * sigma(noise["grey"])
        for i in range(0, len(excess), 3)
    )


@pytest.mark.parametrize("iso", [100, 1600, 51200])
def test_the_script_knows_enough_to_tell_what_shows(iso) -> None:
    sensor_map = made_map(400)
    ranked = ranked_defects(sensor_map)
    content = entries_content(sensor_map, ranked)
    assert (content["noise"]["shadow"], content["noise"]["grey"]) == (SHADOW_DN, GREY_DN)
    for shutter_s in content["shutters"]:
        shown = {
            (one.x, one.y)
            for one, excess in zip(ranked, content["excess"], strict=True)
            if stands(excess, content["noise"], shutter_s, iso)
        }
        expected = visible_defects(sensor_map, shutter_s=shutter_s, iso=iso)
        assert shown == {(one.x, one.y) for one in expected}
    assert entries_content(jpeg_map(), ranked_defects(jpeg_map()))["excess"] is None


def test_the_null_and_its_bars_lie_where_they_are() -> None:
    plane = made_details(full_map()).planes[0]
    drawn = plane_chart(plane)
    assert len(paths(drawn, "bar")) == 2
    assert paths(drawn, "null")[0]
    assert "2 lie beyond the bars" in drawn.get("aria-label")
    assert not paths(plane_chart(replace(plane, scale=math.inf)), "null")[0]


def test_onsets_are_counted_by_period() -> None:
    drawn = onset_chart(made_map(300))
    assert len(paths(drawn, "boxes")) == 1
    assert "99 in all" in drawn.get("aria-label")
    assert onset_chart(full_map(columns=(), rows=(), defects=())) is None


def test_onsets_are_counted_as_history_does() -> None:
    perhaps, start = between(None, "2009-04-28"), Between(None, None)
    some = dated_map(start, perhaps, between("2009-04-20", "2009-06-28"), last=datetime(2009, 9, 1))
    drawn = onset_chart(some)
    (boxes,) = paths(drawn, "boxes")
    assert boxes.count("M") == 1
    assert "1 in all, at most 1 in a month; 2 more were there in the first photo already" in drawn.get("aria-label")
    left = float(boxes[1:].split(" ")[0])
    assert LEFT + (RIGHT - LEFT) / 6 < left < LEFT + (RIGHT - LEFT) / 3, "in May, the second of six months"
    assert onset_chart(dated_map(start, perhaps)) is None
