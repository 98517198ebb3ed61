"""Paired outliers: outlying scores in diagonal pairs, which frames of one scene have in common.

Texture covers several photosites, a defect one. So only outlying scores count that have an outlying one of the same
sign diagonally beside them, in any colour: these are paired. In frames of different scenes, and of one scene that moved
by more than a few photosites, paired outliers coincide by chance, as often as they do when one frame is shifted by a
few dozen photosites; in a burst from a tripod they coincide far more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import step_of
from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.neighbours import unpadded_shape
from sensormap.score.noise import Noise
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA, score_band

# Sampled are strips of so many rows, a million photosites in all.
_STRIP, _SAMPLED = 8, 1 << 20
_OUTLYING = 2.5  # sigma

SHIFTS = (-50, -34, -18, 18, 34, 50)
"""Along the rows, in photosites: far enough for texture to be another, near enough to be of the same region."""

# Paired outliers in common beyond chance, as a share of those of the frame that has fewer: 26 to 75 % in series of one
# view, -1 to 5 % between 600 pairs of different scenes. The clusters of a sensor with 250 defects made up to 20.
_COMMON_SHARE, _FEWEST = 0.13, 25

# Of the outlying scores in common, paired or not, so many at least are paired beyond chance: 7 % in darks of a sensor
# whose hot photosites lie in clusters, 15 to 87 % in series of one view.
_PAIRED_SHARE = 0.1
_DIAGONALS = 4  # neighbours of a photosite

# Each row of flags has so many columns more on either side, and its width is a multiple of it: a word is eight bytes.
_MARGIN = 8

Bits = NDArray[np.uint8]
"""A bit for each position in a sample, of either sign, eight a byte from the lowest: 260 kB for a D80."""


@dataclass(frozen=True)
class PairedOutliers:
    """A frame's outlying scores in a sample of its rows, and which of them are paired.

    Parameters
    ----------
    outlying
        Positions in the sample of the outlying scores, ascending, int32: of the bright ones, then of the dark ones
        with `area` added.
    paired
        Positions of those with an outlying one of the same sign diagonally beside them.
    area
        Number of photosites in the sample.
    """

    outlying: NDArray[np.int32]
    paired: NDArray[np.int32]
    area: int


def find_paired_outliers(padded: Mosaic, noise: Noise) -> PairedOutliers:
    """Return the outlying scores, and the paired ones among them, in a sample of a frame's rows.

    Parameters
    ----------
    padded
        The active area as `score.neighbours.pad` returns it, DN.
    noise
        Noise of the frame, from `score.noise.fit_noise`.
    """
    lattice = noise.lattice
    height, width = unpadded_shape(padded, step_of(lattice))
    number, rows = sampled_strips((height, width))
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    bar = round(_OUTLYING * SCORES_PER_SIGMA)
    area = number * rows * width
    scores = np.empty((rows, width), np.int8)
    # Strip by strip, in memory that stays in cache: flags of the bright and of the dark, with a border of zeros.
    flags = np.zeros((2, rows + 2, 2 * _MARGIN + -(-width // _MARGIN) * _MARGIN), np.bool_)
    bright, dark = flags[:, 1:-1, _MARGIN : _MARGIN + width]
    far, words = flags.view(np.uint8), flags.view(np.uint64)
    filled = np.empty(words.shape[2] + 1, np.int32)
    # Where in the sample the first column of each row of flags would be.
    sign, strip, row = np.ogrid[:2, :number, -1 : rows + 1]
    starts = ((sign * number + strip) * rows + row) * width - _MARGIN
    outlying, paired = ([np.empty(area + 1, np.int32) for _ in range(2)] for _ in range(2))
    counts = np.zeros((2, 2), np.int64)
    for i, first in enumerate(np.linspace(0, height - rows, number).astype(int).tolist()):
        score_band(padded, first, first + rows, lattice, unit, SCORE_LIMIT, scores)
        np.greater_equal(scores, bar, out=bright)
        np.less_equal(scores, -bar, out=dark)
        for j in range(2):
            list_outlying(far[j], words[j], starts[j, i], filled, outlying[j], paired[j], counts[j])
    return PairedOutliers(_joined(outlying, counts[:, 0]), _joined(paired, counts[:, 1]), area)


def sampled_strips(shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many strips of rows are sampled, and of how many rows each is.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    """
    height, width = shape
    rows = min(_STRIP, height)
    return max(min(_SAMPLED // (rows * width), height // rows), 1), rows


def _joined(lists: list[NDArray[np.int32]], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the filled parts of some lists, one after the other."""
    return np.concatenate([places[:length] for places, length in zip(lists, lengths.tolist(), strict=True)])


def bits_of(places: NDArray[np.int32], area: int) -> Bits:
    """Return a bit for each position of either sign in a sample of `area` photosites, set at `places`.

    Parameters
    ----------
    places
        Positions from 0 to ``2 * area - 1``, each of them once.
    area
        Number of photosites in the sample.

    Returns
    -------
    ndarray of uint8, shape (ceil(2 * area / 8),)

    Examples
    --------
    >>> bits_of(np.array([0, 3, 17], np.int32), 12).tolist()
    [9, 0, 2]
    """
    bits = np.zeros(-(-2 * area // 8), np.uint8)
    np.add.at(bits, places >> 3, np.left_shift(1, places & 7).astype(np.uint8))
    return bits


def share_paired_outliers(one: PairedOutliers, other: PairedOutliers, bits: Bits | None = None) -> bool:
    """Tell whether two frames have more paired outliers in common than chance and the sensor make.

    Parameters
    ----------
    one, other
        Paired outliers of either frame, from `find_paired_outliers`.
    bits
        Result of `bits_of` for the paired outliers of `one`, where it is compared with many frames; None makes it here.

    Notes
    -----
    Where a sensor has very many defects, as in long dark frames of an old one, some lie diagonally beside each other by
    chance, and those are paired in every frame. Their expected number is taken off twice: four times the square of the
    outlying scores in common that are not paired, over the number of positions.

    Examples
    --------
    >>> scene = np.unique(np.random.default_rng(1).integers(0, 200_000, 2000)).astype(np.int32)
    >>> frame, moved = PairedOutliers(scene, scene, 100_000), PairedOutliers(scene + 9, scene + 9, 100_000)
    >>> share_paired_outliers(frame, frame), share_paired_outliers(frame, moved)
    (True, False)
    """
    fewer = min(one.paired.size, other.paired.size)
    if fewer < _FEWEST or one.area != other.area:
        return False
    bits = bits_of(one.paired, one.area) if bits is None else bits
    common, bar = count_set(bits, other.paired), max(_FEWEST, _COMMON_SHARE * fewer)
    if common < bar:  # what chance makes of it is only taken off
        return False
    places = 2 * one.area
    moved = [count_set(bits, (other.paired + np.int32(shift)) % np.int32(places)) for shift in SHIFTS]
    persistent = count_set(bits_of(one.outlying, one.area), other.outlying)
    lone = max(persistent - common, 0)
    excess = common - float(np.mean(moved)) - 2 * _DIAGONALS * lone**2 / places
    return bool(excess >= max(bar, _PAIRED_SHARE * persistent))


@compiled
def list_outlying(
    far: NDArray[np.uint8],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    filled: NDArray[np.int32],
    outlying: NDArray[np.int32],
    paired: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Add the positions whose flag is set to one list, and those with a diagonal neighbour that is set to another.

    Parameters
    ----------
    far
        Flags, 0 or 1, shape ``(rows, W)``; 0 in the first and the last row and column, so that all others have
        neighbours.
    words
        The same memory, eight flags a word: most words have none set, and are passed over at once.
    starts
        Position in the sample of each row's first column, shape ``(rows,)``.
    filled
        Scratch memory, one longer than a row of `words`.
    outlying, paired
        The two lists, with room for one position more than they can get.
    counts
        Lengths of the two lists, shape ``(2,)``; brought up to date.

    Notes
    -----
    Every position is written, and stays if the count is raised after it: a branch would often be predicted wrongly.
    """
    listed, kept = counts[0], counts[1]
    for row in range(1, far.shape[0] - 1):
        start, before, number = starts[row], listed, 0
        for k in range(words.shape[1]):
            filled[number] = k
            number += words[row, k] != 0
        for i in range(number):
            for j in range(8 * filled[i], 8 * filled[i] + 8):
                outlying[listed] = start + j
                listed += far[row, j]
        for i in range(before, listed):
            place = outlying[i]
            j = place - start
            paired[kept] = place
            kept += far[row - 1, j - 1] | far[row - 1, j + 1] | far[row + 1, j - 1] | far[row + 1, j + 1]
    counts[0], counts[1] = listed, kept


@compiled
def count_set(bits: NDArray[np.uint8], places: NDArray[np.int32]) -> int:
    """Count the places whose bit is set.

    Parameters
    ----------
    bits
        Eight bits a byte, numbered from the lowest, as `bits_of` returns them.
    places
        Numbers of bits, ``(N,)``.
    """
    found = 0
    for i in range(places.shape[0]):
        found += (bits[places[i] >> 3] >> (places[i] & 7)) & 1
    return found
