"""Filtering in camera: frames that were filtered are told from all others, whatever their light, levels and size."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import sensormap.score.filtered
from fixtures.camera.curve import quantise
from fixtures.camera.sensor import SATURATION, Exposure, Faults, expose, filter_in_camera, make_body
from fixtures.scenes.scenes import choose_view, paint_scene, render
from sensormap.score.filtered import is_filtered
from sensormap.score.neighbours import pad

SHAPE = (192, 256)
CLIPPING = (0, SATURATION)
STEPS = pytest.mark.parametrize("step", [1, 2])
Raw = NDArray[np.uint16]


@cache
def flat(level: float, iso: int = 100) -> Raw:
    """Return an even frame of `level` DN, at exposures of 4 s, with 200 hot photosites."""
    rng = np.random.default_rng(int(level) + iso)
    rows, cols = rng.integers(0, SHAPE[0], 200), rng.integers(0, SHAPE[1], 200)
    ones = np.ones(200)
    faults = Faults(rows, cols, m=ones, D=100 * ones, b=0 * ones, level=np.nan * ones)
    light = np.full(SHAPE, level / (iso / 100), np.float32)
    return expose(light, make_body(SHAPE, 1), Exposure((4, 1), iso), faults, rng)


@cache
def scenery(number: int) -> Raw:
    scene = paint_scene(number, SHAPE, 1)
    rng = np.random.default_rng(number)
    light = render(scene, choose_view(scene, SHAPE, rng), SHAPE)
    light *= np.float32(700 / float(np.median(light)))
    empty = np.empty(0)
    faults = Faults(np.empty(0, np.intp), np.empty(0, np.intp), empty, empty, empty, empty)
    return expose(light, make_body(SHAPE, 1), Exposure((1, 10), 200), faults, rng)


def lowered(raw: Raw, step: int) -> Raw:
    """Lower every photosite to the highest of its neighbours, as the camera does; plane by plane on mono sensors."""
    if step == 2:
        return filter_in_camera(raw)
    twice = np.zeros((2 * raw.shape[0], 2 * raw.shape[1]), np.uint16)
    twice[::2, ::2] = raw
    return filter_in_camera(twice)[::2, ::2]


def told(raw: Raw, step: int = 2) -> bool:
    return is_filtered(pad(raw.astype(np.int16), step), step, clipping=CLIPPING)


@STEPS
@pytest.mark.parametrize("iso", [100, 1600])
@pytest.mark.parametrize("level", [3, 30, 300, 1000, 2000, 3500])
@pytest.mark.parametrize("stored", [np.asarray, quantise], ids=["all levels", "levels of a file"])
def test_filtered_frames_are_told_from_others(step: int, iso: int, level: int, stored: object) -> None:
    raw = flat(level, iso)
    assert not told(stored(raw), step)
    assert told(stored(lowered(raw, step)), step)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("stored", [np.asarray, quantise], ids=["all levels", "levels of a file"])
def test_pictures_are_no_filter(number: int, stored: object) -> None:
    raw = scenery(number)
    assert not told(stored(raw))
    assert told(stored(filter_in_camera(raw)))


@STEPS
@pytest.mark.parametrize("level", [0, SATURATION])
def test_black_and_saturated_frames_are_not_filtered(step: int, level: int) -> None:
    raw = np.full(SHAPE, level, np.uint16)
    assert not told(raw, step)
    raw[30:70, 100:140] = flat(700)[30:70, 100:140]  # too few are open to tell
    assert not told(lowered(raw, step), step)


@STEPS
def test_black_and_saturated_parts_of_a_filtered_frame_do_not_hide_the_filter(step: int) -> None:
    raw = flat(700).copy()
    raw[:60] = 0
    raw[100:160, 128:] = SATURATION
    assert not told(raw, step)
    assert told(lowered(raw, step), step)


@STEPS
@pytest.mark.parametrize("shape", [(6, 6), (6, 400), (400, 7), (9, 9)])
def test_small_frames(step: int, shape: tuple[int, int]) -> None:
    raw = np.random.default_rng(1).normal(500, 9, shape).astype(np.uint16)
    assert not told(raw, step)


@pytest.mark.parametrize(
    ("above", "equal", "of", "filtered"),
    [
        (0, 50, 1000, True),
        (10, 50, 1000, True),
        (11, 50, 1000, False),
        (10, 49, 1000, False),
        (0, 999, 999, False),
        (0, 0, 0, False),
        (1000, 5000, 100_000, True),
        (1001, 5000, 100_000, False),
    ],
)
def test_bounds_of_the_shares(monkeypatch: pytest.MonkeyPatch, above: int, equal: int, of: int, filtered: bool) -> None:
    monkeypatch.setattr(sensormap.score.filtered, "_counts", lambda *_: (above, equal, of))
    assert is_filtered(np.zeros((9, 9), np.int16), 2, clipping=CLIPPING) == filtered


@STEPS
@pytest.mark.parametrize("shape", [(12, 14), (30, 41), (100, 30)])
@pytest.mark.parametrize("clipping", [(0, 6), (-3, 9), (-1, 3)])
def test_shares_are_those_of_a_sample_of_whole_rows(
    step: int, shape: tuple[int, int], clipping: tuple[int, int]
) -> None:
    mosaic = np.random.default_rng(3).integers(-2, 8, shape).astype(np.int16)
    padded = pad(mosaic, step)
    before = padded.copy()
    found = sensormap.score.filtered._counts(padded, step, clipping)
    assert_array_equal(padded, before)
    above = equal = of = 0
    for row in sorted(set(np.linspace(step, shape[0] - step - 1, 24).astype(int).tolist())):
        for col in range(step, shape[1] - step):
            around = mosaic[row - step : row + step + 1 : step, col - step : col + step + 1 : step].ravel()
            highest = np.delete(around, 4).max()
            if clipping[0] < mosaic[row, col] < clipping[1]:
                of += 1
                above += int(mosaic[row, col] > highest)
                equal += int(mosaic[row, col] == highest)
    assert found == (above, equal, of)
