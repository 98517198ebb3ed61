"""Decoys: how many entries of a map chance and scenery alone would make, from what they made of shifted frames."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap.stories import LISTED

# Evidence in nats from which the decoys' tail is taken to fall exponentially. Far below what makes a defect, so that
# there is a tail to measure.
_TAIL_FROM = 0.0
# A tail of so few decoys falls no more slowly than this, in nats: so much one odd frame more or less is worth.
_TYPICAL_FALL, _TYPICAL_COUNT = 3.0, 3


def expected_false(evidence: NDArray[np.float64], *, part: float) -> float:
    """Return how many photosites of the whole sensor may pass for defects by chance.

    Parameters
    ----------
    evidence
        For a defect at each decoy, in nats.
    part
        Share of the sensor in which decoys were looked for.

    Notes
    -----
    The number of decoys beyond e falls as exp(-e / f), f the mean excess of those beyond 0; the value of that line at
    the evidence that makes a defect is the estimate, or the number of decoys beyond it if that is larger.

    Examples
    --------
    >>> expected_false(np.array([-3.0, 1.0, 2.0]), part=0.25) < 1
    True
    """
    excess = evidence[evidence > _TAIL_FROM] - _TAIL_FROM
    if not excess.size:
        return 0.0
    fall = (float(excess.sum()) + _TYPICAL_FALL * _TYPICAL_COUNT) / (excess.size + _TYPICAL_COUNT)
    line = excess.size * math.exp(-(LISTED - _TAIL_FROM) / fall)
    return max(line, float(np.count_nonzero(evidence > LISTED))) / part

