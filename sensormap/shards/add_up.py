"""What surveys of shards found, added up: the same whatever their order, and whichever were added up before.

All sums are of integers, and everything else is kept by frame number.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from os import SEEK_END
from typing import Any

import numpy as np

from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.shards.summary import ShardSummary, ShardVotes
from sensormap.shards.tally_files import SumsFile, open_file, read_sums, write_sums

_BY_FRAME = ("records", "skipped", "saved_windows", "contradictions", "votes")  # what is kept as it is, not summed


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
    # What was found so far waits on the disk while a shard is surveyed, which takes all the memory there is.
    with open_file() as sums, open_file() as facts:
        in_memory: list[tuple[Any, ...]] = []
        for part in parts:
            total = _nothing_like(part, frames) if total is None else replace(total, tally=read_sums(total.tally, sums))
            total.tally.merge(part.tally)
            np.add(total.shifted_sums, part.shifted_sums, out=total.shifted_sums)
            np.add(total.shifts, part.shifts, out=total.shifts)
            total = replace(total, tally=write_sums(total.tally, sums))
            others = tuple(getattr(part, name) for name in _BY_FRAME)
            if not _written(others, facts):
                in_memory.append(others)
            del part, others  # before the next one is made
        if total is None:
            msg = "no shard was surveyed"
            raise ValueError(msg)
        total = replace(total, tally=read_sums(total.tally, sums))
        return _with_all(total, [*_read(facts), *in_memory])


def _with_all(total: ShardSummary, parts: Sequence[tuple[Any, ...]]) -> ShardSummary:
    """Return the sums with what else was found, of each part in the order of `_BY_FRAME`."""
    *by_frame, votes = zip(*parts, strict=True)
    values: list[Any] = [dict(chain.from_iterable(part.items() for part in field)) for field in by_frame]
    values.append(tuple(sorted(chain(*votes), key=attrgetter("first"))))
    return replace(total, **dict(zip(_BY_FRAME, values, strict=True)))


def _written(part: tuple[Any, ...], file: SumsFile) -> bool:
    """Write what was found to the end of a file; tell whether the disk had room for it."""
    end, data = file.seek(0, SEEK_END), pickle.dumps(part)
    with suppress(OSError):
        if file.write(data) == len(data):
            return True
    file.truncate(end)
    return False


def _read(file: SumsFile) -> Iterator[tuple[Any, ...]]:
    """Yield all that `_written` wrote to a file."""
    end = file.seek(0, SEEK_END)
    file.seek(0)
    while file.tell() < end:
        yield pickle.load(file)  # a file of this process alone


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


def _renumbered(votes: BlockVotes, first: int) -> BlockVotes:
    """Return a block's result with the frames' numbers in the run."""
    outliers = votes.outliers
    return replace(votes, outliers=replace(outliers, frame=outliers.frame + np.int32(first)))
