"""The first pass shard by shard: what is added up does not depend on order, threads, or what was added up before."""

from __future__ import annotations

from dataclasses import replace
from errno import ENOSPC
from functools import cache
from io import BytesIO
from itertools import permutations
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.assemble.pass_rules import RAW
from sensormap.errors import DecodeError
from sensormap.frame import Frame, Photo
from sensormap.photos.refusals import Refusals
from sensormap.shards.add_up import add_up, place_in_run
from sensormap.shards.summary import ShardSummary
from sensormap.survey import survey_shards as module
from sensormap.survey.first_pass import run_first_pass
from sensormap.survey.survey_shards import survey_shards
from tests.support import toy_run

FRAMES = 30
PHOTOS = toy_run.photos(FRAMES)
SHARDS = [range(11), range(11, 22), range(22, FRAMES)]
REFUSED = {13, 25}


def read(photo: Photo, _: Any = None) -> Frame:
    if int(photo.path.stem) in REFUSED:
        msg = "torn"
        raise DecodeError(msg)
    return toy_run.frame_of(photo)


def context(**values: Any) -> Any:
    return toy_run.context(read, refusals=Refusals(strict=False), **values)


@cache
def part(number: int) -> ShardSummary:
    """Return the result of one shard."""
    shard = SHARDS[number]
    found = run_first_pass(PHOTOS[shard.start : shard.stop], toy_run.PROFILE, RAW, context(), follow=range(len(shard)))
    return place_in_run(found, shard.start, FRAMES)


def assert_same(one: ShardSummary, other: ShardSummary) -> None:
    for mine, theirs in zip(one.tally.sums, other.tally.sums, strict=True):
        assert mine.dtype == theirs.dtype
        assert_array_equal(mine, theirs)
    assert one.tally.frames == other.tally.frames
    assert_array_equal(one.shifted_sums, other.shifted_sums)
    assert_array_equal(one.shifts, other.shifts)
    assert {n: str(record) for n, record in one.records.items()} == {n: str(r) for n, r in other.records.items()}
    assert one.skipped == other.skipped
    assert one.voted == other.voted
    assert len(one.block_votes) == len(other.block_votes)
    for mine, theirs in zip(one.block_votes, other.block_votes, strict=True):
        assert_array_equal(mine.outliers.frame, theirs.outliers.frame)
        assert_array_equal(mine.index, theirs.index)
    assert sorted(one.saved_windows) == sorted(other.saved_windows)
    for number, windows in one.saved_windows.items():
        assert_array_equal(windows.values, other.saved_windows[number].values)


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cut_into_shards", lambda _: SHARDS)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_adding_does_not_matter(order: tuple[int, ...]) -> None:
    assert_same(add_up((part(number) for number in order), FRAMES), add_up(map(part, range(3)), FRAMES))


@pytest.mark.parametrize("first", range(3))
def test_sums_may_be_added_up(first: int) -> None:
    others = [part(number) for number in range(3) if number != first]
    assert_same(add_up([add_up(others, FRAMES), part(first)], FRAMES), add_up(map(part, range(3)), FRAMES))


class _FullAfter(BytesIO):
    """A file on a disk that has room for so many writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    def write(self, data: Any) -> int:
        self.writes -= 1
        if self.writes < 0:
            raise OSError(ENOSPC, "full")
        return super().write(data)


@pytest.mark.parametrize("writes", range(8))
def test_a_full_disk_adds_up_the_same(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = add_up(map(part, range(3)), FRAMES)
    monkeypatch.setattr("sensormap.shards.tally_files.TemporaryFile", lambda **_: _FullAfter(writes))
    assert_same(add_up(map(part, range(3)), FRAMES), expected)


def test_no_place_for_temporary_files_adds_up_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = add_up(map(part, range(3)), FRAMES)
    monkeypatch.setattr("sensormap.shards.tally_files.TemporaryFile", Mock(side_effect=FileNotFoundError))
    assert_same(add_up(map(part, range(3)), FRAMES), expected)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_adds_up_its_shards(cut: None, threads: int) -> None:
    found = survey_shards(PHOTOS, toy_run.PROFILE, RAW, context(threads=threads), follow=range(FRAMES))
    assert_same(found, add_up(map(part, range(3)), FRAMES))
    assert sorted(found.skipped) == sorted(REFUSED)
    assert found.tally.frames == len(found.counted) == FRAMES - len(REFUSED)


def test_sums_are_those_of_all_frames_together(cut: None) -> None:
    found = survey_shards(PHOTOS, toy_run.PROFILE, RAW, context())
    whole = run_first_pass(PHOTOS, toy_run.PROFILE, RAW, context())
    for mine, theirs in zip(found.tally.sums, whole.tally.sums, strict=True):
        assert_array_equal(mine, theirs)
    assert_array_equal(found.shifted_sums, whole.shifted_sums)
    assert_array_equal(found.shifts, whole.shifts)


def test_progress_is_that_of_the_run(cut: None) -> None:
    heard: list[tuple[int, int]] = []
    survey_shards(PHOTOS, toy_run.PROFILE, RAW, context(progress=lambda *counts: heard.append(counts)))
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert {done for done, _ in heard} == set(range(FRAMES + 1))
    assert {total for _, total in heard} == {FRAMES}


# scenes that a shard before shows


def one_scene(numbers: range) -> Any:
    """Return a decoder to which some photos show the same small bright spots, each two photosites on a diagonal."""
    rows, cols = np.random.default_rng(5).integers(10, 80, (2, 90))

    def decode(photo: Photo, _: Any = None) -> Frame:
        frame = toy_run.frame_of(photo)
        mosaic = frame.mosaic.copy()
        if int(photo.path.stem) in numbers:
            mosaic[rows, cols] += 300
            mosaic[rows + 1, cols + 1] += 300
        return replace(frame, mosaic=mosaic)

    return decode


@pytest.mark.parametrize("numbers", [range(8, 15), range(8, FRAMES), range(FRAMES)])
def test_a_scene_counts_once_across_shards(cut: None, numbers: range) -> None:
    found = survey_shards(PHOTOS, toy_run.PROFILE, RAW, toy_run.context(one_scene(numbers)))
    assert found.counted == [number for number in range(FRAMES) if number not in numbers[1:]]
    assert found.tally.frames == len(found.counted)
    assert sorted(frame for block in found.voted for frame in block) == found.counted


def test_a_photo_that_is_skipped_is_said_once_though_its_shard_is_surveyed_again(cut: None) -> None:
    scene = one_scene(range(8, 15))

    def decode(photo: Photo, profile: Any = None) -> Frame:
        return read(photo) if int(photo.path.stem) == 13 else scene(photo)

    refusals = Refusals(strict=False)
    survey_shards(PHOTOS, toy_run.PROFILE, RAW, toy_run.context(decode, refusals=refusals))
    assert [photo.name for photo in refusals.skipped] == ["13.nef"]
