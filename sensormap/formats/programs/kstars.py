"""KStars/Ekos defect maps, JSON.

Coordinates count from the first photosite of the frame that the camera's driver delivers. Drivers deliver the visible
area, top row first, so that is the space; but KStars looks at all eight neighbours of an entry without checking that
they exist, so entries on the outermost rows and columns, which would lead it out of its buffer, are left out.

KStars uses a hot entry whose value is at least ``median + standardDeviation * k``, and a cold one whose value is below
``median - standardDeviation * k``, with k by the aggressiveness that the user sets. With both 0, as written here, every
hot entry of value 1 and every cold entry of value -1 is used whatever the user sets.

Dark kinds are cold, all others hot. Reading makes the likeliest of them: hot becomes `hot`, cold `dead`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn, TypeGuard

from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, within
from sensormap.maps.entries import DARK_KINDS, DefectKind

MAX_JSON = 8 * 1024 * 1024  # bytes; JSON takes up to thirty times its size in memory, and this holds 200,000 entries
_MOST = 1 << 31
_LISTS = {"hot": DefectKind.HOT, "cold": DefectKind.DEAD}


def write(listing: Listing, sensor: Sensor, body: Body) -> bytes:
    """Write every photosite, those of runs too, under the body's model as camera."""
    area = sensor.active_area
    shown = [found for found in one_by_one(within(listing, area)) if _is_inner(found.x, found.y, area)]
    content = {
        "camera": body.model,
        "median": 0,
        "standardDeviation": 0,
        "hotAggressiveness": 75,
        "coldAggressiveness": 75,
        "hot": [{"x": found.x, "y": found.y, "value": 1} for found in shown if found.kind not in DARK_KINDS],
        "cold": [{"x": found.x, "y": found.y, "value": -1} for found in shown if found.kind in DARK_KINDS],
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n"


def _is_inner(x: int, y: int, area: Rect) -> bool:
    """Tell whether a photosite has all eight neighbours."""
    return 0 < x < area.width - 1 and 0 < y < area.height - 1


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read the hot and the cold entries, whatever their values.

    Raises
    ------
    ListFormatError
        If the file is no JSON object with lists ``hot`` and ``cold`` of entries with integers ``x`` and ``y``, is
        larger than 8 MiB, or an entry lies outside the visible area.
    """
    if len(data) > MAX_JSON:
        msg = f"{name}: {len(data)} bytes, expected at most {MAX_JSON}"
        raise ListFormatError(msg)
    try:
        content = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # RecursionError: brackets nested thousands deep
        msg = f"{name}: no JSON ({str(error)[:100]})"
        raise ListFormatError(msg) from error
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in _LISTS):
        msg = f"{name}: no KStars defect map, which is a JSON object with the lists 'hot' and 'cold'"
        raise ListFormatError(msg)
    return make_listing(_entries(content, name), sensor.active_area, name)


def _entries(content: dict[str, Any], name: str) -> Iterator[Run]:
    """Yield the entries of both lists."""
    for key, kind in _LISTS.items():
        for number, entry in enumerate(content[key], 1):
            x, y = (entry.get("x"), entry.get("y")) if isinstance(entry, dict) else (None, None)
            if not _is_coordinate(x) or not _is_coordinate(y):
                msg = f"{name}: {key}, entry {number}: without integers x and y, below {_MOST} each"
                raise ListFormatError(msg)
            yield Run(y, x, 1, 1, kind)


def _is_coordinate(value: Any) -> TypeGuard[int]:
    """Tell whether a value is an integer of a size that can be told in a message; a bool is an int to Python."""
    return type(value) is int and abs(value) < _MOST


def _refuse(text: str) -> NoReturn:
    """Refuse what Python's JSON reader takes beyond JSON: NaN and Infinity."""
    msg = f"{text} is no JSON number"
    raise ValueError(msg)


FORMAT = Format(
    name="kstars",
    title="KStars and Ekos, defect map",
    space="visible area, without its outermost rows and columns",
    keeps=frozenset({"two kinds"}),
    write=write,
    read=read,
    max_bytes=MAX_JSON,
)
