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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from sensormap.errors import StateError
from sensormap.frame import PhotoPath, RemoteFile
from sensormap.photos.files import size_and_version
from sensormap.shards.catalogue_file.schema import (
    ABOUT,
    APPLICATION_ID,
    MAX_VALUE_BYTES,
    UnusableError,
    check,
    connect,
    make_tables,
)
from sensormap.shards.sealed import sealed, unsealed
from sensormap.threads import exit_if_interrupted

log = logging.getLogger(__name__)

_SQLITE, _ID_AT, _HEAD = b"SQLite format 3\0", 68, 4096
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk is full, or cannot be read or written",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "access denied, or the disk is full",
    sqlite3.SQLITE_PERM: "access denied",
    sqlite3.SQLITE_BUSY: "another program has it open",
    sqlite3.SQLITE_LOCKED: "another program has it open",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "is no SQLite file",
    sqlite3.SQLITE_TOOBIG: "damaged: a value is too long",
}


@dataclass(frozen=True, order=True)
class FileDigest:
    """A photo's file as it was when it was read.

    Parameters
    ----------
    path
        Absolute path, as the system's bytes: it need not be valid text. Of a remote file its URL, without secrets.
    size, stamp
        Size in bytes, and a number that changes with the file: 64 bits of the SHA-256 of its times of change and its
        inode, where the system has them; of a remote file, of its ETag or time.
    digest
        SHA-256 of its bytes, hexadecimal.
    """

    path: bytes
    size: int
    stamp: int
    digest: str


@dataclass(frozen=True)
class FileHeader:
    """What the header of a photo's file said: file as in `FileDigest`, and the header as text."""

    path: bytes
    size: int
    stamp: int
    content: str


@dataclass(frozen=True, order=True)
class ListedShard:
    """A shard of which it is known how large its photos are: what `sizes_of` returns of them, and its fingerprint."""

    sizes: str
    name: str


class NoRoomError(StateError):
    """A catalogue that cannot be made, perhaps since the disk is full."""


class Catalogue:
    """The catalogue of a state folder, open until `close`; threads share it.

    Parameters
    ----------
    path
        The file; it is made if it does not exist. One that is damaged or of another version is put aside, which is
        logged, and a new one made. None makes one in memory.
    replace
        Whether that is done; if not, such a file is refused.

    Raises
    ------
    StateError
        If it can be neither read nor made; `NoRoomError` if perhaps the disk is full.
    """

    def __init__(self, path: Path | None, *, replace: bool = True) -> None:
        self.path = path
        self._lock = Lock()  # a connection is in one transaction at a time
        try:
            self._connection = self._opened()
        except UnusableError as error:
            if path is None or not replace:
                msg = f"{path}: {error}"
                raise StateError(msg) from error
            aside = _free_name(path)
            log.warning("%s: %s: put aside as %s; its photos are read again", path, error, aside.name)
            try:
                _move_aside(path, aside)
                self._connection = self._opened()
            except (OSError, UnusableError) as again:
                msg = f"{path}: cannot be replaced: {getattr(again, 'strerror', None) or again}"
                raise StateError(msg) from again

    def _opened(self) -> sqlite3.Connection:
        """Open the file, make its tables if there are none, and check that they are those of this version."""
        is_new = self.path is not None and not self.path.exists()
        if self.path is not None and not is_new:
            try:
                is_ours = is_catalogue(self.path)
            except OSError as error:
                msg = f"{self.path}: cannot be opened: {error.strerror}"
                raise StateError(msg) from error
            if not is_ours:  # it is not opened: SQLite would touch what is beside it
                msg = "damaged, or of another program"
                raise UnusableError(msg)
        connection = None
        try:
            connection = connect(str(self.path or ":memory:"))
            if not connection.execute("SELECT count(*) FROM (SELECT 1 FROM sqlite_master LIMIT 1)").fetchone()[0]:
                make_tables(connection)
            check(connection)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("SELECT version FROM about").fetchone()  # takes room for what lies beside the file
        except (sqlite3.DatabaseError, UnicodeDecodeError, UnusableError) as error:
            if connection is not None:
                connection.close()
            if is_new and self.path is not None:
                _remove(self.path)
            exit_if_interrupted()
            if not isinstance(error, sqlite3.OperationalError):
                raise UnusableError(words_of(error)) from error
            full = code_of(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
            msg = f"{self.path}: cannot be opened: {words_of(error)}"
            raise (NoRoomError if full else StateError)(msg) from error
        return connection

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def digests(self, paths: Iterable[PhotoPath]) -> dict[PhotoPath, str]:
        """Return the digests of the files that have not changed since they were read."""
        found = {}
        for path in paths:
            row = self._one("SELECT size, stamp, digest FROM files WHERE path = ?", file_key(path))
            if row is not None and row[:2] == _stat(path):
                found[path] = str(row[2])
        return found

    def header(self, file: FileDigest) -> str | None:
        """Return what the header of a file said, if the file has not changed since."""
        row = self._one("SELECT size, stamp, content FROM headers WHERE path = ?", file.path)
        if row is None or row[:2] != (file.size, file.stamp):
            return None
        return unsealed(row[2], file.path, file.size, file.stamp)

    def keep_headers(self, headers: Iterable[FileHeader]) -> None:
        """Add headers, or replace what was known of their files; in one transaction."""
        about = [((one.path, one.size, one.stamp), one.content) for one in headers]
        rows = [(*of, sealed(content, *of)) for of, content in about]
        with self._writing():
            self._connection.executemany("INSERT OR REPLACE INTO headers VALUES (?, ?, ?, ?)", rows)

    def remember(self, files: Iterable[FileDigest], shards: Iterable[ListedShard] = ()) -> None:
        """Add files, or replace what was known of them, and shards; in one transaction."""
        self._add("REPLACE", files, shards)

    def files(self) -> tuple[FileDigest, ...]:
        """Return all files, by path."""
        return tuple(FileDigest(*row) for row in self._all("SELECT * FROM files ORDER BY path"))

    def shards(self) -> tuple[ListedShard, ...]:
        """Return all shards that were remembered; of some the files may be gone."""
        return tuple(ListedShard(*row) for row in self._all("SELECT sizes, name FROM shards ORDER BY sizes, name"))

    def shards_of(self, sizes: str) -> set[str]:
        """Return the fingerprints of the shards whose photos have some sizes."""
        return {str(row[0]) for row in self._all("SELECT name FROM shards WHERE sizes = ?", sizes)}

    def header_paths(self) -> set[bytes]:
        """Return the paths of the files whose headers are known."""
        return {bytes(row[0]) for row in self._all("SELECT path FROM headers")}

    def add(self, files: Iterable[FileDigest], shards: Iterable[ListedShard]) -> None:
        """Add what another catalogue knows; what is known here stays."""
        self._add("IGNORE", files, shards)

    def _add(self, otherwise: str, files: Iterable[FileDigest], shards: Iterable[ListedShard]) -> None:
        rows = [(one.path, one.size, one.stamp, one.digest) for one in files]
        listed = [(one.sizes, one.name) for one in shards]
        with self._writing():
            self._connection.executemany(f"INSERT OR {otherwise} INTO files VALUES (?, ?, ?, ?)", rows)
            self._connection.executemany("INSERT OR IGNORE INTO shards VALUES (?, ?)", listed)

    def forget(self, paths: Iterable[bytes], shards: Iterable[str]) -> None:
        """Drop files by path, with their headers, and shards by fingerprint; and all maps, which may be of them."""
        files, names = [(path,) for path in paths], [(name,) for name in shards]
        with self._writing():
            self._connection.executemany("DELETE FROM headers WHERE path = ?", files)
            self._connection.executemany("DELETE FROM files WHERE path = ?", files)
            self._connection.executemany("DELETE FROM shards WHERE name = ?", names)
            self._connection.execute("DELETE FROM maps")

    def map(self, key: str) -> Mapping[str, Any] | None:
        """Return what was kept under a key; None if nothing was, or it is damaged."""
        row = self._one("SELECT content FROM maps WHERE key = ?", key)
        try:
            found = json.loads(unsealed(row[0], key) or "null") if row else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def keep_map(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep a map, and what else its run had to say, unless that is very long."""
        kept = sealed(json.dumps(content), key)
        if len(kept) >= MAX_VALUE_BYTES - len(key) - 100:  # SQLite bounds the row
            log.info("the map is too long to be kept in %s: the next run makes it again", self.path)
            return
        with self._writing():
            self._connection.execute("INSERT OR REPLACE INTO maps VALUES (?, ?)", (key, kept))

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
        except (sqlite3.Error, UnicodeDecodeError) as error:
            exit_if_interrupted()
            msg = f"{self.path}: cannot be read: {words_of(error)}"
            raise StateError(msg) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Write in one transaction: all of it, or nothing."""
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:  # commits, or takes all back if anything goes wrong
                    yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            exit_if_interrupted()
            msg = f"{self.path}: cannot be written: {words_of(error)}"
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


def is_catalogue(path: Path) -> bool:
    """Tell by its opening whether a file is a catalogue, of any version, damaged perhaps, or empty.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    is_ours = head[_ID_AT : _ID_AT + 4] == APPLICATION_ID.to_bytes(4) or ABOUT.encode() in head  # as before version 3
    return not head or (head.startswith(_SQLITE) and is_ours)


def code_of(error: BaseException) -> int:
    """Return the primary result code of an SQLite error; 0 of another one."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def words_of(error: BaseException) -> str:
    """Return what went wrong in SQLite, in a few words of our own."""
    if isinstance(error, UnicodeDecodeError):  # SQLite's own words quote the file, whatever stands there
        return "damaged"
    return _WORDS.get(code_of(error), str(error))


def sizes_of(sizes: Iterable[int]) -> str:
    """Return the sizes in bytes of a shard's photos, in order, as a text of 64 characters."""
    return hashlib.sha256(",".join(map(str, sizes)).encode("ascii")).hexdigest()


def file_as_it_is(path: PhotoPath, digest: str) -> FileDigest | None:
    """Return a file with its size and stamp of now, of a remote one those that were found; `digest` goes with them.

    None where there is no file, or nothing would tell that a remote one has changed.
    """
    found = _stat(path)
    return None if found is None else FileDigest(file_key(path), *found, digest)


def file_key(path: PhotoPath) -> bytes:
    """Return what a catalogue has a file by: its absolute path, or its URL without secrets."""
    if isinstance(path, RemoteFile):
        return path.url.encode("utf-8", "surrogateescape")
    return os.fsencode(str(path.absolute()))


def _stat(path: PhotoPath) -> tuple[int, int] | None:
    """Return size, and a number that changes with the file; None where that is not known."""
    found = size_and_version(path)
    return None if found is None else (found[0], _number(found[1]))


def _number(text: str) -> int:
    """Return 64 bits of a text's SHA-256, as SQLite keeps them."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()[:8], signed=True)


def _free_name(path: Path) -> Path:
    """Return a name beside a file that nothing has."""
    number = 1
    while (found := path.with_name(f"{path.name}.unusable-{number}")).exists():
        number += 1
    return found


def _move_aside(path: Path, aside: Path) -> None:
    """Rename a catalogue, with what SQLite keeps beside it."""
    path.rename(aside)
    for ending in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))


def _remove(path: Path) -> None:
    """Delete a catalogue that was just begun, as far as possible."""
    for ending in ("", *_BESIDE):
        with suppress(OSError):
            path.with_name(path.name + ending).unlink(missing_ok=True)
