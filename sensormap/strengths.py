"""Strengths: dark current, offset and response of a defect, by robust regression of its residual, with intervals.

    value - level = (m - 1) * level + D * gain * shutter_s + b * gain + noise

The noise is the frame's own; what is odd beyond it (texture, mostly) gets the weight that it is noise after all, as
in the EM algorithm for a normal distribution contaminated by Student's t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.series import Conditions, Series
from sensormap.strength_kernels import regress

RESPONSE, DARK, OFFSET = range(3)
"""Columns of the regression: (m - 1), D in DN per second, b in DN."""

_ROUNDS = 12
# Before any frame is seen: a response is within 100 % of 1, a dark current and an offset within what a sensor can hold.
_WIDEST = (1.0, 50.0, 1.0)  # of the last two, in saturations (a second)
_NEAR = 4.0  # sigma
_MEDIAN_NOISE = 0.2  # variance of the median of eight, in that of one value
# 97.5 % quantiles of Student's t, by degrees of freedom.
_T_FREEDOM = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 60, 1e9)
_T_QUANTILE = (12.71, 4.303, 3.182, 2.776, 2.571, 2.365, 2.228, 2.131, 2.086, 2.042, 2.0, 1.96)


@dataclass(frozen=True)
class Fit:
    """Regression of N series on some of the three columns.

    Parameters
    ----------
    strength
        (m - 1), D, b; 0 where not fitted: ``(N, 3)``.
    half_width
        Of their 95 % intervals, ``(N, 3)``; infinite where nothing is known.
    effect
        What the defect adds in each frame, DN, ``(N, n)``; NaN where gain or shutter time are unknown.
    scatter
        Standard deviation of the residuals after the fit, in sigma of the noise: near 1 where the law holds, ``(N,)``.
    reliability
        Share of what tells the response that is light and not noise of the neighbours' median, ``(N,)``: below some
        0.8 the response comes out too small, and the offset too large for it.
    """

    strength: NDArray[np.float64]
    half_width: NDArray[np.float64]
    effect: NDArray[np.float64]
    scatter: NDArray[np.float64]
    reliability: NDArray[np.float64]


def fit(
    series: Series,
    conditions: Conditions,
    use: NDArray[np.bool_],
    columns: tuple[int, ...],
    *,
    start: NDArray[np.float64] | None = None,
) -> Fit:
    """Fit the strengths named by `columns` to the frames of each series that `use` names.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    use
        ``(N, n)``: usually the frames since the onset.
    columns
        Some of `RESPONSE`, `DARK`, `OFFSET`.
    start
        First guess, ``(N, 3)``; None starts from 0.

    Notes
    -----
    A clipped value is a bound: it is left out where it is as expected or less, and counts as measured where it is not.
    The normal density's variance grows with the signal (photon noise), and by the square of the residuals' robust
    scatter where that exceeds the noise; intervals then use Student's t with as many degrees of freedom as there are
    frames of full weight beyond the columns, else the normal distribution.
    """
    ceiling, floor = conditions.saturation, conditions.floor
    design = np.zeros((3, *series.value.shape))
    parts = {RESPONSE: series.level, DARK: conditions.gain * conditions.shutter_s, OFFSET: conditions.gain}
    for column in columns:
        design[column] = parts[column]
    use = use & series.known & (series.level < ceiling) & np.isfinite(design).all(axis=0)
    # A photosite that clips before its signal is digitised stays below the ceiling by its noise.
    room = ceiling - series.level
    saturated = series.value >= ceiling - _NEAR * np.sqrt(series.variance + series.photon * np.maximum(room, 0))
    widest = np.array([1.0, float(ceiling.max(initial=1)), float(ceiling.max(initial=1))]) * _WIDEST
    prior = np.array([1 / widest[i] ** 2 if i in columns else 1.0 for i in range(3)])
    strength = np.zeros((len(series), 3)) if start is None else start.copy()
    seen = np.stack([series.value, series.level, room, series.variance, series.photon, series.odd])
    variances, told = np.empty((2, len(series), 3))
    filled = np.where(use, design, 0)
    scratch = np.empty((5, use.shape[1]))
    regress(filled, seen, use, saturated, floor, prior, _ROUNDS, DARK in columns, strength, variances, told, scratch)
    scale, weight, noise = told.T
    freedom = np.maximum(weight - len(columns), 1)
    quantile = np.where(scale > 1, np.interp(freedom, _T_FREEDOM, _T_QUANTILE), _T_QUANTILE[-1])
    half_width = np.sqrt(variances) * quantile[:, None]
    absent = [i for i in range(3) if i not in columns]
    strength[:, absent], half_width[:, absent] = 0, np.inf
    known = 1 / np.maximum(variances[:, RESPONSE], 1e-30)
    reliability = 1 - np.clip(_MEDIAN_NOISE * noise / known, 0, 1)
    effect = sum(design[column] * strength[:, column, None] for column in range(3))
    return Fit(strength, half_width, np.asarray(effect, np.float64), scale, reliability)
