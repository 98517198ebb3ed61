"""The shard files of a state folder: what they are called, and how one is written, by a run or by a worker for it.

A file's name is the fingerprint of the photos' bytes, the settings that matter, and the version of the algorithm.
Whoever writes one needs no lock: a file appears whole or not at all, and the same name stands for the same content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sensormap.camera.profile import Profile
from sensormap.errors import DecodeError, StateError
from sensormap.frame import Photo, PhotoPath
from sensormap.output import write_atomically
from sensormap.photos.files import read_bytes
from sensormap.settings import Thresholds
from sensormap.shards.catalogue import sizes_of
from sensormap.shards.file_format.reading_writing import summary_bytes
from sensormap.shards.summary import ShardSummary

ALGORITHM = 7
"""Counted up by every change of what a survey of a shard finds: then what was kept before is not used any more."""

SHARDS = "shards"
"""Name of the folder of shard files in a state folder."""

_ENDING = ".npz"
_SHARD_NAME = re.compile(rf"[0-9a-f]{{64}}{re.escape(_ENDING)}")


@dataclass(frozen=True)
class SurveySettings:
    """What the result of a survey depends on, beside the photos.

    Parameters
    ----------
    profile
        Geometry and levels.
    source
        Kind of the photos, raw or JPEG.
    thresholds
        Detection thresholds.
    decoder
        Name of the decoder.
    saves
        Whether values are saved for the second pass.
    """

    profile: Profile
    source: str
    thresholds: Thresholds
    decoder: str
    saves: bool

    @property
    def text(self) -> str:
        """The same settings as one text, for a fingerprint, with what the decoding depends on."""
        from sensormap.decode.libraw import versions  # noqa: PLC0415 - takes long, and most of the folder does without

        return json.dumps([ALGORITHM, versions(), asdict(self)], sort_keys=True, default=str)


@dataclass(frozen=True)
class WrittenShard:
    """A shard file that was written.

    Parameters
    ----------
    name
        Its fingerprint.
    digests
        SHA-256 of each photo's bytes, in order of capture.
    sizes
        What `catalogue.sizes_of` returns of the photos.
    """

    name: str
    digests: tuple[str, ...]
    sizes: str


def write_shard(
    folder: Path,
    photos: Sequence[Photo],
    settings: SurveySettings,
    leave_out: Collection[str],
    found: ShardSummary,
    *,
    deflate: bool = True,
) -> WrittenShard | None:
    """Write what a survey of a shard found.

    Parameters
    ----------
    folder
        State folder.
    photos, settings, leave_out
        What the survey was of.
    found
        What it found.
    deflate
        Whether the file is compressed.

    Returns
    -------
    WrittenShard or None
        None, and no file, if a photo could not be read: what was wrong was the way to it, and not its bytes.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    # Of the bytes that were decoded, or could not be: the file may have others by now.
    digests = [(found.records.get(number) or found.skipped[number]).digest for number in range(len(photos))]
    known = tuple(digest for digest in digests if digest is not None)
    if len(known) < len(photos):
        return None
    name = fingerprint(known, settings, leave_out)
    write_atomically(summary_bytes(found, name, deflate=deflate), shard_file(folder, name), overwrite=True)
    return WrittenShard(name, known, sizes_of(photo.size_bytes for photo in photos))


def shard_file(folder: Path, name: str) -> Path:
    """Return where a state folder has the shard of a fingerprint."""
    return folder / SHARDS / f"{name}{_ENDING}"


def shard_files(folder: Path) -> list[Path]:
    """Return what has the name of a shard's file in a state folder, sorted; nothing where there is no folder."""
    try:
        return sorted(path for path in (folder / SHARDS).iterdir() if _SHARD_NAME.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        msg = f"{folder / SHARDS}: cannot be read: {error.strerror}"
        raise StateError(msg) from error


def fingerprint(digests: Sequence[str], settings: SurveySettings, leave_out: Collection[str]) -> str:
    """Return the name of a shard: SHA-256, hexadecimal, of its photos and of what else a survey of them depends on.

    Parameters
    ----------
    digests
        SHA-256 of the photos' files, in order of capture.
    settings
        What the survey depends on.
    leave_out
        Digests of the photos that do not count, in any order.
    """
    text = json.dumps([settings.text, list(digests), sorted(leave_out)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: PhotoPath) -> str | None:
    """Return the SHA-256 of a photo's bytes; None where they cannot be read."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except DecodeError:
        return None
