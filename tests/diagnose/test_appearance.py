"""When a candidate of which only outlying scores are known appeared, told by the frames that do not show it."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sensormap.diagnose.onset import FrameSpan, find_onset, onset_ratios

FRAMES = 40
TENS = [range(start, start + 10) for start in range(0, FRAMES, 10)]
ALL = np.ones(FRAMES, np.bool_)


def shown_in(*frames: int, size: int = FRAMES) -> np.ndarray:
    return np.isin(np.arange(size), frames)


def onset(shows: np.ndarray, *, used: np.ndarray | None = None, blocks: Sequence[Sequence[int]] = TENS) -> FrameSpan:
    return find_onset(onset_ratios(shows, np.ones(shows.size, np.bool_) if used is None else used, blocks))


# from the start


@pytest.mark.parametrize("frames", [range(40), range(0, 40, 2), range(0, 40, 5), [0, 1, 2]])
def test_what_shows_in_the_first_frame_was_there_from_the_start(frames: Sequence[int]) -> None:
    """However often later."""
    assert onset(shown_in(*frames)) == FrameSpan(0, 0)


@pytest.mark.parametrize("frames", [range(1, 40), range(2, 40, 3), range(4, 40, 4)])
def test_an_absence_or_two_at_the_beginning_do_not_rule_out_the_start(frames: Sequence[int]) -> None:
    change = onset(shown_in(*frames))
    assert change.low == 0
    assert change.high <= frames[0]


def test_a_few_absences_before_a_defect_that_shows_seldom_do_not_date_it() -> None:
    """In three of ten frames, first in the sixth."""
    change = onset(shown_in(*range(5, 40, 3)))
    assert change.low == 0
    assert change.high <= 5


# born late


@pytest.mark.parametrize("born", [3, 12, 15, 25, 28])
def test_a_defect_that_always_shows_was_born_when_it_first_does(born: int) -> None:
    """Within a block, of which every outlying score is listed."""
    assert onset(shown_in(*range(born, 40))) == FrameSpan(born, born)


@pytest.mark.parametrize("born", [10, 20, 30])
def test_the_last_frames_of_a_block_before_the_birth_may_show_it_unlisted(born: int) -> None:
    """A block lists from three outlying scores on."""
    ratio = onset_ratios(shown_in(*range(born, 40)), ALL, TENS)
    np.testing.assert_allclose(ratio[born - 2 : born], 0, atol=1e-9)
    assert (ratio[born:] > 4).all()
    assert ratio[born - 3] < -2
    assert find_onset(ratio) == FrameSpan(born - 2, born)


def test_a_block_that_lists_it_once_lists_it_wherever_it_shows() -> None:
    ratio = onset_ratios(shown_in(17, 18, 19, *range(20, 40)), ALL, TENS)
    assert (ratio[10:17] < -3).all()
    np.testing.assert_allclose(ratio[8:10], 0, atol=0.01)


def test_a_block_that_lists_nothing_says_little_of_a_defect_that_shows_seldom() -> None:
    """With one frame in five two blocks of three list nothing of it: that is all that such a block tells."""
    always, seldom = (onset_ratios(shown_in(*range(20, 40, step)), ALL, TENS) for step in (1, 5))
    assert always[10:20].sum() < -15
    chance = sum(comb(10, k) * 0.2**k * 0.8 ** (10 - k) for k in range(3))
    assert seldom[10:20].sum() == pytest.approx(np.log(chance), abs=0.1)
    assert find_onset(seldom).low < 10


def test_the_seldomer_it_shows_the_wider_the_interval() -> None:
    often, seldom = onset(shown_in(*range(23, 40))), onset(shown_in(*range(23, 40, 2)))
    assert often == FrameSpan(23, 23)
    assert seldom.low < 23 <= seldom.high
    assert seldom.high - seldom.low >= 2


def test_it_may_have_been_born_after_what_scenery_showed_once() -> None:
    """One frame long before says little where none of those between does."""
    assert onset(shown_in(*range(30, 40))).high == 30
    assert onset(shown_in(12, 13, 14, *range(30, 40))).low <= 12


# long exposures

LONG = tuple(range(3, FRAMES, 5))
ORDINARY = [tuple(frame for frame in ten if frame not in LONG) for ten in TENS]


def test_long_exposures_that_show_it_and_others_that_do_not_are_counted_apart() -> None:
    """A hot photosite in long exposures from the start: the ordinary ones are no absences to speak of."""
    shows = shown_in(*LONG)
    ratio = onset_ratios(shows, ALL, [LONG, *ORDINARY])
    others = [frame for block in ORDINARY for frame in block]
    assert (ratio[list(LONG)] > 4).all()
    assert (np.abs(ratio[others]) < 0.5).all()
    assert find_onset(ratio) == FrameSpan(0, 1)


def test_a_hot_photosite_that_only_long_exposures_show_is_dated_by_them() -> None:
    """First in frame 23, not in frames 18 and 13; the ordinary ones between tell hardly anything."""
    ratio = onset_ratios(shown_in(*(frame for frame in LONG if frame >= 23)), ALL, [LONG, *ORDINARY])
    assert (ratio[[3, 8, 13, 18]] < -1.5).all()
    change = find_onset(ratio)
    assert 13 < change.low <= 19
    assert change.high == 23


@pytest.mark.parametrize("blocks", [[*TENS[:2], (), *TENS[2:]], [(), *TENS], [*TENS, ()]])
def test_blocks_of_which_nothing_was_used_change_nothing(blocks: list[Sequence[int]]) -> None:
    for shows in (shown_in(*range(10, 40)), shown_in(*range(23, 40, 2))):
        np.testing.assert_array_equal(onset_ratios(shows, ALL, blocks), onset_ratios(shows, ALL, TENS))


# frames that say nothing


@pytest.mark.parametrize("unused", [[20, 21, 22], [0], [39], list(range(5, 30))])
def test_frames_that_are_not_used_say_nothing(unused: list[int]) -> None:
    used = ALL.copy()
    used[unused] = False
    blocks = [tuple(frame for frame in ten if used[frame]) for ten in TENS]
    shows = shown_in(*(frame for frame in range(23, 40) if used[frame]))
    ratio = onset_ratios(shows, used, blocks)
    assert (ratio[unused] == 0).all()
    assert ratio[used].any()
    np.testing.assert_array_equal(onset_ratios(shows, used, TENS), ratio)


def test_unused_frames_widen_the_interval() -> None:
    used = ~shown_in(20, 21, 22)
    blocks = [tuple(frame for frame in ten if used[frame]) for ten in TENS]
    assert onset(shown_in(*range(23, 40)), used=used, blocks=blocks) == FrameSpan(18, 23)


def test_frames_of_no_block_say_nothing() -> None:
    ratio = onset_ratios(shown_in(*range(25, 40)), ALL, TENS[1:])
    assert (ratio[:10] == 0).all()
    assert find_onset(ratio) == FrameSpan(25, 25)


# any


@given(
    shows=st.lists(st.booleans(), min_size=2, max_size=30).filter(any),
    missing=st.sets(st.integers(0, 29), max_size=8),
    long=st.sets(st.integers(0, 29), max_size=8),
    size=st.integers(1, 12),
)
def test_ratios_are_finite_and_frames_that_show_it_speak_for_it(
    shows: list[bool], missing: set[int], long: set[int], size: int
) -> None:
    n = len(shows)
    used = ~shown_in(*missing, size=n)
    blocks = []
    for sort in (sorted(long), [frame for frame in range(n) if frame not in long]):
        frames = [frame for frame in sort if frame < n and used[frame]]
        blocks += [tuple(frames[start : start + size]) for start in range(0, len(frames), size)]
    visible = np.array(shows) & used
    assume(visible.any())
    ratio = onset_ratios(visible, used, blocks)
    assert np.isfinite(ratio).all()
    assert (ratio[visible] > 0).all()
    assert (ratio[~visible] <= 0).all()
    assert (ratio[~used] == 0).all()
    change = find_onset(ratio)
    assert 0 <= change.low <= change.high < n
