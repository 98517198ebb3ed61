"""Likelihoods: what each frame, and all of them together, say for a defect of a given strength against health.

What is said is the logarithm of a likelihood ratio, in nats: above 0 it speaks for the defect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.diagnose.behaviour import SINGLE, Behaviour
from sensormap.diagnose.series import ODD_WIDTH, Conditions, Series

_NORMAL = 0.3989422804014327  # 1 / sqrt(2 pi): the density of a normal distribution at 0

# Student's t with 3 degrees of freedom, `ODD_WIDTH` wide: its density at 0, and what distances are scaled by.
_ODD = 0.3675525969478614 / ODD_WIDTH
_PER_SQUARE = 1 / (3 * ODD_WIDTH**2)
_WIDTH = ODD_WIDTH * math.sqrt(3.0)
_HALF_ROOT = math.sqrt(0.5)

STRAY = 1e-3
"""Chance of a value that has nothing to do with scene or photosite: a cosmic ray, a damaged byte. It keeps one frame
from deciding alone.
"""

LEAST = 1e-30
"""Likelihoods count as no less."""

ODD_READING = 3.0
"""Nats that a frame says against a stuck photosite at most: it may read otherwise now and then, by a neighbour's charge
or by compression.
"""

PRESENT = 0.55
"""Share of the frames in which a telegraph signal is taken to be high."""

RESPONSES = 6
"""Standard deviations on either side over which healthy responses are summed."""

_UNLIKE = 1e-9  # chance of a clipped value of a photosite that is stuck at another level

# Variance of a stuck level by rounding, in squares of the step between values, and the steps of quantised formats as a
# share of the level.
_ROUNDING, _STEP = 0.5, 0.003

# Spread of what a defect adds, relative to itself, of all but a dark current, which follows the temperature: responses
# are not quite linear. It keeps a strong defect from being rejected for a few per cent.
_SPREADS = {
    Behaviour.OFFSET: 0.03,
    Behaviour.WEAK: 0.01,
    Behaviour.TELEGRAPH: 0.03,
}


def evidence(
    series: Series,
    conditions: Conditions,
    strengths: Mapping[Behaviour, NDArray[np.float64]],
    response_spread: float,
    *,
    own_pattern: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each photosite's evidence for each behaviour and first frame, and the best single strength and frames.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    strengths
        Strengths to try, by behaviour: those for every photosite, ``(K,)``, or each photosite's own, ``(K, N)``.
    response_spread
        Standard deviation of healthy responses, as a share.
    own_pattern
        What a healthy pattern of its own adds to each log likelihood, ``(N,)``; it counts where it explains more than a
        response alone.

    Returns
    -------
    total : ndarray of shape (N, 6, n)
        Log of the mean likelihood ratio over strengths, by behaviour and first frame.
    lasting, healed : ndarray of shape (N, 6, 4)
        Largest log likelihood ratio, its strength, first frame and the one after its last, by behaviour; `lasting`
        until the last frame, `healed` until any.
    """
    count, n = series.value.shape
    likelihoods = Likelihoods(series, conditions)
    own = _responses(likelihoods, response_spread)
    own = own if own_pattern is None else np.maximum(own, own_pattern)
    total = np.empty((len(SINGLE), count, n))
    lasting, healed = np.full((2, len(SINGLE), count, 4), -np.inf)
    for behaviour in SINGLE:
        tries = strengths[behaviour]
        if tries.ndim == 1:
            tries = np.tile(tries[:, None], count)
        sums = np.empty((len(tries), count, n))
        for strength, ratio in zip(tries, sums, strict=True):
            likelihoods.ratios(behaviour, strength, ratio)
            sum_back(ratio, strength, lasting[behaviour], healed[behaviour])
        tried = math.log(max(len(tries), 1))
        total[behaviour] = log_sum(sums, axis=0) - (tried + own)[:, None]
        lasting[behaviour, :, 0] -= own
        healed[behaviour, :, 0] -= own + tried
    return total.swapaxes(0, 1), lasting.swapaxes(0, 1), healed.swapaxes(0, 1)


def effect_ratios(
    series: Series, conditions: Conditions, effect: NDArray[np.float64], extra: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each frame says for a defect of a given effect, in nats, ``(N, n)``.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    effect
        Effect of the defect on each value, DN, ``(N, n)``.
    extra
        Variance that it adds to the noise, DN squared, ``(N, n)``.
    """
    hidden = (series.level >= conditions.saturation) | (conditions.filtered & (effect > 0)) | ~series.known
    out = np.empty(series.value.shape)
    likelihoods = Likelihoods(series, conditions)
    likelihoods.given(np.where(hidden, np.nan, series.level + effect), series.variance + extra, out)
    likelihoods.compare(out)
    return out


def log_sum(values: NDArray[np.float64], *, axis: int) -> NDArray[np.float64]:
    """Return the logarithm of the sum of exponentials along an axis.

    Parameters
    ----------
    values
        Logarithms, of any shape.
    axis
        Axis that is summed over.

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


class Likelihoods:
    """Likelihoods of the values of N series of n frames, healthy or with a defect.

    Every call fills the same memory, so that each answer has to be used before the next question.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.

    Attributes
    ----------
    healthy
        Log likelihood of each value if the photosite is healthy, ``(N, n)``.
    """

    def __init__(self, series: Series, conditions: Conditions) -> None:
        self.series, self.conditions = series, conditions
        self._value, self._odd = (np.ascontiguousarray(part, np.float64) for part in (series.value, series.odd))
        stray = STRAY / (conditions.saturation - conditions.floor)
        frames = (conditions.floor, conditions.saturation, stray)
        self._floor, self._ceiling, self._stray = (np.ascontiguousarray(part, np.float64) for part in frames)
        self._headroom = conditions.saturation - series.level
        self._parts = np.empty((3, *series.value.shape))
        self.healthy = np.zeros(series.value.shape)
        self.given(series.level, series.variance, self.healthy)
        np.log(self.healthy, out=self.healthy)
        self._absent = (1 - PRESENT) * np.exp(self.healthy)

    def given(self, expected: NDArray[np.float64], scatter: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Fill the likelihood of each value given what is expected, NaN where nothing is, and the variance about it.

        Parameters
        ----------
        expected, scatter
            Expected value in DN and its variance in DN squared, of shapes that broadcast to ``(N, n)``.
        out
            Filled, ``(N, n)``.
        """
        self._parts[0], self._parts[1] = expected, scatter
        self._likelihood(out)

    def ratios(self, behaviour: Behaviour, strength: NDArray[np.float64], out: NDArray[np.float64]) -> None:
        """Fill what each frame says for a behaviour, in nats; 0 where it cannot tell.

        Parameters
        ----------
        behaviour
            One of `SINGLE`.
        strength
            Strength of each photosite, ``(N,)``.
        out
            Filled, ``(N, n)``.
        """
        stuck = behaviour == Behaviour.STUCK
        self._expect(behaviour, strength[:, None])
        self._likelihood(out, stuck=stuck)
        if behaviour == Behaviour.TELEGRAPH:
            out *= PRESENT
            out += self._absent
        self.compare(out)
        if stuck:
            np.maximum(out, -ODD_READING, out=out)

    def compare(self, chance: NDArray[np.float64]) -> None:
        """Turn likelihoods into logarithms of their ratios to health, in place; 0 where the frame cannot tell.

        Parameters
        ----------
        chance
            Likelihoods of the values, ``(N, n)``, NaN where the frame cannot tell.
        """
        np.log(chance, out=chance)
        chance -= self.healthy
        np.copyto(chance, 0, where=np.isnan(chance))

    def _expect(self, behaviour: Behaviour, strength: NDArray[np.float64]) -> None:
        """Fill in what a behaviour of some strengths, ``(N, 1)``, lets expect, and the variance about it."""
        series, conditions = self.series, self.conditions
        level, ceiling = series.level, conditions.saturation
        lost = series.level >= ceiling
        if behaviour == Behaviour.STUCK:
            # How far clipped surroundings lie above the clip is unknown; only what is stuck below shows there.
            lost &= strength >= ceiling
            expected, scatter = strength, _ROUNDING * conditions.step**2 + (_STEP * strength) ** 2
            excess = strength - level
        else:
            effect = (strength - 1) * level if behaviour == Behaviour.WEAK else strength * conditions.gain
            effect = effect * conditions.dark_s if behaviour == Behaviour.HOT else effect
            lost = lost | np.isnan(effect)
            if behaviour == Behaviour.FLICKER:
                expected, scatter, excess = level, series.variance + effect * effect, series.value - level
            else:
                shown = np.minimum(effect, self._headroom)
                own = (conditions.dark_spread if behaviour == Behaviour.HOT else _SPREADS[behaviour]) * shown
                light = np.maximum(series.photon * shown, 0.0)
                expected, scatter, excess = level + effect, series.variance + light + own * own, effect
        lost = lost | ~series.known | (conditions.filtered & (excess > 0))
        self._parts[0] = np.where(lost, np.nan, expected)
        self._parts[1] = scatter

    def _likelihood(self, out: NDArray[np.float64], *, stuck: bool = False) -> None:
        fill_parts(stuck, self._value, self._odd, self._floor, self._ceiling, self._stray, self._parts)
        power, share, rest = self._parts
        np.exp(power, out=out)
        out *= share
        out += rest
        np.maximum(out, LEAST, out=out)  # NaN stays


def _responses(likelihoods: Likelihoods, spread: float) -> NDArray[np.float64]:
    """Return what a response of its own, within the healthy spread, adds to each log likelihood, ``(N,)``."""
    series, conditions = likelihoods.series, likelihoods.conditions
    clear = series.known & (series.level < conditions.saturation)
    chance = np.empty(series.value.shape)
    sums = []
    for k in range(-RESPONSES, RESPONSES + 1):
        likelihoods.given(series.level * (1 + k * spread), series.variance, chance)
        sums.append(np.log(chance, out=chance).sum(axis=1, where=clear) - 0.5 * k * k)
    return np.asarray(log_sum(np.stack(sums), axis=0) - sums[RESPONSES] - 0.5 * math.log(2 * math.pi))


@compiled
def fill_parts(
    stuck: bool,
    value: NDArray[np.float64],
    odd: NDArray[np.float64],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    stray: NDArray[np.float64],
    parts: NDArray[np.float64],
) -> None:
    """Fill the parts of every value's likelihood, which is ``share * exp(power) + rest``.

    Parameters
    ----------
    stuck
        Whether the photosite shows one level whatever the light: then nothing else can have made the value.
    value, odd
        Values seen, and the chance that something else made them: ``(N, n)``.
    floor, ceiling, stray
        Lowest and highest DN, and the density of stray values, by frame: ``(n,)``.
    parts
        In: expected value, NaN where the frame cannot tell, and the variance about it. Out: power, share, rest,
        ``(3, N, n)``; the power NaN where the frame cannot tell.

    Notes
    -----
    A value is normal about what is expected, or with chance `odd` Student's t about it, or anything. The likelihood is
    a density per DN; for a value that is clipped, the probability of all that would be. A photosite can also clip
    before its signal is digitised: then it stays somewhat below the ceiling, by its noise.
    """
    power, share, rest = parts[0], parts[1], parts[2]
    for i in range(value.shape[0]):
        for t in range(value.shape[1]):
            per_sigma = 1 / math.sqrt(share[i, t])  # divisions are slow: there are as few as can be
            expected = power[i, t] if stuck else min(power[i, t], ceiling[t])
            z = (value[i, t] - expected) * per_sigma
            u = 1 + z * z * _PER_SQUARE
            near = (1 - STRAY) * per_sigma
            rest[i, t] = 0.0 if stuck else near * odd[i, t] * _ODD / (u * u) + stray[t]
            share[i, t] = (per_sigma if stuck else near * (1 - odd[i, t])) * _NORMAL
            # Of a clipped value the distance beyond the clip, for below.
            clipped = (value[i, t] >= ceiling[t]) | (value[i, t] <= floor[t])
            beyond = power[i, t] - ceiling[t] if value[i, t] >= ceiling[t] else floor[t] - power[i, t]
            power[i, t] = beyond * per_sigma if clipped else -0.5 * z * z
        for t in range(value.shape[1]):
            if value[i, t] < ceiling[t] and value[i, t] > floor[t]:
                continue
            share[i, t] = 0.0
            if stuck:
                rest[i, t] = 1.0 if power[i, t] >= 0 else _UNLIKE
            else:
                u = power[i, t] / _WIDTH
                student = 0.5 + (u / (1 + u * u) + math.atan(u)) / math.pi
                below = (1 - odd[i, t]) * 0.5 * math.erfc(-power[i, t] * _HALF_ROOT) + odd[i, t] * student
                rest[i, t] = (1 - STRAY) * below + STRAY / 2
            power[i, t] = min(power[i, t], 0.0)


@compiled
def sum_back(
    ratio: NDArray[np.float64], strength: NDArray[np.float64], lasting: NDArray[np.float64], healed: NDArray[np.float64]
) -> None:
    """Turn what each frame says into what all frames from it on say, and keep the best of it.

    Parameters
    ----------
    ratio
        In: log likelihood ratio of each frame; out: their sums from each frame to the last: ``(N, n)``.
    strength
        Strength of each photosite, ``(N,)``.
    lasting, healed
        Largest sum, its strength, first frame and the one after its last, ``(N, 4)``: `lasting` until the last frame,
        `healed` until any. Sums that are larger replace what is there.
    """
    n = ratio.shape[1]
    for i in range(ratio.shape[0]):
        since, within, end = 0.0, 0.0, n
        best, best_within = lasting[i, 0], healed[i, 0]
        for t in range(n - 1, -1, -1):
            since += ratio[i, t]
            if within < 0:  # what comes later speaks against the defect: it had healed by then
                within, end = 0.0, t + 1
            within += ratio[i, t]
            ratio[i, t] = since
            if since > best:
                best = since
                lasting[i, 0], lasting[i, 1], lasting[i, 2], lasting[i, 3] = since, strength[i], t, n
            if within > best_within:
                best_within = within
                healed[i, 0], healed[i, 1], healed[i, 2], healed[i, 3] = within, strength[i], t, end
