"""Runs of candidates along a column, which are one defect of the readout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_IN_RUN = 12
"""Candidates that make a run. Chance makes none: with 10 000 single defects a column of a D80 holds 2.5 of them."""

_LEAST_SHARE = 0.3  # of a run's rows that it fills

# Most rows from one candidate of a run to the next: a faint column shows only where the scenes are even.
_GAP = 32


# Candidates of one column that chance does not make: so many, and so many times as many as columns have on average.
_CROWD, _TIMES_USUAL = 8, 4


@dataclass(frozen=True)
class CandidateRun:
    """Candidates along one column: rows `first` to `last`, both inclusive, and their positions in the list."""

    col: int
    first: int
    last: int
    members: NDArray[np.intp]


def find_columns(row: NDArray[np.int32], col: NDArray[np.int32]) -> tuple[CandidateRun, ...]:
    """Return the runs of candidates along columns, ordered by (col, first).

    Parameters
    ----------
    row, col
        Rows and columns of distinct candidates, int32 of shape ``(N,)``, in any order.

    Notes
    -----
    Candidates of one column that are at most 32 rows apart make a run. A run of at least 12 candidates that fill at
    least 30 % of its rows (of the plane's rows, where only one plane is affected) is a column.

    Examples
    --------
    >>> run, = find_columns(np.arange(100, 160), np.full(60, 7))
    >>> run.col, run.first, run.last
    (7, 100, 159)
    """
    order = np.lexsort((row, col))
    new = np.ones(order.size, np.bool_)
    new[1:] = (np.diff(col[order]) != 0) | (np.diff(row[order]) > _GAP)
    runs = []
    for members in np.split(order, np.flatnonzero(new)[1:]):
        if members.size < FEWEST_IN_RUN:
            continue
        rows = row[members]
        one_plane = np.unique(rows % 2).size == 1
        length = (int(rows[-1]) - int(rows[0])) // (2 if one_plane else 1) + 1
        if members.size >= _LEAST_SHARE * length:
            runs.append(CandidateRun(int(col[members[0]]), int(rows[0]), int(rows[-1]), members))
    return tuple(runs)


def crowded(row: NDArray[np.int32], col: NDArray[np.int32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Tell which candidates share their column or row with many others, ``(N,)``: those of bad ones, whole or in part.

    Parameters
    ----------
    row, col
        As for `find_columns`; but they need not lie close together, as a faint column is found here and there only.
    shape
        ``(H, W)`` of the active area.

    Examples
    --------
    >>> crowded(np.array([5, *range(0, 160, 20)]), np.array([3, *[7] * 8]), (200, 300)).tolist()
    [False, True, True, True, True, True, True, True, True]
    """
    many = np.zeros(row.size, np.bool_)
    for place, count in ((row, shape[0]), (col, shape[1])):
        many |= np.bincount(place, minlength=count)[place] >= max(_CROWD, _TIMES_USUAL * row.size / count)
    return many
