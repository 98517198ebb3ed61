"""Votes: defects that repeat are found, chance is not, and nothing depends on the order of what comes in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sensormap.detect.tally import Outliers
from sensormap.detect.votes import FEWEST_VOTES, BlockVotes, count_votes, draw_shifts, parts_of, time_blocks

SHAPE = (151, 203)
RUN = 100  # frames, of which blocks are a part
STEPS = pytest.mark.parametrize("step", [1, 2])


def outliers_of(frame: object, index: object, score: object) -> Outliers:
    """Return a list whose values and levels tell its rows apart."""
    frame, index, score = (np.asarray(values) for values in (frame, index, score))
    number = np.arange(index.size, dtype=np.int32)
    return Outliers(frame.astype(np.int32), index.astype(np.int32), score.astype(np.int8), number, number + 10_000)


def chance(seed: int, *, share: float, frames: int = 10, first: int = 0) -> Outliers:
    """Return independent outliers of both signs, a share of the photosites of each frame."""
    rng = np.random.default_rng(seed)
    parts = []
    for frame in range(first, first + frames):
        index = np.flatnonzero(rng.random(SHAPE[0] * SHAPE[1]) < share)
        size = np.minimum(28 + rng.exponential(6, index.size), 64).astype(int)
        parts.append(outliers_of(np.full(index.size, frame), index, size * rng.choice([-1, 1], index.size)))
    return Outliers.concatenate(parts)


def with_defects(outliers: Outliers, places: list[int], scores: list[int], frames: int = 10) -> Outliers:
    """Let some photosites score the same in each of the frames."""
    kept = outliers[~np.isin(outliers.index, places)]
    planted = [
        outliers_of(np.arange(frames), np.full(frames, place), np.full(frames, score))
        for place, score in zip(places, scores, strict=True)
    ]
    joined = Outliers.concatenate([kept, *planted])
    return joined[np.lexsort((joined.index, joined.frame))]


def by_frame(outliers: Outliers) -> dict[int, Outliers]:
    """Take a list apart, each frame's sorted by index."""
    outliers = outliers[np.argsort(outliers.index)]
    return {int(frame): outliers[outliers.frame == frame] for frame in np.unique(outliers.frame)}


def votes_of(outliers: Outliers, *, seed: int = 0, step: int = 2, false_votes: float = 0.02) -> BlockVotes:
    lists = by_frame(outliers)
    shifts = draw_shifts(RUN, SHAPE, step, seed + 1000)
    return count_votes(lists, [list(lists)], shifts, shape=SHAPE, step=step, false_votes=false_votes, seed=seed)[0]


def assert_same(one: BlockVotes, other: BlockVotes) -> None:
    assert_array_equal(one.index, other.index)
    assert_array_equal(one.score, other.score)
    assert one.threshold == other.threshold
    assert_array_equal(one.following, other.following)
    assert_array_equal(one.decoys, other.decoys)
    for name, array in vars(one.outliers).items():
        assert_array_equal(array, getattr(other.outliers, name))


# blocks


@given(
    long=st.lists(st.booleans(), max_size=60), size=st.integers(1, 25), seed=st.integers(0, 9), offset=st.integers(0, 2)
)
def test_blocks(long: list[bool], size: int, seed: int, offset: int) -> None:
    order = [int(frame) for frame in np.random.default_rng(seed).permutation(len(long))[offset:]]
    blocks = time_blocks(order, long=long, size=size)
    assert sorted(frame for block in blocks for frame in block) == sorted(order)
    assert all(blocks)
    for block in blocks:
        assert list(block) == sorted(block, key=order.index)
    number = sum(long[frame] for frame in order)
    apart = min(number, len(order) - number) > FEWEST_VOTES
    kinds = [{long[frame] for frame in block} for block in blocks]
    if apart:
        assert all(len(kind) == 1 for kind in kinds)
    for kind in (True, False) if apart else (None,):
        members = [block for block in blocks if kind is None or long[block[0]] == kind]
        sizes = [len(block) for block in members]
        assert not sizes or max(sizes) - min(sizes) <= 1
        assert [frame for block in members for frame in block] == [f for f in order if kind is None or long[f] == kind]
        if sum(sizes) >= size:
            assert all(2 / 3 * size - 1 <= length <= 1.5 * size + 1 for length in sizes)


@pytest.mark.parametrize(
    ("long", "blocks"),
    [
        ([False] * 7 + [True] * 3, [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]),
        ([False] * 6 + [True] * 4, [(6, 7, 8, 9), (0, 1, 2, 3, 4, 5)]),
        ([True] * 7 + [False] * 3, [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]),
        ([True] * 10, [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]),
    ],
)
def test_long_exposures_are_apart_when_both_kinds_have_enough(long: list[bool], blocks: list[tuple[int, ...]]) -> None:
    assert time_blocks(range(10), long=long, size=5) == blocks


def test_no_frames_no_blocks() -> None:
    assert time_blocks([], long=[], size=10) == []


# votes


def slow_votes(
    outliers: Outliers, threshold: float
) -> tuple[dict[int, float], list[tuple[int, int, int]], dict[int, int]]:
    """Return the candidates with their scores, the entries kept, and all sums, by the letter of the docstring."""
    lists: dict[int, list[tuple[int, int]]] = defaultdict(list)
    columns = (outliers.frame.tolist(), outliers.index.tolist(), outliers.score.tolist())
    for frame, index, score in zip(*columns, strict=True):
        lists[index].append((frame, score))
    candidates, kept, sums = {}, [], {}
    frames = len(set(columns[0]))
    for index in sorted(lists):
        values = [score for _, score in sorted(lists[index])]
        up, down = [score for score in values if score > 0], [-score for score in values if score < 0]
        if max(len(up), len(down)) < FEWEST_VOTES:
            continue
        kept += [(index, frame, score) for frame, score in sorted(lists[index])]
        sums[index] = max(sum(side) for side in (up, down) if len(side) >= FEWEST_VOTES)
        if sums[index] / 8 > threshold:
            candidates[index] = sums[index] / 8 / np.sqrt(frames)
    return candidates, kept, sums


def largest(sums: dict[int, int], measure: dict[int, int], most: int = 1500) -> list[int]:
    """Return the places of `sums` that reach the `most` largest of `measure`, three votes of 3.5 sigma at least."""
    bar = sorted(measure.values())[-most] if len(measure) > most else 0
    return sorted(index for index, total in sums.items() if total >= max(bar, 3 * 28))


@STEPS
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.001, 0.02, 0.1])
def test_votes_equal_the_slow_ones(step: int, seed: int, share: float) -> None:
    outliers = with_defects(chance(seed, share=share), [0, 77, 30_000, SHAPE[0] * SHAPE[1] - 1], [64, -50, 35, 64])
    votes = votes_of(outliers, seed=seed, step=step)
    candidates, kept, sums = slow_votes(outliers, votes.threshold)
    assert dict(zip(votes.index.tolist(), votes.score.tolist(), strict=True)) == pytest.approx(candidates)
    assert votes.index.tolist() == sorted(candidates)
    found = votes.outliers
    assert list(zip(found.index.tolist(), found.frame.tolist(), found.score.tolist(), strict=True)) == kept
    assert votes.following.tolist() == largest(sums, sums)


@STEPS
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.1])
def test_chance_yields_no_more_candidates_than_allowed(step: int, share: float) -> None:
    block_votes = [votes_of(chance(seed, share=share), seed=seed, step=step) for seed in range(25)]
    assert sum(votes.index.size for votes in block_votes) <= 2  # 25 blocks of 0.02: 0.5 expected
    if share > 0.01:  # otherwise nothing repeats
        assert all(len(votes.outliers) for votes in block_votes)


def test_scenery_moves_with_its_frame_and_raises_the_threshold() -> None:
    """What repeats because frames hold many outliers also repeats when they are shifted."""
    thresholds = [votes_of(chance(1, share=share)).threshold for share in (0.0005, 0.01, 0.05, 0.2)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == 12.0
    assert thresholds[-1] > 25


@pytest.mark.parametrize("share", [0.0, 0.0005, 0.02])
@pytest.mark.parametrize(("score", "frames"), [(64, 10), (-64, 10), (36, 10), (-36, 10), (64, 6)])
def test_unanimous_photosites_are_found(share: float, score: int, frames: int) -> None:
    places = [0, 4321, 17_000, SHAPE[0] * SHAPE[1] - 1]
    outliers = with_defects(chance(3, share=share), places, [score] * 4, frames)
    votes = votes_of(outliers)
    assert votes.index.tolist() == places
    assert votes.index.dtype == np.int32
    used = np.unique(outliers.frame).size
    np.testing.assert_allclose(votes.score, frames * abs(score) / 8 / np.sqrt(used), rtol=1e-12)


def test_photosites_that_score_high_and_low_in_turn_are_weaker() -> None:
    frame, index = np.arange(10), np.full(10, 500)
    steady = votes_of(outliers_of(frame, index, np.full(10, 50)))
    in_turn = votes_of(outliers_of(frame, index, np.where(frame % 2, 50, -50)))
    assert in_turn.score == steady.score / 2
    assert len(in_turn.outliers) == 10


@pytest.mark.parametrize(("votes", "kept"), [(2, 0), (3, 3)])
def test_fewer_votes_of_one_sign_than_three_leave_no_trace(votes: int, kept: int) -> None:
    outliers = outliers_of(range(votes), [500] * votes, [64] * votes)
    votes = votes_of(outliers)
    assert len(votes.outliers) == kept
    assert votes.index.size == kept // 3
    mixed = votes_of(outliers_of(range(4), [500] * 4, [64, 64, -64, -64]))
    assert mixed.index.size == len(mixed.outliers) == 0


@pytest.mark.parametrize(("scores", "found"), [([32, 32, 32], False), ([32, 32, 33], True), ([28, 28, 28], False)])
def test_three_votes_just_beyond_the_limit_are_not_enough(scores: list[int], found: bool) -> None:
    """The threshold of 12 sigma itself is not enough either."""
    votes = votes_of(outliers_of([0, 1, 2], [500] * 3, scores))
    assert votes.threshold == 12
    assert votes.index.tolist() == [500] * found
    assert len(votes.outliers) == 3


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_fewer_than_three_frames_yield_nothing(frames: int) -> None:
    outliers = with_defects(chance(4, share=0.05, frames=frames), [500], [64], frames)
    votes = votes_of(outliers)
    assert votes.index.size == votes.score.size == len(votes.outliers) == 0
    assert votes.following.size == votes.decoys.size == 0


# what the second pass follows


def moved(outliers: Outliers, shifts: np.ndarray) -> Outliers:
    """Shift each frame by its own offset, around the edges of the largest even area."""
    height, width = SHAPE[0] // 2 * 2, SHAPE[1] // 2 * 2
    places = []
    for frame, index in zip(outliers.frame.tolist(), outliers.index.tolist(), strict=True):
        row, col = divmod(index, SHAPE[1])
        places.append((row + int(shifts[0, frame])) % height * SHAPE[1] + (col + int(shifts[1, frame])) % width)
    return Outliers(outliers.frame, np.array(places, np.int32), outliers.score, outliers.value, outliers.level2)


@STEPS
@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_decoys_are_what_would_be_followed_after_the_shift_of_the_run(step: int, share: float) -> None:
    places, frames = [0, 77, 30_000], 10
    outliers = with_defects(chance(9, share=share), places, [64, -50, 35], frames)
    shifts = draw_shifts(RUN, SHAPE, step, 1)
    lists = by_frame(outliers)
    (votes,) = count_votes(lists, [range(frames)], shifts, shape=SHAPE, step=step, false_votes=0.02, seed=1)
    sums = slow_votes(outliers, 0)[2]
    shifted = slow_votes(moved(outliers, shifts), 0)[2]
    assert votes.decoys.tolist() == largest(shifted, sums)
    assert set(places) <= set(votes.following.tolist())
    assert votes.following.dtype == votes.decoys.dtype == np.int32
    if share < 0.1:
        assert not set(places) & set(votes.decoys.tolist())
    else:  # chance alone makes as many of one as of the other
        assert 1500 <= votes.following.size < len(sums)
        assert 0.8 < votes.decoys.size / votes.following.size < 1.25


def test_three_votes_at_the_limit_are_worth_a_second_look_and_two_are_not() -> None:
    outliers = outliers_of([0, 1, 2, 0, 1], [500] * 3 + [700] * 2, [28] * 3 + [64] * 2)
    votes = votes_of(outliers)
    assert votes.index.size == 0
    assert votes.following.tolist() == [500]


@pytest.mark.parametrize(("strong", "followed"), [(1499, 1600), (1500, 1500), (1550, 1550)])
def test_the_largest_sums_of_a_block_are_worth_a_second_look_with_those_that_tie(strong: int, followed: int) -> None:
    """Of 1600 places the 1500th sum is the bar."""
    places = np.arange(1600) * 19
    score = np.where(np.arange(1600) < strong, 64, 30)
    outliers = outliers_of(np.repeat([0, 1, 2], 1600), np.tile(places, 3), np.tile(score, 3))
    assert votes_of(outliers).following.tolist() == places[:followed].tolist()


def test_what_is_followed_does_not_depend_on_the_seed_of_the_further_shifts() -> None:
    lists, all_frames = by_frame(chance(5, share=0.05)), range(10)
    shifts = draw_shifts(10, SHAPE, 2, 1)
    block_votes = count_votes(lists, [all_frames] * 4, shifts, shape=SHAPE, step=2, false_votes=0.02, seed=0)
    assert len({votes.threshold for votes in block_votes}) > 1
    for votes in block_votes[1:]:
        assert_array_equal(votes.following, block_votes[0].following)
        assert_array_equal(votes.decoys, block_votes[0].decoys)
    shifts = draw_shifts(10, SHAPE, 2, 2)
    (other,) = count_votes(lists, [all_frames], shifts, shape=SHAPE, step=2, false_votes=0.02, seed=0)
    assert other.decoys.tolist() != block_votes[0].decoys.tolist()


@STEPS
@pytest.mark.parametrize("shape", [SHAPE, (6, 6), (7, 9)])
def test_shifts_keep_to_their_plane_and_differ(step: int, shape: tuple[int, int]) -> None:
    shifts = draw_shifts(500, shape, step, 3)
    assert (shifts.shape, shifts.dtype) == ((2, 500), np.int32)
    assert not (shifts % step).any()
    assert (shifts >= 0).all()
    assert (shifts.max(axis=1) < shape).all()
    if shape == SHAPE:
        assert len(set(zip(*shifts.tolist(), strict=True))) > 480
    assert_array_equal(shifts, draw_shifts(500, shape, step, 3))
    assert (shifts != draw_shifts(500, shape, step, 4)).any()
    assert draw_shifts(0, shape, step, 3).shape == (2, 0)


@pytest.mark.parametrize(
    ("frames", "parts"),
    [
        ((), [()]),
        ((4,), [(4,)]),
        (range(5), [range(5)]),
        (range(6), [range(6), range(3), range(3, 6)]),
        ((9, 8, 7, 6, 5, 4, 3), [(9, 8, 7, 6, 5, 4, 3), (9, 8, 7), (6, 5, 4, 3)]),
    ],
)
def test_halves_vote_where_each_has_enough_frames(frames: Sequence[int], parts: list[Sequence[int]]) -> None:
    assert parts_of(frames) == parts


@STEPS
@pytest.mark.parametrize("share", [0.001, 0.02, 0.2])
def test_a_part_votes_as_if_it_were_alone(step: int, share: float) -> None:
    """The whole and its halves share a count; a part of which the whole's votes are not known counts its own."""
    lists = by_frame(with_defects(chance(11, share=share), [0, 77, 30_000], [64, -50, 35]))
    parts = parts_of(range(10))
    shifts = draw_shifts(RUN, SHAPE, step, 1)
    together = count_votes(lists, parts, shifts, shape=SHAPE, step=step, false_votes=0.02, seed=30)
    assert len(together) == 3
    for number, (part, votes) in enumerate(zip(parts, together, strict=True)):
        own = {frame: lists[frame] for frame in part}
        (alone,) = count_votes(own, [part], shifts, shape=SHAPE, step=step, false_votes=0.02, seed=30 + number)
        assert_same(votes, alone)


# repeatable


def test_the_same_seed_gives_the_same_votes() -> None:
    outliers = with_defects(chance(5, share=0.05), [500, 9000], [64, -64])
    assert_same(votes_of(outliers, seed=7), votes_of(outliers, seed=7))
    assert len({votes_of(outliers, seed=seed).threshold for seed in range(8)}) > 1


@STEPS
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_frames_does_not_matter(step: int, seed: int) -> None:
    lists = by_frame(with_defects(chance(6, share=0.03), [500, 9000], [64, -64]))
    order = np.random.default_rng(seed).permutation(10).tolist()
    shifts = draw_shifts(RUN, SHAPE, step, 1)
    parts = [range(10), order[:5]]
    block_votes = count_votes(lists, parts, shifts, shape=SHAPE, step=step, false_votes=0.02, seed=1)
    shuffled = {frame: lists[frame] for frame in order}
    for one, other in zip(
        block_votes, count_votes(shuffled, parts, shifts, shape=SHAPE, step=step, false_votes=0.02, seed=1), strict=True
    ):
        assert_same(one, other)


def test_votes_leave_the_list_as_it_was() -> None:
    outliers = chance(7, share=0.02)
    before = Outliers.concatenate([outliers])
    votes_of(outliers)
    for name, array in vars(before).items():
        assert_array_equal(array, getattr(outliers, name))


def test_frame_numbers_need_not_start_at_zero() -> None:
    planted = outliers_of(range(90, 100), [500] * 10, [64] * 10)
    votes = votes_of(Outliers.concatenate([chance(8, share=0.01, first=90), planted]))
    assert votes.index.tolist() == [500]
    assert set(votes.outliers.frame.tolist()) <= set(range(90, 100))


@given(
    entries=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 48), st.sampled_from([28, 40, 64, -28, -64]))),
    seed=st.integers(0, 5),
    step=st.sampled_from([1, 2]),
)
def test_any_list_on_the_smallest_sensor(entries: list[tuple[int, int, int]], seed: int, step: int) -> None:
    distinct = {(frame, index): score for frame, index, score in entries}
    outliers = outliers_of([f for f, _ in distinct], [i for _, i in distinct], list(distinct.values()))
    lists, shifts = by_frame(outliers), draw_shifts(12, (7, 7), step, seed)
    (votes,) = count_votes(lists, [list(lists)], shifts, shape=(7, 7), step=step, false_votes=0.02, seed=seed)
    candidates, kept, sums = slow_votes(outliers, votes.threshold)
    assert votes.index.tolist() == sorted(candidates)
    assert votes.following.tolist() == sorted(sums)
    assert len(votes.outliers) == len(kept)
    assert votes.threshold >= 12


@pytest.mark.parametrize("shape", [(200, 331), (48, 40), (16, 17)])
def test_near_shifts_go_whole_blocks_either_way_and_no_farther(shape: tuple[int, int]) -> None:
    shifts = draw_shifts(500, shape, 16, 3, reach=2)
    around = np.array([[side - side % 2] for side in shape])
    assert ((shifts >= 0) & (shifts < around)).all()
    either_way = np.minimum(shifts, around - shifts)
    assert not (either_way % 16).any()
    assert (either_way.max(axis=1) <= 32).all()
