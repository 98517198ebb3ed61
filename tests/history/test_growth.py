"""From maps to growth: laws, what there is to tell, and what is known in simulations."""

from __future__ import annotations

import sys
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.history.growth import measure_growth
from sensormap.maps.entries import DefectKind
from tests.support.histories import FIRST, START, between, dated_map, simulated_map
from tests.support.maps import jpeg_map, phone_map, sensor_maps, toy_map

pytest.importorskip("statsmodels", reason="the extra history is not installed")

EARLY, LATE = between("2009-07-01", "2009-07-03"), between("2012-02-01", "2012-03-01")


def test_the_rate_is_new_defects_over_observed_years():
    growth = measure_growth([dated_map(START, START, EARLY, LATE, between(None, "2009-06-01"))], names=["d80.yaml"])
    (one,) = growth.bodies
    assert (one.map_name, one.why, one.counts.new) == ("d80.yaml", "", 2)
    assert one.years == pytest.approx(3.455, abs=1e-3)
    assert one.rate[0] == pytest.approx(2 / one.years)
    assert one.at_most == pytest.approx(3 / one.years)
    assert one.curve[0][1:] == (0, 0, 0)
    assert one.curve[-1][1:] == pytest.approx((2, one.rate[1] * one.years, one.rate[2] * one.years))
    assert (growth.trend, growth.why) == (None, "fewer than 5 new defects")


@pytest.mark.parametrize(
    ("sensor_map", "why"),
    [
        (dated_map(START, first=None, last=None), "no capture times"),
        (dated_map(None, first=None, last=None, used=0), "no capture times"),
        (dated_map(START, first=FIRST, last=FIRST, used=1), "no time between its photos"),
        (dated_map(None, None), "no dated onsets"),
        (toy_map(), "no dated onsets"),
    ],
)
def test_nothing_to_tell_a_rate_from(sensor_map, why):
    growth = measure_growth([sensor_map])
    (one,) = growth.bodies
    assert (one.rate, one.at_most, one.curve, one.why) == (None, None, (), why)
    assert (growth.trend, growth.why, growth.dispersion) == (None, "no rate is known", None)


@pytest.mark.parametrize("lives", [(), (START, START)])
def test_no_new_defect_is_a_rate_too(lives):
    (one,) = measure_growth([dated_map(*lives)]).bodies
    assert one.rate == pytest.approx((0, 0, 3.689 / one.years), abs=1e-3)


def test_the_order_of_the_maps_does_not_matter():
    maps = {
        "a": dated_map(START, EARLY, LATE),
        "b": dated_map(EARLY, LATE, LATE, serial="2"),
        "c": dated_map(EARLY, used=900),
        "d": phone_map(),
    }
    grown = [measure_growth([maps[name] for name in order], names=order) for order in permutations(maps)]
    assert all(one == grown[0] for one in grown)
    assert [one.map_name for one in grown[0].bodies] == ["d", "c", "b"]


@given(st.integers(0, 2**32 - 1))
def test_the_length_of_periods_does_not_change_the_rate(seed):
    sensor_map = simulated_map(np.random.default_rng(seed), rate=6, years=4)
    years, months = (measure_growth([sensor_map], by=by) for by in ("year", "month"))
    assert years.bodies[0].rate[0] == months.bodies[0].rate[0]
    assert years.bodies[0].counts.appearances == months.bodies[0].counts.appearances
    for growth in (years, months):
        assert sum(sum(one.new.values()) for one in growth.bodies[0].counts.periods) == growth.bodies[0].counts.new


@given(st.lists(sensor_maps(), min_size=1, max_size=3))
def test_any_maps_have_a_history(maps):
    growth = measure_growth(maps)
    assert len(growth.bodies) == len({one.body for one in maps})
    for one in growth.bodies:
        assert (one.rate is None) == bool(one.why)
        if one.rate:
            assert 0 <= one.rate[1] <= one.rate[0] <= one.rate[2] < np.inf


def test_maps_of_jpegs_count_too():
    (one,) = measure_growth([jpeg_map()]).bodies
    assert (one.counts.new, one.counts.healed) == (3, 1)
    assert one.rate is not None


@pytest.mark.parametrize(
    ("maps", "names", "by"), [([], None, "year"), ([toy_map()], [], "year"), ([toy_map()], None, "week")]
)
def test_bad_arguments(maps, names, by):
    with pytest.raises(ValueError, match=r"no map|shorter|week"):
        measure_growth(maps, names=names, by=by)


@pytest.mark.parametrize(("rate", "years", "growth"), [(1.0, 3, 0.0), (8.0, 4, 0.0), (8.0, 4, 0.4)])
def test_the_interval_holds_the_true_rate(rate, years, growth):
    """Of 200 simulated cameras at least 92 %, two standard deviations below the 95 %; exact intervals hold more.

    Also where the rate grows: it is the mean rate of the observed time.
    """
    rng, held = np.random.default_rng(2010), 0
    mean = rate * (np.sinh(growth * years / 2) / (growth * years / 2) if growth else 1)
    for _ in range(200):
        (one,) = measure_growth([simulated_map(rng, rate=rate, years=years, growth=growth)]).bodies
        held += one.rate[1] <= mean <= one.rate[2]
    assert held / 200 >= 0.92


def test_a_rate_that_grows_is_noticed_and_drawn():
    rng = np.random.default_rng(5)
    growth = measure_growth([simulated_map(rng, rate=15, years=6, growth=0.4)])
    assert growth.trend[1] > 1
    half = growth.bodies[0].curve[24][1]
    assert half < 0.45 * growth.bodies[0].curve[-1][1]


def test_kinds_are_told_apart():
    counts = measure_growth([dated_map((EARLY, DefectKind.WEAK), (START, DefectKind.DEAD))]).bodies[0].counts
    assert (counts.from_start, counts.periods[0].new) == ({"dead": 1}, {"weak": 1})


@pytest.mark.parametrize("lives", [(START, EARLY), (START, EARLY, EARLY, LATE, LATE, LATE)])
def test_without_statsmodels_there_are_counts_alone(monkeypatch, lives):
    """Whether it is the regression that misses it, or the rate of a map with nothing to regress."""
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    growth = measure_growth([dated_map(*lives), dated_map(None, serial="2")])
    assert [one.why for one in growth.bodies] == ["statsmodels is not installed", "no dated onsets"]
    assert growth.why == "statsmodels is not installed"
    assert growth.bodies[0].counts.new == len(lives) - 1


def test_counting_alone_needs_no_statistics(monkeypatch):
    """A map with nothing to fit is told without the extra."""
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    assert measure_growth([toy_map()]).bodies[0].why == "no dated onsets"
