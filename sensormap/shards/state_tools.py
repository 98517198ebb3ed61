"""What can be done with state folders beside a run: look at one, check it, join several, and forget photos.

Each function holds the lock of the folder that it works on, so that no run comes between.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sensormap.errors import DecodeError, OutputError, StateError
from sensormap.output import write_atomically
from sensormap.photos.files import read_bytes
from sensormap.photos.finding import located_photo, photo_name
from sensormap.shards.catalogue import Catalogue, FileDigest, file_key, open_catalogue
from sensormap.shards.catalogue_file.schema import VERSION
from sensormap.shards.file_format.reading_writing import ShardFile, read_shard_file
from sensormap.shards.shard_folder import ALGORITHM, shard_file, shard_files
from sensormap.shards.state import State, drop_file
from sensormap.shards.state_folder import CATALOGUE, held, on_read_only_disk
from sensormap.urls import expanded

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class StateContents:
    """What a state folder holds.

    Parameters
    ----------
    photos
        Number of photos whose digest is known; copies of one photo count once.
    shards, shard_bytes
        Number of files of shards, and their size in all.
    maps
        Number of maps that are kept.
    version
        Version of the catalogue.
    algorithm
        Version of the algorithm of this release, which finds only shards of its own.
    """

    photos: int
    shards: int
    shard_bytes: int
    maps: int
    version: int
    algorithm: int


@dataclass(frozen=True)
class DamagedFile:
    """A file of a state folder that cannot be used.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong with it.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class StateCheck:
    """What checking a state folder found.

    Parameters
    ----------
    shards
        Number of files of shards that were read.
    damaged
        Files that cannot be used.
    removed
        Whether those are gone now.
    """

    shards: int
    damaged: tuple[DamagedFile, ...]
    removed: bool


@dataclass(frozen=True)
class MergedStates:
    """What joining state folders did.

    Parameters
    ----------
    copied, present
        Number of files of shards that were copied, and that were there already.
    damaged
        Files that were left out.
    """

    copied: int
    present: int
    damaged: tuple[DamagedFile, ...]


@dataclass(frozen=True)
class Forgotten:
    """What was dropped of some photos.

    Parameters
    ----------
    shards
        Number of shards that were dropped: with one of the photos, or damaged ones.
    files
        Number of files of the catalogue that were dropped.
    maps
        Number of maps that were dropped: all that were kept, if any photo was known.
    unknown
        Photos of which nothing was known, as they were named.
    """

    shards: int
    files: int
    maps: int
    unknown: tuple[str, ...] = ()


def describe_state(folder: str | Path) -> StateContents:
    """Return what a state folder holds, by its catalogue and its files' names.

    Parameters
    ----------
    folder
        The folder.

    Raises
    ------
    StateError
        If it is no state folder, a run has it, it cannot be written, or its catalogue is damaged.
    """
    folder = expanded(folder)
    with held(folder, only_reads=True):
        sizes = [_size(path) for path in shard_files(folder)]
        with _catalogue_to_read(folder) as catalogue:
            photos = len({file.digest for file in catalogue.files()}) if catalogue else 0
            maps = catalogue.maps() if catalogue else 0
    return StateContents(photos, len(sizes), sum(sizes), maps, VERSION, ALGORITHM)


def check_state(folder: str | Path, *, remove: bool = False) -> StateCheck:
    """Read every file of a state folder, and return those that are damaged.

    Parameters
    ----------
    folder
        The folder.
    remove
        Whether damaged files are taken away: shards are deleted, a catalogue is put aside under another name. What they
        held is found again by the next run, from the photos.

    Raises
    ------
    StateError
        If it is no state folder, a run has it, it cannot be written, or a damaged file cannot be taken away.
    """
    folder = expanded(folder)
    with held(folder, only_reads=not remove):
        paths, damaged = shard_files(folder), []
        for path in paths:
            if isinstance(found := _read(path), DamagedFile):
                damaged.append(found)
                if remove:
                    drop_file(path)
        catalogue = folder / CATALOGUE
        try:
            with _catalogue_to_read(folder):
                pass
        except StateError as error:
            damaged.append(_damaged(catalogue, error))
            if remove:
                Catalogue(catalogue).close()
    return StateCheck(len(paths), tuple(damaged), remove and bool(damaged))


def merge_states(folders: Iterable[str | Path], output: str | Path) -> MergedStates:
    """Copy into a state folder what others know and it does not; they stay as they are.

    Kept maps are not copied: they are made again, of the shards.

    Parameters
    ----------
    folders
        State folders to copy from.
    output
        State folder to copy into; made if it does not exist.

    Raises
    ------
    StateError
        If one of the folders is no state folder, a run has it, or it cannot be written; or if `output` is one of them,
        lies in one of them, or is full.
    """
    sources, output = [expanded(folder) for folder in folders], expanded(output)
    for source in sources:
        with held(source, only_reads=True):  # before anything is made
            _check_apart(output, source)
    copied, present = 0, 0
    damaged: list[DamagedFile] = []
    with State(output) as state:
        for source in sources:
            with held(source, only_reads=True):
                there, lacking = _compared(source, output)
                problems = [one for path in lacking if (one := _copy(path, shard_file(output, path.stem)))]
                present += there
                copied += len(lacking) - len(problems)
                damaged += problems
                try:
                    with _copied_catalogue(source) as catalogue:
                        files, shards = (catalogue.files(), catalogue.shards()) if catalogue else ((), ())
                except StateError as error:
                    damaged.append(_damaged(source / CATALOGUE, error))
                else:
                    state.add(files, shards)
    return MergedStates(copied, present, tuple(damaged))


def forget_photos(folder: str | Path, photos: Iterable[str | Path]) -> Forgotten:
    """Drop what a state folder knows of photos, and all maps and shards that they may have been part of.

    Nothing is dropped for a photo of which nothing is known. Shards are dropped too that are damaged, and those with a
    photo of the same file name that could not be used: which photo it was they do not tell.

    Parameters
    ----------
    folder
        The folder.
    photos
        Photos, by path or by the SHA-256 of their bytes (64 hexadecimal digits). Of a path count the file that is there
        and what was read there before; one of them is enough.

    Raises
    ------
    StateError
        If it is no state folder, a run has it, it cannot be written, its catalogue is damaged, or a photo is not known
        and cannot be read. Then nothing is dropped.
    """
    folder = expanded(folder)
    with held(folder), open_catalogue(folder / CATALOGUE) as catalogue:
        files = catalogue.files() if catalogue else ()
        paths = {file.path for file in files} | (catalogue.header_paths() if catalogue else set())
        named = {str(photo): _named(photo, files, paths) for photo in photos}
        kept = {path: _read(path) for path in shard_files(folder)} if named else {}
        unknown = tuple(photo for photo, one in named.items() if not (one.paths or any(map(one.is_in, kept.values()))))
        wanted = [one for photo, one in named.items() if photo not in unknown]
        dropped = [path for path, shard in kept.items() if any(one.is_in(shard) for one in wanted)]
        rows = {path for one in wanted for path in one.paths}
        maps = catalogue.maps() if catalogue and wanted else 0
        for path in dropped:  # first the shards: the catalogue still tells which they are if this is interrupted
            drop_file(path)
        if catalogue and wanted:
            catalogue.forget(sorted(rows), [path.stem for path in dropped])
    return Forgotten(len(dropped), len(rows), maps, unknown)


def _catalogue_to_read(folder: Path) -> AbstractContextManager[Catalogue | None]:
    """Open the catalogue of a folder that `held` may have left without a lock."""
    return _copied_catalogue(folder) if on_read_only_disk(folder) else open_catalogue(folder / CATALOGUE)


@contextmanager
def _copied_catalogue(folder: Path) -> Iterator[Catalogue | None]:
    """Open a copy of a catalogue that stays as it is: SQLite would move what a killed run left beside it."""
    with tempfile.TemporaryDirectory(prefix="sensormap-") as temporary:
        for ending in ("", "-wal"):
            path = folder / f"{CATALOGUE}{ending}"
            try:
                if path.exists():
                    shutil.copyfile(path, Path(temporary) / path.name)
            except OSError as error:
                msg = f"{path}: cannot be copied: {error.strerror or error}"
                raise StateError(msg) from error
        try:
            with open_catalogue(Path(temporary) / CATALOGUE) as catalogue:
                yield catalogue
        except StateError as error:
            msg = str(error).replace(f"{temporary}{os.sep}", f"{folder}{os.sep}")
            raise StateError(msg) from error


def _read(path: Path) -> ShardFile | DamagedFile:
    """Return what a shard's file says of its photos, or what is wrong with it."""
    try:
        return read_shard_file(path, path.stem)
    except StateError as error:
        return _damaged(path, error)


def _damaged(path: Path, error: StateError) -> DamagedFile:
    return DamagedFile(path, str(error).removeprefix(f"{path}: "))


def _compared(source: Path, output: Path) -> tuple[int, list[Path]]:
    """Return how many shards of one folder another has too, and the files of those that it lacks."""
    paths = shard_files(source)
    lacking = [path for path in paths if not shard_file(output, path.stem).exists()]
    return len(paths) - len(lacking), lacking


def _copy(source: Path, path: Path) -> DamagedFile | None:
    """Copy a shard's file, or return what is wrong with it."""
    found = _read(source)
    if isinstance(found, DamagedFile):
        return found
    try:
        write_atomically(found.content, path)
    except OutputError as error:
        raise StateError(str(error)) from error
    return None


def _check_apart(output: Path, source: Path) -> None:
    """Refuse to copy a state folder into itself."""
    try:
        inside = output.resolve().is_relative_to(source.resolve())
        same = inside or (output.exists() and output.samefile(source))
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        msg = f"{output}: cannot be made: {getattr(error, 'strerror', None) or error}"
        raise StateError(msg) from error
    if same:
        msg = f"{output}: is one of the folders to merge, or lies in one; expected another folder"
        raise StateError(msg)


@dataclass(frozen=True)
class _Named:
    """A photo to forget: its digests, the paths of files that are known of it, and what those files are called."""

    digests: set[str]
    paths: set[bytes]
    names: set[str]

    def is_in(self, shard: ShardFile | DamagedFile) -> bool:
        """Tell whether a shard may have the photo; of a damaged one it is not known."""
        return isinstance(shard, DamagedFile) or bool(shard.digests & self.digests or shard.skipped & self.names)


def _named(photo: str | Path, files: Collection[FileDigest], paths: Collection[bytes]) -> _Named:
    """Return what a path or digest stands for, by the files whose digests are known, and all that are."""
    digests, places, names = set(), set(), set()
    if _DIGEST.fullmatch(str(photo).lower()):
        digests.add(str(photo).lower())
    else:
        path = located_photo(photo)
        place = file_key(path)
        places, names = {place} & set(paths), {path.name}
        digests = {file.digest for file in files if file.path == place}
        try:
            digests.add(hashlib.sha256(read_bytes(path)).hexdigest())
        except (DecodeError, ValueError) as error:  # ValueError: a NUL character in the name
            if not places:
                reason = str(error).removeprefix(f"{path.name}: ")
                msg = f"{path}: {reason}; expected a photo, one that is known, or the SHA-256 of one"
                raise StateError(msg) from error
    places |= {file.path for file in files if file.digest in digests}
    return _Named(digests, places, names | {photo_name(os.fsdecode(place)) for place in places})


def _size(path: Path) -> int:
    """Return the size of a file; 0 where it has gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
