"""Which photos a run uses: finding them, reading who took them, keeping those of one body, once each, in order."""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from sensormap.camera import Body, Profile
from sensormap.decode import is_photo_name, read_photo
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.frame import Photo, Skipped

_UNKNOWN = Body("", "", "")


@dataclass(frozen=True)
class Selection:
    """The photos of one body in order of capture, what was left out, and how often its clock went back meanwhile."""

    body: Body
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]
    clock_jumps: int = 0


def find_photos(arguments: Iterable[str | Path], *, images: bool) -> tuple[Path, ...]:
    """Return the files that arguments name, sorted, each once.

    Parameters
    ----------
    arguments
        Files, folders (searched recursively for names that look like photos), and glob patterns, in any mix.
    images
        Whether PNG and TIFF files in folders count as photos.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    """
    found: set[Path] = set()
    for argument in arguments:
        if not str(argument):  # an unset variable of a script, not the current folder
            msg = "an empty name: no such file, folder or pattern"
            raise DecodeError(msg)
        path = Path(os.path.expanduser(argument))  # noqa: PTH111 - leaves ~name alone where there is no such user
        if os.path.isdir(path):  # noqa: PTH112 - False, not an error, for what cannot be a path
            found.update(_photos_below(path, images=images))
        elif os.path.lexists(path):
            found.add(path)
        elif matches := [Path(name) for name in glob.glob(str(path), recursive=True)]:  # noqa: PTH207 - absolute patterns too
            folders = [
                match
                for match in matches
                if os.path.isdir(match) and not is_photo_name(match, images=images)  # noqa: PTH112
            ]
            found.update(set(matches) - set(folders))
            for folder in folders:
                found.update(_photos_below(folder, images=images))
        else:
            msg = f"{argument}: no such file, folder or pattern"
            raise DecodeError(msg)
    spelled = {path.absolute(): path for path in sorted(found, reverse=True)}  # one of several spellings
    return tuple(sorted(spelled.values(), key=lambda path: (path.name, str(path))))


def _photos_below(folder: Path, *, images: bool) -> Iterable[Path]:
    """Return what lies below a folder and is named like a photo, folders of such a name included.

    Links to folders are followed, into each folder once. A folder that cannot be searched is returned itself: reading
    it as a photo then fails, and says so.
    """
    unsearchable: list[Path] = []

    def fail(error: OSError) -> None:
        if Path(error.filename) == folder:
            msg = f"{folder}: cannot be searched: {error.strerror}"
            raise DecodeError(msg) from error
        unsearchable.append(Path(error.filename))

    entered: set[Path] = set()
    for parent, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        entered.add(Path(parent).resolve())
        for name in (*folders, *files):
            if is_photo_name(Path(name), images=images):
                yield Path(parent, name)
        folders[:] = [
            name
            for name in sorted(folders)
            if not is_photo_name(Path(name), images=images) and Path(parent, name).resolve() not in entered
        ]
    yield from unsearchable


def read_photos(paths: Sequence[Path], *, jobs: int) -> tuple[tuple[Photo, ...], tuple[Skipped, ...]]:
    """Read the EXIF of every file; return the photos and the files that are none."""

    def read(path: Path) -> Photo | Skipped:
        try:
            return read_photo(path)
        except DecodeError as error:
            return skipped(path.name, error)

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(read, paths))
    photos = tuple(result for result in results if isinstance(result, Photo))
    return photos, tuple(result for result in results if isinstance(result, Skipped))


def select_photos(photos: Sequence[Photo], *, profile: Profile | None, serial: str | None) -> Selection:
    """Keep the photos of one body, each content once, in order of capture.

    Parameters
    ----------
    photos
        What was found.
    profile
        The profile that the user named, if any: photos of other models are then left out, and photos without EXIF
        are taken to be its camera's if none has any.
    serial
        Serial number of the body to keep, where there are several.

    Returns
    -------
    Selection
        Ordered by capture time, shutter count and name; photos without a time come last. Where the capture times
        contradict the shutter counts, which only grow, photos are ordered by count.

    Raises
    ------
    FrameMismatchError
        If several bodies remain, or none has the serial number; the message lists the bodies.
    """
    rest, left_out = _with_known_body(photos, profile)
    rest, other_bodies = _of_one_body(rest, profile, serial)
    rest, repeated = _without_copies(rest)
    body = rest[0].body if rest else _UNKNOWN
    ordered = sorted(rest, key=_capture_order)
    jumps = 0
    if all(photo.exposure.shutter_count is not None for photo in ordered):
        by_count = sorted(ordered, key=lambda photo: photo.exposure.shutter_count or 0)
        times = [photo.exposure.time for photo in by_count if photo.exposure.time is not None]
        jumps = sum(later.replace(microsecond=0) < earlier.replace(microsecond=0) for earlier, later in pairwise(times))
        ordered = by_count if jumps else ordered
    return Selection(body, tuple(ordered), (*left_out, *other_bodies, *repeated), jumps)


def skipped(name: str, error: Exception | str) -> Skipped:
    """Return a photo's entry among the skipped, the reason without the name that it opens with."""
    return Skipped(name, str(error).removeprefix(f"{name}: "))


def _time(photo: Photo) -> datetime:
    """Return the capture time, by the camera's clock, which has no zone; the end of time if unknown."""
    return photo.exposure.time or datetime.max


def _capture_order(photo: Photo) -> tuple[datetime, int, str, int, str]:
    exposure = photo.exposure
    return (
        _time(photo),
        exposure.shutter_count or 0,
        photo.path.name,
        photo.size_bytes,
        str(photo.path),
    )


def _with_known_body(photos: Sequence[Photo], profile: Profile | None) -> tuple[list[Photo], list[Skipped]]:
    """Leave out photos that do not say which camera took them, unless none does and a profile was named."""
    known = [photo for photo in photos if photo.body.model]
    if not known and profile is not None:
        return list(photos), []
    reason = "no EXIF that names the camera"
    if not known:
        reason += "; name a profile (--profile) to use such photos"
    return known, [Skipped(photo.path.name, reason) for photo in photos if not photo.body.model]


def _of_one_body(
    photos: list[Photo], profile: Profile | None, serial: str | None
) -> tuple[list[Photo], list[Skipped]]:
    """Leave out photos of other models than the named profile's, and of other bodies than the one asked for."""
    keep = photos
    if profile is not None and any(photo.body.model == profile.model for photo in photos):
        keep = [photo for photo in photos if photo.body.model == profile.model]
    if serial is not None:
        bodies = _listed(keep)
        keep = [photo for photo in keep if photo.body.serial == serial]
        if not keep:
            msg = f"--serial {serial!r}: no photo of that body; found {bodies or 'none'}"
            raise FrameMismatchError(msg)
    numbered = {photo.body for photo in keep if photo.body.serial}
    if len(numbered) == 1:  # a photo that lost its serial number may be another body's
        (body,) = numbered
        keep = [photo for photo in keep if photo.body.serial or photo.body.model != body.model]
    if len({photo.body for photo in keep}) > 1:
        msg = f"photos of several cameras: {_listed(keep)}; choose one with --serial, or with --profile for its model"
        raise FrameMismatchError(msg)
    chosen = set(map(id, keep))
    expected = keep[0].body if keep else _UNKNOWN
    return keep, [
        Skipped(photo.path.name, f"taken by {photo.body}, expected {expected}")
        for photo in photos
        if id(photo) not in chosen
    ]


def _listed(photos: Sequence[Photo]) -> str:
    """Name the bodies and their numbers of photos."""
    counts = Counter(photo.body for photo in photos)
    return "; ".join(f"{body} ({count} photo{'s' if count > 1 else ''})" for body, count in sorted(counts.items()))


def _without_copies(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Leave out files whose content, or whose shot, another file has: copies would vote as if they were witnesses."""
    different, copies = _without_same_content(sorted(photos, key=lambda photo: (photo.path.name, str(photo.path))))
    kept, repeated = _without_same_shot(different)
    return kept, [*copies, *repeated]


def _without_same_content(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Keep the first of files with one content; only files that look alike are read for it."""
    looks = Counter((photo.size_bytes, photo.exposure) for photo in photos)
    first: dict[str, str] = {}
    kept: list[Photo] = []
    copies: list[Skipped] = []
    for photo in photos:
        if looks[photo.size_bytes, photo.exposure] > 1:
            try:
                with photo.path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                copies.append(Skipped(photo.path.name, f"cannot be read: {error.strerror}"))
                continue
            if digest in first:
                copies.append(Skipped(photo.path.name, f"same content as {first[digest]}"))
                continue
            first[digest] = photo.path.name
        kept.append(photo)
    return kept, copies


def _without_same_shot(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Of files with one capture time and one shutter count keep the largest: others were edited, or cut short."""
    largest: dict[tuple[datetime | None, int | None], Photo] = {}
    for photo in photos:
        shot = (photo.exposure.time, photo.exposure.shutter_count)
        if shot not in largest or photo.size_bytes > largest[shot].size_bytes:
            largest[shot] = photo
    kept: list[Photo] = []
    copies: list[Skipped] = []
    for photo in photos:
        shot = (photo.exposure.time, photo.exposure.shutter_count)
        if None in shot or largest[shot] is photo:
            kept.append(photo)
        else:
            reason = f"same capture time and shutter count as {largest[shot].path.name}"
            copies.append(Skipped(photo.path.name, reason))
    return kept, copies
