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
from sensormap.decode.nef.codes import Symbol, difference_of

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


def lookup_of(symbols: Sequence[Symbol]) -> NDArray[np.uint64]:
    """Return what the next bits mean, as `read_at_once` takes it.

    Parameters
    ----------
    symbols
        Of a code, from `symbols_of`. Those of more than 14 bits must be written whole.
    """
    peeked = np.arange(1 << _PEEK_BITS, dtype=np.int64)
    size, dropped, code_length = np.zeros_like(peeked), np.zeros_like(peeked), np.zeros_like(peeked)
    for symbol in symbols:
        begins = peeked >> (_PEEK_BITS - symbol.length) == symbol.code
        size[begins], dropped[begins], code_length[begins] = symbol.size, symbol.dropped, symbol.length
    first_length = size - dropped + code_length
    whole = (code_length > 0) & (first_length <= _PEEK_BITS)
    written = peeked >> np.maximum(_PEEK_BITS - first_length, 0) & ((1 << (size - dropped)) - 1)
    difference = difference_of(written, size, dropped) & _WORD
    behind = peeked << np.where(whole, first_length, 0) & ((1 << _PEEK_BITS) - 1)
    both = first_length + first_length[behind]
    two = whole & whole[behind] & (both <= _PEEK_BITS)
    entry = np.where(two, both, first_length)
    entry |= np.where(two, 2, 1) << _COUNT
    entry |= difference << _FIRST
    entry |= np.where(two, difference[behind], 0) << _SECOND
    entry |= first_length << _FIRST_LENGTH
    return np.where(whole, entry, code_length << _FIRST | size << _SECOND).astype(np.uint64)


def room_for(bits: int, least: int, photosites: int) -> int:
    """Return how many differences `read_at_once` needs memory for: never fewer than the strip has.

    Parameters
    ----------
    bits
        Length of what is cut.
    least
        Length of the shortest symbol.
    photosites
        Number of differences that are wanted.
    """
    return _STREAMS * (bits // _STREAMS // least + _SLACK) + photosites


def can_be_cut(bits: int) -> bool:
    """Tell whether a strip of so many bits is long enough for `read_at_once`."""
    return bits >= _STREAMS * _LEAST_PIECE


def read_at_once(
    data: NDArray[np.uint8],
    table: NDArray[np.uint64],
    photosites: int,
    differences: NDArray[np.uint16],
    *,
    first: int = 0,
    guess: int | None = None,
    grain: int = 1,
) -> tuple[int, NDArray[np.int64]]:
    """Read differences of a strip, all in one code.

    Parameters
    ----------
    data
        The strip, long enough to be cut.
    table
        What the next bits mean, from `lookup_of`.
    photosites
        Number of differences to read.
    differences
        Memory for them, as much as `room_for` says of the bits between `first` and `guess`; filled, modulo 2^16.
    first
        The bit to begin at.
    guess
        Where about they end, in bits; by default at the end of the strip. What lies before is cut, what lies behind is
        read as one stream.
    grain
        The length that nearly all symbols have, if there is one: such a code never falls into step by itself, and is
        cut at multiples of it.

    Returns
    -------
    bits : int
        Where they end; or `NOT_READ` if two streams did not meet, or the strip is damaged.
    pieces : ndarray of int64, shape (1 to 4, 2)
        Where in the memory the differences of each piece begin and end.
    """
    pieces = np.zeros((_STREAMS, 2), np.int64)
    end = 8 * data.size - _TAIL_BITS
    last = min(guess or end, end)
    span = last - first if can_be_cut(last - first) else 0
    cuts = np.array([first + span * piece // _STREAMS // grain * grain for piece in range(_STREAMS + 1)], np.uint64)
    marks = np.zeros((_STREAMS, _MARKS), np.uint64)
    # Zeros behind the last bits, which are read as all others.
    tail = np.frombuffer(bytes(data[end // 8 :]).ljust(_TAIL_BITS, b"\0"), np.uint8)
    room = (differences.shape[0] - photosites) // _STREAMS
    bits, used = _read_pieces(data, tail, table, cuts, np.uint64(end), marks, differences, room, pieces, photosites)
    return int(bits), pieces[:used]


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
def _count(
    data: NDArray[np.uint8],
    table: NDArray[np.uint64],
    differences: NDArray[np.uint16],
    bit: np.uint64,
    at: np.uint64,
    left: np.int64,
    end: np.uint64,
) -> tuple[np.uint64, np.uint64]:
    """Read a number of symbols, while they begin before `end`; return the place of the next, and of its difference."""
    last = at + np.uint64(left)
    while bit < end and at + np.uint64(2 * _LOOK_UPS) <= last:
        bit, at = _some(data, table, differences, bit, at)
    while bit < end and at < last:
        bit = _one(data, table, differences, bit, at)
        at += np.uint64(1)
    return bit, at


@compiled
def _read_pieces(
    data: NDArray[np.uint8],
    tail: NDArray[np.uint8],
    table: NDArray[np.uint64],
    cuts: NDArray[np.uint64],
    end: np.uint64,
    marks: NDArray[np.uint64],
    differences: NDArray[np.uint16],
    room: int,
    pieces: NDArray[np.int64],
    photosites: int,
) -> tuple[np.uint64, int]:
    """Read pieces and join them; parameters and results are those of `read_at_once`, the latter with their number.

    All numbers of the loops are unsigned: with signed ones they take several times as long.
    """
    failed = (np.uint64(NOT_READ), 0)
    begins = cuts[:4].copy()
    bit, at = cuts[:4].copy(), np.empty(4, np.uint64)
    for piece in range(4):
        pieces[piece, 0], at[piece] = piece * room, np.uint64(piece * room)
        if piece and bit[piece] < cuts[4]:
            bit[piece] = _begin(data, table, differences, bit[piece], at[piece], marks[piece])
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
    here, to, left, used = cuts[0], np.uint64(0), np.int64(photosites), 1
    for piece in range(4 if cuts[4] > cuts[0] else 0):
        here, to = bit[piece], at[piece]
        while here < cuts[piece + 1]:
            here, to = _some(data, table, differences, here, to)
        used, mark = piece + 1, 0
        if piece < 3 and np.int64(to) - pieces[piece, 0] < left:
            to, mark = _meet(data, table, differences, here, to, marks[piece + 1])
        if np.int64(to) - pieces[piece, 0] >= left:
            # The last one lies in this piece, which is read once more, up to there.
            to = np.uint64(pieces[piece, 0])
            here, to = _count(data, table, differences, begins[piece], to, left, end)
            left -= np.int64(to) - pieces[piece, 0]
            break
        if mark < 0 or here >= np.uint64(_NOWHERE):
            return failed
        if piece < 3:
            begins[piece + 1] = marks[piece + 1, mark]
            pieces[piece + 1, 0] += mark
        left -= np.int64(to) - pieces[piece, 0]
        pieces[piece, 1] = np.int64(to)
    before = to
    here, to = _count(data, table, differences, here, to, left, end)
    left -= np.int64(to - before)
    # The last symbols are read from a copy, so that nothing behind the strip is.
    last = end + np.uint64(_TAIL_BITS)
    start = end & ~np.uint64(7)  # where `tail` begins
    for _ in range(left):
        if here >= last:
            return failed
        here = start + _one(tail, table, differences, here - start, to)
        to += np.uint64(1)
    pieces[used - 1, 1] = np.int64(to)
    return (here, used) if here <= last else failed
