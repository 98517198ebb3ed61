"""Choosing a law: every behaviour, fitted to a candidate's series over the frames since its onset.

Where `defect_odds` tries a few strengths to tell defects from health, this finds the best ones, also of a dark current
beside an offset, so that the behaviours can be compared with each other, by the Bayesian information criterion [1]_.

References
----------
.. [1] G. Schwarz, "Estimating the dimension of a model", Ann. Statist. 6 (1978) 461, doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import Behaviour, Term
from sensormap.diagnose.defect_odds import Odds
from sensormap.diagnose.likelihood import Likelihoods, effect_ratios
from sensormap.diagnose.regression import Fit, fit
from sensormap.diagnose.series import Conditions, Series
from sensormap.score.medians import median_where
from sensormap.settings import DARK_SPREAD

# How far what a law adds may vary from frame to frame, as a share of itself, beside what a dark current does.
_OTHER_SPREAD = 0.02

_ROUNDS = 2  # of fitting the frames since the onset, and finding the onset of the fit
_TRIED = np.geomspace(0.65, 1.5, 12)  # multiples that are tried here, of the best strength of `defect_odds`
_LONGEST = 5  # frames of longest exposure from which a dark current beside an offset is guessed

# Laws whose terms the exposures may fail to separate, and the spread of their effect with which both are judged: the
# larger of theirs, so that the one that may scatter more has no advantage.
_CONFUSED = (
    (Behaviour.HOT, Behaviour.OFFSET, DARK_SPREAD),
    (Behaviour.HOT, Behaviour.WEAK, DARK_SPREAD),
    (Behaviour.OFFSET, Behaviour.WEAK, 0.03),
)

_TOLD_APART = math.log(20)  # nats: odds of 95 to 5
_NOTHING_TOLD = 1.0  # nats: which of two laws fits better is chance


# Where a dark current levels off: at least so many frames show it, and so many, and this share of them, that it grew
# before, both over times of this ratio.
_FEWEST_LEVEL, _MOST_SHARE, _LONGER = 3, 0.8, 1.5
_SHOWS_LEVEL = 3.0  # sigma
_SAME_SHARE, _STEADY_SHARE = 0.08, 0.3  # by which excesses may differ that are the same, and that grow with the time
_LESS = 0.8  # share of what it holds that is less
_MOST_TIMES = 24  # that are tried
_NEAR_CEILING = 4.0  # sigma: what is so near to saturation is clipped


@dataclass(frozen=True)
class LawFit:
    """A law fitted to each of N series of n frames.

    Parameters
    ----------
    score
        Sum of `ratio` over the frames of the defect, less half the logarithm of their number for each number fitted,
        ``(N,)``.
    ratio
        Log likelihood of each value under the law less that under health, in nats, ``(N, n)``.
    first, end
        First frame of the defect and the one after its last, ``(N,)``.
    effect
        Effect of the defect in each frame, DN, ``(N, n)``.
    strength
        Strengths by `Term`; of a law without a regression its one strength, three times: ``(N, 3)``.
    """

    score: NDArray[np.float64]
    ratio: NDArray[np.float64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    effect: NDArray[np.float64]
    strength: NDArray[np.float64]

    def rows(self, rows: NDArray[np.intp]) -> LawFit:
        """Return the fits of some of the series."""
        return LawFit(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class LawChoice:
    """The law of each of N series.

    Parameters
    ----------
    law
        Law that fits best, a number of `Behaviour`, ``(N,)``.
    fit
        Its fit.
    alike
        Whether the exposures cannot tell each `Behaviour` from it, ``(N, 7)``; False of the law itself.
    """

    law: NDArray[np.intp]
    fit: LawFit
    alike: NDArray[np.bool_]


def choose_laws(series: Series, conditions: Conditions, odds: Odds) -> LawChoice:
    """Return the law that fits each series best, and the laws that the exposures cannot tell from it.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    odds
        Odds of the series, from `odds_of`.

    Notes
    -----
    A fit can lock frames out as odd. So a dark current beside an offset is fitted from several first guesses, a law
    without a regression is tried at several strengths, and of each law the best fit counts.

    Where all shutter times are one, a dark current and an offset explain the same; where the light is one, so do an
    offset and a response. Such laws are compared with one spread of their effects, over the frames of the better one.
    Of two that even then differ by nothing, the first in the order of `Behaviour` counts as the better one.
    """
    fits = []
    for law in Behaviour:
        best_fit = _best_regression if law.terms else _best_other
        fits.append(best_fit(series, conditions, odds, law))
    best, _ = _best_of(fits)
    alike = np.zeros((len(Behaviour), len(series)), np.bool_)
    first = best.copy()
    for one, other, spread in _CONFUSED:
        rows = np.flatnonzero((best == one) | (best == other))
        if not rows.size:
            continue
        apart = _apart(
            series[rows], conditions, fits[one].rows(rows), fits[other].rows(rows), best[rows] == one, spread
        )
        own = best[rows] == one
        alike[np.where(own, other, one), rows] |= np.where(own, apart, -apart) < _TOLD_APART
        first[rows[np.abs(apart) < _NOTHING_TOLD]] = np.minimum(first, one)[rows[np.abs(apart) < _NOTHING_TOLD]]
    chosen, rows = _of_laws(fits, first), np.arange(len(series))
    alike[best, rows] |= first != best
    alike[first, rows] = False
    return LawChoice(first, chosen, alike.T)


def levels_off(series: Series, conditions: Conditions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shutter time beyond which each photosite's dark current adds no more, and its rate until then.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.

    Returns
    -------
    tuple of ndarray, shape (N,)
        Seconds, infinite where it grows as long as the exposures go; and DN per second at base ISO.

    Notes
    -----
    Some photosites leak until they hold a charge of their own, far below saturation; light adds to it as usual. What
    they show in long exposures then says no more than "at least so much", as a clipped value does. It is taken to be so
    where all is plain: the excess over the level is the same in exposures of different length, the shorter ones show
    less, in proportion to their time, and at that rate the long ones would show twice as much.
    """
    gain, time = conditions.gain, conditions.dark_s
    timed = np.isfinite(gain) & np.isfinite(time) & ~conditions.filtered
    found, rates = np.full(len(series), np.inf), np.zeros(len(series))
    tried = np.unique(time[timed])[:-1]
    if not tried.size:
        return found, rates
    tried = tried[np.unique(np.linspace(0, tried.size - 1, min(tried.size, _MOST_TIMES)).round().astype(int))]
    room = conditions.saturation - _NEAR_CEILING * np.sqrt(series.variance)
    use = series.known & timed & (series.level < conditions.saturation) & (series.value < room)
    gain, time = np.where(timed, gain, 1.0), np.where(timed, np.maximum(time, 1e-9), 1.0)
    excess = (series.value - series.level) / gain
    sigma = np.sqrt(series.variance + series.photon * np.maximum(series.value - series.level, 0)) / gain
    longest = np.where(use, time, 0).max(axis=1, initial=0)
    for last in tried[::-1]:  # the shortest time counts after which it grows no more
        late, early = use & (time > last), use & (time <= last)
        charge = median_where(excess, late)[:, None]
        same = late & (np.abs(excess - charge) <= np.maximum(_SHOWS_LEVEL * sigma, _SAME_SHARE * charge))
        shows = early & (excess > _SHOWS_LEVEL * sigma) & (charge - excess > _SHOWS_LEVEL * sigma)
        shows &= excess < _LESS * charge
        rate = median_where(excess / time, shows)[:, None]
        steady = shows & (np.abs(excess - rate * time) <= np.maximum(_SHOWS_LEVEL * sigma, _STEADY_SHARE * rate * time))
        first = np.where(late, time, np.inf).min(axis=1, initial=np.inf)
        span = np.where(shows, time, 0).max(axis=1) / np.where(shows, time, np.inf).min(axis=1)
        # Of what hardly shows nothing can be said: at that rate it would show clearly more.
        more = rate * time - charge
        tells = same & (more > _SHOWS_LEVEL * np.hypot(sigma, conditions.dark_spread * rate * time))
        plain = (
            (same.sum(axis=1) >= _MOST_SHARE * late.sum(axis=1))
            & (tells.sum(axis=1) >= _FEWEST_LEVEL)
            & (steady.sum(axis=1) >= np.maximum(_MOST_SHARE * shows.sum(axis=1), _FEWEST_LEVEL))
            & (longest >= _LONGER * first)
            & (span >= _LONGER)
            & (rate[:, 0] * longest > 2 * charge[:, 0])
            & (charge[:, 0] > 0)
        )
        found[plain], rates[plain] = last, rate[plain, 0]
    return found, rates


def _best_of(fits: Sequence[LawFit]) -> tuple[NDArray[np.intp], LawFit]:
    """Return which of several fits has the highest score, and that fit, series by series."""
    best = np.argmax([one.score for one in fits], axis=0)
    return best, _of_laws(fits, best)


def _of_laws(fits: Sequence[LawFit], which: NDArray[np.intp]) -> LawFit:
    """Return of several fits the one that `which` numbers, series by series."""
    rows = np.arange(which.size)
    return LawFit(
        *(np.stack([getattr(one, name) for one in fits])[which, rows] for name in LawFit.__dataclass_fields__)
    )


def _apart(
    series: Series, conditions: Conditions, one: LawFit, other: LawFit, better: NDArray[np.bool_], spread: float
) -> NDArray[np.float64]:
    """Return how much better the one of two fits explains the frames of the `better` one, in nats, ``(N,)``."""
    number = np.arange(series.value.shape[1])
    first, end = np.where(better, one.first, other.first), np.where(better, one.end, other.end)
    within = (number >= first[:, None]) & (number < end[:, None])
    sums = []
    for fitted in (one, other):
        shown = np.minimum(fitted.effect, conditions.saturation - series.level)
        extra = np.maximum(series.photon * shown, 0) + (spread * shown) ** 2
        sums.append(effect_ratios(series, conditions, fitted.effect, extra).sum(axis=1, where=within))
    return np.asarray(sums[0] - sums[1])


def _best_regression(series: Series, conditions: Conditions, odds: Odds, law: Behaviour) -> LawFit:
    """Return the best of the fits of one law, from one or several first guesses."""
    dark, offset = odds.strength[:, Behaviour.HOT], odds.strength[:, Behaviour.OFFSET]
    guesses: list[Mapping[Term, NDArray[np.float64]]]
    if law == Behaviour.HOT_WITH_OFFSET:
        guesses = [{Term.DARK: dark}, {Term.OFFSET: offset}, _guess_both(series, conditions, odds)]
    else:
        term, strength = law.terms[0], odds.strength[:, law]
        guesses = [{term: strength - 1 if term == Term.RESPONSE else strength}]
    fits = []
    for guess in guesses:
        start = np.zeros((len(series), len(Term)))
        for term, strength in guess.items():
            start[:, term] = strength
        fits.append(_regression(series, conditions, odds, law, start))
    return _best_of(fits)[1]


def _regression(
    series: Series, conditions: Conditions, odds: Odds, law: Behaviour, start: NDArray[np.float64]
) -> LawFit:
    """Fit a law to the frames since its onset, and find the onset of the fit, in turn."""
    number = np.arange(series.value.shape[1])
    if law == Behaviour.HOT_WITH_OFFSET:  # the frames of whichever of the two explains more
        by_hot = odds.by_behaviour[:, Behaviour.HOT] > odds.by_behaviour[:, Behaviour.OFFSET]
        span = np.where(by_hot[:, None], odds.span[:, Behaviour.HOT], odds.span[:, Behaviour.OFFSET])
    else:
        span = odds.span[:, law]
    first, end = span[:, 0], span[:, 1]
    for _ in range(_ROUNDS):
        use = (number >= first[:, None]) & (number < end[:, None])
        use &= ~(conditions.filtered & ~(start.sum(axis=1) < 0)[:, None])  # which say nothing about what is bright
        fitted = fit(series, conditions, use, law.terms, start=start)
        start = fitted.strength
        ratio = _ratio(series, conditions, fitted)
        score, first = _since(ratio, end)
    return LawFit(score - _price(law, first, end), ratio, first, end, fitted.effect, fitted.strength)


def _price(law: Behaviour, first: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a law's numbers cost by the Bayesian information criterion, in nats, ``(N,)``."""
    return np.asarray(0.5 * law.numbers * np.log(np.maximum(end - first, 2)))


def _ratio(series: Series, conditions: Conditions, fitted: Fit) -> NDArray[np.float64]:
    """Return what each frame says for a fitted law, in nats."""
    room = conditions.saturation - series.level
    shown = np.minimum(fitted.effect, room)
    current = fitted.strength[:, Term.DARK, None]
    dark = np.minimum(current * conditions.gain * conditions.dark_s, room)
    extra = np.maximum(series.photon * shown, 0) + (_OTHER_SPREAD * shown) ** 2
    if current.any():
        extra = extra + (conditions.dark_spread * dark) ** 2
    return effect_ratios(series, conditions, fitted.effect, extra)


def _best_other(series: Series, conditions: Conditions, odds: Odds, law: Behaviour) -> LawFit:
    """Return the best of a law without a regression at several strengths about the best so far."""
    end = odds.span[:, law, 1]
    likelihoods = Likelihoods(series, conditions)
    fits = []
    for factor in (1.0,) if law == Behaviour.STUCK else _TRIED:
        strength = odds.strength[:, law] * factor
        ratio = np.empty(series.value.shape)
        likelihoods.ratios(law, strength, ratio)
        score, first = _since(ratio, end)
        score = score - _price(law, first, end)
        if law == Behaviour.STUCK:
            effect = strength[:, None] - series.level
        else:
            effect = strength[:, None] * np.broadcast_to(conditions.gain, ratio.shape)
        fits.append(LawFit(score, ratio, first, end, effect, np.repeat(strength[:, None], len(Term), axis=1)))
    return _best_of(fits)[1]


def _guess_both(series: Series, conditions: Conditions, odds: Odds) -> dict[Term, NDArray[np.float64]]:
    """Guess a dark current and an offset: the offset from the shorter exposures, the rest from the longest."""
    first = np.minimum(odds.span[:, Behaviour.HOT, 0], odds.span[:, Behaviour.OFFSET, 0])
    defective = np.arange(series.value.shape[1]) >= first[:, None]
    clear = defective & series.known & (series.level < conditions.saturation) & np.isfinite(conditions.gain)
    excess = (series.value - series.level) / conditions.gain
    seconds = conditions.dark_s
    timed = np.isfinite(seconds)
    short = timed & (seconds <= np.median(seconds[timed] if timed.any() else 0))
    offset = median_where(excess, clear & short)
    exposed = np.where(clear & timed, conditions.gain * seconds, 0)
    longest = np.argsort(-exposed, axis=1, kind="stable")[:, :_LONGEST]
    rate = (excess - offset[:, None]) / seconds
    chosen = np.take_along_axis(rate, longest, axis=1)
    dark = median_where(chosen, np.take_along_axis(exposed > 0, longest, axis=1))
    lacking = odds.strength[:, Behaviour.HOT] < 0
    return {Term.DARK: np.where(lacking, dark, np.maximum(dark, 0)), Term.OFFSET: offset}


def _since(ratio: NDArray[np.float64], end: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the largest sum of `ratio` from a frame until `end`, and that frame."""
    within = np.where(np.arange(ratio.shape[1]) < end[:, None], ratio, 0)
    sums = np.cumsum(within[:, ::-1], axis=1)[:, ::-1]
    first = sums.argmax(axis=1)
    return sums.max(axis=1), first
