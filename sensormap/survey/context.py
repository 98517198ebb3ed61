"""What all passes of a run share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sensormap.camera.profile import Profile
from sensormap.detect.votes import BlockVotes
from sensormap.errors import DecodeError
from sensormap.frame import Frame, Photo, PhotoPath
from sensormap.photos.files import read_bytes
from sensormap.photos.refusals import Refusals
from sensormap.settings import Options
from sensormap.shards.shard_folder import SurveySettings
from sensormap.shards.state import State
from sensormap.survey.saved_windows import KeptFrames
from sensormap.threads import Progress

Read = Callable[[Photo, Profile], Frame]
"""Decodes a photo: `decode.reading.read_frame`, or something that changes what it returns."""


class Engine(Protocol):
    """What surveys shards in place of the threads of the run, and writes their files into its state folder.

    Attributes
    ----------
    refused
        Why some photos must not be decoded, not by the run either; what is found is added while it works.
    """

    refused: dict[PhotoPath, str]

    def surveyed(
        self,
        photos: tuple[Photo, ...],
        shards: Sequence[range],
        settings: SurveySettings,
        state: State,
        progress: Progress,
    ) -> Generator[range]:
        """Survey the shards that have no file yet, and yield each shard, in order, when that is done.

        Parameters
        ----------
        photos
            Photos of one body in order of capture.
        shards
            Their numbers, by shard.
        settings
            What a survey depends on beside its photos.
        state
            State folder of the run, which surveys itself what has no file even then.
        progress
            Called with the number of photos that are done and of all.

        Raises
        ------
        EngineError
            If that is not possible.
        """


def no_candidates(found: int) -> None:
    """Say nothing of candidates."""


@dataclass(frozen=True)
class RunContext:
    """What all passes of a run share.

    Parameters
    ----------
    options
        Options of the run.
    progress
        Called with the number of photos done and of all, in each pass, first with 0.
    refusals
        Collector of photos that cannot be used; what it raises ends the run.
    read
        Decoder of photos.
    fallback
        Decoder tried when `read` fails or its frame is implausible; its result is final. None if there is none.
    state
        State folder, which has what earlier runs found; None if nothing is kept.
    engine
        What surveys shards in place of this run's threads, which then has a state folder; None if nothing does.
    on_candidates
        Called with the number of candidates that votes have named so far, as often as there are more, in any thread.
    candidates
        Their positions in the active area.
    differing
        Collector of photos that `read` and `fallback` decode differently, among those that are compared.
    kept
        Decoded frames that the second pass need not decode again.
    """

    options: Options
    progress: Progress
    refusals: Refusals
    read: Read
    fallback: Read | None = None
    state: State | None = None
    engine: Engine | None = None
    on_candidates: Callable[[int], None] = no_candidates
    candidates: set[int] = field(default_factory=set)
    differing: set[PhotoPath] = field(default_factory=set)
    kept: KeptFrames = field(default_factory=KeptFrames)

    def add_candidates(self, votes: Iterable[BlockVotes]) -> None:
        """Count what blocks of votes name as candidates, and say how many there are."""
        before = len(self.candidates)
        for one in votes:
            self.candidates.update(one.index.tolist())
        if len(self.candidates) > before:
            self.on_candidates(len(self.candidates))


def read_unless_refused(read: Read, refused: Mapping[PhotoPath, str], photo: Photo, profile: Profile) -> Frame:
    """Decode a photo unless that is known to end the process.

    Parameters
    ----------
    read
        Decoder.
    refused
        Why some photos must not be decoded.
    photo, profile
        Arguments of the decoder.

    Raises
    ------
    DecodeError
        If the photo is one of these.
    """
    if photo.path in refused:
        error = DecodeError(refused[photo.path])
        data = read_bytes(photo.path)
        error.digest = hashlib.sha256(data).hexdigest() if len(data) == photo.size_bytes else None
        raise error
    return read(photo, profile)
