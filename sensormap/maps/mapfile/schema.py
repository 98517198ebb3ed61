"""The map file as a JSON Schema, made from the file's layout: for editors, and for programs in other languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sensormap.maps.entries import DefectKind
from sensormap.maps.mapfile.layout import (
    CALIBRATION,
    CAMERA,
    CLUSTER,
    COLUMN,
    DARK_LAW,
    DEFECT,
    EDIT,
    FORMAT,
    FRAMES,
    JPEG_DEFECT,
    LATER_SECTIONS,
    ROW,
    SECTIONS,
    SENSOR,
    SKIPPED,
    SUMMARY,
)
from sensormap.maps.mapfile.values import NUMBER, SETTING, SOURCE, ValueType

DRAFT = "http://json-schema.org/draft-07/schema#"

SECTION_TEXTS = {
    "format": "Name and version of the file format.",
    "source": "Photos that the map was made from: raw, jpeg, or raw+jpeg.",
    "camera": "Camera whose sensor it is.",
    "sensor": "Geometry of the sensor. Rectangles are left, top, width, height.",
    "frames": "Photos behind the map.",
    "calibration": "Photos used that their files call darks, flats or bias frames.",
    "skipped": "Photos that could not be used, and why.",
    "settings": "Thresholds in force.",
    "dark_law": "How dark currents follow the temperature: D = D0 2^((T - T0) / K). They hold at T0.",
    "summary": "Number of defects of each kind, and of columns and rows; the clusters.",
    "false_positives": "Number of entries that chance and scenery are estimated to have made.",
    "edits": "What people decided by hand: photosites always or never listed, sorted by y, then x.",
    "columns": "Defective stretches of columns, sorted by x, then y0.",
    "rows": "Defective stretches of rows, sorted by y, then x0.",
    "defects": "Defective photosites, sorted by y, then x; none that a column or row holds.",
}
KEY_TEXTS = {
    "make": "Maker, as EXIF has it.",
    "model": "Model, as EXIF has it.",
    "serial": "Serial number of the body; empty where unknown.",
    "profile": "Camera profile that was used.",
    "raw_size": "Width and height of the raw grid, in photosites.",
    "active_area": "Light-sensitive part of the raw grid.",
    "cfa": "Colour filters of the raw grid's top left photosites, read row by row: 2 x 2, or of X-Trans 6 x 6.",
    "jpeg_crop": "Part of the raw grid that the camera's full-size JPEG shows; null where unknown.",
    "coordinates": "What coordinates count from, in words.",
    "used": "Number of photos used.",
    "skipped": "Number of photos that could not be used.",
    "first": "Capture time of the first photo, by the camera's clock.",
    "last": "Capture time of the last photo, by the camera's clock.",
    "shutter_s": "Shortest and longest shutter time, in seconds.",
    "iso": "Lowest and highest ISO.",
    "digest": "SHA-256 over the digests of the photos.",
    "repeated": "Number of photos that show the scene of another one, and do not count.",
    "filtered": "Number of photos in which the camera itself lowered bright photosites.",
    "followed": "Number of photos in the second pass, which measures strengths, dates and kinds.",
    "clock_jumps": "How often the camera's clock contradicts its count of exposures.",
    "jpegs": "Number of JPEGs among the photos used.",
    "temperature_c": "Lowest and highest temperature of the sensor, in degrees Celsius.",
    "sort": "What its file calls it.",
    "reference_c": "T0: the temperature at which dark currents hold, in degrees Celsius.",
    "doubling_c": "K: by how many degrees they double: estimate, and the ends of its 95 % interval.",
    "name": "File name, without its folder.",
    "reason": "Reason why it was not used.",
    "total": "Number of defects, those of columns and rows apart.",
    "columns": "Number of columns.",
    "rows": "Number of rows.",
    "clusters": "Defects that touch each other: the number that they share, how many they are, and their box.",
    "size": "Number of defects in the cluster.",
    **{kind.value: f"Number of {kind.value} defects." for kind in DefectKind},
    "x": "Column on the raw grid, counted from 0 at its left edge.",
    "y": "Row on the raw grid, counted from 0 at its top edge.",
    "x0": "First column of the stretch, or of the box.",
    "x1": "Last column of the stretch, or of the box.",
    "y0": "First row of the stretch, or of the box.",
    "y1": "Last row of the stretch, or of the box.",
    "edit": "What was decided of the photosite: add, always listed, or remove, never listed.",
    "note": "Why it was decided.",
    "plane": "Colour filter; of a stretch all that it crosses, joined by +.",
    "kind": "How it misbehaves.",
    "confidence": "How likely it is a defect, 0 to 1.",
    "score": "Evidence for its kind, in standard deviations.",
    "defects": "Number of defective photosites in the stretch.",
    "dark_dn_per_s": "Dark current in DN a second at ISO 100: estimate, and the ends of its 95 % interval.",
    "offset_dn": "Constant offset in DN at ISO 100: estimate, and the ends of its 95 % interval.",
    "response": "Response to light beside healthy photosites: estimate, and the ends of its 95 % interval.",
    "unresolved": "Strengths that the photos cannot tell.",
    "or_kinds": "Other kinds that it may be as well; each strength is then what it is if the kind it makes is right.",
    "onset": "When it appeared: after one photo and by the next one that shows it, or before-first.",
    "until": "When it healed, in the same words.",
    "seen": "Photos that show it, of those that should.",
    "last_seen": "Capture time of the last photo that shows it, in merged maps that drop what is no longer seen.",
    "cluster": "Number that defects share which touch each other.",
    "mean": "Mean of its raw values over the photos of the second pass, in DN.",
    "variance": "Variance of its raw values over the photos of the second pass, in DN squared.",
    "jpeg": "Column and row in the camera's full-size JPEG as stored; null outside it.",
    "radius": "Pixels that the true photosite may lie away, in x or y.",
}
"""What each key holds, for editors; the same word means the same in every section."""


def map_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of a map file.

    Returns
    -------
    dict
        Of what JSON knows only: the same in every process. A file that the schema refuses is no map; of those that it
        accepts, `read_map` also refuses what contradicts itself, such as a defect outside the sensor.

    Examples
    --------
    >>> map_schema()["properties"]["format"]["const"]
    'sensormap/1'
    """
    defect = {"if": {"required": ["radius"]}, "then": _mapping(JPEG_DEFECT), "else": _mapping(DEFECT)}
    sections: dict[str, dict[str, Any]] = {
        "format": {"const": FORMAT},
        "source": dict(SOURCE.schema),
        "camera": _mapping(CAMERA),
        "sensor": _mapping(SENSOR),
        "frames": _mapping(FRAMES),
        "calibration": _list_of(_mapping(CALIBRATION)),
        "skipped": _list_of(_mapping(SKIPPED)),
        "settings": {"type": "object", "additionalProperties": dict(SETTING.schema)},
        "dark_law": _mapping(DARK_LAW),
        "summary": _summary(),
        "false_positives": dict(NUMBER.schema),
        "edits": _list_of(_mapping(EDIT)),
        "columns": _list_of(_mapping(COLUMN)),
        "rows": _list_of(_mapping(ROW)),
        "defects": _list_of(defect),
    }
    return {
        "$schema": DRAFT,
        "title": "Defect map of a camera's sensor",
        "description": "Written by sensormap: the defective photosites of one camera, found in its photos.",
        "type": "object",
        "properties": {name: {"description": SECTION_TEXTS[name], **sections[name]} for name in SECTIONS},
        "required": [name for name in SECTIONS if name not in LATER_SECTIONS],
        "additionalProperties": False,
    }


def _summary() -> dict[str, Any]:
    """Return the schema of the summary, the keys of its clusters explained too."""
    schema = _mapping(SUMMARY)
    schema["properties"]["clusters"] |= _list_of(_mapping(CLUSTER))
    return schema


def _mapping(fields: Mapping[str, ValueType]) -> dict[str, Any]:
    """Return the schema of a mapping with these keys and no other."""
    return {
        "type": "object",
        "properties": {key: {"description": KEY_TEXTS[key], **field.schema} for key, field in fields.items()},
        "required": [key for key, field in fields.items() if not field.optional],
        "additionalProperties": False,
    }


def _list_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(entry)}
