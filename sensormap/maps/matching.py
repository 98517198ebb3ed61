"""Which entries of two maps are the same defect, and whether the maps are of one sensor at all."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product

from sensormap.camera.geometry import Rect
from sensormap.maps.checks import COLUMNS, ROWS, Axis
from sensormap.maps.entries import Column, Defect, Row, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import SMEAR

Entry = Defect | Column | Row
Line = Column | Row


def mismatch(one: SensorMap, other: SensorMap) -> tuple[str, str] | None:
    """Say what of one map shows that the two are not of one body on one grid; None if nothing does.

    Parameters
    ----------
    one, other
        Any. A serial number that one of them does not know is no difference. The active area is compared where both
        saw it: not that of JPEGs, which show their crop, nor that of a list without photos.

    Returns
    -------
    tuple of str
        What `one` says, and what `other` does.
    """
    if _body(one, other) != _body(other, one):
        return f"of {one.body}"[:200], f"of {other.body}"[:200]
    if one.sensor.is_picture != other.sensor.is_picture:
        words = {True: "on the pixels of a JPEG", False: "on the raw grid"}
        return words[one.sensor.is_picture], words[other.sensor.is_picture]
    pairs: dict[str, tuple[object, object]] = {
        "raw size": (list(one.sensor.raw_size), list(other.sensor.raw_size)),
        "filters": (one.sensor.cfa.name, other.sensor.cfa.name),
    }
    if _saw_active_area(one) and _saw_active_area(other):
        pairs["active area"] = _listed(one.sensor.active_area), _listed(other.sensor.active_area)
    if Source.RAW not in (one.source, other.source):  # where a JPEG's pixel lies on the raw grid, its crop says
        pairs["JPEG crop"] = _listed(one.sensor.jpeg_crop), _listed(other.sensor.jpeg_crop)
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


class Places:
    """The single defects of a map, by place.

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


class Lines:
    """The columns and rows of a map, by place: none of a plane overlaps another.

    Parameters
    ----------
    lines
        Columns and rows.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._runs: dict[tuple[Axis, int], dict[str, tuple[list[int], list[Line]]]] = {}
        self._radii: set[int | None] = set()
        for line in sorted(lines, key=lambda line: span(line)[1:]):
            axis, place, first, _ = span(line)
            self._radii.add(line.radius)
            for plane in line.plane.split("+"):
                starts, runs = self._runs.setdefault((axis, place), {}).setdefault(plane, ([], []))
                starts.append(first)
                runs.append(line)

    def near(self, entry: Entry) -> list[Line]:
        """Return the lines that may hold `entry`, a defect, or be the same as it, a line; nearest first.

        Where all is from raw photos they share a photosite with it.
        """
        widest = max((reach(entry.radius, radius) for radius in self._radii), default=0)
        spans = [span(entry)] if not isinstance(entry, Defect) else _spans(entry)
        found: dict[Line, None] = {}
        for away, (axis, place, first, last) in product(range(widest + 1), spans):
            for at in {place - away, place + away}:
                for plane, (starts, runs) in self._runs.get((axis, at), {}).items():
                    for i in range(bisect_right(starts, last + widest) - 1, -1, -1):
                        line = runs[i]
                        _, _, start, end = span(line)
                        if end < first - widest:
                            break  # those before it end still earlier
                        slack = reach(entry.radius, line.radius)
                        meets = start - slack <= last and first <= end + slack and away <= slack
                        if meets and (slack or plane in entry.plane.split("+")):
                            found[line] = None
        return list(found)


def span(line: Line) -> tuple[Axis, int, int, int]:
    """Return whether a line is a column or a row, its place, and its ends, both inclusive."""
    axis = COLUMNS if isinstance(line, Column) else ROWS
    return axis, *axis.of(line)


def _spans(defect: Defect) -> list[tuple[Axis, int, int, int]]:
    """Return a defect as a column and as a row of one photosite."""
    return [(COLUMNS, defect.x, defect.y, defect.y), (ROWS, defect.y, defect.x, defect.x)]


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


def _listed(rect: Rect | None) -> str:
    return "null" if rect is None else f"[{rect.x}, {rect.y}, {rect.width}, {rect.height}]"
