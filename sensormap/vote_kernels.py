"""The compiled loop that finds what repeats in a block of frames; `test_block_lists` counts slowly.

The frames' lists are sorted by row, and a shift moves whole rows: the votes are therefore counted one row of the sensor
at a time, in a table that stays in the fastest cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled


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
        The frames' lists end to end, each sorted by index, ``row * W + col``.
    starts
        For each frame, where in `index` each row begins and the last one ends, shape ``(frames, H + 1)``.
    shifts
        Each frame's offset in rows and columns, from 0 to below `around`, shape ``(2, frames)``.
    around
        Rows and columns from which places go around, each that of the sensor or one less.
    fewest
        1 to 8.
    votes
        Scratch space with two zeros for every column, positive then negative; is left zeroed. Votes are counted in
        unary, a bit each: what is beyond 8 falls off, and OR tells whether any count of a row is large enough.
    runs
        Scratch space, shape ``(3, 2 * frames)``: what comes to be in a row, namely the first entry, the one after the
        last, and what to add to an index for its column.
    entries, places
        Filled with each repeated entry's number in `index` and its place after the shift; room for all entries.
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
