"""Odds: which behaviour explains a candidate's series best, since when, and how much better than health.

Each behaviour predicts a value for every frame from its surroundings, shutter time and gain, given one strength. The
likelihood of the series under each prediction, averaged over strengths and over the first frame that it applies to, and
divided by the likelihood of a healthy photosite, is the evidence for the behaviour, its Bayes factor [1]_. One strange
frame decides nothing: the share of odd values bounds what it can say. How many entries chance and scenery make is
estimated from decoys, places where the outliers of differently shifted frames meet.

References
----------
.. [1] R. E. Kass, A. E. Raftery, "Bayes factors", J. Am. Stat. Assoc. 90 (1995) 773,
   doi:10.1080/01621459.1995.10476572.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import SINGLE, Behaviour
from sensormap.diagnose.fixed_pattern import FixedPattern, exposure_share, own_pattern
from sensormap.diagnose.likelihood import evidence, log_sum
from sensormap.diagnose.series import Conditions, Series
from sensormap.score.medians import median_where
from sensormap.settings import FULL_SCALE, LISTED_CONFIDENCE, LeastStrengths

DEFECTIVE = 1e-5
"""Share of defective photosites, before any frame is seen."""

LIKELY = math.log((1 - DEFECTIVE) / DEFECTIVE)
"""Evidence in nats at which a defect is as likely as none."""

LISTED = LIKELY + math.log(LISTED_CONFIDENCE / (1 - LISTED_CONFIDENCE))
"""Evidence in nats from which a map lists a defect."""

_FROM_THE_START = 0.5  # of all defects are there in the first frame; the others appear evenly over the series
HEALS = 0.05
"""Share of all defects that are gone again before the last frame."""

# Levels of a stuck photosite that can be told apart: its own was looked up, not predicted, which costs their logarithm.
_LEVELS = 1000

_BRIGHTEST_HOT = 200_000.0  # DN per second, of a camera of 12 bits
_FAINTEST_NOISE = 6.0  # times the least offset: fainter noise shows in no photo

# Evidence in nats from which the decoys' tail is taken to fall exponentially. Far below what makes a defect, so that
# there is a tail to measure.
_TAIL_FROM = 0.0

# Few decoys make no tail: to measure its fall so many are added, of as much evidence, in nats, as one odd frame makes.
_TYPICAL_FALL, _TYPICAL_COUNT = 3.0, 3


# Shares of defects by behaviour, roughly as surveys of ageing sensors have them; a factor of two hardly matters beside
# evidence of hundreds of nats.
PRIOR = {
    Behaviour.HOT: 0.3,
    Behaviour.OFFSET: 0.2,
    Behaviour.WEAK: 0.2,
    Behaviour.STUCK: 0.18,
    Behaviour.TELEGRAPH: 0.06,
    Behaviour.FLICKER: 0.06,
}

# Defects to the other side than theirs (darker by a constant, more response) are so much rarer, but where a camera
# subtracts darks or divides by flats itself: there they are strong.
_OTHER_SIDE = 0.01

# How many strengths are tried by behaviour, evenly by ratio: a step of a third for the bright ones.
_STEPS = {
    Behaviour.HOT: 28,
    Behaviour.OFFSET: 24,
    Behaviour.WEAK: 20,
    Behaviour.TELEGRAPH: 14,
    Behaviour.FLICKER: 10,
}


SIGNED = [Behaviour.HOT, Behaviour.OFFSET, Behaviour.WEAK, Behaviour.TELEGRAPH]
"""Behaviours that have two sides. Usual is brighter of all but a response, which is usually less."""

_MOST = 8.0  # sigma that one frame counts for the side: scenery must not decide by one of them

# Frames of more than this quantile of what a behaviour grows with count alike, or one frame would decide.
_PLENTY = 0.75


@dataclass(frozen=True)
class Odds:
    """How well the behaviours of `SINGLE` explain N series of n frames.

    Parameters
    ----------
    total
        Log Bayes factor of any defect against health, in nats, ``(N,)``.
    by_behaviour
        The same of each behaviour, its prior share included, ``(N, 6)``.
    strength
        Strength of the best prediction of each behaviour, ``(N, 6)``.
    span
        First frame of the best prediction and the one after its last, ``(N, 6, 2)``.
    """

    total: NDArray[np.float64]
    by_behaviour: NDArray[np.float64]
    strength: NDArray[np.float64]
    span: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Odds:
        return Odds(self.total[rows], self.by_behaviour[rows], self.strength[rows], self.span[rows])

    @property
    def likely(self) -> NDArray[np.bool_]:
        """Whether a defect is likely enough to be listed, ``(N,)``."""
        return np.asarray(self.total >= LISTED)

    @staticmethod
    def concatenate(parts: Sequence[Odds]) -> Odds:
        """Join the odds of several lots of photosites, in the order given."""
        return Odds(
            np.concatenate([part.total for part in parts]),
            np.concatenate([part.by_behaviour for part in parts]),
            np.concatenate([part.strength for part in parts]),
            np.concatenate([part.span for part in parts]),
        )

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of a defect, ``(N,)``."""
        return probability(self.total)


def odds_of(
    series: Series,
    conditions: Conditions,
    least_strengths: LeastStrengths,
    *,
    response_spread: float,
    pattern: FixedPattern | None = None,
) -> Odds:
    """Return the odds of a defect, in all and by behaviour.

    Parameters
    ----------
    series
        N photosites in n frames, their `odd` filled in; at least one frame.
    conditions
        Circumstances of the frames.
    least_strengths
        Strengths from which a defect counts.
    response_spread
        Standard deviation of healthy responses about their neighbours', as a share.
    pattern
        Fixed pattern of healthy photosites; None where it does not matter.

    Notes
    -----
    Strengths are tried to the side to which each photosite deviates, see `usual_sides`.

    With r(t, s) the likelihood ratio of all frames from t on, at strength s, the Bayes factor of a behaviour is the
    mean of r over the strengths tried and, by `since_prior`, over the first frame t. One in twenty defects heals: for
    those the best run of frames counts, divided by the number of runs.
    """
    n = series.value.shape[1]
    usual = usual_sides(series, conditions)
    tries = _strengths(least_strengths.scaled(float(conditions.saturation.max())), conditions, usual)
    tries[Behaviour.STUCK] = _levels(series, conditions)
    own = None if pattern is None else own_pattern(series, conditions, pattern)
    total, lasting, healed = evidence(series, conditions, tries, response_spread, own_pattern=own)
    lasts = log_sum(total + np.log(since_prior(n)), axis=2) + math.log(1 - HEALS)
    heals = healed[..., 0] - math.log(n * (n + 1) / 2 / HEALS)
    each = np.logaddexp(lasts, heals) + np.log([PRIOR[behaviour] for behaviour in SINGLE])
    each[:, Behaviour.STUCK] -= math.log(_LEVELS)
    each[:, SIGNED] += np.where(usual, 0.0, math.log(_OTHER_SIDE))
    best = np.where((heals > lasts)[..., None], healed, lasting)
    return Odds(log_sum(each, axis=1), each, best[..., 1], best[..., 2:].astype(np.int64))


def probability(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of a defect from its log Bayes factor and the share of photosites that are defective.

    Parameters
    ----------
    total
        Log Bayes factors in nats, of any shape.

    Examples
    --------
    >>> probability(np.array([0.0, 11.5, 20.0])).round(3)
    array([0.   , 0.497, 1.   ])
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(total - LIKELY, -700, 700))), np.float64)


def since_prior(n: int) -> NDArray[np.float64]:
    """Return the chance, before any frame is seen, that each of n frames is a defect's first, ``(n,)``.

    Examples
    --------
    >>> since_prior(3)
    array([0.5 , 0.25, 0.25])
    """
    since = np.full(n, (1 - _FROM_THE_START) / max(n - 1, 1))
    since[:1] = _FROM_THE_START
    return since


def expected_false(evidence: NDArray[np.float64], *, part: float) -> float:
    """Return how many photosites of the whole sensor may pass for defects by chance.

    Parameters
    ----------
    evidence
        Log Bayes factor of a defect at each decoy, in nats, ``(N,)``.
    part
        Share of the sensor in which decoys were looked for, above 0.

    Notes
    -----
    The number of decoys beyond e falls as exp(-e / f), f the mean excess of those beyond 0; the value of that line at
    the evidence that makes a defect is the estimate, or the number of decoys beyond it if that is larger.

    Examples
    --------
    >>> expected_false(np.array([-3.0, 1.0, 2.0]), part=0.25) < 1
    True
    """
    excess = evidence[evidence > _TAIL_FROM] - _TAIL_FROM
    if not excess.size:
        return 0.0
    fall = (float(excess.sum()) + _TYPICAL_FALL * _TYPICAL_COUNT) / (excess.size + _TYPICAL_COUNT)
    line = excess.size * math.exp(-(LISTED - _TAIL_FROM) / fall)
    return max(line, float(np.count_nonzero(evidence > LISTED))) / part


def _strengths(
    least: LeastStrengths, conditions: Conditions, usual: NDArray[np.bool_]
) -> dict[Behaviour, NDArray[np.float64]]:
    """Return the strengths to try, of all behaviours but a stuck level, each to its photosite's side."""
    brightest = float(conditions.saturation.max())
    ends = {
        Behaviour.HOT: (least.dark_dn_per_s, exposure_share(conditions) * _BRIGHTEST_HOT * brightest / FULL_SCALE),
        Behaviour.OFFSET: (least.offset_dn, brightest),
        Behaviour.WEAK: (least.response, 1.0),
        Behaviour.TELEGRAPH: (_FAINTEST_NOISE * least.offset_dn, brightest),
        Behaviour.FLICKER: (_FAINTEST_NOISE * least.offset_dn, brightest),
    }
    strengths = {behaviour: np.geomspace(*ends[behaviour], steps) for behaviour, steps in _STEPS.items()}
    for behaviour, side in zip(SIGNED, np.where(usual, 1.0, -1.0).T, strict=True):
        strengths[behaviour] = strengths[behaviour][:, None] * side
    strengths[Behaviour.WEAK] = 1 - strengths[Behaviour.WEAK]  # what is lost or gained is even by ratio
    return strengths


def usual_sides(series: Series, conditions: Conditions) -> NDArray[np.bool_]:
    """Tell whether each photosite deviates to the usual side of each behaviour of `SIGNED`, ``(N, 4)``.

    Parameters
    ----------
    series, conditions
        N photosites in n frames.

    Notes
    -----
    The sign is that of the residuals' sum, weighted by what the behaviour grows with over the noise; of the sums from
    each frame to the last, and from the first to each, the one counts that deviates most from 0, because defects appear
    and heal.
    """
    sigma = np.sqrt(series.variance)
    clear = series.known & (series.level < conditions.saturation)
    score = np.where(clear, np.clip((series.value - series.level) / sigma, -_MOST, _MOST), 0.0)
    exposed = np.nan_to_num(conditions.gain * conditions.dark_s)
    gain = np.nan_to_num(conditions.gain)
    brighter = [
        _sign(score, np.where(clear, grows / sigma, 0.0)) > 0
        for grows in (exposed, gain, np.maximum(series.level, 0.0))
    ]
    return np.stack([brighter[0], brighter[1], ~brighter[2], brighter[1]], axis=1)


def _sign(score: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted sum of each series that deviates most, in standard deviations, ``(N,)``."""
    if not score.size:
        return np.zeros(len(score))
    most = np.quantile(weight, _PLENTY, axis=1, keepdims=True)
    weight = np.minimum(weight, np.where(most > 0, most, weight.max(axis=1, keepdims=True)))
    total, square = np.cumsum(score * weight, axis=1), np.cumsum(weight * weight, axis=1)
    from_first = total / np.sqrt(np.maximum(square, 1e-30))
    later, later_square = total[:, -1:] - total, square[:, -1:] - square
    to_last = np.where(later_square > 1e-9 * square[:, -1:], later / np.sqrt(np.maximum(later_square, 1e-30)), 0.0)
    sums = np.concatenate([from_first, to_last], axis=1)
    return np.asarray(np.take_along_axis(sums, np.abs(sums).argmax(axis=1)[:, None], axis=1)[:, 0])


def _levels(series: Series, conditions: Conditions) -> NDArray[np.float64]:
    """Return levels at which each photosite may be stuck, ``(L, N)``: its medians since five frames and until three."""
    n = series.value.shape[1]
    starts = sorted({n - max(n >> halvings, min(3, n)) for halvings in range(5)})
    ends = sorted({max(n >> halvings, min(3, n)) for halvings in (1, 2, 3)})
    # Filtered frames say nothing about bright defects; they count only where all frames are filtered.
    shown = series.known & ~(conditions.filtered & ~conditions.filtered.all())
    parts = [slice(start, n) for start in starts] + [slice(0, end) for end in ends]
    levels = [median_where(series.value[:, part], shown[:, part]) for part in parts]
    return np.stack(levels)
