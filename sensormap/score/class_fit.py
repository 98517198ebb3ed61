"""Fits of the variance of classes of like photosites: least squares without negative terms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

# A term that the ones before it explain but for this share of its length is left out of a fit.
_DEPENDENT = 1e-13


def fit_classes(weighted: NDArray[np.float64], reweightings: int) -> NDArray[np.float64]:
    """Return the coefficients of the variance of classes.

    Parameters
    ----------
    weighted
        Each term's mean over the variance of the class: shape ``(terms, classes)``.
    reweightings
        Number of times that weights and coefficients are found in turn.

    Notes
    -----
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


def non_negative_fit(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return least-squares coefficients of terms, dropping the one with the most negative until none is.

    Parameters
    ----------
    columns
        The terms and, as the last row, what they are to make up: shape ``(terms + 1, values)``. Changed.
    """
    count = len(columns) - 1
    work, upper, fit = np.empty_like(columns), np.empty((count + 1, count + 1)), np.empty(count)
    while True:
        _least_squares(columns, work, upper, fit)
        worst = int(fit.argmin())
        if not fit[worst] < 0:
            return fit
        columns[worst] = 0


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
