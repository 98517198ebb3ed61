"""The entries of a map as tables: defects, columns, rows."""

from __future__ import annotations

from collections.abc import Sequence

from sensormap.defects import Between, Column, Defect, DefectKind, Row, SensorMap
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
        at the photos. Its note says how many were left out.
    """
    ranked = sorted(sensor_map.defects, key=lambda defect: (-abs(defect.score), defect.y, defect.x))[:limit]
    hidden = len(sensor_map.defects) - len(ranked)
    followed = any(defect.seen is not None for defect in sensor_map.defects)
    told = ("strength", "since", "seen") if followed else ("mean",)
    return Table(
        title="Strongest defects" if hidden else "Defects, strongest first",
        header=("x", "y", "plane", "kind", "certainty", "score", *told, "JPEG x, y"),
        rows=tuple(_defect_row(defect, followed=followed) for defect in ranked),
        right=frozenset({0, 1, 4, 5, 6, 8, 9} if followed else {0, 1, 4, 5, 6, 7}),
        note=f"{counted(hidden, 'weaker one')} not shown; --all shows every one." if hidden else "",
    )


def column_table(sensor_map: SensorMap) -> Table:
    """Return the column entries from left to right."""
    runs = [f"{column.y0} to {column.y1}" for column in sensor_map.columns]
    return _line_table(sensor_map.columns, ("column", "x", "rows"), [column.x for column in sensor_map.columns], runs)


def row_table(sensor_map: SensorMap) -> Table:
    """Return the row entries from top to bottom."""
    runs = [f"{row.x0} to {row.x1}" for row in sensor_map.rows]
    return _line_table(sensor_map.rows, ("row", "y", "columns"), [row.y for row in sensor_map.rows], runs)


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
        level of a stuck or dead one; ``?`` where the photos do not tell.

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
    return "varies" if defect.kind == DefectKind.NOISY else f"{_number(defect.mean)} DN"


def since_text(onset: Between | None) -> str:
    """Return since when, for all that the photos tell, a defect has been there.

    Examples
    --------
    >>> from datetime import datetime
    >>> since_text(Between(None, None)), since_text(Between(None, datetime(2010, 5, 9, 11, 2))), since_text(None)
    ('start', '<=2010-05-09', '?')
    """
    if onset is None or (onset.by is None and onset.after is not None):
        return _UNKNOWN
    if onset.by is None:
        return "start"
    # From the start perhaps, and not later than that day.
    return f"{'<=' if onset.after is None else ''}{onset.by.date().isoformat()}"


def _number(value: float, *, sign: str = "") -> str:
    """Write a number as exactly as a strength is known: two digits below 100, none after the point above."""
    digits = ".0f" if 99.5 <= abs(value) < 1e6 else ".2g"
    return f"{value + 0.0:{sign}{digits}}"


def _defect_row(defect: Defect, *, followed: bool) -> tuple[str, ...]:
    """Return one defect's cells."""
    jpeg = f"{defect.jpeg[0]}, {defect.jpeg[1]}" if defect.jpeg else "outside"
    seen = f"{defect.seen[0]}/{defect.seen[1]}" if defect.seen else _UNKNOWN
    told = (strength_text(defect), since_text(defect.onset), seen) if followed else (f"{defect.mean:.0f}",)
    numbers = (certainty(defect.confidence), f"{defect.score:.1f}", *told)
    return (str(defect.x), str(defect.y), defect.plane, str(defect.kind), *numbers, jpeg)


def _line_table(entries: Sequence[Column | Row], names: tuple[str, str, str], at: list[int], runs: list[str]) -> Table:
    """Return column or row entries; `names` are those of a line, of its place and of what it runs over."""
    dated = any(entry.onset is not None for entry in entries)
    noun, place, over = names
    return Table(
        title=counted(len(entries), f"defective {noun}"),
        header=(place, over, "planes", "kind", "certainty", "score", *(("since",) if dated else ())),
        rows=tuple(
            (
                *(str(line), run, entry.plane, str(entry.kind), certainty(entry.confidence), f"{entry.score:.1f}"),
                *((since_text(entry.onset),) if dated else ()),
            )
            for entry, line, run in zip(entries, at, runs, strict=True)
        ),
        right=frozenset({0, 1, 4, 5}),
    )
