"""What surveys of shards found, added up: the same whatever their order, and whichever were added up before.

All sums are of integers, and everything else is kept by frame number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.shards.summary import ShardSummary, ShardVotes


def place_in_run(shard: ShardSummary, first: int, frames: int) -> ShardSummary:
    """Return what the survey of a shard found, by the numbers that its frames have in the whole run.

    Parameters
    ----------
    shard
        Result of the shard, whose frames have the numbers from 0 on.
    first
        Number of its first frame in the run.
    frames
        Number of the run's frames.
    """
    shifts = np.zeros((2, frames), np.int32)
    shifts[:, first : first + shard.shifts.shape[1]] = shard.shifts
    shards = [
        ShardVotes(
            first + one.first,
            tuple(_renumbered(votes, first) for votes in one.block_votes),
            tuple(tuple(first + frame for frame in block) for block in one.voted),
        )
        for one in shard.votes
    ]
    return replace(
        shard,
        records={first + frame: record for frame, record in shard.records.items()},
        skipped={first + frame: photo for frame, photo in shard.skipped.items()},
        votes=tuple(shards),
        shifts=shifts,
        saved_windows={first + frame: windows for frame, windows in shard.saved_windows.items()},
        contradictions={first + frame: error for frame, error in shard.contradictions.items()},
        fingerprints={first + frame: fingerprint for frame, fingerprint in shard.fingerprints.items()},
    )


def add_up(parts: Iterable[ShardSummary], frames: int) -> ShardSummary:
    """Return the sum of some results, each of other frames of one run.

    Parameters
    ----------
    parts
        Results by the numbers of the run, at least one, in any order; results of this function among them. One is
        held in memory at a time, if they are made one by one.
    frames
        Number of the run's frames.

    Raises
    ------
    ValueError
        If there are none.
    """
    total: ShardSummary | None = None
    for part in parts:
        if total is None:
            total = replace(
                part,
                records={},
                skipped={},
                tally=Tally(part.tally.shape, frames=frames),
                votes=(),
                shifts=np.zeros((2, frames), np.int32),
                shifted_sums=np.zeros(part.shifted_sums.shape, Tally((1, 1), frames=frames).sum_outlying.dtype),
                saved_windows={},
                contradictions={},
                fingerprints={},
            )
        total.tally.merge(part.tally)
        np.add(total.shifted_sums, part.shifted_sums, out=total.shifted_sums)
        np.add(total.shifts, part.shifts, out=total.shifts)
        total = replace(
            total,
            records={**total.records, **part.records},
            skipped={**total.skipped, **part.skipped},
            votes=tuple(sorted((*total.votes, *part.votes), key=lambda shard: shard.first)),
            saved_windows=total.saved_windows | part.saved_windows,
            contradictions={**total.contradictions, **part.contradictions},
        )
        del part  # before the next one is made
    if total is None:
        msg = "no shard was surveyed"
        raise ValueError(msg)
    return total


def _renumbered(votes: BlockVotes, first: int) -> BlockVotes:
    """Return a block's result with the frames' numbers in the run."""
    outliers = votes.outliers
    return replace(votes, outliers=replace(outliers, frame=outliers.frame + np.int32(first)))
