"""Choosing a law: every way in which a defect may show, fitted to a candidate's series over the frames since its onset.

Where `odds` tries a few strengths to tell defects from health, this finds the best ones, also of a dark current beside
an offset, so that the laws can be compared with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.likelihood import Likelihoods, effect_ratios
from sensormap.diagnose.odds import Odds, Story
from sensormap.diagnose.regression import DARK, OFFSET, RESPONSE, Fit, fit
from sensormap.diagnose.series import Conditions, Series, median_where

# How far what a law adds may vary from frame to frame, as a share of itself: dark current follows the temperature.
_DARK_SPREAD, _OTHER_SPREAD = 0.15, 0.02
_ROUNDS = 2  # of fitting the frames since the onset, and finding the onset of the fit
_TRIED = np.geomspace(0.65, 1.5, 12)  # strengths about the best of a coarse series, as multiples
_LONGEST = 5  # frames of longest exposure from which a dark current beside an offset is guessed

LINEAR: dict[tuple[int, ...], Story] = {
    (DARK,): Story.HOT,
    (OFFSET,): Story.OFFSET,
    (DARK, OFFSET): Story.HOT,
    (RESPONSE,): Story.WEAK,
}
"""Laws that are regressions: the strengths that each fits, and the story that it belongs to."""

OTHER: dict[Story, int] = {Story.STUCK: 1, Story.TELEGRAPH: 2, Story.FLICKER: 1}
"""Laws that are not, and how many numbers each has."""

LAWS: tuple[tuple[int, ...] | Story, ...] = (*LINEAR, *OTHER)


@dataclass(frozen=True)
class LawFit:
    """One law tried on N series of n frames.

    Parameters
    ----------
    score
        Sum of `ratio` over its frames, less half the logarithm of their number for each strength fitted (the Bayesian
        information criterion): ``(N,)``.
    ratio
        Log likelihood of each value under the law less that under health, ``(N, n)``.
    first, end
        First frame of the defect and the one after its last, ``(N,)``.
    effect
        What the defect adds in each frame, DN, ``(N, n)``.
    strength
        As `strengths.Fit` has them; of the other laws the one strength, three times: ``(N, 3)``.
    """

    score: NDArray[np.float64]
    ratio: NDArray[np.float64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    effect: NDArray[np.float64]
    strength: NDArray[np.float64]


def choose_laws(series: Series, conditions: Conditions, odds: Odds) -> tuple[NDArray[np.intp], LawFit]:
    """Return the law that fits each series best, as a position in `LAWS`, and its trial.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.
    odds
        From `odds_of`, of the same series.
    """
    trials = [_best_of_starts(series, conditions, odds, columns) for columns in LINEAR]
    trials += [_other(series, conditions, odds, story, numbers) for story, numbers in OTHER.items()]
    return _best_of(trials)


def _best_of(trials: list[LawFit]) -> tuple[NDArray[np.intp], LawFit]:
    """Return which of several trials has the highest score, and that trial, series by series."""
    best = np.argmax([trial.score for trial in trials], axis=0)
    rows = np.arange(best.size)
    parts = [np.stack([getattr(trial, name) for trial in trials])[best, rows] for name in LawFit.__dataclass_fields__]
    return best, LawFit(*parts)


def _best_of_starts(series: Series, conditions: Conditions, odds: Odds, columns: tuple[int, ...]) -> LawFit:
    """Return the best of the fits of one law, from several first guesses: a fit can lock frames out as odd."""
    hot, offset = odds.strength[:, Story.HOT], odds.strength[:, Story.OFFSET]
    none = np.zeros(len(series))
    if columns == (DARK,):
        starts = [(none, hot, none)]
    elif columns == (OFFSET,):
        starts = [(none, none, offset)]
    elif columns == (RESPONSE,):
        starts = [(odds.strength[:, Story.WEAK] - 1, none, none)]
    else:
        starts = [(none, hot, none), (none, none, offset), (none, *_guess_both(series, conditions, odds))]
    tried = [_linear(series, conditions, odds, columns, np.stack(start, axis=1)) for start in starts]
    return _best_of(tried)[1]


def _linear(
    series: Series, conditions: Conditions, odds: Odds, columns: tuple[int, ...], start: NDArray[np.float64]
) -> LawFit:
    """Fit a law to the frames since its onset, and find the onset of the fit, in turn."""
    number = np.arange(series.value.shape[1])
    story = LINEAR[columns]
    if columns == (DARK, OFFSET):  # the frames of whichever of the two explains more
        story = Story.OFFSET
        by_hot = odds.kind[:, Story.HOT] > odds.kind[:, Story.OFFSET]
        span = np.where(by_hot[:, None], odds.span[:, Story.HOT], odds.span[:, Story.OFFSET])
    else:
        span = odds.span[:, story]
    first, end = span[:, 0], span[:, 1]
    for _ in range(_ROUNDS):
        use = (number >= first[:, None]) & (number < end[:, None])
        use &= ~(conditions.filtered & (columns != (RESPONSE,)))  # such frames say nothing about what is bright
        fitted = fit(series, conditions, use, columns, start=start)
        start = fitted.strength
        ratio = _ratio(series, conditions, fitted)
        score, first = _since(ratio, end)
    penalty = 0.5 * len(columns) * np.log(np.maximum(end - first, 2))
    return LawFit(score - penalty, ratio, first, end, fitted.effect, fitted.strength)


def _ratio(series: Series, conditions: Conditions, fitted: Fit) -> NDArray[np.float64]:
    """Return what each frame says for a fitted law, in nats."""
    room = conditions.saturation - series.level
    shown = np.minimum(fitted.effect, room)
    dark = np.minimum(fitted.strength[:, DARK, None] * conditions.gain * conditions.shutter_s, room)
    extra = np.maximum(series.photon * shown, 0) + (_OTHER_SPREAD * shown) ** 2
    if fitted.strength[:, DARK].any():
        extra = extra + (_DARK_SPREAD * dark) ** 2
    return effect_ratios(series, conditions, fitted.effect, extra)


def _other(series: Series, conditions: Conditions, odds: Odds, story: Story, numbers: int) -> LawFit:
    """Try a law without a regression at strengths about the best so far."""
    end = odds.span[:, story, 1]
    likelihoods = Likelihoods(series, conditions)
    tried = []
    for factor in (1.0,) if story == Story.STUCK else _TRIED:
        strength = odds.strength[:, story] * factor
        ratio = np.empty(series.value.shape)
        likelihoods.ratios(story, strength, ratio)
        score, first = _since(ratio, end)
        score = score - 0.5 * numbers * np.log(np.maximum(end - first, 2))
        if story == Story.STUCK:
            effect = strength[:, None] - series.level
        else:
            effect = strength[:, None] * np.broadcast_to(conditions.gain, ratio.shape)
        tried.append(LawFit(score, ratio, first, end, effect, np.repeat(strength[:, None], 3, axis=1)))
    return _best_of(tried)[1]


def _guess_both(series: Series, conditions: Conditions, odds: Odds) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Guess a dark current and an offset: the offset from the shorter exposures, the rest from the longest."""
    first = np.minimum(odds.span[:, Story.HOT, 0], odds.span[:, Story.OFFSET, 0])
    alive = np.arange(series.value.shape[1]) >= first[:, None]
    clear = alive & series.known & (series.level < conditions.saturation) & np.isfinite(conditions.gain)
    excess = (series.value - series.level) / conditions.gain
    timed = np.isfinite(conditions.shutter_s)
    short = timed & (conditions.shutter_s <= np.median(conditions.shutter_s[timed] if timed.any() else 0))
    offset = median_where(excess, clear & short)
    exposed = np.where(clear & np.isfinite(conditions.shutter_s), conditions.gain * conditions.shutter_s, 0)
    longest = np.argsort(-exposed, axis=1, kind="stable")[:, :_LONGEST]
    rate = (excess - offset[:, None]) / conditions.shutter_s
    chosen = np.take_along_axis(rate, longest, axis=1)
    return np.maximum(median_where(chosen, np.take_along_axis(exposed > 0, longest, axis=1)), 0), offset


def _since(ratio: NDArray[np.float64], end: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the largest sum of `ratio` from a frame until `end`, and that frame."""
    within = np.where(np.arange(ratio.shape[1]) < end[:, None], ratio, 0)
    sums = np.cumsum(within[:, ::-1], axis=1)[:, ::-1]
    first = sums.argmax(axis=1)
    return sums.max(axis=1), first
