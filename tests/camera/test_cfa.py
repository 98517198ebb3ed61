"""Filter patterns: planes tile the grid, names follow the neighbours' colours, and an odd shift flips the phase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.camera.cfa import BAYER_NAMES, LUMA_PLANE, MONO, PICTURE, XTRANS_NAMES, Cfa

NAMES = st.sampled_from((*BAYER_NAMES, *XTRANS_NAMES, MONO, PICTURE))
OFFSETS = st.integers(0, 5000)


@given(name=NAMES, height=st.integers(1, 9), width=st.integers(1, 9))
def test_planes_tile_the_grid(name: str, height: int, width: int) -> None:
    seen = np.zeros((height, width), int)
    for plane in Cfa(name).planes:
        plane.view(seen)[...] += 1
    np.testing.assert_array_equal(seen, 1)


@given(name=NAMES, height=st.integers(2, 9), width=st.integers(2, 9))
def test_plane_name_says_whose_view_a_photosite_is_in(name: str, height: int, width: int) -> None:
    cfa = Cfa(name)
    names = np.full((height, width), "??")
    for plane in cfa.planes:
        plane.view(names)[...] = plane.name[:2]
    for y in range(height):
        for x in range(width):
            assert cfa.plane_name(x=x, y=y)[:2] == names[y, x]


@pytest.mark.parametrize("name", BAYER_NAMES)
def test_greens_are_named_after_the_other_colour_of_their_row(name: str) -> None:
    cfa = Cfa(name)
    assert sorted(plane.name for plane in cfa.planes) == ["B", "Gb", "Gr", "R"]
    for y in (0, 1):
        assert {cfa.plane_name(x=x, y=y) for x in (0, 1)} in ({"R", "Gr"}, {"B", "Gb"})
    for plane in cfa.planes:
        assert plane.name[0] == name[2 * plane.row + plane.col]


def test_view_shares_memory() -> None:
    raw = np.zeros((5, 7), int)
    Cfa("RGGB").planes[3].view(raw)[...] = 1
    assert raw.sum() == 6
    assert raw[1, 1] == raw[3, 5] == 1


@given(name=NAMES, x=OFFSETS, y=OFFSETS, dx=OFFSETS, dy=OFFSETS)
def test_shifted_reads_the_same_photosites(name: str, x: int, y: int, dx: int, dy: int) -> None:
    shifted = Cfa(name).shifted(x=dx, y=dy)
    assert shifted.plane_name(x=x, y=y) == Cfa(name).plane_name(x=x + dx, y=y + dy)
    assert shifted.shifted(x=-dx % 6, y=-dy % 6) == Cfa(name)


@pytest.mark.parametrize(
    ("offset", "expected"), [((0, 0), "GBRG"), ((1, 0), "BGGR"), ((0, 1), "RGGB"), ((1, 1), "GRBG"), ((4, 6), "GBRG")]
)
def test_an_odd_offset_flips_the_phase(offset: tuple[int, int], expected: str) -> None:
    assert Cfa("GBRG").shifted(x=offset[0], y=offset[1]) == Cfa(expected)


@given(x=OFFSETS, y=OFFSETS)
def test_a_picture_has_four_phases_of_one_name(x: int, y: int) -> None:
    picture = Cfa(PICTURE)
    assert picture.step == 2
    assert [(plane.row, plane.col, plane.step) for plane in picture.planes] == [
        (0, 0, 2),
        (0, 1, 2),
        (1, 0, 2),
        (1, 1, 2),
    ]
    assert {plane.name for plane in picture.planes} == {picture.plane_name(x=x, y=y)} == {LUMA_PLANE}
    assert picture.shifted(x=x, y=y) is picture


@pytest.mark.parametrize(
    "name",
    ["", "RGBG", "rggb", "RGGBRGGB", "MONO", "Picture", "luma", "XTRANS", "G/" * 36, XTRANS_NAMES[0][:-1]],
)
def test_other_patterns_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not one of RGGB, BGGR, GRBG, GBRG, mono, picture"):
        Cfa(name)


@pytest.mark.parametrize("name", XTRANS_NAMES)
def test_planes_of_xtrans_are_named_after_like_neighbourhoods(name: str) -> None:
    cfa = Cfa(name)
    counts = {planes[0].name: len(planes) for planes in cfa.classes}
    assert counts == {"R": 8, "B": 8, "Gs": 4, "Gp": 16}
    for plane in cfa.planes:
        assert plane.name[0] == cfa.letter(plane.row, plane.col) == name.split("/")[plane.row][plane.col]


@pytest.mark.parametrize("name", XTRANS_NAMES)
def test_neighbours_of_xtrans_are_of_the_colour_and_as_many_on_either_side(name: str) -> None:
    cfa = Cfa(name)
    for plane, around in zip(cfa.planes, cfa.neighbours, strict=True):
        assert len(around) == 8
        assert len(set(around)) == (7 if plane.name in "RB" else 8)  # red and blue have their nearest twice
        for down, right in around:
            assert cfa.letter(plane.row + down, plane.col + right) == plane.name[0]
        for axis in zip(*around, strict=True):
            assert np.median(axis) == 0
    assert cfa.beside == {1, 2, 3}


@pytest.mark.parametrize("name", [*BAYER_NAMES, MONO, PICTURE])
def test_neighbours_of_other_patterns_are_those_of_their_plane(name: str) -> None:
    cfa = Cfa(name)
    for around in cfa.neighbours:
        assert sorted((*around, (0, 0))) == [(i * cfa.step, j * cfa.step) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert cfa.classes == tuple((plane,) for plane in cfa.planes)
    assert (cfa.beside, cfa.near) == ({cfa.step}, cfa.step)
