"""What a survey is asked to do, and whom it tells what it cannot use."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sensormap.decode.reading import DECODERS, RAWPY
from sensormap.detect import Thresholds
from sensormap.errors import DecodeError
from sensormap.frame import Skipped
from sensormap.stories import Floors

log = logging.getLogger(__name__)

# Each holds a frame or two of some 45 MB; decoding beyond this waits for the disk.
_MOST_THREADS = 8
DEFAULT_FOLLOWED = 256
"""Frames that are followed, at most."""


@dataclass(frozen=True)
class Options:
    """What a survey is asked to do.

    Parameters
    ----------
    profile
        Name or file of a camera profile; None finds it by EXIF, and leaves the geometry to LibRaw if there is none.
    serial
        Serial number of the body, where the photos are of several.
    jobs
        Threads; None means one for each processor, at most 8.
    strict
        Whether the first photo that cannot be used ends the run.
    follow
        Raw frames that are followed at most, some of them read again; 0 leaves the second pass out, and with it
        strengths, onsets and sure kinds.
    thresholds
        Of detection.
    floors
        The least strengths that count as defects.
    jpegs
        Whether the camera's JPEGs are used, of shots that no raw photo shows.
    decoder
        Of raw photos, one of `decode.DECODERS`; of undamaged ones the map is the same.
    """

    profile: str | None = None
    serial: str | None = None
    jobs: int | None = None
    strict: bool = False
    follow: int = DEFAULT_FOLLOWED
    thresholds: Thresholds = field(default_factory=Thresholds)
    floors: Floors = field(default_factory=Floors)
    jpegs: bool = True
    decoder: str = RAWPY

    def __post_init__(self) -> None:
        for name, value, least in (("jobs", self.jobs, 1), ("follow", self.follow, 0)):
            if value is not None and value < least:
                msg = f"{name}: {value} is not {least} or more"
                raise ValueError(msg)
        if self.decoder not in DECODERS:
            msg = f"decoder: {self.decoder!r} is not one of {', '.join(DECODERS)}"
            raise ValueError(msg)

    @property
    def threads(self) -> int:
        """Number of threads to run."""
        return self.jobs or default_threads()


def default_threads() -> int:
    """Return how many threads to run where nobody says: one for each processor, at most 8."""
    # Where the system can restrict a process to some processors, only those count.
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, _MOST_THREADS)


class Refusals:
    """Photos that cannot be used: told at once, kept for the map; with `strict` the first ends the run."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.skipped: list[Skipped] = []

    def extend(self, entries: Iterable[Skipped]) -> None:
        """Keep photos that something is wrong with.

        Raises
        ------
        DecodeError
            For the first, with `strict`.
        """
        for entry in entries:
            if self.strict:
                msg = f"{entry.name}: {entry.reason}"
                raise DecodeError(msg)
            log.warning("skipped %s: %s", entry.name, entry.reason)
            self.skipped.append(entry)

    def quietly(self, entries: Iterable[Skipped]) -> None:
        """Keep photos that nothing is wrong with."""
        self.skipped += entries

    def lose(self, names: Iterable[str]) -> None:
        """Keep photos that were good, but too few of their sort; those that are kept already stay as they are."""
        known = Counter(entry.name for entry in self.skipped)
        lost = list((Counter(names) - known).elements())
        self.quietly(Skipped(name, "alone of its sort, raw or JPEG: a map takes at least two") for name in lost)
