"""The arithmetic of fitting a frame's noise: neighbours of sampled rows, orders, spreads, and a compiled small fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.kernels import Mosaic, middle_rows, work_rows

# A column that the ones before it explain but for this share of its length is left out of a fit.
_DEPENDENT = 1e-13
# Share of a normal distribution within one standard deviation.
_ONE_SIGMA = 0.6827


def neighbours_of_rows(
    padded: Mosaic, rows: NDArray[np.int64], step: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return value, twice the median and twice the mid-spread of the eight same-colour neighbours, each ``(rows, W)``.

    In DN and doubled DN, in the types of `kernels.work_rows`; `rows` count in the unpadded frame.
    """
    width = padded.shape[1] - 2 * step
    level2, spread2, _ = work_rows(padded, step, len(rows))
    # A call for every row, not a kernel of all: this one is compiled for the tally in any case.
    for i, row in enumerate(rows.tolist()):
        middle_rows(padded, row, 1, step, level2[i : i + 1], spread2[i : i + 1])
    return padded[rows + step][:, step : step + width], level2, spread2


def stable_order(doubled: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the places of non-negative doubled values in order of whole DN, up to 65 535, along the last axis.

    Places count through the flattened array. That is ``np.argsort(whole, kind="stable")`` in half its time: each
    number is sorted with its place as its last bits.
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


def robust_spread(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the half-width that holds 68.3 % of the values around their median, along the last axis.

    What ``np.median`` and ``np.quantile`` make of it by default, in a fifth of their time: they select, and NumPy sorts
    all faster than it selects two.
    """
    size = values.shape[-1]
    ordered = np.sort(values, axis=-1)
    centre = (ordered[..., (size - 1) // 2] + ordered[..., size // 2]) / 2
    distance = np.abs(values - centre[..., None])
    distance.sort(axis=-1)
    place = _ONE_SIGMA * (size - 1)
    low = int(place)
    below, above = distance[..., low], distance[..., min(low + 1, size - 1)]
    return np.asarray(below + (place - low) * (above.astype(np.float64) - below))


@compiled
def _least_squares(
    columns: NDArray[np.float64], work: NDArray[np.float64], upper: NDArray[np.float64], fit: NDArray[np.float64]
) -> None:
    """Fill the coefficients of the first rows of `columns` that make up the last; `work` and `upper` are scratch.

    Modified Gram-Schmidt, with the target as one more vector: what it has in common with each of the others is the
    right-hand side. A vector of zeros, or one that those before it explain, is given an infinite length: dividing by
    it makes the vector zero, and its coefficient.
    """
    count, size = fit.shape[0], columns.shape[1]
    for i in range(count + 1):
        before = 0.0
        for j in range(size):
            work[i, j] = columns[i, j]
            before += columns[i, j] * columns[i, j]
        for k in range(i + 1):
            product = 0.0
            for j in range(size):
                product += work[k, j] * work[i, j]
            upper[k, i] = product
            if k < i:
                for j in range(size):
                    work[i, j] -= product * work[k, j]
        length = math.sqrt(upper[i, i])
        if length <= _DEPENDENT * math.sqrt(before):
            length = math.inf
        upper[i, i] = length
        for j in range(size):
            work[i, j] /= length
    for i in range(count - 1, -1, -1):
        fit[i] = upper[i, count]
        for k in range(i + 1, count):
            fit[i] -= upper[i, k] * fit[k]
        fit[i] /= upper[i, i]


def non_negative_fit(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return least-squares coefficients of terms, dropping the one with the most negative until none is.

    `columns`, shape ``(terms + 1, values)``, holds the terms and, as the last row, what they are to make up; it is
    used up.
    """
    count = len(columns) - 1
    work, upper, fit = np.empty_like(columns), np.empty((count + 1, count + 1)), np.empty(count)
    while True:
        _least_squares(columns, work, upper, fit)
        worst = int(fit.argmin())
        if not fit[worst] < 0:
            return fit
        columns[worst] = 0


def fit_classes(weighted: NDArray[np.float64], reweightings: int) -> NDArray[np.float64]:
    """Return the coefficients of the variance of classes, each term's mean over the class's variance in `weighted`.

    Relative squares alone prefer too small a variance; with weights from the geometric mean of fit and data a factor
    too much counts like a factor too little.
    """
    size = np.maximum(weighted.max(axis=1), 1e-30)
    terms = weighted / size[:, None]
    columns, fit = np.ones((len(terms) + 1, terms.shape[1])), np.zeros(len(terms))
    weight = columns[-1]
    for _ in range(reweightings):
        np.multiply(terms, weight, out=columns[:-1])
        fit = non_negative_fit(columns) / size
        weight[:] = 1 / np.sqrt(np.maximum(np.add.reduce(fit[:, None] * weighted), 1e-3))
    return fit
