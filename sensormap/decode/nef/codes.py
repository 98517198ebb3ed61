"""Nikon's prefix codes: which bits stand for which difference between the indices of two photosites.

The codes are facts of the format, as every program that decodes it has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Symbol(NamedTuple):
    """One code, and the differences that it stands for.

    Parameters
    ----------
    size
        Bits of such a difference.
    code, length
        The code, and its length in bits.
    dropped
        How many of the difference's lowest bits are not written: half of the highest of them is taken in their place.
    """

    size: int
    code: int
    length: int
    dropped: int

    @property
    def written(self) -> int:
        """Bits of the difference that follow the code."""
        return self.size - self.dropped


@dataclass(frozen=True)
class PrefixCode:
    """A canonical prefix code of Nikon's for the sizes of differences.

    Parameters
    ----------
    counts
        Number of codes that are 1, 2, 3, ... bits long.
    sizes
        Size of the difference, in bits, that each code stands for, in ascending order of the codes.
    dropped
        How many of its lowest bits are not written, of the first codes; of all others they all are.
    """

    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    dropped: tuple[int, ...] = ()

    @property
    def most_levels(self) -> int:
        """Levels that a table can have; the largest difference of indices that has a code is one less."""
        return 1 << max(self.sizes)

    @property
    def shortest(self) -> int:
        """Bits of the shortest symbol, code and difference together."""
        return min(symbol.length + symbol.written for symbol in symbols_of(self))

    @property
    def longest(self) -> int:
        """Bits of the longest symbol."""
        return max(symbol.length + symbol.written for symbol in symbols_of(self))


LOSSY = PrefixCode((0, 1, 5, 1, 1, 1, 1, 1, 1, 1), (5, 4, 3, 6, 2, 7, 1, 0, 8, 9, 11, 10, 12))
LOSSLESS = PrefixCode((0, 1, 4, 2, 3, 1, 2), (5, 4, 6, 3, 7, 2, 8, 1, 9, 0, 10, 11, 12))
LOSSY_AFTER = PrefixCode(
    (0, 1, 5, 1, 1, 1, 1, 1, 1, 2), (9, 10, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 12), (3, 5, 3, 2, 1)
)
"""The codes of 12-bit strips; the last one is that of rows after a split, of which the last two codes mean the same."""

LOSSY_14 = PrefixCode((0, 1, 4, 3, 1, 1, 1, 1, 1, 2), (5, 6, 4, 7, 8, 3, 9, 2, 1, 0, 10, 11, 12, 13, 14))
LOSSLESS_14 = PrefixCode((0, 1, 4, 2, 2, 3, 1, 2), (7, 6, 8, 5, 9, 4, 10, 3, 11, 12, 2, 0, 1, 13, 14))
LOSSY_14_AFTER = PrefixCode(
    (0, 1, 5, 1, 1, 1, 1, 1, 1, 1, 2), (8, 12, 11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0, 13, 14), (0, 5, 4, 3, 2)
)
"""The codes of 14-bit strips."""


def symbols_of(code: PrefixCode) -> list[Symbol]:
    """Return the symbols in the order of the codes, which are canonical."""
    dropped = iter((*code.dropped, *(0,) * len(code.sizes)))
    sizes = iter(code.sizes)
    symbols = []
    value = 0
    for length, count in enumerate(code.counts, start=1):
        value <<= 1
        for _ in range(count):
            symbols.append(Symbol(next(sizes), value, length, next(dropped)))
            value += 1
    return symbols


def difference_of(
    written: NDArray[np.int64], size: int | NDArray[np.int64], dropped: int | NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the differences that written bits stand for.

    Parameters
    ----------
    written
        The bits behind the code, as numbers, of any shape.
    size, dropped
        As of a `Symbol`; one for all, or one each.

    Examples
    --------
    >>> difference_of(np.array([0, 3, 4, 7]), 3, 0).tolist(), difference_of(np.array([0, 15, 16, 31]), 7, 2).tolist()
    ([-7, -4, 4, 7], [-126, -66, 66, 126])
    """
    full = np.left_shift(2 * written + 1, dropped) >> 1
    below = np.left_shift(1, size) - np.equal(dropped, 0)
    return np.where(full < np.left_shift(1, size) // 2, full - below, full)
