"""Medians of large arrays equal those of NumPy, whatever the values."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.detect.nulls import median_of


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
