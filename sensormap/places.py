"""What is done at listed photosites, a few thousand of millions, where `kernels` has what is done at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def add_outlying(index: NDArray[np.int32], score: NDArray[np.int8], sums: NDArray[Any]) -> None:
    """Add the size of each listed score to `sums` at its place; places beyond its end are left out."""
    within = index < sums.shape[0]
    np.add.at(sums, index[within], np.abs(score[within].astype(np.int16)).astype(sums.dtype))


def shift_places(
    index: NDArray[np.int32], shift: NDArray[np.int32], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Return where listed places of one frame are after a shift by (row, col), around the edges.

    An odd last row or column, which would swap the planes of what goes around, is not moved into.
    """
    height, width = shape[0] - shape[0] % 2, shape[1] - shape[1] % 2
    row, col = np.divmod(index, np.int32(shape[1]))
    moved: NDArray[np.int32] = (row + shift[0]) % height * np.int32(shape[1]) + (col + shift[1]) % width
    return moved
