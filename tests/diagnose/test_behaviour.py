"""Behaviours: each says what describes it, and together they are all that a map can call a defect."""

from __future__ import annotations

import pytest

from sensormap.diagnose.behaviour import LINEAR, SINGLE, Behaviour, Term
from sensormap.maps.entries import DefectKind


def test_single_ones_are_the_positions_in_arrays_by_behaviour() -> None:
    assert [int(behaviour) for behaviour in SINGLE] == list(range(len(SINGLE)))
    assert {*Behaviour} - {*SINGLE} == {Behaviour.HOT_WITH_OFFSET}


@pytest.mark.parametrize("behaviour", Behaviour)
def test_a_regression_has_a_number_for_each_term(behaviour: Behaviour) -> None:
    assert (behaviour in LINEAR) == bool(behaviour.terms)
    assert behaviour.numbers == max(len(behaviour.terms), 2 if behaviour == Behaviour.TELEGRAPH else 1)


def test_single_regressions_have_a_term_each() -> None:
    single = [behaviour.terms for behaviour in LINEAR if behaviour in SINGLE]
    assert sorted(single) == [(term,) for term in Term]


def test_every_kind_is_that_of_a_behaviour_but_dead_which_is_stuck_at_black() -> None:
    kinds = {behaviour.kind(darker=darker) for behaviour in Behaviour for darker in (False, True)}
    assert kinds == {*DefectKind} - {DefectKind.DEAD}
