"""Entries of a map made from JPEGs beside what was planted: which one is meant for which, and how far off."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from fixtures.defects import PlantedColumn, PlantedDefect
from fixtures.nearby import Distances, moved_columns, moved_onto, visible_defects, without_smear_from_outside
from fixtures.truth import Count, Truth, compare_map, write_truth

CROP = (10, 8, 40, 30)  # x from 10 to 49, y from 8 to 37
COLUMN = PlantedColumn(30, 12, 25, "weak", m=0.7)


def planted(x: int, y: int) -> PlantedDefect:
    return PlantedDefect(x, y, "R", "hot", D=900.0, frames_since_birth=6, frames_beyond_3_sigma=6)


def entry(x: int, y: int, radius: int = 0) -> dict[str, Any]:
    return {"x": x, "y": y, "kind": "hot", "radius": radius}


def places(entries: list[Any]) -> list[tuple[int, int]]:
    return [(one["x"], one["y"]) for one in entries]


def moved(defects: list[PlantedDefect], *entries: dict[str, Any]) -> tuple[list[tuple[int, int]], Distances]:
    found, distances = moved_onto(defects, [COLUMN], entries)
    return places(found), distances


# inside and outside


@pytest.mark.parametrize(
    ("x", "y", "visible"),
    [
        *((10, 8, True), (49, 37, True), (9, 8, False), (10, 7, False), (50, 37, False), (49, 38, False)),
        (30, 20, True),
    ],
)
def test_only_defects_in_the_crop_are_visible(x: int, y: int, visible: bool) -> None:
    assert visible_defects([planted(x, y)], CROP) == (planted(x, y),) * visible


@pytest.mark.parametrize(
    ("radius", "at", "kept"),
    [
        (2, (10, 20), False),
        (2, (11, 21), True),  # three columns away
        (1, (10, 20), True),
        (2, (10, 23), True),
        (2, (10, 18), False),
    ],
)
def test_the_smear_of_a_defect_outside_is_no_false_entry(radius: int, at: tuple[int, int], kept: bool) -> None:
    """Of one two columns beside the crop's first."""
    one = entry(*at, radius)
    assert without_smear_from_outside([planted(8, 20)], CROP, [one]) == [one] * kept
    assert without_smear_from_outside([planted(*at)], CROP, [one]) == [one]  # inside it is found


# moving


@pytest.mark.parametrize(
    ("at", "to", "away"),
    [
        ((20, 20), (20, 20), 0),
        ((21, 19), (20, 20), 1),
        ((22, 20), (22, 20), 2),
        ((20, 17), (20, 17), 3),
        ((16, 20), (16, 20), None),
    ],
)
def test_an_entry_a_pixel_away_is_moved_and_the_distance_of_those_near_is_counted(
    at: tuple[int, int], to: tuple[int, int], away: int | None
) -> None:
    found, distances = moved([planted(20, 20)], entry(*at))
    assert found == [to]
    assert distances.away == ({} if away is None else {away: 1})


@pytest.mark.parametrize(("radius", "within"), [(0, 0), (1, 1), (2, 1)])
def test_the_truth_is_within_the_radius_or_not(radius: int, within: int) -> None:
    assert moved([planted(20, 20)], entry(21, 20, radius))[1] == Distances({1: 1}, within)
    assert moved([planted(20, 20)], entry(20, 20, radius))[1] == Distances({0: 1}, 1)


def test_of_several_entries_the_nearest_is_meant_and_the_others_stay() -> None:
    found, distances = moved([planted(20, 20)], entry(21, 20), entry(20, 20), entry(19, 19))
    assert found == [(21, 20), (20, 20), (19, 19)]
    assert distances.away == {0: 1}


def test_each_of_two_defects_has_an_entry_of_its_own() -> None:
    found, distances = moved([planted(20, 20), planted(22, 20)], entry(21, 20), entry(22, 21))
    assert found == [(20, 20), (22, 20)]
    assert distances.away == {1: 2}


@pytest.mark.parametrize(
    ("at", "to"), [((29, 20), 30), ((31, 12), 30), ((30, 25), 30), ((32, 20), 32), ((29, 11), 29), ((31, 26), 31)]
)
def test_entries_beside_a_planted_column_are_moved_onto_it(at: tuple[int, int], to: int) -> None:
    assert moved([], entry(*at))[0] == [(to, at[1])]


def test_entries_and_defects_are_left_as_they_were() -> None:
    one, line = entry(21, 20), {"x": 31, "y0": 12, "y1": 25}
    moved([planted(20, 20)], one)
    moved_columns([COLUMN], [line])
    assert (one, line) == (entry(21, 20), {"x": 31, "y0": 12, "y1": 25})
    assert moved([]) == ([], Distances())


@pytest.mark.parametrize(("x", "to"), [(28, 28), (29, 30), (30, 30), (31, 30), (32, 32)])
def test_a_column_a_pixel_away_is_moved(x: int, to: int) -> None:
    line = {"x": x, "y0": 13, "y1": 25, "radius": 1}
    assert moved_columns([COLUMN], [line]) == [line | {"x": to}]


# maps


@pytest.mark.parametrize("source", ["raw", "jpeg"])
def test_a_map_of_jpegs_is_compared_by_what_they_can_show(tmp_path: Any, source: str) -> None:
    """One defect a pixel off, one outside the crop, its smear inside, a column a pixel off, and a false entry."""
    write_truth(Truth((), (planted(20, 20), planted(8, 20)), (COLUMN,)), tmp_path / "truth.yaml")
    document = {
        "source": source,
        "sensor": {"jpeg_crop": list(CROP)},
        "defects": [entry(21, 20, 1), entry(10, 20, 2), entry(45, 30)],
        "columns": [{"x": 31, "y0": 12, "y1": 24}],
    }
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(document))
    found = compare_map(tmp_path / "truth.yaml", tmp_path / "map.yaml")
    if source == "jpeg":
        assert (found.strong, found.columns, found.column_ends) == (Count(1, 1), Count(1, 1), (1,))
        assert found.false_entries == ((45, 30),)
        assert found.distances == Distances({1: 1}, 1)
    else:
        assert (found.strong, found.columns, found.column_ends) == (Count(2, 0), Count(1, 0), ())
        assert found.false_entries == ((10, 20), (21, 20), (31, 12), (45, 30))
        assert found.distances is None
