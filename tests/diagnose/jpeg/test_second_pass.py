"""Series from JPEGs: what is a defect, of which kind and since when, and the limit that decoys set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from sensormap.diagnose.jpeg.kinds import diagnose_jpegs
from sensormap.diagnose.jpeg.likelihood import JpegLikelihoods, Shape, Strengths, light_of
from sensormap.diagnose.jpeg.odds import ASKED_FALSE, LEAST_LIMIT, LEAST_SPREAD, limit_by_decoys, odds_of_jpegs
from sensormap.diagnose.jpeg.smears import smeared
from sensormap.diagnose.series import Conditions, Series
from sensormap.maps.entries import DefectKind

FRAMES, SIGMA, FULL = 48, 2.0, 4095.0
RNG = np.random.default_rng(3)
GAIN = RNG.choice([1.0, 2.0, 4.0, 8.0], FRAMES)
SHUTTER_S = np.where(np.arange(FRAMES) % 8 == 3, 8.0, RNG.uniform(1 / 2000, 1 / 30, FRAMES))
CONDITIONS = Conditions(
    number=np.arange(FRAMES),
    gain=GAIN,
    shutter_s=SHUTTER_S,
    filtered=np.zeros(FRAMES, np.bool_),
    saturation=np.full(FRAMES, 255.0),
    floor=np.zeros(FRAMES),
)


@dataclass(frozen=True)
class Law:
    """What is wrong with a photosite, and the share of it that demosaicing and compression leave."""

    dark: float = 0.0
    offset: float = 0.0
    response: float = 1.0
    level: float | None = None
    share: float = 1.0
    left: float = 1.0
    since: int = 0


def curve(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of a camera whose curve is not sRGB's."""
    return np.asarray(255 * np.clip(light / FULL, 0, 1) ** (1 / 2.2))


def simulate(laws: list[Law], seed: int = 1, *, odd: float = 0.01) -> Series:
    rng = np.random.default_rng(seed)
    shape = (len(laws), FRAMES)
    light = np.exp(rng.uniform(np.log(40), np.log(2500), shape))
    level = np.rint(2 * curve(light)) / 2
    value = level.copy()
    for i, law in enumerate(laws):
        shown = law.response * light[i] + GAIN * (law.offset + law.dark * SHUTTER_S)
        shown = curve(np.full(FRAMES, law.level) if law.level is not None else shown)
        there = (rng.random(FRAMES) < law.share) & (np.arange(FRAMES) >= law.since)
        value[i] += np.where(there, law.left * (shown - curve(light[i])), 0.0)
    value = np.clip(np.rint(value + rng.normal(0, SIGMA, shape)), 0, 255)
    everything = np.ones(shape, np.bool_)
    return Series(
        value, level, np.full(shape, 1.0), np.full(shape, SIGMA**2), np.zeros(shape), np.full(shape, odd), everything
    )


KINDS = [
    (Law(dark=400.0), DefectKind.HOT),
    (Law(dark=400.0, offset=30.0), DefectKind.HOT),
    (Law(offset=30.0), DefectKind.OFFSET),
    (Law(offset=60.0, left=0.5), DefectKind.OFFSET),
    (Law(response=0.7), DefectKind.WEAK),
    (Law(response=0.5, left=0.6), DefectKind.WEAK),
    (Law(level=0.0), DefectKind.DEAD),
    (Law(level=0.0, left=0.6), DefectKind.DEAD),
    (Law(level=300.0), DefectKind.STUCK),
    (Law(level=300.0, left=0.6), DefectKind.STUCK),
    (Law(offset=60.0, share=0.4), DefectKind.NOISY),
]


@pytest.mark.parametrize(("law", "kind"), KINDS)
def test_defects_are_found_and_named(law: Law, kind: DefectKind) -> None:
    series = simulate([law] * 12)
    odds = odds_of_jpegs(series, CONDITIONS, response_spread=LEAST_SPREAD)
    assert np.mean(odds.total > LEAST_LIMIT) == 1
    found = [one.kind for one in diagnose_jpegs(series, CONDITIONS, odds)]
    assert found.count(kind) >= 10


def test_healthy_photosites_are_no_defects_even_where_texture_is_odd() -> None:
    series = simulate([Law()] * 300)
    assert odds_of_jpegs(series, CONDITIONS, response_spread=LEAST_SPREAD).total.max() < 5
    rng = np.random.default_rng(5)
    odd = rng.random(series.value.shape) < 0.15
    value = np.clip(np.rint(series.value + np.where(odd, 4 * SIGMA * rng.standard_t(3, odd.shape), 0)), 0, 255)
    textured = Series(**{**vars(series), "value": value, "odd": np.full(odd.shape, 0.15)})
    assert odds_of_jpegs(textured, CONDITIONS, response_spread=LEAST_SPREAD).total.max() < LEAST_LIMIT


def test_a_healthy_response_of_its_own_is_no_defect() -> None:
    series = simulate([Law()] * 40)
    value = np.rint(series.level * (1 + 3 * LEAST_SPREAD) + np.random.default_rng(1).normal(0, 0.5, series.level.shape))
    own = Series(**{**vars(series), "value": value, "variance": np.full(value.shape, 0.5)})
    assert odds_of_jpegs(own, CONDITIONS, response_spread=LEAST_SPREAD).total.max() < LEAST_LIMIT


@pytest.mark.parametrize("since", [12, 30])
def test_onsets_hold_the_first_frame(since: int) -> None:
    series = simulate([Law(offset=60.0, since=since)] * 20)
    odds = odds_of_jpegs(series, CONDITIONS, response_spread=LEAST_SPREAD)
    onsets = [one.onset for one in diagnose_jpegs(series, CONDITIONS, odds)]
    assert sum(onset.low <= since <= onset.high for onset in onsets) >= 18


def test_each_answer_depends_on_its_own_series_only() -> None:
    series = simulate([law for law, _ in KINDS] + [Law()] * 5)
    whole = odds_of_jpegs(series, CONDITIONS, response_spread=LEAST_SPREAD)
    for i in range(len(series)):
        one = odds_of_jpegs(series[i : i + 1], CONDITIONS, response_spread=LEAST_SPREAD)
        assert_allclose(one.total, whole.total[i : i + 1], rtol=1e-12)


def test_no_series_no_odds() -> None:
    none = simulate([Law()])[:0]
    odds = odds_of_jpegs(none, CONDITIONS, response_spread=LEAST_SPREAD)
    assert odds.total.size == 0
    assert diagnose_jpegs(none, CONDITIONS, odds) == []


def test_frames_of_unknown_exposure_and_those_that_do_not_count_say_nothing() -> None:
    series = simulate([Law(offset=60.0)])
    unknown = Conditions(**{**vars(CONDITIONS), "gain": np.full(FRAMES, np.nan)})
    out = np.ones((1, FRAMES))
    JpegLikelihoods(series, unknown).ratios(Shape.LAW, Strengths.of(1, offset=60.0), out)
    assert_array_equal(out, 0)
    uncounted = Series(**{**vars(series), "known": np.zeros((1, FRAMES), np.bool_)})
    JpegLikelihoods(uncounted, CONDITIONS).ratios(Shape.LAW, Strengths.of(1, offset=60.0), out)
    assert_array_equal(out, 0)


def test_light_is_that_of_srgb() -> None:
    assert_allclose(light_of(np.array([-3.0, 0.0, 188.0, 255.0, 300.0])), [0, 0, 0.5029 * FULL, FULL, FULL], rtol=1e-3)


# the limit


def test_without_decoys_the_prior_sets_the_limit() -> None:
    for decoys in (np.empty(0), np.full(50, -np.inf)):
        assert limit_by_decoys(np.array([3.0, 40.0]), decoys) == (LEAST_LIMIT, 0.0)


@pytest.mark.parametrize("fall", [1.5, 3.0])
def test_decoys_beyond_the_limit_are_as_few_as_asked_for(fall: float) -> None:
    rng = np.random.default_rng(8)
    beyond = []
    for _ in range(200):
        seen, others = rng.exponential(fall, (2, 4000))
        limit, expected = limit_by_decoys(np.empty(0), seen)
        assert expected <= ASKED_FALSE * 1.001
        beyond.append(np.count_nonzero(others > limit))
    assert np.mean(beyond) < 4 * ASKED_FALSE


def test_photos_of_one_place_raise_the_limit() -> None:
    rng = np.random.default_rng(9)
    decoys, candidates = rng.exponential(3.0, 2000), rng.exponential(3.0, 8000)
    assert limit_by_decoys(candidates, decoys)[0] > limit_by_decoys(decoys, decoys)[0] + 2


def test_smears_reach_three_pixels_and_end_at_the_border() -> None:
    assert_array_equal(smeared(np.array([0]), (20, 30)), [row * 30 + col for row in range(4) for col in range(4)])
    assert smeared(np.array([10 * 30 + 10]), (20, 30)).size == 49
    assert smeared(np.empty(0, np.int64), (20, 30)).size == 0
