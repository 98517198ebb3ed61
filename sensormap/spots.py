"""Spots: the few thousand photosites out of millions whose values in each frame are kept, and what they show there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect import FOLLOWED_SIGMA, largest_sums, most_followed, worth_following
from sensormap.frame import Mosaic
from sensormap.score.neighbours import gather_windows
from sensormap.settings import Thresholds
from sensormap.tally import Tally
from sensormap.vote import Ballot

# After a third of 60 frames these name 480 of 482 photosites of two sets that all frames made entries of; without them
# 474. Of what is left, fewer frames are known.
_EARLY_SHARE, _EARLY_SIGMA = 3, 4.0

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
