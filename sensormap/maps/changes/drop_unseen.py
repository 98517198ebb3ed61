"""Entries that photos no longer show, dropped from a merged map: a list that maintains itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sensormap.maps.changes.edits import Edit, EditAction, edit_at
from sensormap.maps.clusters import with_clusters
from sensormap.maps.entries import Column, Defect, Entry, LineEntry, Row
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.unseen import unseen

OnDropped = Callable[[Entry], None]
"""Called for each entry that is dropped."""

AnyEntry = TypeVar("AnyEntry", bound=Entry)


def last_seen(entry: Entry, sensor_map: SensorMap) -> datetime | None:
    """Return the time of the last photo that shows an entry, as far as its map tells; None where it does not.

    Parameters
    ----------
    entry
        The entry. One that is not gone was there in the last photo.
    sensor_map
        Its map.
    """
    if entry.last_seen is not None:
        return entry.last_seen
    return sensor_map.frames.last if entry.until is None else entry.until.after


def with_last_seen(sensor_map: SensorMap) -> SensorMap:
    """Return a map each entry of which tells when it was last seen, as far as that is known."""

    def dated(entries: Sequence[AnyEntry]) -> tuple[AnyEntry, ...]:
        return tuple(replace(entry, last_seen=last_seen(entry, sensor_map)) for entry in entries)

    return replace(
        sensor_map,
        columns=dated(sensor_map.columns),
        rows=dated(sensor_map.rows),
        defects=dated(sensor_map.defects),
    )


def _added_by_line(edits: Iterable[Edit]) -> dict[tuple[type[LineEntry], int], list[int]]:
    """Return where along each column and row photosites were added by hand."""
    found: dict[tuple[type[LineEntry], int], list[int]] = defaultdict(list)
    for edit in edits:
        if edit.edit == EditAction.ADD:
            found[Column, edit.x].append(edit.y)
            found[Row, edit.y].append(edit.x)
    return found


def without_unseen(
    merged: SensorMap, maps: Sequence[SensorMap], since: datetime, on_dropped: OnDropped
) -> SensorMap:
    """Return a merged map without what was not seen since a time, though photos since would have shown it.

    Parameters
    ----------
    merged
        The map, its entries with the times when they were last seen.
    maps
        The maps that it was merged from.
    since
        The time, by the camera's clock.
    on_dropped
        Called for each entry that is dropped.

    Notes
    -----
    An entry goes if it was last seen before that time, and either its map says that it was gone again, or a map all of
    whose photos are newer would have listed it (see `maps.unseen`, which errs towards keeping). What was added by hand
    stays, and so does what has no time.
    """
    added, cfa = _added_by_line(merged.edits), merged.sensor.cfa
    looked = [one for one in maps if one.frames.first is not None and one.frames.first >= since]

    def stays(entry: Entry) -> bool:
        if isinstance(entry, Defect):
            by_hand = edit_at(merged.edits, entry.x, entry.y) == EditAction.ADD
        else:  # a line stays whole for a single photosite: the edit does not say how much of it is meant
            by_hand = any(along in entry.covered(cfa) for along in added.get((type(entry), entry.place), []))
        if by_hand or entry.last_seen is None or entry.last_seen >= since:
            return True
        if entry.until is None and all(unseen(entry, listed=merged, looked=one) for one in looked):
            return True
        on_dropped(entry)
        return False

    return replace(
        merged,
        columns=tuple(filter(stays, merged.columns)),
        rows=tuple(filter(stays, merged.rows)),
        defects=with_clusters([defect for defect in merged.defects if stays(defect)], cfa),
    )
