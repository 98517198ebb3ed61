"""Which folders become state folders: new and empty ones; what other programs have made stays as it is."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest

from sensormap import Options, check_state, describe_state, merge_states
from sensormap.errors import StateError
from sensormap.shards import state_folder, state_tools
from sensormap.shards.catalogue import Catalogue, FileDigest
from sensormap.shards.catalogue_file.schema import APPLICATION_ID
from sensormap.shards.file_format.archive import pack
from sensormap.shards.state import State
from sensormap.shards.state_folder import CATALOGUE
from tests.support.photos import refused, run, write_photos

NAME = f"shards/{'0a' * 32}.npz"


def database(path: Path, *, opened: bool = False) -> sqlite3.Connection | None:
    """Make a database of another program, with a row that is only beside it while it is open."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE files (path TEXT)")
    if opened:
        return connection
    connection.close()
    return None


def an_archive(folder: Path) -> None:
    file = io.BytesIO()
    np.savez(file, mine=np.arange(9))
    (folder / "shards").mkdir()
    (folder / NAME).write_bytes(file.getvalue())


def an_sqlite_lock(folder: Path) -> None:
    database(folder / "lock.sqlite")


FOREIGN: dict[str, Callable[[Path], object]] = {
    CATALOGUE: lambda folder: database(folder / CATALOGUE),
    "lock.sqlite": an_sqlite_lock,
    "in-use.txt": lambda folder: (folder / "in-use.txt").write_text("by me"),
    NAME: an_archive,
    "DSC_0000.NEF": lambda folder: write_photos(folder, 1),
    "notes.txt": lambda folder: (folder / "notes.txt").write_text("mine"),
}


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_of_another_program_is_refused_and_left_alone(name: str, fresh: bool, tmp_path: Path) -> None:
    FOREIGN[name](tmp_path)
    before = contents(tmp_path)
    with pytest.raises(StateError) as error:
        State(tmp_path, fresh=fresh)
    assert str(error.value) == (
        f"{tmp_path}: is no state folder, but has {name} in it; expected a new or empty folder, or a state folder"
    )
    with pytest.raises(StateError, match="is no state folder"):
        check_state(tmp_path, remove=True)
    with pytest.raises(StateError, match="is no state folder"):
        describe_state(tmp_path)
    assert contents(tmp_path) == before


def test_the_log_of_another_program_is_left_alone(tmp_path: Path) -> None:
    connection = database(tmp_path / CATALOGUE, opened=True)
    before = contents(tmp_path)
    assert f"{tmp_path / CATALOGUE}-wal" in before
    with pytest.raises(StateError, match="is no state folder"):
        State(tmp_path)
    assert contents(tmp_path) == before
    assert connection is not None
    connection.close()


def test_a_foreign_catalogue_in_a_state_folder_is_put_aside_with_its_log(tmp_path: Path) -> None:
    State(tmp_path).close()
    (tmp_path / CATALOGUE).unlink()
    connection = database(tmp_path / CATALOGUE, opened=True)
    log = (tmp_path / f"{CATALOGUE}-wal").read_bytes()
    State(tmp_path, fresh=True).close()
    assert (tmp_path / f"{CATALOGUE}.unusable-1-wal").read_bytes() == log
    assert connection is not None
    connection.close()


def test_fresh_drops_only_what_opens_as_ours(tmp_path: Path) -> None:
    State(tmp_path).close()
    (tmp_path / "shards").rmdir()
    an_archive(tmp_path)
    (tmp_path / "shards" / f"{'0b' * 32}.npz").write_bytes(pack([("summary.json", b"{}")]))
    State(tmp_path, fresh=True).close()
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "shards").iterdir()] == [NAME]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads everything")
def test_what_cannot_be_read_is_not_taken_for_ours(tmp_path: Path) -> None:
    (tmp_path / CATALOGUE).write_bytes(b"mine")
    (tmp_path / CATALOGUE).chmod(0)
    with pytest.raises(StateError, match="cannot be read"):
        State(tmp_path, fresh=True)
    assert (tmp_path / CATALOGUE).exists()


def an_empty_shards_folder(folder: Path) -> None:
    (folder / "shards").mkdir()
    (folder / "shards" / ".sensormap-0123.part").write_bytes(b"half")


def empty_files(folder: Path) -> None:
    for name in ("lock.sqlite", CATALOGUE, "in-use.txt"):
        (folder / name).touch()


def of_the_version_before(folder: Path) -> None:
    """A folder as version 2 made it, with nothing but the tables to tell it by."""
    (folder / "lock.sqlite").touch()
    with sqlite3.connect(folder / CATALOGUE) as connection:
        connection.executescript("CREATE TABLE about (version INTEGER NOT NULL); INSERT INTO about VALUES (2);")
    connection.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: None,
        lambda folder: (folder / ".hidden").touch(),
        an_empty_shards_folder,
        empty_files,
        of_the_version_before,
    ],
)
def test_what_a_killed_run_leaves_is_no_obstacle(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path)
    State(tmp_path).close()
    assert describe_state(tmp_path).photos == 0
    for name in ("lock.sqlite", CATALOGUE):
        connection = sqlite3.connect(tmp_path / name)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        connection.close()


def test_a_state_folder_may_lose_any_part(tmp_path: Path) -> None:
    State(tmp_path).close()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "lock.sqlite").unlink()
    State(tmp_path).close()
    (tmp_path / CATALOGUE).unlink()
    State(tmp_path).close()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_another_programs_file_is_not_taken_for_the_one_that_tells_who_has_the_folder(tmp_path: Path) -> None:
    State(tmp_path).close()
    (tmp_path / "in-use.txt").write_text("by me")
    State(tmp_path).close()
    assert (tmp_path / "in-use.txt").read_text() == "by me"


def test_a_folder_in_use_stays_so_whoever_looks_at_it(tmp_path: Path) -> None:
    with State(tmp_path):
        for _ in range(2):
            assert f"in use by process {os.getpid()}" in run("state", "show", tmp_path).stderr
        other = (
            "import sys; from pathlib import Path; from sensormap.shards.state import State; State(Path(sys.argv[1]))"
        )
        assert "in use" in _errors_of(other, tmp_path)


def _errors_of(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stderr


def test_a_folder_called_locked_is_not_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    State(folder).close()

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "no entry", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(StateError) as error:
        State(folder)
    assert str(error.value) == f"{folder}: cannot be written: no entry"


def test_a_catalogue_that_is_a_folder(tmp_path: Path) -> None:
    State(tmp_path).close()
    (tmp_path / CATALOGUE).unlink()
    (tmp_path / CATALOGUE).mkdir()
    expected = f"{tmp_path / CATALOGUE}: is a folder, expected a file"
    with pytest.raises(StateError) as error:
        State(tmp_path)
    assert str(error.value) == expected
    assert run("state", "show", tmp_path).stderr == f"Error: {expected}\n"


def test_a_catalogue_in_memory_is_one() -> None:
    catalogue = Catalogue(None)
    catalogue.keep_map("key", {"map": "1"})
    assert catalogue.map("key") == {"map": "1"}
    catalogue.close()


@pytest.mark.parametrize(
    "command",
    [
        ("map", "--state", "", "photos"),
        ("scan", "--state", "", "photos"),
        ("state", "show", ""),
        ("state", "forget", "", "photo"),
        ("state", "merge", "a", "-o", ""),
    ],
)
def test_no_name_is_not_the_current_folder(command: tuple[str, ...]) -> None:
    assert refused(click.BadParameter, *command) in ("state", "folder", "output")
    with pytest.raises(ValueError, match="'' names no folder"):
        Options(state="")


@pytest.mark.parametrize(
    "command",
    [
        ("map", "{photos}", "--state", "http://x/y"),
        ("scan", "{photos}", "--state", "http://x/y"),
        ("map", "{photos}", "-o", "http://x/y/"),
        ("state", "show", "http://x/y"),
    ],
)
def test_a_url_is_shown_as_it_was_typed(command: tuple[str, ...], tmp_path: Path) -> None:
    write_photos(tmp_path, 1)
    done = run(*(part.format(photos=tmp_path) for part in command))
    assert (done.exit_code, done.stderr) == (1, "Error: http://x/y: is a URL, expected a folder on this machine\n")


def test_merging_into_a_folder_of_photos_is_refused(tmp_path: Path) -> None:
    State(tmp_path / "a").close()
    write_photos(tmp_path / "photos", 1)
    with pytest.raises(StateError, match=r"has DSC_0000\.NEF in it"):
        merge_states([tmp_path / "a"], tmp_path / "photos")


def test_on_a_read_only_disk_a_state_folder_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "state"
    with State(folder) as state:
        state.add([FileDigest(b"/a.NEF", 1, 2, "0a")], [])
    (folder / "in-use.txt").unlink(missing_ok=True)
    before = contents(folder)
    monkeypatch.setattr(state_folder, "on_read_only_disk", lambda path: path == folder)
    monkeypatch.setattr(state_tools, "on_read_only_disk", lambda path: path == folder)
    refuse = sqlite3.OperationalError("attempt to write a readonly database")
    locked = state_folder._locked

    def only_elsewhere(path: Path) -> tuple[sqlite3.Connection, bool]:
        if path == folder:
            raise refuse
        return locked(path)

    monkeypatch.setattr(state_folder, "_locked", only_elsewhere)
    assert describe_state(folder).photos == 1
    assert not check_state(folder).damaged
    merge_states([folder], tmp_path / "merged")
    assert describe_state(tmp_path / "merged").photos == 1
    assert contents(folder) == before
