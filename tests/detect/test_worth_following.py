"""Which photosites are followed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.camera.cfa import Cfa
from sensormap.detect import worth_following as worth_following_module
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import BlockVotes
from sensormap.detect.worth_following import largest_sums, make_follow_list, most_followed, worth_following
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.settings import Thresholds
from tests.support.frames import make_mosaic

SHAPE = (33, 41)
CFA = Cfa("GBRG")
STUCK = (5, 7)


def votes(following: Sequence[int] = (), decoys: Sequence[int] = ()) -> BlockVotes:
    none = np.empty(0, np.int32)
    return BlockVotes(
        none, np.empty(0), Outliers.concatenate([]), 12.0,
        following=np.array(following, np.int32), decoys=np.array(decoys, np.int32),
    )  # fmt: skip


def tally_of(frames: int = 6) -> Tally:
    """Return the tally of some frames with one stuck photosite."""
    tally = Tally(SHAPE, frames=frames)
    for seed in range(frames):
        mosaic = make_mosaic(seed, shape=SHAPE, defects={STUCK: (0, 3000)})
        padded = pad(mosaic, 2)
        tally.add(padded, fit_noise(padded, 2, clipping=(0, 3880)), clipping=(0, 3880), frame=seed)
    return tally


@pytest.mark.parametrize("early", [False, True])
def test_what_stands_out_is_listed_and_decoys_need_sums_as_large(early: bool) -> None:
    tally = tally_of()
    shifted = np.arange(8 * SHAPE[1], dtype=np.uint16)
    block_votes = [votes([900, 3], [7, 3, 8 * SHAPE[1], 1000]), votes([3, 50], [7])]
    listed = make_follow_list(tally, block_votes, shifted, CFA, Thresholds(), early=early)
    for found in (listed.photosites, listed.decoys):
        assert found.dtype == np.int64
        assert found.tolist() == sorted(set(found.tolist()))
    assert {STUCK[0] * SHAPE[1] + STUCK[1], 900, 3, 50} <= set(listed.photosites.tolist())
    assert {3, 7} <= set(listed.decoys.tolist())
    assert listed.decoys.max() < shifted.size  # beyond, shifted frames are not added up
    # Of the sums of the shifted frames those that reach the bar of the candidates, and none else.
    bar = min(set(listed.decoys.tolist()) - {3, 7})
    assert set(listed.decoys.tolist()) == {3, 7} | set(range(bar, shifted.size))
    assert bar > 0


def test_at_the_end_those_worth_following_are_listed() -> None:
    tally, thresholds = tally_of(), Thresholds()
    block_votes = [votes([900, 3])]
    shifted = np.zeros(8 * SHAPE[1], np.uint16)
    bar = largest_sums(tally.sum_outlying.reshape(-1), most_followed(tally.hidden.size, thresholds))
    shifted[[11, 20, 30]] = bar - 1, bar, bar + 1
    listed = make_follow_list(tally, block_votes, shifted, CFA, thresholds)
    assert_array_equal(listed.photosites, worth_following(tally, block_votes, CFA, thresholds))
    assert listed.decoys.tolist() == [20, 30]


def test_early_more_are_listed_and_none_fewer() -> None:
    """More frames may raise what is not yet conspicuous."""
    rng = np.random.default_rng(1)
    tally = Tally((128, 160), frames=1)
    tally.frames = 1
    tally.sum_outlying[:] = rng.integers(0, 60, tally.shape)
    tally.sum_z[:] = np.clip(rng.normal(0, 12, tally.shape), -120, 120)
    shifted = rng.integers(0, 60, 32 * 160).astype(np.uint16)
    thresholds = Thresholds()
    late, early = (make_follow_list(tally, [], shifted, CFA, thresholds, early=one) for one in (False, True))
    assert set(late.photosites.tolist()) < set(early.photosites.tolist())
    assert set(late.decoys.tolist()) <= set(early.decoys.tolist())
    assert early.photosites.size <= 10 * late.photosites.size


def test_no_more_than_a_hundredth_of_the_sensor_is_followed(monkeypatch):
    monkeypatch.setattr(worth_following_module, "_FEWEST_BOUND", 10)
    outlying = np.arange(2000, dtype=np.uint16)
    places = np.arange(100, 200, dtype=np.int64)
    assert worth_following_module._most_outlying(places, outlying).tolist() == list(range(180, 200))
    assert worth_following_module._most_outlying(places[:5], outlying).tolist() == places[:5].tolist()


def test_of_a_smear_only_what_is_not_far_below_the_strongest_is_followed() -> None:
    tally = tally_of()
    sums = tally.sum_outlying
    sums[:] = 0
    smear = ((20, 20, 300), (20, 21, 149), (21, 20, 150), (20, 24, 100), (0, 0, 90), (3, 3, 44), (2, 0, 46))
    for row, col, size in smear:
        sums[row, col] = size
    block_votes = [votes(np.flatnonzero(sums).tolist())]
    shifted = sums.reshape(-1)[: 30 * SHAPE[1]].copy()
    listed = make_follow_list(tally, block_votes, shifted, CFA, Thresholds(), smears=True)
    expected = {(20, 20), (21, 20), (20, 24), (0, 0), (2, 0)}
    for found in (listed.photosites, listed.decoys):
        places = {(int(place) // SHAPE[1], int(place) % SHAPE[1]) for place in found}
        assert {place for place in places if sums[place]} == expected
