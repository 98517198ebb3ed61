"""Files by URL, through fsspec: what a URL names, and reading it within bounds of bytes and time.

It is imported only where a URL is given. Of what may go wrong on the way `network` tells.
"""

from __future__ import annotations

import errno
import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import unquote

from sensormap.errors import DecodeError
from sensormap.frame import RemoteFile
from sensormap.photos.network import (
    ANSWER_S,
    LISTING_S,
    NOT_FOUND,
    SLOWEST_BYTES_PER_S,
    RequestError,
    ask,
    begin,
    finish,
    path_of,
    pattern_of,
    system_of,
)
from sensormap.urls import is_web, shown_url, url_name, without_query

log = logging.getLogger(__name__)

THREADS = 16
"""Threads that ask at once what URLs name: they mostly wait."""

HEADER_BYTES = 1 << 18
"""What is read of a file for its header; more, in pieces of this size, only where an offset leads there."""

MAX_ENTRIES = 2_000_000
"""Files and folders that one URL may stand for."""

_MAX_UNTOLD_BYTES = 400_000_000  # of a file of which the server tells no size: more than the largest raw files have
_MAX_DEPTH = 64  # folders in folders; a web page can link to itself by ever longer names
_MAX_PIECES = 40  # of a header, 10 MB: exifread is bounded to 8
_TAIL_BYTES = 1 << 10  # read along with the beginning: corrected copies are marked there

_AHEAD_FILES, _AHEAD_BYTES = 8, 48_000_000  # what is read before a thread is free for it

_MAGIC, _WEB_MAGIC = re.compile(r"[*?\[]"), re.compile(r"[*\[]")  # what makes a pattern of a path

_VERSIONS = ("ETag", "etag", "md5Hash", "generation")  # what file systems call what changes with the content
_TIMES = ("LastModified", "Last-Modified", "last_modified", "mtime", "modified", "updated")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a file system calls a file, and a URL of that system; other processes open it by that again."""

    root: str = field(compare=False)
    path: str

    @property
    def system(self) -> Any:
        return system_of(self.root)


class Located(NamedTuple):
    """What a URL names: one file, a folder, or all below a folder that match a pattern."""

    file: RemoteFile
    is_folder: bool = False
    matches: re.Pattern[str] | None = None
    depth: int = _MAX_DEPTH


class Listed(NamedTuple):
    """A file that a URL names, or a folder: whether the URL itself says its name, and why it cannot be searched."""

    file: RemoteFile
    is_folder: bool = False
    is_named: bool = False
    problem: str = ""


def locate(url: str) -> Located:
    """Find out what a URL names.

    Raises
    ------
    DecodeError
        If that is nothing, or cannot be found out.
    MissingExtraError
        If a package is not installed that such URLs take.
    """
    shown = shown_url(url)
    path = path_of(url)
    pattern, root = _pattern_of(url, path)
    if pattern is not None:
        start = shown[: len(shown.rstrip("/")) - len(pattern)]
        file = RemoteFile(start, "", _Place(url, root))
        depth = _MAX_DEPTH if "**" in pattern else pattern.count("/") + 1
        return Located(file, is_folder=True, matches=_compiled(pattern, shown), depth=depth)
    file = file_of(url)
    if url.endswith("/"):
        return Located(file, is_folder=True)
    try:
        info = ask(file.place.system, "info", path, seconds=ANSWER_S)
    except RequestError as error:
        msg = f"{shown}: {'no such file, folder or pattern' if str(error) == NOT_FOUND else error}"
        raise DecodeError(msg) from error
    is_page = info.get("mimetype") == "text/html" and not file.suffix
    if is_page:
        return Located(RemoteFile(shown, file.name, _Place(url, without_query(path))), is_folder=True)
    return Located(_described(file, info), is_folder=info.get("type") == "directory")


def file_of(url: str) -> RemoteFile:
    """Return the file that a URL names, whether it is there or not.

    Raises
    ------
    DecodeError, MissingExtraError
        If the URL is of a kind that cannot be read.
    """
    return RemoteFile(shown_url(url), url_name(url), _Place(url, path_of(url)))


def find(located: Located, *, enters: Callable[[str], bool], entered: set[Any]) -> Iterator[Listed]:
    """Find what a URL names, one after the other.

    Parameters
    ----------
    located
        What `locate` returned.
    enters
        Tells by its name whether a folder is searched.
    entered
        Folders that are not searched again; those that are searched are added.

    Raises
    ------
    DecodeError
        If a folder or pattern that the URL names cannot be searched, or stands for more than `MAX_ENTRIES`, or a
        pattern for nothing.
    """
    if not located.is_folder:
        yield Listed(located.file, is_named=True)
        return
    root, matches, found = located.file, located.matches, False
    for one in _walk(located, enters, set() if matches else entered):
        if one.problem and one.file == root:
            msg = f"{root}: {'no such file, folder or pattern' if one.problem == NOT_FOUND else one.problem}"
            raise DecodeError(msg)
        if matches is None or one.problem:
            yield one
        elif not one.file.name.startswith(".") and matches.match(_below(root, one.file)):
            found = True
            if one.is_folder:
                yield from _walk(Located(one.file, is_folder=True), enters, entered)
            else:
                yield one._replace(is_named=True)
    if matches is not None and not found:
        msg = f"{root}: nothing there matches the pattern: no such file, folder or pattern"
        raise DecodeError(msg)


def describe(file: RemoteFile) -> RemoteFile:
    """Return a file with its size and version, as far as they can be known.

    Raises
    ------
    DecodeError
        If it is not there, or is a folder.
    """
    if file.size is not None:
        return file
    info = _read("info", file, seconds=ANSWER_S)
    if info.get("type") == "directory":
        msg = f"{file.name}: is a folder, expected a photo"
        raise DecodeError(msg)
    return _described(file, info)


def read(file: RemoteFile, most: int) -> bytes:
    """Return the bytes of a file, of a larger one a few more than `most`.

    Raises
    ------
    DecodeError
        If it cannot be read.
    """
    with _ahead_lock:
        begun = _ahead.pop(file, None)
    error, data = (None, None) if begun is None else finish(begun)
    if error is not None or data is None:
        data = _read("cat_file", file, **_whole(file, most))
    if file.size is None and _MAX_UNTOLD_BYTES < len(data) <= most:
        msg = f"{file.name}: has more than {_MAX_UNTOLD_BYTES} bytes, expected no more of a server that tells no size"
        raise DecodeError(msg)
    return bytes(data)


def _whole(file: RemoteFile, most: int) -> dict[str, Any]:
    """Return what to ask for in order to read a whole file: one byte more tells whether it grew."""
    if file.size is None:
        return {"start": 0, "end": min(most, _MAX_UNTOLD_BYTES) + 1, "seconds": LISTING_S}
    expected = min(file.size, most)
    return {"start": 0, "end": expected + 1, "seconds": ANSWER_S + expected / SLOWEST_BYTES_PER_S}


_ahead: dict[RemoteFile, Future[Any]] = {}
_ahead_lock = Lock()


def read_ahead(files: Iterable[RemoteFile], most: int) -> None:
    """Begin to read files that `read` will be asked for next, as many as may wait; the others are left alone.

    Parameters
    ----------
    files
        The files, in the order in which they will be needed.
    most
        As for `read`.
    """
    with _ahead_lock:
        held = sum(file.size or 0 for file in _ahead)
        for file in files:
            held += 0 if file in _ahead else file.size or most
            if held > _AHEAD_BYTES or len(_ahead) >= _AHEAD_FILES:
                return
            if file not in _ahead:
                _ahead[file] = begin(file.place.system, "cat_file", file.place.path, **_whole(file, most))


def forget_ahead(files: Iterable[RemoteFile]) -> None:
    """Stop reading files that nobody will ask for, or drop what was read of them."""
    with _ahead_lock:
        for file in files:
            if (future := _ahead.pop(file, None)) is not None:
                future.cancel()


def open_header(file: RemoteFile) -> BinaryIO:
    """Return a file of known size, open for reading a header: beginning and end are read at once, the rest if needed.

    Raises
    ------
    OSError
        If it cannot be read; also by reading from it.
    """
    return cast("BinaryIO", io.BufferedReader(_Header(file)))


class _Header(io.RawIOBase):
    """The pieces of a file that have been read, and those that are as soon as they are needed."""

    def __init__(self, file: RemoteFile) -> None:
        self._file, self._size, self._at = file, file.size or 0, 0
        self._pieces: dict[int, bytes] = {}
        self._tail_at = max(self._size - _TAIL_BYTES, 0)
        self._tail = b""
        if self._size > HEADER_BYTES:
            self._tail = self._fetch(self._tail_at, self._size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(offset + (0, self._at, self._size)[whence], 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        if self._tail and self._at >= self._tail_at:
            data = self._tail[self._at - self._tail_at :]
        else:
            number, start = divmod(self._at, HEADER_BYTES)
            data = self._piece(number)[start:]
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        self._at += count
        return count

    def _piece(self, number: int) -> bytes:
        if number not in self._pieces:
            if len(self._pieces) == _MAX_PIECES:
                msg = f"{self._file.name}: damaged: its header leads to more than {_MAX_PIECES * HEADER_BYTES} bytes"
                raise DecodeError(msg)
            start = number * HEADER_BYTES
            self._pieces[number] = self._fetch(start, min(start + HEADER_BYTES, self._size))
        return self._pieces[number]

    def _fetch(self, start: int, end: int) -> bytes:
        place = self._file.place
        try:
            data: bytes = ask(place.system, "cat_file", place.path, start=start, end=end, seconds=ANSWER_S)
        except RequestError as error:  # an error of reading, not of what was read: that would count as damage
            raise OSError(errno.EIO, _gone(error)) from error
        return data[: end - start]


def _walk(located: Located, enters: Callable[[str], bool], entered: set[Any]) -> Iterator[Listed]:
    """Find what lies below a folder: the files, and the folders but for the first."""
    waiting, count = [(located.file, 1)], 0
    while waiting:
        folder, depth = waiting.pop()
        if folder in entered:
            continue
        entered.add(folder)
        try:
            entries = ask(folder.place.system, "ls", folder.place.path, detail=True, seconds=LISTING_S)
        except RequestError as error:
            yield Listed(folder, is_folder=True, problem=str(error))
            continue
        for info in entries:
            count += 1
            if count > MAX_ENTRIES:
                msg = f"{located.file}: more than {MAX_ENTRIES} files and folders, expected fewer"
                raise DecodeError(msg)
            one = _entry(folder, info)
            if one is None:
                continue
            yield one
            if one.is_folder and depth < located.depth and enters(one.file.name):
                waiting.append((one.file, depth + 1))


def _entry(folder: RemoteFile, info: dict[str, Any]) -> Listed | None:
    """Return an entry of a folder; None for the folder itself, and for what leads out of it."""
    parent, path = folder.place.path.rstrip("/"), str(info.get("name", ""))
    start = f"{parent}/" if parent or path.startswith("/") else ""
    rest = path[len(start) :].rstrip("/")
    if not path.startswith(start) or {"", ".", ".."} & {*rest.split("/")}:
        if rest:
            log.info("%s: left out an entry that leads elsewhere: %s", folder, shown_url(path))
        return None
    url = f"{folder.url}{'' if folder.url.endswith('/') else '/'}{rest}"
    url = shown_url(url) if is_web(url) else url
    is_folder = info.get("type") == "directory"
    file = RemoteFile(url, url_name(url), _Place(folder.place.root, path))
    return Listed(file if is_folder else _described(file, info), is_folder=is_folder)


def _below(root: RemoteFile, file: RemoteFile) -> str:
    """Return where a file lies below a folder, which ends in a slash."""
    rest = file.url[len(root.url) :]
    return unquote(rest) if is_web(file.url) else rest


def _described(file: RemoteFile, info: dict[str, Any]) -> RemoteFile:
    """Return a file with what is known of it."""
    size = info.get("size")
    version = next((f"{key} {info[key]}" for key in (*_VERSIONS, *_TIMES) if info.get(key)), None)
    size = size if isinstance(size, int) and size >= 0 else None
    return RemoteFile(file.url, file.name, file.place, size, version)


def _pattern_of(url: str, path: str) -> tuple[str | None, str]:
    """Return the part of a path from the first folder or name on that is a pattern, and the path of what it is in."""
    first = 0
    if is_web(url):
        path = without_query(path).rstrip("/")
        first = path.find("/", path.find("://") + 3)  # what stands before may have a password in it
    magic = None if first < 0 else (_WEB_MAGIC if is_web(url) else _MAGIC).search(path, first)
    if magic is None:
        return None, path
    start = path.rfind("/", 0, magic.start()) + 1
    return path[start:], path[:start] if is_web(url) else path[:start].rstrip("/")


def _compiled(pattern: str, shown: str) -> re.Pattern[str]:
    """Return a pattern as shells have it, for what follows the folder that it is in."""
    try:
        return pattern_of(unquote(pattern) if is_web(shown) else pattern)
    except ValueError as error:
        msg = f"{shown}: is no pattern; ** stands for folders, by itself between two slashes"
        raise DecodeError(msg) from error


def _read(name: str, file: RemoteFile, *, seconds: float, **options: Any) -> Any:
    """Ask for something of one file; what goes wrong names it."""
    try:
        return ask(file.place.system, name, file.place.path, seconds=seconds, **options)
    except RequestError as error:
        msg = f"{file.name}: cannot be read: {_gone(error)}"
        raise DecodeError(msg) from error


def _gone(error: RequestError) -> str:
    """Return why a file cannot be read that was there when it was looked for."""
    return "not there any more" if str(error) == NOT_FOUND else str(error)
