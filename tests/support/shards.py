"""Results of shards: of toy runs, and drawn at random; and whether two are the same to the bit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.pass_rules import JPEG, RAW
from sensormap.camera.cfa import Cfa
from sensormap.detect.follow_list import FollowList
from sensormap.detect.tally import Outliers, Tally
from sensormap.detect.votes import BlockVotes
from sensormap.errors import DecodeError, ProfileError
from sensormap.frame import Frame, Photo, Skipped
from sensormap.photos.refusals import Refusals
from sensormap.score.noise import Noise
from sensormap.score.paired_outliers import PairedOutliers, sampled_strips
from sensormap.score.same_scene import Fingerprint
from sensormap.score.scores import SCORE_LIMIT
from sensormap.score.slopes import sampled_pairs, slopes_of
from sensormap.shards.summary import FrameRecord, ShardSummary, ShardVotes, Windows, decoy_rows
from sensormap.survey.first_pass import run_first_pass
from tests.support import toy_run

_MONO = replace(toy_run.PROFILE, cfa=Cfa("mono"), black_level=(0,))


@cache
def surveyed(
    photos: int = 14,
    *,
    first: int = 0,
    jpeg: bool = False,
    mono: bool = False,
    refused: frozenset[int] = frozenset(),
    contradicted: frozenset[int] = frozenset(),
    by_fallback: frozenset[int] = frozenset(),
    repeated: frozenset[int] = frozenset(),
) -> ShardSummary:
    """Return what is found in so many photos of a toy run; the sets hold numbers of photos in the run."""

    def fallback(photo: Photo, _: Any) -> Frame:
        number = int(photo.path.stem)
        if number in refused:
            msg = f"{photo.path.name}: cut off \u2014 after \udcff bytes"
            raise DecodeError(msg)
        if number in contradicted:
            msg = f"{photo.path.name}: another active area"
            raise ProfileError(msg)
        return toy_run.frame_of(photo)

    def read(photo: Photo, profile: Any) -> Frame:
        if int(photo.path.stem) in by_fallback:
            msg = "not sure"
            raise DecodeError(msg)
        return fallback(photo, profile)

    context = replace(toy_run.context(read, refusals=Refusals(strict=False, quiet=True)), fallback=fallback)
    rules, follow = (JPEG, ()) if jpeg else (RAW, range(photos))
    return run_first_pass(
        toy_run.photos(first + photos)[first:],
        _MONO if mono else toy_run.PROFILE,
        rules,
        context,
        follow=follow,
        leave_out={f"{number:064x}" for number in repeated},
    )


def drawn(seed: int, *, shape: tuple[int, int] = (9, 13), step: int = 2, photos: int = 6) -> ShardSummary:
    """Return a result in which everything is drawn at random, within what surveys find."""
    rng = np.random.default_rng(seed)
    area, tally = shape[0] * shape[1], Tally(shape, frames=photos)
    state = rng.choice(4, photos, p=rng.dirichlet(np.ones(4)))  # counts, is filtered and counts, repeats, skipped
    counted = np.flatnonzero(state < 2).tolist()
    tally.frames = len(counted)
    most = tally.frames * SCORE_LIMIT
    tally.hidden[:] = rng.integers(0, tally.frames + 1, shape)
    tally.sum_z[:] = rng.integers(-most, most + 1, shape)
    tally.sum_outlying[:] = _mostly_0(rng, shape, most)
    decoys = decoy_rows(shape[0], everywhere=False) * shape[1]
    shifted = _mostly_0(rng, (decoys,), most).astype(tally.sum_outlying.dtype)
    lists = [FollowList(_places(rng, area), _places(rng, shifted.size)) for _ in range(rng.integers(1, 4))]
    saved = {n: lists[rng.integers(len(lists))] for n in _some(rng, counted)}
    blocks = (
        [part.tolist() for part in np.array_split(rng.permutation(counted), rng.integers(1, min(len(counted), 3) + 1))]
        if counted
        else []
    )
    block_votes = tuple(_block_votes(rng, area, block) for block in blocks if block)
    return ShardSummary(
        records={n: _record(rng, step, state[n]) for n in rng.permutation(photos).tolist() if state[n] < 3},
        skipped={n: Skipped(f"{n}.nef", str(rng.bytes(9))) for n in np.flatnonzero(state == 3).tolist()},
        tally=tally,
        votes=(ShardVotes(0, block_votes, tuple(map(tuple, blocks))),) if rng.random() < 0.9 else (),
        shifts=np.stack([rng.integers(0, side, photos) for side in shape]).astype(np.int32),
        shifted_sums=shifted,
        saved_windows={n: Windows(one, _values(rng, len(one))) for n, one in saved.items()},
        contradictions={n: ProfileError(f"{n}.nef: {rng.random()}") for n in _some(rng, range(photos))},
        fingerprints={n: _fingerprint(rng, shape, step) for n in _some(rng, counted)},
    )


def _mostly_0(rng: np.random.Generator, shape: tuple[int, ...], most: int) -> NDArray[Any]:
    return np.where(rng.random(shape) < rng.random(), rng.integers(0, most + 1, shape), 0)


def _some(rng: np.random.Generator, numbers: Collection[int]) -> list[int]:
    share = rng.choice([0, 0.5, 1])
    return [n for n in rng.permutation(list(numbers)).astype(int).tolist() if rng.random() < share]


def _places(rng: np.random.Generator, area: int, type_: Any = np.int64) -> NDArray[Any]:
    return np.flatnonzero(rng.random(area) < rng.choice([0, 0.1, 1])).astype(type_)


def _values(rng: np.random.Generator, length: int) -> NDArray[Any]:
    limits = np.iinfo(rng.choice([np.int16, np.int32]))
    return rng.integers(limits.min, limits.max, (3, length), limits.dtype, endpoint=True)


def _record(rng: np.random.Generator, step: int, state: int) -> FrameRecord:
    noise = Noise(rng.random((step, step, 4)).astype(np.float32), rng.random((step, step)), float(rng.random()))
    digest = rng.bytes(32).hex()
    return FrameRecord(
        noise, -int(rng.integers(300)), 4095, digest, bool(state == 1), bool(state == 2), bool(rng.integers(2))
    )


def _fingerprint(rng: np.random.Generator, shape: tuple[int, int], step: int) -> Fingerprint:
    number, rows = sampled_strips(shape)
    area = number * rows * shape[1]
    slopes = slopes_of(rng.integers(-127, 128, (2, sampled_pairs(shape, step).size, shape[1]), np.int8))
    paired = PairedOutliers(_places(rng, 2 * area, np.int32), _places(rng, 2 * area, np.int32), area)
    return Fingerprint(slopes, paired if rng.random() < 0.7 else None)


def _block_votes(rng: np.random.Generator, area: int, frames: list[int]) -> BlockVotes:
    index, following, decoys = (_places(rng, area, np.int32) for _ in range(3))
    voted = rng.random((area, len(frames))) < rng.choice([0, 0.1, 1])
    places, which = np.nonzero(voted)
    size = places.size
    outliers = Outliers(
        np.sort(frames)[which].astype(np.int32),
        places.astype(np.int32),
        rng.integers(-SCORE_LIMIT, SCORE_LIMIT + 1, size, np.int8),
        *(rng.integers(-300, 1 << 17, size, np.int32) for _ in range(2)),
    )
    return BlockVotes(index, rng.random(index.size), outliers, float(rng.random()), following, decoys)


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Require that two values are the same, to the bit and the type; mappings may be in another order."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        assert one.tobytes() == other.tobytes(), where
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, Tally):
        for name in ("shape", "frames", "max_frames", "sums"):
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}[{key}]")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for number, values in enumerate(zip(one, other, strict=True)):
            assert_same(*values, f"{where}[{number}]")
    elif isinstance(one, Exception):
        assert one.args == other.args, where
    else:
        assert one == other, where


def sharing(summary: ShardSummary) -> list[int]:
    """Return, for each frame of which values are saved, the first one that has the same list."""
    ids = [id(windows.follow_list) for _, windows in sorted(summary.saved_windows.items())]
    return [ids.index(one) for one in ids]
