"""The map of raw photos and that of JPEGs of other shots into one: what raw photos measure stands, JPEGs add to it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, TypeVar

from sensormap.maps.entries import Column, Defect, Entry, LineEntry, Row
from sensormap.maps.merge import merge_maps
from sensormap.maps.sensor_map import SensorMap

OneEntry = TypeVar("OneEntry", Defect, Column, Row)


def combine(raw: SensorMap, jpegs: SensorMap) -> SensorMap:
    """Return the map of raw photos with the entries that only the JPEGs' map has.

    Parameters
    ----------
    raw, jpegs
        Maps of one body on one grid, of raw photos and of JPEGs of other shots.

    Returns
    -------
    SensorMap
        Of source `Source.BOTH`. Where settings differ, those of the raw photos stand.

    Notes
    -----
    `merge_maps` tells which entries are the same: those of JPEGs within 3 pixels of one of raw photos, or within their
    radius. An entry of raw photos keeps what these measured, and in how many of them it showed, since JPEGs fail to
    show many a defect that is there. From the JPEGs it takes the higher confidence and, if it was there from the first
    raw photo on, what older JPEGs tell of its onset.
    """
    merged = merge_maps([raw, jpegs], names=["the map of raw photos", "the map of JPEGs"])
    measured: dict[Any, Any] = {_place(entry): entry for entry in (*raw.defects, *raw.lines)}
    jpegs_are_older = merged.frames.first != raw.frames.first

    def as_measured(entry: OneEntry) -> OneEntry:
        if entry.radius is not None:
            return entry
        own: OneEntry = measured[_place(entry)]
        from_start = own.onset is not None and own.onset.after is None
        onset = entry.onset if from_start and jpegs_are_older else own.onset
        return replace(own, confidence=entry.confidence, onset=onset)

    clusters = _clusters(raw, jpegs)
    digests = raw.frames.digest + jpegs.frames.digest
    return replace(
        merged,
        profile=raw.profile,
        frames=replace(merged.frames, digest=hashlib.sha256(digests.encode()).hexdigest()),
        settings={**jpegs.settings, **raw.settings},
        columns=tuple(map(as_measured, merged.columns)),
        rows=tuple(map(as_measured, merged.rows)),
        defects=tuple(replace(as_measured(one), cluster=clusters.get(_place(one))) for one in merged.defects),
    )


def _place(entry: Entry) -> tuple[str | int, ...]:
    """Return what tells an entry from the others of its map."""
    if isinstance(entry, LineEntry):
        return entry.noun, entry.place, entry.first, entry.plane
    return entry.x, entry.y


def _clusters(raw: SensorMap, jpegs: SensorMap) -> dict[tuple[str | int, ...], int]:
    """Return the numbers of clusters by place: as in the map of raw photos, and those of JPEGs above its highest."""
    known = {_place(defect): defect.cluster for defect in raw.defects if defect.cluster is not None}
    highest = max(known.values(), default=0)
    added = {_place(defect): defect.cluster + highest for defect in jpegs.defects if defect.cluster is not None}
    return added | known
