"""Defects of both signs: darker by a constant or with time, more response; and what the exposures do not tell apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormap.diagnose.behaviour import Behaviour
from sensormap.diagnose.defect_odds import SIGNED, odds_of, usual_sides
from sensormap.diagnose.fixed_pattern import (
    FixedPattern,
    measure_fixed_pattern,
    own_pattern,
    where_it_matters,
    with_floors,
)
from sensormap.diagnose.series import Conditions, Series
from sensormap.maps.entries import DARK_KINDS, DefectKind
from sensormap.settings import LeastStrengths
from tests.support.followed import (
    HEALTHY,
    RESPONSE_SPREAD,
    SATURATION,
    Law,
    diagnoses,
    flat_conditions,
    follow,
    make_conditions,
    quiet_series,
    simulate,
)

LIT = (300.0, 2500.0)
BY_LAW = {
    "lacks a constant": (Law(offset=-120.0), DefectKind.COLD),
    "lacks the more the longer the exposure": (Law(dark=-1500.0), DefectKind.COLD),
    "responds more": (Law(response=1.25), DefectKind.OVERRESPONSIVE),
    "responds less": (Law(response=0.7), DefectKind.WEAK),
    "adds a constant": (Law(offset=120.0), DefectKind.OFFSET),
    "adds the more the longer the exposure": (Law(dark=6000.0), DefectKind.HOT),
}


@pytest.mark.parametrize("name", BY_LAW)
@pytest.mark.parametrize("since", [0, 20])
def test_each_side_has_its_kind_and_strength(name: str, since: int) -> None:
    law, kind = BY_LAW[name]
    rng = np.random.default_rng(5)
    conditions = make_conditions(50, rng, iso=100, long=0.4)
    series = simulate([replace(law, since=since)] * 20, conditions, rng, levels=LIT)
    followed = follow(series, conditions)
    assert np.count_nonzero(followed.odds.likely) >= 19
    found = diagnoses(series, conditions)
    assert sum(one.kind == kind for one in found) >= 18
    names = {"dark_dn_per_s": law.dark, "offset_dn": law.offset, "response": law.response}
    held = [
        one.strengths[key][1] <= truth <= one.strengths[key][2]
        for one in found
        for key, truth in names.items()
        if key in one.strengths and not one.or_kinds
    ]
    assert np.mean(held) >= 0.9


def test_no_kind_contradicts_the_side() -> None:
    rng = np.random.default_rng(6)
    conditions = make_conditions(12, rng, iso=100, shutter_s=10.0)
    laws = [Law(offset=size) for size in (-400, -150, -60, 60, 150, 400)] * 5
    found = diagnoses(simulate(laws, conditions, rng, levels=(900, 1000)), conditions)
    for law, one in zip(laws, found, strict=True):
        names = {one.kind, *one.or_kinds}
        assert one.kind != DefectKind.NOISY
        assert names <= DARK_KINDS if law.offset < 0 else names.isdisjoint(DARK_KINDS)


def test_one_shutter_time_names_hot_and_offset_and_many_do_not() -> None:
    rng = np.random.default_rng(7)
    for conditions, named in ((flat_conditions(40), True), (make_conditions(40, rng, iso=100, long=0.5), False)):
        found = diagnoses(simulate([Law(offset=200.0)] * 10, conditions, rng, levels=LIT), conditions)
        assert all((DefectKind.OFFSET in one.or_kinds) == named for one in found)
        assert all(one.kind == (DefectKind.HOT if named else DefectKind.OFFSET) for one in found)


def test_one_level_of_light_names_a_response_too() -> None:
    rng = np.random.default_rng(8)
    conditions = make_conditions(30, rng, iso=100, long=0.5)
    (found,) = diagnoses(simulate([Law(response=0.7)], conditions, rng, levels=(1000, 1001)), conditions)
    assert {found.kind, *found.or_kinds} == {DefectKind.COLD, DefectKind.WEAK}
    assert found.strengths["response"][0] == pytest.approx(0.7, abs=0.05)
    assert found.strengths["offset_dn"][0] == pytest.approx(-300, abs=50)


def test_without_shutter_times_an_offset_may_be_hot() -> None:
    rng = np.random.default_rng(9)
    conditions = replace(make_conditions(30, rng, iso=100), shutter_s=np.full(30, np.nan))
    (found,) = diagnoses(simulate([Law(offset=200.0)], conditions, rng, levels=LIT), conditions)
    assert (found.kind, found.or_kinds) == (DefectKind.OFFSET, (DefectKind.HOT,))


def test_sides_of_a_late_defect_are_its_own() -> None:
    value = np.full(40, 500.0)
    value[:30] += 6.0  # a little scenery for long
    value[30:] -= 100.0
    usual = usual_sides(quiet_series(value), flat_conditions(40))[0]
    assert dict(zip(SIGNED, usual.tolist(), strict=True)) == {
        Behaviour.HOT: False,
        Behaviour.OFFSET: False,
        Behaviour.WEAK: True,
        Behaviour.TELEGRAPH: False,
    }
    assert usual_sides(quiet_series(np.zeros((0, 4))), flat_conditions(4)).shape == (0, 4)


def patterned(offsets: np.ndarray, conditions: Conditions, rng: np.random.Generator) -> Series:
    """Return series of photosites that have offsets of their own, and 2 DN of noise."""
    n = conditions.number.size
    series = quiet_series(np.full((offsets.size, n), 500.0), sigma=2.0)
    value = series.level + offsets[:, None] + rng.normal(0, 2, (offsets.size, n))
    return replace(series, value=np.rint(value), odd=series.odd)


def test_a_fixed_pattern_is_measured_and_raises_the_least_strengths() -> None:
    rng = np.random.default_rng(10)
    conditions = make_conditions(60, rng, iso=100, shutter_s=0.01)
    controls = patterned(rng.normal(0, 3, 1500), conditions, rng)
    lit = rng.uniform(100, 2000, (1, 60))  # light that varies tells a response from an offset
    controls = replace(controls, value=controls.value - 500 + lit, level=np.broadcast_to(lit, controls.value.shape))
    pattern = measure_fixed_pattern(controls, conditions, LeastStrengths(), RESPONSE_SPREAD, photosites=1000)
    assert where_it_matters(pattern, LeastStrengths(), conditions) is pattern
    assert pattern.offset == pytest.approx(3, rel=0.2)
    floors = with_floors(LeastStrengths(), pattern, conditions)
    assert floors.offset_dn == pytest.approx(6 * pattern.offset * 4095 / SATURATION)
    assert with_floors(LeastStrengths(), None, conditions) == LeastStrengths()


def test_ordinary_sensors_have_no_pattern_that_counts() -> None:
    rng = np.random.default_rng(11)
    conditions = make_conditions(60, rng)
    for some in (conditions, make_conditions(5, rng)):
        controls = simulate([HEALTHY] * 1500, some, rng, response_spread=0.01)
        pattern = measure_fixed_pattern(controls, some, LeastStrengths(), RESPONSE_SPREAD, photosites=10_000_000)
        assert where_it_matters(pattern, LeastStrengths(), some) is None


def test_a_defect_is_an_outlier_of_its_population() -> None:
    rng = np.random.default_rng(12)
    conditions = make_conditions(60, rng, iso=100, shutter_s=0.01)
    pattern = FixedPattern(offset=5.0, dark=0.0, response=0.005)
    series = patterned(np.array([0.0, 8.0, -10.0, 70.0, -70.0]), conditions, rng)
    least = with_floors(LeastStrengths(), pattern, conditions)
    odds = odds_of(series, conditions, least, response_spread=0.005, pattern=pattern)
    assert odds.likely.tolist() == [False, False, False, True, True]
    own = own_pattern(series, conditions, pattern)
    assert own[0] < 0 < own[1]  # the pattern explains what deviates, and costs what does not
