"""Columns, or rows, of several maps as one list: those that overlap become one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sensormap.defects import Column, Row
from sensormap.entry_consistency import MAX_RADIUS
from sensormap.matching import Line, reach, span, weakness

AnyLine = TypeVar("AnyLine", Column, Row)


@dataclass(frozen=True)
class _Stretch:
    """Part of a raw column (row), the lines that it is united from, and the numbers of their maps."""

    place: int
    first: int
    last: int
    planes: frozenset[str]
    radius: int | None
    members: tuple[Line, ...]
    maps: frozenset[int]

    def overlaps(self, other: _Stretch) -> bool:
        return self.first <= other.last and other.first <= self.last

    def shares(self, other: _Stretch) -> bool:
        """Tell whether two have a photosite in common."""
        return self.place == other.place and self.overlaps(other) and not self.planes.isdisjoint(other.planes)

    def is_beside(self, other: _Stretch) -> bool:
        """Tell whether two are the same line, one of them at least seen in JPEGs; what one map has as two are two."""
        slack = reach(self.radius, other.radius)
        near = slack > 0 and abs(self.place - other.place) <= slack
        return near and self.overlaps(other) and self.maps.isdisjoint(other.maps)


def unite(lines: Iterable[tuple[AnyLine, int]]) -> list[tuple[AnyLine, tuple[Line, ...]]]:
    """Return lines that have no photosite in common, sorted by place and start, each with those that it stands for.

    Parameters
    ----------
    lines
        All columns, or all rows, each with the number of its map.

    Returns
    -------
    list of pairs
        A line as the strongest of its members, strongest first, with the ends and planes of all that share photosites.

    Notes
    -----
    Lines of raw photos, and likewise lines of JPEGs, that share a photosite are united; that may make them meet others,
    so it is repeated until none do. Then a line of JPEGs that lies within reach of a stronger one of another map is
    taken for that one, which stays as it is.
    """
    buckets: dict[tuple[int, bool], list[_Stretch]] = defaultdict(list)
    for line, number in lines:
        _, place, first, last = span(line)
        planes = frozenset(line.plane.split("+"))
        new = _Stretch(place, first, last, planes, line.radius, (line,), frozenset({number}))
        bucket = buckets[place, line.radius is None]
        bucket[:] = _added(bucket, new)
    united = sorted((one for bucket in buckets.values() for one in bucket), key=lambda one: weakness(one.members[0]))
    kept: dict[int, list[_Stretch]] = defaultdict(list)
    for one in united:
        near = [other for at in range(one.place - MAX_RADIUS, one.place + MAX_RADIUS + 1) for other in kept.get(at, ())]
        host = next((other for other in near if other.shares(one) or other.is_beside(one)), None)
        if host is None:
            kept[one.place].append(one)
        else:
            peers = kept[host.place]
            peers[peers.index(host)] = replace(host, members=host.members + one.members, maps=host.maps | one.maps)
    found = [(_line(one), one.members) for stretches in kept.values() for one in stretches]
    return sorted(found, key=lambda pair: (span(pair[0])[1:], pair[0].plane))


def _added(bucket: Sequence[_Stretch], new: _Stretch) -> list[_Stretch]:
    """Return stretches at one place with one more, united with those that it meets."""
    apart = list(bucket)
    while met := next((one for one in apart if one.shares(new)), None):
        apart.remove(met)
        members = tuple(sorted((*met.members, *new.members), key=weakness))
        new = _Stretch(
            new.place,
            min(met.first, new.first),
            max(met.last, new.last),
            met.planes | new.planes,
            members[0].radius,
            members,
            met.maps | new.maps,
        )
    return [*apart, new]


def _line(one: _Stretch) -> Any:
    """Return a stretch as its strongest member, of its own extent."""
    base = one.members[0]
    planes = base.plane if one.planes == {*base.plane.split("+")} else "+".join(sorted(one.planes))
    defects = max(member.defects for member in one.members)
    if isinstance(base, Column):
        return replace(base, y0=one.first, y1=one.last, plane=planes, defects=defects)
    return replace(base, x0=one.first, x1=one.last, plane=planes, defects=defects)
