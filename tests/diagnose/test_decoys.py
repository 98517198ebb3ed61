"""Decoys: no fewer false defects are expected than were counted, and the more the less of the sensor was seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.diagnose.defect_odds import LISTED, expected_false

EVIDENCE = st.lists(st.floats(-50, 60), max_size=60).map(np.array)
PART = st.floats(0.001, 1)


@pytest.mark.parametrize("evidence", [np.empty(0), np.array([-5.0, -1.0, 0.0])])
def test_decoys_without_any_evidence_expect_nothing_false(evidence: np.ndarray) -> None:
    assert expected_false(evidence, part=0.1) == 0


@given(EVIDENCE, PART)
def test_at_least_as_many_are_false_as_were_counted(evidence: np.ndarray, part: float) -> None:
    expected = expected_false(evidence, part=part)
    assert np.isfinite(expected)
    assert expected >= np.count_nonzero(evidence > LISTED) / part * (1 - 1e-12)
    assert expected * part <= evidence.size


@given(EVIDENCE, PART, PART)
def test_the_less_of_the_sensor_was_seen_the_more_are_expected(evidence: np.ndarray, one: float, other: float) -> None:
    less, more = sorted([expected_false(evidence, part=one), expected_false(evidence, part=other)])
    assert more * min(one, other) == pytest.approx(less * max(one, other))
    assert expected_false(evidence, part=min(one, other)) == more


@given(EVIDENCE, st.floats(0, 60))
def test_a_further_decoy_with_evidence_never_lowers_the_count(evidence: np.ndarray, further: float) -> None:
    """As far as it has no less than the others and than is typical: one of little evidence makes the tail steeper."""
    highest = max(evidence.max(initial=3), further)
    more = expected_false(np.append(evidence, highest), part=0.5)
    assert more >= expected_false(evidence, part=0.5) * (1 - 1e-12)


@given(EVIDENCE, st.integers(0, 9))
def test_the_order_of_the_decoys_does_not_matter(evidence: np.ndarray, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(evidence)
    assert expected_false(shuffled, part=0.3) == pytest.approx(expected_false(evidence, part=0.3))


def test_decoys_without_evidence_do_not_count() -> None:
    some = np.array([1.0, 4.0, 7.0])
    assert expected_false(np.concatenate([some, np.full(500, -2.0)]), part=1) == expected_false(some, part=1)


@pytest.mark.parametrize("fall", [2.0, 3.0, 4.0])
def test_an_exponential_tail_is_followed_to_where_nobody_is(fall: float) -> None:
    rng = np.random.default_rng(1)
    expected = [expected_false(rng.exponential(fall, 2000), part=0.5) for _ in range(20)]
    assert np.median(expected) == pytest.approx(2000 * np.exp(-LISTED / fall) / 0.5, rel=0.25)


def test_one_decoy_of_some_evidence_is_no_reason_for_worry() -> None:
    assert expected_false(np.array([5.0]), part=0.25) < 1
    assert expected_false(np.array([LISTED + 1]), part=0.25) >= 4
