"""Detection: beyond chance and beyond a least effect, against the healthy photosites of the same plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.detect import Candidates, Thresholds, find_candidates
from sensormap.tally import Outliers, Tally
from sensormap.vote import Ballot

SHAPE = (41, 100)
FRAMES = 64
UNIT = 100
CFAS = pytest.mark.parametrize("name", [*BAYER_NAMES, MONO])


def healthy(step: int = 2, unit: int = UNIT, centre: int = 0) -> Tally:
    """Return a tally in which every row of every plane has a median score of `centre` and a median deviation of `unit`.

    Both are sums over 64 frames in eighths of sigma.
    """
    tally = Tally(SHAPE)
    tally.frames = FRAMES
    tally.count[...] = FRAMES
    tally.sum_z[...] = centre + unit * ((np.arange(SHAPE[1]) // step) % 5 - 2)
    return tally


def votes(places: dict[tuple[int, int], float]) -> Ballot:
    index = sorted(row * SHAPE[1] + col for row, col in places)
    score = [places[divmod(place, SHAPE[1])] for place in index]
    return Ballot(np.array(index, np.int32), np.array(score, np.float64), Outliers.concatenate([]), 12.0)


def found(
    tally: Tally, *ballots: Ballot, name: str = "GBRG", thresholds: Thresholds | None = None
) -> dict[tuple[int, int], float]:
    candidates = find_candidates(tally, ballots, Cfa(name), thresholds or Thresholds())
    places = list(zip(candidates.row.tolist(), candidates.col.tolist(), strict=True))
    assert places == sorted(set(places))
    return dict(zip(places, candidates.score.tolist(), strict=True))


@CFAS
@pytest.mark.parametrize("sign", [1, -1])
def test_a_mean_that_stands_out_of_its_plane_is_found(name: str, sign: int) -> None:
    places = {(0, 0), (0, 99), (40, 0), (40, 99), (17, 44), (18, 44)}
    tally = healthy(Cfa(name).step)
    assert not found(tally, name=name)
    for place in places:
        tally.sum_z[place] = sign * 1100
    candidates = found(tally, name=name)
    assert set(candidates) == places
    # 1100 of a scale of 1.4826 * 100; scores are kept as float32.
    assert list(candidates.values()) == pytest.approx([1100 / 148.26] * 6, rel=1e-6)


def test_just_beyond_the_threshold_is_found_and_just_below_is_not() -> None:
    tally = healthy()
    tally.sum_z[5, 5], tally.sum_z[7, 9] = 1037, 1038  # 7 * 148.26 = 1037.82
    assert set(found(tally)) == {(7, 9)}
    score = found(tally)[7, 9]
    assert not found(tally, thresholds=Thresholds(mean_sigma=score * (1 + 1e-6)))
    assert set(found(tally, thresholds=Thresholds(mean_sigma=score * (1 - 1e-6)))) == {(7, 9)}


@pytest.mark.parametrize(("sum_z", "is_found"), [(384, False), (385, True), (-384, False), (-385, True)])
def test_an_effect_of_exactly_the_floor_is_not_enough(sum_z: int, is_found: bool) -> None:
    tally = healthy(unit=1)  # everything is significant
    tally.sum_z[20, 30] = sum_z  # 384 = 0.75 sigma * 8 * 64 frames
    assert bool(found(tally)) == is_found
    assert found(tally, thresholds=Thresholds(effect_sigma=0.7499))


def test_each_plane_has_its_own_centre_and_scale() -> None:
    tally = healthy()
    cfa = Cfa("RGGB")
    for number, plane in enumerate(cfa.planes):
        plane.view(tally.sum_z)[...] = plane.view(healthy(unit=100 * (number + 1), centre=1000 * number).sum_z)
    assert not found(tally, name="RGGB")
    places = [(10, 10), (10, 11), (11, 10), (11, 11)]
    for number, place in enumerate(places):
        tally.sum_z[place] = 1000 * number + 1100  # 7.4 scales of the first plane, fewer of the others
    assert list(found(tally, name="RGGB")) == [(10, 10)]
    for number, place in enumerate(places):
        tally.sum_z[place] = 1000 * number - 1100 * (number + 1)
    assert list(found(tally, name="RGGB")) == places


def test_a_mono_sensor_has_one_plane() -> None:
    tally = healthy(step=1)
    tally.sum_z[1::2, 1::2] += 700  # a plane of its own on a Bayer sensor
    assert not found(tally, name="RGGB")
    assert found(tally, name=MONO, thresholds=Thresholds(mean_sigma=1.5))


def test_a_plane_that_shows_nothing_yields_nothing() -> None:
    tally = healthy()
    tally.sum_z[0::2, 1::2] = 0
    tally.sum_z[10, 11] = tally.sum_z[10, 10] = 20_000
    assert set(found(tally)) == {(10, 10)}
    assert found(tally, votes({(10, 11): 9.0}))[10, 11] == 9.0


def test_nothing_at_all_yields_nothing() -> None:
    assert not found(Tally(SHAPE))
    assert not found(Tally(SHAPE), votes({}))
    empty = find_candidates(Tally(SHAPE), [], Cfa("RGGB"), Thresholds())
    assert [array.dtype for array in vars(empty).values()] == [np.int32, np.int32, np.float64]
    assert isinstance(empty, Candidates)


def test_a_photosite_seen_in_a_quarter_of_the_frames_is_held_to_twice_the_scale() -> None:
    tally = healthy()
    for col, count in ((20, FRAMES), (30, FRAMES // 4), (40, 1)):
        tally.count[20, col] = count
        tally.sum_z[20, col] = 2000 * count // FRAMES  # the same mean
    scores = found(tally, thresholds=Thresholds(mean_sigma=1.0))
    assert scores[20, 30] == pytest.approx(scores[20, 20] / 2, rel=1e-6)
    assert scores[20, 40] == pytest.approx(scores[20, 20] / 8, rel=0.02)  # its sum is rounded to a whole eighth
    assert set(found(tally)) == {(20, 20)}


def test_a_photosite_that_was_never_seen_is_no_candidate() -> None:
    tally = healthy()
    tally.count[20, 20] = tally.sum_z[20, 20] = 0
    assert not found(tally)


def test_votes_make_candidates_and_the_stronger_evidence_counts() -> None:
    tally = healthy()
    tally.sum_z[10, 10] = 1500  # 10.1 scales
    first = votes({(10, 10): 8.0, (11, 11): 20.0, (0, 0): 5.0})
    second = votes({(10, 10): 12.0, (11, 11): 4.0, (40, 99): 6.0})
    expected = {(0, 0): 5.0, (10, 10): 12.0, (11, 11): 20.0, (40, 99): 6.0}
    assert found(tally, first, second) == found(tally, second, first) == expected
    for sum_z in (1500, -1500):
        tally.sum_z[10, 10] = sum_z
        assert found(tally, first)[10, 10] == pytest.approx(1500 / 148.26, rel=1e-6)


def test_the_tally_is_left_as_it_was() -> None:
    tally = healthy()
    tally.sum_z[10, 10] = 1500
    before = tally.sum_z.copy()
    found(tally, votes({(3, 3): 9.0}))
    np.testing.assert_array_equal(tally.sum_z, before)


@given(scale=st.floats(0.5, 3.0), seed=st.integers(0, 20))
def test_gaussian_means_yield_no_candidates_whatever_their_scale(scale: float, seed: int) -> None:
    tally = Tally(SHAPE)
    tally.frames = FRAMES
    tally.count[...] = FRAMES
    tally.sum_z[...] = np.rint(np.random.default_rng(seed).normal(0, scale * UNIT, SHAPE))
    assert not found(tally)


@pytest.mark.parametrize("name", ["mean_sigma", "effect_sigma", "false_votes", "block_frames", "long_exposure_s"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_thresholds_are_above_zero(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}: {value} is not above 0"):
        Thresholds(**{name: value})
