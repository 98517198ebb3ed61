"""Maps of many bodies: each is the one that its photos alone make, and whatever goes wrong with one stays with it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormap.camera import profile_files
from sensormap.errors import DecodeError, OutputError, ProfileError
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.settings import Options
from sensormap.survey.bodies import BodyMaps, map_bodies
from sensormap.survey.run import map_defects
from tests.support.photos import SERIAL, nef, run, write_photos, write_profile

HOSTILE = "../../x"
FAST = Options(follow=0)


@pytest.fixture(autouse=True)
def cameras(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Know the small camera only, under the names of two models."""
    folder = tmp_path_factory.mktemp("cameras")
    write_profile(folder).rename(folder / "nikon-d80.yaml")
    text = (folder / "nikon-d80.yaml").read_text()
    (folder / "nikon-d50.yaml").write_text(text.replace("NIKON D80", "NIKON D50"))
    monkeypatch.setattr(profile_files, "_folder", lambda: folder)
    profile_files.list_profiles.cache_clear()
    yield
    profile_files.list_profiles.cache_clear()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of photos of three bodies that can be mapped and of one that cannot, all in one heap."""
    folder = tmp_path / "photos"
    write_photos(folder, 3)
    write_photos(folder, 3, first=10, serial=HOSTILE)
    write_photos(folder, 3, first=20, serial=None, model="NIKON D50")
    write_photos(folder, 1, first=30, serial="77")
    return folder


def made(maps: BodyMaps) -> dict[str, Path]:
    """Return the maps that were made, by serial number."""
    return {one.body.serial: one.path for one in maps.bodies if not one.problem}


@pytest.mark.parametrize("options", [FAST, Options(jobs=2)], ids=["first pass", "both passes"])
def test_each_map_is_the_one_that_the_photos_of_its_body_alone_make(
    photos: Path, tmp_path: Path, options: Options
) -> None:
    maps = map_bodies([photos], tmp_path / "maps", options)
    places = made(maps)
    assert set(places) == {SERIAL, HOSTILE, ""}
    for serial, first in ((SERIAL, 0), (HOSTILE, 10), ("", 20)):
        alone = [photos / f"DSC_{number:04}.NEF" for number in range(first, first + 3)]
        expected = map_defects(alone, options)
        assert places[serial].read_text() == map_text(expected)
        (told,) = (one for one in maps.bodies if one.body.serial == serial)
        assert (told.photos, told.defects) == (expected.frames.used, len(expected.defects))
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == sorted(path.name for path in places.values())
    assert [one.body.serial for one in maps.too_few] == ["77"]


def test_the_order_of_files_and_arguments_does_not_matter(photos: Path, tmp_path: Path) -> None:
    first = made(map_bodies([photos], tmp_path / "first", FAST))
    for number, path in enumerate(sorted(photos.iterdir())):
        folder = tmp_path / "elsewhere" / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    second = made(map_bodies([tmp_path / "elsewhere" / name for name in "201"], tmp_path / "second", FAST))
    for serial, path in first.items():
        assert (second[serial].name, second[serial].read_bytes()) == (path.name, path.read_bytes())


def test_names_tell_the_body_and_lie_in_the_folder_whatever_the_serial_number(photos: Path, tmp_path: Path) -> None:
    places = made(map_bodies([photos], tmp_path / "maps", FAST))
    assert places[SERIAL].name == f"nikon-d80_{SERIAL}.yaml"
    assert places[""].name == "nikon-d50_unknown.yaml"
    assert all(path.parent == tmp_path / "maps" for path in places.values())
    assert not (tmp_path / "x").exists()
    assert read_map(places[HOSTILE]).body.serial == HOSTILE


def test_a_body_that_fails_ends_nothing(photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        (photos / f"DSC_{number:04}.NEF").write_bytes(nef(number)[:4000])  # EXIF, and no more
    maps = map_bodies([photos], tmp_path / "maps", FAST)
    assert set(made(maps)) == {HOSTILE, ""}
    (failed,) = (one for one in maps.bodies if one.problem)
    assert failed.body.serial == SERIAL
    assert (failed.photos, failed.path.exists()) == (0, False)
    assert any("not mapped: no usable photo" in record.getMessage() for record in caplog.records)


def test_too_little_memory_for_one_body_ends_nothing(photos: Path, tmp_path: Path) -> None:
    from sensormap.decode.reading import read_frame

    def read(photo, profile):
        if photo.body.serial == SERIAL:
            raise MemoryError
        return read_frame(photo, profile)

    maps = map_bodies([photos], tmp_path / "maps", Options(follow=0, jobs=1), read=read)
    assert set(made(maps)) == {HOSTILE, ""}
    assert ["memory" in one.problem for one in maps.bodies if one.problem] == [True]


def test_what_lies_there_stays_unless_it_may_be_replaced(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    first = made(map_bodies([photos], folder, FAST))
    first[""].unlink()
    first[HOSTILE].write_bytes(b"something else")
    again = map_bodies([photos], folder, FAST)
    assert set(made(again)) == {""}
    assert all("exists already" in one.problem for one in again.bodies if one.problem)
    replaced = map_bodies([photos], folder, FAST, overwrite=True)
    assert set(made(replaced)) == {"", SERIAL}
    assert first[HOSTILE].read_bytes() == b"something else"


def test_one_body_is_a_map_in_the_folder_too(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 3)
    maps = map_bodies([tmp_path / "photos"], tmp_path / "maps", FAST)
    assert made(maps)[SERIAL].read_text() == map_text(map_defects([tmp_path / "photos"], FAST))


def test_a_serial_number_or_a_profile_chooses(photos: Path, tmp_path: Path) -> None:
    assert set(made(map_bodies([photos], tmp_path / "a", Options(follow=0, serial=HOSTILE)))) == {HOSTILE}
    assert set(made(map_bodies([photos], tmp_path / "b", Options(follow=0, profile="nikon-d50")))) == {""}


def test_strictly_a_photo_that_cannot_be_used_ends_its_body_and_one_of_no_body_the_run(
    photos: Path, tmp_path: Path
) -> None:
    strict = Options(follow=0, strict=True)
    (photos / "copy.NEF").write_bytes(nef(1))
    maps = map_bodies([photos], tmp_path / "maps", strict)
    assert set(made(maps)) == {HOSTILE, ""}
    (photos / "empty.NEF").touch()
    with pytest.raises(DecodeError, match=r"empty\.NEF: is empty"):
        map_bodies([photos], tmp_path / "again", strict)


def test_what_is_left_out_is_told(photos: Path, tmp_path: Path) -> None:
    (photos / "empty.NEF").touch()
    (photos / "a.xmp").touch()
    maps = map_bodies([photos], tmp_path / "maps", FAST)
    assert sorted((one.count, one.example) for one in maps.left_out) == [(1, "a.xmp"), (1, "empty.NEF")]


def test_progress_is_told_of_all_bodies_together(photos: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    map_bodies([photos], tmp_path / "maps", Options(follow=0, jobs=1), progress=lambda *numbers: told.append(numbers))
    assert told == [(done, 9) for done in range(10)]


def test_a_folder_that_is_none_is_told(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    for folder in ("file", "loop", "file/maps", "a\0b"):
        with pytest.raises(OutputError, match="cannot be made: "):
            map_bodies([photos], tmp_path / folder, FAST)


def test_no_photos_and_no_profile_are_told(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="no photos found"):
        map_bodies([tmp_path], tmp_path / "maps", FAST)
    with pytest.raises(ProfileError, match="'nonsense' is not a camera profile"):
        map_bodies([tmp_path], tmp_path / "maps", Options(profile="nonsense"))


# the command


def test_the_command_says_what_came_of_each_camera(photos: Path, tmp_path: Path) -> None:
    result = run("map", photos, "-o", f"{tmp_path}/maps/", "--no-follow")
    assert result.exit_code == 0
    assert result.stdout.startswith("3 cameras mapped\n")
    assert re.search(rf"NIKON D80  {SERIAL} +3 +\d+ +\d+  ", result.stdout)
    assert "1 camera with too few photos" in result.stdout
    assert len(list((tmp_path / "maps").iterdir())) == 3
    again = run("map", photos, "-o", tmp_path / "maps", "--no-follow")  # a folder now
    assert again.exit_code == 1
    assert again.stderr.endswith("Error: 3 of 3 cameras could not be mapped\n")
    assert again.stdout.startswith("0 cameras mapped\n")
    assert run("map", photos, "-o", tmp_path / "maps", "--no-follow", "--overwrite", "-qq").output == ""


def test_the_command_fails_where_no_camera_took_enough_photos(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 1)
    result = run("map", tmp_path / "photos", "-o", f"{tmp_path}/maps/")
    assert (result.exit_code, result.stderr) == (1, "Error: no camera took enough photos\n")


def test_a_name_without_a_slash_is_a_file(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 3)
    assert run("map", tmp_path / "photos", "-o", tmp_path / "maps", "--no-follow").exit_code == 0
    assert read_map(tmp_path / "maps").frames.used == 3
