"""Profiles that no photo has confirmed: they help where they fit, and give way to photos that contradict them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fixtures.camera.develop import develop
from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta
from sensormap.camera.geometry import Rect
from sensormap.errors import ProfileError
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from sensormap.variance.measure import measure_variance
from tests.support.frames import make_mosaic
from tests.support.photos import NOON, SERIAL, write_photos, write_profile

CONTRADICTED = "is not verified, and the photos contradict it"


def unverified(folder, **changes):
    """Write a profile of the small camera that is not verified, some of its lines changed."""
    path = write_profile(folder)
    text = path.read_text() + "verified: false\n"
    for key, value in changes.items():
        text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
    path.write_text(text)
    return path


def write_jpegs(folder, count=4, *, size=(160, 104)):
    """Write JPEGs of other shots than `write_photos` writes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = develop(make_mosaic(900 + number, shape=(128, 192), level=800.0).astype(np.uint16))
        meta = NefMeta(serial=SERIAL, captured=NOON.replace(hour=20, minute=number), shutter=(1, 100), iso=100)
        (folder / f"JPG_{number:04}.JPG").write_bytes(jpeg_bytes(pixels[: size[1], : size[0]], meta))
    return folder


def mapped(photos, profile):
    return map_defects(photos, Options(profile=str(profile), follow=0))


def test_one_that_fits_counts(tmp_path, caplog):
    found = mapped(write_photos(tmp_path / "photos"), unverified(tmp_path))
    assert (found.profile, found.sensor.jpeg_crop) == ("small", Rect(14, 9, 164, 110))
    assert "verified" not in caplog.text


def test_its_levels_give_way_to_those_of_the_photos(tmp_path):
    """A table has the levels of one mode of several."""
    found = mapped(write_photos(tmp_path / "photos"), unverified(tmp_path, bits=8, saturation=200))
    assert found.profile == "small"
    assert found.skipped == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"raw_size": "[200, 128]"},
        {"raw_size": "[192, 130]", "active_area": "[0, 128, 4, 2]", "jpeg_crop": "null"},
        {"cfa": "RGGB"},
        {"cfa": "mono"},
    ],
    ids=str,
)
def test_one_that_the_photos_contradict_is_told_once_and_not_used(tmp_path, caplog, changes):
    photos = write_photos(tmp_path / "photos")
    found = mapped(photos, unverified(tmp_path, **changes))
    assert (found.profile, found.sensor.raw_size, found.sensor.cfa.name) == ("libraw", (192, 128), "GBRG")
    (told,) = [record.message for record in caplog.records if CONTRADICTED in record.message]
    assert told.startswith("profile small ")
    assert told.endswith("LibRaw's geometry is used")
    assert found == mapped(photos, unverified(tmp_path, **changes))


def test_a_verified_one_stays_an_error(tmp_path):
    profile = unverified(tmp_path, raw_size="[200, 128]", verified="true")
    with pytest.raises(ProfileError, match="192 x 128 photosites, but profile small has raw_size 200 x 128"):
        mapped(write_photos(tmp_path / "photos"), profile)


def test_one_that_comes_with_sensormap_and_is_contradicted(tmp_path, caplog):
    photos = write_photos(tmp_path / "photos", model="NIKON D4")
    assert map_defects(photos, Options(follow=0)).profile == "libraw"
    assert f"profile nikon-d4 {CONTRADICTED}" in caplog.text


def test_jpegs_of_its_size_are_placed_on_the_raw_grid(tmp_path, caplog):
    profile = unverified(tmp_path, jpeg_crop="[14, 9, 160, 104]")
    found = mapped([write_jpegs(tmp_path / "jpegs")], profile)
    assert (found.profile, found.sensor.raw_size) == ("small", (192, 128))
    assert "`sensormap cameras align`" in caplog.text


def test_jpegs_of_another_size_are_a_grid_of_their_own(tmp_path, caplog):
    profile = unverified(tmp_path, jpeg_crop="[14, 9, 158, 104]")
    found = mapped([write_jpegs(tmp_path / "jpegs")], profile)
    assert (found.profile, found.sensor.raw_size) == ("picture", (160, 104))
    told = "profile small is not verified: by it the camera's full-size JPEGs have 158 x 104, those here 160 x 104 "
    assert told in caplog.text
    assert measure_variance([tmp_path / "jpegs"], Options(profile=str(profile))).sensor is None


def test_smaller_jpegs_are_told_from_full_ones(tmp_path):
    photos = [write_jpegs(tmp_path / "full"), write_jpegs(tmp_path / "small", size=(80, 52))]
    for path in photos[1].iterdir():
        path.rename(path.with_name(f"S{path.name}"))
    found = mapped(photos, unverified(tmp_path, jpeg_crop="[14, 9, 160, 104]"))
    reasons = {one.reason for one in found.skipped}
    assert reasons == {
        "picture of 80 x 52 pixels, expected the full size 160 x 104: a smaller size, 50 % of the width"
    }


@pytest.mark.parametrize("changes", [{"raw_size": "[200, 128]"}, {"jpeg_crop": "[14, 9, 158, 104]"}], ids=str)
def test_jpegs_beside_raw_photos_that_contradict_it_have_no_place(tmp_path, changes):
    photos = [*write_photos(tmp_path / "photos"), write_jpegs(tmp_path / "jpegs")]
    found = mapped(photos, unverified(tmp_path, **({"jpeg_crop": "[14, 9, 160, 104]"} | changes)))
    reason = "a JPEG beside raw photos, but no profile says where it lies on the raw grid"
    assert {one.reason for one in found.skipped} == {reason}
    assert len(found.skipped) == 4
