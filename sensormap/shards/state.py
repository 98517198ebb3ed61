"""A state folder: what earlier runs found in each shard of photos, so that only new photos have to be read.

A shard's file has its fingerprint for a name: of the photos' bytes, the settings that matter, and the version of the
algorithm. A shard file that is there is done, and nothing else says so: the folder may be copied, joined with another,
or lose a part at any moment. Files appear whole or not at all, first the shard and then what the catalogue says of it.
"""

from __future__ import annotations

import logging
import os
import platform
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sensormap.errors import OutputError, StateError
from sensormap.frame import Photo, PhotoPath
from sensormap.output import PART_ENDING, PART_OPENING
from sensormap.shards.catalogue import Catalogue, FileDigest, FileHeader, file_as_it_is
from sensormap.shards.file_format.reading_writing import read_shard_file, read_summary
from sensormap.shards.known_headers import KnownHeaders
from sensormap.shards.shard_folder import (
    SHARDS,
    SurveySettings,
    WrittenShard,
    file_digest,
    fingerprint,
    shard_file,
    shard_files,
    write_shard,
)
from sensormap.shards.summary import ShardSummary
from sensormap.urls import is_url, shown_url

log = logging.getLogger(__name__)

CATALOGUE = "catalogue.sqlite"
"""Name of the catalogue in a state folder."""

_LOCK, _HOLDER = "lock.sqlite", "in-use.txt"


class State:
    """An open state folder; one run at a time has it.

    Parameters
    ----------
    folder
        The folder; made if it does not exist.
    fresh
        Whether everything that is kept there is dropped first.
    retry_skipped
        Whether shards with photos that could not be used are surveyed again.

    Raises
    ------
    StateError
        If another run has it, or it cannot be written.
    """

    def __init__(self, folder: Path, *, fresh: bool = False, retry_skipped: bool = False) -> None:
        self.folder = folder
        self._retry = retry_skipped
        self._failed = False
        if is_url(folder):
            msg = f"{shown_url(str(folder))}: is a URL, expected a folder on this machine"
            raise StateError(msg)
        self._written: set[str] = set()  # fingerprints of the shards that workers have surveyed for this run
        try:
            (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            msg = f"{folder}: cannot be made: {getattr(error, 'strerror', None) or error}"
            raise StateError(msg) from error
        with ExitStack() as stack:
            stack.enter_context(_lock_of(folder))
            try:
                if fresh:
                    self._drop_all()
                for half in (folder / SHARDS).glob(f"{PART_OPENING}*{PART_ENDING}"):  # of a run that was killed
                    half.unlink(missing_ok=True)
                self._had_shards = bool(shard_files(folder))
            except StateError:
                raise
            except OSError as error:
                msg = f"{folder}: cannot be written: {error.strerror}"
                raise StateError(msg) from error
            self._catalogue = Catalogue(folder / CATALOGUE)
            self._headers = KnownHeaders(self._catalogue, self._keep_headers)
            self._lock = stack.pop_all()  # it stays locked until it is closed

    def close(self) -> None:
        """Give the folder free."""
        self._headers.write()
        self._catalogue.close()
        self._lock.close()

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_photo(self, path: PhotoPath) -> Photo:
        """Return a photo as `photos.exif.read_photo` does; a file that has not changed is not opened again."""
        return self._headers.read(path)

    def survey(
        self,
        photos: Sequence[Photo],
        settings: SurveySettings,
        leave_out: Collection[str],
        run: Callable[[], ShardSummary],
    ) -> tuple[ShardSummary, bool]:
        """Return what a survey of a shard finds, and whether it was known; what was not is kept.

        Parameters
        ----------
        photos
            Photos of the shard.
        settings, leave_out
            What the survey depends on.
        run
            Surveys the shard.
        """
        known = self._known(photos, settings, leave_out)
        if known is not None:
            return known, True
        files = [file_as_it_is(photo.path, "") for photo in photos]  # before they are read: they may change meanwhile
        found = run()
        self._keep(photos, files, settings, leave_out, found)
        return found, False

    def has_shard(self, photos: Sequence[Photo], settings: SurveySettings) -> bool:
        """Tell whether the file of a shard is there, damaged perhaps, and is to be used.

        Parameters
        ----------
        photos, settings
            As for `survey`, which leaves out no photo.
        """
        digests = self.digests(photos, read=self._had_shards)
        name = "" if digests is None else fingerprint(digests, settings, ())
        path = self._file(name)
        try:
            return bool(name) and path.is_file() and not (self._retry and read_shard_file(path, name).skipped)
        except StateError:  # damaged
            return False

    def add_written(self, files: Sequence[FileDigest | None], written: WrittenShard) -> None:
        """Remember a shard whose file a worker has written.

        Parameters
        ----------
        files
            Its photos' files as they were before they were read; None for one that was not there.
        written
            What the worker says of it.
        """
        self._written.add(written.name)
        self._remember(_rows(files, written.digests))

    def digests(self, photos: Sequence[Photo], *, read: bool = False) -> list[str] | None:
        """Return the digests of photos, or None where one is not known.

        Parameters
        ----------
        photos
            The photos.
        read
            Whether files that are not in the catalogue are read for it.
        """
        known = self._catalogue.digests(photo.path for photo in photos)
        unknown = [photo.path for photo in photos if photo.path not in known]
        if unknown and not read:
            return None
        new = []
        for path in unknown:
            file = file_as_it_is(path, "")
            digest = file_digest(path)
            if digest is None:
                return None
            known[path] = digest
            if file is not None:
                new.append(FileDigest(file.path, file.size, file.mtime_ns, digest))
        if new:
            self._remember(new)
        return [known[photo.path] for photo in photos]

    def kept_map(self, key: str) -> Mapping[str, Any] | None:
        """Return what was kept under a key by `keep_map`; None if nothing was, or skipped photos are to be retried."""
        found = self._catalogue.map(key)
        return None if found is None or (self._retry and found.get("refused")) else found

    def keep_map(self, key: str, content: Mapping[str, Any]) -> None:
        """Keep what came out of a run, as long as the disk has room."""
        self._write_or_warn(lambda: self._catalogue.keep_map(key, content))

    def _known(
        self, photos: Sequence[Photo], settings: SurveySettings, leave_out: Collection[str]
    ) -> ShardSummary | None:
        """Return what an earlier survey of the shard found, if it is there and can be read."""
        digests = self.digests(photos, read=self._had_shards)
        if digests is None:
            return None
        name = fingerprint(digests, settings, leave_out)
        path, area = self._file(name), settings.profile.active_area
        if not path.is_file():
            return None
        try:
            found = read_summary(path, name, (area.height, area.width), settings.profile.cfa.step, len(photos))
        except StateError as error:
            log.warning("%s; its photos are read again", error)
            return None
        return None if self._retry and found.skipped and name not in self._written else found

    def _keep(
        self,
        photos: Sequence[Photo],
        files: Sequence[FileDigest | None],
        settings: SurveySettings,
        leave_out: Collection[str],
        found: ShardSummary,
    ) -> None:
        """Write what a survey found, as far as `write_shard` can."""

        def write() -> None:
            written = write_shard(self.folder, photos, settings, leave_out, found)
            if written is not None:
                self._catalogue.remember(_rows(files, written.digests))

        self._write_or_warn(write)

    def _keep_headers(self, headers: Sequence[FileHeader]) -> None:
        self._write_or_warn(lambda: self._catalogue.keep_headers(headers))

    def _remember(self, files: Sequence[FileDigest]) -> None:
        self._write_or_warn(lambda: self._catalogue.remember(files))

    def _write_or_warn(self, write: Callable[[], None]) -> None:
        """Write something; where that fails the run goes on, and says once that the next one will read more."""
        if self._failed:
            return
        try:
            write()
        except (OutputError, StateError) as error:
            self._failed = True
            log.warning("%s; the run goes on without keeping what it finds", error)

    def _file(self, name: str) -> Path:
        return shard_file(self.folder, name)

    def _drop_all(self) -> None:
        """Drop the shards and the catalogue, and nothing that is not of a state folder."""
        for path in [*shard_files(self.folder), *(self.folder / f"{CATALOGUE}{end}" for end in ("", "-wal", "-shm"))]:
            drop_file(path)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other runs out of a state folder that exists, as an open `State` does, and make or change nothing in it.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    StateError
        If it is no state folder, another run has it, or it cannot be written.
    """
    if not is_state(folder):
        what = "is no state folder" if folder.is_dir() else "is no folder" if folder.exists() else "does not exist"
        msg = f"{folder}: {what}, expected one that map --state has made"
        raise StateError(msg)
    with _lock_of(folder):
        yield


def is_state(folder: Path) -> bool:
    """Tell whether something is a state folder that holds anything."""
    try:
        return bool(shard_files(folder)) or (folder / CATALOGUE).is_file()
    except StateError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        msg = f"{folder}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise StateError(msg) from error


def drop_file(path: Path) -> None:
    """Delete a file of a state folder, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{path}: cannot be deleted: {error.strerror}"
        raise StateError(msg) from error


def _rows(files: Sequence[FileDigest | None], digests: Sequence[str]) -> list[FileDigest]:
    """Return what the catalogue keeps of files."""
    pairs = zip(files, digests, strict=True)
    return [FileDigest(file.path, file.size, file.mtime_ns, digest) for file, digest in pairs if file is not None]


def _locked(folder: Path) -> sqlite3.Connection:
    """Return what keeps other runs out until it is closed; the system closes it if this process is killed."""
    connection = None
    try:
        connection = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        (folder / _HOLDER).write_text(
            f"process {os.getpid()} on {platform.node()} since {datetime.now():%Y-%m-%d %H:%M}\n", encoding="utf-8"
        )
    except (sqlite3.Error, OSError) as error:
        if connection is not None:
            connection.close()
        if "locked" in str(error):
            msg = f"{folder}: in use by {_holder(folder)}; expected a state folder that no other run has"
            raise StateError(msg) from error
        msg = f"{folder}: cannot be written: {error}"
        raise StateError(msg) from error
    return connection


@contextmanager
def _lock_of(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder that is there."""
    lock = _locked(folder)
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may be gone
            (folder / _HOLDER).unlink()
        lock.close()


def _holder(folder: Path) -> str:
    """Return who says that it has the folder."""
    try:
        with (folder / _HOLDER).open(encoding="utf-8", errors="replace") as file:
            return file.read(200).strip() or "another run"
    except OSError:
        return "another run"
