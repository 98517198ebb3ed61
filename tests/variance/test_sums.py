"""Exact sums: the same as NumPy over all frames at once, whatever is merged, in whatever order."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.variance.sums import MOST_FRAMES, FrameSums


def frames_of(seed, count, shape, low, high, dtype):
    return np.random.default_rng(seed).integers(low, high + 1, (count, *shape)).astype(dtype)


def sums_of(frames, **options):
    sums = FrameSums(frames.shape[1:], **options)
    for frame in frames:
        sums.add(frame)
    return sums


KINDS = [
    ((7, 5, 3), 8, False, 0, 255, np.uint8),
    ((7, 5), 8, True, -20, 255, np.int16),
    ((40, 6), 12, True, -100, 4095, np.int16),
    ((3, 6), 16, True, -65_535, 65_535, np.int32),
]


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_mean_and_variance_are_those_of_all_frames_at_once(kind, few):
    shape, bits, signed, low, high, dtype = kind
    frames = frames_of(1, 9, shape, low, high, dtype)
    sums = sums_of(frames, bits=bits, signed=signed, few=few)
    np.testing.assert_array_equal(sums.mean(), frames.mean(axis=0).astype(np.float32))
    np.testing.assert_allclose(sums.variance(), frames.astype(float).var(axis=0), rtol=1e-6)


@pytest.mark.parametrize(("shape", "bits", "signed", "low", "high", "dtype"), KINDS)
def test_the_most_frames_of_extreme_values_do_not_overflow(shape, bits, signed, low, high, dtype):
    """Half of them lowest, half highest; the sums of so many are set, as adding them takes a minute."""
    sums = FrameSums(shape, bits=bits, signed=signed)
    sums.add(np.full(shape, low, dtype))
    sums.add(np.full(shape, high, dtype))
    half = MOST_FRAMES // 2
    sums.frames *= half
    sums.total *= sums.total.dtype.type(half)
    sums.squares *= sums.squares.dtype.type(half)
    np.testing.assert_array_equal(sums.mean(), np.float32((low + high) / 2))
    np.testing.assert_array_equal(sums.variance(), np.float32(((high - low) / 2) ** 2))
    sums.add(np.full(shape, high, dtype))
    with pytest.raises(OverflowError):
        sums.add(np.full(shape, high, dtype))


@given(st.permutations(range(6)), st.integers(1, 5))
def test_merged_sums_are_those_of_all_frames_to_the_bit(order, cut):
    frames = frames_of(2, 6, (4, 3), -3, 4095, np.int16)
    whole, one, other = sums_of(frames, bits=12), FrameSums((4, 3), bits=12), FrameSums((4, 3), bits=12)
    for place, frame in enumerate(order):
        (one if place < cut else other).add(frames[frame])
    one.merge(other)
    assert one.frames == whole.frames
    np.testing.assert_array_equal(one.total, whole.total)
    np.testing.assert_array_equal(one.squares, whole.squares)


def test_the_pairwise_formula_of_chan_holds_without_rounding():
    frames = frames_of(3, 7, (5,), 0, 255, np.int64)
    first, second = frames[:3], frames[3:]
    squares = [((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in (first, second, frames)]
    delta = 4 * first.sum(axis=0) - 3 * second.sum(axis=0)
    np.testing.assert_allclose(squares[0] + squares[1] + delta**2 / (3 * 4 * 7), squares[2])


def test_threads_add_at_once():
    frames = frames_of(4, 8, (64, 50), 0, 4095, np.int16)
    sums = FrameSums((64, 50), bits=12)
    threads = [Thread(target=lambda part=part: [sums.add(one) for one in part]) for part in (frames[:4], frames[4:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(sums.total, frames.sum(axis=0, dtype=np.int64))
    assert sums.frames == 8


def test_what_does_not_fit_is_refused():
    sums = FrameSums((2, 3), bits=8)
    with pytest.raises(ValueError, match="shape"):
        sums.merge(FrameSums((3, 2), bits=8))
    with pytest.raises(ValueError, match="bits"):
        FrameSums((2, 2), bits=17)
    full = FrameSums((2, 3), bits=8)
    full.frames = MOST_FRAMES
    with pytest.raises(OverflowError):
        sums.add(np.zeros((2, 3), np.int16)) or sums.merge(full)


def test_without_a_frame_nothing_is_known():
    sums = FrameSums((2, 2), bits=8)
    assert np.isnan(sums.mean()).all()
    assert np.isnan(sums.variance()).all()


@pytest.mark.parametrize("count", [0, 1, 10, 500])
def test_the_lowest_come_first_and_of_equal_ones_the_first_place(count):
    frames = frames_of(5, 3, (6, 7, 3), 0, 2, np.uint8)
    deviations = 3 * frames.astype(int).var(axis=0)
    expected = sorted((round(value, 9), place) for place, value in np.ndenumerate(deviations))[:count]
    found = sums_of(frames, bits=8, signed=False).lowest(count)
    assert [(one.row, one.col, one.channel) for one in found] == [place for _, place in expected]
    np.testing.assert_allclose([one.squares for one in found], [value for value, _ in expected], atol=1e-9)


def test_the_lowest_of_many_blocks():
    frames = frames_of(6, 4, (600, 500), 0, 4095, np.int16)
    found = sums_of(frames, bits=12).lowest(20)
    deviations = 4 * frames.astype(float).var(axis=0)
    expected = np.sort(deviations, axis=None)[:20]
    np.testing.assert_allclose([one.squares for one in found], expected)
    np.testing.assert_allclose([deviations[one.row, one.col] for one in found], expected)
