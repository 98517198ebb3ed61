"""Scores of many frames in; candidates and lines out, and the photosites that the second pass follows.

Read `tally` (exact sums over frames), `outlier_lists` and `votes` (outlying scores that repeat within a block of
frames), `nulls` (centre and spread of healthy photosites), `candidates`, `line_walks` and `lines` (columns and rows),
`follow_list` (what the second pass follows). A new detector is a module here that returns places from a tally.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.medians import median_of
from sensormap.score.noise import SIGMA_PER_MAD
from sensormap.settings import Thresholds
from sensormap.tally import Tally
from sensormap.vote import Ballot

_FEW_FRAMES = 10

# Deviation of the mean score that deserves a second look, and the least number of photosites that get one.
FOLLOWED_SIGMA, _FEWEST_FOLLOWED = 5.0, 200

# Every fourth row gives centre and scale of a D80's plane to 0.2 %, in a quarter of the time.
_SAMPLED_ROW = 4
_SAMPLED_SUM = 64


@dataclass(frozen=True)
class Candidates:
    """Photosites that pass 1 singles out: positions in the active area, ascending, and their scores' size in sigma."""

    row: NDArray[np.int32]
    col: NDArray[np.int32]
    score: NDArray[np.float64]


def find_candidates(tally: Tally, ballots: Sequence[Ballot], cfa: Cfa, thresholds: Thresholds) -> Candidates:
    """Return the photosites whose mean score or votes stand out.

    Parameters
    ----------
    tally
        Sums over all frames of the active area.
    ballots
        Results of the blocks of votes.
    cfa
        Filter pattern as read from the active area's corner.
    thresholds
        What standing out means.

    Notes
    -----
    The null distribution of the mean score is empirical: its centre and scale are the median and 1.4826 times the
    median absolute deviation over the photosites of the same plane, so that texture, quantisation and the spread of
    response between healthy photosites widen it as they should.  A photosite that was clipped with its surroundings in
    some of the frames has fewer scores to its mean and is held to a proportionally wider null.
    """
    # A mean of few scores has the tails of single ones: the edges of two scenes meet in many places.
    mean_sigma = thresholds.mean_sigma * math.sqrt(max(_FEW_FRAMES / max(tally.frames, 1), 1))
    step, width = cfa.step, tally.shape[1]
    centre, scale = nulls_of(tally, cfa)
    # Few pass even the lower of the two bars: only those are looked at closely.
    place = tally.beyond(centre, np.maximum(np.float32(thresholds.effect_sigma), np.float32(mean_sigma) * scale))
    row, col = place // width, place % width
    phase = row % step, col % step
    seen = np.maximum(tally.frames - tally.hidden[row, col].astype(np.int64), 1).astype(np.float32)
    effect = tally.mean_score((row, col)) - centre[phase]
    deviation = effect / scale[phase] * np.sqrt(seen / np.float32(max(tally.frames, 1)))
    passes = np.abs(deviation) > mean_sigma
    strongest: dict[int, float] = dict(zip(place[passes].tolist(), np.abs(deviation[passes]).tolist(), strict=True))
    for ballot in ballots:
        for index, sigmas in zip(ballot.index.tolist(), ballot.score.astype(np.float32).tolist(), strict=True):
            strongest[index] = max(strongest.get(index, 0.0), sigmas)
    found = np.array(sorted(strongest), np.int32)
    score = np.array([strongest[index] for index in found.tolist()], np.float64)
    return Candidates(found // np.int32(width), found % np.int32(width), score)


def worth_following(
    tally: Tally, ballots: Sequence[Ballot], cfa: Cfa, thresholds: Thresholds, *, sigma: float = FOLLOWED_SIGMA
) -> NDArray[np.int64]:
    """Return the photosites that deserve a second look, positions ``row * W + col`` in the active area, ascending.

    Parameters
    ----------
    tally, ballots, cfa
        As for `find_candidates`.
    thresholds
        Its `followed_share` bounds how many of the largest sums of outlying scores over all frames, and of the mean
        scores far from the plane's median, are named. The third way, the largest sums of each block of frames, has a
        bound of its own.
    sigma
        How far a mean score has to be from the median, in robust standard deviations.

    Notes
    -----
    The bar is low on purpose: of some 5 000 photosites on a D80 a few hundred are defects. The series decide.
    """
    most = most_followed(tally.hidden.size, thresholds)
    outlying = tally.sum_outlying.reshape(-1)
    places = [np.flatnonzero(outlying >= largest_sums(outlying, most))]
    places += [ballot.following.astype(np.int64) for ballot in ballots]
    centre, scale = nulls_of(tally, cfa)
    width, step = tally.shape[1], cfa.step
    far = tally.beyond(centre, np.float32(sigma) * scale)
    row, col = far // width, far % width
    size = np.abs(tally.mean_score((row, col)) - centre[row % step, col % step])
    for plane in cfa.planes:
        own = np.flatnonzero((row % step == plane.row) & (col % step == plane.col))
        kept = np.argsort(-size[own], kind="stable")[: most // len(cfa.planes)]
        places.append(far[own[kept]])
    return np.unique(np.concatenate(places)).astype(np.int64)


def most_followed(photosites: int, thresholds: Thresholds) -> int:
    """Return how many photosites each way may name, for a sensor of so many."""
    return max(round(thresholds.followed_share * photosites), _FEWEST_FOLLOWED)


def largest_sums(sums: NDArray[np.unsignedinteger[Any]], most: int) -> int:
    """Return the least sum, above 0, such that at most `most` photosites reach it.

    Examples
    --------
    >>> largest_sums(np.array([0, 5, 3, 3, 9], np.uint16), 3)
    4
    """
    # A sample tells a bar that more than `most` reach, mostly: then only those need to be counted by their size.
    sample = np.sort(sums[::_SAMPLED_SUM])
    low = sample[max(sample.size - 1 - 4 * most // _SAMPLED_SUM, 0)] if sample.size else 0
    large = sums[sums >= low]
    reached = np.cumsum(np.bincount(large if large.size > most else sums)[::-1])[::-1]
    within = np.flatnonzero(reached[1:] <= most)
    return int(within[0]) + 1 if within.size else reached.size


def nulls_of(tally: Tally, cfa: Cfa) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return centre and scale of the mean scores of every plane, by row and column phase: shape ``(step, step)``."""
    centre, scale = np.empty((2, cfa.step, cfa.step), np.float32)
    for plane in cfa.planes:
        sample = tally.mean_score(np.s_[plane.row :: _SAMPLED_ROW * cfa.step, plane.col :: cfa.step])
        centre[plane.row, plane.col], scale[plane.row, plane.col] = null_of(sample, every=1)
    return centre, scale


def null_of(mean: NDArray[np.float32], *, every: int = _SAMPLED_ROW) -> tuple[np.float32, np.float32]:
    """Return centre and scale of a plane's mean scores; the scale is infinite where half of them are one value.

    Parameters
    ----------
    mean
        Mean scores of the plane, ``(H, W)``.
    every
        One row in so many is looked at.
    """
    sample = mean[::every]
    centre = median_of(sample)
    scale = np.float32(SIGMA_PER_MAD * float(median_of(np.abs(sample - centre))))
    return centre, scale if scale > 0 else np.float32(np.inf)
