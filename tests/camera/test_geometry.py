"""Rectangles of photosites, and the names of bodies."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body
from tests.support.frames import TOY_PROFILE

RECTS = st.builds(Rect, st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.integers(1, 9))


def painted(rect: Rect) -> np.ndarray:
    grid = np.zeros((20, 20), bool)
    grid[rect.slices] = True
    return grid


@given(rect=RECTS)
def test_slices_select_what_is_contained(rect: Rect) -> None:
    inside = [[rect.contains(x, y) for x in range(20)] for y in range(20)]
    np.testing.assert_array_equal(painted(rect), inside)
    assert painted(rect).sum() == rect.width * rect.height


@given(one=RECTS, other=RECTS)
def test_intersection_is_what_both_contain(one: Rect, other: Rect) -> None:
    both = painted(one) & painted(other)
    if both.any():
        np.testing.assert_array_equal(painted(one.intersection(other)), both)
        assert one.intersection(other) == other.intersection(one)
    else:
        with pytest.raises(ValueError, match="is not a rectangle"):
            one.intersection(other)


@given(rect=RECTS, width=st.integers(1, 20), height=st.integers(1, 20))
def test_fits_when_every_corner_lies_on_the_grid(rect: Rect, width: int, height: int) -> None:
    assert rect.fits(width, height) == Rect(0, 0, width, height).contains(
        rect.x + rect.width - 1, rect.y + rect.height - 1
    )


@pytest.mark.parametrize("values", [(-1, 0, 1, 1), (0, -1, 1, 1), (0, 0, 0, 1), (0, 0, 1, -3)])
def test_no_rectangle(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{list(values)} is not a rectangle")):
        Rect(*values)


def test_the_toy_camera_has_margins_on_all_sides_and_an_odd_crop() -> None:
    area, crop = TOY_PROFILE.active_area, TOY_PROFILE.jpeg_crop
    width, height = TOY_PROFILE.raw_size
    assert min(area.x, area.y, width - area.x - area.width, height - area.y - area.height) > 0
    assert crop is not None
    assert area.intersection(crop) == crop
    assert (area.x % 2, area.y % 2, crop.y % 2) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (Body("NIKON CORPORATION", "NIKON D80", "123"), "NIKON D80, serial 123"),
        (Body("SONY", "ILCE-7", "5"), "SONY ILCE-7, serial 5"),
        (Body("", "ILCE-7", "5"), "ILCE-7, serial 5"),
        (Body("", "", ""), "unknown camera, serial unknown"),
    ],
)
def test_bodies_are_named_for_people(body: Body, text: str) -> None:
    assert str(body) == text


def test_bodies_sort_by_make_model_serial() -> None:
    assert sorted([Body("B", "A", "A"), Body("A", "B", "A"), Body("A", "A", "B")])[0] == Body("A", "A", "B")
