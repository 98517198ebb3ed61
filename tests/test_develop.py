"""The camera's development of a raw mosaic, and the JPEG that it stores."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, JpegImagePlugin

from fixtures.develop import DEMOSAICS, Look, develop
from fixtures.jpeg import jpeg_bytes, write_jpeg
from fixtures.nef import NefMeta, write_nef
from fixtures.scenes import CFA
from fixtures.sensor import SATURATION
from fixtures.series import Recipe, make_series
from sensormap.photos.exif import read_photo

SHAPE = (64, 96)
META = NefMeta(
    serial="4001234",
    captured=datetime(2009, 5, 3, 17, 20, 31, 450_000),
    shutter=(10, 600),
    iso=400,
    orientation=6,
    shutter_count=4711,
    long_exposure_nr=False,
)
LOOKS = pytest.mark.parametrize("name", sorted(DEMOSAICS))


@LOOKS
@pytest.mark.parametrize("level", [0, 400, 2000, SATURATION])
def test_a_flat_mosaic_is_a_flat_grey(name: str, level: int) -> None:
    picture = develop(np.full(SHAPE, level, np.uint16), Look(name))
    assert picture.shape == (SHAPE[0] - 24, SHAPE[1] - 32, 3)
    assert np.ptp(picture) == 0
    assert (picture[0, 0, 0] == 255) == (level == SATURATION)


@LOOKS
@pytest.mark.parametrize("offset", [(14, 9), (14, 8), (15, 9), (3, 20)])
@pytest.mark.parametrize("place", [(30, 40), (30, 41), (31, 40), (31, 41)])
def test_a_bright_photosite_is_brightest_at_its_pixel_in_its_colour(
    name: str, offset: tuple[int, int], place: tuple[int, int]
) -> None:
    mosaic = np.full(SHAPE, 500, np.uint16)
    mosaic[place] = 2500
    look, plain = Look(name, offset), np.full(SHAPE, 500, np.uint16)
    excess = develop(mosaic, look).astype(int) - develop(plain, look)
    row, col, channel = np.unravel_index(excess.argmax(), excess.shape)
    assert (row + offset[1], col + offset[0]) == place
    assert "RGB"[channel] == CFA[place[0] % 2][place[1] % 2]
    far = np.ones(excess.shape[:2], np.bool_)
    far[max(row - 4, 0) : row + 5, max(col - 4, 0) : col + 5] = False
    assert not excess[far].any()


def test_saturation_is_white_whatever_the_white_balance() -> None:
    picture = develop(np.full(SHAPE, SATURATION, np.uint16), Look(white_balance=(0.85, 1.25)))
    assert (picture == 255).all()


@pytest.mark.parametrize("look", [Look("no such"), Look(crop_offset=(33, 0)), Look(crop_offset=(0, -1))])
def test_an_impossible_look_is_refused(look: Look) -> None:
    with pytest.raises(ValueError, match="expected"):
        develop(np.zeros(SHAPE, np.uint16), look)


@pytest.mark.parametrize(("subsampling", "number"), [("4:2:0", 2), ("4:2:2", 1)])
def test_a_jpeg_is_stored_as_asked(subsampling: str, number: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    data = jpeg_bytes(picture, META, quality=93, subsampling=subsampling)
    with Image.open(BytesIO(data)) as image:
        assert (image.size, JpegImagePlugin.get_sampling(image)) == ((64, 40), number)
        assert image.getexif()[274] == 6
    assert data == jpeg_bytes(picture, META, quality=93, subsampling=subsampling)
    assert len(jpeg_bytes(picture, META, quality=85)) < len(jpeg_bytes(picture, META, quality=95))


@pytest.mark.parametrize("settings", [{"quality": 0}, {"quality": 101}, {"subsampling": "4:1:1"}])
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        jpeg_bytes(np.zeros((16, 16, 3), np.uint8), META, **settings)  # type: ignore[arg-type]


def test_jpeg_and_nef_of_a_shot_tell_the_same(tmp_path: Path) -> None:
    mosaic = np.full(SHAPE, 700, np.uint16)
    write_nef(tmp_path / "DSC_0001.NEF", mosaic, META)
    write_jpeg(tmp_path / "DSC_0001.JPG", develop(mosaic), META)
    nef, jpeg = (read_photo(tmp_path / f"DSC_0001.{ending}") for ending in ("NEF", "JPG"))
    assert (nef.body, nef.exposure) == (jpeg.body, jpeg.exposure)
    assert (nef.picture, jpeg.picture) == (None, (SHAPE[1] - 32, SHAPE[0] - 24))


def test_a_series_with_jpegs_has_the_raw_photos_of_one_without(tmp_path: Path) -> None:
    for name, jpeg in (("plain", False), ("both", True), ("again", True)):
        make_series(Recipe(frames=3, shape=(96, 128), seed=3, jpeg=jpeg), tmp_path / name)
    for number in range(1, 4):
        raw = [(tmp_path / name / f"photos/DSC_000{number}.NEF").read_bytes() for name in ("plain", "both")]
        assert raw[0] == raw[1]
        pictures = [(tmp_path / name / f"jpegs/DSC_000{number}.JPG").read_bytes() for name in ("both", "again")]
        assert pictures[0] == pictures[1]
    assert not (tmp_path / "plain/jpegs").exists()


def test_an_odd_edge_of_the_mosaic_is_continued() -> None:
    mosaic = np.full(SHAPE, 900, np.uint16)
    assert_array_equal(develop(mosaic, Look(crop_offset=(0, 0))), develop(mosaic, Look(crop_offset=(32, 24))))
