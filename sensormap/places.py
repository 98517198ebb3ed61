"""What is done at listed photosites, a few thousand of millions, where `kernels` has what is done at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.kernels import Mosaic


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


def gather_windows(
    padded: Mosaic, row: NDArray[np.int64], col: NDArray[np.int64], step: int
) -> Mosaic:
    """Return value, twice the median and twice the mid-spread of the eight neighbours of some photosites, ``(3, N)``.

    `row` and `col` count in the unpadded frame. The type is that of the frame, which holds twice its values; a spread
    beyond it, from far below black to saturation, is cut.
    """
    width = padded.shape[1]
    corner = row * width + col
    down, right = np.divmod(np.array([0, 1, 2, 3, 5, 6, 7, 8]), 3)
    around = padded.reshape(-1)[corner[:, np.newaxis] + (down * width + right) * step].astype(np.int32)
    around.sort(axis=1)
    a = around.T
    value = padded.reshape(-1)[corner + (width + 1) * step].astype(np.int32)
    spread = np.minimum((a[5] + a[6]) - (a[1] + a[2]), np.iinfo(padded.dtype).max)
    windows = np.stack([value, a[3] + a[4], spread])
    return windows.astype(np.int16) if padded.dtype == np.int16 else windows
