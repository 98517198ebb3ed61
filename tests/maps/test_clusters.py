"""Columns: dense runs of candidates along one raw column, and nothing less. Clusters: defects that touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.maps.clusters import CandidateRun, find_clusters, find_columns


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


# clusters


def clusters_of(*places: tuple[int, int], step: int = 2) -> list[int]:
    row, col = np.array(places, np.int64).reshape(-1, 2).T
    return find_clusters(row, col, step).tolist()


def slow_clusters(places: list[tuple[int, int]], step: int) -> list[int]:
    """Give each place a label of its own, and let those that touch take the lower one until nothing changes."""

    def touch(one: tuple[int, int], other: tuple[int, int]) -> bool:
        apart = {abs(one[0] - other[0]), abs(one[1] - other[1])}
        return one != other and (apart <= {0, 1} or apart <= {0, step})

    label = list(range(len(places)))
    for _ in places:
        label = [
            min(label[j] for j, other in enumerate(places) if i == j or touch(one, other))
            for i, one in enumerate(places)
        ]
    numbers: dict[int, int] = {}
    return [numbers.setdefault(one, len(numbers) + 1) if label.count(one) > 1 else 0 for one in label]


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("away", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_neighbours_on_the_raw_grid_touch(step: int, away: tuple[int, int]) -> None:
    assert clusters_of((10, 10), (10 + away[0], 10 + away[1]), step=step) == [1, 1]


@pytest.mark.parametrize("away", [(0, 2), (2, 0), (2, 2), (2, -2)])
def test_neighbours_of_a_plane_touch_where_there_are_planes(away: tuple[int, int]) -> None:
    places = (10, 10), (10 + away[0], 10 + away[1])
    assert clusters_of(*places, step=2) == [1, 1]
    assert clusters_of(*places, step=1) == [0, 0]


@pytest.mark.parametrize("away", [(1, 2), (2, 1), (-2, 1), (0, 3), (3, 3), (4, 0)])
def test_others_do_not_touch(away: tuple[int, int]) -> None:
    assert clusters_of((10, 10), (10 + away[0], 10 + away[1])) == [0, 0]


def test_a_chain_is_one_cluster_however_long() -> None:
    assert clusters_of(*((i, i) for i in range(50))) == [1] * 50
    assert clusters_of(*((0, 2 * i) for i in range(50))) == [1] * 50
    assert clusters_of(*((0, i) for i in range(50, 0, -1)), step=1) == [1] * 50


def test_clusters_are_numbered_by_their_first_member() -> None:
    assert clusters_of((90, 5), (10, 10), (50, 50), (11, 10), (90, 6), (10, 11)) == [1, 2, 0, 2, 1, 2]


@pytest.mark.parametrize("step", [1, 2])
def test_places_at_the_border_do_not_touch_those_opposite(step: int) -> None:
    assert clusters_of((0, 0), (0, 99), (99, 0), (99, 99), step=step) == [0] * 4


def test_none_and_one_defect() -> None:
    assert clusters_of() == []
    assert clusters_of((3, 4)) == [0]


@given(
    places=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), unique=True, max_size=30),
    step=st.sampled_from([1, 2]),
    seed=st.integers(0, 9),
)
def test_clusters_equal_the_slow_ones_in_any_order(places: list[tuple[int, int]], step: int, seed: int) -> None:
    labels = clusters_of(*places, step=step)
    assert labels == slow_clusters(places, step)
    order = np.random.default_rng(seed).permutation(len(places))
    shuffled = clusters_of(*(places[i] for i in order), step=step)
    pairs = {(labels[i], other) for i, other in zip(order, shuffled, strict=True)}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    assert all((one == 0) == (other == 0) for one, other in pairs)
