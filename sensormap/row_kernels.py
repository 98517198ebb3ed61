"""Compiled comparisons of rows with the rows beside them, for `plausible`.

A row is compared in pieces of eight photosites of one colour; what is filled for each piece is in doubled DN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.kernels import Mosaic, middle_of_eight

PIECE_PHOTOSITES = 8


@compiled
def compare_greens(
    active: Mosaic,
    green: int,
    starts: NDArray[np.int64],
    above: NDArray[np.float32],
    below: NDArray[np.float32],
    spread: NDArray[np.float32],
    level: NDArray[np.float32],
) -> None:
    """Fill each row's medians of green less the mean of the two greens above, and below, by piece.

    Outputs have shape ``(H, pieces)``; first and last row are left alone. `green` is the column of row 0's first green,
    `starts` are even columns. `spread` is the smaller of the two mid-spreads, `level` twice the mean of those above.
    """
    pieces = starts.shape[0]
    up, down = np.empty((8, pieces), np.int32), np.empty((8, pieces), np.int32)
    other = np.empty(pieces, np.float32)
    for row in range(1, active.shape[0] - 1):
        phase = (green + row) % 2
        for i in range(pieces):
            total = np.int32(0)
            for j in range(8):
                col = starts[i] + 2 * j + phase
                centre = 2 * np.int32(active[row, col])
                over = np.int32(active[row - 1, col - 1]) + np.int32(active[row - 1, col + 1])
                under = np.int32(active[row + 1, col - 1]) + np.int32(active[row + 1, col + 1])
                up[j, i], down[j, i] = centre - over, centre - under
                total += over
            level[row, i] = np.float32(total) / np.float32(8)
        middle_of_eight((up[0], up[1], up[2], up[3], up[4], up[5], up[6], up[7]), above[row], spread[row])
        middle_of_eight((down[0], down[1], down[2], down[3], down[4], down[5], down[6], down[7]), below[row], other)
        for i in range(pieces):
            # Differences were doubled already, to stay whole.
            above[row, i], below[row, i] = above[row, i] / 2, below[row, i] / 2
            spread[row, i] = min(spread[row, i], other[i]) / 2


@compiled
def step_rows(
    active: Mosaic,
    phase: int,
    starts: NDArray[np.int64],
    step: NDArray[np.float32],
    spread: NDArray[np.float32],
    level: NDArray[np.float32],
) -> None:
    """Fill the median step from each row to its plane's next, its mid-spread, and the level between, by piece.

    Outputs have shape ``(H - 2, pieces)``; columns are those of `starts` plus `phase`.
    """
    pieces = starts.shape[0]
    differences = np.empty((8, pieces), np.int32)
    for row in range(active.shape[0] - 2):
        for i in range(pieces):
            total = np.int32(0)
            for j in range(8):
                col = starts[i] + 2 * j + phase
                here, there = np.int32(active[row, col]), np.int32(active[row + 2, col])
                differences[j, i] = there - here
                total += here + there
            level[row, i] = np.float32(total) / np.float32(8)
        d = differences
        middle_of_eight((d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]), step[row], spread[row])
