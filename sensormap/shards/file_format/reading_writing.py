"""What surveying a shard leaves behind, as the bytes of a file and back.

A file is a zip archive of NumPy arrays that `numpy.load` reads, after `summary.json`, which says everything else and
how long they are. Reading trusts nothing: a file is what was written, of the shard that is asked for, or it is refused,
and no more memory is taken than such a shard can need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sensormap.bounded_reading import read_at_most
from sensormap.errors import StateError
from sensormap.photos.files import MAX_PHOTOSITES
from sensormap.shards.cut import FEWEST, MOST
from sensormap.shards.file_format.archive import OVERHEAD, Entry, content, first_entry, pack, read_entries
from sensormap.shards.file_format.arrays import ArrayMember
from sensormap.shards.file_format.facts import Facts, SkippedFacts, UsedFacts, read_facts
from sensormap.shards.file_format.members import layout_of, put_together, take_apart
from sensormap.shards.summary import ShardSummary

_FACTS = "summary.json"
_MOST_PHOTOS = MOST + FEWEST
_USUAL_OPENING = 1 << 17  # bytes that hold the first member of all shards but odd ones
_OPENING, _NAME_AFTER = b"PK\3\4", 26  # of a member: its signature, and bytes from there to its name

# Bytes of a file before they are deflated, at most. The sums take 6 a photosite. What is listed of a D80's photo takes
# 0.3 MB, and some 4 MB of one with as many outlying scores as a photo may have.
_A_PHOTOSITE, _A_PHOTO = 8, 4 << 20
_FACTS_AT_LEAST, _FACTS_A_PHOTO = 1 << 16, 1 << 14
_LARGEST_ARCHIVE = 1 << 32  # as `pack` writes them

_STEPS = (1, 2, 6)  # of mono, Bayer and X-Trans
_Size = tuple[tuple[int, int], int, int]  # of a shard: shape, step and photos, as `read_facts` takes them


@dataclass(frozen=True)
class ShardFile:
    """A shard's file that is not damaged, and which photos it is of.

    Parameters
    ----------
    content
        Its bytes.
    digests
        Digests of the photos that could be used.
    skipped
        Names of the others: of them no digest is kept.
    """

    content: bytes
    digests: frozenset[str]
    skipped: frozenset[str]


def opens_like_a_shard(path: Path) -> bool:
    """Tell by its first bytes whether a file is one that `summary_bytes` made, damaged perhaps."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(len(_OPENING) + len(_FACTS) + _NAME_AFTER)
    except OSError:
        return False
    return head.startswith(_OPENING) and head.endswith(_FACTS.encode("ascii"))


def summary_bytes(summary: ShardSummary, fingerprint: str, *, deflate: bool = True) -> bytes:
    """Return the result of a shard as the bytes of a file.

    Parameters
    ----------
    summary
        Result of one shard, whose frames have the numbers from 0 on.
    fingerprint
        What it was made of, which reading asks for.
    deflate
        Whether the file is compressed, to a tenth or so; reading and writing then take three times as long.

    Returns
    -------
    bytes
        The same for the same result, with one release of zlib.

    Raises
    ------
    ValueError
        If it is not of one shard, or holds what no survey of one finds.
    """
    photos, votes, tally = summary.shifts.shape[1], summary.votes, summary.tally
    numbered = sorted([*summary.records, *summary.skipped]) == list(range(photos))
    if not (0 < photos <= _MOST_PHOTOS and photos == tally.max_frames and numbered):
        msg = f"a result of {photos} photos, expected 1 to {_MOST_PHOTOS}, numbered from 0"
        raise ValueError(msg)
    if len(votes) > 1 or any(shard.first for shard in votes) or tally.frames != len(summary.counted):
        msg = f"votes of {len(votes)} shards and sums of {tally.frames} frames, expected those of one shard"
        raise ValueError(msg)
    facts, arrays = take_apart(summary, fingerprint)
    stated = facts.to_bytes()
    if len(stated) > _most_stated(photos):
        msg = f"{len(stated)} bytes of names and reasons, expected at most {_most_stated(photos)}"
        raise ValueError(msg)
    members = ((f"{name}.npy", one.to_bytes(arrays[name])) for name, one in _layout(facts).items())  # one at a time
    return pack(chain([(_FACTS, stated)], members), deflate=deflate)


def read_summary(path: Path, fingerprint: str, shape: tuple[int, int], step: int, photos: int) -> ShardSummary:
    """Read the result of a shard.

    Parameters
    ----------
    path
        The file.
    fingerprint
        What it must have been made of.
    shape
        ``(H, W)`` of the active area.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    photos
        Number of photos of the shard.

    Raises
    ------
    StateError
        If it cannot be read, is damaged, is of another shard or version, or holds what no survey finds.
    """
    most = _most_bytes(shape, photos) + _most_stated(photos) + OVERHEAD
    with _naming(path):
        data = read_at_most(path, most, "the result of a shard")
        entries = read_entries(data)
        facts = _read_facts(data, entries, fingerprint, (shape, step, photos))
        layout = _listed_layout(facts, entries)
        arrays = {
            name: one.of_bytes(content(data, entry, one.size))
            for entry, (name, one) in zip(entries[1:], layout.items(), strict=True)
        }
        del data
        return put_together(facts, arrays)


def read_any_summary(path: Path, fingerprint: str) -> tuple[ShardSummary, tuple[int, int], int]:
    """Read the result of a shard of which nothing is known: what the file says of its size is believed.

    Parameters
    ----------
    path
        The file.
    fingerprint
        What it must have been made of.

    Returns
    -------
    summary, shape, step
        Its result, ``(H, W)`` of the active area, and distance between same-plane neighbours.

    Raises
    ------
    StateError
        As by `read_summary`.
    """
    with _naming(path):
        with path.open("rb") as file:
            head = file.read(_most_stated(_MOST_PHOTOS) + OVERHEAD)
        shape, step, photos = _stated_size(_stated(head, [first_entry(head)], _most_stated(_MOST_PHOTOS)))
    return read_summary(path, fingerprint, shape, step, photos), shape, step


def read_shard_file(path: Path, fingerprint: str) -> ShardFile:
    """Read a shard's file without knowing the shard: what the file says of its size is believed.

    Parameters
    ----------
    path
        The file.
    fingerprint
        What it must have been made of.

    Raises
    ------
    StateError
        If it cannot be read, is damaged, or is of another shard or version.
    """
    with _naming(path):
        data = read_at_most(path, _LARGEST_ARCHIVE, "the result of a shard")
        entries = read_entries(data)
        facts = _read_facts(data, entries, fingerprint, None)
        for entry, one in zip(entries[1:], _listed_layout(facts, entries).values(), strict=True):
            if entry.size != one.size:
                msg = f"{entry.name}: {entry.size} bytes, expected {one.size}"
                raise ValueError(msg)
    return ShardFile(
        data,
        frozenset(frame.digest for frame in facts.frames if isinstance(frame, UsedFacts)),
        frozenset(frame.name for frame in facts.frames if isinstance(frame, SkippedFacts)),
    )


@dataclass(frozen=True)
class ShardPhotos:
    """Which photos a shard's file says that it is of.

    Parameters
    ----------
    digests
        Digests of the photos that could be used.
    skipped, photos
        Number of the others, of which no digest is kept, and of all.
    """

    digests: frozenset[str]
    skipped: int
    photos: int


def read_shard_photos(path: Path, fingerprint: str) -> ShardPhotos | None:
    """Return which photos a shard's file is of, by its opening alone; None where that is damaged.

    Parameters
    ----------
    path
        The file.
    fingerprint
        What it must have been made of.
    """
    for length in (_USUAL_OPENING, _most_stated(_MOST_PHOTOS) + OVERHEAD):
        try:
            with path.open("rb") as file:
                head = file.read(length)
            frames = _read_facts(head, [first_entry(head)], fingerprint, None).frames
        except (OSError, ValueError):
            continue
        used = [frame.digest for frame in frames if isinstance(frame, UsedFacts)]
        return ShardPhotos(frozenset(used), len(frames) - len(used), len(frames))
    return None


def _read_facts(data: bytes, entries: list[Entry], fingerprint: str, size: _Size | None) -> Facts:
    """Return what the first member says; a size of None stands for the one that it states."""
    stated = _stated(data, entries, _most_stated(size[2] if size else _MOST_PHOTOS))
    try:
        return read_facts(stated, fingerprint, *(size or _stated_size(stated)))
    except ValueError as error:
        msg = f"{_FACTS}: {error}"
        raise ValueError(msg) from error


def _stated(data: bytes, entries: list[Entry], most: int) -> bytes:
    """Return the text of the first member, of at most so many bytes."""
    if not entries or entries[0].name != _FACTS or entries[0].size > most:
        found = f"{entries[0].name[:40]!r} of {entries[0].size} bytes" if entries else "nothing"
        msg = f"{found} comes first, expected {_FACTS!r} of at most {most} bytes"
        raise ValueError(msg)
    return content(data, entries[0], entries[0].size)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say of which file it is that something is wrong with it."""
    try:
        yield
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise StateError(msg) from error
    except ValueError as error:
        msg = f"{path}: {error}"
        raise StateError(msg) from error


def _stated_size(stated: bytes) -> _Size:
    """Return the size that facts state; the least one where it cannot be, which `read_facts` then finds wrong."""
    try:
        value = json.loads(stated)
        (height, width), step, photos = value["shape"], value["step"], len(value["frames"])
    except (ValueError, RecursionError, LookupError, TypeError):
        return (1, 1), 1, 1
    whole = type(height) is int and type(width) is int and min(height, width) > 0
    if not whole or height * width > MAX_PHOTOSITES or not 0 < photos <= _MOST_PHOTOS:
        return (1, 1), 1, 1
    return (height, width), step if step in _STEPS else 2, photos


def _listed_layout(facts: Facts, entries: list[Entry]) -> dict[str, ArrayMember]:
    """Return type and shape of each array, once the file has them all and no others."""
    layout = _layout(facts)
    names = [_FACTS, *(f"{name}.npy" for name in layout)]
    if [entry.name for entry in entries] != names:
        msg = f"{len(entries)} members of other names, expected {', '.join(names)}"
        raise ValueError(msg)
    return layout


def _layout(facts: Facts) -> dict[str, ArrayMember]:
    """Return type and shape of each array, once they are no larger in all than those of a shard can be."""
    layout, most = layout_of(facts), _most_bytes(facts.shape, len(facts.frames))
    size = sum(one.size for one in layout.values())
    if size > most:
        msg = f"arrays of {size} bytes, expected at most {most}"
        raise ValueError(msg)
    return layout


def _most_bytes(shape: tuple[int, int], photos: int) -> int:
    return _A_PHOTOSITE * shape[0] * shape[1] + _A_PHOTO * photos


def _most_stated(photos: int) -> int:
    return _FACTS_AT_LEAST + _FACTS_A_PHOTO * photos
