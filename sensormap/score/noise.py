"""The noise of a frame, fitted from the frame itself: no camera constants are needed.

    variance = c0 + c1 * level + c2 * level ** 2 + c3 * spread ** 2

with `level` the median of the eight same-colour neighbours and `spread` their mid-spread: read noise, photon noise, the
spread of response between healthy photosites, and texture. The four coefficients are fitted for every plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa, Lattice, Plane, step_of
from sensormap.frame import Mosaic
from sensormap.score.class_fit import fit_classes
from sensormap.score.medians import robust_spread
from sensormap.score.neighbours import neighbours_of_rows, pad, unpadded_shape
from sensormap.settings import OUTLIER_SIGMA

# 24 rows and every sixth column of a plane are some 8 000 photosites on a D80: the fitted spread is good to 1 or 2 %.
_SAMPLED_ROWS, _SAMPLED_COLUMN = 24, 6

# Narrower frames are sampled in every column.
_DENSE_WIDTH = 1024

# Classes of like level, and of like spread within each: some 300 photosites a class give its spread to 5 %.
_LEVEL_CLASSES, _SPREAD_CLASSES = 6, 4

_REWEIGHTINGS = 4  # rounds after which weights and fit hardly change

# Below this a plane is all but black or saturated, and the whole sample says as much as its rest.
_FEWEST_SAMPLES = 1000

# Rounding to whole DN alone has a variance of 1/12; coefficients are in doubled DN.
_ROUNDING_VARIANCE2 = 4 / 12

COARSE_STEPS = 1024
"""Values are coarse where there are no more steps than this up to saturation, 10 bits: then noise may be below a step,
where quantiles tell 0 or a step and nothing between.
"""

# Coarse values whose robust spread is below so many steps, where it is 0, a half or one, have that of their squares
# instead, with residuals beyond so many steps cut to these.
_BELOW_STEPS, _CUT_STEPS = 1.25, 2.0

# A plane that is clipped at black has no spread of its own: its scores are never scaled up by more than twice.
_LEAST_SCALE = 0.5

# Coefficients are rounded to this many significant bits so that the last bits of a library's sums do not matter.
_COEFFICIENT_BITS = 12

MEDIAN_VARIANCE = 0.2
"""Variance of the median of eight values, as a share of one value's: noise is fitted to values less such medians."""


@dataclass(frozen=True)
class Noise:
    """The noise of one frame.

    Parameters
    ----------
    coefficients
        ``c0 .. c3`` of each plane in doubled DN, shape ``(step, step, 4)`` by row and column phase.
    spread
        Robust spread of each plane's scores before they were scaled to 1, ``(step, step)``: near 1 where the model
        fits.
    outlying
        Share of the sampled photosites whose score is beyond 3.5 sigma.
    cfa
        Filter pattern as read from the frame's corner where planes are not compared with their own; else None.
    """

    coefficients: NDArray[np.float32]
    spread: NDArray[np.float64]
    outlying: float
    cfa: Cfa | None = None

    @property
    def lattice(self) -> Lattice:
        """How same-colour photosites of the frame lie."""
        return self.cfa or int(self.coefficients.shape[0])

    def rows(self, width: int) -> NDArray[np.float32]:
        """Return the coefficients laid out along rows, shape ``(step, 4, width)``."""
        step = self.coefficients.shape[0]
        repeated = np.tile(self.coefficients, (1, -(-width // step), 1))[:, :width]
        return np.ascontiguousarray(repeated.transpose(0, 2, 1))

    def variance(
        self, places: NDArray[np.int64], level: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the variance of values less the median of their eight neighbours, DN squared, ``(N,)``.

        Parameters
        ----------
        places
            Rows and columns in the active area, ``(N, 2)``.
        level, spread
            Median and mid-spread of the neighbours, DN, ``(N,)``.
        """
        step = self.coefficients.shape[0]
        own = self.coefficients[places[:, 0] % step, places[:, 1] % step].astype(np.float64)
        return residual_variance(own, level, spread)

    def own_variance(self, places: NDArray[np.int64], level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of values themselves where the surroundings are flat, DN squared, ``(N,)``.

        Parameters
        ----------
        places, level
            As for `variance`.
        """
        return self.variance(places, level, np.zeros(len(places))) / (1 + MEDIAN_VARIANCE)


def residual_variance(
    coefficients: NDArray[np.float64], level: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the variance of values less the median of their eight neighbours, DN squared.

    Parameters
    ----------
    coefficients
        ``c0 .. c3`` of each value's plane, in doubled DN as in `Noise`: shape ``(..., 4)``.
    level, spread
        Median and mid-spread of the neighbours, DN: shape ``(...)``.

    Examples
    --------
    >>> float(residual_variance(np.array([8.0, 0.4, 0.0, 0.0]), np.array(100.0), np.array(0.0)))
    22.0
    """
    c0, c1, c2, c3 = np.moveaxis(coefficients, -1, 0)
    level2, spread2 = 2 * np.maximum(level, 0), 2 * spread
    return np.asarray((c0 + c1 * level2 + c2 * level2**2 + c3 * spread2**2) / 4, np.float64)


def fit_noise(padded: Mosaic, lattice: Lattice, *, clipping: tuple[int, int], quantised: bool = False) -> Noise:
    """Fit the noise of every plane of one frame from a sample of its rows.

    Parameters
    ----------
    padded
        Active area as `neighbours.pad` returns it, in DN.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the active area's corner.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.
    quantised
        Whether steps of the values count that are coarse: up to 10 bits, or so few in a file of more. Rounding to them
        has a variance of 1/12 of their square, and noise below a step shows by how often values step.

    Notes
    -----
    Photosites whose surroundings are clipped, at black or at saturation, have no noise and are left out. The rest are
    sorted into classes of like level and like spread; the robust variance of the residuals in each class (68.3 %
    quantile of their distance from the median, squared) is fitted by least squares without negative terms, with
    weights that make a factor too much count like a factor too little. The spread term keeps texture from looking like
    defects, at the price of sensitivity there.
    """
    step, cfa = step_of(lattice), lattice if isinstance(lattice, Cfa) and lattice.is_xtrans else None
    height, width = unpadded_shape(padded, step)
    coefficients = np.empty((step, step, 4), np.float32)
    spread, outlying = np.empty((step, step)), np.empty((step, step))
    stride = step * (_SAMPLED_COLUMN if width >= _DENSE_WIDTH else 1)
    coarse = value_step(padded[:: max(height // _SAMPLED_ROWS, 1)]) if quantised else 0
    coarse = coarse if coarse * COARSE_STEPS >= clipping[1] else 0
    around = []
    for row_phase in range(step):
        last = (height - 1 - row_phase) // step
        most = min(_SAMPLED_ROWS, -(-2 * _SAMPLED_ROWS // step))  # of more phases fewer rows each
        rows = row_phase + step * np.linspace(0, last, min(most, last + 1), dtype=np.int64)
        around.append(neighbours_of_rows(padded, rows, lattice))
    alike = cfa.classes if cfa else [[Plane("", row, col, step)] for row in range(step) for col in range(step)]
    for planes in alike:
        sample = [
            np.concatenate([around[one.row][i][:, one.col :: stride].ravel() for one in planes]).astype(np.float32)
            for i in range(3)
        ]
        open_ = (sample[1] > 2 * clipping[0]) & (sample[1] < 2 * clipping[1])
        if _FEWEST_SAMPLES <= np.count_nonzero(open_) < open_.size:
            sample = [values[open_] for values in sample]
        fitted = _fit_plane(*sample, coarse=coarse)
        for one in planes:
            at = one.row, one.col
            coefficients[at], spread[at], outlying[at] = fitted
    return Noise(coefficients, spread, float(outlying.mean()), cfa)


def value_step(values: NDArray[Any]) -> int:
    """Return the step between values: the largest number of which all their differences are multiples.

    Parameters
    ----------
    values
        Integers, of any shape, at least one.

    Returns
    -------
    int
        At least 1; 1 also where all values are the same.

    Examples
    --------
    >>> value_step(np.array([512, 256, 1280])), value_step(np.array([7, 7])), value_step(np.array([3, 5, 10]))
    (256, 1, 1)
    """
    flat = values.reshape(-1)
    for stride in (max(flat.size // _FEWEST_SAMPLES, 1), 1):  # nearly always the first few tell that it is 1
        part = flat[::stride].astype(np.int64)
        found = int(np.gcd.reduce(part - part[0]))
        if found == 1:
            break
    return max(found, 1)


def frame_noise(mosaic: NDArray[Any], lattice: Lattice, *, clipping: tuple[int, int]) -> Noise:
    """Fit the noise of a frame whose active area is not padded yet.

    Parameters
    ----------
    mosaic
        The active area, ``(H, W)``, in DN, of any integers that fit 32 bits.
    lattice, clipping
        As for `fit_noise`.

    Raises
    ------
    ValueError
        If the area is smaller than three steps a side.
    """
    narrow: Mosaic = mosaic if mosaic.dtype in (np.int16, np.int32) else mosaic.astype(np.int32)
    return fit_noise(pad(narrow, step_of(lattice)), lattice, clipping=clipping)


def stable_order(doubled: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the places of values in order of whole DN along the last axis; equal ones keep their order.

    Parameters
    ----------
    doubled
        Values in doubled DN, 0 to 131 071, of any shape.

    Returns
    -------
    ndarray of intp
        Places in the flattened array, in the shape of `doubled`.

    Notes
    -----
    That is ``np.argsort(whole, kind="stable")`` in half its time: numbers are sorted with their places as last bits.
    """
    bits = doubled.size.bit_length()
    wide = np.dtype(np.uint32 if bits <= 16 else np.uint64)
    keys: NDArray[Any] = np.minimum(doubled, 131_071).astype(wide)
    keys >>= 1
    keys <<= bits
    keys |= np.arange(doubled.size, dtype=wide).reshape(doubled.shape)
    keys.sort(axis=-1)
    keys &= (1 << bits) - 1
    return keys.astype(np.intp)


def _fit_plane(
    value: NDArray[np.float32], level2: NDArray[np.float32], spread2: NDArray[np.float32], *, coarse: int = 0
) -> tuple[NDArray[np.float32], float, float]:
    """Return one plane's coefficients, the spread of its scores under the unscaled fit, and its share of outliers.

    `coarse` is the step between values, 0 where they are fine enough.
    """
    residual2 = 2 * value - level2
    terms = np.ones((4, level2.size), np.float32)
    level2 = np.maximum(level2, 0, out=terms[1])
    np.multiply(level2, level2, out=terms[2])
    np.multiply(spread2, spread2, out=terms[3])
    classes = _classes(level2, spread2)
    rounding = np.float32(_ROUNDING_VARIANCE2 * max(coarse, 1) ** 2)
    variance = np.maximum(robust_spread(residual2[classes]) ** 2, rounding)
    below = coarse > 0 and variance < (2 * _BELOW_STEPS * coarse) ** 2
    if np.any(below):
        cut = np.maximum(_cut_variance(residual2[classes], coarse), rounding)
        variance = np.where(below, cut, variance)
    fit = fit_classes(_class_means(level2, spread2, classes) / variance, _REWEIGHTINGS)
    fit[0] = max(fit[0], rounding)
    score = residual2 / np.sqrt(fit.astype(np.float32) @ terms)
    spread = float(robust_spread(score))
    # Of steps the quantile of the scores says as little as that of the residuals.
    scale = 1.0 if np.any(below) else max(spread, _LEAST_SCALE)
    outlying = np.count_nonzero(np.abs(score) > OUTLIER_SIGMA * scale) / score.size
    return _round_bits(fit * scale**2), spread, outlying


def _cut_variance(residual2: NDArray[np.float32], coarse: int) -> NDArray[np.float32]:
    """Return the mean square of each class's residuals about their median, those beyond a few steps cut."""
    limit = np.float32(2 * _CUT_STEPS * coarse)
    away = np.clip(residual2 - np.median(residual2, axis=1, keepdims=True), -limit, limit)
    # Sums of whole numbers, exact in float64 in any order.
    return np.asarray(np.mean(away.astype(np.float64) ** 2, axis=1), np.float32)


def _classes(level2: NDArray[np.float32], spread2: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the sample's indices in classes of like level and like spread, shape ``(classes, members)``."""
    members = max(level2.size // (_LEVEL_CLASSES * _SPREAD_CLASSES), 1)
    levels = min(_LEVEL_CLASSES, level2.size // members)
    spreads = min(_SPREAD_CLASSES, level2.size // members // levels)
    order = stable_order(level2)[: levels * spreads * members]
    inner = stable_order(spread2[order].reshape(levels, -1))
    return np.asarray(order[inner].reshape(levels * spreads, members))


def _class_means(
    level2: NDArray[np.float32], spread2: NDArray[np.float32], classes: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return each class's mean of 1, level, its square and the square of spread, shape ``(4, classes)``."""
    # Along the first axis NumPy adds one after another: the last bits of the sums are the same on every machine.
    members = np.ascontiguousarray(classes.T)
    level, spread = level2[members], spread2[members]
    sums = np.add.reduce(np.concatenate((level, level * level, spread * spread), axis=1), axis=0)
    means = np.ones((4, len(classes)))
    means[1:] = (sums / np.float32(len(members))).reshape(3, -1)
    return means


def _round_bits(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round to `_COEFFICIENT_BITS` significant bits."""
    mantissa, exponent = np.frexp(values)
    whole = np.rint(np.ldexp(mantissa, _COEFFICIENT_BITS))
    rounded: NDArray[np.float64] = np.ldexp(whole, exponent - _COEFFICIENT_BITS)
    return rounded.astype(np.float32)
