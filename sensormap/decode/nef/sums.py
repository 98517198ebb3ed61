"""What the differences of a compressed NEF's strip add up to: the indices and values of its photosites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled


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
    rows: int,
    margin: int,
    indices: NDArray[np.uint16],
    values: NDArray[np.uint16],
) -> bool:
    """Fill what differences add up to.

    Parameters
    ----------
    differences, pieces
        Of all photosites, from `streams.read_at_once`.
    starts
        Start values of the predictors: of even rows' columns 0 and 1, then of odd rows'.
    levels
        The table that indices point into.
    width
        Photosites of a row.
    rows, margin
        Number of rows, from the first, that may not have the levels of a margin at either end of the table; and these.
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
        low = np.uint16(margin if row < rows else 0)
        highest = np.uint16(0)
        for col in range(width):
            highest = max(highest, np.uint16(line[col] - low))
        if highest >= levels.shape[0] - 2 * np.int64(low):
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
