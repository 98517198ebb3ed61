"""Which folders are state folders, and the lock that keeps other runs out of one.

Nothing is changed in a folder of another program: one is ours if its lock, its catalogue or a shard says so, and a new
one is made only where nothing lies, or only what a killed run has left.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

from sensormap.errors import StateError
from sensormap.output import PART_ENDING, PART_OPENING
from sensormap.shards.catalogue import code_of, is_catalogue, words_of
from sensormap.shards.catalogue_file.schema import APPLICATION_ID
from sensormap.shards.file_format.reading_writing import opens_like_a_shard
from sensormap.shards.shard_folder import SHARDS, shard_files
from sensormap.urls import is_url, shown_url

CATALOGUE = "catalogue.sqlite"
"""Name of the catalogue in a state folder."""

_LOCK, _HOLDER = "lock.sqlite", "in-use.txt"
_HOLDER_OPENING = "process "
_OUR_NAME = re.compile(r"catalogue\.sqlite\.unusable-\d+.*|(?:catalogue|lock)\.sqlite-(?:wal|shm|journal)")
_BESIDE = ("", "-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_MEMBERS = (_HOLDER, *(name + ending for name in (_LOCK, CATALOGUE) for ending in _BESIDE))
_NAMES_A_FILE = bytes.fromhex("d9d505f920a163d7")  # what an SQLite journal ends with that has the name of another file
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def check_folder(folder: Path) -> None:
    """Refuse what must not become a state folder: a URL, and a folder that has anything else in it.

    Raises
    ------
    StateError
        If it is one of these, or cannot be read.
    """
    if is_url(folder):
        msg = f"{shown_url(str(folder))}: is a URL, expected a folder on this machine"
        raise StateError(msg)
    try:
        found = "" if not folder.is_dir() or _is_marked(folder) else _foreign_name(folder)
    except StateError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise _unreadable(folder, error) from error
    if found:
        msg = f"{folder}: is no state folder, but has {found} in it; expected a new or empty folder, or a state folder"
        raise StateError(msg)


def is_state(folder: Path) -> bool:
    """Tell whether something is a state folder that holds anything."""
    try:
        is_ours = folder.is_dir() and _is_marked(folder)
        return is_ours and (bool(shard_files(folder)) or (folder / CATALOGUE).exists())
    except StateError:
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from error


@contextmanager
def held(folder: Path, *, only_reads: bool = False) -> Iterator[None]:
    """Keep other runs out of a state folder that exists, as an open `State` does, and make or change nothing in it.

    Parameters
    ----------
    folder
        The folder.
    only_reads
        Whether nothing is written there. On a disk that is read-only no lock is taken then: nobody writes there.

    Raises
    ------
    StateError
        If it is no state folder, another run has it, or it cannot be written.
    """
    if is_url(folder):
        check_folder(folder)
    if not is_state(folder):
        what = "is no state folder" if folder.is_dir() else "is no folder" if folder.exists() else "does not exist"
        msg = f"{folder}: {what}, expected one that map --state has made"
        raise StateError(msg)
    with nullcontext() if only_reads and on_read_only_disk(folder) else lock_of(folder):
        yield


def on_read_only_disk(folder: Path) -> bool:
    """Tell whether a folder lies on a disk that is read-only; False where the system does not tell."""
    try:
        return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


@contextmanager
def lock_of(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder that is there.

    Raises
    ------
    StateError
        If another run has it, or it cannot be written.
    """
    lock, told = _locked(folder)
    try:
        yield
    finally:
        if told:
            with suppress(OSError):  # the folder may be gone
                (folder / _HOLDER).unlink()
        lock.close()


def take_away(folder: Path) -> None:
    """Delete a state folder that was just made and holds nothing, as far as possible; nobody may have its lock."""
    with suppress(OSError):
        (folder / SHARDS).rmdir()
        (folder / _LOCK).unlink(missing_ok=True)
        folder.rmdir()


def _locked(folder: Path) -> tuple[sqlite3.Connection, bool]:
    """Return what keeps other runs out until it is closed, and whether a file tells who has the folder.

    The system gives the lock free if this process is killed.
    """
    connection = None
    try:
        connection = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=MEMORY")  # on a full disk a journal could not be taken back
        connection.execute("BEGIN EXCLUSIVE")
        _mark(connection)
        return connection, _tell(folder / _HOLDER)
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        if code_of(error) in _BUSY:
            msg = f"{folder}: in use by {_holder(folder)}; expected a state folder that no other run has"
            raise StateError(msg) from error
        reason = (error.strerror if isinstance(error, OSError) else "") or words_of(error)
        msg = f"{folder}: cannot be written: {reason}"
        raise StateError(msg) from error


def _mark(connection: sqlite3.Connection) -> None:
    """Write into a lock that it is ours, unless it says so or there is no room; the lock is held before and after."""
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return
    try:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if code_of(error) not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")
    connection.execute("BEGIN EXCLUSIVE")


def _tell(path: Path) -> bool:
    """Write who has the folder, unless there is no room, or another program's file has that name; tell whether."""
    text = f"{_HOLDER_OPENING}{os.getpid()} on {platform.node()} since {datetime.now():%Y-%m-%d %H:%M}\n"
    if not _is_holder(path):
        return False
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        if error.errno not in _FULL:
            raise
    return True


def _holder(folder: Path) -> str:
    """Return who says that it has the folder."""
    try:
        with (folder / _HOLDER).open(encoding="utf-8", errors="replace") as file:
            return file.read(200).strip() or "another run"
    except OSError:
        return "another run"


def _is_holder(path: Path) -> bool:
    """Tell whether a file is ours that says who has a folder, or there is none."""
    if not path.exists():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_HOLDER_OPENING)) in (b"", _HOLDER_OPENING.encode("ascii"))


def _check_members(folder: Path) -> None:
    """Refuse a folder of which a member is a link, or leads SQLite to another file: that would be written or deleted.

    Raises
    ------
    StateError
        If there is one.
    OSError, ValueError
        If that cannot be found out.
    """
    _check_kind(folder / SHARDS, is_folder=True)
    shards = (path for path in shard_files(folder) if path.is_symlink())  # others that are no files count as damaged
    for path in (*(folder / name for name in _MEMBERS), *shards):
        _check_kind(path)
    for path in (folder / name for name in _MEMBERS if name.endswith("-journal")):
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(max(path.stat().st_size - len(_NAMES_A_FILE), 0))
            if file.read(len(_NAMES_A_FILE)) == _NAMES_A_FILE:
                msg = f"{path}: leads to another file, expected a journal of one file"
                raise StateError(msg)


def _check_kind(path: Path, *, is_folder: bool = False) -> None:
    """Refuse what is there but neither a file nor, where one is expected, a folder."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISDIR if is_folder else stat.S_ISREG)(mode):
        kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFREG: "a file"}
        found, expected = kinds.get(stat.S_IFMT(mode), "a pipe or device"), "a folder" if is_folder else "a file"
        msg = f"{path}: is {found}, expected {expected}"
        raise StateError(msg)


def _is_marked(folder: Path) -> bool:
    """Tell whether something in a folder says that it is a state folder."""
    _check_members(folder)
    lock, catalogue = folder / _LOCK, folder / CATALOGUE
    # The lock comes first, and not as a file: closing that would give free the lock of this process.
    if lock.is_file() and lock.stat().st_size and _is_lock(lock):
        return True
    if is_catalogue(catalogue) and catalogue.stat().st_size:
        return True
    return any(opens_like_a_shard(path) for path in shard_files(folder))


def _is_lock(path: Path) -> bool:
    """Tell whether an SQLite file is a lock of ours, held or not; nothing is made beside it."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, timeout=0)
        try:
            return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
        finally:
            connection.close()
    except sqlite3.Error:
        return False


def _foreign_name(folder: Path) -> str:
    """Return the name of something in a folder that no run has left there; "" if there is nothing. Hidden ones pass."""
    for path in sorted(folder.iterdir()):
        if path.name == SHARDS and path.is_dir():
            for one in sorted(path.iterdir()):
                is_part = one.name.startswith(PART_OPENING) and one.name.endswith(PART_ENDING)
                if not (is_part or one.name.startswith(".")):
                    return f"{SHARDS}/{one.name}"
        elif not (path.name.startswith(".") or _may_be_left(path)):
            return path.name
    return ""


def _may_be_left(path: Path) -> bool:
    """Tell whether a file may be what a run has left that was killed before its folder was marked."""
    if path.name == CATALOGUE:
        return is_catalogue(path)
    if path.name == _LOCK:
        return path.is_file() and (not path.stat().st_size or _is_lock(path))
    if path.name == _HOLDER:
        return _is_holder(path)
    return _OUR_NAME.fullmatch(path.name) is not None and is_catalogue(path.with_name(CATALOGUE))


def _unreadable(folder: Path, error: OSError | ValueError) -> StateError:
    return StateError(f"{folder}: cannot be read: {getattr(error, 'strerror', None) or error}")
