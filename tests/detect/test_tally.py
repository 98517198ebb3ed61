"""The tally: sums that are exact, so that no split, order or number of threads changes a byte."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.detect.tally import MOST_FRAMES, Outliers, Tally, add_outlying
from sensormap.frame import Mosaic
from sensormap.score.neighbours import pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.settings import OUTLIER_SIGMA
from tests.support.frames import SATURATION, make_mosaic, plain_noise
from tests.support.scores import scores_slowly

SHAPE = (33, 41)
DEFECTS = {(0, 0): (0.0, 0.0), (12, 7): (1.0, 900.0), (32, 40): (0.0, 3880.0), (20, 21): (0.3, 0.0)}
WIDE: dict[str, int] = {}
NARROW = {"frames": 48}
WIDTHS = pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
STEPS = pytest.mark.parametrize("step", [1, 2])


@cache
def frames(step: int = 2, number: int = 6) -> tuple[tuple[Mosaic, Noise], ...]:
    """Return padded frames, from dark to partly saturated, and their noise."""
    mosaics = (
        make_mosaic(seed, shape=SHAPE, step=step, level=100.0 + 900 * seed, defects=DEFECTS) for seed in range(number)
    )
    padded = [pad(mosaic, step) for mosaic in mosaics]
    return tuple((frame, fit_noise(frame, step, clipping=(0, SATURATION))) for frame in padded)


def tally_of(numbers: list[int], step: int = 2, **width: int) -> Tally:
    tally = Tally(SHAPE, **width)
    for number in numbers:
        tally.add(*frames(step)[number], clipping=(0, SATURATION), frame=number)
    return tally


def assert_same(one: Tally, other: Tally) -> None:
    assert one.frames == other.frames
    for mine, theirs in zip(one.sums, other.sums, strict=True):
        assert mine.dtype == theirs.dtype
        assert_array_equal(mine, theirs)


def inner(padded: Mosaic, step: int) -> NDArray[np.int64]:
    return padded[step:-step, step:-step].astype(np.int64)


def level2_of(padded: Mosaic, step: int) -> NDArray[np.int64]:
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    offsets = [(i, j) for i in (0, step, 2 * step) for j in (0, step, 2 * step) if (i, j) != (step, step)]
    ordered = np.sort([padded[i : i + height, j : j + width].astype(np.int64) for i, j in offsets], axis=0)
    return np.asarray(ordered[3] + ordered[4])


@STEPS
@WIDTHS
def test_sums_are_those_of_the_stack(step: int, width: dict[str, int]) -> None:
    tally = tally_of(list(range(6)), step, **width)
    value = np.stack([inner(padded, step) for padded, _ in frames(step)])
    score = np.stack([scores_slowly(padded, noise) for padded, noise in frames(step)]).astype(np.int64)
    level2 = np.stack([level2_of(padded, step) for padded, _ in frames(step)])
    clipped = (value <= 0) & (level2 <= 0) | (value >= SATURATION) & (level2 >= 2 * SATURATION)
    assert clipped.any()
    assert tally.frames == 6
    outlying = np.where(np.abs(score) >= 28, np.abs(score), 0)
    assert 0 < np.count_nonzero(outlying) < outlying.size / 10
    for found, expected in zip(tally.sums, (clipped, score, outlying), strict=True):
        assert_array_equal(found, expected.sum(axis=0))


@given(
    owner=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    order=st.permutations(range(6)),
    merged=st.permutations(range(4)),
)
def test_any_split_merged_in_any_order_is_the_whole(owner: list[int], order: list[int], merged: list[int]) -> None:
    parts = [tally_of([number for number in order if owner[number] == part]) for part in range(4)]
    for part in merged[1:]:
        parts[merged[0]].merge(parts[part])
    assert_same(parts[merged[0]], tally_of(list(range(6))))


def test_merging_is_associative_and_an_empty_tally_its_identity() -> None:
    left, right = tally_of([0, 1]), tally_of([0, 1])
    left.merge(tally_of([2, 3]))
    left.merge(tally_of([4, 5]))
    tail = tally_of([2, 3])
    tail.merge(tally_of([4, 5]))
    right.merge(tail)
    right.merge(Tally(SHAPE))
    assert_same(left, right)


@STEPS
@WIDTHS
def test_threads_that_share_a_tally_equal_one(step: int, width: dict[str, int]) -> None:
    numbers = [number % 6 for number in range(48)]
    serial, shared = Tally(SHAPE, **width), Tally(SHAPE, **width)

    def add(tally: Tally, frame: int) -> Outliers:
        return tally.add(*frames(step)[numbers[frame]], clipping=(0, SATURATION), frame=frame)

    expected = [add(serial, frame) for frame in range(48)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda frame: add(shared, frame), range(48)))
    assert_same(shared, serial)
    for one, other in zip(found, expected, strict=True):
        for name, array in vars(one).items():
            assert_array_equal(array, getattr(other, name))


@pytest.mark.parametrize("height", [6, 33])
def test_no_two_threads_are_in_one_band(monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    """A lost sum would be too rare an event to see on small frames."""
    busy: list[int] = []
    met = []

    def slow_band(padded: Mosaic, first: int, *rest: Any) -> int:
        met.append(first in busy)
        busy.append(first)
        time.sleep(0.0005)
        busy.remove(first)
        return 0

    monkeypatch.setattr("sensormap.detect.tally.tally_band", slow_band)
    tally = Tally((height, 6))
    padded = pad(np.zeros((height, 6), np.int16), 2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: tally.add(padded, plain_noise(2), clipping=(0, SATURATION), frame=0), range(16)))
    assert len(met) == 16 * min(height, 16)
    assert not any(met)
    assert tally.frames == 16


# bounds


@pytest.mark.parametrize("number", [1, 255, 256, 257, 511, 512, 513, 1023, 1024, MOST_FRAMES])
def test_sums_are_as_wide_as_the_frames_need(number: int) -> None:
    tally = Tally((1, 1), frames=number)
    assert tally.max_frames == number
    for name, value in {"hidden": 1, "sum_z": 64, "sum_outlying": 64}.items():
        assert number * value <= np.iinfo(getattr(tally, name).dtype).max, name


def test_few_frames_have_narrow_sums() -> None:
    narrow, wide = Tally((1, 1), frames=60), Tally((1, 1))
    assert [array.itemsize for array in narrow.sums] == [1, 2, 2]
    assert [array.itemsize for array in wide.sums] == [2, 4, 4]


@pytest.mark.parametrize("number", [-1, 0, MOST_FRAMES + 1])
def test_no_width_holds_any_number_of_frames(number: int) -> None:
    with pytest.raises(OverflowError, match=f"{number} frames: a tally holds 1 to 32767"):
        Tally((1, 1), frames=number)


def test_a_full_tally_takes_no_more() -> None:
    full, other = (tally_of([0], frames=1) for _ in range(2))
    with pytest.raises(OverflowError, match="this tally holds at most 1 frames"):
        full.add(*frames()[1], clipping=(0, SATURATION), frame=1)
    with pytest.raises(OverflowError, match="this tally holds at most 1 frames"):
        full.merge(other)
    assert_same(full, other)


@pytest.mark.parametrize(("value", "eighths"), [(0, 64), (4000, -64)])
@pytest.mark.parametrize(("number", "widths"), [(511, [2, 2]), (512, [4, 2]), (1023, [4, 2]), (1024, [4, 4])])
def test_a_full_tally_of_the_largest_scores_is_exact(value: int, eighths: int, number: int, widths: list[int]) -> None:
    mosaic = np.full((6, 6), value, np.int16)
    mosaic[2, 2] = 4000 - value
    tally = Tally((6, 6), frames=number)
    assert [tally.sum_z.itemsize, tally.sum_outlying.itemsize] == widths
    for frame in range(number):
        tally.add(pad(mosaic, 2), plain_noise(2), clipping=(0, SATURATION), frame=frame)
    assert tally.sum_z[2, 2] == number * eighths
    assert tally.sum_outlying[2, 2] == number * 64


@WIDTHS
def test_one_frame_too_many_is_refused_before_it_is_added(width: dict[str, int]) -> None:
    tally = tally_of([0, 1], **(width | {"frames": 2}))
    with pytest.raises(OverflowError, match="this tally holds at most 2 frames"):
        tally.add(*frames()[2], clipping=(0, SATURATION), frame=2)
    assert_same(tally, tally_of([0, 1], **(width | {"frames": 2})))


def test_a_tally_takes_none_of_another_shape_and_none_with_wider_sums() -> None:
    with pytest.raises(ValueError, match=r"of shape \(6, 6\) takes none of shape \(6, 7\)"):
        Tally((6, 6)).merge(Tally((6, 7)))
    with pytest.raises(ValueError, match="none with wider sums"):
        Tally((6, 6), frames=8).merge(Tally((6, 6)))


@pytest.mark.parametrize("most", [6, 300, 700, 2000])
def test_tallies_for_few_frames_add_up_to_one_for_many(most: int) -> None:
    whole = tally_of([0, 1, 2, 3, 4], frames=most)
    total = Tally(SHAPE, frames=most)
    for part in ([3, 4], [0], [1, 2]):
        total.merge(tally_of(part, frames=len(part)))
    assert_same(total, whole)


# what a photosite clipped with its surroundings does not show


@STEPS
@pytest.mark.parametrize(
    ("value", "surroundings", "counted"),
    [
        (0, 0, False),
        (-5, 0, False),
        (0, -5, False),
        (1, 0, True),
        (0, 1, True),  # dead, in the light
        (SATURATION, SATURATION, False),
        (SATURATION + 9, SATURATION, False),
        (SATURATION - 1, SATURATION, True),
        (SATURATION, SATURATION - 1, True),
        (0, SATURATION, True),
        (SATURATION, 0, True),
        (500, 500, True),
    ],
)
def test_clipped_together_with_the_surroundings_does_not_count(
    step: int, value: int, surroundings: int, counted: bool
) -> None:
    mosaic = np.full((9, 11), surroundings, np.int16)
    mosaic[4, 5] = value
    tally = Tally((9, 11))
    tally.add(pad(mosaic, step), plain_noise(step), clipping=(0, SATURATION), frame=0)
    assert tally.count[4, 5] == counted
    assert (np.delete(tally.count, 4 * 11 + 5) == (0 < surroundings < SATURATION)).all()


def test_half_of_the_neighbours_clipped_is_not_clipped() -> None:
    mosaic = np.full((3, 3), SATURATION, np.int16)
    mosaic[0], mosaic[1, 0] = SATURATION - 1, SATURATION - 1
    tally = Tally((3, 3))
    tally.add(pad(mosaic, 1), plain_noise(1), clipping=(0, SATURATION), frame=0)
    assert tally.count[1, 1] == 1


# outliers


@pytest.mark.parametrize(
    ("residual", "listed"), [(27, False), (28, True), (-27, False), (-28, True), (64, True), (-800, True)]
)
def test_an_outlier_is_beyond_28_eighths(residual: int, listed: bool) -> None:
    assert OUTLIER_SIGMA * 8 == 28
    mosaic = np.full((9, 11), 1000, np.int16)
    mosaic[4, 5] += residual
    found = Tally((9, 11)).add(pad(mosaic, 2), plain_noise(2), clipping=(0, SATURATION), frame=3)
    assert len(found) == listed
    if listed:
        assert found.frame.tolist() == [3]
        assert found.index.tolist() == [4 * 11 + 5]
        assert found.score.tolist() == [min(max(residual, -64), 64)]
        assert found.value.tolist() == [1000 + residual]
        assert found.level2.tolist() == [2000]


@STEPS
@pytest.mark.parametrize("frame", [0, 1, 15, 16, 1234])
def test_outliers_are_exactly_the_outlying_scores_in_order_of_place(step: int, frame: int) -> None:
    """Whatever band a frame starts with."""
    padded, noise = frames(step)[1]
    found = Tally(SHAPE).add(padded, noise, clipping=(0, SATURATION), frame=frame)
    score = scores_slowly(padded, noise).reshape(-1)
    index = np.flatnonzero(np.abs(score.astype(int)) >= 28)
    assert index.size >= 3
    assert_array_equal(found.index, index)
    assert_array_equal(found.frame, frame)
    assert_array_equal(found.score, score[index])
    assert_array_equal(found.value, inner(padded, step).reshape(-1)[index])
    assert_array_equal(found.level2, level2_of(padded, step).reshape(-1)[index])
    assert [array.dtype for array in vars(found).values()] == [np.int32, np.int32, np.int8, np.int32, np.int32]


def test_a_frame_of_outliers_only_has_room() -> None:
    mosaic = np.random.default_rng(1).choice([0, SATURATION], (6, 200)).astype(np.int16)
    found = Tally((6, 200)).add(pad(mosaic, 1), plain_noise(1, sigma=0.1), clipping=(0, SATURATION), frame=0)
    expected = np.abs(scores_slowly(pad(mosaic, 1), plain_noise(1, sigma=0.1)).astype(int)) >= 28
    assert len(found) == expected.sum() > 700


def test_a_copy_of_outliers_is_in_memory_of_its_own() -> None:
    found = Tally(SHAPE).add(*frames()[1], clipping=(0, SATURATION), frame=3)
    copy = found.copy()
    for name, array in vars(found).items():
        assert getattr(copy, name).dtype == array.dtype
        assert_array_equal(getattr(copy, name), array)
        assert not np.shares_memory(getattr(copy, name), array)


def test_what_a_frame_left_is_not_overwritten_by_the_next() -> None:
    tally = Tally(SHAPE)
    first = tally.add(*frames()[1], clipping=(0, SATURATION), frame=0)
    before = first.copy()
    for number in (2, 3):
        tally.add(*frames()[number], clipping=(0, SATURATION), frame=number)
    for name, array in vars(before).items():
        assert_array_equal(getattr(first, name), array)


def test_lists_of_outliers_join_in_order() -> None:
    parts = [Tally(SHAPE).add(*frames()[n], clipping=(0, SATURATION), frame=n) for n in (2, 0)]
    joined = Outliers.concatenate(parts)
    assert len(joined) == len(parts[0]) + len(parts[1])
    assert_array_equal(joined[: len(parts[0])].index, parts[0].index)
    assert_array_equal(joined[joined.frame == 0].level2, parts[1].level2)
    empty = Outliers.concatenate([])
    assert len(empty) == 0
    assert [array.dtype for array in vars(empty).values()] == [array.dtype for array in vars(joined).values()]


# frames filtered in camera


@STEPS
@pytest.mark.parametrize("frame", [0, 7, 1234])
def test_a_filtered_frame_has_no_bright_outliers_and_is_tallied_otherwise(step: int, frame: int) -> None:
    padded, noise = frames(step)[1]
    plain, filtered = Tally(SHAPE), Tally(SHAPE)
    every = plain.add(padded, noise, clipping=(0, SATURATION), frame=frame)
    dark = filtered.add(padded, noise, clipping=(0, SATURATION), frame=frame, filtered=True)
    expected = every[every.score < 0]
    assert 0 < len(expected) < len(every)
    for name, array in vars(expected).items():
        assert_array_equal(getattr(dark, name), array)
    for mine, theirs in zip(filtered.sums[:2], plain.sums[:2], strict=True):
        assert_array_equal(mine, theirs)
    sizes = np.bincount(expected.index, -expected.score.astype(int), SHAPE[0] * SHAPE[1])
    assert_array_equal(filtered.sum_outlying, sizes.reshape(SHAPE))


# sums of outlying scores


def test_merging_adds_the_sums_of_outlying_scores() -> None:
    parts = [tally_of([0, 1]), tally_of([2])]
    expected = parts[0].sum_outlying + parts[1].sum_outlying
    parts[0].merge(parts[1])
    assert expected.any()
    assert_array_equal(parts[0].sum_outlying, expected)


def test_sums_of_outlying_scores_beyond_the_end_are_left_out() -> None:
    sums = np.zeros(5, np.uint16)
    add_outlying(np.array([0, 4, 5, 4, 9], np.int32), np.array([-64, 28, 50, -30, 64], np.int8), sums)
    assert sums.tolist() == [64, 0, 0, 0, 58]
    add_outlying(np.array([1], np.int32), np.array([-128], np.int8), sums)  # its negative is no int8
    assert sums.tolist() == [64, 128, 0, 0, 58]


# means of scores


@STEPS
@WIDTHS
def test_the_mean_score_is_that_of_the_frames_that_show_a_photosite(step: int, width: dict[str, int]) -> None:
    tally = tally_of(list(range(6)), step, **width)
    assert tally.hidden.any()
    assert_array_equal(tally.count, 6 - tally.hidden)
    expected = tally.sum_z / np.maximum(tally.count, 1) / 8
    mean = tally.mean_score()
    assert (mean.dtype, mean.shape) == (np.float32, SHAPE)
    np.testing.assert_allclose(mean, expected, rtol=3e-7)  # two roundings to float32
    for where in (np.s_[3::8, 1::2], (np.array([0, 12, 32]), np.array([0, 7, 40])), np.s_[5], tally.hidden > 0):
        assert_array_equal(tally.mean_score(where), mean[where])


def test_an_empty_tally_has_a_mean_score_of_zero() -> None:
    assert not Tally(SHAPE).mean_score().any()
    assert not Tally(SHAPE).count.any()


@STEPS
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    number=st.sampled_from([1, 3, 64, 1000, MOST_FRAMES]),
    seed=st.integers(0, 99),
    bars=st.lists(st.sampled_from([0.0, 0.125, 0.75, 2.0, np.inf]), min_size=4, max_size=4),
)
def test_places_beyond_are_those_of_the_obvious_expression(
    step: int, shape: tuple[int, int], number: int, seed: int, bars: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    tally = Tally(shape, frames=number)
    tally.frames = number
    tally.hidden[...] = rng.choice([0, 0, number // 2, number], shape)
    tally.sum_z[...] = rng.integers(-20, 21, shape) * (number - tally.hidden.astype(int))
    centre = rng.choice([-1.0, 0.0, 0.5], (step, step)).astype(np.float32)
    bar = np.array(bars, np.float32)[: step * step].reshape(step, step)
    row, col = np.indices(shape) % step
    expected = np.flatnonzero(np.abs(tally.mean_score() - centre[row, col]) > bar[row, col])
    found = tally.beyond(centre, bar)
    assert found.dtype == np.intp
    assert_array_equal(found, expected)
