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


_BLOCK = 32  # rows: what is in between of so many stays in cache

Work = tuple[NDArray[Any], NDArray[Any], NDArray[np.int8]]


def work_rows(padded: Mosaic, step: int, rows: int = _BLOCK) -> Work:
    """Return memory for twice the levels, twice the mid-spreads and the scores of some rows, each ``(rows, W)``.

    It is as narrow as the mosaic, for speed: of int16 all values are within +-`frame.NARROW`, so that twice their
    median fits int16, and twice their mid-spread uint16.
    """
    shape = (rows, padded.shape[1] - 2 * step)
    spread2 = np.empty(shape, np.uint16 if padded.dtype == np.int16 else np.int32)
    return np.empty(shape, padded.dtype), spread2, np.empty(shape, np.int8)


def score_band(
    padded: Mosaic, first: int, last: int, step: int, noise: NDArray[np.float32], limit: int, scores: NDArray[np.int8]
) -> None:
    """Fill the scores of rows `first` to `last` (exclusive) into `scores`, shape ``(last - first, W)``.

    `noise` has the coefficients by row phase, coefficient and column: shape ``(step, 4, W)``.
    """
    level2, spread2, _ = work_rows(padded, step, min(_BLOCK, last - first))
    for row in range(first, last, _BLOCK):
        count = min(_BLOCK, last - row)
        middle_rows(padded, row, count, step, level2, spread2)
        score_rows(padded, row, count, step, level2, spread2, noise, np.float32(limit), scores[row - first :])


def tally_band(
    padded: Mosaic,
    first: int,
    last: int,
    step: int,
    noise: NDArray[np.float32],
    limits: NDArray[np.int64],
    work: Work,
    sums: tuple[NDArray[Any], NDArray[Any]],
    outliers: tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]],
) -> int:
    """Score rows `first` to `last` (exclusive), add them to the tally, list the outlying scores; return their count.

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
    level2, spread2, scores = work
    hidden, sum_z = sums
    flags = np.zeros((scores.shape[1] + 7) // 8 * 8, np.uint8)
    eights = flags.view(np.uint64)
    # As narrow as what they are compared with.
    bars = np.array([limits[1], -limits[1]], np.int8)
    edges: Any = np.array([limits[2], limits[3], 2 * limits[2], 2 * limits[3]], padded.dtype)
    found = 0
    for row in range(first, last, _BLOCK):
        count = min(_BLOCK, last - row)
        middle_rows(padded, row, count, step, level2, spread2)
        score_rows(padded, row, count, step, level2, spread2, noise, np.float32(limits[0]), scores)
        found = tally_rows(
            padded, row, count, step, level2, scores, bars, edges, flags, eights, hidden, sum_z, *outliers, found
        )
    return found


@compiled
def middle_rows(
    padded: Mosaic, first: int, count: int, step: int, level2: NDArray[Any], spread2: NDArray[Any]
) -> None:
    """Fill twice the median, and twice the mid-spread, of the eight same-colour neighbours of some rows' photosites.

    The median of eight is the mean of the 4th and 5th smallest; the mid-spread is the mean of the 6th and 7th less that
    of the 2nd and 3rd, so that one outlier on either side changes neither. `first` counts in the unpadded frame.
    """
    width = level2.shape[1]
    for i in range(count):
        up, mid, down = padded[first + i], padded[first + i + step], padded[first + i + 2 * step]
        n0, n1, n2 = up[0:width], up[step : step + width], up[2 * step : 2 * step + width]
        n3, n4 = mid[0:width], mid[2 * step : 2 * step + width]
        n5, n6, n7 = down[0:width], down[step : step + width], down[2 * step : 2 * step + width]
        line2, wide2 = level2[i], spread2[i]
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
            line2[j] = d + e
            wide2[j] = (f + g) - (b + c)


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
    """Fill the scores of some rows: residual over noise, clipped to +-`limit`, rounded to whole units."""
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


@compiled
def tally_rows(
    padded: Mosaic,
    first: int,
    count: int,
    step: int,
    level2: NDArray[Any],
    scores: NDArray[np.int8],
    bars: NDArray[np.int8],
    edges: Mosaic,
    flags: NDArray[np.uint8],
    eights: NDArray[np.uint64],
    hidden: NDArray[Any],
    sum_z: NDArray[Any],
    out_index: NDArray[np.int32],
    out_score: NDArray[np.int8],
    out_value: NDArray[np.int32],
    out_level2: NDArray[np.int32],
    found: int,
) -> int:
    """Add some rows' scores to the tally; list the outlying ones from `found` on, and return where the list ends.

    `bars` are the least bright and dark outlying scores, `edges` lowest and highest unclipped DN, once and twice,
    `flags` as many zeros as a row is long or up to seven more, and `eights` the same memory by eights.
    """
    bright, dark = bars[0], bars[1]
    low, high, low2, high2 = edges[0], edges[1], edges[2], edges[3]
    width = hidden.shape[1]
    for i in range(count):
        row = first + i
        value, line2, score = padded[row + step][step : step + width], level2[i], scores[i]
        # A photosite that is clipped together with its surroundings shows nothing about itself.
        lowest, highest = value[0], value[0]
        for j in range(width):
            lowest, highest = min(lowest, value[j]), max(highest, value[j])
        if lowest <= low or highest >= high:
            line = hidden[row]
            for j in range(width):
                shows = ((value[j] < high) | (line2[j] < high2)) & ((value[j] > low) | (line2[j] > low2))
                line[j] += not shows
                score[j] = score[j] if shows else np.int8(0)
        line_z = sum_z[row]
        for j in range(width):
            line_z[j] += score[j]
        for j in range(width):
            flags[j] = (score[j] >= bright) | (score[j] <= dark)
        for eight in range(eights.shape[0]):
            if eights[eight] == 0:  # nearly all
                continue
            for j in range(8 * eight, 8 * eight + 8):
                if flags[j]:
                    out_index[found] = row * width + j
                    out_score[found] = score[j]
                    out_value[found] = value[j]
                    out_level2[found] = line2[j]
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
