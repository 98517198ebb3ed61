"""Remosaicking: of each pixel the colour of its own filter, for any pattern and size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from sensormap.camera.cfa import BAYER_NAMES, MONO, PICTURE, Cfa
from sensormap.decode.jpeg_mosaic import remosaic
from sensormap.frame import WHITE
from tests.support.remosaic import remosaic_slowly

NAMES = (*BAYER_NAMES, MONO, PICTURE)
OUTSIDE = -7


def picture_of(height: int, width: int, *, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, WHITE + 1, (height, width, 3), np.uint8)


def remosaicked(picture: NDArray[np.uint8], name: str) -> NDArray[np.int16]:
    out = np.full(picture.shape[:2], OUTSIDE, np.int16)
    remosaic(picture, Cfa(name), out)
    return out


@given(
    name=st.sampled_from(NAMES),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    corner=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    beyond=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    seed=st.integers(0, 99),
)
def test_a_view_of_a_larger_array_is_filled_as_slowly_and_nothing_else(
    name: str, size: tuple[int, int], corner: tuple[int, int], beyond: tuple[int, int], seed: int
) -> None:
    picture = picture_of(*size, seed=seed)
    whole = np.full([sum(sides) for sides in zip(size, corner, beyond, strict=True)], OUTSIDE, np.int16)
    view = whole[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]
    remosaic(picture, Cfa(name), view)
    expected = remosaic_slowly(picture, Cfa(name))
    assert expected.dtype == np.int16
    assert_array_equal(view, expected)
    assert np.count_nonzero(whole == OUTSIDE) == whole.size - view.size


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_may_be_part_of_another_and_locked(name: str) -> None:
    """As a decoder hands it over."""
    picture = picture_of(21, 30)[:17, 2:27]
    expected = remosaic_slowly(picture, Cfa(name))
    assert_array_equal(remosaicked(picture, name), expected)
    picture.setflags(write=False)
    assert_array_equal(remosaicked(picture, name), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RGGB", [[0, 11, 2], [13, 24, 15], [6, 17, 8]]),
        ("BGGR", [[20, 11, 22], [13, 4, 15], [26, 17, 28]]),
        ("GRBG", [[10, 1, 12], [23, 14, 25], [16, 7, 18]]),
        ("GBRG", [[10, 21, 12], [3, 14, 5], [16, 27, 18]]),
    ],
)
def test_each_pixel_s_colour_is_that_of_its_filter(name: str, expected: list[list[int]]) -> None:
    """Red counts the pixels, green is ten more, blue twenty."""
    picture = np.arange(9, dtype=np.uint8).reshape(3, 3, 1) + np.array([0, 10, 20], np.uint8)
    assert remosaicked(picture, name).tolist() == expected


@pytest.mark.parametrize("name", BAYER_NAMES)
def test_planes_hold_one_colour_each(name: str) -> None:
    picture = np.broadcast_to(np.array([200, 100, 50], np.uint8), (7, 9, 3))
    out = remosaicked(picture, name)
    for plane in Cfa(name).planes:
        assert (plane.view(out) == {"R": 200, "G": 100, "B": 50}[plane.name[0]]).all()


@pytest.mark.parametrize("name", [MONO, PICTURE])
@pytest.mark.parametrize(
    ("pixel", "brightness"),
    [((255, 0, 0), 77), ((0, 255, 0), 149), ((0, 0, 255), 29), ((255, 255, 255), 255), ((0, 0, 0), 0), ((3, 2, 1), 2)],
)
def test_without_known_filters_brightness_is_taken(name: str, pixel: tuple[int, int, int], brightness: int) -> None:
    picture = np.broadcast_to(np.array(pixel, np.uint8), (3, 4, 3))
    assert (remosaicked(picture, name) == brightness).all()


@pytest.mark.parametrize("name", NAMES)
def test_grey_keeps_its_value(name: str) -> None:
    levels = np.arange(WHITE + 1, dtype=np.uint8).reshape(16, 16)
    assert_array_equal(remosaicked(np.repeat(levels[..., np.newaxis], 3, axis=2), name), levels)
