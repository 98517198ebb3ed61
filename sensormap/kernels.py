"""Compiled loops over photosites; each has its slow, obvious equivalent in `score`, and a test comparing the two.

The inner loops run over equal-length row slices with one integer width each, because that is what LLVM turns into
SIMD code; `error_model="numpy"` removes the division check that would prevent it.  Fused multiply-add and other
value-changing optimisations stay off, so that every machine computes the same scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

Mosaic = NDArray[np.int16] | NDArray[np.int32]

_F2 = np.float32(2.0)
_ZERO = np.float32(0.0)
# Scores looked through at once for outlying ones.
_CHUNK = 64


@compiled
def middle_row(padded: Mosaic, row: int, step: int, level2: NDArray[Any], spread2: NDArray[Any]) -> None:
    """Fill twice the median, and twice the mid-spread, of the eight same-colour neighbours of each photosite of a row.

    The median of eight is the mean of the 4th and 5th smallest; the mid-spread is the mean of the 6th and 7th less that
    of the 2nd and 3rd, so that one outlier on either side changes neither. `row` counts in the unpadded frame; outputs
    have the widths of `work_rows`.
    """
    width = level2.shape[0]
    up, mid, down = padded[row], padded[row + step], padded[row + 2 * step]
    n0, n1, n2 = up[0:width], up[step : step + width], up[2 * step : 2 * step + width]
    n3, n4 = mid[0:width], mid[2 * step : 2 * step + width]
    n5, n6, n7 = down[0:width], down[step : step + width], down[2 * step : 2 * step + width]
    for j in range(width):
        a, b, c, d, e, f, g, h = n0[j], n1[j], n2[j], n3[j], n4[j], n5[j], n6[j], n7[j]
        # Batcher's odd-even merge network for 8 inputs: no branches.
        a, b = min(a, b), max(a, b)
        c, d = min(c, d), max(c, d)
        e, f = min(e, f), max(e, f)
        g, h = min(g, h), max(g, h)
        a, c = min(a, c), max(a, c)
        b, d = min(b, d), max(b, d)
        e, g = min(e, g), max(e, g)
        f, h = min(f, h), max(f, h)
        b, c = min(b, c), max(b, c)
        f, g = min(f, g), max(f, g)
        a, e = min(a, e), max(a, e)
        d, h = min(d, h), max(d, h)
        b, f = min(b, f), max(b, f)
        c, g = min(c, g), max(c, g)
        b, e = min(b, e), max(b, e)
        d, g = min(d, g), max(d, g)
        c, e = min(c, e), max(c, e)
        d, f = min(d, f), max(d, f)
        # Its last comparator, between d and e, is left out: only their sum is wanted.
        level2[j] = d + e
        spread2[j] = (f + g) - (b + c)


def work_rows(padded: Mosaic, step: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the two rows that kernels keep twice the level, and twice the mid-spread, of a row's neighbours in.

    They are as narrow as the mosaic, for speed: of int16 all values are within +-`frame.NARROW`, so that twice their
    median fits int16, and twice their mid-spread uint16.
    """
    width = padded.shape[1] - 2 * step
    return np.empty(width, padded.dtype), np.empty(width, np.uint16 if padded.dtype == np.int16 else np.int32)


@compiled
def _score_row(
    value: Mosaic,
    level2: NDArray[Any],
    spread2: NDArray[Any],
    noise: NDArray[np.float32],
    limit: np.float32,
    score: NDArray[np.int8],
) -> None:
    """Fill the scores of one row: residual over noise, clipped to +-`limit`, rounded to whole units."""
    c0, c1, c2, c3 = noise[0], noise[1], noise[2], noise[3]
    for j in range(value.shape[0]):
        twice = np.float32(level2[j])
        level = max(twice, _ZERO)
        spread = np.float32(spread2[j])
        variance = c0[j] + c1[j] * level + c2[j] * level * level + c3[j] * spread * spread
        sigmas = (_F2 * np.float32(value[j]) - twice) / np.sqrt(variance)
        score[j] = np.int8(np.rint(min(max(sigmas, -limit), limit)))


def score_band(
    padded: Mosaic, first: int, last: int, step: int, noise: NDArray[np.float32], limit: int, scores: NDArray[np.int8]
) -> None:
    """Fill the scores of rows `first` to `last` (exclusive) into `scores`, shape ``(last - first, W)``."""
    _score_band(padded, first, last, step, noise, np.float32(limit), *work_rows(padded, step), scores)


@compiled
def _score_band(
    padded: Mosaic,
    first: int,
    last: int,
    step: int,
    noise: NDArray[np.float32],
    limit: np.float32,
    level2: NDArray[Any],
    spread2: NDArray[Any],
    scores: NDArray[np.int8],
) -> None:
    for row in range(first, last):
        middle_row(padded, row, step, level2, spread2)
        value = padded[row + step][step : step + scores.shape[1]]
        _score_row(value, level2, spread2, noise[row % step], limit, scores[row - first])


@compiled
def tally_band(
    padded: Mosaic,
    first: int,
    last: int,
    step: int,
    noise: NDArray[np.float32],
    limits: NDArray[np.int64],
    work: Any,
    sums: Any,
    outliers: Any,
) -> int:
    """Score rows `first` to `last` (exclusive), add them to the tally, list the outlying scores; return their count.

    One sweep: each row's neighbours, scores and sums are made while the row is in cache.

    Parameters
    ----------
    padded
        The active area with `step` more rows and columns around it, as `score.pad` returns it.
    noise
        Noise coefficients by row phase, coefficient and column: shape ``(step, 4, W)``.
    limits
        Score clip, outlier threshold (both in score units), lowest and highest DN at which a photosite is not clipped.
    work
        What `work_rows` returns.
    sums
        The tally's arrays ``(hidden, sum_z)``, each ``(H, W)``.
    outliers
        Arrays ``(index, score, value, level2)`` with room for every photosite of the band.
    """
    hidden, sum_z = sums
    level2, spread2 = work
    out_index, out_score, out_value, out_level2 = outliers
    clip, outlying = np.float32(limits[0]), limits[1]
    # As narrow as what they are compared with.
    edges = np.empty(4, padded.dtype)
    edges[0], edges[1], edges[2], edges[3] = limits[2], limits[3], 2 * limits[2], 2 * limits[3]
    low, high, low2, high2 = edges[0], edges[1], edges[2], edges[3]
    width = hidden.shape[1]
    score = np.empty(width, np.int8)
    found = 0
    for row in range(first, last):
        middle_row(padded, row, step, level2, spread2)
        value = padded[row + step][step : step + width]
        _score_row(value, level2, spread2, noise[row % step], clip, score)
        # A photosite that is clipped together with its surroundings shows nothing about itself.
        lowest, highest = value[0], value[0]
        for j in range(width):
            lowest, highest = min(lowest, value[j]), max(highest, value[j])
        if lowest <= low or highest >= high:
            line = hidden[row]
            for j in range(width):
                shows = ((value[j] < high) | (level2[j] < high2)) & ((value[j] > low) | (level2[j] > low2))
                line[j] += not shows
                score[j] = score[j] if shows else np.int8(0)
        line_z = sum_z[row]
        for j in range(width):
            line_z[j] += score[j]
        for start in range(0, width, _CHUNK):
            chunk = score[start : start + _CHUNK]
            above, below = np.int8(0), np.int8(0)
            for j in range(chunk.shape[0]):
                above, below = max(above, chunk[j]), min(below, chunk[j])
            if above < outlying and below > -outlying:
                continue
            for j in range(start, min(start + _CHUNK, width)):
                if abs(score[j]) >= outlying:
                    out_index[found] = row * width + j
                    out_score[found] = score[j]
                    out_value[found] = value[j]
                    out_level2[found] = level2[j]
                    found += 1
    return found


@compiled
def mark_beyond(
    sum_z: NDArray[Any],
    hidden: NDArray[np.unsignedinteger[Any]],
    frames: int,
    unit: np.float32,
    centre: NDArray[np.float32],
    bar: NDArray[np.float32],
    beyond: NDArray[np.bool_],
) -> None:
    """Mark the photosites whose mean score is farther than `bar` from `centre`, both by row and column phase.

    `unit` is that of the scores, `frames` the number of all.
    """
    step = centre.shape[0]
    for row in range(sum_z.shape[0]):
        for col in range(sum_z.shape[1]):
            seen = np.float32(max(frames - hidden[row, col], 1)) * unit
            phase = row % step, col % step
            beyond[row, col] = abs(np.float32(sum_z[row, col]) / seen - centre[phase]) > bar[phase]
