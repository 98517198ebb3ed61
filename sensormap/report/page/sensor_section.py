"""The sensor, what chooses the entries that it shows, and the strongest of them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from sensormap.assemble.details.values import DetailedMap, Surroundings, strongest_defects
from sensormap.maps.entries import Defect, DefectKind, Source
from sensormap.report.page.entry_cards import entry_card
from sensormap.report.page.listing import ISOS, SHUTTERS_S
from sensormap.report.page.markup import append, element
from sensormap.report.page.sensor_picture import kind_class, kind_mark, sensor_drawing
from sensormap.report.words import shutter_text

_CANVAS = (
    "The sensor with its defects: arrow keys move it, plus and minus zoom, N and P go to the next and previous defect"
)
_HELP = (
    "Point at a mark to read what it is, click to see its pictures. The wheel or two fingers zoom, dragging moves; on "
    "the keyboard + and −, the arrows, and N and P for the next and previous defect."
)


def sensor_section(found: DetailedMap, ranked: Sequence[Defect]) -> Element:
    """Return the sensor, the controls of what it shows, and the strongest defects one by one.

    Parameters
    ----------
    found
        The map, and what its run knows beside it.
    ranked
        Its defects, strongest first.
    """
    sensor_map, cards = found.sensor_map, strongest_defects(ranked)
    view = element(
        "div",
        element(
            "div",
            *(
                element("button", text, type="button", id=f"zoom-{name}", aria_label=label)
                for text, name, label in (
                    ("+", "in", "Zoom in"),
                    ("−", "out", "Zoom out"),
                    ("Whole", "all", "Whole sensor"),
                )
            ),
            class_="zoom",
        ),
        element(
            "canvas", id="sensor", tabindex="0", role="application", aria_label=_CANVAS, aria_describedby="sensor-help"
        ),
        element("p", id="tip", class_="tip", hidden=True),
        element("p", _HELP, id="sensor-help", class_="note"),
        class_="view script",
        hidden=True,
    )
    tiles = {place: number for number, (place, _) in enumerate(tiles_of(found, ranked))}
    shown = element("div", id="cards", class_="cards")
    for rank in cards:
        defect = ranked[rank]
        append(shown, entry_card(rank, defect, found.details, tiles.get((defect.x, defect.y))))
    about = element(
        "h3", "The strongest, and some of each kind" if len(cards) < len(ranked) else "Each defect", class_="no-script"
    )
    chosen = element(
        "div", about, shown, element("div", id="chosen", hidden=True, class_="card"), class_="chosen", tabindex="0",
        role="region", aria_label="The chosen defect",
    )  # fmt: skip
    picture = element("div", sensor_drawing(sensor_map, ranked), class_="paper")
    return element(
        "section",
        element("h2", "The sensor"),
        _controls(found, ranked),
        element(
            "div",
            element("div", view, picture, class_="picture"),
            chosen if cards or sensor_map.lines else None,
            class_="stage",
        ),
        class_="sensor",
        aria_label="The sensor",
    )


def _controls(found: DetailedMap, ranked: Sequence[Defect]) -> Element:
    """Return what chooses the entries that picture and table show; it needs the script."""
    sensor_map = found.sensor_map
    made = element("form", class_="controls script", hidden=True, id="controls", aria_label="What is shown")
    if not ranked:
        return made
    kinds = element("fieldset", element("legend", "Kinds"), class_="chips")
    for number, kind in enumerate(DefectKind):
        if any(defect.kind == kind for defect in ranked):
            box = element("input", type="checkbox", name="kind", value=number, checked=True)
            append(kinds, element("label", box, kind_mark(kind), str(kind), class_=kind_class(kind)))
    planes = sorted({defect.plane for defect in ranked})
    plane = element("select", element("option", "all", value=""), name="plane")
    for name in planes:
        append(plane, element("option", name, value=name))
    sure = element("select", name="certainty")
    for value, text in (("0", "any"), ("0.9", "90 % or more"), ("0.99", "99 % or more"), ("0.999", "99.9 % or more")):
        append(sure, element("option", text, value=value))
    append(made, kinds)
    fields = element("div", class_="fields")
    if len(planes) > 1:
        append(fields, element("label", "Plane ", plane))
    append(fields, element("label", "Certainty ", sure))
    if any(defect.onset is not None and defect.onset.by is not None for defect in ranked):
        append(fields, element("label", "Appeared on or after ", element("input", type="date", name="since")))
    if any(defect.cluster for defect in ranked):
        append(
            fields, element("label", element("input", type="checkbox", name="cluster"), " only those that touch others")
        )
    append(made, fields)
    if sensor_map.source != Source.JPEG:
        append(made, _sliders())
    append(
        made,
        element(
            "p",
            element("output", id="count", name="count"),
            element("button", "Show all", type="reset"),
            class_="count",
        ),
    )
    return made


def _sliders() -> Element:
    """Return the exposure by which the script dims what would not show."""
    day, base = min(range(len(SHUTTERS_S)), key=lambda i: abs(SHUTTERS_S[i] - 1 / 60)), ISOS.index(100)
    return element(
        "fieldset",
        element("legend", "Exposure"),
        element("label", element("input", type="checkbox", name="dim"), " dim what would not show at"),
        element(
            "label",
            element(
                "input",
                type="range",
                name="shutter",
                min=0,
                max=len(SHUTTERS_S) - 1,
                value=day,
                aria_label="Shutter time",
            ),
            element("output", shutter_text(SHUTTERS_S[day]), id="shutter-text"),
        ),
        element(
            "label",
            element("input", type="range", name="iso", min=0, max=len(ISOS) - 1, value=base, aria_label="ISO"),
            element("output", f"ISO {ISOS[base]}", id="iso-text"),
        ),
        class_="exposure",
    )


def tiles_of(found: DetailedMap, ranked: Sequence[Defect]) -> list[tuple[tuple[int, int], Surroundings]]:
    """Return the surroundings that the page shows, each once, with its place, in the order of the sheet.

    Parameters
    ----------
    found, ranked
        As for `sensor_section`.
    """
    shown = {(ranked[rank].x, ranked[rank].y) for rank in strongest_defects(ranked)}
    known = {(one.x, one.y): one for part in reversed(found.details) for one in part.surroundings}
    return [(place, one) for place, one in sorted(known.items()) if place in shown]
