"""Indices to the strip of a compressed NEF, the reverse of `decode.nef.strip.unpack`.

No two streams stand for the same indices, so what is packed again equals what was unpacked, to the bit.
"""

from __future__ import annotations

import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.decode.nef.codes import PrefixCode, difference_of, symbols_of
from sensormap.decode.nef.strip import StripCoding

_WORD_BITS = 32  # of the numbers that a stream is cut into
_LENGTH_SHIFT = 27  # of the length of a symbol, above its at most 25 bits


def pack(indices: NDArray[np.uint16], coding: StripCoding) -> tuple[bytes, int]:
    """Return the strip of indices, its last byte filled up with zero bits, and the number of bits without those.

    Parameters
    ----------
    indices
        Index of the level of each photosite, ``(H, W)``, below the number of levels. After a split all differences
        have to be such as can be written.
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
    longest = max(code.longest for code in coding.codes)
    words = np.empty(indices.size * longest // _WORD_BITS + 1, np.uint32)
    starts = np.array(coding.starts, np.int64)
    code, after = (_written(code) for code in coding.codes)
    bits = _pack_rows(indices, code, after, coding.rows_before(indices.shape[0]), starts, words)
    used = words[: -(-bits // _WORD_BITS)]
    if sys.byteorder == "little":
        used.byteswap(inplace=True)
    return used.view(np.uint8)[: -(-bits // 8)].tobytes(), bits


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


def writable_indices(
    indices: NDArray[np.uint16],
    rows: NDArray[np.integer],
    cols: NDArray[np.integer],
    wanted: NDArray[np.uint16],
    coding: StripCoding,
) -> NDArray[np.uint16] | None:
    """Return the indices next to the wanted ones that can be written while all others stay.

    Parameters
    ----------
    indices
        Indices of all photosites, ``(H, W)``.
    rows, cols
        Rows and columns of those that change, ``(N,)``; each once.
    wanted
        New indices, ``(N,)``, within the table.
    coding
        Coding of the strip.

    Returns
    -------
    ndarray of uint16, shape (N,), or None
        The wanted ones where there is no split. After one, differences of up to 31, with 14 bits 255, are written as
        they are, so that only in steep places an index differs from the wanted one. None where an index in the first
        two columns, which three differences depend on, has no value left.
    """
    height = indices.shape[0]
    if coding.rows_before(height) == height:
        return wanted
    order = np.lexsort((cols, rows))
    found = wanted.copy()
    changing = np.zeros(indices.shape, np.bool_)
    changing[rows, cols] = True
    new = indices.copy()
    first = coding.rows_before(height)
    starts = np.array(coding.starts, np.int64)
    can = _written(coding.codes[1]) > 0
    y, x = rows.astype(np.int64), cols.astype(np.int64)
    if not _choose(new, changing, order, y, x, found, can, first, coding.margin, starts, len(coding.levels)):
        return None
    return found


@cache
def _written(code: PrefixCode) -> NDArray[np.uint32]:
    """Return the symbol of each difference that has one, as `_pack_rows` takes it; 0 for those that have none."""
    most = code.most_levels
    table = np.zeros(2 * most, np.uint32)
    for symbol in reversed(symbols_of(code)):  # of two codes for one difference the first
        written = np.arange(1 << symbol.written, dtype=np.uint32)
        bits = symbol.length + symbol.written << _LENGTH_SHIFT | symbol.code << symbol.written
        table[difference_of(written.astype(np.int64), symbol.size, symbol.dropped) + most] = written | np.uint32(bits)
    return table


@compiled
def _choose(
    indices: NDArray[np.uint16],
    changing: NDArray[np.bool_],
    order: NDArray[np.int64],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    found: NDArray[np.uint16],
    can: NDArray[np.bool_],
    split: int,
    margin: int,
    starts: NDArray[np.int64],
    count: int,
) -> bool:
    """Replace wanted indices by those next to them that can be written, row by row; tell whether all have one.

    `can` says which differences can be, from the lowest; other parameters are those of `writable_indices`.
    """
    height, width = indices.shape
    middle = can.shape[0] // 2
    for one in order:
        row, col, wanted = rows[one], cols[one], np.int64(found[one])
        if col >= 2:
            before = np.int64(indices[row, col - 2])
        else:
            before = np.int64(indices[row - 2, col]) if row >= 2 else starts[2 * row + col]
        low = margin if row < split else 0
        beside, below = row >= split and col + 2 < width, col < 2 and split <= row + 2 < height
        beside = beside and not changing[row, col + 2]
        below = below and not changing[row + 2, col]
        chosen = np.int64(-1)
        for step in range(2 * count):
            index = wanted + (step + 1) // 2 * (1 if step % 2 else -1)
            if index < low or index >= count - low:
                continue
            if row >= split and not can[index - before + middle]:
                continue
            if beside and not can[np.int64(indices[row, col + 2]) - index + middle]:
                continue
            if below and not can[np.int64(indices[row + 2, col]) - index + middle]:
                continue
            chosen = index
            break
        if chosen < 0:
            return False
        found[one] = chosen
        indices[row, col] = chosen
        changing[row, col] = False
    return True


@compiled
def _pack_rows(
    indices: NDArray[np.uint16],
    symbols: NDArray[np.uint32],
    after: NDArray[np.uint32],
    split: int,
    starts: NDArray[np.int64],
    words: NDArray[np.uint32],
) -> int:
    """Write a strip.

    Parameters
    ----------
    indices
        Shape ``(H, W)``; below half as many as there are `symbols`, and so are `starts`.
    symbols
        The symbol of each difference, from the lowest, 2^n in all: its length from bit 27 on, its bits below.
    after, split
        The same for rows from `split` on.
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
        if row == split:
            symbols = after
        if row < 2:
            first, second = starts[2 * row], starts[2 * row + 1]
        else:
            first, second = np.int64(indices[row - 2, 0]), np.int64(indices[row - 2, beside])
        for col in range(width):
            index = np.int64(indices[row, col])
            entry = symbols[(index - first + middle) & (2 * middle - 1)]  # within the table, whatever the indices
            first, second = second, index
            length = np.int64(entry >> np.uint32(_LENGTH_SHIFT))
            pending = (pending << np.uint64(length)) | np.uint64(entry & np.uint32((1 << _LENGTH_SHIFT) - 1))
            bits += length
            if bits >= 32:
                bits -= 32
                words[at] = np.uint32((pending >> np.uint64(bits)) & np.uint64(0xFFFFFFFF))
                at += 1
    if bits:
        words[at] = np.uint32((pending << np.uint64(32 - bits)) & np.uint64(0xFFFFFFFF))
    return int(32 * at + bits)
