"""Series: what each candidate showed in each frame, beside its neighbours; and how often healthy ones are odd.

A residual over its noise is nearly normal where the surroundings are flat, and has heavy tails where they are not: an
edge or a point of light can fall on any photosite. What noise did not make is called odd. How often it occurs is
measured on photosites drawn at random, the controls, by classes of texture; nothing is assumed about the scenes.

All followed photosites in all followed frames are kept as windows, in a few bytes each. Series take nine times as much
memory, so that a few hundred are made at a time: a run of 256 followed frames then needs hardly more than one of 60.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.score.medians import SIGMA_PER_MAD
from sensormap.score.noise import MEDIAN_VARIANCE, residual_variance
from sensormap.settings import DARK_SPREAD

LOT = 256
"""Photosites whose series are made at a time."""

_LOT_FRAMES = 64  # frames up to which so many are

ONE_TIME = 1.5
"""Shutter times within this ratio are one: they do not separate a dark current from an offset."""

ODD_WIDTH = 2.0
"""Width of the distribution of odd residuals in sigma of the noise: Student's t with three degrees of freedom. Of
180 000 residuals of photographed scenes, the share beyond 3.5 to 12 sigma follows it within a factor of two in every
class of texture.
"""

# Residuals beyond so many sigma are counted as odd, and are this share of all odd ones.
_ODD_SIGMA, _ODD_BEYOND = 4.0, 0.1393

_MOST_ODD, _FEWEST_ODD = 0.5, 1e-4  # of residuals: no class of texture is without odd ones, and none is nothing but odd

# Residuals in the corners of the active area scatter up to so many times as far.
_CORNER = 3.0

# Healthy responses spread at least so much: fewer frames than dozens cannot show it.
_LEAST_RESPONSE_SPREAD = 0.005

_FEWEST_LIT = 10  # controls with any light, without which nothing is told of their response

# Upper ends of the classes of texture, as quantiles of the controls.
_TEXTURE_CLASSES = (0.25, 0.5, 0.7, 0.85, 0.95, 1.0)


@dataclass(frozen=True)
class Conditions:
    """The circumstances of the followed frames, in order of capture; arrays of one length n.

    Parameters
    ----------
    number
        Frame numbers, ascending.
    gain
        ISO over 100; NaN where unknown. If no frame's ISO is known all are 1, and strengths refer to that gain.
    shutter_s
        Shutter time in seconds; NaN where unknown.
    filtered
        Whether the camera filtered the frame, which then says nothing about bright defects.
    saturation, floor
        Highest and lowest DN that a photosite can have, black subtracted.
    step
        Step between values, DN: 1, or more where fewer bits are stored in more.
    warmth
        How many times as large dark currents are as at the reference temperature; 1 where temperatures are unknown.
    dark_spread
        Share of itself by which a dark current varies beyond that.
    """

    number: NDArray[np.int64]
    gain: NDArray[np.float64]
    shutter_s: NDArray[np.float64]
    filtered: NDArray[np.bool_]
    saturation: NDArray[np.float64]
    floor: NDArray[np.float64]
    step: NDArray[np.float64] | float = 1.0
    warmth: NDArray[np.float64] | float = 1.0
    dark_spread: float = DARK_SPREAD

    @property
    def dark_s(self) -> NDArray[np.float64]:
        """Time in which the reference temperature would make the same dark signal, seconds."""
        return self.shutter_s * self.warmth


@dataclass(frozen=True)
class Series:
    """What N photosites showed in n frames; arrays of shape ``(N, n)``.

    Parameters
    ----------
    value
        DN, black subtracted.
    level, spread
        Median and mid-spread of the eight same-colour neighbours, DN.
    variance
        Variance of a healthy photosite's residual, by the frame's own noise, DN squared.
    photon
        Variance that each further DN of signal adds, DN.
    odd
        Probability that a residual has another cause than noise, mostly texture.
    known
        Whether the frame counts for the photosite at all.
    """

    value: NDArray[np.float64]
    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    variance: NDArray[np.float64]
    photon: NDArray[np.float64]
    odd: NDArray[np.float64]
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Series:
        return Series(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class FollowedWindows:
    """What N photosites showed in n frames, kept small; ``windows[rows]`` are the series of some of them.

    Parameters
    ----------
    windows
        As for `make_series`, ``(3, N, n)``, int16 or int32.
    phase
        Number of each photosite's plane, ``(N,)``.
    noise
        Coefficients of the noise by frame and plane, ``(n, planes, 4)``.
    photon
        Variance that each DN of signal adds in each frame, ``(n,)``.
    corner
        Whether each lies in a corner of the active area, ``(N,)``.
    known
        Mask of the values that count, ``(N, n)``.
    odd_shares
        Shares of odd residuals of healthy photosites; None while it is not measured.
    """

    windows: NDArray[np.int16] | NDArray[np.int32]
    phase: NDArray[np.intp]
    noise: NDArray[np.float64]
    photon: NDArray[np.float64]
    corner: NDArray[np.bool_]
    known: NDArray[np.bool_]
    odd_shares: OddShares | None = None

    def __len__(self) -> int:
        return self.phase.size

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Series:
        coefficients = self.noise[:, self.phase[rows]].transpose(1, 0, 2)
        series = make_series(
            self.windows[:, rows], coefficients, self.photon, corner=self.corner[rows], known=self.known[rows]
        )
        return series if self.odd_shares is None else self.odd_shares.of(series)

    def part(self, rows: slice) -> FollowedWindows:
        """Return some of the photosites as windows, which are not copied."""
        return replace(
            self,
            windows=self.windows[:, rows],
            phase=self.phase[rows],
            corner=self.corner[rows],
            known=self.known[rows],
        )

    def lots(self) -> list[slice]:
        """Return the photosites in lots of at most `LOT`, and of fewer in many frames: a lot takes the same memory."""
        size = min(max(LOT * _LOT_FRAMES // self.known.shape[1], 1), LOT)
        return [slice(start, start + size) for start in range(0, len(self), size)]


@dataclass(frozen=True)
class OddShares:
    """How often residuals of healthy photosites are odd.

    Parameters
    ----------
    texture
        Typical texture of each class, ascending: mid-spread of the neighbours over the noise.
    share
        Share of odd residuals in each class.
    """

    texture: NDArray[np.float64]
    share: NDArray[np.float64]

    def of(self, series: Series) -> Series:
        """Return series with their `odd` filled in, between the classes by logarithms."""
        share = np.exp(np.interp(series.spread / np.sqrt(series.variance), self.texture, np.log(self.share)))
        return replace(series, odd=share)


def make_series(
    windows: NDArray[np.int16] | NDArray[np.int32],
    coefficients: NDArray[np.float64],
    photon: NDArray[np.float64],
    *,
    corner: NDArray[np.bool_] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> Series:
    """Return series of photosites whose residuals are hardly ever odd, until `OddShares.of` tells more.

    Parameters
    ----------
    windows
        Value, twice the neighbours' median and twice their mid-spread, DN: shape ``(3, N, n)``.
    coefficients
        Coefficients of the noise of each photosite's plane in each frame, as in `Noise`: shape ``(N, n, 4)``.
    photon
        Variance that each DN of signal adds in each frame, from `photon_noise`: shape ``(n,)``.
    corner
        Mask of the photosites in a corner of the active area, ``(N,)``: most of their neighbours are continued lines,
        and residuals there scatter up to three times as far. None means none does.
    known
        Mask of the values that count, ``(N, n)``; None means all.
    """
    value, level2, spread2 = (part.astype(np.float64) for part in windows)
    level, spread = level2 / 2, spread2 / 2
    wider = np.ones((value.shape[0], 1)) if corner is None else np.where(corner, _CORNER**2, 1.0)[:, None]
    return Series(
        value=value,
        level=level,
        spread=spread,
        variance=wider * residual_variance(coefficients, level, spread),
        photon=np.broadcast_to(photon, value.shape).copy(),
        odd=np.full(value.shape, _FEWEST_ODD),
        known=np.ones(value.shape, np.bool_) if known is None else known,
    )


def photon_noise(coefficients: NDArray[np.float64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance that each DN of signal adds in each frame, DN, shape ``(n,)``.

    Parameters
    ----------
    coefficients
        Coefficients of the noise of every plane, as in `Noise`: shape ``(n, step, step, 4)``.
    gain
        ISO over 100 of each frame, NaN where unknown: shape ``(n,)``.

    Notes
    -----
    It is one constant of the camera times the gain: single frames hardly tell it from texture, all of them together do.
    A residual has the noise of the neighbours' median too, which for eight is a fifth more.
    """
    each = coefficients[..., 1].reshape(coefficients.shape[0], -1) / 2 / (1 + MEDIAN_VARIANCE)
    known = np.isfinite(gain)
    if not known.any():
        return np.asarray(np.median(each, axis=1), np.float64)
    constant = float(np.median(each[known] / gain[known, None]))
    return np.where(known, constant * np.where(known, gain, 0), np.median(each, axis=1))


def measure_odd_shares(controls: Series, conditions: Conditions) -> OddShares:
    """Return how often the controls' residuals are odd, by texture.

    Parameters
    ----------
    controls
        Photosites drawn at random; the few defective ones among them do not matter.
    conditions
        Circumstances of the frames.

    Notes
    -----
    Counted are residuals beyond 4 sigma, which noise hardly makes. The shares ascend: more texture never
    means fewer odd residuals.
    """
    clear = controls.known & (controls.level > conditions.floor) & (controls.level < conditions.saturation)
    sigma = np.sqrt(controls.variance)
    texture = (controls.spread / sigma)[clear]
    beyond = (np.abs(controls.value - controls.level) > _ODD_SIGMA * sigma)[clear]
    if not texture.size:
        return OddShares(np.zeros(1), np.full(1, _FEWEST_ODD))
    edges = np.quantile(texture, _TEXTURE_CLASSES)
    members = np.searchsorted(edges, texture, "left")
    count = np.bincount(members, minlength=len(edges))
    odd = np.bincount(members, weights=beyond, minlength=len(edges))
    middle = np.array([np.median(texture[members == i]) if count[i] else edges[i] for i in range(len(edges))])
    # An empty class has no share of its own: 0 makes it take that of the class before, as shares ascend below.
    share = np.where(count, (odd + 1) / (count + 2), 0) / _ODD_BEYOND
    return OddShares(middle, np.clip(np.maximum.accumulate(share), _FEWEST_ODD, _MOST_ODD))


def measure_response_spread(
    controls: Series, conditions: Conditions, *, least: float = _LEAST_RESPONSE_SPREAD
) -> float:
    """Return the robust standard deviation of healthy responses about their neighbours', as a share.

    Parameters
    ----------
    controls
        Photosites drawn at random, their `odd` filled in.
    conditions
        Circumstances of the frames.
    least
        What it is at least.

    Notes
    -----
    It is the spread, over the controls, of the weighted mean of residual over level, less what noise alone makes of it.
    """
    clear = controls.known & (controls.level < conditions.saturation) & (controls.level > conditions.floor)
    near = np.abs(controls.value - controls.level) < _ODD_SIGMA * np.sqrt(controls.variance)
    weight = np.where(clear & near, np.maximum(controls.level, 0) ** 2 / controls.variance, 0)
    total = weight.sum(axis=1)
    lit = total > 0
    if np.count_nonzero(lit) < _FEWEST_LIT:
        return least
    relative = np.where(controls.level > 0, (controls.value - controls.level) / np.maximum(controls.level, 1), 0)
    response = (weight * relative).sum(axis=1)[lit] / total[lit]
    spread = SIGMA_PER_MAD * float(np.median(np.abs(response - np.median(response))))
    noise = float(np.median(1 / total[lit]))
    return max(float(np.sqrt(max(spread**2 - noise, 0))), least)
