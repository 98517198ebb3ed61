"""What belongs together: touching defects, and runs of defects along a column, which are one defect of the readout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Fewest candidates of a run, and least share of its rows that they fill. Chance makes no such run: with 10 000 single
# defects a column of a D80 holds 2.5 of them.
_FEWEST, _LEAST_SHARE = 12, 0.3

# Most rows from one candidate of a run to the next: a faint column shows only where the scenes are even.
_GAP = 32


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
        if members.size < _FEWEST:
            continue
        rows = row[members]
        one_plane = np.unique(rows % 2).size == 1
        length = (int(rows[-1]) - int(rows[0])) // (2 if one_plane else 1) + 1
        if members.size >= _LEAST_SHARE * length:
            runs.append(CandidateRun(int(col[members[0]]), int(rows[0]), int(rows[-1]), members))
    return tuple(runs)


def find_clusters(row: NDArray[np.int64], col: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return a number for each defect that defects which touch share, 0 for single ones.

    Parameters
    ----------
    row, col
        Rows and columns of distinct defects, int64 of shape ``(N,)``, in any order.
    step
        Distance between same-plane neighbours.

    Notes
    -----
    Two defects touch if they are neighbours on the raw grid or within their plane, diagonals included. Clusters are
    numbered from 1 in the order of their first member.

    Examples
    --------
    >>> find_clusters(np.array([3, 40, 4, 6]), np.array([7, 7, 8, 8]), 2)
    array([1, 0, 1, 1])
    """
    at = {(int(r), int(c)): i for i, (r, c) in enumerate(zip(row, col, strict=True))}
    reach = [(i * far, j * far) for far in sorted({1, step}) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    label = np.zeros(len(at), np.int64)
    number = 0
    for place, first in at.items():
        if label[first]:
            continue
        members, fresh = {first}, [place]
        while fresh:
            r, c = fresh.pop()
            for i, j in reach:
                other = at.get((r + i, c + j))
                if other is not None and other not in members:
                    members.add(other)
                    fresh.append((r + i, c + j))
        if len(members) > 1:
            number += 1
            label[sorted(members)] = number
    return label
