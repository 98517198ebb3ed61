"""Scenery: texture that passes for defects where frames of one scene were not recognised each by itself.

Little texture, in a dark scene, is hidden by the noise of two frames, but adds up over dozens. It is known by its
extent: a lens spreads a detail over several photosites, so that those beside it, of any colour, deviate too, while the
neighbours of a single defect do not. Where many of the listed photosites have neighbours that deviate with them, those
are compared from frame to frame: frames in which they look alike show one scene.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.nulls import nulls_of
from sensormap.detect.tally import Tally

# A neighbour deviates with a photosite if it does so the same way, by so many robust standard deviations of its plane
# and at least this share of the photosite's own deviation. In series of one scene 46 to 98 % of the false entries have
# such a neighbour, of true ones 3 to 7 %, the members of clusters.
_TOGETHER_SIGMA, _TOGETHER_SHARE = 4.0, 0.2
_AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]

# Where so many, and this share, of the listed photosites have such neighbours beyond chance, the frames are compared;
# fewer are enough once some frames have turned out to repeat.
_FEWEST, _LEAST_SHARE = 12, 0.15
_FEWEST_MORE, _LEAST_SHARE_MORE = 8, 0.05

# Scores beyond this do not count for more. Frames whose scores agree so far, and so many standard deviations beyond
# what chance makes of unrelated ones, show one scene.
_CLIP, _CHANCE_SIGMA = 3.0, 2.5
_ALIKE, _ALIKE_MORE = 0.4, 0.25


def neighbours_deviate(
    tally: Tally, cfa: Cfa, places: NDArray[np.int64], shifts: Sequence[int] = (0,)
) -> NDArray[np.bool_]:
    """Tell which photosites have one of any colour beside them that deviates with them, ``(shifts, N)``.

    Parameters
    ----------
    tally
        Sums over the frames.
    cfa
        Filter pattern as read from the active area's corner.
    places
        Positions ``row * W + col`` in the active area, ``(N,)``.
    shifts
        Photosites along the row from each place to the one whose neighbours are looked at. Those of another deviate
        with it by chance only, which they do where all photosites of a sensor have a pattern of their own.
    """
    height, width = tally.shape
    step = cfa.step
    centre, scale = (null.astype(np.float64) for null in nulls_of(tally, cfa))
    row, col = places // width, places % width
    own = tally.mean_score((row, col)) - centre[row % step, col % step]
    together = np.zeros((len(shifts), places.size), np.bool_)
    for i, shift in enumerate(shifts):
        for down, right in _AROUND:
            r, c = row + down, col + right + shift
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            r, c = np.where(inside, r, row), np.where(inside, c, col)
            other = tally.mean_score((r, c)) - centre[r % step, c % step]
            clear = np.abs(other) > _TOGETHER_SIGMA * scale[r % step, c % step]
            together[i] |= inside & clear & (other * own > 0) & (np.abs(other) >= _TOGETHER_SHARE * np.abs(own))
    return together


def repeated_frames(
    score: NDArray[np.float64], listed: int, *, by_chance: float = 0.0, more: bool = False
) -> NDArray[np.bool_]:
    """Tell which frames show the scene of an earlier one, by listed photosites that deviate together with others.

    Parameters
    ----------
    score
        Scores of those photosites in every frame, in sigma: ``(N, n)``.
    listed
        Number of photosites that are listed in all.
    by_chance
        How many of those photosites deviate together with others by chance.
    more
        Whether other frames have turned out to repeat.

    Returns
    -------
    ndarray of bool, shape (n,)
        All False where such photosites are too few to be scenery.

    Examples
    --------
    >>> texture = np.random.default_rng(1).normal(0, 2, (40, 1))
    >>> repeated_frames(np.tile(texture, (1, 3)), 50)
    array([False,  True,  True])
    """
    repeated = np.zeros(score.shape[1], np.bool_)
    fewest, share = (_FEWEST_MORE, _LEAST_SHARE_MORE) if more else (_FEWEST, _LEAST_SHARE)
    if score.shape[0] - by_chance < max(fewest, share * listed):
        return repeated
    bar = max(_ALIKE_MORE if more else _ALIKE, _CHANCE_SIGMA / np.sqrt(score.shape[0]))
    clipped = np.clip(score, -_CLIP, _CLIP)
    size = np.sqrt((clipped**2).sum(axis=0))
    likeness = clipped.T @ clipped / np.maximum(np.outer(size, size), 1e-9)
    for frame in range(1, repeated.size):
        repeated[frame] = bool((likeness[frame, :frame][~repeated[:frame]] > bar).any())
    return repeated
