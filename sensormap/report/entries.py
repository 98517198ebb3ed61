"""The entries of a map as tables: defects, columns, rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sensormap.maps.entries import Column, Defect, Entry, LineEntry, Row, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.listing.order import ORDERS, in_order
from sensormap.report.table import Table
from sensormap.report.words import (
    STRENGTH_NAMES,
    UNKNOWN,
    certainty,
    counted,
    kind_text,
    one_strength,
    since_text,
    strength_text,
)


def defect_table(sensor_map: SensorMap, *, limit: int | None = 20, by: str = "score") -> Table:
    """Return the defects, strongest evidence first.

    Parameters
    ----------
    sensor_map
        The map.
    limit
        Most defects that are listed; None for all.
    by
        Another order, one of `listing.order.ORDERS`; one of a strength shows that strength of every defect.

    Returns
    -------
    Table
        With strength, onset and the frames in which each showed, unless the map was made without the second
        pass; of a map of JPEGs with places in them first, and no strengths. Its note says how many were left out.
    """
    order = ORDERS[by]
    ranked = in_order(sensor_map.defects, by)[:limit]
    hidden = len(sensor_map.defects) - len(ranked)
    shown = column_names(sensor_map)
    names = tuple(order.strength if name == "strength" and order.strength else name for name in shown)
    strongest = by == "score"
    return Table(
        title="Strongest defects" if hidden and strongest else order.title,
        header=tuple(STRENGTH_NAMES.get(name, name) for name in names),
        rows=tuple(tuple(CELLS[name](defect) for name in names) for defect in ranked),
        right=frozenset(i for i, name in enumerate(names) if name not in WORDS),
        note=f"{counted(hidden, 'weaker one') if strongest else f'{hidden} more'} not shown; --all shows every one."
        if hidden
        else "",
        spare=tuple(name for name in _SPARE if name != names[0]),  # whose places the map is about
    )


def column_table(sensor_map: SensorMap) -> Table:
    """Return the columns from left to right."""
    return _line_table(sensor_map.columns, Column, Row, _grid(sensor_map))


def row_table(sensor_map: SensorMap) -> Table:
    """Return the rows from top to bottom."""
    return _line_table(sensor_map.rows, Row, Column, _grid(sensor_map))


def column_names(sensor_map: SensorMap) -> tuple[str, ...]:
    """Return the columns of the table of defects."""
    defects, source = sensor_map.defects, sensor_map.source
    followed = any(defect.seen is not None for defect in defects)
    since = ("since",) if any(defect.onset is not None for defect in defects) else ()
    if source == Source.JPEG:
        raw = () if sensor_map.sensor.is_jpeg_grid else ("raw x, y",)
        return ("JPEG x, y", "+-", *raw, *_USUAL, *since, *(("seen",) if followed else ()))
    radius = ("+-",) if source == Source.BOTH else ()
    means = ("mean",) if any(defect.mean is not None for defect in defects) else ()
    fields = ("strength", *since, "seen") if followed else (*means, *since)
    jpeg = ("JPEG x, y",) if sensor_map.sensor.jpeg_crop is not None else ()
    return ("x", "y", *radius, *_USUAL, *fields, *jpeg)


def _grid(sensor_map: SensorMap) -> str:
    """Return what tells the coordinates of a map of JPEGs from those in the JPEG, or that they are the same."""
    if sensor_map.source != Source.JPEG:
        return ""
    return "JPEG " if sensor_map.sensor.is_jpeg_grid else "raw "


def _pair(place: tuple[int, int] | None) -> str:
    return f"{place[0]}, {place[1]}" if place else "outside"


def _radius(entry: Entry) -> str:
    return "" if entry.radius is None else str(entry.radius)


_USUAL = ("plane", "kind", "certainty", "score")
_SPARE = ("plane", "seen", "JPEG x, y", "raw x, y", "score", "certainty", "+-", "since")
"""Columns to go without on narrow terminals, the first of them first."""
WORDS = frozenset({"plane", "planes", "kind", "since"})
"""Columns of text, which are aligned to the left."""
CELLS: dict[str, Callable[[Defect], str]] = {
    "x": lambda defect: str(defect.x),
    "y": lambda defect: str(defect.y),
    "raw x, y": lambda defect: _pair((defect.x, defect.y)),
    "JPEG x, y": lambda defect: _pair(defect.jpeg),
    "+-": _radius,
    "plane": lambda defect: defect.plane,
    "kind": kind_text,
    "certainty": lambda defect: certainty(defect.confidence),
    "score": lambda defect: f"{defect.score:.1f}",
    "mean": lambda defect: UNKNOWN if defect.mean is None else f"{defect.mean:.0f}",
    "strength": strength_text,
    **{name: partial(one_strength, name=name) for name in STRENGTH_NAMES},
    "since": lambda defect: since_text(defect.onset),
    "seen": lambda defect: f"{defect.seen[0]}/{defect.seen[1]}" if defect.seen else UNKNOWN,
}
"""What each column of the table of defects says."""


_LINE_CELLS: dict[str, Callable[[LineEntry], str]] = {
    "strength": strength_text,
    "since": lambda line: since_text(line.onset),
    "seen": lambda line: f"{line.seen[0]}/{line.seen[1]}" if line.seen else UNKNOWN,
}


def _line_table(lines: Sequence[LineEntry], made: type[LineEntry], crossed: type[LineEntry], grid: str) -> Table:
    """Return columns, or rows.

    Parameters
    ----------
    lines
        The columns or rows.
    made, crossed
        Kind of line that they are, and the other kind, in whose numbers they start and end.
    grid
        Name of the grid that the numbers are on, in front of the names of their columns in the table; "" where it is
        clear.
    """
    dated, followed = any(line.onset is not None for line in lines), any(line.seen is not None for line in lines)
    rough = any(line.radius is not None for line in lines)
    place = (f"{grid}{made.keys[0]}", *(("+-",) if rough else ()), f"{grid}{crossed.noun}s")
    fields = (*(("strength",) if followed else ()), *(("since",) if dated else ()), *(("seen",) if followed else ()))
    header = (*place, "planes", "kind", "certainty", "score", *fields)
    rows = []
    for line in lines:
        at = (str(line.place), *((_radius(line),) if rough else ()), f"{line.first} to {line.last}")
        facts = (line.plane, kind_text(line), certainty(line.confidence), f"{line.score:.1f}")
        rows.append((*at, *facts, *(_LINE_CELLS[name](line) for name in fields)))
    return Table(
        title=counted(len(lines), f"defective {made.noun}"),
        header=header,
        rows=tuple(rows),
        right=frozenset(i for i, name in enumerate(header) if name not in WORDS),
        spare=("planes", "seen", "score", "certainty", "strength", "+-", "since"),
    )
