"""Compiled loops of `stories`: how likely a candidate's series is, healthy or with a defect of a given strength."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

_NORMAL = 0.3989422804014327  # 1 / sqrt(2 pi)
# Student's t with 3 degrees of freedom, of width 2, at 0.
_ODD = 0.3675525969478614 / 2
_TWELFTH = 1 / 12
_WIDTH = 2.0 * math.sqrt(3.0)
_HALF_ROOT = math.sqrt(0.5)
# Chance of a value that has nothing to do with scene or photosite: a cosmic ray, a damaged byte. It keeps one frame
# from convicting.
STRAY = 1e-3
LEAST = 1e-30
"""Likelihoods count as no less."""
# A stuck photosite may read otherwise now and then (a neighbour's charge, compression), at this cost in nats.
ODD_READING = 3.0
_UNLIKE = 1e-9  # chance of a clipped value of a photosite that is stuck elsewhere
PRESENT = 0.55  # share of the frames in which a telegraph signal is taken to be high
RESPONSES = 6  # healthy responses are summed over this many standard deviations on either side
HOT, OFFSET, WEAK, STUCK, TELEGRAPH, FLICKER = range(6)


@compiled
def rate(
    stuck: bool,
    value: NDArray[np.float64],
    odd: NDArray[np.float64],
    floor: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    stray: NDArray[np.float64],
    parts: NDArray[np.float64],
) -> None:
    """Fill the parts of every value's likelihood, which is ``share * exp(power) + rest``.

    Parameters
    ----------
    stuck
        Whether the photosite shows one level whatever the light: then nothing else can have made the value.
    value, odd
        What was seen, and the chance that something else made it: ``(N, n)``.
    floor, ceiling, stray
        Of each frame: lowest and highest DN, and the density of stray values: ``(n,)``.
    parts
        In: what is expected, NaN where the frame cannot tell, and the variance about it. Out: power, share, rest,
        ``(3, N, n)``; the power NaN where the frame cannot tell.

    Notes
    -----
    A value is normal about what is expected, or with chance `odd` Student's t about it, or anything. The likelihood is
    a density per DN; for a value that is clipped, the probability of all that would be. A photosite can also clip
    before its signal is digitised: then it stays somewhat below the ceiling, by its noise.
    """
    power, share, rest = parts[0], parts[1], parts[2]
    for i in range(value.shape[0]):
        for t in range(value.shape[1]):
            per_sigma = 1 / math.sqrt(share[i, t])  # divisions are slow: there are as few as can be
            expected = power[i, t] if stuck else min(power[i, t], ceiling[t])
            z = (value[i, t] - expected) * per_sigma
            u = 1 + z * z * _TWELFTH
            near = (1 - STRAY) * per_sigma
            rest[i, t] = 0.0 if stuck else near * odd[i, t] * _ODD / (u * u) + stray[t]
            share[i, t] = (per_sigma if stuck else near * (1 - odd[i, t])) * _NORMAL
            # Of a clipped value the distance beyond the clip, for below.
            clipped = (value[i, t] >= ceiling[t]) | (value[i, t] <= floor[t])
            beyond = power[i, t] - ceiling[t] if value[i, t] >= ceiling[t] else floor[t] - power[i, t]
            power[i, t] = beyond * per_sigma if clipped else -0.5 * z * z
        for t in range(value.shape[1]):
            if value[i, t] < ceiling[t] and value[i, t] > floor[t]:
                continue
            share[i, t] = 0.0
            if stuck:
                rest[i, t] = 1.0 if power[i, t] >= 0 else _UNLIKE
            else:
                u = power[i, t] / _WIDTH
                student = 0.5 + (u / (1 + u * u) + math.atan(u)) / math.pi
                below = (1 - odd[i, t]) * 0.5 * math.erfc(-power[i, t] * _HALF_ROOT) + odd[i, t] * student
                rest[i, t] = (1 - STRAY) * below + STRAY / 2
            power[i, t] = min(power[i, t], 0.0)


@compiled
def sum_back(
    ratio: NDArray[np.float64], strength: NDArray[np.float64], lasting: NDArray[np.float64], healed: NDArray[np.float64]
) -> None:
    """Turn what each frame says into what all frames from it on say, and keep the best of it.

    Parameters
    ----------
    ratio
        In: log likelihood ratio of each frame; out: their sums from each frame to the last: ``(N, n)``.
    strength
        Of each photosite, ``(N,)``.
    lasting, healed
        Largest sum, its strength, first frame and the one after its last, ``(N, 4)``: `lasting` until the last frame,
        `healed` until any. Sums that are larger replace what is there.
    """
    n = ratio.shape[1]
    for i in range(ratio.shape[0]):
        since, within, end = 0.0, 0.0, n
        best, best_within = lasting[i, 0], healed[i, 0]
        for t in range(n - 1, -1, -1):
            since += ratio[i, t]
            if within < 0:  # what comes later speaks against the defect: it had healed by then
                within, end = 0.0, t + 1
            within += ratio[i, t]
            ratio[i, t] = since
            if since > best:
                best = since
                lasting[i, 0], lasting[i, 1], lasting[i, 2], lasting[i, 3] = since, strength[i], t, n
            if within > best_within:
                best_within = within
                healed[i, 0], healed[i, 1], healed[i, 2], healed[i, 3] = within, strength[i], t, end
