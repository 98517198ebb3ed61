"""Kinds without the second pass: what a candidate's outlying values say about how it misbehaves.

In JPEGs white balance, tone curve and sharpening move every value, so that nothing is constant and no law holds
closely; what remains is whether a value follows the light, and whether its excess follows the exposure time. Seven or
eight in ten are right. How one quantity follows another is told by the Theil-Sen slope [1]_, the median of the slopes
between pairs of frames.

References
----------
.. [1] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63 (1968) 1379,
   doi:10.1080/01621459.1968.10480934.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.tally import Outliers
from sensormap.detect.votes import FEWEST_VOTES
from sensormap.diagnose.behaviour import BLACK_SHARE
from sensormap.frame import WHITE
from sensormap.maps.entries import DefectKind
from sensormap.score.scores import SCORES_PER_SIGMA
from sensormap.settings import FULL_SCALE

# How sure a kind is: its values follow its law; they fit it as well as another; they are too few to tell.
_SURE, _LIKELY, _UNSURE = 0.9, 0.6, 0.4

_FEWEST_SURE = 4  # frames that show one value before it is surely one

# A value is one and the same when its central 80 % stay within this many DN, or this share of itself (the steps of
# a quantised raw format, and read noise).
_CONSTANT_DN, _CONSTANT_SHARE = 2.0, 0.01

# Share of saturation from which a value may be clipped.
_SATURATED_SHARE = 0.98

# A weak photosite keeps its proportion to the surroundings: the central 60 % of it stay within so much.
_PROPORTION = 0.2

# Slopes on log(shutter time) take shutter times so far apart, as a ratio; and so many pairs of frames tell a slope.
_SLOPE_SPAN, _FEWEST_PAIRS = 4.0, 3

# Chance that a frame which shows the defect was exposed longer than one that does not, from which the defect is hot.
_HOT_ORDER = 0.8

# Frames exposed this many times longer than the median one tell dark current from an offset.
_LONG_RATIO = 8.0

# A defect that jumps from photo to photo is absent from a good part of its frames and leaves a gap: far more frames
# without it than frames that barely show it.
_NOISY_SHARE, _BARELY_SIGMA, _GAP_RATIO = 0.85, 6.0, 3.0

# In JPEGs: nearly all outlying scores of one sign.
_ONE_SIGN = 0.9

# A dead photosite shows at most so much of the light around it, a stuck one follows its changes by at most so much.
_DEAD_SHARE, _STUCK_SLOPE = 0.2, 0.25

# Where a stuck photosite is above all its surroundings its central values lie within this share of their median.
_STUCK_SHARE = 0.35

# Less light than so many DN of 12 bits is too little to tell a share of: 1 % of white.
_DARK = 40.0

# Light that differs by less than this share of the brightest tells no slope.
_APART = 0.3


@dataclass(frozen=True)
class ExposureSettings:
    """Exposure settings of all frames, by frame number; numbers ascend in order of capture.

    Parameters
    ----------
    gain
        ISO over 100, ``(n,)``; NaN where EXIF does not tell.
    shutter_s
        Shutter time in seconds, ``(n,)``; NaN where EXIF does not tell.
    used
        Whether the frame was tallied, ``(n,)``.
    saturation
        DN at which a photosite clips, black subtracted.
    """

    gain: NDArray[np.float64]
    shutter_s: NDArray[np.float64]
    used: NDArray[np.bool_]
    saturation: int


@dataclass(frozen=True)
class _HotLimits:
    """What makes a bright candidate hot: either of these.

    Parameters
    ----------
    slope
        Least slope of log(residual / gain) on log(shutter time): it is 0 for an offset, 1 for dark current, between for
        both.
    long_excess
        Least multiple of their usual excess that much longer exposures show.
    """

    slope: float
    long_excess: float


_RAW_LIMITS = _HotLimits(0.3, 1.3)

# Tone curves raise or lower an excess by up to 3 between shadows and midtones.
_JPEG_LIMITS = _HotLimits(0.5, 3.0)


def classify(outliers: Outliers, settings: ExposureSettings, *, bright: bool) -> tuple[DefectKind, float]:
    """Name the kind of one candidate of raw photos, and how sure that is.

    Parameters
    ----------
    outliers
        The candidate's outlying scores, in order of capture; may be empty where only its mean stands out.
    settings
        Exposure settings of all frames.
    bright
        Whether its mean score is positive: decides where there are too few outliers to tell.

    Returns
    -------
    kind, confidence
        Confidence is 0.9 where the values follow the kind's law, 0.6 where they fit it as well as another, 0.4 where
        the outliers are too few to tell.
    """
    if len(outliers) < FEWEST_VOTES:
        return (DefectKind.OFFSET if bright else DefectKind.WEAK), _UNSURE
    constant = _constant_kind(outliers, settings)
    if constant is not None:
        return constant
    if int(outliers.score.astype(np.int64).sum()) < 0:
        return _dark_kind(outliers)
    return _bright_kind(outliers[outliers.score > 0], settings, _RAW_LIMITS)


def jpeg_kind(outliers: Outliers, settings: ExposureSettings, *, bright: bool) -> DefectKind:
    """Name the kind of one candidate of JPEGs, as far as they tell.

    Parameters
    ----------
    outliers
        The candidate's outlying scores, in order of capture, values from 0 to 255; may be empty where only its mean
        stands out.
    settings
        Exposure settings of all frames; their `saturation` is not used.
    bright
        Whether its mean score is positive: decides where there are too few outliers to tell.
    """
    if len(outliers) < FEWEST_VOTES:
        return DefectKind.OFFSET if bright else DefectKind.WEAK
    linear = _linear(outliers)
    value, level = linear.value.astype(np.float64), linear.level2 / 2
    above = float(np.mean(linear.score > 0))
    if above < 1 - _ONE_SIGN and float(np.median(value / np.maximum(level, 1))) < _DEAD_SHARE:
        return DefectKind.DEAD
    if above < _ONE_SIGN:
        slope = _theil_sen(level, value, apart=_APART * level.max())
        if slope is not None and slope < _STUCK_SLOPE:
            return DefectKind.STUCK
    else:
        low, middle, high = np.quantile(value, (0.1, 0.5, 0.9))
        if high - low <= _STUCK_SHARE * middle:
            return DefectKind.STUCK
    if int(linear.score.astype(np.int64).sum()) < 0:
        return DefectKind.WEAK
    return _bright_kind(linear[linear.score > 0], replace(settings, saturation=FULL_SCALE), _JPEG_LIMITS)[0]


def relative_effect(outliers: Outliers) -> float:
    """Return how much a photosite of JPEGs adds or lacks, as a share of the light around; 0 if too few frames show it.

    Parameters
    ----------
    outliers
        The photosite's outlying scores, values from 0 to 255.

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


def _constant_kind(outliers: Outliers, settings: ExposureSettings) -> tuple[DefectKind, float] | None:
    """Return dead, stuck or hot when the candidate shows one value whatever its surroundings; else None."""
    if not _is_constant(outliers.value):
        return None
    value = float(np.median(outliers.value))
    surroundings_vary = not _is_constant(outliers.level2 // 2)
    confidence = _SURE if surroundings_vary and len(outliers) >= _FEWEST_SURE else _LIKELY
    if value <= max(_CONSTANT_DN, BLACK_SHARE * settings.saturation):
        return DefectKind.DEAD, confidence
    if value >= _SATURATED_SHARE * settings.saturation and _longer_when_seen(outliers, settings) > _HOT_ORDER:
        return DefectKind.HOT, _SURE
    return DefectKind.STUCK, confidence


def _is_constant(values: NDArray[np.int32]) -> bool:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    return bool(high - low <= max(_CONSTANT_DN, _CONSTANT_SHARE * middle))


def _dark_kind(outliers: Outliers) -> tuple[DefectKind, float]:
    """Return weak, surely if the value keeps its proportion to the surroundings."""
    dark = outliers[outliers.score < 0]
    response = dark.value / np.maximum(dark.level2 / 2, 1)
    low, high = np.quantile(response, (0.2, 0.8))
    return DefectKind.WEAK, _SURE if high - low < _PROPORTION else _LIKELY


def _bright_kind(bright: Outliers, settings: ExposureSettings, limits: _HotLimits) -> tuple[DefectKind, float]:
    """Return hot, offset or noisy, from how the excess follows shutter time and in which frames it shows."""
    slope = _shutter_slope(bright, settings)
    order = _longer_when_seen(bright, settings)
    excess = _long_exposure_excess(bright, settings, limits.long_excess)
    if (slope is not None and slope > limits.slope) or (excess is not None and excess > limits.long_excess):
        return DefectKind.HOT, _SURE
    if order > _HOT_ORDER and excess is None:
        return DefectKind.HOT, _LIKELY
    if _comes_and_goes(bright, settings):
        return DefectKind.NOISY, _LIKELY
    return DefectKind.OFFSET, _LIKELY if excess is None else _SURE


def _shutter_slope(bright: Outliers, settings: ExposureSettings) -> float | None:
    """Return the slope of log(residual / gain) on log(shutter time); None where shutter times hardly vary."""
    unclipped = bright.value < _SATURATED_SHARE * settings.saturation
    frames = bright.frame[unclipped]
    residual = bright.value[unclipped] - bright.level2[unclipped] / 2
    x = np.log(settings.shutter_s[frames])
    y = np.log(np.maximum(residual, 0.5) / settings.gain[frames])
    known = np.isfinite(x) & np.isfinite(y)
    slope = _theil_sen(x[known], y[known], apart=np.log(_SLOPE_SPAN) / 2)
    return None if slope is None or np.ptp(x[known]) < np.log(_SLOPE_SPAN) else slope


def _longer_when_seen(outliers: Outliers, settings: ExposureSettings) -> float:
    """Return the chance that a frame with an outlier was exposed longer than a later frame without; 0.5 if unknown."""
    exposed = settings.shutter_s * settings.gain
    active = settings.used & np.isfinite(exposed)
    active[: outliers.frame.min()] = False
    seen = np.zeros(active.size, np.bool_)
    seen[outliers.frame] = True
    with_, without = exposed[seen & active], exposed[~seen & active]
    if min(with_.size, without.size) < 2:
        return 0.5
    return float(np.mean(with_[:, None] > without[None, :]))


def _long_exposure_excess(bright: Outliers, settings: ExposureSettings, telling: float) -> float | None:
    """Return the median excess over gain in the longest exposures over that in ordinary ones; None if either lacks.

    A clipped excess is a lower bound: it counts where it already is so many times the ordinary one as is `telling`, and
    says nothing otherwise.
    """
    level = (bright.value - bright.level2 / 2) / settings.gain[bright.frame]
    shutter_s = settings.shutter_s[bright.frame]
    known = np.isfinite(level) & np.isfinite(shutter_s)
    if not known.any():
        return None
    level, shutter_s = level[known], shutter_s[known]
    clipped = bright.value[known] >= _SATURATED_SHARE * settings.saturation
    long = shutter_s > _LONG_RATIO * float(np.median(shutter_s))
    ordinary = (shutter_s <= float(np.median(shutter_s))) & ~clipped
    if not long.any() or np.count_nonzero(ordinary) < 3:
        return None
    usual = float(np.median(level[ordinary]))
    counted = level[long & (~clipped | (level > telling * usual))]
    return float(np.median(counted)) / max(usual, 0.5) if counted.size else None


def _comes_and_goes(bright: Outliers, settings: ExposureSettings) -> bool:
    """Tell whether frames since the first that shows the defect either show it clearly or not at all."""
    active = np.count_nonzero(settings.used[bright.frame.min() :])
    barely = np.count_nonzero(bright.score < _BARELY_SIGMA * SCORES_PER_SIGMA)
    absent = active - len(bright)
    return bool(absent > (1 - _NOISY_SHARE) * active and absent > _GAP_RATIO * (barely + 1))


def _theil_sen(x: NDArray[np.float64], y: NDArray[np.float64], *, apart: float) -> float | None:
    """Return the slope of y on x, by pairs whose x differ by more than `apart`; None where these are too few."""
    i, j = np.triu_indices(x.size, 1)
    pairs = np.abs(x[i] - x[j]) > apart
    if np.count_nonzero(pairs) < _FEWEST_PAIRS:
        return None
    return float(np.median((y[i] - y[j])[pairs] / (x[i] - x[j])[pairs]))


def _linear(outliers: Outliers) -> Outliers:
    """Return outliers with values and levels proportional to light, about."""
    value, level2 = _LIGHT[outliers.value], 2 * _LIGHT[(outliers.level2 // 2).clip(0, WHITE)]  # borders are continued
    return Outliers(outliers.frame, outliers.index, outliers.score, value, level2)


def _light_of_values() -> NDArray[np.int32]:
    """Return the light that each value of a JPEG stands for, about, in DN of 12 bits: the curve is taken as sRGB's."""
    code = np.arange(WHITE + 1) / WHITE
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.rint(FULL_SCALE * light), np.int32)


_LIGHT = _light_of_values()
