"""Scores: how far each photosite lies from its same-colour neighbours, in units of the frame's own noise.

A score is a photosite's value less the median of its eight same-colour neighbours, over the noise of that difference,
whose variance `noise` fits to each plane of the frame itself. So scores have a robust spread of 1 in every frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Lattice, step_of
from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.neighbours import BLOCK_ROWS, middle_of_rows, work_rows

_F2 = np.float32(2.0)
_ZERO = np.float32(0.0)

SCORES_PER_SIGMA = 8
"""Scores are stored as integers, in eighths of the noise."""

SCORE_LIMIT = 8 * SCORES_PER_SIGMA
"""Scores are clipped at 8 sigma: beyond that a frame can only say "yes"."""


def score_band(
    padded: Mosaic,
    first: int,
    last: int,
    lattice: Lattice,
    noise: NDArray[np.float32],
    limit: int,
    scores: NDArray[np.int8],
) -> None:
    """Fill the scores of some rows.

    Parameters
    ----------
    padded
        The active area as `neighbours.pad` returns it, DN.
    first, last
        First row, and the one after the last.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    noise
        Coefficients by row phase, coefficient and column, for scores in the wanted unit: shape ``(step, 4, W)``.
    limit
        Largest score: they are clipped to +-`limit`.
    scores
        Scores to fill, ``(last - first, W)``.
    """
    step = step_of(lattice)
    level2, spread2, _ = work_rows(padded, step, min(BLOCK_ROWS, last - first))
    for row in range(first, last, BLOCK_ROWS):
        count = min(BLOCK_ROWS, last - row)
        middle_of_rows(padded, row, count, lattice, level2, spread2)
        score_rows(padded, row, count, step, level2, spread2, noise, np.float32(limit), scores[row - first :])


@compiled
def score_rows(
    padded: Mosaic,
    first: int,
    count: int,
    step: int,
    level2: NDArray[Any],
    spread2: NDArray[Any],
    noise: NDArray[np.float32],
    limit: np.float32,
    scores: NDArray[np.int8],
) -> None:
    """Fill the scores of some rows: residual over noise, clipped to +-`limit`, rounded to whole units.

    Parameters
    ----------
    padded, step, noise, limit
        As for `score_band`.
    first, count
        First row, and number of rows.
    level2, spread2
        Twice the medians and mid-spreads of these rows, ``(count, W)`` at least, from `neighbours.middle_rows`.
    scores
        Scores to fill, ``(count, W)`` at least.
    """
    width = level2.shape[1]
    for i in range(count):
        value = padded[first + i + step][step : step + width]
        line2, wide2, score = level2[i], spread2[i], scores[i]
        phase = noise[(first + i) % step]
        c0, c1, c2, c3 = phase[0], phase[1], phase[2], phase[3]
        for j in range(width):
            twice = np.float32(line2[j])
            level = max(twice, _ZERO)
            spread = np.float32(wide2[j])
            variance = c0[j] + c1[j] * level + c2[j] * level * level + c3[j] * spread * spread
            sigmas = (_F2 * np.float32(value[j]) - twice) / np.sqrt(variance)
            score[j] = np.int8(np.rint(min(max(sigmas, -limit), limit)))
