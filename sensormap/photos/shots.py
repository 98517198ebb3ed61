"""Which files show one shot, and which of them to use: raw before JPEG, whole before cut, once each."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import profiles_of_jpeg_size
from sensormap.errors import DecodeError
from sensormap.frame import Photo, Skipped
from sensormap.photos.files import read_bytes
from sensormap.photos.refusals import skipped

_USUAL = 0.2  # a size that so large a share of the most frequent size's photos have is not rare
_ONE_SHAPE = 0.01  # sizes of one camera are rounded to whole blocks, and so their ratios of width and height differ
_Shot = tuple[datetime | None, int | None]


def without_copies(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Leave out files whose content or shot another file has: copies would count as independent photos.

    Parameters
    ----------
    photos
        Photos of one body; all raw, or all JPEGs.
    """
    ordered = sorted(photos, key=lambda photo: (photo.path.name, str(photo.path)))
    different, repeated = _without_same_shot(ordered)  # first, as it reads no file
    kept, copies = _without_same_content(different)
    return kept, [*copies, *repeated]


def find_twins(jpegs: Sequence[Photo], raws: Sequence[Photo]) -> tuple[list[Photo], list[tuple[Photo, Photo]]]:
    """Return the JPEGs of shots that no raw photo shows, and the others, each with its raw photo.

    Parameters
    ----------
    jpegs, raws
        JPEGs and raw photos of one body.

    Notes
    -----
    A JPEG shows the shot of a raw photo of the same capture time and shutter count, or of the same name but for its
    ending. Cameras number their files again from 1 after 9999, so that files of one name that tell two times or two
    counts are two shots.
    """
    by_name: dict[str, list[Photo]] = {}
    for photo in raws:
        by_name.setdefault(photo.path.stem.lower(), []).append(photo)
    by_shot = {_shot(photo): photo for photo in raws}
    alone: list[Photo] = []
    twins: list[tuple[Photo, Photo]] = []
    for jpeg in jpegs:
        shot = _shot(jpeg)
        named = [photo for photo in by_name.get(jpeg.path.stem.lower(), ()) if _agree(shot, _shot(photo))]
        twin = by_shot.get(shot) if None not in shot else None
        twin = twin or next(iter(named), None)
        if twin is None:
            alone.append(jpeg)
        else:
            twins.append((jpeg, twin))
    return alone, twins


def of_full_size(jpegs: Sequence[Photo], profile: Profile | None) -> tuple[list[Photo], list[Skipped]]:
    """Leave out JPEGs whose pixels are not those of the sensor: of a smaller size, or turned.

    Parameters
    ----------
    jpegs
        JPEGs of one body.
    profile
        The body's profile. Where there is none, or it has no JPEG crop, the largest size is taken for the full one that
        is not rare, as panoramas are; and where it is not verified and no JPEG has its size.
    """
    sizes = Counter(jpeg.jpeg_size for jpeg in jpegs if jpeg.jpeg_size is not None)
    if not sizes:
        return list(jpegs), []
    usual = [size for size in sizes if sizes[size] >= max(_USUAL * max(sizes.values()), min(2, len(jpegs)))]
    largest = max(usual or sizes, key=lambda size: (size[0] * size[1], sizes[size], size))
    known = profile.jpeg_size if profile else None
    if profile and not profile.verified and known not in sizes:
        known = None
    full = known or largest
    kept = [jpeg for jpeg in jpegs if jpeg.jpeg_size == full]
    expected = f"the full size {full[0]} x {full[1]}{'' if known else ', the largest of many'}"
    left_out = []
    for jpeg in jpegs:
        if jpeg.jpeg_size is not None and jpeg.jpeg_size != full:
            what = size_in_words(jpeg.jpeg_size, full)
            found = f"picture of {jpeg.jpeg_size[0]} x {jpeg.jpeg_size[1]} pixels, expected {expected}"
            left_out.append(Skipped(jpeg.path.name, f"{found}: {what}"))
    return kept, left_out


def size_in_words(size: tuple[int, int], full: tuple[int, int]) -> str:
    """Say what JPEGs of a size are that is not the full one.

    Parameters
    ----------
    size
        Their width and height, pixels.
    full
        Width and height of the camera's JPEGs.

    Examples
    --------
    >>> size_in_words((1936, 1296), (3872, 2592))
    'a smaller size, 50 % of the width'
    >>> size_in_words((2592, 3872), (3872, 2592))
    'turned after it was taken'
    >>> size_in_words((4928, 3264), (3872, 2592))
    'the full size of the NIKON D7000 and of 5 more'
    >>> size_in_words((4100, 2745), (3872, 2592))
    'larger than the camera makes them, so enlarged or of another camera'
    """
    if size[::-1] == full:
        return "turned after it was taken"
    models = [profile.model for profile in profiles_of_jpeg_size(size)]
    others = f" and of {len(models) - 1} more" if len(models) > 1 else ""
    of_another = f"the full size of the {models[0]}{others}" if models else ""
    if size[0] > full[0] or size[1] > full[1]:
        return of_another or "larger than the camera makes them, so enlarged or of another camera"
    if abs(size[0] * full[1] - size[1] * full[0]) <= _ONE_SHAPE * size[0] * full[1]:
        smaller = f"a smaller size, {100 * size[0] / full[0]:.3g} % of the width"
        return f"{smaller}, or {of_another}" if of_another else smaller
    return of_another or "cropped"


def _shot(photo: Photo) -> _Shot:
    """Return what identifies a shot of one body: its time to the second, and its shutter count."""
    time = photo.exposure.time
    return time and time.replace(microsecond=0), photo.exposure.shutter_count


def _agree(one: _Shot, other: _Shot) -> bool:
    """Tell whether two shots can be one: they agree in what is known of both."""
    return all(None in (mine, his) or mine == his for mine, his in zip(one, other, strict=True))


def _without_same_content(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Keep the first of files with one content; only files that look alike are read for it."""
    looks = Counter((photo.size_bytes, photo.exposure) for photo in photos)
    digests: dict[tuple[int, int], str] = {}
    first: dict[str, str] = {}
    kept: list[Photo] = []
    copies: list[Skipped] = []
    for photo in photos:
        if looks[photo.size_bytes, photo.exposure] > 1:
            try:
                digest = _digest(photo, digests)
            except DecodeError as error:
                copies.append(skipped(photo.path.name, error))
                continue
            except OSError as error:
                copies.append(Skipped(photo.path.name, f"cannot be read: {error.strerror}"))
                continue
            if digest in first:
                copies.append(Skipped(photo.path.name, f"same content as {first[digest]}"))
                continue
            first[digest] = photo.path.name
        kept.append(photo)
    return kept, copies


def _digest(photo: Photo, known: dict[tuple[int, int], str]) -> str:
    """Return the digest of a photo's content; a file that has several names is read once."""
    if not isinstance(photo.path, Path):
        return hashlib.sha256(read_bytes(photo.path)).hexdigest()
    with photo.path.open("rb") as file:
        status = os.fstat(file.fileno())
        key = status.st_dev, status.st_ino
        if key not in known:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return known[key]


def _without_same_shot(photos: Sequence[Photo]) -> tuple[list[Photo], list[Skipped]]:
    """Of files with one capture time and one shutter count keep the largest: others were edited, or cut short."""
    largest: dict[tuple[datetime | None, int | None], Photo] = {}
    for photo in photos:
        shot = _shot(photo)
        if shot not in largest or photo.size_bytes > largest[shot].size_bytes:
            largest[shot] = photo
    kept: list[Photo] = []
    copies: list[Skipped] = []
    for photo in photos:
        shot = _shot(photo)
        if None in shot or largest[shot] is photo:
            kept.append(photo)
        else:
            reason = f"same capture time and shutter count as {largest[shot].path.name}"
            copies.append(Skipped(photo.path.name, reason))
    return kept, copies
