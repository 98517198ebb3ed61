"""The result of a shard as facts and arrays, which a file has as its members, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.follow_list import FollowList
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import BlockVotes
from sensormap.errors import ProfileError
from sensormap.frame import Skipped
from sensormap.score.noise import Noise
from sensormap.score.paired_outliers import PairedOutliers, sampled_strips
from sensormap.score.same_scene import Fingerprint
from sensormap.score.scores import SCORE_LIMIT
from sensormap.score.slopes import sampled_pairs, slopes_of
from sensormap.shards.file_format.arrays import ArrayMember, dense, distances, places_at, sparse, split
from sensormap.shards.file_format.facts import (
    BlockFacts,
    ContradictionFacts,
    Facts,
    FingerprintFacts,
    ListFacts,
    SkippedFacts,
    UsedFacts,
    VotesFacts,
    WindowsFacts,
    lengths_of,
)
from sensormap.shards.summary import FrameRecord, ShardSummary, ShardVotes, Windows

# So many places of a frame come to be one after a shift, at most: an odd last row and column go to the first ones.
_ODD_EDGES = 4

Arrays = Mapping[str, NDArray[Any]]
"""Arrays of a file, by name."""

T = TypeVar("T")


def layout_of(facts: Facts) -> dict[str, ArrayMember]:
    """Return type and shape of each array, in the order in which they lie in a file.

    Parameters
    ----------
    facts
        What the file says in JSON.
    """
    (height, width), step, photos = facts.shape, facts.step or 1, len(facts.frames)
    used, area, shifted = len(facts.used), height * width, facts.decoy_rows * width
    blocks: Sequence[BlockFacts] = facts.votes.blocks if facts.votes else ()
    pairs = sampled_pairs(facts.shape, step).size
    sizes = [(one.wide, 3 * len(facts.follow_lists[one.follow_list])) for one in facts.windows]
    narrow, wide = (sum(size for is_wide, size in sizes if is_wide is which) for which in (False, True))
    hidden, sum_z, sums = (one.dtype for one in Tally((1, 1), frames=photos).sums)
    outliers = sum(lengths_of(blocks, "outliers"))

    def total(parts: Sequence[Any], key: str) -> tuple[int]:
        return (sum(lengths_of(parts, key)),)

    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
        "hidden": (hidden, facts.shape),
        "sum_z": (sum_z, facts.shape),
        "sum_outlying_bits": (np.uint8, (-(-area // 8),)),
        "sum_outlying": (sums, (facts.sums,)),
        "shifted_sums_bits": (np.uint8, (-(-shifted // 8),)),
        "shifted_sums": (sums, (facts.shifted_sums,)),
        "shifts": (np.int32, (2, photos)),
        "noise_coefficients": (np.float32, (used, step, step, 4)),
        "noise_spread": (np.float64, (used, step, step)),
        "fingerprint_slopes": (np.int8, (len(facts.fingerprints), 2, pairs, width)),
        "fingerprint_outlying": (np.uint32, total(facts.fingerprints, "outlying")),
        "fingerprint_paired": (np.uint32, total(facts.fingerprints, "paired")),
        "vote_index": (np.uint32, total(blocks, "candidates")),
        "vote_score": (np.float64, total(blocks, "candidates")),
        "vote_following": (np.uint32, total(blocks, "following")),
        "vote_decoys": (np.uint32, total(blocks, "decoys")),
        "outlier_frame": (np.int32, (outliers,)),
        "outlier_index": (np.uint32, (outliers,)),
        "outlier_score": (np.int8, (outliers,)),
        "outlier_value": (np.int32, (outliers,)),
        "outlier_level2": (np.int32, (outliers,)),
        "list_photosites": (np.uint32, total(facts.follow_lists, "photosites")),
        "list_decoys": (np.uint32, total(facts.follow_lists, "decoys")),
        "windows_16": (np.int16, (narrow,)),
        "windows_32": (np.int32, (wide,)),
    }
    return {name: ArrayMember(np.dtype(type_), shape) for name, (type_, shape) in shapes.items()}


def take_apart(summary: ShardSummary, fingerprint: str) -> tuple[Facts, Arrays]:
    """Return a shard's result as facts and arrays.

    Parameters
    ----------
    summary
        Result of one shard, whose frames have the numbers from 0 on, all of them used or skipped.
    fingerprint
        What it was made of.

    Raises
    ------
    ValueError
        If places are not ascending.
    """
    tally, blocks = summary.tally, summary.block_votes
    noises = [record.noise for _, record in sorted(summary.records.items())]
    scenes = [one for _, one in sorted(summary.fingerprints.items())]
    paired = [one.paired_outliers for one in scenes if one.paired_outliers is not None]
    saved = [windows for _, windows in sorted(summary.saved_windows.items())]
    lists = _different([windows.follow_list for windows in saved])
    outliers = Outliers.concatenate([block.outliers for block in blocks])
    values = [windows.values for windows in saved]
    sum_bits, sums = sparse(tally.sum_outlying)
    shifted_bits, shifted_sums = sparse(summary.shifted_sums)
    facts = _facts_of(summary, fingerprint, lists, sums=sums.size, shifted_sums=shifted_sums.size)
    parts: dict[str, list[NDArray[Any]]] = {
        "hidden": [tally.hidden],
        "sum_z": [tally.sum_z],
        "sum_outlying_bits": [sum_bits],
        "sum_outlying": [sums],
        "shifted_sums_bits": [shifted_bits],
        "shifted_sums": [shifted_sums],
        "shifts": [summary.shifts],
        "noise_coefficients": [noise.coefficients[np.newaxis] for noise in noises],
        "noise_spread": [noise.spread[np.newaxis] for noise in noises],
        "fingerprint_slopes": [one.slopes.values[np.newaxis] for one in scenes],
        "fingerprint_outlying": [distances(one.outlying for one in paired)],
        "fingerprint_paired": [distances(one.paired for one in paired)],
        "vote_index": [distances(block.index for block in blocks)],
        "vote_score": [block.score for block in blocks],
        "vote_following": [distances(block.following for block in blocks)],
        "vote_decoys": [distances(block.decoys for block in blocks)],
        "outlier_frame": [outliers.frame],
        "outlier_index": [distances(block.outliers.index for block in blocks)],
        "outlier_score": [outliers.score],
        "outlier_value": [outliers.value],
        "outlier_level2": [outliers.level2],
        "list_photosites": [distances(one.photosites for one in lists)],
        "list_decoys": [distances(one.decoys for one in lists)],
        "windows_16": [one.reshape(-1) for one in values if one.dtype != np.int32],
        "windows_32": [one.reshape(-1) for one in values if one.dtype == np.int32],
    }
    # One array is taken as it is: the sums are large.
    return facts, {
        name: parts[name][0]
        if len(parts[name]) == 1
        else np.concatenate([np.empty((0, *one.shape[1:]), one.type), *parts[name]])
        for name, one in layout_of(facts).items()
    }


def put_together(facts: Facts, arrays: Arrays) -> ShardSummary:
    """Return the result that `take_apart` made facts and arrays of.

    Parameters
    ----------
    facts
        Facts, checked.
    arrays
        Arrays of the types and shapes of `layout_of`.

    Raises
    ------
    ValueError
        If the arrays hold what no survey finds.
    """
    frames = enumerate(facts.frames)
    return ShardSummary(
        records=_records(facts, arrays),
        skipped={n: Skipped(frame.name, frame.reason) for n, frame in frames if isinstance(frame, SkippedFacts)},
        tally=_tally(facts, arrays),
        votes=() if facts.votes is None else (ShardVotes(0, _block_votes(facts, arrays), facts.votes.voted),),
        shifts=_shifts(facts, arrays),
        shifted_sums=_shifted_sums(facts, arrays),
        saved_windows=_saved_windows(facts, arrays),
        contradictions={one.frame: ProfileError(one.message) for one in facts.contradictions},
        fingerprints=_fingerprints(facts, arrays),
    )


def _facts_of(summary: ShardSummary, fingerprint: str, lists: Sequence[FollowList], **counts: int) -> Facts:
    """Return what is said of a result in JSON."""
    records, paired = summary.records, [one.paired_outliers for _, one in sorted(summary.fingerprints.items())]
    number_of = {id(one): number for number, one in enumerate(lists)}
    return Facts(
        fingerprint=fingerprint,
        shape=summary.tally.shape,
        decoy_rows=summary.shifted_sums.size // summary.tally.shape[1],
        step=next((record.noise.coefficients.shape[0] for record in records.values()), None),
        frames=tuple(
            _used_facts(records[n])
            if n in records
            else SkippedFacts(summary.skipped[n].name, summary.skipped[n].reason)
            for n in range(summary.tally.max_frames)
        ),
        contradictions=tuple(ContradictionFacts(n, str(error)) for n, error in sorted(summary.contradictions.items())),
        votes=next((VotesFacts(tuple(map(_block_facts, one.block_votes)), one.voted) for one in summary.votes), None),
        fingerprints=tuple(
            FingerprintFacts(n, *((None, None) if one is None else (one.outlying.size, one.paired.size)))
            for n, one in zip(sorted(summary.fingerprints), paired, strict=True)
        ),
        follow_lists=tuple(ListFacts(one.photosites.size, one.decoys.size) for one in lists),
        windows=tuple(
            WindowsFacts(n, number_of[id(one.follow_list)], one.values.dtype == np.int32)
            for n, one in sorted(summary.saved_windows.items())
        ),
        **counts,
    )


def _used_facts(record: FrameRecord) -> UsedFacts:
    return UsedFacts(
        digest=record.digest,
        floor=int(record.floor),
        saturation=int(record.saturation),
        filtered=bool(record.filtered),
        repeat=bool(record.repeat),
        by_fallback=record.by_fallback,
        outlying=float(record.noise.outlying),
    )


def _block_facts(block: BlockVotes) -> BlockFacts:
    sizes = block.index.size, len(block.outliers), block.following.size, block.decoys.size
    return BlockFacts(float(block.threshold), *sizes)


def _different(lists: Sequence[FollowList]) -> list[FollowList]:
    """Return each list once, in the order in which they come first."""
    return list({id(one): one for one in lists}.values())


def _records(facts: Facts, arrays: Arrays) -> dict[int, FrameRecord]:
    coefficients, spreads = arrays["noise_coefficients"], arrays["noise_spread"]
    _require(np.isfinite(coefficients).all() and (coefficients >= 0).all(), "noise_coefficients", "finite ones from 0")
    _require(np.isfinite(spreads).all() and (spreads >= 0).all(), "noise_spread", "finite ones from 0")
    used = [(number, frame) for number, frame in enumerate(facts.frames) if isinstance(frame, UsedFacts)]
    return {
        number: FrameRecord(
            noise=Noise(own.copy(), spread.copy(), frame.outlying),
            floor=frame.floor,
            saturation=frame.saturation,
            digest=frame.digest,
            filtered=frame.filtered,
            repeat=frame.repeat,
            by_fallback=frame.by_fallback,
        )
        for (number, frame), own, spread in zip(used, coefficients, spreads, strict=True)
    }


def _tally(facts: Facts, arrays: Arrays) -> Tally:
    tally = Tally(facts.shape, frames=len(facts.frames))
    tally.frames = len(facts.counted)
    most = tally.frames * SCORE_LIMIT
    tally.hidden, tally.sum_z = arrays["hidden"], arrays["sum_z"]
    tally.sum_outlying = _sums(arrays, "sum_outlying", facts.shape, most)
    _require(tally.hidden.max() <= tally.frames, "hidden", f"at most {tally.frames}")
    _require(-most <= tally.sum_z.min() and tally.sum_z.max() <= most, "sum_z", f"at most {most} of either sign")
    return tally


def _shifted_sums(facts: Facts, arrays: Arrays) -> NDArray[Any]:
    most = _ODD_EDGES * len(facts.counted) * SCORE_LIMIT
    return _sums(arrays, "shifted_sums", (facts.decoy_rows * facts.shape[1],), most)


def _sums(arrays: Arrays, name: str, shape: tuple[int, ...], most: int) -> NDArray[Any]:
    """Return sums of which most are 0."""
    values = arrays[name]
    _require(not values.size or (values.min() > 0 and values.max() <= most), name, f"1 to {most}")
    return _of(name, dense, arrays[f"{name}_bits"], values, shape)


def _shifts(facts: Facts, arrays: Arrays) -> NDArray[np.int32]:
    shifts = arrays["shifts"]
    sides = np.array(facts.shape)[:, np.newaxis]
    _require(((shifts >= 0) & (shifts < sides)).all(), "shifts", "rows and columns of the active area")
    return shifts


def _block_votes(facts: Facts, arrays: Arrays) -> tuple[BlockVotes, ...]:
    blocks: Sequence[BlockFacts] = facts.votes.blocks if facts.votes else ()
    area = math.prod(facts.shape)
    index, following, decoys = (
        _of(f"vote_{name}", places_at, arrays[f"vote_{name}"], lengths_of(blocks, key), area)
        for name, key in (("index", "candidates"), ("following", "following"), ("decoys", "decoys"))
    )
    lengths = lengths_of(blocks, "outliers")
    places = _of("outlier_index", places_at, arrays["outlier_index"], lengths, area, twice=True)
    frames, scores, values, levels = (
        split(arrays[f"outlier_{name}"], lengths) for name in ("frame", "score", "value", "level2")
    )
    _require(np.isin(arrays["outlier_frame"], facts.counted).all(), "outlier_frame", "frames that count")
    for place, frame in zip(places, frames, strict=True):
        rising = (np.diff(place) > 0) | (np.diff(frame) > 0)
        _require(rising.all(), "outlier_frame", "each frame once at a place, ascending")
    _require((np.abs(arrays["outlier_score"].astype(np.int16)) <= SCORE_LIMIT).all(), "outlier_score", "scores")
    _require(np.isfinite(arrays["vote_score"]).all(), "vote_score", "finite ones")
    found = zip(blocks, split(arrays["vote_score"], lengths_of(blocks, "candidates")), strict=True)
    return tuple(
        BlockVotes(
            index=index[i].astype(np.int32),
            score=score,
            outliers=Outliers(frames[i], places[i].astype(np.int32), scores[i], values[i], levels[i]),
            threshold=block.threshold,
            following=following[i].astype(np.int32),
            decoys=decoys[i].astype(np.int32),
        )
        for i, (block, score) in enumerate(found)
    )


def _fingerprints(facts: Facts, arrays: Arrays) -> dict[int, Fingerprint]:
    number, rows = sampled_strips(facts.shape)
    area = number * rows * facts.shape[1]
    outlying, paired = (
        _of(
            f"fingerprint_{name}",
            places_at,
            arrays[f"fingerprint_{name}"],
            lengths_of(facts.fingerprints, name),
            2 * area,
        )
        for name in ("outlying", "paired")
    )
    found = {}
    for one, slopes, mine, pairs in zip(
        facts.fingerprints, arrays["fingerprint_slopes"], outlying, paired, strict=True
    ):
        known = PairedOutliers(mine.astype(np.int32), pairs.astype(np.int32), area)
        found[one.frame] = Fingerprint(slopes_of(slopes.copy()), None if one.outlying is None else known)
    return found


def _saved_windows(facts: Facts, arrays: Arrays) -> dict[int, Windows]:
    ends = {"photosites": math.prod(facts.shape), "decoys": facts.decoy_rows * facts.shape[1]}
    photosites, decoys = (
        _of(f"list_{name}", places_at, arrays[f"list_{name}"], lengths_of(facts.follow_lists, name), end)
        for name, end in ends.items()
    )
    lists = [FollowList(*both) for both in zip(photosites, decoys, strict=True)]
    values = {
        wide: iter(split(arrays[name], [3 * len(lists[one.follow_list]) for one in facts.windows if one.wide is wide]))
        for wide, name in ((False, "windows_16"), (True, "windows_32"))
    }
    return {one.frame: Windows(lists[one.follow_list], next(values[one.wide]).reshape(3, -1)) for one in facts.windows}


def _of(name: str, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Return what a function makes of an array of the file; what it objects to is said with the array's name."""
    try:
        return function(*arguments, **options)
    except ValueError as error:
        msg = f"{name}.npy: {error}"
        raise ValueError(msg) from error


def _require(condition: bool | np.bool_, name: str, expected: str) -> None:
    if not condition:
        msg = f"{name}.npy: other values than expected: {expected}"
        raise ValueError(msg)
