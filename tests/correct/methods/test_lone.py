"""Lone photosites: what stands out alone is found, and what the lens drew is not."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.correct.methods.lone import find_lone
from sensormap.correct.methods.targets import Levels
from sensormap.errors import FrameMismatchError

SHAPE = (120, 160)
BLACK, SATURATION, LEVEL, NOISE = 64, 4095, 400, 6.0


def frame(seed=1, *, level=LEVEL, black=BLACK):
    """An even scene with a slope."""
    light = level + np.linspace(0, level / 2, SHAPE[1])
    noise = np.random.default_rng(seed).normal(0, NOISE, SHAPE)
    return np.clip(np.rint(light + noise) + black, 0, SATURATION).astype(np.uint16)


def found(mosaic, *, cfa="GBRG", mapped=(), sigma=20.0, black=BLACK):
    pattern = Cfa(cfa)
    mask = np.zeros(mosaic.shape, bool)
    for row, col in mapped:
        mask[row, col] = True
    levels = Levels(pattern, (black,) * len(pattern.planes), SATURATION)
    return [tuple(place) for place in find_lone(mosaic, mask, pattern, levels, sigma).tolist()]


def with_star(mosaic, row, col, *, width, height):
    """Light that spreads by so many photosites (full width at half maximum)."""
    rows, cols = np.mgrid[: mosaic.shape[0], : mosaic.shape[1]]
    star = height * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) * 4 * np.log(2) / width**2)
    return np.minimum(mosaic + star, SATURATION).astype(np.uint16)


@pytest.mark.parametrize("cfa", [*BAYER_NAMES, MONO])
def test_lone_photosites_are_found_anywhere(cfa):
    mosaic, places = frame(), [(0, 0), (0, 80), (31, 159), (60, 61), (61, 100), (119, 159)]
    for row, col in places:
        mosaic[row, col] += 600
    assert found(mosaic, cfa=cfa) == places


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_in_noise(seed):
    assert found(frame(seed), sigma=8.0) == []


def test_the_threshold_is_in_sigma_of_the_photo():
    mosaic = frame(level=100)
    spread = (NOISE**2 * 1.2 + 1 / 12) ** 0.5  # of a value less the median of eight
    for index, sigma in enumerate((8, 16, 24, 40)):
        mosaic[20 + 20 * index, 40] = round(BLACK + 100 + 12.5 + sigma * spread)
    for sigma, count in ((10, 3), (20, 2), (30, 1), (50, 0), (1e300, 0)):
        assert len(found(mosaic, sigma=sigma)) == count


@pytest.mark.parametrize("width", [1.4, 2.0, 3.0])
@pytest.mark.parametrize("height", [200, 600, 3000])
@pytest.mark.parametrize("at", [(60, 80), (60.5, 80.5), (60.3, 81), (61, 81)])
def test_a_star_is_not_lone(width, height, at):
    assert found(with_star(frame(), *at, width=width, height=height), sigma=8.0) == []


def test_a_pair_is_not_lone_but_one_beside_a_mapped_defect_is():
    mosaic = frame()
    mosaic[60, 80:82] = 2000
    assert found(mosaic) == []
    assert found(mosaic, mapped=[(60, 81)]) == [(60, 80)]
    assert found(mosaic, mapped=[(60, 80), (60, 81)]) == []


def test_dark_photosites_stay():
    mosaic = frame()
    mosaic[60, 80] = 0
    assert found(mosaic, sigma=8.0) == []


def test_where_black_is_clipped_the_tail_of_the_values_tells_the_noise():
    mosaic = frame(level=0, black=0)
    assert found(mosaic, black=0, sigma=8.0) == []
    mosaic[60, 80] = 300
    assert found(mosaic, black=0, sigma=20.0) == [(60, 80)]


def test_an_edge_is_not_lone():
    mosaic = frame()
    mosaic[:, 80:] += 1500
    mosaic[50] += 900
    assert found(mosaic) == []


def test_other_patterns_are_refused():
    class Wide:
        name, step = "X-Trans", 6

    with pytest.raises(FrameMismatchError, match="beside Bayer filters and none, and these are X-Trans"):
        find_lone(frame(), np.zeros(SHAPE, bool), Wide(), Levels(Cfa(PICTURE), (0,) * 4, SATURATION), 20.0)
