"""One tag of the images in a TIFF or DNG file, found without trusting the file."""

from __future__ import annotations

import struct

from sensormap.errors import ListFormatError
from sensormap.photos.files import TIFF_ORDERS

SUB_IFDS = 330
_MOST_IFDS = 64  # of one file; a DNG has three or four
_MOST_TAGS = 4096  # of one IFD; real ones have some hundred
_BYTES, _LONG, _IFD = (1, 7), 4, 13


def is_tiff(data: bytes) -> bool:
    """Tell whether a file begins as a TIFF file, and so a DNG, does."""
    return data[:4] in TIFF_ORDERS


def find_tag(data: bytes, tag: int, name: str) -> bytes | None:
    """Return the content of a tag of bytes, of the first image of a file that has it; None if none has.

    Parameters
    ----------
    data
        The whole file.
    tag
        Number of the tag.
    name
        Name of the file, for messages.

    Raises
    ------
    ListFormatError
        If the file's directories lead out of it, or are more than a photo has, or the tag's content is not bytes.
    """
    order = TIFF_ORDERS[data[:4]]
    places, seen = [_numbers(data, order, 4, 1, name)[0]], set[int]()
    while places:
        place = places.pop(0)
        if place == 0 or place in seen:
            continue
        seen.add(place)
        if len(seen) > _MOST_IFDS:
            msg = f"{name}: more than {_MOST_IFDS} directories of images, expected fewer"
            raise ListFormatError(msg)
        count = int.from_bytes(data[place : place + 2], "little" if order == "<" else "big")
        if place + 2 + 12 * count + 4 > len(data) or count > _MOST_TAGS:
            msg = f"{name}: a directory of {count} tags at byte {place} reaches beyond the end of the file"
            raise ListFormatError(msg)
        for index in range(count):
            at = place + 2 + 12 * index
            number, kind, length, value = struct.unpack_from(f"{order}HHII", data, at)
            if number == tag:
                return _content(data, at, kind, length, value, name)
            if number == SUB_IFDS and kind in (_LONG, _IFD) and length <= _MOST_IFDS:
                places += [value] if length == 1 else _numbers(data, order, value, length, name)
        places += _numbers(data, order, place + 2 + 12 * count, 1, name)
    return None


def _content(data: bytes, at: int, kind: int, length: int, value: int, name: str) -> bytes:
    """Return the bytes of a tag whose entry stands at byte `at`."""
    start = at + 8 if length <= 4 else value
    if kind not in _BYTES or start + length > len(data):
        msg = f"{name}: a tag of type {kind} and length {length} at byte {at}, expected bytes within the file"
        raise ListFormatError(msg)
    return data[start : start + length]


def _numbers(data: bytes, order: str, at: int, count: int, name: str) -> tuple[int, ...]:
    """Return some numbers of 32 bits."""
    if at + 4 * count > len(data):
        msg = f"{name}: ends before byte {at + 4 * count}, where its directories lead to"
        raise ListFormatError(msg)
    return struct.unpack_from(f"{order}{count}I", data, at)
