"""New values of some photosites into a DNG whose other bytes stay."""

from __future__ import annotations

import struct
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.dng_inside import lossless_jpeg
from sensormap.decode.dng.jpeg_header import JpegHeader, read_header
from sensormap.decode.dng.tiles import Mosaic
from sensormap.errors import OutputError

_ALIGNMENT = 16  # bytes: where tiles begin that moved to the end of the file
_ROWS_AT_ONCE = 64  # of an uncompressed tile, whose bytes take four meanwhile

Tiles = list[NDArray[np.uint16]]
"""Values of all strips or tiles, each ``(rows, tile_width)``, DN."""


def read_tiles(data: bytes, mosaic: Mosaic, name: str) -> Tiles | None:
    """Decode all tiles of a DNG, without LibRaw.

    Parameters
    ----------
    data
        The whole file.
    mosaic
        Where it has its mosaic, from `tiles.find_mosaic`.
    name
        The file's name, for messages.

    Returns
    -------
    list of ndarray, or None
        None where a tile is coded in a way that is not known.

    Raises
    ------
    DecodeError
        If a tile is damaged.
    """
    if not mosaic.lossless_jpeg:
        return [_uncompressed(data, mosaic, number) for number in range(len(mosaic.offsets))]
    headers = [_header(data, mosaic, number) for number in range(len(mosaic.offsets))]
    tiles = []
    for number, header in enumerate(headers):
        if header is None:
            return None
        values = lossless_jpeg.decode(_tile(data, mosaic, number), header, f"{name}: tile {number}")
        # A row of the JPEG may be half a row of the tile, or two: its values are those of the tile one after another.
        tiles.append(values.reshape(-1, mosaic.tile_width).astype(np.uint16, copy=False))
    return tiles


def assembled(tiles: Tiles, mosaic: Mosaic) -> NDArray[np.uint16]:
    """Return the raw grid, ``(H, W)``, that tiles are parts of.

    Parameters
    ----------
    tiles
        Values of the tiles, from `read_tiles`.
    mosaic
        Where they lie.
    """
    values = np.empty((mosaic.height, mosaic.width), np.uint16)
    for number, tile in enumerate(tiles):
        top, left = mosaic.corner_of(number)
        part = values[top : top + mosaic.tile_height, left : left + mosaic.tile_width]
        part[...] = tile[: part.shape[0], : part.shape[1]]
    return values


def with_photosites(
    data: bytes,
    mosaic: Mosaic,
    tiles: Tiles,
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
    tiles
        Values of its tiles, from `read_tiles`.
    changes
        Rows, columns and new values of photosites, ``(N,)`` each.
    name
        The file's name, for messages.

    Returns
    -------
    bytes or None
        None where the file becomes too large for its own numbers: then another file has to be made. Else every byte
        outside the tiles that change is the same, but for their lengths and places where these change, and sums over
        all values, which become 0, which stands for none. A tile that became shorter is filled up with zeros; one that
        became longer takes the place of another that changed too, or moves to the end of the file.

    Raises
    ------
    OutputError
        If a tile does not decode to what it was made of.
    """
    rows, cols, values = changes
    values = np.clip(values, 0, (1 << mosaic.bits) - 1)
    numbers = rows // mosaic.tile_height * mosaic.across + cols // mosaic.tile_width
    file = bytearray(data)
    longer: dict[int, bytes] = {}
    for number in np.unique(numbers).tolist():
        here = numbers == number
        top, left = mosaic.corner_of(number)
        places = rows[here] - top, cols[here] - left, values[here]
        if mosaic.lossless_jpeg:
            longer[number] = _new_jpeg(data, mosaic, number, places, tiles[number], name)
        else:
            _put(file, mosaic, number, places)
    if not _place(file, mosaic, longer):
        return None
    for place in mosaic.digest_places:
        file[place : place + 16] = bytes(16)
    return bytes(file)


def _tile(data: bytes, mosaic: Mosaic, number: int) -> memoryview:
    """Return the bytes of a tile."""
    return memoryview(data)[mosaic.offsets[number] : mosaic.offsets[number] + mosaic.lengths[number]]


def _header(data: bytes, mosaic: Mosaic, number: int) -> JpegHeader | None:
    """Return the header of a tile that is a lossless JPEG of as many values as the tile has; None of any other."""
    header = read_header(_tile(data, mosaic, number))
    count = mosaic.tile_width * mosaic.rows_of(number)
    return header if header and header.width * header.height * header.components == count else None


def _uncompressed(data: bytes, mosaic: Mosaic, number: int) -> NDArray[np.uint16]:
    """Return the values of an uncompressed tile."""
    bits, rows, width = mosaic.bits, mosaic.rows_of(number), mosaic.tile_width
    held = np.frombuffer(data, np.uint8, rows * mosaic.row_bytes, mosaic.offsets[number]).reshape(rows, -1)
    if bits == 16:
        return held.view(f"{mosaic.order}u2").astype(np.uint16)
    values = np.empty((rows, width), np.uint16)
    groups = -(-width // 8)  # of eight values, which are as many bytes as each has bits
    for first in range(0, rows, _ROWS_AT_ONCE):
        part = held[first : first + _ROWS_AT_ONCE]
        whole = np.zeros((len(part), groups * bits + 2), np.uint32)
        whole[:, : mosaic.row_bytes] = part
        for one in range(min(8, width)):
            at, before = divmod(one * bits, 8)
            high, middle, low = (whole[:, at + i : at + i + groups * bits : bits] for i in range(3))
            value = (high << 16 | middle << 8 | low) >> 24 - before - bits & (1 << bits) - 1
            values[first : first + _ROWS_AT_ONCE, one::8] = value[:, : -(-(width - one) // 8)]
    return values


def _put(
    file: bytearray,
    mosaic: Mosaic,
    number: int,
    places: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
) -> None:
    """Write values into an uncompressed tile."""
    bits, little = mosaic.bits, mosaic.order == "<" and mosaic.bits == 16
    for row, col, value in zip(*(part.tolist() for part in places), strict=True):
        first = 8 * (mosaic.offsets[number] + mosaic.row_bytes * row) + bits * col
        start, end = first // 8, (first + bits + 7) // 8
        window = int.from_bytes(file[start:end], "little" if little else "big")
        shift = 8 * end - first - bits
        mask = (1 << bits) - 1 << shift
        window = window & ~mask | value << shift
        file[start:end] = window.to_bytes(end - start, "little" if little else "big")


def _new_jpeg(
    data: bytes,
    mosaic: Mosaic,
    number: int,
    places: tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]],
    old: NDArray[np.uint16],
    name: str,
) -> bytes:
    """Return a lossless JPEG with other values."""
    header = read_header(_tile(data, mosaic, number))
    if header is None:
        msg = f"{name}: tile {number} is no lossless JPEG that can be coded again"
        raise OutputError(msg)
    rows, cols, new = places
    values = old.copy()
    values[rows, cols] = np.minimum(new, (1 << header.bits) - 1)
    coded = lossless_jpeg.encode(values.ravel(), header)
    again = read_header(memoryview(coded))
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
