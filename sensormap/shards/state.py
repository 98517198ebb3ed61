"""A state folder: what earlier runs found in each shard of photos, so that only new photos have to be read.

A shard's file has its fingerprint for a name: of the photos' bytes, the settings that matter, and the version of the
algorithm. A shard file that is there is done, and nothing else says so: the folder may be copied, joined with another,
or lose a part at any moment. Files appear whole or not at all, first the shard and then what the catalogue says of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sensormap.errors import OutputError, StateError
from sensormap.frame import Photo, PhotoPath
from sensormap.output import PART_ENDING, PART_OPENING
from sensormap.shards.catalogue import (
    Catalogue,
    FileDigest,
    FileHeader,
    ListedShard,
    NoRoomError,
    file_as_it_is,
    is_catalogue,
    sizes_of,
)
from sensormap.shards.file_format.reading_writing import (
    ShardPhotos,
    opens_like_a_shard,
    read_shard_file,
    read_shard_photos,
    read_summary,
)
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
from sensormap.shards.state_folder import CATALOGUE, check_folder, lock_of, take_away
from sensormap.shards.summary import ShardSummary
from sensormap.threads import Pool

log = logging.getLogger(__name__)


class State:
    """An open state folder; one run at a time has it.

    Parameters
    ----------
    folder
        The folder; made if it does not exist. One that has anything else in it is refused.
    fresh
        Whether everything that is kept there is dropped first.
    retry_skipped
        Whether shards with photos that could not be used are surveyed again.
    threads
        Number of threads that read photos whose bytes may be known.
    passing
        Whether the folder lasts no longer than the run.

    Raises
    ------
    StateError
        If it is no state folder, another run has it, or it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        fresh: bool = False,
        retry_skipped: bool = False,
        threads: int = 1,
        passing: bool = False,
    ) -> None:
        self.folder, self.passing = folder, passing
        self._retry, self._threads = retry_skipped, threads
        self._failed = self._in_memory = False
        self._written: set[str] = set()  # fingerprints of the shards that workers have surveyed for this run
        self._not_kept: set[PhotoPath] = set()  # photos of shards of which one could not be read
        check_folder(folder)
        is_new = not folder.exists()
        try:
            (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            msg = f"{folder}: cannot be made: {getattr(error, 'strerror', None) or error}"
            raise StateError(msg) from error
        with ExitStack() as stack:
            if is_new:
                stack.callback(self._take_away)
            stack.enter_context(lock_of(folder))
            try:
                if fresh:
                    self._drop_all()
                for half in (folder / SHARDS).glob(f"{PART_OPENING}*{PART_ENDING}"):  # of a run that was killed
                    half.unlink(missing_ok=True)
                self._at_open = set() if fresh else {path.stem for path in shard_files(folder)}
            except StateError:
                raise
            except OSError as error:
                msg = f"{folder}: cannot be written: {error.strerror}"
                raise StateError(msg) from error
            self._catalogue = self._opened(folder / CATALOGUE)
            # Shards of which nobody knows how large their photos are, as from a folder that lost its catalogue.
            self._unlisted = self._at_open - {shard.name for shard in self._catalogue.shards()}
            self._unlisted_photos: dict[str, ShardPhotos | None] = {}
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
        digests = self.digests(photos, read=self._may_be_known(photos))
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
        self._remember(_rows(files, written.digests), [ListedShard(written.sizes, written.name)])

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
        if unknown:
            files = [file_as_it_is(path, "") for path in unknown]
            with Pool(min(self._threads, len(unknown))) as pool:
                found = list(pool.map(file_digest, unknown))
            read_now = [(file, digest) for file, digest in zip(files, found, strict=True) if digest is not None]
            self._remember(_rows(*zip(*read_now, strict=True)) if read_now else [])
            known |= {path: digest for path, digest in zip(unknown, found, strict=True) if digest is not None}
        return [known[photo.path] for photo in photos] if all(photo.path in known for photo in photos) else None

    def has_kept(self, photos: Iterable[Photo]) -> bool:
        """Tell whether this run could read all of some photos; a shard with one that it could not is not kept."""
        return self._not_kept.isdisjoint(photo.path for photo in photos)

    def add(self, files: Iterable[FileDigest], shards: Iterable[ListedShard]) -> None:
        """Add what the catalogue of another folder knows of files, and of shards that this one has now."""
        self._catalogue.add(files, [shard for shard in shards if self._file(shard.name).exists()])

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
        digests = self.digests(photos, read=self._may_be_known(photos))
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
        if name in self._unlisted:
            self._unlisted.discard(name)
            self._remember([], [ListedShard(sizes_of(photo.size_bytes for photo in photos), name)])
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
            if written is None:
                self._not_kept.update(photo.path for photo in photos)
            else:
                listed = ListedShard(written.sizes, written.name)
                self._catalogue.remember(_rows(files, written.digests), [listed])

        self._write_or_warn(write)

    def _keep_headers(self, headers: Sequence[FileHeader]) -> None:
        self._write_or_warn(lambda: self._catalogue.keep_headers(headers))

    def _remember(self, files: Sequence[FileDigest], shards: Sequence[ListedShard] = ()) -> None:
        self._write_or_warn(lambda: self._catalogue.remember(files, shards))

    def _may_be_known(self, photos: Sequence[Photo]) -> bool:
        """Tell whether an earlier run may have kept a shard of the same bytes: photos are not read twice for less."""
        same_sizes = self._catalogue.shards_of(sizes_of(photo.size_bytes for photo in photos))
        return not self._at_open.isdisjoint(same_sizes) or self._may_be_unlisted(photos)

    def _may_be_unlisted(self, photos: Sequence[Photo]) -> bool:
        """Tell whether a shard of which the sizes are not known may be of some photos, by reading the first of them.

        A shard of other photos has none of these, mostly: one more than it skipped tell that it is not theirs.
        """
        left = [one for name in sorted(self._unlisted) if (one := self._photos_of(name)) and one.photos == len(photos)]
        if not left:
            return False
        known = self._catalogue.digests(photo.path for photo in photos)
        first = sorted(photos, key=lambda photo: photo.path not in known)[: 1 + max(one.skipped for one in left)]
        digests = self.digests(first, read=True)
        return digests is not None and any(
            sum(digest not in one.digests for digest in digests) <= one.skipped for one in left
        )

    def _photos_of(self, name: str) -> ShardPhotos | None:
        """Return which photos a shard is of whose sizes are not known; it is read once."""
        if name not in self._unlisted_photos:
            self._unlisted_photos[name] = read_shard_photos(self._file(name), name)
        return self._unlisted_photos[name]

    def _opened(self, path: Path) -> Catalogue:
        """Open the catalogue; one in memory where the disk is full."""
        try:
            return Catalogue(path)
        except NoRoomError as error:
            self._failed = self._in_memory = True
            log.warning("%s; the run goes on without keeping what it finds", error)
            return Catalogue(None)

    def _take_away(self) -> None:
        """Delete a folder that this run has made, if the disk had no room for its catalogue."""
        if self._in_memory:
            take_away(self.folder)

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
        for path in shard_files(self.folder):
            if opens_like_a_shard(path):
                drop_file(path)
        if is_catalogue(self.folder / CATALOGUE):  # another one is put aside
            for ending in ("", "-wal", "-shm"):
                drop_file(self.folder / f"{CATALOGUE}{ending}")


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
    return [FileDigest(file.path, file.size, file.stamp, digest) for file, digest in pairs if file is not None]
