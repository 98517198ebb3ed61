"""The strip of a compressed NEF: one bit stream for a whole mosaic, to indices and back, by compiled loops.

Of each photosite it holds the difference of its index to the one two columns to the left, in the first two columns to
the one two rows above: a prefix code for the difference's size k in bits, then k bits, the difference itself or, where
it is negative, the difference plus 2^k - 1. No two streams stand for the same indices, so what is packed again equals
what was unpacked, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

PEEK_BITS = 12  # a table of 4096 entries stays in the processor's nearest cache, and longer symbols are rare
SPLIT = 64  # set in an entry whose symbol is longer: code length and size of the difference stand there instead
LENGTH_MASK = SPLIT - 1
PAYLOAD_SHIFT = 7
DONE, BAD_CODE, BAD_INDEX, TOO_SHORT = 0, 1, 2, 3

BITS = 12
MOST_LEVELS = 1 << BITS  # the largest difference that has a code is one less
_LONGEST_SYMBOL = 22  # bits
_WORD_BITS = 32


@compiled
def unpack_rows(
    words: NDArray[np.uint32],
    symbols: NDArray[np.int32],
    starts: NDArray[np.int64],
    levels: NDArray[np.uint16],
    indices: NDArray[np.uint16],
    values: NDArray[np.uint16],
) -> tuple[int, int]:
    """Read a strip's differences and fill what they add up to.

    Parameters
    ----------
    words
        The strip as 32-bit numbers, with at least one word of zeros behind.
    symbols
        What the next `PEEK_BITS` bits begin with: the difference and the length of code and difference together; or,
        with `SPLIT`, the size of the difference and the length of the code alone, 0 of a difference for no such code.
    starts
        Start values of the predictors: of even rows' columns 0 and 1, then of odd rows'.
    levels
        The table that indices point into.
    indices, values
        Filled; shape ``(H, W)``.

    Returns
    -------
    tuple of int
        `DONE` and the bits read; or what is wrong, and at which photosite, counted row by row.
    """
    height, width = indices.shape
    beside = min(1, width - 1)
    count = levels.shape[0]
    pending = np.uint64(0)  # bits read but not used, from the most significant down
    bits, at = np.int64(0), 0
    for row in range(height):
        # The first two photosites of a row go on from those two rows above, each other from the one two to the left.
        if row < 2:
            first, second = starts[2 * row], starts[2 * row + 1]
        else:
            first, second = np.int64(indices[row - 2, 0]), np.int64(indices[row - 2, beside])
        for col in range(width):
            if bits < 32:
                if at == words.shape[0]:
                    return TOO_SHORT, row * width + col
                pending |= np.uint64(words[at]) << np.uint64(32 - bits)
                at += 1
                bits += 32
            entry = np.int64(symbols[pending >> np.uint64(64 - PEEK_BITS)])
            length = entry & LENGTH_MASK
            difference = entry >> PAYLOAD_SHIFT
            pending <<= np.uint64(length)
            bits -= length
            if entry & SPLIT:
                size = difference
                if size == 0:
                    return BAD_CODE, row * width + col
                difference = np.int64(pending >> np.uint64(64 - size))
                if difference >> (size - 1) == 0:
                    difference -= (1 << size) - 1
                pending <<= np.uint64(size)
                bits -= size
            index = first + difference
            if index < 0 or index >= count:
                return BAD_INDEX, row * width + col
            first, second = second, index
            indices[row, col] = index
            values[row, col] = levels[index]
    return DONE, int(32 * at - bits)


@compiled
def pack_rows(
    indices: NDArray[np.uint16], symbols: NDArray[np.uint32], starts: NDArray[np.int64], words: NDArray[np.uint32]
) -> int:
    """Write a strip.

    Parameters
    ----------
    indices
        Shape ``(H, W)``; below half as many as there are `symbols`, and so are `starts`.
    symbols
        Of each difference, from the lowest, 2^n in all: its symbol's length from bit 24 on, and below that the symbol.
    starts
        As in `unpack_rows`.
    words
        Filled with the bit stream, the rest of the last word with zeros; long enough for the longest symbols.

    Returns
    -------
    int
        The number of bits.
    """
    height, width = indices.shape
    beside = min(1, width - 1)
    middle = symbols.shape[0] // 2
    pending = np.uint64(0)  # bits not written yet, the last one the least significant; what is above is written
    bits, at = np.int64(0), 0
    for row in range(height):
        if row < 2:
            first, second = starts[2 * row], starts[2 * row + 1]
        else:
            first, second = np.int64(indices[row - 2, 0]), np.int64(indices[row - 2, beside])
        for col in range(width):
            index = np.int64(indices[row, col])
            entry = symbols[(index - first + middle) & (2 * middle - 1)]  # within the table, whatever the indices
            first, second = second, index
            length = np.int64(entry >> np.uint32(24))
            pending = (pending << np.uint64(length)) | np.uint64(entry & np.uint32(0xFFFFFF))
            bits += length
            if bits >= 32:
                bits -= 32
                words[at] = np.uint32((pending >> np.uint64(bits)) & np.uint64(0xFFFFFFFF))
                at += 1
    if bits:
        words[at] = np.uint32((pending << np.uint64(32 - bits)) & np.uint64(0xFFFFFFFF))
    return int(32 * at + bits)


@dataclass(frozen=True)
class Code:
    """A prefix code of Nikon's: `counts` of codes that are 1, 2, 3 ... bits long, `sizes` that they mean, in order."""

    counts: tuple[int, ...]
    sizes: tuple[int, ...]


LOSSY = Code((0, 1, 5, 1, 1, 1, 1, 1, 1, 1), (5, 4, 3, 6, 2, 7, 1, 0, 8, 9, 11, 10, 12))
LOSSLESS = Code((0, 1, 4, 2, 3, 1, 2), (5, 4, 6, 3, 7, 2, 8, 1, 9, 0, 10, 11, 12))


@dataclass(frozen=True)
class Coding:
    """How indices become bits.

    Parameters
    ----------
    code
        `LOSSY` or `LOSSLESS`.
    starts
        Start values of the predictors, below `MOST_LEVELS`: of even rows' columns 0 and 1, then of odd rows'.
    levels
        The value of each index, ascending, in DN; at most `MOST_LEVELS`.
    """

    code: Code
    starts: tuple[int, int, int, int]
    levels: NDArray[np.uint16]


@dataclass(frozen=True)
class Unpacked:
    """What a strip holds: ``(H, W)`` values in DN and indices, and the number of bits that say so."""

    values: NDArray[np.uint16]
    indices: NDArray[np.uint16]
    bits: int


def unpack(strip: bytes, shape: tuple[int, int], coding: Coding, name: str) -> Unpacked:
    """Return the mosaic of a strip.

    Parameters
    ----------
    strip
        The bit stream; anything may follow it.
    shape
        Height and width, photosites.
    coding
        How to read it.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the strip ends early, has a code that there is not, or leaves the table.
    """
    height, width = shape
    check_photosites(width, height, name)
    least = min(length + size for size, _, length in _symbols(coding.code))
    if width * height * least > 8 * len(strip):
        msg = f"{name}: strip of {len(strip)} bytes, too short for {width} x {height} photosites"
        raise DecodeError(msg)
    indices = np.empty(shape, np.uint16)
    values = np.empty(shape, np.uint16)
    # Zeros behind the end, so that the last symbol can be looked up as any other.
    whole = len(strip) // 4
    words = np.zeros(whole + 2, np.uint32)
    words[:whole] = np.frombuffer(strip, ">u4", whole)
    words[whole] = int.from_bytes(strip[4 * whole :].ljust(4, b"\0"))
    starts = np.array(coding.starts, np.int64)
    status, found = unpack_rows(words, _lookup(coding.code), starts, coding.levels, indices, values)
    if status == DONE and found > 8 * len(strip):
        status, found = TOO_SHORT, width * height - 1
    if status != DONE:
        reason = {
            BAD_CODE: "a code that there is not",
            BAD_INDEX: f"an index outside the table of {len(coding.levels)} levels",
            TOO_SHORT: "the end of the strip",
        }[status]
        msg = f"{name}: damaged: {reason} at x {found % width}, y {found // width}"
        raise DecodeError(msg)
    return Unpacked(values, indices, found)


def pack(indices: NDArray[np.uint16], coding: Coding) -> tuple[bytes, int]:
    """Return the strip of indices, its last byte filled up with zero bits, and the number of bits without those.

    Parameters
    ----------
    indices
        Shape ``(H, W)``, each below the number of levels.
    coding
        How to write them.

    Examples
    --------
    >>> levels = np.arange(683, dtype=np.uint16)
    >>> strip, bits = pack(np.array([[3, 3]], np.uint16), Coding(LOSSY, (3, 3, 3, 3), levels))
    >>> strip.hex(), bits
    ('f780', 10)
    """
    words = np.empty(indices.size * _LONGEST_SYMBOL // _WORD_BITS + 1, np.uint32)
    starts = np.array(coding.starts, np.int64)
    bits = pack_rows(indices, _written(coding.code), starts, words)
    return words[: -(-bits // _WORD_BITS)].astype(">u4").view(np.uint8)[: -(-bits // 8)].tobytes(), bits


def nearest_indices(values: NDArray[np.generic], levels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the index of the level next to each value, of two equally near ones the lower.

    Parameters
    ----------
    values
        In DN, finite, of any shape and real type.
    levels
        Ascending; of equal ones the first is taken.

    Examples
    --------
    >>> nearest_indices(np.array([-5, 11, 12, 900]), np.array([0, 10, 10, 12, 14], np.uint16)).tolist()
    [0, 1, 3, 4]
    """
    distinct, first = np.unique(levels, return_index=True)
    middles = (distinct[:-1] + distinct[1:].astype(np.float64)) / 2
    return first.astype(np.uint16)[np.searchsorted(middles, values)]


def _symbols(code: Code) -> list[tuple[int, int, int]]:
    """Return size of the difference, code and code length, in the order of the codes, which are canonical."""
    sizes = iter(code.sizes)
    symbols = []
    value = 0
    for length, count in enumerate(code.counts, start=1):
        value <<= 1
        for _ in range(count):
            symbols.append((next(sizes), value, length))
            value += 1
    return symbols


@cache
def _lookup(code: Code) -> NDArray[np.int32]:
    """Return what to do with the next `PEEK_BITS` bits, as `unpack_rows` takes it."""
    table = np.full(1 << PEEK_BITS, SPLIT, np.int32)
    for size, value, length in _symbols(code):
        rest = PEEK_BITS - length
        places = slice(value << rest, (value + 1) << rest)
        if size > rest:
            table[places] = size << PAYLOAD_SHIFT | SPLIT | length
            continue
        raw = np.arange(1 << rest) >> (rest - size)
        differences = np.where(raw < (1 << size) // 2, raw - (1 << size) + 1, raw)
        table[places] = differences * (1 << PAYLOAD_SHIFT) + length + size
    return table


@cache
def _written(code: Code) -> NDArray[np.uint32]:
    """Return the symbol of each difference from -4096 to 4095, as `pack_rows` takes it."""
    by_size = {size: (value, length) for size, value, length in _symbols(code)}
    table = np.zeros(2 * MOST_LEVELS, np.uint32)
    for difference in range(1 - MOST_LEVELS, MOST_LEVELS):
        size = abs(difference).bit_length()
        value, length = by_size[size]
        raw = difference if difference >= 0 else difference + (1 << size) - 1
        table[difference + MOST_LEVELS] = (length + size) << 24 | value << size | raw
    return table
