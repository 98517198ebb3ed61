"""Columns: dense runs of candidates along one raw column, and nothing less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.detect.runs import CandidateRun, crowded, find_columns


def runs_of(*places: tuple[int, list[int]]) -> tuple[CandidateRun, ...]:
    """Return the runs among the candidates given as column and rows."""
    row = np.array([y for _, rows in places for y in rows], np.int32)
    col = np.array([x for x, rows in places for _ in rows], np.int32)
    return find_columns(row, col)


def described(runs: tuple[CandidateRun, ...]) -> list[tuple[int, int, int, int]]:
    return [(run.col, run.first, run.last, run.members.size) for run in runs]


@pytest.mark.parametrize(("number", "found"), [(11, False), (12, True), (13, True)])
@pytest.mark.parametrize("step", [1, 2])
def test_a_run_has_at_least_twelve_members(number: int, found: bool, step: int) -> None:
    rows = [100 + step * i for i in range(number)]
    assert described(runs_of((7, rows))) == [(7, 100, rows[-1], number)] * found


@pytest.mark.parametrize(("gap", "runs"), [(32, [(7, 0, 91, 61)]), (33, [(7, 0, 29, 30), (7, 62, 92, 31)])])
def test_a_gap_of_32_rows_is_bridged_and_one_of_33_is_not(gap: int, runs: list[tuple[int, int, int, int]]) -> None:
    """A gap counts from one candidate to the next."""
    assert described(runs_of((7, [*range(30), *range(29 + gap, 60 + gap)]))) == runs


@pytest.mark.parametrize(("last", "found"), [(39, True), (40, False)])
def test_a_run_fills_at_least_three_tenths_of_its_rows(last: int, found: bool) -> None:
    rows = [*range(11), last]  # 12 of 40 rows, of 41 rows
    assert described(runs_of((7, rows))) == [(7, 0, last, 12)] * found


@pytest.mark.parametrize(("last", "found"), [(78, True), (80, False)])
@pytest.mark.parametrize("parity", [0, 1])
def test_a_run_of_one_plane_fills_three_tenths_of_the_plane_s_rows(last: int, found: bool, parity: int) -> None:
    rows = [parity + row for row in (*range(0, 16, 2), 40, 50, 60, last)]  # 12 of 40 rows, of 41 rows
    assert described(runs_of((7, rows))) == [(7, parity, parity + last, 12)] * found


def test_a_column_of_every_second_row_is_one_run() -> None:
    assert described(runs_of((7, list(range(101, 301, 2))))) == [(7, 101, 299, 100)]


def test_a_column_may_hold_two_runs_and_single_candidates() -> None:
    assert described(runs_of((7, [3, *range(100, 140), 200, *range(300, 320), 400]))) == [
        (7, 100, 139, 40),
        (7, 300, 319, 20),
    ]


def test_neighbouring_columns_are_runs_of_their_own() -> None:
    assert described(runs_of((8, list(range(20))), (7, list(range(10, 30))))) == [(7, 10, 29, 20), (8, 0, 19, 20)]


def test_scattered_candidates_make_no_run() -> None:
    rng = np.random.default_rng(1)
    index = rng.choice(2611 * 3900, 10_000, replace=False)
    assert find_columns(index // 3900, index % 3900) == ()


@pytest.mark.parametrize("number", [0, 1])
def test_hardly_any_candidates(number: int) -> None:
    assert find_columns(np.zeros(number, np.int32), np.zeros(number, np.int32)) == ()


@given(
    places=st.sets(st.tuples(st.integers(0, 150), st.integers(0, 2)), max_size=200),
    dense=st.sets(st.integers(0, 90)),
    seed=st.integers(0, 9),
)
def test_runs_are_disjoint_dense_and_independent_of_order(
    places: set[tuple[int, int]], dense: set[int], seed: int
) -> None:
    row, col = np.array(sorted(places | {(row, 1) for row in dense}), np.int32).reshape(-1, 2).T
    runs = find_columns(row, col)
    members = [int(i) for run in runs for i in run.members]
    assert len(members) == len(set(members))
    assert [(run.col, run.first) for run in runs] == sorted((run.col, run.first) for run in runs)
    for run in runs:
        assert (col[run.members] == run.col).all()
        assert (np.diff(row[run.members]) > 0).all()
        assert (row[run.members[0]], row[run.members[-1]]) == (run.first, run.last)
        assert np.diff(row[run.members]).max() <= 32
        assert run.members.size >= max(12, 0.3 * (run.last - run.first + 1) / 2)
    order = np.random.default_rng(seed).permutation(row.size)
    assert described(find_columns(row[order], col[order])) == described(runs)


def test_a_column_of_which_few_photosites_are_listed_is_crowded():
    rng = np.random.default_rng(4)
    row, col = rng.integers(0, 500, 60), rng.integers(0, 700, 60)
    row, col = np.concatenate([row, np.arange(30, 480, 50)]), np.concatenate([col, np.full(9, 327)])
    found = crowded(row.astype(np.int32), col.astype(np.int32), (500, 700))
    assert found[60:].all()
    assert not found[:60].any()
    assert crowded(col.astype(np.int32), row.astype(np.int32), (700, 500)).tolist() == found.tolist()


def test_texture_all_over_the_frame_is_not_crowded():
    rng = np.random.default_rng(4)
    place = rng.choice(500 * 700, 20_000, replace=False)  # 40 in each row
    row, col = np.divmod(place.astype(np.int32), 700)
    assert np.count_nonzero(crowded(row, col, (500, 700))) == 0
