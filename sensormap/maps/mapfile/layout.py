"""The sections of a map file and their keys, in order: a later field of the format is one more line here."""

from __future__ import annotations

from sensormap.frame import CALIBRATIONS
from sensormap.maps.clusters import Cluster
from sensormap.maps.entries import LATER_KINDS, DefectKind
from sensormap.maps.mapfile.values import (
    BETWEEN,
    CFA,
    EDIT_ACTION,
    INTEGER,
    INTERVAL,
    KIND,
    KINDS,
    NUMBER,
    PAIR,
    PLANE,
    PLANES,
    RECT,
    SEEN,
    TEXT,
    TIME,
    UNRESOLVED,
    items,
    later,
    mappings,
    nullable,
    one_of,
    optional,
)

FORMAT = "sensormap/1"
MAX_BYTES = 1 << 28  # 256 MB, some 700 000 defects; a camera with more takes no photos worth keeping
SCHEMA_FILE = "sensormap-1.schema.json"
"""The JSON Schema that editors check a map by; `schema.map_schema` makes it, ``sensormap schema`` writes it."""
COMMENTS = (
    f"# yaml-language-server: $schema={SCHEMA_FILE}",
    "# Defective photosites of one camera's sensor, found in its photos by sensormap; one entry per line.",
)
"""Lines below the first: the schema's name for editors, what the file is for people."""
COORDINATES = (
    "x, y: column and row of the raw grid, counted from 0 at its top left corner; jpeg: column and row of the camera's "
    "full-size JPEG as stored, not rotated; rectangles: left, top, width, height"
)
JPEG_COORDINATES = (
    "x, y: column and row of the camera's JPEG as stored, not rotated, counted from 0 at its top left corner: the "
    "camera's raw grid is not known; jpeg: the same; rectangles: left, top, width, height"
)
RADIUS = "; radius: pixels that the true photosite may lie away in x or y"

# Keys are the attributes of the dataclass that holds the section. One that older files lack is `later(...)`, or
# `optional(...)` if it is left out where there is nothing to say.
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
    "repeated": later(INTEGER, 0),
    "filtered": later(INTEGER, 0),
    "followed": later(INTEGER, 0),
    "clock_jumps": later(INTEGER, 0),
    "jpegs": later(INTEGER, 0),
    "temperature_c": optional(items(NUMBER, 2)),
}
CALIBRATION = {"name": TEXT, "sort": one_of(CALIBRATIONS)}
SKIPPED = {"name": TEXT, "reason": TEXT}
DARK_LAW = {"reference_c": NUMBER, "doubling_c": INTERVAL}
# Counts of later kinds are written where there are such, so that older versions read all other maps.
EDIT = {"x": INTEGER, "y": INTEGER, "edit": EDIT_ACTION, "kind": optional(KIND), "note": optional(TEXT, "")}
CLUSTER = {"cluster": INTEGER, "size": INTEGER, "x0": INTEGER, "y0": INTEGER, "x1": INTEGER, "y1": INTEGER}
SUMMARY = {
    **{kind.value: optional(INTEGER, 0) if kind in LATER_KINDS else INTEGER for kind in DefectKind},
    "total": INTEGER,
    "columns": INTEGER,
    "rows": later(INTEGER, 0),
    "clusters": optional(mappings(CLUSTER, Cluster)),
}
_LINE = {
    "plane": PLANES,
    "kind": KIND,
    "confidence": NUMBER,
    "score": NUMBER,
    "defects": INTEGER,
    "dark_dn_per_s": optional(INTERVAL),
    "offset_dn": optional(INTERVAL),
    "response": optional(INTERVAL),
    "unresolved": optional(UNRESOLVED, ()),
    "or_kinds": optional(KINDS, ()),
    "onset": optional(BETWEEN),
    "until": optional(BETWEEN),
    "seen": optional(SEEN),
    "last_seen": optional(TIME),
    "radius": optional(INTEGER),
}
COLUMN = {"x": INTEGER, "y0": INTEGER, "y1": INTEGER, **_LINE}
ROW = {"y": INTEGER, "x0": INTEGER, "x1": INTEGER, **_LINE}
DEFECT = {
    "x": INTEGER,
    "y": INTEGER,
    "plane": PLANE,
    "kind": KIND,
    "confidence": NUMBER,
    "score": NUMBER,
    "dark_dn_per_s": optional(INTERVAL),
    "offset_dn": optional(INTERVAL),
    "response": optional(INTERVAL),
    "unresolved": optional(UNRESOLVED, ()),
    "or_kinds": optional(KINDS, ()),
    "onset": optional(BETWEEN),
    "until": optional(BETWEEN),
    "seen": optional(SEEN),
    "last_seen": optional(TIME),
    "cluster": optional(INTEGER),
    "mean": optional(NUMBER),
    "variance": optional(NUMBER),
    "jpeg": nullable(PAIR),
}
JPEG_DEFECT = {
    "jpeg": PAIR,
    "x": INTEGER,
    "y": INTEGER,
    "radius": INTEGER,
    "plane": PLANE,
    "kind": KIND,
    "confidence": NUMBER,
    "score": NUMBER,
    **{key: DEFECT[key] for key in ("onset", "until", "seen", "last_seen", "cluster")},
}
"""A defect that only JPEGs show: the keys of one that has a radius."""

SECTIONS = (
    "format",
    "source",
    "camera",
    "sensor",
    "frames",
    "calibration",
    "skipped",
    "settings",
    "dark_law",
    "summary",
    "false_positives",
    "edits",
    "columns",
    "rows",
    "defects",
)
LATER_SECTIONS = ("source", "calibration", "dark_law", "false_positives", "edits", "rows")  # older files lack them
