"""Which entries of two maps are the same defect, and whether the maps are of one sensor at all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product

from sensormap.camera.geometry import rect_text
from sensormap.maps.entries import Column, Defect, Entry, LineEntry, Row, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import SMEAR

LINE_ENDS = 16
"""Photosites: the ends of a line are good to a few, and ends further apart than this are different ones."""


def mismatch(one: SensorMap, other: SensorMap) -> tuple[str, str] | None:
    """Say what of one map shows that the two are not of one body on one grid; None if nothing does.

    Parameters
    ----------
    one, other
        The maps. A serial number that one of them does not know is no difference. The active area is compared where
        both saw it: not that of JPEGs, which show their crop, nor that of a list without photos.

    Returns
    -------
    tuple of str
        What `one` says, and what `other` does.
    """
    if _body(one, other) != _body(other, one):
        return f"of {one.body}"[:200], f"of {other.body}"[:200]
    if one.sensor.is_jpeg_grid != other.sensor.is_jpeg_grid:
        words = {True: "on the pixels of a JPEG", False: "on the raw grid"}
        return words[one.sensor.is_jpeg_grid], words[other.sensor.is_jpeg_grid]
    pairs: dict[str, tuple[object, object]] = {
        "raw size": (list(one.sensor.raw_size), list(other.sensor.raw_size)),
        "filters": (one.sensor.cfa.name, other.sensor.cfa.name),
    }
    if _saw_active_area(one) and _saw_active_area(other):
        pairs["active area"] = rect_text(one.sensor.active_area), rect_text(other.sensor.active_area)
    if Source.RAW not in (one.source, other.source):  # where a JPEG's pixel lies on the raw grid, its crop says
        pairs["JPEG crop"] = rect_text(one.sensor.jpeg_crop), rect_text(other.sensor.jpeg_crop)
    for name, (found, expected) in pairs.items():
        if found != expected:
            return f"of {name} {found}", f"of {name} {expected}"
    return None


def reach(radius: int | None, other: int | None) -> int:
    """Return how far apart in x or y, in photosites, two entries of these radii may be and yet be the same defect.

    Examples
    --------
    >>> reach(None, None), reach(1, 4), reach(None, 1)
    (0, 4, 3)
    """
    if radius is None and other is None:
        return 0
    known = [one for one in (radius, other) if one is not None]
    return max(known) if len(known) == 2 else max(SMEAR, *known)


def weakness(entry: Entry) -> tuple[bool, bool, bool, float, float, str]:
    """Return what sorts entries by evidence, the strongest first, whatever order they come in.

    Measured (an entry of a list without photos has score 0); of raw photos; followed; confidence; score.
    """
    unfollowed = getattr(entry, "seen", None) is None
    return not entry.score, entry.radius is not None, unfollowed, -entry.confidence, -abs(entry.score), repr(entry)


class DefectIndex:
    """The single defects of a map, found by place.

    Parameters
    ----------
    defects
        Each place once.
    """

    def __init__(self, defects: Iterable[Defect]) -> None:
        self._at = {(defect.x, defect.y): defect for defect in defects}
        self._radii = {defect.radius for defect in self._at.values()}

    def near(self, entry: Defect) -> Iterator[Defect]:
        """Yield the defects that may be the same as `entry`, nearest first."""
        widest = max((reach(entry.radius, radius) for radius in self._radii), default=0)
        for away, i, j in _offsets(widest):
            found = self._at.get((entry.x + i, entry.y + j))
            if found is not None and away <= reach(entry.radius, found.radius):
                yield found


class LineIndex:
    """The columns and rows of a map, found by place: none of a plane overlaps another.

    Parameters
    ----------
    lines
        Columns and rows.
    """

    def __init__(self, lines: Iterable[LineEntry]) -> None:
        self._runs: dict[tuple[type[LineEntry], int], dict[str, tuple[list[int], list[LineEntry]]]] = {}
        self._radii: set[int | None] = set()
        for line in sorted(lines, key=lambda line: (line.place, line.first, line.last)):
            self._radii.add(line.radius)
            for plane in line.plane.split("+"):
                starts, runs = self._runs.setdefault((type(line), line.place), {}).setdefault(plane, ([], []))
                starts.append(line.first)
                runs.append(line)

    def near(self, entry: Entry) -> list[LineEntry]:
        """Return the lines that may hold `entry`, a defect, or be the same as it, a line; nearest first.

        Where all is from raw photos they share a photosite with it.
        """
        widest = max((reach(entry.radius, radius) for radius in self._radii), default=0)
        found: dict[LineEntry, None] = {}
        for away, (kind, place, first, last) in product(range(widest + 1), _spans(entry)):
            for at in {place - away, place + away}:
                for plane, (starts, runs) in self._runs.get((kind, at), {}).items():
                    for i in range(bisect_right(starts, last + widest) - 1, -1, -1):
                        line = runs[i]
                        if line.last < first - widest:
                            break  # those before it end still earlier
                        slack = reach(entry.radius, line.radius)
                        meets = line.first - slack <= last and first <= line.last + slack and away <= slack
                        if meets and (slack or plane in entry.plane.split("+")):
                            found[line] = None
        return list(found)


def _spans(entry: Entry) -> list[tuple[type[LineEntry], int, int, int]]:
    """Return an entry's place and ends, for a defect those of the column and of the row that it alone would be."""
    if isinstance(entry, Defect):
        return [(Column, entry.x, entry.y, entry.y), (Row, entry.y, entry.x, entry.x)]
    return [(type(entry), entry.place, entry.first, entry.last)]


@cache
def _offsets(widest: int) -> tuple[tuple[int, int, int], ...]:
    """Return the steps to all places within so many photosites in x and y, nearest first, each with its distance."""
    steps = product(range(-widest, widest + 1), repeat=2)
    return tuple((max(abs(i), abs(j)), i, j) for i, j in sorted(steps, key=lambda s: (s[0] ** 2 + s[1] ** 2, s[::-1])))


def _body(one: SensorMap, other: SensorMap) -> tuple[str, str, str]:
    """Return a body as far as the other map knows its own."""
    return one.body.make, one.body.model, one.body.serial if other.body.serial else ""


def _saw_active_area(sensor_map: SensorMap) -> bool:
    return sensor_map.source != Source.JPEG and sensor_map.frames.used > 0
