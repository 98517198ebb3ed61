"""Profiles beside the user's own photos: what pairs of a raw file and its JPEG say of each camera."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sensormap.alignment.crop import measure_crop
from sensormap.camera.geometry import Rect, rect_text
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import file_name_of, find_profile
from sensormap.camera.profile_writing import profile_text
from sensormap.decode.reading import open_geometry
from sensormap.errors import DecodeError, OutputError, SensorMapError
from sensormap.frame import Photo
from sensormap.output import check_writable, write_atomically
from sensormap.photos.finding import find_photos
from sensormap.photos.select import read_photos
from sensormap.photos.shots import find_twins
from sensormap.threads import default_threads

MOST_PAIRS = 5
"""Pairs that are measured of a camera: one can be of a scene with too little detail, or edited."""


@dataclass(frozen=True)
class ProfileCheck:
    """What photos of a camera say of its profile.

    Parameters
    ----------
    camera
        Its model, for people.
    profile
        The profile that comes with sensormap; None where there is none.
    measured
        The same, verified, with what the photos show in place of what they contradict; of LibRaw's geometry where there
        is no profile. None where the pairs do not settle it.
    agreeing, pairs
        Pairs that show the geometry of `measured`, and pairs that were looked at.
    contradictions
        A key of the profile, its value and what the photos show, each as words.
    problems
        Why pairs could not be measured.
    """

    camera: str
    profile: Profile | None
    measured: Profile | None
    agreeing: int
    pairs: int
    contradictions: tuple[str, ...]
    problems: tuple[str, ...]


def check_profiles(photos: Iterable[str | Path], *, jobs: int | None = None) -> tuple[ProfileCheck, ...]:
    """Compare the profiles of cameras with raw photos and the full-size JPEGs of the same shots.

    Parameters
    ----------
    photos
        Files, folders and patterns, as for `map_defects`; of each camera at most five pairs are measured.
    jobs
        Threads that read headers; None takes a thread for each core.

    Returns
    -------
    tuple of ProfileCheck
        One for each model of which there are pairs, sorted by make and model.

    Raises
    ------
    DecodeError
        If an argument names nothing, or no raw photo has a JPEG beside it.
    """
    found, _ = read_photos(find_photos(photos, images=False), jobs=jobs or default_threads())
    pairs = _pairs(found)
    if not pairs:
        msg = "no pair found: no JPEG there is of the shot of a raw photo"
        raise DecodeError(msg)
    return tuple(_check(pairs[camera]) for camera in sorted(pairs))


def check_lines(check: ProfileCheck) -> Iterator[str]:
    """Say, one line each, what photos say of a profile.

    Parameters
    ----------
    check
        What was found.
    """
    name = f"profile {check.profile.name}" if check.profile else "no profile"
    if check.measured is None:
        yield f"{check.camera}: {name}: not settled by {_pairs_of(check.pairs)}"
    else:
        said = "; ".join(check.contradictions) or "the photos agree with it"
        if check.profile is None:
            said = f"the photos show jpeg_crop: {rect_text(check.measured.jpeg_crop)}"
        yield f"{check.camera}: {name}: {said} ({check.agreeing} of {_pairs_of(check.pairs)})"
    yield from (f"  not measured: {problem}" for problem in check.problems)


def write_profiles(checks: Iterable[ProfileCheck], folder: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Write the profiles that photos have confirmed or corrected, a file each, and return their paths.

    Parameters
    ----------
    checks
        What `check_profiles` returned.
    folder
        Folder to write into; it is made if it is not there.
    overwrite
        Whether files that lie there are replaced.

    Raises
    ------
    OutputError
        If a file or the folder cannot be written, or a file is there; nothing is written then.
    """
    texts = {folder / f"{one.measured.name}.yaml": profile_text(one.measured) for one in checks if one.measured}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        msg = f"{folder}: cannot be made: {getattr(error, 'strerror', None) or error}"
        raise OutputError(msg) from error
    for path in texts:
        check_writable(path, overwrite=overwrite)
    for path, text in texts.items():
        write_atomically(text.encode(), path, overwrite=overwrite)
    return tuple(texts)


def _pairs(photos: Sequence[Photo]) -> dict[tuple[str, str], list[tuple[Photo, Photo]]]:
    """Return the raw photos of each model with the JPEGs of their shots, of the largest size that those have."""
    bodies: dict[Body, list[Photo]] = defaultdict(list)
    for photo in photos:
        if photo.body.model:
            bodies[photo.body].append(photo)
    pairs: dict[tuple[str, str], list[tuple[Photo, Photo]]] = defaultdict(list)
    for body in sorted(bodies):
        of_body = sorted(bodies[body], key=lambda photo: str(photo.path))
        raws = [photo for photo in of_body if photo.jpeg_size is None]
        jpegs = [photo for photo in of_body if photo.jpeg_size is not None]
        _, twins = find_twins(jpegs, raws)
        if twins:
            pairs[body.make, body.model] += [(raw, jpeg) for jpeg, raw in twins]
    return {camera: _largest(found) for camera, found in pairs.items()}


def _largest(pairs: list[tuple[Photo, Photo]]) -> list[tuple[Photo, Photo]]:
    sizes = [width * height for width, height in (jpeg.jpeg_size or (0, 0) for _, jpeg in pairs)]
    return [pair for pair, size in zip(pairs, sizes, strict=True) if size == max(sizes)]


def _check(pairs: Sequence[tuple[Photo, Photo]]) -> ProfileCheck:
    """Measure some pairs of one model, from first to last, and compare them with its profile."""
    step = max(len(pairs) // MOST_PAIRS, 1)
    chosen = pairs[::step][:MOST_PAIRS]
    shown: list[Profile] = []
    problems = []
    for raw, jpeg in chosen:
        try:
            geometry = open_geometry(raw.path, None)
            crop = measure_crop(raw, jpeg.path, geometry).crop
        except SensorMapError as error:
            problems.append(str(error))
            continue
        shown.append(replace(geometry, jpeg_crop=crop))
    body = chosen[0][0].body
    known = find_profile(body)
    counts = Counter((one.raw_size, one.cfa, one.jpeg_crop) for one in shown)
    agreeing = max(counts.values(), default=0)
    if 2 * agreeing <= len(shown):  # none, or no majority
        return ProfileCheck(body.name, known, None, agreeing, len(chosen), (), tuple(problems))
    usual = next(one for one in shown if counts[one.raw_size, one.cfa, one.jpeg_crop] == agreeing)
    contradictions = () if known is None else tuple(_contradictions(known, usual))
    measured = _corrected(known, usual, body)
    return ProfileCheck(body.name, known, measured, agreeing, len(chosen), contradictions, tuple(problems))


def _contradictions(known: Profile, shown: Profile) -> Iterator[str]:
    facts = (
        ("raw_size", str(list(known.raw_size)), str(list(shown.raw_size))),
        ("cfa", known.cfa.name, shown.cfa.name),
        ("jpeg_crop", rect_text(known.jpeg_crop), rect_text(shown.jpeg_crop)),
    )
    for key, value, other in facts:
        if value != other:
            yield f"{key}: {value}, but the photos show {other}"


def _corrected(known: Profile | None, shown: Profile, body: Body) -> Profile:
    """Return a verified profile: of the known one what the photos do not contradict, and LibRaw's levels if unsure."""
    if known is None:
        return replace(shown, name=file_name_of(body.name), make=body.make, model=body.model)
    area = known.active_area if known.raw_size == shown.raw_size else shown.active_area
    levels = known if known.verified or known.bits > shown.bits else shown
    crop = shown.jpeg_crop
    if crop is not None and not _holds(area, crop):
        area = shown.active_area
    return replace(
        known,
        raw_size=shown.raw_size,
        active_area=area,
        jpeg_crop=crop,
        cfa=shown.cfa,
        black_level=known.black_level if known.verified and known.cfa == shown.cfa else None,
        saturation=levels.saturation,
        bits=levels.bits,
        verified=True,
    )


def _holds(outer: Rect, inner: Rect) -> bool:
    last = inner.x + inner.width - 1, inner.y + inner.height - 1
    return outer.contains(inner.x, inner.y) and outer.contains(*last)


def _pairs_of(count: int) -> str:
    return f"{count} pair{'' if count == 1 else 's'}"
