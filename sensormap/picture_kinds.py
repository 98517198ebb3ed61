"""Kinds from JPEGs: what outlying values on an unknown tone curve still say about how a photosite misbehaves.

White balance, tone curve and sharpening move every value, so that nothing is constant and no law holds closely; what
remains is whether a value follows the light, and whether its excess follows the exposure time. Seven or eight in ten
are right.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sensormap.classify import Settings, bright_kind
from sensormap.detect.tally import Outliers
from sensormap.detect.votes import FEWEST_VOTES
from sensormap.frame import WHITE
from sensormap.maps.entries import DefectKind

# The scale of a raw file of 12 bits.
_FULL_SCALE = 4095
# Nearly all outlying scores of one sign.
_ONE_SIGN = 0.9
# A dead photosite shows at most so much of the light around it, a stuck one follows its changes by at most so much.
_DEAD_SHARE, _STUCK_SLOPE = 0.2, 0.25
# Where a stuck photosite is above all its surroundings its central values lie within this share of their median.
_STUCK_SHARE = 0.35
_DARK = 40.0
# Light that differs by less than this share of the brightest tells no slope.
_APART = 0.3
# Tone curves raise or lower an excess by up to 3 between shadows and midtones.
_HOT_SLOPE, _LONG_EXCESS = 0.5, 3.0


def picture_kind(outliers: Outliers, settings: Settings, *, bright: bool) -> DefectKind:
    """Name the kind of one candidate, for all that JPEGs tell.

    Parameters
    ----------
    outliers
        The candidate's outlying scores, values from 0 to 255; may be empty when only its mean stands out.
    settings
        Of all frames.
    bright
        Whether its mean score is positive: decides when there are too few outliers to tell.
    """
    if len(outliers) < 3:
        return DefectKind.OFFSET if bright else DefectKind.WEAK
    linear = _linear(outliers)
    value, level = linear.value.astype(np.float64), linear.level2 / 2
    above = float(np.mean(linear.score > 0))
    if above < 1 - _ONE_SIGN and float(np.median(value / np.maximum(level, 1))) < _DEAD_SHARE:
        return DefectKind.DEAD
    if above < _ONE_SIGN:
        slope = _slope(level, value)
        if slope is not None and slope < _STUCK_SLOPE:
            return DefectKind.STUCK
    else:
        low, middle, high = np.quantile(value, (0.1, 0.5, 0.9))
        if high - low <= _STUCK_SHARE * middle:
            return DefectKind.STUCK
    if int(linear.score.astype(np.int64).sum()) < 0:
        return DefectKind.WEAK
    scaled = replace(settings, saturation=_FULL_SCALE, hot_slope=_HOT_SLOPE, long_excess=_LONG_EXCESS)
    return bright_kind(linear[linear.score > 0], scaled)[0]


def effect(outliers: Outliers) -> float:
    """Return how much of the light around it a photosite adds or lacks, as a share; 0 if too few frames show it.

    Parameters
    ----------
    outliers
        Its outlying scores, values from 0 to 255.

    Notes
    -----
    The 80 % quantile over the frames that show it: an offset is large in dark scenes only, and single frames of scenery
    do not count. Where it is dark a share would be one of nothing; 1 % of white stands for less.
    """
    if len(outliers) < FEWEST_VOTES:
        return 0.0
    linear = _linear(outliers)
    level = linear.level2 / 2
    return float(np.quantile(np.abs(linear.value - level) / np.maximum(level, _DARK), 0.8))


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Return the Theil-Sen slope of y on x, from pairs well apart; None where hardly any are."""
    i, j = np.triu_indices(x.size, 1)
    apart = np.abs(x[i] - x[j]) > _APART * x.max()
    if np.count_nonzero(apart) < 3:
        return None
    return float(np.median((y[i] - y[j])[apart] / (x[i] - x[j])[apart]))


def _light_of_values() -> NDArray[np.int32]:
    """Return the light that each value of a JPEG stands for, about: the curve is taken to be that of sRGB."""
    code = np.arange(WHITE + 1) / WHITE
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.rint(_FULL_SCALE * light), np.int32)


_LIGHT = _light_of_values()


def _linear(outliers: Outliers) -> Outliers:
    """Return outliers with values and levels proportional to light, about."""
    value, level2 = _LIGHT[outliers.value], 2 * _LIGHT[(outliers.level2 // 2).clip(0, WHITE)]  # borders are continued
    return Outliers(outliers.frame, outliers.index, outliers.score, value, level2)
