"""Compiled comparisons of rows with the rows beside them, for `plausible`; their slow equivalents are in the tests.

A row is compared in pieces of eight photosites of one colour.  The pieces of some rows lie side by side, row after row,
so that the inner loops run over all of them: the same piece of the next row is just one row of pieces farther.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.kernels import Mosaic

PIECE_PHOTOSITES = 8
# Batcher's odd-even merge network for eight values, but for its last comparator: of those two only the sum is wanted.
# Each comparator leaves the smaller of two in the place above, the larger in the place below.
_NETWORK = np.array(
    [
        [0, 2, 4, 6, 0, 1, 4, 5, 1, 5, 0, 3, 1, 2, 1, 3, 2, 3],
        [1, 3, 5, 7, 2, 3, 6, 7, 2, 6, 4, 7, 5, 6, 4, 6, 4, 5],
    ]
)
# What is subtracted from what, as kind of picked values and row, for each three rows: from greens of the middle row
# those above and those below, and from green and the other colour of the last row those of the first.
_COMPARED = np.array([(1, 1, 0, 0), (1, 1, 0, 2), (1, 2, 1, 0), (2, 2, 2, 0)])
# How exactly two colours keep their ratio from one row to the next, as a share of the level.
_RATIO_ERROR = np.float32(0.005)
# Standard error of the median of eight over sigma, and twice their mid-spread over sigma, for a normal distribution. A
# third of a DN is added: rounding alone, where a clipped or noiseless piece has no spread of its own.
_ERROR, _SIGMAS_OF_MID_SPREAD2, _ROUNDING = np.float32(1.2533 / 8**0.5), np.float32(2.65), np.float32(2 / 3)
LEAST_ERROR = _ERROR * _ROUNDING
"""Standard error of a median, in doubled DN, where nothing differs."""
_HALF = np.float32(0.5)


@compiled
def pick_pieces(
    active: Mosaic, rows: NDArray[np.int64], starts: NDArray[np.int64], green: int, picked: NDArray[np.int32]
) -> int:
    """Fill, of each piece, eight pairs of greens, eight doubled greens, and eight doubled others.

    Parameters
    ----------
    active
        The frame's active area, DN.
    rows
        Which of its rows to take, in turn of both kinds that the filter pattern has.
    starts
        Even columns, 2 or more, where the pieces of a row begin; they end 17 columns later.
    green
        Column, 0 or 1, of the first green photosite of the first of `rows`.
    picked
        Shape ``(3, 8, rows * pieces)``, DN. Pairs are the sums of the two greens that a green of the row above or below
        lies between.

    Returns
    -------
    int
        Of no meaning; it keeps the compiler from leaving out what is read in advance.
    """
    pieces = starts.shape[0]
    read = 0
    # The processor waits for the memory of many pieces at a time if nothing else is done with them.
    for at in range(rows.shape[0]):
        line = active[rows[at]]
        for i in range(pieces):
            piece = line[starts[i] - 1 :]
            read += piece[0] + piece[2 * PIECE_PHOTOSITES + 1]
    for at in range(rows.shape[0]):
        line, phase = active[rows[at]], (green + at) % 2
        for i in range(pieces):
            place = at * pieces + i
            piece = line[starts[i] - phase :]
            for j in range(PIECE_PHOTOSITES):
                one, two = np.int32(piece[2 * j]), np.int32(piece[2 * j + 2])
                picked[0, j, place] = one + two
                picked[1, j, place] = 2 * (two if phase else one)
                picked[2, j, place] = 2 * np.int32(piece[2 * j + 1])
    return read


@compiled
def compare_rows(
    picked: NDArray[np.int32],
    pieces: int,
    first: int,
    values: NDArray[np.int32],
    middle: NDArray[np.float32],
    error: NDArray[np.float32],
) -> None:
    """Fill the median differences of each three rows, and their standard errors, both in doubled DN.

    Parameters
    ----------
    picked
        Of some rows, as `pick_pieces` fills it.
    pieces
        How many a row has.
    first
        Where the first piece of `picked` goes in the outputs.
    values
        Scratch space, shape ``(8, lanes)`` where lanes are the pieces of all but two of the rows.
    middle, error
        Shape ``(4, all lanes)``: green less the mean of the two greens above, and less those below; the step of green,
        and of the other colour, from the first to the last of the three rows.
    """
    lanes = values.shape[1]
    for k in range(4):
        one, row, other, other_row = _COMPARED[k, 0], _COMPARED[k, 1], _COMPARED[k, 2], _COMPARED[k, 3]
        for j in range(PIECE_PHOTOSITES):
            minuend, subtrahend = picked[one, j, row * pieces :], picked[other, j, other_row * pieces :]
            difference = values[j]
            for n in range(lanes):
                difference[n] = minuend[n] - subtrahend[n]
        for i in range(_NETWORK.shape[1]):
            low, high = values[_NETWORK[0, i]], values[_NETWORK[1, i]]
            for n in range(lanes):
                low[n], high[n] = min(low[n], high[n]), max(low[n], high[n])
        middles, errors = middle[k, first:], error[k, first:]
        for n in range(lanes):
            # The sum of the 4th and the 5th is twice the median, but of values that were doubled before to stay whole.
            middles[n] = _HALF * np.float32(values[3, n] + values[4, n])
            spread = np.float32(values[5, n] + values[6, n] - values[1, n] - values[2, n])
            errors[n] = _ERROR * (spread / _SIGMAS_OF_MID_SPREAD2 + _ROUNDING)


@compiled
def count_steps(
    step: NDArray[np.float32],
    error: NDArray[np.float32],
    level: NDArray[np.float32],
    bars: NDArray[np.float32],
    counts: NDArray[np.int64],
) -> None:
    """Count in how many pieces of each row two colours step.

    Parameters
    ----------
    step, error, level
        Of both colours, shape ``(2, rows, pieces)``, in doubled DN.
    bars
        How many standard errors a colour must step to count, how many it must step beyond the other colour's step times
        the ratio of their levels, the lowest level, and that from which a colour is clipped.
    counts
        Filled, by row and colour, with the pieces that step one way or the other, whichever are more, those of them
        that step so beyond the other colour where none is clipped, and those where none is; shape ``(rows, 2, 3)``.
    """
    for row in range(step.shape[1]):
        for k in range(2):
            step_a, error_a, level_a = step[k, row], error[k, row], level[k, row]
            step_b, error_b, level_b = step[1 - k, row], error[1 - k, row], level[1 - k, row]
            up, down, beyond, below, unclipped = 0, 0, 0, 0, 0
            for i in range(step.shape[2]):
                a, b = max(level_a[i], bars[2]), max(level_b[i], bars[2])
                ratio = a / b
                # np.hypot, of which there is no SIMD code.
                one, two, three = np.float64(error_a[i]), np.float64(ratio * error_b[i]), np.float64(_RATIO_ERROR * a)
                both = np.float64(np.float32(np.sqrt(one * one + two * two)))
                score = (step_a[i] - ratio * step_b[i]) / np.float32(np.sqrt(both * both + three * three))
                moved = step_a[i] / error_a[i]
                open_ = (level_a[i] <= bars[3]) & (level_b[i] <= bars[3])
                up, down = up + (moved > bars[0]), down + (moved < -bars[0])
                beyond, below = beyond + (open_ & (score > bars[1])), below + (open_ & (score < -bars[1]))
                unclipped += open_
            counts[row, k, 0], counts[row, k, 1], counts[row, k, 2] = max(up, down), max(beyond, below), unclipped
