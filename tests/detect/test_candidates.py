"""Detection: beyond chance and beyond a least effect, against the healthy photosites of the same plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.detect.candidates import Candidates, find_candidates
from sensormap.detect.nulls import null_of
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import BlockVotes
from sensormap.detect.worth_following import largest_sums, worth_following
from sensormap.settings import Thresholds

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
    tally.sum_z[...] = centre + unit * ((np.arange(SHAPE[1]) // step) % 5 - 2)
    return tally


def votes(
    places: dict[tuple[int, int], float], *, following: Sequence[int] = (), decoys: Sequence[int] = ()
) -> BlockVotes:
    index = sorted(row * SHAPE[1] + col for row, col in places)
    score = [places[divmod(place, SHAPE[1])] for place in index]
    return BlockVotes(
        np.array(index, np.int32),
        np.array(score, np.float64),
        Outliers.concatenate([]),
        12.0,
        following=np.array(following, np.int32),
        decoys=np.array(decoys, np.int32),
    )


def found(
    tally: Tally, *block_votes: BlockVotes, name: str = "GBRG", thresholds: Thresholds | None = None
) -> dict[tuple[int, int], float]:
    candidates = find_candidates(tally, block_votes, Cfa(name), thresholds or Thresholds())
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
        tally.hidden[20, col] = FRAMES - count
        tally.sum_z[20, col] = 2000 * count // FRAMES  # the same mean
    scores = found(tally, thresholds=Thresholds(mean_sigma=1.0))
    assert scores[20, 30] == pytest.approx(scores[20, 20] / 2, rel=1e-6)
    assert scores[20, 40] == pytest.approx(scores[20, 20] / 8, rel=0.02)  # its sum is rounded to a whole eighth
    assert set(found(tally)) == {(20, 20)}


def test_a_photosite_that_was_never_seen_is_no_candidate() -> None:
    tally = healthy()
    tally.hidden[20, 20], tally.sum_z[20, 20] = FRAMES, 0
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
    tally.sum_z[...] = np.rint(np.random.default_rng(seed).normal(0, scale * UNIT, SHAPE))
    assert not found(tally)


def candidates_slowly(tally: Tally, cfa: Cfa, thresholds: Thresholds) -> dict[tuple[int, int], float]:
    """Return what the mean scores alone single out, plane by plane, as the notes of `find_candidates` say it."""
    places: dict[tuple[int, int], float] = {}
    bar = thresholds.mean_sigma * math.sqrt(max(10 / tally.frames, 1))
    for plane in cfa.planes:
        mean, count = (plane.view(array) for array in (tally.mean_score(), tally.count))
        centre, scale = null_of(mean)
        effect = np.abs(mean - centre)
        deviation = effect / scale * np.sqrt(np.maximum(count, 1) / np.float32(tally.frames))
        for row, col in np.argwhere((deviation > bar) & (effect > thresholds.effect_sigma)).tolist():
            places[plane.row + plane.step * row, plane.col + plane.step * col] = float(deviation[row, col])
    return dict(sorted(places.items()))


@CFAS
@pytest.mark.parametrize("frames", [2, 9, 10, 300])
@pytest.mark.parametrize("seed", range(3))
def test_candidates_are_those_of_every_photosite_looked_at_closely(name: str, frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tally = Tally(SHAPE)
    tally.frames = frames
    tally.hidden[...] = rng.choice([0, 0, 0, frames // 2, frames], SHAPE)
    scores = 3 * rng.standard_t(2, SHAPE) + np.arange(SHAPE[1]) % 2
    tally.sum_z[...] = np.rint(scores * tally.count)
    thresholds = Thresholds(mean_sigma=4.0)
    expected = candidates_slowly(tally, Cfa(name), thresholds)
    assert expected
    assert found(tally, name=name, thresholds=thresholds) == pytest.approx(expected, rel=1e-6)  # float32


def test_centre_and_scale_are_those_of_every_fourth_row_or_of_all() -> None:
    mean = np.random.default_rng(1).normal(2, 3, (41, 50)).astype(np.float32)
    assert null_of(mean) == null_of(mean[::4], every=1)
    assert null_of(mean) != null_of(mean, every=1)
    centre, scale = null_of(mean, every=1)
    assert centre == np.median(mean)
    assert scale == pytest.approx(1.4826 * np.median(np.abs(mean - np.median(mean))))
    assert null_of(np.ones((8, 8), np.float32)) == (1, np.inf)


# what the second pass follows


def followed(tally: Tally, *block_votes: BlockVotes, name: str = "GBRG", share: float = 4e-4) -> list[int]:
    places = worth_following(tally, block_votes, Cfa(name), Thresholds(followed_share=share))
    assert places.dtype == np.int64
    assert places.tolist() == sorted(set(places.tolist()))
    return places.tolist()


@pytest.mark.parametrize(
    ("sums", "most", "least"),
    [
        ([0, 5, 3, 3, 9], 3, 4),  # with the tie there would be four
        ([0, 5, 3, 3, 9], 4, 1),
        ([0, 5, 3, 3, 9], 2, 4),
        ([0, 5, 3, 3, 9], 1, 6),
        ([0, 5, 3, 3, 9], 0, 10),
        ([0, 5, 3, 3, 9], 5, 1),  # more than there are: all but what is 0
        ([0, 5, 3, 3, 9], 99, 1),
        ([7, 7, 7], 2, 8),
        ([7, 7, 7], 3, 1),
        ([0, 0, 0], 3, 1),
        ([0, 0, 0], 0, 1),
        ([], 3, 0),
    ],
)
@pytest.mark.parametrize("width", [np.uint16, np.uint32])
def test_the_least_sum_that_at_most_so_many_reach(sums: list[int], most: int, least: int, width: type) -> None:
    assert largest_sums(np.array(sums, width), most) == least


@given(sums=st.lists(st.integers(0, 30), min_size=1, max_size=60), most=st.integers(0, 70))
def test_no_smaller_sum_would_do(sums: list[int], most: int) -> None:
    least = largest_sums(np.array(sums, np.uint32), most)
    assert least >= 1
    assert sum(value >= least for value in sums) <= most
    assert least == 1 or sum(value >= least - 1 for value in sums) > most


@pytest.mark.parametrize("most", [1, 50, 400, 5000, 10**6])
def test_the_least_sum_of_many(most: int) -> None:
    for sums in (np.random.default_rng(1).geometric(0.05, 40_000) - 1, np.zeros(9000, int), np.arange(30_000) % 900):
        least = largest_sums(sums.astype(np.uint16), most)
        assert np.count_nonzero(sums >= least) <= most
        assert least == 1 or np.count_nonzero(sums >= least - 1) > most


def test_a_large_sum_of_outlying_scores_deserves_a_second_look() -> None:
    tally = healthy()
    assert followed(tally) == []
    tally.sum_outlying[5, 7] = 1
    tally.sum_outlying[40, 99] = 9000
    assert followed(tally) == [5 * 100 + 7, 40 * 100 + 99]


@CFAS
@pytest.mark.parametrize("sign", [1, -1])
def test_a_mean_far_from_its_plane_s_median_deserves_a_second_look(name: str, sign: int) -> None:
    tally = healthy(Cfa(name).step)
    places = [(0, 0), (0, 99), (17, 44), (18, 44), (40, 0), (40, 99)]
    for place in places:
        tally.sum_z[place] = sign * 742  # 5 * 148.26 = 741.3
    for col in (20, 21):
        tally.sum_z[30, col] = sign * 741
    assert followed(tally, name=name) == [row * 100 + col for row, col in places]


@CFAS
def test_what_a_block_singles_out_deserves_a_second_look(name: str) -> None:
    """Candidates of the votes are among those anyway; decoys are not followed as candidates."""
    block_votes = [votes({}, following=[7, 3000], decoys=[9]), votes({}, following=[7, 8]), votes({})]
    assert followed(healthy(Cfa(name).step), *block_votes, name=name) == [7, 8, 3000]


@pytest.mark.parametrize(("share", "most"), [(4e-4, 200), (0.1, 410)])
def test_the_share_bounds_each_way_with_200_at_least(share: float, most: int) -> None:
    """Of 4100 photosites; ties at the end stay out."""
    tally = healthy()
    tally.sum_outlying[:5] = np.arange(1, 501).reshape(5, 100)
    assert followed(tally, share=share) == list(range(500 - most, 500))
    tally.sum_outlying[:5] = 77
    assert followed(tally, share=share) == []


@pytest.mark.parametrize(("name", "planes"), [("RGGB", 4), (MONO, 1)])
def test_of_far_means_each_plane_has_its_part(name: str, planes: int) -> None:
    """A plane that is all over the place does not crowd out the others."""
    tally = healthy(Cfa(name).step)
    tally.sum_z[30::2, 20::2] = 2000 + np.arange(6 * 40).reshape(6, 40)
    tally.sum_z[5, 5] = tally.sum_z[5, 6] = -900
    places = followed(tally, name=name)
    largest = [(30 + 2 * (i // 40)) * 100 + 20 + 2 * (i % 40) for i in range(240 - 200 // planes, 240)]
    assert places == [505, 506] * (planes == 4) + largest


def test_nothing_seen_deserves_no_second_look() -> None:
    assert followed(Tally(SHAPE)) == []
    tally = healthy()
    tally.sum_z[0::2, 1::2] = 0  # a plane that shows nothing has no scale
    tally.sum_z[10, 11] = 20_000
    assert followed(tally) == []


def test_a_second_look_leaves_the_tally_as_it_was() -> None:
    tally = healthy()
    tally.sum_z[10, 10] = 1500
    tally.sum_outlying[3, 3] = 40
    before = [array.copy() for array in tally.sums]
    assert followed(tally) == [303, 1010]
    for now, then in zip(tally.sums, before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    "name", ["mean_sigma", "effect_sigma", "false_votes", "block_frames", "long_exposure_s", "followed_share"]
)
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_thresholds_are_above_zero(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}: {value} is not above 0"):
        Thresholds(**{name: value})
