"""By how many degrees dark currents double: found again, and not found where frames do not tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sensormap.diagnose.behaviour import Term
from sensormap.diagnose.defect_odds import odds_of
from sensormap.diagnose.regression import fit
from sensormap.diagnose.temperature.doubling import dark_law_of, warmed
from sensormap.maps.entries import DarkLaw
from sensormap.settings import DARK_SPREAD, KNOWN_DARK_SPREAD, LeastStrengths
from tests.support.followed import HEALTHY, RESPONSE_SPREAD, Law, make_conditions, simulate

FRAMES = 30
LEAST = LeastStrengths(dark_dn_per_s=2.0)
HOT = [Law(dark=dark, offset=offset) for dark in (15.0, 30.0, 60.0, 120.0, 200.0) for offset in (0.0, 20.0)]


def night(seed, doubling_c, *, warmth=(5.0, 25.0), laws=(*HOT, HEALTHY, HEALTHY)):
    """Return series, circumstances and temperatures of long exposures; dark currents are those at 15 degrees."""
    rng = np.random.default_rng(seed)
    conditions = make_conditions(FRAMES, rng, iso=400, shutter_s=(1.0, 10.0))
    temperature = rng.uniform(*warmth, FRAMES).round(1)
    true = replace(conditions, shutter_s=conditions.shutter_s * 2 ** ((temperature - 15) / doubling_c))
    return simulate(laws, true, rng, levels=(20.0, 300.0)), conditions, temperature


def law_of(series, conditions, temperature):
    return dark_law_of(
        series, conditions, temperature, lambda some: odds_of(series, some, LEAST, response_spread=RESPONSE_SPREAD)
    )


@pytest.mark.parametrize("doubling_c", [5.0, 6.3, 8.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_law_is_found_again(doubling_c, seed):
    series, conditions, temperature = night(seed, doubling_c)
    law = law_of(series, conditions, temperature)
    value, low, high = law.doubling_c
    assert value == pytest.approx(doubling_c, rel=0.03)
    assert low < value < high
    assert high - low < 0.1 * value
    assert law.reference_c == pytest.approx(np.median(temperature), abs=0.1)


def test_strengths_hold_at_the_reference():
    series, conditions, temperature = night(3, 6.0)
    law = law_of(series, conditions, temperature)
    warm = warmed(conditions, temperature, law)
    assert (warm.dark_spread, conditions.dark_spread) == (KNOWN_DARK_SPREAD, DARK_SPREAD)
    everything = np.ones(series.value.shape, bool)
    with_law, without = (fit(series, some, everything, (Term.DARK, Term.OFFSET)) for some in (warm, conditions))
    dark, half = with_law.strength[:10, Term.DARK], with_law.half_width[:10, Term.DARK]
    true = np.array([one.dark for one in HOT]) * 2 ** ((law.reference_c - 15) / 6)
    assert np.mean(np.abs(dark - true) < half + 0.02 * true) >= 0.8
    assert np.median(half / without.half_width[:10, Term.DARK]) < 0.5


UNTOLD = {
    "one temperature": lambda warmth: np.full(FRAMES, 20.0),
    "hardly another": lambda warmth: 20 + warmth / 25,
    "unknown": lambda warmth: np.full(FRAMES, np.nan),
    "mostly unknown": lambda warmth: np.where(np.arange(FRAMES) % 2, np.nan, warmth),
    "nonsense": lambda warmth: np.random.default_rng(4).permutation(warmth),
}


@pytest.mark.parametrize("case", UNTOLD)
def test_no_law_where_frames_tell_none(case):
    """Temperatures that have nothing to do with the dark signal give no law, or one that hardly matters."""
    series, conditions, temperature = night(5, 6.0, warmth=(19.9, 20.1))
    wide = np.random.default_rng(6).uniform(5, 25, FRAMES)
    law = law_of(series, conditions, UNTOLD[case](wide))
    assert law is None
    assert warmed(conditions, temperature, None) is conditions


def test_no_law_without_hot_photosites_or_times():
    series, conditions, temperature = night(7, 6.0, laws=[HEALTHY] * 12)
    assert law_of(series, conditions, temperature) is None
    series, conditions, temperature = night(7, 6.0)
    untimed = replace(conditions, shutter_s=np.full(FRAMES, np.nan))
    assert law_of(series, untimed, temperature) is None


def test_a_frame_without_temperature_counts_as_of_the_reference():
    _, conditions, _ = night(8, 6.0)
    law = DarkLaw(10.0, (6.0, 5.9, 6.1))
    temperature = np.full(FRAMES, 16.0)
    temperature[3] = np.nan
    warm = warmed(conditions, temperature, law)
    np.testing.assert_allclose(warm.warmth, np.where(np.arange(FRAMES) == 3, 1, 2))
    np.testing.assert_array_equal(conditions.dark_s, conditions.shutter_s)


@pytest.mark.parametrize(
    ("reference_c", "doubling_c"),
    [
        (float("nan"), (6, 5, 7)),
        (-300.0, (6, 5, 7)),
        (20.0, (0, 0, 0)),
        (20.0, (6, 7, 8)),
        (20.0, (6, 5, float("inf"))),
    ],
)
def test_impossible_laws(reference_c, doubling_c):
    with pytest.raises(ValueError, match=r"reference_c|doubling_c"):
        DarkLaw(reference_c, doubling_c)
