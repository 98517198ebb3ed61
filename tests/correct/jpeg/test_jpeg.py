"""Correcting JPEGs: smears go, every bit elsewhere stays, and damaged files end in one line."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sensormap.correct.jpeg import check as jpeg_check
from sensormap.correct.jpeg import jpeg
from sensormap.correct.jpeg import transform as jpeg_transform
from sensormap.correct.jpeg.coefficients import open_coded, read_units, replace_units
from sensormap.correct.jpeg.jpeg import CorrectedJpeg, correct_jpeg
from sensormap.correct.jpeg.previews import moved_previews
from sensormap.correct.jpeg.smears import REPAIR_RADIUS, Pixel, repair_smears, weighted8
from sensormap.correct.jpeg.tables import ZIGZAG
from sensormap.correct.jpeg.transform import COLOURS, averaged, in_steps, samples_of, spread
from sensormap.decode.jpeg import read_jpeg
from sensormap.errors import DecodeError, FrameMismatchError, OutputError, SensorMapError
from sensormap.photos.jpeg_markers import read_layout
from tests.decode.test_jpeg import DATA, jpeg_bytes, place_of, scene, segment, with_segments
from tests.support import correctpixel_standin

SAMPLINGS = {"4:4:4": (8, 8), "4:2:2": (16, 8), "4:2:0": (16, 16)}
SPOT = (90, 61)


def spotted(places: list[tuple[int, int]], *, by: int = 70, shape: tuple[int, int] = (120, 200)):
    """Return a picture with smears of a demosaiced defect."""
    picture = scene(shape=shape).astype(int)
    pyramid = np.outer((1, 2, 1), (1, 2, 1))[..., None] * by // 4
    for x, y in places:
        padded = np.zeros((shape[0] + 2, shape[1] + 2, 3), int)
        padded[y : y + 3, x : x + 3] = pyramid
        picture += padded[1:-1, 1:-1]
    return picture.clip(0, 255).astype(np.uint8)


def units_of(data: bytes, units=None):
    coded = open_coded(data, "a.jpg")
    return read_units(coded, np.arange(coded.unit_count) if units is None else units, "a.jpg")


# -- the script's method -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pixels",
    [
        [(5, 4)],
        [(0, 0), (8, 0), (0, 6), (8, 6)],
        [(4, 0), (0, 3), (8, 3), (4, 6)],
        [(3, 3), (4, 3), (4, 4), (3, 4), (3, 3)],
        [(1, 1), (0, 0), (1, 0)],
    ],
    ids=["one", "corners", "edges", "neighbours, one twice", "neighbours in a corner"],
)
def test_weighted8_is_what_the_script_does_one_pixel_after_the_other(pixels, tmp_path: Path) -> None:
    picture = np.random.default_rng(len(pixels)).integers(0, 256, (7, 9, 3), np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    for x, y in pixels:
        correctpixel_standin.main(path, f"{x},{y}")
        path = path.with_name(f"c_{path.name}")
    np.testing.assert_array_equal(weighted8(picture, pixels), np.array(Image.open(path)))


def test_weighted8_in_a_jpeg_is_that_picture_coded_again() -> None:
    data = jpeg_bytes(spotted([SPOT]), quality=100, subsampling="4:4:4")
    result = correct_jpeg(data, "a.jpg", [(*SPOT, 0)], method="weighted8")
    wanted = weighted8(read_jpeg(data, "a.jpg"), [SPOT])
    difference = read_jpeg(result.data, "a.jpg").astype(int) - wanted
    assert result.repaired == 1
    assert np.abs(difference).max() <= 6  # a change of one pixel of small coefficients, all rounded to whole steps


def test_a_picture_of_one_pixel_has_no_neighbours() -> None:
    picture = np.full((1, 1, 3), 9, np.uint8)
    assert weighted8(picture, [(0, 0)]).tolist() == picture.tolist()
    assert repair_smears(picture, [(0, 0, 3)], all_defects=True).pixels.tolist() == picture.tolist()


# -- smears --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [SPOT, (0, 0), (199, 119), (0, 60), (100, 119), (198, 1)])
def test_a_smear_goes_and_nothing_beyond_it_changes(place: tuple[int, int]) -> None:
    bad, good = spotted([place]), scene()
    fixed, centres = repair_smears(bad, [(*place, 0)])
    assert centres == [place]
    changed = np.argwhere((fixed != bad).any(2))[:, ::-1]
    assert np.abs(changed - place).max() <= REPAIR_RADIUS
    assert np.abs(fixed.astype(int) - good).sum() < 0.5 * np.abs(bad.astype(int) - good).sum()


def test_what_does_not_show_is_left_alone_unless_all_are_wanted() -> None:
    picture = scene()
    fixed, centres = repair_smears(picture, [(*SPOT, 0)])
    assert centres == [None]
    np.testing.assert_array_equal(fixed, picture)
    assert repair_smears(picture, [(*SPOT, 0)], all_defects=True).centres == [SPOT]


@pytest.mark.parametrize("off", [(2, 0), (-1, 2), (0, -2)])
def test_a_smear_is_found_within_its_uncertainty(off: tuple[int, int]) -> None:
    given_place = SPOT[0] + off[0], SPOT[1] + off[1]
    assert repair_smears(spotted([SPOT]), [(*given_place, 2)]).centres == [SPOT]


def test_smears_that_touch_are_not_repaired_from_one_another() -> None:
    places = [SPOT, (SPOT[0] + 3, SPOT[1]), (SPOT[0], SPOT[1] + 4)]
    fixed = repair_smears(spotted(places), [(*place, 0) for place in places], all_defects=True).pixels
    for x, y in places:
        assert np.abs(fixed[y, x].astype(int) - scene()[y - 6 : y + 7, x - 6 : x + 7].mean((0, 1))).max() < 25


def test_an_edge_is_carried_on_across_a_smear() -> None:
    picture = np.full((40, 40, 3), 40, np.uint8)
    picture[:, 20:] = 200
    bad = picture.copy()
    bad[17:22, 18:23] = 255
    fixed = repair_smears(bad, [(20, 19, 0)], all_defects=True).pixels
    assert np.abs(fixed.astype(int) - picture).max() <= 12


@pytest.mark.parametrize("pixel", [(200, 0, 0), (0, 120, 0), (-1, 5, 0)])
def test_pixels_of_another_picture_are_refused(pixel: tuple[int, int, int]) -> None:
    with pytest.raises(FrameMismatchError, match=r"^a\.jpg: pixel -?\d+,\d+ lies outside the JPEG of 200 x 120"):
        correct_jpeg(jpeg_bytes(), "a.jpg", [pixel])
    with pytest.raises(ValueError, match="outside"):
        repair_smears(scene(), [pixel])
    with pytest.raises(ValueError, match="outside"):
        weighted8(scene(), [pixel[:2]])


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="'median': expected one of directional, weighted8"):
        correct_jpeg(jpeg_bytes(), "a.jpg", [], method="median")


# -- files ---------------------------------------------------------------------------------------

KINDS = [
    *({"subsampling": sampling} for sampling in SAMPLINGS),
    {"optimize": True},
    {"quality": 30},
    {"restart_marker_blocks": 1},
    {"restart_marker_blocks": 7, "subsampling": "4:2:0"},
    {"restart_marker_rows": 1},
    {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"},
    {"icc_profile": b"profile" * 50},
]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("shape", [(120, 200), (121, 203), (113, 129)])
def test_only_units_that_hold_the_smear_change(options, shape) -> None:
    places = [(90, 61), (shape[1] - 1, shape[0] - 1), (15, 15)]
    data = jpeg_bytes(spotted(places, shape=shape), **options) + b"behind the picture"
    result = correct_jpeg(data, "a.jpg", [(*place, 0) for place in places])
    before, after = units_of(data), units_of(result.data)
    changed = np.flatnonzero((before != after).any((1, 2)))
    layout = read_layout(io.BytesIO(data), "a.jpg")
    across, down = layout.unit
    allowed = {
        (y + j) // down * layout.units[0] + (x + i) // across
        for x, y in places for i in range(-2, 3) for j in range(-2, 3)
        if 0 <= x + i < shape[1] and 0 <= y + j < shape[0]
    }  # fmt: skip
    assert set(changed.tolist()) <= allowed
    assert (result.repaired, result.left, result.blocks_changed) == (3, 0, changed.size)
    # All segments and all that follows are the same bytes; any decoder takes the file.
    assert result.data[: layout.start] == data[: layout.start]
    assert result.data.endswith(b"\xff\xd9behind the picture")
    decoded = np.asarray(Image.open(io.BytesIO(result.data)))
    assert np.abs(decoded.astype(int) - read_jpeg(result.data, "a.jpg"))[:-1].max() == 0
    if across == 8:
        assert result.largest_change_elsewhere == 0


def test_an_error_is_measured_where_colours_are_blended() -> None:
    picture = spotted([])
    picture[60:65, 92:97] = (255, 40, 40)  # up to the border of its unit
    data = jpeg_bytes(picture, subsampling="4:2:0")
    result = correct_jpeg(data, "a.jpg", [(94, 62, 0)])
    change = np.abs(read_jpeg(data, "a").astype(int) - read_jpeg(result.data, "a"))
    rows = np.nonzero(change.any(2))[0]
    assert rows.min() >= 47
    assert rows.max() <= 80
    inside = np.zeros(change.shape[:2], bool)
    inside[48:80, 80:112] = True
    assert result.largest_change_elsewhere > 0
    assert result.mean_change_elsewhere < 0.1
    # No farther than one pixel from the units around the spot.
    beyond = np.pad(inside, 1)
    beyond = ~(beyond[:-2, 1:-1] | beyond[2:, 1:-1] | beyond[1:-1, 1:-1] | beyond[1:-1, :-2] | beyond[1:-1, 2:])
    assert not change[beyond & ~inside].any()


def test_nothing_to_do_gives_the_same_bytes() -> None:
    data = jpeg_bytes()
    assert correct_jpeg(data, "a.jpg", []) == CorrectedJpeg(data, 0, 0, 0, 0.0, 0)
    assert correct_jpeg(data, "a.jpg", [(*SPOT, 0)]) == CorrectedJpeg(data, 0, 1, 0, 0.0, 0)


def test_the_same_input_gives_the_same_bytes() -> None:
    data = jpeg_bytes(spotted([SPOT]))
    assert correct_jpeg(data, "a.jpg", [(*SPOT, 0)]) == correct_jpeg(data, "a.jpg", [(*SPOT, 0)])


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_list_of_further_pictures_stays_true(order: str) -> None:
    second = jpeg_bytes(scene(7, (16, 16)))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHHHIII", 8, 1, 0xB002, 7, 32, 26, 0)

    def listed(size: int, offset: int) -> bytes:
        return b"MPF\0" + head + struct.pack(f"{order}8I", 0, size, 0, 0, 0, len(second), offset, 0)

    picture = jpeg_bytes(spotted([SPOT]), quality=95)
    first_size = len(with_segments(picture, segment(0xE2, listed(0, 0))))
    data = with_segments(picture, segment(0xE2, listed(first_size, first_size - 10))) + second
    assert data[2 + 4 + 4 + first_size - 10 :] == second
    result = correct_jpeg(data, "a.jpg", [(*SPOT, 0)]).data
    assert len(result) != len(data)
    at = place_of(result, 0xE2) + 4
    (size,) = struct.unpack_from(f"{order}I", result, at + 26 + 4)
    (offset,) = struct.unpack_from(f"{order}I", result, at + 26 + 16 + 8)
    assert result[at + offset :] == second
    assert size == len(result) - len(second)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"progressive": True}, "progressive"),
        ({"mode": "L"}, "grey"),
        ({"mode": "CMYK"}, "CMYK"),
        ({"keep_rgb": True, "subsampling": "4:4:4"}, "red, green and blue"),
    ],
)
def test_what_no_camera_writes_is_refused(options, what: str) -> None:
    with pytest.raises(DecodeError, match=rf"^a\.jpg: .*{what}"):
        correct_jpeg(jpeg_bytes(**options), "a.jpg", [(*SPOT, 0)])


# -- what was written is what was meant ----------------------------------------------------------

STRIPES = np.where(np.arange(120)[:, None, None] // 9 % 2, (255, 0, 0), (0, 255, 255)).repeat(200, 1)
SCENES = {
    "plain": scene,
    "half of it clipped": lambda: (scene().astype(int) - 120) * 6 + 128,
    "black": lambda: scene() // 40,
    "white": lambda: 255 - scene() // 40,
    "noise": lambda: np.random.default_rng(4).normal(128, 40, (120, 200, 3)),
    "stripes of the strongest colours": lambda: STRIPES,
}


def with_spots(picture: np.ndarray, seed: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return a picture with smears of any colour, bright and dark, and where they are."""
    rng = np.random.default_rng(seed)
    places = [(int(x), int(y)) for x, y in zip(rng.integers(0, 200, 12), rng.integers(0, 120, 12), strict=True)]
    spots = picture.astype(int)
    for x, y in [*places, (0, 0), (199, 119)]:
        spots[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] += rng.integers(-200, 201, 3)
    return spots.clip(0, 255).astype(np.uint8), [*places, (0, 0), (199, 119)]


@pytest.mark.parametrize("method", ["directional", "weighted8"])
@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("name", SCENES)
def test_whole_files_are_never_refused(name: str, subsampling: str, method: str) -> None:
    for number, quality in enumerate((50, 63, 75, 85, 90, 95, 98, 100)):
        picture, places = with_spots(SCENES[name](), number)
        options = [{}, {"optimize": True}, {"restart_marker_blocks": 5}][number % 3]
        data = jpeg_bytes(picture, quality=quality, subsampling=subsampling, **options)
        pixels = [(*place, number % 2) for place in places]
        result = correct_jpeg(data, "a.jpg", pixels, method=method, all_defects=True)
        assert result.repaired + result.left == len(places)


@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("name", ["plain", "half of it clipped", "black"])
def test_what_is_decoded_is_what_was_meant_but_for_half_a_step(name: str, subsampling: str) -> None:
    """Brightness, which is stored of each pixel; where it clips in part, so do its colours."""
    for quality in (50, 75, 90, 97):
        picture, places = with_spots(SCENES[name](), quality)
        data = jpeg_bytes(picture, quality=quality, subsampling=subsampling)
        meant = repair_smears(read_jpeg(data, "a"), [Pixel(*place) for place in places], all_defects=True).pixels
        done = read_jpeg(correct_jpeg(data, "a.jpg", places, all_defects=True).data, "a")
        clipped = ((meant == 0) | (meant == 255) | (done == 0) | (done == 255)).any(-1)
        off = np.where(clipped, 0, (done.astype(int) - meant) @ COLOURS[0])
        # Squares of 8 x 8 pixels keep their sum of squares in the transform.
        steps = open_coded(data, "a.jpg").steps[0]
        squares = off[:120].reshape(15, 8, 25, 8).swapaxes(1, 2)
        root = np.sqrt((squares**2).sum((2, 3)))
        assert root.max() > 0
        assert root.max() <= np.sqrt((steps**2).sum()) / 2 + 8 * 1.5


BT709 = np.array([[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]])
MATRICES = {"RGB": np.eye(3), "colours swapped": COLOURS[[0, 2, 1]], "BT.709": BT709}
Patch = pytest.MonkeyPatch


def other_matrix(patch: Patch, matrix: np.ndarray) -> None:
    """Take the colours of a file for others than they are."""
    for module in (jpeg, jpeg_check, jpeg_transform):
        patch.setattr(module, "COLOURS", matrix)
    patch.setattr(jpeg_check, "_RGB", np.linalg.inv(matrix))


def other_way_only(patch: Patch, matrix: np.ndarray) -> None:
    """Make a mistake on the way from pixels to coefficients, and none on the way back."""
    patch.setattr(jpeg_transform, "COLOURS", matrix)


def opened_otherwise(patch: Patch, **values: Callable) -> None:
    """Read something else from a file than what it says."""

    def wrong(data: bytes, name: str):
        coded = open_coded(data, name)
        return replace(coded, **{key: change(getattr(coded, key)) for key, change in values.items()})

    patch.setattr(jpeg, "open_coded", wrong)


def spotted_file(subsampling: str, quality: int) -> bytes:
    """Return a file whose picture is whole units, whatever they are taken for."""
    return jpeg_bytes(spotted([SPOT], shape=(128, 192)), quality=quality, subsampling=subsampling)


def check_refused(data: bytes, reason: str) -> None:
    with pytest.raises(OutputError, match=rf"^a\.jpg: corrected, but .*{reason}") as caught:
        correct_jpeg(data, "a.jpg", [SPOT], all_defects=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("quality", [50, 75, 90, 97])
@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("wrong", [other_matrix, other_way_only])
@pytest.mark.parametrize("matrix", MATRICES)
def test_a_wrong_matrix_of_colours_is_found_out(monkeypatch, matrix, wrong, subsampling, quality) -> None:
    wrong(monkeypatch, MATRICES[matrix])
    check_refused(spotted_file(subsampling, quality), "what was taken for them|does not decode to what it holds")


@pytest.mark.parametrize("keep_rgb", [True, False])
def test_red_green_and_blue_are_found_out_even_if_the_header_lets_them_pass(monkeypatch, keep_rgb: bool) -> None:
    monkeypatch.setattr("sensormap.photos.jpeg_markers.stores_rgb", lambda header: False)
    data = jpeg_bytes(spotted([SPOT]), subsampling="4:4:4", keep_rgb=keep_rgb)
    if keep_rgb:
        check_refused(data, "a unit of 8 x 8 pixels does not decode to what it holds")
    else:
        assert correct_jpeg(data, "a.jpg", [SPOT]).repaired == 1


@pytest.mark.parametrize("quality", [50, 75, 90, 97])
@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_swapped_quantisation_tables_are_found_out(monkeypatch, subsampling: str, quality: int) -> None:
    opened_otherwise(monkeypatch, steps=lambda steps: steps[[1, 0, 0]])
    check_refused(spotted_file(subsampling, quality), "does not decode to what it holds")


@pytest.mark.parametrize(
    ("subsampling", "factors"),
    [("4:2:2", (1, 2)), ("4:2:0", (4, 1)), ("4:2:0", (1, 4))],
)
def test_a_wrong_sampling_is_found_out(monkeypatch, subsampling: str, factors: tuple[int, int]) -> None:
    """Units of another shape, with as many blocks."""
    opened_otherwise(monkeypatch, layout=lambda layout: replace(layout, factors=(factors, *layout.factors[1:])))
    for quality in (50, 90):
        check_refused(spotted_file(subsampling, quality), "pixels outside the units .* changed")


@pytest.mark.parametrize("subsampling", ["4:2:2", "4:2:0"])
def test_colours_put_in_the_wrong_place_are_found_out(monkeypatch, subsampling: str) -> None:
    def moved(levels, coded):
        brightness, *colours = averaged(levels, coded)
        return brightness, *(np.roll(samples, 1, 2) for samples in colours)

    monkeypatch.setattr(jpeg, "averaged", moved)
    picture = scene(shape=(128, 192))
    picture[60:63, 89:92] = (255, 40, 40)
    check_refused(jpeg_bytes(picture, quality=90, subsampling=subsampling), "not what was taken for them")


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_coefficients_that_are_not_what_was_asked_for_are_found_out(monkeypatch, subsampling: str) -> None:
    def wrong(coded, units, blocks, name):
        return replace_units(coded, units, blocks + 2 * (np.arange(64) == 1), name)

    def kept(coded, units, before, after, exact, name):
        out = wrong(coded, units, after, name)
        near = np.arange(coded.unit_count)
        return out, jpeg_check.Stored(near, units_of(out), open_coded(out, name))

    monkeypatch.setattr(jpeg, "_written", kept)
    check_refused(spotted_file(subsampling, 90), "farther from what was meant than quantisation explains")


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_one_pixel_that_decodes_otherwise_is_found_out(monkeypatch, subsampling: str) -> None:
    pictures = []

    def decoded(data: bytes, name: str):
        pictures.append(read_jpeg(data, name))
        if len(pictures) == 2:
            pictures[-1][SPOT[1], SPOT[0], 1] ^= 32
        return pictures[-1]

    monkeypatch.setattr(jpeg, "read_jpeg", decoded)
    check_refused(spotted_file(subsampling, 95), r"does not decode to what it holds, by \d+ DN")


def test_a_unit_that_the_code_lacks_words_for_is_not_made_worse() -> None:
    """In small pictures, whose code was made for them alone, a lowered coefficient may harm more than the defect."""
    coded = open_coded(jpeg_bytes(scene(shape=(64, 64)), optimize=True, quality=90, subsampling="4:4:4"), "a.jpg")
    units, rng = np.arange(0, coded.unit_count, 3), np.random.default_rng(3)
    before = read_units(coded, units, "a.jpg")
    exact = rng.normal(0, 0.7, before.shape) * (rng.random(before.shape) < 0.03) * (np.arange(64) > 0)
    after = (before + np.rint(exact)).astype(np.int32)

    def farther(data: bytes) -> int:
        off = jpeg_check.squared(units_of(data, units) - before - exact, coded)
        return int((off > jpeg_check.squared(exact, coded)).sum())

    out, stored = jpeg._written(coded, units, before, after, exact, "a.jpg")
    assert farther(replace_units(coded, units, after, "a.jpg")) > 0
    assert farther(out) == 0
    np.testing.assert_array_equal(stored.of(units), units_of(out, units))
    assert (units_of(out, units) != before).any()


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_samples_and_coefficients_are_inverse(subsampling: str) -> None:
    coded = open_coded(jpeg_bytes(subsampling=subsampling), "a.jpg")
    blocks = np.random.default_rng(1).normal(0, 9, (5, len(coded.components), 64))
    samples = samples_of(blocks, coded)
    np.testing.assert_allclose(in_steps(samples, coded), blocks, atol=1e-9)
    levels = np.stack([spread(one, coded) for one in samples], -1) @ np.linalg.inv(COLOURS).T
    for one, other in zip(averaged(levels, coded), samples, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


# -- coefficients --------------------------------------------------------------------------------


def test_the_zigzag_is_that_of_the_standard() -> None:
    assert ZIGZAG[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert ZIGZAG[-4:].tolist() == [47, 55, 62, 63]
    assert sorted(ZIGZAG.tolist()) == list(range(64))


def test_coefficients_are_those_of_the_picture() -> None:
    """A grey unit has no chroma, and the DC of its brightness is eight times the mean."""
    data = jpeg_bytes(np.full((16, 16, 3), 200, np.uint8), subsampling="4:2:0", quality=100)
    blocks = units_of(data)
    assert blocks.shape == (1, 6, 64)
    assert blocks[0, :4, 0].tolist() == [8 * (200 - 128)] * 4
    assert not blocks[0, 4:].any()
    assert not blocks[:, :, 1:].any()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_coefficients_come_back_and_the_old_ones_give_the_old_file(data) -> None:
    options = data.draw(st.sampled_from([*KINDS[:3], *KINDS[4:8]]))
    file = jpeg_bytes(scene(shape=(40, 56)), **options)
    coded = open_coded(file, "a.jpg")
    units = np.array(sorted(data.draw(st.sets(st.integers(0, coded.unit_count - 1), min_size=1))))
    blocks = read_units(coded, units, "a.jpg")
    assert replace_units(coded, units, blocks, "a.jpg") == file
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    new = (blocks + rng.integers(-40, 41, blocks.shape) * (rng.random(blocks.shape) < 0.2)).astype(np.int32)
    changed = units_of(replace_units(coded, units, new, "a.jpg"))
    np.testing.assert_array_equal(changed[units], new)
    others = np.setdiff1d(np.arange(coded.unit_count), units)
    np.testing.assert_array_equal(changed[others], units_of(file)[others])


def test_what_a_code_has_no_word_for_is_lowered_or_left_and_nothing_else_changes() -> None:
    """A code made for a flat picture has few words."""
    file = jpeg_bytes(scene(shape=(64, 64)), optimize=True, quality=25, subsampling="4:4:4")
    coded, rng = open_coded(file, "a.jpg"), np.random.default_rng(3)
    units = np.array([5, 6, 20, 63])
    new = rng.integers(-1023, 1024, (4, 3, 64)).astype(np.int32)
    changed = units_of(replace_units(coded, units, new, "a.jpg"))
    others = np.setdiff1d(np.arange(coded.unit_count), units)
    np.testing.assert_array_equal(changed[others], units_of(file)[others])
    assert (np.abs(changed[units]) <= np.maximum(np.abs(new), np.abs(units_of(file)[units]))).all()


# -- hostile files -------------------------------------------------------------------------------


def attempt(data: bytes) -> None:
    """Correct a file of any bytes: a result that decodes, or an error of one line."""
    error = None
    try:
        read_jpeg(correct_jpeg(data, "a.jpg", [(20, 20, 0), (39, 30, 1)], all_defects=True).data, "a.jpg")
    except SensorMapError as caught:
        error = str(caught)
    assert error is None or re.fullmatch("a\\.jpg: .*", error)


SMALL = [jpeg_bytes(scene(shape=(40, 56)), **options) for options in (*KINDS[:2], KINDS[5], {"optimize": True})]


@pytest.mark.parametrize("number", range(len(SMALL)))
def test_truncated_files_end_in_one_line(number: int, capfd) -> None:
    data = SMALL[number]
    for length in [*range(0, len(data) - 2, 41), len(data) - 1]:
        with pytest.raises(DecodeError, match=r"^a\.jpg: "):
            correct_jpeg(data[:length], "a.jpg", [(20, 20, 0)])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", range(len(SMALL)))
def test_flipped_bits_end_in_one_line_or_in_a_picture(number: int, capfd) -> None:
    rng = np.random.default_rng(number)
    for _ in range(100):
        data = bytearray(SMALL[number])
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            data[at] ^= 1 << int(rng.integers(8))
        attempt(bytes(data))
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 700))
def test_random_bytes_end_in_one_line(noise: bytes, at: int) -> None:
    attempt(SMALL[0][:at] + noise + SMALL[0][at + len(noise) :])
    attempt(noise)


@pytest.mark.parametrize("block", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30])
def test_a_senseless_list_of_pictures_stays_as_it_is(block: bytes) -> None:
    data = with_segments(jpeg_bytes(spotted([SPOT])), segment(0xE2, b"MPF\0" + block))
    result = correct_jpeg(data, "a.jpg", [(*SPOT, 0)])
    assert result.repaired == 1
    assert b"MPF\0" + block in result.data


def test_a_list_of_pictures_as_large_as_numbers_get_stays_as_it_is() -> None:
    block = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0xB002, 7, 16, 26, 0) + struct.pack("<4I", 0, 0xFFFFFFFF, 0, 0)
    data = with_segments(jpeg_bytes(scene(3, (64, 64))), segment(0xE2, b"MPF\0" + block))
    assert moved_previews(data, "a.jpg", end=len(data), by=7) == data


def test_fields_that_name_the_same_list_of_pictures_count_once() -> None:
    """A file of a few megabytes could name it often enough to keep us for hours."""
    head = b"II*\0" + struct.pack("<IH", 8, 2) + struct.pack("<HHII", 0xB002, 7, 16, 38) * 2 + bytes(4)
    block = head + struct.pack("<4I", 0, 1000, 0, 0)
    data = with_segments(jpeg_bytes(scene(3, (64, 64))), segment(0xE2, b"MPF\0" + block))
    found = moved_previews(data, "a.jpg", end=len(data), by=7)
    assert found == data.replace(block, head + struct.pack("<4I", 0, 1007, 0, 0))


# -- real files ----------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data/jpeg")
def test_the_phone_s_defect_goes_from_its_photo() -> None:
    data = (DATA / "gt-i9300" / "20200805_133123.jpg").read_bytes()
    result = correct_jpeg(data, "a.jpg", [(531, 842, 1)])
    assert (result.repaired, result.left) == (1, 0)
    before, after = (read_jpeg(file, "a.jpg").astype(float) for file in (data, result.data))
    ring = before[836:849, 526:539].mean((0, 1))
    assert np.abs(after[842, 532] - ring).max() < 0.5 * np.abs(before[842, 532] - ring).max()
    assert result.mean_change_elsewhere < 1e-3
    assert abs(len(result.data) / len(data) - 1) < 0.001


def test_a_result_that_differs_elsewhere_is_refused(monkeypatch) -> None:
    def wrong(coded, units, blocks, name):
        every = np.arange(coded.unit_count)
        return replace_units(coded, every, read_units(coded, every, name) + 1, name)

    monkeypatch.setattr("sensormap.correct.jpeg.jpeg.replace_units", wrong)
    with pytest.raises(
        OutputError, match=r"^a\.jpg: corrected, but pixels outside the units of 16 x 8 changed, by up to"
    ):
        correct_jpeg(jpeg_bytes(spotted([SPOT])), "a.jpg", [(*SPOT, 0)])


@pytest.mark.parametrize("seed", [19, 29])
def test_the_last_row_which_is_known_to_a_few_dn_only_is_no_reason_to_refuse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = jpeg_bytes(rng.integers(0, 256, (64, 112, 3), np.uint8), quality=75, subsampling="4:2:0")
    places = [(int(rng.integers(112)), int(rng.integers(64))) for _ in range(3)]
    assert correct_jpeg(data, "a.jpg", places, all_defects=True).repaired == 3


def test_a_line_is_repaired_as_a_whole_where_part_of_it_shows() -> None:
    """Seen alone, two thirds of its pixels do not stand out."""
    rng = np.random.default_rng(3)
    picture = (120 + rng.normal(0, 4, (120, 60, 3))).round().astype(np.uint8)
    rows = list(range(20, 100))
    picture[20:100, 30] += np.where(np.arange(80) % 3, 6, 40).astype(np.uint8)[:, None]
    single = repair_smears(picture, [Pixel(30, y) for y in rows]).centres
    together = repair_smears(picture, [Pixel(30, y, 0, 7) for y in rows]).centres
    assert sum(centre is None for centre in single) > 0
    assert together == [(30, y) for y in rows]
    healthy = repair_smears(picture, [Pixel(10, y, 0, 7) for y in rows]).centres
    assert sum(centre is not None for centre in healthy) < 0.2 * len(rows)
