"""Clusters: defects that touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.maps.clusters import find_clusters


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
