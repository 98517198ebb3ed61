"""Which of a body's maps is used, whatever order they come in."""

from __future__ import annotations

from itertools import permutations

import pytest

from sensormap.history.records import Life, newest_of_each_body, record_of
from sensormap.maps.entries import Between
from tests.support.histories import START, at, between, dated_map
from tests.support.maps import FIRST, LATER, full_map


def record(name, **values):
    return record_of(dated_map(START, **values), name)


@pytest.mark.parametrize(
    "maps",
    [
        {"new": {"last": at("2013-01-01")}, "old": {"used": 900}},
        {"more": {"used": 61}, "fewer": {}},
        {"timed": {}, "imported": {"first": None, "last": None, "used": 0}},
        {"a": {}, "b": {}},
    ],
)
def test_the_newest_map_counts_then_that_of_most_photos(maps):
    expected = next(iter(maps))
    for order in permutations(maps):
        ((used, others),) = newest_of_each_body(record(name, **maps[name]) for name in order)
        assert (used.name, *others) == (expected, *(name for name in maps if name != expected))


def test_each_body_has_its_own():
    found = newest_of_each_body([record("b", serial="2"), record("a", serial="1"), record("c", serial="")])
    assert [(used.name, others) for used, others in found] == [("c", ()), ("a", ()), ("b", ())]


def test_what_is_alike_is_kept_once():
    born = between("2010-05-02", "2010-05-09")
    lives = record_of(dated_map(born, born, START), "a").lives
    assert lives == {Life("hot", born): 2, Life("hot", START): 1}


def test_columns_and_rows_count_once_each():
    lives = record_of(full_map(), "a").lives
    assert lives[Life("column", Between(FIRST, LATER))] == 1
    assert lives[Life("row", Between(None, FIRST))] == 1
    assert sum(lives.values()) == 6
