"""The bits of a compressed NEF's strip, read at four places at once: differences first, then what they add up to.

What holds a reader of prefix codes up is not its work but waiting: each look-up needs the length of the symbol before.
So the strip is cut at arbitrary bits, and its pieces are read in turn by one loop, whose look-ups overlap [1]_. A piece
that begins inside a symbol reads nonsense at first, but falls into step by itself after a few symbols, as such codes do
[2]_. Of each piece the places of its first symbols are kept; the piece before is read on until it meets one of them.

References
----------
.. [1] F. Giesen, articles on entropy decoding with several streams, https://fgiesen.wordpress.com (2021 to 2023).
.. [2] S. T. Klein, Y. Wiseman, "Parallel Huffman decoding with applications to JPEG files", The Computer Journal 46
   (2003) 487, doi:10.1093/comjnl/46.5.487.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

NOT_READ = 0
"""Returned in place of a number of bits where the strip has to be read from its start to its end."""

_STREAMS = 4  # two take 10 % longer, six and eight as long: there are no registers for more
_PEEK_BITS = 14  # looked up at once: 16384 entries of 64 bits; with 13, noisy photos take a third longer

# What the next bits mean is looked up. An entry has, from its lowest bits up: 8 bits of length, of one symbol or two; 8
# with the number of symbols; a difference of 16 bits, and a second one; 8 with the length of the first symbol. Where
# already that is longer than `_PEEK_BITS`, the length is 0, and there are the length of its code, and the size of its
# difference, in place of the two differences; both are 0 where the bits begin no code.
_BYTE, _WORD = 0xFF, 0xFFFF
_COUNT, _FIRST, _SECOND, _FIRST_LENGTH = 8, 16, 32, 48
_LOOK_UPS = 4  # that the 57 bits of one window always suffice for

_MARKS = 1024  # symbols of each piece whose places are kept; streams meet after 17 on average
_TAIL_BITS = 4096  # at the end of the strip, read symbol by symbol, lest a stream goes on behind the last photosite
_LEAST_PIECE = 64 * _MARKS  # bits; its first symbols do not reach the next piece
_SLACK = 2 * _MARKS + _TAIL_BITS  # differences that a stream may write beyond those of its piece
_NOWHERE = 1 << 62  # the place of a stream that came upon bits that begin no code: behind all others


def lookup_of(symbols: Sequence[tuple[int, int, int]]) -> NDArray[np.uint64]:
    """Return what the next bits mean, as `read_at_once` takes it.

    Parameters
    ----------
    symbols
        Of each: size of the difference, code, and length of the code, in bits.
    """
    peeked = np.arange(1 << _PEEK_BITS, dtype=np.int64)
    size, code_length = np.zeros_like(peeked), np.zeros_like(peeked)
    for bits, code, length in symbols:
        begins = peeked >> (_PEEK_BITS - length) == code
        size[begins], code_length[begins] = bits, length
    first_length = size + code_length
    whole = (code_length > 0) & (first_length <= _PEEK_BITS)
    raw = peeked >> np.maximum(_PEEK_BITS - first_length, 0) & ((1 << size) - 1)
    difference = np.where(raw < (1 << size) // 2, raw - (1 << size) + 1, raw) & _WORD
    behind = peeked << np.where(whole, first_length, 0) & ((1 << _PEEK_BITS) - 1)
    both = first_length + first_length[behind]
    two = whole & whole[behind] & (both <= _PEEK_BITS)
    entry = np.where(two, both, first_length)
    entry |= np.where(two, 2, 1) << _COUNT
    entry |= difference << _FIRST
    entry |= np.where(two, difference[behind], 0) << _SECOND
    entry |= first_length << _FIRST_LENGTH
    return np.where(whole, entry, code_length << _FIRST | size << _SECOND).astype(np.uint64)


def room_for(bits: int, least: int) -> int:
    """Return how many differences `read_at_once` needs memory for: never fewer than the strip has.

    Parameters
    ----------
    bits
        Length of the strip.
    least
        Length of the shortest symbol.
    """
    return _STREAMS * (bits // _STREAMS // least + _SLACK)


def can_be_cut(bits: int) -> bool:
    """Tell whether a strip of so many bits is long enough for `read_at_once`."""
    return bits >= _STREAMS * _LEAST_PIECE


def read_at_once(
    data: NDArray[np.uint8], table: NDArray[np.uint64], photosites: int, differences: NDArray[np.uint16]
) -> tuple[int, NDArray[np.int64]]:
    """Read all differences of a strip.

    Parameters
    ----------
    data
        The strip, long enough to be cut.
    table
        What the next bits mean, from `lookup_of`.
    photosites
        Number of differences to read.
    differences
        Memory for them, as much as `room_for` says; filled, modulo 2^16.

    Returns
    -------
    bits : int
        Length of the stream; or `NOT_READ` if two streams did not meet, or the strip is damaged or too long.
    pieces : ndarray of int64, shape (4, 2)
        Where in the memory the differences of each piece begin and end.
    """
    pieces = np.zeros((_STREAMS, 2), np.int64)
    bits = 8 * data.size
    cuts = np.array([bits * piece // _STREAMS for piece in range(_STREAMS + 1)], np.uint64)
    cuts[-1] -= np.uint64(_TAIL_BITS)
    marks = np.zeros((_STREAMS, _MARKS), np.uint64)
    # Zeros behind the last bits, which are read as all others.
    tail = np.frombuffer(bytes(data[int(cuts[-1]) // 8 :]).ljust(_TAIL_BITS, b"\0"), np.uint8)
    return int(_read_pieces(data, tail, table, cuts, marks, differences, pieces, photosites)), pieces


@compiled
def _window(data: NDArray[np.uint8], bit: np.uint64) -> np.uint64:
    """Return the bits from a place on, at least 57 of them, the first one the most significant.

    The compiler makes one load and one byte swap of it.
    """
    at = bit >> np.uint64(3)
    window: np.uint64 = (
        np.uint64(data[at]) << np.uint64(56)
        | np.uint64(data[at + np.uint64(1)]) << np.uint64(48)
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(40)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(32)
        | np.uint64(data[at + np.uint64(4)]) << np.uint64(24)
        | np.uint64(data[at + np.uint64(5)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(6)]) << np.uint64(8)
        | np.uint64(data[at + np.uint64(7)])
    ) << (bit & np.uint64(7))
    return window


@compiled
def _long_symbol(window: np.uint64, entry: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return length and difference of a symbol that is longer than what is looked up at once."""
    code_length = entry >> np.uint64(_FIRST) & np.uint64(_WORD)
    size = entry >> np.uint64(_SECOND) & np.uint64(_WORD)
    if size == np.uint64(0):
        return np.uint64(_NOWHERE), np.uint64(0)
    raw = window << code_length >> (np.uint64(64) - size)
    if raw >> (size - np.uint64(1)) == np.uint64(0):
        raw = raw - (np.uint64(1) << size) + np.uint64(1)
    return code_length + size, raw


@compiled
def _one(
    data: NDArray[np.uint8], table: NDArray[np.uint64], differences: NDArray[np.uint16], bit: np.uint64, at: np.uint64
) -> np.uint64:
    """Read one symbol; return the place of the next, or `_NOWHERE` or more."""
    window = _window(data, bit)
    entry = table[window >> np.uint64(64 - _PEEK_BITS)]
    if entry & np.uint64(_BYTE):
        differences[at] = np.uint16(entry >> np.uint64(_FIRST) & np.uint64(_WORD))
        following: np.uint64 = bit + (entry >> np.uint64(_FIRST_LENGTH))
        return following
    length, difference = _long_symbol(window, entry)
    differences[at] = np.uint16(difference & np.uint64(_WORD))
    return bit + length


@compiled
def _some(
    data: NDArray[np.uint8], table: NDArray[np.uint64], differences: NDArray[np.uint16], bit: np.uint64, at: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Read up to eight symbols; return the place of the next, or `_NOWHERE` or more, and where its difference goes."""
    window = _window(data, bit)
    for _ in range(_LOOK_UPS):
        entry = table[window >> np.uint64(64 - _PEEK_BITS)]
        length = entry & np.uint64(_BYTE)
        if length == np.uint64(0):
            return _one(data, table, differences, bit, at), at + np.uint64(1)
        differences[at] = np.uint16(entry >> np.uint64(_FIRST) & np.uint64(_WORD))
        differences[at + np.uint64(1)] = np.uint16(entry >> np.uint64(_SECOND) & np.uint64(_WORD))
        at += entry >> np.uint64(_COUNT) & np.uint64(_BYTE)
        bit += length
        window <<= length
    return bit, at


@compiled
def _begin(
    data: NDArray[np.uint8],
    table: NDArray[np.uint64],
    differences: NDArray[np.uint16],
    bit: np.uint64,
    first: np.uint64,
    marks: NDArray[np.uint64],
) -> np.uint64:
    """Read the first symbols of a piece and keep their places; return that of the next, or `_NOWHERE`."""
    mark = 0
    for _ in range(2 * marks.shape[0]):
        marks[mark] = bit
        following = _one(data, table, differences, bit, first + np.uint64(mark))
        mark += 1
        if following >= np.uint64(_NOWHERE):
            # Nonsense, as may be before a stream falls into step: it begins anew, one bit later.
            following, mark = bit + np.uint64(1), 0
        bit = following
        if mark == marks.shape[0]:
            return bit
    return np.uint64(_NOWHERE)


@compiled
def _meet(
    data: NDArray[np.uint8],
    table: NDArray[np.uint64],
    differences: NDArray[np.uint16],
    bit: np.uint64,
    at: np.uint64,
    marks: NDArray[np.uint64],
) -> tuple[np.uint64, int]:
    """Read on from the end of a piece until a symbol begins at one of the places that the next piece has kept.

    Returns where the next difference would go, and the number of that place; -1 if there is none.
    """
    mark = 0
    for _ in range(marks.shape[0]):
        if bit >= np.uint64(_NOWHERE):
            break
        while mark < marks.shape[0] and marks[mark] < bit:
            mark += 1
        if mark == marks.shape[0]:
            break
        if marks[mark] == bit:
            return at, mark
        bit = _one(data, table, differences, bit, at)
        at += np.uint64(1)
    return at, -1


@compiled
def _read_pieces(
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    table: NDArray[np.uint64],
    cuts: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    differences: NDArray[np.uint16],
    pieces: NDArray[np.int64],
    photosites: int,
) -> np.uint64:
    """Read all pieces and join them; parameters and result are those of `read_at_once`.

    All numbers of the loops are unsigned: with signed ones they take several times as long.
    """
    room = differences.shape[0] // 4
    bit, at = cuts[:4].copy(), np.empty(4, np.uint64)
    for piece in range(4):
        pieces[piece, 0], at[piece] = piece * room, np.uint64(piece * room)
        if piece:
            bit[piece] = _begin(data, table, differences, bit[piece], at[piece], marks[piece])
            if bit[piece] >= np.uint64(_NOWHERE):
                return np.uint64(NOT_READ)
            at[piece] += np.uint64(marks.shape[1])
    bit0, bit1, bit2, bit3 = bit[0], bit[1], bit[2], bit[3]
    at0, at1, at2, at3 = at[0], at[1], at[2], at[3]
    end0, end1, end2, end3 = cuts[1], cuts[2], cuts[3], cuts[4]
    while bit0 < end0 and bit1 < end1 and bit2 < end2 and bit3 < end3:
        bit0, at0 = _some(data, table, differences, bit0, at0)
        bit1, at1 = _some(data, table, differences, bit1, at1)
        bit2, at2 = _some(data, table, differences, bit2, at2)
        bit3, at3 = _some(data, table, differences, bit3, at3)
    bit[0], bit[1], bit[2], bit[3] = bit0, bit1, bit2, bit3
    at[0], at[1], at[2], at[3] = at0, at1, at2, at3
    left = photosites
    for piece in range(4):
        here, to = bit[piece], at[piece]
        while here < cuts[piece + 1]:
            here, to = _some(data, table, differences, here, to)
        bit[piece], at[piece] = here, to
        if piece < 3:
            at[piece], mark = _meet(data, table, differences, here, to, marks[piece + 1])
            if mark < 0:
                return np.uint64(NOT_READ)
            pieces[piece + 1, 0] += mark
        left -= np.int64(at[piece]) - pieces[piece, 0]
        pieces[piece, 1] = np.int64(at[piece])
    if left < 0:
        return np.uint64(NOT_READ)
    # The last symbols, each only while photosites are left, so that nothing behind the strip is read.
    last = cuts[4] + np.uint64(_TAIL_BITS)
    before = cuts[4] & ~np.uint64(7)  # where `tail` begins
    here, to = bit[3], at[3]
    for _ in range(left):
        if here >= last:
            return np.uint64(NOT_READ)
        here = before + _one(tail, table, differences, here - before, to)
        to += np.uint64(1)
    pieces[3, 1] = np.int64(to)
    return here if here <= last else np.uint64(NOT_READ)


@compiled
def _join(
    differences: NDArray[np.uint16], pieces: NDArray[np.int64], piece: int, at: int, joined: NDArray[np.uint16]
) -> tuple[int, int]:
    """Gather a row that lies in several pieces, from a place on; return piece and place of what follows."""
    for col in range(joined.shape[0]):
        while at == pieces[piece, 1]:
            piece += 1
            at = pieces[piece, 0]
        joined[col] = differences[at]
        at += 1
    return piece, at


@compiled
def add_up(
    differences: NDArray[np.uint16],
    pieces: NDArray[np.int64],
    starts: NDArray[np.uint16],
    levels: NDArray[np.uint16],
    width: int,
    indices: NDArray[np.uint16],
    values: NDArray[np.uint16],
) -> bool:
    """Fill what differences add up to.

    Parameters
    ----------
    differences, pieces
        Of all photosites, from `read_at_once`.
    starts
        Start values of the predictors: of even rows' columns 0 and 1, then of odd rows'.
    levels
        The table that indices point into.
    width
        Photosites of a row.
    indices
        Filled, ``(H * W,)``; of length 0 if they are not wanted.
    values
        Filled, ``(H * W,)``. It may be the beginning of `differences`: no photosite's difference lies before its place.

    Returns
    -------
    bool
        Whether all indices lie in the table.
    """
    line, joined = np.empty(width, np.uint16), np.empty(width, np.uint16)
    above = starts.copy()
    piece, at = 0, pieces[0, 0]
    for row in range(values.shape[0] // width):
        if at + width <= pieces[piece, 1]:
            found = differences[at : at + width]
            at += width
        else:
            piece, at = _join(differences, pieces, piece, at, joined)
            found = joined
        pair = 2 * (row & 1)
        even = np.uint16(above[pair] + found[0])
        above[pair] = line[0] = even
        if width > 1:
            odd = np.uint16(above[pair + 1] + found[1])
            above[pair + 1] = line[1] = odd
            for half in range(1, width // 2):
                even = np.uint16(even + found[2 * half])
                odd = np.uint16(odd + found[2 * half + 1])
                line[2 * half] = even
                line[2 * half + 1] = odd
            if width & 1:
                line[width - 1] = np.uint16(even + found[width - 1])
        highest = np.uint16(0)
        for col in range(width):
            highest = max(highest, line[col])
        if highest >= levels.shape[0]:
            return False
        to = values[row * width : (row + 1) * width]
        for col in range(width):
            to[col] = levels[line[col]]
        if indices.shape[0]:
            # Not by a slice: to compile its error message takes 1.6 s.
            kept = indices[row * width : (row + 1) * width]
            for col in range(width):
                kept[col] = line[col]
    return True
