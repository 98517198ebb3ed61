"""Writing a map: one sensor's defects as YAML for people and for ten-line scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sensormap.defects import DefectKind, SensorMap
from sensormap.errors import MapFormatError
from sensormap.mapfile.fields import Field, mapping_text
from sensormap.mapfile.layout import (
    CAMERA,
    COLUMN,
    COMMENT,
    COORDINATES,
    DEFECT,
    FORMAT,
    FRAMES,
    MAX_BYTES,
    ROW,
    SENSOR,
    SKIPPED,
)
from sensormap.mapfile.values import NUMBER, SETTING, TEXT, name_text
from sensormap.output import check_replaces, check_writable, write_atomically

_OPENING = b"format: sensormap/"  # how maps of every version begin


def map_text(sensor_map: SensorMap) -> str:
    """Return the map as the text of its file; equal maps give equal text.

    Parameters
    ----------
    sensor_map
        Any map. Its numbers are written with all their digits: `sensormap.defects.rounded` is for those who make it.

    Returns
    -------
    str
        YAML, ending in a newline.
    """
    camera = mapping_text(sensor_map.body, {key: CAMERA[key] for key in ("make", "model", "serial")})
    geometry = mapping_text(sensor_map.sensor, {key: SENSOR[key] for key in SENSOR if key != "coordinates"})
    settings, expected = sorted(sensor_map.settings.items()), sensor_map.false_positives
    lines = [
        f"format: {FORMAT}",
        COMMENT,
        *_block("camera", [*camera, f"profile: {TEXT.text(sensor_map.profile)}"]),
        *_block("sensor", [*geometry, f"coordinates: {TEXT.text(COORDINATES)}"]),
        *_block("frames", mapping_text(sensor_map.frames, FRAMES)),
        *_entries("skipped", sensor_map.skipped, SKIPPED),
        *_block("settings", [f"{name_text(name)}: {SETTING.text(value)}" for name, value in settings]),
        *_block("summary", [f"{key}: {count}" for key, count in summary_counts(sensor_map).items()]),
        *([] if expected is None else [f"false_positives: {NUMBER.text(expected)}"]),
        *_entries("columns", sensor_map.columns, COLUMN),
        *_entries("rows", sensor_map.rows, ROW),
        *_entries("defects", sensor_map.defects, DEFECT),
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
        Where the map is to be.
    overwrite
        Whether a map that lies there may be replaced. Any other file never is: ``map --overwrite -o *.NEF`` is a slip
        of the shell that must not cost a photo.

    Raises
    ------
    OutputError
        As `output.check_writable`, and if a file that is no map lies there.
    """
    check_writable(path, overwrite=overwrite)
    check_replaces(path, _OPENING, "defect map")


def write_map(sensor_map: SensorMap, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a map file; a run killed meanwhile leaves the old file or the new one.

    Parameters
    ----------
    sensor_map
        Any map.
    path
        Where; its folder has to exist.
    overwrite
        Whether a file that lies there may be replaced.

    Raises
    ------
    OutputError
        As `check_output`.
    MapFormatError
        If the file would be larger than `read_map` accepts, 256 MB.
    """
    content = map_text(sensor_map).encode()
    if len(content) > MAX_BYTES:
        msg = f"{path}: {len(sensor_map.defects)} defects make a file of {len(content)} bytes, more than {MAX_BYTES}"
        raise MapFormatError(msg)
    check_output(Path(path), overwrite=overwrite)
    write_atomically(content, Path(path), overwrite=overwrite)


def _block(key: str, lines: Sequence[str]) -> list[str]:
    """Return a mapping in block style."""
    return [f"{key}:", *(f"  {line}" for line in lines)] if lines else [f"{key}: {{}}"]


def _entries(key: str, entries: Sequence[object], fields: dict[str, Field]) -> list[str]:
    """Return a list of mappings, one per line."""
    lines = [f"- {{{', '.join(mapping_text(entry, fields))}}}" for entry in entries]
    return [f"{key}:", *lines] if lines else [f"{key}: []"]
