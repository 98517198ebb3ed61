"""The offset between a mosaic and its picture: found to the photosite, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from fixtures.camera.develop import Development, develop
from sensormap.alignment.correlate import _correlate, align
from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.decode.jpeg import read_jpeg
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.errors import FrameMismatchError
from sensormap.photos.exif import read_photo
from tests.support.folders import SHARED
from tests.support.raw_and_jpeg import CROP_SIZE, SHAPE, developed, jpeg, mosaic

GBRG = Cfa("GBRG")
GRID = Rect(0, 0, SHAPE[1], SHAPE[0])
DATA = SHARED / "raw"
OFFSETS = [(14, 9), (14, 8), (15, 9), (15, 8), (0, 0), (1, 0), (0, 1), (32, 24), (31, 23), (7, 24)]


def stored(picture, **options):
    """Return a picture as it comes out of a JPEG."""
    return read_jpeg(jpeg(np.ascontiguousarray(picture), **options), "A.JPG")


def aligned(picture, *, seed=0, area=GRID):
    return align(mosaic(seed).astype(np.int16), GBRG, area, picture)


def turned(picture, degrees):
    return np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC))


def zoomed(picture, factor):
    """Return a picture of the same size, enlarged from its middle."""
    image = Image.fromarray(picture)
    matrix = (1 / factor, 0, image.width / 2 * (1 - 1 / factor), 0, 1 / factor, image.height / 2 * (1 - 1 / factor))
    return np.asarray(image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))


def shifted(picture, x, y):
    image = Image.fromarray(picture)
    return np.asarray(image.transform(image.size, Image.Transform.AFFINE, (1, 0, x, 0, 1, y), Image.Resampling.BICUBIC))


def resized(picture, factor):
    size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


# what is found


@pytest.mark.parametrize("quality", [85, 95])
@pytest.mark.parametrize("demosaic", ["bilinear", "gradient"])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_every_offset_is_found_to_the_photosite(offset, demosaic, quality):
    found = aligned(stored(developed(offset, demosaic=demosaic), quality=quality))
    assert found.crop == Rect(*offset, *CROP_SIZE)
    assert found.agreeing == found.found == 9
    assert found.correlation > 0.5
    assert found.correlation > found.runner_up + 0.1


@pytest.mark.parametrize("demosaic", ["bilinear", "gradient"])
@pytest.mark.parametrize("name", BAYER_NAMES)
def test_every_phase_of_the_filters(name, demosaic):
    y, x = next((y, x) for y in (0, 1) for x in (0, 1) if GBRG.shifted(x=x, y=y).name == name)
    raw = mosaic()[y:, x:].astype(np.int16)
    picture = stored(developed((14, 9), demosaic=demosaic))
    found = align(raw, Cfa(name), Rect(0, 0, SHAPE[1] - x, SHAPE[0] - y), picture)
    assert (found.crop.x, found.crop.y) == (14 - x, 9 - y)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2"])
@pytest.mark.parametrize("gains", [(1, 1), (2.5, 1.2), (0.6, 3)], ids=str)
def test_colour_casts_and_halved_colours_do_not_matter(gains, subsampling):
    picture = developed((15, 9), gains=gains)
    picture[..., 1] //= 3
    assert aligned(stored(picture, subsampling=subsampling)).crop == Rect(15, 9, *CROP_SIZE)


def test_colours_centred_elsewhere_do_not_matter():
    picture = Image.fromarray(developed((15, 9))).convert("YCbCr")
    parts = [picture.getchannel(0)]
    parts += [Image.fromarray(np.roll(np.asarray(picture.getchannel(i)), (1, 1), (0, 1))) for i in (1, 2)]
    assert aligned(stored(np.asarray(Image.merge("YCbCr", parts).convert("RGB")))).crop == Rect(15, 9, *CROP_SIZE)


def test_margins_without_values_are_left_out():
    area = Rect(20, 6, SHAPE[1] - 26, SHAPE[0] - 20)
    raw = np.zeros(SHAPE, np.int16)
    raw[area.slices] = mosaic()[area.slices]
    picture = stored(developed((15, 9)))
    assert align(raw, GBRG, area, picture) == aligned(picture, area=area)
    assert align(raw, GBRG, area, picture).crop == Rect(15, 9, *CROP_SIZE)


def test_a_part_of_the_picture_is_found_too():
    picture = stored(developed((15, 8)))[21:190, 33:]
    assert aligned(picture).crop == Rect(48, 29, CROP_SIZE[0] - 33, 169)


def test_defects_repaired_in_the_picture_do_not_matter():
    raw = mosaic().astype(np.int16)
    rng = np.random.default_rng(1)
    raw[rng.integers(0, SHAPE[0], 400), rng.integers(0, SHAPE[1], 400)] = 3880
    assert align(raw, GBRG, GRID, stored(developed((14, 9)))).crop == Rect(14, 9, *CROP_SIZE)


def test_a_sky_leaves_the_rest_to_be_found():
    picture = developed((14, 9)).copy()
    picture[: CROP_SIZE[1] // 3] = 200
    found = aligned(stored(picture))
    assert found.crop == Rect(14, 9, *CROP_SIZE)
    assert found.agreeing == found.found == 6


@pytest.mark.skipif(not DATA.is_dir(), reason="needs real raw files in ../shared/data")
@pytest.mark.parametrize("name", ["RAW_NIKON_D1.NEF", "canon-d30.crw"])
def test_real_photos_developed_by_libraw(name):
    import rawpy

    geometry = open_geometry(DATA / name, None)
    frame = read_frame(read_photo(DATA / name), geometry)
    with rawpy.imread(str(DATA / name)) as raw:
        picture = raw.postprocess(demosaic_algorithm=rawpy.DemosaicAlgorithm.PPG, user_flip=0, use_camera_wb=True)
    picture = stored(picture[7:-9, 6:-12], quality=85)
    found = align(frame.mosaic, geometry.cfa, geometry.active_area, picture)
    assert (found.crop.x, found.crop.y) == (geometry.active_area.x + 6, geometry.active_area.y + 7)
    assert found.agreeing == found.found == 16
    assert found.correlation > 0.9


# what is refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda picture: zoomed(picture, 1.01), "not a crop of the raw grid .offsets from x = 1[345], y = "),
        (lambda picture: zoomed(picture, 1.02), "not a crop of the raw grid .offsets from x = 1[1234], y = "),
        (lambda picture: resized(picture, 0.98), "not a crop of the raw grid .offsets from x = 1[456], y = "),
        (lambda picture: turned(picture, 0.7), "not a crop of the raw grid .offsets from x = "),
        (lambda picture: shifted(picture, 0.5, 0), "not a crop of the raw grid"),
        (lambda picture: turned(picture, 0.3), "too little detail to align to the photosite, or not a crop of the raw"),
        (lambda picture: shifted(picture, 0, -0.4), "lies between photosites, at x = 15.0, y = 8.6"),
        (lambda picture: resized(picture, 0.9), "only 0 of 9 tiles are found in the raw photo"),
        (lambda picture: turned(picture, 180), "only 0 of 9 tiles are found in the raw photo: the JPEG is of another"),
        (lambda picture: picture[:, ::-1], "only 0 of 9 tiles"),
        (lambda picture: developed((15, 9), seed=1), "only 0 of 9 tiles"),
        (np.zeros_like, "too little detail to align: 9 of 9 tiles are bare"),
        (lambda picture: np.full_like(picture, 131), "too little detail to align"),
        (lambda picture: picture[:100], "288 x 100 pixels, expected at least 128 x 128 to align"),
        (lambda picture: np.pad(picture, ((0, 0), (0, 40), (0, 0))), "328 x 232 pixels, larger than the raw"),
        (lambda picture: np.pad(picture, ((0, 30), (0, 0), (0, 0))), "288 x 262 pixels, larger than the raw"),
    ],
)
def test_what_is_no_crop_is_refused(change, words):
    picture = stored(change(developed((15, 9))))
    with pytest.raises(FrameMismatchError, match=words):
        aligned(picture)


def test_a_picture_that_reaches_beyond_the_raw_grid_is_refused():
    raw = mosaic()[13:, 17:].astype(np.int16)  # the picture begins 2 columns before it
    picture = stored(developed((15, 9)))[8:240]
    with pytest.raises(FrameMismatchError, match=r"not a crop of the raw grid .offsets from x = -2, y = 4 to x = -2"):
        align(raw, GBRG.shifted(x=17, y=13), Rect(0, 0, raw.shape[1], raw.shape[0]), picture)


@pytest.mark.parametrize("level", [0, 700, 3880])
def test_a_raw_frame_without_detail_is_refused(level):
    with pytest.raises(FrameMismatchError, match="only 0 of 9 tiles"):
        align(np.full(SHAPE, level, np.int16), GBRG, GRID, stored(developed((14, 9))))


def test_a_flat_field_is_found_by_its_noise_or_refused():
    rng = np.random.default_rng(3)
    raw = np.clip(rng.normal(400, 7, SHAPE), 0, 3880).astype(np.uint16)
    picture = develop(raw, Development("bilinear", (13, 10), (1.0, 1.0)))
    assert align(raw.astype(np.int16), GBRG, GRID, stored(picture, quality=95)).crop == Rect(13, 10, *CROP_SIZE)
    with pytest.raises(FrameMismatchError, match="too little detail to align"):
        align(raw.astype(np.int16), GBRG, GRID, stored(picture, quality=40))


# the arithmetic


def test_the_transform_gives_what_its_slow_equivalent_gives():
    rng = np.random.default_rng(2)
    tile = rng.normal(size=(9, 11)).astype(np.float32)
    known = rng.random((15, 16)) < 0.7
    known[:, :3] = False
    detail = np.where(known, rng.normal(size=known.shape), 0).astype(np.float32)
    expected = np.zeros((7, 6))
    for row, col in np.ndindex(expected.shape):
        part, seen = (array[row : row + 9, col : col + 11] for array in (detail, known))
        expected[row, col] = (tile * part).sum() / np.sqrt((tile[seen] ** 2).sum() * (part**2).sum())
    assert_allclose(_correlate(tile, detail, known), expected, atol=1e-5)  # float32


def test_nothing_known_correlates_with_nothing():
    assert not _correlate(np.ones((4, 4), np.float32), np.zeros((9, 9), np.float32), np.zeros((9, 9), np.bool_)).any()
