"""One scene in one place is known again, whatever its exposure; others and the sensor's pattern are not."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures.camera.sensor import SATURATION, Exposure, Faults, expose, make_body
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.same_scene import Fingerprint, fingerprint_of, show_one_scene
from tests.support.frames import make_mosaic

SHAPE = (257, 385)
STEPS = pytest.mark.parametrize("step", [1, 2])
Scene = NDArray[np.float64]


@cache
def scene(seed: int, shape: tuple[int, int] = SHAPE) -> Scene:
    """Return a textured scene of 300 DN, as rough as most in the world: amplitudes fall with frequency."""
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    frequency[0, 0] = 1
    white = np.random.default_rng(seed).normal(size=shape)
    field = np.fft.irfft2(np.fft.rfft2(white) / frequency, shape)
    return np.asarray(300 * np.exp(0.3 * field / field.std()))


@cache
def hot_photosites() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where 600 are, of 99 000."""
    place = np.random.default_rng(8).choice(SHAPE[0] * SHAPE[1], 600, replace=False)
    return place // SHAPE[1], place % SHAPE[1]


def seen_by_camera(
    light: Scene | float,
    seed: int,
    *,
    step: int = 2,
    iso: int = 100,
    shutter: tuple[int, int] = (1, 100),
    hot: Any = None,
) -> Fingerprint:
    """Return what a camera sees of a scene."""
    rows, cols = hot or (np.empty(0, np.intp),) * 2
    ones = np.ones(rows.size)
    faults = Faults(rows, cols, m=ones, D=2000 * ones, b=50 * ones, level=np.nan * ones)
    full = np.broadcast_to(np.asarray(light, np.float32), SHAPE)
    raw = expose(full.copy(), make_body(SHAPE, 1), Exposure(shutter, iso), faults, np.random.default_rng(seed))
    padded = pad(raw.astype(np.int16), step)
    return fingerprint_of(padded, fit_noise(padded, step, clipping=(0, SATURATION)))


@STEPS
@pytest.mark.parametrize("seed", range(3))
def test_one_scene_is_recognised_also_in_another_exposure(step: int, seed: int) -> None:
    frames = [
        seen_by_camera(scene(seed), 10, step=step),
        seen_by_camera(scene(seed), 11, step=step),
        seen_by_camera(3 * scene(seed), 12, step=step),
        seen_by_camera(scene(seed), 13, step=step, iso=400),
        seen_by_camera(0.5 * scene(seed), 14, step=step, iso=200, shutter=(1, 2)),
    ]
    for one, other in combinations(frames, 2):
        assert show_one_scene(one, other)
        assert show_one_scene(other, one)


@STEPS
def test_other_scenes_are_not_recognised(step: int) -> None:
    frames = [seen_by_camera(scene(seed), 20 + seed, step=step) for seed in range(8)]
    assert not any(show_one_scene(one, other) for one, other in combinations(frames, 2))


@STEPS
@pytest.mark.parametrize("moved", [(0, 10), (0, -10), (10, 0), (10, 10)], ids=str)
def test_a_scene_that_moved_is_another(step: int, moved: tuple[int, int]) -> None:
    for seed in range(3):
        still = seen_by_camera(scene(seed), 30, step=step)
        assert not show_one_scene(still, seen_by_camera(np.roll(scene(seed), moved, (0, 1)), 31, step=step))


@cache
def column_pattern(*, by_row: bool) -> Scene:
    """Return what each column adds, by rows of even and odd number where `by_row`."""
    rows = np.random.default_rng(9).normal(20, 8, (2 if by_row else 1, SHAPE[1]))
    return np.tile(rows, (SHAPE[0], 1))[: SHAPE[0]]


@cache
def bad_columns() -> Scene:
    columns = np.zeros(SHAPE)
    columns[:, np.random.default_rng(10).choice(SHAPE[1], 20, replace=False)] = 300
    return columns


SENSOR = {
    "hot photosites": lambda: 0.0,
    "bad columns": bad_columns,
    "column pattern": lambda: column_pattern(by_row=False),
    "column pattern by row": lambda: column_pattern(by_row=True),
    "all": lambda: bad_columns() + column_pattern(by_row=True),
}


@STEPS
@pytest.mark.parametrize("light", [0.3, 5.0, 500.0])
@pytest.mark.parametrize("pattern", SENSOR.values(), ids=SENSOR.keys())
def test_what_the_sensor_adds_to_darks_and_flats_is_no_scene(step: int, light: float, pattern: Any) -> None:
    frames = [
        seen_by_camera(light + pattern(), 40 + seed, step=step, iso=200, shutter=(4, 1), hot=hot_photosites())
        for seed in range(4)
    ]
    assert not any(show_one_scene(one, other) for one, other in combinations(frames, 2))


@STEPS
@pytest.mark.parametrize("clusters", [5, 10])
def test_clusters_of_hot_photosites_in_coarse_darks_are_no_scene(step: int, clusters: int) -> None:
    """Nearly all values are 0: what is left of a frame are its hot photosites."""

    def dark(seed: int) -> Fingerprint:
        own, shared = np.random.default_rng(seed), np.random.default_rng(12)
        frame = own.normal(0, 0.2, SHAPE)
        frame[tuple(shared.integers(0, SHAPE, (500, 2)).T)] += shared.exponential(20, 500)
        for row, col in shared.integers(2, np.array(SHAPE) - 6, (clusters, 2)).tolist():
            frame[row : row + 2, col : col + 2] += 30
        padded = pad(np.clip(np.rint(frame), 0, 255).astype(np.int16) * 16, step)
        return fingerprint_of(padded, fit_noise(padded, step, clipping=(0, SATURATION), quantised=True))

    frames = [dark(seed) for seed in range(4)]
    assert not any(show_one_scene(one, other) for one, other in combinations(frames, 2))


def blotched(seed: int, *, compare_outliers: bool) -> Fingerprint:
    """Return a flat frame in which 60 defects are smeared to crosses, as in every JPEG of a camera."""
    frame = np.random.default_rng(seed).normal(500, 8, SHAPE)
    for row, col in np.random.default_rng(11).integers(3, 250, (60, 2)).tolist():
        frame[row, col - 1 : col + 2] += 200
        frame[row - 1 : row + 2, col] += 200
    padded = pad(np.rint(frame).astype(np.int16), 1)
    return fingerprint_of(padded, fit_noise(padded, 1, clipping=(0, SATURATION)), compare_outliers=compare_outliers)


def test_smeared_defects_would_be_paired_outliers_so_jpegs_have_none() -> None:
    one, other = (blotched(seed, compare_outliers=False) for seed in (1, 2))
    assert one.paired_outliers is other.paired_outliers is None
    assert not show_one_scene(one, other)
    assert show_one_scene(*(blotched(seed, compare_outliers=True) for seed in (1, 2)))


@STEPS
def test_a_jpeg_and_a_frame_with_paired_outliers_are_compared_by_their_slopes(step: int) -> None:
    for seed in (1, 2):
        raw = seen_by_camera(scene(seed), 10, step=step)
        jpeg = Fingerprint(raw.slopes, None)
        assert show_one_scene(jpeg, raw) == show_one_scene(raw, jpeg) == show_one_scene(raw, raw)
        assert not show_one_scene(jpeg, seen_by_camera(scene(3), 11, step=step))


@STEPS
def test_frames_without_any_contrast_are_not_alike(step: int) -> None:
    padded = pad(np.full(SHAPE, 500, np.int16), step)
    flat = fingerprint_of(padded, fit_noise(padded, step, clipping=(0, SATURATION)))
    assert flat.paired_outliers is not None
    assert not flat.paired_outliers.outlying.size
    assert not flat.slopes.values.any()
    assert not show_one_scene(flat, flat)
    assert not show_one_scene(flat, seen_by_camera(scene(1), 1, step=step))


@STEPS
@pytest.mark.parametrize("shape", [(6, 6), (7, 6), (6, 400), (50, 7)])
def test_frames_of_any_size(step: int, shape: tuple[int, int]) -> None:
    padded = pad(make_mosaic(1, shape=shape, step=step), step)
    fingerprint = fingerprint_of(padded, fit_noise(padded, step, clipping=(0, SATURATION)))
    outliers = fingerprint.paired_outliers
    assert outliers is not None
    assert 0 < outliers.area <= shape[0] * shape[1]
    assert set(outliers.paired.tolist()) <= set(outliers.outlying.tolist()) <= set(range(2 * outliers.area))
    show_one_scene(fingerprint, fingerprint)  # whatever it is, it is told


@pytest.mark.parametrize("light", [0.0, 20.0, 300.0], ids=["darks of clipped noise", "dim", "flat"])
def test_copies_of_a_photo_are_known_by_their_noise(light: float) -> None:
    """Also of scenes without texture, and after some values have changed; other photos of these are no copies."""
    hot = hot_photosites()

    def photo(seed: int, changed: int) -> Fingerprint:
        rng = np.random.default_rng(5)
        faults = Faults(*hot, *(np.ones(600) * level for level in (1.0, 2000.0, 50.0, np.nan)))
        full = np.full(SHAPE, light, np.float32)
        raw = expose(full, make_body(SHAPE, 1), Exposure((1, 10), 100), faults, np.random.default_rng(seed))
        raw.reshape(-1)[rng.integers(0, raw.size, changed)] += 1
        padded = pad(raw.astype(np.int16), 2)
        return fingerprint_of(padded, fit_noise(padded, 2, clipping=(0, SATURATION)))

    one, copy, other = photo(1, 0), photo(1, 300), photo(2, 0)
    assert show_one_scene(one, copy)
    assert not show_one_scene(one, other)
