"""Pictures of maps: what is drawn, texts, and their look; files that are the same each time; odd maps."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from sensormap import draw_map
from sensormap.errors import MissingExtraError
from sensormap.history.growth import growth_of
from sensormap.history.records import record_of
from sensormap.maps.entries import DARK_KINDS, Between, Column, DefectKind, Row
from sensormap.maps.visible import visible_defects
from sensormap.plots.dark import draw_dark
from sensormap.plots.growth import draw_bodies
from sensormap.plots.of_map import MAP_PLOTS
from sensormap.plots.scores import draw_scores
from sensormap.plots.sensor import draw_sensor
from sensormap.plots.style import HATCHES, MARKERS, date_axis, days, mark_of, picture, unless_picture
from sensormap.plots.timeline import draw_timeline
from sensormap.report.palette import COLOURS
from tests.support.histories import FIRST, LAST, START, WIDE, between, dated_map
from tests.support.maps import full_map, jpeg_map, phone_map, sensor_maps, toy_defect, toy_map
from tests.support.pictures import assert_looks_like, drawn, points, texts

STARTS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}
KINDS = list(DefectKind)


def busy_map():
    """A map of 48 defects of all kinds, a column and a row, half of them from the start."""
    defects = []
    for number in range(48):
        kind = KINDS[number % len(KINDS)]
        x, y = (37 * number + 11) % 200, 2 * number + 1
        born = FIRST + timedelta(days=23 * number)
        onset = Between(born, born + timedelta(days=20)) if number % 2 else Between(None, None)
        dark = 10.0 * 1.2**number
        strengths = {"dark_dn_per_s": (dark, 0.9 * dark, 1.1 * dark)} if kind == DefectKind.HOT else {}
        facts = {"score": (-1) ** number * (5.0 + number / 2), "onset": onset, "seen": (20 + number % 21, 40)}
        defects.append(toy_defect(x, y, kind=kind, sensor=WIDE, **facts, **strengths))
    healed = replace(defects[9], until=Between(FIRST + timedelta(days=500), FIRST + timedelta(days=520)))
    defects[9] = healed
    defects = [one for one in defects if one.x != 60 and one.y != 40]
    column = Column(60, 20, 90, "Gb+R", DefectKind.WEAK, 0.999, -12.0, 60)
    row = Row(40, 10, 120, "Gb+B", DefectKind.HOT, 0.999, 12.0, 60)
    return replace(dated_map(), defects=tuple(defects), columns=(column,), rows=(row,))


BUSY = busy_map()
DRAW = {"sensor": draw_sensor, "scores": draw_scores, "timeline": draw_timeline, "dark": draw_dark}


def of(name, sensor_map=BUSY):
    return drawn(lambda figure: DRAW[name](figure, sensor_map))


@pytest.mark.parametrize("name", DRAW)
def test_the_look(name):
    assert_looks_like(of(name), name)


def test_the_look_of_growth():
    growth = growth_of([record_of(BUSY, "busy")])
    assert_looks_like(drawn(lambda figure: draw_bodies(figure, growth)), "growth")


def test_the_sensor_shows_every_entry_where_it_lies():
    figure = of("sensor")
    (axes,) = figure.axes
    shown = points(axes)
    for kind in KINDS:
        some = [(one.x, one.y) for one in BUSY.defects if one.kind == kind]
        assert shown[f"{kind} ({len(some)})"] == some
    lines = {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines}
    assert lines["column (1)"] == ([60, 60], [20, 90])
    assert lines["row (1)"] == ([10, 120], [40, 40])
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 200), (100, 0))
    assert "NIKON D80, serial 1: 48 defects, 1 column, 1 row" in texts(figure)


def test_scores_count_every_defect():
    figure = of("scores")
    left, right = figure.axes
    assert sum(bar.get_height() for bar in left.patches) == len(BUSY.defects)
    shown = sorted(place for some in points(right).values() for place in some)
    assert shown == sorted((abs(one.score), 100 * one.seen[0] / one.seen[1]) for one in BUSY.defects)
    assert set(map(str, KINDS)) <= set(texts(figure))


def test_the_legend_of_scores_has_bars_and_marks():
    (legend,) = of("scores").legends
    assert [name.get_text() for name in legend.get_texts()] == [str(kind) for kind in KINDS]
    assert len(legend.get_patches()) == len(KINDS), "a bar of the left panel"
    marks = [one for one in legend.findobj() if hasattr(one, "get_offsets")]
    assert len(marks) == len(KINDS), "a mark of the right one"


@pytest.mark.parametrize(
    ("first", "last", "year"),
    [
        ("2009-04-18", "2009-09-26", "2009"),
        ("2009-04-18", "2009-05-02", "2009-May"),
        ("2009-04-18", "2013-06-14", ""),
    ],
)
def test_dates_tell_the_year(first, last, year):
    def draw(figure):
        axes = figure.add_subplot()
        axes.set_xlim(*days(map(datetime.fromisoformat, (first, last))))
        date_axis(axes)

    axis = drawn(draw).axes[0].xaxis
    ticks = [tick.get_text() for tick in axis.get_ticklabels()]
    assert axis.get_offset_text().get_text() == year
    assert year or "2010" in ticks


def test_the_timeline_orders_onsets():
    figure = of("timeline")
    (axes,) = figure.axes
    new = [one for one in BUSY.defects if one.onset != Between(None, None)]
    shown = points(axes)
    ranks = sorted(y for label, some in shown.items() if label != "healed" for _, y in some)
    assert ranks == list(range(1, len(new) + 1))
    assert len(shown["healed"]) == 1
    assert f"{len(new)} defects appeared, {len(BUSY.defects) - len(new)} there from the start" in texts(figure)[-3]


def test_dark_currents_and_what_shows_when():
    figure = of("dark")
    left, right = figure.axes
    currents = [y for some in points(left).values() for _, y in some]
    assert currents == sorted((one.dark_dn_per_s[0] for one in BUSY.defects if one.dark_dn_per_s), reverse=True)
    for line, iso in zip(right.lines, (100, 400, 1600), strict=True):
        for shutter, count in list(zip(line.get_xdata(), line.get_ydata(), strict=True))[::9]:
            assert count == len(visible_defects(BUSY, shutter_s=shutter, iso=iso))


@pytest.mark.parametrize(("kind", "form"), [*((kind, "png") for kind in MAP_PLOTS), ("dark", "svg"), ("dark", "pdf")])
def test_the_same_map_gives_the_same_bytes_that_are_known_again(kind, form, monkeypatch):
    content = draw_map(BUSY, kind, form)
    assert content.startswith(STARTS[form])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert draw_map(BUSY, kind, form) == content
    assert unless_picture(io.BytesIO(content)) == ""


@pytest.mark.parametrize("kind", MAP_PLOTS)
@pytest.mark.parametrize("make", [toy_map, full_map, jpeg_map, phone_map])
def test_maps_of_every_sort_are_drawn(kind, make):
    for sensor_map in (make(), make(defects=(), columns=(), rows=())):
        assert draw_map(sensor_map, kind).startswith(STARTS["png"])


@pytest.mark.parametrize("kind", ["sensor", "scores", "timeline", "dark"])
@given(sensor_map=sensor_maps())
@hypothesis_settings(max_examples=3)
def test_any_map_is_drawn(kind, sensor_map):
    assert draw_map(sensor_map, kind).startswith(STARTS["png"])


def test_many_defects_stay_a_small_vector_file():
    sensor = replace(WIDE, raw_size=(4000, 3000), active_area=replace(WIDE.active_area, width=4000, height=3000))
    defects = tuple(
        toy_defect(37 * number % 1999 + number % 2 * 1999, number // 2, kind=KINDS[number % 8], sensor=sensor)
        for number in range(5000)
    )
    many = replace(dated_map(), sensor=sensor, defects=defects)
    for kind in ("sensor", "scores"):
        assert len(draw_map(many, kind, "svg")) < 1_500_000


def test_marks_tell_kinds_apart_in_black_and_white():
    assert len(set(MARKERS.values())) == len(MARKERS)
    assert len(set(HATCHES.values())) == len(HATCHES) - 1  # hot is plain, dead is black
    hollow = {kind for kind in KINDS if mark_of(kind)["facecolors"] == "white"}
    assert hollow == DARK_KINDS - {DefectKind.DEAD}
    assert set(COLOURS) == set(MARKERS) == set(HATCHES)


def test_an_onset_of_which_a_list_tells_one_end_is_unknown():
    listed = dated_map(START, between("2009-06-22", None), None)
    assert "0 defects appeared, 1 there from the start, 2 of unknown onset" in texts(of("timeline", listed))[0]


def test_growth_without_statsmodels_has_no_fit(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.generalized_linear_model", None)
    growth = growth_of([record_of(BUSY, "busy")])
    assert growth.bodies[0].rate is None
    figure = drawn(lambda figure: draw_bodies(figure, growth))
    assert "fitted growth" not in texts(figure)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"^plot: needs matplotlib, .*: pip install 'sensormap\[plot\]'$"):
        draw_map(BUSY)


def test_no_such_picture_or_format():
    with pytest.raises(ValueError, match="'moon' is not one of sensor, scores, timeline, growth, dark"):
        draw_map(BUSY, "moon")
    with pytest.raises(ValueError, match="'gif' is not one of png, svg, pdf"):
        picture(lambda figure: None, "gif")


def test_scores_that_no_photo_makes():
    defects = tuple(replace(one, score=score) for one, score in zip(BUSY.defects, (0.0, -1e308, 1e308), strict=False))
    assert draw_map(replace(BUSY, defects=defects), "scores").startswith(STARTS["png"])


def test_a_clock_that_was_wrong():
    for first, last in ((FIRST, LAST), (datetime(1, 1, 1), datetime(9999, 12, 31)), (FIRST, FIRST)):
        frames = replace(BUSY.frames, first=first, last=last, clock_jumps=1)
        backwards = Between(LAST, FIRST)
        defects = tuple(replace(one, onset=backwards) for one in BUSY.defects[:5])
        assert draw_map(replace(BUSY, frames=frames, defects=defects), "timeline").startswith(STARTS["png"])
