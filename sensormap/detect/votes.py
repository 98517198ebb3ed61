"""Votes: which photosites score beyond the outlier limit again and again within a block of frames.

A defect born late is diluted in the mean over all frames but unanimous in its last blocks, and one that only long
exposures show is unanimous in theirs.  What chance and scenery can do is measured on the same outliers: each frame's
list is shifted by its own random offset, which keeps everything but the places, and voted on again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.outlier_lists import BlockLists
from sensormap.detect.tally import OUTLIER_SIGMA, Outliers
from sensormap.score.scores import SCORES_PER_SIGMA

FEWEST_VOTES = 3
"""A photosite with fewer votes of one sign in a block leaves no trace of that block."""

_MOST_SHIFTS = 8

# Photosites of a block, and of each half, that are worth a second look.
_MOST_FOLLOWED = 1500

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
    following
        Positions worth a second look: those of the largest sums, candidates or not, ascending.
    decoys
        Positions that would have been worth one after the shift of the whole run: chance and scenery, no defects.
    """

    index: NDArray[np.int32]
    score: NDArray[np.float64]
    outliers: Outliers
    threshold: float
    following: NDArray[np.int32]
    decoys: NDArray[np.int32]


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


def parts_of(frames: Sequence[int]) -> list[Sequence[int]]:
    """Return a block's frames and, where they are enough to vote, its two halves: a defect may be born within.

    Examples
    --------
    >>> parts_of([3, 4, 5, 6, 7, 8, 9])
    [[3, 4, 5, 6, 7, 8, 9], [3, 4, 5], [6, 7, 8, 9]]
    """
    middle = len(frames) // 2
    return [frames, frames[:middle], frames[middle:]] if middle >= FEWEST_VOTES else [frames]


def draw_shifts(frames: int, shape: tuple[int, int], step: int, seed: int) -> NDArray[np.int32]:
    """Return a random (row, col) offset for each of `frames` frames, by whole plane steps, shape ``(2, frames)``.

    Parameters
    ----------
    frames
        How many.
    shape
        ``(H, W)`` of the active area.
    step
        Distance between same-plane neighbours: shifts keep to their plane.
    seed
        The same seed gives the same shifts.
    """
    rng = np.random.default_rng(seed)
    rows, cols = (rng.integers(0, side // step, frames) * step for side in shape)
    return np.stack([rows, cols]).astype(np.int32)


def count_votes(  # noqa: PLR0913
    outliers: Mapping[int, Outliers],
    parts: Sequence[Sequence[int]],
    shifts: NDArray[np.int32],
    *,
    shape: tuple[int, int],
    false_votes: float,
    seed: int,
    fewest_shifts: int = 2,
) -> tuple[Ballot, ...]:
    """Count one block's votes and single out the photosites that chance and scenery do not explain.

    Parameters
    ----------
    outliers
        The outlying scores of each frame of the block, by frame number; some may have none.
    parts
        Numbers of the frames that vote together, as from `parts_of`.
    shifts
        Of all frames of the run, from `draw_shifts`.
    shape
        ``(H, W)`` of the active area.
    false_votes
        How many false candidates each part may be expected to yield.
    seed
        Of the first part's further random shifts; each part after it takes the next. The same seed gives the same
        result.
    fewest_shifts
        How often the frames are shifted at least; more make the threshold surer.

    Returns
    -------
    tuple of Ballot
        One for each part.
    """
    lists = BlockLists.of(outliers, shape)
    # What repeats in a part repeats in the whole, here or shifted: only further shifts need a count of their own.
    kept = lists.rows(lists.repeated(FEWEST_VOTES)[0])
    entries, moved = lists.repeated(FEWEST_VOTES, shifts)
    moved_frame, moved_score = lists.frame_of(entries), lists.score[entries]
    ballots = []
    for part_seed, part in enumerate(parts, start=seed):
        here = np.isin(moved_frame, part)
        decoys, sums = _totals(moved[here], moved_score[here])
        rng, voters = np.random.default_rng(part_seed), lists.of_frames(part)
        shifted = [sums]
        # Where outliers are few, shifting is fast and few of them meet: go on until there is a tail to speak of.
        while len(shifted) < fewest_shifts or (len(shifted) < _MOST_SHIFTS and sum(map(len, shifted)) < _TAIL):
            # Other pairs of frames' shifts are other shifts.
            entries, places = voters.repeated(FEWEST_VOTES, shifts[:, rng.permutation(shifts.shape[1])])
            shifted.append(_totals(places, lists.score[entries])[1])
        threshold = _tail_threshold(np.concatenate(shifted), shifts=len(shifted), false_votes=false_votes)
        ballots.append(_ballot(kept[np.isin(kept.frame, part)], len(part), threshold, (decoys, sums)))
    return tuple(ballots)


def _ballot(
    outliers: Outliers, frames: int, threshold: float, decoys: tuple[NDArray[np.int32], NDArray[np.int32]]
) -> Ballot:
    """Return the result of so many frames; `outliers`, sorted by (index, frame), holds all that repeat, and others."""
    index, total = _totals(outliers.index, outliers.score)
    chosen = total > threshold * SCORES_PER_SIGMA
    score = total[chosen] / SCORES_PER_SIGMA / math.sqrt(frames)
    kept = outliers[np.isin(outliers.index, index)]
    enough = _enough(total)
    places, sums = decoys
    return Ballot(
        index[chosen], score, kept, threshold, following=index[total >= enough], decoys=places[sums >= enough]
    )


def _enough(total: NDArray[np.int32]) -> int:
    """Return the least sum of scores that is worth a second look: the `_MOST_FOLLOWED` largest are."""
    least = FEWEST_VOTES * math.ceil(OUTLIER_SIGMA * SCORES_PER_SIGMA)
    if total.size <= _MOST_FOLLOWED:
        return least
    return max(int(np.partition(total, -_MOST_FOLLOWED)[-_MOST_FOLLOWED]), least)


def _totals(index: NDArray[np.int32], score: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return a sorted list's photosites with enough votes, and of their sums of scores of one sign the larger."""
    places, starts = np.unique(index, return_index=True)
    if not starts.size:
        return places, places
    signed = score.astype(np.int32)
    sums = []
    for side in (signed, -signed):
        votes = np.add.reduceat((side > 0).astype(np.int32), starts)
        sums.append(np.where(votes >= FEWEST_VOTES, np.add.reduceat(np.maximum(side, 0), starts), 0))
    total = np.maximum(*sums)
    return places[total > 0], total[total > 0]


def _tail_threshold(totals: NDArray[np.int32], *, shifts: int, false_votes: float) -> float:
    """Return the sum of scores, in sigma, that the shifted votes exceed `false_votes` times a block on average.

    The number of totals above t is taken to fall exponentially, at the rate of its largest values' mean excess.
    """
    floor = FEWEST_VOTES * 4.0  # three votes just beyond the outlier limit never make a candidate alone
    tail = np.sort(totals)[-_TAIL * shifts :] / SCORES_PER_SIGMA
    if tail.size < 2:
        return floor
    excess = float(np.mean(tail) - tail[0])
    expected = tail.size / shifts
    return max(floor, float(tail[0]) + max(excess, 0.25) * math.log(expected / false_votes), float(tail[-1]))
