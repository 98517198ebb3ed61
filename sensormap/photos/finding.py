"""Which files are photos: found one at a time in folders of any size, whatever else lies there."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from sensormap.bounded_reading import did_you_mean
from sensormap.errors import DecodeError
from sensormap.frame import PhotoPath, RemoteFile, VideoFrame
from sensormap.photos.astro.ser import frames_of
from sensormap.photos.files import SER_SUFFIXES, SIDECAR_SUFFIXES, is_photo_name, is_ser_name
from sensormap.threads import Pool
from sensormap.urls import expanded, is_file_url, is_url, local_path, shown_url, url_name

_CACHES = frozenset({"@eadir", "#recycle", "$recycle.bin", "__macosx", "lost+found", "system volume information"})
"""Folders, in lower case, that file servers and systems fill with thumbnails, or with what was thrown away."""

_CACHE_SUFFIXES = (".lrdata", ".cocatalogdb")
"""Endings of the folders where raw developers keep previews."""


class Kind(Enum):
    """What is found in a folder; files of other types are not mentioned."""

    PHOTO = "named like a photo, whatever it is"
    SIDECAR = "a file that cameras or raw developers put beside a photo"
    HIDDEN = "a hidden photo or folder, or a cache of thumbnails"
    UNSEARCHABLE = "a folder that cannot be searched"


class Found(NamedTuple):
    """Something found: its path, what it is, and of a folder that cannot be searched the reason."""

    path: str | RemoteFile | VideoFrame
    kind: Kind
    reason: str = ""


def find_photos(arguments: Iterable[str | Path], *, images: bool) -> tuple[PhotoPath, ...]:
    """Return the files that arguments name, sorted, each once.

    Parameters
    ----------
    arguments
        Files, folders (searched recursively for names that look like photos), and glob patterns, in any mix, each a
        path or a URL. Hidden files and folders, and caches of thumbnails, are left out where nobody names them.
    images
        Whether PNG and TIFF files in folders count as photos.

    Returns
    -------
    tuple of Path, RemoteFile or VideoFrame
        Of a video its frames, each a photo. A folder that cannot be searched, or a damaged video, is among them:
        reading it as a photo then fails, and says so.

    Raises
    ------
    DecodeError
        If an argument names nothing, or a folder that cannot be searched.
    MissingExtraError
        If a package is not installed that a URL takes.
    """
    paths, urls = _split(arguments)
    local = (frame for path in _find_local(paths, images=images) for frame in _frames_in(path))
    listed = (one.path for one in _find_remote(urls, images=images) if one.kind in (Kind.PHOTO, Kind.UNSEARCHABLE))
    remote = [path for path in listed if isinstance(path, RemoteFile)]
    return tuple(sorted([*local, *remote], key=lambda path: (path.name, str(path))))


def _find_local(paths: Iterable[str | Path], *, images: bool) -> Iterable[Path]:
    """Return the files that paths name, each once, in no order."""
    files, folders = _named(paths, images=images)
    found = set(files)
    for folder in folders:
        for one in walk(folder, images=images):
            if one.kind is Kind.UNSEARCHABLE and one.path == folder:
                msg = f"{folder}: cannot be searched: {one.reason}"
                raise DecodeError(msg)
            if one.kind in (Kind.PHOTO, Kind.UNSEARCHABLE):
                found.add(Path(str(one.path)))
    return {path.absolute(): path for path in sorted(found, reverse=True)}.values()  # one of several spellings


def _frames_in(path: Path) -> Sequence[VideoFrame | Path]:
    """Return the frames of a video, or a file that is a photo itself."""
    return frames_of(path) if is_ser_name(path) and not path.is_dir() else (path,)


def find_local_photos(arguments: Iterable[str | Path], *, images: bool) -> tuple[Path, ...]:
    """Return the files that arguments name, as `find_photos`, and videos as a whole.

    A URL is refused, unless it is one of a local file.

    Raises
    ------
    DecodeError
        As by `find_photos`, and for a URL.
    """
    paths, urls = _split(arguments)
    if urls:
        msg = f"{shown_url(urls[0])}: is a URL, expected photos on this machine; copy them here first"
        raise DecodeError(msg)
    return tuple(sorted(_find_local(paths, images=images), key=lambda path: (path.name, str(path))))


def located_photo(argument: str | Path) -> PhotoPath:
    """Return the file that a path or a URL names, whether it is there or not.

    Raises
    ------
    MissingExtraError, DecodeError
        If a URL is of a kind that cannot be read.
    """
    if is_url(str(argument)) and not is_file_url(argument):
        from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

        return remote.file_of(str(argument))
    return expanded(local_path(argument))


def photo_name(place: str) -> str:
    """Return the file name at the end of a path or URL."""
    return url_name(place) if is_url(place) else Path(place).name


def find_each(arguments: Iterable[str | Path], *, images: bool) -> Iterator[Found]:
    """Find what arguments name, one after the other, each once; only what they name themselves is held in memory.

    Parameters
    ----------
    arguments, images
        As for `find_photos`. Their order does not matter.

    Raises
    ------
    DecodeError
        If an argument names nothing; if it is a path, before anything is found.
    MissingExtraError
        If a package is not installed that a URL takes.
    """
    paths, urls = _split(arguments)
    files, folders = _named(paths, images=images)
    remote = _find_remote(urls, images=images)
    spelled = {str(path.absolute()): str(path) for path in sorted(files, reverse=True)}
    for path in spelled.values():
        yield from _each_frame(Found(path, Kind.PHOTO))
    entered: set[tuple[int, int]] = set()
    for folder in sorted(folders):
        for one in walk(folder, images=images, entered=entered):
            # A Path takes 10 times as long.
            if not spelled or os.path.abspath(str(one.path)) not in spelled:  # noqa: PTH100
                yield from _each_frame(one)
    yield from remote


def _each_frame(found: Found) -> Iterator[Found]:
    """Yield what was found, or in place of a video its frames."""
    if found.kind is Kind.PHOTO and isinstance(found.path, str) and found.path.lower().endswith(tuple(SER_SUFFIXES)):
        for frame in _frames_in(Path(found.path)):
            yield Found(str(frame) if isinstance(frame, Path) else frame, Kind.PHOTO)
    else:
        yield found


def walk(folder: str, *, images: bool, entered: set[tuple[int, int]] | None = None) -> Iterator[Found]:
    """Find what lies in a folder and below it, in no order, one after the other.

    Parameters
    ----------
    folder
        Where to start.
    images
        Whether PNG and TIFF files count as photos.
    entered
        Folders that are not entered again, by device and number; those that are entered are added.

    Notes
    -----
    Links to folders are followed, into each folder once, but not to one that the folder itself lies in: a link to ``/``
    would have the whole disk searched. Nothing is opened but folders. A folder that is named like a
    photo is found, and not searched.
    """
    entered = set() if entered is None else entered
    above = _above(folder)
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            status = os.stat(parent)  # noqa: PTH116 - as above, for a folder
            if (status.st_dev, status.st_ino) in above or (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(parent) as entries:
                for entry in entries:
                    kind = _kind(entry.name, lambda entry=entry: _is_folder(entry), images=images)  # type: ignore[misc]
                    if kind is not None:
                        yield Found(entry.path, kind)
                    elif _is_folder(entry):
                        waiting.append(entry.path)
        except OSError as error:
            yield Found(parent, Kind.UNSEARCHABLE, error.strerror or str(error))


def _above(folder: str) -> set[tuple[int, int]]:
    """Return the folders that a folder lies in, by device and number."""
    found = set()
    for parent in Path(os.path.realpath(folder)).parents:
        with suppress(OSError):
            status = parent.stat()
            found.add((status.st_dev, status.st_ino))
    return found


def _find_remote(urls: Sequence[str], *, images: bool) -> Iterator[Found]:
    """Find what URLs name, each once; single files and missing folders are asked for at once."""
    if not urls:
        return
    from sensormap.photos import remote  # noqa: PLC0415 - local runs do without

    with Pool(remote.THREADS) as pool:
        located = list(pool.map(remote.locate, dict.fromkeys(urls)))
    seen: set[RemoteFile] = set()
    entered: set[RemoteFile] = set()

    def enters(name: str) -> bool:
        return _kind(name, lambda: True, images=images) is None

    for one in located:
        for file, is_folder, is_named, problem in remote.find(one, enters=enters, entered=entered):
            if problem:
                yield Found(file, Kind.UNSEARCHABLE, problem)
                continue
            kind = Kind.PHOTO if is_named else _kind(file.name, lambda: is_folder, images=images)  # noqa: B023
            if kind is not None and file not in seen:
                seen.add(file)
                yield Found(file, kind)


def _kind(name: str, is_folder: Callable[[], bool], *, images: bool) -> Kind | None:
    """Return what something in a folder is; None for a folder to search, and for what is not mentioned."""
    is_photo = is_photo_name(Path(name), images=images)
    if is_photo and not name.startswith("."):
        return Kind.PHOTO
    lower = name.lower()
    is_aside = lower.startswith(".") or lower in _CACHES or lower.endswith(_CACHE_SUFFIXES)
    if is_photo or (is_aside and is_folder()):
        return Kind.HIDDEN
    return Kind.SIDECAR if os.path.splitext(lower)[1] in SIDECAR_SUFFIXES else None  # noqa: PTH122


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether something is a folder, or a link to one; a link that leads nowhere or in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _split(arguments: Iterable[str | Path]) -> tuple[list[str | Path], list[str]]:
    """Return the paths among arguments, also of URLs of local files, and the other URLs."""
    named = [local_path(one) if is_file_url(one) else one for one in arguments]
    urls = [str(one) for one in named if is_url(str(one))]
    return [one for one in named if not is_url(str(one))], urls


def _matches(pattern: str) -> list[str]:
    """Return what a pattern matches."""
    try:
        return glob.glob(pattern, recursive=True)  # noqa: PTH207 - absolute patterns too
    except RecursionError as error:
        msg = f"{pattern}: leads through too many folders within each other; name the folder, without a pattern"
        raise DecodeError(msg) from error


def _named(arguments: Iterable[str | Path], *, images: bool) -> tuple[set[Path], set[str]]:
    """Return the files that arguments name themselves or by patterns, and the folders."""
    files: set[Path] = set()
    folders: set[str] = set()
    for argument in arguments:
        if not str(argument):  # an unset variable of a script, not the current folder
            msg = "an empty name: no such file, folder or pattern"
            raise DecodeError(msg)
        path = expanded(argument)
        if os.path.isdir(path):  # noqa: PTH112 - False, not an error, for what cannot be a path
            folders.add(str(path))
        elif os.path.lexists(path):
            files.add(path)
        elif matches := _matches(str(path)):
            for match in map(Path, matches):
                if os.path.isdir(match) and not is_photo_name(match, images=images):  # noqa: PTH112
                    folders.add(str(match))
                else:
                    files.add(match)
        else:
            msg = f"{argument}: no such file, folder or pattern{did_you_mean(path)}"
            raise DecodeError(msg)
    return files, folders
