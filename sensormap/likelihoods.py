"""Likelihoods: what each frame, and all of them together, say for a defect of a given strength against health."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap import story_kernels as kernels
from sensormap.series import Conditions, Series

_KINDS = 6
# Spread of what a defect adds, relative to itself: dark current follows the temperature, responses are not quite
# linear. It keeps a strong defect from being rejected for a few per cent.
_SPREADS, _OFFSET_SPREAD = {kernels.HOT: 0.15, kernels.WEAK: 0.01}, 0.03


class Likelihoods:
    """Likelihoods of the values of N series of n frames, healthy or with a defect, in memory that all of them share."""

    def __init__(self, series: Series, conditions: Conditions) -> None:
        self.series, self.conditions = series, conditions
        self._value, self._odd = (np.ascontiguousarray(part, np.float64) for part in (series.value, series.odd))
        stray = kernels.STRAY / (conditions.saturation - conditions.floor)
        frames = (conditions.floor, conditions.saturation, stray)
        self._floor, self._ceiling, self._stray = (np.ascontiguousarray(part, np.float64) for part in frames)
        self._headroom = conditions.saturation - series.level
        self._parts = np.empty((3, *series.value.shape))
        self.healthy = np.zeros(series.value.shape)
        self.given(series.level, series.variance, self.healthy)
        np.log(self.healthy, out=self.healthy)
        self._absent = (1 - kernels.PRESENT) * np.exp(self.healthy)

    def given(self, expected: NDArray[np.float64], scatter: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Fill the likelihood of each value given what is expected, NaN where nothing is, and the variance about it."""
        self._parts[0], self._parts[1] = expected, scatter
        self._likelihood(out)

    def ratios(self, kind: int, strength: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Fill what each frame says for a kind of one strength a photosite, in nats; 0 where it cannot tell."""
        self._expect(kind, strength[:, None])
        self._likelihood(out, stuck=kind == kernels.STUCK)
        if kind == kernels.TELEGRAPH:
            out *= kernels.PRESENT
            out += self._absent
        self.compare(out)
        if kind == kernels.STUCK:
            np.maximum(out, -kernels.ODD_READING, out=out)

    def compare(self, chance: NDArray[np.float64]) -> None:
        """Turn likelihoods into logarithms of their ratios to health; 0 where the frame cannot tell."""
        np.log(chance, out=chance)
        chance -= self.healthy
        np.copyto(chance, 0, where=np.isnan(chance))

    def _expect(self, kind: int, strength: NDArray[np.float64]) -> None:
        """Put down what a kind of defect of some strengths, ``(N, 1)``, lets expect, and the variance about it."""
        series, conditions = self.series, self.conditions
        level, ceiling = series.level, conditions.saturation
        lost = series.level >= ceiling
        if kind == kernels.STUCK:
            # How far clipped surroundings lie above the clip is unknown; only what is stuck below shows there.
            lost &= strength >= ceiling
            expected, scatter = strength, 0.5 + (0.003 * strength) ** 2  # rounding, and the steps of quantised formats
            excess = strength - level
        else:
            effect = (strength - 1) * level if kind == kernels.WEAK else strength * conditions.gain
            effect = effect * conditions.shutter_s if kind == kernels.HOT else effect
            lost = lost | np.isnan(effect)
            if kind == kernels.FLICKER:
                expected, scatter, excess = level, series.variance + effect * effect, series.value - level
            else:
                shown = np.minimum(effect, self._headroom)
                own = _SPREADS.get(kind, _OFFSET_SPREAD) * shown
                light = np.maximum(series.photon * shown, 0.0)
                expected, scatter, excess = level + effect, series.variance + light + own * own, effect
        lost = lost | ~series.known | (conditions.filtered & (excess > 0))
        self._parts[0] = np.where(lost, np.nan, expected)
        self._parts[1] = scatter

    def _likelihood(self, out: NDArray[np.float64], *, stuck: bool = False) -> None:
        kernels.rate(stuck, self._value, self._odd, self._floor, self._ceiling, self._stray, self._parts)
        power, share, rest = self._parts
        np.exp(power, out=out)
        out *= share
        out += rest
        np.maximum(out, kernels.LEAST, out=out)  # NaN stays


def evidence(
    series: Series,
    conditions: Conditions,
    strengths: NDArray[np.float64],
    stuck: NDArray[np.float64],
    response_spread: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each photosite's evidence for each kind and first frame, and the best single strength and frames.

    Parameters
    ----------
    series, conditions
        What was seen, and when: N photosites in n frames.
    strengths
        Strengths to try by kind, ``(6, K)``, NaN beyond the last; the row of `STUCK` is not used.
    stuck
        Levels to try for each photosite, ``(N, L)``.
    response_spread
        Of healthy photosites.

    Returns
    -------
    total : ndarray of shape (N, 6, n)
        Log of the mean likelihood ratio over strengths, by kind and first frame.
    lasting, healed : ndarray of shape (N, 6, 4)
        Largest log likelihood ratio, its strength, first frame and the one after its last, by kind; `lasting` until
        the last frame, `healed` until any.
    """
    count, n = series.value.shape
    likelihoods = Likelihoods(series, conditions)
    own = _responses(likelihoods, response_spread)
    total = np.empty((_KINDS, count, n))
    lasting, healed = np.full((2, _KINDS, count, 4), -np.inf)
    for kind in range(_KINDS):
        row = strengths[kind]
        tries = stuck.T.copy() if kind == kernels.STUCK else np.tile(row[~np.isnan(row), None], count)
        sums = np.empty((len(tries), count, n))
        for strength, ratio in zip(tries, sums, strict=True):
            likelihoods.ratios(kind, strength, ratio)
            kernels.sum_back(ratio, strength, lasting[kind], healed[kind])
        tried = math.log(max(len(tries), 1))
        total[kind] = log_sum(sums, axis=0) - (tried + own)[:, None]
        lasting[kind, :, 0] -= own
        healed[kind, :, 0] -= own + tried
    return total.swapaxes(0, 1), lasting.swapaxes(0, 1), healed.swapaxes(0, 1)


def log_ratios(series: Series, conditions: Conditions, kind: int, strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each frame says for a kind of one strength a photosite, in nats, ``(N, n)``."""
    out = np.empty(series.value.shape)
    Likelihoods(series, conditions).ratios(kind, strength.astype(np.float64), out)
    return out


def effect_ratios(
    series: Series, conditions: Conditions, effect: NDArray[np.float64], extra: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each frame says for values shifted by `effect`, with `extra` variance, in nats, ``(N, n)``."""
    hidden = (series.level >= conditions.saturation) | (conditions.filtered & (effect > 0)) | ~series.known
    out = np.empty(series.value.shape)
    likelihoods = Likelihoods(series, conditions)
    likelihoods.given(np.where(hidden, np.nan, series.level + effect), series.variance + extra, out)
    likelihoods.compare(out)
    return out


def _responses(likelihoods: Likelihoods, spread: float) -> NDArray[np.float64]:
    """Return what a response of its own, within the healthy spread, adds to each log likelihood, ``(N,)``."""
    series, conditions = likelihoods.series, likelihoods.conditions
    clear = series.known & (series.level < conditions.saturation)
    chance = np.empty(series.value.shape)
    sums = []
    for k in range(-kernels.RESPONSES, kernels.RESPONSES + 1):
        likelihoods.given(series.level * (1 + k * spread), series.variance, chance)
        sums.append(np.log(chance, out=chance).sum(axis=1, where=clear) - 0.5 * k * k)
    return np.asarray(log_sum(np.stack(sums), axis=0) - sums[kernels.RESPONSES] - 0.5 * math.log(2 * math.pi))


def log_sum(values: NDArray[np.float64], *, axis: int) -> NDArray[np.float64]:
    """Return the logarithm of the sum of exponentials along an axis.

    Examples
    --------
    >>> float(log_sum(np.log([1.0, 2.0, 5.0]), axis=0).round(3))
    2.079
    """
    highest = values.max(axis=axis, keepdims=True)
    highest[~np.isfinite(highest)] = 0
    with np.errstate(divide="ignore"):
        powers = values - highest
        return np.asarray(np.log(np.exp(powers, out=powers).sum(axis=axis)) + highest.squeeze(axis))
