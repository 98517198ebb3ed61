"""Diagnosis: what a candidate's series says about its kind, its strengths, its onset, and where it says nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.lines import DeviatingLine
from sensormap.diagnose.behaviour import BLACK_SHARE, LINEAR, Behaviour, Term
from sensormap.diagnose.defect_odds import Odds
from sensormap.diagnose.fixed_pattern import FixedPattern, with_floors
from sensormap.diagnose.law_choice import LawChoice, choose_laws, levels_off
from sensormap.diagnose.onset import FrameSpan, find_healing, find_onset, has_healed
from sensormap.diagnose.regression import NAMES, Fit, Strengths, fit
from sensormap.diagnose.series import LOT, ONE_TIME, Conditions, FollowedWindows, Series
from sensormap.maps.entries import HALF_INTERVAL, DarkLaw, DefectKind
from sensormap.settings import LeastStrengths

# Where less than this share of what tells the response is light, the response is too uncertain: see `Fit.reliability`.
_RELIABLE = 0.8

# Kinds that have strengths.
_LINEAR_KINDS = frozenset(
    {DefectKind.HOT, DefectKind.OFFSET, DefectKind.WEAK, DefectKind.COLD, DefectKind.OVERRESPONSIVE}
)

_DEAD_RESPONSE = 0.1  # up to which a photosite that responds less counts as one that shows black whatever the light

_SIDE_SIGMA = 5.0  # that one frame says of the side to which a defect deviates

_SHOWS = 3.0  # sigma: a frame should show what adds more
_SEEN = 0.5  # share of what a defect adds from which a frame shows it

_ALONE = (Behaviour.HOT, Behaviour.OFFSET, Behaviour.WEAK)  # laws of one strength, by regression


@dataclass(frozen=True)
class Diagnosis:
    """What one series says.

    Parameters
    ----------
    kind
        Kind of defect.
    score
        Square root of twice the log likelihood ratio: the evidence in standard deviations.
    strengths
        Estimate, lower and upper end of its 95 % interval, by name in the map; only those that are resolved.
    unresolved
        Names of the others that the kind has.
    onset
        Frames of which one is the first with the defect.
    until
        Frames of which one is the first without it again; None if it was still there in the last frame.
    seen, due
        Frames in which it showed, of those in which it should have.
    or_kinds
        Other kinds that the exposures cannot tell from it; strengths are then each those of one kind alone.
    faint
        Whether healthy photosites have such strengths, and they lie below those that count.
    """

    kind: DefectKind
    score: float
    strengths: dict[str, tuple[float, float, float]]
    unresolved: tuple[str, ...]
    onset: FrameSpan
    until: FrameSpan | None
    seen: int
    due: int
    or_kinds: tuple[DefectKind, ...] = ()
    faint: bool = False

    def jumping(self) -> Diagnosis:
        """Return the diagnosis of a defect that comes and goes: noisy, without strengths, and not healed."""
        return replace(self, kind=DefectKind.NOISY, or_kinds=(), strengths={}, unresolved=(), until=None)


@dataclass(frozen=True)
class FollowedLine:
    """A column or row that deviates as a whole, and what its series says.

    Parameters
    ----------
    line
        The line.
    confidence
        Probability that it is a defect.
    diagnosis
        Its kind, strengths and onset; None where it was not followed.
    """

    line: DeviatingLine
    confidence: float
    diagnosis: Diagnosis | None


@dataclass(frozen=True)
class SecondPassResult:
    """What the second pass left behind.

    Parameters
    ----------
    places
        Positions of the candidates, ``row * W + col`` in the active area, ascending: ``(N,)``.
    series, odds
        Series of each candidate, and its odds.
    conditions
        Circumstances of the followed frames.
    decoys
        Log Bayes factor of a defect at each decoy, in nats.
    response_spread
        Standard deviation of healthy responses, as a share.
    repeats
        Frames that turned out to repeat a scene, and count for nothing.
    pattern
        Fixed pattern of the sensor; None where it does not matter.
    second_sensor
        Which frames another sensor took, ``(n,)``; None where there is no sign of one.
    lines
        Columns and rows that deviate as a whole, and what their series say.
    line_decoys
        Log Bayes factor of a defect at lines put together of those near by, another one in each frame: in nats, some
        for each line that was looked at.
    dark_law
        How dark currents follow the temperature, which is in the conditions; None where that is not known.
    highest_healthy
        Strengths that the highest of the healthy photosites have, as in `FixedPattern`, ``(2, 3)``; 0 where not known.
    """

    places: NDArray[np.int64]
    series: FollowedWindows
    odds: Odds
    conditions: Conditions
    decoys: NDArray[np.float64]
    response_spread: float
    repeats: int = 0
    pattern: FixedPattern | None = None
    second_sensor: NDArray[np.bool_] | None = None
    lines: tuple[FollowedLine, ...] = ()
    line_decoys: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    dark_law: DarkLaw | None = None
    highest_healthy: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, len(Term))))

    @property
    def counted(self) -> int:
        """Number of frames that count."""
        return self.conditions.number.size - self.repeats


def diagnose_series(
    followed: SecondPassResult, which: NDArray[np.intp], least_strengths: LeastStrengths
) -> list[Diagnosis]:
    """Return a diagnosis of some of the followed candidates.

    Parameters
    ----------
    followed
        Results of the second pass.
    which
        Positions of the candidates in it, intp of shape ``(M,)``.
    least_strengths
        Strengths from which a defect counts.
    """
    diagnoses = []
    for start in range(0, which.size, LOT):  # memory holds several copies of their series
        lot = which[start : start + LOT]
        diagnoses += diagnose(
            followed.series[lot],
            followed.odds[lot],
            followed.conditions,
            with_floors(least_strengths, followed.pattern, followed.conditions),
            response_spread=followed.response_spread,
            highest_healthy=followed.highest_healthy,
        )
    return diagnoses


def diagnose(
    series: Series,
    odds: Odds,
    conditions: Conditions,
    least_strengths: LeastStrengths,
    *,
    response_spread: float,
    highest_healthy: NDArray[np.float64] | None = None,
) -> list[Diagnosis]:
    """Return the diagnoses of a few series.

    Parameters
    ----------
    series, odds, conditions
        Series of N photosites, or lines, in n frames, and the odds of each.
    least_strengths
        Strengths from which a defect counts, for a camera of 12 bits.
    response_spread
        Standard deviation of healthy responses, as a share.
    highest_healthy
        Of photosites: strengths that the highest of the healthy ones have, as in `FixedPattern`, ``(2, 3)``.
    """
    least_strengths = least_strengths.scaled(float(conditions.saturation.max()))
    series, odds = _while_growing(series, odds, conditions)
    choice = choose_laws(series, conditions, odds)
    best = choice.fit
    full = _full_fit(series, conditions, choice)
    half_width = full.half_width.copy()
    # A response is known no better than healthy ones agree.
    spread = HALF_INTERVAL * response_spread * (1 + full.strength[:, Term.RESPONSE])
    half_width[:, Term.RESPONSE] = np.hypot(half_width[:, Term.RESPONSE], spread)
    least = np.array([getattr(least_strengths, NAMES[term]) for term in Term])
    effect = np.array([_typical(np.abs(row)) for row in np.where(series.known, best.effect, np.nan)])
    exposed = np.array([0.0, _typical(conditions.gain * conditions.dark_s), _typical(conditions.gain)])
    healthy = np.zeros((2, len(Term))) if highest_healthy is None else highest_healthy
    # Of the law itself alone where it has one strength, and of others where it is not told from them.
    alone = np.where(choice.alike.any(axis=1, keepdims=True), full.strength, best.strength)
    strengths = [
        Strengths(full.strength[i], half_width[i], alone[i], least, healthy, exposed, effect[i])
        for i in range(len(series))
    ]
    return [_diagnosis(choice, i, strengths[i], series, conditions) for i in range(len(series))]


def _while_growing(series: Series, odds: Odds, conditions: Conditions) -> tuple[Series, Odds]:
    """Return series without the frames in which a dark current has levelled off, and odds that start from its rate."""
    last, rate = levels_off(series, conditions)
    rows = np.flatnonzero(np.isfinite(last))
    if not rows.size:
        return series, odds
    known, strength, span = series.known.copy(), odds.strength.copy(), odds.span.copy()
    known[rows] &= ~(conditions.dark_s > last[rows, None])
    strength[rows, Behaviour.HOT] = rate[rows]
    span[rows, Behaviour.HOT] = 0, conditions.number.size
    growing, started = replace(series, known=known), replace(odds, strength=strength, span=span)
    # What these frames alone do not make hot jumps, or is stuck: for that all frames count.
    law = choose_laws(growing[rows], conditions, started[rows]).law
    hot = np.zeros(len(series), np.bool_)
    hot[rows[np.isin(law, (Behaviour.HOT, Behaviour.HOT_WITH_OFFSET))]] = True
    return (
        replace(series, known=np.where(hot[:, None], known, series.known)),
        replace(
            odds,
            strength=np.where(hot[:, None], strength, odds.strength),
            span=np.where(hot[:, None, None], span, odds.span),
        ),
    )


def _typical(values: NDArray[np.float64]) -> float:
    """Return the median of the values that are known; 0 of none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else 0.0


def _diagnosis(choice: LawChoice, i: int, strengths: Strengths, series: Series, conditions: Conditions) -> Diagnosis:
    """Return the diagnosis of series `i`, given its law and that law's fit."""
    law, best = Behaviour(choice.law[i]), choice.fit
    first, end, n = int(best.first[i]), int(best.end[i]), conditions.number.size
    shown = best.effect[i, first:end] / np.sqrt(series.variance[i, first:end])
    shown = np.clip(shown, -_SIDE_SIGMA, _SIDE_SIGMA)  # of a long exposure no more than of others
    darker = bool(np.nansum(np.where(series.known[i, first:end], shown, 0)) < 0)
    kind = _kind(law, strengths, float(best.strength[i].max()), conditions, darker=darker)
    alike = [Behaviour(other) for other in np.flatnonzero(choice.alike[i]).tolist()]
    or_kinds = _or_kinds(kind, alike, conditions, darker=darker)
    linear = kind in _LINEAR_KINDS
    effect = best.effect[i]
    if law == Behaviour.FLICKER:  # it goes both ways: what shows is its size
        effect = np.where(series.value[i] < series.level[i], -effect, effect)
    seen, due = _count_seen(series[i : i + 1], effect, slice(first, end), conditions)
    return Diagnosis(
        kind=kind,
        or_kinds=or_kinds,
        score=float(np.sqrt(2 * max(best.score[i], 0.0))),
        strengths=strengths.resolved if linear else {},
        unresolved=strengths.unresolved if linear else (),
        onset=find_onset(np.where(np.arange(n) < end, best.ratio[i], 0)),
        until=find_healing(best.ratio[i], first) if has_healed(best.ratio[i, end:]) else None,
        seen=seen,
        due=due,
        faint=strengths.are_faint(law, *alike),
    )


def _kind(law: Behaviour, strengths: Strengths, level: float, conditions: Conditions, *, darker: bool) -> DefectKind:
    """Name the kind of a law: by its level or the intervals of its strengths where they tell, else by the law alone."""
    if law == Behaviour.STUCK and level <= conditions.floor.min() + BLACK_SHARE * conditions.saturation.max():
        return DefectKind.DEAD
    if law == Behaviour.WEAK and strengths.highest_response < _DEAD_RESPONSE:  # black, with the noise of reading it
        return DefectKind.DEAD
    # Beside an offset, a dark current counts where its interval says so, or is above 0 and that of the offset does not.
    if law == Behaviour.HOT_WITH_OFFSET and not darker and not strengths.counts(Term.DARK):
        is_hot = strengths.value[Term.DARK] > strengths.half_width[Term.DARK] and not strengths.counts(Term.OFFSET)
        return DefectKind.HOT if is_hot else DefectKind.OFFSET
    return law.kind(darker=darker)


def _or_kinds(
    kind: DefectKind, alike: list[Behaviour], conditions: Conditions, *, darker: bool
) -> tuple[DefectKind, ...]:
    """Name the other kinds that the exposures do not exclude."""
    found = [law.kind(darker=darker) for law in alike]
    if kind == DefectKind.OFFSET and not np.isfinite(conditions.shutter_s).any():
        found.append(DefectKind.HOT)
    return tuple(other for other in dict.fromkeys(found) if other != kind)


def _full_fit(series: Series, conditions: Conditions, choice: LawChoice) -> Fit:
    """Fit all three strengths to the frames of the defect, starting from the law that fits best.

    Where the exposures do not tell its law from others, each law's strength is fitted alone.
    """
    law, best = choice.law, choice.fit
    number = np.arange(conditions.number.size)
    use = (number >= best.first[:, None]) & (number < best.end[:, None])
    use &= ~(conditions.filtered & (best.effect > 0))
    start = np.where(np.isin(law, LINEAR)[:, None], best.strength, 0)
    timed = np.isfinite(conditions.dark_s * conditions.gain)
    # Frames without a shutter time tell everything but the dark current: they count where most are such.
    times = conditions.dark_s[timed]
    several = 2 * times.size >= timed.size and times.max(initial=0) > ONE_TIME * times.min(initial=np.inf)
    bright = (Term.DARK, Term.OFFSET) if several else (Term.OFFSET,)
    full = fit(series, conditions, use, (Term.RESPONSE, *bright), start=start)
    # Where the light hardly varies, the noise of the surroundings passes for it: only what the law itself has is told.
    poor = full.reliability < _RELIABLE
    for behaviour in LINEAR:
        rows = np.flatnonzero(poor & (law == behaviour))
        if rows.size:
            terms = behaviour.terms if behaviour == Behaviour.WEAK else bright
            simple = fit(series[rows], conditions, use[rows], terms, start=start[rows])
            full.strength[rows], full.half_width[rows] = simple.strength, simple.half_width
    rows = np.flatnonzero(choice.alike.any(axis=1))
    for behaviour in _ALONE if rows.size else ():
        term = behaviour.terms[0]
        alone = fit(series[rows], conditions, use[rows], (term,))
        named = choice.alike[rows, behaviour] | (law[rows] == behaviour)
        full.strength[rows, term] = np.where(named, alone.strength[:, term], 0)
        full.half_width[rows, term] = np.where(named, alone.half_width[:, term], np.inf)
    return full


def _count_seen(series: Series, effect: NDArray[np.float64], span: slice, conditions: Conditions) -> tuple[int, int]:
    """Count the frames that show at least half of an effect, and those that should, where it exceeds 3 sigma."""
    level, ceiling = series.level[0, span], conditions.saturation[span]
    expected = np.minimum(effect[span], ceiling - level)
    found = series.value[0, span] - level
    hidden = (conditions.filtered[span] & (expected > 0)) | (level >= ceiling) | np.isnan(expected)
    due = series.known[0, span] & ~hidden & (np.abs(expected) > _SHOWS * np.sqrt(series.variance[0, span]))
    seen = due & (found * np.sign(expected) > _SEEN * np.abs(expected))
    return int(np.count_nonzero(seen)), int(np.count_nonzero(due))
