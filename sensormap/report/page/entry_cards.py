"""The strongest defects one by one: what is known of each, what surrounds it, what it showed."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from sensormap.assemble.details.values import RunDetails
from sensormap.maps.entries import Between, Defect, DefectKind, Interval
from sensormap.report.page.charts import Followed, law_chart, time_chart
from sensormap.report.page.markup import Child, append, element, prose
from sensormap.report.page.sensor_picture import kind_mark
from sensormap.report.page.tiles import tile_element
from sensormap.report.words import UNKNOWN, certainty, kind_text, strength_text

_STRENGTHS = (
    ("Dark current", "dark_dn_per_s", "DN/s"),
    ("Offset", "offset_dn", "DN"),
    ("Response", "response", ""),
)


_SCALE = "The upright scale is even near 0, within the noise, and logarithmic beyond."
_OFFSETS = (DefectKind.OFFSET, DefectKind.COLD)


def entry_card(rank: int, defect: Defect, details: Sequence[RunDetails], tile: int | None) -> Element:
    """Return what is known of one defect, with its pictures as far as the run knows them.

    Parameters
    ----------
    rank
        Its place among all, 0 for the strongest.
    defect
        The defect.
    details
        What the run knows beside the map.
    tile
        Number of its tile in the sheet; None if it has none.
    """
    title = element("h3", kind_mark(defect.kind), f"{kind_text(defect)} at x {defect.x}, y {defect.y}")
    card = element("article", title, class_="card", id=f"entry-{rank}")
    if tile is not None:
        label = f"Mean of all photos around x {defect.x}, y {defect.y}."
        append(card, element("figure", tile_element(tile, label), class_="around"))
    append(card, _facts(defect))
    followed = next(
        (
            Followed.of(series, one)
            for one in details
            for series in one.series
            if (series.x, series.y) == (defect.x, defect.y)
        ),
        None,
    )
    over_time = None if followed is None else time_chart(defect, followed)
    law = law_chart(defect, followed)
    if over_time is not None:
        append(card, element("figure", over_time, element("figcaption", _time_caption(defect))))
    if law is not None:
        append(card, element("figure", law, element("figcaption", _law_caption(defect))))
    return card


def _facts(defect: Defect) -> Element:
    strengths: list[tuple[str, Child]] = [
        (name, _interval_element(getattr(defect, key), unit)) for name, key, unit in _STRENGTHS if getattr(defect, key)
    ]
    rows: list[tuple[str, Child]] = [
        ("Plane", defect.plane),
        ("Certainty", certainty(defect.confidence)),
        ("Score", f"{defect.score:.1f} sigma"),
        *(strengths or _strength_alone(defect)),
    ]
    if defect.unresolved:
        names = {key: name.lower() for name, key, _ in _STRENGTHS}
        rows.append(("Not told", " and ".join(names.get(key, key) for key in defect.unresolved)))
    rows.append(("Since", onset_text(defect.onset)))
    if defect.until is not None:
        rows.append(("Gone", onset_text(defect.until)))
    if defect.seen is not None:
        rows.append(("Seen in", f"{defect.seen[0]} of {defect.seen[1]} photos that should show it"))
    if defect.jpeg is not None:
        rows.append(("JPEG", f"x {defect.jpeg[0]}, y {defect.jpeg[1]}"))
    if defect.radius is not None:
        rows.append(("Place", f"good to {defect.radius} pixels"))
    if defect.cluster is not None:
        rows.append(("Cluster", f"number {defect.cluster}: touches others"))
    facts = element("dl")
    for name, text in rows:
        shown = prose(text) if isinstance(text, str) else [text]
        append(facts, element("div", element("dt", name), element("dd", *shown)))
    return facts


def onset_text(onset: Between | None) -> str:
    """Return when something changed, as an interval between two photos."""
    if onset is None:
        return "unknown"
    after, by = (time and time.isoformat(sep=" ", timespec="minutes") for time in (onset.after, onset.by))
    if by is None:
        return "the first photo, or before" if after is None else f"after {after}"
    return f"{by}, or before the first photo" if after is None else f"between {after} and {by}"


def _strength_alone(defect: Defect) -> list[tuple[str, Child]]:
    return [("Strength", strength_text(defect))]


def _interval_element(interval: Interval, unit: str) -> Element:
    """Return an estimate, and its interval on a line of its own."""
    value, low, high = (f"{number:.5g}".replace("-", "−") for number in interval)
    return element("span", f"{value} {unit} ", element("small", f"95 %: {low} to {high}"))


def _time_caption(defect: Defect) -> str:
    """Say how to read the chart over time."""
    onset = " The shaded time is when it appeared." if defect.onset and defect.onset.by else ""
    return f"A dot for each photo; grey is where healthy photosites scatter (3 sigma).{onset} {_SCALE}"


def _law_caption(defect: Defect) -> str:
    """Say how to read the chart of the law."""
    known = defect.dark_dn_per_s is not None or defect.offset_dn is not None
    if defect.kind == DefectKind.HOT and known:
        return (
            "The line is the fitted dark current, with its 95 % interval: the longer the exposure, the brighter. Grey "
            f"dots are clipped. {_SCALE}"
        )
    if defect.kind in _OFFSETS and known:
        return (
            "The line is the fitted law, with its 95 % interval: an offset is the same at every shutter time. "
            f"{_SCALE}"
        )
    if defect.kind in (DefectKind.NOISY, DefectKind.HOT, *_OFFSETS) or strength_text(defect) == UNKNOWN:
        return "Healthy photosites lie on the dashed diagonal."
    return "Healthy photosites lie on the dashed diagonal; the line is what its kind says."
