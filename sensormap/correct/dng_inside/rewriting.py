"""New values of some photosites into a DNG whose other bytes stay."""

from __future__ import annotations

import struct
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.geometry import Rect
from sensormap.correct.dng_inside import lossless_jpeg
from sensormap.correct.dng_inside.tiles import Mosaic
from sensormap.errors import OutputError

_ALIGNMENT = 16  # bytes: where tiles begin that moved to the end of the file


def with_photosites(
    data: bytes,
    mosaic: Mosaic,
    decoded: NDArray[np.uint16],
    visible: Rect,
    changes: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
    name: str,
) -> bytes | None:
    """Return a DNG with new values at some photosites.

    Parameters
    ----------
    data
        The whole file.
    mosaic
        Where it has its mosaic, from `tiles.find_mosaic`.
    decoded
        The mosaic as LibRaw decodes it, ``(H, W)``, DN.
    visible
        The part of it in which these values are to be trusted.
    changes
        Rows, columns and new values of photosites inside that part, ``(N,)`` each.
    name
        The file's name, for messages.

    Returns
    -------
    bytes or None
        None where the file holds other values than LibRaw finds, or a tile is coded in a way that is not known: then
        another file has to be made. Else every byte outside the tiles that change is the same, but for their lengths
        and places where these change, and sums over all values, which become 0, which stands for none. A tile that
        became shorter is filled up with zeros; one that became longer takes the place of another that changed too, or
        moves to the end of the file.

    Raises
    ------
    DecodeError
        If a tile is damaged.
    OutputError
        If a tile does not decode to what it was made of.
    """
    rows, cols, values = changes
    values = np.clip(values, 0, (1 << mosaic.bits) - 1)
    numbers = rows // mosaic.tile_height * mosaic.across + cols // mosaic.tile_width
    file = bytearray(data)
    tiles: dict[int, bytes] = {}
    for number in np.unique(numbers).tolist():
        here = numbers == number
        top, left = (int(part) for part in divmod(number, mosaic.across))
        top, left = top * mosaic.tile_height, left * mosaic.tile_width
        places = rows[here] - top, cols[here] - left, values[here]
        if not mosaic.lossless_jpeg:
            old = decoded[rows[here], cols[here]]
            if not _put(file, mosaic, number, places, old):
                return None
            continue
        area = Rect(left, top, mosaic.tile_width, mosaic.rows_of(number)).intersection(visible)
        tile = _new_jpeg(data, mosaic, number, places, (decoded[area.slices], area, (top, left)), name)
        if tile is None:
            return None
        tiles[number] = tile
    if not _place(file, mosaic, tiles):
        return None
    for place in mosaic.digest_places:
        file[place : place + 16] = bytes(16)
    return bytes(file)


def _put(
    file: bytearray,
    mosaic: Mosaic,
    number: int,
    places: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
    old: NDArray[np.uint16],
) -> bool:
    """Write values into an uncompressed tile; tell whether the old ones were what they should be."""
    bits, little = mosaic.bits, mosaic.order == "<" and mosaic.bits == 16
    for row, col, value, expected in zip(*(part.tolist() for part in places), old.tolist(), strict=True):
        first = 8 * (mosaic.offsets[number] + mosaic.row_bytes * row) + bits * col
        start, end = first // 8, (first + bits + 7) // 8
        window = int.from_bytes(file[start:end], "little" if little else "big")
        shift = 8 * end - first - bits
        mask = (1 << bits) - 1 << shift
        if (window & mask) >> shift != expected:
            return False
        window = window & ~mask | value << shift
        file[start:end] = window.to_bytes(end - start, "little" if little else "big")
    return True


def _new_jpeg(
    data: bytes,
    mosaic: Mosaic,
    number: int,
    places: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
    known: tuple[NDArray[np.uint16], Rect, tuple[int, int]],
    name: str,
) -> bytes | None:
    """Return a lossless JPEG with other values; None where the old one does not hold the known ones.

    `known` are values, their area on the raw grid, and row and column of the tile's corner there.
    """
    offset, length = mosaic.offsets[number], mosaic.lengths[number]
    tile = memoryview(data)[offset : offset + length]
    header = lossless_jpeg.read_header(tile)
    count = mosaic.tile_width * mosaic.rows_of(number)
    if header is None or header.width * header.height * header.components != count:
        return None
    flat = lossless_jpeg.decode(tile, header, f"{name}: tile {number}")
    # A row of the JPEG may be half a row of the tile, or two: its values are those of the tile one after another.
    values = flat.reshape(-1, mosaic.tile_width).copy()
    expected, area, (top, left) = known
    shown = values[area.y - top : area.y - top + area.height, area.x - left : area.x - left + area.width]
    if not np.array_equal(shown, expected):
        return None
    rows, cols, new = places
    values[rows, cols] = np.minimum(new, (1 << header.bits) - 1)
    coded = lossless_jpeg.encode(values.ravel(), header)
    again = lossless_jpeg.read_header(memoryview(coded))
    if again != header or not np.array_equal(lossless_jpeg.decode(memoryview(coded), header, name), values.ravel()):
        msg = f"{name}: tile {number}, coded again, does not decode to what it was made of"
        raise OutputError(msg)
    return coded


def _place(file: bytearray, mosaic: Mosaic, tiles: dict[int, bytes]) -> bool:
    """Write tiles over the old ones, or behind all, and their lengths and places; tell whether these can be told.

    A tile may take the place of another: nearly all become a little longer or shorter, and few have to go behind all.
    """
    free = sorted((mosaic.lengths[number], mosaic.offsets[number]) for number in tiles)
    form = f"{mosaic.order}{mosaic.length_form}"
    for number, tile in sorted(tiles.items(), key=lambda item: (-len(item[1]), item[0])):
        at = bisect_left(free, (len(tile), 0))  # the smallest place that is large enough
        if at < len(free):
            length, offset = free.pop(at)
            file[offset : offset + length] = tile.ljust(length, b"\0")
        else:
            file += bytes(-len(file) % _ALIGNMENT)
            offset = len(file)
            file += tile
        try:
            struct.pack_into(form, file, mosaic.lengths_place + struct.calcsize(form) * number, len(tile))
            struct.pack_into(f"{mosaic.order}I", file, mosaic.offsets_place + 4 * number, offset)
        except struct.error:  # too large for the field
            return False
    return True
