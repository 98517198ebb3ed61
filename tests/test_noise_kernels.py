"""The compiled fits of a frame's noise against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from sensormap.noise_kernels import fit_classes, non_negative_fit
from sensormap.score import _robust_spread


def slow_fit(terms: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit by singular values, dropping the most negative coefficient until none is."""
    fit, kept = np.zeros(terms.shape[1]), np.arange(terms.shape[1])
    while kept.size:
        solution = np.linalg.lstsq(terms[:, kept], target)[0]
        if solution.min() >= 0:
            fit[kept] = solution
            break
        kept = np.delete(kept, solution.argmin())
    return fit


def classes(seed: int, *, noise: float = 0.1) -> NDArray[np.float64]:
    """Return terms over variance as a frame has them: constant, level, its square, square of spread."""
    rng = np.random.default_rng(seed)
    level, spread = rng.uniform(5, 4000, 24), rng.uniform(0, 60, 24)
    terms = np.stack([np.ones(24), level, level**2, spread**2])
    variance = np.array([3.0, 0.4, 1e-5, 0.05]) @ terms * rng.lognormal(0, noise, 24)
    return np.asarray(terms / variance)


@given(seed=st.integers(0, 300))
def test_fit_is_that_of_numpy(seed: int) -> None:
    weighted = classes(seed)
    terms = (weighted / weighted.max(axis=1, keepdims=True)).T
    fit = np.empty(4)
    non_negative_fit(terms, np.ones(24), fit)
    assert_allclose(fit, slow_fit(terms, np.ones(24)), rtol=1e-7, atol=1e-10)


def test_terms_that_others_explain_are_left_out() -> None:
    terms = np.stack([np.ones(12), np.full(12, 0.5), np.linspace(0, 1, 12)], axis=1)
    fit = np.empty(3)
    non_negative_fit(terms, 2 + 3 * terms[:, 2], fit)
    assert_allclose(terms @ fit, 2 + 3 * terms[:, 2], rtol=1e-9)
    assert (fit >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_variance_of_classes_is_found_again(seed: int) -> None:
    weighted, fit = classes(seed, noise=0.0), np.empty(4)
    fit_classes(weighted, 4, fit)
    assert_allclose(fit @ weighted, 1.0, rtol=1e-6)


def test_nothing_to_fit_is_nothing() -> None:
    fit = np.ones(4)
    fit_classes(np.zeros((4, 6)), 4, fit)
    assert np.isfinite(fit).all()


@given(seed=st.integers(0, 100), size=st.integers(1, 400))
def test_robust_spread_is_the_quantile_around_the_median(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(0, 30, (3, size)).astype(np.float32)
    expected = np.quantile(np.abs(values - np.median(values, axis=1, keepdims=True)), 0.6827, axis=1)
    assert_allclose(_robust_spread(values), expected, rtol=1e-5)
