"""Onset: between which two frames a defect appeared, and healed, from what each frame says about it.

Where only outlying scores are known, a frame says of a photosite only whether its score was outlying. A defect that
shows in nine of ten frames hardly appeared before ten frames without it; one that shows in three of ten may
have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.votes import FEWEST_VOTES
from sensormap.diagnose.defect_odds import since_prior

# Chance that a healthy photosite's score is outlying: 0.3 to 3 % in photos.
_BY_CHANCE = 0.01

# Healed is what so many later frames say, by so many nats each.
_FEWEST_HEALED, _SAYS_HEALED = 2, 2.0

_COVERED = 0.95  # of the posterior probability, by an interval


@dataclass(frozen=True)
class FrameSpan:
    """Frames `low` to `high`, both inclusive, that hold the first one after a change with 95 % probability."""

    low: int
    high: int


def find_onset(ratio: NDArray[np.float64]) -> FrameSpan:
    """Return the frames of which one is the first with the defect.

    Parameters
    ----------
    ratio
        Log likelihood ratio of each frame, defect against health, in nats, ``(n,)``; 0 where a frame cannot tell, which
        widens the interval by that frame.

    Returns
    -------
    FrameSpan
        The shortest run of frames with 95 % of the posterior probability; ``FrameSpan(0, 0)`` where the defect was
        there from the start. Half of all defects are taken to be, before the frames are looked at.

    Notes
    -----
    If the defect appears with frame t, the likelihood ratio of the series is the sum of `ratio` from t on; every frame
    before t is healthy in both and cancels.

    Examples
    --------
    >>> find_onset(np.array([-3.0, -4.0, 0.0, 6.0, 5.0]))
    FrameSpan(low=2, high=3)
    """
    since = np.cumsum(ratio[::-1])[::-1] + np.log(since_prior(ratio.size))
    return _shortest(since)


def find_end(ratio: NDArray[np.float64]) -> FrameSpan:
    """Return the frames of which one is the first without the defect again; ``ratio.size`` stands for after the last.

    Parameters
    ----------
    ratio
        As for `find_onset`, from the first frame with the defect on.

    Examples
    --------
    >>> find_end(np.array([6.0, 5.0, -4.0, -4.0, -3.0]))
    FrameSpan(low=2, high=2)
    """
    return _shortest(np.concatenate([[-np.inf], np.cumsum(ratio)]))


def has_healed(after: NDArray[np.float64]) -> bool:
    """Tell whether a defect has healed, by what each frame after its last one says.

    Parameters
    ----------
    after
        As for `find_onset`, of those frames only.

    Notes
    -----
    What has healed is repaired no more. So one frame of an odd scene must not be enough: it would leave the defect in
    all photos after it.

    Examples
    --------
    >>> has_healed(np.array([-9.0])), has_healed(np.array([-4.0, 0.0, -3.0]))
    (False, True)
    """
    return int(np.count_nonzero(after < -_SAYS_HEALED)) >= _FEWEST_HEALED


def find_healing(ratio: NDArray[np.float64], first: int) -> FrameSpan:
    """Return the frames of which one is the first without a defect that is known to have healed.

    Parameters
    ----------
    ratio
        As for `find_onset`, of all frames.
    first
        First frame with the defect.
    """
    span = find_end(ratio[first:])
    return FrameSpan(span.low + first, span.high + first)


def onset_ratios(
    shows: NDArray[np.bool_], used: NDArray[np.bool_], blocks: Sequence[Sequence[int]]
) -> NDArray[np.float64]:
    """Return what each frame says for a defect, in nats, ``(n,)``, where only outlying scores are known.

    Parameters
    ----------
    shows
        Whether each frame is known to show the candidate outlying, with the sign that prevails, ``(n,)``; at least one.
    used
        Whether each frame counts at all, ``(n,)``.
    blocks
        Numbers of the frames of each block that voted, of ordinary and of long exposures.

    Notes
    -----
    How often a defect shows is taken from the frames since its first, for ordinary and for long exposures by itself. A
    block lists a photosite from three outlying scores on: one that lists none says that a defect that appeared k frames
    before its end showed in at most two of them, with the chance that the binomial distribution gives.

    Examples
    --------
    >>> shows = np.array([False, False, True, True, True, True])
    >>> onset_ratios(shows, np.ones(6, bool), [range(6)]).round(1).tolist()
    [-2.3, -2.3, 4.5, 4.5, 4.5, 4.5]
    >>> onset_ratios(shows, np.ones(6, bool), [range(2), range(2, 6)]).round(1).tolist()
    [0.0, 0.0, 4.5, 4.5, 4.5, 4.5]
    """
    ratio = np.zeros(shows.size)
    first = int(np.argmax(shows))
    for alike in _by_exposure(blocks):
        frames = np.concatenate(alike)
        since = frames[(frames >= first) & used[frames]]
        often = (np.count_nonzero(shows[since]) + 0.5) / (since.size + 1)
        for block in alike:
            counted = block[used[block]]
            if shows[counted].any():
                said = np.where(shows[counted], often / _BY_CHANCE, (1 - often) / (1 - _BY_CHANCE))
                ratio[counted] = np.log(said)
            else:
                ratio[counted] = _of_unlisted(counted.size, often)
    return ratio


def _shortest(log_weight: NDArray[np.float64]) -> FrameSpan:
    """Return the shortest run that holds 95 % of the weight; of equally short ones that which holds the most."""
    weight = np.exp(log_weight - log_weight.max())
    sums = np.concatenate([[0.0], np.cumsum(weight / weight.sum())])
    size = weight.size
    for length in range(1, size):
        held = sums[length:] - sums[:-length]
        low = int(held.argmax())
        if held[low] >= _COVERED:
            return FrameSpan(low, low + length - 1)
    return FrameSpan(0, size - 1)


def _by_exposure(blocks: Sequence[Sequence[int]]) -> list[list[NDArray[np.intp]]]:
    """Return the blocks of long and of ordinary exposures, either of which follow each other in time."""
    found: list[list[NDArray[np.intp]]] = []
    for block in blocks:
        if not block:
            continue
        if found and block[0] > found[-1][-1][-1]:
            found[-1].append(np.array(block, np.intp))
        else:
            found.append([np.array(block, np.intp)])
    return found


def _of_unlisted(frames: int, often: float) -> NDArray[np.float64]:
    """Return what each frame says of a block that lists nothing: their sum from a frame on is that of onset there."""
    lasting = np.arange(frames, 0, -1)
    chance = np.zeros(frames)
    for shown in range(FEWEST_VOTES):
        ways = np.array([comb(int(size), shown) for size in lasting])
        chance += ways * often**shown * (1 - often) ** np.maximum(lasting - shown, 0)
    few = np.append(np.log(chance), 0.0)
    return np.asarray(few[:-1] - few[1:], np.float64)
