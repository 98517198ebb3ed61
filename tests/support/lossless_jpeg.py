"""A decoder of DNG tiles that shares nothing with the program's: slow, and strict about where the bits end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.decode.dng.tiles import Mosaic


class DamagedError(ValueError):
    """A tile that does not hold just what it should."""


class OtherKindError(ValueError):
    """A tile that is coded in another way than this decoder knows."""


def mosaic_values(data: bytes, mosaic: Mosaic) -> NDArray[np.uint16]:
    """Return the raw grid of a DNG, ``(H, W)``.

    Raises
    ------
    DamagedError, OtherKindError
        Of tiles that are.
    """
    found = np.zeros((mosaic.height, mosaic.width), np.uint16)
    for number, (offset, length) in enumerate(zip(mosaic.offsets, mosaic.lengths, strict=True)):
        tile = data[offset : offset + length]
        top, left = number // mosaic.across * mosaic.tile_height, number % mosaic.across * mosaic.tile_width
        values = jpeg_values(tile) if mosaic.lossless_jpeg else _plain_values(tile, mosaic, mosaic.rows_of(number))
        if len(values) != mosaic.tile_width * mosaic.rows_of(number):
            raise OtherKindError
        part = found[top : top + mosaic.tile_height, left : left + mosaic.tile_width]
        part[...] = np.array(values).reshape(-1, mosaic.tile_width)[: part.shape[0], : part.shape[1]]
    return found


def _plain_values(tile: bytes, mosaic: Mosaic, rows: int) -> list[int]:
    """Return values row by row."""
    bits, width, found = mosaic.bits, -(-mosaic.tile_width * mosaic.bits // 8), []
    for row in range(rows):
        line = tile[row * width : (row + 1) * width]
        if bits == 16:
            order = "little" if mosaic.order == "<" else "big"
            found += [int.from_bytes(line[i : i + 2], order) for i in range(0, width, 2)]
        else:
            text = "".join(f"{byte:08b}" for byte in line)
            found += [int(text[i * bits : (i + 1) * bits], 2) for i in range(mosaic.tile_width)]
    return found


def jpeg_values(tile: bytes) -> list[int]:
    """Return the values of a lossless JPEG, row by row."""
    at, tables, frame = 2, {}, None
    while True:
        if tile[at : at + 1] != b"\xff" or at + 4 > len(tile):
            raise OtherKindError
        marker, length = tile[at + 1], int.from_bytes(tile[at + 2 : at + 4])
        content, at = tile[at + 4 : at + 2 + length], at + 2 + length
        if marker == 0xC4:
            tables |= _code_tables(content)
        elif marker == 0xC3:
            frame = content
        elif marker == 0xDA:
            break
        elif marker in range(0xC0, 0xD0) or marker == 0xDD:
            raise OtherKindError
    if frame is None or len(frame) < 6 or not 1 <= frame[5] <= 2 or len(content) != 4 + 2 * frame[5] or content[-1]:
        raise OtherKindError
    bits, height, width, count = frame[0], int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5]), frame[5]
    if width * height > 100_000 or content[-3] not in range(1, 8):
        raise OtherKindError
    codes = [tables.get(content[2 + 2 * one] >> 4, {}) for one in range(count)]
    end = tile.find(b"\xff", at)
    while tile[end + 1 : end + 2] == b"\0":
        end = tile.find(b"\xff", end + 2)
    if end < 0 or tile[end:].lstrip(b"\xff")[:1] != b"\xd9":
        raise DamagedError
    stream = "".join(f"{byte:08b}" for byte in tile[at:end].replace(b"\xff\0", b"\xff"))
    return _differences_added(stream, codes, (bits, height, width, content[-3]))


def _differences_added(stream: str, codes: list[dict[str, int]], header: tuple[int, int, int, int]) -> list[int]:
    bits, height, width, predictor = header
    count = len(codes)
    found: list[int] = []
    at = 0
    for row in range(height):
        for col in range(width):
            for one in range(count):
                place, line = len(found), width * count
                left = found[place - count] if col else 0
                above = found[place - line] if row else 0
                corner = found[place - line - count] if row and col else 0
                predicted = (1 << bits - 1, left, above, 0)[0 if not row and not col else 1 if not row else 2]
                if row and col:
                    predicted = (
                        left, above, corner, left + above - corner, left + (above - corner >> 1),
                        above + (left - corner >> 1), left + above >> 1,
                    )[predictor - 1]  # fmt: skip
                length = next((n for n in range(1, 17) if stream[at : at + n] in codes[one]), 0)
                if not length or at + length > len(stream):
                    raise DamagedError
                size = codes[one][stream[at : at + length]]
                at += length
                extra = size if size < 16 else 0
                if at + extra > len(stream):
                    raise DamagedError
                number = int(stream[at : at + extra] or "0", 2)
                at += extra
                if size == 16:
                    number = 1 << 15
                elif size and not number >> size - 1:
                    number -= (1 << size) - 1
                found.append((predicted + number) % (1 << 16))
    if len(stream) - at >= 8 * 4:
        raise DamagedError
    return found


def _code_tables(content: bytes) -> dict[int, dict[str, int]]:
    """Return the sizes of differences by their codes, written as zeros and ones, of each table."""
    found, at = {}, 0
    while at + 17 <= len(content):
        number, counts, code = content[at] & 15, content[at + 1 : at + 17], 0
        sizes = content[at + 17 : at + 17 + sum(counts)]
        table, place = {}, 0
        for length, some in enumerate(counts, start=1):
            for size in sizes[place : place + some]:
                table[f"{code:0{length}b}"] = size
                code += 1
            place, code = place + some, code << 1
        found[number] = table
        at += 17 + sum(counts)
    return found
