"""Both passes over photos: what is found, that nothing but the photos decides it, and that bad input is survived."""

from __future__ import annotations

import errno
import io
import os
import random
import re
import shutil
import signal
import threading
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import rawpy

import sensormap.photos.select
import sensormap.survey.passes
import sensormap.survey.run
import sensormap.survey.saved_windows
from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.series import Recipe, make_series
from fixtures.truth.truth import compare
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.frame import Exposure, Skipped
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos.exif import read_photo
from sensormap.settings import DECODERS, Options
from sensormap.survey.run import map_defects
from sensormap.survey.saved_windows import split_frames
from tests.support.folders import SHARED
from tests.support.photos import NOON, SERIAL, SIZE, nef, run, run_script, survey_of, write_photos, write_profile

SERIES_SIZE = (768, 512)
SMALL = (384, 512)
LAST = NOON.replace(hour=13)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Sixteen photos with planted defects: their folder, the truth, and a profile."""
    folder = tmp_path_factory.mktemp("series")
    truth = make_series(Recipe(16, SERIES_SIZE[::-1], seed=1), folder)
    return folder / "photos", truth, write_profile(folder, SERIES_SIZE)


@pytest.fixture(scope="module")
def series_map(series):
    photos, _, profile = series
    return survey_of(photos, profile=profile, jobs=2)


@pytest.fixture(scope="module")
def first_pass_map(series):
    photos, _, profile = series
    return survey_of(photos, profile=profile, jobs=2, follow=0)


@pytest.fixture
def place(tmp_path):
    """Return a folder of three good photos, and a profile."""
    write_photos(tmp_path / "photos")
    return tmp_path / "photos", write_profile(tmp_path)


# what is found


def compared(truth, sensor_map):
    found = {(defect.x, defect.y): str(defect.kind) for defect in sensor_map.defects}
    return compare(truth, found, [(column.x, column.y0, column.y1) for column in sensor_map.columns])


@pytest.mark.parametrize("which", ["series_map", "first_pass_map"])
def test_planted_defects_are_found_and_nothing_else(series, which, request):
    result = compared(series[1], request.getfixturevalue(which))
    assert result.strong.found >= 0.8 * result.strong.planted
    assert result.strong.planted >= 10
    assert result.columns.found == 1
    assert result.false_entries == ()


def truth_of(truth, defect):
    """Return what was planted at a defect's place."""
    (planted,) = [one for one in truth.defects if (one.x, one.y) == (defect.x, defect.y)]
    return planted


def test_the_second_pass_tells_strengths_births_and_in_how_many_frames_it_was_seen(series, series_map):
    truth = series[1]
    times = [datetime.fromisoformat(fact.time) for fact in truth.frames]
    assert all(defect.onset is not None for defect in series_map.defects)
    held = 0
    for defect in series_map.defects:
        born = truth_of(truth, defect).born
        after, by = defect.onset.after, defect.onset.by
        held += born == 0 if by is None else (after or NOON.min) < times[born] <= by
    assert held >= 0.85 * len(series_map.defects)  # 95 % intervals of some twenty
    hot = [defect for defect in series_map.defects if defect.kind == "hot"]
    assert len(hot) >= 4
    for defect in hot:
        low, high = defect.dark_dn_per_s[1:]
        assert 0.9 * low <= truth_of(truth, defect).D <= 1.1 * high
    assert all(0 < defect.seen[0] <= defect.seen[1] <= 16 for defect in series_map.defects)
    weak = [defect for defect in series_map.defects if defect.kind == "weak"]
    assert all(defect.response[0] < 0.95 for defect in weak)
    assert 0 <= series_map.false_positives < 2
    assert series_map.frames.followed == 16


def test_without_the_second_pass_nothing_of_it_is_told(series, first_pass_map):
    frames = first_pass_map.frames
    assert (frames.followed, first_pass_map.false_positives) == (0, None)
    for defect in first_pass_map.defects:
        assert (defect.onset, defect.until, defect.seen, defect.cluster) == (None, None, None, None)
        assert (defect.dark_dn_per_s, defect.offset_dn, defect.response) == (None, None, None)


@pytest.mark.parametrize(("follow", "followed"), [(2, 2), (8, 8), (16, 16), (1024, 16)])
def test_the_second_pass_follows_as_many_frames_as_asked_for(series, follow, followed):
    heard = []
    options = Options(profile=str(series[2]), follow=follow)
    found = map_defects([series[0]], options, progress=lambda *counts: heard.append(counts))
    assert (found.frames.used, found.frames.followed) == (16, followed)
    again = heard[-1][1]
    assert heard == [(done, 16) for done in range(17)] + [(done, again) for done in range(again + 1)]
    leading = sum(len(batch.leading) for batch in split_frames(16, saving=True))
    assert again == leading if followed == 16 else again <= followed
    if follow == 8:
        result = compared(series[1], found)
        assert result.false_entries == ()
        assert result.strong.found >= 0.7 * result.strong.planted
        assert max(defect.seen[1] for defect in found.defects) == 8


def test_the_map_says_what_it_was_made_from(series, series_map):
    frames = series_map.frames
    assert (frames.used, frames.skipped, series_map.skipped) == (16, 0, ())
    assert series_map.body.serial == SERIAL
    assert series_map.profile == "small"
    times = [fact.time for fact in series[1].frames]
    assert [frames.first.isoformat(), frames.last.isoformat()] == [min(times), max(times)]
    assert frames.iso == (min(fact.iso for fact in series[1].frames), max(fact.iso for fact in series[1].frames))


# the same photos, the same bytes


@pytest.mark.parametrize("jobs", [1, 2, 3, 5])
def test_threads_do_not_change_the_map(series, series_map, jobs):
    assert map_text(survey_of(series[0], profile=series[2], jobs=jobs)) == map_text(series_map)


@pytest.mark.parametrize("jobs", [1, 3])
def test_threads_do_not_change_the_first_pass(series, first_pass_map, jobs):
    assert map_text(survey_of(series[0], profile=series[2], jobs=jobs, follow=0)) == map_text(first_pass_map)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(lambda folder: sorted(folder.iterdir(), reverse=True), id="files backwards"),
        pytest.param(lambda folder: random.Random(1).sample(sorted(folder.iterdir()), 16), id="files shuffled"),
        pytest.param(lambda folder: [f"{folder}/*.NEF"], id="pattern"),
        pytest.param(lambda folder: [f"{folder}/*1?.NEF", folder], id="pattern and folder"),
    ],
)
def test_the_way_photos_are_named_does_not_change_the_map(series, series_map, arguments):
    assert map_text(survey_of(*arguments(series[0]), profile=series[2])) == map_text(series_map)


@pytest.fixture(scope="module")
def long_series(tmp_path_factory):
    """Photos enough for some that the second pass need not read again, and their map by one thread."""
    folder = tmp_path_factory.mktemp("long")
    truth = make_series(Recipe(30, SMALL, seed=2), folder)
    profile = folder / "profile.yaml"
    return folder / "photos", profile, truth, survey_of(folder / "photos", profile=profile, jobs=1)


@pytest.mark.parametrize("jobs", [2, 5, 40])
def test_threads_do_not_change_the_map_of_a_long_series(long_series, jobs):
    photos, profile, truth, expected = long_series
    assert expected.frames.followed == 30 > sum(len(batch.leading) for batch in split_frames(30, saving=True))
    assert expected.defects
    assert compared(truth, expected).false_entries == ()
    assert map_text(survey_of(photos, profile=profile, jobs=jobs)) == map_text(expected)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_the_order_of_the_arguments_does_not_change_the_map_of_a_long_series(long_series, jobs):
    photos, profile, _, expected = long_series
    paths = random.Random(jobs).sample(sorted(photos.iterdir()), 30)
    assert map_text(survey_of(*paths, profile=profile, jobs=jobs)) == map_text(expected)


def test_threads_do_not_change_the_map_of_several_batches(long_series, monkeypatch):
    monkeypatch.setattr(sensormap.survey.saved_windows, "_BATCH", 8)
    monkeypatch.setattr(sensormap.survey.saved_windows, "_LAST_LEADING", 3)
    photos, profile, _, _ = long_series
    found = [survey_of(photos, profile=profile, jobs=jobs) for jobs in (1, 2, 5, 40)]
    assert len(split_frames(30, saving=True)) == 4
    assert len({map_text(one) for one in found}) == 1
    assert found[0].frames.followed == 30


def test_the_decoder_does_not_change_the_map(long_series):
    photos, profile, _, expected = long_series
    assert map_text(survey_of(photos, profile=profile, jobs=2, decoder="rawpy")) == map_text(expected)


def test_the_folder_does_not_change_the_map(series, series_map, tmp_path):
    for number, path in enumerate(sorted(series[0].iterdir())):
        folder = tmp_path / f"elsewhere {number % 3}"
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder)
    assert map_text(survey_of(tmp_path, profile=series[2])) == map_text(series_map)


def test_a_photo_less_is_another_set(series, series_map):
    fewer = survey_of(*sorted(series[0].iterdir())[1:], profile=series[2])
    assert fewer.frames.used == 15
    assert fewer.frames.digest != series_map.frames.digest


# bad input


def jpeg():
    return iio.imwrite("<bytes>", np.full((64, 96, 3), 90, np.uint8), extension=".jpg")


def png():
    return iio.imwrite("<bytes>", np.full((64, 96), 9000, np.uint16), extension=".png")


def archive():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("DSC_0001.NEF", nef(1))
    return data.getvalue()


def flat(level):
    return nef_bytes(np.full(SIZE[::-1], level, np.uint16), NefMeta(serial=SERIAL, captured=LAST))


@cache
def damaged():
    """Return a photo with a flipped bit that decodes without an error and has more than 1 % of its photosites wrong."""
    good = nef(7)
    rng = np.random.default_rng(1)
    with rawpy.imread(io.BytesIO(good)) as raw:
        expected = raw.raw_image_visible.copy()
    for _ in range(2000):
        data = bytearray(good)
        data[int(rng.integers(len(good) // 2, len(good)))] ^= 1 << int(rng.integers(8))
        try:
            with native_stderr_silenced(), rawpy.imread(io.BytesIO(bytes(data))) as raw:
                wrong = float(np.mean(raw.raw_image_visible != expected))
        except rawpy.LibRawError:
            continue
        if wrong > 0.1:
            return bytes(data)
    pytest.fail("no flipped bit decodes without an error")


NO_CAMERA = "no EXIF that names the camera"
DAMAGED = "truncated or damaged"
CONTENTS = {
    "nothing": (b"", r"is empty \(0 bytes\)"),
    "8 bytes": (nef(7)[:8], NO_CAMERA),
    "header": (nef(7)[:2000], r"taken by|" + DAMAGED),
    "half": (nef(7)[: len(nef(7)) // 2], DAMAGED),
    "nine tenths": (nef(7)[: len(nef(7)) * 9 // 10], DAMAGED),
    "JPEG": (jpeg(), NO_CAMERA),
    "PNG": (png(), NO_CAMERA),
    "text": (b"not a photo\n" * 999, NO_CAMERA),
    "ZIP": (archive(), NO_CAMERA),
    "PDF": (b"%PDF-1.4\n" + bytes(999), NO_CAMERA),
    "noise": (np.random.default_rng(3).bytes(50_000), NO_CAMERA),
    "zeros": (bytes(50_000), NO_CAMERA),
    "no EXIF": (nef(7, make=None, model=None), NO_CAMERA),
    "other model": (nef(7, model="NIKON D50"), r"taken by NIKON D50, serial \d+, expected NIKON D80, serial \d+"),
    "no serial": (nef(7, serial=None), "its EXIF has no serial number, so it may be of another body than NIKON D80"),
    "other size": (nef(7, size=(192, 130)), r"raw grid of 192 x 130 photosites, but profile small has raw_size 192 x"),
    "black": (flat(0), "every photosite is 0"),
    "white": (flat(3880), r"100\.0% of the photosites are black or saturated"),
    "copy": (nef(1), r"same content as DSC_0001\.NEF"),
    "silent damage": (damaged(), r"damaged: [\d.]+% of the rows"),
}


def make_fifo(path):
    os.mkfifo(path)


def make_folder(path):
    path.mkdir()
    (path / "inside.nef").write_bytes(nef(8))


PLACES = {
    "folder": (make_folder, "is a folder, expected a photo"),
    "pipe": (make_fifo, "is a pipe or device, expected a photo"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a pipe or device, expected a photo"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), f"cannot be read: {os.strerror(errno.ENOENT)}"),
    "link loop": (lambda path: path.symlink_to(path.name), f"cannot be read: {os.strerror(errno.ELOOP)}"),
    "link to a copy": (lambda path: path.symlink_to("DSC_0001.NEF"), r"same content as DSC_0001\.NEF"),
}
BAD = {name: (lambda path, data=data: path.write_bytes(data), reason) for name, (data, reason) in CONTENTS.items()}


@pytest.mark.parametrize(("make", "reason"), (BAD | PLACES).values(), ids=(BAD | PLACES).keys())
def test_a_bad_photo_is_told_listed_and_survived(place, tmp_path, make, reason):
    photos, profile = place
    good = survey_of(photos, profile=profile)
    make(photos / "bad.nef")
    result = run("map", photos, "--profile", profile, "-o", tmp_path / "map.yaml")
    assert result.exit_code == 0
    (entry,) = read_map(tmp_path / "map.yaml").skipped
    assert entry.name == "bad.nef"
    assert re.match(reason, entry.reason), entry.reason
    lines = [line for line in result.stderr.splitlines() if "only 3 frames" not in line]
    assert lines == [f"skipped bad.nef: {entry.reason}"]
    found = read_map(tmp_path / "map.yaml")
    assert (found.frames.digest, found.defects) == (good.frames.digest, good.defects)

    strict = run("map", photos, "--profile", profile, "--strict", "-o", tmp_path / "strict.yaml")
    assert (strict.exit_code, strict.stdout) == (1, "")
    assert strict.stderr == f"Error: bad.nef: {entry.reason}\n"
    assert not (tmp_path / "strict.yaml").exists()


def test_bad_photos_are_told_alike_by_either_decoder(place):
    photos, profile = place
    for name, (data, _) in CONTENTS.items():
        (photos / f"{name}.nef").write_bytes(data)
    found = [survey_of(photos, profile=profile, decoder=decoder) for decoder in DECODERS]
    assert map_text(found[0]) == map_text(found[1])
    assert len(found[0].skipped) == len(CONTENTS)


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "not for you"), OSError(errno.EIO, "worn out")])
@pytest.mark.parametrize("method", ["open", "read_bytes"])
def test_a_photo_that_cannot_be_read_is_skipped(place, monkeypatch, method, error):
    photos, profile = place
    real = getattr(Path, method)

    def refuse(path, *arguments, **options):
        if path.name == "DSC_0001.NEF":
            raise error
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, method, refuse)
    assert survey_of(photos, profile=profile).skipped == (
        Skipped("DSC_0001.NEF", f"cannot be read: {error.strerror}"),
    )


def test_a_photo_that_vanishes_before_it_is_decoded_is_skipped(place):
    photos, profile = place

    def read(photo, known):
        if photo.path.name == "DSC_0002.NEF":
            photo.path.unlink()
        return read_frame(photo, known)

    found = map_defects([photos], Options(profile=str(profile)), read=read)
    assert found.skipped == (Skipped("DSC_0002.NEF", f"cannot be read: {os.strerror(errno.ENOENT)}"),)
    assert found.frames.used == 2


def test_photos_without_a_time_are_used(place):
    photos, profile = place
    (photos / "timeless.nef").write_bytes(nef(7, captured=None, shutter=None, iso=None))
    found = survey_of(photos, profile=profile)
    assert (found.frames.used, found.skipped) == (4, ())
    assert found.frames.last == NOON.replace(minute=2)


def test_no_photo_has_a_time(tmp_path):
    write_photos(tmp_path, captured=None, shutter=None, iso=None)
    frames = survey_of(tmp_path, profile=write_profile(tmp_path)).frames
    assert (frames.used, frames.first, frames.last, frames.shutter_s, frames.iso) == (3, None, None, None, None)


def test_photos_without_exif_are_used_where_a_profile_says_whose_they_are(tmp_path):
    profile = write_profile(tmp_path)
    for number in range(3):
        pixels = np.random.default_rng(number).normal(800, 9, SIZE[::-1]).astype(np.uint16)
        iio.imwrite(tmp_path / f"{number}.png", pixels)
    assert survey_of(tmp_path, profile=profile).frames.used == 3
    with pytest.raises(DecodeError, match="PNG and TIFF files count only with --profile"):
        map_defects([tmp_path], Options())


@pytest.mark.skipif(not SHARED.exists(), reason="real files lie outside the repository")
@pytest.mark.parametrize(("name", "reason"), [("d500-not-a-mosaic.dng", "no mosaic"), ("d7100-truncated.nef", DAMAGED)])
def test_real_files_that_are_no_mosaic_leave_one_usable_photo(tmp_path, name, reason, caplog):
    photos, profile = tmp_path / "photos", write_profile(tmp_path)
    write_photos(photos, count=2)
    (photos / f"broken{Path(name).suffix}").write_bytes((SHARED / "broken" / name).read_bytes())
    (entry,) = survey_of(photos, profile=profile).skipped
    assert re.search(rf"{reason}|taken by NIKON D", entry.reason)
    with pytest.raises(DecodeError, match=reason):
        read_frame(read_photo(photos / entry.name), None)


# photos that are gone or have changed when they are read again


def second_time(*names, do):
    """Return a `read` that does something to some photos before it reads them again."""
    seen = set()

    def read(photo, known):
        if photo.path.name in names and photo.path in seen:
            do(photo.path)
        seen.add(photo.path)
        return read_frame(photo, known)

    return read


def replace_content(path):
    """Write another photo of the same size in bytes: nothing but what it shows tells them apart."""
    path.write_bytes(nef(77, level=2000.0).ljust(path.stat().st_size, b"\0"))


CHANGES = {
    "gone": (Path.unlink, f"in the second pass: cannot be read: {os.strerror(errno.ENOENT)}"),
    "other content": (replace_content, "changed between the two passes"),
    "longer": (
        lambda path: path.write_bytes(path.read_bytes() + b"!"),
        r"in the second pass: changed from \d+ to \d+ bytes during the run",
    ),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "in the second pass: is a folder, expected a photo"),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES.keys())
def test_a_photo_that_is_not_the_same_in_the_second_pass_counts_with_the_first_only(tmp_path, change, reason, caplog):
    photos, profile = tmp_path / "photos", write_profile(tmp_path)
    write_photos(photos, 12)
    options = Options(profile=str(profile))
    found = map_defects([photos], options, read=second_time("DSC_0004.NEF", do=change))
    (told,) = [line for line in caplog.messages if line.startswith("DSC_0004.NEF")]
    assert re.fullmatch(f"DSC_0004.NEF counts with the first pass only: {reason}", told), told
    assert found.skipped == ()
    assert (found.frames.used, found.frames.followed, found.frames.skipped) == (12, 11, 0)
    shutil.rmtree(photos)
    write_photos(photos, 12)
    strict = Options(profile=str(profile), strict=True)
    with pytest.raises(DecodeError, match=rf"^DSC_0004\.NEF: {reason}"):
        map_defects([photos], strict, read=second_time("DSC_0004.NEF", do=change))


@pytest.mark.parametrize("change", [change for change, _ in CHANGES.values()], ids=CHANGES.keys())
def test_a_photo_that_is_not_read_a_second_time_may_change_meanwhile(tmp_path, change):
    """What it showed at the places that matter was kept."""
    photos, profile = tmp_path / "photos", write_profile(tmp_path)
    paths = write_photos(photos, 24)
    other = paths[split_frames(24, saving=True)[0].later[2]]
    expected = survey_of(photos, profile=profile)
    first = []

    def read(photo, known):
        first.append(photo.path)
        if len(first) == len(paths) + 1:
            change(other)
        return read_frame(photo, known)

    found = map_defects([photos], Options(profile=str(profile)), read=read)
    assert map_text(found) == map_text(expected)
    assert first.count(other) == 1


def test_where_all_photos_are_gone_in_the_second_pass_the_map_is_that_of_the_first(place, monkeypatch):
    names = [path.name for path in place[0].iterdir()]
    read = second_time(*names, do=Path.unlink)
    monkeypatch.setitem(map_defects.__kwdefaults__, "read", read)
    result = run("map", place[0], "--profile", place[1])
    assert result.exit_code == 0
    assert result.stdout.startswith("format: sensormap/1")
    *skipped, said, few = result.stderr.splitlines()
    assert said == "no photo could be read for the second pass: the map is that of the first pass"
    assert few.startswith("only 3 frames: ")
    assert len(skipped) == 3
    assert all("in the second pass: cannot be read" in line for line in skipped)


# what EXIF does not tell, and what contradicts itself


@pytest.fixture
def exif(monkeypatch):
    """Return a function that has every photo's exposure changed as it is read: by its number and as it was."""

    def change(how):
        real = sensormap.photos.select.read_photos

        def read(paths, **options):
            photos, skipped = real(paths, **options)
            return tuple(replace(p, exposure=how(i, p.exposure)) for i, p in enumerate(photos)), skipped

        monkeypatch.setattr(sensormap.survey.run, "read_photos", read)

    return change


def places(sensor_map):
    return {(defect.x, defect.y) for defect in sensor_map.defects}


@pytest.mark.parametrize(
    ("time_of", "problem"),
    [
        (lambda i, time: None, "of 16 photos 16 without a capture time"),
        (lambda i, time: time if i < 15 else None, "of 16 photos 1 without a capture time"),
        (lambda i, time: NOON, "all photos have one capture time"),
    ],
    ids=["none", "one missing", "all equal"],
)
def test_without_capture_times_there_are_no_births_and_a_warning(series, series_map, exif, caplog, time_of, problem):
    exif(lambda i, exposure: replace(exposure, time=time_of(i, exposure.time), shutter_count=i + 1))
    found = survey_of(series[0], profile=series[2])
    assert f"no onsets: {problem}" in caplog.messages
    assert found.defects
    assert all(defect.onset is None and defect.until is None for defect in found.defects)
    assert all(column.onset is None for column in found.columns)
    assert found.frames.followed == 16
    # Nothing but the dates is lost.
    assert places(found) == places(series_map)
    assert [defect.seen for defect in found.defects] == [defect.seen for defect in series_map.defects]


def test_a_clock_that_was_set_back_is_told_and_the_shutter_count_believed(series, series_map, exif, caplog):
    exif(lambda i, exposure: replace(exposure, time=exposure.time - timedelta(days=400) * (i >= 8)))
    found = survey_of(series[0], profile=series[2])
    assert "the camera's clock contradicts its shutter count 1 time; the count is believed" in caplog.messages
    assert found.frames.clock_jumps == 1
    assert series_map.frames.clock_jumps == 0
    for defect, expected in zip(found.defects, series_map.defects, strict=True):
        assert replace(defect, onset=None, until=None) == replace(expected, onset=None, until=None)
    dated = [defect for defect in series_map.defects if defect.onset.by]
    assert dated
    times = sorted(datetime.fromisoformat(fact.time) for fact in series[1].frames)
    for defect in dated:
        (same,) = [one for one in found.defects if (one.x, one.y) == (defect.x, defect.y)]
        after, by = (
            None if time is None else time - timedelta(days=400) * (times.index(time) >= 8)
            for time in (defect.onset.after, defect.onset.by)
        )
        assert (same.onset.after, same.onset.by) == (after, by)


@pytest.mark.parametrize(
    "unknown",
    [{"iso": None}, {"shutter_s": None}, {"iso": None, "shutter_s": None}],
    ids=["no ISO", "no shutter time", "neither"],
)
@pytest.mark.parametrize("every", [1, 3], ids=["all", "every third"])
def test_photos_without_iso_or_shutter_time_are_followed(series, exif, caplog, unknown, every):
    exif(lambda i, exposure: replace(exposure, **unknown) if i % every == 0 else exposure)
    found = survey_of(series[0], profile=series[2])
    result = compared(series[1], found)
    assert len(result.false_entries) <= 1
    assert result.strong.found >= 0.7 * result.strong.planted
    assert found.frames.followed == 16
    if every == 1:
        assert all(getattr(found.frames, name) is None for name in unknown)
    if every == 1 and "shutter_s" in unknown:  # what grows with time cannot be told
        assert all(defect.dark_dn_per_s is None for defect in found.defects)
    untimed = "no photo has a shutter time: hot photosites cannot be told from offset or noisy ones"
    assert caplog.messages == ([untimed] if every == 1 and "shutter_s" in unknown else [])


def test_no_exif_but_the_camera_s_name(series, exif, caplog):
    exif(lambda i, exposure: Exposure())
    found = survey_of(series[0], profile=series[2])
    assert len(compared(series[1], found).false_entries) <= 1
    assert found.defects
    assert caplog.messages[0] == "no onsets: of 16 photos 16 without a capture time"
    assert caplog.messages[1].startswith("no photo has a shutter time")
    assert len(caplog.messages) == 2


# few frames, repeated scenes, filtered frames


@pytest.mark.parametrize("count", [2, 3, 9, 10])
def test_few_frames_cap_the_confidences_and_say_how_many_it_takes(series, caplog, count):
    found = survey_of(*sorted(series[0].iterdir())[:count], profile=series[2])
    assert (found.frames.used, found.frames.followed) == (count, count)
    confidences = [defect.confidence for defect in found.defects]
    warning = f"only {count} frames: confidences are capped; a map to rely on takes 10 or more"
    assert caplog.messages == ([warning] if count < 10 else [])
    assert all(confidence <= 0.5 for confidence in confidences) == (count < 10)
    assert confidences or count == 2
    assert compared(series[1], found).false_entries == ()


@pytest.mark.parametrize(
    "seed",
    [1, 3, 7, 8],
)
def test_a_series_of_one_scene_makes_no_defects_of_its_texture(tmp_path, caplog, seed):
    truth = make_series(Recipe(24, SMALL, static=True, seed=seed), tmp_path)
    found = survey_of(tmp_path / "photos", profile=tmp_path / "profile.yaml")
    assert len(compared(truth, found).false_entries) <= 5
    assert found.frames.used == 24
    assert 20 <= found.frames.repeated <= 23
    counted = 24 - found.frames.repeated
    assert found.frames.followed == counted
    assert f"{24 - counted} frames of a scene shown before: repeated scenes count once" in caplog.messages
    assert caplog.messages[0].startswith(f"only {counted} frame")
    assert "of different scenes: confidences are capped" in caplog.messages[0]
    assert all(defect.confidence <= 0.5 for defect in found.defects)


def test_a_burst_among_other_photos_counts_once(tmp_path, caplog):
    """Whatever thread is first: the first frame of each scene counts, and the same map results."""
    make_series(Recipe(12, SMALL), tmp_path / "series")
    make_series(Recipe(8, SMALL, static=True, seed=3), tmp_path / "burst")
    photos = tmp_path / "photos"
    shutil.copytree(tmp_path / "series" / "photos", photos)
    for path in (tmp_path / "burst" / "photos").iterdir():
        shutil.copy(path, photos / f"burst_{path.name}")
    profile = tmp_path / "series" / "profile.yaml"
    found = [survey_of(photos, profile=profile, jobs=jobs) for jobs in (1, 2, 3)]
    assert len({map_text(one) for one in found}) == 1
    assert (found[0].frames.used, found[0].frames.repeated) == (20, 7)
    assert found[0].frames.followed == found[0].frames.used - found[0].frames.repeated
    assert not any("only" in message for message in caplog.messages)


def test_frames_filtered_in_camera_are_told_and_heal_no_hot_photosite(tmp_path):
    truth = make_series(Recipe(24, SMALL, filtered_from_s=0.5), tmp_path)
    long = [fact for fact in truth.frames if fact.shutter_s >= 0.5]
    found = survey_of(tmp_path / "photos", profile=tmp_path / "profile.yaml")
    assert found.frames.filtered == len(long) > 0
    result = compared(truth, found)
    assert result.false_entries == ()
    assert result.strong.found >= 0.8 * result.strong.planted
    hot = [defect for defect in found.defects if defect.kind == "hot"]
    assert len(hot) >= 4
    assert all(defect.until is None for defect in found.defects)
    assert result.by_kind["hot"].found >= 0.8 * result.by_kind["hot"].planted


def test_frames_that_nothing_filtered_are_not_told_to_be(series_map):
    assert series_map.frames.filtered == 0
    assert series_map.frames.repeated == 0


# which body


@pytest.fixture
def two_bodies(tmp_path):
    write_photos(tmp_path / "photos")
    write_photos(tmp_path / "photos", 2, first=3, serial="77")
    return tmp_path / "photos", write_profile(tmp_path)


def test_two_bodies_are_an_error_that_names_them_and_the_option(two_bodies):
    result = run("map", two_bodies[0], "--profile", two_bodies[1])
    assert (result.exit_code, result.stdout) == (1, "")
    for words in ("NIKON D80, serial 4001234 (3 photos)", "NIKON D80, serial 77 (2 photos)", "--serial"):
        assert words in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("serial", "used", "others"), [(SERIAL, 3, 2), ("77", 2, 3)])
def test_a_serial_number_chooses_and_lists_the_other_body_s_photos(two_bodies, serial, used, others):
    found = survey_of(two_bodies[0], profile=two_bodies[1], serial=serial)
    assert (found.body.serial, found.frames.used) == (serial, used)
    assert Counter(entry.reason.split(",")[0] for entry in found.skipped) == {"taken by NIKON D80": others}


# too little


@pytest.mark.parametrize(("count", "words"), [(0, "no usable photo"), (1, "one usable photo only")])
def test_too_few_photos_are_an_error(tmp_path, count, words):
    write_photos(tmp_path, count)
    (tmp_path / "empty.nef").touch()
    result = run("map", tmp_path, "--profile", write_profile(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {words} (1 skipped)")


def test_one_photo_that_decodes_is_too_few(tmp_path):
    write_photos(tmp_path, 1)
    (tmp_path / "white.nef").write_bytes(flat(3880))
    with pytest.raises(FrameMismatchError, match="one usable photo only"):
        survey_of(tmp_path, profile=write_profile(tmp_path))


def test_a_profile_that_contradicts_every_photo_is_an_error_that_names_both(tmp_path):
    write_photos(tmp_path)
    with pytest.raises(ProfileError, match=r"DSC_0000\.NEF: raw grid of 192 x 128 .* small has raw_size 768 x 512"):
        survey_of(tmp_path, profile=write_profile(tmp_path, SERIES_SIZE))


def test_an_active_area_too_small_to_compare_photosites_is_an_error(tmp_path):
    profile = write_profile(tmp_path)
    profile.write_text(profile.read_text().replace("[0, 0, 188, 123]", "[0, 0, 188, 5]"))
    write_photos(tmp_path)
    with pytest.raises(ProfileError, match="active area of 188 x 5 photosites, expected 6 a side"):
        survey_of(tmp_path, profile=profile)


def test_more_photos_than_the_sums_hold_are_an_error(place, monkeypatch):
    monkeypatch.setattr(sensormap.survey.passes, "MOST_FRAMES", 2)
    with pytest.raises(FrameMismatchError, match="3 photos of one body, expected at most 2"):
        survey_of(place[0], profile=place[1])


# outputs that cannot be written


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("missing/map.yaml", "the folder .*missing does not exist"),
        ("small.yaml", "small.yaml: (exists already and )?is no defect map; --overwrite replaces only those"),
        ("small.yaml/map.yaml", "is not a folder"),
        ("pipe", "is a pipe, expected a file; -o - writes to stdout"),
        ("link", "is a link to a pipe, expected a file; -o - writes to stdout"),
        ("x" * 300, f"cannot be written: {os.strerror(errno.ENAMETOOLONG)}"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_anything_is_decoded(
    place, tmp_path, monkeypatch, output, reason
):
    def read(*_):
        pytest.fail("a photo was decoded")

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    monkeypatch.setitem(map_defects.__kwdefaults__, "read", read)
    monkeypatch.setattr(sensormap.survey.run, "read_photos", read)
    before = sorted(tmp_path.iterdir())
    for overwrite in ((), ("--overwrite",)):
        result = run("map", place[0], "--profile", place[1], "-o", tmp_path / output, *overwrite)
        assert (result.exit_code, result.stdout) == (1, "")
        assert re.search(reason, result.stderr), result.stderr
        assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "link").readlink() == Path("pipe")


# ended runs

SLOW = """
from sensormap.decode.reading import read_frame
from sensormap.survey.run import map_defects
def slow(*arguments):
    time.sleep(0.1)  # Python 3.11 itself stumbles over an interrupt while the main thread starts others
    os.write(1, b"decoding")
    time.sleep(0.3)
    return read_frame(*arguments)
map_defects.__kwdefaults__["read"] = slow
"""
SLOW_AGAIN = """
from sensormap.decode.reading import read_frame
from sensormap.survey.run import map_defects
seen = set()
def slow(photo, *arguments):
    if photo.path in seen:
        os.write(1, b"reading")
        time.sleep(0.3)
    seen.add(photo.path)
    return read_frame(photo, *arguments)
map_defects.__kwdefaults__["read"] = slow
"""
SLOW_LEADING = """
from sensormap.detect.tally import Tally
add, leading = Tally.add, []
def slow(tally, padded, *arguments, **options):
    if padded.shape[1] > 40:  # no frame that has the kernels compiled
        leading.append(1)
        if len(leading) == 13:  # the last one: the other thread waits for it by now, or soon will
            time.sleep(0.2)
            os.write(1, b"waiting")
            time.sleep(0.5)
    return add(tally, padded, *arguments, **options)
Tally.add = slow
"""
HANGING = """
def hang(file):
    os.write(1, b"writing")
    time.sleep(60)
os.fsync = hang
"""


def started(place, output, patch, *options):
    """Start a run that is slow somewhere, and wait until it is there."""
    process = run_script("map", place[0], "--profile", place[1], "-o", output, "--jobs", 2, *options, patch=patch)
    process.stdout.read(7)
    return process


@pytest.mark.parametrize(
    ("patch", "asked", "code"),
    [
        pytest.param(SLOW, signal.SIGINT, 130, id="first pass"),
        pytest.param(SLOW_LEADING, signal.SIGTERM, 143, id="leading frames"),
        pytest.param(SLOW_AGAIN, signal.SIGHUP, 129, id="second pass"),
    ],
)
def test_an_interrupt_ends_the_run_at_once_and_leaves_nothing(tmp_path, patch, asked, code):
    write_photos(tmp_path / "photos", 24)
    assert len(split_frames(24, saving=True)[0].leading) == 13
    place = tmp_path / "photos", write_profile(tmp_path)
    (tmp_path / "out").mkdir()
    with started(place, tmp_path / "out" / "map.yaml", patch) as process:
        process.send_signal(asked)
        stdout, stderr = process.communicate(timeout=60)
    # Two threads finish what they have begun and may begin one more each. Of seconds a busy machine takes any number.
    assert stdout.count(b"ing") <= 4
    assert process.returncode == code
    assert len(stderr.strip().splitlines()) == 1  # no traceback
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("old", [None, "format: the old one\n"])
def test_a_kill_while_the_map_is_written_leaves_the_old_one_or_none(place, tmp_path, old):
    output = tmp_path / "map.yaml"
    if old is not None:
        output.write_text(old)
    with started(place, output, HANGING, "--overwrite") as process:
        process.kill()
        process.communicate(timeout=20)
    assert (output.read_text() if output.exists() else None) == old


@pytest.mark.parametrize("call", [1, 2, 4, 5, 7], ids="call {}".format)
def test_an_interrupt_leaves_no_threads(place, call):
    """Calls 0 to 3 are of the first pass, 4 to 7 of the second."""
    heard = []

    def interrupt(*counts):
        heard.append(counts)
        if len(heard) == call + 1:
            raise KeyboardInterrupt

    before = {*threading.enumerate()}
    with pytest.raises(KeyboardInterrupt):
        map_defects([place[0]], Options(profile=str(place[1])), progress=interrupt)
    assert {*threading.enumerate()} <= before  # those of earlier tests may end meanwhile
    assert len(heard) == call + 1


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("call", [0, 1, 12, 13, 24, 25, 30, 38])
def test_an_interrupt_of_a_run_that_saves_leaves_no_threads(tmp_path, call, jobs):
    """Calls 0 to 24 are of the first pass, 25 to 38 of the second."""
    write_photos(tmp_path, 24)
    heard = []

    def interrupt(*counts):
        heard.append(counts)
        if len(heard) == call + 1:
            raise KeyboardInterrupt

    before = {*threading.enumerate()}
    with pytest.raises(KeyboardInterrupt):
        map_defects([tmp_path], Options(profile=str(write_profile(tmp_path)), jobs=jobs), progress=interrupt)
    assert {*threading.enumerate()} <= before  # those of earlier tests may end meanwhile


@pytest.mark.parametrize("number", [0, 1, 4, 23])
@pytest.mark.parametrize("jobs", [1, 3])
def test_strict_ends_a_run_that_saves_and_leaves_no_threads(tmp_path, number, jobs):
    paths = write_photos(tmp_path, 24)
    paths[number].write_bytes(damaged())
    options = Options(profile=str(write_profile(tmp_path)), jobs=jobs, strict=True)
    before = {*threading.enumerate()}
    with pytest.raises(DecodeError, match=rf"^DSC_00{number:02}\.NEF: damaged: "):
        map_defects([tmp_path], options)
    assert {*threading.enumerate()} <= before  # those of earlier tests may end meanwhile


def test_progress_counts_every_photo_once_in_each_pass(place):
    heard = []
    map_defects([place[0]], Options(profile=str(place[1])), progress=lambda *counts: heard.append(counts))
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)] * 2


def test_progress_counts_every_photo_once_where_nothing_is_followed(place):
    heard = []
    map_defects([place[0]], Options(profile=str(place[1]), follow=0), progress=lambda *counts: heard.append(counts))
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.skipif(not SHARED.exists(), reason="real files lie outside the repository")
@pytest.mark.parametrize("kind", ["b_s", "d_s"])
def test_a_real_machine_vision_camera_is_nearly_clean(tmp_path, kind):
    profile = tmp_path / "ccd.yaml"
    profile.write_text(
        "make: Basler\nmodel: EMVA set 001\nraw_size: [640, 480]\nactive_area: [0, 0, 640, 480]\njpeg_crop: null\n"
        "cfa: mono\nblack_level: 0\nsaturation: 4095\nbits: 12\nsuppression_from_s: null\n"
    )
    found = map_defects([SHARED / "emva-ccd" / f"{kind}_*.png"], Options(profile=str(profile)))
    assert found.frames.used == 25
    assert len(found.defects) <= 2
    assert found.columns == ()


@pytest.mark.skipif(not SHARED.exists(), reason="real files lie outside the repository")
def test_one_real_frame_is_too_few_for_a_map():
    with pytest.raises(FrameMismatchError, match="one usable photo only"):
        map_defects([SHARED / "raw" / "RAW_NIKON_D1.NEF"], Options())
