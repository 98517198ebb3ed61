"""Medians and spreads equal those of NumPy, whatever the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sensormap.score.medians import median_of, median_where, medians_of, robust_spread


@pytest.mark.parametrize("size", [1, 2, 3, 16_384, 16_385, 50_001, 200_000])
@pytest.mark.parametrize("levels", [1e6, 30, 1])
def test_medians_equal_those_of_numpy(size: int, levels: float) -> None:
    values = (np.rint(np.random.default_rng(size).normal(0, levels, size)) / 7).astype(np.float32)
    for array in (values, np.sort(values), np.sort(values)[::-1], np.abs(values)):
        found = median_of(array)
        assert found.dtype == np.float32
        assert found == np.median(array)


def test_a_sample_unlike_the_rest_does_not_matter() -> None:
    values = np.random.default_rng(1).normal(0, 1, 2**16).astype(np.float32)
    values[:: 2**16 // 2**12] += 100
    assert median_of(values) == np.median(values)
    assert median_of(values.reshape(256, 256)[::2, ::3]) == np.median(values.reshape(256, 256)[::2, ::3])


@pytest.mark.parametrize("shape", [(1,), (7,), (4, 8), (2, 3, 5)])
def test_medians_along_the_last_axis_equal_those_of_numpy(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(3).normal(0, 9, shape).astype(np.float32)
    assert_array_equal(medians_of(values), np.median(values, axis=-1))


@given(seed=st.integers(0, 100), size=st.integers(1, 12))
def test_medians_of_some_equal_those_of_numpy(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    values, where = rng.normal(0, 9, (20, size)), rng.random((20, size)) < 0.5
    expected = [np.median(row[some]) if some.any() else 0 for row, some in zip(values, where, strict=True)]
    assert_array_equal(median_where(values, where), expected)


@given(seed=st.integers(0, 100), size=st.integers(1, 400))
def test_robust_spread_is_the_quantile_around_the_median(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(0, 30, (3, size)).astype(np.float32)
    expected = np.quantile(np.abs(values - np.median(values, axis=1, keepdims=True)), 0.6827, axis=1)
    assert_allclose(robust_spread(values), expected, rtol=1e-5)
    assert_array_equal([robust_spread(row) for row in values], robust_spread(values))
