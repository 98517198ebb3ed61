"""Onset: between which two frames a defect was born, and healed, from what each frame says about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.stories import since_prior

_COVERED = 0.95


@dataclass(frozen=True)
class Change:
    """An interval that holds the first frame after a change with 95 % probability: `low` to `high`, both inclusive."""

    low: int
    high: int


def find_onset(ratio: NDArray[np.float64]) -> Change:
    """Return which frame may be the first with the defect.

    Parameters
    ----------
    ratio
        What each frame says for the defect against health, in nats, ``(n,)``; 0 where a frame cannot tell, which
        widens the interval by that frame.

    Returns
    -------
    Change
        The shortest run of frames with 95 % of the posterior probability; ``Change(0, 0)`` where the defect was there
        from the start. Half of all defects are taken to be, before the frames are looked at.

    Notes
    -----
    With the defect born before frame t the likelihood ratio of the series is the sum of `ratio` from t on; every frame
    before t is healthy in both and cancels.

    Examples
    --------
    >>> find_onset(np.array([-3.0, -4.0, 0.0, 6.0, 5.0]))
    Change(low=2, high=3)
    """
    since = np.cumsum(ratio[::-1])[::-1] + np.log(since_prior(ratio.size))
    return _shortest(since)


def find_end(ratio: NDArray[np.float64]) -> Change:
    """Return which frame may be the first without the defect again; ``ratio.size`` stands for after the last.

    Parameters
    ----------
    ratio
        As for `find_onset`, from the first frame with the defect on.

    Examples
    --------
    >>> find_end(np.array([6.0, 5.0, -4.0, -4.0, -3.0]))
    Change(low=2, high=2)
    """
    return _shortest(np.concatenate([[-np.inf], np.cumsum(ratio)]))


def _shortest(log_weight: NDArray[np.float64]) -> Change:
    """Return the shortest run that holds 95 % of the weight; of equally short ones that which holds the most."""
    weight = np.exp(log_weight - log_weight.max())
    sums = np.concatenate([[0.0], np.cumsum(weight / weight.sum())])
    size = weight.size
    for length in range(1, size):
        held = sums[length:] - sums[:-length]
        low = int(held.argmax())
        if held[low] >= _COVERED:
            return Change(low, low + length - 1)
    return Change(0, size - 1)
