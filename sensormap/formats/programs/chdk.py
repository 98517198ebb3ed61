"""CHDK's ``badpixel.bin``, by which Canon compacts repair their DNGs.

Coordinates count from the top left of the camera's raw buffer, margins included: the raw grid.

The file is 16-bit little-endian numbers. A column opens with its x in the low 13 bits; the high 3 bits plus 1 say how
many y follow. Each y is such a number too: its high 3 bits plus 1 are the photosites from there downward.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import groupby

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Run, make_listing, one_by_one, raw_grid, within

LIMIT = 0x1FFF  # largest coordinate that 13 bits hold
MOST = 8  # what 3 bits count to, plus 1


def write(listing: Listing, sensor: Sensor, _: Body) -> bytes:
    """Write every photosite, those of runs too.

    Raises
    ------
    ListFormatError
        If a coordinate is above 8191.
    """
    photosites = one_by_one(within(listing, raw_grid(sensor)))
    words: list[int] = []
    for x, column in groupby(sorted((found.x, found.y) for found in photosites), key=lambda place: place[0]):
        starts = list(_starts([y for _, y in column]))
        highest = max(x, *(y + length - 1 for y, length in starts))
        if highest > LIMIT:
            msg = f"chdk: coordinate {highest}, but badpixel.bin holds none above {LIMIT}"
            raise ListFormatError(msg)
        for part in (starts[first : first + MOST] for first in range(0, len(starts), MOST)):
            words.append(x | len(part) - 1 << 13)
            words.extend(y | length - 1 << 13 for y, length in part)
    return struct.pack(f"<{len(words)}H", *words)


def _starts(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first row and length of each stretch of touching rows, at most eight long."""
    start, length = rows[0], 0
    for y in rows:
        if length == MOST or y != start + length:
            yield start, length
            start, length = y, 0
        length += 1
    yield start, length


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read the photosites; an empty file, which CHDK takes too, lists none.

    Raises
    ------
    ListFormatError
        If the file ends within a column, or a photosite lies outside the raw grid.
    """
    if len(data) % 2:
        msg = f"{name}: {len(data)} bytes, expected 16-bit numbers"
        raise ListFormatError(msg)
    return make_listing(_entries(data, name), raw_grid(sensor), name)


def _entries(data: bytes, name: str) -> Iterator[Run]:
    """Yield the photosites in the order of the file."""
    words = (word for (word,) in struct.iter_unpack("<H", data))
    for word in words:
        for _ in range((word >> 13) + 1):
            row = next(words, None)
            if row is None:
                msg = f"{name}: ends within column {word & LIMIT}: truncated, or no badpixel.bin"
                raise ListFormatError(msg)
            for step in range((row >> 13) + 1):
                yield Run((row & LIMIT) + step, word & LIMIT, 1, 1)


FORMAT = Format(
    name="chdk",
    title="CHDK on Canon compacts",
    space="raw grid",
    keeps=frozenset(),
    write=write,
    read=read,
    file_name=lambda _sensor, _body: "badpixel.bin",
)
