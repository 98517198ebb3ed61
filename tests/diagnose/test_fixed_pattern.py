from dataclasses import replace

import numpy as np
import pytest

from sensormap.diagnose.behaviour import Term
from sensormap.diagnose.fixed_pattern import exposure_share, for_exposures, highest_healthy
from sensormap.settings import LeastStrengths
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


@pytest.mark.parametrize("hot", [0, 5])
def test_the_tail_of_the_controls_tells_how_far_healthy_dark_currents_reach(hot):
    """A million exponential ones of mean 0.5 have one beyond 0.5 ln(1e7) once in ten times."""
    rng = np.random.default_rng(5)
    conditions = make_conditions(40, rng, iso=400, shutter_s=(1.0, 60.0))
    laws = [*(Law(dark=dark) for dark in rng.exponential(0.5, 3000 - hot)), *[Law(dark=300.0)] * hot]
    series = simulate(laws, conditions, rng, levels=(5.0, 50.0))
    found = highest_healthy(series, conditions, LeastStrengths(), 1_000_000)
    assert found[Term.DARK] == pytest.approx(0.5 * np.log(1e7), rel=0.25)
    assert 0 < found[Term.OFFSET] < 8


def test_with_one_time_of_exposure_or_few_frames_healthy_dark_currents_are_not_known():
    rng = np.random.default_rng(6)
    laws = [Law(dark=dark) for dark in rng.exponential(0.5, 100)]
    one_time = make_conditions(40, rng, iso=400, shutter_s=30.0)
    assert highest_healthy(simulate(laws, one_time, rng), one_time, LeastStrengths(), 1_000_000)[Term.DARK] < 1e-9
    few = make_conditions(3, rng, iso=400, shutter_s=(1.0, 60.0))
    assert not highest_healthy(simulate(laws, few, rng), few, LeastStrengths(), 1_000_000).any()
