"""What followed photosites showed, kept small: any part of it makes the series that the whole would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.diagnose.series import LOT, FollowedWindows, OddShares, make_series

N, FRAMES = 2 * LOT + 7, 5


def gathered(dtype=np.int16, step=2):
    random = np.random.default_rng(4)
    return FollowedWindows(
        random.integers(0, 900, (3, N, FRAMES)).astype(dtype),
        random.integers(0, step**2, N),
        random.uniform(1, 2, (FRAMES, step**2, 4)),
        random.uniform(0.1, 0.2, FRAMES),
        random.random(N) < 0.1,
        random.random((N, FRAMES)) < 0.9,
    )


def assert_same_series(one, other):
    for name, array in vars(one).items():
        assert_array_equal(array, getattr(other, name), err_msg=name)


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("step", [1, 2])
def test_series_are_those_of_the_windows(dtype, step):
    some = gathered(dtype, step)
    coefficients = np.stack([some.noise[:, phase] for phase in some.phase])
    expected = make_series(
        some.windows.astype(np.int32), coefficients, some.photon, corner=some.corner, known=some.known
    )
    assert_same_series(some[:], expected)


def test_lots_make_the_series_that_the_whole_makes():
    some = replace(gathered(), odd_shares=OddShares(np.array([0.5, 2.0]), np.array([1e-3, 1e-2])))
    whole, lots = some[:], some.lots()
    assert [len(some[lot]) for lot in lots] == [LOT, LOT, 7]
    for lot in lots:
        assert_same_series(some[lot], whole[lot])
    which = np.array([3, 500, 17])
    assert_same_series(some[which], whole[which])
    assert len(np.unique(whole.odd)) > 2


def test_a_part_is_as_the_same_rows_and_copies_no_windows():
    some, rows = gathered(), slice(100, 300)
    part = some.part(rows)
    assert len(part) == 200
    assert_same_series(part[:], some[rows])
    assert np.shares_memory(part.windows, some.windows)


def test_of_none_there_are_none():
    none = gathered().part(slice(0, 0))
    assert len(none) == len(none[:]) == len(none.lots()) == 0
