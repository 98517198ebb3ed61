"""How photos are cut into shards: by themselves, so that photos added later leave most boundaries where they were."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.profile import Body
from sensormap.frame import Exposure, Photo
from sensormap.shards.cut import FEWEST, MOST, cut_into_shards

START = datetime(2009, 1, 1)


def photos(
    count: int, *, seed: int = 0, pauses: float = 0.07, counts: bool = True, times: bool = True
) -> list[Photo]:
    """Return photos in order, with pauses of an hour after some."""
    rng = np.random.default_rng(seed)
    hours = np.cumsum(rng.random(count) < pauses)
    return [
        Photo(
            Path(f"DSC_{number:04}.NEF"),
            1,
            Body("A", "B", "1"),
            Exposure(
                time=START + timedelta(hours=int(hour), seconds=7 * number) if times else None,
                shutter_count=number + 1 if counts else None,
            ),
        )
        for number, hour in enumerate(hours.tolist())
    ]


@given(st.integers(0, 700), st.integers(0, 9), st.booleans(), st.booleans(), st.sampled_from([0, 0.07, 1]))
def test_every_photo_is_in_one_shard(count: int, seed: int, counts: bool, times: bool, pauses: float) -> None:
    shards = cut_into_shards(photos(count, seed=seed, counts=counts, times=times, pauses=pauses))
    assert [number for shard in shards for number in shard] == list(range(count))
    if count > MOST:
        assert all(FEWEST <= len(shard) <= MOST + FEWEST for shard in shards)
    else:
        assert shards == [range(count)]


@pytest.mark.parametrize(("pauses", "times"), [(1, True), (0.07, True), (0, True), (0, False)])
def test_shards_have_some_sixty_photos(pauses: float, times: bool) -> None:
    number = len(cut_into_shards(photos(6000, pauses=pauses, times=times)))
    assert 35 < 6000 / number < 95


def test_boundaries_are_more_often_at_pauses() -> None:
    found = photos(6000)
    starts = [shard.start for shard in cut_into_shards(found)[1:]]
    gaps = [found[start].exposure.time - found[start - 1].exposure.time for start in starts]
    assert sum(gap > timedelta(minutes=10) for gap in gaps) > 0.2 * len(gaps)


@given(st.integers(0, 9), st.integers(0, 599), st.integers(1, 40))
def test_photos_added_later_touch_few_shards(seed: int, where: int, number: int) -> None:
    """Photos of one day that turn up later: of the photos known before, few lie in shards that are new."""
    every = photos(600 + number, seed=seed)
    known = [photo for place, photo in enumerate(every) if not where <= place < where + number]
    before = {tuple(known[shard.start : shard.stop]) for shard in cut_into_shards(known)}
    after = {tuple(every[shard.start : shard.stop]) for shard in cut_into_shards(every)}
    again = sum(len(shard) for shard in after - before) - number
    assert again <= 4 * MOST


def test_few_photos_are_read_again_on_average() -> None:
    again = []
    for seed in range(60):
        every = photos(640, seed=seed)
        before = {tuple(every[shard.start : shard.stop]) for shard in cut_into_shards(every[:600])}
        after = {tuple(every[shard.start : shard.stop]) for shard in cut_into_shards(every)}
        again.append(sum(len(shard) for shard in after - before) - 40)
    assert max(again) <= MOST + FEWEST
    assert np.mean(again) < 85


def test_a_photo_is_known_wherever_it_lies() -> None:
    found = photos(400)
    moved = [
        Photo(Path("elsewhere") / f"x{photo.path.name}", 1, photo.body, photo.exposure) for photo in found
    ]
    assert cut_into_shards(moved) == cut_into_shards(found)
