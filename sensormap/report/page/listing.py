"""All entries as what the script lists, draws and filters, and the strongest as a plain table."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any
from xml.etree.ElementTree import Element

from sensormap.assemble.details.values import strongest_defects
from sensormap.maps.entries import Defect, DefectKind, LineEntry, Source
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.visible import BASE_ISO, DN_PER_ELECTRON, GREY_DN, READ_DN, SHADOW_DN, SIGMAS, excesses
from sensormap.report.entries import CELLS, WORDS, column_names
from sensormap.report.page.markup import append, element
from sensormap.report.page.sensor_picture import MOST_LINES, SHAPES, kind_class
from sensormap.report.words import certainty, kind_text, plain, since_text

MOST_LISTED = 100_000
"""Defects that the table lists, the strongest: as many as a map has at most of 10 million photosites."""

MOST_STATIC = 50
"""Defects that are listed without script, the strongest."""

MOST_MAP_BYTES = 2_000_000
"""Of the packed map file that a page carries along; a larger one has to be had from elsewhere."""

_LEVEL = 6  # of gzip: 9 takes four times as long for one per cent

SHUTTERS_S = tuple(
    [1 / n for n in (8000, 4000, 2000, 1000, 500, 250, 125, 60, 30, 15, 8, 4, 2)]
    + [1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0]
)
ISOS = (50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 102400)
"""Stops of the sliders."""


def static_table(sensor_map: SensorMap, ranked: Sequence[Defect]) -> Element:
    """Return the strongest defects as a table that needs no script; the script then lists all in its place.

    Parameters
    ----------
    sensor_map
        The map.
    ranked
        Its defects, strongest first.
    """
    names = column_names(sensor_map)
    head = element("tr")
    for name in names:
        append(head, element("th", name, scope="col", class_=None if name in WORDS else "right"))
    body = element("tbody")
    for defect in ranked[:MOST_STATIC]:
        row = element("tr")
        for name in names:
            class_ = None if name in WORDS else "right"
            cell = element("td", CELLS[name](defect), class_=class_)
            if name == "kind":
                cell.set("class", f"kind {kind_class(defect.kind)}")
            append(row, cell)
        append(body, row)
    return element(
        "table", element("caption", "Defects, strongest first", class_="unseen"), element("thead", head), body,
        class_="entries", id="entries",
    )  # fmt: skip


def entries_content(sensor_map: SensorMap, ranked: Sequence[Defect]) -> dict[str, Any]:
    """Return what the script knows of a map: columns of its entries, and how to tell which of them show.

    Parameters
    ----------
    sensor_map
        The map.
    ranked
        Its defects, strongest first; at most `MOST_LISTED` are listed.
    """
    listed, names, area = ranked[:MOST_LISTED], column_names(sensor_map), sensor_map.sensor.active_area
    kinds = [str(kind) for kind in DefectKind]
    planes = list(dict.fromkeys(defect.plane for defect in listed))
    jpeg_only = sensor_map.source == Source.JPEG
    return {
        "size": list(sensor_map.sensor.raw_size),
        "area": [area.x, area.y, area.width, area.height],
        "cards": strongest_defects(ranked),
        "kinds": kinds,
        "shapes": [SHAPES[DefectKind(kind)] for kind in kinds],
        "planes": planes,
        "x": [defect.x for defect in listed],
        "y": [defect.y for defect in listed],
        "kind": [kinds.index(defect.kind) for defect in listed],
        "plane": [planes.index(defect.plane) for defect in listed],
        "confidence": [defect.confidence for defect in listed],
        "since": [_day(defect) for defect in listed],
        "cluster": [defect.cluster or 0 for defect in listed],
        "columns": [_column(name, listed) for name in names],
        "lines": [_line(line) for line in sensor_map.lines[:MOST_LINES]],
        "excess": None if jpeg_only else [_excess(defect) for defect in listed],
        "noise": {
            "iso": BASE_ISO, "read": READ_DN, "perElectron": DN_PER_ELECTRON, "sigmas": SIGMAS, "shadow": SHADOW_DN,
            "grey": GREY_DN,
        },
        "shutters": SHUTTERS_S,
        "isos": ISOS,
    }  # fmt: skip


def map_content(sensor_map: SensorMap) -> tuple[str, int] | None:
    """Return a map's file, packed as text, and its size in bytes; None if it is too large for a page."""
    text = map_text(sensor_map).encode()
    packed = _packed(text)
    return (packed, len(text)) if len(packed) <= MOST_MAP_BYTES else None


def data_element(content: str, name: str) -> Element:
    """Return packed data as an element that no browser runs or shows."""
    return element("script", content, type="application/gzip", id=name)


def packed_json(content: Any) -> str:
    """Return what JSON holds as compressed text of letters, digits, ``+/=``: nothing in it can end an element."""
    return _packed(json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii"))


def download_name(name: str) -> str:
    """Return a file name for a map to download, of letters that every system takes.

    Examples
    --------
    >>> download_name("../d80 <1>.yaml"), download_name("")
    ('d80 _1_.yaml', 'map.yaml')
    """
    kept = "".join(c if c.isalnum() or c in " .-_" else "_" for c in plain(PurePath(name).name)).strip(". ")
    stem = kept.removesuffix(".yaml")[:80]
    return f"{stem or 'map'}.yaml"


def _packed(content: bytes) -> str:
    return b64encode(gzip.compress(content, _LEVEL, mtime=0)).decode("ascii")


def _column(name: str, listed: Sequence[Defect]) -> dict[str, Any]:
    """Return a column of the table: its texts, and what it is sorted by; null where one is the other."""
    key = _KEYS.get(name)
    return {
        "name": name,
        "right": name not in WORDS,
        "texts": None if name in ("x", "y") else [CELLS[name](defect) for defect in listed],
        "keys": None if key is None else [key(defect) for defect in listed],
    }


def _line(line: LineEntry) -> dict[str, Any]:
    (x0, y0), (x1, y1) = line.photosite(line.place, line.first), line.photosite(line.place, line.last)
    text = f"{kind_text(line)} {line.noun} {line.place}, {line.first} to {line.last}"
    facts = [
        ["Planes", line.plane], ["Certainty", certainty(line.confidence)], ["Score", f"{line.score:.1f} sigma"],
        ["Since", since_text(line.onset)],
    ]  # fmt: skip
    return {"ends": [x0, y0, x1, y1], "kind": [*DefectKind].index(line.kind), "title": text, "facts": facts}


def _excess(defect: Defect) -> list[float] | None:
    """Return what `maps.visible` compares with noise, three numbers for each kind that is possible."""
    found = excesses(defect)
    return None if found is None else [number for one in found for number in (one.dn_per_s, one.dn, one.share)]


def _day(defect: Defect) -> str:
    """Return the last day on which a defect may have appeared, ISO; "" for one that was there, or of unknown onset."""
    onset = defect.onset
    return "" if onset is None or onset.by is None else onset.by.date().isoformat()


def _strength(defect: Defect) -> float:
    """Return by what defects of a kind are sorted: the size of their main strength."""
    if defect.kind == DefectKind.HOT and defect.dark_dn_per_s:
        return abs(defect.dark_dn_per_s[0])
    if defect.kind in (DefectKind.OFFSET, DefectKind.COLD) and defect.offset_dn:
        return abs(defect.offset_dn[0])
    if defect.response:
        return abs(defect.response[0] - 1)
    return defect.mean or 0.0


_KEYS: dict[str, Callable[[Defect], float | str]] = {
    "x": lambda defect: defect.x,
    "y": lambda defect: defect.y,
    "raw x, y": lambda defect: defect.y * 65536 + defect.x,
    "JPEG x, y": lambda defect: defect.jpeg[1] * 65536 + defect.jpeg[0] if defect.jpeg else -1,
    "+-": lambda defect: defect.radius or 0,
    "certainty": lambda defect: defect.confidence,
    "score": lambda defect: abs(defect.score),
    "mean": lambda defect: defect.mean or 0.0,
    "strength": _strength,
    "since": _day,
    "seen": lambda defect: defect.seen[0] / max(defect.seen[1], 1) if defect.seen else -1,
}
"""What the columns are sorted by that are not sorted by their texts."""
