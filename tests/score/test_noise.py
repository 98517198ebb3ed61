"""The compiled fits of a frame's noise against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from sensormap.frame import Mosaic
from sensormap.score.class_fit import fit_classes, non_negative_fit
from sensormap.score.neighbours import neighbours_of_rows, pad
from sensormap.score.noise import fit_noise, stable_order, value_step


def fitted(terms: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit the columns of `terms`."""
    return non_negative_fit(np.vstack([terms.T, target]))


def slow_fit(terms: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit by singular values, dropping the most negative coefficient until none is."""
    fit, kept = np.zeros(terms.shape[1]), np.arange(terms.shape[1])
    while kept.size:
        solution = np.linalg.lstsq(terms[:, kept], target, rcond=None)[0]
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
    assert_allclose(fitted(terms, np.ones(24)), slow_fit(terms, np.ones(24)), rtol=1e-7, atol=1e-10)


def test_one_negative_term_after_the_other_is_dropped() -> None:
    terms = np.random.default_rng(0).uniform(1, 2, (24, 4))
    fit = fitted(terms, terms @ np.array([3.0, -1.0, -2.0, 0.5]))
    assert_allclose(fit, slow_fit(terms, terms @ np.array([3.0, -1.0, -2.0, 0.5])), rtol=1e-9, atol=1e-12)
    assert np.count_nonzero(fit) == 1
    np.testing.assert_array_equal(fitted(terms, -np.ones(24)), 0)


def test_terms_that_others_explain_are_left_out() -> None:
    terms = np.stack([np.ones(12), np.full(12, 0.5), np.linspace(0, 1, 12)], axis=1)
    fit = fitted(terms, 2 + 3 * terms[:, 2])
    assert_allclose(fit, [2, 0, 3], rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_variance_of_classes_is_found_again(seed: int) -> None:
    weighted = classes(seed, noise=0.0)
    assert_allclose(fit_classes(weighted, 4) @ weighted, 1.0, rtol=1e-6)


def test_nothing_to_fit_is_nothing() -> None:
    np.testing.assert_array_equal(fit_classes(np.zeros((4, 6)), 4), 0)


@pytest.mark.parametrize("shape", [(1,), (7,), (1000,), (6, 1300), (66_000,)])
@pytest.mark.parametrize("highest", [3, 8000, 262_140])
def test_order_is_the_stable_one_of_whole_values(shape: tuple[int, ...], highest: int) -> None:
    doubled = np.random.default_rng(1).integers(0, highest, shape, endpoint=True).astype(np.float32)
    whole = np.minimum(doubled // 2, 65_535)
    order = np.argsort(whole, axis=-1, kind="stable")
    np.testing.assert_array_equal(stable_order(doubled), np.take_along_axis(places(shape), order, axis=-1))


def places(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.arange(np.prod(shape)).reshape(shape)


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize(("dtype", "highest"), [(np.int16, 16_383), (np.int32, 65_535)])
def test_neighbours_are_the_middle_of_the_eight_sorted(step: int, dtype: type, highest: int) -> None:
    padded: Mosaic = np.random.default_rng(2).integers(-highest, highest, (15, 31)).astype(dtype)
    rows = np.array([0, 3, 4])
    cut = [padded[rows + i][:, j : j + 31 - 2 * step] for i in (0, step, 2 * step) for j in (0, step, 2 * step)]
    value = cut.pop(4)
    ordered = np.sort(np.stack(cut).astype(np.int64), axis=0)
    found = neighbours_of_rows(padded, rows, step)
    np.testing.assert_array_equal(found[0], value)
    np.testing.assert_array_equal(found[1], ordered[3] + ordered[4])
    np.testing.assert_array_equal(found[2], ordered[5] + ordered[6] - ordered[1] - ordered[2])


@pytest.mark.parametrize("step", [1, 16, 256])
def test_noise_below_a_step_is_told_by_how_often_values_step(step: int) -> None:
    rng = np.random.default_rng(3)
    dark = np.rint(3.4 + rng.normal(0, 0.3, (128, 1100))) * step
    padded = pad(dark.astype(np.int32), 1)
    noise = fit_noise(padded, 1, clipping=(0, 255 * step), quantised=True)
    scores = np.abs(dark - np.median(dark)) / np.sqrt(float(noise.coefficients[0, 0, 0]) / 4)
    assert np.mean(scores > 3.5) < 0.002
    assert noise.outlying < 0.01
    assert 0.25 * step < np.sqrt(float(noise.coefficients[0, 0, 0]) / 4) < 0.8 * step


def test_fine_values_are_fitted_as_ever() -> None:
    rng = np.random.default_rng(4)
    padded = pad(np.rint(rng.normal(500, 0.4, (128, 300))).astype(np.int32), 2)
    fine = fit_noise(padded, 2, clipping=(0, 4095), quantised=True)
    ever = fit_noise(padded, 2, clipping=(0, 4095))
    assert_allclose(fine.coefficients, ever.coefficients, rtol=0)


def test_the_step_is_that_of_all_values() -> None:
    values = np.full(100_000, 512)
    values[77_777] += 3  # which a sample misses
    assert value_step(values) == 3
    assert value_step(values[:10]) == 1
