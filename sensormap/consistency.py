"""What a map must not contradict: each entry its sensor and the others, the frames their list, numbers arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sensormap.entry_consistency import COLUMNS, ROWS, Axis, defect_problem, line_problem

if TYPE_CHECKING:  # defects.py imports this module
    from sensormap.camera.geometry import Sensor
    from sensormap.defects import Column, Defect, FrameSummary, Row, Setting, Source
    from sensormap.frame import Skipped

_Runs = dict[tuple[int, str], tuple[list[int], list[int]]]  # starts and ends by line and plane


def check_source(source: Source, sensor: Sensor) -> None:
    """Refuse a map on the grid of pictures that is of raw photos.

    Raises
    ------
    ValueError
        Saying so.
    """
    if sensor.is_picture and source != "jpeg":
        msg = f"source: {source}, but sensor.cfa is {sensor.cfa.name}, which is of source jpeg"
        raise ValueError(msg)


def check_frames(frames: FrameSummary, skipped: Sequence[Skipped], source: Source) -> None:
    """Refuse a summary of frames that contradicts itself, the list of skipped photos, or the source.

    Raises
    ------
    ValueError
        Opening with the key at fault, such as ``frames.used: ...``.
    """
    if problem := _frames_problem(frames, len(skipped)) or _jpegs_problem(frames, source):
        msg = f"frames.{problem}"
        raise ValueError(msg)


def check_numbers(settings: Mapping[str, Setting], expected: float | None) -> None:
    """Refuse settings without a proper name or value, and an impossible number of false entries.

    Raises
    ------
    ValueError
        Opening with the key at fault.
    """
    for name, value in settings.items():
        if not (name.isidentifier() and name.isascii() and len(name) <= 100):
            msg = f"settings: {name[:100]!r} is not a name of letters, digits and underscores"
            raise ValueError(msg)
        if isinstance(value, float) and not math.isfinite(value):
            msg = f"settings.{name}: {value!r} is not a finite number"
            raise ValueError(msg)
    if expected is not None and not 0 <= expected < math.inf:
        msg = f"false_positives: {expected} is not a finite number of at least 0"
        raise ValueError(msg)


def check_entries(
    columns: Sequence[Column],
    rows: Sequence[Row],
    defects: Sequence[Defect],
    *,
    sensor: Sensor,
    source: Source,
    clock_jumps: int,
) -> None:
    """Refuse entries that contradict the sensor, the source, themselves or each other.

    Parameters
    ----------
    columns, rows, defects
        All entries of a map.
    sensor, source
        Geometry, and the kind of photos.
    clock_jumps
        How often the camera's clock contradicts its count of shots: then times need not be in order.

    Raises
    ------
    ValueError
        Opening with the entry and key at fault, such as ``defects[3].x: 3900 ...``.
    """
    lines: tuple[tuple[Axis, Sequence[Column | Row]], ...] = ((COLUMNS, columns), (ROWS, rows))
    for axis, entries in lines:
        for index, entry in enumerate(entries):
            if problem := line_problem(entry, axis, sensor, source, clock_jumps):
                msg = f"{axis.noun}s[{index}].{problem}"
                raise ValueError(msg)
    for index, defect in enumerate(defects):
        if problem := defect_problem(defect, sensor, source, clock_jumps):
            msg = f"defects[{index}].{problem}"
            raise ValueError(msg)
    _check_defects(defects, *(_runs(entries, axis) for axis, entries in lines))


def _frames_problem(frames: FrameSummary, skipped: int) -> str | None:
    """Name the first key of the summary of frames that cannot be, and why; None if all can."""
    problem = None
    if frames.used < 0:
        problem = f"used: {frames.used} is negative"
    elif frames.skipped != skipped:
        problem = f"skipped: {frames.skipped}, but {skipped} photos are listed under skipped"
    elif frames.clock_jumps < 0:
        problem = f"clock_jumps: {frames.clock_jumps} is negative"
    elif (frames.first is None) != (frames.last is None):
        problem = f"first: {frames.first} and last: {frames.last}; one of them is missing"
    elif frames.first and frames.last and (frames.first.tzinfo or frames.last.tzinfo):
        problem = f"first: {frames.first} has a time zone; a camera's clock has none"
    elif frames.first and frames.last and frames.first > frames.last:
        problem = f"first: {frames.first} lies after last: {frames.last}"
    for name in ("repeated", "filtered", "followed"):
        if not 0 <= (count := getattr(frames, name)) <= frames.used:
            problem = problem or f"{name}: {count} is not in 0 to used = {frames.used}"
    for name, bounds in (("shutter_s", frames.shutter_s), ("iso", frames.iso)):
        if bounds is not None and not (0 <= bounds[0] <= bounds[1] < math.inf):
            problem = problem or f"{name}: {list(bounds)} is not a lowest and a highest value"
    return problem


def _jpegs_problem(frames: FrameSummary, source: Source) -> str | None:
    """Say if the number of JPEGs does not go with the source; None if it does."""
    used, jpegs = frames.used, frames.jpegs
    low, high = {"raw": (0, 0), "jpeg": (used, used), "raw+jpeg": (1, used - 1)}[source]
    if low <= jpegs <= high:
        return None
    return f"jpegs: {jpegs} of {used} used, but the source is {source}"


def _runs(entries: Sequence[Column | Row], axis: Axis) -> _Runs:
    """Return the runs of each line's planes; refuse entries that are out of order or overlap."""
    runs: _Runs = defaultdict(lambda: ([], []))
    previous = (-1, -1)
    for index, entry in enumerate(entries):
        line, start, end = axis.of(entry)
        where = f"{axis.noun}s[{index}]"
        if (line, start) < previous:
            order = f"{axis.noun}s are sorted by ({axis.line}, {axis.start})"
            msg = f"{where}: ({line}, {start}) stands after {previous}; {order}"
            raise ValueError(msg)
        previous = (line, start)
        for plane in entry.plane.split("+"):
            starts, ends = runs[line, plane]
            if ends and start <= ends[-1]:
                msg = f"{where}.{axis.start}: {start} overlaps the {axis.noun} before it"
                raise ValueError(msg)
            starts.append(start)
            ends.append(end)
    return runs


def _check_defects(defects: Sequence[Defect], columns: _Runs, rows: _Runs) -> None:
    """Refuse defects that are out of order, stand twice, or lie in a column or row entry."""
    previous = (-1, -1)
    for index, defect in enumerate(defects):
        x, y, plane = defect.x, defect.y, defect.plane
        if (y, x) <= previous:
            found = f"(x {x}, y {y}) stands after (x {previous[1]}, y {previous[0]})"
            msg = f"defects[{index}]: {found}; entries are sorted by (y, x), each photosite once"
            raise ValueError(msg)
        previous = (y, x)
        for noun, runs, line, place in (("column", columns, x, y), ("row", rows, y, x)):
            starts, ends = runs.get((line, plane), ([], []))
            run = bisect_right(starts, place) - 1
            if run >= 0 and place <= ends[run]:
                msg = f"defects[{index}]: (x {x}, y {y}) lies in a {noun} entry and is not listed again"
                raise ValueError(msg)
