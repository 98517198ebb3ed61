"""The lists of outlying scores of a block's frames, and what repeats in them where they are or after a shift.

The frames' lists are sorted by row, and a shift moves whole rows: the compiled loop counts votes one row of the sensor
at a time, in a table that stays in the fastest cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.detect.tally import Outliers


@dataclass(frozen=True)
class BlockLists:
    """Some frames' lists of outlying scores; only places and scores are joined, the rest being seldom asked for.

    Parameters
    ----------
    outliers
        Each frame's list, by frame number, sorted by index.
    index, score
        Places ``row * W + col`` and scores of all lists, end to end: ``(E,)``.
    starts
        Places in `index` where each row of the sensor begins, and the last one ends, by frame: ``(frames, H + 1)``.
    frames
        Number of the frame of each row of `starts`, ``(frames,)``.
    shape
        ``(H, W)`` of the active area.
    period
        After how many photosites the pattern repeats, as `period_of` returns it.
    """

    outliers: Mapping[int, Outliers]
    index: NDArray[np.int32]
    score: NDArray[np.int8]
    starts: NDArray[np.int32]
    frames: NDArray[np.int32]
    shape: tuple[int, int]
    period: int = 2

    @staticmethod
    def of(outliers: Mapping[int, Outliers], shape: tuple[int, int], period: int = 2) -> BlockLists:
        """Join the frames' lists; parameters as for `BlockLists`."""
        height, width = shape
        edges = np.arange(height + 1, dtype=np.int32) * np.int32(width)
        starts = np.empty((len(outliers), height + 1), np.int32)
        begin = 0
        for row, one in zip(starts, outliers.values(), strict=True):
            row[:] = np.searchsorted(one.index, edges) + begin
            begin += len(one)
        index = np.concatenate([np.empty(0, np.int32), *(one.index for one in outliers.values())])
        score = np.concatenate([np.empty(0, np.int8), *(one.score for one in outliers.values())])
        return BlockLists(outliers, index, score, starts, np.array(list(outliers), np.int32), shape, period)

    def of_frames(self, frames: Sequence[int]) -> BlockLists:
        """Return the lists of some of the frames; entries keep their numbers.

        Parameters
        ----------
        frames
            Numbers of the frames.
        """
        chosen = np.isin(self.frames, frames)
        return replace(self, starts=self.starts[chosen], frames=self.frames[chosen])

    def repeated(
        self, fewest: int, shifts: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the entries whose photosite has at least `fewest` entries of one sign, and their places.

        Parameters
        ----------
        fewest
            Least number of entries of one sign, 1 to 8.
        shifts
            Offsets of all frames of the run, ``(2, frames)``; none if left out. As in `shift_places`, places go around
            the edges, and what is left over at the end by whole periods is not moved into.

        Returns
        -------
        tuple of int32 arrays, shape (M,)
            Numbers of the entries and their places ``row * W + col`` after the shift, sorted by place.
        """
        around, moves = np.array(self.shape, np.int32), np.zeros((2, self.frames.size), np.int32)
        if shifts is not None:
            around -= around % self.period
            moves[:] = shifts[:, self.frames] % around[:, np.newaxis]
        votes, runs = np.zeros(2 * self.shape[1], np.uint8), np.empty((3, 2 * self.frames.size), np.int32)
        # Few entries repeat: most of this memory is never touched, and so never taken.
        entries, places = np.empty_like(self.index), np.empty_like(self.index)
        lists = self.index, self.score, self.starts
        found = list_repeated(*lists, moves, around, fewest, votes, runs, entries, places)
        order = np.argsort(places[:found], kind="stable")
        return entries[order], places[order]

    def frame_of(self, entries: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the number of the frame that each entry is of, ``(M,)``, given the lists of all frames.

        Parameters
        ----------
        entries
            Numbers of entries, ``(M,)``.
        """
        return np.asarray(self.frames[np.searchsorted(self.starts[:, 0], entries, side="right") - 1])

    def rows(self, entries: NDArray[np.int32]) -> Outliers:
        """Return some entries with all that is known of them, sorted by (index, frame).

        Parameters
        ----------
        entries
            Numbers of entries, ``(M,)``.
        """
        frame = self.frame_of(entries)
        begins = dict(zip(self.frames.tolist(), self.starts[:, 0].tolist(), strict=True))
        found = [one[entries[frame == number] - begins[number]] for number, one in self.outliers.items()]
        joined = Outliers.concatenate(found)
        return joined[np.lexsort((joined.frame, joined.index))]


def period_of(step: int) -> int:
    """Return by how many photosites shifts go around the edges, given the distance between same-plane neighbours.

    Examples
    --------
    >>> period_of(1), period_of(2), period_of(6), period_of(16)
    (2, 2, 6, 2)
    """
    return step if step % 3 == 0 else 2


def shift_places(
    index: NDArray[np.int32], shift: NDArray[np.int32], shape: tuple[int, int], period: int = 2
) -> NDArray[np.int32]:
    """Return where listed places of one frame are after a shift, around the edges.

    Parameters
    ----------
    index
        Places ``row * W + col``, ``(N,)``.
    shift
        (row, col) offset, ``(2,)``.
    shape
        ``(H, W)`` of the active area.
    period
        After how many photosites the pattern repeats, as `period_of` returns it.

    Notes
    -----
    Last rows or columns that are no whole period, which would swap the planes of what goes around, are not moved into.
    """
    height, width = (side - side % period for side in shape)
    row, col = np.divmod(index, np.int32(shape[1]))
    moved: NDArray[np.int32] = (row + shift[0]) % height * np.int32(shape[1]) + (col + shift[1]) % width
    return moved


@compiled
def list_repeated(
    index: NDArray[np.int32],
    score: NDArray[np.int8],
    starts: NDArray[np.int32],
    shifts: NDArray[np.int32],
    around: NDArray[np.int32],
    fewest: int,
    votes: NDArray[np.uint8],
    runs: NDArray[np.int32],
    entries: NDArray[np.int32],
    places: NDArray[np.int32],
) -> int:
    """List the entries whose photosite, after the shift, has at least `fewest` entries of one sign; return their count.

    Parameters
    ----------
    index, score
        Places ``row * W + col`` and scores of the frames' lists end to end, each sorted by place: ``(E,)``.
    starts
        Places in `index` where each row begins, and the last one ends, in each frame: ``(frames, H + 1)``.
    shifts
        Each frame's offset in rows and columns, from 0 to below `around`, shape ``(2, frames)``.
    around
        Rows and columns from which places go around, each that of the sensor or less by part of a period, ``(2,)``.
    fewest
        Least number of entries of one sign, 1 to 8.
    votes
        Scratch space, ``(2 * W,)``, two zeros for every column, positive then negative; is left zeroed. Votes are
        counted in unary, a bit each: what is beyond 8 falls off, and OR tells whether any count of a row is large
        enough.
    runs
        Scratch space, shape ``(3, 2 * frames)``: what comes to be in a row, namely the first entry, the one after the
        last, and what to add to an index for its column.
    entries, places
        Arrays to fill with each repeated entry's number in `index` and its place after the shift, ``(E,)``.
    """
    height, width = starts.shape[1] - 1, votes.shape[0] // 2
    rows, cols = around[0], around[1]
    enough = 1 << (fewest - 1)
    found = 0
    for row in range(rows):
        count = 0
        for frame in range(starts.shape[0]):
            source = row - shifts[0, frame]
            source += rows if source < 0 else 0
            while source < height:  # once, but twice where a row beyond the last goes around
                runs[0, count], runs[1, count] = starts[frame, source], starts[frame, source + 1]
                runs[2, count] = shifts[1, frame] - source * width
                source += rows
                count += 1
        most = 0
        for run in range(count):
            offset = runs[2, run]
            # Unsigned subscripts save the check for negative ones, a third of this loop's time.
            for i in range(np.uint64(runs[0, run]), np.uint64(runs[1, run])):
                col = index[i] + offset
                col -= cols if col >= cols else 0
                side = np.uint64(2 * col + (score[i] < 0))
                vote = 2 * votes[side] + 1
                most |= vote
                votes[side] = vote
        if most & enough:
            for run in range(count):
                for entry in range(runs[0, run], runs[1, run]):
                    col = index[entry] + runs[2, run]
                    col -= cols if col >= cols else 0
                    if (votes[2 * col] | votes[2 * col + 1]) & enough:
                        entries[found], places[found] = entry, row * width + col
                        found += 1
        for slot in range(votes.shape[0]):
            votes[slot] = 0
    return found
