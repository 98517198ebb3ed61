"""Scenery: what deviates together with its neighbours, and which frames it shows to be of one scene."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.tally import Tally
from sensormap.diagnose.scenery import neighbours_deviate, repeated_frames

SHAPE = (60, 80)


def tally_of(mean: NDArray[np.float64], frames: int = 30) -> Tally:
    """Return a tally of frames with these mean scores, in sigma."""
    tally = Tally(SHAPE, frames=frames)
    tally.frames = frames
    tally.sum_z[:] = np.rint(mean * 8 * frames)
    return tally


def noise(seed: int = 1) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 0.15, SHAPE)


@pytest.mark.parametrize("cfa", ["GBRG", "mono"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_single_defect_deviates_alone_and_a_detail_of_the_scene_with_its_neighbours(cfa: str, sign: int) -> None:
    mean = noise()
    mean[20, 20] += sign * 6
    mean[40:43, 50:52] += sign * 3
    mean[10, 60] += sign * 6
    mean[11, 61] -= sign * 6  # the other way is not together
    mean[50, 10] += sign * 6
    mean[50, 11] += sign * 0.8  # less than a fifth is crosstalk
    places = np.array([20 * 80 + 20, 40 * 80 + 50, 10 * 80 + 60, 50 * 80 + 10], np.int64)
    assert neighbours_deviate(tally_of(mean), Cfa(cfa), places).tolist() == [[False, True, False, False]]


def test_by_chance_neighbours_deviate_as_often_elsewhere() -> None:
    """Of a sensor whose photosites all have a dark current of their own, which falls off exponentially."""
    tally = tally_of(noise() + np.random.default_rng(2).exponential(2, SHAPE))
    inside = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE)[5:-5, 25:-25]
    far = inside[tally.mean_score()[5:-5, 25:-25] > 5]
    own, others = neighbours_deviate(tally, Cfa("RGGB"), far, (0, 18)).mean(axis=1)
    assert 0.1 < own < 0.9
    assert others == pytest.approx(own, abs=0.1)


def test_frames_are_compared_where_more_photosites_deviate_with_others_than_by_chance() -> None:
    texture = np.tile(np.random.default_rng(1).normal(0, 2, (40, 1)), (1, 3))
    assert repeated_frames(texture, 50, by_chance=20).tolist() == [False, True, True]
    assert not repeated_frames(texture, 50, by_chance=30).any()


def test_corners_and_edges_have_fewer_neighbours() -> None:
    mean = noise()
    places = []
    for row, col in ((0, 0), (0, 79), (59, 0), (59, 79), (0, 40), (59, 40), (30, 0), (30, 79)):
        mean[row, col] += 5
        places.append(row * 80 + col)
    at = np.array(places, np.int64)
    assert not neighbours_deviate(tally_of(mean), Cfa("RGGB"), at).any()
    assert_array_equal(neighbours_deviate(tally_of(mean), Cfa("RGGB"), at[:0]), np.zeros((1, 0), np.bool_))


def test_frames_of_one_scene_are_told_from_those_of_others() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(0, 1.5, (2, 60, 1))
    score = rng.normal(0, 1, (60, 9))
    score[:, [0, 2, 3, 7]] += one
    score[:, [4, 8]] += other
    expected = [False, False, True, True, False, False, False, True, True]
    assert repeated_frames(score, 60).tolist() == expected


@pytest.mark.parametrize(
    ("suspects", "listed", "more", "looked_at"),
    [
        (12, 80, False, True),
        (12, 81, False, False),  # less than 15 % of what is listed
        (11, 11, False, False),
        (8, 160, True, True),
        (8, 161, True, False),
        (7, 7, True, False),
    ],
)
def test_only_where_many_of_those_listed_deviate(suspects: int, listed: int, more: bool, looked_at: bool) -> None:
    score = np.tile(np.random.default_rng(1).normal(0, 4, (suspects, 1)), (1, 4))
    found = repeated_frames(score, listed, more=more)
    assert found.tolist() == [False, looked_at, looked_at, looked_at]


def test_frames_that_show_nothing_are_no_repeats() -> None:
    assert not repeated_frames(np.zeros((40, 5)), 40).any()
    assert repeated_frames(np.zeros((0, 5)), 0).tolist() == [False] * 5
    assert repeated_frames(np.zeros((40, 0)), 40).size == 0
