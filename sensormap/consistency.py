"""What the entries of a map must not contradict: the sensor's geometry, each other, arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # defects.py imports this module
    from sensormap.defects import Column, Defect, FrameSummary, Sensor, SensorMap


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
    _check_frames(sensor_map.frames, len(sensor_map.skipped))
    for name, value in sensor_map.settings.items():
        if not (name.isidentifier() and name.isascii() and len(name) <= 100):
            msg = f"settings: {name[:100]!r} is not a name of letters, digits and underscores"
            raise ValueError(msg)
        if isinstance(value, float) and not math.isfinite(value):
            msg = f"settings.{name}: {value!r} is not a finite number"
            raise ValueError(msg)
    for index, column in enumerate(sensor_map.columns):
        if problem := _column_problem(column, sensor_map.sensor):
            msg = f"columns[{index}].{problem}"
            raise ValueError(msg)
    for index, defect in enumerate(sensor_map.defects):
        if problem := _defect_problem(defect, sensor_map.sensor):
            msg = f"defects[{index}].{problem}"
            raise ValueError(msg)
    _check_order(sensor_map)


def _check_frames(frames: FrameSummary, skipped: int) -> None:
    """Refuse a summary of frames that contradicts itself or the list of `skipped` photos."""
    problem = None
    if frames.used < 0:
        problem = f"used: {frames.used} is negative"
    elif frames.skipped != skipped:
        problem = f"skipped: {frames.skipped}, but {skipped} photos are listed under skipped"
    elif (frames.first is None) != (frames.last is None):
        problem = f"first: {frames.first} and last: {frames.last}; one of them is missing"
    elif frames.first and frames.last and (frames.first.tzinfo or frames.last.tzinfo):
        problem = f"first: {frames.first} has a time zone; a camera's clock has none"
    elif frames.first and frames.last and frames.first > frames.last:
        problem = f"first: {frames.first} lies after last: {frames.last}"
    for name, bounds in (("shutter_s", frames.shutter_s), ("iso", frames.iso)):
        if bounds is not None and not (0 <= bounds[0] <= bounds[1] < math.inf):
            problem = f"{name}: {list(bounds)} is not a lowest and a highest value"
    if problem:
        msg = f"frames.{problem}"
        raise ValueError(msg)


def _defect_problem(defect: Defect, sensor: Sensor) -> str | None:
    """Name the first key of an entry that cannot be, and why; None if all can."""
    x, y, problem = defect.x, defect.y, None
    if not 0 <= x < sensor.raw_size[0]:
        problem = f"x: {x} is outside the sensor, 0 to {sensor.raw_size[0] - 1}"
    elif not 0 <= y < sensor.raw_size[1]:
        problem = f"y: {y} is outside the sensor, 0 to {sensor.raw_size[1] - 1}"
    elif defect.plane != (plane := sensor.cfa.plane_name(x=x, y=y)):
        problem = f"plane: {defect.plane!r}, but photosite ({x}, {y}) of {sensor.cfa.name} belongs to {plane!r}"
    elif defect.jpeg != (jpeg := sensor.jpeg_pixel(x, y)):
        problem = f"jpeg: {_pair(defect.jpeg)}, but by the JPEG crop it is {_pair(jpeg)}"
    elif not 0 <= defect.confidence <= 1:
        problem = f"confidence: {defect.confidence} is not in 0 to 1"
    elif not math.isfinite(defect.score):
        problem = f"score: {defect.score} is not a finite number"
    elif not math.isfinite(defect.mean):
        problem = f"mean: {defect.mean} is not a finite number"
    elif not 0 <= defect.variance < math.inf:
        problem = f"variance: {defect.variance} is not a finite number of at least 0"
    return problem


def _column_problem(column: Column, sensor: Sensor) -> str | None:
    """Name the first key of an entry that cannot be, and why; None if all can."""
    x, y0, y1, problem = column.x, column.y0, column.y1, None
    planes = column.plane.split("+")
    crossed = [sensor.cfa.plane_name(x=x, y=y) for y in range(sensor.cfa.step)]
    if not 0 <= x < sensor.raw_size[0]:
        problem = f"x: {x} is outside the sensor, 0 to {sensor.raw_size[0] - 1}"
    elif not 0 <= y0 <= y1:
        problem = f"y0: {y0} is not in 0 to y1 = {y1}"
    elif y1 >= sensor.raw_size[1]:
        problem = f"y1: {y1} is outside the sensor, 0 to {sensor.raw_size[1] - 1}"
    elif len(set(planes)) != len(planes) or not set(planes) <= set(crossed):
        problem = f"plane: {column.plane!r}, but column {x} of {sensor.cfa.name} crosses {'+'.join(crossed)}"
    elif not 0 <= column.confidence <= 1:
        problem = f"confidence: {column.confidence} is not in 0 to 1"
    elif not math.isfinite(column.score):
        problem = f"score: {column.score} is not a finite number"
    elif column.defects < 0:
        problem = f"defects: {column.defects} is negative"
    return problem


def _pair(pixel: tuple[int, int] | None) -> str:
    """Write a pixel as the map file does."""
    return "null" if pixel is None else str(list(pixel))


def _check_order(sensor_map: SensorMap) -> None:
    """Refuse entries that are out of order or that list a photosite twice."""
    runs: dict[tuple[int, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    previous = (-1, -1)
    for index, column in enumerate(sensor_map.columns):
        if (column.x, column.y0) < previous:
            msg = f"columns[{index}]: ({column.x}, {column.y0}) stands after {previous}; columns are sorted by (x, y0)"
            raise ValueError(msg)
        previous = (column.x, column.y0)
        for plane in column.plane.split("+"):
            starts, ends = runs[column.x, plane]
            if ends and column.y0 <= ends[-1]:
                msg = f"columns[{index}].y0: {column.y0} overlaps the column before it"
                raise ValueError(msg)
            starts.append(column.y0)
            ends.append(column.y1)
    previous = (-1, -1)
    for index, defect in enumerate(sensor_map.defects):
        if (defect.y, defect.x) <= previous:
            found = f"(x {defect.x}, y {defect.y}) stands after (x {previous[1]}, y {previous[0]})"
            msg = f"defects[{index}]: {found}; entries are sorted by (y, x), each photosite once"
            raise ValueError(msg)
        previous = (defect.y, defect.x)
        starts, ends = runs.get((defect.x, defect.plane), ([], []))
        run = bisect_right(starts, defect.y) - 1
        if run >= 0 and defect.y <= ends[run]:
            msg = f"defects[{index}]: (x {defect.x}, y {defect.y}) lies in a column entry and is not listed again"
            raise ValueError(msg)
