"""Laws: of each defect the law that made it fits best, over the frames in which it was there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from sensormap.diagnose.behaviour import LINEAR, Behaviour
from sensormap.diagnose.defect_odds import Odds
from sensormap.diagnose.law_choice import LawFit, choose_laws, levels_off
from sensormap.diagnose.series import Conditions, Series
from sensormap.maps.entries import DefectKind
from tests.support.followed import (
    FLOOR,
    HEALTHY,
    SATURATION,
    Law,
    diagnoses,
    draw,
    follow,
    make_conditions,
    simulate,
    without,
)

CASES = 24
N = 50
MADE_BY = {
    Behaviour.HOT: lambda rng: Law(dark=draw(rng, 300, 20_000)),
    Behaviour.OFFSET: lambda rng: Law(offset=draw(rng, 10, 1000)),
    Behaviour.HOT_WITH_OFFSET: lambda rng: Law(dark=draw(rng, 500, 5000), offset=draw(rng, 30, 300)),
    Behaviour.WEAK: lambda rng: Law(response=rng.uniform(0.3, 0.9)),
    Behaviour.STUCK: lambda rng: Law(stuck=float(round(draw(rng, 100, 3800)))),
    Behaviour.TELEGRAPH: lambda rng: Law(offset=draw(rng, 60, 500), present=rng.uniform(0.4, 0.8)),
    Behaviour.FLICKER: lambda rng: Law(jitter=draw(rng, 60, 500)),
}

EVERY_LAW = pytest.mark.parametrize("law", Behaviour, ids=lambda law: law.name.lower())


@dataclass(frozen=True)
class Case:
    """Series that one law made, and what was found."""

    series: Series
    conditions: Conditions
    laws: list[Law]
    best: list[Behaviour]
    fit: LawFit


def chosen(series: Series, conditions: Conditions, odds: Odds) -> tuple[NDArray[np.intp], LawFit]:
    choice = choose_laws(series, conditions, odds)
    return choice.law, choice.fit


def tried(series: Series, conditions: Conditions) -> tuple[list[Behaviour], LawFit]:
    best, fit = chosen(series, conditions, follow(series, conditions).odds)
    return [Behaviour(law) for law in best], fit


@cache
def all_cases(
    *, of: tuple[Behaviour, ...] = tuple(MADE_BY), since: int = 0, filtered: float = 0.0
) -> dict[Behaviour, Case]:
    """Try the laws on series of several laws at once."""
    rng = np.random.default_rng(1)
    conditions = make_conditions(N, rng, filtered=filtered, long=0.2)
    laws = [replace(MADE_BY[law](rng), since=since) for law in of for _ in range(CASES)]
    series = simulate(laws, conditions, rng, response_spread=0.01)
    best, fit = tried(series, conditions)
    cases = {}
    for i, law in enumerate(of):
        rows = slice(i * CASES, (i + 1) * CASES)
        part = LawFit(**{name: array[rows] for name, array in vars(fit).items()})
        cases[law] = Case(series[rows], conditions, laws[rows], best[rows], part)
    return cases


def truth_of(case: Case) -> NDArray[np.float64]:
    return np.array([[law.response - 1, law.dark, law.offset] for law in case.laws])


@EVERY_LAW
def test_the_law_that_made_a_series_fits_it_best(law: Behaviour) -> None:
    case = all_cases()[law]
    # Dark current and offset are one law where one of them is faint; telegraph noise and flicker are one kind.
    noisy = [Behaviour.TELEGRAPH, Behaviour.FLICKER]
    alike = {
        Behaviour.HOT: [Behaviour.HOT, Behaviour.HOT_WITH_OFFSET],
        Behaviour.OFFSET: [Behaviour.OFFSET, Behaviour.HOT_WITH_OFFSET],
        **dict.fromkeys(noisy, noisy),
    }
    assert sum(one in alike.get(law, [law]) for one in case.best) >= 0.95 * CASES
    assert (case.fit.score > 10).all()
    # Telegraph noise may be low in the first frames; a faint dark current shows in the first long exposure.
    assert np.median(case.fit.first) <= 1
    assert (case.fit.end == N).mean() >= 0.95


@pytest.mark.parametrize("law", [*LINEAR, Behaviour.STUCK], ids=lambda law: law.name.lower())
def test_the_law_is_fitted_to_the_frames_since_the_birth(law: Behaviour) -> None:
    case = all_cases(since=20)[law]
    assert np.median(np.abs(case.fit.first - 20)) <= 3
    assert (case.fit.end == N).mean() >= 0.95
    if law in LINEAR:
        right = np.array([one == law for one in case.best])
        relative = case.fit.strength / np.where(truth_of(case) == 0, np.inf, truth_of(case))
        assert_allclose(np.median(relative[:, list(law.terms)][right], axis=0), 1, atol=0.04)


@EVERY_LAW
def test_the_score_is_what_the_frames_say_less_a_price_for_each_number(law: Behaviour) -> None:
    for case in (all_cases()[law], all_cases(since=20)[law]):
        for i, one in enumerate(case.best):
            first, end = case.fit.first[i], case.fit.end[i]
            price = 0.5 * one.numbers * np.log(max(end - first, 2))
            assert case.fit.score[i] == pytest.approx(case.fit.ratio[i, first:end].sum() - price, abs=1e-9)


@pytest.mark.parametrize("law", [Behaviour.HOT, Behaviour.OFFSET, Behaviour.WEAK])
def test_the_effect_is_what_the_defect_adds(law: Behaviour) -> None:
    case = all_cases()[law]
    response, dark, offset = truth_of(case).T[..., None]
    added = case.conditions.gain * (dark * case.conditions.shutter_s + offset) + response * case.series.level
    large = np.abs(added) > 200
    assert large.sum() > 100
    assert_allclose(np.median(case.fit.effect[large] / added[large]), 1, atol=0.03)


FITTED = (Behaviour.OFFSET, Behaviour.HOT_WITH_OFFSET, Behaviour.WEAK)


@pytest.mark.parametrize("law", FITTED)
def test_filtered_frames_do_not_count_in_the_fit_of_what_is_bright(law: Behaviour) -> None:
    """There the camera has lowered it: an offset that is gone in half of the frames is no offset."""
    case = all_cases(of=FITTED, filtered=0.45)[law]
    assert sum(one == law for one in case.best) >= 0.85 * CASES
    relative = case.fit.strength[:, list(law.terms)] / truth_of(case)[:, list(law.terms)]
    assert_allclose(np.median(relative, axis=0), 1, atol=0.05)


def test_the_order_of_the_series_does_not_matter() -> None:
    rng = np.random.default_rng(7)
    conditions = make_conditions(30, rng, filtered=0.1)
    laws = [MADE_BY[law](rng) for law in MADE_BY for _ in range(4)]
    series = simulate(laws, conditions, rng)
    odds = follow(series, conditions).odds
    order = rng.permutation(len(laws))
    best, fit = chosen(series, conditions, odds)
    shuffled, other = chosen(series[order], conditions, odds[order])
    assert_array_equal(shuffled, best[order])
    for name, array in vars(fit).items():
        assert_array_equal(getattr(other, name), array[order], err_msg=name)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_frames(n: int) -> None:
    rng = np.random.default_rng(8)
    conditions = make_conditions(n, rng)
    laws = [MADE_BY[law](rng) for law in MADE_BY for _ in range(4)]
    _, fit = tried(simulate(laws, conditions, rng), conditions)
    assert np.isfinite(fit.score).all()
    assert np.isfinite(fit.ratio).all()
    assert np.isfinite(fit.strength).all()
    assert (fit.first >= 0).all()
    assert (fit.first < fit.end).all()
    assert (fit.end <= n).all()


@pytest.mark.parametrize("settings", [{"iso": range(0, 30, 3)}, {"shutter": range(0, 30, 3)}, {"shutter": range(30)}])
def test_unknown_settings(settings: dict[str, range]) -> None:
    rng = np.random.default_rng(9)
    conditions = make_conditions(30, rng)
    laws = [MADE_BY[law](rng) for law in MADE_BY for _ in range(5)]
    best, fit = tried(simulate(laws, conditions, rng), without(conditions, **settings))
    assert np.isfinite(fit.score).all()
    assert np.isfinite(fit.ratio).all()
    # A weak or stuck photosite is one without any settings.
    for i, one in enumerate(MADE_BY):
        if one in (Behaviour.WEAK, Behaviour.STUCK):
            assert best[5 * i : 5 * i + 5] == [one] * 5


def test_frames_that_do_not_count_say_nothing() -> None:
    case = all_cases()[Behaviour.OFFSET]
    hidden = np.zeros(case.series.value.shape, np.bool_)
    hidden[:, ::3] = True
    wild = np.random.default_rng(0).uniform(FLOOR, SATURATION, hidden.shape).round()
    series = replace(case.series, known=~hidden, value=np.where(hidden, wild, case.series.value))
    best, fit = tried(series, case.conditions)
    assert sum(one in (Behaviour.OFFSET, Behaviour.HOT_WITH_OFFSET) for one in best) >= 0.95 * CASES
    assert (fit.ratio[:, ::3] == 0).all()


def test_no_series() -> None:
    case = all_cases()[Behaviour.OFFSET]
    best, fit = tried(case.series[:0], case.conditions)
    assert best == []
    assert fit.score.shape == (0,)
    assert fit.effect.shape == (0, N)


# dark currents that level off


def _levelling(charge: float, rate: float, conditions: Conditions, rng: np.random.Generator, **laws: object) -> Series:
    """Return a photosite whose dark current adds no more than a charge, DN at base ISO; light adds as usual."""
    healthy = simulate([Law(**laws)], conditions, rng, levels=(20.0, 600.0))  # type: ignore[arg-type]
    added = conditions.gain * np.minimum(rate * conditions.shutter_s, charge)
    return replace(healthy, value=np.rint(healthy.value + added))


@pytest.mark.parametrize("seed", range(4))
def test_a_dark_current_that_levels_off_has_the_rate_that_it_grows_by(seed: int) -> None:
    rng = np.random.default_rng(seed)
    conditions = make_conditions(40, rng, iso=100.0, shutter_s=(0.02, 8.0))
    series = _levelling(180.0, 400.0, conditions, rng)
    last, rate = levels_off(series, conditions)
    assert 0.05 <= last[0] <= 0.9  # 180 DN are reached after 0.45 s
    assert rate[0] == pytest.approx(400, rel=0.2)
    (found,) = diagnoses(series, conditions)
    assert found.kind == DefectKind.HOT
    _, low, high = found.strengths["dark_dn_per_s"]
    assert low <= 400 <= high
    assert high - low < 250


@pytest.mark.parametrize(
    "law",
    [
        Law(dark=400.0, dark_spread=0.15),
        Law(dark=20_000.0),  # clips
        Law(dark=100.0, offset=60.0),
        Law(offset=180.0),
        Law(offset=180.0, since=20),
        Law(offset=180.0, present=0.6),
        Law(stuck=400.0),
        Law(response=0.6),
        Law(jitter=100.0),
        HEALTHY,
    ],
    ids=str,
)
def test_nothing_else_levels_off(law: Law) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for times in ((0.02, 8.0), None):
            conditions = make_conditions(40, rng, shutter_s=times)
            last, _ = levels_off(simulate([law], conditions, rng), conditions)
            assert np.isinf(last[0])


def test_without_times_nothing_levels_off() -> None:
    rng = np.random.default_rng(1)
    conditions = make_conditions(20, rng)
    nothing = without(conditions, shutter=range(20))
    assert np.isinf(levels_off(simulate([Law(dark=400.0)] * 3, conditions, rng), nothing)[0]).all()
    assert levels_off(simulate([HEALTHY], conditions, rng)[:0], conditions)[0].shape == (0,)
