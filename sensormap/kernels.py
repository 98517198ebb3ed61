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
from sensormap.frame import Mosaic
from sensormap.score.neighbours import _BLOCK, Work, middle_rows
from sensormap.score.scores import score_rows


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
