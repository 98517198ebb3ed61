"""Compiled loops over the bit stream of a compressed NEF; their slow equivalents are in the tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

PEEK_BITS = 12  # a table of 4096 entries stays in the processor's nearest cache, and longer symbols are rare
SPLIT = 64  # set in an entry whose symbol is longer: code length and size of the difference stand there instead
LENGTH_MASK = SPLIT - 1
PAYLOAD_SHIFT = 7
DONE, BAD_CODE, BAD_INDEX, TOO_SHORT = 0, 1, 2, 3


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
