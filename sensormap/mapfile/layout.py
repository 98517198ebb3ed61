"""The sections of a map file and their keys, in order: a later field of the format is one more line here."""

from __future__ import annotations

from sensormap.defects import DefectKind
from sensormap.mapfile.fields import CFA, INTEGER, KIND, NUMBER, PAIR, PLANE, PLANES, RECT, TEXT, TIME, items, nullable

FORMAT = "sensormap/1"
COMMENT = "# Defective photosites of one camera's sensor, found in its photos by sensormap; one entry per line."
COORDINATES = (
    "x, y: column and row of the raw grid, counted from 0 at its top left corner; jpeg: column and row of the camera's "
    "full-size JPEG as stored, not rotated; rectangles: left, top, width, height"
)

# Keys are the attributes of the dataclass that holds the section. A later one is `optional(...)`: older files lack it.
CAMERA = {"make": TEXT, "model": TEXT, "serial": TEXT, "profile": TEXT}
SENSOR = {"raw_size": PAIR, "active_area": RECT, "cfa": CFA, "jpeg_crop": nullable(RECT), "coordinates": TEXT}
FRAMES = {
    "used": INTEGER,
    "skipped": INTEGER,
    "first": nullable(TIME),
    "last": nullable(TIME),
    "shutter_s": nullable(items(NUMBER, 2)),
    "iso": nullable(items(INTEGER, 2)),
    "digest": TEXT,
}
SKIPPED = {"name": TEXT, "reason": TEXT}
SUMMARY = {**{kind.value: INTEGER for kind in DefectKind}, "total": INTEGER, "columns": INTEGER}
COLUMN = {
    "x": INTEGER,
    "y0": INTEGER,
    "y1": INTEGER,
    "plane": PLANES,
    "kind": KIND,
    "confidence": NUMBER,
    "score": NUMBER,
    "defects": INTEGER,
}
DEFECT = {
    "x": INTEGER,
    "y": INTEGER,
    "plane": PLANE,
    "kind": KIND,
    "confidence": NUMBER,
    "score": NUMBER,
    "mean": NUMBER,
    "variance": NUMBER,
    "jpeg": nullable(PAIR),
}
SECTIONS = ("format", "camera", "sensor", "frames", "skipped", "settings", "summary", "columns", "defects")
