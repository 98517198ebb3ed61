"""Sides: whether a photosite shows more or less than a healthy one, by the way in which a behaviour grows.

Only strengths of one sign are tried of each behaviour, so that defects of both signs cost no more time than those of
one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import Behaviour
from sensormap.diagnose.series import Conditions, Series

SIGNED = [Behaviour.HOT, Behaviour.OFFSET, Behaviour.WEAK, Behaviour.TELEGRAPH]
"""Behaviours that have two sides. Usual is brighter of all but a response, which is usually less."""

_MOST = 8.0  # sigma that one frame counts: scenery must not decide by one of them

# Frames of more than this quantile of what a behaviour grows with count alike, or one frame would decide.
_PLENTY = 0.75


def usual_sides(series: Series, conditions: Conditions) -> NDArray[np.bool_]:
    """Tell whether each photosite deviates to the usual side of each behaviour of `SIGNED`, ``(N, 4)``.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.

    Notes
    -----
    The sign is that of the residuals' sum, weighted by what the behaviour grows with over the noise; of the sums from
    each frame to the last, and from the first to each, the one counts that deviates most from 0, because defects appear
    and heal.
    """
    sigma = np.sqrt(series.variance)
    clear = series.known & (series.level < conditions.saturation)
    score = np.where(clear, np.clip((series.value - series.level) / sigma, -_MOST, _MOST), 0.0)
    exposed = np.nan_to_num(conditions.gain * conditions.shutter_s)
    gain = np.nan_to_num(conditions.gain)
    brighter = [
        _sign(score, np.where(clear, grows / sigma, 0.0)) > 0
        for grows in (exposed, gain, np.maximum(series.level, 0.0))
    ]
    return np.stack([brighter[0], brighter[1], ~brighter[2], brighter[1]], axis=1)


def _sign(score: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted sum of each series that deviates most, in standard deviations, ``(N,)``."""
    if not score.size:
        return np.zeros(len(score))
    most = np.quantile(weight, _PLENTY, axis=1, keepdims=True)
    weight = np.minimum(weight, np.where(most > 0, most, weight.max(axis=1, keepdims=True)))
    total, square = np.cumsum(score * weight, axis=1), np.cumsum(weight * weight, axis=1)
    from_first = total / np.sqrt(np.maximum(square, 1e-30))
    later, later_square = total[:, -1:] - total, square[:, -1:] - square
    to_last = np.where(later_square > 1e-9 * square[:, -1:], later / np.sqrt(np.maximum(later_square, 1e-30)), 0.0)
    sums = np.concatenate([from_first, to_last], axis=1)
    return np.asarray(np.take_along_axis(sums, np.abs(sums).argmax(axis=1)[:, None], axis=1)[:, 0])
