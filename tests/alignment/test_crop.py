"""A raw file and its JPEG: of one shot or not, the crop between them, and the profile that says so."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.alignment.correlate import Alignment
from sensormap.alignment.crop import JpegAlignment, align_jpeg, crop_lines, difference, require_agreement
from sensormap.camera.geometry import Rect
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from tests.support.photos import run, write_profile
from tests.support.raw_and_jpeg import CROP_SIZE, SHAPE, developed, jpeg, mosaic

SHOT = NefMeta(serial="4001234", captured=datetime(2010, 5, 2, 12, 0, 0, 420_000), shutter_count=4711)
SIZE = SHAPE[1], SHAPE[0]


def write_pair(folder, picture=None, *, offset=(14, 9), meta=SHOT, jpeg_meta=None, **options):
    """Write A.NEF and A.JPG, and return their paths."""
    raw, stored = folder / "A.NEF", folder / "A.JPG"
    raw.write_bytes(nef_bytes(mosaic(), meta))
    stored.write_bytes(jpeg(developed(offset) if picture is None else picture, meta=jpeg_meta or meta, **options))
    return raw, stored


def profile_of(folder, crop="[14, 9, 288, 232]"):
    """Write a profile of the small camera, its crop as given."""
    path = write_profile(folder, SIZE)
    lines = [f"jpeg_crop: {crop}" if line.startswith("jpeg_crop") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    return str(path)


@pytest.mark.parametrize("offset", [(14, 9), (14, 8), (13, 9), (0, 0)], ids=str)
def test_the_crop_of_a_pair(tmp_path, offset):
    check = align_jpeg(*write_pair(tmp_path, offset=offset), profile=profile_of(tmp_path))
    assert check.measured.crop == Rect(*offset, *CROP_SIZE)
    assert check.camera == "NIKON D80"
    assert check.profile.name == "small"


def test_a_camera_without_a_profile_has_libraw_s_geometry(tmp_path):
    check = align_jpeg(*write_pair(tmp_path, offset=(15, 8), meta=replace(SHOT, model="NIKON D9999")))
    assert check.measured.crop == Rect(15, 8, *CROP_SIZE)
    assert check.profile is None
    require_agreement(check)
    assert crop_lines(check)[1] == "No profile of NIKON D9999  the line for one: jpeg_crop: [15, 8, 288, 232]"


def test_a_profile_of_unknown_crop_is_agreed_with(tmp_path):
    check = align_jpeg(*write_pair(tmp_path), profile=profile_of(tmp_path, "null"))
    require_agreement(check)
    assert crop_lines(check)[1] == "Profile small       unknown; the line for small.yaml: jpeg_crop: [14, 9, 288, 232]"


def test_another_crop_is_an_error_that_names_the_line(tmp_path):
    check = align_jpeg(*write_pair(tmp_path, offset=(14, 8)), profile=profile_of(tmp_path))
    words = r"small.yaml: jpeg_crop: \[14, 9, 288, 232\] is not what .* expected jpeg_crop: \[14, 8, 288, 232\]$"
    with pytest.raises(ProfileError, match=words):
        require_agreement(check)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (Rect(14, 9, 20, 30), ""),
        (Rect(14, 10, 20, 30), "the JPEG is 1 photosite lower"),
        (Rect(12, 9, 20, 30), "the JPEG is 2 photosites to the left"),
        (Rect(15, 8, 20, 30), "the JPEG is 1 photosite to the right, 1 photosite higher"),
        (Rect(14, 9, 21, 28), "the JPEG is 1 photosite wider, 2 photosites shorter"),
    ],
)
def test_differences_in_words(measured, words):
    assert difference(Rect(14, 9, 20, 30), measured) == words


# one shot


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "NIKON D200"}, "camera NIKON D80 and NIKON D200"),
        ({"serial": "4009999"}, "serial number 4001234 and 4009999"),
        ({"shutter_count": 4712}, "shutter count 4711 and 4712"),
        ({"captured": SHOT.captured + timedelta(seconds=1)}, "capture time 2010-05-02 12:00:00.42.* and .*:01.42"),
        ({"captured": SHOT.captured + timedelta(milliseconds=340)}, "capture time .*:00.42.* and .*:00.76"),
    ],
    ids=lambda change: "".join(change) if isinstance(change, dict) else None,
)
def test_files_of_two_shots_are_told(tmp_path, change, words):
    pair = write_pair(tmp_path, jpeg_meta=replace(SHOT, **change))
    with pytest.raises(FrameMismatchError, match=f"A.NEF and A.JPG are not of one shot: {words}"):
        align_jpeg(*pair, profile=profile_of(tmp_path))


@pytest.mark.parametrize(
    "meta",
    [NefMeta(make=None, model=None), replace(SHOT, captured=SHOT.captured.replace(microsecond=0), serial=None)],
    ids=["nothing told", "less told"],
)
def test_what_the_jpeg_does_not_tell_does_not_contradict(tmp_path, meta):
    check = align_jpeg(*write_pair(tmp_path, jpeg_meta=meta), profile=profile_of(tmp_path))
    assert check.measured.crop == Rect(14, 9, *CROP_SIZE)


def test_a_jpeg_of_another_scene_is_told_by_what_it_shows(tmp_path):
    pair = write_pair(tmp_path, developed((14, 9), seed=1))
    with pytest.raises(FrameMismatchError, match=r"A.JPG: only 0 of 9 tiles are found .* another shot"):
        align_jpeg(*pair, profile=profile_of(tmp_path))


# what cannot be used


def scaled(factor):
    picture = Image.fromarray(developed((14, 9)))
    return np.asarray(picture.resize((round(288 * factor), round(232 * factor))))


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (scaled(0.75), "A.JPG: 216 x 174 pixels, one of the smaller sizes, or resized: only the full-size JPEG can be"),
        (scaled(1.5), "A.JPG: 432 x 348 pixels, larger than the raw grid of 320 x 256 photosites; expected the camera"),
        (np.rot90(developed((14, 9))), "A.JPG: 232 x 288 pixels, rotated after it was taken; expected .* 316 x 251 "),
        (scaled(0.98), "A.JPG: the JPEG is not a crop of the raw grid"),
        (np.full((232, 288, 3), 90, np.uint8), "A.JPG: too little detail to align"),
    ],
    ids=["smaller", "larger", "portrait", "resized", "flat"],
)
def test_pictures_that_are_no_crop(tmp_path, picture, words):
    pair = write_pair(tmp_path, np.ascontiguousarray(picture))
    with pytest.raises(FrameMismatchError, match=words):
        align_jpeg(*pair, profile=profile_of(tmp_path))


def test_files_that_cannot_be_read(tmp_path):
    raw, stored = write_pair(tmp_path)
    profile = profile_of(tmp_path)
    broken, text, cut = tmp_path / "B.NEF", tmp_path / "B.JPG", tmp_path / "C.JPG"
    broken.write_bytes(raw.read_bytes()[:-9000])
    text.write_text("no picture")
    cut.write_bytes(stored.read_bytes()[:-9000])
    for pair, words in {
        (broken, stored): "B.NEF: truncated or damaged",
        (raw, text): "B.JPG: .* JPEG",
        (raw, cut): "C.JPG: ",
        (raw, raw): "A.NEF: .* JPEG",
        (stored, stored): "A.JPG: a JPEG, expected a raw photo first and its JPEG second",
        (raw, tmp_path / "D.JPG"): f"D.JPG: cannot be read: {os.strerror(errno.ENOENT)}",
        (tmp_path / "D.NEF", stored): f"D.NEF: cannot be read: {os.strerror(errno.ENOENT)}",
    }.items():
        with pytest.raises(DecodeError, match=words):
            align_jpeg(*pair, profile=profile)
    with pytest.raises(ProfileError, match="raw grid of 320 x 256 photosites, but profile nikon-d80 has raw_size"):
        align_jpeg(raw, stored)


# the command


def test_the_command_says_what_it_measured_and_whether_the_profile_agrees(tmp_path):
    result = run("cameras", "align", *write_pair(tmp_path), "--profile", profile_of(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first.startswith("JPEG crop measured  288 x 232 at x = 14, y = 9 (correlation 0.")
    assert first.endswith("; 9 of 9 tiles agree)")
    assert second == "Profile small       288 x 232 at x = 14, y = 9: agrees"


def test_the_command_fails_where_the_profile_differs(tmp_path):
    result = run("cameras", "align", *write_pair(tmp_path, offset=(14, 8)), "--profile", profile_of(tmp_path))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1] == (
        "Profile small       288 x 232 at x = 14, y = 9: the JPEG is 1 photosite higher"
    )
    assert result.stderr == (
        "Error: small.yaml: jpeg_crop: [14, 9, 288, 232] is not what the JPEG shows, "
        "expected jpeg_crop: [14, 8, 288, 232]\n"
    )


def test_the_command_fails_in_one_line(tmp_path):
    raw, stored = write_pair(tmp_path)
    raw.write_bytes(raw.read_bytes()[:-9000])
    result = run("cameras", "align", raw, stored, "--profile", profile_of(tmp_path))
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert run("cameras", "align", raw).exit_code == 2


def test_lines_stay_aligned_whatever_the_names():
    alignment = Alignment(Rect(1, 2, 30, 40), 0.9, 0.5, 16, 16)
    lines = crop_lines(JpegAlignment(alignment, "a camera of a very long name", None))
    assert lines[0].index("30 x 40") == lines[1].index("the line")
