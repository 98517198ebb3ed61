"""Odds of series from JPEGs: which law explains one best, since when, and how much better than health.

As for raw photos (`diagnose.defect_odds`), with the likelihoods of `diagnose.jpeg.likelihood`, fewer strengths, because
laws hold loosely, and a limit that decoys set.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import SINGLE, Behaviour
from sensormap.diagnose.defect_odds import HEALS, LISTED, PRIOR, Odds, since_prior
from sensormap.diagnose.jpeg.likelihood import JpegLikelihoods, Shape, Strengths
from sensormap.diagnose.likelihood import RESPONSES, log_sum, sum_back
from sensormap.diagnose.series import Conditions, Series
from sensormap.score.medians import median_where
from sensormap.settings import FULL_SCALE

# Strengths that are tried, even by ratio: in values of JPEGs, a step is not more than a law may be off by.
_STRENGTHS = {
    Behaviour.HOT: np.geomspace(30.0, 200_000.0, 11),
    Behaviour.OFFSET: np.geomspace(4.0, FULL_SCALE, 10),
    Behaviour.WEAK: 1 - np.geomspace(0.03, 1.0, 9),
    Behaviour.TELEGRAPH: np.geomspace(18.0, FULL_SCALE, 7),
    Behaviour.FLICKER: np.geomspace(18.0, FULL_SCALE, 5),
}
SHAPES = {
    Behaviour.HOT: Shape.LAW,
    Behaviour.OFFSET: Shape.LAW,
    Behaviour.WEAK: Shape.LAW,
    Behaviour.STUCK: Shape.STUCK,
    Behaviour.TELEGRAPH: Shape.TELEGRAPH,
    Behaviour.FLICKER: Shape.FLICKER,
}
"""How values follow from each behaviour."""

LEAST_SPREAD = 0.0025
"""Spread of healthy values about their neighbours' that is taken at least. Demosaicing and compression smooth them: it
was 0.0014 to 0.004 in four generated sets and four real ones.
"""

# Nats, beyond those of chance, by which a law that foresees each value may explain a series better than health: of
# 50 000 photosites none of less had an evidence of 13, and one in a hundred of 5.
_PROMISING = 13.0

# Values of a stuck photosite that can be told apart: its own was looked up, not predicted.
_LEVELS = 100

# Decoys that tell how their evidence falls off, the strongest; more are added of a typical fall, in nats.
_TAIL, _TYPICAL_FALL, _TYPICAL_COUNT = 60, 2.0, 5

ASKED_FALSE = 0.05
"""False entries by scenery that the limit of evidence allows a map."""

LEAST_LIMIT = LISTED
"""Evidence in nats from which JPEGs list a defect at least, as raw photos do; decoys raise it where scenery demands."""

# Evidence, in nats, of places that are no defects, and yet look a little like some.
_FAINT = (0.0, 5.0)


def odds_of_jpegs(series: Series, conditions: Conditions, *, response_spread: float) -> Odds:
    """Return the odds of a defect, in all and by behaviour.

    Parameters
    ----------
    series
        N photosites in n frames, values from 0 to 255, their `odd` filled in; at least one frame.
    conditions
        Circumstances of the frames.
    response_spread
        Standard deviation of healthy values about their neighbours', as a share.

    Notes
    -----
    Half of the photosites deviate so little that no law can make a defect of them: their odds are 0.
    """
    likelihoods = JpegLikelihoods(series, conditions)
    promising = np.flatnonzero(likelihoods.most_evidence() >= _PROMISING)
    found = _odds_of(series[promising], conditions, response_spread)
    count, n = series.value.shape
    odds = Odds(
        np.full(count, -np.inf),
        np.full((count, len(SINGLE)), -np.inf),
        np.zeros((count, len(SINGLE))),
        np.tile(np.array([0, n]), (count, len(SINGLE), 1)),
    )
    for name in ("total", "by_behaviour", "strength", "span"):
        getattr(odds, name)[promising] = getattr(found, name)
    return odds


def _odds_of(series: Series, conditions: Conditions, response_spread: float) -> Odds:
    """Return the odds of series that any law may explain."""
    count, n = series.value.shape
    likelihoods = JpegLikelihoods(series, conditions)
    own = _responses(likelihoods, series, conditions, response_spread)
    total = np.empty((len(SINGLE), count, n))
    lasting, healed = np.full((2, len(SINGLE), count, 4), -np.inf)
    for behaviour in SINGLE:
        tries = _tries(behaviour, series)
        sums = np.empty((len(tries), count, n))
        for strength, ratio in zip(tries, sums, strict=True):
            likelihoods.ratios(SHAPES[behaviour], strengths_of(behaviour, strength), ratio)
            sum_back(ratio, strength, lasting[behaviour], healed[behaviour])
        tried = math.log(len(tries))
        total[behaviour] = log_sum(sums, axis=0) - (tried + own)[:, None]
        lasting[behaviour, :, 0] -= own
        healed[behaviour, :, 0] -= own + tried
    total, lasting, healed = total.swapaxes(0, 1), lasting.swapaxes(0, 1), healed.swapaxes(0, 1)
    lasts = log_sum(total + np.log(since_prior(n)), axis=2) + math.log(1 - HEALS)
    heals = healed[..., 0] - math.log(n * (n + 1) / 2 / HEALS)
    each = np.logaddexp(lasts, heals) + np.log([PRIOR[behaviour] for behaviour in SINGLE])
    each[:, Behaviour.STUCK] -= math.log(_LEVELS)
    best = np.where((heals > lasts)[..., None], healed, lasting)
    return Odds(log_sum(each, axis=1), each, best[..., 1], best[..., 2:].astype(np.int64))


def strengths_of(behaviour: Behaviour, strength: NDArray[np.float64]) -> Strengths:
    """Return the strength of a behaviour, of each photosite, as what it is multiplied by.

    Parameters
    ----------
    behaviour
        One of `SINGLE`.
    strength
        As `Odds` has it, ``(N,)``.
    """
    none, one = np.zeros(strength.size), np.ones(strength.size)
    if behaviour == Behaviour.HOT:
        return Strengths(strength, none, one)
    if behaviour == Behaviour.WEAK:
        return Strengths(none, none, strength)
    return Strengths(none, strength, one)


def _tries(behaviour: Behaviour, series: Series) -> list[NDArray[np.float64]]:
    """Return the strengths to try, each of every photosite, ``(N,)``."""
    count, n = series.value.shape
    if behaviour == Behaviour.STUCK:
        parts = [slice(n - max(n >> halvings, min(3, n)), n) for halvings in range(4)]
        return [median_where(series.value[:, part], series.known[:, part]) for part in parts]
    return [np.full(count, one) for one in _STRENGTHS[behaviour]]


def _responses(
    likelihoods: JpegLikelihoods, series: Series, conditions: Conditions, spread: float
) -> NDArray[np.float64]:
    """Return what a response of its own, within the healthy spread, adds to each log likelihood, ``(N,)``."""
    count = len(series)
    ratio = np.empty(series.value.shape)
    sums = []
    for k in range(-RESPONSES, RESPONSES + 1):
        likelihoods.ratios(Shape.HEALTHY, Strengths.of(count, response=1 + k * spread), ratio)
        sums.append(ratio.sum(axis=1) - 0.5 * k * k)
    return np.asarray(log_sum(np.stack(sums), axis=0) - 0.5 * math.log(2 * math.pi))


def limit_by_decoys(candidates: NDArray[np.float64], decoys: NDArray[np.float64]) -> tuple[float, float]:
    """Return the evidence in nats from which a photosite is listed, and how many reach it by scenery.

    Parameters
    ----------
    candidates
        Evidence of each candidate, ``(N,)``.
    decoys
        Evidence at each decoy of the whole sensor, ``(M,)``.

    Notes
    -----
    The number of decoys beyond some evidence falls exponentially, at the rate of the strongest ones' mean excess.
    Photos of one place share more of their scenery than shifted ones do: so the number is multiplied by that of faint
    candidates over that of faint decoys. The limit is where this line falls to `ASKED_FALSE`, but no less than
    `LEAST_LIMIT`, and no less than the strongest decoy.

    Examples
    --------
    >>> limit, false = limit_by_decoys(np.array([1.0, 100.0]), np.array([-3.0, 1.0, 2.0]))
    >>> limit == LEAST_LIMIT, false < 0.1
    (True, True)
    """
    tail = np.sort(decoys[np.isfinite(decoys)])[::-1][:_TAIL]
    if not tail.size:
        return LEAST_LIMIT, 0.0
    faint, faint_decoys = (
        int(np.count_nonzero((part > _FAINT[0]) & (part < _FAINT[1]))) for part in (candidates, decoys)
    )
    alike = max(faint / faint_decoys, 1.0) if faint_decoys else 1.0
    expected = tail.size * alike
    fall = (float((tail - tail[-1]).sum()) + _TYPICAL_FALL * _TYPICAL_COUNT) / (tail.size + _TYPICAL_COUNT)
    limit = max(LEAST_LIMIT, float(tail[-1]) + fall * math.log(expected / ASKED_FALSE), float(tail[0]))
    return limit, expected * math.exp((float(tail[-1]) - limit) / fall)
