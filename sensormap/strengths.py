"""Strengths: dark current, offset and response of a defect, by robust regression of its residual, with intervals.

    value - level = (m - 1) * level + D * gain * shutter_s + b * gain + noise

The noise is the frame's own; what is odd beyond it (texture, mostly) gets the weight that it is noise after all, as
in the EM algorithm for a normal distribution contaminated by Student's t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.series import ODD_WIDTH, Conditions, Series, median_where

RESPONSE, DARK, OFFSET = range(3)
"""Columns of the regression: (m - 1), D in DN per second, b in DN."""

_ROUNDS = 12
# Before any frame is seen: a response is within 100 % of 1, a dark current and an offset within what a sensor can hold.
_WIDEST = (1.0, 50.0, 1.0)  # of the last two, in saturations (a second)
# What a defect adds varies by this share of itself from frame to frame; more is estimated from its own scatter.
_SPREAD = 0.01
# Dark current varies with the temperature, by a share that its own frames tell if there are enough of them.
_DARK_SPREAD, _MOST_DARK_SPREAD, _FEWEST_RULED = 0.02, 0.4, 4
_NEAR = 4.0  # sigma
_MEDIAN_NOISE = 0.2  # variance of the median of eight, in that of one value
_SQUARED_MEDIAN = 0.4549  # of a squared normal deviate
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
    design = np.zeros((*series.value.shape, 3))
    parts = {RESPONSE: series.level, DARK: conditions.gain * conditions.shutter_s, OFFSET: conditions.gain}
    for column in columns:
        design[..., column] = parts[column]
    use = use & series.known & (series.level < ceiling) & np.isfinite(design).all(axis=2)
    filled = np.where(use[..., None], design, 0)
    residual = np.where(use, series.value - series.level, 0)
    # A photosite that clips before its signal is digitised stays below the ceiling by its noise.
    room = ceiling - series.level
    saturated = series.value >= ceiling - _NEAR * np.sqrt(series.variance + series.photon * np.maximum(room, 0))
    widest = np.array([1.0, float(ceiling.max(initial=1)), float(ceiling.max(initial=1))]) * _WIDEST
    prior = np.diag([1 / widest[i] ** 2 if i in columns else 1.0 for i in range(3)])
    strength = np.zeros((len(series), 3)) if start is None else start.copy()
    scale = np.ones(len(series))
    inverse = np.tile(np.linalg.inv(prior), (len(series), 1, 1))
    weight = precision = np.zeros(use.shape)
    for _ in range(_ROUNDS):
        effect = np.einsum("ijk,ik->ij", filled, strength)
        expected = series.level + effect
        clipped = (saturated & (expected >= series.value)) | ((series.value <= floor) & (expected <= floor))
        shown = np.minimum(effect, room)
        variance = series.variance + np.maximum(series.photon * shown, 0) + (_SPREAD * shown) ** 2
        if DARK in columns:
            dark = np.minimum(strength[:, DARK, None] * filled[..., DARK], room)
            spread = _dark_spread(residual - effect, dark, variance, use & ~clipped)
            variance += (spread[:, None] * np.maximum(dark, 0)) ** 2
        z = (residual - effect) / np.sqrt(variance)
        scale = np.maximum(_robust_scale(z, use & ~clipped), 1)
        weight = np.where(use & ~clipped, _noise_share(z / scale[:, None], series.odd), 0)
        precision = weight / (variance * scale[:, None] ** 2)
        weighted = filled * precision[..., None]
        inverse = np.linalg.inv(np.einsum("ijk,ijl->ikl", weighted, filled) + prior)
        strength = np.einsum("ikl,ijl,ij->ik", inverse, weighted, residual)
    variances = np.einsum("ikk->ik", inverse)
    freedom = np.maximum(weight.sum(axis=1) - len(columns), 1)
    quantile = np.where(scale > 1, np.interp(freedom, _T_FREEDOM, _T_QUANTILE), _T_QUANTILE[-1])
    half_width = np.sqrt(variances) * quantile[:, None]
    absent = [i for i in range(3) if i not in columns]
    strength[:, absent], half_width[:, absent] = 0, np.inf
    told = 1 / np.maximum(variances[:, RESPONSE], 1e-30)
    noise = (precision * _MEDIAN_NOISE * series.variance).sum(axis=1)
    reliability = 1 - np.clip(noise / told, 0, 1)
    return Fit(strength, half_width, np.einsum("ijk,ik->ij", design, strength), scale, reliability)


def _noise_share(z: NDArray[np.float64], odd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance that a residual of `z` sigma is noise and not odd."""
    noise = (1 - odd) * np.exp(-0.5 * z * z) * 0.39894
    other = odd * 0.36755 / ODD_WIDTH / (1 + (z / ODD_WIDTH) ** 2 / 3) ** 2
    return np.asarray(noise / (noise + other), np.float64)


def _robust_scale(z: NDArray[np.float64], use: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the standard deviation of the used values by their median square; 1 where there are fewer than four."""
    squares = np.where(use, z * z, 0)
    median = np.where(use.sum(axis=1) >= 4, median_where(squares, use), _SQUARED_MEDIAN)
    return np.asarray(np.sqrt(median / _SQUARED_MEDIAN), np.float64)


def _dark_spread(
    residual: NDArray[np.float64], dark: NDArray[np.float64], variance: NDArray[np.float64], use: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return by what share of itself each dark current varies from frame to frame, beyond the noise.

    Dark current doubles every 6 to 8 degrees. Only frames in which it exceeds 3 sigma tell.
    """
    ruled = use & (dark > 3 * np.sqrt(variance))
    relative = np.where(ruled, residual / np.maximum(dark, 1e-9), 0) ** 2
    noise = np.where(ruled, variance / np.maximum(dark, 1e-9) ** 2, 0)
    square = median_where(relative, ruled) / _SQUARED_MEDIAN - median_where(noise, ruled)
    enough = ruled.sum(axis=1) >= _FEWEST_RULED
    return np.where(enough, np.sqrt(np.clip(square, 0, _MOST_DARK_SPREAD**2)), _DARK_SPREAD)
