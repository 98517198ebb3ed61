"""A plane that is off by one amount from some row on is damage; edges, slopes and lines of a scene are none."""

from __future__ import annotations

import numpy as np
import pytest

from fixtures.camera.curve import LEVEL_COUNT, LEVELS, quantise
from fixtures.scenes import odd_scenes
from fixtures.scenes.texture import noise
from sensormap.score.sudden_steps import count_rises, is_sudden, odd_rows
from tests.support.frames import SATURATION

SHAPE = (200, 960)


def noisy(light, seed=1):
    light = np.broadcast_to(light, SHAPE)
    own = np.random.default_rng(seed).normal(0, 1, SHAPE)
    return np.clip(np.rint(light + own * np.sqrt(16 + light / 4)), 0, SATURATION).astype(np.int16)


def soft(seed=1):
    """Return a frame of soft texture."""
    return noisy(500 * (1 + 0.2 * noise(SHAPE, np.random.default_rng(seed), roughness=0.4)), seed)


def damaged(good, row, col, by):
    """Return a frame whose plane at (row, col) is off by so many levels of a D80's file from this row on."""
    index = np.searchsorted(LEVELS, quantise(good.astype(np.uint16)))
    index[row::2, col::2] = np.clip(index[row::2, col::2] + by, 0, LEVEL_COUNT - 1)
    return LEVELS[index].astype(np.int16)


def sudden(frame, row):
    return [col for col in (0, 1) if is_sudden(frame, row, col, saturation=SATURATION)]


@pytest.mark.parametrize("by", [-12, 12, 60])
@pytest.mark.parametrize("col", [0, 1])
@pytest.mark.parametrize("row", [40, 101, 170])
def test_a_plane_that_is_off_from_some_row_on_steps_suddenly(row, col, by):
    frame = damaged(soft(5), row, col, by)
    assert sudden(frame, row - 2) == [col]
    assert (row - 2, col) in odd_rows(frame)


def test_a_garbled_first_row_hides_nothing():
    frame = damaged(soft(), 60, 1, 15)
    frame[60, 201::2] += 400
    assert sudden(frame, 58) == [1]


def edge(row, blur):
    """Return an edge level with the rows, as a lens of so many photosites of blur shows it."""
    across = (np.arange(SHAPE[0])[:, np.newaxis] - row) / (1.6 * blur)
    return 0.5 + 0.5 * np.tanh(across)


@pytest.mark.parametrize("row", np.linspace(80, 82, 9))
@pytest.mark.parametrize("blur", [0.7, 1.0, 1.5])
def test_a_level_edge_of_one_colour_is_none(row, blur):
    light = 20 + 40 * edge(row, blur) * np.ones(SHAPE)  # all filters let some of it through
    light[::2, 1::2] += (800 * edge(row, blur))[::2]
    frame = noisy(light)
    assert not any(sudden(frame, at) for at in range(72, 90))


def test_an_edge_that_is_higher_at_one_end_is_none():
    light = np.full(SHAPE, 300.0)
    light[80::2, 1::2] += np.linspace(30, 300, SHAPE[1] // 2)
    assert sudden(noisy(light), 78) == []


def test_an_edge_that_the_rows_between_show_is_none():
    light = np.full(SHAPE, 300.0)
    light[80:] += 100
    frame = noisy(light)
    assert not any(sudden(frame, at) for at in range(76, 84))
    assert odd_rows(frame) == []


@pytest.mark.parametrize("steep", [2.0, 8.0])
def test_a_slope_is_none(steep):
    light = 100 + steep * np.arange(SHAPE[0])[:, np.newaxis] ** 1.02
    frame = noisy(light)
    assert not any(sudden(frame, at) for at in range(2, 190, 7))
    assert odd_rows(frame) == []


@pytest.mark.parametrize("value", [0, 700, SATURATION])
@pytest.mark.parametrize("shape", [(6, 6), (20, 600), (600, 20), (200, 480)])
def test_frames_of_any_size_and_without_noise_are_judged(shape, value):
    frame = np.full(shape, value, np.int16)
    assert not any(is_sudden(frame, row, col, saturation=SATURATION) for row in (0, 1, shape[0] - 3) for col in (0, 1))
    assert odd_rows(frame) == []


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_rises_are_counted_as_row_by_row(dtype):
    frame = np.random.default_rng(3).integers(0, 5, (30, 41)).astype(dtype)
    rises = np.empty((28, 2), np.int32)
    count_rises(frame, rises)
    signs = np.sign(frame[2:, :40].astype(int) - frame[:-2, :40])
    assert rises.tolist() == [[int(row[0::4].sum()), int(row[1::4].sum())] for row in signs]


@pytest.mark.parametrize("kind", odd_scenes.KINDS)
def test_odd_scenes_are_light_of_three_colours(kind):
    light = odd_scenes.KINDS[kind]((40, 60), np.random.default_rng(1))
    assert light.shape == (3, 40, 60)
    assert light.dtype == np.float32
    assert np.isfinite(light).all()
    on_photosites = odd_scenes.on_photosites(light)
    assert on_photosites.shape == (40, 60)
    assert (on_photosites >= 0).all()
