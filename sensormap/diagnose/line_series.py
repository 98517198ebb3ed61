"""Lines as series: what a column or row shows in each frame beside the lines around it, judged as a photosite is.

Of each frame the mean value along the line stands for the value of one photosite, and that of the lines beside it, of
the same colour, for its surroundings: odds, laws, strengths and onset then follow as for any photosite. The lines near
by, which are compared with their own neighbours likewise, tell how healthy lines behave: how far the mean scatters, how
often scenery makes it odd, how far the responses of healthy lines differ. Put together of another line near by in each
frame they make decoys: shifted by a few lines from frame to frame, nothing that is fixed on the sensor is left in them,
but edges of the scenes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.line_sites import BESIDE, NEAR, REACH, LineSites
from sensormap.detect.lines import DeviatingLine
from sensormap.diagnose.defect_odds import LISTED, odds_of, probability
from sensormap.diagnose.fixed_pattern import measure_fixed_pattern, where_it_matters, with_floors
from sensormap.diagnose.kind_and_strengths import Diagnosis, FollowedLine, diagnose
from sensormap.diagnose.likelihood import effect_ratios
from sensormap.diagnose.series import (
    Conditions,
    FollowedWindows,
    Series,
    measure_odd_shares,
    measure_response_spread,
)
from sensormap.maps.entries import DefectKind
from sensormap.score.medians import SIGMA_PER_MAD, median_where
from sensormap.score.noise import MEDIAN_VARIANCE
from sensormap.settings import LeastStrengths

# A defect of a line counts from this share of the strength on that one of a single photosite needs: lines show in a
# photo where each of their photosites is far below its noise.
_LEAST_SHARE = 0.1

# Healthy lines differ in their response by at least so much.
_LEAST_SPREAD = 0.001

# Frames without which nothing is told, and photosites that a frame has to show of a line.
_FEWEST_FRAMES, _FEWEST_SITES = 6, 8

# Photosites further from the middle of the line, in robust standard deviations along it, are not the line's.
_FAR = 4.0

# Variance of the mean of the middle two of four values, as a share of one value's.
_BESIDE_VARIANCE = 0.3

# The lines near by tell the scatter in one frame; as much weight has what all frames tell.
_SHRUNK = float(len(NEAR))

# Median of a squared normal deviate.
_SQUARED_MEDIAN = 0.4549

_DECOY_SEED = 5

# Kinds whose effect grows with the light along the line.
_WITH_LIGHT = frozenset({DefectKind.WEAK, DefectKind.DEAD, DefectKind.OVERRESPONSIVE})


@dataclass(frozen=True)
class LineFindings:
    """The lines that are defects.

    Parameters
    ----------
    lines
        Those that are, in order.
    decoys
        Log Bayes factor of a defect at each decoy, in nats.
    """

    lines: tuple[FollowedLine, ...]
    decoys: NDArray[np.float64]


def follow_lines(
    sites: LineSites, followed: FollowedWindows, conditions: Conditions, least_strengths: LeastStrengths
) -> LineFindings:
    """Return which lines are defects, what their series say, and their most likely ends.

    Parameters
    ----------
    sites
        The lines, and the photosites along them.
    followed
        What those showed, in the order of `LineSites.photosites`; its `odd_shares` are those of single photosites.
    conditions
        Circumstances of the frames.
    least_strengths
        Strengths from which a single photosite counts.

    Notes
    -----
    A line needs as much evidence as a photosite, and as much more as the best of its decoys has. One of which fewer
    than six frames tell anything is none.
    """
    slices = sites.slices()
    blocks = [followed[own[0]] for own in slices]
    parts = [_of_lines(block, len(NEAR) + 1, conditions) for block in blocks]
    told = [i for i, part in enumerate(parts) if np.count_nonzero(part.known[0]) >= _FEWEST_FRAMES]
    if not told:
        return LineFindings((), np.empty(0))
    series = _joined([parts[i][:1] for i in told])
    near = _joined([parts[i][1:] for i in told])
    shares = measure_odd_shares(near, conditions)
    series, near = shares.of(series), shares.of(near)
    least = _fainter(least_strengths)
    spread = measure_response_spread(near, conditions, least=_LEAST_SPREAD)
    pattern = where_it_matters(
        measure_fixed_pattern(near, conditions, least, spread, photosites=len(near)), least, conditions
    )
    least = with_floors(least, pattern, conditions)
    odds = odds_of(series, conditions, least, response_spread=spread, pattern=pattern)
    decoys = odds_of(
        _decoys(near, conditions), conditions, least, response_spread=spread, pattern=pattern
    ).total
    best_decoy = np.maximum(decoys.reshape(len(told), len(NEAR)).max(axis=1), 0)
    listed = np.flatnonzero(odds.total - best_decoy >= LISTED)
    diagnoses = diagnose(series[listed], odds[listed], conditions, least, response_spread=spread)
    confidence = probability(odds.total - best_decoy)
    found = []
    for i, diagnosis in zip(listed.tolist(), diagnoses, strict=True):
        number = told[i]
        ends = _Ends(diagnosis, series[i : i + 1], _shown(blocks[number], conditions), conditions)
        line = ends.of(sites, number, [followed[part] for part in slices[number][1:]])
        found.append(FollowedLine(line, float(confidence[i]), diagnosis))
    return LineFindings(tuple(sorted(found, key=lambda one: one.line)), decoys)


def _of_lines(block: Series, lines: int, conditions: Conditions) -> Series:
    """Return the series of a line and of those near by, of the photosites along it and beside it: ``(lines, n)``."""
    shape = (2 * REACH + 1, -1, block.value.shape[1])
    value, known, variance, spread, photon = (
        part.reshape(shape) for part in (block.value, block.known, block.variance, block.spread, block.photon)
    )
    found = []
    for place in (REACH, *(REACH + away for away in NEAR)):
        beside = [place + away for away in range(-BESIDE, BESIDE + 1) if away]
        level = np.sort(value[beside], axis=0)[1:-1].mean(axis=0)
        use = known[place] & known[beside].all(axis=0) & (level < conditions.saturation)
        noise = variance[place], spread[place], photon[place]
        found.append(_mean_series(value[place], level, use, noise, conditions))
    joined = _joined(found)
    return replace(joined, variance=joined.variance * _excess(joined))


def _mean_series(
    value: NDArray[np.float64],
    level: NDArray[np.float64],
    use: NDArray[np.bool_],
    noise: Sequence[NDArray[np.float64]],
    conditions: Conditions,
) -> Series:
    """Return one line's series from the values along it and beside it, all ``(sites, n)``."""
    away = value - level
    middle = median_where(away.T, use.T)
    scatter = SIGMA_PER_MAD * median_where(np.abs(away - middle).T, use.T)
    variance, spread, photon = noise
    least = np.sqrt(median_where(variance.T, use.T))
    kept = use & (np.abs(away - middle) <= _FAR * np.maximum(scatter, least))
    clipped = kept & (value >= conditions.saturation)
    # Where most of the line clips, all of it does; where little does, what is clipped tells nothing.
    full = 2 * clipped.sum(axis=0) > kept.sum(axis=0)
    kept &= full | ~clipped
    count = kept.sum(axis=0)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.where(kept, values, 0).sum(axis=0) / np.maximum(count, 1))

    shown = np.where(full, conditions.saturation, mean(value))
    share = (1 + _BESIDE_VARIANCE) / (1 + MEDIAN_VARIANCE) / np.maximum(count, 1)
    known = count >= min(_FEWEST_SITES, len(value))
    one = np.ones(count.size)
    return Series(
        value=shown[np.newaxis],
        level=mean(level)[np.newaxis],
        spread=(mean(spread) / np.sqrt(np.maximum(count, 1)))[np.newaxis],
        variance=np.where(known, mean(variance) * share, one)[np.newaxis],
        photon=(mean(photon) / np.maximum(count, 1))[np.newaxis],
        odd=np.zeros((1, count.size)),
        known=known[np.newaxis],
    )


def _excess(lines: Series) -> NDArray[np.float64]:
    """Return by how much the means of the lines near by scatter more in each frame than noise lets expect, ``(n,)``."""
    near = lines[1:]
    square = (near.value - near.level) ** 2 / near.variance
    every = median_where(square.reshape(1, -1), near.known.reshape(1, -1))[0] / _SQUARED_MEDIAN
    each = median_where(square.T, near.known.T) / _SQUARED_MEDIAN
    return np.asarray(np.maximum((_SHRUNK * every + len(NEAR) * each) / (_SHRUNK + len(NEAR)), 1))


def _decoys(near: Series, conditions: Conditions) -> Series:
    """Return lines put together of those near by, another one in each frame, of each line as many as are near by."""
    count = len(NEAR)
    draws = np.random.default_rng(_DECOY_SEED).integers(0, count, int(conditions.number.max()) + 1)[conditions.number]
    own = np.arange(len(near)) // count * count
    rows = own[:, np.newaxis] + (np.arange(len(near))[:, np.newaxis] + draws) % count
    return Series(
        **{name: np.take_along_axis(getattr(near, name), rows, axis=0) for name in Series.__dataclass_fields__}
    )


def _fainter(least: LeastStrengths) -> LeastStrengths:
    return LeastStrengths(**{name: _LEAST_SHARE * value for name, value in vars(least).items()})


def _joined(parts: Sequence[Series]) -> Series:
    return Series(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Series.__dataclass_fields__}
    )


def _shown(block: Series, conditions: Conditions) -> NDArray[np.float64]:
    """Return a line's mean residual to its photosites' neighbours in each frame, DN: some of these lie on the line."""
    sites = len(block) // (2 * REACH + 1)
    own = block[slice(REACH * sites, (REACH + 1) * sites)]
    use = own.known & (own.level < conditions.saturation) & (own.value < conditions.saturation)
    return median_where((own.value - own.level).T, use.T)


@dataclass(frozen=True)
class _Ends:
    """How the ends of a line are found: where the frames that show it leave off to do so along it."""

    diagnosis: Diagnosis
    series: Series
    shown: NDArray[np.float64]
    conditions: Conditions

    def of(self, sites: LineSites, number: int, about: Sequence[Series]) -> DeviatingLine:
        """Return a line with its most likely ends, given what the photosites about them show."""
        line = sites.lines[number]
        first, last = line.first, line.last
        before, behind = sites.along[number]
        middle = (line.first + line.last) // 2
        inside = before <= middle
        if inside.any():
            gain = self._gain(about[0])[inside]
            first = int(before[inside][np.argmax(np.cumsum(gain[::-1])[::-1])])
        inside = behind > middle
        if inside.any():
            gain = self._gain(about[1])[inside]
            last = int(behind[inside][np.argmax(np.cumsum(gain))])
        return replace(line, first=first, last=last)

    def _gain(self, about: Series) -> NDArray[np.float64]:
        """Return what all frames since the onset say for the line at each of some photosites, in nats, ``(N,)``."""
        effect = np.broadcast_to(self.shown, about.value.shape)
        if self.diagnosis.kind in _WITH_LIGHT:
            effect = effect * np.maximum(about.level, 0) / np.maximum(self.series.level, 1)
        ratio = effect_ratios(about, self.conditions, effect, np.zeros(effect.shape))
        number = np.arange(effect.shape[1])
        until = self.diagnosis.until
        since = (number >= self.diagnosis.onset.high) & (number < (number.size if until is None else until.low))
        return np.asarray(ratio.sum(axis=1, where=since & self.series.known[0]))
