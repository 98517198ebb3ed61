"""Photos of two sensors: told from those of one whose defects appear, need long exposures, jump or heal."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sensormap.assemble.mixed_bodies import how_to_split, second_sensor
from sensormap.camera.profile import Body
from sensormap.frame import Exposure, Photo
from tests.support.followed import HEALTHY, Law, make_conditions, simulate

FRAMES = 40
NOON = datetime(2010, 5, 2, 12)
SEEDS = pytest.mark.parametrize("seed", range(6))


def draw_laws(rng, count):
    """Return laws as worn sensors have them: offset, hot, stuck, weak, dead, telegraph, some born within the series."""
    laws = []
    for number in range(count):
        since = int(rng.integers(0, FRAMES)) if rng.random() < 0.4 else 0
        laws.append(
            [
                Law(offset=rng.uniform(20, 300), since=since),
                Law(dark=rng.uniform(100, 20_000), dark_spread=0.15, since=since),
                Law(stuck=rng.uniform(500, 3880), since=since),
                Law(response=rng.uniform(0, 0.9), since=since),
                Law(offset=rng.uniform(20, 300), present=0.5, since=since),
                Law(jitter=rng.uniform(20, 100), since=since),
            ][number % 6]
        )
    return laws


def series_of(seed, sensor, *, defects=30, healthy=100):
    """Return series of several sensors' defects, and the exposures; `sensor` numbers the one of each frame."""
    rng = np.random.default_rng(seed)
    conditions = make_conditions(FRAMES, rng, long=0.3)
    count = int(sensor.max()) + 1
    laws = [law for _ in range(max(count, 2)) for law in draw_laws(rng, defects)] + [HEALTHY] * healthy
    series = simulate(laws, conditions, rng)
    without = simulate([HEALTHY] * len(laws), conditions, rng)
    for number in range(max(count, 2)):
        rows = slice(number * defects, (number + 1) * defects)
        for name in ("value", "level", "spread", "variance"):
            getattr(series, name)[rows, sensor != number] = getattr(without, name)[rows, sensor != number]
    return series, np.ones(len(series), bool), conditions.gain * conditions.shutter_s


@SEEDS
@pytest.mark.parametrize("how", ["interleaved", "from a date on", "at random", "a few"])
def test_the_frames_of_two_sensors_are_told_apart(seed, how):
    """Every one, but where a group is of six frames: one frame may then show too little to say."""
    frames = np.arange(FRAMES)
    second = {
        "interleaved": frames % 2 == 1,
        "from a date on": frames >= 25,
        "at random": np.random.default_rng(seed).random(FRAMES) < 0.4,
        "a few": frames % 7 == 3,
    }[how]
    second ^= second[0]
    found = second_sensor(*series_of(seed, second))
    assert found is not None
    assert np.count_nonzero(found != second) <= (how == "a few")


@SEEDS
@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("in_turn", [True, False])
def test_of_more_sensors_none_is_in_both_groups(seed, count, in_turn):
    frames = np.arange(FRAMES)
    sensor = frames % count if in_turn else frames * count // FRAMES
    found = second_sensor(*series_of(seed, sensor))
    assert found is not None
    assert all(len(set(found[sensor == number])) == 1 for number in range(count))


@SEEDS
def test_one_sensor_is_no_mixture(seed):
    """Nor is one of which defects appear, jump, need long exposures, or show in bright scenes only."""
    assert second_sensor(*series_of(seed, np.zeros(FRAMES, bool))) is None


@SEEDS
@pytest.mark.parametrize("born", [10, 20, 30])
def test_many_defects_born_at_once_are_no_second_sensor(seed, born):
    rng = np.random.default_rng(seed)
    conditions = make_conditions(FRAMES, rng, long=0.3)
    laws = [Law(offset=100.0, since=born)] * 60 + [Law(offset=100.0)] * 5 + [HEALTHY] * 40
    exposed = conditions.gain * conditions.shutter_s
    assert second_sensor(simulate(laws, conditions, rng), np.ones(len(laws), bool), exposed) is None


@SEEDS
def test_nights_and_days_are_no_two_sensors(seed):
    """Hot photosites show at night only, weak and overresponsive ones by day only."""
    rng = np.random.default_rng(seed)
    conditions = make_conditions(FRAMES, rng, long=0.5)
    laws = [Law(dark=30.0)] * 40 + [Law(response=0.5)] * 40 + [Law(response=1.1)] * 40 + [HEALTHY] * 40
    exposed = conditions.gain * conditions.shutter_s
    assert second_sensor(simulate(laws, conditions, rng), np.ones(len(laws), bool), exposed) is None


@pytest.mark.parametrize("defects", [0, 3])
def test_too_few_defects_tell_nothing(defects):
    assert second_sensor(*series_of(1, np.arange(FRAMES) % 2 == 1, defects=defects)) is None


def photos_of(names, *, dated=True):
    time = [NOON + timedelta(days=number) if dated else None for number in range(len(names))]
    body = Body("NIKON CORPORATION", "NIKON D80", "")
    return [
        Photo(Path(name), 1, body, Exposure(100, 0.01, when, None, None, None))
        for name, when in zip(names, time, strict=True)
    ]


@pytest.mark.parametrize(
    ("names", "second", "words"),
    [
        (["a/1.nef", "a/2.nef", "a/3.nef"], [0, 0, 1], "by date: 2.nef is the last of one, 3.nef, 2010-05-04 12:00"),
        (["x/a/1.nef", "x/b/2.nef", "x/a/3.nef"], [0, 1, 0], "by folder: a and b"),
        (["A_1.nef", "B_1.nef", "A_2.nef", "B_2.nef"], [0, 1, 0, 1], "by name: A_... and B_..."),
        (["D_1.nef", "D_8.nef", "D_2.nef", "D_9.nef"], [0, 1, 0, 1], "D_1.nef to D_2.nef and D_8.nef to D_9.nef"),
        (["D_1.nef", "D_2.nef", "D_3.nef", "D_4.nef"], [0, 1, 0, 1], "one took D_1.nef, D_3.nef, the other D_2.nef"),
    ],
)
def test_how_to_split(names, second, words):
    assert words in how_to_split(photos_of(names), np.array(second, bool))


def test_a_change_without_a_date_names_the_photos():
    said = how_to_split(photos_of(["1.nef", "2.nef"], dated=False), np.array([False, True]))
    assert said == "split by date: 1.nef is the last of one, 2.nef, the first of the other"
