"""Indices to the strip of a compressed NEF, the reverse of `decode.nef.strip.unpack`.

No two streams stand for the same indices, so what is packed again equals what was unpacked, to the bit.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.decode.nef.codes import PrefixCode, symbols_of
from sensormap.decode.nef.strip import StripCoding

_WORD_BITS = 32  # of the numbers that a stream is cut into


def pack(indices: NDArray[np.uint16], coding: StripCoding) -> tuple[bytes, int]:
    """Return the strip of indices, its last byte filled up with zero bits, and the number of bits without those.

    Parameters
    ----------
    indices
        Index of the level of each photosite, ``(H, W)``, below the number of levels.
    coding
        Coding to use.

    Examples
    --------
    >>> from sensormap.decode.nef.codes import LOSSY
    >>> levels = np.arange(683, dtype=np.uint16)
    >>> strip, bits = pack(np.array([[3, 3]], np.uint16), StripCoding(LOSSY, (3, 3, 3, 3), levels))
    >>> strip.hex(), bits
    ('f780', 10)
    """
    words = np.empty(indices.size * coding.code.longest // _WORD_BITS + 1, np.uint32)
    starts = np.array(coding.starts, np.int64)
    bits = _pack_rows(indices, _written(coding.code), starts, words)
    return words[: -(-bits // _WORD_BITS)].astype(">u4").view(np.uint8)[: -(-bits // 8)].tobytes(), bits


def nearest_indices(values: NDArray[np.generic], levels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the index of the level next to each value, of two equally near ones the lower.

    Parameters
    ----------
    values
        Values in DN, finite, of any shape and real type.
    levels
        Levels in DN, ascending, ``(L,)``; of equal ones the first is taken.

    Examples
    --------
    >>> nearest_indices(np.array([-5, 11, 12, 900]), np.array([0, 10, 10, 12, 14], np.uint16)).tolist()
    [0, 1, 3, 4]
    """
    distinct, first = np.unique(levels, return_index=True)
    middles = (distinct[:-1] + distinct[1:].astype(np.float64)) / 2
    return first.astype(np.uint16)[np.searchsorted(middles, values)]


@cache
def _written(code: PrefixCode) -> NDArray[np.uint32]:
    """Return the symbol of each difference that has one, as `_pack_rows` takes it."""
    by_size = {symbol.size: (symbol.code, symbol.length) for symbol in symbols_of(code)}
    most = code.most_levels
    table = np.zeros(2 * most, np.uint32)
    for difference in range(1 - most, most):
        size = abs(difference).bit_length()
        value, length = by_size[size]
        raw = difference if difference >= 0 else difference + (1 << size) - 1
        table[difference + most] = (length + size) << 24 | value << size | raw
    return table


@compiled
def _pack_rows(
    indices: NDArray[np.uint16], symbols: NDArray[np.uint32], starts: NDArray[np.int64], words: NDArray[np.uint32]
) -> int:
    """Write a strip.

    Parameters
    ----------
    indices
        Shape ``(H, W)``; below half as many as there are `symbols`, and so are `starts`.
    symbols
        The symbol of each difference, from the lowest, 2^n in all: its length from bit 24 on, its bits below.
    starts
        Start values of the predictors: of even rows' columns 0 and 1, then of odd rows'.
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
