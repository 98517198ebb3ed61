"""What a state folder knows of photos, in an SQLite file: headers, digests of bytes, and maps made of known photos.

The catalogue saves time and decides nothing: whatever is not in it is read again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from sensormap.errors import StateError
from sensormap.frame import PhotoPath, RemoteFile

log = logging.getLogger(__name__)

VERSION = 2
_TABLES = """
CREATE TABLE about (version INTEGER NOT NULL);
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE headers (path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, content TEXT NOT NULL);
CREATE TABLE maps (key TEXT PRIMARY KEY, content TEXT NOT NULL);
"""
_COLUMNS = {"about": 1, "files": 4, "headers": 4, "maps": 2}


@dataclass(frozen=True, order=True)
class FileDigest:
    """A photo's file as it was when it was read.

    Parameters
    ----------
    path
        Absolute path, as the system's bytes: it need not be valid text. Of a remote file its URL, without secrets.
    size, mtime_ns
        Size in bytes, and time of the last change in nanoseconds. Of a remote file, in place of the time, 64 bits of
        the SHA-256 of its ETag or time.
    digest
        SHA-256 of its bytes, hexadecimal.
    """

    path: bytes
    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True)
class FileHeader:
    """What the header of a photo's file said: file as in `FileDigest`, and the header as text."""

    path: bytes
    size: int
    mtime_ns: int
    content: str


class Catalogue:
    """The catalogue of a state folder, open until `close`; threads share it.

    Parameters
    ----------
    path
        The file; it is made if it does not exist. One that is damaged or of another version is put aside, which is
        logged, and a new one made.
    replace
        Whether that is done; if not, such a file is refused.

    Raises
    ------
    StateError
        If it can be neither read nor made.
    """

    def __init__(self, path: Path, *, replace: bool = True) -> None:
        self.path = path
        self._lock = Lock()  # a connection is in one transaction at a time
        try:
            self._connection = self._opened()
        except _UnusableError as error:
            if not replace:
                msg = f"{path}: {error}"
                raise StateError(msg) from error
            aside = _free_name(path)
            log.warning("%s: %s: put aside as %s; its photos are read again", path, error, aside.name)
            try:
                _move_aside(path, aside)
                self._connection = self._opened()
            except (OSError, _UnusableError) as again:
                msg = f"{path}: cannot be replaced: {again}"
                raise StateError(msg) from again

    def _opened(self) -> sqlite3.Connection:
        """Open the file, make its tables if there are none, and check that they are those of this version."""
        connection = None
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.executescript(f"BEGIN;{_TABLES}INSERT INTO about VALUES ({VERSION});COMMIT;")
            _check(connection)
        except sqlite3.OperationalError as error:
            if connection is not None:
                connection.close()
            msg = f"{self.path}: cannot be opened: {error}"
            raise StateError(msg) from error
        except (sqlite3.DatabaseError, _UnusableError) as error:
            if connection is not None:
                connection.close()
            raise _UnusableError(str(error)) from error
        return connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def digests(self, paths: Iterable[PhotoPath]) -> dict[PhotoPath, str]:
        """Return the digests of the files that have not changed since they were read."""
        found = {}
        for path in paths:
            row = self._one("SELECT size, mtime_ns, digest FROM files WHERE path = ?", file_key(path))
            if row is not None and row[:2] == _stat(path):
                found[path] = str(row[2])
        return found

    def header(self, file: FileDigest) -> str | None:
        """Return what the header of a file said, if the file has not changed since."""
        row = self._one("SELECT size, mtime_ns, content FROM headers WHERE path = ?", file.path)
        return str(row[2]) if row is not None and row[:2] == (file.size, file.mtime_ns) else None

    def keep_headers(self, headers: Iterable[FileHeader]) -> None:
        """Add headers, or replace what was known of their files; in one transaction."""
        rows = [(one.path, one.size, one.mtime_ns, one.content) for one in headers]
        with self._writing():
            self._connection.executemany("INSERT OR REPLACE INTO headers VALUES (?, ?, ?, ?)", rows)

    def remember(self, files: Iterable[FileDigest]) -> None:
        """Add files, or replace what was known of them; in one transaction."""
        self._add("REPLACE", files)

    def files(self) -> tuple[FileDigest, ...]:
        """Return all files, by path."""
        return tuple(FileDigest(*row) for row in self._all("SELECT * FROM files ORDER BY path"))

    def add_files(self, files: Iterable[FileDigest]) -> None:
        """Add files of another catalogue; what is known here stays."""
        self._add("IGNORE", files)

    def _add(self, otherwise: str, files: Iterable[FileDigest]) -> None:
        rows = [(one.path, one.size, one.mtime_ns, one.digest) for one in files]
        with self._writing():
            self._connection.executemany(f"INSERT OR {otherwise} INTO files VALUES (?, ?, ?, ?)", rows)

    def forget(self, digest: str) -> None:
        """Drop the files of a digest with their headers, and all maps, which may be of them."""
        with self._writing():
            named = "SELECT path FROM files WHERE digest = ?"
            self._connection.execute(f"DELETE FROM headers WHERE path IN ({named})", (digest,))
            self._connection.execute("DELETE FROM files WHERE digest = ?", (digest,))
            self._connection.execute("DELETE FROM maps")

    def map(self, key: str) -> Mapping[str, Any] | None:
        """Return what was kept under a key; None if nothing was, or it is damaged."""
        row = self._one("SELECT content FROM maps WHERE key = ?", key)
        try:
            found = json.loads(row[0]) if row else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def keep_map(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep a map, and what else its run had to say."""
        with self._writing():
            self._connection.execute("INSERT OR REPLACE INTO maps VALUES (?, ?)", (key, json.dumps(content)))

    def maps(self) -> int:
        """Return the number of maps that are kept."""
        row = self._one("SELECT count(*) FROM maps")
        return int(row[0]) if row else 0

    def _one(self, query: str, *values: str | bytes) -> tuple[Any, ...] | None:
        rows = self._all(query, *values)
        return rows[0] if rows else None

    def _all(self, query: str, *values: str | bytes) -> list[tuple[Any, ...]]:
        try:
            with self._lock:
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            msg = f"{self.path}: cannot be read: {error}"
            raise StateError(msg) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write in one transaction: all of it, or nothing."""
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:  # commits, or takes all back if anything goes wrong
                    yield
        except sqlite3.Error as error:
            msg = f"{self.path}: cannot be written: {error}"
            raise StateError(msg) from error


@contextmanager
def open_catalogue(path: Path) -> Iterator[Catalogue | None]:
    """Open a catalogue as it is: None if there is none, and one that is damaged is refused."""
    if not path.exists():
        yield None
        return
    catalogue = Catalogue(path, replace=False)
    try:
        yield catalogue
    finally:
        catalogue.close()


class _UnusableError(Exception):
    """A file that is no catalogue, a damaged one, or one of another version."""


def _check(connection: sqlite3.Connection) -> None:
    """Refuse tables of another program or version, and damage."""
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        msg = "damaged"
        raise _UnusableError(msg)
    for table, columns in _COLUMNS.items():
        if len(connection.execute(f"PRAGMA table_info({table})").fetchall()) != columns:
            msg = "made by another program or version"
            raise _UnusableError(msg)
    versions = connection.execute("SELECT version FROM about").fetchall()
    if versions != [(VERSION,)]:
        msg = f"version {versions[0][0] if versions else 'unknown'!s:.20}, expected {VERSION}"
        raise _UnusableError(msg)


def file_as_it_is(path: PhotoPath, digest: str) -> FileDigest | None:
    """Return a file with its size and time of now, of a remote one those that were found; `digest` goes with them.

    None where there is no file, or nothing would tell that a remote one has changed.
    """
    found = _stat(path)
    return None if found is None else FileDigest(file_key(path), *found, digest)


def file_key(path: PhotoPath) -> bytes:
    """Return what a catalogue has a file by: its absolute path, or its URL without secrets."""
    return path.url.encode("utf-8", "surrogateescape") if isinstance(path, RemoteFile) else os.fsencode(path.absolute())


def _stat(path: PhotoPath) -> tuple[int, int] | None:
    """Return size and time of the last change, or a number that changes with a remote file; None where not known."""
    if isinstance(path, RemoteFile):
        if path.size is None or path.version is None:
            return None
        number = hashlib.sha256(path.version.encode("utf-8", "surrogateescape")).digest()[:8]
        return path.size, int.from_bytes(number, signed=True)
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def _free_name(path: Path) -> Path:
    """Return a name beside a file that nothing has."""
    number = 1
    while (found := path.with_name(f"{path.name}.unusable-{number}")).exists():
        number += 1
    return found


def _move_aside(path: Path, aside: Path) -> None:
    """Rename a catalogue, and drop what SQLite keeps beside it."""
    path.rename(aside)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
