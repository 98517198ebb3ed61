"""The scores of a whole frame: by the compiled loops, and slowly, for comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.frame import Mosaic
from sensormap.score.noise import Noise
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA, score_band


def scores(padded: Mosaic, noise: Noise) -> NDArray[np.int8]:
    """Return every photosite's score in eighths of sigma, shape ``(H, W)``, clipped at 8 sigma."""
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    result = np.empty((height, width), np.int8)
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    score_band(padded, 0, height, step, unit, SCORE_LIMIT, result)
    return result


def scores_slowly(padded: Mosaic, noise: Noise) -> NDArray[np.int8]:
    """Return what `scores` returns, by sorting the eight neighbours."""
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    shifts = [(i, j) for i in (0, step, 2 * step) for j in (0, step, 2 * step)]
    centre = shifts.pop(4)
    cut = [padded[i : i + height, j : j + width].astype(np.float32) for i, j in shifts]
    ordered = np.sort(np.stack(cut), axis=0)
    level2 = ordered[3] + ordered[4]
    spread2 = (ordered[5] + ordered[6]) - (ordered[1] + ordered[2])
    value = padded[centre[0] : centre[0] + height, centre[1] : centre[1] + width].astype(np.float32)
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    c0, c1, c2, c3 = unit[np.arange(height) % step].transpose(1, 0, 2)
    level = np.maximum(level2, np.float32(0))
    variance = c0 + c1 * level + c2 * level * level + c3 * spread2 * spread2
    score = (np.float32(2) * value - level2) / np.sqrt(variance)
    rounded: NDArray[np.float32] = np.rint(np.clip(score, -SCORE_LIMIT, SCORE_LIMIT))
    return rounded.astype(np.int8)
