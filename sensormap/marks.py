"""Marks: outlying scores that keep each other company, by which frames of one scene know each other.

Texture covers several photosites, a defect one.  So only outlying scores count that have an outlying one of the same
sign diagonally beside them, in any colour: the marks of a frame.  In frames of different scenes, and of one scene that
moved by more than a few photosites, marks meet by chance, as often as they do when one frame is shifted by a few dozen
photosites; in a burst from a tripod they meet again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.kernels import Mosaic, score_band
from sensormap.score import SCORE_LIMIT, SCORES_PER_SIGMA, Noise

# Sampled are strips of so many rows, a million photosites in all.
_STRIP, _SAMPLED = 8, 1 << 20
_OUTLYING = 2.5  # sigma
# Shifts along the rows, in photosites: far enough for texture to be another, near enough to be of the same region.
_SHIFTS = (-50, -34, -18, 18, 34, 50)
# Marks in common beyond chance: in series of one view 26 to 75 % of those of the poorer frame, between 600 pairs of
# different scenes -1 to 5 %, and by the clusters of a sensor with 250 defects up to 20 marks.
_COMMON_SHARE, _FEWEST = 0.13, 25
_DIAGONALS = 4


@dataclass(frozen=True)
class Marks:
    """A frame's outlying scores in a sample of its rows.

    Parameters
    ----------
    outlying
        Positions, twice: those of bright ones, and those of dark ones counted on from `area`; int32, ascending.
    marked
        Those of them with an outlying one of the same sign diagonally beside them.
    area
        Photosites in the sample.
    """

    outlying: NDArray[np.int32]
    marked: NDArray[np.int32]
    area: int


def find_marks(padded: Mosaic, noise: Noise) -> Marks:
    """Return the marks in a sample of a frame's rows.

    Parameters
    ----------
    padded
        The active area as `score.pad` returns it, DN.
    noise
        Of the frame, from `score.fit_noise`.
    """
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    rows = min(_STRIP, height)
    number = max(min(_SAMPLED // (rows * width), height // rows), 1)
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    strips = np.empty((number, rows, width), np.int8)
    for strip, first in zip(strips, np.linspace(0, height - rows, number).astype(int).tolist(), strict=True):
        score_band(padded, first, first + rows, step, unit, SCORE_LIMIT, strip)
    bar = round(_OUTLYING * SCORES_PER_SIGMA)
    outlying = np.stack([strips >= bar, strips <= -bar])
    beside = np.zeros(outlying.shape, np.bool_)
    beside[:, :, 1:, 1:] |= outlying[:, :, :-1, :-1]
    beside[:, :, 1:, :-1] |= outlying[:, :, :-1, 1:]
    beside[:, :, :-1, 1:] |= outlying[:, :, 1:, :-1]
    beside[:, :, :-1, :-1] |= outlying[:, :, 1:, 1:]
    marked = np.flatnonzero(outlying & beside).astype(np.int32)
    return Marks(np.flatnonzero(outlying).astype(np.int32), marked, strips.size)


def share_marks(one: Marks, other: Marks) -> bool:
    """Tell whether two frames have more marks in common than chance and the sensor make.

    Notes
    -----
    Where a sensor has very many defects, as in long dark frames of an old one, some lie side by side by chance, and
    those are marks in every frame: four times the square of the common lone outlying scores over the area, taken twice.

    Examples
    --------
    >>> scene = np.unique(np.random.default_rng(1).integers(0, 200_000, 2000)).astype(np.int32)
    >>> frame, moved = Marks(scene, scene, 100_000), Marks(scene + 9, scene + 9, 100_000)
    >>> share_marks(frame, frame), share_marks(frame, moved)
    (True, False)
    """
    poorer = min(one.marked.size, other.marked.size)
    if poorer < _FEWEST or one.area != other.area:
        return False
    dense = np.zeros(2 * one.area, np.bool_)
    dense[one.marked] = True
    common = np.count_nonzero(dense[other.marked])
    moved = [np.count_nonzero(dense.take(other.marked + shift, mode="wrap")) for shift in _SHIFTS]
    dense[one.outlying] = True
    persistent = np.count_nonzero(dense[other.outlying])
    lone = max(int(persistent) - int(common), 0)
    excess = common - float(np.mean(moved)) - 2 * _DIAGONALS * lone**2 / (2 * one.area)
    return bool(excess >= max(_FEWEST, _COMMON_SHARE * poorer))
