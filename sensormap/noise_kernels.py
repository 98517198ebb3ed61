"""Compiled parts of fitting the noise of a frame: small fits, each of which costs less than a call from Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

# A column that the ones before it explain but for this share of its length is left out of a fit.
_DEPENDENT = 1e-13


@compiled
def _least_squares(terms: NDArray[np.float64], target: NDArray[np.float64], solution: NDArray[np.float64]) -> None:
    """Fill `solution` for the columns of `terms` by modified Gram-Schmidt; `terms` and `target` are used up."""
    count = terms.shape[1]
    upper = np.zeros((count, count))
    projection = np.zeros(count)
    for i in range(count):
        before = np.sqrt(np.sum(terms[:, i] ** 2))
        for j in range(i):
            upper[j, i] = np.sum(terms[:, j] * terms[:, i])
            terms[:, i] -= upper[j, i] * terms[:, j]
        length = np.sqrt(np.sum(terms[:, i] ** 2))
        if length <= _DEPENDENT * before:
            terms[:, i] = 0
            continue
        upper[i, i] = length
        terms[:, i] /= length
        projection[i] = np.sum(terms[:, i] * target)
        target -= projection[i] * terms[:, i]
    for i in range(count - 1, -1, -1):
        rest = projection[i]
        for j in range(i + 1, count):
            rest -= upper[i, j] * solution[j]
        solution[i] = rest / upper[i, i] if upper[i, i] > 0 else 0.0


@compiled
def non_negative_fit(terms: NDArray[np.float64], target: NDArray[np.float64], fit: NDArray[np.float64]) -> None:
    """Fill least-squares coefficients of the columns of `terms`, dropping the most negative one until none is."""
    kept = np.arange(terms.shape[1])
    fit[:] = 0
    while kept.size:
        solution = np.zeros(kept.size)
        _least_squares(np.ascontiguousarray(terms[:, kept]), target.copy(), solution)
        if solution.min() >= 0:
            for i in range(kept.size):
                fit[kept[i]] = solution[i]
            return
        worst = solution.argmin()
        kept = np.concatenate((kept[:worst], kept[worst + 1 :]))


@compiled
def fit_classes(weighted: NDArray[np.float64], reweightings: int, fit: NDArray[np.float64]) -> None:
    """Fill the coefficients of the variance of classes, each term's mean over the class's variance in `weighted`.

    Relative squares alone prefer too small a variance; with weights from the geometric mean of fit and data a factor
    too much counts like a factor too little.
    """
    count, classes = weighted.shape
    size = np.empty(count)
    for i in range(count):
        size[i] = max(weighted[i].max(), 1e-30)
    weight = np.ones(classes)
    terms = np.empty((classes, count))
    for _ in range(reweightings):
        for i in range(count):
            terms[:, i] = weighted[i] / size[i] * weight
        non_negative_fit(terms, weight, fit)
        fit /= size
        for j in range(classes):
            weight[j] = 1 / np.sqrt(max(np.sum(fit * weighted[:, j]), 1e-3))
