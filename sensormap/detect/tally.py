"""The tally: exact integer sums over frames, for each photosite; and the outlying scores of each frame.

Sums of integers do not depend on their order, so any split over threads or machines gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Lattice, step_of
from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.neighbours import BLOCK_ROWS, Work, middle_of_rows, work_rows
from sensormap.score.noise import Noise
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA, score_rows
from sensormap.settings import OUTLIER_SIGMA

MOST_FRAMES = 32_767
"""Frames that a tally holds: far more than anybody has photos of one camera."""

_OUTLYING = int(OUTLIER_SIGMA * SCORES_PER_SIGMA)  # the least outlying score, as it is stored

# Few enough that a band's rows fill the cache many times over, enough that threads seldom meet in one.
_BANDS = 16


@dataclass(frozen=True)
class Outliers:
    """The outlying scores of one or more frames, one row each, sorted by (frame, index).

    Parameters
    ----------
    frame
        Number of the frame, int32.
    index
        ``row * W + col`` in the active area, int32.
    score
        Score in eighths of sigma, int8.
    value
        DN, black subtracted, int32.
    level2
        Twice the median of the eight same-colour neighbours, DN, int32.
    """

    frame: NDArray[np.int32]
    index: NDArray[np.int32]
    score: NDArray[np.int8]
    value: NDArray[np.int32]
    level2: NDArray[np.int32]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Outliers:
        return Outliers(*(array[rows] for array in vars(self).values()))

    def __len__(self) -> int:
        return self.index.size

    def copy(self) -> Outliers:
        """Return the same in memory of its own."""
        return Outliers(*(array.copy() for array in vars(self).values()))

    @staticmethod
    def room(size: int, frame: int) -> Outliers:
        """Return memory for so many outlying scores of one frame."""
        index, value, level2 = (np.empty(size, np.int32) for _ in range(3))
        return Outliers(np.full(size, frame, np.int32), index, np.empty(size, np.int8), value, level2)

    @staticmethod
    def concatenate(parts: Sequence[Outliers]) -> Outliers:
        """Join lists, in the order given."""
        every = Outliers.room(0, 0), *parts
        return Outliers(*(np.concatenate([getattr(one, name) for one in every]) for name in vars(every[0])))


class Tally:
    """Per-photosite sums over the frames added so far; threads may add at the same time.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    frames
        Largest number of frames that will be added: fewer make narrower sums, which are faster and smaller.

    Raises
    ------
    OverflowError
        If no width holds so many frames.

    Attributes
    ----------
    frames
        Frames added.
    max_frames
        Frames that it holds.
    hidden
        Frames in which the photosite could not show itself, that is, was clipped together with its surroundings: uint8
        up to 255 frames, else uint16.
    sum_z
        Sum of the scores in eighths of sigma. int16 holds 511 frames, int32 2 ** 25.
    sum_outlying
        Sum of the sizes of outlying scores in eighths of sigma. uint16 holds 1023 frames, uint32 2 ** 26.
    """

    def __init__(self, shape: tuple[int, int], *, frames: int = MOST_FRAMES) -> None:
        if not 0 < frames <= MOST_FRAMES:
            msg = f"{frames} frames: a tally holds 1 to {MOST_FRAMES}"
            raise OverflowError(msg)
        self.frames = 0
        self.max_frames = frames
        self.shape = shape
        self.hidden = np.zeros(shape, np.uint8 if frames < 2**8 else np.uint16)
        self.sum_z = np.zeros(shape, np.int16 if frames * SCORE_LIMIT < 2**15 else np.int32)
        self.sum_outlying = np.zeros(shape, np.uint16 if frames * SCORE_LIMIT < 2**16 else np.uint32)
        edges = np.linspace(0, shape[0], min(_BANDS, shape[0]) + 1).astype(int).tolist()
        self._bands = [(first, last, Lock()) for first, last in pairwise(edges)]
        self._frames_lock = Lock()

    @property
    def count(self) -> NDArray[np.unsignedinteger[Any]]:
        """Frames in which each photosite could show itself."""
        return np.asarray(self.hidden.dtype.type(self.frames) - self.hidden)

    @property
    def sums(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The arrays that are added up: `hidden`, `sum_z` and `sum_outlying`."""
        return self.hidden, self.sum_z, self.sum_outlying

    def add(
        self, padded: Mosaic, noise: Noise, *, clipping: tuple[int, int], frame: int, filtered: bool = False
    ) -> Outliers:
        """Add one frame and return its outlying scores.

        Parameters
        ----------
        padded
            The frame's active area as `neighbours.pad` returns it, DN.
        noise
            Noise fitted to this frame, from `fit_noise`.
        clipping
            Lowest and highest DN that a photosite can have, black subtracted.
        frame
            The frame's number, for the outliers.
        filtered
            Whether the camera filtered the frame, which then has no bright outliers.

        Raises
        ------
        OverflowError
            Beyond `max_frames`.
        """
        with self._frames_lock:
            if self.frames >= self.max_frames:
                msg = f"this tally holds at most {self.max_frames} frames"
                raise OverflowError(msg)
            self.frames += 1
        width, lattice = self.shape[1], noise.lattice
        rows = noise.rows(width) / np.float32(SCORES_PER_SIGMA**2)
        room = Outliers.room(max(last - first for first, last, _ in self._bands) * width, frame)
        work = work_rows(padded, step_of(lattice))
        found = []
        # Each frame starts at a band of its own, so that two threads do not queue behind each other.
        start = frame % len(self._bands)
        for first, last, lock in self._bands[start:] + self._bands[:start]:
            with lock:
                count = tally_band(padded, first, last, lattice, rows, clipping, work, self.hidden, self.sum_z, room)
            band = room[:count]
            # The room serves the next band, so that what it holds is copied.
            found.append(band[np.flatnonzero(band.score < 0)] if filtered else band.copy())
        outliers = Outliers.concatenate(found[-start:] + found[:-start] if start else found)
        with self._frames_lock:
            add_outlying(outliers.index, outliers.score, self.sum_outlying.reshape(-1))
        return outliers

    def merge(self, other: Tally) -> None:
        """Add the sums of `other`, which may be made for fewer frames; the order of merging does not matter.

        Raises
        ------
        ValueError
            If its shape differs, or its sums are wider.
        OverflowError
            If both together have more frames than this one holds.
        """
        pairs = list(zip(self.sums, other.sums, strict=True))
        if any(mine.shape != theirs.shape or not np.can_cast(theirs.dtype, mine.dtype) for mine, theirs in pairs):
            msg = f"a tally of shape {self.shape} takes none of shape {other.shape}, and none with wider sums"
            raise ValueError(msg)
        if self.frames + other.frames > self.max_frames:
            msg = f"this tally holds at most {self.max_frames} frames"
            raise OverflowError(msg)
        self.frames += other.frames
        for mine, theirs in pairs:
            np.add(mine, theirs, out=mine)

    def mean_score(self, where: Any = ...) -> NDArray[np.float32]:
        """Return the mean score over the frames in which a photosite could show itself, in sigma of one frame.

        Parameters
        ----------
        where
            Index of the photosites asked about; all if left out.
        """
        seen = np.maximum(self.hidden.dtype.type(self.frames) - self.hidden[where], 1).astype(np.float32)
        seen *= np.float32(SCORES_PER_SIGMA)
        mean = self.sum_z[where].astype(np.float32)
        mean /= seen
        return np.asarray(mean)

    def beyond(self, centre: NDArray[np.float32], bar: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the places, ``row * W + col``, whose mean score is farther from its plane's centre than its bar.

        Parameters
        ----------
        centre, bar
            Centre of each plane and distance from it, in sigma, by row and column phase: shape ``(step, step)``.
        """
        beyond = np.empty(self.shape, np.bool_)
        mark_beyond(self.sum_z, self.hidden, self.frames, np.float32(SCORES_PER_SIGMA), centre, bar, beyond)
        return np.flatnonzero(beyond)


def add_outlying(index: NDArray[np.int32], score: NDArray[np.int8], sums: NDArray[Any]) -> None:
    """Add the size of each listed score to the sum at its place.

    Parameters
    ----------
    index, score
        Places, ``row * W + col``, int32, and scores, int8: ``(N,)`` both.
    sums
        Sums by place, flat, of any integer type; added to. Places beyond its end are left out.
    """
    within = index < sums.shape[0]
    np.add.at(sums, index[within], np.abs(score[within].astype(np.int16)).astype(sums.dtype))


def tally_band(
    padded: Mosaic,
    first: int,
    last: int,
    lattice: Lattice,
    noise: NDArray[np.float32],
    clipping: tuple[int, int],
    work: Work,
    hidden: NDArray[Any],
    sum_z: NDArray[Any],
    room: Outliers,
) -> int:
    """Score rows `first` to `last` (exclusive), add them to the tally, list the outlying scores; return their count.

    Parameters
    ----------
    padded, first, last, lattice, noise
        As for `score_band`; noise for scores in eighths of sigma.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.
    work
        Memory to work in, from `work_rows`.
    hidden, sum_z
        The tally's arrays of these names, ``(H, W)``; added to.
    room
        Filled with the outlying scores, but for their frame; as long as the rows have photosites.
    """
    (level2, spread2, scores), step = work, step_of(lattice)
    flags = np.zeros((scores.shape[1] + 7) // 8 * 8, np.uint8)
    eights = flags.view(np.uint64)
    # As narrow as what they are compared with.
    bars = np.array([_OUTLYING, -_OUTLYING], np.int8)
    edges: Any = np.array([*clipping, 2 * clipping[0], 2 * clipping[1]], padded.dtype)
    listed = room.index, room.score, room.value, room.level2
    found = 0
    for row in range(first, last, BLOCK_ROWS):
        count = min(BLOCK_ROWS, last - row)
        middle_of_rows(padded, row, count, lattice, level2, spread2)
        score_rows(padded, row, count, step, level2, spread2, noise, np.float32(SCORE_LIMIT), scores)
        found = tally_rows(
            padded, row, count, step, level2, scores, bars, edges, flags, eights, hidden, sum_z, *listed, found
        )
    return found


@compiled
def tally_rows(
    padded: Mosaic,
    first: int,
    count: int,
    step: int,
    level2: NDArray[Any],
    scores: NDArray[np.int8],
    bars: NDArray[np.int8],
    edges: Mosaic,
    flags: NDArray[np.uint8],
    eights: NDArray[np.uint64],
    hidden: NDArray[Any],
    sum_z: NDArray[Any],
    out_index: NDArray[np.int32],
    out_score: NDArray[np.int8],
    out_value: NDArray[np.int32],
    out_level2: NDArray[np.int32],
    found: int,
) -> int:
    """Add some rows' scores to the tally; list the outlying ones from `found` on, and return where the list ends.

    Parameters
    ----------
    padded, step, hidden, sum_z
        As for `tally_band`.
    first, count
        First row, and number of rows.
    level2, scores
        Twice the neighbours' medians, and the scores of the rows, ``(count, W)``; scores of clipped photosites are set
        to 0.
    bars
        Least bright, and least dark, of outlying scores, ``(2,)``.
    edges
        Lowest and highest DN that a photosite can have, and twice each, ``(4,)``.
    flags, eights
        Memory to work in: as many bytes as a row has photosites, or up to seven more, all 0; and the same by eights.
    out_index, out_score, out_value, out_level2
        Columns of the list, ``(N,)`` each, with room for every photosite of the band.
    found
        Length of the list so far.
    """
    bright, dark = bars[0], bars[1]
    low, high, low2, high2 = edges[0], edges[1], edges[2], edges[3]
    width = hidden.shape[1]
    for i in range(count):
        row = first + i
        value, line2, score = padded[row + step][step : step + width], level2[i], scores[i]
        # A photosite that is clipped together with its surroundings shows nothing about itself.
        lowest, highest = value[0], value[0]
        for j in range(width):
            lowest, highest = min(lowest, value[j]), max(highest, value[j])
        if lowest <= low or highest >= high:
            line = hidden[row]
            for j in range(width):
                shows = ((value[j] < high) | (line2[j] < high2)) & ((value[j] > low) | (line2[j] > low2))
                line[j] += not shows
                score[j] = score[j] if shows else np.int8(0)
        line_z = sum_z[row]
        for j in range(width):
            line_z[j] += score[j]
        for j in range(width):
            flags[j] = (score[j] >= bright) | (score[j] <= dark)
        for eight in range(eights.shape[0]):
            if eights[eight] == 0:  # nearly all
                continue
            for j in range(8 * eight, 8 * eight + 8):
                if flags[j]:
                    out_index[found] = row * width + j
                    out_score[found] = score[j]
                    out_value[found] = value[j]
                    out_level2[found] = line2[j]
                    found += 1
    return found


@compiled
def mark_beyond(
    sum_z: NDArray[Any],
    hidden: NDArray[np.unsignedinteger[Any]],
    frames: int,
    unit: np.float32,
    centre: NDArray[np.float32],
    bar: NDArray[np.float32],
    beyond: NDArray[np.bool_],
) -> None:
    """Mark the photosites whose mean score is farther than `bar` from `centre`.

    Parameters
    ----------
    sum_z, hidden
        The tally's arrays of these names, ``(H, W)``.
    frames
        Number of frames in the tally.
    unit
        Scores a sigma.
    centre, bar
        Centre of each plane and distance from it, in sigma, by row and column phase: shape ``(step, step)``.
    beyond
        Mask to fill, ``(H, W)``.
    """
    step = centre.shape[0]
    for row in range(sum_z.shape[0]):
        for col in range(sum_z.shape[1]):
            seen = np.float32(max(frames - hidden[row, col], 1)) * unit
            phase = row % step, col % step
            beyond[row, col] = abs(np.float32(sum_z[row, col]) / seen - centre[phase]) > bar[phase]
