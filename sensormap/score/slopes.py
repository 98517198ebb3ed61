"""Slopes: the scene along a sample of rows, by which frames of one scene know each other.

Texture runs through neighbouring rows, the sensor's own pattern of single photosites does not.  So the slopes of one
frame are compared with those of the other along the rows beside them: in frames of different scenes, and in frames of
one scene that moved by more than a few photosites, they are uncorrelated; in a burst from a tripod they are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.noise import Noise

_ZERO = np.int32(0)

# Slopes that are compared: fewer leave chance too much room.
_SLOPES, _FEWEST_PAIRS = 94_000, 12

# Slopes count up to this many sigma: a few glaring edges must not decide.
_STEEPEST = 3.0

# Rows nearer to each other show the same of a soft scene.
_APART = 16

# Of a soft scene neighbouring slopes are one and the same; what chance makes of them shows after these shifts.
_SHIFTS = (-50, -34, -18, 18, 34, 50)
_BEYOND_SHIFTED, _SURELY = 2.0, 0.5
_PER_SIGMA = 32.0

# Between 2 300 pairs of different photographs correlations were -0.04 to 0.03, in series of one view 0.24 to 0.52.
# Small frames have fewer slopes, and chance more room.
_CORRELATED, _CHANCE = 0.07, 8.0


@compiled
def product(one: NDArray[np.int8], other: NDArray[np.int8]) -> int:
    """Return the sum of the products of two arrays, shape ``(rows, W)``; a row's fits 32 bits up to 130 000 columns."""
    total = 0
    for i in range(one.shape[0]):
        part = _ZERO
        for j in range(one.shape[1]):
            part = np.int32(part + np.int32(one[i, j]) * np.int32(other[i, j]))
        total += int(part)
    return total


@compiled
def divide_by_noise(slopes: NDArray[np.float32], level2: NDArray[np.float32], noise: NDArray[np.float32]) -> None:
    """Divide slopes by their sigma, shape ``(rows, W)``; `noise` holds the coefficients along rows, ``(4, W)``."""
    for i in range(slopes.shape[0]):
        for j in range(slopes.shape[1]):
            level = level2[i, j]
            slopes[i, j] /= np.sqrt(noise[0, j] + noise[1, j] * level + noise[2, j] * level * level)


@dataclass(frozen=True, eq=False)
class Slopes:
    """The slopes of a frame.

    Parameters
    ----------
    values
        Of the scene along pairs of neighbouring rows, in 32nds of their noise: shape ``(2, pairs, W)``.
    square
        The sum of their squares.
    """

    values: NDArray[np.int8]
    square: int


def measured(values: NDArray[np.int8]) -> Slopes:
    """Return slopes of the given values."""
    return Slopes(values, product(values[0], values[0]) + product(values[1], values[1]))


def find_slopes(padded: Mosaic, noise: Noise) -> Slopes:
    """Return the slopes from left to right along a sample of a frame's rows.

    Parameters
    ----------
    padded
        The active area as `score.pad` returns it, DN.
    noise
        Of the frame, from `score.fit_noise`.

    Notes
    -----
    What all rows have in common at a column is taken off: that is the readout's pattern, or a bad column.
    """
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    pairs = min(max(_FEWEST_PAIRS, _SLOPES // (2 * width)), max(height // _APART, 1))
    first = np.unique(np.linspace(0, height - 1 - step, min(pairs, height - step)).astype(np.int64))
    slopes = np.empty((2, first.size, width), np.int8)
    # Coefficients are in doubled DN; a difference of two values has twice the variance of one.
    coefficients = noise.rows(width) / 2
    # Phase by phase: the rows of a plane have their own columns, and are not averaged with those of the other phase.
    for phase in range(step):
        alike = first % step == phase
        rows = (first[alike][:, None] + [0, step]).ravel()  # each followed by the next of its plane
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
        slopes[:, alike] = np.clip(slope, -127, 127, out=slope).reshape(-1, 2, width).transpose(1, 0, 2)
    return measured(slopes)


def share_slopes(one: Slopes, other: Slopes) -> bool:
    """Tell whether the slopes of two frames are correlated.

    Examples
    --------
    >>> scene = np.random.default_rng(1).normal(0, 30, 8000).clip(-99, 99).astype(np.int8)
    >>> frame, moved = (measured(np.tile(np.roll(scene, shift), (2, 3, 1))) for shift in (0, 9))
    >>> share_slopes(frame, frame), share_slopes(frame, moved)
    (True, False)
    """
    mine, theirs = one.values, other.values
    if mine.shape != theirs.shape:
        return False

    def crossed(shift: int) -> int:
        moved = np.roll(theirs, shift, axis=2) if shift else theirs
        return product(mine[0], moved[1]) + product(mine[1], moved[0])

    size = math.sqrt(one.square * other.square)
    bar = max(_CORRELATED, _CHANCE / math.sqrt(mine.size)) * size
    common = crossed(0)
    if common <= bar or not size:
        return False
    return common > _SURELY * size or common > _BEYOND_SHIFTED * max(abs(crossed(shift)) for shift in _SHIFTS)
