"""Photos of several sensors that EXIF cannot tell apart: defects of some frames are absent in others, and vice versa.

One sensor cannot do that. Its defects appear and stay, those that need a long exposure or a bright scene are all seen
in the same frames, and most are seen in all. So what counts are bright defects of either of two groups of frames that
never show in the other group, while hardly any shows in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensormap.diagnose.series import LOT, FollowedWindows
from sensormap.frame import Photo, RemoteFile

_CLIP = 8.0  # sigma beyond which a score says no more
_SHOWN = 4.0  # sigma by which a defect shows in a frame
_FEWEST_SHOWN = 4  # frames in which a photosite shows before it is compared
_MOST = 4000  # photosites compared: those that show in most frames

# Of the frames of a group, a defect shows in so large a share, or in so small a one: what noise and scenery make. A
# group may be of several sensors, each of which has a part of the frames.
_PRESENT, _ABSENT = 0.2, 0.05

_FEWEST_DEFECTS = 4  # of either group that the other one lacks: single ones jump, or heal
_MOST_SHARED = 0.25  # defects of both groups, as a share of those of one only: two sensors share none
# How far pairs of frames of two groups agree which is the longer exposure, where these may be nights and days: 0.75 in
# simulated ones. Of 120 simulated mixtures one lay above 0.55.
_EXPOSED_APART = 0.65
_FEWEST_FRAMES = 3  # of a group
_COMPONENTS = 4  # that divide the frames: few frames of a second sensor vary less than defects that appear
_ROUNDS = 8  # of moving frames to the group whose defects they show, at most


def second_sensor(
    candidates: FollowedWindows, likely: NDArray[np.bool_], exposed: NDArray[np.float64]
) -> NDArray[np.bool_] | None:
    """Tell which frames were taken by a second sensor; None where all were taken by one, as far as is known.

    Parameters
    ----------
    candidates
        Followed photosites, N in n frames.
    likely
        Which of them are likely defects, ``(N,)``; the others are not looked at.
    exposed
        Gain times shutter time of each frame, s; NaN where unknown: ``(n,)``.

    Returns
    -------
    ndarray of bool, shape (n,), or None
        False of the first frame.

    Notes
    -----
    The principal components of what the photosites show, each about its own mean, divide the frames; then each frame
    moves to the group whose own defects it shows more of, until none moves. The first division that ends as two sensors
    counts. Groups of long and of short exposures may be nights and days of one sensor, so that they do not.
    """
    shown, seen = _shown(candidates, np.flatnonzero(likely))
    if shown.shape[0] < 2 * _FEWEST_DEFECTS or shown.shape[1] < 2 * _FEWEST_FRAMES:
        return None
    divisions = (_settled(shown, seen, second) for second in _divisions(shown, seen))
    believed = (found for found in divisions if found is not None and not _by_exposure(exposed, found))
    second = next(believed, None)
    return second if second is None or not second[0] else ~second


def _settled(
    shown: NDArray[np.bool_], seen: NDArray[np.bool_], second: NDArray[np.bool_]
) -> NDArray[np.bool_] | None:
    """Move frames to the group whose own defects they show until none moves; None if the groups are no two sensors."""
    for _ in range(_ROUNDS):
        if min(second.sum(), (~second).sum()) < _FEWEST_FRAMES:
            return None
        first_only, second_only, both = _owners(shown, seen, second)
        if not (first_only.any() and second_only.any()):
            return None
        moved = _rate(shown[second_only], seen[second_only]) > _rate(shown[first_only], seen[first_only])
        if (moved == second).all():
            return second if _are_two(first_only, second_only, both) else None
        second = moved
    return None


def _shown(
    candidates: FollowedWindows, which: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return in which frames each of some bright photosites shows, and in which it is known, ``(M, n)`` both."""
    shown, known = [], []
    for start in range(0, which.size, LOT):
        series = candidates[which[start : start + LOT]]
        score = np.clip((series.value - series.level) / np.sqrt(series.variance), -_CLIP, _CLIP)
        shows = series.known & (score > _SHOWN)
        often = shows.sum(axis=1) >= _FEWEST_SHOWN
        shown.append(shows[often])
        known.append(series.known[often])
    if not shown:
        return np.zeros((0, 0), np.bool_), np.zeros((0, 0), np.bool_)
    found, seen = np.concatenate(shown), np.concatenate(known)
    most = np.sort(np.argsort(-found.sum(axis=1), kind="stable")[:_MOST])
    return found[most], seen[most]


def _divisions(shown: NDArray[np.bool_], seen: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield divisions of the frames, ``(n,)``: by sign and by the widest gap of the first principal components."""
    mean = shown.sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    about = np.where(seen, shown - mean, 0.0)
    _, axes = np.linalg.eigh(about.T @ about)
    for axis in axes.T[: -_COMPONENTS - 1 : -1]:
        yield axis > 0
        ordered = np.sort(axis)
        inner = slice(_FEWEST_FRAMES - 1, 1 - _FEWEST_FRAMES)
        gap = int(np.argmax(np.diff(ordered)[inner])) + _FEWEST_FRAMES - 1
        yield axis > ordered[gap]


def _owners(
    shown: NDArray[np.bool_], seen: NDArray[np.bool_], second: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which photosites are defects of the first group only, of the second only, and of both, ``(M,)`` each."""
    rates = []
    for group in (~second, second):
        counted = seen[:, group].sum(axis=1)
        rate = shown[:, group].sum(axis=1) / np.maximum(counted, 1)
        rates.append(np.where(counted >= _FEWEST_FRAMES, rate, np.nan))
    one, other = rates
    return (
        (one >= _PRESENT) & (other <= _ABSENT),
        (other >= _PRESENT) & (one <= _ABSENT),
        (one >= _PRESENT) & (other >= _PRESENT),
    )


def _are_two(first: NDArray[np.bool_], second: NDArray[np.bool_], both: NDArray[np.bool_]) -> bool:
    """Tell whether so many defects of each group are absent in the other that two sensors took them."""
    one, other = int(first.sum()), int(second.sum())
    return min(one, other) >= _FEWEST_DEFECTS and int(both.sum()) <= _MOST_SHARED * min(one, other)


def _by_exposure(exposed: NDArray[np.float64], second: NDArray[np.bool_]) -> bool:
    """Tell whether nearly all frames of one group are longer exposures than those of the other."""
    known = np.isfinite(exposed)
    one, other = exposed[known & ~second], exposed[known & second]
    if not (one.size and other.size):
        return False
    longer = np.sign(one[:, None] - other[None, :]).mean()  # 1 if all of one are longer, -1 if all are shorter
    return bool(abs(longer) > _EXPOSED_APART)


def _rate(shown: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of some photosites that each frame shows, of those that are known in it, ``(n,)``."""
    rate: NDArray[np.float64] = shown.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return rate


def how_to_split(photos: Sequence[Photo], second: NDArray[np.bool_]) -> str:
    """Say by what the photos of two sensors can be told apart.

    Parameters
    ----------
    photos
        The photos in order of capture.
    second
        Which of them the second sensor took, as `second_sensor` returns it.
    """
    change = np.flatnonzero(np.diff(second.astype(np.int8)))
    if change.size == 1:
        before, photo = photos[change[0]], photos[change[0] + 1]
        when = "" if photo.exposure.time is None else f", {photo.exposure.time:%Y-%m-%d %H:%M}"
        return f"split by date: {before.path.name} is the last of one, {photo.path.name}{when}, the first of the other"
    groups = [[photo for photo, own in zip(photos, second, strict=True) if own == side] for side in (False, True)]
    folders = [{_folder(photo) for photo in group} for group in groups]
    if not folders[0] & folders[1]:
        one, other = map(_listed, _named_apart(*folders))
        return f"split by folder: {one} and {other}"
    openings = [{re.split("[0-9]", photo.path.name)[0] for photo in group} for group in groups]
    if not openings[0] & openings[1]:
        one, other = (_listed({f"{opening}..." for opening in some}) for some in openings)
        return f"split by name: {one} and {other}"
    spans = [sorted(photo.path.name for photo in group) for group in groups]
    if spans[0][-1] < spans[1][0] or spans[1][-1] < spans[0][0]:
        return f"split by name: {spans[0][0]} to {spans[0][-1]} and {spans[1][0]} to {spans[1][-1]}"
    changes = sum(one != other for one, other in pairwise(second.tolist()))
    return f"they alternate {changes} times; one took {_listed(set(spans[0]))}, the other {_listed(set(spans[1]))}"


def _folder(photo: Photo) -> str:
    path = photo.path
    return path.url.rpartition("/")[0] if isinstance(path, RemoteFile) else path.parent.as_posix()


def _named_apart(one: set[str], other: set[str]) -> tuple[set[str], set[str]]:
    """Return the names of some folders, and of others, with as many folders around them as it takes to differ."""
    deepest = max(folder.count("/") for folder in one | other) + 1
    for depth in range(1, deepest + 1):
        first, second = ({_end_of(path, depth) for path in some} for some in (one, other))
        if not first & second:
            return first, second
    return one, other


def _end_of(path: str, depth: int) -> str:
    """Return the last parts of a path, so many of them."""
    return "/".join(path.rstrip("/").split("/")[-depth:]) or path


def _listed(names: set[str]) -> str:
    """Name a few, and how many there are more."""
    first = sorted(names)[:3]
    return ", ".join(first) + (f" and {len(names) - len(first)} more" if len(names) > len(first) else "")
