"""Profiles checked on pairs of raw photos and JPEGs: confirmed, corrected, or left where the photos settle nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fixtures.files.nef import nef_bytes
from sensormap.alignment.check import MOST_PAIRS, check_lines, check_profiles, write_profiles
from sensormap.camera import profile_files
from sensormap.camera.geometry import Rect
from sensormap.camera.profile_files import load_profile
from sensormap.errors import DecodeError, OutputError
from tests.alignment.test_crop import SHOT, SIZE
from tests.support.photos import run, write_profile
from tests.support.raw_and_jpeg import CROP_SIZE, developed, jpeg, mosaic


@pytest.fixture
def cameras(tmp_path, monkeypatch):
    """Know no camera but what a test writes into this folder."""
    folder = tmp_path / "cameras"
    folder.mkdir()
    monkeypatch.setattr(profile_files, "_folder", lambda: folder)
    return folder


def know(folder, **changes):
    """Write a profile of the small camera, some of its lines changed."""
    path = write_profile(folder, SIZE)
    lines = dict(line.split(": ", 1) for line in path.read_text().splitlines())
    lines |= {"jpeg_crop": "[14, 9, 288, 232]", "verified": "false"}
    path.write_text("".join(f"{key}: {value}\n" for key, value in (lines | changes).items()))


def write_pairs(folder, offsets, **meta):
    folder.mkdir(parents=True, exist_ok=True)
    for number, offset in enumerate(offsets):
        shot = replace(SHOT, captured=SHOT.captured + timedelta(minutes=number), shutter_count=number + 1, **meta)
        (folder / f"{number}.NEF").write_bytes(nef_bytes(mosaic(number), shot))
        picture = developed(offset, seed=number) if offset else np.full((232, 288, 3), 90, np.uint8)
        (folder / f"{number}.JPG").write_bytes(jpeg(picture, meta=shot))
    return folder


def test_a_profile_that_the_photos_confirm_becomes_a_verified_one(tmp_path, cameras):
    know(cameras)
    (check,) = check_profiles([write_pairs(tmp_path / "photos", [(14, 9), (14, 9)])])
    assert (check.agreeing, check.pairs, check.contradictions, check.problems) == (2, 2, (), ())
    assert check.profile.verified is False
    (path,) = write_profiles([check], tmp_path / "out" / "more")
    assert path.name == "small.yaml"
    known = load_profile(path)
    assert known == check.measured
    assert (known.verified, known.jpeg_crop, known.raw_size) == (True, Rect(14, 9, *CROP_SIZE), SIZE)
    assert list(check_lines(check)) == ["NIKON D80: profile small: the photos agree with it (2 of 2 pairs)"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"jpeg_crop": "[14, 8, 288, 232]"}, "jpeg_crop: [14, 8, 288, 232], but the photos show [14, 9, 288, 232]"),
        ({"jpeg_crop": "null"}, "jpeg_crop: null, but the photos show [14, 9, 288, 232]"),
        ({"cfa": "RGGB"}, "cfa: RGGB, but the photos show GBRG"),
        ({"raw_size": "[330, 256]"}, "raw_size: [330, 256], but the photos show [320, 256]"),
        ({"raw_size": "[330, 256]", "verified": "true"}, "raw_size: [330, 256], but the photos show [320, 256]"),
    ],
    ids=str,
)
def test_what_the_photos_contradict_is_told_and_corrected(tmp_path, cameras, changes, told):
    know(cameras, **changes)
    photos = write_pairs(tmp_path / "photos", [(14, 9)])
    (check,) = check_profiles([photos])
    assert check.contradictions == (told,)
    known = check.measured
    assert (known.raw_size, known.cfa.name, known.jpeg_crop) == (SIZE, "GBRG", Rect(14, 9, *CROP_SIZE))
    result = run("cameras", "check", photos)
    assert (result.exit_code, result.stdout.count(told)) == (1, 1)
    assert result.stderr.count("\n") == 1
    written = run("cameras", "check", photos, "-o", tmp_path / "out")
    assert written.exit_code == 0
    corrected = str(tmp_path / "out" / "small.yaml")
    assert run("cameras", "align", photos / "0.NEF", photos / "0.JPG", "--profile", corrected).exit_code == 0


def test_a_camera_without_a_profile_gets_one(tmp_path, cameras):
    (check,) = check_profiles([write_pairs(tmp_path / "photos", [(15, 8)], model="NIKON D9999")])
    assert check.profile is None
    (path,) = write_profiles([check], tmp_path / "out")
    assert path.name == "nikon-d9999.yaml"
    assert load_profile(path).jpeg_crop == Rect(15, 8, *CROP_SIZE)


def test_a_pair_that_shows_too_little_is_told_and_the_others_count(tmp_path, cameras):
    know(cameras)
    (check,) = check_profiles([write_pairs(tmp_path / "photos", [None, (14, 9)])])
    assert (check.agreeing, check.pairs, len(check.problems)) == (1, 2, 1)
    assert "0.JPG: too little detail" in check.problems[0]


def test_pairs_that_disagree_settle_nothing(tmp_path, cameras):
    know(cameras)
    (check,) = check_profiles([write_pairs(tmp_path / "photos", [(14, 9), (13, 9)])])
    assert check.measured is None
    assert list(check_lines(check)) == ["NIKON D80: profile small: not settled by 2 pairs"]
    assert write_profiles([check], tmp_path / "out") == ()


def test_of_many_pairs_some_are_measured(tmp_path, cameras):
    know(cameras)
    (check,) = check_profiles([write_pairs(tmp_path / "photos", [(14, 9)] * (MOST_PAIRS + 2))])
    assert check.pairs == MOST_PAIRS


def test_without_a_pair_there_is_nothing_to_check(tmp_path, cameras):
    photos = write_pairs(tmp_path / "photos", [(14, 9)])
    (photos / "0.JPG").unlink()
    with pytest.raises(DecodeError, match="no pair found"):
        check_profiles([photos])


def test_nothing_is_replaced_unasked(tmp_path, cameras):
    know(cameras)
    checks = check_profiles([write_pairs(tmp_path / "photos", [(14, 9)])])
    write_profiles(checks, tmp_path / "out")
    with pytest.raises(OutputError, match=r"small\.yaml"):
        write_profiles(checks, tmp_path / "out")
    write_profiles(checks, tmp_path / "out", overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: cannot be made"):
        write_profiles(checks, tmp_path / "file")
