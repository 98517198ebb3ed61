"""What a map must not contradict: each entry its sensor and the others, the frames their list, numbers arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sensormap.entry_consistency import COLUMNS, ROWS, Axis, defect_problem, line_problem

if TYPE_CHECKING:  # defects.py imports this module
    from sensormap.defects import Column, Defect, Row, SensorMap

_Runs = dict[tuple[int, str], tuple[list[int], list[int]]]  # starts and ends by line and plane


def check_map(sensor_map: SensorMap) -> None:
    """Refuse a map that contradicts itself; `SensorMap` asks this when it is made.

    Parameters
    ----------
    sensor_map
        The map, its types right.

    Raises
    ------
    ValueError
        Opening with the entry and key at fault, such as ``defects[3].x: 3900 ...``.
    """
    if sensor_map.sensor.is_picture and sensor_map.source != "jpeg":
        msg = f"source: {sensor_map.source}, but sensor.cfa is {sensor_map.sensor.cfa.name}, which is of source jpeg"
        raise ValueError(msg)
    if problem := _frames_problem(sensor_map) or _jpegs_problem(sensor_map):
        msg = f"frames.{problem}"
        raise ValueError(msg)
    _check_numbers(sensor_map)
    lines: tuple[tuple[Axis, Sequence[Column | Row]], ...] = (
        (COLUMNS, sensor_map.columns),
        (ROWS, sensor_map.rows),
    )
    for axis, entries in lines:
        for index, entry in enumerate(entries):
            if problem := line_problem(entry, axis, sensor_map):
                msg = f"{axis.noun}s[{index}].{problem}"
                raise ValueError(msg)
    for index, defect in enumerate(sensor_map.defects):
        if problem := defect_problem(defect, sensor_map):
            msg = f"defects[{index}].{problem}"
            raise ValueError(msg)
    columns, rows = (_runs(entries, axis) for axis, entries in lines)
    _check_defects(sensor_map.defects, columns, rows)


def _frames_problem(sensor_map: SensorMap) -> str | None:
    """Name the first key of the summary of frames that cannot be, and why; None if all can."""
    frames, skipped, problem = sensor_map.frames, len(sensor_map.skipped), None
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


def _jpegs_problem(sensor_map: SensorMap) -> str | None:
    """Say if the number of JPEGs does not go with the source; None if it does."""
    used, jpegs = sensor_map.frames.used, sensor_map.frames.jpegs
    low, high = {"raw": (0, 0), "jpeg": (used, used), "raw+jpeg": (1, used - 1)}[sensor_map.source]
    if low <= jpegs <= high:
        return None
    return f"jpegs: {jpegs} of {used} used, but the source is {sensor_map.source}"


def _check_numbers(sensor_map: SensorMap) -> None:
    """Refuse settings without a proper name or value, and an impossible number of false entries."""
    for name, value in sensor_map.settings.items():
        if not (name.isidentifier() and name.isascii() and len(name) <= 100):
            msg = f"settings: {name[:100]!r} is not a name of letters, digits and underscores"
            raise ValueError(msg)
        if isinstance(value, float) and not math.isfinite(value):
            msg = f"settings.{name}: {value!r} is not a finite number"
            raise ValueError(msg)
    expected = sensor_map.false_positives
    if expected is not None and not 0 <= expected < math.inf:
        msg = f"false_positives: {expected} is not a finite number of at least 0"
        raise ValueError(msg)


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
