"""Strengths: dark current, offset and response of a defect, by robust regression of its residual, with intervals.

    value - level = (m - 1) * level + D * gain * dark_s + b * gain + noise

The noise is the frame's own. A residual that texture may have made instead, which is distributed as Student's t, has
the probability that it is noise as its weight: the EM algorithm for a contaminated normal distribution [1]_.

References
----------
.. [1] K. L. Lange, R. J. A. Little, J. M. G. Taylor, "Robust statistical modeling using the t distribution", J. Am.
   Stat. Assoc. 84 (1989) 881, doi:10.1080/01621459.1989.10478852.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.diagnose.behaviour import Behaviour, Term
from sensormap.diagnose.series import ODD_WIDTH, Conditions, Series
from sensormap.maps.entries import STRENGTHS
from sensormap.score.noise import MEDIAN_VARIANCE

SPREAD = 0.01
"""Share of itself by which what a defect adds varies from frame to frame; more is estimated from its own scatter."""

ASSUMED_DARK_SPREAD, MOST_DARK_SPREAD, FEWEST_RULED = 0.02, 0.4, 4
"""Share of itself by which a dark current varies with the temperature, as assumed and at most; and how many frames that
it dominates tell the share itself.
"""

FEWEST_SCALED = 4
"""Values that tell their own scatter, at least."""

SQUARED_MEDIAN = 0.4549
"""Median of a squared normal deviate."""

# Densities at 0 of the normal distribution, and of Student's t with 3 degrees of freedom.
_NORMAL, _STUDENT = 0.39894, 0.36755

# Weights and strengths hardly change after so many rounds.
_ROUNDS = 12

# Before any frame is seen a strength is normal about 0, with these standard deviations by term: a response is within
# 100 % of 1; dark current and offset, in saturations a second and in saturations, are within what a sensor can hold.
_WIDEST = {Term.RESPONSE: 1.0, Term.DARK: 50.0, Term.OFFSET: 1.0}

# A photosite that clips before its signal is digitised stays below the ceiling by its noise, up to so many sigma.
_NEAR_CEILING = 4.0

# 97.5 % quantiles of Student's t, by degrees of freedom.
_T_FREEDOM = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 60, 1e9)
_T_QUANTILE = (12.71, 4.303, 3.182, 2.776, 2.571, 2.365, 2.228, 2.131, 2.086, 2.042, 2.0, 1.96)

NAMES: dict[Term, str] = dict(zip((Term.DARK, Term.OFFSET, Term.RESPONSE), STRENGTHS, strict=True))
"""Names of the strengths in the map, in their order there."""

# A strength is not resolved where its interval reaches beyond itself and beyond so many times the least that counts.
_UNRESOLVED = 10

# Nor where its interval holds 0 and, in a typical frame, is so many times as wide as all that the defect does there.
_MOST_EFFECTS = 2.0


@dataclass(frozen=True)
class Fit:
    """Regression of N series of n frames on some of the three terms.

    Parameters
    ----------
    strength
        Strengths by `Term`; 0 where not fitted: ``(N, 3)``.
    half_width
        Half-widths of their 95 % intervals, ``(N, 3)``; infinite where not fitted.
    effect
        Effect of the defect in each frame, DN, ``(N, n)``; NaN where gain or shutter time are unknown.
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


@dataclass(frozen=True)
class Strengths:
    """All three strengths of one series, and what they are judged by; arrays are by `Term`, ``(3,)``.

    Parameters
    ----------
    value, half_width
        Strengths, and half-widths of their 95 % intervals.
    alone
        What each is under a law that has no other.
    least
        Strengths from which a defect counts.
    healthy
        Strengths up to which healthy photosites of the sensor are expected to be measured: fitted together, and each
        alone, ``(2, 3)``.
    exposed
        What a strength is multiplied by in a typical frame, 0 of a response.
    effect
        What the defect shows in a typical frame, DN.
    """

    value: NDArray[np.float64]
    half_width: NDArray[np.float64]
    alone: NDArray[np.float64]
    least: NDArray[np.float64]
    healthy: NDArray[np.float64]
    exposed: NDArray[np.float64]
    effect: float

    def known(self, term: Term) -> bool:
        """Tell whether an interval is narrow enough to be told: one that says less than what is seen tells nothing."""
        allowed = max(_UNRESOLVED * self.least[term], abs(self.value[term]))
        holds_zero = self.half_width[term] > abs(self.value[term])
        exposed = self.exposed[term]
        empty = holds_zero and exposed > 0 and self.half_width[term] * exposed > _MOST_EFFECTS * self.effect
        return bool(self.half_width[term] <= allowed and not empty)

    def counts(self, term: Term) -> bool:
        """Tell whether a whole interval lies beyond the least strength that counts."""
        size = -self.value[term] if term == Term.RESPONSE else self.value[term]
        return bool(size - self.half_width[term] > self.least[term])

    def are_faint(self, *laws: Behaviour) -> bool:
        """Tell whether it adds nothing that counts, and the strengths of the laws are healthy ones below the least."""
        added = self.counts(Term.DARK) or self.counts(Term.OFFSET)
        return all(law.terms and self._is_faint(law) for law in laws) and not added

    def _is_faint(self, law: Behaviour) -> bool:
        together, alone = self.healthy
        value = self.value
        healthy = np.abs(value) < np.where(together > 0, together + self.half_width, 0)  # known less well than alone
        if len(law.terms) == 1:
            value, healthy = self.alone, (np.abs(self.value) < together) | (np.abs(self.alone) < alone)
        least = self.least.copy()
        if value[Term.RESPONSE] > 0:  # nothing makes a photosite respond more: it is what others have, or added
            least[Term.RESPONSE] = np.inf
        return bool((healthy & (np.abs(value) < least))[[*law.terms]].all())

    @property
    def highest_response(self) -> float:
        """Upper end of its interval, 1 of a healthy photosite."""
        return float(1 + self.value[Term.RESPONSE] + self.half_width[Term.RESPONSE])

    @property
    def resolved(self) -> dict[str, tuple[float, float, float]]:
        """Those that are known, by their names in the map: value, lower and upper end of the interval."""
        found = {}
        for term, name in NAMES.items():
            if self.known(term):
                value = float(self.value[term] + (term == Term.RESPONSE))
                half_width = float(self.half_width[term])
                found[name] = (value, value - half_width, value + half_width)
        return found

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Names of the others."""
        return tuple(name for term, name in NAMES.items() if not self.known(term))


def fit(
    series: Series,
    conditions: Conditions,
    use: NDArray[np.bool_],
    terms: Sequence[Term],
    *,
    start: NDArray[np.float64] | None = None,
) -> Fit:
    """Fit the strengths of some terms to the frames of each series that `use` names.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    use
        Mask of the frames to fit, ``(N, n)``: usually those since the onset.
    terms
        Strengths to fit.
    start
        First guess by `Term`, ``(N, 3)``; None starts from 0.

    Notes
    -----
    A clipped value is a bound: it is left out where it is as expected or less, and counts as measured where it is not.
    The normal density's variance grows with the signal (photon noise), and by the square of the residuals' robust
    scatter where that exceeds the noise; intervals then use Student's t with as many degrees of freedom as there are
    frames of full weight beyond the terms, else the normal distribution.
    """
    ceiling, floor = conditions.saturation, conditions.floor
    design = np.zeros((3, *series.value.shape))
    columns = {
        Term.RESPONSE: series.level,
        Term.DARK: conditions.gain * conditions.dark_s,
        Term.OFFSET: conditions.gain,
    }
    for term in terms:
        design[term] = columns[term]
    use = use & series.known & (series.level < ceiling) & np.isfinite(design).all(axis=0)
    room = ceiling - series.level
    saturated = series.value >= ceiling - _NEAR_CEILING * np.sqrt(series.variance + series.photon * np.maximum(room, 0))
    most = float(ceiling.max(initial=1))
    widest = {term: width * (1 if term == Term.RESPONSE else most) for term, width in _WIDEST.items()}
    prior = np.array([1 / widest[term] ** 2 if term in terms else 1.0 for term in Term])
    strength = np.zeros((len(series), 3)) if start is None else start.copy()
    seen = np.stack([series.value, series.level, room, series.variance, series.photon, series.odd])
    variances, measures = np.empty((2, len(series), 3))
    filled = np.where(use, design, 0)
    scratch = np.empty((5, use.shape[1]))
    dark = Term.DARK in terms
    regress(filled, seen, use, saturated, floor, prior, _ROUNDS, dark, strength, variances, measures, scratch)
    scale, weight, noise = measures.T
    freedom = np.maximum(weight - len(terms), 1)
    quantile = np.where(scale > 1, np.interp(freedom, _T_FREEDOM, _T_QUANTILE), _T_QUANTILE[-1])
    half_width = np.sqrt(variances) * quantile[:, None]
    absent = [term for term in Term if term not in terms]
    strength[:, absent], half_width[:, absent] = 0, np.inf
    known = 1 / np.maximum(variances[:, Term.RESPONSE], 1e-30)
    reliability = 1 - np.clip(MEDIAN_VARIANCE * noise / known, 0, 1)
    effect = sum(design[term] * strength[:, term, None] for term in Term)
    return Fit(strength, half_width, np.asarray(effect, np.float64), scale, reliability)


@compiled
def regress(  # noqa: PLR0912
    design: NDArray[np.float64],
    seen: NDArray[np.float64],
    use: NDArray[np.bool_],
    saturated: NDArray[np.bool_],
    floor: NDArray[np.float64],
    prior: NDArray[np.float64],
    rounds: int,
    dark: bool,
    strength: NDArray[np.float64],
    variances: NDArray[np.float64],
    measures: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Fit N series of n frames.

    Parameters
    ----------
    design
        The columns of `Term`, DN by unit of strength; 0 where not fitted or not used: ``(3, N, n)``.
    seen
        Value, level, room below the ceiling, variance, photon and odd, as in `Series`: ``(6, N, n)``.
    use, saturated
        Whether a frame counts, and whether its value may be clipped, ``(N, n)``.
    floor
        Lowest DN that a photosite can have in each frame, ``(n,)``.
    prior
        Inverse variances of the strengths before any frame is seen, ``(3,)``.
    rounds
        Number of times that frames are weighted and strengths fitted in turn.
    dark
        Whether a dark current is fitted, which varies more than the rest.
    strength
        In: first guess; out: fit, ``(N, 3)``.
    variances
        Out: variances of the strengths, ``(N, 3)``.
    measures
        Out: scatter in sigma, sum of the weights, and precision times variance summed over the frames: ``(N, 3)``.
    scratch
        Memory to work in, ``(5, n)``.
    """
    n = use.shape[1]
    variance, excess, clear, squares, ruled = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for i in range(use.shape[0]):
        for _ in range(rounds):
            s0, s1, s2 = strength[i, 0], strength[i, 1], strength[i, 2]
            count = 0
            for t in range(n):
                effect = design[0, i, t] * s0 + design[1, i, t] * s1 + design[2, i, t] * s2
                value, level, room = seen[0, i, t], seen[1, i, t], seen[2, i, t]
                expected = level + effect
                high = saturated[i, t] & (expected >= value)
                low = (value <= floor[t]) & (expected <= floor[t])
                shown = min(effect, room)
                clear[t] = 1.0 if use[i, t] & ~(high | low) else 0.0
                excess[t] = value - level - effect if use[i, t] else -effect
                variance[t] = seen[3, i, t] + max(seen[4, i, t] * shown, 0.0) + (SPREAD * shown) * (SPREAD * shown)
            if dark:
                for t in range(n):
                    current = abs(min(s1 * design[1, i, t], seen[2, i, t]))
                    if clear[t] > 0 and current > 3 * math.sqrt(variance[t]):
                        relative = excess[t] / max(current, 1e-9)
                        squares[count] = relative * relative
                        ruled[count] = variance[t] / (max(current, 1e-9) * max(current, 1e-9))
                        count += 1
                spread = ASSUMED_DARK_SPREAD
                if count >= FEWEST_RULED:
                    square = median_of_first(squares, count) / SQUARED_MEDIAN - median_of_first(ruled, count)
                    spread = math.sqrt(min(max(square, 0.0), MOST_DARK_SPREAD * MOST_DARK_SPREAD))
                for t in range(n):
                    current = spread * min(s1 * design[1, i, t], seen[2, i, t])
                    variance[t] += current * current
            count = 0
            for t in range(n):
                excess[t] /= math.sqrt(variance[t])
                if clear[t] > 0:
                    squares[count] = excess[t] * excess[t]
                    count += 1
            scale = 1.0
            if count >= FEWEST_SCALED:
                scale = max(math.sqrt(median_of_first(squares, count) / SQUARED_MEDIAN), 1.0)
            a00, a11, a22 = prior[0], prior[1], prior[2]
            a01 = a02 = a12 = b0 = b1 = b2 = weights = noise = 0.0
            for t in range(n):
                if clear[t] == 0:
                    continue
                z = excess[t] / scale
                odd = seen[5, i, t]
                normal = (1 - odd) * math.exp(-0.5 * z * z) * _NORMAL
                width = 1 + (z / ODD_WIDTH) * (z / ODD_WIDTH) / 3
                weight = normal / (normal + odd * _STUDENT / ODD_WIDTH / (width * width))
                precision = weight / (variance[t] * (scale * scale))
                d0, d1, d2 = design[0, i, t], design[1, i, t], design[2, i, t]
                residual = seen[0, i, t] - seen[1, i, t]
                p0, p1, p2 = d0 * precision, d1 * precision, d2 * precision
                a00, a01, a02 = a00 + p0 * d0, a01 + p0 * d1, a02 + p0 * d2
                a11, a12, a22 = a11 + p1 * d1, a12 + p1 * d2, a22 + p2 * d2
                b0, b1, b2 = b0 + p0 * residual, b1 + p1 * residual, b2 + p2 * residual
                weights += weight
                noise += precision * seen[3, i, t]
            # The inverse by Cholesky's way: the matrix is symmetric and, with its prior, positive.
            l10, l20 = a01 / a00, a02 / a00
            e11 = a11 - l10 * a01
            e12 = a12 - l10 * a02
            l21 = e12 / e11
            e22 = a22 - l20 * a02 - l21 * e12
            m20 = l21 * l10 - l20
            i22 = 1 / e22
            i12, i02 = -l21 * i22, m20 * i22
            i11 = 1 / e11 + l21 * l21 * i22
            i01 = -l10 / e11 - l21 * m20 * i22
            i00 = 1 / a00 + l10 * l10 / e11 + m20 * m20 * i22
            n0 = i00 * b0 + i01 * b1 + i02 * b2
            n1 = i01 * b0 + i11 * b1 + i12 * b2
            n2 = i02 * b0 + i12 * b1 + i22 * b2
            strength[i, 0], strength[i, 1], strength[i, 2] = n0, n1, n2
            variances[i, 0], variances[i, 1], variances[i, 2] = i00, i11, i22
            measures[i, 0], measures[i, 1], measures[i, 2] = scale, weights, noise
            if n0 == s0 and n1 == s1 and n2 == s2:
                break  # all further rounds would be the same


@compiled
def median_of_first(values: NDArray[np.float64], count: int) -> float:
    """Return the median of the first values of a scratch array, by quickselect; 0 of none.

    Parameters
    ----------
    values
        Scratch array, float64 of one dimension; the order of the first `count` is lost.
    count
        Number of values.
    """
    if count == 0:
        return 0.0
    low, high, middle = 0, count - 1, count // 2
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break
    found: float = values[middle]
    if count % 2:
        return found
    below: float = values[0]  # all before the middle are no larger
    for k in range(1, middle):
        below = max(below, values[k])
    return (below + found) / 2
