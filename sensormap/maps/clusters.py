"""What belongs together: touching defects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
