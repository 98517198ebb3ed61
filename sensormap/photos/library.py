"""The photos of many bodies: which bodies there are, what is known of each, and what was left out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import find_profile
from sensormap.errors import DecodeError, EditedError
from sensormap.frame import Photo, PhotoPath, RemoteFile, VideoFrame
from sensormap.photos.exif import ReadHeader, read_photo
from sensormap.photos.files import is_jpeg_name
from sensormap.photos.finding import Found, Kind, find_each
from sensormap.photos.select import Selection, header_threads, lost_serial, nameless, select_photos
from sensormap.settings import DEFAULT_OPTIONS, FEW_FRAMES, Options
from sensormap.threads import Pool
from sensormap.urls import is_url

log = logging.getLogger(__name__)

FEWEST_PHOTOS = 2
"""Photos that a map takes at least, all raw or all JPEGs."""

_AT_ONCE = 512  # headers that are being read, or waited for: a few more than threads would do
_PORTION = 1000  # files after which progress is told

COPY = "copies: another file shows the same shot, or has the same content"
ODD_SIZE = "JPEGs of another size than the camera's full one: thumbnails, small, cropped or turned"
EDITED = "edited, exported or corrected: not as the camera wrote them"
UNREADABLE = "cannot be read as photos: empty, damaged, of another format, or gone"
LOST_SERIAL = "no serial number, beside photos of that model that have one"
OTHER_CAMERA = "taken by other cameras than the one asked for"
_OF_KIND = {
    Kind.SIDECAR: "files beside photos, such as .xmp, .pp3 and .thm",
    Kind.HIDDEN: "hidden photos and folders, and caches of thumbnails: not read",
    Kind.UNSEARCHABLE: "folders that cannot be searched",
}


@dataclass(frozen=True)
class FoundBody:
    """A body, and how many of its photos were found.

    Parameters
    ----------
    body
        The body.
    profile
        Name of its profile; None where there is none, and the geometry is left to LibRaw.
    raw_photos, jpegs
        How many there are, without those left out. A map uses JPEGs of shots that no raw photo shows.
    first, last
        Capture times of the first photo and of the last; None where no photo tells its time.
    usable
        Whether there are enough for a map.
    note
        Why not; or what makes a map less certain; "" for nothing.
    """

    body: Body
    profile: str | None
    raw_photos: int
    jpegs: int
    first: datetime | None
    last: datetime | None
    usable: bool
    note: str


@dataclass(frozen=True)
class LeftOut:
    """Files or folders that were left out: for what reason, how many, and the name of one of them."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True)
class Library:
    """What was found in folders: the bodies, sorted; and what was left out, the most frequent reason first."""

    bodies: tuple[FoundBody, ...]
    left_out: tuple[LeftOut, ...]


class Remainder:
    """What is left out so far: for each reason how many, and the first name in the order of the alphabet.

    Parameters
    ----------
    strict
        Whether the first photo that cannot be read, or was edited, is an error.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, path: str | PhotoPath, reason: str, why: str | DecodeError = "") -> None:
        """Add a file or folder, for a reason of those above; `why` says more of this one.

        Raises
        ------
        DecodeError
            With `strict`, if `why` is one.
        """
        if self.strict and isinstance(why, DecodeError):
            raise why
        name = (Path(path).name or path) if isinstance(path, str) else path.name
        log.info("left out %s: %s", path, str(why).removeprefix(f"{name}: ") or reason)
        self._counts[reason] += 1
        self._examples[reason] = min(name, self._examples.get(reason, name))

    def listed(self) -> tuple[LeftOut, ...]:
        """Return the reasons, the most frequent first."""
        ranked = sorted(self._counts, key=lambda reason: (-self._counts[reason], reason))
        return tuple(LeftOut(reason, self._counts[reason], self._examples[reason]) for reason in ranked)


OnRead = Callable[[int], None]
"""Called now and then with the number of files whose headers have been read."""


def scan(
    photos: Iterable[str | Path],
    *,
    jobs: int | None = None,
    on_read: OnRead | None = None,
    read_header: ReadHeader = read_photo,
) -> Library:
    """Find out which cameras took some photos; only their headers are read, but for files that look like copies.

    Parameters
    ----------
    photos
        Files, folders (searched recursively) and glob patterns, in any mix, each a path or a URL. Their order does not
        matter.
    jobs
        Threads; None means one for each processor, at most 8.
    on_read
        Called now and then with the number of files whose headers have been read.
    read_header
        Reads the header of a photo: `State.read_photo` knows those that it has read before.

    Returns
    -------
    Library
        Without photos it has no bodies.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    """
    remainder = Remainder()
    selections = select_bodies(photos, remainder, Options(jobs=jobs), on_read=on_read, read_header=read_header)
    return Library(tuple(map(describe, selections)), remainder.listed())


def select_bodies(
    arguments: Iterable[str | Path],
    remainder: Remainder,
    options: Options = DEFAULT_OPTIONS,
    *,
    profile: Profile | None = None,
    on_read: OnRead | None = None,
    read_header: ReadHeader = read_photo,
) -> tuple[Selection, ...]:
    """Find photos and sort them by the bodies that took them; keep of each what a map can use.

    Parameters
    ----------
    arguments
        Files, folders and patterns.
    remainder
        Where what is left out is added.
    options
        Which of them count: the serial number asked for, and whether JPEGs do; and the number of threads.
    profile
        The profile that the options name, if they do: photos of other models are then left out, PNG and TIFF files
        count as photos, and photos without EXIF are its camera's if most have none.
    on_read, read_header
        As for `scan`.

    Returns
    -------
    tuple of Selection
        One for each body, sorted.
    """
    arguments = list(arguments)
    found = find_each(arguments, images=profile is not None)
    read = partial(_read, read_header)
    jobs = header_threads(options.threads, remote=any(is_url(str(one)) for one in arguments))
    photos = _read_each(found, remainder, read, jpegs=options.jpegs, jobs=jobs, on_read=on_read)
    groups = _by_body(photos, remainder, profile=profile, serial=options.serial)
    selections = []
    for body in sorted(groups):
        selection = select_photos(groups.pop(body), profile=profile, serial=None)
        for reason, skipped in ((COPY, selection.copies), (ODD_SIZE, selection.odd_sizes)):
            for one in skipped:
                remainder.add(one.name, UNREADABLE if one.reason.startswith("cannot be read") else reason, one.reason)
        selections.append(selection)
    return tuple(selections)


def describe(selection: Selection) -> FoundBody:
    """Return what is told of the photos of a body."""
    profile = find_profile(selection.body)
    jpegs = [*selection.jpegs, *(jpeg for jpeg, _ in selection.twins)]
    times = [photo.exposure.time for photo in (*selection.photos, *jpegs) if photo.exposure.time is not None]
    most = max(len(selection.photos), len(jpegs))
    return FoundBody(
        body=selection.body,
        profile=profile.name if profile else None,
        raw_photos=len(selection.photos),
        jpegs=len(jpegs),
        first=min(times, default=None),
        last=max(times, default=None),
        usable=most >= FEWEST_PHOTOS,
        note="; ".join(_notes(selection.body, most)),
    )


def _notes(body: Body, most: int) -> Iterator[str]:
    """Say why a body cannot be mapped, or what makes its map less certain; `most` photos are of one sort."""
    if most < FEWEST_PHOTOS:
        found = "one photo" if most else "all photos left out"
        yield f"{found}; a map takes at least {FEWEST_PHOTOS}, better dozens"
    elif most < FEW_FRAMES:
        yield f"few photos; a map to rely on takes {FEW_FRAMES} or more"
    if not body.serial:
        yield "serial number unknown, told by its model only"


def _read_each(
    found: Iterator[Found],
    remainder: Remainder,
    read: Callable[[str], Photo | DecodeError],
    *,
    jpegs: bool,
    jobs: int,
    on_read: OnRead | None,
) -> Iterator[Photo]:
    """Yield the photos among what is found, with what their headers say, a bounded number of them at once."""
    done = 0
    with Pool(jobs) as pool:
        paths = _photo_paths(found, remainder, jpegs=jpegs)
        while portion := list(islice(paths, _AT_ONCE)):
            for path, photo in zip(portion, pool.map(read, portion), strict=True):
                done += 1
                if isinstance(photo, Photo):
                    yield photo
                else:
                    remainder.add(path, EDITED if isinstance(photo, EditedError) else UNREADABLE, photo)
                if on_read is not None and done % _PORTION == 0:
                    on_read(done)


def _photo_paths(
    found: Iterator[Found], remainder: Remainder, *, jpegs: bool
) -> Iterator[str | RemoteFile | VideoFrame]:
    """Yield the paths of photos among what is found; add the rest to the remainder."""
    for one in found:
        if one.kind is Kind.UNSEARCHABLE:
            log.warning("%s: cannot be searched: %s", one.path, one.reason)
        if one.kind is not Kind.PHOTO:
            remainder.add(one.path, _OF_KIND[one.kind], one.reason)
        elif jpegs or not is_jpeg_name(_as_path(one.path)):
            yield one.path


def _as_path(path: str | RemoteFile | VideoFrame) -> PhotoPath:
    """Return a path that was found; it was a string for speed."""
    return Path(path) if isinstance(path, str) else path


def _read(read_header: ReadHeader, path: str | RemoteFile | VideoFrame) -> Photo | DecodeError:
    """Return a photo, or why it cannot be used."""
    try:
        return read_header(_as_path(path))
    except DecodeError as error:
        return error


def _by_body(
    photos: Iterable[Photo], remainder: Remainder, *, profile: Profile | None, serial: str | None
) -> dict[Body, list[Photo]]:
    """Return the photos of each body that is asked for, or of each body."""
    groups: dict[Body, list[Photo]] = {}
    for photo in photos:
        groups.setdefault(photo.body, []).append(photo)
    unnamed = [photo for body in [*groups] if not body.model for photo in groups.pop(body)]
    named = sum(map(len, groups.values()))
    others = [body for body in groups if profile is not None and body.model != profile.model]
    if profile is not None and len(others) == len(groups) and named < len(unnamed):
        _leave_out(groups, others, OTHER_CAMERA, remainder)
        return {unnamed[0].body: unnamed}
    for photo in unnamed:
        remainder.add(photo.path, nameless(photo.path))
    if len(others) < len(groups):  # none of that model: its geometry tells whether the profile fits
        _leave_out(groups, others, OTHER_CAMERA, remainder)
    if serial is not None:
        _leave_out(groups, [body for body in groups if body.serial != serial], OTHER_CAMERA, remainder)
    _leave_out(groups, [body for body in groups if _is_doubtful(body, groups)], LOST_SERIAL, remainder)
    return groups


def _is_doubtful(body: Body, groups: Mapping[Body, list[Photo]]) -> bool:
    """Tell whether photos without a serial number may be of another body of their model."""
    others = (other for other, photos in groups.items() if len(photos) >= FEWEST_PHOTOS)
    return any(lost_serial(body, other) for other in others)


def _leave_out(groups: dict[Body, list[Photo]], bodies: Iterable[Body], reason: str, remainder: Remainder) -> None:
    """Take bodies out of the groups, and add their photos to the remainder."""
    for body in bodies:
        for photo in groups.pop(body):
            remainder.add(photo.path, reason)
