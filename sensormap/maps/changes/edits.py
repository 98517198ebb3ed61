"""What people decided of single photosites by hand: a map keeps it beside its entries, and must agree with it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sensormap.camera.geometry import Sensor
from sensormap.maps.entries import Column, Defect, DefectKind, LineEntry, Row

MOST_EDITS = 20_000
"""Of one map; whoever has more has no list made by hand."""
LONGEST_NOTE = 200
"""Characters."""


class EditAction(StrEnum):
    """What was decided of a photosite."""

    ADD = "add"
    """Always list it."""
    REMOVE = "remove"
    """Never list it."""


@dataclass(frozen=True)
class Edit:
    """One photosite of which people decided by hand whether a map lists it.

    Parameters
    ----------
    x, y
        Raw-grid position, 0-based.
    edit
        The decision.
    kind
        Kind of one that is added; None leaves it to the photos, and is `hot` where they tell nothing.
    note
        Why, in a line of at most `LONGEST_NOTE` characters; "" for none.
    """

    x: int
    y: int
    edit: EditAction
    kind: DefectKind | None = None
    note: str = ""


class LinePlaces:
    """The photosites that columns and rows cover, found by place.

    Parameters
    ----------
    lines
        Columns and rows, those of a plane on one line without overlap.
    """

    def __init__(self, lines: Iterable[LineEntry]) -> None:
        self._runs: dict[tuple[type[LineEntry], int, str], list[tuple[int, int]]] = defaultdict(list)
        for line in lines:
            for plane in line.plane.split("+"):
                self._runs[type(line), line.place, plane].append((line.first, line.last))
        for runs in self._runs.values():
            runs.sort()

    def cover(self, x: int, y: int, plane: str) -> bool:
        """Tell whether a line covers the photosite at (x, y), of that plane."""
        for made, place, along in ((Column, x, y), (Row, y, x)):
            runs = self._runs.get((made, place, plane), [])
            at = bisect_right(runs, (along, math.inf)) - 1
            if at >= 0 and along <= runs[at][1]:
                return True
        return False


def edit_at(edits: Sequence[Edit], x: int, y: int) -> EditAction | None:
    """Return what the edits of a map, sorted as there, decide of a photosite; None where nothing."""
    at = bisect_left(edits, (y, x), key=lambda edit: (edit.y, edit.x))
    return edits[at].edit if at < len(edits) and (edits[at].x, edits[at].y) == (x, y) else None


def check_edits(edits: Sequence[Edit], defects: Iterable[Defect], lines: Iterable[LineEntry], sensor: Sensor) -> None:
    """Refuse edits that are out of order, off the sensor, or not borne out by a map's entries.

    Parameters
    ----------
    edits, defects, lines, sensor
        Those of the map.

    Raises
    ------
    ValueError
        Opening with the edit at fault, such as ``edits[3].x: 3900 ...``.
    """
    if not edits:
        return
    if len(edits) > MOST_EDITS:
        msg = f"edits: {len(edits)}, expected at most {MOST_EDITS}"
        raise ValueError(msg)
    agree = _agreement(defects, lines, sensor)
    previous = (-1, -1)
    for index, edit in enumerate(edits):
        problem = edit_problem(edit, sensor)
        if not problem and (edit.y, edit.x) <= previous:
            problem = f"y: {edit.y}, after {previous[0]}; edits are sorted by (y, x), each photosite once"
        if not problem and not agree(edit):
            found = "does not list it" if edit.edit == EditAction.ADD else "lists it"
            problem = f"edit: {edit.edit}, but the map {found}"
        if problem:
            msg = f"edits[{index}].{problem}"
            raise ValueError(msg)
        previous = (edit.y, edit.x)


def edits_of_part(
    edits: Iterable[Edit], defects: Iterable[Defect], lines: Iterable[LineEntry], sensor: Sensor
) -> tuple[Edit, ...]:
    """Return the edits of a map that hold for a part of its entries too: without those that added other entries.

    Parameters
    ----------
    edits, sensor
        Those of the map.
    defects, lines
        The part.
    """
    agree = _agreement(defects, lines, sensor)
    return tuple(edit for edit in edits if agree(edit))


def _agreement(defects: Iterable[Defect], lines: Iterable[LineEntry], sensor: Sensor) -> Callable[[Edit], bool]:
    """Return what tells whether an edit is borne out by entries."""
    places, covered = {(defect.x, defect.y) for defect in defects}, LinePlaces(lines)

    def agrees(edit: Edit) -> bool:
        plane = sensor.cfa.plane_name(x=edit.x, y=edit.y)
        listed = (edit.x, edit.y) in places or covered.cover(edit.x, edit.y, plane)
        return listed == (edit.edit == EditAction.ADD)

    return agrees


def edit_problem(edit: Edit, sensor: Sensor) -> str:
    """Name the first key of an edit that cannot be, and why; "" if all can."""
    width, height = sensor.raw_size
    if not 0 <= edit.x < width:
        return f"x: {edit.x} is outside the sensor, 0 to {width - 1}"
    if not 0 <= edit.y < height:
        return f"y: {edit.y} is outside the sensor, 0 to {height - 1}"
    if edit.edit == EditAction.REMOVE and edit.kind is not None:
        return f"kind: {edit.kind}, but what is removed has none"
    if len(edit.note) > LONGEST_NOTE or not (edit.note.isprintable() and edit.note == edit.note.strip()):
        return f"note: {edit.note[:60]!r} is not one printable line of at most {LONGEST_NOTE} characters"
    return ""
