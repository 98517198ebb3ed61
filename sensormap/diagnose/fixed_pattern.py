"""The fixed pattern: how far healthy photosites of a sensor differ, by a constant and by a dark current.

A defect is an outlier of its own population: strengths below the least that count are listed only beyond those of all
healthy photosites. Where the pattern itself reaches the least strengths, as of sensors of few bits and hardly any noise
or of warm ones, a healthy photosite may have a pattern of its own, and these are raised beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import Term
from sensormap.diagnose.likelihood import Likelihoods
from sensormap.diagnose.series import ONE_TIME, Conditions, Series
from sensormap.score.medians import SIGMA_PER_MAD
from sensormap.score.noise import COARSE_STEPS
from sensormap.settings import FEW_FRAMES, FULL_SCALE, LeastStrengths

PATTERN_SPREADS = 6.0
"""Spreads of the healthy photosites by which a defect differs from them at least."""

_NEAR = 4.0  # sigma: residuals beyond are not the pattern's

_ROUNDS = 2  # of fitting the pattern, and leaving out what lies far from it

_FEWEST = 30  # photosites that tell a spread

# The spread of the population is at least what its 98 % quantile is in standard deviations of a normal distribution:
# patterns have wider tails than their middle tells.
_TAIL, _TAIL_SIGMA = 0.98, 2.326

# From this shutter time on, in the middle of all frames, a dark current counts that adds twice the least offset there:
# of 30 DN a second and 3 DN it is this share, divided by the time.
_LONG_S, _ONE_FOR_S = 2.0, 0.2

# Quantiles of healthy photosites between which the fall of their tail is measured.
_TAIL_FROM, _TAIL_TO = 0.9, 0.98

# By how much healthy responses differ as a rule. Where light and exposure are always the same, a response, an offset
# and a dark current show in one way: what is more than this counts as an offset.
_RESPONSE_SPREAD = 0.01

# Columns of `_design` by `Term`; and how far, by column, strengths may lie that are fitted freely.
_BY_TERM = [0, 2, 1]
_FREE = 1.0, 1e6, 1e6

_CHANCE = 0.1  # that one healthy photosite of a sensor lies beyond the highest that is expected

# Photosites whose own noise is so many times the spread tell nothing of it.
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class FixedPattern:
    """How far healthy photosites differ, beyond what noise makes of it.

    Parameters
    ----------
    offset
        Standard deviation of their offsets, DN at base ISO; 0 where noise hides it.
    dark
        Of their dark currents, DN per second at base ISO.
    response
        Of their responses, as a share.
    highest
        Strengths that the highest of a sensor's healthy photosites are expected to be measured with, whatever their
        sign, by `Term`: fitted together, and each alone, ``(2, 3)``. Noise is part of them. 0 where photosites or
        frames are few.
    """

    offset: float
    dark: float
    response: float
    highest: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, len(Term))))

    def floors(self, least: LeastStrengths, saturation: float) -> LeastStrengths:
        """Return least strengths that are beyond the pattern, for a camera of 12 bits as they are.

        They are several spreads, or as much as the highest healthy photosites have, where that exceeds what is asked.

        Parameters
        ----------
        least
            Strengths asked for.
        saturation
            DN at which the camera clips.
        """
        scale = max(saturation, 1.0) / FULL_SCALE
        return LeastStrengths(
            dark_dn_per_s=max(least.dark_dn_per_s, self._beyond(self.dark, Term.DARK) / scale),
            offset_dn=max(least.offset_dn, self._beyond(self.offset, Term.OFFSET) / scale),
            response=min(max(least.response, PATTERN_SPREADS * self.response), 0.9),
        )

    def _beyond(self, spread: float, term: Term) -> float:
        return max(PATTERN_SPREADS * spread, float(self.highest[0, term])) if spread else 0.0


def measure_fixed_pattern(
    controls: Series, conditions: Conditions, least: LeastStrengths, response_spread: float, *, photosites: int
) -> FixedPattern:
    """Return the fixed pattern of a sensor.

    Parameters
    ----------
    controls
        Photosites drawn at random.
    conditions
        Circumstances of the frames.
    least
        Least strengths that were asked for.
    response_spread
        Standard deviation of healthy responses, as a share.
    photosites
        How many the sensor has.

    Notes
    -----
    Each control's offset, dark current and response are fitted together. With one time of exposure a dark current is
    an offset too. Of each the spread counts beyond what the noise of single photosites makes of it.

    Dark currents of healthy photosites fall off exponentially, offsets and responses faster. The tail through two upper
    quantiles of the controls is followed until a photosite of the sensor hardly lies beyond.
    """
    if conditions.number.size < FEW_FRAMES or len(controls) < _FEWEST:
        return FixedPattern(0.0, 0.0, response_spread)
    scaled = for_exposures(least, conditions).scaled(float(conditions.saturation.max(initial=1)))
    exposed = conditions.dark_s[np.isfinite(conditions.dark_s)]
    several = exposed.max(initial=0) > ONE_TIME * exposed.min(initial=np.inf)
    broad = np.array([_RESPONSE_SPREAD, 1e3 * scaled.offset_dn, 1e3 * scaled.dark_dn_per_s if several else 0.0])
    value, variance = _fit(controls, conditions, broad)
    coarse = bool(np.median(conditions.step * COARSE_STEPS - conditions.saturation) >= 0)
    offset, dark = (_spread_of(value[:, i], variance[:, i], coarse=coarse) for i in (1, 2))

    alone = np.column_stack([_fit(controls, conditions, own)[0][:, i] for i, own in enumerate(np.diag(_FREE))])
    highest = np.stack([_highest(value, photosites), _highest(alone, photosites)])
    if exposed.size and not several:
        highest[0, 2] = highest[0, 1] / float(np.median(exposed))
    return FixedPattern(offset, dark, response_spread, highest[:, _BY_TERM])


def _highest(values: NDArray[np.float64], photosites: int) -> NDArray[np.float64]:
    """Return how far the largest of so many photosites lies from the median, by the upper quantiles of some of them.

    `values` are ``(N, 3)``: responses, offsets and dark currents. The tail of dark currents is exponential, and others
    have a Weibull tail, at most an exponential one.
    """
    first, second = np.quantile(np.abs(values - np.median(values, axis=0)), (_TAIL_FROM, _TAIL_TO), axis=0)
    first, second = np.maximum(first, 1e-12), np.maximum(second, 1e-12)
    from_, to, rarest = (-np.log(1 - _TAIL_FROM), -np.log(1 - _TAIL_TO), np.log(max(photosites, 1) / _CHANCE))
    shape = np.log(second / first) / np.log(to / from_)
    found = second + (second - first) * (rarest - to) / (to - from_)
    for i in np.flatnonzero(shape[:2] < 1).tolist():
        found[i] = second[i] * (rarest / to) ** shape[i]
    return np.asarray(found)


def own_pattern(series: Series, conditions: Conditions, pattern: FixedPattern) -> NDArray[np.float64]:
    """Return the log likelihood of each series with a healthy pattern of its own less that with none, ``(N,)``.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    pattern
        Spread of the patterns of healthy photosites.

    Notes
    -----
    The integral over patterns is taken by Laplace's method: the likelihood at the best pattern, times the chance of
    that pattern, times the volume that the data leave to it.
    """
    spread = np.array([pattern.response, pattern.offset, pattern.dark])
    value, _, precision = _solved(series, conditions, spread)
    likelihoods = Likelihoods(series, conditions)
    chance = np.empty(series.value.shape)
    effect = np.einsum("int,ni->nt", _design(series, conditions), value)
    likelihoods.given(series.level + effect, series.variance, chance)
    likelihoods.compare(chance)
    clear = series.known & (series.level < conditions.saturation)
    used = spread > 0
    near = chance.sum(axis=1, where=clear) - 0.5 * ((value[:, used] / spread[used]) ** 2).sum(axis=1)
    scaled = precision[:, used][:, :, used] * np.outer(spread[used], spread[used])
    return np.asarray(near - 0.5 * np.linalg.slogdet(scaled)[1])


def _design(series: Series, conditions: Conditions) -> NDArray[np.float64]:
    """Return what response, offset and dark current are multiplied by, DN, ``(3, N, n)``; 0 where unknown."""
    gain, exposed = np.nan_to_num(conditions.gain), np.nan_to_num(conditions.gain * conditions.dark_s)
    shape = series.value.shape
    return np.stack([np.maximum(series.level, 0), np.broadcast_to(gain, shape), np.broadcast_to(exposed, shape)])


def _fit(
    series: Series, conditions: Conditions, widest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each photosite's pattern, and the variances that noise leaves to it, both ``(N, 3)``."""
    value, inverse, _ = _solved(series, conditions, widest)
    return value, np.diagonal(inverse, axis1=1, axis2=2)


def _solved(
    series: Series, conditions: Conditions, spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each photosite's pattern, ``(N, 3)``, its covariance and the inverse of that, ``(N, 3, 3)``.

    `spread` is how far patterns lie from none; a term without spread is 0.
    """
    design, residual = _design(series, conditions), series.value - series.level
    clear = series.known & (series.level < conditions.saturation) & (series.value < conditions.saturation)
    prior = np.diag(1 / np.maximum(spread, 1e-9) ** 2)
    value = np.zeros((len(series), 3))
    for turn in range(_ROUNDS):
        away = residual - np.einsum("int,ni->nt", design, value)
        near = np.abs(away) < _NEAR * np.sqrt(series.variance) if turn else True
        weight = np.where(clear & near, 1 / series.variance, 0.0)
        precision = np.einsum("int,jnt,nt->nij", design, design, weight, optimize=True) + prior
        covariance = np.linalg.inv(precision)
        value = np.einsum("nij,jnt,nt,nt->ni", covariance, design, weight, residual, optimize=True)
    return value, covariance, precision


def _spread_of(values: NDArray[np.float64], variances: NDArray[np.float64], *, coarse: bool) -> float:
    """Return the standard deviation of a population beyond what noise makes of it; 0 where the noise hides it."""
    away, noise = np.abs(values - np.median(values)), float(np.median(variances))
    middle, tail = SIGMA_PER_MAD * float(np.median(away)), float(np.quantile(away, _TAIL)) / _TAIL_SIGMA
    # Tails alone are texture; but of coarse values the middle is no more than a step.
    telling = max(middle, tail) if coarse else middle
    if telling**2 - noise < _LEAST_SHARE * telling**2:
        return 0.0
    return float(np.sqrt(max(middle, tail) ** 2 - noise))


def where_it_matters(pattern: FixedPattern, least: LeastStrengths, conditions: Conditions) -> FixedPattern | None:
    """Return a fixed pattern if healthy photosites have an offset or a dark current that would count, else None."""
    asked, raised = for_exposures(least, conditions), with_floors(least, pattern, conditions)
    return pattern if (raised.offset_dn, raised.dark_dn_per_s) != (asked.offset_dn, asked.dark_dn_per_s) else None


def with_floors(least: LeastStrengths, pattern: FixedPattern | None, conditions: Conditions) -> LeastStrengths:
    """Return the least strengths in force: those asked for the exposures, or more where there is a fixed pattern."""
    least = for_exposures(least, conditions)
    return least if pattern is None else pattern.floors(least, float(conditions.saturation.max()))


def for_exposures(least: LeastStrengths, conditions: Conditions) -> LeastStrengths:
    """Return least strengths with a dark current that counts in the exposures: a faint one shows in long ones."""
    return replace(least, dark_dn_per_s=exposure_share(conditions) * least.dark_dn_per_s)


def exposure_share(conditions: Conditions) -> float:
    """Return what least dark currents are multiplied by: 1, or less where exposures take seconds.

    Parameters
    ----------
    conditions
        Circumstances of the frames.

    Notes
    -----
    30 DN a second is what shows in photos of ordinary exposures. In a minute it fills half of 12 bits, and what adds
    twice the least offset in a typical exposure is a defect just as well.
    """
    seconds = conditions.dark_s[np.isfinite(conditions.dark_s)]
    typical = float(np.median(seconds)) if seconds.size else 0.0
    return _ONE_FOR_S / typical if typical >= _LONG_S else 1.0
