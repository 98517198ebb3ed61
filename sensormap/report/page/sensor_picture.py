"""The sensor with its defects, drawn once for paper and for browsers without script; the script draws its own."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from sensormap.maps.entries import Defect, DefectKind, LineEntry
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.page.markup import append, element
from sensormap.report.words import counted

SHAPES = {
    DefectKind.HOT: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    DefectKind.OFFSET: "M0-5l5 5l-5 5l-5-5z",
    DefectKind.STUCK: "M-4-4h8v8h-8z",
    DefectKind.DEAD: "M-4.5-3l1.5-1.5l3 3l3-3l1.5 1.5l-3 3l3 3l-1.5 1.5l-3-3l-3 3l-1.5-1.5l3-3z",
    DefectKind.WEAK: "M-5-4h10l-5 9z",
    DefectKind.NOISY: "M-1.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    DefectKind.COLD: "M-5 1.5v-3h10v3z",
    DefectKind.OVERRESPONSIVE: "M-5 4h10l-5-9z",
}
"""Marks of the kinds, some ten units wide around (0, 0), as data of SVG paths; told apart without colours too."""

MOST_DRAWN = 20_000
"""Marks that are drawn on paper; a few million would only fill the sensor."""

MOST_LINES = 2_000
"""Columns and rows that are drawn."""

_SIDE = 1000.0  # units of the longer side
_MANY = 2_000  # marks from which on they are drawn half as large


def kind_class(kind: str) -> str:
    """Return the CSS class of a kind, which gives its colour."""
    return f"k-{kind}"


def kind_mark(kind: DefectKind) -> Element:
    """Return a small picture of a kind's mark, for legends; the kind's name stands beside it."""
    mark = element("path", d=SHAPES[kind])
    return element("svg", mark, viewBox="-6 -6 12 12", class_=f"mark {kind_class(kind)}", aria_hidden="true")


def sensor_drawing(sensor_map: SensorMap, ranked: Sequence[Defect]) -> Element:
    """Return a drawing of the sensor with a mark for each defect and a stroke for each column and row.

    Parameters
    ----------
    sensor_map
        The map.
    ranked
        Its defects, strongest first; at most `MOST_DRAWN` are drawn.
    """
    width, height = sensor_map.sensor.raw_size
    unit = _SIDE / max(width, height)
    area = sensor_map.sensor.active_area
    drawn = ranked[:MOST_DRAWN]
    lines = f", and strokes along {counted(len(sensor_map.lines), 'line')}" if sensor_map.lines else ""
    label = f"The sensor with marks at {counted(len(drawn), 'defect')}{lines}."
    picture = element(
        "svg",
        element("rect", width=width * unit, height=height * unit, class_="margin"),
        element(
            "rect", x=area.x * unit, y=area.y * unit, width=area.width * unit, height=area.height * unit, class_="area"
        ),
        viewBox=f"-6 -6 {width * unit + 12:.1f} {height * unit + 12:.1f}",
        class_="sensor",
        role="img",
        aria_label=label,
    )
    for line in sensor_map.lines[:MOST_LINES]:
        append(picture, element("path", d=_stroke(line, unit), class_=f"line {kind_class(line.kind)}"))
    size = 1.4 if len(drawn) < _MANY else 0.6
    for kind in DefectKind:
        places = [(defect.x, defect.y) for defect in reversed(drawn) if defect.kind == kind]
        if places:
            # One mark is defined, and used at each place: a path that repeats it would be ten times as long.
            name = f"mark-{kind}"
            mark = element("marker", element("path", d=SHAPES[kind], class_=kind_class(kind)), id=name)
            for key, value in (("viewBox", "-6 -6 12 12"), ("markerUnits", "userSpaceOnUse")):
                mark.set(key, value)
            for key in ("markerWidth", "markerHeight"):
                mark.set(key, f"{12 * size:.1f}")
            # A marker stands at every vertex of a path that itself is not drawn.
            data = "".join(f"{'L' if i else 'M'}{x * unit:.1f} {y * unit:.1f}" for i, (x, y) in enumerate(places))
            ends = {f"marker_{where}": f"url(#{name})" for where in ("start", "mid", "end")}
            if len(places) == 1:
                ends = {"marker_start": f"url(#{name})"}
            append(picture, element("defs", mark), element("path", d=data, class_="marks", **ends))
    return picture


def _stroke(line: LineEntry, unit: float) -> str:
    (x0, y0), (x1, y1) = line.photosite(line.place, line.first), line.photosite(line.place, line.last)
    return f"M{x0 * unit:.1f} {y0 * unit:.1f}L{x1 * unit + 0.1:.1f} {y1 * unit + 0.1:.1f}"
