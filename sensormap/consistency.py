"""What the entries of a map must not contradict: the sensor's geometry, each other, arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # defects.py imports this module
    from sensormap.defects import Between, Column, Defect, FrameSummary, Row, Sensor, SensorMap

STRENGTHS = ("dark_dn_per_s", "offset_dn", "response")
"""Attributes of a defect that hold an estimate with its interval; the names that `unresolved` may list."""


@dataclass(frozen=True)
class _Axis:
    """What entries along columns or rows call their line and its ends; `side` is that of `raw_size` across."""

    noun: str
    line: str
    start: str
    end: str
    side: int

    def of(self, entry: Column | Row) -> tuple[int, int, int]:
        """Return an entry's line, start and end."""
        return getattr(entry, self.line), getattr(entry, self.start), getattr(entry, self.end)


_COLUMNS, _ROWS = _Axis("column", "x", "y0", "y1", 0), _Axis("row", "y", "x0", "x1", 1)
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
    sensor, jumps = sensor_map.sensor, sensor_map.frames.clock_jumps
    _check_frames(sensor_map.frames, len(sensor_map.skipped))
    _check_numbers(sensor_map)
    lines: tuple[tuple[_Axis, Sequence[Column | Row]], ...] = (
        (_COLUMNS, sensor_map.columns),
        (_ROWS, sensor_map.rows),
    )
    for axis, entries in lines:
        for index, entry in enumerate(entries):
            if problem := _line_problem(entry, axis, sensor) or _change_problem("onset", entry.onset, jumps):
                msg = f"{axis.noun}s[{index}].{problem}"
                raise ValueError(msg)
    for index, defect in enumerate(sensor_map.defects):
        if problem := _place_problem(defect, sensor) or _number_problem(defect) or _history_problem(defect, jumps):
            msg = f"defects[{index}].{problem}"
            raise ValueError(msg)
    columns, rows = (_runs(entries, axis) for axis, entries in lines)
    _check_defects(sensor_map.defects, columns, rows)


def _check_frames(frames: FrameSummary, skipped: int) -> None:
    """Refuse a summary of frames that contradicts itself or the list of `skipped` photos."""
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
    if problem:
        msg = f"frames.{problem}"
        raise ValueError(msg)


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


def _place_problem(defect: Defect, sensor: Sensor) -> str | None:
    """Name the first key that the geometry contradicts, and why; None if none is."""
    x, y, problem = defect.x, defect.y, None
    if not 0 <= x < sensor.raw_size[0]:
        problem = f"x: {x} is outside the sensor, 0 to {sensor.raw_size[0] - 1}"
    elif not 0 <= y < sensor.raw_size[1]:
        problem = f"y: {y} is outside the sensor, 0 to {sensor.raw_size[1] - 1}"
    elif defect.plane != (plane := sensor.cfa.plane_name(x=x, y=y)):
        problem = f"plane: {defect.plane!r}, but photosite ({x}, {y}) of {sensor.cfa.name} belongs to {plane!r}"
    elif defect.jpeg != (jpeg := sensor.jpeg_pixel(x, y)):
        problem = f"jpeg: {_pair(defect.jpeg)}, but by the JPEG crop it is {_pair(jpeg)}"
    return problem


def _number_problem(defect: Defect) -> str | None:
    """Name the first number that cannot be, and why; None if all can."""
    if not 0 <= defect.confidence <= 1:
        return f"confidence: {defect.confidence} is not in 0 to 1"
    if not math.isfinite(defect.score):
        return f"score: {defect.score} is not a finite number"
    for name in STRENGTHS:
        strength = getattr(defect, name)
        if strength is None:
            continue
        value, low, high = strength
        if not -math.inf < low <= value <= high < math.inf:
            return f"{name}: {list(strength)} is not an estimate between the ends of its interval, all finite"
    if not math.isfinite(defect.mean):
        return f"mean: {defect.mean} is not a finite number"
    if not 0 <= defect.variance < math.inf:
        return f"variance: {defect.variance} is not a finite number of at least 0"
    return None


def _history_problem(defect: Defect, clock_jumps: int) -> str | None:
    """Name the first key about what the photos tell that cannot be, and why; None if all can."""
    for index, name in enumerate(defect.unresolved):
        if name not in STRENGTHS or name in defect.unresolved[:index]:
            return f"unresolved: {list(defect.unresolved)} are not distinct names out of {', '.join(STRENGTHS)}"
        if getattr(defect, name) is not None:
            return f"unresolved: {name}, but the entry has a value for it"
    if defect.seen is not None and not 0 <= defect.seen[0] <= defect.seen[1]:
        return f"seen: {defect.seen[0]}/{defect.seen[1]} is not a count of frames out of as many or more"
    if defect.cluster is not None and defect.cluster < 1:
        return f"cluster: {defect.cluster} is not 1 or more"
    return _change_problem("onset", defect.onset, clock_jumps) or _change_problem("until", defect.until, clock_jumps)


def _change_problem(key: str, change: Between | None, clock_jumps: int) -> str | None:
    """Say what is wrong with the times of a change; None if nothing is."""
    if change is None:
        return None
    times = [time for time in (change.after, change.by) if time is not None]
    for time in times:
        if time.tzinfo is not None:
            return f"{key}: {time} has a time zone; a camera's clock has none"
    if len(times) == 2 and times[0] > times[1] and not clock_jumps:
        return f"{key}: after {times[0]} is later than by {times[1]}, though frames.clock_jumps is 0"
    return None


def _line_problem(entry: Column | Row, axis: _Axis, sensor: Sensor) -> str | None:
    """Name the first key of a column or row entry that cannot be, and why; None if all can."""
    line, start, end = axis.of(entry)
    last_line, last, problem = sensor.raw_size[axis.side] - 1, sensor.raw_size[1 - axis.side] - 1, None
    places = [(line, i) if axis is _COLUMNS else (i, line) for i in range(sensor.cfa.step)]
    crossed = [sensor.cfa.plane_name(x=x, y=y) for x, y in places]
    planes = entry.plane.split("+")
    if not 0 <= line <= last_line:
        problem = f"{axis.line}: {line} is outside the sensor, 0 to {last_line}"
    elif not 0 <= start <= end:
        problem = f"{axis.start}: {start} is not in 0 to {axis.end} = {end}"
    elif end > last:
        problem = f"{axis.end}: {end} is outside the sensor, 0 to {last}"
    elif len(set(planes)) != len(planes) or not set(planes) <= set(crossed):
        crosses = f"{axis.noun} {line} of {sensor.cfa.name} crosses {'+'.join(crossed)}"
        problem = f"plane: {entry.plane!r}, but {crosses}"
    elif not 0 <= entry.confidence <= 1:
        problem = f"confidence: {entry.confidence} is not in 0 to 1"
    elif not math.isfinite(entry.score):
        problem = f"score: {entry.score} is not a finite number"
    elif entry.defects < 0:
        problem = f"defects: {entry.defects} is negative"
    return problem


def _pair(pixel: tuple[int, int] | None) -> str:
    """Write a pixel as the map file does."""
    return "null" if pixel is None else str(list(pixel))


def _runs(entries: Sequence[Column | Row], axis: _Axis) -> _Runs:
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
