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


@compiled
def middle_of_eight(rows: Any, level2: NDArray[np.float32], spread2: NDArray[np.float32]) -> None:
    """Fill twice the median, and twice the mid-spread, of the eight values at each place of eight `rows`.

    The median of eight is the mean of the 4th and 5th smallest; the mid-spread is the mean of the 6th and 7th less that
    of the 2nd and 3rd, so that one outlier on either side changes neither.
    """
    n0, n1, n2, n3, n4, n5, n6, n7 = rows
    for j in range(level2.shape[0]):
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
        level2[j] = np.float32(d) + np.float32(e)
        spread2[j] = (np.float32(f) + np.float32(g)) - (np.float32(b) + np.float32(c))


@compiled
def neighbour_row(
    padded: Mosaic, row: int, step: int, level2: NDArray[np.float32], spread2: NDArray[np.float32]
) -> None:
    """Fill `middle_of_eight` for the same-colour neighbours of each photosite; `row` counts in the unpadded frame."""
    width = level2.shape[0]
    up, mid, down = padded[row], padded[row + step], padded[row + 2 * step]
    left, centre, right = slice(0, width), slice(step, step + width), slice(2 * step, 2 * step + width)
    around = (up[left], up[centre], up[right], mid[left], mid[right], down[left], down[centre], down[right])
    middle_of_eight(around, level2, spread2)


@compiled
def neighbours(
    padded: Mosaic, rows: NDArray[np.int64], step: int, level2: NDArray[np.float32], spread2: NDArray[np.float32]
) -> None:
    """Fill `neighbour_row` for each of `rows`; outputs have shape ``(rows, W)``."""
    for i in range(rows.shape[0]):
        neighbour_row(padded, rows[i], step, level2[i], spread2[i])


@compiled
def _score_row(
    value: Mosaic,
    level2: NDArray[np.float32],
    spread2: NDArray[np.float32],
    noise: NDArray[np.float32],
    limit: np.float32,
    score: NDArray[np.int8],
) -> None:
    """Fill the scores of one row: residual over noise, clipped to +-`limit`, rounded to whole units."""
    c0, c1, c2, c3 = noise[0], noise[1], noise[2], noise[3]
    for j in range(value.shape[0]):
        level = max(level2[j], _ZERO)
        spread = spread2[j]
        variance = c0[j] + c1[j] * level + c2[j] * level * level + c3[j] * spread * spread
        sigmas = (_F2 * np.float32(value[j]) - level2[j]) / np.sqrt(variance)
        score[j] = np.int8(np.rint(min(max(sigmas, -limit), limit)))


@compiled
def score_band(
    padded: Mosaic, first: int, last: int, step: int, noise: NDArray[np.float32], limit: int, scores: NDArray[np.int8]
) -> None:
    """Fill the scores of rows `first` to `last` (exclusive) into `scores`, shape ``(last - first, W)``."""
    width = scores.shape[1]
    level2, spread2 = np.empty(width, np.float32), np.empty(width, np.float32)
    for row in range(first, last):
        neighbour_row(padded, row, step, level2, spread2)
        value = padded[row + step][step : step + width]
        _score_row(value, level2, spread2, noise[row % step], np.float32(limit), scores[row - first])


@compiled
def tally_band(
    padded: Mosaic,
    first: int,
    last: int,
    step: int,
    noise: NDArray[np.float32],
    limits: NDArray[np.int64],
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
    sums
        The tally's arrays ``(hidden, sum_x, sum_xx, sum_z)``, each ``(H, W)``; the two in the middle may be empty.
    outliers
        Arrays ``(index, score, value, level2)`` with room for every photosite of the band.
    """
    hidden, sum_x, sum_xx, sum_z = sums
    out_index, out_score, out_value, out_level2 = outliers
    clip, outlying, floor, ceiling = limits[0], limits[1], limits[2], limits[3]
    width = hidden.shape[1]
    level2, spread2 = np.empty(width, np.float32), np.empty(width, np.float32)
    score = np.empty(width, np.int8)
    floor2, ceiling2 = np.float32(2 * floor), np.float32(2 * ceiling)
    found = 0
    for row in range(first, last):
        neighbour_row(padded, row, step, level2, spread2)
        value = padded[row + step][step : step + width]
        _score_row(value, level2, spread2, noise[row % step], np.float32(clip), score)
        # A photosite that is clipped together with its surroundings shows nothing about itself.
        lowest, highest = value[0], value[0]
        for j in range(width):
            lowest, highest = min(lowest, value[j]), max(highest, value[j])
        if lowest <= floor or highest >= ceiling:
            line = hidden[row]
            for j in range(width):
                double = _F2 * np.float32(value[j])
                shows = ((double < ceiling2) | (level2[j] < ceiling2)) & ((double > floor2) | (level2[j] > floor2))
                line[j] += not shows
                score[j] = score[j] if shows else np.int8(0)
        if sum_x.shape[0] > 0:
            _add(value, sum_x[row])
            _add_squares(value, sum_xx[row])
        _add(score, sum_z[row])
        for start in range(0, width, 32):
            chunk = score[start : start + 32]
            high, low = np.int8(0), np.int8(0)
            for j in range(chunk.shape[0]):
                high, low = max(high, chunk[j]), min(low, chunk[j])
            if high < outlying and low > -outlying:
                continue
            for j in range(start, min(start + 32, width)):
                if abs(score[j]) >= outlying:
                    out_index[found] = row * width + j
                    out_score[found] = score[j]
                    out_value[found] = value[j]
                    out_level2[found] = level2[j]
                    found += 1
    return found


@compiled
def _add(values: NDArray[Any], line: NDArray[Any]) -> None:
    for j in range(line.shape[0]):
        line[j] += values[j]


@compiled
def _add_squares(values: NDArray[Any], line: NDArray[Any]) -> None:
    for j in range(line.shape[0]):
        line[j] += np.int64(values[j]) * np.int64(values[j])


@compiled
def mark_beyond(
    sum_z: NDArray[Any],
    hidden: NDArray[np.uint16],
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


@compiled
def add_outlying(index: NDArray[np.int32], score: NDArray[np.int8], sums: NDArray[Any]) -> None:
    """Add the size of each listed score to `sums` at its place; places beyond its end are left out."""
    for i in range(index.shape[0]):
        if index[i] < sums.shape[0]:
            sums[index[i]] += abs(np.int64(score[i]))


@compiled
def mark_repeated(
    index: NDArray[np.int32],
    score: NDArray[np.int8],
    fewest: int,
    votes: NDArray[np.uint8],
    repeated: NDArray[np.bool_],
) -> None:
    """Mark the list entries whose photosite has at least `fewest` entries of one sign; slowly, `np.unique` counts.

    `votes` is scratch space with two zeros for every photosite, positive then negative, and is left zeroed; counts
    stop at 255, far above any `fewest` in use.
    """
    for i in range(index.shape[0]):
        place = 2 * np.int64(index[i]) + (score[i] < 0)
        votes[place] += votes[place] < 255
    for i in range(index.shape[0]):
        place = 2 * np.int64(index[i])
        repeated[i] = max(votes[place], votes[place + 1]) >= fewest
    for i in range(index.shape[0]):
        place = 2 * np.int64(index[i])
        votes[place] = 0
        votes[place + 1] = 0


@compiled
def shift_places(
    index: NDArray[np.int32],
    frame: NDArray[np.int32],
    shifts: NDArray[np.int32],
    shape: tuple[int, int],
    moved: NDArray[np.int32],
) -> None:
    """Fill `moved` with each entry's place after its frame is shifted by ``shifts[:, frame]``, around the edges.

    An odd last row or column, which would swap the planes of what goes around, is not moved into.
    """
    height, width = shape[0] - shape[0] % 2, shape[1] - shape[1] % 2
    for i in range(index.shape[0]):
        row = (index[i] // shape[1] + shifts[0, frame[i]]) % height
        col = (index[i] % shape[1] + shifts[1, frame[i]]) % width
        moved[i] = row * shape[1] + col


@compiled
def gather_windows(
    padded: Mosaic, row: NDArray[np.int64], col: NDArray[np.int64], step: int, windows: NDArray[np.int32]
) -> None:
    """Fill value, twice the median and twice the mid-spread of the eight neighbours of some photosites, ``(3, N)``.

    `row` and `col` count in the unpadded frame.
    """
    level2, spread2 = np.empty(1, np.float32), np.empty(1, np.float32)
    for i in range(row.shape[0]):
        left, right = col[i], col[i] + 2 * step
        up, mid, down = padded[row[i]], padded[row[i] + step], padded[row[i] + 2 * step]
        middle = left + step
        around = (
            up[left : left + 1],
            up[middle : middle + 1],
            up[right : right + 1],
            mid[left : left + 1],
            mid[right : right + 1],
            down[left : left + 1],
            down[middle : middle + 1],
            down[right : right + 1],
        )
        middle_of_eight(around, level2, spread2)
        windows[0, i] = mid[middle]
        windows[1, i] = np.int32(level2[0])
        windows[2, i] = np.int32(spread2[0])
