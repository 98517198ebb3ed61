"""Which photosites the second pass follows, and what a frame shows at them: a few thousand out of millions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.nulls import nulls_of
from sensormap.detect.tally import Tally
from sensormap.detect.votes import Ballot
from sensormap.frame import Mosaic
from sensormap.score.neighbours import gather_windows
from sensormap.settings import Thresholds

# Deviation of the mean score that deserves a second look, and the least number of photosites that get one.
FOLLOWED_SIGMA, _FEWEST_FOLLOWED = 5.0, 200

_SAMPLED_SUM = 64

# After a third of 60 frames these name 480 of 482 photosites of two sets that all frames made entries of; without them
# 474. Of what is left, fewer frames are known.
_EARLY_SHARE, _EARLY_SIGMA = 3, 4.0


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


@dataclass(frozen=True)
class Spots:
    """Positions ``row * W + col`` in the active area.

    Parameters
    ----------
    fixed
        In every frame the same.
    decoys
        Moved with each frame's shift: no defect is there twice.
    """

    fixed: NDArray[np.int64]
    decoys: NDArray[np.int64]

    def __len__(self) -> int:
        return self.fixed.size + self.decoys.size

    def windows(self, padded: Mosaic, shift: NDArray[np.int32], step: int) -> Mosaic:
        """Return what a frame shows at the spots: value, twice the median and mid-spread of the neighbours, ``(3, N)``.

        Parameters
        ----------
        padded
            The frame's active area as `score.pad` returns it, DN.
        shift
            The frame's (row, col) offset.
        step
            Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
        """
        shape = (padded.shape[0] - 2 * step, padded.shape[1] - 2 * step)
        row, col = moved_back(self.decoys, shift, shape)
        row = np.concatenate([self.fixed // shape[1], row])
        col = np.concatenate([self.fixed % shape[1], col])
        return gather_windows(padded, row, col, step)

    def among(self, others: Spots) -> NDArray[np.intp]:
        """Return where each of these spots is among the others, which are ascending; -1 where it is not."""
        found = [_places(self.fixed, others.fixed), _places(self.decoys, others.decoys)]
        found[1][found[1] >= 0] += others.fixed.size
        return np.concatenate(found)


def promising(
    tally: Tally,
    ballots: Sequence[Ballot],
    shifted: NDArray[np.unsignedinteger[Any]],
    cfa: Cfa,
    thresholds: Thresholds,
    *,
    early: bool = False,
) -> Spots:
    """Return the photosites that may be defects, and the decoys that as many scores make: both ascending.

    Parameters
    ----------
    tally, ballots, cfa, thresholds
        As for `detect.worth_following`.
    shifted
        Sums of the sizes of outlying scores in shifted frames, for the topmost part of the rows, flat.
    early
        Whether more frames are to come, which may raise what is not yet conspicuous: then there are more of both.
    """
    sigma = _EARLY_SIGMA if early else FOLLOWED_SIGMA
    if early:
        thresholds = replace(thresholds, followed_share=_EARLY_SHARE * thresholds.followed_share)
    # Decoys are held to the bar of the candidates.
    bar = largest_sums(tally.sum_outlying.reshape(-1), most_followed(tally.hidden.size, thresholds))
    decoys = [np.flatnonzero(shifted >= bar)] + [ballot.decoys for ballot in ballots]
    decoy = np.unique(np.concatenate(decoys)).astype(np.int64)
    return Spots(worth_following(tally, ballots, cfa, thresholds, sigma=sigma), decoy[decoy < shifted.size])


def moved_back(
    places: NDArray[np.int64], shift: NDArray[np.int32], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of where places of a shifted frame lie in the frame itself."""
    height, width = shape[0] - shape[0] % 2, shape[1] - shape[1] % 2
    return (places // shape[1] - shift[0]) % height, (places % shape[1] - shift[1]) % width


def _places(wanted: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.intp]:
    if not ascending.size:
        return np.full(wanted.size, -1, np.intp)
    place = np.minimum(np.searchsorted(ascending, wanted), ascending.size - 1)
    return np.where(ascending[place] == wanted, place, -1)
