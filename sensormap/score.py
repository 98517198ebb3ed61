"""Scores: how far each photosite lies from its same-colour neighbours, in units of the frame's own noise.

The residual of a photosite is its value less the median of its eight same-colour neighbours.  Its noise is

    variance = c0 + c1 * level + c2 * level ** 2 + c3 * spread ** 2

with `level` the neighbours' median and `spread` their mid-spread: read noise, photon noise, the spread of response
between healthy photosites, and texture.  The four coefficients are fitted for every plane of every frame from
photosites of that frame, so no camera constants are needed, and scaled so that the scores' robust spread is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sensormap.frame import NARROW
from sensormap.kernels import Mosaic, score_band
from sensormap.noise_kernels import fit_classes, neighbours_of_rows, robust_spread, stable_order

SCORES_PER_SIGMA = 8
"""Scores are stored as integers, in eighths of the noise."""

SCORE_LIMIT = 8 * SCORES_PER_SIGMA
"""Scores are clipped at 8 sigma: beyond that a frame can only say "yes"."""

SIGMA_PER_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

# 24 rows and every sixth column of a plane are some 8 000 photosites on a D80: the fitted spread is good to 1 or 2 %.
_SAMPLED_ROWS, _SAMPLED_COLUMN = 24, 6
# Small frames are sampled more densely.
_DENSE_WIDTH = 1024
_LEVEL_CLASSES, _SPREAD_CLASSES = 6, 4
_REWEIGHTINGS = 4
# Below this a plane is all but black or saturated, and the whole sample says as much as its rest.
_FEWEST_SAMPLES = 1000
# Rounding to whole DN alone has a variance of 1/12; coefficients are in doubled DN.
_ROUNDING_VARIANCE2 = 4 / 12
# Coefficients are rounded to this many significant bits so that the last bits of a library's sums do not matter.
_COEFFICIENT_BITS = 12


@dataclass(frozen=True)
class Noise:
    """The noise of one frame.

    Parameters
    ----------
    coefficients
        ``c0 .. c3`` of each plane in doubled DN, shape ``(step, step, 4)`` by row and column phase.
    spread
        Robust spread of each plane's scores before they were scaled to 1: near 1 where the model fits.
    outlying
        Share of the sampled photosites whose score is beyond 3.5 sigma.
    """

    coefficients: NDArray[np.float32]
    spread: NDArray[np.float64]
    outlying: float

    def rows(self, width: int) -> NDArray[np.float32]:
        """Return the coefficients laid out along rows, shape ``(step, 4, width)``."""
        step = self.coefficients.shape[0]
        repeated = np.tile(self.coefficients, (1, -(-width // step), 1))[:, :width]
        return np.ascontiguousarray(repeated.transpose(0, 2, 1))


def pad(active: Mosaic, step: int, out: Mosaic | None = None) -> Mosaic:
    """Return the active area with `step` more rows and columns around it, each plane continued in a straight line.

    Parameters
    ----------
    active
        The active area, at least three steps a side.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    out
        Where to put it, as an earlier call for an area of the same size and type returned it; new memory if None.

    Raises
    ------
    ValueError
        If the area is smaller.

    Notes
    -----
    Beyond the edge a value is twice the outermost one less the next inside, so that a gradient of the scene does not
    make the edge stand out. Copies would: mirrored ones all come from one side, and repeat neighbours, so that a single
    defect beside a corner is half of them.
    """
    height, width = active.shape
    if min(height, width) < 3 * step:
        msg = f"an active area of {width} x {height} photosites is too small: at least {3 * step} a side"
        raise ValueError(msg)
    shape = (height + 2 * step, width + 2 * step)
    fits = out is not None and out.shape == shape and out.dtype == active.dtype
    padded = out if out is not None and fits else np.empty(shape, active.dtype)
    padded[step:-step, step:-step] = active
    inner = padded[:, step:-step]
    inner[:step] = _continued(inner[step : 2 * step], inner[2 * step : 3 * step])
    inner[-step:] = _continued(inner[-2 * step : -step], inner[-3 * step : -2 * step])
    padded[:, :step] = _continued(padded[:, step : 2 * step], padded[:, 2 * step : 3 * step])
    padded[:, -step:] = _continued(padded[:, -2 * step : -step], padded[:, -3 * step : -2 * step])
    # A defect in a corner would continue into three of its own neighbours: those take other photosites' lines.
    own, other = slice(step, 2 * step), slice(3 * step, 4 * step)
    beyond = slice(0, step)
    for corner in (padded, padded[::-1], padded[:, ::-1], padded[::-1, ::-1]):
        corner[beyond, own] = corner[beyond, other]
        corner[own, beyond] = corner[other, beyond]
        corner[beyond, beyond] = corner[other, other]
    return cast("Mosaic", padded)


def _continued(outermost: Mosaic, inside: Mosaic) -> Mosaic:
    """Return what lies one step beyond `outermost` on a straight line from `inside`, within what the type may hold."""
    most = NARROW if outermost.dtype == np.int16 else np.iinfo(outermost.dtype).max // 2
    line = 2 * outermost.astype(np.int64) - inside
    return cast("Mosaic", np.clip(line, -most, most).astype(outermost.dtype))


def fit_noise(padded: Mosaic, step: int, *, clipping: tuple[int, int]) -> Noise:
    """Fit the noise of every plane of one frame from a sample of its rows.

    Parameters
    ----------
    padded
        Active area as `pad` returns it, in DN.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.

    Notes
    -----
    Photosites whose surroundings are clipped, at black or at saturation, have no noise and are left out. The rest are
    sorted into classes of like level and like spread; the robust variance of the residuals in each class (68.3 %
    quantile of their distance from the median, squared) is fitted by least squares without negative terms, with
    weights that make a factor too much count like a factor too little. The spread term keeps texture from looking like
    defects, at the price of sensitivity there.
    """
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    coefficients = np.empty((step, step, 4), np.float32)
    spread, outlying = np.empty((step, step)), np.empty((step, step))
    stride = step * (_SAMPLED_COLUMN if width >= _DENSE_WIDTH else 1)
    for row_phase in range(step):
        last = (height - 1 - row_phase) // step
        rows = row_phase + step * np.linspace(0, last, min(_SAMPLED_ROWS, last + 1), dtype=np.int64)
        around = neighbours_of_rows(padded, rows, step)
        for col_phase in range(step):
            sample = [values[:, col_phase::stride].astype(np.float32).ravel() for values in around]
            open_ = (sample[1] > 2 * clipping[0]) & (sample[1] < 2 * clipping[1])
            if _FEWEST_SAMPLES <= np.count_nonzero(open_) < open_.size:
                sample = [values[open_] for values in sample]
            fitted = _fit_plane(*sample)
            coefficients[row_phase, col_phase], spread[row_phase, col_phase], outlying[row_phase, col_phase] = fitted
    return Noise(coefficients, spread, float(outlying.mean()))


def _fit_plane(
    value: NDArray[np.float32], level2: NDArray[np.float32], spread2: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float, float]:
    """Return one plane's coefficients, the spread of its scores under the unscaled fit, and its share of outliers."""
    residual2 = 2 * value - level2
    terms = np.ones((4, level2.size), np.float32)
    level2 = np.maximum(level2, 0, out=terms[1])
    np.multiply(level2, level2, out=terms[2])
    np.multiply(spread2, spread2, out=terms[3])
    classes = _classes(level2, spread2)
    variance = np.maximum(robust_spread(residual2[classes]) ** 2, _ROUNDING_VARIANCE2)
    fit = fit_classes(_class_means(level2, spread2, classes) / variance, _REWEIGHTINGS)
    fit[0] = max(fit[0], _ROUNDING_VARIANCE2)
    score = residual2 / np.sqrt(fit.astype(np.float32) @ terms)
    spread = float(robust_spread(score))
    scale = max(spread, 0.5)  # a plane clipped at black has no spread of its own: never blow it up
    outlying = np.count_nonzero(np.abs(score) > 3.5 * scale) / score.size
    return _round_bits(fit * scale**2), spread, outlying


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


def scores(padded: Mosaic, noise: Noise) -> NDArray[np.int8]:
    """Return every photosite's score in eighths of sigma, shape ``(H, W)``, clipped at 8 sigma."""
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    result = np.empty((height, width), np.int8)
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    score_band(padded, 0, height, step, unit, SCORE_LIMIT, result)
    return result


def scores_slowly(padded: Mosaic, noise: Noise) -> NDArray[np.int8]:
    """Return what `scores` returns, by sorting the eight neighbours: the reference that tests compare with."""
    step = noise.coefficients.shape[0]
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    shifts = [(i, j) for i in (0, step, 2 * step) for j in (0, step, 2 * step)]
    centre = shifts.pop(4)
    cut = [padded[i : i + height, j : j + width].astype(np.float32) for i, j in shifts]
    ordered = np.sort(np.stack(cut), axis=0)
    level2 = ordered[3] + ordered[4]
    spread2 = (ordered[5] + ordered[6]) - (ordered[1] + ordered[2])
    value = padded[centre[0] : centre[0] + height, centre[1] : centre[1] + width].astype(np.float32)
    unit = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
    c0, c1, c2, c3 = unit[np.arange(height) % step].transpose(1, 0, 2)
    level = np.maximum(level2, np.float32(0))
    variance = c0 + c1 * level + c2 * level * level + c3 * spread2 * spread2
    score = (np.float32(2) * value - level2) / np.sqrt(variance)
    rounded: NDArray[np.float32] = np.rint(np.clip(score, -SCORE_LIMIT, SCORE_LIMIT))
    return rounded.astype(np.int8)
