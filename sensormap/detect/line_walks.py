"""Walks along lines, for `lines`: how high sums of deviations rise, by chance and otherwise, and where.

A walk adds up the deviations along a line, less a drift, and never falls below 0 [1]_: it stays low on healthy
stretches and rises on bad ones.

References
----------
.. [1] E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100, doi:10.1093/biomet/41.1-2.100.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.score.medians import medians_of

TILE = 32
"""Photosites a side of the tiles that the background is taken from: lines are thin and do not move their medians."""

CLIP = 4.0
"""Deviations end here, in scales: a glaring photosite counts like a clear one, and a handful of them makes no line."""

# Logarithm of how much likelier a gap is than none before it splits a run of some hundred photosites: one mistake in
# thousands.
_GAP_EVIDENCE = 12.0

# -log(-log(q)) at the quartiles: the heights that an extreme-value distribution has there, in its own scale.
_AT_LOW, _AT_HIGH = -0.3266, 1.2459


def background_of(strip: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the smooth part of a strip's line means: medians of tiles, joined by straight lines.

    Parameters
    ----------
    strip
        Deviations or mean scores, ``(length, lines)``, both at least 1.

    Returns
    -------
    ndarray of float32, shape (lines,)

    Examples
    --------
    >>> strip = np.ones((32, 100), np.float32)
    >>> strip[:, 7] = 4
    >>> background_of(strip)[[0, 7, 99]].tolist()
    [1.0, 1.0, 1.0]
    """
    number = strip.shape[1]
    width = min(TILE // 2, number)
    tiles = number // width
    middles = medians_of(strip.mean(axis=0)[: tiles * width].reshape(tiles, width))
    # A tile more on either side continues the slope of the outermost two.
    if tiles > 1:
        middles = np.concatenate([2 * middles[:1] - middles[1:2], middles, 2 * middles[-1:] - middles[-2:-1]])
    centres = width * np.arange(middles.size) - width * (tiles > 1) + (width - 1) / 2
    return cast("NDArray[np.float32]", np.interp(np.arange(number), centres, middles).astype(np.float32))


def chance_height(highest: NDArray[np.float32], drift: float, *, chance: float, length: int) -> float:
    """Return the height that the walk along a healthy line exceeds with a given chance.

    Parameters
    ----------
    highest
        Greatest heights of the walks along all lines, nearly all of them healthy; any shape.
    drift
        Amount taken off each step, in standard deviations of the steps.
    chance
        Far below 1.
    length
        Photosites of a line.

    Notes
    -----
    The highest of a walk follows the extreme-value law ``P(highest < h) = exp(-n exp(-rate h))`` [1]_. For independent
    normal deviations the rate is twice the drift, and n is below the length. What texture and correlation make of both
    is read from the quartiles of all lines' `highest`. The higher of the two answers holds.

    References
    ----------
    .. [1] D. Siegmund, "Sequential Analysis: Tests and Confidence Intervals", Springer (1985),
       doi:10.1007/978-1-4757-1862-1.

    Examples
    --------
    >>> round(chance_height(np.zeros((2, 100), np.float32), 0.5, chance=1e-6, length=1000), 2)
    20.72
    """
    ideal = math.log(length / chance) / (2 * drift)
    low, high = (float(height) for height in np.quantile(highest, (0.25, 0.75)))
    return max(ideal, high + (-math.log(chance) - _AT_HIGH) * (high - low) / (_AT_HIGH - _AT_LOW))


def steepest(gain: NDArray[Any]) -> tuple[int, int, float]:
    """Return first and last of the stretch whose gains add up to most, and that sum.

    Parameters
    ----------
    gain
        One number a photosite, of either sign, ``(n,)``.

    Examples
    --------
    >>> steepest(np.array([-1, 2, -1, 3, -2]))
    (1, 3, 4.0)
    """
    walk = np.concatenate([[0.0], np.cumsum(gain, dtype=np.float64)])
    rise = walk - np.minimum.accumulate(walk)
    end = int(np.argmax(rise))
    return int(np.argmin(walk[: end + 1])), end - 1, float(rise[end])


def runs_along(line: NDArray[np.float32], drift: float, bar: float, gap: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of the runs along a line on which the walk rises above `bar`.

    Parameters
    ----------
    line
        Deviations along the line, in scales, ``(n,)``: bright runs are looked for.
    drift
        Amount taken off each step.
    bar
        Height above which a walk is no chance.
    gap
        A run is split where more photosites in a row than these are likelier healthy than bad.

    Examples
    --------
    >>> line = np.zeros(300, np.float32)
    >>> line[50:100] = line[200:250] = 2
    >>> list(runs_along(line, 0.5, 20.0, 16))
    [(200, 249), (50, 99)]
    """
    todo = [(0, line.size)]
    while todo:
        low, high = todo.pop()
        first, last, height = steepest(line[low:high] - drift)
        if height < bar:
            continue
        run = line[low + first : low + last + 1]
        # Halfway between healthy and bad: there the walk turns where a run, or a gap in it, most likely ends.
        half = min(max(float(np.median(run)) / 2, drift), CLIP / 2)
        for level in (drift, half):
            start, end, depth = steepest(level - run)
            if end - start >= gap and depth * 2 * level > _GAP_EVIDENCE:
                break
        else:
            start, end, _ = steepest(run - half)
            yield low + first + start, low + first + end
        # What lies before and behind, be it of the run or of the gap.
        todo += [(low, low + first + start), (low + first + end + 1, high)]


@compiled
def deviate(
    mean: NDArray[np.float32],
    seen: NDArray[Any],
    centre: np.float32,
    scale: np.float32,
    drawn_in: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Fill the deviations of a plane's means, those of few frames drawn in, and clipped.

    Parameters
    ----------
    mean, seen
        Mean scores of a plane and the number of frames in each, ``(H, W)``.
    centre, scale
        Centre and scale of the plane's mean scores.
    drawn_in
        Factor of the deviation by number of frames, from 0 on.
    out
        Filled, ``(H, W)``.

    Notes
    -----
    The slow equivalent::

        out[:] = np.clip((mean - centre) / scale * drawn_in[seen], -CLIP, CLIP)
    """
    highest, lowest = np.float32(CLIP), np.float32(-CLIP)
    for row in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            deviation = (mean[row, i] - centre) / scale * drawn_in[seen[row, i]]
            out[row, i] = min(max(deviation, lowest), highest)


@compiled
def raise_walks(
    strip: NDArray[np.float32],
    background: NDArray[np.float32],
    drift: np.float32,
    height: NDArray[np.float32],
    highest: NDArray[np.float32],
) -> None:
    """Continue the walks of all lines along a strip, and note the highest they come.

    Parameters
    ----------
    strip
        Deviations, ``(length, lines)``.
    background
        Amount taken off each line, ``(lines,)``.
    drift
        Amount taken off each step.
    height, highest
        Heights of the walks and the highest so far, of bright deviations and of dark ones: ``(2, lines)``; brought up
        to date.

    Notes
    -----
    The slow equivalent, for each row of the strip and ``deviation = row - background``::

        height[:] = np.maximum(height + np.stack([deviation, -deviation]) - drift, 0)
        highest[:] = np.maximum(highest, height)
    """
    for row in range(strip.shape[0]):
        for i in range(strip.shape[1]):
            deviation = strip[row, i] - background[i]
            bright = max(height[0, i] + deviation - drift, np.float32(0))
            dark = max(height[1, i] - deviation - drift, np.float32(0))
            height[0, i], height[1, i] = bright, dark
            highest[0, i], highest[1, i] = max(highest[0, i], bright), max(highest[1, i], dark)
