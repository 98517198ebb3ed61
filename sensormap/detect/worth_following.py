"""Which photosites, a few thousand of millions, may be defects, so that the second pass follows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.follow_list import FollowList
from sensormap.detect.nulls import nulls_of
from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.settings import SMEAR, Thresholds, most_listed

# A photosite is followed whose mean score deviates so far, in robust standard deviations. Of the largest sums at least
# so many are followed, on small sensors too.
FOLLOWED_SIGMA, _FEWEST_FOLLOWED = 5.0, 200

_FEWEST_BOUND = 5000  # photosites that may be followed however small the sensor

# While most frames are still to come, three times as many photosites are named by their sums, and a smaller deviation
# is enough. Measured on two series of 60 frames, whose maps have 482 entries if every frame is decoded twice: with
# these limits a third of the frames named all but 2 of them, with the final limits all but 8. What is not named then is
# known in a third of the frames only, and 4 of those 8 entries were lost by that.
_EARLY_SHARE, _EARLY_SIGMA = 3, 4.0

# Of JPEGs so many times as many are named, and those left out that a photosite nearby exceeds so many times: a defect
# is smeared over a dozen pixels, and a column took all places.
_SMEARED_SHARE, _SMEAR_SUM = 3, 2

_SAMPLE_STEP = 64  # of every so many sums one is in the sample that bounds the large ones


def make_follow_list(  # noqa: PLR0913
    tally: Tally,
    block_votes: Sequence[BlockVotes],
    shifted_sums: NDArray[np.unsignedinteger[Any]],
    cfa: Cfa,
    thresholds: Thresholds,
    *,
    early: bool = False,
    smears: bool = False,
) -> FollowList:
    """Return the photosites that may be defects, and decoys of as large sums: both ascending.

    Parameters
    ----------
    tally, block_votes, cfa, thresholds
        As for `worth_following`.
    shifted_sums
        Sums of the sizes of outlying scores in shifted frames, flat, of the topmost rows: ``(rows * W,)``, of any
        unsigned type.
    early
        Whether most frames are still to come, which may raise what does not stand out yet: then more are listed.
    smears
        Whether each defect is smeared over several photosites: then more are listed, but of those that touch only the
        strongest.
    """
    if smears:
        thresholds = replace(thresholds, followed_share=_SMEARED_SHARE * thresholds.followed_share)
    sigma = _EARLY_SIGMA if early else FOLLOWED_SIGMA
    if early:
        thresholds = replace(thresholds, followed_share=_EARLY_SHARE * thresholds.followed_share)
    # Decoys need sums as large as those of the photosites.
    least = largest_sums(tally.sum_outlying.reshape(-1), most_followed(tally.hidden.size, thresholds))
    decoys = [np.flatnonzero(shifted_sums >= least)] + [votes.decoys for votes in block_votes]
    decoy = np.unique(np.concatenate(decoys)).astype(np.int64)
    decoy = decoy[decoy < shifted_sums.size]
    places = worth_following(tally, block_votes, cfa, thresholds, sigma=sigma)
    if smears:
        places = _without_smears(places, tally.sum_outlying)
        decoy = _without_smears(decoy, shifted_sums.reshape(-1, tally.shape[1]))
    return FollowList(places, decoy)


def _without_smears(places: NDArray[np.int64], sums: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.int64]:
    """Return the places that have no photosite of twice their sum close by; sums by row and column."""
    height, width = sums.shape
    row, col = places // width, places % width
    strongest = np.zeros(places.size, np.int64)
    for down in range(-SMEAR, SMEAR + 1):
        for across in range(-SMEAR, SMEAR + 1):
            near = sums[np.clip(row + down, 0, height - 1), np.clip(col + across, 0, width - 1)]
            np.maximum(strongest, near, out=strongest)
    return np.asarray(places[_SMEAR_SUM * sums[row, col].astype(np.int64) >= strongest])


def worth_following(
    tally: Tally, block_votes: Sequence[BlockVotes], cfa: Cfa, thresholds: Thresholds, *, sigma: float = FOLLOWED_SIGMA
) -> NDArray[np.int64]:
    """Return the photosites that may be defects, positions ``row * W + col`` in the active area, ascending.

    Parameters
    ----------
    tally, block_votes, cfa
        As for `candidates.find_candidates`.
    thresholds
        Detection thresholds. `followed_share` bounds how many photosites are named for the largest sums of outlying
        scores over all frames, and how many for a mean score far from the plane's median. Each block of votes names
        those of the largest sums in its frames, and has a bound of its own.
    sigma
        Least distance of a mean score from the plane's median, in robust standard deviations.

    Notes
    -----
    The limits are low on purpose: of some 5 000 followed photosites of a D80 a few hundred are defects. Their values in
    all frames decide.
    """
    most = most_followed(tally.hidden.size, thresholds)
    outlying = tally.sum_outlying.reshape(-1)
    places = [np.flatnonzero(outlying >= largest_sums(outlying, most))]
    places += [votes.following.astype(np.int64) for votes in block_votes]
    centre, scale = nulls_of(tally, cfa)
    width, step = tally.shape[1], cfa.step
    far = tally.beyond(centre, np.float32(sigma) * scale)
    row, col = far // width, far % width
    size = np.abs(tally.mean_score((row, col)) - centre[row % step, col % step])
    place = row % step * step + col % step
    for planes in cfa.classes:
        own = np.flatnonzero(np.isin(place, [plane.row * step + plane.col for plane in planes]))
        kept = np.argsort(-size[own], kind="stable")[: most * len(planes) // len(cfa.planes)]
        places.append(far[own[kept]])
    return _most_outlying(np.unique(np.concatenate(places)).astype(np.int64), outlying)


def _most_outlying(places: NDArray[np.int64], outlying: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.int64]:
    """Return no more than 1 % of the photosites, those of the largest sums, ascending.

    Blocks of votes name photosites each; time and memory must not grow with what a strange sensor makes them name.
    """
    most = most_listed(outlying.size, least=_FEWEST_BOUND)
    if places.size <= most:
        return places
    order = np.argsort(-outlying[places].astype(np.int64), kind="stable")
    return np.sort(places[order[:most]])


def most_followed(photosites: int, thresholds: Thresholds) -> int:
    """Return how many photosites are named at most for their sums, and for their means.

    Parameters
    ----------
    photosites
        Number of photosites of the active area.
    thresholds
        Detection thresholds, of which `followed_share` is used.
    """
    return max(round(thresholds.followed_share * photosites), _FEWEST_FOLLOWED)


def largest_sums(sums: NDArray[np.unsignedinteger[Any]], most: int) -> int:
    """Return the least sum, above 0, such that at most `most` photosites reach it.

    Parameters
    ----------
    sums
        Sum of each photosite, flat, of any unsigned type.
    most
        Largest number of photosites that may reach it.

    Examples
    --------
    >>> largest_sums(np.array([0, 5, 3, 3, 9], np.uint16), 3)
    4
    """
    # Mostly, more than `most` sums reach a bound that a sample tells: then only those have to be counted by size.
    sample = np.sort(sums[::_SAMPLE_STEP])
    bound = sample[max(sample.size - 1 - 4 * most // _SAMPLE_STEP, 0)] if sample.size else 0
    large = sums[sums >= bound]
    reached = np.cumsum(np.bincount(large if large.size > most else sums)[::-1])[::-1]
    within = np.flatnonzero(reached[1:] <= most)
    return int(within[0]) + 1 if within.size else reached.size
