"""Series: the noise of gathered values is that of the frames, and healthy photosites tell how often they are odd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from sensormap.diagnose.series import OddShares, Series, make_series, measure_odd_shares, photon_noise
from sensormap.score.neighbours import gather_windows, pad
from sensormap.score.noise import fit_noise
from tests.support.followed import HEALTHY, flat_conditions, make_conditions, quiet_series, simulate
from tests.support.frames import SATURATION, make_mosaic


def coefficients_of(photon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return coefficients of four planes for frames whose values gain so much variance with each DN of signal."""
    coefficients = np.zeros((photon.size, 2, 2, 4))
    # In doubled DN, and a fifth more for the neighbours' median.
    coefficients[..., 1] = (2 * 1.2 * photon)[:, None, None]
    return coefficients


# series


def test_values_come_in_dn_with_the_variance_of_their_frame() -> None:
    windows = np.array([[[50, 90]], [[21, -6]], [[8, 0]]], np.int32)
    coefficients = np.array([[[4.0, 2.0, 0.5, 0.25], [8.0, 2.0, 0.5, 0.25]]])
    series = make_series(windows, coefficients, np.array([0.3, 0.6]))
    assert_array_equal(series.value, [[50, 90]])
    assert_array_equal(series.level, [[10.5, -3]])
    assert_array_equal(series.spread, [[4, 0]])
    assert_array_equal(series.variance, [[(4 + 2 * 21 + 0.5 * 21**2 + 0.25 * 8**2) / 4, 8 / 4]])
    assert_array_equal(series.photon, [[0.3, 0.6]])
    assert series.known.all()
    assert (series.odd > 0).all()


def test_values_may_be_left_out() -> None:
    known = np.array([[True, False]])
    series = make_series(np.ones((3, 1, 2), np.int32), np.ones((1, 2, 4)), np.ones(2), known=known)
    assert_array_equal(series.known, known)


def test_no_photosites_make_an_empty_series() -> None:
    series = make_series(np.empty((3, 0, 4), np.int32), np.empty((0, 4, 4)), np.ones(4))
    assert len(series) == 0
    assert series.variance.shape == (0, 4)


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0]), np.array([True, False, True])])
def test_some_photosites_of_a_series(rows: slice | NDArray[np.intp]) -> None:
    series = simulate([HEALTHY] * 3, flat_conditions(4), np.random.default_rng(1))
    part = series[rows]
    assert len(part) == 2
    for name in Series.__dataclass_fields__:
        assert_array_equal(getattr(part, name), getattr(series, name)[rows])


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize(("level", "dn_per_electron"), [(1200.0, 1.0), (200.0, 4.0), (40.0, 0.2)])
def test_the_residuals_of_gathered_values_have_the_stated_variance(
    step: int, level: float, dn_per_electron: float
) -> None:
    rng = np.random.default_rng(2)
    z = []
    for seed in range(4):
        mosaic = make_mosaic(seed, shape=(120, 160), step=step, level=level, dn_per_electron=dn_per_electron)
        padded = pad(mosaic, step)
        noise = fit_noise(padded, step, clipping=(0, SATURATION))
        row, col = rng.integers(0, 120, 1500), rng.integers(0, 160, 1500)
        windows = gather_windows(padded, row, col, step)
        assert_array_equal(windows[0], mosaic[row, col])
        coefficients = noise.coefficients.astype(np.float64)[row % step, col % step][:, None]
        series = make_series(windows[..., None], coefficients, np.ones(1))
        z.append((series.value - series.level) / np.sqrt(series.variance))
    # 6000 values give a spread to 1 %; each frame's noise is fitted to a sample, to several per cent.
    assert np.quantile(np.abs(z), 0.6827) == pytest.approx(1, abs=0.1)


# photon noise


def test_photon_noise_goes_with_the_gain_and_one_constant() -> None:
    gain = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    assert_allclose(photon_noise(coefficients_of(0.3 * gain), gain), 0.3 * gain)


def test_few_frames_whose_texture_passes_for_photon_noise_do_not_matter() -> None:
    gain = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    found = 0.3 * gain
    found[1], found[4] = 0.0, 99.0
    assert_allclose(photon_noise(coefficients_of(found), gain), 0.3 * gain)


def test_frames_of_unknown_gain_have_the_photon_noise_that_was_fitted() -> None:
    gain = np.array([1.0, 2.0, np.nan, 4.0])
    found = np.array([0.3, 0.6, 2.5, 1.2])
    assert_allclose(photon_noise(coefficients_of(found), gain), [0.3, 0.6, 2.5, 1.2])
    assert_allclose(photon_noise(coefficients_of(found), np.full(4, np.nan)), found)


def test_photon_noise_of_photographs() -> None:
    """Within a factor of two of what was put in: a fit of few photosites takes some of it for texture."""
    gain = np.repeat([1.0, 2.0, 4.0], 4)
    noise = [
        fit_noise(
            pad(make_mosaic(seed, shape=(120, 160), read_noise=3.0, dn_per_electron=0.5 * g), 2),
            2,
            clipping=(0, SATURATION),
        )
        for seed, g in enumerate(gain)
    ]
    coefficients = np.stack([one.coefficients for one in noise]).astype(np.float64)
    assert_allclose(photon_noise(coefficients, gain), 0.5 * gain, rtol=0.5)


# odd_shares


def controls(seed: int, *, count: int, scenes: list[tuple[int, float, float]]) -> Series:
    """Return healthy photosites in scenes: how many frames, their texture, and the share of odd values in them."""
    rng = np.random.default_rng(seed)
    frames, textures, shares = zip(*scenes, strict=True)
    n = sum(frames)
    series = simulate([HEALTHY] * count, make_conditions(n, rng), rng, levels=(200, 2500))
    sigma = np.sqrt(series.variance)
    odd = rng.random(sigma.shape) < np.repeat(shares, frames)
    strange = np.rint(series.level + 2 * sigma * rng.standard_t(3, sigma.shape))
    # Textures of one scene differ somewhat; else the classes were all one.
    spread = np.repeat(textures, frames) * sigma * rng.uniform(0.99, 1.01, sigma.shape)
    return replace(series, value=np.where(odd, strange, series.value), spread=spread)


def test_the_share_of_odd_values_is_measured_by_texture() -> None:
    series = controls(3, count=2000, scenes=[(10, 1.0, 0.003), (4, 3.0, 0.02), (6, 10.0, 0.2)])
    odd = measure_odd_shares(series, flat_conditions(20)).of(series).odd
    found = [np.median(odd[:, frames]) for frames in (slice(10), slice(10, 14), slice(14, 20))]
    # Of 20 000 values of the first texture eight lie beyond 4 sigma, and one by chance: a factor of two.
    assert 0.0015 < found[0] < 0.006
    assert_allclose(found[1:], [0.02, 0.2], rtol=0.3)


def test_healthy_photosites_of_flat_scenes_are_hardly_ever_odd() -> None:
    odd_shares = measure_odd_shares(controls(4, count=2000, scenes=[(12, 1.0, 0.0)]), flat_conditions(12))
    assert (odd_shares.share < 0.01).all()


@pytest.mark.parametrize("count", [1, 2, 5, 200])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_ascend_with_texture_and_stay_within_bounds(count: int, share: float) -> None:
    """More texture never means fewer odd values, also where by chance it does."""
    series = controls(5, count=count, scenes=[(12, 0.5, share), (12, 2.0, share / 3), (12, 5.0, 0.0)])
    odd_shares = measure_odd_shares(series, flat_conditions(36))
    odd = odd_shares.of(series).odd
    assert (np.diff(odd_shares.share) >= 0).all()
    assert (np.diff(odd_shares.texture) >= 0).all()
    assert (odd > 0.99e-4).all()
    assert (odd < 0.501).all()


@pytest.mark.parametrize("sigma", [0.5, 1.2, 4.0])
def test_dark_frames_have_few_textures_and_are_hardly_ever_odd(sigma: float) -> None:
    """Where the noise is a DN, mid-spreads are 0, 1 or 2 DN, and most classes of texture have nobody in them."""
    rng = np.random.default_rng(8)
    values = np.rint(rng.normal(20, sigma, (9, 1000, 20)))
    around = np.sort(values[1:], axis=0)
    series = quiet_series(values[0], level=(around[3] + around[4]) / 2, sigma=np.sqrt(1.2 * (sigma**2 + 1 / 12)))
    series = replace(series, spread=(around[5] + around[6] - around[1] - around[2]) / 2)
    odd_shares = measure_odd_shares(series, flat_conditions(20))
    assert (odd_shares.of(series).odd < 0.01).all()


def test_few_defective_controls_do_not_matter() -> None:
    series = controls(6, count=2000, scenes=[(12, 1.0, 0.01)])
    value = series.value.copy()
    value[:2] += 900
    odd_shares = measure_odd_shares(replace(series, value=value), flat_conditions(12))
    assert_allclose(odd_shares.share, measure_odd_shares(series, flat_conditions(12)).share, atol=0.01)


def test_clipped_and_unknown_values_do_not_count_as_controls() -> None:
    series = controls(7, count=300, scenes=[(12, 1.0, 0.01)])
    hidden = np.zeros(series.value.shape, np.bool_)
    hidden[:, :3] = True
    plain = measure_odd_shares(replace(series, known=~hidden), flat_conditions(12))
    for level in (0.0, 3880.0):
        clipped = replace(
            series, level=np.where(hidden, level, series.level), value=np.where(hidden, 2000, series.value)
        )
        found = measure_odd_shares(clipped, flat_conditions(12))
        assert_array_equal(found.share, plain.share)
        assert_array_equal(found.texture, plain.texture)


@pytest.mark.parametrize("series", [quiet_series(np.zeros((0, 3))), quiet_series([5.0] * 3, level=3880.0)])
def test_without_any_controls_values_are_hardly_ever_odd(series: Series) -> None:
    odd_shares = measure_odd_shares(series, flat_conditions(3))
    assert_allclose(odd_shares.of(quiet_series([500.0, 700.0])).odd, 1e-4)


def test_odd_shares_of_a_texture_between_and_beyond_those_measured() -> None:
    odd_shares = OddShares(np.array([1.0, 3.0]), np.array([0.001, 0.1]))
    series = replace(quiet_series([500.0] * 4, sigma=5.0), spread=np.array([[0.0, 10.0, 15.0, 500.0]]))
    assert_allclose(odd_shares.of(series).odd, [[0.001, 0.01, 0.1, 0.1]])
