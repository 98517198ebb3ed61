"""The strip of a compressed NEF: one bit stream for a whole mosaic, to indices and back.

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

from sensormap.correct import strip_kernels
from sensormap.correct.strip_kernels import PAYLOAD_SHIFT, PEEK_BITS, SPLIT
from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

BITS = 12
MOST_LEVELS = 1 << BITS  # the largest difference that has a code is one less
_LONGEST_SYMBOL = 22  # bits
_WORD_BITS = 32


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
    status, found = strip_kernels.unpack_rows(words, _lookup(coding.code), starts, coding.levels, indices, values)
    if status == strip_kernels.DONE and found > 8 * len(strip):
        status, found = strip_kernels.TOO_SHORT, width * height - 1
    if status != strip_kernels.DONE:
        reason = {
            strip_kernels.BAD_CODE: "a code that there is not",
            strip_kernels.BAD_INDEX: f"an index outside the table of {len(coding.levels)} levels",
            strip_kernels.TOO_SHORT: "the end of the strip",
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
    bits = strip_kernels.pack_rows(indices, _written(coding.code), starts, words)
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
    """Return what to do with the next `PEEK_BITS` bits, as `strip_kernels.unpack_rows` takes it."""
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
    """Return the symbol of each difference from -4096 to 4095, as `strip_kernels.pack_rows` takes it."""
    by_size = {size: (value, length) for size, value, length in _symbols(code)}
    table = np.zeros(2 * MOST_LEVELS, np.uint32)
    for difference in range(1 - MOST_LEVELS, MOST_LEVELS):
        size = abs(difference).bit_length()
        value, length = by_size[size]
        raw = difference if difference >= 0 else difference + (1 << size) - 1
        table[difference + MOST_LEVELS] = (length + size) << 24 | value << size | raw
    return table
