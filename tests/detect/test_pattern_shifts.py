"""Random shifts of patterns that repeat after six photosites: each place stays in its place of the pattern."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.detect.follow_list import moved_back
from sensormap.detect.outlier_lists import BlockLists, shift_places
from sensormap.detect.tally import Outliers
from sensormap.detect.votes import draw_shifts

SHAPES = st.tuples(st.integers(12, 60), st.integers(12, 60))


@given(SHAPES, st.integers(0, 2**32), st.sampled_from([None, 2]))
def test_a_shift_keeps_the_place_of_the_pattern_and_goes_back(
    shape: tuple[int, int], seed: int, reach: int | None
) -> None:
    shift = draw_shifts(1, shape, 6, seed, reach)[:, 0]
    whole = [side - side % 6 for side in shape]
    row, col = (one.ravel().astype(np.int32) for one in np.indices(whole))
    index = row * np.int32(shape[1]) + col
    moved = shift_places(index, shift, shape, 6)
    assert np.unique(moved).size == index.size
    np.testing.assert_array_equal(moved // shape[1] % 6, row % 6)
    np.testing.assert_array_equal(moved % shape[1] % 6, col % 6)
    np.testing.assert_array_equal(moved_back(moved.astype(np.int64), shift, shape, 6), [row, col])


@pytest.mark.parametrize("shape", [(24, 30), (29, 35), (25, 31)])
def test_lists_go_around_as_places_do(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    outliers = {}
    for frame in range(5):
        index = np.sort(rng.choice(shape[0] * shape[1], 200, replace=False)).astype(np.int32)
        one = Outliers.room(index.size, frame)
        one.index[:], one.score[:] = index, 30
        outliers[frame] = one
    shifts = draw_shifts(5, shape, 6, 9)
    found, places = BlockLists.of(outliers, shape, 6).repeated(2, shifts)
    every = np.concatenate([shift_places(one.index, shifts[:, n], shape, 6) for n, one in outliers.items()])
    values, counts = np.unique(every, return_counts=True)
    expected = every[np.isin(every, values[counts >= 2])]
    np.testing.assert_array_equal(places, np.sort(expected))
    np.testing.assert_array_equal(places, every[found])
