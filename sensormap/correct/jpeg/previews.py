"""The list of further images behind a JPEG's first one (CIPA DC-007, multi-picture format), kept true."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

from sensormap.photos.files import TIFF_ORDERS
from sensormap.photos.jpeg_markers import segments

_APP2, _NAME = 0xE2, b"MPF\0"
_ENTRIES: Final = 0xB002  # the tag that holds 16 bytes an image: kind, size, offset, and what depends on it


def moved_previews(data: bytes, name: str, *, end: int, by: int) -> bytes:
    """Correct a file's list of further images, which moved as the first one's coded data changed in length.

    Parameters
    ----------
    data
        The file, already changed.
    name
        The file's name, for messages.
    end
        Place where the first image's coded data ended before: all behind it has moved.
    by
        Number of bytes that it moved.

    Returns
    -------
    bytes
        The same file with other offsets in its list, and another size of the first image; unchanged where there is
        no list, or it makes no sense.
    """
    out = bytearray(data)
    file = BytesIO(data)
    for marker, length in segments(file, name):
        start = file.tell()
        if marker == _APP2 and data[start : start + 4] == _NAME:
            _move(memoryview(out)[start + 4 : start + length], start + 4, end, by)
            break
    return bytes(out)


def _move(block: memoryview, start: int, end: int, by: int) -> None:
    """Change the entries of one list, which is a TIFF block that starts at `start` of the file."""
    order = TIFF_ORDERS.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        return
    (at,) = struct.unpack_from(f"{order}I", block, 4)
    if at + 2 > len(block):
        return
    (count,) = struct.unpack_from(f"{order}H", block, at)
    for field in range(at + 2, min(at + 2 + 12 * count, len(block) - 11), 12):
        tag, _, size, place = struct.unpack_from(f"{order}HHII", block, field)
        if tag == _ENTRIES:  # the first such field: a hostile file has thousands of them, over the same bytes
            for entry in range(place, min(place + size, len(block)) - 15, 16):
                length, offset = struct.unpack_from(f"{order}II", block, entry + 4)
                if offset == 0 and 0 < length + by < 1 << 32:  # the first image itself
                    struct.pack_into(f"{order}I", block, entry + 4, length + by)
                elif start + offset >= end and 0 <= offset + by < 1 << 32:
                    struct.pack_into(f"{order}I", block, entry + 8, offset + by)
            return
