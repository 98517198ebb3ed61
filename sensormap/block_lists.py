"""The lists of outlying scores of a block's frames, and what repeats in them where they are or after a shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.tally import Outliers
from sensormap.vote_kernels import list_repeated


@dataclass(frozen=True)
class BlockLists:
    """Some frames' lists of outlying scores, of which only places and scores are joined: the rest is seldom asked for.

    Parameters
    ----------
    outliers
        Each frame's list, by frame number, sorted by index.
    index, score
        All lists end to end.
    starts
        For each frame, where in `index` each row of the sensor begins and the last one ends, shape ``(frames, H + 1)``.
    frames
        For each row of `starts`, the frame's number.
    shape
        ``(H, W)`` of the active area.
    """

    outliers: Mapping[int, Outliers]
    index: NDArray[np.int32]
    score: NDArray[np.int8]
    starts: NDArray[np.int32]
    frames: NDArray[np.int32]
    shape: tuple[int, int]

    @staticmethod
    def of(outliers: Mapping[int, Outliers], shape: tuple[int, int]) -> BlockLists:
        """Join the frames' lists."""
        height, width = shape
        edges = np.arange(height + 1, dtype=np.int32) * np.int32(width)
        starts = np.empty((len(outliers), height + 1), np.int32)
        begin = 0
        for row, one in zip(starts, outliers.values(), strict=True):
            row[:] = np.searchsorted(one.index, edges) + begin
            begin += len(one)
        index = np.concatenate([np.empty(0, np.int32), *(one.index for one in outliers.values())])
        score = np.concatenate([np.empty(0, np.int8), *(one.score for one in outliers.values())])
        return BlockLists(outliers, index, score, starts, np.array(list(outliers), np.int32), shape)

    def of_frames(self, frames: Sequence[int]) -> BlockLists:
        """Return the lists of some of the frames; entries keep their numbers."""
        chosen = np.isin(self.frames, frames)
        return replace(self, starts=self.starts[chosen], frames=self.frames[chosen])

    def repeated(
        self, fewest: int, shifts: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the entries whose photosite has at least `fewest` entries of one sign, and their places.

        Parameters
        ----------
        fewest
            1 to 8.
        shifts
            Of all frames of the run, ``(2, frames)``; none if left out. As in `places.shift_places`, places go around
            the edges, and an odd last row or column is not moved into.

        Returns
        -------
        tuple of int32 arrays
            Numbers of the entries and their places after the shift, sorted by place.
        """
        around, moves = np.array(self.shape, np.int32), np.zeros((2, self.frames.size), np.int32)
        if shifts is not None:
            around -= around % 2
            moves[:] = shifts[:, self.frames] % around[:, np.newaxis]
        votes, runs = np.zeros(2 * self.shape[1], np.uint8), np.empty((3, 2 * self.frames.size), np.int32)
        # Few entries repeat: most of this memory is never touched, and so never taken.
        entries, places = np.empty_like(self.index), np.empty_like(self.index)
        lists = self.index, self.score, self.starts
        found = list_repeated(*lists, moves, around, fewest, votes, runs, entries, places)
        order = np.argsort(places[:found], kind="stable")
        return entries[order], places[order]

    def frame_of(self, entries: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the number of the frame that each entry is of, given the lists of all frames."""
        return np.asarray(self.frames[np.searchsorted(self.starts[:, 0], entries, side="right") - 1])

    def rows(self, entries: NDArray[np.int32]) -> Outliers:
        """Return some entries with all that is known of them, sorted by (index, frame)."""
        frame = self.frame_of(entries)
        begins = dict(zip(self.frames.tolist(), self.starts[:, 0].tolist(), strict=True))
        found = [one[entries[frame == number] - begins[number]] for number, one in self.outliers.items()]
        joined = Outliers.concatenate(found)
        return joined[np.lexsort((joined.frame, joined.index))]
