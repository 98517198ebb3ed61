"""A block's lists: what repeats, where it is or after a shift, equals what is counted entry by entry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.detect.outlier_lists import BlockLists
from sensormap.detect.tally import Outliers
from sensormap.detect.votes import draw_shifts

FRAMES = [3, 4, 7, 8, 9, 12, 15, 16, 17, 19]
RUN = 20
SHAPES = pytest.mark.parametrize("shape", [(6, 6), (7, 7), (8, 9), (9, 8), (60, 47)])


def block(seed: int, shape: tuple[int, int], share: float) -> dict[int, Outliers]:
    """Return lists of independent outliers, a share of the photosites of each frame; the second frame has none."""
    rng = np.random.default_rng(seed)
    lists = {}
    for frame in FRAMES:
        index = np.flatnonzero(rng.random(shape[0] * shape[1]) < share * (frame != FRAMES[1])).astype(np.int32)
        score = (rng.choice([-1, 1], index.size) * rng.integers(28, 65, index.size)).astype(np.int8)
        value = rng.integers(0, 4000, index.size).astype(np.int32)
        lists[frame] = Outliers(np.full(index.size, frame, np.int32), index, score, value, value + 1)
    return lists


def slow_places(outliers: Outliers, shifts: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return each entry's place after the shift of its frame."""
    row, col = np.divmod(outliers.index, shape[1])
    row = (row + shifts[0, outliers.frame]) % (shape[0] // 2 * 2)
    col = (col + shifts[1, outliers.frame]) % (shape[1] // 2 * 2)
    return np.asarray(row * shape[1] + col)


def slow_repeated(places: np.ndarray, score: np.ndarray, fewest: int) -> np.ndarray:
    """Mark the entries whose place has at least `fewest` entries of one sign."""
    signed, votes = np.unique(2 * places + (score < 0), return_counts=True)
    return np.isin(places, signed[votes >= fewest] // 2)


@SHAPES
@pytest.mark.parametrize("step", [1, 2, None])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.3, 0.9])
def test_what_repeats_equals_the_slow_count(shape: tuple[int, int], step: int | None, share: float) -> None:
    lists = block(1, shape, share)
    joined = Outliers.concatenate(list(lists.values()))
    shifts = None if step is None else draw_shifts(RUN, shape, step, 5)
    places = joined.index if shifts is None else slow_places(joined, shifts, shape)
    for frames, fewest in product([FRAMES, FRAMES[5:], [FRAMES[1]], []], [1, 3, 8]):
        among = np.flatnonzero(np.isin(joined.frame, frames))
        expected = among[slow_repeated(places[among], joined.score[among], fewest)]

        entries, found = BlockLists.of(lists, shape).of_frames(frames).repeated(fewest, shifts)

        assert_array_equal(np.sort(entries), expected)
        assert_array_equal(found, places[entries])
        assert (np.diff(found) >= 0).all()
        assert entries.dtype == found.dtype == np.int32


def test_a_shift_around_the_edges_meets_what_was_there() -> None:
    """Rows 0 and 6 of seven go to the same place, and so do columns."""
    frame, score = np.zeros(1, np.int32), np.full(1, 40, np.int8)
    lists = {}
    for number, index in enumerate([0, 6, 42, 48]):
        place = np.full(1, index, np.int32)
        lists[number] = Outliers(frame + number, place, score, frame, frame)
    blocks = BlockLists.of(lists, (7, 7))
    assert blocks.repeated(2)[0].size == 0
    entries, places = blocks.repeated(4, np.full((2, 4), 2, np.int32))
    assert sorted(entries.tolist()) == [0, 1, 2, 3]
    assert places.tolist() == [2 * 7 + 2] * 4


def test_more_than_eight_votes_are_still_enough() -> None:
    frame = np.zeros(1, np.int32)
    lists = {n: Outliers(frame + n, frame + 5, np.full(1, -30, np.int8), frame, frame) for n in range(300)}
    assert_array_equal(np.sort(BlockLists.of(lists, (6, 6)).repeated(8)[0]), np.arange(300))


@SHAPES
def test_entries_are_told_with_all_that_is_known_of_them(shape: tuple[int, int]) -> None:
    lists = block(2, shape, 0.3)
    joined = Outliers.concatenate(list(lists.values()))
    blocks = BlockLists.of(dict(reversed(lists.items())), shape)
    entries = np.random.default_rng(0).permutation(len(joined))[: len(joined) // 2].astype(np.int32)
    frame = blocks.frame_of(entries)
    expected = {(int(blocks.index[entry]), int(number)) for entry, number in zip(entries, frame, strict=True)}
    found = blocks.rows(entries)
    assert list(zip(found.index.tolist(), found.frame.tolist(), strict=True)) == sorted(expected)
    for number, one in lists.items():
        of_frame = found.frame == number
        place = np.searchsorted(one.index, found.index[of_frame])
        for name, column in vars(one[place]).items():
            assert_array_equal(column, getattr(found, name)[of_frame])
