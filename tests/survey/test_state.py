"""Runs with a state folder: the same map whatever was known before, and only new photos are read."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sensormap import describe_state
from sensormap.errors import DecodeError, StateError
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.settings import Options
from sensormap.shards import cut
from sensormap.shards.catalogue_file.schema import VERSION
from sensormap.shards.shard_folder import ALGORITHM, file_digest, write_shard
from sensormap.shards.state import State
from sensormap.survey import run as module
from sensormap.survey.engines.shard_task import versions
from sensormap.survey.run import map_defects
from tests.support.photos import run, run_script, write_photos, write_profile

PHOTOS = 32
SMALL = "import sensormap.shards.cut as cut; cut.FEWEST, cut.MOST = 6, 12"
"""Shards of 6 to 18 photos in a process of its own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder of photos, and their profile."""
    folder = tmp_path_factory.mktemp("state")
    write_photos(folder / "photos", PHOTOS)
    (folder / "photos" / "DSC_0020.NEF").write_bytes(b"no photo")
    return folder / "photos", write_profile(folder)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "FEWEST", 6)
    monkeypatch.setattr(cut, "MOST", 12)


@contextmanager
def reading() -> Iterator[list[str]]:
    """Collect the names of the photos that are decoded meanwhile."""
    names: list[str] = []
    decode = module.read_frame

    def read(photo, *arguments, **options):
        names.append(photo.path.name)
        return decode(photo, *arguments, **options)

    module.read_frame = read
    try:
        yield names
    finally:
        module.read_frame = decode


def mapped(photos: list[Path] | Path, profile: Path, state: Path | None, **options: object) -> SensorMap:
    photos = photos if isinstance(photos, list) else [photos]
    return map_defects(photos, Options(profile=str(profile), state=state, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def expected(place: tuple[Path, Path]) -> str:
    """Return the map that is made without a state folder, of shards as small."""
    before = cut.FEWEST, cut.MOST
    cut.FEWEST, cut.MOST = 6, 12
    try:
        return map_text(mapped(*place, None))
    finally:
        cut.FEWEST, cut.MOST = before


def test_a_state_folder_changes_no_map_and_the_next_run_reads_nothing(
    place: tuple[Path, Path], expected: str, tmp_path: Path
) -> None:
    assert map_text(mapped(*place, tmp_path)) == expected
    with reading() as names:
        assert map_text(mapped(*place, tmp_path)) == expected
    assert names == []


@pytest.mark.parametrize("options", [{"follow": 0}, {"follow": 8}, {"jobs": 1}])
def test_other_options_give_the_maps_they_would_give_alone(
    place: tuple[Path, Path], options: dict[str, int], tmp_path: Path
) -> None:
    mapped(*place, tmp_path)
    alone = map_text(mapped(*place, None, **options))
    assert map_text(mapped(*place, tmp_path, **options)) == alone
    assert map_text(mapped(*place, tmp_path, **options)) == alone


@pytest.mark.parametrize("seed", range(2))
def test_portions_in_any_order_give_the_map_of_all(
    place: tuple[Path, Path], expected: str, seed: int, tmp_path: Path
) -> None:
    photos = sorted(place[0].iterdir())
    rng = random.Random(seed)
    rng.shuffle(photos)
    count = 4
    for number in range(1, count):
        mapped(photos[: number * len(photos) // count], place[1], tmp_path)
    assert map_text(mapped(photos, place[1], tmp_path)) == expected


def test_photos_added_at_the_end_leave_most_shards_as_they_were(place: tuple[Path, Path], tmp_path: Path) -> None:
    photos = sorted(place[0].iterdir())
    mapped(photos[:26], place[1], tmp_path, follow=0)
    with reading() as names:
        found = mapped(photos, place[1], tmp_path, follow=0)
    assert found == mapped(photos, place[1], None, follow=0)
    new = {path.name for path in photos[26:]}
    assert new <= set(names)
    assert len(names) - len(new) <= 2 * (cut.MOST + cut.FEWEST)


def test_moved_photos_are_known_by_their_bytes(place: tuple[Path, Path], expected: str, tmp_path: Path) -> None:
    mapped(*place, tmp_path / "state")
    shutil.copytree(place[0], tmp_path / "elsewhere")
    with reading() as names:
        assert map_text(mapped(tmp_path / "elsewhere", place[1], tmp_path / "state")) == expected
    leading = len(names)  # of the second pass only
    assert leading < PHOTOS
    assert len(set(names)) == leading


def test_a_changed_photo_is_read_again(place: tuple[Path, Path], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(place[0], photos)
    mapped(photos, place[1], tmp_path / "state")
    (photos / "DSC_0020.NEF").write_bytes((photos / "DSC_0031.NEF").read_bytes()[:-30000])
    (photos / "DSC_0031.NEF").unlink()
    with reading() as names:
        found = mapped(photos, place[1], tmp_path / "state")
    assert map_text(found) == map_text(mapped(photos, place[1], None))
    assert names


def test_skipped_photos_are_said_again_and_tried_again_if_asked_for(
    place: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 14)
    damaged = photos / "DSC_0005.NEF"
    damaged.write_bytes(damaged.read_bytes()[:-9000])
    found = mapped(photos, place[1], tmp_path / "state")
    assert [photo.name for photo in found.skipped] == [damaged.name]
    caplog.clear()
    with reading() as names:
        assert mapped(photos, place[1], tmp_path / "state") == found
    assert (names, sum(damaged.name in message for message in caplog.messages)) == ([], 1)
    with reading() as names:
        assert mapped(photos, place[1], tmp_path / "state", retry_skipped=True) == found
    assert damaged.name in names


def test_fresh_begins_anew(place: tuple[Path, Path], expected: str, tmp_path: Path) -> None:
    mapped(*place, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with reading() as names:
        assert map_text(mapped(*place, tmp_path, fresh=True)) == expected
    assert len(set(names)) == PHOTOS - 1  # one of them is no photo
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_without_a_state_folder_nothing_is_left_behind(place: tuple[Path, Path], tmp_path: Path) -> None:
    before = sorted(place[0].parent.rglob("*"))
    assert mapped(*place, None).settings["algorithm"] == ALGORITHM
    assert sorted(place[0].parent.rglob("*")) == before


# what was read, and what was not


def shards_of(state: Path) -> list[Path]:
    return sorted((state / "shards").glob("*.npz"))


def test_a_photo_that_is_completed_after_it_was_read_counts_next_time(
    place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    write_photos(photos, 8)
    half = photos / "DSC_0005.NEF"
    whole = half.read_bytes()
    half.write_bytes(whole[:-9000])

    def write(*arguments):
        half.write_bytes(whole)
        return write_shard(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("sensormap.shards.state.write_shard", write)
        assert [photo.name for photo in mapped(photos, place[1], tmp_path / "state").skipped] == [half.name]
    assert mapped(photos, place[1], tmp_path / "state") == mapped(photos, place[1], None)
    assert not mapped(photos, place[1], tmp_path / "state").skipped


@pytest.mark.parametrize("hashed", [False, True])
def test_a_photo_that_could_not_be_read_is_not_remembered(
    place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed: bool
) -> None:
    photos = write_photos(tmp_path / "photos", 8)
    state = tmp_path / "state"
    if hashed:  # before: the catalogue knows its bytes
        with State(state) as opened:
            assert opened.digests([read_photo(path) for path in photos], read=True)
    decode = module.read_frame

    def read(photo, *arguments, **options):
        if photo.path == photos[5]:
            msg = f"{photo.path.name}: the server answers with status 503"
            raise DecodeError(msg)
        return decode(photo, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "read_frame", read)
        assert [photo.name for photo in mapped(photos, place[1], state).skipped] == [photos[5].name]
    assert shards_of(state) == []
    assert describe_state(state).maps == 0
    assert mapped(photos, place[1], state) == mapped(photos, place[1], None)


def test_bytes_that_change_unnoticed_by_size_and_time_are_read_again(place: tuple[Path, Path], tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 8)
    mapped(photos, place[1], tmp_path / "state")
    before, content = photos[2].stat(), photos[2].read_bytes()
    photos[2].write_bytes(content[:-9000] + bytes(9000))
    os.utime(photos[2], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert photos[2].stat().st_size == before.st_size
    found = mapped(photos, place[1], tmp_path / "state")
    assert found == mapped(photos, place[1], None)
    assert [photo.name for photo in found.skipped] == [photos[2].name]


def test_new_photos_are_read_once(place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = sorted(place[0].iterdir())
    mapped(photos[:20], place[1], tmp_path)
    hashed: list[Path] = []
    monkeypatch.setattr("sensormap.shards.state.file_digest", lambda path: hashed.append(path) or file_digest(path))
    found = mapped(photos, place[1], tmp_path)
    assert found == mapped(photos, place[1], None)
    assert hashed == []


def test_shards_are_known_without_their_catalogue(
    place: tuple[Path, Path], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped(*place, tmp_path / "state")
    (tmp_path / "state" / "catalogue.sqlite").unlink()

    def survey(*_: object, **__: object) -> None:
        pytest.fail("a shard is surveyed that is known")

    monkeypatch.setattr("sensormap.survey.survey_shards.survey_shard", survey)
    assert map_text(mapped(*place, tmp_path / "state", jobs=2)) == expected
    shutil.copytree(place[0], tmp_path / "elsewhere")
    assert map_text(mapped(tmp_path / "elsewhere", place[1], tmp_path / "state")) == expected


def test_of_new_photos_few_are_read_twice_where_the_catalogue_was_lost(
    place: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_photos(tmp_path / "photos", 10)
    photos[3].write_bytes(photos[3].read_bytes()[:-9000])
    others = write_photos(tmp_path / "others", 10, first=40)
    state = tmp_path / "state"
    mapped(photos, place[1], state)
    (state / "catalogue.sqlite").unlink()
    hashed: list[Path] = []
    monkeypatch.setattr("sensormap.shards.state.file_digest", lambda path: hashed.append(path) or file_digest(path))
    assert mapped(others, place[1], state) == mapped(others, place[1], None)
    assert hashed == others[:2]  # one photo of that shard was skipped, and may be any
    hashed.clear()
    expected = mapped(photos, place[1], None)
    with monkeypatch.context() as patch:
        patch.setattr("sensormap.survey.survey_shards.survey_shard", lambda *_, **__: pytest.fail("surveyed again"))
        assert mapped(photos, place[1], state) == expected
    assert set(hashed) == set(photos)


def test_another_release_of_the_decoder_does_not_mix(
    place: tuple[Path, Path], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped(*place, tmp_path)
    before = shards_of(tmp_path)
    found = versions()
    monkeypatch.setattr("sensormap.decode.libraw.versions", lambda: ("rawpy 99", "LibRaw 99"))
    assert versions() != found
    with reading() as names:
        assert map_text(mapped(*place, tmp_path)) == expected
    assert len(set(names)) == PHOTOS - 1
    assert len(shards_of(tmp_path)) == 2 * len(before)


@pytest.mark.skipif(os.name == "nt", reason="no limit of file sizes there")
@pytest.mark.parametrize("most", [1024, 8192, 34_000])
def test_a_disk_without_room_for_the_catalogue(
    place: tuple[Path, Path], expected: str, tmp_path: Path, most: int
) -> None:
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))\n"
    process = run_script("map", place[0], "--profile", place[1], "--state", tmp_path / "new", patch=f"{limit}{SMALL}")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert output.decode() == expected
    assert errors.decode().count("the run goes on without keeping what it finds") == 1
    assert not (tmp_path / "new").exists()


# damaged, foreign and locked folders


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        path.write_bytes(data[:200] + bytes([data[200] ^ 16]) + data[201:])
    else:
        path.write_bytes(b"something else entirely, of another program")


@pytest.mark.parametrize("how", ["cut", "flipped", "foreign"])
@pytest.mark.parametrize("which", ["shards", "catalogue"])
def test_damage_is_said_and_done_again(
    place: tuple[Path, Path], expected: str, how: str, which: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mapped(*place, tmp_path)
    if which == "catalogue":
        damage(tmp_path / "catalogue.sqlite", how)
    else:
        for path in (tmp_path / "shards").iterdir():
            damage(path, how)
        with sqlite3.connect(tmp_path / "catalogue.sqlite") as catalogue:
            catalogue.execute("DELETE FROM maps")
    caplog.clear()
    assert map_text(mapped(*place, tmp_path)) == expected
    if (which, how) != ("catalogue", "flipped"):  # in a page that holds nothing
        assert any(str(tmp_path) in message for message in caplog.messages)
    with reading() as names:
        assert map_text(mapped(*place, tmp_path)) == expected
    assert names == []


def test_a_catalogue_of_another_version_is_put_aside(
    place: tuple[Path, Path], expected: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mapped(*place, tmp_path)
    with sqlite3.connect(tmp_path / "catalogue.sqlite") as catalogue:
        catalogue.execute("UPDATE about SET version = 7")
    assert map_text(mapped(*place, tmp_path)) == expected
    assert any(f"version 7, expected {VERSION}" in message for message in caplog.messages)
    assert (tmp_path / "catalogue.sqlite.unusable-1").exists()


def test_two_runs_cannot_have_one_folder(place: tuple[Path, Path], tmp_path: Path) -> None:
    with State(tmp_path), pytest.raises(StateError, match=rf"in use by process {os.getpid()} on "):
        mapped(*place, tmp_path)
    mapped(*place, tmp_path)


def test_a_folder_that_is_a_file(place: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    result = run("map", place[0], "--profile", place[1], "--state", tmp_path / "state", "-q")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'state'}: cannot be made: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes anywhere")
def test_a_folder_that_cannot_be_written(place: tuple[Path, Path], tmp_path: Path) -> None:
    mapped(*place, tmp_path)
    tmp_path.chmod(0o500)
    with pytest.raises(StateError, match="cannot be written"):
        mapped(*place, tmp_path)


def test_a_full_disk_is_said_once_and_the_map_is_made(
    place: tuple[Path, Path],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object, **__: object) -> None:
        msg = "x: cannot be written: No space left on device"
        raise StateError(msg)

    monkeypatch.setattr("sensormap.shards.shard_folder.write_atomically", full)
    assert map_text(mapped(*place, tmp_path)) == expected
    assert sum("without keeping" in message for message in caplog.messages) == 1


def test_options_that_need_a_state_folder(place: tuple[Path, Path]) -> None:
    for option in ("--fresh", "--retry-skipped"):
        result = run("map", place[0], option)
        assert result.exit_code == 2
        assert f"{option} needs --state" in result.stderr


# killed runs


def test_a_run_that_is_killed_goes_on(place: tuple[Path, Path], expected: str, tmp_path: Path) -> None:
    state, output = tmp_path / "state", tmp_path / "map.yaml"
    arguments = ["map", place[0], "-o", output, "--profile", place[1], "--state", state, "-q", "--overwrite"]
    rng, shards = random.Random(4), 0
    for _ in range(2):
        process = run_script(*arguments, patch=SMALL)
        wait_until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < wait_until:
            found = len(list((state / "shards").glob("*.npz"))) if (state / "shards").exists() else 0
            if found > shards:
                time.sleep(rng.random() * 0.3)
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        shards = len(list((state / "shards").glob("*.npz")))
    process = run_script(*arguments, patch=SMALL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert output.read_text(encoding="utf-8") == expected
    assert {path.suffix for path in (state / "shards").iterdir()} == {".npz"}


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    State(tmp_path).close()
    half = tmp_path / "shards" / ".sensormap-0123456789abcdef.part"
    half.write_bytes(b"half")
    State(tmp_path).close()
    assert not half.exists()
