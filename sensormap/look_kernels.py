"""Compiled loops of `marks` and `slopes`; tests compare each with its slow, obvious equivalent.

They are few and small, because each takes a tenth of a second or two to compile.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

_ZERO = np.int32(0)


@compiled
def list_outlying(
    far: NDArray[np.uint8],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    filled: NDArray[np.int32],
    outlying: NDArray[np.int32],
    marked: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add the places that are set to a list, and those with a diagonal neighbour that is set to another.

    Parameters
    ----------
    far
        0 or 1; 0 in the first and the last row and column, so that all others have neighbours. Shape ``(rows, W)``.
    words
        The same memory, eight places a word: most words hold none that is set, and are passed over at once.
    starts
        The place of each row's first column, as listed.
    filled
        Scratch space, one longer than a row of `words`.
    outlying, marked
        The lists, with room for one more than they can get.
    counts
        Their lengths, brought up to date: ``(2,)``.

    Notes
    -----
    Every place is written, and stays if the count goes up behind it: a branch would often be guessed wrong.
    """
    listed, kept = counts[0], counts[1]
    for row in range(1, far.shape[0] - 1):
        start, before, number = starts[row], listed, 0
        for k in range(words.shape[1]):
            filled[number] = k
            number += words[row, k] != 0
        for i in range(number):
            for j in range(8 * filled[i], 8 * filled[i] + 8):
                outlying[listed] = start + j
                listed += far[row, j]
        for i in range(before, listed):
            place = outlying[i]
            j = place - start
            marked[kept] = place
            kept += far[row - 1, j - 1] | far[row - 1, j + 1] | far[row + 1, j - 1] | far[row + 1, j + 1]
    counts[0], counts[1] = listed, kept


@compiled
def count_set(bits: NDArray[np.uint8], places: NDArray[np.int32]) -> int:
    """Count the `places` whose bit is set; the bits of a byte are numbered from the lowest."""
    found = 0
    for i in range(places.shape[0]):
        found += (bits[places[i] >> 3] >> (places[i] & 7)) & 1
    return found


@compiled
def product(one: NDArray[np.int8], other: NDArray[np.int8]) -> int:
    """Return the sum of the products of two arrays, shape ``(rows, W)``; a row's fits 32 bits up to 130 000 columns."""
    total = 0
    for i in range(one.shape[0]):
        part = _ZERO
        for j in range(one.shape[1]):
            part = np.int32(part + np.int32(one[i, j]) * np.int32(other[i, j]))
        total += int(part)
    return total


@compiled
def divide_by_noise(slopes: NDArray[np.float32], level2: NDArray[np.float32], noise: NDArray[np.float32]) -> None:
    """Divide slopes by their sigma, shape ``(rows, W)``; `noise` holds the coefficients along rows, ``(4, W)``."""
    for i in range(slopes.shape[0]):
        for j in range(slopes.shape[1]):
            level = level2[i, j]
            slopes[i, j] /= np.sqrt(noise[0, j] + noise[1, j] * level + noise[2, j] * level * level)
