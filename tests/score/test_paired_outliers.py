"""Compiled loops over marks and slopes: each gives what its slow, obvious equivalent gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.score.marks import count_set, list_outlying
from sensormap.score.slopes import divide_by_noise, product


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_places_that_are_set_are_listed_in_order_and_those_with_company_across_a_corner(share: float) -> None:
    flags = np.zeros((7, 24), np.bool_)
    flags[1:-1, 8:-8] = np.random.default_rng(3).random((5, 8)) < share
    outlying, marked, filled = (np.full(size, -1, np.int32) for size in (50, 50, 4))
    starts, counts = 100 * np.arange(7), np.array([2, 1])
    list_outlying(flags.view(np.uint8), flags.view(np.uint64), starts, filled, outlying, marked, counts)
    beside = np.zeros_like(flags)
    for down in (-1, 1):
        for right in (-1, 1):
            beside |= np.roll(flags, (down, right), (0, 1))
    for found, count, before, expected in (
        (outlying, counts[0], 2, flags),
        (marked, counts[1], 1, flags & beside),
    ):
        assert found[:before].tolist() == [-1] * before  # what was listed stays
        row, col = np.nonzero(expected)
        assert_array_equal(found[before:count], 100 * row + col)


def test_bits_are_counted_at_places() -> None:
    rng = np.random.default_rng(4)
    flags = rng.random(800) < 0.3
    places = np.sort(rng.choice(800, 300, replace=False)).astype(np.int32)
    bits = np.packbits(flags, bitorder="little")
    assert count_set(bits, places) == np.count_nonzero(flags[places])
    assert count_set(bits, places[:0]) == 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (12, 3900)])
def test_products_are_exact(shape: tuple[int, int]) -> None:
    one, other = np.random.default_rng(5).integers(-127, 128, (2, *shape)).astype(np.int8)
    assert product(one, other) == int((one.astype(np.int64) * other).sum())


def test_a_wide_row_of_the_largest_products_does_not_overflow() -> None:
    most = np.full((2, 130_000), 127, np.int8)
    assert product(most, most) == 127**2 * most.size
    assert product(most, -most) == -(127**2) * most.size


def test_slopes_are_divided_by_the_noise_of_their_level() -> None:
    rng = np.random.default_rng(6)
    slopes, level2 = rng.normal(0, 50, (3, 70)).astype(np.float32), rng.uniform(0, 3000, (3, 70)).astype(np.float32)
    noise = rng.uniform(0.1, 2, (4, 70)).astype(np.float32)
    expected = slopes / np.sqrt(noise[0] + noise[1] * level2 + noise[2] * level2 * level2)
    divide_by_noise(slopes, level2, noise)
    assert_array_equal(slopes, expected)
