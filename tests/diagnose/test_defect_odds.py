"""Odds: the compiled loops equal the slow ones, no healthy photosite is listed, and no frame decides alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from sensormap.diagnose import defect_odds as constants
from sensormap.diagnose import likelihood as kernels
from sensormap.diagnose.behaviour import SINGLE, Behaviour
from sensormap.diagnose.defect_odds import LIKELY, Odds, odds_of, probability, since_prior
from sensormap.diagnose.likelihood import Likelihoods, effect_ratios, evidence
from sensormap.diagnose.series import Conditions, Series
from sensormap.settings import LeastStrengths
from tests.support.followed import (
    FLOOR,
    HEALTHY,
    RESPONSE_SPREAD,
    SATURATION,
    Law,
    flat_conditions,
    log_ratios,
    make_conditions,
    quiet_series,
    simulate,
    without,
)

BRIGHT = [Behaviour.HOT, Behaviour.OFFSET, Behaviour.TELEGRAPH, Behaviour.FLICKER]
EACH = pytest.mark.parametrize("behaviour", SINGLE, ids=lambda behaviour: behaviour.name.lower())


def weighed(series: Series, conditions: Conditions, *, response_spread: float = RESPONSE_SPREAD) -> Odds:
    return odds_of(series, conditions, LeastStrengths(), response_spread=response_spread)


def said(series: Series, conditions: Conditions, behaviour: Behaviour, strength: float) -> NDArray[np.float64]:
    return log_ratios(series, conditions, behaviour, np.full(len(series), strength))


def assert_same(one: Odds, other: Odds) -> None:
    for name, array in vars(one).items():
        assert_array_equal(array, getattr(other, name), err_msg=name)


# the slow ones: the formulas by the letter, with the constants of the fast ones

STRAY = kernels.STRAY


def slow_likelihood(value: float, expected: float, variance: float, odd: float, floor: float, ceiling: float) -> float:
    """Return the density of a normal distribution with tails of Student's t, and a little of anything at all."""
    sigma = math.sqrt(variance)

    def below(z: float) -> float:
        normal = 0.5 * (1 + math.erf(z / math.sqrt(2)))
        t = z / 2
        student = 0.5 + (math.atan(t / math.sqrt(3)) + math.sqrt(3) * t / (3 + t * t)) / math.pi
        return (1 - odd) * normal + odd * student

    if value >= ceiling:
        return (1 - STRAY) * below((expected - ceiling) / sigma) + STRAY / 2
    if value <= floor:
        return (1 - STRAY) * below((floor - expected) / sigma) + STRAY / 2
    z = (value - min(expected, ceiling)) / sigma
    normal = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    student = 2 / (math.pi * math.sqrt(3)) / (1 + (z / 2) ** 2 / 3) ** 2 / 2
    return (1 - STRAY) * ((1 - odd) * normal + odd * student) / sigma + STRAY / (ceiling - floor)


def slow_log(chance: float) -> float:
    return math.log(max(chance, 1e-30))


def slow_ratio(  # noqa: PLR0911
    series: Series, conditions: Conditions, i: int, t: int, kind: Behaviour, strength: float
) -> float:
    """Return the log likelihood ratio of one value by the letter."""
    if not series.known[i, t]:
        return 0.0
    value, level, variance = (float(part[i, t]) for part in (series.value, series.level, series.variance))
    gain, shutter_s = float(conditions.gain[t]), float(conditions.shutter_s[t])
    bounds = float(series.odd[i, t]), float(conditions.floor[t]), float(conditions.saturation[t])
    _, floor, ceiling = bounds
    healthy = slow_log(slow_likelihood(value, level, variance, *bounds))
    added, spread = {
        Behaviour.HOT: (strength * gain * shutter_s, 0.15),
        Behaviour.OFFSET: (strength * gain, 0.03),
        Behaviour.TELEGRAPH: (strength * gain, 0.03),
        Behaviour.FLICKER: (strength * gain, 0.0),
        Behaviour.WEAK: ((strength - 1) * level, 0.01),
        Behaviour.STUCK: (strength - level, 0.0),
    }[kind]
    if math.isnan(added):
        return 0.0
    above = value > level if kind == Behaviour.FLICKER else added > 0
    if conditions.filtered[t] and above:
        return 0.0
    if kind == Behaviour.STUCK:
        if level >= ceiling and strength >= ceiling:
            return 0.0
        if value >= ceiling:
            chance = 1.0 if strength >= ceiling else 1e-9
        elif value <= floor:
            chance = 1.0 if strength <= floor else 1e-9
        else:
            width = math.sqrt(0.5 + (0.003 * strength) ** 2)
            chance = math.exp(-(((value - strength) / width) ** 2) / 2) / math.sqrt(2 * math.pi) / width
        return max(slow_log(chance) - healthy, -kernels.ODD_READING)
    if level >= ceiling:
        return 0.0
    if kind == Behaviour.FLICKER:
        return slow_log(slow_likelihood(value, level, variance + added**2, *bounds)) - healthy
    shown = min(added, ceiling - level)
    scatter = variance + max(float(series.photon[i, t]) * shown, 0) + (spread * shown) ** 2
    faulty = max(slow_likelihood(value, level + added, scatter, *bounds), 1e-30)
    if kind == Behaviour.TELEGRAPH:
        return math.log(kernels.PRESENT * faulty + (1 - kernels.PRESENT) * math.exp(healthy)) - healthy
    return math.log(faulty) - healthy


def slow_own(series: Series, conditions: Conditions, i: int, spread: float) -> float:
    """Return what a response of its own adds to health: the mean over responses, normally distributed about 1."""
    total = {}
    for k in range(-kernels.RESPONSES, kernels.RESPONSES + 1):
        total[k] = sum(
            slow_log(
                slow_likelihood(
                    series.value[i, t],
                    series.level[i, t] * (1 + k * spread),
                    series.variance[i, t],
                    series.odd[i, t],
                    conditions.floor[t],
                    conditions.saturation[t],
                )
            )
            for t in range(conditions.gain.size)
            if series.known[i, t] and series.level[i, t] < conditions.saturation[t]
        )
    mean = sum(math.exp(total[k] - total[0] - k * k / 2) for k in total) / math.sqrt(2 * math.pi)
    return math.log(mean)


def slow_sums(
    series: Series, conditions: Conditions, i: int, kind: Behaviour, strengths: list[float]
) -> dict[tuple[int, int, int], float]:
    """Return the log likelihood ratio for every strength (by position), first frame, and frame after the last."""
    n = conditions.gain.size
    sums: dict[tuple[int, int, int], float] = {}
    for s, strength in enumerate(strengths):
        ratio = [slow_ratio(series, conditions, i, t, kind, strength) for t in range(n)]
        sums |= {(s, a, b): math.fsum(ratio[a:b]) for a in range(n) for b in range(a + 1, n + 1)}
    return sums


def log_of_sum(values: list[float]) -> float:
    return max(values) + math.log(sum(math.exp(value - max(values)) for value in values))


def any_series(seed: int, *, count: int, n: int, floor: float = 0.0) -> tuple[Series, Conditions]:
    """Return random values of all sorts: clipped, hidden, of unknown settings, far from their surroundings or near."""
    rng = np.random.default_rng(seed)
    ceiling = rng.choice([SATURATION, 3000.0], n)
    conditions = Conditions(
        number=np.arange(n),
        gain=rng.choice([1.0, 4.0, 16.0, np.nan], n),
        shutter_s=rng.choice([0.001, 0.1, 8.0, np.nan], n),
        filtered=rng.random(n) < 0.3,
        saturation=ceiling,
        floor=np.full(n, floor),
    )
    shape = (count, n)
    level = np.where(rng.random(shape) < 0.15, ceiling, np.rint(rng.uniform(floor, 3000, shape) * 2) / 2)
    variance = rng.uniform(1, 900, shape)
    near = level + rng.normal(0, 2, shape) * np.sqrt(variance)
    value = np.where(rng.random(shape) < 0.4, rng.uniform(floor, 4000, shape), near)
    value = np.where(rng.random(shape) < 0.15, floor, value)
    return Series(
        value=np.clip(np.rint(value), floor, ceiling),
        level=level,
        spread=rng.uniform(0, 100, shape),
        variance=variance,
        photon=rng.uniform(0, 5, shape),
        odd=10 ** rng.uniform(-4, -0.3, shape),
        known=rng.random(shape) < 0.85,
    ), conditions


@pytest.mark.parametrize("floor", [0.0, -64.0])
@pytest.mark.parametrize("seed", range(4))
def test_evidence_equals_the_slow_one(seed: int, floor: float) -> None:
    count, n = 6, 5
    series, conditions = any_series(seed, count=count, n=n, floor=floor)
    tries: dict[Behaviour, NDArray[np.float64]] = {}
    tries[Behaviour.HOT] = np.array([20.0, 500, 90_000])
    tries[Behaviour.OFFSET] = np.array([6.0, 700])
    tries[Behaviour.WEAK] = np.array([0, 0.5, 0.95])
    tries[Behaviour.TELEGRAPH] = np.array([90.0])
    tries[Behaviour.FLICKER] = np.array([20.0, 100, 3000])
    tries[Behaviour.STUCK] = np.stack([np.median(series.value, axis=1), series.value[:, -1]])
    total, lasting, healed = evidence(series, conditions, tries, 0.01)
    for i in range(count):
        own = slow_own(series, conditions, i, 0.01)
        for kind in SINGLE:
            own_tries = tries[kind][:, i] if tries[kind].ndim == 2 else tries[kind]
            strengths = own_tries.tolist()
            sums = slow_sums(series, conditions, i, kind, strengths)
            tried = math.log(len(strengths))
            until_last = [log_of_sum([sums[s, t, n] for s in range(len(strengths))]) - tried - own for t in range(n)]
            assert_allclose(total[i, kind], until_last, rtol=1e-9, atol=1e-9)
            # Where several predictions are equally good any may be named: the one that is has to be worth what it says.
            score, strength, first, end = lasting[i, kind]
            assert end == n
            assert score == pytest.approx(max(sums[key] for key in sums if key[2] == n) - own, abs=1e-9)
            assert score == pytest.approx(sums[strengths.index(strength), int(first), n] - own, abs=1e-9)
            score, strength, first, end = healed[i, kind]
            assert score == pytest.approx(max(sums.values()) - own - tried, abs=1e-9)
            assert score == pytest.approx(sums[strengths.index(strength), int(first), int(end)] - own - tried, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_odds_equal_the_slow_ones(n: int) -> None:
    series, conditions = any_series(9, count=3, n=n)
    odds = weighed(series, conditions)
    usual = constants.usual_sides(series, conditions)
    tries = constants._strengths(LeastStrengths().scaled(float(conditions.saturation.max())), conditions, usual)
    tries[Behaviour.STUCK] = constants._levels(series, conditions)
    shares = constants.PRIOR | {Behaviour.STUCK: constants.PRIOR[Behaviour.STUCK] / constants._LEVELS}
    for i in range(3):
        own = slow_own(series, conditions, i, RESPONSE_SPREAD)
        for kind in SINGLE:
            own_tries = tries[kind][:, i] if tries[kind].ndim == 2 else tries[kind]
            strengths = own_tries.tolist()
            sums = slow_sums(series, conditions, i, kind, strengths)
            tried = math.log(len(strengths))
            born = since_prior(n)
            lasts = log_of_sum([sums[s, t, e] + math.log(born[t]) for s, t, e in sums if e == n])
            lasts += math.log(1 - constants.HEALS)
            heals = max(sums.values()) + math.log(constants.HEALS / (n * (n + 1) / 2))
            found = log_of_sum([lasts, heals]) - tried - own + math.log(shares[kind])
            if kind in constants.SIGNED and not usual[i, constants.SIGNED.index(kind)]:
                found += math.log(constants._OTHER_SIDE)
            assert odds.by_behaviour[i, kind] == pytest.approx(found, abs=1e-8)
        assert odds.total[i] == pytest.approx(log_of_sum(list(odds.by_behaviour[i])), abs=1e-9)


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_what_each_frame_says_equals_the_slow_one(behaviour: Behaviour, seed: int) -> None:
    series, conditions = any_series(seed, count=30, n=8)
    strength = {Behaviour.HOT: 900.0, Behaviour.WEAK: 0.6, Behaviour.STUCK: 1200.0}.get(behaviour, 150.0)
    found = said(series, conditions, behaviour, strength)
    slow = [[slow_ratio(series, conditions, i, t, behaviour, strength) for t in range(8)] for i in range(30)]
    assert_allclose(found, slow, rtol=1e-9, atol=1e-9)


def test_ratios_of_given_effects_equal_those_of_an_offset() -> None:
    series, conditions = any_series(4, count=40, n=9)
    effect = np.broadcast_to(70 * conditions.gain, series.value.shape).copy()
    shown = np.minimum(effect, conditions.saturation - series.level)
    extra = np.maximum(series.photon * shown, 0) + (0.03 * shown) ** 2
    out = effect_ratios(series, conditions, effect, extra)
    assert_allclose(out, said(series, conditions, Behaviour.OFFSET, 70.0), rtol=1e-12, atol=1e-12)


# likelihood


def likelihood(value: NDArray[np.float64], expected: float, variance: float, odd: float) -> NDArray[np.float64]:
    """Return how likely each value is, given what is expected and the variance about it."""
    series = replace(quiet_series(value), odd=np.full((1, value.size), odd))
    out = np.empty(series.value.shape)
    given = np.full(series.value.shape, expected)
    Likelihoods(series, flat_conditions(value.size)).given(given, np.full(given.shape, variance), out)
    return np.asarray(out[0])


@given(
    expected=st.floats(FLOOR, SATURATION),
    sigma=st.floats(2, 200),
    odd=st.floats(0, 0.5),
)
def test_the_chances_of_all_values_sum_to_one(expected: float, sigma: float, odd: float) -> None:
    chances = likelihood(np.arange(SATURATION + 1), expected, sigma**2, odd)
    # The two clips also hold the halves of the steps beside them: at most half the density at the peak, each.
    assert sum(chances) == pytest.approx(1, abs=0.25 / sigma + 0.002)


@given(excess=st.floats(0, 5000), sigma=st.floats(5, 200))
def test_beyond_the_clip_at_most_half_is_counted_twice(excess: float, sigma: float) -> None:
    """A photosite may clip before or after its signal is digitised; both are taken to be possible."""
    chances = likelihood(np.arange(SATURATION + 1), SATURATION + excess, sigma**2, 0.0)
    assert 0.95 < sum(chances) < 1.55


@given(value=st.integers(0, 3880), expected=st.floats(-500, 70_000), odd=st.floats(0, 0.5))
def test_no_value_is_impossible(value: int, expected: float, odd: float) -> None:
    assert likelihood(np.array([float(value)]), expected, 25.0, odd) > kernels.STRAY / (SATURATION + 1)


# health


@pytest.mark.parametrize("n", [1, 2, 3, 30])
@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_no_healthy_photosite_is_likely_defective(n: int, spread: float) -> None:
    rng = np.random.default_rng(n)
    conditions = make_conditions(n, rng, filtered=0.1)
    series = simulate([HEALTHY] * 2000, conditions, rng, response_spread=spread)
    odds = weighed(series, conditions)
    assert not odds.likely.any()
    assert odds.total.max() < LIKELY - 4
    assert np.median(odds.total) < 0


@pytest.mark.parametrize("odd", [0.01, 0.1, 0.4])
def test_odd_values_as_frequent_as_stated_convict_nobody(odd: float) -> None:
    rng = np.random.default_rng(5)
    conditions = make_conditions(40, rng)
    series = simulate([HEALTHY] * 600, conditions, rng)
    strange = series.level + 2 * np.sqrt(series.variance) * rng.standard_t(3, series.value.shape)
    strange = np.clip(np.rint(strange), FLOOR, SATURATION)
    value = np.where(rng.random(series.value.shape) < odd, strange, series.value)
    odds = weighed(replace(series, value=value, odd=np.full(value.shape, odd)), conditions)
    assert not odds.likely.any()


@pytest.mark.parametrize("n", [1, 2, 3, 40])
@pytest.mark.parametrize("at", ["first", "middle", "last"])
def test_one_wild_frame_never_convicts(n: int, at: str) -> None:
    rng = np.random.default_rng(6)
    conditions = make_conditions(n, rng)
    series = simulate([HEALTHY] * 60, conditions, rng, levels=(10, 800))
    t = {"first": 0, "middle": n // 2, "last": n - 1}[at]
    for wild in (series.value[:, t] + 3000, SATURATION, FLOOR):
        value = series.value.copy()
        value[:, t] = wild
        assert not weighed(replace(series, value=value), conditions).likely.any()


@pytest.mark.parametrize("n", [3, 40])
def test_three_frames_with_an_offset_convict(n: int) -> None:
    rng = np.random.default_rng(7)
    conditions = make_conditions(n, rng)
    series = simulate([Law(offset=150.0, since=n - 3)] * 40, conditions, rng, levels=(20, 800))
    odds = weighed(series, conditions)
    assert odds.likely.all()
    assert (odds.confidence > 0.5).all()
    assert (odds.span[:, Behaviour.OFFSET] == [n - 3, n]).all()


def test_a_defect_convicts_better_with_every_further_frame() -> None:
    rng = np.random.default_rng(8)
    conditions = make_conditions(12, rng)
    series = simulate([Law(offset=100.0)] * 10, conditions, rng, levels=(20, 800))
    odds = [weighed(replace(series, known=np.tile(np.arange(12) < k, (10, 1))), conditions) for k in (2, 5, 9)]
    assert (odds[0].total < odds[1].total).all()
    assert (odds[1].total < odds[2].total).all()


# frames that say nothing


@EACH
@pytest.mark.parametrize("value", [FLOOR, 700.0, SATURATION])
def test_saturated_surroundings_say_nothing(behaviour: Behaviour, value: float) -> None:
    """Except where a photosite is stuck below: that is seen there."""
    conditions = flat_conditions(4)
    series = quiet_series([value] * 4, level=SATURATION)
    strength = {Behaviour.WEAK: 0.5, Behaviour.STUCK: SATURATION}.get(behaviour, 300.0)
    assert not said(series, conditions, behaviour, strength).any()


def test_a_photosite_that_stays_dark_in_saturated_surroundings_is_stuck() -> None:
    assert (said(quiet_series([700.0] * 4, level=SATURATION), flat_conditions(4), Behaviour.STUCK, 700.0) > 3).all()


@pytest.mark.parametrize("behaviour", BRIGHT)
@pytest.mark.parametrize("value", [500.0, 530.0, 900.0, SATURATION])
def test_filtered_frames_say_nothing_about_bright_defects(behaviour: Behaviour, value: float) -> None:
    conditions = replace(flat_conditions(3, shutter_s=1.0), filtered=np.array([True, False, True]))
    # What flickers is as often dark, and that shows; as bright as its surroundings it may have been lowered.
    level = 500.0 if behaviour != Behaviour.FLICKER else value - 1
    ratio = said(quiet_series([value] * 3, level=level), conditions, behaviour, 300.0)[0]
    assert ratio[0] == ratio[2] == 0
    assert ratio[1] != 0


@pytest.mark.parametrize(
    ("behaviour", "strength"), [(Behaviour.WEAK, 0.8), (Behaviour.STUCK, 400.0), (Behaviour.FLICKER, 100.0)]
)
def test_filtered_frames_say_as_much_as_others_about_dark_ones(behaviour: Behaviour, strength: float) -> None:
    conditions = replace(flat_conditions(2), filtered=np.array([True, False]))
    ratio = said(quiet_series([400.0] * 2), conditions, behaviour, strength)[0]
    assert ratio[0] == ratio[1] > 2


def test_a_defect_that_the_filter_hides_is_neither_found_nor_excluded() -> None:
    rng = np.random.default_rng(10)
    conditions = make_conditions(40, rng)
    half = replace(conditions, filtered=np.arange(40) % 2 == 0)
    series = simulate([Law(offset=200.0)] * 20, half, rng)
    assert weighed(series, half).likely.all()
    everywhere = replace(conditions, filtered=np.ones(40, np.bool_))
    hidden = weighed(simulate([Law(offset=200.0)] * 20, everywhere, rng), everywhere)
    assert not hidden.likely.any()
    said_of = {one: hidden.by_behaviour[:, one] - math.log(constants.PRIOR[one]) for one in SINGLE}
    assert_allclose(said_of[Behaviour.OFFSET], said_of[Behaviour.TELEGRAPH], atol=1e-9)
    assert_allclose(said_of[Behaviour.OFFSET], said_of[Behaviour.HOT], atol=1e-9)


@EACH
def test_frames_that_do_not_count_say_nothing(behaviour: Behaviour) -> None:
    series, conditions = any_series(3, count=20, n=6)
    nothing = replace(series, known=np.zeros_like(series.known))
    assert not said(nothing, conditions, behaviour, 50.0).any()


def test_values_that_do_not_count_do_not_matter() -> None:
    """But as levels to be stuck at: those are looked up among all values."""
    rng = np.random.default_rng(11)
    conditions = make_conditions(20, rng)
    series = simulate([Law(offset=100.0), Law(dark=3000.0), Law(response=0.7), HEALTHY] * 5, conditions, rng)
    known = rng.random(series.value.shape) < 0.7
    one = replace(series, known=known)
    other = replace(one, value=np.where(known, series.value, 77.0), level=np.where(known, series.level, 900.0))
    apart = np.array([behaviour != Behaviour.STUCK for behaviour in SINGLE])
    first, second = weighed(one, conditions), weighed(other, conditions)
    assert_array_equal(first.by_behaviour[:, apart], second.by_behaviour[:, apart])
    assert_array_equal(first.span[:, apart], second.span[:, apart])


# ISO and shutter times unknown


@pytest.mark.parametrize("which", ["iso", "shutter"])
def test_frames_of_unknown_settings_count_only_for_what_does_not_depend_on_them(which: str) -> None:
    series, conditions = any_series(5, count=20, n=6)
    conditions = replace(conditions, gain=np.full(6, 4.0), shutter_s=np.full(6, 0.5))
    fewer = without(conditions, **{which: [1, 4]})
    blind = {"iso": BRIGHT, "shutter": [Behaviour.HOT]}[which]
    for behaviour in SINGLE:
        strength = 0.7 if behaviour == Behaviour.WEAK else 300.0
        full, found = said(series, conditions, behaviour, strength), said(series, fewer, behaviour, strength)
        assert_array_equal(np.delete(found, [1, 4], axis=1), np.delete(full, [1, 4], axis=1))
        assert_array_equal(found[:, [1, 4]], 0 if behaviour in blind else full[:, [1, 4]])


@pytest.mark.parametrize("settings", [("iso",), ("shutter",), ("iso", "shutter")])
@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_without_any_settings_the_odds_are_numbers_and_health_stays_health(settings: tuple[str, ...], n: int) -> None:
    rng = np.random.default_rng(12)
    conditions = make_conditions(n, rng)
    blind = without(conditions, **dict.fromkeys(settings, range(n)))
    odds = weighed(simulate([HEALTHY] * 300, conditions, rng), blind)
    assert np.isfinite(odds.total).all()
    assert np.isfinite(odds.by_behaviour).all()
    assert not odds.likely.any()


@pytest.mark.parametrize("settings", ["iso", "shutter"])
def test_weak_and_stuck_photosites_are_found_without_settings(settings: str) -> None:
    rng = np.random.default_rng(13)
    conditions = make_conditions(30, rng)
    series = simulate([Law(response=0.6)] * 10 + [Law(stuck=900.0)] * 10, conditions, rng)
    odds = weighed(series, without(conditions, **{settings: range(30)}))
    assert odds.likely.all()
    assert (odds.by_behaviour.argmax(axis=1) == [Behaviour.WEAK] * 10 + [Behaviour.STUCK] * 10).all()


# few, none, order


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_frames_give_finite_odds_and_spans_within_them(n: int) -> None:
    rng = np.random.default_rng(14)
    conditions = make_conditions(n, rng)
    odds = weighed(
        simulate([Law(offset=300.0), Law(stuck=0.0), Law(dark=9e4), HEALTHY] * 20, conditions, rng), conditions
    )
    assert np.isfinite(odds.total).all()
    assert (odds.span[..., 0] >= 0).all()
    assert (odds.span[..., 1] <= n).all()
    assert (odds.span[..., 0] < odds.span[..., 1]).all()
    assert n > 1 or not odds.likely.any()


def test_no_photosites_have_no_odds() -> None:
    conditions = flat_conditions(5)
    odds = weighed(quiet_series(np.zeros((0, 5))), conditions)
    assert odds.total.shape == odds.likely.shape == odds.confidence.shape == (0,)
    assert odds.by_behaviour.shape == odds.strength.shape == (0, 6)
    assert odds.span.shape == (0, 6, 2)


def test_lots_are_weighed_as_all_at_once() -> None:
    rng = np.random.default_rng(15)
    conditions = make_conditions(15, rng)
    series = simulate([Law(offset=50.0), Law(response=0.8), HEALTHY, Law(stuck=40.0)] * 5, conditions, rng)
    whole = weighed(series, conditions)
    parts = [weighed(series[part], conditions) for part in (slice(0), slice(0, 7), slice(7, 20))]
    assert_same(Odds.concatenate(parts), whole)
    order = rng.permutation(20)
    assert_same(weighed(series[order], conditions), whole[order])


def test_weighing_leaves_the_series_as_it_was() -> None:
    series, conditions = any_series(6, count=10, n=5)
    before = {name: array.copy() for name, array in vars(series).items()}
    weighed(series, conditions)
    for name, array in before.items():
        assert_array_equal(array, getattr(series, name))


# priors


@given(n=st.integers(2, 300))
def test_half_of_the_defects_are_there_from_the_start_and_the_others_come_evenly(n: int) -> None:
    prior = since_prior(n)
    assert prior[0] == 0.5
    assert prior.sum() == pytest.approx(1)
    assert (prior[1:] == prior[-1]).all()


def test_probability_is_a_half_where_a_defect_is_as_likely_as_none() -> None:
    found = probability(np.array([-np.inf, -1e9, LIKELY, 1e9]))
    assert_allclose(found, [0, 0, 0.5, 1], atol=1e-12)
    assert (np.diff(probability(np.linspace(-20, 40, 99))) >= 0).all()


@pytest.mark.parametrize("saturation", [0.0, 1023.0, 3880.0, 65_535.0])
def test_floors_in_dn_go_with_saturation(saturation: float) -> None:
    least = LeastStrengths(20.0, 4.0, 0.05).scaled(saturation)
    assert least.dark_dn_per_s == 5 * least.offset_dn == pytest.approx(20 * max(saturation, 1) / 4095)
    assert least.response == 0.05


def test_a_camera_of_more_bits_gives_the_same_odds() -> None:
    """All DN times sixteen, their spreads too: only stuck levels, whose steps are whole DN, tell the two apart."""
    rng = np.random.default_rng(16)
    conditions = make_conditions(20, rng)
    series = simulate([Law(offset=60.0), Law(dark=2000.0), Law(response=0.8), HEALTHY] * 4, conditions, rng)
    wide = replace(
        series,
        value=series.value * 16,
        level=series.level * 16,
        variance=series.variance * 256,
        photon=series.photon * 16,
    )
    deep = replace(conditions, saturation=conditions.saturation * 16)
    apart = [behaviour for behaviour in SINGLE if behaviour != Behaviour.STUCK]
    found, plain = (weighed(*one).by_behaviour[:, apart] for one in ((wide, deep), (series, conditions)))
    assert_allclose(found, plain, atol=1e-6)
