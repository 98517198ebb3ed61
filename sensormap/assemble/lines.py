"""Columns and rows of a map: runs of listed defects, and lines that are bad as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sensormap.assemble.evidence import Clock
from sensormap.assemble.from_series import told_facts
from sensormap.camera.geometry import Sensor
from sensormap.detect.runs import FEWEST_IN_RUN, find_columns
from sensormap.diagnose.kind_and_strengths import FollowedLine
from sensormap.maps.entries import Column, Defect, DefectKind, Row, rounded
from sensormap.maps.matching import LINE_ENDS

MOST_CERTAIN = 0.99
"""Highest confidence of a line by itself: of true ones too few were counted for more."""

# A plane belongs to a run if it has a tenth of its members.
_LEAST_SHARE = 0.1


_OPPOSITE = {
    DefectKind.OVERRESPONSIVE: frozenset({DefectKind.WEAK, DefectKind.DEAD, DefectKind.COLD}),
    DefectKind.COLD: frozenset({DefectKind.HOT, DefectKind.OFFSET, DefectKind.OVERRESPONSIVE}),
}
"""Rare kinds, and the kinds of lines that make neighbours look like them."""


@dataclass(frozen=True)
class _LinePart:
    """Part of a raw column (row): its place, its ends along it, its planes, and the deviating line there if any."""

    axis: str
    place: int
    first: int
    last: int
    planes: tuple[str, ...]
    line: FollowedLine | None = None

    def holds(self, defect: Defect) -> bool:
        place, along = (defect.x, defect.y) if self.axis == "column" else (defect.y, defect.x)
        return place == self.place and self.first <= along <= self.last and defect.plane in self.planes

    def meets(self, other: _LinePart) -> bool:
        same = (self.axis, self.place) == (other.axis, other.place) and bool({*self.planes} & {*other.planes})
        return same and self.first <= other.last and other.first <= self.last


def make_lines(
    defects: Sequence[Defect], lines: Sequence[FollowedLine], sensor: Sensor, clock: Clock
) -> tuple[tuple[Column, ...], tuple[Row, ...], tuple[Defect, ...]]:
    """Return the columns, the rows, and the defects that neither covers.

    Parameters
    ----------
    defects
        All defects that are listed, sorted by (y, x).
    lines
        Lines that deviate as a whole, and what their series say.
    sensor
        Geometry.
    clock
        Capture times of the followed frames.
    """
    parts: list[_LinePart] = []
    runs = *_runs("column", defects, sensor), *_runs("row", defects, sensor)
    for one in (*runs, *(_of_line(line, sensor) for line in lines)):
        parts = _added(parts, one)
    entries = [(one, [defect for defect in defects if one.holds(defect)]) for one in parts]
    columns = [Column(*_place(one), **_facts(one, held, clock)) for one, held in entries if one.axis == "column"]
    rows = [Row(*_place(one), **_facts(one, held, clock)) for one, held in entries if one.axis == "row"]
    covered = {(defect.x, defect.y) for _, members in entries for defect in members}
    alone = tuple(defect for defect in defects if (defect.x, defect.y) not in covered)
    columns.sort(key=lambda entry: (entry.x, entry.y0))
    rows.sort(key=lambda entry: (entry.y, entry.x0))
    alone = tuple(defect for defect in alone if not _made_by_line(defect, columns, rows, sensor.cfa.beside))
    return tuple(columns), tuple(rows), alone


def _made_by_line(defect: Defect, columns: Sequence[Column], rows: Sequence[Row], beside: Collection[int]) -> bool:
    """Tell whether a line beside a photosite makes it seem to deviate the other way.

    Three of its eight neighbours lie on the line: beside a dark one, their median is too low.
    """
    opposite, far = _OPPOSITE.get(defect.kind, frozenset()), max(beside)
    places = [
        *((one.kind, one.x, one.y0, one.y1, defect.x, defect.y) for one in columns),
        *((one.kind, one.y, one.x0, one.x1, defect.y, defect.x) for one in rows),
    ]
    return any(
        kind in opposite and abs(across - place) in beside and first - far <= along <= last + far
        for kind, place, first, last, across, along in places
    )


def _runs(axis: str, defects: Sequence[Defect], sensor: Sensor) -> list[_LinePart]:
    """Return the runs of defects along columns (rows)."""
    x = np.array([defect.x for defect in defects], np.int32)
    y = np.array([defect.y for defect in defects], np.int32)
    along, place = (y, x) if axis == "column" else (x, y)
    found = []
    for run in find_columns(along, place):
        planes = Counter(defects[i].plane for i in run.members)
        named = sorted(plane for plane, count in planes.items() if count >= _LEAST_SHARE * run.members.size)
        ends = [int(along[i]) for i in run.members if defects[i].plane in named]
        if sensor.cfa.is_xtrans:  # its classes follow each other in no order: a line has all of them
            named = sorted((Column if axis == "column" else Row).crossed(run.col, sensor.cfa))
        found.append(_LinePart(axis, run.col, ends[0], ends[-1], tuple(named)))
    return found


def _of_line(followed: FollowedLine, sensor: Sensor) -> _LinePart:
    """Return a line of the active area on the raw grid."""
    area, line = sensor.active_area, followed.line
    across, along = (area.x, area.y) if line.axis == "column" else (area.y, area.x)
    place, first, last = line.place + across, line.first + along, line.last + along
    step = sensor.cfa.step
    planes = set()
    for phase in line.phases:
        x, y = (place, phase + along) if line.axis == "column" else (phase + along, place)
        planes.add(sensor.cfa.plane_name(x=x % step, y=y % step))
    return _LinePart(line.axis, place, first, last, tuple(sorted(planes)), followed)


def _added(parts: list[_LinePart], new: _LinePart) -> list[_LinePart]:
    """Return parts of lines with one more, united with those that it meets."""
    met = next((one for one in parts if one.meets(new)), None)
    if met is None:
        return [*parts, new]
    # The defects of a run tell its ends exactly; a line is longer than the run only if its ends lie well beyond them.
    first = new.first if new.first < met.first - LINE_ENDS or met.line else met.first
    last = new.last if new.last > met.last + LINE_ENDS or met.line else met.last
    planes = tuple(sorted({*met.planes, *new.planes}))
    united = replace(new, first=min(first, met.first), last=max(last, met.last), planes=planes)
    # With more planes, or longer, it may meet what neither of the two met.
    return _added([one for one in parts if one is not met], united)


def _place(one: _LinePart) -> tuple[int, int, int, str]:
    return one.place, one.first, one.last, "+".join(one.planes)


def _facts(one: _LinePart, members: Sequence[Defect], clock: Clock) -> dict[str, Any]:
    """Return the rest of an entry: what its series says, else what most of its members do, else what its sign says."""
    line = one.line
    diagnosis = None if line is None else line.diagnosis
    # As many members as make a run tell a line's kind: a single one may lie in it by chance.
    if line is None or (diagnosis is None and len(members) >= FEWEST_IN_RUN):
        return {
            "kind": Counter(member.kind for member in members).most_common(1)[0][0],
            "confidence": rounded(float(np.median([member.confidence for member in members]))),
            "score": rounded(float(np.median([member.score for member in members])), digits=4),
            "defects": len(members),
            "onset": Counter(member.onset for member in members).most_common(1)[0][0],
        }
    by_members = [member.confidence for member in members] if len(members) >= FEWEST_IN_RUN else [0.0]
    confidence = max(min(line.confidence, MOST_CERTAIN), float(np.median(by_members)))
    if diagnosis is None:
        kind = DefectKind.WEAK if line.line.effect < 0 else DefectKind.OFFSET
        score = rounded(line.line.score, digits=4)
        return {"kind": kind, "confidence": confidence, "score": score, "defects": len(members)}
    return {
        "confidence": rounded(confidence, digits=4),
        "score": rounded(diagnosis.score, digits=4),
        "defects": len(members),
        **told_facts(diagnosis, clock),
    }
