"""What a worker does: it surveys one shard, by one thread, and writes the shard's file into the state folder."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sensormap.assemble.pass_rules import rules_for
from sensormap.decode import libraw
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.decode.reading import read_frame
from sensormap.errors import EngineError
from sensormap.frame import Photo, PhotoPath, RemoteFile
from sensormap.photos.refusals import Refusals
from sensormap.settings import RAWPY, Options
from sensormap.shards.catalogue import file_as_it_is
from sensormap.shards.shard_folder import ALGORITHM, SHARDS, SurveySettings, WrittenShard, write_shard
from sensormap.survey.context import Read, RunContext, read_unless_refused
from sensormap.survey.first_pass import survey_shard
from sensormap.survey.memory import give_back, keep_frames
from sensormap.threads import no_progress
from sensormap.version import __version__


@dataclass(frozen=True)
class ShardTask:
    """A shard to survey.

    Parameters
    ----------
    photos
        Its photos in order of capture; their paths are absolute.
    settings
        What the survey depends on beside them.
    folder
        State folder.
    culprits
        Why some photos must not be decoded, by their places in the shard.
    deflate
        Whether the shard's file is compressed.
    versions
        Versions of the program that asks, as `versions` returns them.
    """

    photos: tuple[Photo, ...]
    settings: SurveySettings
    folder: Path
    culprits: Mapping[int, str] = field(default_factory=dict)
    deflate: bool = True
    versions: tuple[str, ...] = field(default_factory=lambda: versions())  # noqa: PLW0108 - defined below


def versions() -> tuple[str, ...]:
    """Return what must be the same on all workers: releases of sensormap, Python and the decoder, and the algorithm."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (f"sensormap {__version__}", f"algorithm {ALGORITHM}", f"Python {python}", *libraw.versions())


def survey_to_file(task: ShardTask) -> WrittenShard | None:
    """Survey a shard and write its file.

    Returns
    -------
    WrittenShard or None
        None, and no file, if a photo could not be read.

    Raises
    ------
    EngineError
        If this worker has other versions, or sees none of the photos.
    ProfileError
        If the active area is too small to have neighbours.
    OutputError
        If the file cannot be written.
    """
    if problem := different_versions(task.versions, versions()):
        raise EngineError(problem)
    photos, settings = task.photos, task.settings
    if not any(_is_seen(photo.path) for photo in photos):
        raise EngineError(_unseen(photos[0].path))
    options = Options(jobs=1, thresholds=settings.thresholds, decoder=settings.decoder)
    refused = {photos[number].path: reason for number, reason in task.culprits.items()}
    read, fallback = (
        None if one is None else partial(read_unless_refused, one, refused) for one in readers(settings.decoder)
    )
    refusals = Refusals(strict=False, quiet=True)  # the run itself tells of them
    context = RunContext(options, no_progress, refusals, read or read_frame, fallback)
    everything = range(len(photos)) if settings.saves else ()
    keep_frames()
    with native_stderr_silenced():
        found = survey_shard(photos, settings.profile, rules_for(photos), context, follow=everything)
    written = write_shard(task.folder, photos, settings, (), found, deflate=task.deflate)
    del found
    give_back()
    return written


def readers(decoder: str) -> tuple[Read, Read | None]:
    """Return what decodes photos, and what decodes those that it cannot, by the decoder's name in `Options`."""
    return partial(read_frame, decoder=decoder), None if decoder == RAWPY else partial(read_frame, decoder=RAWPY)


def look_around(folder: Path, token: str, photo: PhotoPath, asked: tuple[str, ...]) -> str:
    """Tell why this worker cannot survey the photos of a run; "" if it can.

    Parameters
    ----------
    folder
        State folder.
    token
        Name of a file that the run has put among its shards.
    photo
        One of the photos.
    asked
        Versions of the run.
    """
    if problem := different_versions(asked, versions()):
        return problem
    if not (folder / SHARDS / token).is_file():
        return f"{folder}: not seen there, expected a folder that all workers share"
    try:
        tempfile.TemporaryFile(dir=folder / SHARDS).close()
    except OSError as error:
        return f"{folder}: cannot be written there: {error.strerror}"
    return "" if _is_seen(photo) else _unseen(photo)


def different_versions(asked: tuple[str, ...], found: tuple[str, ...]) -> str:
    """Return what is wrong with the versions of a worker; "" if they are those of the run."""
    return "" if asked == found else f"{', '.join(found)} there, expected {', '.join(asked)}"


def _is_seen(path: PhotoPath) -> bool:
    return isinstance(path, RemoteFile) or file_as_it_is(path, "") is not None


def _unseen(path: PhotoPath) -> str:
    return f"{path}: not seen there, expected photos in a folder that all workers share"
