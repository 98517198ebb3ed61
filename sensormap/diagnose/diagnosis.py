"""Diagnosis: what a candidate's series says about its kind, its strengths, its onset, and where it says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.law_choice import LAWS, LINEAR, Trial, try_laws
from sensormap.diagnose.odds import Odds, Story
from sensormap.diagnose.onset import Change, find_end, find_onset
from sensormap.diagnose.regression import DARK, OFFSET, RESPONSE, Fit, fit
from sensormap.diagnose.series import LOT, Conditions, Gathered, Series
from sensormap.maps.entries import DefectKind
from sensormap.settings import Floors

STRENGTHS = {RESPONSE: "response", DARK: "dark_dn_per_s", OFFSET: "offset_dn"}
"""Names in the map of the columns of the regression."""

_BLACK_SHARE = 0.002  # of saturation; below it a stuck photosite is dead

# A strength is not resolved where its interval reaches both beyond itself and beyond so many floors.
_UNRESOLVED_FLOORS = 10
_RELIABLE = 0.8
_SHOULD_SHOW = 3.0  # sigma


@dataclass(frozen=True)
class SecondPassResult:
    """What the second pass left behind.

    Parameters
    ----------
    places
        Positions of the candidates.
    series, odds
        Of each candidate.
    conditions
        Of the followed frames.
    decoys
        Odds for a defect at each decoy, in nats.
    response_spread
        Standard deviation of healthy responses, as a share.
    repeats
        Frames that turned out to repeat a scene, and count for nothing.
    """

    places: NDArray[np.int64]
    series: Gathered
    odds: Odds
    conditions: Conditions
    decoys: NDArray[np.float64]
    response_spread: float
    repeats: int = 0

    @property
    def counted(self) -> int:
        """Number of frames that count."""
        return self.conditions.number.size - self.repeats


@dataclass(frozen=True)
class Verdict:
    """What one series says.

    Parameters
    ----------
    kind
        How the photosite misbehaves.
    score
        Square root of twice the log likelihood ratio: the evidence in standard deviations.
    strengths
        Estimate, lower and upper end of its 95 % interval, by name in the map; only those that are resolved.
    unresolved
        Names of the others that the kind has.
    onset
        Which frame may be the first with the defect.
    until
        Which may be the first without it again; None if it was still there in the last frame.
    seen, due
        Frames in which it showed, of those in which it should have.
    """

    kind: DefectKind
    score: float
    strengths: dict[str, tuple[float, float, float]]
    unresolved: tuple[str, ...]
    onset: Change
    until: Change | None
    seen: int
    due: int


def judge(followed: SecondPassResult, which: NDArray[np.intp], floors: Floors) -> list[Verdict]:
    """Return a verdict on some of the followed candidates.

    Parameters
    ----------
    followed
        What the second pass left behind.
    which
        Their positions in it.
    floors
        The least strengths that count.
    """
    verdicts = []
    for start in range(0, which.size, LOT):
        verdicts += _judge_lot(followed, which[start : start + LOT], floors)
    return verdicts


def _judge_lot(followed: SecondPassResult, which: NDArray[np.intp], floors: Floors) -> list[Verdict]:
    """Return the verdicts on a few candidates; memory holds several copies of their series."""
    series, odds, conditions = followed.series[which], followed.odds[which], followed.conditions
    floors = floors.scaled(float(conditions.saturation.max()))
    law, trial = try_laws(series, conditions, odds)
    full = _full_fit(series, conditions, law, trial)
    half_width = full.half_width.copy()
    # A response is known no better than healthy ones agree.
    spread = 1.96 * followed.response_spread * (1 + full.strength[:, RESPONSE])
    half_width[:, RESPONSE] = np.hypot(half_width[:, RESPONSE], spread)
    limits = np.array([floors.response, floors.dark_dn_per_s, floors.offset_dn])
    return [
        _verdict(LAWS[law[i]], trial, i, _Strengths(full.strength[i], half_width[i], limits), series, conditions)
        for i in range(which.size)
    ]


def _verdict(
    law: tuple[int, ...] | Story, trial: Trial, i: int, strength: _Strengths, series: Series, conditions: Conditions
) -> Verdict:
    """Put together what one series says."""
    kind = _kind(law, strength, float(trial.strength[i].max()), conditions)
    first, end, n = int(trial.first[i]), int(trial.end[i]), conditions.number.size
    linear = kind in (DefectKind.HOT, DefectKind.OFFSET, DefectKind.WEAK)
    # Flicker goes both ways: what shows is its size.
    effect = trial.effect[i]
    if law == Story.FLICKER:
        effect = np.where(series.value[i] < series.level[i], -effect, effect)
    seen, due = _count_seen(series[i : i + 1], effect, slice(first, end), conditions)
    return Verdict(
        kind=kind,
        score=float(np.sqrt(2 * max(trial.score[i], 0.0))),
        strengths=strength.resolved if linear else {},
        unresolved=strength.unresolved if linear else (),
        onset=find_onset(np.where(np.arange(n) < end, trial.ratio[i], 0)),
        until=_end(trial.ratio[i], first) if end < n else None,
        seen=seen,
        due=due,
    )


@dataclass(frozen=True)
class _Strengths:
    """The full fit of one series."""

    value: NDArray[np.float64]
    half_width: NDArray[np.float64]
    limits: NDArray[np.float64]

    def known(self, column: int) -> bool:
        allowed = max(_UNRESOLVED_FLOORS * self.limits[column], abs(self.value[column]))
        return bool(self.half_width[column] <= allowed)

    def above(self, column: int) -> bool:
        """Tell whether the whole interval lies beyond the floor."""
        size = -self.value[column] if column == RESPONSE else self.value[column]
        return bool(size - self.half_width[column] > self.limits[column])

    @property
    def resolved(self) -> dict[str, tuple[float, float, float]]:
        found = {}
        for column in (DARK, OFFSET, RESPONSE):
            if self.known(column):
                value = float(self.value[column] + (column == RESPONSE))
                half_width = float(self.half_width[column])
                found[STRENGTHS[column]] = (value, value - half_width, value + half_width)
        return found

    @property
    def unresolved(self) -> tuple[str, ...]:
        return tuple(STRENGTHS[column] for column in (DARK, OFFSET, RESPONSE) if not self.known(column))


def _kind(law: tuple[int, ...] | Story, strength: _Strengths, level: float, conditions: Conditions) -> DefectKind:
    """Name the kind of a law: by the intervals of its strengths where they tell, else by the law that fits best."""
    if law in (Story.TELEGRAPH, Story.FLICKER):
        return DefectKind.NOISY
    if law == Story.STUCK:
        black = level <= conditions.floor.min() + _BLACK_SHARE * conditions.saturation.max()
        return DefectKind.DEAD if black else DefectKind.STUCK
    if law == (RESPONSE,):
        return DefectKind.WEAK
    if law == (OFFSET,):
        return DefectKind.OFFSET
    # Beside an offset, a dark current counts where its interval says so.
    return DefectKind.HOT if law == (DARK,) or strength.above(DARK) else DefectKind.OFFSET


def _full_fit(series: Series, conditions: Conditions, law: NDArray[np.intp], trial: Trial) -> Fit:
    """Fit all three strengths to the frames of the defect, starting from the law that fits best."""
    number = np.arange(conditions.number.size)
    use = (number >= trial.first[:, None]) & (number < trial.end[:, None])
    use &= ~(conditions.filtered & (trial.effect > 0))
    start = np.where((law < len(LINEAR))[:, None], trial.strength, 0)
    timed = np.isfinite(conditions.shutter_s * conditions.gain)
    # Frames without a shutter time tell everything but the dark current: they count where most are such.
    dark = (DARK,) if 2 * np.count_nonzero(timed) >= timed.size else ()
    full = fit(series, conditions, use, (RESPONSE, *dark, OFFSET), start=start)
    # Where the light hardly varies, the noise of the surroundings passes for it: only what the law itself has is told.
    poor = full.reliability < _RELIABLE
    for position, columns in enumerate(LINEAR):
        rows = np.flatnonzero(poor & (law == position))
        if rows.size:
            own = (RESPONSE,) if columns == (RESPONSE,) else (*dark, OFFSET)
            simple = fit(series[rows], conditions, use[rows], own, start=start[rows])
            full.strength[rows], full.half_width[rows] = simple.strength, simple.half_width
    return full


def _end(ratio: NDArray[np.float64], first: int) -> Change:
    """Return the interval of the first healthy frame."""
    change = find_end(ratio[first:])
    return Change(change.low + first, change.high + first)


def _count_seen(
    series: Series, effect: NDArray[np.float64], span: slice, conditions: Conditions
) -> tuple[int, int]:
    """Count the frames in which the effect should exceed 3 sigma, and those of them in which half of it is there."""
    level, ceiling = series.level[0, span], conditions.saturation[span]
    expected = np.minimum(effect[span], ceiling - level)
    found = series.value[0, span] - level
    hidden = (conditions.filtered[span] & (expected > 0)) | (level >= ceiling) | np.isnan(expected)
    due = series.known[0, span] & ~hidden & (np.abs(expected) > _SHOULD_SHOW * np.sqrt(series.variance[0, span]))
    seen = due & (found * np.sign(expected) > 0.5 * np.abs(expected))
    return int(np.count_nonzero(seen)), int(np.count_nonzero(due))
