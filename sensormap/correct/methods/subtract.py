"""Hot and offset photosites of known strength: what they add is subtracted, and their real signal counts.

A healthy photosite would have shown the value less ``G (b + D T)``. What is left has three errors: the noise of the
value recorded, the interval of the strength, and the temperature, which dark current follows. Interpolation has one:
scenery, which nothing around a photosite tells. The less each of the two is expected to be off, the more it counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.methods.new_values import new_values
from sensormap.correct.methods.registry import DIRECTIONAL
from sensormap.correct.methods.surround import same_colour
from sensormap.correct.methods.targets import Targets
from sensormap.frame import Exposure
from sensormap.maps.entries import HALF_INTERVAL, DarkLaw, Defect, DefectKind, Interval
from sensormap.maps.visible import SIGMAS
from sensormap.score.noise import MEDIAN_VARIANCE, Noise, frame_noise
from sensormap.settings import DARK_SPREAD

_SUBTRACTED = {DefectKind.HOT, DefectKind.OFFSET, DefectKind.COLD}

# Share of itself by which a dark current varies at the map's temperature, as thermometers read to a fifth of a degree;
# by which photosites differ in their K; and by which it may be off where a photo does not tell its temperature.
_AT_REFERENCE, _K_SPREAD, _UNTOLD_SPREAD = 0.02, 0.1, 0.5
_MID_SPREAD = 1.325  # the mid-spread of eight normal values, in standard deviations


@dataclass(frozen=True)
class Excess:
    """What a defect adds to the value of a healthy photosite in one photo, and that number's standard deviation, DN."""

    dn: float
    uncertain_dn: float


def subtracted(targets: Targets) -> NDArray[np.float64]:
    """Return the values that photosites should have, in DN, ``(N,)``; NaN where nothing is known.

    Parameters
    ----------
    targets
        The photosites. Where the excess is known, the value recorded counts without it; the others are interpolated by
        the default method, as are all where the photo does not tell its ISO, shutter time and levels.
    """
    interpolated = new_values(targets, DIRECTIONAL)
    excess = excesses(targets.defects, targets.exposure, targets.dark_law)
    levels, cfa, places = targets.levels, targets.cfa, targets.places
    if levels is None or not any(excess):
        return np.where(interpolated.unknown, np.nan, interpolated.values)
    rows, cols = places.T
    black = levels.by_phase(cfa)[rows % cfa.step, cols % cfa.step]
    shown = levels.above_black(targets.mosaic, cfa)
    noise = frame_noise(shown, cfa, clipping=levels.clipping)
    errors = expected_errors(shown, targets.defective, places, noise)
    above = interpolated.values - black
    values, less = subtract(shown[rows, cols], excess, above, *errors, clipping=levels.clipping)
    return np.where(interpolated.unknown & ~less, np.nan, values + black)


def excesses(defects: Iterable[Defect | None], exposure: Exposure, law: DarkLaw | None) -> list[Excess | None]:
    """Return what each defect adds in a photo, None where that is unknown.

    Parameters
    ----------
    defects
        Defects of a map; None for photosites of lines.
    exposure
        Settings of the photo.
    law
        How dark currents follow the temperature by the map, if it tells.
    """
    gain, shutter_s, warmth = exposure.gain, exposure.shutter_s, exposure.temperature_c
    if gain is None or shutter_s is None:
        return [None for _ in defects]
    dark_s, spread = shutter_s, DARK_SPREAD if law is None else _UNTOLD_SPREAD
    if law is not None and warmth is not None:
        degrees = math.log(2) * abs(warmth - law.reference_c) / law.doubling_c[0]
        dark_s = shutter_s * law.factor(warmth)
        spread = math.hypot(_AT_REFERENCE, _K_SPREAD * degrees, law.factor_spread(warmth))
    return [excess_of(one, gain=gain, shutter_s=dark_s, spread=spread) if one else None for one in defects]


def excess_of(defect: Defect, *, gain: float, shutter_s: float, spread: float = DARK_SPREAD) -> Excess | None:
    """Return what a defect adds in a photo, None where the map does not tell.

    Parameters
    ----------
    defect
        Defect of a map.
    gain
        ISO over base ISO.
    shutter_s
        Shutter time in seconds, times what the temperature makes of dark currents where that is known.
    spread
        Share of itself by which a dark current may be another one in the photo.

    Notes
    -----
    ``G (b + D T)``, as in `DefectKind`. Only hot, offset and cold ones have an excess, and it is known if no part of it
    is unresolved. The uncertainty is that of the intervals, and a share of the dark signal, which follows the
    temperature: 15 % where the photos did not tell that.
    Where the map names two kinds, each strength is that of one kind alone: the excess lies between them.
    """
    parts = {"dark_dn_per_s": (defect.dark_dn_per_s, gain * shutter_s), "offset_dn": (defect.offset_dn, gain)}
    known = [(strength, factor) for strength, factor in parts.values() if strength is not None]
    unresolved = any(name in defect.unresolved for name in parts)
    if {defect.kind, *defect.or_kinds} - _SUBTRACTED or unresolved or not known:
        return None
    if defect.or_kinds:
        return _either(known)
    variance = sum(((high - low) / 2 / HALF_INTERVAL * factor) ** 2 for (_, low, high), factor in known)
    if defect.dark_dn_per_s is not None:
        variance += (spread * defect.dark_dn_per_s[0] * gain * shutter_s) ** 2
    return Excess(sum(strength[0] * factor for strength, factor in known), float(variance**0.5))


def _either(known: list[tuple[Interval, float]]) -> Excess:
    """Return the excess of a defect of which one strength or the other is the right one, and both are as likely."""
    each = np.array([strength[0] * factor for strength, factor in known])
    variance = max(((high - low) / 2 / HALF_INTERVAL * factor) ** 2 for (_, low, high), factor in known)
    return Excess(float(each.mean()), float(np.sqrt(variance + (np.ptp(each) / 2) ** 2)))


def subtract(
    values: NDArray[Any],
    excess: list[Excess | None],
    interpolated: NDArray[Any],
    if_interpolated: NDArray[np.float64],
    own: NDArray[np.float64],
    *,
    clipping: tuple[int, int],
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the repaired values of N photosites, and of which the value recorded counts: the rest is interpolated.

    Parameters
    ----------
    values
        Values as recorded, DN, black subtracted, ``(N,)``.
    excess
        Excess of each, as `excess_of` returns it.
    interpolated
        Values by the default method, DN, black subtracted, ``(N,)``.
    if_interpolated, own
        Variances, as `expected_errors` returns them, DN squared, ``(N,)``.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted: what is clipped, or is within 3 sigma of
        saturation, tells nothing.

    Notes
    -----
    Repaired is the mean of what is left and of the interpolated value, weighted by the reciprocal variances of how far
    each is expected to lie from what a healthy photosite would have shown without noise [1]_.

    Where the two lie apart by more than 3 sigma, one of them is wrong. If what is left is darker, that is: the strength
    is not what the map says then, or values clip below the level at which they are said to. If it is brighter, it may
    be a star, which nothing around a photosite tells: it stays where the excess is known better than surroundings tell
    a value.

    References
    ----------
    .. [1] W. G. Cochran, "Problems arising in the analysis of a series of similar experiments", Suppl. J. R. Stat. Soc.
       4 (1937) 102, doi:10.2307/2984123.

    Examples
    --------
    >>> subtract(np.array([520, 520]), [Excess(400.0, 5.0), None], np.array([150, 150]), np.array([900.0, 900.0]),
    ...          np.array([70.0, 70.0]), clipping=(0, 4095))
    (array([123, 150]), array([ True, False]))
    """
    dn = np.array([one.dn if one else np.nan for one in excess], np.float64)
    uncertain = np.array([one.uncertain_dn if one else np.inf for one in excess], np.float64)
    known = np.nan_to_num(dn)
    left = values - known
    # Variance goes with the signal: of the recorded value's the excess has its share.
    of_excess = own * np.clip(known / np.maximum(values, 1), 0, 1)
    apart = left - interpolated
    far = np.abs(apart) > SIGMAS * np.sqrt(uncertain**2 + of_excess + if_interpolated)
    open_ = (values > clipping[0]) & (values + SIGMAS * np.sqrt(own) < clipping[1])
    star = (apart > 0) & (uncertain**2 + of_excess < if_interpolated)
    counts = np.isfinite(dn) & open_ & (~far | star)
    weight = np.where(far, 1.0, _weight(uncertain**2 + own, if_interpolated - (own - of_excess), if_interpolated))
    mean = interpolated + weight * np.where(counts, apart, 0.0)
    repaired = np.clip(np.floor(mean + 0.5), *clipping)
    return np.where(counts, repaired, interpolated).astype(values.dtype), counts


def _weight(
    if_left: NDArray[np.float64], if_interpolated: NDArray[np.float64], fitted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how much what is left counts beside the interpolated value, 0 to 1, by the variances of their errors.

    That of an interpolated value is `fitted` less the noise of a value; of that, the share that the median of the
    neighbours has stays at least.
    """
    less = np.maximum(if_interpolated, fitted * MEDIAN_VARIANCE / (1 + MEDIAN_VARIANCE))
    weight = np.ones_like(less)  # where no neighbour is known
    return np.divide(less, less + if_left, out=weight, where=np.isfinite(less))


def expected_errors(
    mosaic: NDArray[Any], unhealthy: NDArray[np.bool_], targets: NDArray[np.int64], noise: Noise
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variance of an interpolated value's error, and that of the noise of the value recorded.

    Parameters
    ----------
    mosaic
        The active area in DN, black subtracted, ``(H, W)``.
    unhealthy
        Everything mapped, ``(H, W)``.
    targets
        Rows and columns, ``(N, 2)``.
    noise
        Noise of the frame, as `score.noise.frame_noise` returns it.

    Returns
    -------
    tuple of ndarray of float64, shape (N,) both
        DN squared, the former infinite where no neighbour is known.

    Notes
    -----
    The former is the frame's own fit of how far values lie from the median of their neighbours, by the neighbours'
    level and spread: a little more than `directional` has.
    """
    level, spread = np.zeros((2, len(targets)))
    known = np.zeros(len(targets), bool)
    for places, surround in same_colour(mosaic, unhealthy, targets, noise.lattice):
        level[places] = surround.mean()
        apart = np.where(surround.known, surround.values - level[places, None], 0)
        spread[places] = _MID_SPREAD * np.sqrt((apart**2).sum(axis=1) / surround.known.sum(axis=1))
        known[places] = True
    variance = noise.variance(targets, level, spread)
    own = noise.own_variance(targets, mosaic[tuple(targets.T)].astype(np.float64))
    return np.where(known, variance, np.inf), own
