"""Values saved during the first pass, of photosites that may be followed: most photos are then decoded only once.

Frames are tallied in batches. Every third frame of a batch leads: these are tallied first, and the photosites that
stand out in them are listed. Of the later frames of the batch the values at the listed photosites are saved, so that
the second pass has to decode only the leading frames again. A photosite that a batch did not list is known in its
leading frames alone. The last frames of a run all lead, for defects that appeared just before them.

Leading frames of JPEGs are kept as they were decoded, a byte a pixel, as far as memory allows: `KeptFrames`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.follow_list import FollowList
from sensormap.detect.line_sites import LineSites
from sensormap.detect.lines import EARLY, lines_in_means
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import count_votes, parts_of
from sensormap.detect.worth_following import make_follow_list
from sensormap.frame import Mosaic
from sensormap.score.noise import value_step
from sensormap.settings import Thresholds
from sensormap.shards.summary import Windows

# Frames a batch: the leading ones are enough to list all but the faintest defects, and few enough that their lists of
# outlying scores do not fill the memory.
_BATCH = 60
_EVERY, _LAST_LEADING = 3, 8
CONTROLS, _CONTROL_SEED = 3000, 2
_VOTE_SEED = 1 << 20  # a seed that no block has

MOST_KEPT = 256_000_000
"""Bytes of decoded frames that a run keeps at most: 25 of 10 megapixels, all leading ones of 60 photos."""


class KeptFrames:
    """Decoded frames, a byte a value, that need not be decoded again; threads share it.

    Parameters
    ----------
    most
        Bytes that they may take. What does not fit is not kept: which frames those are changes no result.
    """

    def __init__(self, most: int = 0) -> None:
        self._room = most
        self._frames: dict[str, NDArray[np.uint8]] = {}
        self._lock = Lock()

    def keep(self, digest: str, active: Mosaic) -> None:
        """Keep the active area of a frame, whose values are 0 to 255, by the digest of its photo."""
        with self._lock:
            if active.size > self._room or digest in self._frames:
                return
            self._room -= active.size
        values = active.astype(np.uint8)
        with self._lock:
            self._frames[digest] = values

    def take(self, digest: str) -> NDArray[np.uint8] | None:
        """Return the active area of a frame, and keep it no longer; None if it was not kept."""
        with self._lock:
            return self._frames.pop(digest, None)

    def clear(self) -> None:
        """Keep none any longer."""
        with self._lock:
            self._frames.clear()


@dataclass(frozen=True)
class Batch:
    """Numbers of some frames that follow each other, in the order in which they are tallied.

    Parameters
    ----------
    leading
        Frames tallied first, in which photosites to follow are found.
    later
        Frames tallied after them, of which values are saved.
    """

    leading: tuple[int, ...]
    later: tuple[int, ...] = ()


def split_frames(frames: int, *, saving: bool) -> tuple[Batch, ...]:
    """Split frame numbers 0 to `frames` - 1 into batches; if nothing is to be saved, into one of leading frames only.

    Examples
    --------
    >>> split_frames(16, saving=True)
    (Batch(leading=(1, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15), later=(0, 2, 3, 5, 6)),)
    """
    if not saving:
        return (Batch(tuple(range(frames))),)
    parts = np.array_split(np.arange(frames), max(round(frames / _BATCH), 1))
    return tuple(
        Batch(
            tuple(part[(part % _EVERY == 1) | (part >= frames - _LAST_LEADING)].tolist()),
            tuple(part[(part % _EVERY != 1) & (part < frames - _LAST_LEADING)].tolist()),
        )
        for part in parts
    )


def draw_controls(photosites: int) -> NDArray[np.int64]:
    """Return random positions, nearly all of healthy photosites, which tell what is usual: int64, ``(CONTROLS,)``."""
    return np.random.default_rng(_CONTROL_SEED).integers(0, photosites, CONTROLS).astype(np.int64)


class SavedWindows:
    """Which photosites are saved of which frame of a first pass, and their values; threads share it.

    Frames have to be taken up in `order`, and `finish` has to be called for each, or threads wait for ever.

    Parameters
    ----------
    batches
        Batches of frames, from `split_frames`.
    followed
        Numbers of the frames that the second pass wants.
    tally, shifted_sums, shifts
        Tally, sums and shifts of the first pass.
    step, reach
        Number of photosites that random shifts go by, and how far they go, as for `votes.draw_shifts`.
    cfa
        Filter pattern as read from the active area's corner.
    thresholds
        Detection thresholds.
    smears
        Whether each defect is smeared over several photosites.
    finds_lines
        Whether columns and rows are followed too.

    Attributes
    ----------
    order
        Frame numbers in the order in which they have to be taken up.
    windows
        Saved values by frame number.
    """

    def __init__(  # noqa: PLR0913
        self,
        batches: Sequence[Batch],
        followed: Iterable[int],
        tally: Tally,
        shifted_sums: NDArray[np.unsignedinteger],
        shifts: NDArray[np.int32],
        *,
        step: int,
        cfa: Cfa,
        thresholds: Thresholds,
        reach: int | None = None,
        smears: bool = False,
        finds_lines: bool = False,
    ) -> None:
        later = [batch.later for batch in batches]
        self.order = tuple(number for batch in batches for number in (*batch.leading, *batch.later))
        self.windows: dict[int, Windows] = {}
        self._batches = batches
        self._followed = frozenset(followed)
        self._later = {number: i for i, batch in enumerate(batches) for number in batch.later}
        self._leading = {number: i for i, batch in enumerate(batches) if batch.later for number in batch.leading}
        self._waits_for = self._later | {number: i - 1 for i, batch in enumerate(batches) for number in batch.leading}
        self._tally, self._shifted_sums, self._shifts = tally, shifted_sums, shifts
        self._step, self._reach, self._cfa, self._thresholds = step, reach, cfa, thresholds
        self._smears, self._finds_lines = smears, finds_lines
        self._lock = Lock()
        # A batch's list can be made when its leading frames and all frames before them are done.
        self._awaited = [{*before, *batch.leading} for batch, before in zip(batches, ((), *later), strict=False)]
        self._awaited_by = {number: i for i, awaited in enumerate(self._awaited) for number in awaited}
        self._next = 0
        self._made = [Event() for _ in batches]
        self._outliers: list[dict[int, Outliers]] = [{} for _ in batches]
        self._lists: list[FollowList | None] = [None for _ in batches]

    def wait(self, frame: int) -> None:
        """Wait for the list of a frame's batch; a leading frame waits for the list of the batch before."""
        batch = self._waits_for[frame]
        if batch >= 0:
            self._made[batch].wait()

    def save(self, frame: int, padded: Mosaic, outliers: Outliers) -> None:
        """Save what is needed of a frame that has been tallied: of a leading one outlying scores, else values."""
        if frame in self._leading:
            with self._lock:
                self._outliers[self._leading[frame]][frame] = outliers
        elif frame in self._later and frame in self._followed:
            follow_list = self._lists[self._later[frame]]
            if follow_list is not None:
                values = follow_list.windows(padded, self._shifts[:, frame], self._cfa)
                with self._lock:
                    self.windows[frame] = Windows(follow_list, values)

    def finish(self, frame: int) -> None:
        """Count a frame as done, whether it could be used or not; the thread of the last leading one makes the list."""
        ready = []
        with self._lock:
            if frame in self._awaited_by:
                self._awaited[self._awaited_by[frame]].discard(frame)
            while self._next < len(self._batches) and not self._awaited[self._next]:
                ready.append(self._next)
                self._next += 1
        try:
            for i in ready:
                if i:  # another thread may still make the list of the batch before
                    self._made[i - 1].wait()
                if self._batches[i].later and not self._made[i].is_set():  # also set when the run ends early
                    self._lists[i] = self._make_list(i)
                self._made[i].set()
        finally:
            for i in ready:
                self._made[i].set()

    def is_read_again(self, frame: int) -> bool:
        """Tell whether the second pass wants a frame of which no values are saved."""
        return frame in self._followed and frame not in self._later

    def end(self) -> None:
        """Let all threads go on: the run is over."""
        for made in self._made:
            made.set()

    def _make_list(self, batch: int) -> FollowList | None:
        """Return the photosites that stand out so far, the controls, and decoys; None if no leading frame counted."""
        outliers = self._outliers[batch]
        if not outliers:
            return None
        block_votes = count_votes(
            outliers,
            parts_of(sorted(outliers)),
            self._shifts,
            shape=self._tally.shape,
            step=self._step,
            false_votes=self._thresholds.false_votes,
            seed=_VOTE_SEED + batch,
            reach=self._reach,
        )
        self._outliers[batch] = {}
        found = make_follow_list(
            self._tally, block_votes, self._shifted_sums, self._cfa, self._thresholds, early=True, smears=self._smears
        )
        controls = draw_controls(self._tally.hidden.size)
        lines = lines_in_means(self._tally, self._cfa, limits=EARLY) if self._finds_lines else ()
        along = LineSites.of(lines, self._tally.shape, self._cfa.step, every_plane=True).photosites
        return FollowList(np.unique(np.concatenate([found.photosites, controls, along])), found.decoys)


class GatheredWindows:
    """Values of the followed photosites, frame by frame as they come; what a frame did not list is not known in it.

    Parameters
    ----------
    followed
        The photosites, and decoys.
    frames
        Numbers of the frames that may come, ascending.

    Attributes
    ----------
    places
        Places of photosites and decoys.
    steps
        Distance of the levels of each frame that came, DN.
    """

    def __init__(self, followed: FollowList, frames: Sequence[int]) -> None:
        self.places = np.concatenate([followed.photosites, followed.decoys])
        self.steps: dict[int, float] = {}
        self._followed, self._column = followed, {frame: i for i, frame in enumerate(frames)}
        self._values = np.zeros((3, self.places.size, len(frames)), np.int16)
        self._known = np.zeros(self._values.shape[1:], np.bool_)

    def add(self, frame: int, windows: Windows) -> None:
        """Take up a frame.

        Parameters
        ----------
        frame
            Its number.
        windows
            Its values at what was listed when it was read.
        """
        column, listed = self._column[frame], windows.follow_list
        self._values = self._values.astype(np.result_type(self._values, windows.values), copy=False)
        found = np.arange(self.places.size) if listed is self._followed else self._followed.positions_in(listed)
        known = found >= 0
        self._known[:, column] = known
        self._values[:, known, column] = windows.values[:, found[known]]
        self.steps[frame] = value_step(windows.values[0])

    def arrays(self) -> tuple[Mosaic, NDArray[np.bool_]]:
        """Return the values, ``(3, N, T)``, and which are known, ``(N, T)``, of the frames that came."""
        if len(self.steps) == len(self._column):
            return self._values, self._known
        came = [column for frame, column in self._column.items() if frame in self.steps]
        return self._values[:, :, came], self._known[:, came]
