from dataclasses import replace

import numpy as np
import pytest

from sensormap.diagnose.fixed_pattern import exposure_share, for_exposures
from sensormap.settings import LeastStrengths
from tests.support.followed import make_conditions


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
