"""Onset: intervals hold what they say, are as short as can be, and widen by what nobody saw."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.diagnose.behaviour import Behaviour
from sensormap.diagnose.onset import FrameSpan, find_end, find_onset
from sensormap.diagnose.series import Conditions, Series
from tests.support.followed import HEALTHY, Law, draw, log_ratios, make_conditions, simulate

RATIOS = st.lists(st.floats(-60, 60) | st.sampled_from([0.0, -3.0, 5.0]), min_size=1, max_size=25)
HELD = 0.95


def posterior(log_weights: list[float]) -> list[float]:
    highest = max(log_weights)
    weights = [math.exp(weight - highest) for weight in log_weights]
    return [weight / math.fsum(weights) for weight in weights]


def slow_onset(ratio: list[float]) -> list[float]:
    """Return the chance that each frame is the first with the defect; half of all have it from the start."""
    n = len(ratio)
    prior = [0.5, *[0.5 / max(n - 1, 1)] * (n - 1)]
    return posterior([math.fsum(ratio[t:]) + math.log(prior[t]) for t in range(n)])


def slow_end(ratio: list[float]) -> list[float]:
    """Return the chance that each frame is the first without it again, the one after the last included."""
    return [0.0, *posterior([math.fsum(ratio[:t]) for t in range(1, len(ratio) + 1)])]


def assert_shortest(change: FrameSpan, chances: list[float]) -> None:
    size = change.high - change.low + 1
    assert 0 <= change.low <= change.high < len(chances)
    held = math.fsum(chances[change.low : change.high + 1])
    assert held >= HELD - 1e-9
    sums = [0.0, *accumulate(chances)]
    shorter = [sums[i + size - 1] - sums[i] for i in range(len(chances) - size + 2)]
    assert size == 1 or max(shorter) < HELD + 1e-9
    alike = [sums[i + size] - sums[i] for i in range(len(chances) - size + 1)]
    assert held >= max(alike) - 1e-9


@given(RATIOS)
def test_the_onset_is_the_shortest_interval_that_holds_enough(ratio: list[float]) -> None:
    assert_shortest(find_onset(np.array(ratio)), slow_onset(ratio))


@given(RATIOS)
def test_the_end_is_the_shortest_interval_that_holds_enough(ratio: list[float]) -> None:
    change = find_end(np.array(ratio))
    assert change.low >= 1  # the first frame has the defect
    assert_shortest(change, slow_end(ratio))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400))
def test_evidence_however_strong_gives_an_interval(ratio: list[float]) -> None:
    for change, last in ((find_onset(np.array(ratio)), len(ratio) - 1), (find_end(np.array(ratio)), len(ratio))):
        assert 0 <= change.low <= change.high <= last


# boundaries


@pytest.mark.parametrize("n", [2, 3, 50])
@pytest.mark.parametrize("first", [0, 1, -1])
def test_a_clear_birth_is_known_to_the_frame(n: int, first: int) -> None:
    first %= n
    ratio = np.where(np.arange(n) < first, -20.0, 20.0)
    assert find_onset(ratio) == FrameSpan(first, first)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_clear_end_is_known_to_the_frame(n: int) -> None:
    for end in (1, n - 1, n):
        assert find_end(np.where(np.arange(n) < end, 20.0, -20.0)) == FrameSpan(end, end)


@pytest.mark.parametrize("ratio", [9.0, 0.0, -9.0])
def test_a_single_frame(ratio: float) -> None:
    assert find_onset(np.array([ratio])) == FrameSpan(0, 0)
    assert find_end(np.array([ratio])) == FrameSpan(1, 1)


@pytest.mark.parametrize("blind", [1, 2, 7])
def test_frames_that_say_nothing_widen_the_interval(blind: int) -> None:
    """Born before them, in them or after them: the first that shows it bounds the interval."""
    ratio = np.concatenate([np.full(5, -20.0), np.zeros(blind), np.full(5, 20.0)])
    assert find_onset(ratio) == FrameSpan(5, 5 + blind)
    assert find_end(np.concatenate([np.full(5, 20.0), np.zeros(blind), np.full(5, -20.0)])) == FrameSpan(5, 5 + blind)


def test_frames_before_a_birth_at_the_start_say_nothing_about_it() -> None:
    """Half of all defects are there from the start: blind frames at the start hardly widen the interval."""
    assert find_onset(np.concatenate([np.zeros(1), np.full(30, 20.0)])) == FrameSpan(0, 0)
    assert find_onset(np.concatenate([np.zeros(10), np.full(30, 20.0)])).low == 0


def test_without_evidence_the_onset_is_what_was_taken_to_be_before() -> None:
    change = find_onset(np.zeros(101))
    assert change.low == 0
    assert change.high == 90  # 0.5 + 90 of 100 parts of 0.5
    assert find_end(np.zeros(100)) == FrameSpan(1, 95)


def test_the_ratios_are_left_as_they_were() -> None:
    ratio = np.array([-3.0, 0.0, 4.0])
    find_onset(ratio)
    find_end(ratio)
    assert ratio.tolist() == [-3.0, 0.0, 4.0]


# coverage: faint defects, born while half of the frames hardly show them

N = 60
STRENGTHS = {
    Behaviour.OFFSET: (1.5, 30.0),
    Behaviour.HOT: (100.0, 5000.0),
    Behaviour.WEAK: (0.8, 0.96),
    Behaviour.TELEGRAPH: (15, 60),
}


def births(
    behaviour: Behaviour, seed: int, *, count: int, from_start: float
) -> tuple[Series, Conditions, list[int], list[float]]:
    rng = np.random.default_rng(seed)
    conditions = make_conditions(N, rng)
    since = [0 if rng.random() < from_start else int(rng.integers(1, N)) for _ in range(count)]
    strengths = [draw(rng, *STRENGTHS[behaviour]) for _ in range(count)]
    law = {
        Behaviour.OFFSET: lambda x, t: Law(offset=x, since=t),
        Behaviour.HOT: lambda x, t: Law(dark=x, since=t),
        Behaviour.WEAK: lambda x, t: Law(response=x, since=t),
        Behaviour.TELEGRAPH: lambda x, t: Law(offset=x, present=0.55, since=t),
    }[behaviour]
    laws = [law(x, t) for x, t in zip(strengths, since, strict=True)]
    return simulate(laws, conditions, rng), conditions, since, strengths


@pytest.mark.parametrize("behaviour", STRENGTHS, ids=lambda behaviour: behaviour.name.lower())
@pytest.mark.parametrize("from_start", [0.0, 0.5])
def test_intervals_contain_the_birth(behaviour: Behaviour, from_start: float) -> None:
    series, conditions, since, strengths = births(behaviour, 11, count=400, from_start=from_start)
    ratio = log_ratios(series, conditions, behaviour, np.array(strengths))
    changes = [find_onset(one) for one in ratio]
    held = [change.low <= t <= change.high for change, t in zip(changes, since, strict=True)]
    assert np.mean(held) >= 0.93
    if behaviour == Behaviour.OFFSET:
        assert np.median([change.high - change.low for change in changes]) <= 3


def test_intervals_contain_the_end() -> None:
    rng = np.random.default_rng(12)
    conditions = make_conditions(N, rng)
    ends = rng.integers(1, N + 1, 400)
    strengths = np.array([draw(rng, 1.5, 30.0) for _ in ends])
    series = simulate([Law(offset=b, until=int(t)) for b, t in zip(strengths, ends, strict=True)], conditions, rng)
    changes = [find_end(one) for one in log_ratios(series, conditions, Behaviour.OFFSET, strengths)]
    assert np.mean([change.low <= t <= change.high for change, t in zip(changes, ends, strict=True)]) >= 0.93


def test_a_photosite_that_was_never_defective_has_no_early_onset() -> None:
    rng = np.random.default_rng(13)
    conditions = make_conditions(N, rng)
    ratio = log_ratios(simulate([HEALTHY] * 20, conditions, rng), conditions, Behaviour.OFFSET, np.full(20, 50.0))
    assert all(find_onset(one).low >= N - 2 for one in ratio)
