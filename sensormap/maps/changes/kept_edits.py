"""The edits by hand in a map file that is to be replaced: they hold for the new map too."""

from __future__ import annotations

import logging
from pathlib import Path

from sensormap.bounded_reading import read_at_most
from sensormap.errors import SensorMapError
from sensormap.maps.changes.edit_map import with_edits
from sensormap.maps.mapfile.layout import MAX_BYTES
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.matching import mismatch
from sensormap.maps.sensor_map import SensorMap

log = logging.getLogger(__name__)


def edited_map_at(path: Path | None) -> SensorMap | None:
    """Return the map in a file if it was edited by hand; None if it was not, or there is none.

    One that cannot be read is told as a warning: it must not end the run that replaces it.
    """
    try:
        # Only a map that was edited is read: others take a second where they are large.
        if path is None or not path.is_file() or b"\nedits:\n" not in read_at_most(path, MAX_BYTES, "a map"):
            return None
        return read_map(path)
    except (SensorMapError, OSError, ValueError) as error:
        log.warning("edits by hand are not kept: %s", error)
        return None


def with_kept_edits(sensor_map: SensorMap, edited: SensorMap | None) -> SensorMap:
    """Return a new map with the edits of the one whose place it takes.

    Parameters
    ----------
    sensor_map
        The new map.
    edited
        The old one, from `edited_map_at`. Edits of another camera, or that do not fit, are told as a warning and left
        out.
    """
    if edited is None:
        return sensor_map
    if found := mismatch(edited, sensor_map):
        log.warning("edits by hand are not kept: the old map is %s, the new one %s", *found)
        return sensor_map
    try:
        kept = with_edits(sensor_map, edited.edits)
    except ValueError as error:
        log.warning("edits by hand are not kept: %s", error)
        return sensor_map
    log.info("edits by hand kept: %d", len(edited.edits))
    return kept
