"""Choosing a law: every behaviour, fitted to a candidate's series over the frames since its onset.

Where `defect_odds` tries a few strengths to tell defects from health, this finds the best ones, also of a dark current
beside an offset, so that the behaviours can be compared with each other, by the Bayesian information criterion [1]_.

References
----------
.. [1] G. Schwarz, "Estimating the dimension of a model", Ann. Statist. 6 (1978) 461, doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

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


def choose_laws(series: Series, conditions: Conditions, odds: Odds) -> tuple[NDArray[np.intp], LawFit]:
    """Return the law that fits each series best, a number of `Behaviour`, ``(N,)``, and its fit.

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
    """
    fits = []
    for law in Behaviour:
        best_fit = _best_regression if law.terms else _best_other
        fits.append(best_fit(series, conditions, odds, law))
    return _best_of(fits)


def _best_of(fits: Sequence[LawFit]) -> tuple[NDArray[np.intp], LawFit]:
    """Return which of several fits has the highest score, and that fit, series by series."""
    best = np.argmax([one.score for one in fits], axis=0)
    rows = np.arange(best.size)
    parts = [np.stack([getattr(one, name) for one in fits])[best, rows] for name in LawFit.__dataclass_fields__]
    return best, LawFit(*parts)


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
        if law != Behaviour.WEAK:
            use &= ~conditions.filtered  # such frames say nothing about what is bright
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
    return {Term.DARK: np.maximum(dark, 0), Term.OFFSET: offset}


def _since(ratio: NDArray[np.float64], end: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the largest sum of `ratio` from a frame until `end`, and that frame."""
    within = np.where(np.arange(ratio.shape[1]) < end[:, None], ratio, 0)
    sums = np.cumsum(within[:, ::-1], axis=1)[:, ::-1]
    first = sums.argmax(axis=1)
    return sums.max(axis=1), first
