"""Which photos a run uses: finding them, reading who took them, keeping those of one body, once each, in order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import find_profile
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.frame import Photo, PhotoPath, RemoteFile, Skipped, VideoFrame
from sensormap.photos.exif import ReadHeader, read_photo
from sensormap.photos.files import is_fits_name, is_ser_name
from sensormap.photos.refusals import skipped
from sensormap.photos.shots import find_twins, of_full_size, without_copies
from sensormap.threads import Pool

_UNKNOWN = Body("", "", "")

# The majority has so many times the photos of any other body, unless that has one only: two make a map of their own.
_TIMES_AS_MANY = 5
_MOST_LISTED = 8
_DIGITS = re.compile("([0-9]{1,18})")  # every second piece is a number
_WAITING = 16  # threads that wait for headers over a network
NAMELESS = "no EXIF that names the camera"


@dataclass(frozen=True)
class Selection:
    """The photos of one body.

    Parameters
    ----------
    body
        Body whose photos these are.
    photos
        Raw photos in order of capture.
    skipped
        Photos left out, with their reasons.
    clock_jumps
        Number of times that its clock went back between raw photos.
    jpegs
        JPEGs of other shots, by name.
    twins
        JPEGs of the same shots, each with its raw photo.
    copies, odd_sizes
        Those left out that are copies of others, and those that are JPEGs of another size than the full one.
    """

    body: Body
    photos: tuple[Photo, ...]
    skipped: tuple[Skipped, ...]
    clock_jumps: int = 0
    jpegs: tuple[Photo, ...] = ()
    twins: tuple[tuple[Photo, Photo], ...] = ()
    copies: tuple[Skipped, ...] = ()
    odd_sizes: tuple[Skipped, ...] = ()


def read_photos(
    paths: Sequence[PhotoPath], *, jobs: int, read_header: ReadHeader = read_photo
) -> tuple[tuple[Photo, ...], tuple[Skipped, ...]]:
    """Read the EXIF of every file; return the photos and the files that are none."""

    def read(path: PhotoPath) -> Photo | Skipped:
        try:
            return read_header(path)
        except DecodeError as error:
            return skipped(path.name, error)

    with Pool(header_threads(jobs, remote=any(isinstance(path, RemoteFile) for path in paths))) as pool:
        results = list(pool.map(read, paths))
    photos = tuple(result for result in results if isinstance(result, Photo))
    return photos, tuple(result for result in results if isinstance(result, Skipped))


def header_threads(jobs: int, *, remote: bool) -> int:
    """Return how many threads read headers where so many may work: more where they mostly wait for a network."""
    return max(jobs, _WAITING) if remote else jobs


def select_photos(photos: Sequence[Photo], *, profile: Profile | None, serial: str | None) -> Selection:
    """Keep the photos of one body, each shot once, in order of capture.

    Parameters
    ----------
    photos
        Photos that were found.
    profile
        The profile that the user named, if any: photos of other models are then left out, and photos without EXIF
        are taken to be its camera's if most have none, and none is of its model.
    serial
        Serial number of the body to keep, where there are several.

    Returns
    -------
    Selection
        Ordered by capture time, shutter count and name; photos without a time come last. Where the capture times
        contradict the shutter counts, which only grow, photos are ordered by count. JPEGs are kept of the camera's full
        size only, and of shots that no raw photo shows.

    Raises
    ------
    FrameMismatchError
        If several bodies remain, or none has the serial number; the message lists the bodies.

    Notes
    -----
    One body remains where it took more than half of the photos, and each other one a single photo or at most a fifth as
    many: those are strays, or their EXIF is damaged. Photos without a serial number count against none of their model.
    """
    rest, left_out = _with_known_body(photos, profile)
    rest, other_bodies = _of_one_body(rest, profile, serial)
    body = rest[0].body if rest else _UNKNOWN
    raws, raw_copies = without_copies([photo for photo in rest if photo.jpeg_size is None])
    known = profile or find_profile(body)
    jpegs, small = of_full_size([photo for photo in rest if photo.jpeg_size is not None], known)
    jpegs, copies = without_copies(jpegs)
    jpegs, twins = find_twins(jpegs, raws)
    ordered, jumps = in_order(raws)
    left_out += [*other_bodies, *raw_copies, *small, *copies]
    return Selection(
        body,
        ordered,
        tuple(left_out),
        jumps,
        tuple(jpegs),
        tuple(twins),
        copies=(*raw_copies, *copies),
        odd_sizes=tuple(small),
    )


def in_order(photos: Sequence[Photo]) -> tuple[tuple[Photo, ...], int]:
    """Return photos of one body in order of capture, and how often its clock contradicts the shutter count."""
    ordered = sorted(photos, key=_capture_order)
    if any(photo.exposure.shutter_count is None for photo in ordered):
        return tuple(ordered), 0
    by_count = sorted(ordered, key=lambda photo: photo.exposure.shutter_count or 0)
    times = [photo.exposure.time for photo in by_count if photo.exposure.time is not None]
    jumps = sum(later.replace(microsecond=0) < earlier.replace(microsecond=0) for earlier, later in pairwise(times))
    return tuple(by_count if jumps else ordered), jumps


def _time(photo: Photo) -> datetime:
    """Return the capture time, by the camera's clock, which has no zone; the end of time if unknown."""
    return photo.exposure.time or datetime.max


def _capture_order(photo: Photo) -> tuple[datetime, int, tuple[str | int, ...], str, int, str]:
    exposure, parts = photo.exposure, _DIGITS.split(photo.path.name)
    return (
        _time(photo),
        exposure.shutter_count or 0,
        tuple(int(part) if number % 2 else part for number, part in enumerate(parts)),  # 9 before 10
        photo.path.name,
        photo.size_bytes,
        str(photo.path),
    )


def _with_known_body(photos: Sequence[Photo], profile: Profile | None) -> tuple[list[Photo], list[Skipped]]:
    """Leave out photos that do not say which camera took them, unless a profile was named and most do not."""
    known = [photo for photo in photos if photo.body.model]
    few = 2 * len(known) < len(photos)
    if few and profile is not None and all(photo.body.model != profile.model for photo in known):
        return list(photos), []  # those few are strays
    unknown = {_whole(photo.path): nameless(photo.path) for photo in photos if not photo.body.model}
    hint = "" if known else "; name a profile (--profile) to use such photos"
    return known, [Skipped(path.name, reason + hint) for path, reason in unknown.items()]


def nameless(path: PhotoPath) -> str:
    """Say where the name of the camera is missing in a photo."""
    if is_ser_name(path):
        return "its header names no camera"
    return "no INSTRUME, which names the camera" if is_fits_name(path) else NAMELESS


def _whole(path: PhotoPath) -> PhotoPath:
    """Return the video that a frame belongs to, any other file itself."""
    return path.video if isinstance(path, VideoFrame) else path


def _of_one_body(
    photos: list[Photo], profile: Profile | None, serial: str | None
) -> tuple[list[Photo], list[Skipped]]:
    """Leave out photos of other models than the named profile's, of other bodies than the one asked for, and strays."""
    keep = photos
    if profile is not None and any(photo.body.model == profile.model for photo in photos):
        keep = [photo for photo in photos if photo.body.model == profile.model]
    if serial is not None:
        bodies = _listed(keep)
        keep = [photo for photo in keep if photo.body.serial == serial]
        if not keep:
            msg = f"--serial {serial!r}: no photo of that body; found {bodies or 'none'}"
            raise FrameMismatchError(msg)
    with_raw = Counter(photo.body for photo in keep if photo.jpeg_size is None)
    if max(with_raw.values(), default=0) > 1:  # a map takes two; a stray JPEG of a telephone is no camera to choose
        keep = [photo for photo in keep if photo.body in with_raw]
    if not keep:
        return [], []
    body = _majority(Counter(photo.body for photo in keep))
    if body is None:
        msg = f"photos of several cameras: {_listed(keep)}; "
        msg += "choose one with --serial, with --profile for its model, or name its photos only"
        raise FrameMismatchError(msg)
    left_out = [Skipped(photo.path.name, _other_body(photo, body)) for photo in photos if photo.body != body]
    return [photo for photo in photos if photo.body == body], left_out


def _majority(counts: Counter[Body]) -> Body | None:
    """Return the body whose photos they are but for some strays, None where that is not clear."""
    for body, count in counts.most_common():
        others = [number for other, number in counts.items() if other != body and not lost_serial(other, body)]
        if sum(others) < count and max(others, default=0) <= max(count // _TIMES_AS_MANY, 1):
            return body
    return None


def lost_serial(found: Body, expected: Body) -> bool:
    """Tell whether a body differs from another of its model in having no serial number."""
    same = found.make == expected.make and found.model == expected.model
    return same and not found.serial and bool(expected.serial)


def _other_body(photo: Photo, expected: Body) -> str:
    """Say why a photo is left out that another body took than expected."""
    found = photo.body
    if not found.model:
        return nameless(photo.path)
    if lost_serial(found, expected):
        return f"its EXIF has no serial number, so it may be of another body than {expected}"
    names = _names((found, expected))
    return f"taken by {names[found]}, expected {names[expected]}"


def _names(bodies: Collection[Body]) -> dict[Body, str]:
    """Name bodies such that they differ."""
    usual = Counter(map(str, bodies))
    return {
        body: str(body) if usual[str(body)] == 1 else f"{body} (make {body.make!r}, model {body.model!r})"
        for body in bodies
    }


def _listed(photos: Sequence[Photo]) -> str:
    """Name the bodies and their numbers of photos."""
    counts = Counter(photo.body for photo in photos)
    names = _names(counts)
    most = sorted(counts, key=lambda body: (-counts[body], body))[:_MOST_LISTED]
    listed = [f"{names[body]} ({counts[body]} photo{'s' if counts[body] > 1 else ''})" for body in sorted(most)]
    return "; ".join([*listed, *([f"{len(counts) - len(most)} more"] if len(counts) > len(most) else [])])
