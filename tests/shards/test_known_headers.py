"""Headers that a state folder knows: the same photos as read anew, and no file is opened that has not changed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormap.errors import DecodeError, EditedError
from sensormap.photos.exif import read_photo
from sensormap.shards import known_headers as module
from sensormap.shards.state import State
from sensormap.shards.state_folder import CATALOGUE
from tests.support.photos import run, write_photos


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    write_photos(tmp_path / "photos", 3)
    return sorted((tmp_path / "photos").iterdir())


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Collect the files whose headers are read."""
    paths: list[Path] = []

    def read(path: Path):
        paths.append(path)
        return read_photo(path)

    monkeypatch.setattr(module, "read_photo", read)
    return paths


def test_known_headers_are_not_read_again(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    for _ in range(2):
        with State(tmp_path / "state") as state:
            assert [state.read_photo(path) for path in photos] == [read_photo(path) for path in photos]
    assert opened == photos


@pytest.mark.parametrize("change", [lambda path: os.utime(path, (1, 1)), lambda path: path.write_bytes(b"II*\0")])
def test_a_changed_file_is_read_again(photos: list[Path], tmp_path: Path, opened: list[Path], change) -> None:
    with State(tmp_path / "state") as state:
        state.read_photo(photos[0])
    change(photos[0])
    with State(tmp_path / "state") as state:
        assert state.read_photo(photos[0]) == read_photo(photos[0])
    assert opened == photos[:1] * 2


def test_a_file_that_has_another_ones_size_and_time_is_read_again(
    photos: list[Path], tmp_path: Path, opened: list[Path]
) -> None:
    with State(tmp_path / "state") as state:
        state.read_photo(photos[0])
    before = photos[0].stat()
    photos[0].write_bytes(photos[0].read_bytes())
    os.utime(photos[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    with State(tmp_path / "state") as state:
        state.read_photo(photos[0])
    assert opened == photos[:1] * 2


def test_a_lost_file_is_an_error(photos: list[Path], tmp_path: Path) -> None:
    with State(tmp_path / "state") as state:
        state.read_photo(photos[0])
        photos[0].unlink()
        with pytest.raises(DecodeError, match="cannot be read"):
            state.read_photo(photos[0])


def test_an_edited_photo_is_remembered_as_such(
    photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path):
        msg = f"{path.name}: edited"
        raise EditedError(msg)

    monkeypatch.setattr(module, "read_photo", refuse)
    with State(tmp_path / "state") as state, pytest.raises(EditedError):
        state.read_photo(photos[0])
    monkeypatch.setattr(module, "read_photo", None)
    with State(tmp_path / "state") as state, pytest.raises(EditedError, match="edited"):
        state.read_photo(photos[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 10_000,
        "null",
        "[1, 2]",
        '[9, "0", []]',
        '[1, "{version}", [["a", "b", "c"], [100.5, 1, null, 1, 1, true], null]]',
        '[1, "{version}", [["a", "b", "c"], [100, 1.0, "yesterday", 1, 1, true], null]]',
        '[1, "{version}", [["a", "b", "c"], [100, 1.0, null, 1, 1, true], [1]]]',
    ],
)
def test_what_is_damaged_is_read_again(photos: list[Path], tmp_path: Path, opened: list[Path], text: str) -> None:
    with State(tmp_path / "state") as state:
        state.read_photo(photos[0])
    with sqlite3.connect(tmp_path / "state" / CATALOGUE) as catalogue:
        catalogue.execute("UPDATE headers SET content = ?", (text.replace("{version}", module.__version__),))
    with State(tmp_path / "state") as state:
        assert state.read_photo(photos[0]) == read_photo(photos[0])
    assert opened == photos[:1] * 2


def test_a_flipped_bit_is_no_other_iso(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    with State(tmp_path / "state") as state:
        found = state.read_photo(photos[0])
    with sqlite3.connect(tmp_path / "state" / CATALOGUE) as catalogue:
        ((content,),) = catalogue.execute("SELECT content FROM headers").fetchall()
        assert str(found.exposure.iso) in content
        changed = content.replace(str(found.exposure.iso), str(found.exposure.iso + 1))
        catalogue.execute("UPDATE headers SET content = ?", (changed,))
    with State(tmp_path / "state") as state:
        assert state.read_photo(photos[0]) == read_photo(photos[0])
    assert opened == photos[:1] * 2


def test_scan_keeps_headers_for_scan_and_map(photos: list[Path], tmp_path: Path, opened: list[Path]) -> None:
    first = run("scan", tmp_path / "photos", "--state", tmp_path / "state")
    assert len(opened) == len(photos)
    assert run("scan", tmp_path / "photos", "--state", tmp_path / "state").stdout == first.stdout
    assert len(opened) == len(photos)
    run("map", tmp_path / "photos", "--state", tmp_path / "state", "--no-follow")
    assert len(opened) == len(photos)
