"""Entries of several maps of one body as one list: which are the same, and what is then known of each.

Of entries that are the same, the one with the strongest evidence stands: one that was measured before one of a list
without photos, one of raw photos before one of JPEGs, one that was followed before one that was not, then by confidence
and score. The others add to it: the higher confidence, the photos in which it was seen, a narrower interval for its
birth. Every choice is made by what the entries say, so that the order of the maps does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sensormap.defects import Between, Column, Defect, Row, SensorMap
from sensormap.matching import Entry, Line, Lines, Places, weakness
from sensormap.merged_lines import unite

_MOST_SEEN = 10**18 - 1  # what a map file holds
_START = Between(None, None)

AnyEntry = TypeVar("AnyEntry", Defect, Column, Row)


def merge_lines(maps: Sequence[SensorMap]) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """Return the columns and the rows of all maps, those that overlap united.

    Parameters
    ----------
    maps
        Of one body.
    """
    first = _first(maps)
    columns = [(_dated(entry, one, first), i) for i, one in enumerate(maps) for entry in one.columns]
    rows = [(_dated(entry, one, first), i) for i, one in enumerate(maps) for entry in one.rows]
    return (
        tuple(_witnessed(line, members, first) for line, members in unite(columns)),
        tuple(_witnessed(line, members, first) for line, members in unite(rows)),
    )


def merge_defects(maps: Sequence[SensorMap], lines: Sequence[Line]) -> list[Defect]:
    """Return the single defects of all maps, sorted by (y, x).

    Parameters
    ----------
    maps
        Of one body.
    lines
        The columns and rows of the merged map: what lies in one of them is not listed again, nor is what JPEGs show
        beside one of raw photos.

    Raises
    ------
    ValueError
        If counts of photos are beyond what a map file holds.

    Notes
    -----
    The strongest entry takes the nearest of each other map that is the same defect (see `matching.reach`); around one
    of raw photos, whatever else JPEGs show within reach is its smear.
    """
    first = _first(maps)
    dated = [[_dated(defect, one, first) for defect in one.defects] for one in maps]
    pool = sorted(((defect, i) for i, defects in enumerate(dated) for defect in defects), key=lambda p: weakness(p[0]))
    places = [Places(defects) for defects in dated]
    taken: set[tuple[int, int, int]] = set()  # map, x, y
    exact = Lines(replace(line, radius=None) for line in lines)
    raw = Lines(line for line in lines if line.radius is None)
    merged = []
    for seed, own in pool:
        if (own, seed.x, seed.y) in taken:
            continue
        group = [(seed, own)]
        for i in set(range(len(maps))) - {own}:
            near = [one for one in places[i].near(seed) if (i, one.x, one.y) not in taken]
            same = near[:1] + [one for one in near[1:] if seed.radius is None and one.radius is not None]
            taken.update((i, one.x, one.y) for one in same)
            group += [(one, i) for one in same[:1]]
        if not exact.near(replace(seed, radius=None)) and not (seed.radius is not None and raw.near(seed)):
            merged.append(_joined(group, maps))
    return sorted(merged, key=lambda defect: (defect.y, defect.x))


def _first(maps: Sequence[SensorMap]) -> datetime | None:
    """Return the time of the very first photo."""
    return min((one.frames.first for one in maps if one.frames.first is not None), default=None)


def _dated(entry: AnyEntry, sensor_map: SensorMap, first: datetime | None) -> AnyEntry:
    """Return an entry born before its map's first photo with that date, where other maps have older photos."""
    own = sensor_map.frames.first
    late = own is not None and first is not None and own > first
    return replace(entry, onset=Between(None, own)) if late and entry.onset == _START else entry


def _joined(group: Sequence[tuple[Defect, int]], maps: Sequence[SensorMap]) -> Defect:
    """Return one defect that several maps list; the strongest entry stands first."""
    members = [defect for defect, _ in sorted(group, key=lambda member: weakness(member[0]))]
    base = _witnessed(group[0][0], members, _first(maps))
    # Whether it is gone, the last photos tell: those of the latest map that lists it.
    last = {i: maps[i].frames.last or datetime.min for _, i in group}
    latest = [defect for defect, i in group if last[i] == max(last.values())]
    until = min(latest, key=weakness).until
    counts = [defect.seen for defect in members if defect.seen is not None]
    seen = sum(count[0] for count in counts), sum(count[1] for count in counts)
    if seen[1] > _MOST_SEEN:
        msg = f"(x {base.x}, y {base.y}): seen: counts of photos above {_MOST_SEEN}"
        raise ValueError(msg)
    # An entry of raw photos that was not followed has no mean, and then no count either.
    countable = bool(counts) and (base.radius is not None or base.mean is not None)
    return replace(base, until=until, seen=seen if countable else None)


def _witnessed(base: AnyEntry, members: Sequence[Entry], first: datetime | None) -> AnyEntry:
    """Return the strongest entry with the certainty and the date of birth that all together give it."""
    measured = [member.confidence for member in members if member.score]
    onset = None
    for member in members:
        onset = member.onset if onset is None else _narrowed(onset, member.onset, first)
    return replace(base, confidence=max(measured, default=base.confidence), onset=onset)


def _narrowed(onset: Between, other: Between | None, first: datetime | None) -> Between:
    """Return the part that two intervals of a birth share; the first one if they contradict each other.

    Before the first photo (`_START`) is the interval that ends with it.
    """
    if other is None or onset == other:
        return onset
    pair = (onset, other)
    afters = [one.after for one in pair if one.after is not None]
    bys = [by for by in (first if one == _START else one.by for one in pair) if by is not None]
    after, by = max(afters, default=None), min(bys, default=None)
    if after is not None and by is not None and after >= by:
        return onset
    return _START if _START in pair else Between(after, by)
