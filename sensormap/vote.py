"""Votes: which photosites score beyond the outlier limit again and again within a block of frames.

A defect born late is diluted in the mean over all frames but unanimous in its last blocks, and one that only long
exposures show is unanimous in theirs.  What chance and scenery can do is measured on the same outliers: each frame's
list is shifted by its own random offset, which keeps everything but the places, and voted on again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.score import SCORES_PER_SIGMA
from sensormap.tally import Outliers

FEWEST_VOTES = 3
"""A photosite with fewer votes of one sign in a block leaves no trace of that block."""

_LOW_WORD = 0xFFFFFFFF
_SCORE_BIAS = 128  # makes an int8 score non-negative, to be packed
_SHIFTED_VOTES = 4
# The tail of the shifted votes is extrapolated from this many of its largest values a shift.
_TAIL = 50


@dataclass(frozen=True)
class Ballot:
    """One block's result.

    Parameters
    ----------
    index
        Candidates' positions ``row * W + col`` in the active area, ascending.
    score
        Their summed outlying scores of the prevailing sign over the square root of the block's frames: Stouffer's
        combination of scores, in sigma.
    outliers
        Every outlying score of each photosite with `FEWEST_VOTES` votes, candidate or not.
    threshold
        Sum of outlying scores that a candidate must reach, in sigma.
    """

    index: NDArray[np.int32]
    score: NDArray[np.float64]
    outliers: Outliers
    threshold: float


def time_blocks(order: Sequence[int], *, long: Sequence[bool], size: int) -> list[tuple[int, ...]]:
    """Split frames, given in order of capture, into blocks of about `size`; long exposures have blocks of their own.

    Parameters
    ----------
    order
        Frame numbers by capture time.
    long
        For each frame number, whether it is a long exposure. Up to `FEWEST_VOTES` long ones stay with the rest.
    size
        Frames a block, at least 1.

    Returns
    -------
    list of tuples of int
        Every frame number once; blocks differ by at most one frame within their kind.

    Examples
    --------
    >>> time_blocks(range(6), long=[False] * 6, size=3)
    [(0, 1, 2), (3, 4, 5)]
    """
    longs = [frame for frame in order if long[frame]]
    rest = [frame for frame in order if not long[frame]]
    if len(longs) <= FEWEST_VOTES or len(rest) <= FEWEST_VOTES:
        longs, rest = [], list(order)
    blocks: list[tuple[int, ...]] = []
    for frames in (longs, rest):
        if frames:
            parts = np.array_split(np.array(frames), max(1, round(len(frames) / size)))
            blocks.extend(tuple(int(frame) for frame in part) for part in parts)
    return blocks


def count_votes(
    outliers: Outliers, *, shape: tuple[int, int], step: int, false_votes: float, seed: int
) -> Ballot:
    """Count one block's votes and single out the photosites that chance and scenery do not explain.

    Parameters
    ----------
    outliers
        The outlying scores of all frames of the block.
    shape
        ``(H, W)`` of the active area.
    step
        Distance between same-plane neighbours: shifts keep to their plane.
    false_votes
        How many false candidates the block may be expected to yield.
    seed
        Of the random shifts: the same seed gives the same result.
    """
    frames = np.unique(outliers.frame)
    rng = np.random.default_rng(seed)
    shifted = [_shifted_totals(outliers, frames, shape, step, rng) for _ in range(_SHIFTED_VOTES)]
    threshold = _tail_threshold(np.concatenate(shifted), false_votes=false_votes)
    # Sorting (index, row) packed in one integer is several times faster than an argsort.
    order = np.sort(_packed(outliers.index, np.arange(len(outliers)))) & _LOW_WORD
    index, total, votes, members = _by_photosite(outliers.index[order], outliers.score[order])
    kept = votes >= FEWEST_VOTES
    chosen = kept & (total > threshold * SCORES_PER_SIGMA)
    score = total[chosen] / SCORES_PER_SIGMA / np.sqrt(max(frames.size, 1))
    return Ballot(index[chosen], score, outliers[order[np.repeat(kept, members)]], threshold)


def _packed(high: NDArray[np.int32], low: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return non-negative `high` and `low` as one sortable integer."""
    return (high.astype(np.int64) << 32) | low


def _by_photosite(
    index: NDArray[np.int32], score: NDArray[np.int8]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.intp]]:
    """Return a sorted list's distinct photosites, their prevailing sign's sum and votes, and their list lengths."""
    starts = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]])[: index.size])
    if not starts.size:
        nothing = np.empty(0, np.int32)
        return nothing, nothing, nothing, starts
    signed = score.astype(np.int32)
    up, down = (np.add.reduceat(np.maximum(side, 0), starts) for side in (signed, -signed))
    votes_up, votes_down = (np.add.reduceat((side > 0).astype(np.int32), starts) for side in (signed, -signed))
    members = np.diff(np.append(starts, index.size))
    return index[starts], np.maximum(up, down), np.maximum(votes_up, votes_down), members


def _shifted_totals(
    outliers: Outliers, frames: NDArray[np.int32], shape: tuple[int, int], step: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Return the summed scores of the photosites with enough votes after each frame is shifted by its own offset."""
    height, width = shape[0] // step * step, shape[1] // step * step
    shift = np.stack([rng.integers(0, height // step, frames.size), rng.integers(0, width // step, frames.size)]) * step
    row_shift, col_shift = shift.astype(np.int32)[:, np.searchsorted(frames, outliers.frame)]
    row, col = np.divmod(outliers.index, np.int32(shape[1]))
    moved = (row + row_shift) % height * np.int32(width) + (col + col_shift) % width
    keys = np.sort(_packed(moved, outliers.score.astype(np.intp) + _SCORE_BIAS))
    # Only photosites with enough entries can have enough votes: leave the others out before summing.
    places = keys >> 32
    same = places[FEWEST_VOTES - 1 :] == places[: places.size - FEWEST_VOTES + 1]
    crowded = np.zeros(places.size, np.bool_)
    for i in range(FEWEST_VOTES):
        crowded[i : i + same.size] |= same
    score = ((keys[crowded] & _LOW_WORD) - _SCORE_BIAS).astype(np.int8)
    _, total, votes, _ = _by_photosite(places[crowded].astype(np.int32), score)
    return total[votes >= FEWEST_VOTES]


def _tail_threshold(totals: NDArray[np.int32], *, false_votes: float) -> float:
    """Return the sum of scores, in sigma, that the shifted votes exceed `false_votes` times a block on average.

    The number of totals above t is taken to fall exponentially, at the rate of its largest values' mean excess.
    """
    floor = FEWEST_VOTES * 4.0  # three votes just beyond the outlier limit never make a candidate alone
    tail = np.sort(totals)[-_TAIL * _SHIFTED_VOTES :] / SCORES_PER_SIGMA
    if tail.size < 2:
        return floor
    excess = float(np.mean(tail) - tail[0])
    expected = tail.size / _SHIFTED_VOTES
    return max(floor, float(tail[0]) + max(excess, 0.25) * math.log(expected / false_votes), float(tail[-1]))
