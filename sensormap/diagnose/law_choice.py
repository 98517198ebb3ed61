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
    dark = np.minimum(current * conditions.gain * conditions.shutter_s, room)
    extra = np.maximum(series.photon * shown, 0) + (_OTHER_SPREAD * shown) ** 2
    if current.any():
        extra = extra + (DARK_SPREAD * dark) ** 2
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
    timed = np.isfinite(conditions.shutter_s)
    short = timed & (conditions.shutter_s <= np.median(conditions.shutter_s[timed] if timed.any() else 0))
    offset = median_where(excess, clear & short)
    exposed = np.where(clear & np.isfinite(conditions.shutter_s), conditions.gain * conditions.shutter_s, 0)
    longest = np.argsort(-exposed, axis=1, kind="stable")[:, :_LONGEST]
    rate = (excess - offset[:, None]) / conditions.shutter_s
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
