"""Slopes: how the scene rises along neighbouring rows of a plane, in units of the noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.slopes import divide_by_noise, find_slopes, product, share_slopes, slopes_of
from tests.support.frames import SATURATION, make_mosaic


@pytest.mark.parametrize("step", [1, 2])
def test_slopes_are_differences_along_neighbouring_rows_of_a_plane_in_their_noise(step: int) -> None:
    """Slowly: each value is the right neighbour less the left one, less what the sampled rows of its phase share."""
    shape = (200, 30)
    mosaic = make_mosaic(4, shape=shape, step=step, read_noise=30).astype(np.int64)
    mosaic[:, 12] += 2000  # clipped at three sigma
    padded = pad(mosaic.astype(np.int16), step)
    noise = fit_noise(padded, step, clipping=(0, SATURATION))
    before = padded.copy()
    slopes = find_slopes(padded, noise)
    found = slopes.values
    assert_array_equal(padded, before)
    first = np.unique(np.linspace(0, 199 - step, 200 // 16).astype(int))  # some rows apart
    expected = np.zeros((2, first.size, shape[1]))
    for side in (0, 1):
        for i, row in enumerate(first + side * step):
            for col in range(step, shape[1] - step):
                left, right = mosaic[row, col - step], mosaic[row, col + step]
                c0, c1, c2, _ = noise.coefficients[row % step, col % step].astype(float)
                # In doubled DN the level is the sum of both, and four times the variance of a difference twice that of
                # one value.
                sigma = np.sqrt((c0 + c1 * (left + right) + c2 * (left + right) ** 2) / 2)
                expected[side, i, col] = np.clip((right - left) / sigma, -3, 3)
    for phase in range(step):
        alike_rows = first % step == phase
        if np.count_nonzero(alike_rows) > 1:
            expected[:, alike_rows] -= expected[:, alike_rows].mean(axis=(0, 1))
    inside = slice(step, shape[1] - step)
    assert_allclose(found[..., inside], 32 * expected[..., inside], atol=0.51)
    assert found.dtype == np.int8
    # A bad column is common to all rows of a phase; a row that is alone in its phase has nothing to compare with.
    several = np.array([np.count_nonzero(first % step == row % step) > 1 for row in first])
    assert np.count_nonzero(several) >= first.size - 1
    assert np.abs(found[:, several, 12 - step]).max() < 3 * 32


def test_slopes_of_a_mirrored_frame_are_others() -> None:
    slopes = find_slopes(pad(make_mosaic(1), 2), fit_noise(pad(make_mosaic(1), 2), 2, clipping=(0, SATURATION)))
    mirrored, flat = np.ascontiguousarray(slopes.values[:, :, ::-1]), np.zeros_like(slopes.values)
    assert not share_slopes(slopes, slopes_of(mirrored))
    assert not share_slopes(slopes_of(flat), slopes_of(flat))


@pytest.mark.parametrize("seed", range(4))
def test_slopes_are_shared_where_those_of_neighbouring_rows_are_correlated(seed: int) -> None:
    """A correlation of 0.1 is enough if shifts have none; 94 000 slopes leave chance some 0.02."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 30, (2, 2, 12, 3900))
    scene = rng.normal(0, 30, (12, 3900))
    for share, expected in ((0.0, False), (0.04, False), (0.1, True), (0.9, True)):
        mixed = np.sqrt(share) * scene + np.sqrt(1 - share) * noise
        one, other = (slopes_of(np.rint(part).clip(-127, 127).astype(np.int8)) for part in mixed)
        assert share_slopes(one, other) == share_slopes(other, one) == expected
        assert one.square == int((one.values.astype(np.int64) ** 2).sum())


def test_slopes_of_frames_of_different_sizes_are_not_compared() -> None:
    values = np.random.default_rng(1).integers(-90, 90, (2, 3, 500)).astype(np.int8)
    values[1] = values[0]
    assert share_slopes(slopes_of(values), slopes_of(values))
    assert not share_slopes(slopes_of(values), slopes_of(values[:, :2].copy()))


# compiled loops


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
