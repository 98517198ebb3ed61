"""Rows of a frame compared with the rows beside them, piece by piece, for `plausible`.

Pieces are eight photosites of one colour, which lie side by side for the compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.compiled import compiled
from sensormap.frame import Mosaic

PIECE_PHOTOSITES = 8
"""Photosites of one colour that are compared at a time."""

# The comparators of `neighbours.middle_rows`: each leaves the smaller of two in the place above, the larger below.
_NETWORK = np.array([
    [0, 2, 4, 6, 0, 1, 4, 5, 1, 5, 0, 3, 1, 2, 1, 3, 2, 3],
    [1, 3, 5, 7, 2, 3, 6, 7, 2, 6, 4, 7, 5, 6, 4, 6, 4, 5],
])

# What is subtracted from what, as kind of picked values and row, for each three rows: from greens of the middle row
# those above and those below, and from green and the other colour of the last row those of the first.
_COMPARED = np.array([(1, 1, 0, 0), (1, 1, 0, 2), (1, 2, 1, 0), (2, 2, 2, 0)])

# Standard error of the median of eight over sigma, and twice their mid-spread over sigma, for a normal distribution. A
# third of a DN is added: rounding alone, where a clipped or noiseless piece has no spread of its own.
_ERROR, _SIGMAS_OF_MID_SPREAD2, _ROUNDING = np.float32(1.2533 / 8**0.5), np.float32(2.65), np.float32(2 / 3)

LEAST_ERROR = _ERROR * _ROUNDING
"""Standard error of a median, in doubled DN, where nothing differs."""

_HALF = np.float32(0.5)

# A row is compared in up to 24 pieces, since a damaged row can be too bright here and too dark there.
_PIECES, _FEWEST_PIECES = 24, 3

_FEWEST_ROWS = 32  # of a frame; fewer tell nothing

# What is made of so many rows at a time stays in the processor's cache.
_BLOCK_ROWS = 64


@dataclass(frozen=True)
class Compared:
    """Rows of a frame compared with the rows beside them.

    Parameters
    ----------
    active
        The frame's active area, DN.
    cfa
        Filter pattern as read from its corner.
    middle, error, level
        Of each piece of each row but the first and last: median differences, their standard errors (1.2533 sigma
        over the square root of the number compared) and levels, in doubled DN. Four differences, as `compare_rows`
        fills them, and three levels, of the greens above and of the two colours that step: shapes
        ``(4, rows - 2, pieces)`` and ``(3, rows - 2, pieces)``. Sensors without two greens, and frames too small to
        tell, have no pieces.
    """

    active: Mosaic
    cfa: Cfa
    middle: NDArray[np.float32]
    error: NDArray[np.float32]
    level: NDArray[np.float32]

    @staticmethod
    def rows_of(active: Mosaic, cfa: Cfa) -> Compared:
        """Compare all the rows of a frame; parameters as for `Compared`."""
        return Compared._of(active, cfa, np.arange(active.shape[0]), _piece_starts(active.shape, cfa))

    def steps_between(self, first: int, last: int) -> Compared:
        """Compare all the pieces that there are of two rows of one kind; what is said of greens means nothing."""
        width = self.active.shape[1]
        starts = _piece_starts((_FEWEST_ROWS, width), self.cfa, most=width // (2 * PIECE_PHOTOSITES))
        return Compared._of(self.active, self.cfa, np.array([first, first, last]), starts)

    @staticmethod
    def _of(active: Mosaic, cfa: Cfa, rows: NDArray[np.int64], starts: NDArray[np.int64]) -> Compared:
        pieces, count = starts.size, rows.size - 2
        middle, error = (np.empty((4, count * pieces), np.float32) for _ in range(2))
        total = np.empty((3, rows.size * pieces), np.int32)
        if pieces:
            block, green = min(_BLOCK_ROWS, count), cfa.name.index("G") + int(rows[0])
            picked = np.empty((3, PIECE_PHOTOSITES, (block + 2) * pieces), np.int32)
            values = np.empty((PIECE_PHOTOSITES, block * pieces), np.int32)
            for start in range(0, count, block):
                first = min(start, count - block)  # the last block overlaps the one before
                pick_pieces(active, rows[first : first + block + 2], starts, (green + first) % 2, picked)
                compare_rows(picked, pieces, first * pieces, values, middle, error)
                here = total[:, first * pieces : (first + block + 2) * pieces]
                np.add.reduce(picked, axis=1, dtype=np.int32, out=here)
        # Sums of eight pairs of greens, and of eight photosites of each of two rows, doubled.
        level = total[:, : count * pieces].astype(np.float32) / np.float32(8)
        level[1:] = (total[1:, : count * pieces] + total[1:, 2 * pieces :]).astype(np.float32) / np.float32(16)
        return Compared(active, cfa, *(values.reshape(len(values), count, pieces) for values in (middle, error, level)))


def _piece_starts(shape: tuple[int, ...], cfa: Cfa, *, most: int = _PIECES) -> NDArray[np.intp]:
    """Return the even columns where the pieces of a row begin; none where there is no telling."""
    height, width = shape
    pieces = min((width - 4) // (2 * PIECE_PHOTOSITES) - 1, most)
    if len(cfa.planes) != 4 or height < _FEWEST_ROWS or pieces < _FEWEST_PIECES:
        return np.zeros(0, np.intp)
    starts = np.linspace(1, (width - 4) // 2 - PIECE_PHOTOSITES, pieces).astype(np.intp) * 2
    return np.asarray(starts, np.intp)


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
        Rows to take, in turn of both kinds that the filter pattern has.
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
        A number without meaning, which keeps the compiler from leaving out what is read in advance.
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
        Pieces of some rows, as `pick_pieces` fills it.
    pieces
        Number of pieces of a row.
    first
        Place of the first piece of `picked` in the outputs.
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
