"""What a map must not contradict: each entry its sensor and the others, the frames their list, numbers arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence

from sensormap.camera.geometry import Sensor
from sensormap.frame import Skipped
from sensormap.maps.entries import (
    STRENGTHS,
    Between,
    Column,
    Defect,
    Entry,
    FrameSummary,
    LineEntry,
    Row,
    Setting,
    Source,
)

MAX_RADIUS = 16
"""Pixels; demosaicing and the blocks of a JPEG smear no further."""

# A photosite that clips at 16 bits in the shortest exposure there is has 1e10 DN a second; arithmetic has room beyond.
_STRONGEST = {"dark_dn_per_s": 1e12, "offset_dn": 1e9, "response": 1e6}

_MOMENTS = ("mean", "variance")

_PlaneRuns = dict[tuple[int, str], tuple[list[int], list[int]]]  # starts and ends by line and plane


def defect_problem(defect: Defect, sensor: Sensor, source: Source, clock_jumps: int) -> str | None:
    """Name the first key of a defect that cannot be, and why; None if all can.

    Parameters
    ----------
    defect
        The defect.
    sensor, source
        Geometry of its map, and the kind of photos behind it.
    clock_jumps
        Number of times that the camera's clock contradicts its count of shots: then times need not be in order.
    """
    return (
        _place_problem(defect, sensor)
        or _radius_problem(defect, source)
        or _claim_problem(defect)
        or _number_problem(defect)
        or _history_problem(defect, clock_jumps)
    )


def line_problem(entry: LineEntry, sensor: Sensor, source: Source, clock_jumps: int) -> str | None:
    """Name the first key of a column or row that cannot be, and why; None if all can.

    Parameters
    ----------
    entry
        The column or row.
    sensor, source, clock_jumps
        As for `defect_problem`.
    """
    if problem := _run_problem(entry, sensor):
        return problem
    if not 0 <= entry.confidence <= 1:
        return f"confidence: {entry.confidence} is not in 0 to 1"
    if not math.isfinite(entry.score):
        return f"score: {entry.score} is not a finite number"
    if entry.defects < 0:
        return f"defects: {entry.defects} is negative"
    return (
        _kinds_problem(entry)
        or _strength_problem(entry)
        or _history_problem(entry, clock_jumps)
        or _radius_problem(entry, source)
        or (_jpeg_problem(entry, (*STRENGTHS, "unresolved", "or_kinds")) if entry.radius is not None else None)
    )


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


def _radius_problem(entry: Entry, source: Source) -> str | None:
    """Say what is wrong with an entry's radius, or with its having none; None if nothing is."""
    radius = entry.radius
    if radius is None:
        return f"radius: missing, but in a map of source {source} every entry has one" if source == "jpeg" else None
    if source == "raw":
        return f"radius: {radius}, but in a map of source {source} no entry has one"
    return None if 0 <= radius <= MAX_RADIUS else f"radius: {radius} is not in 0 to {MAX_RADIUS}"


def _claim_problem(defect: Defect) -> str | None:
    """Name the first key that raw photos tell and a defect lacks, or that JPEGs do not and it has; None if all fit."""
    if problem := _kinds_problem(defect):
        return problem
    if defect.radius is None:
        missing = [name for name in _MOMENTS if getattr(defect, name) is None]
        if len(missing) == 1:
            return f"{missing[0]}: missing, but mean and variance come together"
        followed = defect.seen is not None
        return f"{missing[0]}: missing, but the defect was followed" if missing and followed else None
    if defect.jpeg is None:
        return "jpeg: null, but an entry with a radius was seen in a JPEG"
    return _jpeg_problem(defect, (*STRENGTHS, "unresolved", "or_kinds", *_MOMENTS))


def _kinds_problem(entry: Entry) -> str | None:
    """Say if the kinds that an entry names are not different ones; None if they are."""
    if len({entry.kind, *entry.or_kinds}) <= len(entry.or_kinds):
        return f"or_kinds: [{', '.join(entry.or_kinds)}], but each names one kind, once, other than {entry.kind}"
    return None


def _jpeg_problem(entry: Entry, names: Sequence[str]) -> str | None:
    """Name the first key that an entry of JPEGs has though no JPEG tells it; None if it has none."""
    for name in names:
        value = getattr(entry, name)
        if value is not None and value != ():
            found = list(value) if isinstance(value, tuple) else value
            return f"{name}: {found}, but an entry with a radius has none, since no JPEG tells"
    return None


def _number_problem(defect: Defect) -> str | None:
    """Name the first number that cannot be, and why; None if all can."""
    if not 0 <= defect.confidence <= 1:
        return f"confidence: {defect.confidence} is not in 0 to 1"
    if not math.isfinite(defect.score):
        return f"score: {defect.score} is not a finite number"
    if problem := _strength_problem(defect):
        return problem
    if defect.mean is not None and not math.isfinite(defect.mean):
        return f"mean: {defect.mean} is not a finite number"
    if defect.variance is not None and not 0 <= defect.variance < math.inf:
        return f"variance: {defect.variance} is not a finite number of at least 0"
    return None


def _strength_problem(entry: Entry) -> str | None:
    """Name the first strength that cannot be, and why; None if all can."""
    for name in STRENGTHS:
        strength = getattr(entry, name)
        if strength is None:
            continue
        value, low, high = strength
        if not low <= value <= high or not all(map(math.isfinite, strength)):
            return f"{name}: {list(strength)} is not an estimate between the ends of its interval, all finite"
        if max(-low, high) > (most := _STRONGEST[name]):
            return f"{name}: {list(strength)} is beyond {most:g}, which no photosite is"
    return None


def _history_problem(entry: Entry, clock_jumps: int) -> str | None:
    """Name the first key about what the photos tell that cannot be, and why; None if all can."""
    for index, name in enumerate(entry.unresolved):
        if name not in STRENGTHS or name in entry.unresolved[:index]:
            return f"unresolved: {list(entry.unresolved)} are not distinct names out of {', '.join(STRENGTHS)}"
        if getattr(entry, name) is not None:
            return f"unresolved: {name}, but the entry has a value for it"
    if entry.seen is not None and not 0 <= entry.seen[0] <= entry.seen[1]:
        return f"seen: {entry.seen[0]}/{entry.seen[1]} is not a count of frames out of as many or more"
    if entry.last_seen is not None and entry.last_seen.tzinfo is not None:
        return f"last_seen: {entry.last_seen} has a time zone; a camera's clock has none"
    cluster = entry.cluster if isinstance(entry, Defect) else None
    if cluster is not None and cluster < 1:
        return f"cluster: {cluster} is not 1 or more"
    return _change_problem("onset", entry.onset, clock_jumps) or _change_problem("until", entry.until, clock_jumps)


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


def _run_problem(entry: LineEntry, sensor: Sensor) -> str | None:
    """Name the first key of a column or row that the geometry contradicts, and why; None if none is."""
    place, start, end = entry.keys
    # Across and along: width and height for a column, the other way round for a row.
    last_place, last = (side - 1 for side in entry.photosite(*sensor.raw_size))
    crossed, planes = entry.crossed(entry.place, sensor.cfa), entry.plane.split("+")
    problem = None
    if not 0 <= entry.place <= last_place:
        problem = f"{place}: {entry.place} is outside the sensor, 0 to {last_place}"
    elif not 0 <= entry.first <= entry.last:
        problem = f"{start}: {entry.first} is not in 0 to {end} = {entry.last}"
    elif entry.last > last:
        problem = f"{end}: {entry.last} is outside the sensor, 0 to {last}"
    elif len(set(planes)) != len(planes) or not set(planes) <= set(crossed):
        crosses = f"{entry.noun} {entry.place} of {sensor.cfa.name} crosses {'+'.join(crossed)}"
        problem = f"plane: {entry.plane!r}, but {crosses}"
    elif sensor.cfa.is_xtrans and set(planes) != set(crossed):
        problem = f"plane: {entry.plane!r}, but of X-Trans a {entry.noun} has all that it crosses, {'+'.join(crossed)}"
    return problem


def _pair(pixel: tuple[int, int] | None) -> str:
    """Write a pixel as the map file does."""
    return "null" if pixel is None else str(list(pixel))


def check_source(source: Source, sensor: Sensor) -> None:
    """Refuse a map on the pixels of a JPEG that is said to be of raw photos.

    Raises
    ------
    ValueError
        Naming both.
    """
    if sensor.is_jpeg_grid and source != "jpeg":
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
        Number of times that the camera's clock contradicts its count of shots: then times need not be in order.

    Raises
    ------
    ValueError
        Opening with the entry and key at fault, such as ``defects[3].x: 3900 ...``.
    """
    lines: tuple[Sequence[LineEntry], ...] = (columns, rows)
    for entries in lines:
        for index, entry in enumerate(entries):
            if problem := line_problem(entry, sensor, source, clock_jumps):
                msg = f"{entry.noun}s[{index}].{problem}"
                raise ValueError(msg)
    for index, defect in enumerate(defects):
        if problem := defect_problem(defect, sensor, source, clock_jumps):
            msg = f"defects[{index}].{problem}"
            raise ValueError(msg)
    _check_defects(defects, *map(_plane_runs, lines))


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
    if frames.temperature_c is not None and not (-274 < frames.temperature_c[0] <= frames.temperature_c[1] < 1000):
        problem = problem or f"temperature_c: {list(frames.temperature_c)} is not a lowest and a highest temperature"
    return problem


def _jpegs_problem(frames: FrameSummary, source: Source) -> str | None:
    """Say if the number of JPEGs does not go with the source; None if it does."""
    used, jpegs = frames.used, frames.jpegs
    low, high = {"raw": (0, 0), "jpeg": (used, used), "raw+jpeg": (1, used - 1)}[source]
    if low <= jpegs <= high:
        return None
    return f"jpegs: {jpegs} of {used} used, but the source is {source}"


def _plane_runs(entries: Sequence[LineEntry]) -> _PlaneRuns:
    """Return the runs of each line's planes; refuse columns, or rows, that are out of order or overlap."""
    runs: _PlaneRuns = defaultdict(lambda: ([], []))
    previous = (-1, -1)
    for index, entry in enumerate(entries):
        (place, start, _), noun, found = entry.keys, entry.noun, (entry.place, entry.first)
        if found < previous:
            msg = f"{noun}s[{index}]: {found} stands after {previous}; {noun}s are sorted by ({place}, {start})"
            raise ValueError(msg)
        previous = found
        for plane in entry.plane.split("+"):
            starts, ends = runs[entry.place, plane]
            if ends and entry.first <= ends[-1]:
                msg = f"{noun}s[{index}].{start}: {entry.first} overlaps the {noun} before it"
                raise ValueError(msg)
            starts.append(entry.first)
            ends.append(entry.last)
    return runs


def _check_defects(defects: Sequence[Defect], columns: _PlaneRuns, rows: _PlaneRuns) -> None:
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
