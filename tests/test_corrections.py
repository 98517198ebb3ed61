"""Correcting photos by a map: what changes in which file, what is refused, and that nothing is half done."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

import sensormap.correct.one
import sensormap.output
from fixtures.jpeg import jpeg_bytes
from fixtures.nef import NefMeta, nef_bytes, quantise
from sensormap.camera import Body, Rect
from sensormap.cfa import Cfa
from sensormap.cli.main import main
from sensormap.corrections import Told, Wishes, correct_photos
from sensormap.decode import read_photo
from sensormap.decode.jpeg import read_jpeg
from sensormap.decode.libraw import open_raw, raw_values
from sensormap.defects import Between, Column, DefectKind, FrameSummary, SensorMap
from sensormap.errors import DecodeError, OutputError
from sensormap.mapfile import write_map
from sensormap.sensor import Sensor
from tests.maps import toy_defect

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


def correct(arguments, folder, sensor_map=None, **wishes):
    """Return what was corrected, and what was refused."""
    refused = []
    arguments = arguments if isinstance(arguments, list) else [arguments]
    done = correct_photos(arguments, sensor_map or toy(), folder, Wishes(**wishes), Told(refuse=refused.append))
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
    assert [(one.chosen.unborn, one.chosen.hidden) for one in done] == [(1, 1), (0, 1)]
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


def test_all_repairs_everything(photos, tmp_path):
    correct(photos / "DSC_1.NEF", tmp_path / "out", every=True)
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


@pytest.mark.parametrize("wishes", [{}, {"dng": True}, {"opcodes": True}, {"method": "weighted8"}])
def test_a_corrected_copy_is_known_for_one(wishes, photos, tmp_path):
    """What it shows of the sensor would spoil a map, and it has nothing left to correct."""
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    done, _ = correct(photos, tmp_path / "out", **wishes)
    assert len(done) == (2 if "dng" in wishes or "opcodes" in wishes else 3)
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
    done, refused = correct(path, tmp_path / "dng", dng=True)
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
    for wishes in ({"method": "subtract"}, {"dng": True}, {"opcodes": True}):
        done, refused = correct(photos / "DSC_2.JPG", tmp_path / "out", **wishes)
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


def test_files_that_exist_are_replaced_only_if_asked(photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "DSC_2.NEF").write_bytes(b"mine")
    done, refused = correct(photos, out)
    assert len(done) == 1
    assert "exists already; --overwrite replaces it" in refused[0]
    assert (out / "DSC_2.NEF").read_bytes() == b"mine"
    done, refused = correct(photos, out, overwrite=True)
    assert (len(done), refused) == (2, [])


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

    monkeypatch.setattr(sensormap.correct.one, "with_values", wrong)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("differ" in line for line in refused)
    assert not (tmp_path / "out").exists()


def test_a_jpeg_that_decodes_otherwise_than_meant_is_not_kept(photos, tmp_path, monkeypatch):
    (photos / "DSC_2.JPG").write_bytes(taken_for_rgb(jpeg_bytes(picture(), meta())))
    monkeypatch.setattr("sensormap.decode.markers.stores_rgb", lambda header: False)
    done, refused = correct(photos / "DSC_2.JPG", tmp_path / "out")
    assert done == ()
    assert "DSC_2.JPG: corrected, but" in refused[0]
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_too_large_for_the_memory_does_not_end_the_run(photos, tmp_path, monkeypatch):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(sensormap.correct.one, "find_repairs", greedy)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("too large for the memory" in line for line in refused)


def test_a_large_image_is_refused_before_it_is_decoded(photos, tmp_path, monkeypatch):
    iio.imwrite(photos / "frame.png", np.zeros((600, 800), np.uint16))
    monkeypatch.setattr(sensormap.correct.one, "read_image", pytest.fail)
    _, refused = correct(photos / "frame.png", tmp_path / "out")
    assert "raw grid of 800 x 600, but the map is of 192 x 128 GBRG" in refused[0]


def test_a_full_disk_leaves_no_half_file(photos, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sensormap.output.os, "fsync", full)
    done, refused = correct(photos, tmp_path / "out")
    assert done == ()
    assert all("No space left on device" in line for line in refused)
    assert list((tmp_path / "out").iterdir()) == []


def test_entries_known_from_jpegs_only_are_left_alone_in_raw_photos(photos, tmp_path):
    frames = replace(toy().frames, jpegs=3)
    entries = (defect(HOT), defect(STUCK, radius=2))
    sensor_map = toy(columns=(), defects=entries, source="raw+jpeg", frames=frames)
    done, _ = correct(photos / "DSC_2.NEF", tmp_path / "out", sensor_map)
    assert (done[0].repaired, done[0].chosen.vague) == (1, 1)


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
    assert "DSC_1.NEF  DSC_1.NEF         83  1 born later, 1 not visible at this exposure" in result.stdout
    assert command(map_file, photos, "-q", "-o", tmp_path / "quiet").stdout == ""


def test_the_command_says_how_the_rest_of_jpegs_changed(photos, map_file, tmp_path):
    (photos / "DSC_2.JPG").write_bytes(jpeg_bytes(picture(), meta()))
    result = command(map_file, photos / "DSC_2.JPG", "-o", tmp_path / "fixed")
    assert "the rest of the picture, outside the repaired blocks, changed by 0.0" in result.stdout


def test_the_command_fails_where_a_photo_was_not_corrected(photos, map_file, tmp_path):
    (photos / "DSC_3.NEF").write_bytes(b"")
    result = command(map_file, photos, "-o", tmp_path / "fixed")
    assert result.exit_code == 1
    assert "skipped DSC_3.NEF" in result.stderr
    assert "1 photo could not be corrected" in result.stderr
    assert "2 photos corrected" in result.stdout


def test_check_writes_nothing_and_reports_every_method(photos, map_file, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    result = command(map_file, photos, "--check")
    assert result.exit_code == 0
    assert "healthy photosites of 2 photos, repaired as if defective" in result.stdout
    for method in ("directional", "mean", "median", "dcraw", "weighted8"):
        assert f"\n{method}" in result.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "-o FOLDER says where corrected photos go"),
        (("--check", "-o", "x"), "--check writes nothing"),
        (("-o", "x", "--method", "magic"), "'magic' is not one of"),
        (("-o", "x", "--jobs", "0"), "0 is not in the range"),
        (("-o", "x", "--opcodes", "--method", "mean"), "--method mean does not go with --opcodes"),
        (("-o", ""), "-o FOLDER says where corrected photos go"),
        (("--check", "--method", "mean"), "--method mean does not go with --check"),
    ],
)
def test_wrong_usage(options, message, photos, map_file):
    result = command(map_file, photos, *options)
    assert result.exit_code == 2
    assert message in result.stderr


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
