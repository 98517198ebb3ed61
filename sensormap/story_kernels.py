"""Compiled loops of `stories`: how likely a candidate's series is, healthy or with a defect of a given strength."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

_NORMAL = 0.3989422804014327  # 1 / sqrt(2 pi)
# Student's t with 3 degrees of freedom, of width 2, at 0.
_ODD = 0.3675525969478614 / 2
# Chance of a value that has nothing to do with scene or photosite: a cosmic ray, a damaged byte. It keeps one frame
# from convicting.
_STRAY = 1e-3
# A stuck photosite may read otherwise now and then (a neighbour's charge, compression), at this cost in nats.
_ODD_READING = 3.0
# Spread of what a defect adds, relative to itself: dark current follows the temperature, responses are not quite
# linear. It keeps a strong defect from being rejected for a few per cent.
_HOT_SPREAD, _OFFSET_SPREAD, _WEAK_SPREAD = 0.15, 0.03, 0.01
_PRESENT = 0.55  # share of the frames in which a telegraph signal is taken to be high
_RESPONSES = 6  # healthy responses are summed over this many standard deviations on either side

HOT, OFFSET, WEAK, STUCK, TELEGRAPH, FLICKER = range(6)


@compiled
def _below(z: float, odd: float) -> float:
    """Return the chance of a value less than `z` sigma from what is expected."""
    u = z / 2.0 / math.sqrt(3.0)
    student = 0.5 + (u / (1 + u * u) + math.atan(u)) / math.pi
    return (1 - odd) * 0.5 * math.erfc(-z / math.sqrt(2.0)) + odd * student


@compiled
def likelihood(value: float, expected: float, variance: float, odd: float, floor: float, ceiling: float) -> float:
    """Return how likely a value is: normal about what is expected, with chance `odd` Student's t about it, or anything.

    A density per DN; for a value that is clipped, the probability of all that would be. A photosite can also clip
    before its signal is digitised: then it stays somewhat below the ceiling, by its noise.
    """
    sigma = math.sqrt(variance)
    if value >= ceiling:
        return (1 - _STRAY) * _below((expected - ceiling) / sigma, odd) + _STRAY / 2
    if value <= floor:
        return (1 - _STRAY) * _below((floor - expected) / sigma, odd) + _STRAY / 2
    z = (value - min(expected, ceiling)) / sigma
    u = 1 + z * z / 12.0
    near = ((1 - odd) * _NORMAL * math.exp(-0.5 * z * z) + odd * _ODD / (u * u)) / sigma
    return (1 - _STRAY) * near + _STRAY / (ceiling - floor)


@compiled
def _stuck(value: float, strength: float, floor: float, ceiling: float) -> float:
    """Return how likely a value is where the photosite always reads `strength`."""
    if value >= ceiling or value <= floor:
        alike = strength >= ceiling if value >= ceiling else strength <= floor
        return 1.0 if alike else 1e-9
    variance = 0.5 + (0.003 * strength) ** 2  # rounding, and the steps of a quantised raw format
    z = (value - strength) / math.sqrt(variance)
    return _NORMAL * math.exp(-0.5 * z * z) / math.sqrt(variance)


@compiled
def log_ratio(
    kind: int,
    strength: float,
    seen: tuple[float, float, float, float, float],
    frame: tuple[float, float, bool, float, float],
    healthy: float,
) -> float:
    """Return log(likelihood with the defect) less `healthy`, that without, of one value; 0 where a frame cannot tell.

    `seen` is value, level, variance, photon, odd; `frame` is gain, shutter_s, filtered, floor, ceiling.
    """
    value, level, variance, photon, odd = seen
    gain, shutter_s, filtered, floor, ceiling = frame
    if kind == HOT:
        effect = strength * gain * shutter_s
        spread = _HOT_SPREAD
    elif kind == WEAK:
        effect = (strength - 1) * level
        spread = _WEAK_SPREAD
    elif kind == STUCK:
        effect = strength - level
        spread = 0.0
    else:
        effect = strength * gain
        spread = _OFFSET_SPREAD
    bright = effect > 0 if kind != FLICKER else value > level
    # How far clipped surroundings lie above the clip is unknown; only what is stuck below shows before them.
    hidden = level >= ceiling and (kind != STUCK or strength >= ceiling)
    if math.isnan(effect) or (filtered and bright) or hidden:
        return 0.0
    if kind == STUCK:
        return max(math.log(max(_stuck(value, strength, floor, ceiling), 1e-30)) - healthy, -_ODD_READING)
    if kind == FLICKER:
        return math.log(max(likelihood(value, level, variance + effect * effect, odd, floor, ceiling), 1e-30)) - healthy
    shown = min(effect, ceiling - level)
    scatter = variance + max(photon * shown, 0.0) + (spread * shown) ** 2
    faulty = max(likelihood(value, level + effect, scatter, odd, floor, ceiling), 1e-30)
    if kind == TELEGRAPH:
        return math.log(_PRESENT * faulty + (1 - _PRESENT) * math.exp(healthy)) - healthy
    return math.log(faulty) - healthy


@compiled
def log_healthy(
    value: NDArray[np.float64],
    level: NDArray[np.float64],
    variance: NDArray[np.float64],
    odd: NDArray[np.float64],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill the log likelihood of each value of one series without a defect."""
    for t in range(value.shape[0]):
        chance = likelihood(value[t], level[t], variance[t], odd[t], floor[t], ceiling[t])
        out[t] = math.log(max(chance, 1e-30))


@compiled
def healthy_gain(
    value: NDArray[np.float64],
    level: NDArray[np.float64],
    variance: NDArray[np.float64],
    odd: NDArray[np.float64],
    known: NDArray[np.bool_],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    response_spread: float,
) -> float:
    """Return what a response of its own, within the healthy spread, adds to the log likelihood of one series."""
    totals = np.zeros(2 * _RESPONSES + 1)
    for k in range(totals.shape[0]):
        own = 1 + (k - _RESPONSES) * response_spread
        for t in range(value.shape[0]):
            if known[t] and level[t] < ceiling[t]:
                chance = likelihood(value[t], level[t] * own, variance[t], odd[t], floor[t], ceiling[t])
                totals[k] += math.log(max(chance, 1e-30))
    middle: float = totals[_RESPONSES]
    for k in range(totals.shape[0]):
        totals[k] -= 0.5 * (k - _RESPONSES) ** 2
    best: float = totals.max()
    summed: float = np.sum(np.exp(totals - best))
    return best + math.log(summed * _NORMAL) - middle


Series = tuple[
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.bool_],
]
"""value, level, variance, photon, odd, known; each ``(N, n)``."""
Frames = tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]
]
"""gain, shutter_s, filtered, floor, ceiling; each ``(n,)``."""


@compiled
def _put(line: NDArray[np.float64], a: float, b: float, c: float, d: float) -> None:
    line[0], line[1], line[2], line[3] = a, b, c, d


@compiled
def evidence(
    series: Series,
    frames: Frames,
    strengths: NDArray[np.float64],
    stuck: NDArray[np.float64],
    response_spread: float,
    total: NDArray[np.float64],
    lasting: NDArray[np.float64],
    healed: NDArray[np.float64],
) -> None:
    """Fill each photosite's evidence for each kind and first frame, and the best single strength and frames.

    Parameters
    ----------
    series, frames
        What was seen, and when.
    strengths
        Strengths to try by kind, ``(6, K)``, NaN beyond the last; the row of `STUCK` is not used.
    stuck
        Levels to try for each photosite, ``(N, L)``.
    response_spread
        Of healthy photosites.
    total
        Out: log of the mean likelihood ratio over strengths, by kind and first frame: ``(N, 6, n)``.
    lasting, healed
        Out: largest log likelihood ratio, its strength, first frame and the one after its last, by kind,
        ``(N, 6, 4)``; `lasting` until the last frame, `healed` until any.
    """
    value, level, variance, photon, odd, known = series
    gain, shutter_s, filtered, floor, ceiling = frames
    n = value.shape[1]
    healthy = np.empty(n)
    lasting[:, :, 0], healed[:, :, 0], total[:] = -np.inf, -np.inf, -np.inf
    for i in range(value.shape[0]):
        log_healthy(value[i], level[i], variance[i], odd[i], floor, ceiling, healthy)
        own = healthy_gain(value[i], level[i], variance[i], odd[i], known[i], floor, ceiling, response_spread)
        for kind in range(6):
            tried = 0
            row = stuck[i] if kind == STUCK else strengths[kind]
            for strength in row:
                if math.isnan(strength):
                    continue
                tried += 1
                since, within, end = 0.0, 0.0, n
                for t in range(n - 1, -1, -1):
                    step = 0.0
                    if known[i, t]:
                        seen = (value[i, t], level[i, t], variance[i, t], photon[i, t], odd[i, t])
                        frame = (gain[t], shutter_s[t], filtered[t], floor[t], ceiling[t])
                        step = log_ratio(kind, strength, seen, frame, healthy[t])
                    since += step
                    if within < 0:  # what comes later speaks against the defect: it had healed by then
                        within, end = 0.0, t + 1
                    within += step
                    if since > lasting[i, kind, 0]:
                        _put(lasting[i, kind], since, strength, t, n)
                    if within > healed[i, kind, 0]:
                        _put(healed[i, kind], within, strength, t, end)
                    high, low = max(total[i, kind, t], since), min(total[i, kind, t], since)
                    total[i, kind, t] = high + math.log1p(math.exp(low - high))
            total[i, kind] -= math.log(max(tried, 1)) + own
            lasting[i, kind, 0] -= own
            healed[i, kind, 0] -= own + math.log(max(tried, 1))


@compiled
def ratios(
    kind: int, strength: NDArray[np.float64], series: Series, frames: Frames, out: NDArray[np.float64]
) -> None:
    """Fill `log_ratio` of one kind and one strength a photosite for every frame, ``(N, n)``."""
    value, level, variance, photon, odd, known = series
    gain, shutter_s, filtered, floor, ceiling = frames
    for i in range(value.shape[0]):
        log_healthy(value[i], level[i], variance[i], odd[i], floor, ceiling, out[i])
        for t in range(value.shape[1]):
            seen = (value[i, t], level[i, t], variance[i, t], photon[i, t], odd[i, t])
            frame = (gain[t], shutter_s[t], filtered[t], floor[t], ceiling[t])
            out[i, t] = log_ratio(kind, strength[i], seen, frame, out[i, t]) if known[i, t] else 0.0


@compiled
def effect_ratios(
    effect: NDArray[np.float64], extra: NDArray[np.float64], series: Series, frames: Frames, out: NDArray[np.float64]
) -> None:
    """Fill the log likelihood ratio of values shifted by `effect` with `extra` variance, every frame, ``(N, n)``."""
    value, level, variance, _, odd, known = series
    _, _, filtered, floor, ceiling = frames
    for i in range(value.shape[0]):
        log_healthy(value[i], level[i], variance[i], odd[i], floor, ceiling, out[i])
        for t in range(value.shape[1]):
            hidden = level[i, t] >= ceiling[t] or (filtered[t] and effect[i, t] > 0) or math.isnan(effect[i, t])
            if hidden or not known[i, t]:
                out[i, t] = 0.0
                continue
            expected, scatter = level[i, t] + effect[i, t], variance[i, t] + extra[i, t]
            chance = likelihood(value[i, t], expected, scatter, odd[i, t], floor[t], ceiling[t])
            out[i, t] = math.log(max(chance, 1e-30)) - out[i, t]
