"""Two maps of one body into one: what raw photos show, and what only JPEGs of other shots do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sensormap.camera.cfa import Cfa
from sensormap.maps.entries import Between, Column, Defect, FrameSummary, Row, Source, rounded
from sensormap.maps.sensor_map import SensorMap

# Pixels from a raw entry within which a JPEG's entry is the same defect: its smear, and its radius.
_SAME = 3

_START = Between(None, None)

Entry = TypeVar("Entry", Defect, Column, Row)
Line = TypeVar("Line", Column, Row)
T = TypeVar("T", int, float)


def combine(raw: SensorMap, pictures: SensorMap) -> SensorMap:
    """Return the raw map with the entries that only the JPEGs' map has.

    Parameters
    ----------
    raw, pictures
        Maps of one body on one grid, from raw photos and from JPEGs of other shots.

    Notes
    -----
    An entry of the JPEGs is taken for one of the raw photos if it lies within 3 pixels of it; that of the raw photos
    then has the higher confidence of the two and, where it was there from the first raw photo on, the birth that older
    JPEGs tell. A column or row that only the JPEGs show takes the single defects in it out of the list.
    """
    first = min((time for time in (raw.frames.first, pictures.frames.first) if time), default=None)
    jpegs_first = first is not None and raw.frames.first != first
    raw, pictures = _since(raw, first), _since(pictures, first)
    columns = _united(raw.columns, pictures.columns)
    rows = _united(raw.rows, pictures.rows)
    covered = _photosites((*columns, *rows), raw.sensor.cfa)
    known = _photosites((*raw.columns, *raw.rows), raw.sensor.cfa) | {(defect.x, defect.y) for defect in raw.defects}
    added = [defect for defect in pictures.defects if not _near(defect, known)]
    seen_twice = [_witnessed(defect, pictures.defects, jpegs_first=jpegs_first) for defect in raw.defects]
    defects = [defect for defect in (*seen_twice, *added) if (defect.x, defect.y) not in covered]
    expected = (raw.false_positives, pictures.false_positives)
    skipped = sorted({*raw.skipped, *pictures.skipped})
    return replace(
        raw,
        frames=_both(raw.frames, pictures.frames, skipped=len(skipped)),
        skipped=tuple(skipped),
        settings={**pictures.settings, **raw.settings},
        columns=tuple(sorted(columns, key=lambda column: (column.x, column.y0))),
        rows=tuple(sorted(rows, key=lambda row: (row.y, row.x0))),
        defects=tuple(sorted(defects, key=lambda defect: (defect.y, defect.x))),
        false_positives=None if None in expected else rounded(sum(one or 0 for one in expected), digits=2),
        source=Source.BOTH,
    )


def _since(sensor_map: SensorMap, first: datetime | None) -> SensorMap:
    """Return a map whose births before its own first photo are dated by that, where there are older photos."""
    own = sensor_map.frames.first
    if own is None or first is None or own <= first:
        return sensor_map
    late = Between(None, own)

    def dated(entry: Entry) -> Entry:
        return replace(entry, onset=late) if entry.onset == _START else entry

    return replace(
        sensor_map,
        defects=tuple(dated(defect) for defect in sensor_map.defects),
        columns=tuple(dated(column) for column in sensor_map.columns),
        rows=tuple(dated(row) for row in sensor_map.rows),
    )


def _witnessed(defect: Defect, others: Sequence[Defect], *, jpegs_first: bool) -> Defect:
    """Return a raw entry with what the JPEGs' entry of the same defect adds."""
    near = [other for other in others if max(abs(other.x - defect.x), abs(other.y - defect.y)) <= _SAME]
    if not near:
        return defect
    other = min(near, key=lambda one: (abs(one.x - defect.x) + abs(one.y - defect.y), one.y, one.x))
    confidence = max(defect.confidence, other.confidence)
    # There from the first raw photo on, perhaps: only older photos tell since when.
    from_start = defect.onset is not None and defect.onset.after is None
    onset = other.onset if jpegs_first and from_start and _agree(other.onset, defect.onset) else defect.onset
    return replace(defect, confidence=confidence, onset=onset)


def _agree(older: Between | None, onset: Between | None) -> bool:
    """Tell whether a birth that older photos tell is no later than that of the raw ones allows."""
    if older is None or onset is None:
        return False
    return older.by is None or onset.by is None or older.by <= onset.by


def _near(defect: Defect, known: set[tuple[int, int]]) -> bool:
    """Tell whether a defect is one of those known."""
    reach = range(-_SAME, _SAME + 1)
    return any((defect.x + i, defect.y + j) in known for i in reach for j in reach)


def _united(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """Return lines, and those others that lie beside none of them."""
    return list(lines) + [other for other in others if not any(_beside(line, other) for line in lines)]


def _beside(one: Column | Row, other: Column | Row) -> bool:
    """Tell whether two columns, or two rows, are one."""
    (place, first, last), (other_place, other_first, other_last) = (
        (line.x, line.y0, line.y1) if isinstance(line, Column) else (line.y, line.x0, line.x1) for line in (one, other)
    )
    return abs(place - other_place) <= _SAME and first <= other_last and other_first <= last


def _photosites(lines: Sequence[Column | Row], cfa: Cfa) -> set[tuple[int, int]]:
    return {photosite for line in lines for photosite in line.photosites(cfa)}


def _both(one: FrameSummary, other: FrameSummary, *, skipped: int) -> FrameSummary:
    """Return the summary of two sets of frames."""
    times = [time for time in (one.first, one.last, other.first, other.last) if time is not None]
    return FrameSummary(
        used=one.used + other.used,
        skipped=skipped,
        first=min(times, default=None),
        last=max(times, default=None),
        shutter_s=_span(one.shutter_s, other.shutter_s),
        iso=_span(one.iso, other.iso),
        digest=hashlib.sha256((one.digest + other.digest).encode()).hexdigest(),
        repeated=one.repeated + other.repeated,
        filtered=one.filtered + other.filtered,
        followed=one.followed + other.followed,
        clock_jumps=one.clock_jumps + other.clock_jumps,
        jpegs=one.jpegs + other.jpegs,
    )


def _span(one: tuple[T, T] | None, other: tuple[T, T] | None) -> tuple[T, T] | None:
    """Return the bounds that hold both."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
