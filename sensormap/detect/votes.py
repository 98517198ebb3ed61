"""Votes: which photosites score beyond the outlier limit again and again within a block of frames.

A defect that appears late is diluted in the mean over all frames but shows in all frames of its last blocks, and one
that only long exposures show does in all of theirs. What chance and scenery can do is measured on the same outliers:
each frame's list is shifted by its own random offset, which keeps everything but the places, and voted on again.
Photosites that repeat after the shift of the whole run are decoys: there chance and scenery meet, and no defect is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.outlier_lists import BlockLists, period_of
from sensormap.detect.tally import Outliers
from sensormap.score.scores import SCORES_PER_SIGMA
from sensormap.settings import OUTLIER_SIGMA

FEWEST_VOTES = 3
"""A photosite with fewer votes of one sign in a block leaves no trace of that block."""

_MOST_SHIFTS = 8  # of a block's frames; more would hardly make its threshold surer

# Photosites of a block, and of each half, that are followed in the second pass, at most.
_MOST_FOLLOWED = 1500

# The tail of the shifted votes is extrapolated from this many of its largest values a shift. It is taken to fall by a
# factor of e over no less than so many sigma: few values tell of no steeper fall.
_TAIL, _LEAST_FALL = 50, 0.25

# Sigma that a candidate's votes have on average at least: three just beyond the outlier limit make none.
_LEAST_VOTE = 4.0


@dataclass(frozen=True)
class BlockVotes:
    """One block's result.

    Parameters
    ----------
    index
        Candidates' positions ``row * W + col`` in the active area, ascending.
    score
        Sums of outlying scores of the prevailing sign over the square root of the number of the block's frames, in
        sigma: scores combined as Stouffer did [1]_.
    outliers
        Every outlying score of each photosite with `FEWEST_VOTES` votes, candidate or not, sorted by (index, frame).
    threshold
        Sum of outlying scores that a candidate must exceed, in sigma.
    following
        Positions that the second pass follows: those of the largest sums, candidates or not, ascending.
    decoys
        Positions that it would follow after the shift of the whole run: chance and scenery, no defects.

    References
    ----------
    .. [1] S. A. Stouffer, E. A. Suchman, L. C. DeVinney, S. A. Star, R. M. Williams, "The American Soldier, Vol. 1:
       Adjustment During Army Life", Princeton University Press (1949).
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
        Frame numbers in order of capture.
    long
        Whether each frame number is of a long exposure. Up to `FEWEST_VOTES` long ones stay with the rest.
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
    """Return a block's frames and, where they are enough to vote, its two halves: a defect may appear within.

    Examples
    --------
    >>> parts_of([3, 4, 5, 6, 7, 8, 9])
    [[3, 4, 5, 6, 7, 8, 9], [3, 4, 5], [6, 7, 8, 9]]
    """
    middle = len(frames) // 2
    return [frames, frames[:middle], frames[middle:]] if middle >= FEWEST_VOTES else [frames]


def draw_shifts(
    frames: int, shape: tuple[int, int], step: int, seed: int | np.random.Generator, reach: int | None = None
) -> NDArray[np.int32]:
    """Return a random (row, col) offset for each of `frames` frames, by whole plane steps, shape ``(2, frames)``.

    Parameters
    ----------
    frames
        Number of frames.
    shape
        ``(H, W)`` of the active area.
    step
        Distance between same-plane neighbours: shifts keep to their plane.
    seed
        Seed of the random draws; the same seed gives the same shifts.
    reach
        Steps in either direction that they go at most; None for as far as the active area goes.

    Notes
    -----
    Shifts go around the edges: one upwards is one downwards by the rest of the height.
    """
    rng = np.random.default_rng(seed)
    if reach is None:
        rows, cols = (rng.integers(0, side // step, frames) * step for side in shape)
    else:
        around = [side - side % period_of(step) for side in shape]
        most = [min(reach, side // step // 2) for side in shape]
        rows, cols = (
            rng.integers(-far, far + 1, frames) * step % side for far, side in zip(most, around, strict=True)
        )
    return np.stack([rows, cols]).astype(np.int32)


def shift_of(digest: str, shape: tuple[int, int], step: int, reach: int | None = None) -> NDArray[np.int32]:
    """Return the offset of a frame, drawn from its file's digest: the same in whatever series the photo stands.

    Parameters
    ----------
    digest
        SHA-256 of the photo's file, hexadecimal.
    shape, step, reach
        As for `draw_shifts`.

    Returns
    -------
    ndarray of int32, shape (2,)
        (row, col) offset by whole plane steps.
    """
    return draw_shifts(1, shape, step, int(digest, 16), reach)[:, 0]


def count_votes(  # noqa: PLR0913
    outliers: Mapping[int, Outliers],
    parts: Sequence[Sequence[int]],
    shifts: NDArray[np.int32],
    *,
    shape: tuple[int, int],
    step: int,
    false_votes: float,
    seed: int,
    fewest_shifts: int = 2,
    reach: int | None = None,
) -> tuple[BlockVotes, ...]:
    """Count one block's votes and single out the photosites that chance and scenery do not explain.

    Parameters
    ----------
    outliers
        Outlying scores of each frame of the block, by frame number, sorted by index; some frames may have none.
    parts
        Numbers of the frames that vote together, as from `parts_of`.
    shifts
        Offsets of all frames, by number, shape ``(2, frames)``.
    shape
        ``(H, W)`` of the active area.
    step, reach
        Number of photosites that further random shifts go by, and how far, as for `draw_shifts`.
    false_votes
        Number of false candidates that each part may be expected to yield.
    seed
        Seed of the first part's further random shifts; each part after it takes the next. The same seed gives the same
        result.
    fewest_shifts
        Least number of times that the frames are shifted; more make the threshold surer.

    Returns
    -------
    tuple of BlockVotes
        One for each part.
    """
    lists = BlockLists.of(outliers, shape, period_of(step))
    # What repeats in a part repeats in the whole, here or shifted: only further shifts need a count of their own.
    kept = lists.rows(lists.repeated(FEWEST_VOTES)[0])
    entries, moved = lists.repeated(FEWEST_VOTES, shifts)
    moved_frame, moved_score = lists.frame_of(entries), lists.score[entries]
    block_votes = []
    for part_seed, part in enumerate(parts, start=seed):
        here = np.isin(moved_frame, part)
        decoys = _Totals.of(moved[here], moved_score[here])
        rng, voters = np.random.default_rng(part_seed), lists.of_frames(part)
        shifted = [decoys.total]
        # Where outliers are few, shifting is fast and few of them meet: go on until there is a tail to speak of.
        while len(shifted) < fewest_shifts or (len(shifted) < _MOST_SHIFTS and sum(map(len, shifted)) < _TAIL):
            further = draw_shifts(shifts.shape[1], shape, step, rng, reach)
            entries, places = voters.repeated(FEWEST_VOTES, further)
            shifted.append(_Totals.of(places, lists.score[entries]).total)
        threshold = _tail_threshold(np.concatenate(shifted), shifts=len(shifted), false_votes=false_votes)
        block_votes.append(_block_votes(kept[np.isin(kept.frame, part)], decoys, len(part), threshold))
    return tuple(block_votes)


def _block_votes(outliers: Outliers, decoys: _Totals, frames: int, threshold: float) -> BlockVotes:
    """Return the result of so many frames; `outliers`, sorted by (index, frame), holds all that repeat, and others."""
    found = _Totals.of(outliers.index, outliers.score)
    chosen = found.total > threshold * SCORES_PER_SIGMA
    bar = found.followed_from
    return BlockVotes(
        index=found.index[chosen],
        score=found.total[chosen] / SCORES_PER_SIGMA / math.sqrt(frames),
        outliers=outliers[np.isin(outliers.index, found.index)],
        threshold=threshold,
        following=found.index[found.total >= bar],
        decoys=decoys.index[decoys.total >= bar],
    )


@dataclass(frozen=True)
class _Totals:
    """Photosites with enough votes of one sign, ascending, and of their sums of scores of one sign the larger."""

    index: NDArray[np.int32]
    total: NDArray[np.int32]

    @staticmethod
    def of(index: NDArray[np.int32], score: NDArray[np.int8]) -> _Totals:
        """Add up the scores of a list.

        Parameters
        ----------
        index, score
            Places ``row * W + col``, ascending, and scores: ``(E,)`` both.
        """
        places, starts = np.unique(index, return_index=True)
        if not starts.size:
            return _Totals(places, places)
        signed = score.astype(np.int32)
        sums = []
        for side in (signed, -signed):
            votes = np.add.reduceat((side > 0).astype(np.int32), starts)
            sums.append(np.where(votes >= FEWEST_VOTES, np.add.reduceat(np.maximum(side, 0), starts), 0))
        total = np.maximum(*sums)
        return _Totals(places[total > 0], total[total > 0])

    @property
    def followed_from(self) -> int:
        """The least sum that is followed, so that the largest `_MOST_FOLLOWED` are."""
        least = FEWEST_VOTES * math.ceil(OUTLIER_SIGMA * SCORES_PER_SIGMA)
        if self.total.size <= _MOST_FOLLOWED:
            return least
        return max(int(np.partition(self.total, -_MOST_FOLLOWED)[-_MOST_FOLLOWED]), least)


def _tail_threshold(totals: NDArray[np.int32], *, shifts: int, false_votes: float) -> float:
    """Return the sum of scores, in sigma, that the shifted votes exceed `false_votes` times a block on average.

    The number of totals above t is taken to fall exponentially, at the rate of its largest values' mean excess.
    """
    least = FEWEST_VOTES * _LEAST_VOTE
    tail = np.sort(totals)[-_TAIL * shifts :] / SCORES_PER_SIGMA
    if tail.size < 2:
        return least
    excess = float(np.mean(tail) - tail[0])
    expected = tail.size / shifts
    return max(least, float(tail[0]) + max(excess, _LEAST_FALL) * math.log(expected / false_votes), float(tail[-1]))
