"""What surveying a shard leaves behind; of several shards it can be added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.follow_list import FollowList
from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.errors import ProfileError
from sensormap.frame import Mosaic, Skipped
from sensormap.score.noise import Noise
from sensormap.score.same_scene import Fingerprint

# Decoys are chosen in one part of the rows out of so many, the topmost, unless they are looked for everywhere.
_DECOY_PART = 4


@dataclass(frozen=True)
class Windows:
    """Values of one frame at the photosites of a list.

    Parameters
    ----------
    follow_list
        The photosites, and decoys.
    values
        Result of `FollowList.windows`: value, and twice the median and the mid-spread of the eight neighbours, DN,
        shape ``(3, N)``.
    """

    follow_list: FollowList
    values: Mosaic


@dataclass(frozen=True)
class FrameRecord:
    """What is known of a frame that could be used.

    Parameters
    ----------
    noise
        Noise fitted to it.
    floor, saturation
        Lowest and highest DN that a photosite can have, black subtracted.
    digest
        SHA-256 of the file, hexadecimal.
    filtered
        Whether it was filtered in camera.
    repeat
        Whether it shows the scene of another frame, which counts: then it was not added to the tally.
    by_fallback
        Whether the fallback decoded it.
    """

    noise: Noise
    floor: int
    saturation: int
    digest: str
    filtered: bool
    repeat: bool
    by_fallback: bool = False


@dataclass(frozen=True)
class ShardVotes:
    """Votes of one shard.

    Parameters
    ----------
    first
        Number of its first frame.
    block_votes
        Results of its blocks of votes, in order: of each whole block, then of its halves.
    voted
        Numbers of the frames that voted, by block.
    """

    first: int
    block_votes: tuple[BlockVotes, ...]
    voted: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class ShardSummary:
    """What surveying a shard leaves behind, or several shards that have been added up.

    Parameters
    ----------
    records
        Facts of each frame that could be used, by number.
    skipped
        Why each of the others could not be used, by number.
    tally
        Sums over the frames that repeat no scene.
    votes
        The votes of each shard, in order of its first frame.
    shifts
        (row, col) offset of every frame number, int32, shape ``(2, frames)``: in shifted frames no defect is in one
        place twice. 0 for frames that could not be used.
    shifted_sums
        Sums of the sizes of the shifted frames' outlying scores, for the topmost part of the rows, flat.
    saved_windows
        Values of some frames at photosites that may be followed, by frame number. The second pass empties it, as soon
        as it has put them together: both at once would take twice the memory.
    contradictions
        Errors of the photos whose filters or active area are not the profile's, by number.
    fingerprints
        Fingerprints of the first and last frames that count, by number, for a comparison with the shards around.
    """

    records: Mapping[int, FrameRecord]
    skipped: Mapping[int, Skipped]
    tally: Tally
    votes: tuple[ShardVotes, ...]
    shifts: NDArray[np.int32]
    shifted_sums: NDArray[np.unsignedinteger[Any]]
    saved_windows: dict[int, Windows]
    contradictions: Mapping[int, ProfileError]
    fingerprints: Mapping[int, Fingerprint]

    @property
    def block_votes(self) -> tuple[BlockVotes, ...]:
        """Results of all blocks of votes."""
        return tuple(votes for shard in self.votes for votes in shard.block_votes)

    @property
    def voted(self) -> tuple[tuple[int, ...], ...]:
        """Numbers of the frames that voted, by block."""
        return tuple(block for shard in self.votes for block in shard.voted)

    @property
    def counted(self) -> list[int]:
        """Numbers of the frames that count, ascending: those that repeat no scene."""
        return sorted(number for number, record in self.records.items() if not record.repeat)


def decoy_rows(height: int, *, everywhere: bool) -> int:
    """Return of how many rows, the topmost, `ShardSummary.shifted_sums` has the sums.

    Parameters
    ----------
    height
        Rows of the active area.
    everywhere
        Whether decoys are looked for in all rows, because frames are shifted only a little and the topmost show sky.
    """
    return height if everywhere else max(height // _DECOY_PART, 1)
