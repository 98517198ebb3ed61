"""Writing a map: one sensor's defects as YAML for people and for ten-line scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sensormap.errors import MapFormatError
from sensormap.maps.clusters import clusters_of
from sensormap.maps.entries import LATER_KINDS, Defect, DefectKind, Source
from sensormap.maps.mapfile.layout import (
    CALIBRATION,
    CAMERA,
    CLUSTER,
    COLUMN,
    COMMENTS,
    COORDINATES,
    DARK_LAW,
    DEFECT,
    EDIT,
    FORMAT,
    FRAMES,
    JPEG_COORDINATES,
    JPEG_DEFECT,
    MAX_BYTES,
    RADIUS,
    ROW,
    SENSOR,
    SKIPPED,
)
from sensormap.maps.mapfile.values import NUMBER, SETTING, SOURCE, TEXT, mapping_text, name_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import check_writable, unless_opening, write_atomically

_UNLESS_MAP = unless_opening(b"format: sensormap/", "defect map")  # maps of every version begin so


def map_text(sensor_map: SensorMap) -> str:
    """Return the map as the text of its file; equal maps give equal text.

    Parameters
    ----------
    sensor_map
        The map. Its numbers are written with all their digits: `maps.entries.rounded` is for those who make it.

    Returns
    -------
    str
        YAML, ending in a newline.
    """
    camera = mapping_text(sensor_map.body, {key: CAMERA[key] for key in ("make", "model", "serial")})
    geometry = mapping_text(sensor_map.sensor, {key: SENSOR[key] for key in SENSOR if key != "coordinates"})
    settings, expected = sorted(sensor_map.settings.items()), sensor_map.false_positives
    counts = summary_counts(sensor_map)
    calibration = [mapping_text(photo, CALIBRATION) for photo in sensor_map.calibration]
    lines = [
        f"format: {FORMAT}",
        *COMMENTS,
        f"source: {SOURCE.text(sensor_map.source)}",
        *_block("camera", [*camera, f"profile: {TEXT.text(sensor_map.profile)}"]),
        *_block("sensor", [*geometry, f"coordinates: {TEXT.text(coordinates_text(sensor_map))}"]),
        *_block("frames", mapping_text(sensor_map.frames, FRAMES)),
        *(_entries("calibration", calibration) if calibration else []),
        *_entries("skipped", [mapping_text(skipped, SKIPPED) for skipped in sensor_map.skipped]),
        *_block("settings", [f"{name_text(name)}: {SETTING.text(value)}" for name, value in settings]),
        *(_block("dark_law", mapping_text(sensor_map.dark_law, DARK_LAW)) if sensor_map.dark_law else []),
        *_block("summary", [f"{key}: {count}" for key, count in counts.items() if count or key not in LATER_KINDS]),
        *_clusters(sensor_map),
        *([] if expected is None else [f"false_positives: {NUMBER.text(expected)}"]),
        *(_entries("edits", [mapping_text(edit, EDIT) for edit in sensor_map.edits]) if sensor_map.edits else []),
        *_entries("columns", [mapping_text(column, COLUMN) for column in sensor_map.columns]),
        *_entries("rows", [mapping_text(row, ROW) for row in sensor_map.rows]),
        *_entries("defects", [_defect_text(defect) for defect in sensor_map.defects]),
    ]
    return "\n".join(lines) + "\n"


def summary_counts(sensor_map: SensorMap) -> dict[str, int]:
    """Return the number of defects of each kind, their ``total``, and the numbers of ``columns`` and ``rows``."""
    counts = Counter(str(defect.kind) for defect in sensor_map.defects)
    kinds = {kind.value: counts[kind.value] for kind in DefectKind}
    lines = {"columns": len(sensor_map.columns), "rows": len(sensor_map.rows)}
    return {**kinds, "total": len(sensor_map.defects), **lines}


def check_output(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a place where a map could not be written; meant to be asked before hours of work.

    Parameters
    ----------
    path
        Place of the map.
    overwrite
        Whether a map that lies there may be replaced. Any other file never is: ``map --overwrite -o *.NEF`` is a slip
        of the shell that must not cost a photo.

    Raises
    ------
    OutputError
        As `output.check_writable`, and if a file that is no map lies there.
    """
    check_writable(path, overwrite=overwrite, objection=_UNLESS_MAP)


def write_map(sensor_map: SensorMap, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a map file; a run killed meanwhile leaves the old file or the new one.

    Parameters
    ----------
    sensor_map
        The map.
    path
        Place of the file; its folder has to exist. Of a symbolic link the target is written.
    overwrite
        Whether a map that lies there may be replaced; any other file never is.

    Raises
    ------
    OutputError
        As `output.write_atomically`, and if a file that is no map lies there.
    MapFormatError
        If the file would be larger than `read_map` accepts, 256 MB.
    """
    content = map_text(sensor_map).encode()
    if len(content) > MAX_BYTES:
        msg = f"{path}: {len(sensor_map.defects)} defects make a file of {len(content)} bytes, more than {MAX_BYTES}"
        raise MapFormatError(msg)
    write_atomically(content, Path(path), overwrite=overwrite, objection=_UNLESS_MAP)


def _clusters(sensor_map: SensorMap) -> list[str]:
    """Return the clusters as the last key of the summary, one per line; nothing where there are none."""
    lines = [f"  - {{{', '.join(mapping_text(one, CLUSTER))}}}" for one in clusters_of(sensor_map.defects)]
    return ["  clusters:", *lines] if lines else []


def coordinates_text(sensor_map: SensorMap) -> str:
    """Say what coordinates refer to."""
    if sensor_map.sensor.is_jpeg_grid:
        return JPEG_COORDINATES + RADIUS
    return COORDINATES if sensor_map.source == Source.RAW else COORDINATES + RADIUS


def _defect_text(defect: Defect) -> list[str]:
    """Return a defect's pairs, in the order for one of raw photos or of JPEGs."""
    return mapping_text(defect, DEFECT if defect.radius is None else JPEG_DEFECT)


def _block(key: str, lines: Sequence[str]) -> list[str]:
    """Return a mapping in block style."""
    return [f"{key}:", *(f"  {line}" for line in lines)] if lines else [f"{key}: {{}}"]


def _entries(key: str, entries: Sequence[list[str]]) -> list[str]:
    """Return a list of mappings, one per line, from their ``key: value`` pairs."""
    lines = [f"- {{{', '.join(pairs)}}}" for pairs in entries]
    return [f"{key}:", *lines] if lines else [f"{key}: []"]
