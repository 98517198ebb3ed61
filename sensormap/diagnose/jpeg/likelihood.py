"""Likelihoods of values from JPEGs: laws hold in light, noise and texture are known in the values as stored.

What a development does is not known: white balance, tone curve and sharpening move every value, and halved chroma and
compression take part of a deviation away. So a law's effect is added to the light around, brought back to values by
sRGB's curve, and may be off by a good share of itself; values are compared as they are stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.diagnose.likelihood import PRESENT, STRAY
from sensormap.diagnose.series import ODD_WIDTH, Conditions, Series
from sensormap.frame import WHITE
from sensormap.settings import FULL_SCALE

SPREAD = 0.25
"""Spread of what a law lets a value deviate by, as a share of it: white balances alone differ by 10 to 20 %."""

_BRIGHTEST = 16.0  # times white: what is brighter clips in any case
_CURVE_STEPS = 4096  # even in the root of light

_NORMAL = 0.3989422804014327  # 1 / sqrt(2 pi)
_ODD = 0.3675525969478614 / ODD_WIDTH  # Student's t with 3 degrees of freedom, as in `diagnose.likelihood`
_PER_SQUARE = 1 / (3 * ODD_WIDTH**2)
_WIDTH = ODD_WIDTH * math.sqrt(3.0)
_HALF_ROOT = math.sqrt(0.5)
_LEAST = 1e-30

_FAINT = 0.03  # sigma by which a law moves a value so little that the value tells nothing of it


class Shape(IntEnum):
    """What a photosite shows, given what its law lets expect."""

    HEALTHY = 0
    """The share of the value around it that is its strength, by the noise alone."""
    LAW = 1
    """Its law, give or take `SPREAD`."""
    STUCK = 2
    """One value, give or take `SPREAD` of the distance to the surroundings."""
    TELEGRAPH = 3
    """Its law in some frames, and nothing in the others."""
    FLICKER = 4
    """The surroundings, with the scatter that its law would be off by."""


def light_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the light that values of JPEGs stand for, about, in DN of 12 bits.

    Parameters
    ----------
    values
        0 to 255, of any shape; beyond they count as those ends.
    """
    code = np.clip(values, 0, WHITE) / WHITE
    return np.asarray(FULL_SCALE * np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4))


def _curve() -> NDArray[np.float64]:
    """Return the values of light from 0 to `_BRIGHTEST` times white, in even steps of its root."""
    light = np.linspace(0, math.sqrt(_BRIGHTEST), _CURVE_STEPS + 1) ** 2
    return np.asarray(WHITE * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


_CURVE = _curve()
_PER_ROOT = _CURVE_STEPS / math.sqrt(_BRIGHTEST * FULL_SCALE)


@dataclass(frozen=True)
class Strengths:
    """Strengths of a law for each of N photosites; what is left out adds nothing.

    Parameters
    ----------
    dark
        DN per second at base gain, of 12 bits, ``(N,)``.
    offset
        DN at base gain, of 12 bits, ``(N,)``; of `Shape.STUCK` the value that is shown.
    response
        Share of the light, ``(N,)``; of `Shape.HEALTHY` that of the value.
    """

    dark: NDArray[np.float64]
    offset: NDArray[np.float64]
    response: NDArray[np.float64]

    @staticmethod
    def of(count: int, *, dark: float = 0.0, offset: float = 0.0, response: float = 1.0) -> Strengths:
        """Return the same strengths for `count` photosites."""
        return Strengths(*(np.full(count, value) for value in (dark, offset, response)))


class JpegLikelihoods:
    """Likelihoods of N series of n frames, healthy or with a defect.

    Parameters
    ----------
    series, conditions
        N photosites in n frames, values from 0 to 255.
    """

    def __init__(self, series: Series, conditions: Conditions) -> None:
        stray = STRAY / (conditions.saturation - conditions.floor)
        self._frames = np.stack(
            [conditions.gain, conditions.shutter_s, conditions.floor, conditions.saturation, stray]
        ).astype(np.float64)
        lost = (series.level >= conditions.saturation) | ~series.known
        light = light_of(series.level)
        self._parts = np.stack(
            [series.value, series.level, light, series.variance, series.odd, *np.zeros((3, *lost.shape))]
        )
        self._lost = lost
        count = len(series)
        healthy = np.zeros(lost.shape)
        self.ratios(Shape.HEALTHY, Strengths.of(count), healthy)
        fill_healthy(healthy, self._parts, _CURVE)

    def ratios(self, shape: Shape, strengths: Strengths, out: NDArray[np.float64]) -> None:
        """Fill what each frame says for a law, in nats; 0 where it cannot tell.

        Parameters
        ----------
        shape
            How values follow from the law.
        strengths
            Strengths of the law.
        out
            Filled, ``(N, n)``.
        """
        each = np.stack([strengths.dark, strengths.offset, strengths.response])
        fill_ratios(int(shape), each, self._parts, self._lost, self._frames, _CURVE, out)

    def most_evidence(self) -> NDArray[np.float64]:
        """Return by how many nats a law that foresees each value to one side explains more than health, ``(N,)``.

        Chance makes a quarter of a nat a frame, which is taken off.
        """
        most = np.empty(len(self._lost))
        fill_most(self._parts, self._lost, self._frames, most)
        return most


@compiled
def log_density(  # noqa: PLR0913, PLR0917
    value: float, expected: float, variance: float, odd: float, floor: float, ceiling: float, stray: float
) -> float:
    """Return the logarithm of a value's density; of a clipped value, of the probability of all that clips.

    Parameters
    ----------
    value, expected, variance
        Value seen, value expected, and the variance about it.
    odd
        Chance that something else than noise made it.
    floor, ceiling
        Lowest and highest value.
    stray
        Density of values that have nothing to do with the scene.
    """
    per_sigma = 1 / math.sqrt(variance)
    if value >= ceiling or value <= floor:
        beyond = expected - ceiling if value >= ceiling else floor - expected
        far = beyond * per_sigma
        u = far / _WIDTH
        student = 0.5 + (u / (1 + u * u) + math.atan(u)) / math.pi
        chance = (1 - odd) * 0.5 * math.erfc(-far * _HALF_ROOT) + odd * student
        return math.log((1 - STRAY) * chance + STRAY / 2)
    z = (value - min(expected, ceiling)) * per_sigma
    u = 1 + z * z * _PER_SQUARE
    near = (1 - odd) * _NORMAL * math.exp(-0.5 * z * z) + odd * _ODD / (u * u)
    return math.log(max((1 - STRAY) * per_sigma * near + stray, _LEAST))


@compiled
def value_of(light: float, curve: NDArray[np.float64]) -> float:
    """Return the value of a JPEG for light in DN of 12 bits, by a curve that is even in the root of light."""
    place = min(math.sqrt(max(light, 0.0)) * _PER_ROOT, curve.size - 1.001)
    below = int(place)
    found: float = curve[below] + (place - below) * (curve[below + 1] - curve[below])
    return found


@compiled
def fill_ratios(  # noqa: PLR0913, PLR0917
    shape: int,
    strengths: NDArray[np.float64],
    parts: NDArray[np.float64],
    lost: NDArray[np.bool_],
    frames: NDArray[np.float64],
    curve: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Fill what each frame says for a law, in nats.

    Parameters
    ----------
    shape
        Number of a `Shape`.
    strengths
        Dark current, offset and response of each photosite, ``(3, N)``.
    parts
        Value, level, light of the level, variance, share of odd values, log likelihood of health, and as
        `fill_healthy` fills them, the likelihood of absence and the value of the light: ``(8, N, n)``.
    lost
        Whether a frame cannot tell, ``(N, n)``.
    frames
        Gain, shutter time, floor, ceiling and density of stray values of each frame, ``(5, n)``.
    curve
        Values by the root of light.
    out
        Filled, ``(N, n)``.
    """
    for i in range(out.shape[0]):
        dark, offset, response = strengths[0, i], strengths[1, i], strengths[2, i]
        for t in range(out.shape[1]):
            if lost[i, t]:
                out[i, t] = 0.0
                continue
            value, level, light, variance, odd = (
                parts[0, i, t], parts[1, i, t], parts[2, i, t], parts[3, i, t], parts[4, i, t],
            )  # fmt: skip
            floor, ceiling, stray = frames[2, t], frames[3, t], frames[4, t]
            if shape == 0:
                expected = level * response
            elif shape == 2:
                expected = offset
            else:
                added = offset * frames[0, t]
                if dark != 0.0:
                    added += dark * frames[0, t] * frames[1, t]
                if not added < 1e12:  # gain or shutter time is unknown
                    out[i, t] = 0.0
                    continue
                expected = level + value_of(response * light + added, curve) - parts[7, i, t]
            if shape != 0:
                off = min(expected, ceiling) - level
                if off * off < _FAINT * _FAINT * variance:
                    out[i, t] = 0.0
                    continue
                variance += off * off if shape == 4 else (SPREAD * off) ** 2
            if shape == 4:
                expected = level
            found = log_density(value, expected, variance, odd, floor, ceiling, stray)
            if shape == 3:
                found = math.log(PRESENT * math.exp(found) + parts[6, i, t])
            out[i, t] = found - parts[5, i, t]


@compiled
def fill_healthy(healthy: NDArray[np.float64], parts: NDArray[np.float64], curve: NDArray[np.float64]) -> None:
    """Fill what a healthy photosite makes of each value, into the parts of `fill_ratios`.

    Parameters
    ----------
    healthy
        Log likelihood of health, ``(N, n)``.
    parts
        As for `fill_ratios`; the last three are filled.
    curve
        Values by the root of light.
    """
    for i in range(healthy.shape[0]):
        for t in range(healthy.shape[1]):
            parts[5, i, t] = healthy[i, t]
            parts[6, i, t] = (1 - PRESENT) * math.exp(healthy[i, t])
            parts[7, i, t] = value_of(parts[2, i, t], curve)


@compiled
def fill_most(
    parts: NDArray[np.float64], lost: NDArray[np.bool_], frames: NDArray[np.float64], most: NDArray[np.float64]
) -> None:
    """Fill `JpegLikelihoods.most_evidence`; parameters as for `fill_ratios`."""
    for i in range(most.shape[0]):
        above, below, count = 0.0, 0.0, 0
        for t in range(lost.shape[1]):
            if not lost[i, t]:
                value, variance, odd = parts[0, i, t], parts[3, i, t], parts[4, i, t]
                off = value - parts[1, i, t]
                variance += (SPREAD * off) ** 2
                found = log_density(value, value, variance, odd, frames[2, t], frames[3, t], frames[4, t])
                gain = max(found - parts[5, i, t], 0.0)
                count += 1
                if off > 0:
                    above += gain
                else:
                    below += gain
        most[i] = max(above, below) - 0.25 * count
