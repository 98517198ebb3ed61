"""Strengths: intervals hold what was put in, whatever is clipped or odd, and are wide where nothing can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from sensormap.diagnose import regression as kernels
from sensormap.diagnose.behaviour import Term
from sensormap.diagnose.regression import Fit, fit
from sensormap.diagnose.series import ODD_WIDTH, Conditions, Series
from tests.support.followed import (
    FLOOR,
    SATURATION,
    Law,
    draw,
    flat_conditions,
    make_conditions,
    quiet_series,
    simulate,
    without,
)

ALL = tuple(Term)
CASES = 300
LAWS: dict[str, tuple[tuple[Term, ...], Callable[[np.random.Generator], Law]]] = {
    "response": ((Term.RESPONSE,), lambda rng: Law(response=rng.uniform(0.7, 0.95))),
    "dark": ((Term.DARK,), lambda rng: Law(dark=draw(rng, 30, 20_000))),
    "offset": ((Term.OFFSET,), lambda rng: Law(offset=draw(rng, 3, 1000))),
    "dark and offset": ((Term.DARK, Term.OFFSET), lambda rng: Law(dark=draw(rng, 30, 5000), offset=draw(rng, 5, 500))),
    "all": (
        ALL,
        lambda rng: Law(dark=draw(rng, 30, 5000), offset=draw(rng, 5, 500), response=rng.uniform(0.7, 0.95)),
    ),
    "none": (ALL, lambda _: Law()),
}


def every(series: Series) -> NDArray[np.bool_]:
    return np.ones(series.value.shape, np.bool_)


def truth_of(laws: list[Law]) -> NDArray[np.float64]:
    return np.array([[law.response - 1, law.dark, law.offset] for law in laws])


def held(found: Fit, truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.abs(found.strength - truth) <= found.half_width


def some(name: str, seed: int, *, n: int = 60, **options: float) -> tuple[Series, Conditions, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    conditions = make_conditions(n, rng, **options)
    laws = [LAWS[name][1](rng) for _ in range(CASES)]
    return simulate(laws, conditions, rng), conditions, truth_of(laws)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("n", [12, 60])
def test_intervals_contain_the_strengths(name: str, n: int) -> None:
    series, conditions, truth = some(name, 5, n=n)
    terms = list(LAWS[name][0])
    found = fit(series, conditions, every(series), LAWS[name][0])
    share = held(found, truth)[:, terms].mean(axis=0)
    assert (share >= 0.9).all(), share
    assert (share <= 0.995).all(), share
    bias = np.median((found.strength - truth) / found.half_width, axis=0)[terms]
    assert (np.abs(bias) < 0.15).all(), bias
    assert np.median(found.scatter) < 1.1


@pytest.mark.parametrize("name", LAWS)
def test_terms_not_fitted_are_nothing_and_unknown(name: str) -> None:
    series, conditions, _ = some(name, 6, n=20)
    found = fit(series, conditions, every(series), LAWS[name][0])
    absent = [term for term in ALL if term not in LAWS[name][0]]
    assert (found.strength[:, absent] == 0).all()
    assert np.isinf(found.half_width[:, absent]).all()
    assert np.isfinite(found.half_width[:, list(LAWS[name][0])]).all()


def test_the_effect_is_what_the_strengths_add() -> None:
    series, conditions, _ = some("all", 7, n=15)
    found = fit(series, conditions, every(series), ALL)
    m, dark, offset = found.strength.T[..., None]
    added = m * series.level + dark * conditions.gain * conditions.shutter_s + offset * conditions.gain
    assert_allclose(found.effect, added, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", ["dark", "offset", "dark and offset"])
def test_where_the_law_holds_exactly_so_do_the_strengths(name: str) -> None:
    rng = np.random.default_rng(8)
    conditions = make_conditions(30, rng)
    terms, draw_law = LAWS[name]
    for _ in range(5):
        law = draw_law(rng)
        added = conditions.gain * (law.dark * conditions.shutter_s + law.offset)
        series = quiet_series(500 + added, level=500.0, sigma=1.0)
        series = replace(series, known=series.value < SATURATION)
        found = fit(series, conditions, every(series), terms)
        assert_allclose(found.strength[0], truth_of([law])[0], atol=1e-3)
        assert found.scatter[0] == pytest.approx(1)


# clipped


def test_clipped_frames_do_not_bias() -> None:
    """From 8000 DN/s on, frames of a second clip; where nothing does the same strength comes out."""
    rng = np.random.default_rng(9)
    conditions = make_conditions(60, rng, long=0.3)
    laws = [Law(dark=draw(rng, 1000, 30_000)) for _ in range(CASES)]
    series = simulate(laws, conditions, rng, levels=(20, 1500))
    assert (series.value >= SATURATION).mean() > 0.2
    found = fit(series, conditions, every(series), (Term.DARK,))
    assert held(found, truth_of(laws))[:, Term.DARK].mean() >= 0.9
    relative = found.strength[:, Term.DARK] / truth_of(laws)[:, Term.DARK]
    assert np.median(relative) == pytest.approx(1, abs=0.01)


def test_a_dark_photosite_clipped_at_black_does_not_bias() -> None:
    """Surroundings of some 20 DN less 100 DN are black; those of some 1000 DN tell."""
    rng = np.random.default_rng(10)
    conditions = make_conditions(60, rng, iso=100)
    laws = [Law(offset=-100.0) for _ in range(CASES)]
    series = simulate(laws, conditions, rng, levels=(5, 1000))
    assert (series.value == FLOOR).mean() > 0.3
    found = fit(series, conditions, every(series), (Term.OFFSET,))
    assert np.median(found.strength[:, Term.OFFSET]) == pytest.approx(-100, abs=2)


def test_a_value_that_clips_against_expectation_counts() -> None:
    """Ten frames of 1/100 s show 100 DN; that five of a second are saturated takes a dark current, however strong."""
    shutter_s = np.array([0.01] * 10 + [1.0] * 5)
    conditions = replace(flat_conditions(15), shutter_s=shutter_s)
    series = quiet_series([600.0] * 10 + [SATURATION] * 5, level=500.0)
    found = fit(series, conditions, every(series), (Term.DARK, Term.OFFSET))
    strongest = found.strength[0, Term.DARK] + found.half_width[0, Term.DARK]
    assert strongest >= 3280  # what is needed to saturate in a second
    assert found.effect[0, 0] == pytest.approx(100, abs=5)


def test_saturated_surroundings_do_not_count() -> None:
    series, conditions, _ = some("offset", 11, n=20)
    level = series.level.copy()
    level[:, ::3] = SATURATION
    found = fit(replace(series, level=level), conditions, every(series), (Term.OFFSET,))
    left_out = every(series)
    left_out[:, ::3] = False
    assert_array_equal(found.strength, fit(series, conditions, left_out, (Term.OFFSET,)).strength)


# odd


@pytest.mark.parametrize("name", ["dark", "offset", "dark and offset", "response"])
def test_odd_frames_do_not_bias(name: str) -> None:
    """A tenth of all values is five to a hundred sigma away, up or down."""
    series, conditions, truth = some(name, 12)
    rng = np.random.default_rng(13)
    shape = series.value.shape
    away = rng.choice([-1, 1], shape) * rng.uniform(5, 100, shape) * np.sqrt(series.variance)
    strange = np.clip(np.rint(series.value + away), FLOOR, SATURATION)
    series = replace(series, value=np.where(rng.random(shape) < 0.1, strange, series.value), odd=np.full(shape, 0.1))
    terms = list(LAWS[name][0])
    # As `laws` does: from a first guess that is right to a third.
    start = truth * rng.choice([0.75, 1.3], truth.shape)
    found = fit(series, conditions, every(series), LAWS[name][0], start=start)
    assert (held(found, truth)[:, terms].mean(axis=0) >= 0.87).all()
    cold = fit(series, conditions, every(series), LAWS[name][0])
    for one in (found, cold):
        bias = np.median((one.strength - truth) / one.half_width, axis=0)[terms]
        assert (np.abs(bias) < 0.25).all(), bias
    # Without a guess a fit may take what is right for what is odd.
    assert (held(cold, truth)[:, terms].mean(axis=0) >= 0.7).all()


def test_a_dark_current_that_varies_is_not_biased() -> None:
    """By 15 %, as it does with the temperature; the interval is that of a constant one, and too narrow."""
    rng = np.random.default_rng(14)
    conditions = make_conditions(60, rng)
    laws = [Law(dark=draw(rng, 300, 20_000), dark_spread=0.15) for _ in range(CASES)]
    found = fit(simulate(laws, conditions, rng), conditions, np.ones((CASES, 60), np.bool_), (Term.DARK,))
    assert np.median(found.strength[:, Term.DARK] / truth_of(laws)[:, Term.DARK]) == pytest.approx(1, abs=0.04)


def test_a_photosite_that_scatters_has_wider_intervals() -> None:
    rng = np.random.default_rng(15)
    conditions = make_conditions(60, rng)
    calm = simulate([Law(offset=200.0)] * 50, conditions, rng)
    wild = simulate([Law(offset=200.0, jitter=40.0)] * 50, conditions, rng)
    narrow, wide = (fit(one, conditions, every(one), (Term.OFFSET,)) for one in (calm, wild))
    assert np.median(wide.scatter) > 3
    assert np.median(wide.half_width[:, Term.OFFSET]) > 3 * np.median(narrow.half_width[:, Term.OFFSET])
    assert held(wide, np.array([0, 0, 200.0]))[:, Term.OFFSET].mean() > 0.85


@pytest.mark.parametrize("n", [5, 8])
def test_the_scatter_of_few_frames_is_hardly_known_itself(n: int) -> None:
    """Intervals then are wider than twice the standard error."""
    rng = np.random.default_rng(24)
    conditions = make_conditions(n, rng, iso=100)
    series = simulate([Law(offset=200.0, jitter=60.0)] * CASES, conditions, rng, levels=(20, 500))
    found = fit(series, conditions, every(series), (Term.OFFSET,))
    assert held(found, np.array([0, 0, 200.0]))[:, Term.OFFSET].mean() >= 0.88


# what cannot be told


@pytest.mark.parametrize("law", [Law(offset=100.0), Law(dark=10_000.0)])
def test_one_gain_and_one_shutter_time_tell_the_sum_only(law: Law) -> None:
    rng = np.random.default_rng(16)
    conditions = flat_conditions(40)
    found = fit(simulate([law] * 50, conditions, rng), conditions, np.ones((50, 40), np.bool_), ALL)
    assert np.isfinite(found.strength).all()
    assert np.isfinite(found.half_width).all()
    assert held(found, truth_of([law])).mean() > 0.9
    assert (found.half_width[:, Term.DARK] > 100 / 0.01).all()
    assert (found.half_width[:, Term.OFFSET] > 100).all()
    together = found.strength[:, Term.DARK] * 0.01 + found.strength[:, Term.OFFSET]
    assert_allclose(together, law.dark * 0.01 + law.offset, atol=8)
    assert (np.abs(found.strength[:, Term.OFFSET]) < 500).all()


def test_surroundings_all_alike_tell_the_sum_only() -> None:
    """That the neighbours' median has noise too makes such intervals of response and offset too narrow."""
    rng = np.random.default_rng(17)
    conditions = flat_conditions(40)
    series = simulate([Law(response=0.8)] * 50, conditions, rng, levels=(1000, 1001))
    found = fit(series, conditions, every(series), ALL)
    assert np.isfinite(found.strength).all()
    assert (found.half_width[:, Term.RESPONSE] > 0.2).all()
    assert (found.half_width[:, Term.OFFSET] > 200).all()
    # 40 frames with a noise of 20 DN: 3 DN; so all but one in a hundred are within 9.
    assert_allclose(found.effect.mean(axis=1), -200, atol=10)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("terms", [ALL, (Term.DARK,), (Term.OFFSET,), (Term.RESPONSE,), (Term.DARK, Term.OFFSET)])
def test_few_frames_have_finite_wide_intervals(n: int, terms: tuple[Term, ...]) -> None:
    rng = np.random.default_rng(18)
    conditions = make_conditions(n, rng)
    series = simulate([Law(offset=100.0, dark=500.0, response=0.8)] * 60, conditions, rng)
    found = fit(series, conditions, every(series), terms)
    assert np.isfinite(found.strength).all()
    assert np.isfinite(found.half_width[:, list(terms)]).all()
    assert (found.half_width > 0).all()
    if terms == ALL:
        assert held(found, np.array([-0.2, 500, 100])).mean() > 0.9


@pytest.mark.parametrize("terms", [ALL, (Term.DARK,), (Term.OFFSET,), (Term.RESPONSE,)])
def test_without_any_frame_nothing_is_known(terms: tuple[Term, ...]) -> None:
    """The interval then is as wide as what a sensor can hold."""
    series, conditions, _ = some("all", 19, n=5)
    for nothing in (
        fit(series, conditions, ~every(series), terms),
        fit(replace(series, known=~every(series)), conditions, every(series), terms),
        fit(replace(series, level=np.full(series.value.shape, SATURATION)), conditions, every(series), terms),
    ):
        assert (nothing.strength == 0).all()
        widest = np.array([1, 50 * SATURATION, SATURATION])
        assert (nothing.half_width[:, list(terms)] >= widest[list(terms)]).all()


def test_no_photosites() -> None:
    found = fit(quiet_series(np.zeros((0, 4))), flat_conditions(4), np.ones((0, 4), np.bool_), ALL)
    assert found.strength.shape == found.half_width.shape == (0, 3)
    assert found.effect.shape == (0, 4)


@pytest.mark.parametrize(("settings", "terms"), [("iso", (Term.DARK, Term.OFFSET)), ("shutter", (Term.DARK,))])
def test_frames_of_unknown_settings_are_left_out(settings: str, terms: tuple[Term, ...]) -> None:
    series, conditions, _ = some("dark and offset", 20, n=30)
    blind = without(conditions, **{settings: range(0, 30, 4)})
    use = every(series)
    use[:, ::4] = False
    found, expected = fit(series, blind, every(series), terms), fit(series, conditions, use, terms)
    assert_array_equal(found.strength, expected.strength)
    assert_array_equal(found.half_width, expected.half_width)
    assert np.isnan(found.effect[:, ::4]).all()
    assert np.isfinite(found.effect[:, 1::4]).all()


def test_the_shutter_time_does_not_matter_to_an_offset() -> None:
    series, conditions, _ = some("offset", 21, n=20)
    found = fit(series, without(conditions, shutter=range(20)), every(series), (Term.OFFSET,))
    assert_array_equal(found.strength, fit(series, conditions, every(series), (Term.OFFSET,)).strength)
    assert np.isfinite(found.effect).all()


def test_a_first_guess_that_is_right_to_a_third_is_as_good_as_the_truth() -> None:
    series, conditions, truth = some("dark and offset", 22, n=40)
    guess = truth * np.random.default_rng(0).choice([0.75, 1.3], truth.shape)
    terms = [Term.DARK, Term.OFFSET]
    found, best = (fit(series, conditions, every(series), terms, start=start) for start in (guess, truth))
    apart = np.abs(found.strength - best.strength)[:, terms] / best.half_width[:, terms]
    # The others locked out as odd the only long exposure.
    assert (apart < 0.5).mean() > 0.94


def test_a_fit_leaves_its_first_guess_as_it_was() -> None:
    series, conditions, truth = some("all", 23, n=10)
    before = truth.copy()
    fit(series, conditions, every(series), (Term.OFFSET,), start=truth)
    assert_array_equal(truth, before)


# the slow one: rounds by the letter, with matrices


def slow_fit(
    series: Series, conditions: Conditions, use: NDArray[np.bool_], terms: tuple[Term, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return strengths, their variances and the scale of one series."""
    parts = [series.level[0], conditions.gain * conditions.shutter_s, conditions.gain]  # in the order of `Term`
    design = np.stack([parts[term] if term in terms else np.zeros(use.size) for term in Term], axis=1)
    value, level, room = series.value[0], series.level[0], conditions.saturation - series.level[0]
    use = use & series.known[0] & (room > 0) & np.isfinite(design).all(axis=1)
    design = np.where(use[:, None], design, 0)
    residual = np.where(use, value - level, 0)
    noise = series.variance[0] + series.photon[0] * np.maximum(room, 0)
    saturated = value >= conditions.saturation - kernels._NEAR_CEILING * np.sqrt(noise)
    most = conditions.saturation.max()
    widest = np.array([1.0, most, most]) * [kernels._WIDEST[term] for term in Term]
    prior = np.diag([1 / widest[k] ** 2 if k in terms else 1.0 for k in Term])
    found, scale, inverse = np.zeros(3), 1.0, np.zeros((3, 3))
    for _ in range(kernels._ROUNDS):
        effect = design @ found
        expected = level + effect
        low = (value <= conditions.floor) & (expected <= conditions.floor)
        clear = use & ~((saturated & (expected >= value)) | low)
        shown = np.minimum(effect, room)
        variance = series.variance[0] + np.maximum(series.photon[0] * shown, 0) + (kernels.SPREAD * shown) ** 2
        if Term.DARK in terms:
            dark = np.abs(np.minimum(design[:, Term.DARK] * found[Term.DARK], room))
            ruled = clear & (dark > 3 * np.sqrt(variance))
            spread = kernels.ASSUMED_DARK_SPREAD
            if np.count_nonzero(ruled) >= kernels.FEWEST_RULED:
                squares = ((residual - effect)[ruled] / dark[ruled]) ** 2
                square = np.median(squares) / kernels.SQUARED_MEDIAN - np.median(variance[ruled] / dark[ruled] ** 2)
                spread = float(np.sqrt(np.clip(square, 0, kernels.MOST_DARK_SPREAD**2)))
            variance = variance + (spread * dark) ** 2
        z = (residual - effect) / np.sqrt(variance)
        scale = 1.0
        if np.count_nonzero(clear) >= kernels.FEWEST_SCALED:
            scale = max(float(np.sqrt(np.median(z[clear] ** 2) / kernels.SQUARED_MEDIAN)), 1.0)
        odd, z = series.odd[0], z / scale
        normal = (1 - odd) * np.exp(-z * z / 2) * 0.39894
        weight = normal / (normal + odd * 0.36755 / ODD_WIDTH / (1 + (z / ODD_WIDTH) ** 2 / 3) ** 2)
        precision = np.where(clear, weight, 0) / (variance * scale**2)
        inverse = np.linalg.inv(design.T @ (design * precision[:, None]) + prior)
        found = inverse @ (design.T @ (precision * residual))
    found[[k for k in range(3) if k not in terms]] = 0
    return found, np.diag(inverse), scale


@pytest.mark.parametrize(
    "terms", [ALL, (Term.DARK,), (Term.OFFSET,), (Term.RESPONSE,), (Term.DARK, Term.OFFSET)], ids=str
)
@pytest.mark.parametrize("name", ["all", "dark and offset", "response", "none"])
def test_compiled_rounds_equal_the_slow_ones(terms: tuple[Term, ...], name: str) -> None:
    series, conditions, _ = some(name, 11, n=25, filtered=0.1)
    found = fit(series, conditions, every(series), terms)
    own = list(terms)
    for i in range(0, CASES, 6):
        strength, variance, scale = slow_fit(series[i : i + 1], conditions, every(series)[i], terms)
        assert_allclose(found.scatter[i], scale, rtol=1e-6)
        assert_allclose(found.strength[i], strength, rtol=1e-6, atol=1e-6 * np.sqrt(variance.max()))
        if scale == 1:  # else by Student's t
            assert_allclose(found.half_width[i][own], 1.96 * np.sqrt(variance[own]), rtol=1e-6)


@pytest.mark.parametrize("size", range(12))
def test_the_middle_is_the_median(size: int) -> None:
    rng = np.random.default_rng(size)
    for values in (rng.normal(0, 1, size), rng.integers(0, 3, size).astype(float), np.arange(size) * 1.0):
        scratch = np.concatenate([values, [-99.0]])
        assert kernels.median_of_first(scratch, size) == (np.median(values) if size else 0)
