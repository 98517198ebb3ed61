"""The strip of a compressed NEF: one bit stream for a whole mosaic, to the indices and values of its photosites.

An index is the place of a photosite's value in a table of levels. Of each photosite the stream holds the difference of
its index from the one two columns to the left, in the first two columns from the one two rows above: a symbol, which is
a prefix code for the difference's size k in bits, then k bits, the difference itself or, where it is negative, the
difference plus 2^k - 1. From a row on, which the file names, some cameras leave out the lowest bits of large
differences. `streams` reads a strip quickly; the loop here reads it from start to end, finds what is wrong with a
damaged one, and reads small ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.decode.nef.codes import PrefixCode, difference_of, symbols_of
from sensormap.decode.nef.streams import NOT_READ, can_be_cut, lookup_of, read_at_once, room_for
from sensormap.decode.nef.sums import add_up
from sensormap.errors import DecodeError
from sensormap.photos.files import check_photosites

_PEEK_BITS = 12  # bits looked up at once: 4096 entries stay in the processor's nearest cache; longer symbols are rare

# What the next bits mean is looked up: an entry has the length of the symbol in its low bits and the difference above
# them. Where the symbol is longer than `_PEEK_BITS`, the entry is marked `_SPLIT`, and has the length of the code alone
# and the size of the difference.
_LENGTH_MASK = 63
_SPLIT = _LENGTH_MASK + 1
_PAYLOAD_SHIFT = 7

_DONE, _BAD_CODE, _BAD_INDEX, _TOO_SHORT = range(4)  # what `_unpack_rows` returns


@dataclass(frozen=True)
class StripCoding:
    """How indices become bits.

    Parameters
    ----------
    code
        A code of `codes`.
    starts
        Start values of the predictors, of even rows' columns 0 and 1, then of odd rows', below the code's most levels.
    levels
        The value of each index, ascending, in DN; at most as many.
    split, after
        The row from which on another code is used, and that code; None where there is none.
    margin
        Number of levels at either end of the table that only rows from `split` on may have. They repeat the lowest and
        the highest level: what is left out of differences may lead beyond these.
    """

    code: PrefixCode
    starts: tuple[int, int, int, int]
    levels: NDArray[np.uint16]
    split: int = 0
    after: PrefixCode | None = None
    margin: int = 0

    def rows_before(self, height: int) -> int:
        """Return how many of a mosaic's rows are written in `code`."""
        return height if self.after is None else min(self.split, height)

    @property
    def codes(self) -> tuple[PrefixCode, PrefixCode]:
        """The code before and after the split; the same where there is none."""
        return self.code, self.after or self.code


@dataclass(frozen=True)
class UnpackedStrip:
    """What a strip holds.

    Parameters
    ----------
    values, indices
        Values in DN and indices of all photosites, ``(H, W)`` both.
    bits
        Length of the stream, without what follows it.
    """

    values: NDArray[np.uint16]
    indices: NDArray[np.uint16]
    bits: int


def unpack(strip: bytes | memoryview, shape: tuple[int, int], coding: StripCoding, name: str) -> UnpackedStrip:
    """Return the mosaic of a strip.

    Parameters
    ----------
    strip
        The bit stream; anything may follow it.
    shape
        Height and width, photosites.
    coding
        Coding of the strip.
    name
        The file's name, for messages.

    Raises
    ------
    DecodeError
        If the strip ends early, has a code that there is not, or leaves the table.
    """
    _check_length(strip, shape, coding, name)
    indices = np.empty(shape, np.uint16)
    read = _read_at_once(strip, shape, coding, indices.reshape(-1))
    if read is None:
        return _unpack_in_order(strip, shape, coding, name)
    return UnpackedStrip(read[0], indices, read[1])


def read_values(
    strip: bytes | memoryview, shape: tuple[int, int], coding: StripCoding, name: str
) -> tuple[NDArray[np.uint16], int]:
    """Return the values of a strip's photosites in DN, ``(H, W)``, and its bits; for arguments and errors see `unpack`.

    Some 25 ms for ten million photosites.
    """
    _check_length(strip, shape, coding, name)
    read = _read_at_once(strip, shape, coding, np.empty(0, np.uint16))
    if read is None:
        unpacked = _unpack_in_order(strip, shape, coding, name)
        return unpacked.values, unpacked.bits
    return read


def _check_length(strip: bytes | memoryview, shape: tuple[int, int], coding: StripCoding, name: str) -> None:
    """Refuse, before anything is allocated, what cannot hold so many photosites."""
    height, width = shape
    check_photosites(width, height, name)
    if width * height * min(code.shortest for code in coding.codes) > 8 * len(strip):
        msg = f"{name}: strip of {len(strip)} bytes, too short for {width} x {height} photosites"
        raise DecodeError(msg)


def _read_at_once(
    strip: bytes | memoryview, shape: tuple[int, int], coding: StripCoding, indices: NDArray[np.uint16]
) -> tuple[NDArray[np.uint16], int] | None:
    """Return values and bits of a strip, and fill its indices, unless they have no room.

    None where it has to be read in order: a small strip, one whose streams do not meet, or one in which something is
    wrong, which is then named.
    """
    height, width = shape
    before = width * coding.rows_before(height)
    photosites = width * height
    # What lies behind takes no memory.
    strip = strip[: photosites * max(code.longest for code in coding.codes) // 8 + 1]
    bits = 8 * len(strip)
    if not can_be_cut(bits):
        return None
    data = np.frombuffer(strip, np.uint8)
    # Symbols of the second code are all of one length, but for differences that hardly a table has room for.
    rest, after = photosites - before, coding.codes[1].shortest
    guess = min(max(bits - rest * after, 0), bits)
    parts = [(coding.code, before, guess, 1), (coding.codes[1], rest, bits, after)]
    rooms = [room_for(length, code.shortest, count) for code, count, length, _ in parts if count]
    differences = np.empty(sum(rooms), np.uint16)
    found, pieces, start = 0, [], 0
    for (code, count, end, grain), room in zip([part for part in parts if part[1]], rooms, strict=True):
        memory = differences[start : start + room]
        found, some = read_at_once(data, _two_symbols(code), count, memory, first=found, guess=end, grain=grain)
        if found == NOT_READ:
            return None
        pieces.append(some + start)
        start += room
    values = np.empty(photosites, np.uint16) if indices.size else differences[:photosites]
    starts = np.array(coding.starts, np.uint16)
    rows = coding.rows_before(height)
    if not add_up(
        differences, np.concatenate(pieces), starts, coding.levels, width, rows, coding.margin, indices, values
    ):
        return None
    return values.reshape(shape), found


def _unpack_in_order(
    strip: bytes | memoryview, shape: tuple[int, int], coding: StripCoding, name: str
) -> UnpackedStrip:
    """Return the mosaic of a strip of sufficient length, read from its start to its end by one simple loop."""
    height, width = shape
    indices = np.empty(shape, np.uint16)
    values = np.empty(shape, np.uint16)
    # Zeros behind the end, so that the last symbol can be looked up as any other.
    whole = len(strip) // 4
    words = np.zeros(whole + 2, np.uint32)
    words[:whole] = np.frombuffer(strip, ">u4", whole)
    words[whole] = int.from_bytes(bytes(strip[4 * whole :]).ljust(4, b"\0"))
    starts = np.array(coding.starts, np.int64)
    code, after = (_lookup(code) for code in coding.codes)
    rows = coding.rows_before(height)
    status, found = _unpack_rows(words, code, after, rows, coding.margin, starts, coding.levels, indices, values)
    if status == _DONE and found > 8 * len(strip):
        status, found = _TOO_SHORT, values.size - 1
    if status != _DONE:
        count = len(coding.levels) - (2 * coding.margin if found // width < rows else 0)
        reason = {
            _BAD_CODE: "a code that there is not",
            _BAD_INDEX: f"an index outside the table of {count} levels",
            _TOO_SHORT: "the end of the strip",
        }[status]
        msg = f"{name}: damaged: {reason} at x {found % width}, y {found // width}"
        raise DecodeError(msg)
    return UnpackedStrip(values, indices, found)


@cache
def _lookup(code: PrefixCode) -> NDArray[np.int32]:
    """Return what to do with the next `_PEEK_BITS` bits, as `_unpack_rows` takes it."""
    table = np.full(1 << _PEEK_BITS, _SPLIT, np.int32)
    for symbol in symbols_of(code):
        rest = _PEEK_BITS - symbol.length
        places = slice(symbol.code << rest, (symbol.code + 1) << rest)
        if symbol.written > rest:  # of these no bits are left out
            table[places] = symbol.size << _PAYLOAD_SHIFT | _SPLIT | symbol.length
            continue
        raw = np.arange(1 << rest) >> (rest - symbol.written)
        table[places] = difference_of(raw, symbol.size, symbol.dropped) * (1 << _PAYLOAD_SHIFT)
        table[places] += symbol.length + symbol.written
    return table


@cache
def _two_symbols(code: PrefixCode) -> NDArray[np.uint64]:
    """Return what to do with the next bits, as `streams.read_at_once` takes it."""
    return lookup_of(symbols_of(code))


@compiled
def _unpack_rows(
    words: NDArray[np.uint32],
    symbols: NDArray[np.int32],
    after: NDArray[np.int32],
    split: int,
    margin: int,
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
        The entry for each value of the next `_PEEK_BITS` bits, as described beside `_SPLIT`; a split one with a
        difference of size 0 stands for bits that begin no code.
    after, split
        The same for rows from `split` on.
    margin
        Number of levels at either end of the table that only these rows may have.
    starts
        Start values of the predictors: of even rows' columns 0 and 1, then of odd rows'.
    levels
        The table that indices point into.
    indices, values
        Filled; shape ``(H, W)``.

    Returns
    -------
    tuple of int
        `_DONE` and the bits read; or what is wrong, and at which photosite, counted row by row.
    """
    height, width = indices.shape
    beside = min(1, width - 1)
    low, high = margin, levels.shape[0] - margin
    pending = np.uint64(0)  # bits read but not used, from the most significant down
    bits, at = np.int64(0), 0
    for row in range(height):
        if row == split:
            symbols, low, high = after, 0, levels.shape[0]
        # The first two photosites of a row go on from those two rows above, each other from the one two to the left.
        if row < 2:
            first, second = starts[2 * row], starts[2 * row + 1]
        else:
            first, second = np.int64(indices[row - 2, 0]), np.int64(indices[row - 2, beside])
        for col in range(width):
            if bits < 32:
                if at == words.shape[0]:
                    return _TOO_SHORT, row * width + col
                pending |= np.uint64(words[at]) << np.uint64(32 - bits)
                at += 1
                bits += 32
            entry = np.int64(symbols[pending >> np.uint64(64 - _PEEK_BITS)])
            length = entry & _LENGTH_MASK
            difference = entry >> _PAYLOAD_SHIFT
            pending <<= np.uint64(length)
            bits -= length
            if entry & _SPLIT:
                size = difference
                if size == 0:
                    return _BAD_CODE, row * width + col
                difference = np.int64(pending >> np.uint64(64 - size))
                if difference >> (size - 1) == 0:
                    difference -= (1 << size) - 1
                pending <<= np.uint64(size)
                bits -= size
            index = first + difference
            if index < low or index >= high:
                return _BAD_INDEX, row * width + col
            first, second = second, index
            indices[row, col] = index
            values[row, col] = levels[index]
    return _DONE, int(32 * at - bits)
