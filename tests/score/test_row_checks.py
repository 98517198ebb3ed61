"""The compiled comparisons of rows equal slow ones in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.score.compared_rows import PIECE_PHOTOSITES, Compared
from sensormap.score.plausible import count_steps
from tests.support.frames import SATURATION, make_mosaic


def middle_slowly(values):
    """Return twice the median of eight whole numbers, and its standard error, along the first axis."""
    ordered = np.sort(values, axis=0).astype(np.float32)
    spread2 = ordered[5] + ordered[6] - ordered[1] - ordered[2]
    return ordered[3] + ordered[4], 1.2533 / 8**0.5 * (2 * spread2 / 2.65 + 2 / 3)


def compared_slowly(active, starts, green):
    """Return what `Compared` holds, piece by piece."""
    found = []
    for row in range(1, len(active) - 1):
        above, here, below = active[row - 1 : row + 2].astype(np.int32)
        for start in starts:
            cols = start + 2 * np.arange(PIECE_PHOTOSITES) + (green + row) % 2
            over, under = above[cols - 1] + above[cols + 1], below[cols - 1] + below[cols + 1]
            row_green = start + 2 * np.arange(PIECE_PHOTOSITES) + (green + row - 1) % 2
            other = row_green + (1 if row_green[0] == start else -1)
            # The medians of green are of doubled differences.
            middles = [middle_slowly(2 * here[cols] - side) for side in (over, under)]
            middles = [(middle / 2, error) for middle, error in middles]
            errors = [middle_slowly((2 * here[cols] - side) / np.float32(2))[1] for side in (over, under)]
            steps = [middle_slowly(below[at] - above[at]) for at in (row_green, other)]
            levels = [over.sum() / 8, *((above[at] + below[at]).sum() / 8 for at in (row_green, other))]
            found.append([*(m for m, _ in middles + steps), *errors, *(e for _, e in steps), *levels])
    return np.array(found, np.float32).T.reshape(11, len(active) - 2, -1)


@pytest.mark.parametrize("name", BAYER_NAMES)
@pytest.mark.parametrize(("shape", "dtype"), [((33, 77), np.int16), ((70, 100), np.int32), ((131, 430), np.int16)])
def test_rows_are_compared_as_piece_by_piece(name, shape, dtype):
    frame = make_mosaic(4, shape=(shape[0] + 2, shape[1] + 3)).astype(dtype)
    active = frame[1:-1, 2:-1]
    compared = Compared.rows_of(active, Cfa(name))
    pieces = compared.middle.shape[2]
    starts = np.linspace(1, (shape[1] - 4) // 2 - PIECE_PHOTOSITES, pieces).astype(int) * 2
    expected = compared_slowly(active, starts, name.index("G"))
    found = np.concatenate([compared.middle, compared.error, compared.level])
    np.testing.assert_array_equal(found, expected)


def test_steps_are_counted_as_row_by_row():
    rng = np.random.default_rng(3)
    step = rng.normal(0, 3, (2, 40, 24)).astype(np.float32)
    error = rng.uniform(0.5, 3, step.shape).astype(np.float32)
    level = rng.uniform(-10, 2 * SATURATION, step.shape).astype(np.float32)
    bars = np.array([0.8, 0.6, 2, 1.8 * SATURATION], np.float32)
    counts = np.empty((40, 2, 3), np.int64)
    count_steps(step, error, level, *bars, counts)
    unclipped = (level <= bars[3]).all(axis=0)
    level = np.maximum(level, bars[2])
    for k in range(2):
        ratio = level[k] / level[1 - k]
        sigma = np.hypot(np.hypot(error[k], ratio * error[1 - k]), np.float32(0.005) * level[k])
        score, moved = (step[k] - ratio * step[1 - k]) / sigma, step[k] / error[k]
        ways = [[(sign * moved > bars[0]).sum(axis=1) for sign in (1, -1)]]
        ways.append([((sign * score > bars[1]) & unclipped).sum(axis=1) for sign in (1, -1)])
        np.testing.assert_array_equal(counts[:, k].T, [*np.max(ways, axis=1), unclipped.sum(axis=1)])
