"""The map file: one sensor's defects as YAML for people and for ten-line scripts (``format: sensormap/1``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensormap.camera import Body
from sensormap.defects import Column, Defect, DefectKind, FrameSummary, Sensor, SensorMap
from sensormap.errors import MapFormatError, OutputError
from sensormap.frame import Skipped
from sensormap.mapfile.fields import SETTING, TEXT, Field, line_pattern, mapping_text, name_text, read_mapping, wrong
from sensormap.mapfile.layout import (
    CAMERA,
    COLUMN,
    COMMENT,
    COORDINATES,
    DEFECT,
    FORMAT,
    FRAMES,
    SECTIONS,
    SENSOR,
    SKIPPED,
    SUMMARY,
)
from sensormap.output import check_writable, write_atomically
from sensormap.yamltext import load_yaml

_OPENING = b"format: sensormap/"  # how maps of every version begin
MAX_BYTES = 1 << 28  # 256 MB, some 1.5 million defects: what is larger is no map of a camera that takes pictures
_DEFECT_LINE = re.compile(line_pattern(DEFECT))


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
    settings = sorted(sensor_map.settings.items())
    lines = [
        f"format: {FORMAT}",
        COMMENT,
        *_block("camera", [*camera, f"profile: {TEXT.text(sensor_map.profile)}"]),
        *_block("sensor", [*geometry, f"coordinates: {TEXT.text(COORDINATES)}"]),
        *_block("frames", mapping_text(sensor_map.frames, FRAMES)),
        *_entries("skipped", sensor_map.skipped, SKIPPED),
        *_block("settings", [f"{name_text(name)}: {SETTING.text(value)}" for name, value in settings]),
        *_block("summary", [f"{key}: {count}" for key, count in summary_counts(sensor_map).items()]),
        *_entries("columns", sensor_map.columns, COLUMN),
        *_entries("defects", sensor_map.defects, DEFECT),
    ]
    return "\n".join(lines) + "\n"


def summary_counts(sensor_map: SensorMap) -> dict[str, int]:
    """Return the number of defects of each kind, their ``total``, and the number of ``columns``."""
    counts = Counter(str(defect.kind) for defect in sensor_map.defects)
    kinds = {kind.value: counts[kind.value] for kind in DefectKind}
    return {**kinds, "total": len(sensor_map.defects), "columns": len(sensor_map.columns)}


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
    try:
        with path.open("rb") as file:
            start = file.read(len(_OPENING))
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise OutputError(msg) from error
    if start not in (b"", _OPENING):
        msg = f"{path}: is no defect map; --overwrite replaces only those"
        raise OutputError(msg)


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


def read_map(path: str | Path) -> SensorMap:
    """Read a map file, strictly: what `write_map` would not have written in meaning is refused.

    Parameters
    ----------
    path
        A file of the format ``sensormap/1``. Comments, spacing, quotes and the order of keys are free; entries have to
        be in order, and the summary has to agree with them, so that a file cut short does not pass for a map.

    Returns
    -------
    SensorMap
        Equal to the one written.

    Raises
    ------
    MapFormatError
        Naming the file, the key (such as ``defects[3].x``) and the value.
    """
    try:
        return _map(*_parse(_read_text(Path(path))))
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text (byte {error.start}), so no map file"
        raise MapFormatError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise MapFormatError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise MapFormatError(msg) from error


def _block(key: str, lines: Sequence[str]) -> list[str]:
    """Return a mapping in block style."""
    return [f"{key}:", *(f"  {line}" for line in lines)] if lines else [f"{key}: {{}}"]


def _entries(key: str, entries: Sequence[object], fields: dict[str, Field]) -> list[str]:
    """Return a list of mappings, one per line."""
    lines = [f"- {{{', '.join(mapping_text(entry, fields))}}}" for entry in entries]
    return [f"{key}:", *lines] if lines else [f"{key}: []"]


def _read_text(path: Path) -> str:
    """Return the file's text, if it is not larger than any map."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        msg = f"larger than {MAX_BYTES} bytes, which no map is"
        raise ValueError(msg)
    return content.decode("utf-8-sig")


def _parse(text: str) -> tuple[Any, list[Defect] | None]:
    """Return the document, and its defects where all their lines are as the writer makes them.

    YAML takes its time over 50 000 lines; a regular expression reads them in a tenth of it. If any line differs in
    the least, YAML reads them all, to the same values (``test_fast_equals_slow``).
    """
    head, found, body = text.partition("\ndefects:\n- ")
    if found:
        lines = ("- " + body).removesuffix("\n").split("\n")
        matches = [_DEFECT_LINE.fullmatch(line) for line in lines]
        if all(matches):
            parse = [field.parse for field in DEFECT.values()]
            groups = (match.groups() for match in matches if match)
            rows: list[Any] = [[g and p(g) for p, g in zip(parse, group, strict=True)] for group in groups]
            return load_yaml(head + "\ndefects: []\n"), [Defect(**dict(zip(DEFECT, row, strict=True))) for row in rows]
    return load_yaml(text), None


def _map(document: Any, defects: list[Defect] | None) -> SensorMap:
    """Return the map that a document says, its keys and types checked."""
    if not isinstance(document, dict) or "format" not in document:
        msg = f"format: missing, so no map file; expected {FORMAT!r}"
        raise ValueError(msg)
    if document["format"] != FORMAT:
        msg = f"format: {str(document['format'])[:60]!r} is not {FORMAT!r}"
        raise ValueError(msg)
    for key in (*document, *SECTIONS):
        if key not in SECTIONS or key not in document:
            problem = f"unknown key, expected {', '.join(SECTIONS)}" if key not in SECTIONS else "missing"
            msg = f"{key[:60]}: {problem}"
            raise ValueError(msg)
    camera = read_mapping(document["camera"], CAMERA, "camera")
    profile = camera.pop("profile")
    sensor = read_mapping(document["sensor"], SENSOR, "sensor")
    del sensor["coordinates"]
    settings = dict.fromkeys(document["settings"], SETTING) if isinstance(document["settings"], dict) else {}
    if defects is None:
        defects = [Defect(**entry) for entry in _read_entries(document, "defects", DEFECT)]
    sensor_map = SensorMap(
        body=Body(**camera),
        profile=profile,
        sensor=_sensor(sensor),
        frames=FrameSummary(**read_mapping(document["frames"], FRAMES, "frames")),
        skipped=tuple(Skipped(**entry) for entry in _read_entries(document, "skipped", SKIPPED)),
        settings=read_mapping(document["settings"], settings, "settings"),
        columns=tuple(Column(**entry) for entry in _read_entries(document, "columns", COLUMN)),
        defects=tuple(defects),
    )
    _check_summary(read_mapping(document["summary"], SUMMARY, "summary"), sensor_map)
    return sensor_map


def _sensor(values: dict[str, Any]) -> Sensor:
    """Return the geometry, its faults named with their section."""
    try:
        return Sensor(**values)
    except ValueError as error:
        msg = f"sensor.{error}"
        raise ValueError(msg) from error


def _read_entries(document: dict[str, Any], key: str, fields: dict[str, Field]) -> list[dict[str, Any]]:
    """Return the mappings of a list."""
    entries = document[key]
    if not isinstance(entries, list):
        raise wrong(entries, "a list", key)
    return [read_mapping(entry, fields, f"{key}[{index}]") for index, entry in enumerate(entries)]


def _check_summary(summary: dict[str, Any], sensor_map: SensorMap) -> None:
    """Refuse counts that the entries do not bear out: the file was cut short or edited by half."""
    for key, count in summary_counts(sensor_map).items():
        if summary[key] != count:
            msg = f"summary.{key}: {summary[key]}, but the map lists {count}"
            raise ValueError(msg)
