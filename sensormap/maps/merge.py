"""Several maps of one body, made from different photos, into one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sensormap.camera.geometry import Sensor
from sensormap.errors import FrameMismatchError
from sensormap.maps.changes.drop_unseen import OnDropped, with_last_seen, without_unseen
from sensormap.maps.changes.edit_map import joint_edits, with_edits
from sensormap.maps.clusters import with_clusters
from sensormap.maps.entries import Column, DarkLaw, Defect, FrameSummary, Row, Setting, Source, rounded
from sensormap.maps.matching import mismatch
from sensormap.maps.merge_entries import MAX_COUNT, merge_defects, merge_lines
from sensormap.maps.sensor_map import SensorMap

PARTS = "merged_digests"
"""Setting of a merged map: the digests of the sets of photos in it, sorted, with blanks between."""

T = TypeVar("T", int, float)
OneEntry = TypeVar("OneEntry", Column, Row, Defect)
NamedMaps = Sequence[tuple[str, SensorMap]]


def merge_maps(
    maps: Iterable[SensorMap],
    *,
    names: Sequence[str] | None = None,
    drop_unseen_since: datetime | None = None,
    on_dropped: OnDropped = lambda _: None,
) -> SensorMap:
    """Return the union of maps of one body; their order does not matter, and a map given twice counts once.

    Parameters
    ----------
    maps
        One map or more.
    names
        Name of each for errors; None numbers them.
    drop_unseen_since
        Time by the camera's clock: what photos no longer show since then is dropped, as `changes.drop_unseen` says, and
        each other entry tells when it was last seen, so that later merges of this map know; None drops nothing.
    on_dropped
        Called for each entry that is dropped.

    Returns
    -------
    SensorMap
        A single map as it is, unless entries are dropped. Of several, see Notes.

    Raises
    ------
    FrameMismatchError
        If maps are of different bodies, geometries or grids, two of them (or parts of them) are of the same photos, or
        what they hold cannot stand in one map, or one adds by hand what another removes.
    ValueError
        If there is no map, or not a name for each.

    Notes
    -----
    The module `merge_entries` says how entries are joined. Counts of photos are added up. The digest is the SHA-256 of
    the maps' digests, sorted, and the settings list these: merging merged maps gives the digest of merging all at once,
    and photos that would count twice are recognised. Entries need not come out the same in two steps: merge all at
    once. Settings that differ are left out. Where maps say how dark currents follow the temperature, all hold at one.
    Edits by hand are those of all maps, and applied last.
    """
    maps = list(maps)
    names = [f"map {number}" for number in range(1, len(maps) + 1)] if names is None else names
    distinct: list[tuple[str, SensorMap]] = []
    for name, sensor_map in zip(names, maps, strict=True):
        if all(sensor_map != other for _, other in distinct):
            distinct.append((name, sensor_map))
    if drop_unseen_since is not None:
        distinct = [(name, with_last_seen(sensor_map)) for name, sensor_map in distinct]
    if not distinct:
        msg = "there is no map to merge"
        raise ValueError(msg)
    parts = [sensor_map for _, sensor_map in distinct]
    merged = parts[0] if len(parts) == 1 else _joined(distinct)
    if drop_unseen_since is None:
        return merged
    return without_unseen(merged, parts, drop_unseen_since, on_dropped)


def _joined(distinct: NamedMaps) -> SensorMap:
    """Return the union of several maps, once they are known to go together."""
    _check_mergeable(distinct)
    _check_photos(distinct)
    edits = joint_edits(distinct)
    try:
        return with_edits(_merged([sensor_map for _, sensor_map in distinct]), edits)
    except ValueError as error:
        msg = f"{', '.join(name for name, _ in distinct)}: cannot stand in one map: {error}"
        raise FrameMismatchError(msg) from error


def _check_mergeable(maps: NamedMaps) -> None:
    """Refuse maps of different bodies or geometries. Each is compared with each: not every one knows everything."""
    for i, (name, sensor_map) in enumerate(maps):
        for other_name, other in maps[:i]:
            found = mismatch(sensor_map, other)
            crop, other_crop = sensor_map.sensor.jpeg_crop, other.sensor.jpeg_crop
            if not found and crop != other_crop:  # every entry has its pixel in the JPEG
                found = f"of JPEG crop {crop}", f"of JPEG crop {other_crop}"
            if found:
                msg = f"{name}: is {found[0]}, expected one {found[1]} as {other_name}"
                raise FrameMismatchError(msg)


def _check_photos(maps: NamedMaps) -> None:
    """Refuse maps whose photos would count twice, or that together are of no source that a map can have."""
    owner: dict[str, str] = {}
    for name, sensor_map in maps:
        for digest in _digests(sensor_map):
            if digest in owner:
                msg = (
                    f"{name}: is of photos that {owner[digest]} is of as well, expected others: they would count twice"
                )
                raise FrameMismatchError(msg)
            owner[digest] = name
    used, jpegs = (sum(getattr(one.frames, key) for _, one in maps) for key in ("used", "jpegs"))
    if _source([one for _, one in maps]) == Source.BOTH and not 0 < jpegs < used:
        name = min(name for name, one in maps if not one.frames.used)
        photos = "JPEGs" if jpegs else "raw photos"
        msg = f"{name}: is of no photos, expected some, since the other maps are of {photos} and such a map is of both"
        raise FrameMismatchError(msg)


def _digests(sensor_map: SensorMap) -> set[str]:
    """Return the digests of the sets of photos in a map; none of a list without photos."""
    parts = sensor_map.settings.get(PARTS)
    known = parts.split(" ") if isinstance(parts, str) else [sensor_map.frames.digest]
    return {digest for digest in known if digest and sensor_map.frames.used}


def _merged(maps: Sequence[SensorMap]) -> SensorMap:
    """Join maps that go together."""
    law = _law(maps)
    maps = [_at_reference(sensor_map, law) for sensor_map in maps]
    columns, rows = merge_lines(maps)
    skipped = sorted({one for sensor_map in maps for one in sensor_map.skipped})
    digests = sorted({digest for sensor_map in maps for digest in _digests(sensor_map)})
    sensor = _sensor(maps)
    known = [sensor_map for sensor_map in maps if sensor_map.frames.used]
    false = [sensor_map.false_positives for sensor_map in known]
    expected = sorted(one for one in false if one is not None)
    return SensorMap(
        body=max(sensor_map.body for sensor_map in maps),  # the one with a serial number
        profile=max((sensor_map.frames.used, sensor_map.profile) for sensor_map in maps)[1],
        sensor=sensor,
        frames=_frames([sensor_map.frames for sensor_map in maps], len(skipped), digests),
        skipped=tuple(skipped),
        settings=_settings([sensor_map.settings for sensor_map in maps], digests),
        columns=columns,
        rows=rows,
        defects=with_clusters(merge_defects(maps, (*columns, *rows)), sensor.cfa),
        false_positives=rounded(sum(expected), digits=2) if expected and len(expected) == len(false) else None,
        source=_source(maps),
        dark_law=law,
        calibration=tuple(sorted(one for sensor_map in maps for one in sensor_map.calibration)),
    )


def _law(maps: Iterable[SensorMap]) -> DarkLaw | None:
    """Return how dark currents follow the temperature by the map that knows it best; None if none does."""
    laws = [sensor_map.dark_law for sensor_map in maps if sensor_map.dark_law is not None]
    return min(laws, key=lambda law: (law.doubling_c[2] - law.doubling_c[1], repr(law)), default=None)


def _at_reference(sensor_map: SensorMap, law: DarkLaw | None) -> SensorMap:
    """Return a map with its dark currents as they are at the temperature of a law; one without a law as it is."""
    if law is None or sensor_map.dark_law in (None, law):
        return sensor_map
    factor = sensor_map.dark_law.factor(law.reference_c)

    def moved(entry: OneEntry) -> OneEntry:
        dark = entry.dark_dn_per_s
        if dark is None:
            return entry
        value, low, high = (rounded(factor * one) for one in dark)
        return replace(entry, dark_dn_per_s=(value, low, high))

    return replace(
        sensor_map,
        columns=tuple(map(moved, sensor_map.columns)),
        rows=tuple(map(moved, sensor_map.rows)),
        defects=tuple(map(moved, sensor_map.defects)),
    )


def _source(maps: Iterable[SensorMap]) -> Source:
    sources = {sensor_map.source for sensor_map in maps}
    return sources.pop() if len(sources) == 1 else Source.BOTH


def _sensor(maps: Sequence[SensorMap]) -> Sensor:
    """Return the geometry by the map that knows the active area best: of raw photos, of none, of JPEGs."""
    ranked = sorted(maps, key=lambda one: (one.source == Source.JPEG, not one.frames.used, repr(one.sensor)))
    return ranked[0].sensor


def _frames(frames: Sequence[FrameSummary], skipped: int, digests: Sequence[str]) -> FrameSummary:
    """Return the summary of several sets of frames."""
    starts = [one.first for one in frames if one.first is not None]
    ends = [one.last for one in frames if one.last is not None]
    # Lists without photos leave the digest of the others as it is.
    unused = sorted({one.digest for one in frames}) if not digests else []
    parts = list(digests) or unused
    return FrameSummary(
        used=_total(one.used for one in frames),
        skipped=skipped,
        first=min(starts, default=None),
        last=max(ends, default=None),
        shutter_s=_span([one.shutter_s for one in frames]),
        iso=_span([one.iso for one in frames]),
        digest=parts[0] if len(parts) == 1 else hashlib.sha256("".join(parts).encode()).hexdigest(),
        repeated=_total(one.repeated for one in frames),
        filtered=_total(one.filtered for one in frames),
        followed=_total(one.followed for one in frames),
        clock_jumps=_total(one.clock_jumps for one in frames),
        jpegs=_total(one.jpegs for one in frames),
        temperature_c=_span([one.temperature_c for one in frames]),
    )


def _total(counts: Iterable[int]) -> int:
    total = sum(counts)
    if total > MAX_COUNT:
        msg = f"counts of photos above {MAX_COUNT}"
        raise ValueError(msg)
    return total


def _span(spans: Sequence[tuple[T, T] | None]) -> tuple[T, T] | None:
    """Return the bounds that hold all."""
    known = [span for span in spans if span is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _settings(settings: Sequence[Mapping[str, Setting]], digests: Sequence[str]) -> dict[str, Setting]:
    """Return the settings that no two maps have with different values, and the digests where there are several."""
    names = {name for one in settings for name in one} - {PARTS}
    # Compared as written: 1, 1.0 and true are equal to Python.
    values = {name: {repr(one[name]): one[name] for one in settings if name in one} for name in names}
    agreed = {name: next(iter(found.values())) for name, found in values.items() if len(found) == 1}
    return agreed | ({PARTS: " ".join(digests)} if len(digests) > 1 else {})
