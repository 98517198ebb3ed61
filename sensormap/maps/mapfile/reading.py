"""Reading a map, without trusting the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensormap.bounded_reading import read_at_most
from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import MapFormatError
from sensormap.frame import Calibration, Skipped
from sensormap.maps.changes.edits import MOST_EDITS, Edit
from sensormap.maps.clusters import clusters_of
from sensormap.maps.entries import Column, DarkLaw, Defect, FrameSummary, Row, Source
from sensormap.maps.mapfile.layout import (
    CALIBRATION,
    CAMERA,
    COLUMN,
    DARK_LAW,
    DEFECT,
    EDIT,
    FORMAT,
    FRAMES,
    JPEG_DEFECT,
    LATER_SECTIONS,
    MAX_BYTES,
    ROW,
    SECTIONS,
    SENSOR,
    SKIPPED,
    SUMMARY,
)
from sensormap.maps.mapfile.values import NUMBER, SETTING, SOURCE, ValueType, line_pattern, read_mapping, wrong
from sensormap.maps.mapfile.writing import summary_counts
from sensormap.maps.sensor_map import MOST_PHOTOSITES, SensorMap
from sensormap.strict_yaml import load_yaml

_DEFECT_LINE, _JPEG_LINE = (re.compile(line_pattern(fields)) for fields in (DEFECT, JPEG_DEFECT))
_WAYS = {
    pattern: [(key, field.parse, field.default) for key, field in fields.items()]
    for pattern, fields in ((_DEFECT_LINE, DEFECT), (_JPEG_LINE, JPEG_DEFECT))
}
MAX_YAML = 32_000_000
"""Characters that YAML reads: so many take it half a minute and 500 MB. Lines as the writer makes them do not count."""
_MISSING: dict[str, Any] = {"mean": None, "variance": None}  # by JPEGs


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
        return parse_map(read_at_most(Path(path), MAX_BYTES, "a map").decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text (byte {error.start}), so no map file"
        raise MapFormatError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise MapFormatError(msg) from error


def parse_map(text: str) -> SensorMap:
    """Return the map that a text describes, as `read_map` does.

    Raises
    ------
    ValueError
        Naming the key and the value.
    """
    return _map(*_parse(text))


def _parse(text: str) -> tuple[Any, list[Defect] | None]:
    """Return the document, and its defects where all their lines are as the writer makes them.

    YAML takes its time over 50 000 lines; a regular expression reads them in a tenth of it. If any line differs in
    the least, YAML reads them all, to the same values (``test_fast_equals_slow``).
    """
    head, found, body = text.partition("\ndefects:\n- ")
    lines = ("- " + body).removesuffix("\n").split("\n") if found else []
    if len(lines) > MOST_PHOTOSITES:
        msg = f"defects: {len(lines)} lines, expected at most {MOST_PHOTOSITES} entries"
        raise ValueError(msg)
    defects = _defects_of_lines(lines) if found else None
    document = text if defects is None else head + "\ndefects: []\n"
    if len(document) > MAX_YAML:
        why = "" if defects is not None or not found else ", and not all defects are written as sensormap writes them"
        msg = f"{len(document)} characters for YAML to read{why}; expected at most {MAX_YAML}"
        raise ValueError(msg)
    return load_yaml(document), defects


def _defects_of_lines(lines: Sequence[str]) -> list[Defect] | None:
    """Return the defects of lines as the writer makes them; None if one differs."""
    found = []
    for line in lines:  # one at a time: a match takes more memory than what it tells
        match = _DEFECT_LINE.fullmatch(line) or _JPEG_LINE.fullmatch(line)
        if match is None:
            return None
        try:
            found.append(_defect_of_line(match))
        except ValueError:  # such as a 30th of February: YAML names the line
            return None
    return found


def _defect_of_line(match: re.Match[str]) -> Defect:
    """Return the defect of a line that matches one of the two patterns."""
    values = {
        key: default if text is None else parse(text)
        for (key, parse, default), text in zip(_WAYS[match.re], match.groups(), strict=True)
    }
    return Defect(**{**_MISSING, **values})


def _map(document: Any, defects: list[Defect] | None) -> SensorMap:
    """Return the map that a document says, its keys and types checked."""
    if not isinstance(document, dict) or "format" not in document:
        msg = f"format: missing, so no map file; expected {FORMAT!r}"
        raise ValueError(msg)
    if document["format"] != FORMAT:
        msg = f"format: {str(document['format'])[:60]!r} is not {FORMAT!r}"
        raise ValueError(msg)
    for key in (*document, *SECTIONS):
        if key not in SECTIONS or (key not in document and key not in LATER_SECTIONS):
            problem = f"unknown key, expected {', '.join(SECTIONS)}" if key not in SECTIONS else "missing"
            msg = f"{key[:60]}: {problem}"
            raise ValueError(msg)
    camera = read_mapping(document["camera"], CAMERA, "camera")
    profile = camera.pop("profile")
    sensor = read_mapping(document["sensor"], SENSOR, "sensor")
    del sensor["coordinates"]
    settings = dict.fromkeys(document["settings"], SETTING) if isinstance(document["settings"], dict) else {}
    source = _source(document)
    sensor_map = SensorMap(
        body=Body(**camera),
        profile=profile,
        sensor=_sensor(sensor),
        frames=FrameSummary(**read_mapping(document["frames"], FRAMES, "frames")),
        skipped=tuple(Skipped(**entry) for entry in _read_entries(document, "skipped", SKIPPED)),
        settings=read_mapping(document["settings"], settings, "settings"),
        columns=tuple(Column(**entry) for entry in _read_entries(document, "columns", COLUMN)),
        defects=tuple(_read_defects(document, source) if defects is None else defects),
        rows=tuple(Row(**entry) for entry in _read_entries({"rows": [], **document}, "rows", ROW)),
        false_positives=_false_positives(document),
        source=source,
        edits=_edits(document),
        dark_law=_dark_law(document),
        calibration=tuple(
            Calibration(**entry) for entry in _read_entries({"calibration": [], **document}, "calibration", CALIBRATION)
        ),
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


def _source(document: dict[str, Any]) -> Source:
    """Return what photos the map is from; older files are from raw ones and do not say so."""
    try:
        return Source(SOURCE.read(document.get("source", "raw")))
    except ValueError as error:
        msg = f"source: {error}"
        raise ValueError(msg) from error


def _read_defects(document: dict[str, Any], source: Source) -> list[Defect]:
    """Return the defects; a radius tells those that only JPEGs show, which have other keys."""
    found = []
    for index, entry in enumerate(_list(document, "defects")):
        jpeg = source == Source.JPEG or (isinstance(entry, dict) and "radius" in entry)
        values = read_mapping(entry, JPEG_DEFECT if jpeg else DEFECT, f"defects[{index}]")
        found.append(Defect(**{**_MISSING, **values}))
    return found


def _read_entries(document: dict[str, Any], key: str, fields: dict[str, ValueType]) -> list[dict[str, Any]]:
    """Return the mappings of a list."""
    return [read_mapping(entry, fields, f"{key}[{index}]") for index, entry in enumerate(_list(document, key))]


def _edits(document: dict[str, Any]) -> tuple[Edit, ...]:
    """Return the edits by hand; a map that nobody edited has no such section."""
    entries = {"edits": [], **document}
    if len(_list(entries, "edits")) > MOST_EDITS:
        msg = f"edits: {len(entries['edits'])}, expected at most {MOST_EDITS}"
        raise ValueError(msg)
    return tuple(Edit(**entry) for entry in _read_entries(entries, "edits", EDIT))


def _list(document: dict[str, Any], key: str) -> list[Any]:
    """Return the list under a key."""
    entries = document[key]
    if not isinstance(entries, list):
        raise wrong(entries, "a list", key)
    return entries


def _dark_law(document: dict[str, Any]) -> DarkLaw | None:
    """Return how dark currents follow the temperature; None where the file does not say."""
    if "dark_law" not in document:
        return None
    try:
        return DarkLaw(**read_mapping(document["dark_law"], DARK_LAW, ""))
    except ValueError as error:
        msg = f"dark_law.{str(error).removeprefix('.')}"
        raise ValueError(msg) from error


def _false_positives(document: dict[str, Any]) -> float | None:
    """Return the number of false entries expected; None where the file has none."""
    try:
        return float(NUMBER.read(document["false_positives"])) if "false_positives" in document else None
    except ValueError as error:
        msg = f"false_positives: {error}"
        raise ValueError(msg) from error


def _check_summary(summary: dict[str, Any], sensor_map: SensorMap) -> None:
    """Refuse counts that the entries do not bear out: the file was cut short or edited by half."""
    for key, count in summary_counts(sensor_map).items():
        if summary[key] != count:
            msg = f"summary.{key}: {summary[key]}, but the map lists {count}"
            raise ValueError(msg)
    if summary["clusters"] is not None and summary["clusters"] != (found := clusters_of(sensor_map.defects)):
        msg = f"summary.clusters: {len(summary['clusters'])}, but the map has {len(found)}, or others, in its defects"
        raise ValueError(msg)
