"""Followed photosites to test with: series by the law that `DefectKind` states, with read and photon noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import Behaviour
from sensormap.diagnose.defect_odds import odds_of
from sensormap.diagnose.kind_and_strengths import Diagnosis, SecondPassResult, diagnose_series
from sensormap.diagnose.likelihood import Likelihoods
from sensormap.diagnose.series import Conditions, Series
from sensormap.settings import LeastStrengths

SATURATION, FLOOR = 3880.0, 0.0
RESPONSE_SPREAD = 0.01

# DN of variance a DN of signal, and DN of read noise, both at ISO 100: a camera of 12 bits from 2006.
PHOTON, READ_NOISE = 0.3, 1.5

# The median of eight neighbours has a fifth of the variance of one value.
_OF_MEDIAN = 0.2
ODD = 3e-4


@dataclass(frozen=True)
class Law:
    """What is wrong with one photosite: D, b and m, and how they come and go.

    `stuck` replaces the value, `jitter` is a standard deviation in DN at base ISO, `present` the share of frames in
    which the defect shows, `dark_spread` what the dark current varies by (temperature); it lasts from frame `since`
    until before frame `until`.
    """

    dark: float = 0.0
    offset: float = 0.0
    response: float = 1.0
    stuck: float | None = None
    jitter: float = 0.0
    present: float = 1.0
    dark_spread: float = 0.0
    since: int = 0
    until: int | None = None


HEALTHY = Law()


def make_conditions(
    n: int,
    rng: np.random.Generator,
    *,
    iso: float | None = None,
    shutter_s: float | tuple[float, float] | None = None,
    long: float = 0.1,
    filtered: float = 0.0,
) -> Conditions:
    """Return the circumstances of n photos: ISO 100 to 1600, 1/2000 to 1/30 s, and a share of 0.5 to 16 s.

    `iso` and `shutter_s` fix them, or name the range of the shutter times; `filtered` is a share of the frames.
    """
    gain = rng.choice([1.0, 2.0, 4.0, 8.0, 16.0], n) if iso is None else np.full(n, iso / 100)
    short, slow = _evenly_by_ratio(rng, (1 / 2000, 1 / 30), n), _evenly_by_ratio(rng, (0.5, 16), n)
    times = np.where(rng.random(n) < long, slow, short)
    if isinstance(shutter_s, tuple):
        times = _evenly_by_ratio(rng, shutter_s, n)
    elif shutter_s is not None:
        times = np.full(n, shutter_s)
    return Conditions(
        number=np.arange(n, dtype=np.int64),
        gain=gain,
        shutter_s=times,
        filtered=rng.random(n) < filtered,
        saturation=np.full(n, SATURATION),
        floor=np.full(n, FLOOR),
    )


def _evenly_by_ratio(
    rng: np.random.Generator, ends: tuple[float, float], shape: int | tuple[int, int]
) -> NDArray[np.float64]:
    return np.exp(rng.uniform(np.log(ends[0]), np.log(ends[1]), shape))


def draw(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a strength evenly by ratio."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def simulate(
    laws: Sequence[Law],
    conditions: Conditions,
    rng: np.random.Generator,
    *,
    levels: tuple[float, float] = (20.0, 3000.0),
    response_spread: float = 0.0,
) -> Series:
    """Return the series of one photosite a law; the signals of their surroundings are drawn between `levels`.

    Where gain or shutter time are NaN the frame was taken at base ISO and 1/100 s. Filtered frames are lowered to two
    sigma above their surroundings.
    """
    shape = (len(laws), conditions.number.size)
    gain = np.where(np.isfinite(conditions.gain), conditions.gain, 1.0)
    shutter_s = np.where(np.isfinite(conditions.shutter_s), conditions.shutter_s, 0.01)
    light = _evenly_by_ratio(rng, levels, shape) / gain
    own = 1 + response_spread * rng.normal(0, 1, (shape[0], 1))
    alive = np.zeros(shape, np.bool_)
    for i, law in enumerate(laws):
        alive[i, law.since : law.until] = True
        alive[i] &= rng.random(shape[1]) < law.present

    def of(name: str) -> NDArray[np.float64]:
        return np.array([[getattr(law, name)] for law in laws], np.float64).reshape(-1, 1)

    dark = of("dark") * shutter_s * np.exp(of("dark_spread") * rng.normal(0, 1, shape))
    added = dark + of("offset") + of("jitter") * rng.normal(0, 1, shape)
    signal = gain * light * own * np.where(alive, of("response"), 1)
    signal = signal + np.where(alive, gain * added, 0)
    read = (READ_NOISE**2 * (1 + 0.2 * gain**2)) + 1 / 12
    photon = np.broadcast_to(PHOTON * gain, shape)
    level = gain * light + rng.normal(0, 1, shape) * np.sqrt(_OF_MEDIAN * (read + photon * gain * light))
    level = np.rint(2 * np.clip(level, FLOOR, SATURATION)) / 2
    value = signal + rng.normal(0, 1, shape) * np.sqrt(read + photon * np.maximum(signal, 0))
    value = np.where(alive & ~np.isnan(of("stuck")), of("stuck"), value)
    variance = (1 + _OF_MEDIAN) * (read + photon * gain * light)
    lowered = np.minimum(value, level + 2 * np.sqrt(variance))
    value = np.where(conditions.filtered, lowered, value)
    return Series(
        value=np.clip(np.rint(value), FLOOR, SATURATION),
        level=level,
        spread=np.sqrt(variance),
        variance=variance,
        photon=photon.copy(),
        odd=np.full(shape, ODD),
        known=np.ones(shape, np.bool_),
    )


def flat_conditions(n: int, *, gain: float = 1.0, shutter_s: float = 0.01) -> Conditions:
    """Return n frames that are alike."""
    return make_conditions(n, np.random.default_rng(0), iso=100 * gain, shutter_s=shutter_s)


def quiet_series(value: object, *, level: object = 500.0, sigma: float = 5.0) -> Series:
    """Return one photosite's series exactly as given: values and levels of n frames, without photon noise."""
    values = np.atleast_2d(np.asarray(value, np.float64))
    return Series(
        value=values,
        level=np.broadcast_to(np.asarray(level, np.float64), values.shape).copy(),
        spread=np.full(values.shape, sigma),
        variance=np.full(values.shape, sigma**2),
        photon=np.zeros(values.shape),
        odd=np.full(values.shape, ODD),
        known=np.ones(values.shape, np.bool_),
    )


def without(conditions: Conditions, *, iso: object = (), shutter: object = ()) -> Conditions:
    """Return conditions in which the ISO or the shutter time of some frames are unknown."""
    gain, shutter_s = conditions.gain.copy(), conditions.shutter_s.copy()
    gain[np.asarray(iso, dtype=np.intp)], shutter_s[np.asarray(shutter, dtype=np.intp)] = np.nan, np.nan
    return replace(conditions, gain=gain, shutter_s=shutter_s)


def log_ratios(
    series: Series, conditions: Conditions, behaviour: Behaviour, strength: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each frame says for a behaviour of one strength a photosite, in nats, ``(N, n)``."""
    out = np.empty(series.value.shape)
    Likelihoods(series, conditions).ratios(behaviour, strength.astype(np.float64), out)
    return out


def follow(series: Series, conditions: Conditions, *, response_spread: float = RESPONSE_SPREAD) -> SecondPassResult:
    """Find the odds of some series, and return them as the second pass would."""
    odds = odds_of(series, conditions, LeastStrengths(), response_spread=response_spread)
    return SecondPassResult(np.arange(len(series)), series, odds, conditions, np.empty(0), response_spread)


def diagnoses(series: Series, conditions: Conditions, *, response_spread: float = RESPONSE_SPREAD) -> list[Diagnosis]:
    """Diagnose every series."""
    followed = follow(series, conditions, response_spread=response_spread)
    return diagnose_series(followed, np.arange(len(series)), LeastStrengths())
