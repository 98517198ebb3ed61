"""Kinds and onsets of what JPEGs show: by the law that explains a series best, and by what values follow.

Demosaicing and compression mix a photosite with its neighbours, so that what is stuck follows the light a little, and
what is dead shows a share of it. Which law explains a series best does not always tell these apart; how values follow
the light around, and the gain, does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import SINGLE, Behaviour
from sensormap.diagnose.defect_odds import Odds
from sensormap.diagnose.jpeg.likelihood import JpegLikelihoods, Shape, Strengths, light_of
from sensormap.diagnose.jpeg.odds import SHAPES, strengths_of
from sensormap.diagnose.onset import FrameSpan, find_healing, find_onset, has_healed
from sensormap.diagnose.series import Conditions, Series
from sensormap.maps.entries import DefectKind
from sensormap.settings import OUTLIER_SIGMA

# Values and frames that a slope takes at least, and the stops between the gains.
_FEWEST, _LEAST_STOPS = 4, 1.0

# What is below all that is around it shows a share of the light there. Of dead photosites the 90 % quantile of it is at
# most so much where they follow the light, and less where they do not; what is more in the darkest frames is stuck.
_DEAD_SHARE, _DEAD_STUCK_SHARE = 0.8, 0.45
_FOLLOWS = 0.83  # least slope of a weak photosite's values on those around; dead and stuck ones have less

_LEVEL = -0.8  # correlation of the excess with the values around, below which a photosite that scatters is stuck
_PER_STOP = 3.0  # values a stop of gain from which a bright one is no stuck level
_ONE_SIDE = 0.9  # share of outlying values to one side

# Nats by which a defect that comes and goes must explain more: where a steady one is off by more than its law may be,
# for example in deep shadows, it seems to be absent.
_JUMPS = 12.0

# Dark currents beside an offset, as multiples of it a second, and the nats by which they must explain more.
_DARK_PER_OFFSET = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_OFFSETS = (0.4, 0.65, 1.0, 1.6)  # tried, as multiples of what an offset alone explains best
_DARK_BESIDE = 4.0

# Quantile of the effect that counts, of so many outlying values, and light below which no share of it is told: 1 % of
# white, DN of 12 bits.
_BEST, _FEWEST_OUTLYING, _LITTLE = 0.8, 3, 40.0

_DARK = 20.0  # light below which no share of it is told, DN of 12 bits


@dataclass(frozen=True)
class JpegDiagnosis:
    """What the series of one photosite says.

    Parameters
    ----------
    kind
        Kind of defect.
    effect
        Share of the light around it that it adds or lacks by its law, in the frames where that is most.
    onset
        Frames of which one is the first with the defect.
    until
        Frames of which one is the first without it again; None where it is there to the last.
    shows
        Whether each frame shows it, ``(n,)``.
    """

    kind: DefectKind
    effect: float
    onset: FrameSpan
    until: FrameSpan | None
    shows: NDArray[np.bool_]


def diagnose_jpegs(series: Series, conditions: Conditions, odds: Odds) -> list[JpegDiagnosis]:
    """Return what N series say, given their odds.

    Parameters
    ----------
    series, conditions
        N photosites in n frames, values from 0 to 255.
    odds
        Their odds, from `odds_of_jpegs`.
    """
    count, n = series.value.shape
    if not count:
        return []
    law = odds.by_behaviour.argmax(axis=1)
    rows, numbers = np.arange(count), np.arange(n)
    span = odds.span[rows, law]
    inside = (numbers >= span[:, :1]) & (numbers < span[:, 1:])
    likelihoods = JpegLikelihoods(series, conditions)
    ratio, part = np.zeros((count, n)), np.empty((count, n))
    for behaviour in SINGLE:
        chosen = law == behaviour
        if chosen.any():
            likelihoods.ratios(SHAPES[behaviour], strengths_of(behaviour, odds.strength[:, behaviour]), part)
            ratio[chosen] = part[chosen]
    beside = np.zeros(count)
    offset = np.flatnonzero(np.isin(law, [Behaviour.OFFSET, Behaviour.TELEGRAPH, Behaviour.FLICKER]))
    strength = odds.strength[offset, Behaviour.OFFSET]
    beside[offset] = _dark_beside_offset(JpegLikelihoods(series[offset], conditions), inside[offset], strength)
    score = (series.value - series.level) / np.sqrt(series.variance)
    found = []
    for i in range(count):
        looks = _Looks.of(series, conditions, i, inside[i])
        kind = _kind(odds.by_behaviour[i], float(beside[i]), looks)
        outlying = series.known[i] & (np.abs(score[i]) >= OUTLIER_SIGMA)
        brighter = np.sum(np.clip(score[i], -8, 8), where=outlying & inside[i]) > 0
        shows = outlying & ((score[i] > 0) == brighter)
        onset = find_onset(np.where(numbers < span[i, 1], ratio[i], 0.0))
        until = find_healing(ratio[i], int(span[i, 0])) if has_healed(ratio[i, span[i, 1] :]) else None
        found.append(JpegDiagnosis(kind, _effect(series, i, inside[i], outlying), onset, until, shows))
    return found


def _effect(series: Series, i: int, inside: NDArray[np.bool_], outlying: NDArray[np.bool_]) -> float:
    """Return the share of the light around photosite `i` that it adds or lacks, in the frames that show it best.

    Of three outlying values or more it is the 80 % quantile; of fewer, the median of all values since the onset.
    """
    shows = inside & outlying
    enough = np.count_nonzero(shows) >= _FEWEST_OUTLYING
    use = shows if enough else inside & series.known[i]
    value, level = light_of(series.value[i, use]), light_of(series.level[i, use])
    share = (value - level) / np.maximum(level, _LITTLE)
    return float(np.quantile(np.abs(share), _BEST)) if enough else float(np.abs(np.median(share)))


@dataclass(frozen=True)
class _Looks:
    """How the values of one photosite behave since its onset.

    `follows` is their slope on the values around, `level` the correlation of the excess with those, `per_stop` what a
    stop of gain adds, `share` a high quantile of the share of light, `above` the share of outlying values that are
    brighter.
    """

    follows: float
    level: float
    per_stop: float
    share: float
    above: float

    @staticmethod
    def of(series: Series, conditions: Conditions, i: int, inside: NDArray[np.bool_]) -> _Looks:
        use = inside & series.known[i] & (series.level[i] < conditions.saturation)
        value, level = series.value[i, use], series.level[i, use]
        score = (value - level) / np.sqrt(series.variance[i, use])
        outlying = np.abs(score) > OUTLIER_SIGMA
        above = float(np.mean(score[outlying] > 0)) if outlying.any() else float(score.sum() > 0)
        if value.size < _FEWEST or np.ptp(level) == 0:
            return _Looks(1.0, 0.0, 0.0, 1.0, above)
        share = float(np.quantile(light_of(value) / np.maximum(light_of(level), _DARK), 0.9))
        terms = np.stack([np.ones(value.size), level], axis=1)
        follows = float(np.linalg.lstsq(terms, value, rcond=None)[0][1])
        stops = np.log2(conditions.gain[use])
        per_stop = 0.0
        if np.isfinite(stops).all() and np.ptp(stops) >= _LEAST_STOPS:
            fitted = np.linalg.lstsq(np.column_stack([terms, stops]), value, rcond=None)[0]
            per_stop = float(fitted[2])
        excess = value - level
        alike = float(np.corrcoef(level, excess)[0, 1]) if np.ptp(excess) > 0 else 0.0
        return _Looks(follows, alike, per_stop, share, above)


def _kind(evidence: NDArray[np.float64], beside: float, looks: _Looks) -> DefectKind:
    """Name a kind by the evidence for each behaviour, that for a dark current beside an offset, and the looks."""
    law = Behaviour(int(evidence.argmax()))
    if law == Behaviour.FLICKER and looks.above >= _ONE_SIDE:  # flicker goes both ways
        law = Behaviour(int(np.delete(evidence, Behaviour.FLICKER).argmax()))
    steady = max(Behaviour.HOT, Behaviour.OFFSET, key=lambda one: float(evidence[one]))
    if law == Behaviour.TELEGRAPH and evidence[law] < evidence[steady] + _JUMPS:
        law = steady
    if law in {Behaviour.FLICKER, Behaviour.TELEGRAPH}:
        return DefectKind.STUCK if looks.level < _LEVEL and looks.follows < _FOLLOWS else DefectKind.NOISY
    if law in {Behaviour.WEAK, Behaviour.STUCK} and looks.above < 1 - _ONE_SIDE:
        if law == Behaviour.WEAK and looks.follows >= _FOLLOWS:
            return DefectKind.WEAK
        most = _DEAD_SHARE if law == Behaviour.WEAK else _DEAD_STUCK_SHARE
        return DefectKind.DEAD if looks.share < most else DefectKind.STUCK
    if law == Behaviour.WEAK:
        return DefectKind.STUCK if looks.follows < _FOLLOWS else DefectKind.WEAK
    if law == Behaviour.STUCK and not (looks.above >= _ONE_SIDE and looks.per_stop > _PER_STOP):
        return DefectKind.STUCK
    return DefectKind.HOT if law == Behaviour.HOT or beside > _DARK_BESIDE else DefectKind.OFFSET


def _dark_beside_offset(
    likelihoods: JpegLikelihoods, inside: NDArray[np.bool_], strength: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return by how many nats a dark current beside an offset explains more than an offset alone, ``(N,)``.

    `strength` is that of the offset that explains most alone.
    """
    ratio, one = np.empty(inside.shape), np.ones(len(inside))
    alone, both = np.full((2, len(inside)), -np.inf)
    for multiple in _OFFSETS:
        for share in (0.0, *_DARK_PER_OFFSET):
            offset = multiple * strength
            likelihoods.ratios(Shape.LAW, Strengths(share * offset, offset, one), ratio)
            best = alone if share == 0 else both
            np.maximum(best, ratio.sum(axis=1, where=inside), out=best)
    return np.asarray(both - alone)
