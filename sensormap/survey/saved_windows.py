"""Values saved during the first pass, at places that already look worth following: most photos are then read once.

Every third frame of a stretch is tallied first: these scouts say where to look. From the frames between them, which
come after, the values there are kept, so that only the scouts have to be read a second time. A photosite that they did
not name is known in the scouts alone; the last frames of a run are all scouts, for what was born just before them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.follow_list import Spots, promising
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import count_votes, parts_of
from sensormap.frame import Mosaic
from sensormap.settings import Thresholds

# Frames: enough for scouts to name all but the faintest, few enough that their lists of outliers do not fill memory.
_STRETCH = 60
_EVERY, _LAST_SCOUTS = 3, 8
CONTROLS, _CONTROL_SEED = 3000, 2
_VOTE_SEED = 1 << 20  # of no block


@dataclass(frozen=True)
class Stretch:
    """Some frames that follow each other, and in which order they are tallied: scouts first."""

    scouts: tuple[int, ...]
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sight:
    """What one frame showed: windows as `Spots.windows` returns them."""

    spots: Spots
    windows: Mosaic


def stretches(frames: int, *, watched: bool) -> tuple[Stretch, ...]:
    """Split frame numbers 0 to `frames` into stretches; unwatched, one of scouts only.

    Examples
    --------
    >>> stretches(16, watched=True)
    (Stretch(scouts=(1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15), others=(0, 2, 3, 5, 6)),)
    """
    if not watched:
        return (Stretch(tuple(range(frames))),)
    parts = np.array_split(np.arange(frames), max(round(frames / _STRETCH), 1))
    return tuple(
        Stretch(
            tuple(part[(part % _EVERY == 1) | (part >= frames - _LAST_SCOUTS)].tolist()),
            tuple(part[(part % _EVERY != 1) & (part < frames - _LAST_SCOUTS)].tolist()),
        )
        for part in parts
    )


def draw_controls(photosites: int) -> NDArray[np.int64]:
    """Return random places, nearly all healthy, by which series are judged."""
    return np.random.default_rng(_CONTROL_SEED).integers(0, photosites, CONTROLS).astype(np.int64)


class Watch:
    """What to look at in which frame of a first pass, and what was seen; threads share it.

    Frames have to be taken up in `order`, and `finish` called for every one, or it waits for ever.

    Parameters
    ----------
    parts
        From `stretches`.
    followed
        Frames that the second pass wants.
    tally, shifted, shifts
        Of the first pass.
    cfa
        Filter pattern from the active area's corner.
    thresholds
        Of detection.

    Attributes
    ----------
    order
        Frame numbers as they have to be taken up.
    seen
        By frame number.
    """

    def __init__(  # noqa: PLR0913
        self,
        parts: Sequence[Stretch],
        followed: Iterable[int],
        tally: Tally,
        shifted: NDArray[np.unsignedinteger],
        shifts: NDArray[np.int32],
        *,
        cfa: Cfa,
        thresholds: Thresholds,
    ) -> None:
        others = [part.others for part in parts]
        self.order = tuple(number for part in parts for number in (*part.scouts, *part.others))
        self.seen: dict[int, Sight] = {}
        self._parts = parts
        self._followed = frozenset(followed)
        self._part_of = {number: i for i, part in enumerate(parts) for number in part.others}
        self._scouts = {number: i for i, part in enumerate(parts) if part.others for number in part.scouts}
        self._waits_for = self._part_of | {number: i - 1 for i, part in enumerate(parts) for number in part.scouts}
        self._tally, self._shifted, self._shifts = tally, shifted, shifts
        self._cfa, self._thresholds = cfa, thresholds
        self._lock = Lock()
        # What a stretch looks at is known when all its scouts and everything before them are done.
        self._awaited = [{*before, *part.scouts} for part, before in zip(parts, ((), *others), strict=False)]
        self._awaited_by = {number: i for i, awaited in enumerate(self._awaited) for number in awaited}
        self._next = 0
        self._known = [Event() for _ in parts]
        self._outliers: list[dict[int, Outliers]] = [{} for _ in parts]
        self._spots: list[Spots | None] = [None for _ in parts]

    def wait(self, frame: int) -> None:
        """Wait until it is known what to look at in a frame; a scout waits until the stretch before knows that."""
        part = self._waits_for[frame]
        if part >= 0:
            self._known[part].wait()

    def tallied(self, frame: int, padded: Mosaic, outliers: Outliers) -> None:
        """Keep what a frame showed once it has been tallied; a repeat is not told of."""
        if frame in self._scouts:
            with self._lock:
                self._outliers[self._scouts[frame]][frame] = outliers
        elif frame in self._part_of and frame in self._followed:
            spots = self._spots[self._part_of[frame]]
            if spots is not None:
                windows = spots.windows(padded, self._shifts[:, frame], self._cfa.step)
                with self._lock:
                    self.seen[frame] = Sight(spots, windows)

    def finish(self, frame: int) -> None:
        """Say that nothing more comes of a frame, good or bad; the last scout finds out what to look at."""
        ready = []
        with self._lock:
            if frame in self._awaited_by:
                self._awaited[self._awaited_by[frame]].discard(frame)
            while self._next < len(self._parts) and not self._awaited[self._next]:
                ready.append(self._next)
                self._next += 1
        try:
            for i in ready:
                if i:  # another thread may still be finding out what the stretch before looks at
                    self._known[i - 1].wait()
                if self._parts[i].others and not self._known[i].is_set():  # it is if the run is over
                    self._spots[i] = self._look_out(i)
                self._known[i].set()
        finally:
            for i in ready:
                self._known[i].set()

    def end(self) -> None:
        """Let everybody go: the run is over."""
        for known in self._known:
            known.set()

    def _look_out(self, part: int) -> Spots | None:
        """Return what is promising so far, and the controls."""
        outliers = self._outliers[part]
        if not outliers:
            return None
        ballots = count_votes(
            outliers,
            parts_of(sorted(outliers)),
            self._shifts,
            shape=self._tally.shape,
            false_votes=self._thresholds.false_votes,
            seed=_VOTE_SEED + part,
        )
        self._outliers[part] = {}
        spots = promising(self._tally, ballots, self._shifted, self._cfa, self._thresholds, early=True)
        fixed = np.union1d(spots.fixed, draw_controls(self._tally.hidden.size))
        return Spots(fixed, spots.decoys)
