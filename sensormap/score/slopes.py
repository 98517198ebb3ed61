"""Slopes: how the scene rises and falls along a sample of rows, which frames of one scene have in common.

Texture runs through neighbouring rows, the sensor's own pattern of single photosites does not. So the slopes of one
frame are compared with those of the other along the rows beside them: in frames of different scenes, and in frames of
one scene that moved by more than a few photosites, they are uncorrelated; in a burst from a tripod they are correlated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.neighbours import unpadded_shape
from sensormap.score.noise import Noise
from sensormap.score.paired_outliers import SHIFTS

_ZERO = np.int32(0)

# Number of slopes that are compared, and of pairs of rows at least: chance correlates fewer too often.
_SLOPES, _FEWEST_PAIRS = 94_000, 12

# Slopes are clipped to this many sigma: a few strong edges must not decide.
_STEEPEST = 3.0

# Rows between sampled pairs: nearer ones show the same of a soft scene.
_APART = 16

# Neighbouring slopes of a soft scene are correlated with each other, and chance correlates such frames. How far shows
# after `SHIFTS` along the rows: frames of one scene are correlated so many times as much, or by half.
_TIMES_SHIFTED, _CERTAIN = 2.0, 0.5
_PER_SIGMA = 32.0  # units of a stored slope

# The correlation was -0.04 to 0.03 between 2 300 pairs of different photographs, 0.24 to 0.52 in series of one view.
# Small frames have fewer slopes, which chance correlates more: the limit is at least so many over the square root of
# their number.
_CORRELATED, _CHANCE = 0.07, 8.0


# Copies of a photo: this share of the slopes that tell, of so many at least, are the same up to so much, as the noise
# by which they are divided may be fitted a little differently.
_SAME, _FEWEST_SAME, _ROUNDED, _CUT = 0.9, 1000, 2, int(_STEEPEST * _PER_SIGMA)

# Darks have slopes only at hot photosites, and the clusters among these correlate them. Slopes of so many 32nds of
# sigma and more have the same sign in both frames beyond those that differ: 0.3 to 0.8 % of all in darks, 5 to 35 % in
# series of one view.
_STEEP, _AGREEING = 8, 0.015


@dataclass(frozen=True, eq=False)
class Slopes:
    """The slopes of a frame along a sample of its rows.

    Parameters
    ----------
    values
        Differences of the neighbours right and left of each photosite, in 32nds of their noise, along pairs of
        neighbouring rows of one plane: int8, shape ``(2, pairs, W)``.
    square
        Sum of their squares.
    """

    values: NDArray[np.int8]
    square: int


def slopes_of(values: NDArray[np.int8]) -> Slopes:
    """Return the slopes of given values.

    Parameters
    ----------
    values
        Differences as in `Slopes`, shape ``(2, pairs, W)``.
    """
    return Slopes(values, product(values[0], values[0]) + product(values[1], values[1]))


def find_slopes(padded: Mosaic, noise: Noise) -> Slopes:
    """Return the slopes from left to right along a sample of a frame's rows.

    Parameters
    ----------
    padded
        The active area as `score.neighbours.pad` returns it, DN.
    noise
        Noise of the frame, from `score.noise.fit_noise`.

    Notes
    -----
    What the sampled rows have in common at a column is taken off: that is the readout's pattern, or a bad column.
    """
    step = noise.coefficients.shape[0]
    shape = unpadded_shape(padded, step)
    width, first = shape[1], sampled_pairs(shape, step)
    slopes = np.empty((2, first.size, width), np.int8)
    # Coefficients are in doubled DN; a difference of two values has twice the variance of one.
    coefficients = noise.rows(width) / 2
    # Phase by phase: rows of one phase are of the same planes, and have a readout pattern of their own.
    for phase in range(step):
        own = first % step == phase
        rows = (first[own][:, None] + [0, step]).ravel()  # each followed by the next of its plane
        line = padded[rows + step].astype(np.float32)
        left, right = line[:, :width], line[:, 2 * step :]
        slope, level2 = right - left, left + right
        np.maximum(level2, 0, out=level2)
        divide_by_noise(slope, level2, coefficients[phase])
        np.clip(slope, -_STEEPEST, _STEEPEST, out=slope)
        if len(rows) > 2:
            slope -= slope.mean(axis=0)
        slope *= _PER_SIGMA
        np.rint(slope, out=slope)
        slopes[:, own] = np.clip(slope, -127, 127, out=slope).reshape(-1, 2, width).transpose(1, 0, 2)
    return slopes_of(slopes)


def sampled_pairs(shape: tuple[int, int], step: int) -> NDArray[np.int64]:
    """Return the first row of each pair of rows that slopes are taken along, ascending, shape ``(pairs,)``.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    """
    height, width = shape
    pairs = min(max(_FEWEST_PAIRS, _SLOPES // (2 * width)), max(height // _APART, 1))
    return np.unique(np.linspace(0, height - 1 - step, min(pairs, height - step)).astype(np.int64))


def share_slopes(one: Slopes, other: Slopes) -> bool:
    """Tell whether the slopes of two frames are correlated, each row's with those of the other frame in the row beside.

    Parameters
    ----------
    one, other
        Slopes of either frame, from `find_slopes`.

    Examples
    --------
    >>> scene = np.random.default_rng(1).normal(0, 30, 8000).clip(-99, 99).astype(np.int8)
    >>> frame, moved = (slopes_of(np.tile(np.roll(scene, shift), (2, 3, 1))) for shift in (0, 9))
    >>> share_slopes(frame, frame), share_slopes(frame, moved)
    (True, False)
    """
    mine, theirs = one.values, other.values
    if mine.shape != theirs.shape:
        return False

    def correlated(shift: int) -> int:
        moved = np.roll(theirs, shift, axis=2) if shift else theirs
        return product(mine[0], moved[1]) + product(mine[1], moved[0])

    size = math.sqrt(one.square * other.square)
    bar = max(_CORRELATED, _CHANCE / math.sqrt(mine.size)) * size
    common = correlated(0)
    if common <= bar or not size or not _agree_widely(mine, theirs):
        return False
    return common > _CERTAIN * size or common > _TIMES_SHIFTED * max(abs(correlated(shift)) for shift in SHIFTS)


def are_copies(one: Slopes, other: Slopes) -> bool:
    """Tell whether two frames are copies of one photo: nearly all slopes are the same, the noise included.

    Parameters
    ----------
    one, other
        Slopes of either frame, from `find_slopes`.

    Notes
    -----
    A photo that was saved again, edited or damaged has other bytes, and some other values. Hot photosites make steep
    slopes in every dark: those that are cut do not count.
    """
    mine, theirs = one.values[0], other.values[0]
    if mine.shape != theirs.shape:
        return False
    few, other_few = mine[:_FEWEST_PAIRS], theirs[:_FEWEST_PAIRS]  # tell at once in nearly all pairs of frames
    if product(few, other_few) < _SAME * math.sqrt(product(few, few) * product(other_few, other_few)):
        return False
    tells = ((mine != 0) | (theirs != 0)) & (np.abs(mine) < _CUT) & (np.abs(theirs) < _CUT)
    count = np.count_nonzero(tells)
    same = np.abs(np.subtract(mine, theirs, dtype=np.int16)) <= _ROUNDED
    return bool(count >= _FEWEST_SAME and np.count_nonzero(same & tells) > _SAME * count)


def _agree_widely(mine: NDArray[np.int8], theirs: NDArray[np.int8]) -> bool:
    """Tell whether slopes agree in much of the frame, each row's with those of the other frame in the row beside."""
    crossed = theirs[::-1]
    up, down = mine >= _STEEP, mine <= -_STEEP
    other_up, other_down = crossed >= _STEEP, crossed <= -_STEEP
    alike = np.count_nonzero((up & other_up) | (down & other_down))
    unlike = np.count_nonzero((up & other_down) | (down & other_up))
    return bool(alike - unlike > _AGREEING * mine.size)


@compiled
def product(one: NDArray[np.int8], other: NDArray[np.int8]) -> int:
    """Return the sum of the products of two arrays.

    Parameters
    ----------
    one, other
        Values of shape ``(rows, W)``; the sum of a row fits 32 bits up to 130 000 columns.
    """
    total = 0
    for i in range(one.shape[0]):
        part = _ZERO
        for j in range(one.shape[1]):
            part = np.int32(part + np.int32(one[i, j]) * np.int32(other[i, j]))
        total += int(part)
    return total


@compiled
def divide_by_noise(slopes: NDArray[np.float32], level2: NDArray[np.float32], noise: NDArray[np.float32]) -> None:
    """Divide slopes by their sigma, in place.

    Parameters
    ----------
    slopes
        Differences, DN, shape ``(rows, W)``.
    level2
        Twice the level of each, DN, shape ``(rows, W)``.
    noise
        Coefficients of the variance at each column, shape ``(4, W)``.
    """
    for i in range(slopes.shape[0]):
        for j in range(slopes.shape[1]):
            level = level2[i, j]
            slopes[i, j] /= np.sqrt(noise[0, j] + noise[1, j] * level + noise[2, j] * level * level)
