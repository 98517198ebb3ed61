"""Phase One's IIQ photos: the list of sensor defects that the camera's maker has put into each of them.

Read only. The layout is that of dcraw's ``parse_phase_one`` and ``phase_one_correct``, which LibRaw has too: within the
first 32 bytes of the file a block of Phase One's own begins. Its directory names (tag 0x110) the block of calibration
data, whose directory names (tag 0x400) the list: eight bytes an entry, column, row, type and nothing, on the raw grid.
Of the types a photosite (129) and a column (131, 137) are known; others are passed over. Not tried with a file of a
camera.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator

from sensormap.camera.geometry import Sensor
from sensormap.errors import ListFormatError
from sensormap.formats.listing import Format, Listing, Run, make_listing, raw_grid
from sensormap.photos.files import MAX_PHOTO_BYTES

log = logging.getLogger(__name__)

ORDERS = {b"IIII": "<", b"MMMM": ">"}
RAW = 0x526177  # "Raw", the upper three bytes of the word after the byte order
CALIBRATION, DEFECTS = 0x110, 0x400
PHOTOSITE, COLUMNS = 129, (131, 137)
_LOOKED_AT = 32  # bytes
_MOST_TAGS = 8192  # of one directory; real ones have some fifty
_ENTRY = 8


def read(data: bytes, name: str, sensor: Sensor) -> Listing:
    """Read the list of sensor defects in a photo.

    Raises
    ------
    ListFormatError
        If the file is no photo of Phase One, has no such list, is cut short, or names a photosite outside the raw grid.
    """
    start, order = next(
        ((at, order) for mark, order in ORDERS.items() if (at := data[:_LOOKED_AT].find(mark)) >= 0), (-1, "")
    )
    if start < 0 or _numbers(data, order, start + 4, 1, name)[0] >> 8 != RAW:
        msg = f"{name}: is no IIQ photo of Phase One"
        raise ListFormatError(msg)
    block = _tags(data, order, start, start + 8, 4, name).get(CALIBRATION)
    if block is None:
        msg = f"{name}: holds no calibration data (tag 0x110), so no list of defects"
        raise ListFormatError(msg)
    base = start + block[1]
    order = ORDERS.get(data[base : base + 2] * 2, "")
    if not order:
        msg = f"{name}: its calibration data, at byte {base}, open with no byte order"
        raise ListFormatError(msg)
    found = _tags(data, order, base, base + 8, 3, name).get(DEFECTS)
    if found is None:
        msg = f"{name}: its calibration data hold no list of defects (tag 0x400)"
        raise ListFormatError(msg)
    length, at = found
    content = data[base + at : base + at + length // _ENTRY * _ENTRY]
    if len(content) < length // _ENTRY * _ENTRY:
        msg = f"{name}: its list of defects reaches beyond the end of the file"
        raise ListFormatError(msg)
    return make_listing(_entries(content, order, sensor, name), raw_grid(sensor), name)


def _tags(data: bytes, order: str, base: int, pointer: int, words: int, name: str) -> dict[int, tuple[int, int]]:
    """Return length and place of what each tag of a directory names.

    `pointer` is where the place of the directory stands, counted from `base`; each entry has so many words, tag first,
    length and place last.
    """
    directory = base + _numbers(data, order, pointer, 1, name)[0]
    count = _numbers(data, order, directory, 1, name)[0]
    if count > _MOST_TAGS:
        msg = f"{name}: a directory of {count} tags, expected at most {_MOST_TAGS}"
        raise ListFormatError(msg)
    numbers = _numbers(data, order, directory + 8, words * count, name)
    entries = [numbers[index : index + words] for index in range(0, len(numbers), words)]
    return {entry[0]: (entry[-2], entry[-1]) for entry in reversed(entries)}  # the first of a tag counts


def _numbers(data: bytes, order: str, at: int, count: int, name: str) -> tuple[int, ...]:
    """Return some numbers of 32 bits."""
    if at + 4 * count > len(data):
        msg = f"{name}: ends before byte {at + 4 * count}, where its directories lead to"
        raise ListFormatError(msg)
    return struct.unpack_from(f"{order}{count}I", data, at)


def _entries(content: bytes, order: str, sensor: Sensor, name: str) -> Iterator[Run]:
    """Yield the photosites and columns of a list."""
    unknown = 0
    for col, row, kind, _ in struct.iter_unpack(f"{order}4H", content):
        if kind == PHOTOSITE:
            yield Run(row, col, 1, 1)
        elif kind in COLUMNS:
            yield Run(0, col, 1, sensor.raw_size[1])
        else:
            unknown += 1
    if unknown:
        log.info("%s: %d entries of other types passed over", name, unknown)


FORMAT = Format(
    name="phase-one",
    title="Phase One IIQ photos, the list of defects in them; read only",
    space="raw grid",
    keeps=frozenset({"runs"}),
    write=None,
    read=read,
    max_bytes=MAX_PHOTO_BYTES,
)
