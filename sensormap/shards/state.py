"""A state folder: what earlier runs found in each shard of photos, so that only new photos have to be read.

A shard's file has its fingerprint for a name: of the photos' bytes, the settings that matter, and the version of the
algorithm. A shard file that is there is done, and nothing else says so: the folder may be copied, joined with another,
or lose a part at any moment. Files appear whole or not at all, first the shard and then what the catalogue says of it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sensormap.camera.profile import Profile
from sensormap.errors import DecodeError, OutputError, StateError
from sensormap.frame import Photo, PhotoPath
from sensormap.output import PART_ENDING, PART_OPENING, write_atomically
from sensormap.photos.files import read_bytes
from sensormap.settings import Thresholds
from sensormap.shards.catalogue import Catalogue, FileDigest, FileHeader, file_as_it_is
from sensormap.shards.file_format.reading_writing import read_summary, summary_bytes
from sensormap.shards.known_headers import KnownHeaders
from sensormap.shards.summary import ShardSummary
from sensormap.urls import is_url, shown_url

log = logging.getLogger(__name__)

ALGORITHM = 2
"""Counted up by every change of what a survey of a shard finds: then what was kept before is not used any more."""

CATALOGUE = "catalogue.sqlite"
"""Name of the catalogue in a state folder."""

_LOCK, _HOLDER, _SHARDS = "lock.sqlite", "in-use.txt", "shards"
_ENDING = ".npz"
_SHARD_NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(_ENDING)}")


@dataclass(frozen=True)
class SurveySettings:
    """What the result of a survey depends on, beside the photos.

    Parameters
    ----------
    profile
        Geometry and levels.
    source
        Kind of the photos, raw or JPEG.
    thresholds
        Detection thresholds.
    decoder
        Name of the decoder.
    saves
        Whether values are saved for the second pass.
    """

    profile: Profile
    source: str
    thresholds: Thresholds
    decoder: str
    saves: bool

    @property
    def text(self) -> str:
        """The same settings as one text, for a fingerprint."""
        values = asdict(self)
        return json.dumps([ALGORITHM, values], sort_keys=True, default=str)


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
        try:
            (folder / _SHARDS).mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            msg = f"{folder}: cannot be made: {getattr(error, 'strerror', None) or error}"
            raise StateError(msg) from error
        with ExitStack() as stack:
            stack.enter_context(_lock_of(folder))
            try:
                if fresh:
                    self._drop_all()
                for half in (folder / _SHARDS).glob(f"{PART_OPENING}*{PART_ENDING}"):  # of a run that was killed
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
            digest = _digest(path)
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
        return None if self._retry and found.skipped else found

    def _keep(
        self,
        photos: Sequence[Photo],
        files: Sequence[FileDigest | None],
        settings: SurveySettings,
        leave_out: Collection[str],
        found: ShardSummary,
    ) -> None:
        """Write what a survey found, unless a photo cannot be read at all: then nothing tells it from another one."""
        digests = [
            found.records[number].digest if number in found.records else _digest(photo.path)
            for number, photo in enumerate(photos)
        ]
        known = [digest for digest in digests if digest is not None]
        if len(known) < len(photos):
            return
        name = fingerprint(known, settings, leave_out)
        path = self._file(name)
        rows = [
            FileDigest(file.path, file.size, file.mtime_ns, digest)
            for file, digest in zip(files, known, strict=True)
            if file is not None
        ]

        def write() -> None:
            write_atomically(summary_bytes(found, name), path, overwrite=True)
            self._catalogue.remember(rows)

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


def shard_file(folder: Path, name: str) -> Path:
    """Return where a state folder has the shard of a fingerprint."""
    return folder / _SHARDS / f"{name}{_ENDING}"


def shard_files(folder: Path) -> list[Path]:
    """Return what has the name of a shard's file in a state folder, sorted; nothing where there is no folder."""
    try:
        return sorted(path for path in (folder / _SHARDS).iterdir() if _SHARD_NAME.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        msg = f"{folder / _SHARDS}: cannot be read: {error.strerror}"
        raise StateError(msg) from error


def drop_file(path: Path) -> None:
    """Delete a file of a state folder, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        msg = f"{path}: cannot be deleted: {error.strerror}"
        raise StateError(msg) from error


def fingerprint(digests: Sequence[str], settings: SurveySettings, leave_out: Collection[str]) -> str:
    """Return the name of a shard: SHA-256, hexadecimal, of its photos and of what else a survey of them depends on.

    Parameters
    ----------
    digests
        SHA-256 of the photos' files, in order of capture.
    settings
        What the survey depends on.
    leave_out
        Digests of the photos that do not count, in any order.
    """
    text = json.dumps([settings.text, list(digests), sorted(leave_out)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(path: PhotoPath) -> str | None:
    """Return the SHA-256 of a photo's bytes; None where they cannot be read."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except DecodeError:
        return None


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
