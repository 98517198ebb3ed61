"""Maps from the camera's own JPEGs, alone and beside raw photos: what is found, and that bad input is survived."""

from __future__ import annotations

import errno
import io
import os
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from PIL import Image

import sensormap.survey.passes
from fixtures.camera.develop import develop
from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta
from fixtures.series import Recipe, make_series, profile_text
from fixtures.truth.nearby import visible_defects
from fixtures.truth.truth import compare_map
from sensormap.decode.reading import read_frame
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError
from sensormap.evaluation.run import evaluate
from sensormap.frame import Skipped
from sensormap.maps.entries import Source
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from sensormap.settings import Options
from sensormap.survey.run import map_defects
from tests.support.folders import SHARED
from tests.support.frames import make_mosaic
from tests.support.photos import NOON, SERIAL, nef, run, write_photos

DATA = SHARED / "jpeg"
FRAMES = 20
RECIPE = Recipe(FRAMES, (400, 560), seed=17, defects=40, jpeg=True)
CROP = (14, 9, 528, 376)
SAME_SHOT = "shows the same shot as a raw photo, which tells more"
ALONE = "alone of its sort, raw or JPEG: a map takes at least two"


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Twenty shots with planted defects, each as a NEF and as a JPEG: their folder, and the truth."""
    folder = tmp_path_factory.mktemp("series")
    return folder, make_series(RECIPE, folder)


def options(folder, **values):
    return Options(profile=str(folder / "profile.yaml"), **values)


def mapped(folder, *names, **values):
    """Map some of a folder's files and folders, by the profile that lies there."""
    return map_defects([folder / name for name in names], options(folder, **values))


@pytest.fixture(scope="module")
def jpeg_map(series):
    return mapped(series[0], "jpegs", jobs=2)


@pytest.fixture(scope="module")
def raw_map(series):
    return mapped(series[0], "photos")


def compared(series, sensor_map, folder):
    write_map(sensor_map, folder / "map.yaml")
    return compare_map(series[0] / "truth.yaml", folder / "map.yaml")


# what is found


def test_most_strong_defects_are_found_in_place_and_hardly_anything_else(series, jpeg_map, tmp_path):
    result = compared(series, jpeg_map, tmp_path)
    assert result.strong.planted >= 20
    assert result.strong.found >= 0.7 * result.strong.planted
    assert len(result.false_entries) <= 1
    assert sum(result.distances.away.values()) == result.distances.away[0] + result.distances.away.get(1, 0)
    assert result.distances.within_radius >= 0.9 * sum(result.distances.away.values())
    assert result.columns.found == 1
    assert max(result.column_ends) <= 3
    assert result.kinds_right >= 0.5


def test_births_are_dated_by_the_frames_around_them(series, jpeg_map, tmp_path):
    coverage = compared(series, jpeg_map, tmp_path).coverage
    for onsets in (coverage.from_start, coverage.appeared_later):
        assert onsets.right >= 0.8 * len(onsets.widths) > 0
        assert onsets.untold == 0
    assert all(0 < defect.seen[0] <= defect.seen[1] <= FRAMES for defect in jpeg_map.defects)


TIME = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d(?=\0)")
COUNT = b"\x00\xa7\x00\x04\x00\x00\x00\x01"  # entry of the shutter count in the maker note, before its value


def test_defects_that_disappear_are_said_to_have_healed(series, jpeg_map, tmp_path):
    """The same JPEGs, dated the other way round: what appeared now disappears."""
    heads = [path.read_bytes() for path in sorted((series[0] / "jpegs").iterdir())]
    for number, (data, other) in enumerate(zip(heads, heads[::-1], strict=True)):
        times, at = iter(TIME.findall(other)), data.index(COUNT) + len(COUNT)
        count = other[other.index(COUNT) + len(COUNT) :][:4]
        dated = TIME.sub(lambda _, times=times: next(times), data[:at] + count + data[at + 4 :])
        (tmp_path / f"{number:02}.JPG").write_bytes(dated)
    found = {(one.x, one.y): one for one in map_defects([tmp_path], options(series[0], jobs=2)).defects}
    strong = visible_defects([one for one in series[1].defects if one.strong], CROP)
    until = {
        born: [found[one.x, one.y].until for one in strong if bool(one.born) == born and (one.x, one.y) in found]
        for born in (False, True)
    }
    assert len(until[True]) >= 5
    assert until[False].count(None) >= len(until[False]) - 1
    assert until[True].count(None) <= 1
    assert not any(one.until for one in jpeg_map.defects)


def test_the_map_says_what_it_was_made_from_and_claims_no_more(series, jpeg_map):
    frames, area = jpeg_map.frames, jpeg_map.sensor.active_area
    assert jpeg_map.source == Source.JPEG
    assert (frames.used, frames.jpegs, frames.followed) == (FRAMES, FRAMES, FRAMES)
    assert (frames.skipped, frames.filtered) == (0, 0)
    assert (jpeg_map.profile, jpeg_map.body.serial) == ("profile", SERIAL)
    assert (area.x, area.y, area.width, area.height) == CROP
    times = [fact.time for fact in series[1].frames]
    assert [frames.first.isoformat(), frames.last.isoformat()] == [min(times), max(times)]
    assert 0 < jpeg_map.false_positives < 1
    for defect in jpeg_map.defects:
        assert defect.mean is defect.variance is defect.dark_dn_per_s is defect.offset_dn is defect.response is None
        assert defect.confidence <= 0.95
        assert defect.jpeg == (defect.x - CROP[0], defect.y - CROP[1])
    assert [column.radius for column in jpeg_map.columns] == [1]


def test_the_map_is_read_as_it_was_written(jpeg_map, tmp_path):
    write_map(jpeg_map, tmp_path / "map.yaml")
    assert read_map(tmp_path / "map.yaml") == jpeg_map


# the same photos, the same bytes


@pytest.mark.parametrize("jobs", [1, 3])
def test_neither_threads_nor_order_change_the_map(series, jpeg_map, jobs):
    files = sorted((series[0] / "jpegs").iterdir(), reverse=jobs == 3)
    assert map_text(map_defects(files, options(series[0], jobs=jobs))) == map_text(jpeg_map)


@pytest.mark.parametrize("kept", [0, 528 * 376 * 3])
def test_what_is_kept_in_memory_does_not_change_the_map(series, jpeg_map, kept, monkeypatch):
    monkeypatch.setattr(sensormap.survey.passes, "MOST_KEPT", kept)
    assert map_text(mapped(series[0], "jpegs", jobs=2)) == map_text(jpeg_map)


def test_jpegs_are_decoded_once(series):
    """Also those of which no values are saved, since they lead; none twice for want of memory."""
    decoded = []

    def read(photo, profile):
        decoded.append(photo.path.name)
        return read_frame(photo, profile)

    map_defects([series[0] / "jpegs"], options(series[0]), read=read)
    assert sorted(decoded) == sorted(path.name for path in (series[0] / "jpegs").iterdir())


def test_progress_counts_every_jpeg_once(series):
    heard = []
    files = sorted((series[0] / "jpegs").iterdir())[:3]
    map_defects(files, options(series[0]), progress=lambda *counts: heard.append(counts))
    once = [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert heard == [*once, *once], "so few lead, and are read again"


# beside raw photos


def test_jpegs_of_shots_that_raw_photos_show_change_nothing(series, raw_map, caplog):
    both = mapped(series[0], "jpegs", "photos")
    names = [f"DSC_{number:04}" for number in range(1, FRAMES + 1)]
    assert both.skipped == tuple(
        Skipped(f"{name}.JPG", SAME_SHOT) for name in names
    )
    assert replace(both, skipped=(), frames=replace(both.frames, skipped=0)) == raw_map
    assert not any("same shot" in message for message in caplog.messages)  # nothing is wrong with them
    strict = mapped(series[0], "jpegs", "photos", strict=True, follow=0)
    assert strict.skipped == both.skipped


def undated(entry):
    return replace(entry, onset=None, confidence=1.0)


def test_jpegs_of_other_shots_add_what_only_they_show(series, tmp_path):
    """Half of the NEFs are gone."""
    folder = series[0]
    raws = [path for i, path in enumerate(sorted((folder / "photos").iterdir())) if i % 2]
    others = [path for i, path in enumerate(sorted((folder / "jpegs").iterdir())) if not i % 2]
    half = map_defects(raws, options(folder))
    both = map_defects([*raws, folder / "jpegs"], options(folder))
    assert both.source == Source.BOTH
    assert (both.frames.used, both.frames.jpegs, both.frames.skipped) == (FRAMES, FRAMES // 2, FRAMES // 2)
    assert {entry.name for entry in both.skipped} == {f"{path.stem}.JPG" for path in raws}
    kept = [defect for defect in both.defects if defect.radius is None]
    assert [undated(defect) for defect in kept] == [undated(defect) for defect in half.defects]
    assert all(one.confidence >= other.confidence for one, other in zip(kept, half.defects, strict=True))
    pairs = list(zip(kept, half.defects, strict=True))
    assert all(one.onset == other.onset or other.onset.after is None for one, other in pairs)
    assert any(one.onset != other.onset for one, other in pairs)  # the JPEGs are older
    assert {undated(column) for column in half.columns} <= {undated(column) for column in both.columns}
    alone = map_defects(others, options(folder))
    added = [defect for defect in both.defects if defect.radius is not None]
    assert set(added) <= set(alone.defects)
    assert both.frames.first == min(half.frames.first, alone.frames.first)
    assert both.false_positives == pytest.approx(half.false_positives + alone.false_positives, abs=0.1)
    result = compared(series, both, tmp_path)
    assert result.strong.found >= 0.8 * result.strong.planted
    assert len(result.false_entries) <= 1
    assert read_map(tmp_path / "map.yaml") == both


# a camera that is not known


@pytest.fixture(scope="module")
def unknown(series, tmp_path_factory):
    """The JPEGs as another model would have written them."""
    folder = tmp_path_factory.mktemp("unknown")
    for path in (series[0] / "jpegs").iterdir():
        data = path.read_bytes()
        assert data.count(b"NIKON D80\0") == 1
        (folder / path.name).write_bytes(data.replace(b"NIKON D80\0", b"NIKON D8?\0"))
    return folder


def test_without_a_profile_the_grid_is_that_of_the_picture(series, unknown):
    found = map_defects([unknown], Options())
    assert (found.source, found.profile, found.sensor.is_jpeg_grid) == (Source.JPEG, "picture", True)
    assert found.body.model == "NIKON D8?"
    assert found.sensor.raw_size == CROP[2:]
    assert all(defect.radius >= 1 for defect in found.defects)
    visible = [one for one in visible_defects(series[1].defects, CROP) if one.strong]

    def near(x, y, defect):
        return max(abs(defect.x + CROP[0] - x), abs(defect.y + CROP[1] - y)) <= defect.radius

    hits = sum(any(near(one.x, one.y, defect) for defect in found.defects) for one in visible)
    assert hits >= 0.5 * len(visible)
    false = [d for d in found.defects if not any(near(one.x, one.y, d) for one in series[1].defects)]
    assert len(false) <= 1
    assert len(found.columns) == 1
    assert abs(found.columns[0].x + CROP[0] - series[1].columns[0].x) <= found.columns[0].radius


def test_jpegs_of_a_known_model_in_another_size_are_not_mapped(series):
    """The profile that comes with sensormap says how large a D80's pictures are."""
    told = (
        rf"^no usable photo \(20 skipped: picture of {CROP[2]} x {CROP[3]} pixels, expected the full size 3872 x 2592: "
    )
    with pytest.raises(FrameMismatchError, match=told) as caught:
        map_defects([series[0] / "jpegs"], Options())
    assert "\n" not in str(caught.value)


# small ones, to be quick

SHAPE = (128, 192)
SMALL = (96 * 2 - 32, 128 - 24)


@cache
def jpeg(seed=0, *, turned=False, **meta):
    """Return the bytes of a JPEG of a smooth scene."""
    mosaic = make_mosaic(seed, shape=SHAPE, level=800.0).astype(np.uint16)
    facts = {"serial": SERIAL, "captured": NOON + timedelta(days=1, minutes=seed), "shutter": (1, 100), "iso": 100}
    picture = develop(mosaic)
    return jpeg_bytes(picture.transpose(1, 0, 2).copy() if turned else picture, NefMeta(**(facts | meta)))


def saved(data, **how):
    """Return a JPEG's picture saved again, without its EXIF."""
    file = io.BytesIO()
    image = Image.open(io.BytesIO(data))
    image.resize(how.pop("size", image.size)).convert(how.pop("mode", "RGB")).save(file, **({"format": "JPEG"} | how))
    return file.getvalue()


def edited(data, software):
    """Return a JPEG of which EXIF says that a program wrote it."""
    return data.replace(b"Ver.1.01 ", software.ljust(9).encode())


def flat(level):
    """Return a JPEG of one colour."""
    meta = NefMeta(serial=SERIAL, captured=NOON + timedelta(days=3))
    return jpeg_bytes(np.full((SMALL[1], SMALL[0], 3), level, np.uint8), meta)


@pytest.fixture
def place(tmp_path):
    """Return a folder with a profile, and three good JPEGs in `jpegs`."""
    (tmp_path / "jpegs").mkdir()
    (tmp_path / "profile.yaml").write_text(profile_text(SHAPE))
    for number in range(3):
        (tmp_path / "jpegs" / f"DSC_{number:04}.JPG").write_bytes(jpeg(number))
    return tmp_path


DAMAGED = "truncated|damaged"
NO_CAMERA = "no EXIF that names the camera"
BAD = {
    "empty.jpg": (b"", r"is empty \(0 bytes\), expected a photo"),
    "start.jpg": (jpeg(7)[:8], DAMAGED),
    "half.jpg": (jpeg(7)[: len(jpeg(7)) // 2], DAMAGED),
    "nearly.jpg": (jpeg(7)[:-40], DAMAGED),
    "text.jpg": (b"not a photo\n" * 999, "is no JPEG file, expected a JPEG"),
    "zeros.jpg": (bytes(5000), "is a HEIC or video file, expected a JPEG|is no JPEG"),
    "png.jpg": (saved(jpeg(7), format="PNG"), "is a PNG file, expected a JPEG"),
    "raw.jpg": (nef(7), "is a TIFF or raw file, expected a JPEG"),
    "progressive.jpg": (saved(jpeg(7), progressive=True), "a progressive JPEG"),
    "grey.jpg": (saved(jpeg(7), mode="L"), r"one colour \(grey\)"),
    "bare.jpg": (saved(jpeg(7)), NO_CAMERA),
    "mail.jpg": (saved(jpeg(7), size=(80, 52)), NO_CAMERA),
    "small.jpg": (jpeg_bytes(np.full((52, 80, 3), 90, np.uint8), NefMeta(serial=SERIAL)), "picture of 80 x 52 pixels"),
    "turned.jpg": (jpeg(7, turned=True), r"picture of 104 x 160 pixels, expected the full size 160 x 104: turned"),
    "edited.jpg": (edited(jpeg(7), "GIMP 2.10"), r"edited with GIMP 2\.10, expected a JPEG as the camera wrote it"),
    "black.jpg": (flat(0), r"100\.0% of the photosites are black or saturated|every photosite"),
    "white.jpg": (flat(255), r"100\.0% of the photosites are black or saturated"),
    "copy.jpg": (jpeg(1), r"same content as DSC_0001\.JPG"),
    "other.jpg": (jpeg(7, model="NIKON D50"), r"taken by NIKON D50, serial \d+, expected NIKON D80, serial \d+"),
    "lost.jpg": (jpeg(7, serial=None), f"no serial number, .* another body than NIKON D80, serial {SERIAL}"),
}


def test_bad_jpegs_are_told_listed_and_survived(place, caplog):
    good = mapped(place, "jpegs")
    assert (good.frames.used, good.skipped) == (3, ())
    for name, (data, _) in BAD.items():
        (place / "jpegs" / name).write_bytes(data)
    (place / "jpegs" / "folder.jpg").mkdir()
    (place / "jpegs" / "nowhere.jpg").symlink_to("gone")
    caplog.clear()
    found = mapped(place, "jpegs")
    reasons = {entry.name: entry.reason for entry in found.skipped}
    expected = {name: reason for name, (_, reason) in BAD.items()}
    expected["folder.jpg"] = "is a folder, expected a photo"
    expected["nowhere.jpg"] = f"cannot be read: {os.strerror(errno.ENOENT)}"
    assert sorted(reasons) == sorted(expected)
    for name, reason in expected.items():
        assert re.search(reason, reasons[name]), f"{name}: {reasons[name]}"
        assert reasons[name].isprintable()
        assert f"skipped {name}: {reasons[name]}" in caplog.messages
    assert (found.frames.digest, found.defects) == (good.frames.digest, good.defects)
    assert (found.frames.used, found.frames.jpegs, found.frames.skipped) == (3, 3, len(expected))


@pytest.mark.parametrize("name", ["half.jpg", "nearly.jpg", "turned.jpg", "white.jpg", "copy.jpg", "other.jpg"])
def test_strict_ends_the_run_at_the_first(place, name):
    data, reason = BAD[name]
    (place / "jpegs" / name).write_bytes(data)
    with pytest.raises(DecodeError, match=rf"^{name}: .*({reason})"):
        mapped(place, "jpegs", strict=True)


def test_jpegs_that_say_how_they_are_to_be_turned_lie_as_the_sensor_does(place):
    expected = mapped(place, "jpegs")
    for number, orientation in enumerate((6, 8, 3)):
        (place / "jpegs" / f"DSC_{number:04}.JPG").write_bytes(jpeg(number, orientation=orientation))
    found = mapped(place, "jpegs")
    assert (found.frames.used, found.defects, found.skipped) == (3, expected.defects, ())


def test_two_jpegs_make_a_map_with_low_confidence(place, caplog):
    (place / "jpegs" / "DSC_0002.JPG").unlink()
    found = mapped(place, "jpegs")
    assert (found.frames.used, found.source) == (2, Source.JPEG)
    assert all(defect.confidence <= 0.5 for defect in found.defects)
    assert caplog.messages == ["only 2 JPEGs: confidences are capped; a map to rely on takes 10 or more"]


@pytest.mark.parametrize(("count", "words"), [(1, "one usable photo only"), (0, "no usable photo")])
def test_fewer_are_an_error_of_one_line(place, count, words):
    for path in sorted((place / "jpegs").iterdir())[count:]:
        path.write_bytes(b"")
    result = run("map", place / "jpegs", "--profile", place / "profile.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    *skipped, error = result.stderr.splitlines()
    assert error.startswith(f"Error: {words} ({3 - count} skipped")
    assert len(skipped) == 3 - count


def test_a_jpeg_whose_data_are_bad_leaves_one_usable_photo(place):
    for name, data in (("DSC_0001.JPG", flat(255)), ("DSC_0002.JPG", BAD["half.jpg"][0])):
        (place / "jpegs" / name).write_bytes(data)
    with pytest.raises(FrameMismatchError, match="one usable photo only"):
        mapped(place, "jpegs")


def test_of_jpegs_of_two_bodies_one_must_be_chosen_unless_they_are_strays(place):
    (place / "jpegs" / "other.jpg").write_bytes(jpeg(7, serial="77"))
    (entry,) = mapped(place, "jpegs").skipped
    assert entry == Skipped("other.jpg", f"taken by NIKON D80, serial 77, expected NIKON D80, serial {SERIAL}")
    (place / "jpegs" / "another.jpg").write_bytes(jpeg(8, serial="77"))
    with pytest.raises(FrameMismatchError, match=r"photos of several cameras: NIKON D80, serial 4001234 \(3 photos\)"):
        mapped(place, "jpegs")
    assert mapped(place, "jpegs", serial=SERIAL).frames.used == 3


def test_jpegs_without_exif_are_used_where_a_profile_says_whose_they_are(place, caplog):
    for number in range(3):
        (place / "jpegs" / f"DSC_{number:04}.JPG").write_bytes(saved(jpeg(number)))
    found = mapped(place, "jpegs")
    assert (found.frames.used, found.profile, found.body.model, found.frames.first) == (3, "profile", "", None)
    assert "no onsets: of 3 photos 3 without a capture time" in caplog.messages
    with pytest.raises(FrameMismatchError, match=r"no usable photo \(3 skipped: no EXIF"):
        map_defects([place / "jpegs"], Options())


# a few raw photos too, of the same size


def test_stray_jpegs_of_another_camera_beside_raw_photos_are_left_out(place):
    write_photos(place / "photos")
    alone = mapped(place, "photos")
    for number in range(4):
        (place / "photos" / f"IMG_{number}.JPG").write_bytes(jpeg(number, make="Apple", model="iPhone", serial=None))
    (place / "photos" / "web.jpg").write_bytes(saved(jpeg(8)))
    found = mapped(place, "photos")
    assert found.source == Source.RAW
    told = "taken by Apple iPhone, serial unknown, expected NIKON D80, serial 4001234"
    assert found.skipped == (
        *(Skipped(f"IMG_{number}.JPG", told) for number in range(4)),
        Skipped("web.jpg", NO_CAMERA),
    )
    assert replace(found, skipped=(), frames=replace(found.frames, skipped=0)) == alone


def test_jpegs_of_other_shots_than_a_few_raw_photos_are_mapped_with_them(place):
    """Of the same names, but taken on another day."""
    write_photos(place / "photos")
    found = mapped(place, "photos", "jpegs")
    assert (found.source, found.frames.used, found.frames.jpegs) == (Source.BOTH, 6, 3)
    assert found.frames.last == NOON + timedelta(days=1, minutes=2)
    alone = mapped(place, "photos", "jpegs", jpegs=False)
    assert (alone.source, alone.frames.used, alone.skipped) == (Source.RAW, 3, ())


def test_one_jpeg_of_another_shot_adds_nothing_and_is_listed(place, caplog):
    write_photos(place / "photos")
    found = mapped(place, "photos", "jpegs/DSC_0001.JPG")
    assert (found.source, found.frames.used) == (Source.RAW, 3)
    assert found.skipped == (Skipped("DSC_0001.JPG", "one JPEG alone adds nothing"),)
    assert not any("skipped" in message for message in caplog.messages)


def test_beside_raw_photos_jpegs_need_a_place_on_the_raw_grid(place, caplog):
    profile = place / "profile.yaml"
    profile.write_text(re.sub(r"jpeg_crop: .*", "jpeg_crop: null", profile.read_text()))
    write_photos(place / "photos")
    found = mapped(place, "photos", "jpegs")
    assert (found.source, found.frames.used) == (Source.RAW, 3)
    reason = "a JPEG beside raw photos, but no profile says where it lies on the raw grid"
    assert [entry.reason for entry in found.skipped] == [reason] * 3
    assert f"skipped DSC_0000.JPG: {reason}" in caplog.messages
    alone = mapped(place, "jpegs")
    assert (alone.source, alone.sensor.is_jpeg_grid, alone.frames.used) == (Source.JPEG, True, 3)


@pytest.mark.parametrize("raws", [0, 1])
def test_where_raw_photos_are_too_few_the_jpegs_are_mapped(place, raws, caplog):
    write_photos(place / "photos", raws)
    (place / "photos" / "broken.NEF").write_bytes(nef(9)[:3000])
    found = mapped(place, "photos", "jpegs")
    assert (found.source, found.frames.used, found.frames.skipped) == (Source.JPEG, 3, raws + 1)
    assert [entry.name for entry in found.skipped] == ["DSC_0000.NEF"] * raws + ["broken.NEF"]
    assert [entry.reason for entry in found.skipped[:raws]] == [ALONE] * raws
    assert not any("DSC_0000.NEF" in message for message in caplog.messages)  # nothing is wrong with it


def test_where_jpegs_are_too_few_the_raw_photos_are_mapped(place):
    write_photos(place / "photos")
    (place / "jpegs" / "DSC_0001.JPG").write_bytes(flat(255))
    found = mapped(place, "photos", "jpegs/DSC_0000.JPG", "jpegs/DSC_0001.JPG")
    assert (found.source, found.frames.used, found.frames.skipped) == (Source.RAW, 3, 2)
    lone, white = found.skipped
    assert lone == Skipped("DSC_0000.JPG", ALONE)
    assert (white.name, "black or saturated" in white.reason) == ("DSC_0001.JPG", True)


def test_one_usable_photo_of_each_sort_is_too_few(place):
    write_photos(place / "photos", 1)
    with pytest.raises(FrameMismatchError, match=r"^one usable photo only"):
        mapped(place, "photos", "jpegs/DSC_0000.JPG")


# shots of which there are both


@pytest.fixture
def shots(place):
    """Return the folder, with four shots in `both`, each as a NEF and as a JPEG."""
    for path in write_photos(place / "both", 4):
        number = int(path.stem[-1])
        path.with_suffix(".JPG").write_bytes(jpeg(number, captured=NOON + timedelta(minutes=number)))
    return place


def damage(folder, *numbers):
    """Cut NEFs short, behind their EXIF."""
    for number in numbers:
        path = folder / "both" / f"DSC_{number:04}.NEF"
        path.write_bytes(path.read_bytes()[:-3000])


def by_name(sensor_map):
    return {entry.name: entry.reason for entry in sensor_map.skipped}


@pytest.mark.parametrize("broken", [(), (1, 3), (0, 1, 2, 3)], ids=["none", "half", "all"])
def test_jpegs_of_raw_photos_that_turn_out_to_be_damaged_are_used(shots, broken):
    damage(shots, *broken)
    found = mapped(shots, "both")
    source = {0: Source.RAW, 2: Source.BOTH, 4: Source.JPEG}[len(broken)]
    assert (found.source, found.frames.used, found.frames.jpegs) == (source, 4, len(broken))
    reasons = by_name(found)
    assert sorted(reasons) == sorted(f"DSC_000{n}.{'NEF' if n in broken else 'JPG'}" for n in range(4))
    for name, reason in reasons.items():
        assert reason == SAME_SHOT if name.endswith("JPG") else re.search(DAMAGED, reason)
    assert found.frames.skipped == len(found.skipped) == 4


def test_of_one_usable_raw_photo_the_jpeg_is_used_too(shots):
    damage(shots, 1, 2, 3)
    found = mapped(shots, "both")
    assert (found.source, found.frames.used, found.frames.jpegs) == (Source.JPEG, 4, 4)
    assert by_name(found)["DSC_0000.NEF"] == ALONE
    assert len(found.skipped) == 4


def test_one_jpeg_of_a_damaged_raw_photo_adds_nothing(shots):
    damage(shots, 2)
    found = mapped(shots, "both")
    assert (found.source, found.frames.used) == (Source.RAW, 3)
    reasons = by_name(found)
    assert reasons.pop("DSC_0002.JPG") == "one JPEG alone adds nothing"
    assert re.search(DAMAGED, reasons.pop("DSC_0002.NEF"))
    assert reasons == dict.fromkeys(("DSC_0000.JPG", "DSC_0001.JPG", "DSC_0003.JPG"), SAME_SHOT)


def test_what_both_passes_skip_is_in_the_map(shots):
    """Two NEFs and one of their JPEGs are damaged, and so is a JPEG of another shot."""
    damage(shots, 1, 3)
    path = shots / "both" / "DSC_0003.JPG"
    path.write_bytes(path.read_bytes()[:-40])
    (shots / "jpegs" / "white.JPG").write_bytes(flat(255))
    found = mapped(shots, "both", "jpegs")
    assert (found.source, found.frames.used, found.frames.jpegs) == (Source.BOTH, 6, 4)
    told = [(entry.name, entry.reason) for entry in found.skipped]
    patterns = {
        "DSC_0000.JPG": SAME_SHOT,
        "DSC_0001.NEF": DAMAGED,
        "DSC_0002.JPG": SAME_SHOT,
        "DSC_0003.JPG": DAMAGED,
        "DSC_0003.NEF": DAMAGED,
        "white.JPG": "black or saturated",
    }
    assert [name for name, _ in told] == sorted(patterns)
    assert all(re.search(patterns[name], reason) for name, reason in told)
    assert found.frames.skipped == len(patterns)


@pytest.mark.parametrize(
    ("names", "jumps"), [(["photos"], 1), (["jpegs"], 2), (["photos", "jpegs"], 3)], ids=["raw", "jpeg", "both"]
)
def test_jumps_of_the_clock_count_once_for_raw_photos_and_once_for_jpegs(place, names, jumps, caplog):
    (place / "photos").mkdir()
    for number, minute in enumerate((0, 9, 4)):
        data = nef(number, captured=NOON + timedelta(minutes=minute), shutter_count=number)
        (place / "photos" / f"R_{number}.NEF").write_bytes(data)
    for number, minute in enumerate((9, 4, 1)):
        data = jpeg(number, captured=NOON + timedelta(days=1, minutes=minute), shutter_count=10 + number)
        (place / "jpegs" / f"DSC_{number:04}.JPG").write_bytes(data)
    assert mapped(place, *names).frames.clock_jumps == jumps
    told = [message for message in caplog.messages if "contradicts" in message]
    assert len(told) == len(names)


def test_a_profile_of_another_size_is_told(place):
    (place / "profile.yaml").write_text(profile_text((256, 256)))
    with pytest.raises(FrameMismatchError, match=r"^no usable photo \(3 skipped: picture of "):
        mapped(place, "jpegs")
    write_photos(place / "photos")
    with pytest.raises(ProfileError, match="raw grid of 192 x 128 photosites, but profile profile has raw_size"):
        mapped(place, "photos", "jpegs")


# evaluating


def test_defects_cannot_be_planted_into_jpegs_alone(place):
    with pytest.raises(DecodeError, match=r"^3 JPEGs found, but only raw photos can be used here$") as caught:
        evaluate([place / "jpegs"], options(place))
    assert "\n" not in str(caught.value)
    result = run("evaluate", place / "jpegs", "--profile", place / "profile.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: 3 JPEGs found, but only raw photos can be used here")
    assert result.stderr.count("\n") == 1


def test_jpegs_beside_raw_photos_are_left_out_of_an_evaluation(place):
    write_photos(place / "photos")
    found = evaluate([place / "photos", place / "jpegs"], options(place), count=5)
    assert found == evaluate([place / "photos"], options(place), count=5)


# real ones


@pytest.mark.skipif(not DATA.exists(), reason="real files lie outside the repository")
def test_a_real_clean_camera_has_hardly_an_entry():
    """Ten flat fields, which show the pattern of healthy photosites best, and one scene."""
    found = map_defects([DATA / "d200-0"], Options())
    assert (found.profile, found.frames.used, found.source) == ("nikon-d200", 11, Source.JPEG)
    assert len(found.defects) <= 1
    assert found.columns == found.rows == ()


@pytest.mark.skipif(not DATA.exists(), reason="real files lie outside the repository")
def test_the_defect_of_a_real_phone_is_found():
    """A third of the photos: white surfaces, and a scene."""
    found = map_defects(sorted((DATA / "gt-i9300").iterdir())[::3], Options())
    assert found.sensor.is_jpeg_grid
    assert found.sensor.raw_size == (3264, 1836)
    assert any(max(abs(defect.x - 532), abs(defect.y - 842)) <= 1 for defect in found.defects)
