"""Entries of several maps of one body as one list: which are the same, and what is then known of each.

Of entries that are the same, the one with the strongest evidence stands: one that was measured before one of a list
without photos, one of raw photos before one of JPEGs, one that was followed before one that was not, then by confidence
and score. The others add to it: the higher confidence, the photos in which it was seen, a narrower interval for its
birth. Every choice is made by what the entries say, so that the order of the maps does not matter. Of columns, or rows,
those that overlap become one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from sensormap.maps.changes.drop_unseen import last_seen
from sensormap.maps.checks import MAX_RADIUS
from sensormap.maps.entries import Between, Column, Defect, Entry, LineEntry, Row
from sensormap.maps.matching import DefectIndex, LineIndex, reach, weakness
from sensormap.maps.sensor_map import SensorMap

MAX_COUNT = 10**18 - 1
"""Photos; a map file has room for 18 digits of a count, and no camera takes so many."""

_START = Between(None, None)

AnyLine = TypeVar("AnyLine", bound=LineEntry)
AnyEntry = TypeVar("AnyEntry", bound=Entry)


@dataclass(frozen=True)
class _UnitedLine(Generic[AnyLine]):
    """Part of a raw column (row), the lines that it is united from, and the numbers of their maps."""

    place: int
    first: int
    last: int
    planes: frozenset[str]
    radius: int | None
    members: tuple[AnyLine, ...]
    maps: frozenset[int]

    def overlaps(self, other: _UnitedLine[AnyLine]) -> bool:
        return self.first <= other.last and other.first <= self.last

    def shares(self, other: _UnitedLine[AnyLine]) -> bool:
        """Tell whether two have a photosite in common."""
        return self.place == other.place and self.overlaps(other) and not self.planes.isdisjoint(other.planes)

    def is_beside(self, other: _UnitedLine[AnyLine]) -> bool:
        """Tell whether two are the same line, one of them at least seen in JPEGs; what one map has as two are two."""
        slack = reach(self.radius, other.radius)
        near = slack > 0 and abs(self.place - other.place) <= slack
        return near and self.overlaps(other) and self.maps.isdisjoint(other.maps)


def unite(lines: Iterable[tuple[AnyLine, int]]) -> list[tuple[AnyLine, tuple[AnyLine, ...]]]:
    """Return lines that have no photosite in common, sorted by place and start, each with those that it stands for.

    Parameters
    ----------
    lines
        Columns, or rows, of all maps, each with the number of its map.

    Returns
    -------
    list of pairs
        A line as the strongest of its members, strongest first, with the ends and planes of all that share photosites.

    Notes
    -----
    Lines of raw photos, and likewise lines of JPEGs, that share a photosite are united; that may make them meet others,
    so it is repeated until none do. Then a line of JPEGs that lies within reach of a stronger one of another map is
    taken for that one, which stays as it is; around one of raw photos so are all lines of JPEGs within reach.
    """
    buckets: dict[tuple[int, bool], list[_UnitedLine[AnyLine]]] = defaultdict(list)
    for line, number in lines:
        planes = frozenset(line.plane.split("+"))
        new = _UnitedLine(line.place, line.first, line.last, planes, line.radius, (line,), frozenset({number}))
        bucket = buckets[line.place, line.radius is None]
        bucket[:] = _added(bucket, new)
    united = sorted((one for bucket in buckets.values() for one in bucket), key=lambda one: weakness(one.members[0]))
    kept: dict[int, list[_UnitedLine[AnyLine]]] = defaultdict(list)
    for one in united:
        near = [other for at in range(one.place - MAX_RADIUS, one.place + MAX_RADIUS + 1) for other in kept.get(at, ())]
        host = next((other for other in near if other.shares(one) or other.is_beside(one)), None)
        if host is None:
            kept[one.place].append(one)
        else:
            peers = kept[host.place]
            # All that JPEGs show around a line of raw photos is its smear; two JPEG entries of one map stay two.
            seen = host.maps if host.radius is None else host.maps | one.maps
            peers[peers.index(host)] = replace(host, members=host.members + one.members, maps=seen)
    found = [(_line(one), one.members) for united in kept.values() for one in united]
    return sorted(found, key=lambda pair: (pair[0].place, pair[0].first, pair[0].last, pair[0].plane))


def _added(bucket: Sequence[_UnitedLine[AnyLine]], new: _UnitedLine[AnyLine]) -> list[_UnitedLine[AnyLine]]:
    """Return the lines at one place with one more, united with those that it meets."""
    apart = list(bucket)
    while met := next((one for one in apart if one.shares(new)), None):
        apart.remove(met)
        members = tuple(sorted((*met.members, *new.members), key=weakness))
        new = _UnitedLine(
            new.place,
            min(met.first, new.first),
            max(met.last, new.last),
            met.planes | new.planes,
            members[0].radius,
            members,
            met.maps | new.maps,
        )
    return [*apart, new]


def _line(one: _UnitedLine[AnyLine]) -> AnyLine:
    """Return the strongest member, with the ends and planes of all."""
    base = one.members[0]
    planes = base.plane if one.planes == {*base.plane.split("+")} else "+".join(sorted(one.planes))
    return replace(
        base.resized(one.first, one.last), plane=planes, defects=max(member.defects for member in one.members)
    )


def merge_lines(maps: Sequence[SensorMap]) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """Return the columns and the rows of all maps, those that overlap united.

    Parameters
    ----------
    maps
        Maps of one body.
    """
    return _merged_lines([one.columns for one in maps], maps), _merged_lines([one.rows for one in maps], maps)


def _merged_lines(lines: Sequence[Sequence[AnyLine]], maps: Sequence[SensorMap]) -> tuple[AnyLine, ...]:
    """Return the columns, or the rows, of all maps; `lines` has those of each."""
    first = _first(maps)
    numbered = [(_dated(line, one, first), i) for i, one in enumerate(maps) for line in lines[i]]
    map_of = {id(line): maps[i] for line, i in numbered}
    found = []
    for line, members in unite(numbered):
        joint = _with_joint_evidence(line, members, first)
        found.append(_with_history(joint, [(member, map_of[id(member)]) for member in members]))
    return tuple(found)


def merge_defects(maps: Sequence[SensorMap], lines: Sequence[LineEntry]) -> list[Defect]:
    """Return the single defects of all maps, sorted by (y, x).

    Parameters
    ----------
    maps
        Maps of one body.
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
    places = [DefectIndex(defects) for defects in dated]
    taken: set[tuple[int, int, int]] = set()  # map, x, y
    exact = LineIndex(replace(line, radius=None) for line in lines)
    raw = LineIndex(line for line in lines if line.radius is None)
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
    """Return an entry that appeared before its map's first photo with that date, where other maps have older photos."""
    own = sensor_map.frames.first
    late = own is not None and first is not None and own > first
    return replace(entry, onset=Between(None, own)) if late and entry.onset == _START else entry


def _joined(group: Sequence[tuple[Defect, int]], maps: Sequence[SensorMap]) -> Defect:
    """Return one defect that several maps list; the strongest entry stands first."""
    members = [defect for defect, _ in sorted(group, key=lambda member: weakness(member[0]))]
    base = _with_joint_evidence(group[0][0], members, _first(maps))
    base = _with_history(base, [(defect, maps[i]) for defect, i in group])
    # An entry of raw photos that was not followed has no mean, and then no count either.
    countable = base.radius is not None or base.mean is not None
    return base if countable else replace(base, seen=None)


def _with_history(base: AnyEntry, members: Sequence[tuple[Entry, SensorMap]]) -> AnyEntry:
    """Return an entry with what all together, each of its map, tell of its end and of the photos that show it."""
    # Whether it is gone, the last photos tell: those of the latest map that lists it.
    last = max(one.frames.last or datetime.min for _, one in members)
    latest = [entry for entry, one in members if (one.frames.last or datetime.min) == last]
    counts = [entry.seen for entry, _ in members if entry.seen is not None]
    seen = sum(count[0] for count in counts), sum(count[1] for count in counts)
    if seen[1] > MAX_COUNT:
        place = f"x {base.x}, y {base.y}" if isinstance(base, Defect) else f"{base.noun} {base.place}"
        msg = f"({place}): seen: counts of photos above {MAX_COUNT}"
        raise ValueError(msg)
    times = [last_seen(entry, one) for entry, one in members]
    told = any(entry.last_seen is not None for entry, _ in members)
    return replace(
        base,
        until=min(latest, key=weakness).until,
        seen=seen if counts else None,
        last_seen=max((time for time in times if time is not None), default=None) if told else None,
    )


def _with_joint_evidence(base: AnyEntry, members: Sequence[Entry], first: datetime | None) -> AnyEntry:
    """Return the strongest entry with the certainty and the onset that all together give it."""
    measured = [member.confidence for member in members if member.score]
    onset = None
    for member in members:
        onset = member.onset if onset is None else _narrowed(onset, member.onset, first)
    return replace(base, confidence=max(measured, default=base.confidence), onset=onset)


def _narrowed(onset: Between, other: Between | None, first: datetime | None) -> Between:
    """Return the part that two intervals of an onset share; the first one if they contradict each other.

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
