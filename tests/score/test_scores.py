"""Scores: the compiled loops equal the slow ones to the bit, and noise is 1 whatever the frame."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from sensormap.frame import NARROW, Mosaic
from sensormap.score.neighbours import neighbours_of_rows, pad
from sensormap.score.noise import _class_means, fit_noise
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA
from tests.support.frames import SATURATION, make_mosaic, plain_noise
from tests.support.scores import scores, scores_slowly

STEPS = pytest.mark.parametrize("step", [1, 2])
CORNERS = [(row, col) for row in (0, 1, -2, -1) for col in (0, 1, -2, -1)]
CONTENTS = {
    "black": np.zeros((17, 23), np.int64),
    "saturated": np.full((17, 23), SATURATION),
    "full scale": np.full((17, 23), 65_535),
    "below black": np.full((17, 23), -37),
    "one in the dark": np.where(np.arange(17 * 23).reshape(17, 23) == 200, 65_535, 0),
    "black and white": np.random.default_rng(1).choice([0, 65_535], (17, 23)),
    "both signs": np.random.default_rng(2).integers(-600, 600, (17, 23)),
    "any": np.random.default_rng(3).integers(0, 65_536, (17, 23)),
}


def scored(mosaic: Mosaic, step: int) -> NDArray[np.int8]:
    padded = pad(mosaic, step)
    return scores(padded, fit_noise(padded, step, clipping=(0, SATURATION)))


def spreads(score: NDArray[np.int8], step: int) -> list[float]:
    """Return each plane's robust spread in sigma; a uniform blur undoes the rounding to whole eighths."""
    blurred = (score + np.random.default_rng(0).uniform(-0.5, 0.5, score.shape)) / SCORES_PER_SIGMA
    planes = [blurred[row::step, col::step] for row in range(step) for col in range(step)]
    return [float(np.quantile(np.abs(plane - np.median(plane)), 0.6827)) for plane in planes]


# pad


@STEPS
@pytest.mark.parametrize("shape", [(6, 6), (7, 6), (9, 13)])
def test_padding_keeps_every_plane_to_itself(step: int, shape: tuple[int, int]) -> None:
    row, col = np.indices((shape[0] + 2 * step, shape[1] + 2 * step))
    planes = (100 + 10 * (row % step) + col % step).astype(np.int16)
    np.testing.assert_array_equal(pad(planes[step:-step, step:-step], step), planes)


@STEPS
def test_padding_goes_on_with_a_gradient_but_for_the_corners(step: int) -> None:
    row, col = np.indices((9 + 2 * step, 13 + 2 * step))
    ramp = (500 + 7 * row - 3 * col).astype(np.int16)
    padded = pad(ramp[step:-step, step:-step], step)
    inner = slice(2 * step, -2 * step)
    np.testing.assert_array_equal(padded[:, inner], ramp[:, inner])
    np.testing.assert_array_equal(padded[inner], ramp[inner])


@STEPS
@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_a_corner_is_none_of_its_own_neighbours(step: int, corner: tuple[int, int]) -> None:
    flat = np.full((9, 13), 100, np.int16)
    flat[corner] = 900
    row, col = corner[0] % 9, corner[1] % 13
    around = pad(flat, step)[row : row + 2 * step + 1 : step, col : col + 2 * step + 1 : step].ravel()
    assert sorted(around) == [100] * 8 + [900]


def test_padding_stays_within_its_type() -> None:
    steep = np.zeros((6, 6), np.int16)
    steep[::2] = 16_000
    assert pad(steep, 1).max() == NARROW


@pytest.mark.parametrize(("shape", "step"), [((5, 9), 2), ((9, 5), 2), ((2, 9), 1), ((0, 0), 1)])
def test_a_frame_too_small_to_have_neighbours_is_refused(shape: tuple[int, int], step: int) -> None:
    with pytest.raises(ValueError, match=f"{shape[1]} x {shape[0]} photosites is too small: at least {3 * step}"):
        pad(np.zeros(shape, np.int16), step)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_pad_keeps_the_type(dtype: type) -> None:
    assert pad(np.zeros((6, 6), dtype), 2).dtype == dtype


@STEPS
@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_padding_fills_memory_that_fits_whatever_was_in_it(step: int, dtype: type) -> None:
    one, other = (make_mosaic(seed, step=step).astype(dtype) for seed in (1, 2))
    memory = pad(one, step)
    expected = pad(other, step)
    assert pad(other, step, memory) is memory
    np.testing.assert_array_equal(memory, expected)


@pytest.mark.parametrize(("shape", "dtype"), [((33, 40), np.int16), ((34, 41), np.int16), ((33, 41), np.int32)])
def test_padding_leaves_memory_that_does_not_fit_alone(shape: tuple[int, int], dtype: type) -> None:
    memory = pad(np.full(shape, 7, dtype), 2)
    padded = pad(make_mosaic(1), 2, memory)
    assert padded.dtype == np.int16
    assert (memory == 7).all()
    np.testing.assert_array_equal(padded, pad(make_mosaic(1), 2))


# kernels


def test_median_and_spread_of_every_black_and_white_neighbourhood() -> None:
    """By the zero-one principle, a sorting network that orders these 256 inputs orders all."""
    for bits in product((0, 1), repeat=8):
        padded = np.array([*bits[:4], 7, *bits[4:]], np.int16).reshape(3, 3)
        _, level2, spread2 = neighbours_of_rows(padded, np.array([0]), 1)
        ordered = sorted(bits)
        assert level2[0, 0] == ordered[3] + ordered[4]
        assert spread2[0, 0] == ordered[5] + ordered[6] - ordered[1] - ordered[2]


@pytest.mark.parametrize(("residual", "score"), [(0, 0), (27, 27), (-28, -28), (64, 64), (65, 64), (-900, -64)])
def test_a_score_is_the_residual_in_eighths_of_the_noise(residual: int, score: int) -> None:
    mosaic = np.full((7, 9), 1000, np.int16)
    mosaic[3, 4] += residual
    expected = np.zeros((7, 9), np.int8)
    expected[3, 4] = score
    np.testing.assert_array_equal(scores(pad(mosaic, 2), plain_noise(2)), expected)
    assert SCORE_LIMIT == 64


@STEPS
@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("shape", [(6, 6), (7, 9), (33, 41), (64, 131)])
def test_scores_equal_the_slow_ones(step: int, dtype: type, shape: tuple[int, int]) -> None:
    defects = {(0, 0): (0.0, 0.0), (3, 3): (1.0, 2000.0), (-1, -1): (0.0, 3880.0), (4, 2): (0.5, 0.0)}
    for seed in range(3):
        padded = pad(make_mosaic(seed, shape=shape, step=step, defects=defects).astype(dtype), step)
        noise = fit_noise(padded, step, clipping=(0, SATURATION))
        np.testing.assert_array_equal(scores(padded, noise), scores_slowly(padded, noise))


@STEPS
@pytest.mark.parametrize("saturation", [SATURATION, 65_535])
@pytest.mark.parametrize("content", CONTENTS)
def test_scores_equal_the_slow_ones_at_extremes(step: int, saturation: int, content: str) -> None:
    padded = pad(CONTENTS[content].astype(np.int32), step)
    noise = fit_noise(padded, step, clipping=(0, saturation))
    np.testing.assert_array_equal(scores(padded, noise), scores_slowly(padded, noise))


def frames(dtype: type, low: int, high: int) -> st.SearchStrategy[Mosaic]:
    """Any small frame, the ends of its range and values around black and saturation more often than chance."""
    special = st.sampled_from([low, high, -1, 0, 1, SATURATION - 1, SATURATION])
    sides = st.integers(6, 13)
    return arrays.arrays(dtype, st.tuples(sides, sides), elements=special | st.integers(low, high), fill=special)


@STEPS
@given(mosaic=frames(np.int16, -NARROW, NARROW) | frames(np.int32, -65_535, 65_535))
def test_any_frame_has_a_noise_and_the_slow_scores(step: int, mosaic: Mosaic) -> None:
    padded = pad(mosaic, step)
    noise = fit_noise(padded, step, clipping=(0, SATURATION))
    assert np.isfinite(noise.coefficients).all()
    assert (noise.coefficients >= 0).all()
    assert (noise.coefficients[..., 0] > 0).all()  # so no variance is 0
    assert np.isfinite(noise.spread).all()
    assert 0 <= noise.outlying <= 1
    np.testing.assert_array_equal(scores(padded, noise), scores_slowly(padded, noise))


# noise


@STEPS
@pytest.mark.parametrize(
    ("level", "read_noise", "dn_per_electron"),
    [(1500.0, 3.0, 0.5), (300.0, 20.0, 4.0), (5.0, 3.0, 0.5), (60.0, 10.0, 0.0), (1200.0, 0.3, 0.1)],
)
def test_the_spread_of_the_scores_is_one(step: int, level: float, read_noise: float, dn_per_electron: float) -> None:
    mosaic = make_mosaic(
        4, shape=(201, 303), step=step, level=level, read_noise=read_noise, dn_per_electron=dn_per_electron
    )
    # The fit's sample is 2 400 photosites of a plane or more: its spread is good to 2 %. Rounding of values to whole DN
    # where the noise is 2 DN (level 5) or the other way about adds as much again.
    np.testing.assert_allclose(spreads(scored(mosaic, step), step), 1, atol=0.1)


@pytest.mark.parametrize(("clipped", "level"), [(0, 200.0), (SATURATION, 1500.0)])
def test_a_clipped_half_does_not_change_the_noise_of_the_other(clipped: int, level: float) -> None:
    mosaic = make_mosaic(5, shape=(201, 402), level=level)
    mosaic[:, :201] = clipped
    score = scored(mosaic, 2)
    assert not score[:, :199].any()
    np.testing.assert_allclose(spreads(score[:, 204:], 2), 1, atol=0.12)


def test_a_dark_and_a_bright_half_have_each_their_noise() -> None:
    mosaic = make_mosaic(6, shape=(201, 402), level=1800.0, dn_per_electron=2.0)
    mosaic[:, :200] = make_mosaic(7, shape=(201, 200), level=30.0, read_noise=3.0, dn_per_electron=0.0)
    score = scored(mosaic, 2)
    # The two halves have standard deviations of 3 and about 50 DN; the border between them is in the sample too.
    np.testing.assert_allclose(spreads(score[:, :196], 2) + spreads(score[:, 204:], 2), 1, atol=0.2)


def test_gaussian_noise_has_few_outliers_and_a_shuffled_frame_many() -> None:
    mosaic = make_mosaic(8, shape=(120, 180))
    assert fit_noise(pad(mosaic, 2), 2, clipping=(0, SATURATION)).outlying < 0.005
    salted = np.where(np.random.default_rng(9).random(mosaic.shape) < 0.1, SATURATION, mosaic).astype(np.int16)
    assert 0.05 < fit_noise(pad(salted, 2), 2, clipping=(0, SATURATION)).outlying < 0.15


@STEPS
@pytest.mark.parametrize("seed", range(4))
def test_photon_noise_alone_leaves_no_photosite_without_noise(step: int, seed: int) -> None:
    """At black the fit must not reach zero: rounding alone has a variance."""
    mosaic = make_mosaic(seed, shape=(201, 303), step=step, read_noise=0.0, dn_per_electron=4.0)
    noise = fit_noise(pad(mosaic, step), step, clipping=(0, SATURATION))
    assert (noise.coefficients[..., 0] > 0.07).all()  # 4/12 of a doubled DN, at least half a sigma of it


def test_class_means_are_summed_one_member_after_another() -> None:
    rng = np.random.default_rng(15)
    level2, spread2 = rng.integers(0, 8000, (2, 24 * 300)).astype(np.float32)
    classes = rng.permutation(level2.size).reshape(24, 300)
    terms = np.stack([np.ones_like(level2), level2, level2 * level2, spread2 * spread2])
    expected = np.cumsum(terms[:, classes], axis=-1, dtype=np.float32)[..., -1] / np.float32(300)
    np.testing.assert_array_equal(_class_means(level2, spread2, classes), expected)


def test_noise_coefficients_have_at_most_twelve_significant_bits() -> None:
    noise = fit_noise(pad(make_mosaic(10, shape=(60, 90)), 2), 2, clipping=(0, SATURATION))
    mantissa = np.frexp(noise.coefficients.astype(np.float64))[0] * 2**12
    np.testing.assert_array_equal(mantissa, np.rint(mantissa))


@pytest.mark.parametrize("width", [6, 7])
def test_coefficients_are_laid_out_by_row_and_column_phase(width: int) -> None:
    noise = fit_noise(pad(make_mosaic(11), 2), 2, clipping=(0, SATURATION))
    rows = noise.rows(width)
    assert rows.shape == (2, 4, width)
    for row, col in product(range(2), range(width)):
        np.testing.assert_array_equal(rows[row, :, col], noise.coefficients[row, col % 2])


# defects


@STEPS
@pytest.mark.parametrize("shape", [(32, 40), (33, 41), (32, 41), (33, 40)])
@pytest.mark.parametrize(("law", "sign"), [((1.0, 700.0), 1), ((0.0, 0.0), -1), ((0.0, 3880.0), 1)])
def test_defects_in_every_corner_are_found(
    step: int, shape: tuple[int, int], law: tuple[float, float], sign: int
) -> None:
    for place in CORNERS:
        score = scored(make_mosaic(12, shape=shape, step=step, defects={place: law}), step)
        assert sign * int(score[place]) > 3.5 * SCORES_PER_SIGMA


@STEPS
def test_a_defect_beside_a_corner_leaves_the_corner_alone(step: int) -> None:
    clean = make_mosaic(13, shape=(64, 96), step=step)
    for row, col in product((0, -1), repeat=2):
        beside = (row + step if row == 0 else row - step, col + step if col == 0 else col - step)
        score = scored(make_mosaic(13, shape=(64, 96), step=step, defects={beside: (1.0, 2000.0)}), step)
        assert score[beside] == SCORE_LIMIT
        assert abs(int(score[row, col]) - int(scored(clean, step)[row, col])) < 2 * SCORES_PER_SIGMA


@STEPS
def test_a_column_of_defects_beside_an_edge_leaves_the_edge_alone(step: int) -> None:
    defects = {(row, step): (1.0, 2000.0) for row in range(64)}
    score = scored(make_mosaic(14, shape=(64, 96), step=step, defects=defects), step)
    assert (score[:, step] == SCORE_LIMIT).all()
    assert abs(np.mean(score[:, 0])) < SCORES_PER_SIGMA
    assert np.mean(np.abs(score[:, 0]) > 3.5 * SCORES_PER_SIGMA) < 0.1


def test_planes_do_not_disturb_each_other() -> None:
    mosaic = make_mosaic(15, shape=(64, 96))
    brighter = mosaic.copy()
    brighter[::2, 1::2] += 900
    before, after = scored(mosaic, 2), scored(brighter, 2)
    for row, col in ((0, 0), (1, 0), (1, 1)):
        np.testing.assert_array_equal(before[row::2, col::2], after[row::2, col::2])
