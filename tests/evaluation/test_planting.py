"""Planting: where defects are drawn, and that each changes its photosite by its law and nothing else."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sensormap.evaluation.planting import Light, Planted, draw_defects, plant
from sensormap.maps.entries import LATER_KINDS, DefectKind
from tests.support.frames import SATURATION, make_mosaic

NOON = datetime(2010, 5, 2, 12)
TIMES = [NOON + timedelta(hours=hour) for hour in range(40)]
LIGHT = Light(gain=4.0, shutter_s=0.5, floor=0, saturation=SATURATION, photon=0.0)
APART = 6


def drawn(shape=(600, 800), times=TIMES, *, count=250, saturation=SATURATION, avoid=(), seed=1):
    return draw_defects(shape, times, count=count, saturation=saturation, avoid=avoid, seed=seed)


def apart(a, b):
    return max(abs(a[0] - b[0]), abs(a[1] - b[1])) > APART


# drawing


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    count=st.integers(0, 20),
    avoid=st.sets(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=4),
    seed=st.integers(0, 99),
)
def test_defects_are_sorted_inside_and_apart_from_each_other_and_from_known_ones(shape, count, avoid, seed):
    found = drawn(shape, count=count, avoid=avoid, seed=seed)
    places = [(one.row, one.col) for one in found]
    assert len(found) <= count
    assert places == sorted(places)
    assert all(0 <= row < shape[0] and 0 <= col < shape[1] for row, col in places)
    assert all(apart(*pair) for pair in combinations(places, 2))
    assert all(apart(place, known) for place in places for known in avoid)
    assert found == drawn(shape, count=count, avoid=avoid, seed=seed)


def test_as_many_as_asked_for_where_there_is_room():
    assert len(drawn()) == 250
    assert drawn(count=0) == ()


def test_a_seed_draws_the_same_defects_and_another_draws_others():
    assert drawn() == drawn()
    assert drawn(seed=2) != drawn()


@pytest.mark.parametrize(
    ("shape", "count", "most"),
    [((1, 1), 250, 1), ((8, 8), 250, 4), ((8, 8), 10_000, 4), ((6, 5000), 10_000, 715), ((384, 512), 10_000, 4070)],
)
def test_where_there_is_no_room_there_are_fewer_and_it_does_not_take_long(shape, count, most):
    start = time.perf_counter()
    found = drawn(shape, count=count)
    assert time.perf_counter() - start < 10  # half a second; an honest search among all taken ones took nine
    assert 1 <= len(found) <= most


def test_a_sensor_full_of_known_defects_gets_none():
    assert drawn((30, 40), avoid={(row, col) for row in range(0, 30, 6) for col in range(40)}) == ()


def test_births_are_capture_times_later_than_the_first():
    found = drawn(count=400)
    births = [one.born for one in found if one.born is not None]
    assert set(births) <= set(TIMES[1:])
    assert 150 < len(births) < 250  # half of them, give or take five standard errors
    assert len(set(births)) > 20
    assert {one.born for one in drawn(times=TIMES[:2])} == {None, TIMES[1]}


@pytest.mark.parametrize("times", [[], [NOON]])
def test_with_fewer_than_two_times_nothing_is_born_late(times):
    assert {one.born for one in drawn(times=times)} == {None}


def test_every_kind_has_the_strengths_of_its_kind_only():
    found = drawn((1500, 2000), count=1500)
    shares = Counter(one.kind for one in found)
    assert set(shares) == {*DefectKind} - {*LATER_KINDS}
    assert min(shares.values()) > 80
    for one in found:
        dark, offset, response = one.dark_dn_per_s > 0, one.offset_dn > 0, one.response < 1
        told = (dark, response, one.level is not None, one.jump > 0)
        assert (
            told
            == {
                DefectKind.HOT: (True, False, False, False),
                DefectKind.OFFSET: (False, False, False, False),
                DefectKind.STUCK: (False, False, True, False),
                DefectKind.DEAD: (False, False, True, False),
                DefectKind.WEAK: (False, True, False, False),
                DefectKind.NOISY: (False, False, False, True),
            }[one.kind]
        )
        assert offset if one.kind == DefectKind.OFFSET else not offset or one.kind == DefectKind.HOT
        assert 0 < one.response <= 1
        assert 0 <= one.share < 1
        assert (one.share > 0) == (one.kind == DefectKind.NOISY)
        if one.level is not None:
            assert (one.level == 0) == (one.kind == DefectKind.DEAD)
            assert one.level <= SATURATION
    both = sum(one.kind == DefectKind.HOT and one.offset_dn > 0 for one in found)
    assert 0.3 < both / shares[DefectKind.HOT] < 0.5


def test_strengths_scale_with_saturation():
    for small, large in zip(drawn(saturation=4095), drawn(saturation=4 * 4095), strict=True):
        assert (small.row, small.col, small.kind, small.born) == (large.row, large.col, large.kind, large.born)
        for name in ("dark_dn_per_s", "offset_dn", "jump"):
            assert getattr(large, name) == pytest.approx(4 * getattr(small, name))
        assert (large.response, large.share) == (small.response, small.share)
        assert large.level == small.level or abs(large.level - 4 * small.level) <= 2  # each rounded by itself


# planting

BEFORE = 800
LAWS = {
    "hot": (Planted(3, 4, DefectKind.HOT, dark_dn_per_s=100.3), BEFORE + 201),  # 4 x 100.3 x 0.5 s
    "hot with an offset": (Planted(3, 4, DefectKind.HOT, dark_dn_per_s=100.0, offset_dn=7.0), BEFORE + 228),
    "offset": (Planted(3, 4, DefectKind.OFFSET, offset_dn=30.2), BEFORE + 121),
    "stuck": (Planted(3, 4, DefectKind.STUCK, level=1234), 1234),
    "dead": (Planted(3, 4, DefectKind.DEAD, level=0), 0),
    "weak": (Planted(3, 4, DefectKind.WEAK, response=0.3), 240),
    "noisy, always": (Planted(3, 4, DefectKind.NOISY, jump=50.0, share=1.0), BEFORE + 200),
    "noisy, never": (Planted(3, 4, DefectKind.NOISY, jump=50.0, share=0.0), BEFORE),
    "hot, saturated": (Planted(3, 4, DefectKind.HOT, dark_dn_per_s=9999.0), SATURATION),
    "offset, saturated": (Planted(3, 4, DefectKind.OFFSET, offset_dn=1e9), SATURATION),
    "stuck beyond saturation": (Planted(3, 4, DefectKind.STUCK, level=40_000), SATURATION),
}


def mosaic(dtype=np.int16, level=BEFORE):
    """Return a scene of which photosite (3, 4) is known."""
    active = make_mosaic(1).astype(dtype)
    active[3, 4] = level
    return active


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize(("one", "after"), LAWS.values(), ids=LAWS.keys())
def test_without_noise_each_kind_changes_its_photosite_by_its_law_and_nothing_else(one, after, dtype):
    active, expected = mosaic(dtype), mosaic(dtype)
    expected[3, 4] = after
    changed = plant(active, (one,), NOON, LIGHT, seed=[1])
    assert active.dtype == dtype
    assert_array_equal(active, expected)
    assert_array_equal(changed, [float(after - BEFORE)])


@pytest.mark.parametrize(
    ("light", "added"),
    [
        (Light(1.0, 0.5, 0, SATURATION, 0.0), 60),
        (Light(16.0, 0.25, 0, SATURATION, 0.0), 560),
        (Light(1.0, 0.0, 0, SATURATION, 0.0), 10),  # a shutter time that is unknown
    ],
)
def test_offset_and_dark_current_grow_with_gain_and_dark_current_with_time(light, added):
    active = mosaic()
    one = Planted(3, 4, DefectKind.HOT, dark_dn_per_s=100.0, offset_dn=10.0)
    assert plant(active, (one,), NOON, light, seed=[1]) == [added]
    assert active[3, 4] == BEFORE + added


@pytest.mark.parametrize(("floor", "before", "one", "after"), [
    (-20, -8, Planted(3, 4, DefectKind.DEAD, level=0), 0),
    (-20, -8, Planted(3, 4, DefectKind.WEAK, response=0.5), -4),
    (-20, 300, Planted(3, 4, DefectKind.STUCK, level=-50), -20),
    (12, 300, Planted(3, 4, DefectKind.DEAD, level=0), 12),
    (12, 300, Planted(3, 4, DefectKind.WEAK, response=0.01), 12),
])  # fmt: skip
def test_nothing_lies_below_the_floor(floor, before, one, after):
    active = mosaic(level=before)
    changed = plant(active, (one,), NOON, Light(1.0, 1.0, floor, SATURATION, 0.0), seed=[1])
    assert active[3, 4] == after
    assert changed == [after - before]


@pytest.mark.parametrize(("dtype", "saturation"), [(np.int16, 32_767), (np.int32, 65_535)])
def test_the_highest_dn_of_the_type_does_not_wrap(dtype, saturation):
    active = mosaic(dtype, level=saturation - 3)
    light = Light(64.0, 30.0, 0, saturation, 50.0)
    one = Planted(3, 4, DefectKind.HOT, dark_dn_per_s=60_000.0)
    assert plant(active, (one,), NOON, light, seed=[1]) == [3.0]
    assert active[3, 4] == saturation


def test_the_unborn_are_untouched_and_tell_nothing():
    second = timedelta(microseconds=1)
    ones = tuple(
        Planted(3, col, DefectKind.OFFSET, offset_dn=50.0, born=born)
        for col, born in enumerate([None, NOON - second, NOON, NOON + second, datetime.max])
    )
    active, before = mosaic(), mosaic()
    changed = plant(active, ones, NOON, LIGHT, seed=[1])
    assert_array_equal(np.isnan(changed), [False, False, False, True, True])
    assert_array_equal(active[3, 3:], before[3, 3:])
    assert_array_equal(active[3, :3], before[3, :3] + 200)


def test_a_frame_without_a_time_has_all_defects():
    ones = tuple(Planted(3, col, DefectKind.STUCK, level=7, born=born) for col, born in enumerate([None, NOON]))
    active = mosaic()
    assert np.isfinite(plant(active, ones, None, LIGHT, seed=[1])).all()
    assert_array_equal(active[3, :2], [7, 7])


def test_nothing_planted_changes_nothing():
    active = mosaic()
    assert plant(active, (), NOON, LIGHT, seed=[1]).shape == (0,)
    assert_array_equal(active, mosaic())


def test_many_defects_change_their_own_photosites_only():
    active, before = mosaic(), mosaic()
    ones = drawn(active.shape, count=20)
    changed = plant(active, ones, TIMES[20], Light(1.0, 0.01, 0, SATURATION, 2.0), seed=[1, 2])
    own = np.zeros(active.shape, np.bool_)
    for one, change in zip(ones, changed, strict=True):
        own[one.row, one.col] = np.isfinite(change)
    assert len(ones) > 5
    assert_array_equal(active[~own], before[~own])
    assert np.count_nonzero(active != before) > len(ones) / 2


# noise


def shown(one, light, seed):
    """Return what the photosite shows, and what it was told to change by."""
    active = mosaic()
    (changed,) = plant(active, (one,), NOON, light, seed=[seed])
    return int(active[3, 4]), changed


def test_what_is_added_has_photon_noise_of_its_own_which_is_not_told():
    light = Light(2.0, 1.0, 0, SATURATION, 9.0)
    one = Planted(3, 4, DefectKind.OFFSET, offset_dn=200.0)
    values, changed = np.array([shown(one, light, seed) for seed in range(2000)]).T
    assert set(changed) == {400.0}
    assert abs(values.mean() - BEFORE - 400) < 6  # sigma is 60: four standard errors
    assert abs(values.std() - 60) < 4
    assert shown(one, light, 5) == shown(one, light, 5)


@pytest.mark.parametrize("name", ["stuck", "dead", "weak", "noisy, never"])
def test_what_adds_no_signal_adds_no_noise(name):
    one, after = LAWS[name]
    assert {shown(one, Light(1.0, 1.0, 0, SATURATION, 1e4), seed)[0] for seed in range(20)} == {after}


def test_a_noisy_one_jumps_in_its_share_of_the_frames():
    one = Planted(3, 4, DefectKind.NOISY, jump=100.0, share=0.6)
    changed = [shown(one, LIGHT, seed)[1] for seed in range(1000)]
    assert set(changed) == {0.0, 400.0}
    assert 0.54 < np.mean(np.array(changed) > 0) < 0.66  # four standard errors


def test_the_noise_of_one_depends_on_no_other_ones_birth():
    def planted(born):
        active = mosaic()
        ones = (
            Planted(3, 2, DefectKind.OFFSET, offset_dn=50.0, born=born),
            Planted(3, 4, DefectKind.OFFSET, offset_dn=50.0),
        )
        plant(active, ones, NOON, Light(1.0, 1.0, 0, SATURATION, 5.0), seed=[1])
        return active[3, 4]

    assert planted(None) == planted(datetime.max)
