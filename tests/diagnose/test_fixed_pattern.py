from dataclasses import replace

import numpy as np
import pytest

from sensormap.diagnose.behaviour import Term
from sensormap.diagnose.fixed_pattern import (
    exposure_share,
    for_exposures,
    measure_fixed_pattern,
    where_it_matters,
    with_floors,
)
from sensormap.settings import FULL_SCALE, LeastStrengths
from tests.support.followed import Law, make_conditions, simulate


def exposed(*shutter_s):
    times = np.array(shutter_s)
    return replace(make_conditions(times.size, np.random.default_rng(1), iso=400), shutter_s=times)


@pytest.mark.parametrize("times", [(0.01, 0.5, 30.0), (0.1, 1.9, 60.0), (np.nan, np.nan, np.nan)])
def test_in_ordinary_exposures_the_least_dark_current_is_what_was_asked(times):
    assert exposure_share(exposed(*times)) == 1
    assert for_exposures(LeastStrengths(), exposed(*times)) == LeastStrengths()


@pytest.mark.parametrize("seconds", [2.0, 30.0, 600.0])
def test_in_long_exposures_it_adds_twice_the_least_offset(seconds):
    least = for_exposures(LeastStrengths(), exposed(seconds / 2, seconds, np.nan, 2 * seconds))
    assert least.dark_dn_per_s * seconds == pytest.approx(2 * LeastStrengths().offset_dn)
    assert (least.offset_dn, least.response) == (LeastStrengths().offset_dn, LeastStrengths().response)


def measured(series, conditions):
    return measure_fixed_pattern(series, conditions, LeastStrengths(), 0.01, photosites=1_000_000)


@pytest.mark.parametrize("hot", [0, 5])
def test_the_tail_of_the_controls_tells_how_far_healthy_dark_currents_reach(hot):
    """A million exponential ones of mean 0.5 have one beyond 0.5 ln(1e7) once in ten times."""
    rng = np.random.default_rng(5)
    conditions = make_conditions(40, rng, iso=400, shutter_s=(1.0, 60.0))
    laws = [*(Law(dark=dark) for dark in rng.exponential(0.5, 3000 - hot)), *[Law(dark=300.0)] * hot]
    found = measured(simulate(laws, conditions, rng, levels=(5.0, 50.0)), conditions)
    assert found.highest[0, Term.DARK] == pytest.approx(0.5 * np.log(1e7), rel=0.25)
    assert 0 < found.highest[0, Term.OFFSET] < 8


def test_of_responses_that_are_normal_the_highest_is_some_six_deviations_away():
    rng = np.random.default_rng(7)
    conditions = make_conditions(40, rng, iso=100, shutter_s=(0.001, 0.01))
    laws = [Law(response=response) for response in rng.normal(1, 0.02, 3000)]
    found = measured(simulate(laws, conditions, rng, levels=(1000.0, 3000.0)), conditions)
    assert 5 * 0.02 < found.highest[1, Term.RESPONSE] < 8 * 0.02


def test_with_one_time_of_exposure_a_dark_current_reaches_as_far_as_an_offset_does():
    rng = np.random.default_rng(6)
    conditions = make_conditions(40, rng, iso=100, shutter_s=30.0)
    laws = [Law(dark=dark) for dark in rng.exponential(0.5, 1000)]
    highest = measured(simulate(laws, conditions, rng, levels=(5.0, 50.0)), conditions).highest
    assert highest[0, Term.DARK] == pytest.approx(highest[0, Term.OFFSET] / 30)
    assert highest[0, Term.OFFSET] == pytest.approx(30 * 0.5 * np.log(1e7), rel=0.3)


def test_a_tail_beyond_the_least_strengths_raises_them():
    rng = np.random.default_rng(8)
    conditions = make_conditions(40, rng, iso=100, shutter_s=(10.0, 60.0))
    series = simulate([Law(dark=dark) for dark in rng.exponential(1, 1000)], conditions, rng, levels=(5.0, 50.0))
    found, asked = measured(series, conditions), LeastStrengths()
    assert where_it_matters(found, asked, conditions) is found
    scale = conditions.saturation.max() / FULL_SCALE
    assert with_floors(asked, found, conditions).dark_dn_per_s == pytest.approx(found.highest[0, Term.DARK] / scale)
    assert where_it_matters(found, LeastStrengths(dark_dn_per_s=1e5, offset_dn=1e5), conditions) is None


@pytest.mark.parametrize(("frames", "photosites"), [(3, 100), (40, 20)])
def test_few_frames_or_photosites_tell_no_pattern(frames, photosites):
    rng = np.random.default_rng(6)
    conditions = make_conditions(frames, rng, iso=400, shutter_s=(1.0, 60.0))
    found = measured(simulate([Law(dark=5.0)] * photosites, conditions, rng), conditions)
    assert (found.offset, found.dark, found.response) == (0, 0, 0.01)
    assert not found.highest.any()
