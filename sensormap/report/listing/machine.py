"""A map as JSON and as CSV, for scripts: all that its file says, in the words of the map file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.maps.clusters import clusters_of
from sensormap.maps.entries import STRENGTHS, Between, Defect, Entry
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
    ROW,
    SENSOR,
    SKIPPED,
)
from sensormap.maps.mapfile.values import ValueType
from sensormap.maps.mapfile.writing import coordinates_text, summary_counts
from sensormap.maps.sensor_map import SensorMap
from sensormap.report.listing.order import in_order

_INTERVALS = [name for strength in STRENGTHS for name in (strength, f"{strength}_low", f"{strength}_high")]
_CSV_HEADER = (
    *("entry", "x", "y", "last_x", "last_y", "plane", "kind", "or_kinds", "confidence", "score"),
    *(*_INTERVALS, "unresolved", "onset_after", "onset_by", "until_after", "until_by", "seen", "of", "cluster"),
    *("mean", "variance", "jpeg_x", "jpeg_y", "radius"),
)


def map_json(sensor_map: SensorMap, *, by: str = "place") -> str:
    """Return a map as JSON that the schema of map files describes, ending in a newline.

    Parameters
    ----------
    sensor_map
        The map.
    by
        Order of the defects, one of `order.ORDERS`.

    Returns
    -------
    str
        ASCII, one entry a line.
    """
    sensor = _section(sensor_map.sensor, {key: SENSOR[key] for key in SENSOR if key != "coordinates"})
    camera = _section(sensor_map.body, {key: CAMERA[key] for key in ("make", "model", "serial")})
    calibration = [_section(photo, CALIBRATION) for photo in sensor_map.calibration]
    expected = sensor_map.false_positives
    entries = {
        "columns": [_section(column, COLUMN) for column in sensor_map.columns],
        "rows": [_section(row, ROW) for row in sensor_map.rows],
        "defects": [
            _section(defect, DEFECT if defect.radius is None else JPEG_DEFECT)
            for defect in in_order(sensor_map.defects, by)
        ],
    }
    clusters = [_section(one, CLUSTER) for one in clusters_of(sensor_map.defects)]
    parts: dict[str, Any] = {
        "format": FORMAT,
        "source": sensor_map.source.value,
        "camera": camera | {"profile": sensor_map.profile},
        "sensor": sensor | {"coordinates": coordinates_text(sensor_map)},
        "frames": _section(sensor_map.frames, FRAMES),
        **({"calibration": calibration} if calibration else {}),
        "skipped": [_section(skipped, SKIPPED) for skipped in sensor_map.skipped],
        "settings": dict(sorted(sensor_map.settings.items())),
        **({"dark_law": _section(sensor_map.dark_law, DARK_LAW)} if sensor_map.dark_law else {}),
        "summary": summary_counts(sensor_map) | ({"clusters": clusters} if clusters else {}),
        **({} if expected is None else {"false_positives": expected}),
        **({"edits": [_section(edit, EDIT) for edit in sensor_map.edits]} if sensor_map.edits else {}),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in parts.items()]
    for key, found in entries.items():
        inner = ",\n".join(f"  {json.dumps(entry, allow_nan=False)}" for entry in found)
        lines.append(f" {json.dumps(key)}: [\n{inner}\n ]" if found else f" {json.dumps(key)}: []")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def map_csv(sensor_map: SensorMap, *, by: str = "place") -> str:
    """Return the entries of a map as CSV with a header: the columns, the rows, then the defects in an order.

    Parameters
    ----------
    sensor_map
        The map.
    by
        Order of the defects, one of `order.ORDERS`.

    Notes
    -----
    What an entry does not tell is empty, and so is what was before the first photo; ``onset_after`` and ``onset_by``
    of a defect that was there from the start both say ``before-first``.
    """
    file = io.StringIO()
    writer = csv.DictWriter(file, _CSV_HEADER, lineterminator="\n")
    writer.writeheader()
    for entry in (*sensor_map.lines, *in_order(sensor_map.defects, by)):
        writer.writerow(_row(entry))
    return file.getvalue()


def _row(entry: Entry) -> dict[str, object]:
    """Return what CSV says of an entry."""
    row: dict[str, object] = {
        "plane": entry.plane,
        "kind": entry.kind.value,
        "confidence": entry.confidence,
        "score": entry.score,
        "radius": entry.radius,
        **_times("onset", entry.onset),
    }
    if not isinstance(entry, Defect):
        (x, y), (last_x, last_y) = (entry.photosite(entry.place, along) for along in (entry.first, entry.last))
        return row | {"entry": entry.noun, "x": x, "y": y, "last_x": last_x, "last_y": last_y}
    strengths = [value for name in STRENGTHS for value in getattr(entry, name) or ("", "", "")]
    jpeg = entry.jpeg or (None, None)
    seen, due = entry.seen or (None, None)
    return {
        **row,
        **{"entry": "defect", "x": entry.x, "y": entry.y, "last_x": entry.x, "last_y": entry.y},
        **{"or_kinds": "+".join(entry.or_kinds), "unresolved": "+".join(entry.unresolved)},
        **dict(zip(_INTERVALS, strengths, strict=True)),
        **_times("until", entry.until),
        **{"seen": seen, "of": due, "cluster": entry.cluster, "mean": entry.mean, "variance": entry.variance},
        **{"jpeg_x": jpeg[0], "jpeg_y": jpeg[1]},
    }


def _times(name: str, change: Between | None) -> dict[str, str]:
    """Return the ends of a change."""
    if change is None:
        return {}
    found = _plain(change)
    ends = dict.fromkeys(("after", "by"), found) if isinstance(found, str) else found
    return {f"{name}_{key}": value or "" for key, value in ends.items()}


def _section(value: Any, fields: Mapping[str, ValueType]) -> dict[str, Any]:
    """Return the attributes of `value` that `fields` names, as the map file has them; absent ones left out."""
    pairs = ((key, getattr(value, key), field) for key, field in fields.items())
    return {
        key: f"{item[0]}/{item[1]}" if key == "seen" else _plain(item)
        for key, item, field in pairs
        if not (field.omitted and item == field.default)
    }


def _plain(value: Any) -> Any:
    """Return a value of a map as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Between):
        ends = {"after": _plain(value.after), "by": _plain(value.by)}
        return ends if any(ends.values()) else "before-first"
    if isinstance(value, Rect):
        return [value.x, value.y, value.width, value.height]
    if isinstance(value, Cfa):
        return value.name
    return list(value) if isinstance(value, tuple) else value
