"""What all passes of a run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sensormap.camera.profile import Profile
from sensormap.frame import Frame, Photo
from sensormap.photos.refusals import Refusals
from sensormap.settings import Options
from sensormap.shards.state import State
from sensormap.threads import Progress

Read = Callable[[Photo, Profile], Frame]
"""Decodes a photo: `decode.reading.read_frame`, or something that changes what it returns."""


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
    differing
        Collector of photos that `read` and `fallback` decode differently, among those that are compared.
    """

    options: Options
    progress: Progress
    refusals: Refusals
    read: Read
    fallback: Read | None = None
    state: State | None = None
    differing: set[Path] = field(default_factory=set)
