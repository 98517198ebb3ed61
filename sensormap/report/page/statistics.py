"""Scores of all photosites and of the entries, onsets, and the photos behind them, drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np

from sensormap.assemble.details.values import BIN_LIMIT, BINS_PER_SIGMA, DetailedMap, PlaneScores, RunDetails
from sensormap.history.counts import count_onsets
from sensormap.history.periods import Unit
from sensormap.history.records import record_of
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.page.drawing import (
    BOTTOM,
    LEFT,
    RIGHT,
    SHUTTER_TICKS,
    TOP,
    Scale,
    bars,
    bounded,
    chart,
    draw_axes,
    number_text,
    points,
    polyline,
    round_ticks,
    seconds_of,
    spaced,
    time_ticks,
    widened,
)
from sensormap.report.page.markup import append, element, prose, scrolled, table_element
from sensormap.report.summary import skipped_table
from sensormap.report.table import Table
from sensormap.report.words import counted, shutter_text

MOST_NAMES = 500
"""Photos that are listed by name."""

_SCORE_BINS = 30
_LEAST_SCORE = 0.01  # sigma; a smaller one would only stretch the scale
_MOST_PERIODS, _QUARTER = 24, 3  # periods that are drawn, and months
_MOST_PHOTOS = 5_000  # that are drawn, evenly chosen of more
_FOOT = 0.5  # half a photosite or entry: where logarithmic bars stand

_NULL = (
    "The curve is what healthy photosites of the plane do by chance, the null; what lies beyond the upright bars is "
    "looked at in the second pass, which decides. Photosites that show now and then are found by votes, and may lie "
    "within."
)


def numbers_section(found: DetailedMap) -> Element | None:
    """Return how scores and onsets are distributed; None where nothing tells.

    Parameters
    ----------
    found
        The map, and what its run knows beside it.
    """
    charts: list[tuple[Element, str]] = []
    onsets, scores = onset_chart(found.sensor_map), score_chart(found.sensor_map)
    if onsets is not None:
        caption = "When entries appeared, lines among them, by the middle of the interval in which each did."
        charts.append((onsets, caption))
    if scores is not None:
        charts.append((scores, "Scores of the entries: the evidence for each, in standard deviations."))
    section = element("section", element("h2", "Numbers"))
    grid = element("div", class_="charts")
    for drawn, caption in charts:
        append(grid, element("figure", drawn, element("figcaption", caption)))
    append(section, grid)
    for one in found.details:
        if not one.planes:
            continue
        append(section, element("h3", f"Mean scores of all photosites, from {counted(len(one.photos), one.noun)}"))
        append(section, element("p", _NULL, class_="note"))
        grid = element("div", class_="charts")
        for plane, text in zip(one.planes, plane_legend(one.planes), strict=True):
            append(grid, element("figure", plane_chart(plane), element("figcaption", *prose(text))))
        append(section, grid)
    return section if charts or found.details else None


def photos_section(found: DetailedMap) -> Element:
    """Return the photos that were used, and those that were not, with reasons.

    Parameters
    ----------
    found
        The map, and what its run knows beside it.
    """
    sensor_map = found.sensor_map
    section = element("section", element("h2", "Photos"))
    grid = element("div", class_="charts")
    for one in found.details:
        drawn = photo_chart(one)
        followed = one.followed.size
        if drawn is not None:
            caption = (
                f"{counted(len(one.photos), one.noun)} by time and shutter time; the full dots are the {followed} that "
                "the second pass followed."
            )
            append(grid, element("figure", drawn, element("figcaption", caption)))
    append(section, grid if len(grid) else None)
    for one in found.details:
        append(section, _named(one))
    if sensor_map.skipped:
        table = skipped_table(sensor_map)
        append(section, element("h3", table.title), scrolled(table_element(table, caption=table.title), table.title))
        append(section, element("p", table.note, class_="note") if table.note else None)
    else:
        append(section, element("p", "No photo was skipped."))
    return section


def _named(one: RunDetails) -> Element:
    """Return the photos by name, folded up."""
    followed = frozenset(one.followed.tolist())
    rows = tuple(
        (
            photo.name,
            photo.time.isoformat(sep=" ", timespec="seconds") if photo.time else "?",
            shutter_text(photo.shutter_s) if photo.shutter_s else "?",
            str(photo.iso or "?"),
            "yes" if number in followed else "no",
        )
        for number, photo in enumerate(one.photos[:MOST_NAMES])
    )
    title = f"{counted(len(one.photos), one.noun)} used, by name"
    table = Table(title, ("file", "taken", "shutter", "ISO", "second pass"), rows, frozenset({2, 3}))
    return element("details", element("summary", title), scrolled(table_element(table, caption=title), title))


def plane_chart(plane: PlaneScores) -> Element:
    """Return how the mean scores of a plane's photosites are distributed, with the null and the bars of candidates."""
    step = np.arange(plane.counts.size) / BINS_PER_SIGMA - BIN_LIMIT
    some = np.flatnonzero(plane.counts)
    reach = max(3 * plane.bar, *(abs(step[some[[0, -1]]] - plane.centre) if some.size else (1.0,)))
    reach = min(reach + 0.2, BIN_LIMIT + abs(plane.centre))
    x = Scale(plane.centre - reach, plane.centre + reach, LEFT, RIGHT)
    most = max(int(plane.counts.max(initial=1)), 2)
    y = Scale(_FOOT, most * 1.5, BOTTOM, TOP, math.log)
    beyond = int(plane.counts[np.abs(step - plane.centre) > plane.bar].sum())
    made = chart(
        label=f"Plane {plane.plane}: mean scores of {number_text(int(plane.counts.sum()))} photosites, on a "
        f"logarithmic scale; {beyond} lie beyond the bars at {plane.centre - plane.bar:.2f} and "
        f"{plane.centre + plane.bar:.2f} sigma.",
        x_title="mean score, sigma of one photo",
        y_title=f"{plane.plane}: photosites",
    )
    powers = range(0, int(math.log10(most * 1.5)) + 1)
    ticks = [(10.0**k, number_text(10.0**k)) for k in powers if len(powers) < 6 or not k % 2]
    draw_axes(made, x, y, [(tick, number_text(tick)) for tick in round_ticks(x.low, x.high)], ticks)
    shown = [(x(step[i]), y(_FOOT), y(float(plane.counts[i]))) for i in some if x.low <= step[i] <= x.high]
    append(made, element("path", d=bars(shown), class_="histogram"))
    append(made, element("path", d=polyline(_null(plane, x, y)), class_="null"))
    for place in (plane.centre - plane.bar, plane.centre + plane.bar):
        append(made, element("path", d=f"M{x(place):.1f} {TOP}V{BOTTOM}", class_="bar"))
    return made


def _null(plane: PlaneScores, x: Scale, y: Scale) -> list[tuple[float, float]]:
    """Return the normal distribution of healthy photosites, as far as it reaches half a photosite a bin."""
    if not math.isfinite(plane.scale):
        return []
    height = int(plane.counts.sum()) / BINS_PER_SIGMA / (plane.scale * math.sqrt(2 * math.pi))
    if height <= _FOOT:
        return []
    reach = plane.scale * math.sqrt(2 * math.log(height / _FOOT))
    values = np.linspace(-reach, reach, 61).tolist()
    return [(x(plane.centre + v), y(height * math.exp(-((v / plane.scale) ** 2) / 2))) for v in values]


def score_chart(sensor_map: SensorMap) -> Element | None:
    """Return how the scores of a map's entries are distributed; None where there is none."""
    found = [abs(entry.score) for entry in (*sensor_map.defects, *sensor_map.lines)]
    scores = np.array([max(bounded(score), _LEAST_SCORE) for score in found if score])
    if not scores.size:
        return None
    low, high = float(scores.min()), float(scores.max())
    x = Scale(low / 1.06, max(high, low * 1.2) * 1.06, LEFT, RIGHT, math.log)
    edges = np.exp(np.linspace(math.log(x.low), math.log(x.high), _SCORE_BINS + 1))
    counts, _ = np.histogram(scores, edges)
    most = max(int(counts.max()), 2)
    y = Scale(_FOOT, most * 1.3, BOTTOM, TOP, math.log)
    made = chart(
        label=f"Scores of the {scores.size} entries, both scales logarithmic: {low:.1f} to {high:.1f} sigma, half of "
        f"them above {float(np.median(scores)):.1f}.",
        x_title="score of the entry, sigma",
        y_title="entries",
    )
    ticks = [(v, number_text(v)) for v in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0) if x.low <= v <= x.high]
    powers = [(10.0**k, number_text(10.0**k)) for k in range(int(math.log10(most * 1.3)) + 1)]
    draw_axes(made, x, y, ticks, powers)
    boxes = [
        f"M{x(edges[i]):.1f} {BOTTOM}V{y(float(count)):.1f}H{x(edges[i + 1]):.1f}V{BOTTOM}z"
        for i, count in enumerate(counts.tolist())
        if count
    ]
    append(made, element("path", d="".join(boxes), class_="boxes"))
    return made


def onset_chart(sensor_map: SensorMap) -> Element | None:
    """Return how many entries appeared when, as `history` counts them; None where none did between two photos."""
    record = record_of(sensor_map, "")
    first, last = record.observed or (datetime.min, datetime.min)
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    in_years = -(-months // _QUARTER) > _MOST_PERIODS
    onsets = count_onsets(record, Unit.YEAR if in_years else Unit.MONTH)
    if not onsets.new:
        return None
    new = [sum(one.new.values()) for one in onsets.periods]
    every = -(-len(new) // _MOST_PERIODS) if in_years else 1 if months <= _MOST_PERIODS else _QUARTER
    counts = [sum(new[k : k + every]) for k in range(0, len(new), every)]
    x = Scale(0, len(counts), LEFT, RIGHT)
    most = max(counts)
    y = Scale(0, most * 1.12, BOTTOM, TOP)
    start = sum(onsets.from_start.values()) + sum(onsets.perhaps_from_start.values())
    noun = ("a year" if every == 1 else f"{every} years") if in_years else "a month" if every == 1 else "a quarter"
    made = chart(
        label=f"Entries by the time when they appeared, {onsets.new} in all, at most {most} in {noun}; {start} more "
        "were there in the first photo already, or perhaps.",
        x_title="",
        y_title=f"appeared in {noun}",
    )
    names = [one.period.name for one in onsets.periods[::every]]
    ticks = [(k + 0.5, names[k]) for k in range(0, len(counts), max(-(-len(counts) // 5), 1))]
    whole = [tick for tick in round_ticks(0, most * 1.12) if tick == int(tick)]
    draw_axes(made, x, y, ticks, [(tick, number_text(tick)) for tick in whole])
    boxes = [
        f"M{x(k + 0.12):.1f} {BOTTOM}V{y(count):.1f}H{x(k + 0.88):.1f}V{BOTTOM}z"
        for k, count in enumerate(counts)
        if count
    ]
    append(made, element("path", d="".join(boxes), class_="boxes"))
    return made


def photo_chart(details: RunDetails) -> Element | None:
    """Return the photos by time and shutter time, those of the second pass apart; None where none has both."""
    followed = frozenset(details.followed.tolist())
    every = -(-len(details.photos) // _MOST_PHOTOS)
    found: list[tuple[datetime, float, bool]] = [
        (photo.time, photo.shutter_s, number in followed)
        for number, photo in enumerate(details.photos)
        if photo.time is not None and photo.shutter_s is not None and photo.shutter_s > 0 and not number % every
    ]
    if not found:
        return None
    at = [seconds_of(time) for time, _, _ in found]
    x = Scale(*spaced(*widened(at, least=3600.0)), LEFT + 8, RIGHT)
    shutter = [shutter_s for _, shutter_s, _ in found]
    y = Scale(min(shutter) / 1.6, max(shutter) * 1.6, BOTTOM, TOP, math.log)
    made = chart(
        label=f"{counted(len(found), details.noun)} by time and shutter time, "
        f"{shutter_text(min(shutter))} to {shutter_text(max(shutter))}.",
        x_title="",
        y_title="shutter time",
    )
    ticks = [(value, shutter_text(value)) for value in SHUTTER_TICKS if y.low <= value <= y.high]
    draw_axes(made, x, y, time_ticks(x.low, x.high), ticks)
    for chosen, name in ((False, "dots other"), (True, "dots followed")):
        dots = [(x(seconds_of(time)), y(shutter_s)) for time, shutter_s, one in found if one == chosen]
        append(made, element("path", d=points(dots), class_=name) if dots else None)
    return made


def plane_legend(planes: Sequence[PlaneScores]) -> list[str]:
    """Return the numbers of each plane's null and bar, one line each."""
    return [
        f"{one.plane}: null {one.centre:+.3f} ± {one.scale:.3f} sigma, bars {one.bar:.2f} sigma from it, "
        f"{number_text(int(one.counts.sum()))} photosites"
        for one in planes
    ]
