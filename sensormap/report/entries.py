"""The entries of a map as tables: defects, columns, rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sensormap.maps.entries import Between, Column, Defect, DefectKind, Row, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.table import Table, counted

_UNKNOWN = "?"


def defect_table(sensor_map: SensorMap, *, limit: int | None = 20) -> Table:
    """Return the defects, strongest evidence first.

    Parameters
    ----------
    sensor_map
        The map.
    limit
        How many at most; None for all.

    Returns
    -------
    Table
        With strength, date of birth and the frames in which each showed, unless the map was made without a second look
        at the photos; of a map of JPEGs with places in them first, and no strengths. Its note says how many were left
        out.
    """
    ranked = sorted(sensor_map.defects, key=lambda defect: (-abs(defect.score), defect.y, defect.x))[:limit]
    hidden = len(sensor_map.defects) - len(ranked)
    names = _names(sensor_map)
    return Table(
        title="Strongest defects" if hidden else "Defects, strongest first",
        header=names,
        rows=tuple(tuple(_CELLS[name](defect) for name in names) for defect in ranked),
        right=frozenset(i for i, name in enumerate(names) if name not in _WORDS),
        note=f"{counted(hidden, 'weaker one')} not shown; --all shows every one." if hidden else "",
        spare="plane",
    )


def column_table(sensor_map: SensorMap) -> Table:
    """Return the column entries from left to right."""
    grid = _grid(sensor_map)
    places = [(column.x, f"{column.y0} to {column.y1}") for column in sensor_map.columns]
    return _line_table(sensor_map.columns, places, ("column", f"{grid}x", f"{grid}rows"))


def row_table(sensor_map: SensorMap) -> Table:
    """Return the row entries from top to bottom."""
    grid = _grid(sensor_map)
    places = [(row.y, f"{row.x0} to {row.x1}") for row in sensor_map.rows]
    return _line_table(sensor_map.rows, places, ("row", f"{grid}y", f"{grid}columns"))


def certainty(confidence: float) -> str:
    """Return a confidence in per cent, rounded down: nothing measured is certain.

    Examples
    --------
    >>> certainty(0.5), certainty(0.9989), certainty(1.0)
    ('50 %', '99.8 %', '> 99.9 %')
    """
    if confidence >= 0.999:
        return "> 99.9 %"
    tenths = int(confidence * 1000 + 1e-9) / 10
    return f"{tenths:.1f} %" if tenths >= 99 else f"{int(tenths)} %"


def strength_text(defect: Defect) -> str:
    """Return what a defect does to a photo at base ISO, as one number.

    Parameters
    ----------
    defect
        Any.

    Returns
    -------
    str
        What a hot photosite gains per second and an offset one always; which share of the light a weak one loses; the
        level of a stuck or dead one; ``?`` where the photos, or JPEGs, do not tell.

    Examples
    --------
    >>> hot = Defect(5, 4, "Gr", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, None, dark_dn_per_s=(210.4, 198.0, 222.0))
    >>> strength_text(hot)
    '210 DN/s'
    >>> strength_text(Defect(5, 4, "Gr", DefectKind.WEAK, 0.9, 8.0, 120.0, 60.0, None, response=(0.7, 0.6, 0.8)))
    '-30 %'
    """
    if defect.kind == DefectKind.HOT:
        return f"{_number(defect.dark_dn_per_s[0])} DN/s" if defect.dark_dn_per_s else _UNKNOWN
    if defect.kind == DefectKind.OFFSET:
        return f"{_number(defect.offset_dn[0], sign='+')} DN" if defect.offset_dn else _UNKNOWN
    if defect.kind == DefectKind.WEAK:
        return f"{_number(100 * (defect.response[0] - 1), sign='+')} %" if defect.response else _UNKNOWN
    if defect.kind == DefectKind.NOISY:
        return "varies"
    return _UNKNOWN if defect.mean is None else f"{_number(defect.mean)} DN"


def since_text(onset: Between | None) -> str:
    """Return since when, for all that the photos tell, a defect has been there.

    Examples
    --------
    >>> from datetime import datetime
    >>> since_text(Between(None, None)), since_text(Between(None, datetime(2010, 5, 9, 11, 2))), since_text(None)
    ('start', '<=2010-05-09', '?')
    """
    if onset is None:
        return _UNKNOWN
    if onset.by is None:  # after a day, but before which is not known, only in imported lists
        return "start" if onset.after is None else f"> {onset.after.date().isoformat()}"
    # From the start perhaps, and not later than that day.
    return f"{'<=' if onset.after is None else ''}{onset.by.date().isoformat()}"


def _number(value: float, *, sign: str = "") -> str:
    """Write a number as exactly as a strength is known: two digits below 100, none after the point above."""
    digits = ".0f" if 99.5 <= abs(value) < 1e6 else ".2g"
    return f"{value + 0.0:{sign}{digits}}"


def _names(sensor_map: SensorMap) -> tuple[str, ...]:
    """Return the columns of the table of defects."""
    defects, source = sensor_map.defects, sensor_map.source
    followed = any(defect.seen is not None for defect in defects)
    since = ("since",) if any(defect.onset is not None for defect in defects) else ()
    if source == Source.JPEG:
        raw = () if sensor_map.sensor.is_picture else ("raw x, y",)
        return ("JPEG x, y", "+-", *raw, *_USUAL, *since, *(("seen",) if followed else ()))
    radius = ("+-",) if source == Source.BOTH else ()
    means = ("mean",) if any(defect.mean is not None for defect in defects) else ()
    told = ("strength", "since", "seen") if followed else (*means, *since)
    return ("x", "y", *radius, *_USUAL, *told, "JPEG x, y")


def _grid(sensor_map: SensorMap) -> str:
    """Return what tells the coordinates of a map of JPEGs from those in the JPEG, or that they are the same."""
    if sensor_map.source != Source.JPEG:
        return ""
    return "JPEG " if sensor_map.sensor.is_picture else "raw "


def _pair(place: tuple[int, int] | None) -> str:
    return f"{place[0]}, {place[1]}" if place else "outside"


def _radius(entry: Defect | Column | Row) -> str:
    return "" if entry.radius is None else str(entry.radius)


_USUAL = ("plane", "kind", "certainty", "score")
_WORDS = frozenset({"plane", "planes", "kind", "since"})
_CELLS: dict[str, Callable[[Defect], str]] = {
    "x": lambda defect: str(defect.x),
    "y": lambda defect: str(defect.y),
    "raw x, y": lambda defect: _pair((defect.x, defect.y)),
    "JPEG x, y": lambda defect: _pair(defect.jpeg),
    "+-": _radius,
    "plane": lambda defect: defect.plane,
    "kind": lambda defect: str(defect.kind),
    "certainty": lambda defect: certainty(defect.confidence),
    "score": lambda defect: f"{defect.score:.1f}",
    "mean": lambda defect: _UNKNOWN if defect.mean is None else f"{defect.mean:.0f}",
    "strength": strength_text,
    "since": lambda defect: since_text(defect.onset),
    "seen": lambda defect: f"{defect.seen[0]}/{defect.seen[1]}" if defect.seen else _UNKNOWN,
}
"""What each column of the table of defects says."""


def _line_table(
    entries: Sequence[Column | Row], places: Sequence[tuple[int, str]], names: tuple[str, str, str]
) -> Table:
    """Return column or row entries; `names` are those of a line, of its place and of what it runs over."""
    dated = any(entry.onset is not None for entry in entries)
    rough = any(entry.radius is not None for entry in entries)
    noun, place, over = names
    header = (place, *(("+-",) if rough else ()), over, "planes", "kind", "certainty", "score")
    rows = []
    for entry, (line, run) in zip(entries, places, strict=True):
        at = (str(line), _radius(entry), run) if rough else (str(line), run)
        facts = (entry.plane, str(entry.kind), certainty(entry.confidence), f"{entry.score:.1f}")
        rows.append((*at, *facts, *((since_text(entry.onset),) if dated else ())))
    return Table(
        title=counted(len(entries), f"defective {noun}"),
        header=(*header, *(("since",) if dated else ())),
        rows=tuple(rows),
        right=frozenset(i for i, name in enumerate(header) if name not in _WORDS),
    )
