"""Follow lists: where a position is in another list, and what frames show there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.detect.follow_list import FollowList, moved_back
from sensormap.score.neighbours import pad
from tests.support.frames import make_mosaic

SHAPE = (33, 41)

PLACES = st.lists(st.integers(0, 30), max_size=20)
ASCENDING = st.sets(st.integers(0, 30), max_size=20).map(sorted)


def places(numbers: Sequence[int]) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


# where each is in another list


@given(fixed=PLACES, decoys=PLACES, other_fixed=ASCENDING, other_decoys=ASCENDING)
def test_each_position_is_found_among_those_of_its_own_sort(
    fixed: list[int], decoys: list[int], other_fixed: list[int], other_decoys: list[int]
) -> None:
    """In any order and repeated, as candidates and controls are; a decoy is no photosite of the same number."""
    one, other = FollowList(places(fixed), places(decoys)), FollowList(places(other_fixed), places(other_decoys))
    found = one.positions_in(other)
    expected = [other_fixed.index(place) if place in other_fixed else -1 for place in fixed]
    expected += [
        len(other_fixed) + other_decoys.index(place) if place in other_decoys else -1 for place in decoys
    ]
    assert found.tolist() == expected
    assert len(one) == len(fixed) + len(decoys) == found.size
    assert found.dtype == np.intp


# what a frame shows there


def window_slowly(padded: NDArray[np.int16], row: int, col: int, step: int) -> list[int]:
    """Return value, twice the median and twice the mid-spread of the eight neighbours."""
    row, col = row + step, col + step
    a = sorted(int(padded[row + i * step, col + j * step]) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
    return [int(padded[row, col]), a[3] + a[4], (a[5] + a[6]) - (a[1] + a[2])]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("shape", [(6, 6), (6, 9), SHAPE, (34, 40)])
@pytest.mark.parametrize("shift", [(0, 0), (2, 4), (4, 0)])
def test_windows_are_of_the_photosites_and_of_where_decoys_were_before_the_shift(
    step: int, shape: tuple[int, int], shift: tuple[int, int]
) -> None:
    padded = pad(make_mosaic(1, shape=shape, step=step), step)
    even = tuple(side // 2 * 2 for side in shape)
    fixed = [0, 3, shape[0] * shape[1] - 1, 3]
    decoys = [row * shape[1] + col for row in range(even[0]) for col in range(even[1])]
    windows = FollowList(places(fixed), places(decoys)).windows(padded, np.array(shift, np.int32), step)
    expected = [window_slowly(padded, *divmod(place, shape[1]), step) for place in fixed]
    expected += [
        window_slowly(padded, (row - shift[0]) % even[0], (col - shift[1]) % even[1], step)
        for row, col in (divmod(place, shape[1]) for place in decoys)
    ]
    assert_array_equal(windows.T, expected)
    assert windows.dtype == padded.dtype


def test_an_empty_list_has_no_windows() -> None:
    none = places([])
    assert FollowList(none, none).windows(pad(make_mosaic(1), 2), np.zeros(2, np.int32), 2).shape == (3, 0)


@given(
    row=st.integers(0, 31), col=st.integers(0, 39), down=st.integers(0, 15), right=st.integers(0, 19),
    shape=st.sampled_from([(32, 40), (33, 41), (33, 40)]),
)  # fmt: skip
def test_moving_back_undoes_the_shift(row: int, col: int, down: int, right: int, shape: tuple[int, int]) -> None:
    """Around the edges of the even part; planes are kept, since shifts are even."""
    shift = np.array([2 * down, 2 * right], np.int32)
    shifted = (row + 2 * down) % 32 * shape[1] + (col + 2 * right) % 40
    found_row, found_col = moved_back(places([shifted]), shift, shape)
    assert (found_row.tolist(), found_col.tolist()) == ([row], [col])
