"""What surveys of shards found, added up: the same whatever their order, and whichever were added up before.

All sums are of integers, and everything else is kept by frame number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

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
    with TemporaryFile() as file:  # the sums wait there while a shard is surveyed, which takes all the memory there is
        for part in parts:
            total = _nothing_like(part, frames) if total is None else replace(total, tally=_fetched(total.tally, file))
            total.tally.merge(part.tally)
            np.add(total.shifted_sums, part.shifted_sums, out=total.shifted_sums)
            np.add(total.shifts, part.shifts, out=total.shifts)
            total = replace(
                total,
                records={**total.records, **part.records},
                skipped={**total.skipped, **part.skipped},
                tally=_put_away(total.tally, file),
                votes=tuple(sorted((*total.votes, *part.votes), key=lambda shard: shard.first)),
                saved_windows=total.saved_windows | part.saved_windows,
                contradictions={**total.contradictions, **part.contradictions},
            )
            del part  # before the next one is made
        if total is None:
            msg = "no shard was surveyed"
            raise ValueError(msg)
        return replace(total, tally=_fetched(total.tally, file))


def _nothing_like(part: ShardSummary, frames: int) -> ShardSummary:
    """Return the sum of no shards, with room for so many frames."""
    return replace(
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


def _put_away(tally: Tally, file: IO[bytes]) -> Tally:
    """Write the sums of a tally to a file, and return the tally without them; all of it where the disk is full."""
    try:
        file.seek(0)
        for sums in tally.sums:
            file.write(sums.data)
        file.flush()
    except OSError:
        return tally
    return _with_sums(tally, [np.empty((0, 0), sums.dtype) for sums in tally.sums])


def _fetched(tally: Tally, file: IO[bytes]) -> Tally:
    """Return a tally with the sums that `_put_away` wrote."""
    if tally.hidden.size:
        return tally
    file.seek(0)
    size = tally.shape[0] * tally.shape[1]
    return _with_sums(tally, [np.fromfile(file, sums.dtype, size).reshape(tally.shape) for sums in tally.sums])


def _with_sums(tally: Tally, sums: Sequence[NDArray[Any]]) -> Tally:
    """Return a tally of as many frames with other sums, in the order of `Tally.sums`; they are not copied."""
    other = copy(tally)
    other.hidden, other.sum_z, other.sum_outlying = sums
    return other


def _renumbered(votes: BlockVotes, first: int) -> BlockVotes:
    """Return a block's result with the frames' numbers in the run."""
    outliers = votes.outliers
    return replace(votes, outliers=replace(outliers, frame=outliers.frame + np.int32(first)))
