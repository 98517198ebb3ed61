"""By how many degrees dark currents double, from hot photosites in frames of different temperatures.

Dark current is made by heat: ``D = D0 2^((T - T0) / K)``, with K of 5 to 10 degrees about room temperature [1]_. One K
is fitted for the sensor. Photosites differ in theirs by a tenth or so, which their intervals hold.

References
----------
.. [1] R. Widenhorn et al., "Temperature dependence of dark current in a CCD", Proc. SPIE 4669 (2002) 193,
   doi:10.1117/12.463446.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import Behaviour, Term
from sensormap.diagnose.defect_odds import Odds
from sensormap.diagnose.regression import fit
from sensormap.diagnose.series import Conditions, FollowedWindows, Series
from sensormap.maps.entries import HALF_INTERVAL, DarkLaw, rounded
from sensormap.settings import KNOWN_DARK_SPREAD

_TYPICAL = DarkLaw(0.0, (6.5, 6.5, 6.5))  # of which a sensor's own is not far
_TRIED = np.geomspace(3.0, 15.0, 33)  # degrees
_FEWEST_TOLD = 0.8  # share of the frames that tell their temperature
_LEAST_RANGE = 3.0  # degrees between the colder and the warmer frames: less tells no K
_ENDS = (0.1, 0.9)  # quantiles: these
_FEWEST_HOT, _MOST_HOT = 5, 256  # photosites
_GROUPS = 10  # of them, of which one after the other is left out, to tell the interval
_LEAST_WIDTH = 0.01  # half of the interval as a share of K
_FREEDOM = 4.0  # of Student's t, by which residuals are weighed: a few may be scenery
_OWN_SPREAD = 0.02  # of what a photosite adds
_PLAIN = 5.0  # sigma: what adds so much tells how far off a law is
_LESS_OFF = 0.5  # share of what is off without a law that is off with one at most
_NEAR_CEILING = 4.0  # sigma: what is so near to saturation is clipped

OddsUnder = Callable[[Conditions], Odds]
"""Returns the odds of all candidates in some circumstances."""


def dark_law_of(
    candidates: FollowedWindows, conditions: Conditions, temperature_c: NDArray[np.float64], odds_under: OddsUnder
) -> DarkLaw | None:
    """Return how a sensor's dark currents follow its temperature; None where frames do not tell.

    Parameters
    ----------
    candidates
        Series of N photosites in n frames.
    conditions
        Circumstances of the frames.
    temperature_c
        Temperature of each, NaN where unknown, ``(n,)``.
    odds_under
        Function that returns the odds of the candidates.

    Notes
    -----
    A typical K is taken first, so that hot photosites are recognised as such: over twenty degrees their values differ
    by a factor of ten, and pass for jumps.
    """
    told = temperature_c[np.isfinite(temperature_c)]
    if told.size < max(_FEWEST_TOLD * temperature_c.size, 2):
        return None
    cold, warm = np.quantile(told, _ENDS)
    if warm - cold < _LEAST_RANGE or not np.isfinite(conditions.shutter_s).any():
        return None
    typical = replace(_TYPICAL, reference_c=rounded(float(np.median(told)), digits=3))
    odds = odds_under(warmed(conditions, temperature_c, typical))
    hot = odds.likely & (odds.by_behaviour.argmax(axis=1) == Behaviour.HOT)
    rows = np.flatnonzero(hot)
    rows = np.sort(rows[np.argsort(-odds.total[rows], kind="stable")[:_MOST_HOT]])
    if rows.size < _FEWEST_HOT:
        return None
    return _fitted(candidates[rows], odds[rows], conditions, temperature_c, typical)


def warmed(conditions: Conditions, temperature_c: NDArray[np.float64], law: DarkLaw | None) -> Conditions:
    """Return circumstances with what the temperature makes of dark currents; as they are without a law.

    Parameters
    ----------
    conditions
        Circumstances of n frames.
    temperature_c
        Temperature of each, ``(n,)``; a frame that does not tell it counts as of the reference temperature.
    law
        How dark currents follow it.
    """
    if law is None:
        return conditions
    factors = [law.factor(one) if np.isfinite(one) else 1.0 for one in temperature_c.tolist()]
    return replace(conditions, warmth=np.array(factors), dark_spread=KNOWN_DARK_SPREAD)


def _fitted(
    series: Series, odds: Odds, conditions: Conditions, temperature_c: NDArray[np.float64], typical: DarkLaw
) -> DarkLaw | None:
    """Return the law that fits some hot photosites best; None where it is none of those tried."""
    laws = [replace(typical, doubling_c=(k, k, k)) for k in _TRIED.tolist()]
    fits = (_fits(series, odds, conditions, temperature_c, law) for law in laws)  # one at a time: they are large
    costs, far_off = zip(*((one.costs, one.far_off) for one in fits), strict=True)
    cost = np.stack(costs, axis=1)
    best = _lowest(cost.sum(axis=0))
    if best is None:
        return None
    # Temperatures that are not the sensor's fit some K best too.
    without = _fits(series, odds, conditions, temperature_c, None)
    if min(far_off) > _LESS_OFF * without.far_off:
        return None
    groups = np.arange(len(series)) % min(_GROUPS, len(series))
    left = [_lowest(cost[groups != one].sum(axis=0)) for one in range(int(groups.max()) + 1)]
    found = np.array([one for one in left if one is not None])
    if found.size < 2:
        return None
    # The jackknife: what leaving out each group changes.
    deviation = float(np.sqrt((found.size - 1) / found.size * ((found - found.mean()) ** 2).sum()))
    half = max(HALF_INTERVAL * deviation, _LEAST_WIDTH * best)
    low, high = max(best - half, best / 2), best + half
    return replace(typical, doubling_c=(rounded(best, digits=4), rounded(low, digits=4), rounded(high, digits=4)))


@dataclass(frozen=True)
class _Fits:
    """How one law explains N series of n frames: what is left of the values, their variance, and which count.

    Values under every law are the same: those that are not clipped, by what they show themselves.
    """

    left: NDArray[np.float64]
    shown: NDArray[np.float64]
    variance: NDArray[np.float64]
    use: NDArray[np.bool_]

    @property
    def costs(self) -> NDArray[np.float64]:
        """How badly each series is explained, in nats, ``(N,)``."""
        cost = 0.5 * (_FREEDOM + 1) * np.log1p(self.left**2 / self.variance / _FREEDOM) + 0.5 * np.log(self.variance)
        return np.asarray(cost.sum(axis=1, where=self.use))

    @property
    def far_off(self) -> float:
        """By which share of what it adds to a value a photosite is typically off, of what adds plainly."""
        plain = self.use & (self.shown > _PLAIN * np.sqrt(self.variance))
        return float(np.median(np.abs(self.left[plain]) / self.shown[plain])) if plain.any() else np.inf


def _fits(
    series: Series, odds: Odds, conditions: Conditions, temperature_c: NDArray[np.float64], law: DarkLaw | None
) -> _Fits:
    """Return how a law explains each series; None is dark currents of one strength."""
    warm = warmed(conditions, temperature_c, law)
    number = np.arange(conditions.number.size)
    span = odds.span[:, Behaviour.HOT]
    use = (number >= span[:, :1]) & (number < span[:, 1:]) & ~conditions.filtered & np.isfinite(temperature_c)
    start = np.zeros((len(series), len(Term)))
    start[:, Term.DARK] = odds.strength[:, Behaviour.HOT]
    fitted = fit(series, warm, use, (Term.DARK, Term.OFFSET), start=start)
    effect = np.nan_to_num(fitted.effect)
    shown = np.minimum(effect, conditions.saturation - series.level)
    variance = series.variance + np.maximum(series.photon * shown, 0) + (_OWN_SPREAD * shown) ** 2
    noise = series.variance + series.photon * np.maximum(series.value - series.level, 0)
    use &= series.known & np.isfinite(fitted.effect)
    use &= (series.value < conditions.saturation - _NEAR_CEILING * np.sqrt(noise)) & (series.value > conditions.floor)
    return _Fits(series.value - series.level - effect, shown, variance, use)


def _lowest(cost: NDArray[np.float64]) -> float | None:
    """Return where a cost over the degrees tried is lowest, between them by a parabola; None at their ends."""
    at = int(cost.argmin())
    if at in (0, cost.size - 1):
        return None
    before, middle, after = cost[at - 1 : at + 2].tolist()
    bend = before - 2 * middle + after
    step = 0.5 * (before - after) / bend if bend > 0 else 0.0
    ratio = float(np.log(_TRIED[1] / _TRIED[0]))
    return float(_TRIED[at] * np.exp(ratio * step))
