"""The tables in a JPEG's header: quantisation steps and Huffman codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.errors import DecodeError

CODE_BITS: Final = 16  # of the longest Huffman code

ZIGZAG: Final = np.array(sorted(range(64), key=lambda i: (
    i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8
)))  # fmt: skip
"""Where the coefficients stand in a block of eight rows of eight, in the order in which they are coded."""


@dataclass(frozen=True)
class Codes:
    """The Huffman code of one table.

    Parameters
    ----------
    symbols
        Length of the code that each 16-bit word begins with times 256, plus its symbol; 0 for none.
    words, lengths
        Code of each of 256 symbols, and its length in bits; length 0 for none.
    """

    symbols: NDArray[np.int32]
    words: tuple[int, ...]
    lengths: tuple[int, ...]


def quantisation(content: bytes, name: str) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Yield number and steps of each quantisation table in a segment."""
    while content:
        number, wide = content[0] & 15, content[0] >> 4
        size = 128 if wide else 64
        if wide > 1 or number > 3 or len(content) <= size:
            raise damaged(name, "quantisation table")
        values = np.frombuffer(content, ">u2" if wide else np.uint8, 64, 1).astype(np.int32)
        if not values.all():
            raise damaged(name, "quantisation step of 0")
        steps = np.empty(64, np.int32)
        steps[ZIGZAG] = values
        yield number, steps.reshape(8, 8)
        content = content[1 + size :]


def huffman(content: bytes, name: str) -> Iterator[tuple[int, Codes]]:
    """Yield class (0 or 16) plus number, and the code, of each Huffman table in a segment."""
    while content:
        counts = content[1:17]
        symbols = content[17 : 17 + sum(counts)]
        if content[0] & 0xEC or len(counts) < CODE_BITS or len(symbols) < sum(counts):
            raise damaged(name, "Huffman table")
        yield content[0], _codes(counts, symbols, name)
        content = content[17 + len(symbols) :]


def _codes(counts: bytes, symbols: bytes, name: str) -> Codes:
    """Return the code of a table, numbered as in annex C of ITU-T T.81."""
    table = np.zeros(1 << CODE_BITS, np.int32)
    words, lengths = [0] * 256, [0] * 256
    place, rest = 0, iter(symbols)
    for length, count in enumerate(counts, start=1):
        width = 1 << (CODE_BITS - length)
        for _ in range(count):
            symbol = next(rest)
            if place + width > table.size:
                raise damaged(name, "Huffman table")
            table[place : place + width] = length << 8 | symbol
            words[symbol], lengths[symbol] = place >> (CODE_BITS - length), length
            place += width
    return Codes(table, tuple(words), tuple(lengths))


def damaged(name: str, what: str) -> DecodeError:
    """Return the error of a damaged file."""
    return DecodeError(f"{name}: damaged ({what})")
