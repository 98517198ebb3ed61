"""Correcting photos by a map: what changes in which file, what is refused, and that nothing is half done."""

from __future__ import annotations

import errno
import io
import re
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import click
import imageio.v3 as iio
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

import sensormap.correct.nef
import sensormap.correct.raw
import sensormap.output
from fixtures.camera.curve import quantise
from fixtures.files.jpeg import jpeg_bytes
from fixtures.files.nef import NefMeta, nef_bytes
from sensormap.camera.cfa import MONO, XTRANS_NAMES, Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Body
from sensormap.cli.main import main
from sensormap.correct.destinations import unless_corrected
from sensormap.correct.plan import plan_corrections
from sensormap.correct.run import CorrectOptions, correct_photos
from sensormap.decode.jpeg import read_jpeg
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.errors import DecodeError, FrameMismatchError, OutputError
from sensormap.maps.entries import Between, Column, DefectKind, FrameSummary
from sensormap.maps.mapfile.writing import write_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.mark import MARK
from tests.support.maps import toy_defect
from tests.support.photos import refused

WIDTH, HEIGHT = 192, 128
CROP = Rect(7, 3, 176, 112)
SENSOR = Sensor((WIDTH, HEIGHT), Rect(0, 0, 188, 125), Cfa("GBRG"), CROP)
BODY = Body("NIKON CORPORATION", "NIKON D80", "4001234")
NOON = datetime(2012, 6, 1, 12)
LATER = NOON + timedelta(days=1)
HOT, BORN, FAINT, STUCK = (40, 30), (90, 70), (120, 51), (60, 88)
COLUMN_X = 150


def defect(place, kind=DefectKind.HOT, **values):
    return toy_defect(*place, kind=kind, sensor=SENSOR, **values)


def toy(**values):
    """Four defects, one born between the two photos and one that shows at long exposures only, and a column."""
    parts = {
        "body": BODY,
        "profile": "nikon-d80",
        "sensor": SENSOR,
        "frames": FrameSummary(40, 0, NOON, LATER, (0.001, 1.0), (100, 100), digest="12e4"),
        "skipped": (),
        "settings": {},
        "columns": (Column(COLUMN_X, 20, 100, "Gb+R", DefectKind.WEAK, 0.99, -12.0, 30),),
        "defects": tuple(
            sorted(
                (
                    defect(HOT, dark_dn_per_s=(3000.0, 2990.0, 3010.0)),
                    defect(FAINT, dark_dn_per_s=(20.0, 19.0, 21.0)),
                    defect(BORN, DefectKind.OFFSET, onset=Between(NOON, LATER), offset_dn=(500.0, 499.0, 501.0)),
                    defect(STUCK, DefectKind.STUCK),
                ),
                key=lambda found: (found.y, found.x),
            )
        ),
    }
    return SensorMap(**(parts | values))


def scene():
    """A smooth mosaic whose colours differ: less red, more blue than green."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = 600 + 3 * x + 2 * y + 150 * (x % 2 - y % 2)
    return (light + np.random.default_rng(1).normal(0, 3, light.shape)).round().astype(np.uint16)


def mosaic_with_defects():
    mosaic = scene()
    for x, y in (HOT, BORN, STUCK):
        mosaic[y, x] = 3500
    mosaic[20:101, COLUMN_X] //= 2
    return mosaic


def meta(time=LATER, **values):
    return NefMeta(**({"serial": BODY.serial, "captured": time, "shutter": (1, 10), "iso": 100} | values))


@pytest.fixture
def photos(tmp_path):
    """The photo of noon and the one of the next day."""
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "DSC_1.NEF").write_bytes(nef_bytes(mosaic_with_defects(), meta(NOON)))
    (folder / "DSC_2.NEF").write_bytes(nef_bytes(mosaic_with_defects(), meta(LATER)))
    return folder


def correct(arguments, folder, sensor_map=None, **options):
    """Return what was corrected, and what was refused."""
    refused = []
    arguments = arguments if isinstance(arguments, list) else [arguments]
    chosen = CorrectOptions(**options)
    done = correct_photos(arguments, sensor_map or toy(), folder, chosen, on_skipped=refused.append)
    return done, [f"{one.name}: {one.reason}" for one in refused]


def decoded(path):
    with open_raw(path.read_bytes(), path.name) as raw:
        return raw_values(raw)[:125].copy()


def places(*wanted, column=True):
    inside = [(x, y) for x, y in wanted]
    return {*inside, *((COLUMN_X, y) for y in range(20, 101) if column)}


def changed(one, other):
    return {(int(x), int(y)) for y, x in np.argwhere(decoded(one) != decoded(other))}


# -- raw photos --------------------------------------------------------------------------------------------------------


def test_only_what_was_born_and_shows_is_repaired(photos, tmp_path):
    done, refused = correct(photos, tmp_path / "out")
    assert refused == []
    assert [(one.source.name, one.output.name) for one in done] == [("DSC_1.NEF",) * 2, ("DSC_2.NEF",) * 2]
    assert [(one.chosen.before_onset, one.chosen.hidden) for one in done] == [(1, 1), (0, 1)]
    before, after = ([folder / name for name in ("DSC_1.NEF", "DSC_2.NEF")] for folder in (photos, tmp_path / "out"))
    assert changed(before[0], after[0]) == places(HOT, STUCK)
    assert changed(before[1], after[1]) == places(HOT, STUCK, BORN)
    assert [one.repaired for one in done] == [83, 84]


@pytest.mark.parametrize("method", ["directional", "mean", "median", "dcraw", "weighted8"])
def test_repaired_values_are_near_those_without_defects(method, photos, tmp_path):
    correct(photos / "DSC_2.NEF", tmp_path / "out", method=method)
    error = decoded(tmp_path / "out" / "DSC_2.NEF").astype(int) - quantise(scene())[:125]
    inside = tuple(np.array([(y, x) for x, y in places(HOT, STUCK, BORN)]).T)
    assert np.abs(error[inside]).max() < 40


def test_subtracting_leaves_the_real_signal(photos, tmp_path):
    """What the offset adds is known to a DN, so that the photosite keeps its own noise."""
    mosaic = scene()
    mosaic[BORN[1], BORN[0]] += 500 + 60  # a star, say, on this photosite alone
    (photos / "DSC_3.NEF").write_bytes(nef_bytes(mosaic, meta()))
    for method in ("directional", "subtract"):
        correct(photos / "DSC_3.NEF", tmp_path / method, method=method)
    real = int(scene()[BORN[1], BORN[0]]) + 60
    assert abs(int(decoded(tmp_path / "subtract" / "DSC_3.NEF")[BORN[1], BORN[0]]) - real) < 12
    assert abs(int(decoded(tmp_path / "directional" / "DSC_3.NEF")[BORN[1], BORN[0]]) - real) > 30


LONE = (77, 60)


@pytest.fixture
def struck(photos):
    """The second photo with one photosite more, that no map has."""
    mosaic = mosaic_with_defects()
    mosaic[LONE[1], LONE[0]] = 3500
    (photos / "DSC_3.NEF").write_bytes(nef_bytes(mosaic, meta()))
    return photos / "DSC_3.NEF"


@pytest.mark.parametrize("method", ["directional", "subtract"])
def test_lone_photosites_are_repaired_where_asked(struck, tmp_path, method):
    done, _ = correct(struck, tmp_path / "out", also_lone=20.0, method=method)
    assert [(one.repaired, one.lone) for one in done] == [(85, 1)]
    assert changed(struck, tmp_path / "out" / "DSC_3.NEF") == places(HOT, STUCK, BORN, LONE)
    done, _ = correct(struck, tmp_path / "plain", method=method)
    assert [(one.repaired, one.lone) for one in done] == [(84, 0)]
    assert LONE not in changed(struck, tmp_path / "plain" / "DSC_3.NEF")


@pytest.mark.parametrize("options", [{"dng": True}, {"opcodes": True}])
def test_lone_photosites_go_into_dngs_and_their_lists(struck, tmp_path, options):
    done, _ = correct(struck, tmp_path / "out", also_lone=20.0, **options)
    assert [(one.repaired, one.left, one.lone) for one in done] == [(85, 0, 1)]
    if "dng" in options:
        assert LONE in changed(struck, tmp_path / "out" / "DSC_3.dng")


def test_lone_photosites_are_told(struck, tmp_path):
    write_map(toy(), tmp_path / "d80.yaml")
    arguments = ["correct", str(tmp_path / "d80.yaml"), str(struck), "-o", str(tmp_path / "out"), "--also-lone", "20"]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "85 places repaired" in result.stdout
    assert result.stdout.endswith("1 place of them lone, and in no map.\n")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--also-lone", "7.5", "-o", "out"], "7.5 is not in the range x>=8.0"),
        (["--also-lone", "nan", "-o", "out"], "nan is not in the range"),
        (["--also-lone", "20", "--check"], "--check repairs healthy photosites only"),
    ],
)
def test_wrong_ways_to_ask_for_lone_photosites(struck, tmp_path, words, problem):
    write_map(toy(), tmp_path / "d80.yaml")
    result = CliRunner().invoke(main, ["correct", str(tmp_path / "d80.yaml"), str(struck), *words])
    assert result.exit_code == 2
    assert problem in result.stderr


def test_jpegs_are_refused_where_lone_photosites_are_asked_for(tmp_path):
    pixels = np.full((CROP.height, CROP.width, 3), 99, np.uint8)
    (tmp_path / "DSC_1.JPG").write_bytes(jpeg_bytes(pixels, meta()))
    done, refused = correct(tmp_path / "DSC_1.JPG", tmp_path / "out", also_lone=20.0)
    assert done == ()
    assert refused[0].startswith("DSC_1.JPG: a JPEG, in which nothing lone is left")
    with pytest.raises(ValueError, match="also_lone: inf is not 8 or more"):
        CorrectOptions(also_lone=float("inf"))


def test_all_repairs_everything(photos, tmp_path):
    correct(photos / "DSC_1.NEF", tmp_path / "out", all_defects=True)
    assert changed(photos / "DSC_1.NEF", tmp_path / "out" / "DSC_1.NEF") >= places(HOT, STUCK, BORN)


def test_nothing_to_repair_is_the_same_file(photos, tmp_path):
    sensor_map = toy(columns=(), defects=(defect(BORN, onset=Between(LATER, LATER)),))
    done, _ = correct(photos, tmp_path / "out", sensor_map)
    assert [one.repaired for one in done] == [0, 0]
    for path in photos.iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_threads_change_no_byte(photos, tmp_path):
    for number in range(3, 9):
        shutil.copy(photos / "DSC_2.NEF", photos / f"DSC_{number}.NEF")
    for jobs in (1, 4):
        correct(photos, tmp_path / str(jobs), jobs=jobs)
    for path in photos.iterdir():
        assert (tmp_path / "1" / path.name).read_bytes() == (tmp_path / "4" / path.name).read_bytes()


def test_as_a_dng_it_holds_the_repaired_mosaic(photos, tmp_path):
    correct(photos / "DSC_2.NEF", tmp_path / "nef")
    done, refused = correct(photos / "DSC_2.NEF", tmp_path / "dng", dng=True)
    assert refused == []
    assert done[0].output == tmp_path / "dng" / "DSC_2.dng"
    difference = decoded(done[0].output).astype(int) - decoded(tmp_path / "nef" / "DSC_2.NEF")
    assert np.abs(difference[:, :188]).max() < 12  # a NEF holds levels only


def test_opcodes_leave_the_mosaic_untouched_and_list_what_was_chosen(photos, tmp_path):
    done, _ = correct(photos / "DSC_2.NEF", tmp_path / "out", opcodes=True)
    assert_array_equal(decoded(done[0].output)[:, :188], decoded(photos / "DSC_2.NEF")[:, :188])
    data = done[0].output.read_bytes()
    assert data.count(np.array([HOT[1], HOT[0]], ">i4").tobytes()) == 1
    assert data.count(np.array([FAINT[1], FAINT[0]], ">i4").tobytes()) == 0
    assert done[0].repaired == 84


@pytest.mark.parametrize("options", [{}, {"dng": True}, {"opcodes": True}, {"method": "weighted8"}])
def test_a_corrected_copy_is_known_for_one(options, photos, tmp_path):
    """What it shows of the sensor would spoil a map, and it has nothing left to correct."""
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    done, _ = correct(photos, tmp_path / "out", **options)
    assert len(done) == (2 if "dng" in options or "opcodes" in options else 3)
    for one in done:
        with pytest.raises(DecodeError, match="a copy that sensormap has corrected, expected the photo itself"):
            read_photo(one.output)
    assert [line.split(": ")[1] for line in correct(tmp_path / "out", tmp_path / "again")[1]] == [
        "a copy that sensormap has corrected, expected the photo itself"
    ] * len(done)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_a_mosaic_in_a_plain_image_stays_one(ending, photos, tmp_path):
    path = photos / f"frame.{ending}"
    iio.imwrite(path, mosaic_with_defects())
    done, refused = correct(path, tmp_path / "out")
    assert refused == []
    before, after = (iio.imread(one) for one in (path, done[0].output))
    assert (after.dtype, after.shape) == (np.uint16, before.shape)
    found = {(int(x), int(y)) for y, x in np.argwhere(before != after)}
    assert found - {FAINT} == places(HOT, STUCK, BORN)  # without an exposure everything is repaired
    done, refused = correct([path, photos / "DSC_2.NEF"], tmp_path / "dng", dng=True)
    assert len(done) == 1
    assert "tells nothing of what a DNG needs" in refused[0]


# -- JPEGs -------------------------------------------------------------------------------------------------------------


def picture():
    """A smooth picture of the camera's crop with smears where its raw photo has defects."""
    y, x = np.mgrid[: CROP.height, : CROP.width]
    shown = np.stack([60 + x // 2, 80 + y // 2, 90 + x // 4 + y // 4], axis=-1).astype(np.uint8)
    for place in (HOT, STUCK):
        row, col = place[1] - CROP.y, place[0] - CROP.x
        shown[row - 1 : row + 2, col - 1 : col + 2] += 60
    return shown


def test_a_jpeg_changes_around_its_defects_only(photos, tmp_path):
    path = photos / "DSC_2.JPG"
    path.write_bytes(jpeg_bytes(picture(), meta()))
    done, refused = correct(path, tmp_path / "out")
    assert (refused, done[0].repaired) == ([], 2)
    before, after = (read_jpeg(one.read_bytes(), one.name).astype(int) for one in (path, done[0].output))
    touched = np.argwhere((before != after).any(axis=-1))
    near = np.array([(y - CROP.y, x - CROP.x) for x, y in (HOT, STUCK)])
    assert (np.abs(touched[:, None] - near).max(axis=-1).min(axis=1) < 24).all()
    for row, col in near:
        assert np.abs(after[row, col] - after[row, col + 4]).max() < 12
        assert np.abs(before[row, col] - after[row, col]).max() > 12


def test_a_raw_photo_and_its_jpeg_are_both_corrected(photos, tmp_path):
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    done, refused = correct(photos, tmp_path / "out")
    assert refused == []
    assert [one.output.name for one in done] == ["DSC_1.NEF", "DSC_2.JPG", "DSC_2.NEF"]


def test_a_jpeg_takes_no_method_of_raw_photos(photos, tmp_path):
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    for options in ({"method": "subtract"}, {"dng": True}, {"opcodes": True}):
        done, refused = correct(photos / "DSC_2.JPG", tmp_path / "out", **options)
        assert done == ()
        assert "a JPEG, which is corrected by --method directional or weighted8 and stays one" in refused[0]


# -- what is refused ---------------------------------------------------------------------------------------------------


def damaged(data):
    return data[: len(data) * 2 // 3]


def taken_for_rgb(data):
    """Return a JPEG with the Adobe header that says its colours are no YCbCr."""
    return data[:2] + b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0" + data[2:]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("DSC_9.NEF", lambda: b"", "empty|zero"),
        ("DSC_9.NEF", lambda: b"no photo at all" * 100, "taken by unknown camera"),
        ("DSC_9.NEF", lambda: damaged(nef_bytes(mosaic_with_defects(), meta())), "DSC_9.NEF"),
        ("DSC_9.NEF", lambda: nef_bytes(scene(), meta(serial="77")), "serial 77, but the map is of serial 4001234"),
        ("DSC_9.NEF", lambda: nef_bytes(scene(), meta(model="NIKON D70")), "NIKON D70, but the map is of NIKON D80"),
        ("DSC_9.NEF", lambda: nef_bytes(scene()[:96], meta()), "raw grid of 192 x 96, but the map is of 192 x 128"),
        ("DSC_9.JPG", lambda: jpeg_bytes(picture()[:96], meta()), "a JPEG of 176 x 96 pixels, expected 176 x 112"),
        ("DSC_9.JPG", lambda: damaged(jpeg_bytes(picture(), meta())), "truncated|damaged"),
        ("DSC_9.JPG", lambda: taken_for_rgb(jpeg_bytes(picture(), meta())), "as red, green and blue, as no camera"),
    ],
)
def test_one_bad_photo_is_named_and_the_others_are_corrected(name, content, reason, photos, tmp_path):
    (photos / name).write_bytes(content())
    done, refused = correct(photos, tmp_path / "out")
    assert len(done) == 2
    assert len(refused) == 1
    assert refused[0].startswith(name)
    assert "\n" not in refused[0]
    assert any(part in refused[0] for part in reason.split("|"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["DSC_1.NEF", "DSC_2.NEF"]


def test_whoever_does_not_listen_is_warned(photos, tmp_path, caplog):
    (photos / "DSC_3.NEF").write_bytes(b"")
    with caplog.at_level("WARNING", "sensormap"):
        assert len(correct_photos([photos], toy(), str(tmp_path / "out"))) == 2
    assert "skipped DSC_3.NEF" in caplog.text


def test_force_is_for_the_serial_number_only(photos, tmp_path):
    (photos / "DSC_1.NEF").write_bytes(nef_bytes(scene(), meta(serial="77")))
    (photos / "DSC_2.NEF").write_bytes(nef_bytes(scene(), meta(model="NIKON D70")))
    done, refused = correct(photos, tmp_path / "out", force=True)
    assert [one.source.name for one in done] == ["DSC_1.NEF"]
    assert "NIKON D70" in refused[0]


def test_photos_are_never_written_over(photos, tmp_path):
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    (tmp_path / "link").symlink_to(photos)
    for folder in (photos, tmp_path / "link"):
        done, refused = correct(photos, folder, overwrite=True)
        assert done == ()
        assert all("is one of the photos, which are never written over" in line for line in refused)
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_earlier_results_are_replaced_only_if_asked(photos, tmp_path):
    out = tmp_path / "out"
    correct(photos / "DSC_2.NEF", out)
    before = (out / "DSC_2.NEF").read_bytes()
    done, refused = correct(photos, out, method="mean")
    assert len(done) == 1
    assert "DSC_2.NEF: exists already; --overwrite replaces it" in refused[0]
    assert (out / "DSC_2.NEF").read_bytes() == before
    done, refused = correct(photos, out, method="mean", overwrite=True)
    assert (len(done), refused) == (2, [])
    assert (out / "DSC_2.NEF").read_bytes() != before


def other_shot(**values):
    return nef_bytes(scene(), meta(NOON - timedelta(days=400), **values))


def edited(photo):
    """A corrected copy that another program wrote again, without what stands behind the end of the photo."""
    (photo.parent / "map").mkdir()
    ((one,), _) = correct(photo, photo.parent / "map")
    return one.output.read_bytes()[: -len(MARK)]


NOT_OURS = "is no copy that sensormap corrected, so it is never replaced; move it away or name another folder"


@pytest.mark.parametrize(
    "content",
    [
        lambda _: other_shot(),
        lambda _: b"mine",
        lambda _: b"\0",
        lambda photo: photo.read_bytes()[:-1],
        lambda photo: photo.read_bytes() + b"\n",
        lambda photo: photo.read_bytes()[:-1] + bytes([photo.read_bytes()[-1] ^ 1]),
        lambda photo: photo.read_bytes() + MARK[:-1],
        lambda photo: photo.read_bytes() + MARK + b"\n",
        edited,
    ],
)
def test_what_is_not_an_earlier_result_is_never_replaced(content, photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    theirs = content(photos / "DSC_2.NEF")
    shutil.rmtree(photos / "map", ignore_errors=True)
    (out / "DSC_2.NEF").write_bytes(theirs)
    for overwrite, exists in ((False, "exists already and "), (True, "")):
        done, refused = correct(photos, out, overwrite=overwrite)
        assert [one.source.name for one in done] == ["DSC_1.NEF"]
        assert refused == [f"DSC_2.NEF: {out / 'DSC_2.NEF'}: {exists}{NOT_OURS}"]
        assert (out / "DSC_2.NEF").read_bytes() == theirs
    assert sorted(path.name for path in out.iterdir()) == ["DSC_1.NEF", "DSC_2.NEF"]


@pytest.mark.parametrize("options", [{"dng": True}, {"opcodes": True}])
def test_another_original_of_the_same_name_as_a_dng_is_not_replaced(options, photos, tmp_path):
    out = tmp_path / "out"
    done, _ = correct(photos, out, **options)
    theirs = done[0].output.read_bytes()[: -len(MARK)]  # a DNG as a camera wrote it
    done[0].output.write_bytes(theirs)
    again, refused = correct(photos, out, overwrite=True, **options)
    assert [one.output for one in again] == [done[1].output]
    assert refused == [f"DSC_1.NEF: {done[0].output}: {NOT_OURS}"]
    assert done[0].output.read_bytes() == theirs


@pytest.mark.parametrize("name", ["frame.png", "frame.tif", "DSC_2.JPG"])
def test_other_pictures_and_mosaics_are_not_replaced_but_earlier_results_are(name, photos, tmp_path):
    path, out = photos / name, tmp_path / "out"
    if path.suffix == ".JPG":
        path.write_bytes(jpeg_bytes(picture(), meta()))
    else:
        iio.imwrite(path, mosaic_with_defects())
    out.mkdir()
    theirs = path.read_bytes() + b"\0"
    (out / name).write_bytes(theirs)
    assert correct(path, out, overwrite=True) == ((), [f"{name}: {out / name}: {NOT_OURS}"])
    assert (out / name).read_bytes() == theirs
    (out / name).unlink()
    for _ in range(2):
        done, refused = correct(path, out, overwrite=True)
        assert (len(done), refused) == (1, [])


@pytest.mark.parametrize("name", ["DSC_2.NEF", "DSC_2.JPG"])
def test_a_copy_in_which_nothing_was_changed_is_replaced(name, photos, tmp_path):
    """It has no mark, for it is the photo."""
    path, out = photos / name, tmp_path / "out"
    if path.suffix == ".JPG":
        path.write_bytes(jpeg_bytes(picture(), meta()))
    nothing = toy(columns=(), defects=())
    correct(path, out, nothing)
    assert (out / name).read_bytes() == path.read_bytes()
    done, refused = correct(path, out, overwrite=True)
    assert (len(done), refused) == (1, [])
    assert (out / name).read_bytes().endswith(MARK)
    assert not path.read_bytes().endswith(MARK)
    done, refused = correct(path, out, nothing, overwrite=True)
    assert (out / name).read_bytes() == path.read_bytes()


def test_an_empty_file_is_replaced_if_asked(photos, tmp_path):
    """A killed run may leave one; it holds nothing."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "DSC_2.NEF").touch()
    assert "exists already; --overwrite replaces it" in correct(photos, out)[1][0]
    assert correct(photos, out, overwrite=True)[1] == []
    assert (out / "DSC_2.NEF").stat().st_size


def test_hard_links_of_photos_are_kept_and_those_of_results_keep_what_they_had(photos, tmp_path):
    out = tmp_path / "out"
    done, _ = correct(photos / "DSC_1.NEF", out)
    before = done[0].output.read_bytes()
    (tmp_path / "kept.NEF").hardlink_to(done[0].output)
    (tmp_path / "other.NEF").write_bytes(other_shot())
    (out / "DSC_2.NEF").hardlink_to(tmp_path / "other.NEF")
    done, refused = correct(photos, out, method="mean", overwrite=True)
    assert [one.source.name for one in done] == ["DSC_1.NEF"]
    assert refused == [f"DSC_2.NEF: {out / 'DSC_2.NEF'}: {NOT_OURS}"]
    assert (tmp_path / "kept.NEF").read_bytes() == before != (out / "DSC_1.NEF").read_bytes()
    assert (out / "DSC_2.NEF").samefile(tmp_path / "other.NEF")
    (out / "DSC_2.NEF").unlink()
    (out / "DSC_2.NEF").hardlink_to(photos / "DSC_2.NEF")
    _, refused = correct(photos, out, overwrite=True)
    assert refused == [f"DSC_2.NEF: {out / 'DSC_2.NEF'}: is one of the photos, which are never written over"]


def test_links_among_the_results_are_followed(photos, tmp_path):
    out, away = tmp_path / "out", tmp_path / "away"
    done, _ = correct(photos, away)
    before = {one.output: one.output.read_bytes() for one in done}
    out.mkdir()
    (out / "DSC_1.NEF").symlink_to(done[0].output)
    (out / "DSC_2.NEF").symlink_to(tmp_path / "other.NEF")
    (tmp_path / "other.NEF").write_bytes(other_shot())
    done, refused = correct(photos, out, method="mean", overwrite=True)
    assert [one.source.name for one in done] == ["DSC_1.NEF"]
    assert refused == [f"DSC_2.NEF: {out / 'DSC_2.NEF'}: {NOT_OURS}"]
    assert (out / "DSC_1.NEF").is_symlink()
    assert (away / "DSC_1.NEF").read_bytes() != before[away / "DSC_1.NEF"]
    assert (tmp_path / "other.NEF").read_bytes() == other_shot()
    (out / "DSC_2.NEF").unlink()
    (out / "DSC_2.NEF").symlink_to("/dev/null")
    _, refused = correct(photos, out, overwrite=True)
    assert f"{out / 'DSC_2.NEF'}: is a link to a device, expected a file; move it away" in refused[0]
    (out / "DSC_2.NEF").unlink()
    (out / "DSC_2.NEF").symlink_to(photos / "DSC_2.NEF")
    _, refused = correct(photos, out, overwrite=True)
    assert "is one of the photos, which are never written over" in refused[0]


def test_a_photo_that_is_moved_among_the_results_meanwhile_is_kept(photos, tmp_path, monkeypatch):
    """It is the same as the input, but the last one of its kind."""
    path, moved = photos / "DSC_2.NEF", tmp_path / "out" / "DSC_2.NEF"
    before = path.read_bytes()
    monkeypatch.setattr(sensormap.output.os, "fsync", lambda _: path.rename(moved))
    done, refused = correct(path, tmp_path / "out", overwrite=True)
    assert done == ()
    assert "is one of the photos, which are never written over" in refused[0]
    assert moved.read_bytes() == before


def test_an_original_that_comes_meanwhile_is_kept(photos, tmp_path, monkeypatch):
    path = tmp_path / "out" / "DSC_2.NEF"
    correct(photos / "DSC_2.NEF", tmp_path / "out")
    monkeypatch.setattr(sensormap.output.os, "fsync", lambda _: path.write_bytes(other_shot()))
    _, refused = correct(photos / "DSC_2.NEF", tmp_path / "out", overwrite=True)
    assert refused == [f"DSC_2.NEF: {path}: {NOT_OURS}"]
    assert path.read_bytes() == other_shot()


def test_two_folders_of_results_that_are_one_lose_nothing(photos, tmp_path):
    """As where a file system knows no capitals."""
    for folder in ("ROLL", "roll"):
        shutil.copytree(photos, tmp_path / "both" / folder)
    (tmp_path / "out" / "ROLL").mkdir(parents=True)
    (tmp_path / "out" / "roll").symlink_to("ROLL")
    done, refused = correct(tmp_path / "both", tmp_path / "out", overwrite=True, jobs=1)
    assert len(done) == len(refused) == 2
    assert all(re.search(r": is the corrected copy of .*DSC_\d.NEF, written in this run$", line) for line in refused)


def test_another_file_is_read_no_more_than_needed(tmp_path):
    """Its size or its end tells, but where it is as large as the photo."""

    class Counted(io.BufferedRandom):
        count = 0

        def read(self, size=-1):
            found = super().read(size)
            self.count += len(found)
            return found

    photo = bytes(5_000_000)
    for content, most in ((photo + MARK, 50), (photo + b"1", 50), (b"1" + photo[1:], 1_100_000), (photo, 5_000_050)):
        (tmp_path / "file").write_bytes(content)
        with Counted(io.FileIO(tmp_path / "file", "r+")) as file:
            assert unless_corrected(photo, {})(file) == ("" if content in (photo, photo + MARK) else NOT_OURS)
            assert file.count <= most


def test_photos_of_one_name_stay_in_their_subfolders(photos, tmp_path):
    shutil.copytree(photos, photos / "100NIKON")
    shutil.copytree(photos / "100NIKON", photos / "101NIKON")
    done, refused = correct(photos, tmp_path / "out")
    assert (len(done), refused) == (6, [])
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.NEF")}
    assert names == {f"{folder}DSC_{number}.NEF" for folder in ("", "100NIKON/", "101NIKON/") for number in (1, 2)}


def test_two_raw_photos_that_would_be_one_dng_do_not_fight_for_it(photos, tmp_path):
    shutil.copy(photos / "DSC_2.NEF", photos / "DSC_2.nrw")
    done, refused = correct(photos, tmp_path / "out", dng=True)
    assert len(done) == 2
    assert len(refused) == 1
    assert "would be written to the same file as" in refused[0]


def test_results_are_not_taken_for_photos_which_is_said(photos, caplog):
    for told in ([], ["2 files in"]):
        with caplog.at_level("WARNING", "sensormap"):
            done, refused = correct(photos, photos / "fixed", overwrite=True)
        assert [one.source.parent for one in done] == [photos, photos]
        assert refused == []
        assert [message[:10] for message in caplog.messages] == told


def test_a_folder_is_made_when_there_is_something_to_put_in(photos, tmp_path):
    for path in photos.iterdir():
        path.write_bytes(b"")
    assert len(correct(photos, tmp_path / "a" / "b")[1]) == 2
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("name", ["out.NEF", "-", "there", "x" * 300])
def test_a_place_that_is_no_folder_is_refused(name, photos, tmp_path):
    (tmp_path / "there").write_text("x")
    with pytest.raises(OutputError, match="expected a folder for the corrected photos"):
        correct(photos, Path(name) if name == "-" else tmp_path / name)


def test_a_result_that_decodes_otherwise_is_not_kept(photos, tmp_path, monkeypatch):
    def wrong(nef, rows, cols, values):
        return sensormap.correct.nef.with_values(nef, rows, cols + 2, values)

    monkeypatch.setattr(sensormap.correct.raw, "with_values", wrong)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("differ" in line for line in refused)
    assert not (tmp_path / "out").exists()


def test_a_jpeg_that_decodes_otherwise_than_meant_is_not_kept(photos, tmp_path, monkeypatch):
    (photos / "DSC_2.JPG").write_bytes(taken_for_rgb(jpeg_bytes(picture(), meta())))
    monkeypatch.setattr("sensormap.photos.jpeg_markers.stores_rgb", lambda header: False)
    done, refused = correct(photos / "DSC_2.JPG", tmp_path / "out")
    assert done == ()
    assert "DSC_2.JPG: corrected, but" in refused[0]
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_too_large_for_the_memory_does_not_end_the_run(photos, tmp_path, monkeypatch):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(sensormap.correct.raw, "find_repairs", greedy)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("too large for the memory" in line for line in refused)


def test_a_large_image_is_refused_before_it_is_decoded(photos, tmp_path, monkeypatch):
    iio.imwrite(photos / "frame.png", np.zeros((600, 800), np.uint16))
    monkeypatch.setattr(sensormap.correct.raw, "read_image", pytest.fail)
    _, refused = correct(photos / "frame.png", tmp_path / "out")
    assert "raw grid of 800 x 600, but the map is of 192 x 128 GBRG" in refused[0]


def test_a_full_disk_leaves_no_half_file(photos, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(sensormap.output.os, "fsync", full)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("cannot be written: full" in line for line in refused)
    assert list((tmp_path / "out").iterdir()) == []


def test_entries_known_from_jpegs_only_are_left_alone_in_raw_photos(photos, tmp_path):
    frames = replace(toy().frames, jpegs=3)
    entries = (defect(HOT), defect(STUCK, radius=2))
    sensor_map = toy(columns=(), defects=entries, source="raw+jpeg", frames=frames)
    done, _ = correct(photos / "DSC_2.NEF", tmp_path / "out", sensor_map)
    assert (done[0].repaired, done[0].chosen.jpeg_only) == (1, 1)


# -- the command -------------------------------------------------------------------------------------------------------


def command(*arguments):
    return CliRunner().invoke(main, ["correct", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def map_file(tmp_path):
    write_map(toy(), tmp_path / "d80.yaml")
    return tmp_path / "d80.yaml"


def test_the_command_says_what_it_did(photos, map_file, tmp_path):
    result = command(map_file, photos, "-o", tmp_path / "fixed")
    assert result.exit_code == 0
    assert "2 photos corrected, 167 places repaired" in result.stdout
    assert "DSC_1.NEF DSC_1.NEF 83 1 appeared later, 1 not visible at this exposure" in " ".join(result.stdout.split())
    assert command(map_file, photos, "-q", "-o", tmp_path / "quiet").stdout == ""


def test_the_command_says_how_the_rest_of_jpegs_changed(photos, map_file, tmp_path):
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    result = command(map_file, photos / "DSC_2.JPG", "-o", tmp_path / "fixed")
    assert "outside the repaired blocks their pixels changed by 0.0" in result.stdout


def test_the_command_fails_where_a_photo_was_not_corrected(photos, map_file, tmp_path):
    (photos / "DSC_3.NEF").write_bytes(b"")
    result = command(map_file, photos, "-o", tmp_path / "fixed")
    assert result.exit_code == 1
    assert "skipped DSC_3.NEF" in result.stderr
    assert "1 photo could not be corrected" in result.stderr
    assert "2 photos corrected" in result.stdout


def test_the_command_does_not_replace_another_shot_s_original(photos, map_file, tmp_path):
    out = tmp_path / "2011"
    out.mkdir()
    (out / "DSC_1.NEF").write_bytes(other_shot())
    result = command(map_file, photos, "-o", out, "--overwrite")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"skipped DSC_1.NEF: {out / 'DSC_1.NEF'}: {NOT_OURS}\n")
    assert "1 photo could not be corrected" in result.stderr
    assert "1 photo corrected" in result.stdout
    assert (out / "DSC_1.NEF").read_bytes() == other_shot()


def test_check_writes_nothing_and_reports_every_method(photos, map_file, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    result = command(map_file, photos, "--check")
    assert command(map_file, photos, "--check", "-q").stdout == result.stdout
    assert result.exit_code == 0
    assert "healthy photosites of 2 photos, repaired as if defective" in result.stdout
    for method in ("directional", "mean", "median", "dcraw", "weighted8"):
        assert f"\n{method}" in result.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Missing option '-o' / '--output': FOLDER"),
        (("--check", "-o", "x"), "--check writes nothing"),
        (("-o", "x", "--opcodes", "--method", "mean"), "--method mean does not go with --opcodes"),
        (("-o", ""), "Missing option '-o' / '--output': FOLDER"),
        (("--check", "--method", "mean"), "--method mean does not go with --check"),
    ],
)
def test_wrong_usage(options, message, photos, map_file):
    result = command(map_file, photos, *options)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(("option", "value"), [("method", "magic"), ("jobs", 0)])
def test_wrong_values(option, value, photos, map_file):
    assert refused(click.BadParameter, "correct", map_file, photos, "-o", "x", f"--{option}", value) == option


def test_no_such_photo_and_no_such_folder(photos, map_file, tmp_path):
    result = command(map_file, tmp_path / "none.NEF", "-o", tmp_path / "out")
    assert (result.exit_code, "no such file" in result.stderr) == (1, True)
    (tmp_path / "file").write_text("x")
    result = command(map_file, photos, "-o", tmp_path / "file")
    assert (result.exit_code, "not a folder" in result.stderr) == (1, True)


def test_a_check_of_jpegs_is_refused(photos, map_file):
    path = Path(photos, "DSC_2.JPG")
    path.write_bytes(jpeg_bytes(picture(), meta()))
    result = command(map_file, path, "--check")
    assert result.exit_code == 1
    assert "--check holds out photosites of raw photos" in result.stderr


@pytest.mark.parametrize(
    ("options", "name", "problem"),
    [
        ({"also_lone": 20.0}, sorted(XTRANS_NAMES)[0], "--also-lone is for Bayer filters and none, but the map has X-"),
        ({"opcodes": True}, sorted(XTRANS_NAMES)[0], "--opcodes is for Bayer filters, but the map has X-Trans filters"),
        ({"opcodes": True}, MONO, "--opcodes is for Bayer filters, but the map has none"),
    ],
)
def test_what_no_photo_of_the_map_allows_is_refused_before_the_first(options, name, problem, photos, tmp_path):
    sensor = replace(toy().sensor, cfa=Cfa(name))
    of_camera = replace(toy(), sensor=sensor, defects=(), columns=(), rows=())
    for run in (correct_photos, plan_corrections):
        with pytest.raises(FrameMismatchError, match=f"^{problem}"):
            run([photos], of_camera, tmp_path / "out", CorrectOptions(**options), on_skipped=pytest.fail)
