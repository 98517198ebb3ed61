"""Saved windows: whichever thread is first, the same frames decide what a batch saves, and no thread waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from random import Random
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import sensormap.survey.saved_windows
from sensormap.assemble.pass_rules import RAW
from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.detect.follow_list import FollowList
from sensormap.detect.outlier_lists import shift_places
from sensormap.detect.tally import Outliers, Tally, add_outlying
from sensormap.detect.votes import count_votes, parts_of
from sensormap.detect.worth_following import make_follow_list
from sensormap.errors import DecodeError
from sensormap.frame import Frame, Photo
from sensormap.photos.refusals import Refusals
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.settings import Thresholds
from sensormap.shards.summary import ShardSummary, decoy_rows
from sensormap.survey.first_pass import run_first_pass
from sensormap.survey.saved_windows import CONTROLS, Batch, KeptFrames, SavedWindows, draw_controls, split_frames
from tests.support.toy_run import AREA, PROFILE, SHAPE, context, frame_of, mosaic, photos

# Nothing here takes so long, but a test that hangs must not hang the others.
GUARD_S = 30


# batches


@given(frames=st.integers(1, 400), saving=st.booleans())
def test_every_frame_is_once_in_a_batch_leading_before_later(frames: int, saving: bool) -> None:
    batches = split_frames(frames, saving=saving)
    numbers = [number for batch in batches for number in (*batch.leading, *batch.later)]
    assert sorted(numbers) == list(range(frames))
    assert all(type(number) is int for number in numbers)
    assert split_frames(frames, saving=saving) == batches
    begin = 0
    for batch in batches:  # each covers numbers that follow each other
        size = len(batch.leading) + len(batch.later)
        assert sorted((*batch.leading, *batch.later)) == list(range(begin, begin + size))
        assert list(batch.leading) == sorted(batch.leading)
        assert list(batch.later) == sorted(batch.later)
        assert batch.leading
        begin += size


@given(frames=st.integers(1, 400))
def test_the_last_frames_lead_and_of_the_others_two_thirds_do_not(frames: int) -> None:
    batches = split_frames(frames, saving=True)
    leading = {number for batch in batches for number in batch.leading}
    assert set(range(max(frames - sensormap.survey.saved_windows._LAST_LEADING, 0), frames)) <= leading
    later = frames - len(leading)
    assert abs(3 * later - 2 * max(frames - sensormap.survey.saved_windows._LAST_LEADING, 0)) <= 3 * len(batches)
    most = 1.5 * sensormap.survey.saved_windows._BATCH
    assert max(len(batch.leading) + len(batch.later) for batch in batches) <= most


@given(frames=st.integers(1, 400))
def test_where_nothing_is_saved_there_is_one_batch_of_leading_frames_in_order(frames: int) -> None:
    assert split_frames(frames, saving=False) == (Batch(tuple(range(frames))),)


def test_controls_are_the_same_every_time() -> None:
    controls = draw_controls(500)
    assert_array_equal(controls, draw_controls(500))
    assert (controls.size, controls.dtype) == (CONTROLS, np.int64)
    assert (controls.min(), controls.max()) == (0, 499)


# who waits for whom


BATCHES = (
    Batch((1, 4, 7), (0, 2, 3, 5, 6, 8)),
    Batch((10, 13), (9, 11, 12, 14)),
    Batch((16, 17)),
    Batch((19, 22, 23), (18, 20, 21)),
)
FRAMES = 24
NOTHING = Outliers.concatenate([])
PADDED = pad(np.zeros((8, 8), np.int16), 2)


class Recorded(SavedWindows):
    """Remembers, in place of making lists, which frames had been tallied then, and whose outliers were there."""

    def __init__(
        self, batches: Sequence[Batch] = BATCHES, followed: Collection[int] = range(FRAMES), fails: Collection[int] = ()
    ) -> None:
        super().__init__(
            batches, followed, Tally((8, 8)), np.zeros(16, np.uint16), np.zeros((2, FRAMES), np.int32),
            step=2, cfa=Cfa("RGGB"), thresholds=Thresholds(),
        )  # fmt: skip
        self.added: set[int] = set()
        self.made: dict[int, tuple[set[int], list[int]]] = {}
        self.fails = fails

    def _make_list(self, batch: int) -> FollowList | None:
        assert batch not in self.made
        self.made[batch] = set(self.added), sorted(self._outliers[batch])
        time.sleep(0.001)
        assert self.added == self.made[batch][0]
        if batch in self.fails:
            raise ZeroDivisionError
        return FollowList(np.array([batch], np.int64), np.array([9 + batch], np.int64))

    def frame(self, number: int, *, refused: bool = False, repeat: bool = False) -> None:
        """Do with a frame what a first pass does."""
        try:
            if refused:
                return
            self.wait(number)
            if not repeat:
                self.added.add(number)
                self.save(number, PADDED, NOTHING)
        finally:
            self.finish(number)


def all_done(futures: Sequence[Future[None]], saved: SavedWindows) -> None:
    """Wait for the futures; free those that wait for ever before that is told."""
    _, late = wait(futures, timeout=GUARD_S)
    saved.end()
    assert not late, "somebody waits for ever"


@pytest.mark.parametrize("threads", [1, 2, 8, 30])
@pytest.mark.parametrize("seed", range(6))
def test_each_batch_makes_its_list_after_its_leading_frames_and_all_before(threads: int, seed: int) -> None:
    """Threads finish in random order; some frames are refused, and wait for nothing; some are repeats."""
    random = Random(seed)
    fate = {number: random.choice(["good"] * 3 + ["refused", "repeat"]) for number in range(FRAMES)}
    if seed == 0:
        fate = dict.fromkeys(range(FRAMES), "good")
    delay = {number: random.choice([0, 0, 0.0002, 0.002]) for number in range(FRAMES)}
    saved = Recorded()

    def take_up(number: int) -> None:
        time.sleep(delay[number])
        saved.frame(number, refused=fate[number] == "refused", repeat=fate[number] == "repeat")

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(take_up, number) for number in saved.order]
        all_done(futures, saved)
    for future in futures:
        future.result()
    assert set(saved.made) == {0, 1, 3}  # the third has no later frames
    good = {number for number in range(FRAMES) if fate[number] == "good"}
    for batch, (added, outliers) in saved.made.items():
        before = {number for one in BATCHES[:batch] for number in (*one.leading, *one.later)}
        assert added == good & (before | set(BATCHES[batch].leading))
        assert outliers == sorted(good & set(BATCHES[batch].leading))
    later = {number: batch for batch, one in enumerate(BATCHES) for number in one.later}
    assert set(saved.windows) == good & set(later)
    for number, windows in saved.windows.items():
        assert windows.follow_list.photosites.tolist() == [later[number]]
        assert windows.values.shape == (3, 2)


def test_leading_frames_of_the_next_batch_wait_for_the_list_of_the_one_before() -> None:
    """Where all between them are refused, or have threads to wait in, they would be added too early."""
    batches = (Batch((1, 4), (0, 2, 3, 5)), Batch((7, 10), (6, 8, 9)))
    saved, go = Recorded(batches), threading.Event()

    def last_leading() -> None:
        go.wait(GUARD_S)
        saved.frame(4)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(saved.frame, 1), pool.submit(last_leading)]
        futures += [pool.submit(saved.frame, number, refused=True) for number in (0, 2, 3, 5)]
        futures += [pool.submit(saved.frame, number) for number in (7, 10)]
        time.sleep(0.05)
        assert saved.added == {1}
        go.set()
        futures += [pool.submit(saved.frame, number) for number in (6, 8, 9)]
        all_done(futures, saved)
    assert saved.made == {0: ({1, 4}, [1, 4]), 1: ({1, 4, 7, 10}, [7, 10])}


def test_leading_frames_of_the_first_batch_wait_for_nothing() -> None:
    saved = Recorded()
    for number in BATCHES[0].leading:
        saved.wait(number)
    assert not saved.made


def test_only_frames_that_the_second_pass_wants_are_saved() -> None:
    saved = Recorded(followed=[0, 1, 3, 12])
    for number in saved.order:
        saved.frame(number)
    assert sorted(saved.windows) == [0, 3, 12]


@pytest.mark.parametrize("frames", [1, 24])
def test_where_nothing_is_saved_no_thread_waits(frames: int) -> None:
    saved = Recorded(split_frames(frames, saving=False), followed=())
    assert saved.order == tuple(range(frames))
    for number in reversed(saved.order):  # in any order
        saved.frame(number)
    assert (saved.made, saved.windows) == ({}, {})


@given(frames=st.integers(1, 24), fates=st.lists(st.sampled_from(["good", "refused", "repeat"]), min_size=24))
def test_one_thread_never_waits_however_few_frames_there_are(frames: int, fates: list[str]) -> None:
    saved = Recorded(split_frames(frames, saving=True))
    with ThreadPoolExecutor(1) as pool:
        futures = [
            pool.submit(saved.frame, number, refused=fates[number] == "refused", repeat=fates[number] == "repeat")
            for number in saved.order
        ]
        all_done(futures, saved)
    for future in futures:
        future.result()


def waiting(saved: SavedWindows, numbers: Sequence[int]) -> list[threading.Thread]:
    """Start a thread for each frame that waits for the list of its batch."""
    threads = [threading.Thread(target=saved.wait, args=(number,), daemon=True) for number in numbers]
    for thread in threads:
        thread.start()
    return threads


def freed(threads: Sequence[threading.Thread]) -> bool:
    begin = time.monotonic()
    for thread in threads:
        thread.join(max(begin + GUARD_S - time.monotonic(), 0))
    return not any(thread.is_alive() for thread in threads)


def test_the_end_frees_all_threads() -> None:
    saved = Recorded()
    threads = waiting(saved, [number for batch in BATCHES for number in (*batch.later, *batch.leading)])
    threads[0].join(0.02)
    assert threads[0].is_alive()
    saved.end()
    assert freed(threads)


def test_after_the_end_no_list_is_made() -> None:
    """That takes a second of a large sensor, and Ctrl-C waits for it."""
    saved = Recorded()
    saved.end()
    for number in saved.order:
        saved.frame(number)
    assert saved.made == {}
    assert saved.windows == {}


def test_a_list_that_fails_is_an_error_and_frees_those_that_wait() -> None:
    saved = Recorded(fails=[0])
    threads = waiting(saved, BATCHES[0].later)
    saved.frame(1)
    saved.frame(4)
    with pytest.raises(ZeroDivisionError):
        saved.frame(7)
    assert freed(threads)
    saved.frame(0)
    assert saved.windows == {}


def test_a_failure_frees_the_next_batch_too_where_both_are_ready_at_once() -> None:
    batches = (Batch((1,), (0, 2)), Batch((4,), (3, 5)))
    saved = Recorded(batches, fails=[0])
    for number in (0, 2, 4):
        saved.frame(number, refused=True)
    threads = waiting(saved, [0, 3, 5])
    with pytest.raises(ZeroDivisionError):
        saved.frame(1)
    assert freed(threads)


# in a first pass

PHOTOS = photos(30)
REFUSED, REPEATS = {3, 8, 22}, {6: 5, 14: 13, 20: 19}
"""Frames that cannot be read, and those that show again what was shown by a frame before, or by a leading frame."""


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have several batches in few frames."""
    monkeypatch.setattr(sensormap.survey.saved_windows, "_BATCH", 10)
    monkeypatch.setattr(sensormap.survey.saved_windows, "_LAST_LEADING", 3)
    # In frames as small as these no scene is known again: they have to be equal.
    scene = lambda padded, *_, **__: Mock(paired_outliers=None, scene=padded.tobytes())  # noqa: E731
    monkeypatch.setattr("sensormap.survey.first_pass.fingerprint_of", scene)
    monkeypatch.setattr("sensormap.survey.scenes_seen.show_one_scene", lambda one, other, _: one.scene == other.scene)


def reading(random: Random | None = None) -> Callable[[Photo, Profile], Frame]:
    """Return what decodes the photos, in random time."""

    def read(photo: Photo, profile: Profile) -> Frame:
        number = int(photo.path.stem)
        if random is not None:
            time.sleep(random.choice([0, 0, 0.003, 0.01]))
        if number in REFUSED:
            msg = f"{photo.path.name}: is empty"
            raise DecodeError(msg)
        return replace(frame_of(photo, profile), mosaic=shown(number))

    return read


def shown(number: int) -> NDArray[np.int16]:
    return mosaic(REPEATS.get(number, number))


def first_pass(threads: int, read: Callable[[Photo, Profile], Frame], follow: Collection[int]) -> ShardSummary:
    refusals = Refusals(strict=False)
    found = run_first_pass(PHOTOS, PROFILE, RAW, context(read, threads=threads, refusals=refusals), follow=follow)
    assert {one.name for one in refusals.skipped} == {f"{number}.nef" for number in REFUSED}
    return found


def listed_slowly(first: ShardSummary, number: int) -> FollowList:
    """Return what is saved of a frame's batch, from a tally of only the frames that may decide."""
    batches = split_frames(len(PHOTOS), saving=True)
    batch = next(i for i, one in enumerate(batches) if number in one.later)
    before = [n for one in batches[:batch] for n in (*one.leading, *one.later)]
    tally = Tally(SHAPE, frames=len(PHOTOS))
    shifted = np.zeros(decoy_rows(SHAPE[0], everywhere=False) * SHAPE[1], tally.sum_outlying.dtype)
    outliers = {}
    for n in (*before, *batches[batch].leading):
        if n in REFUSED or n in REPEATS:
            continue
        padded = pad(shown(n)[AREA.slices], 2)
        noise, clipping = fit_noise(padded, 2, clipping=(0, 3880)), (0, 3880)
        found = tally.add(padded, noise, clipping=clipping, frame=n)
        add_outlying(shift_places(found.index, first.shifts[:, n], SHAPE), found.score, shifted)
        if n in batches[batch].leading:
            outliers[n] = found
    block_votes = count_votes(
        outliers, parts_of(sorted(outliers)), first.shifts, shape=SHAPE, step=2, false_votes=Thresholds().false_votes,
        seed=sensormap.survey.saved_windows._VOTE_SEED + batch,
    )  # fmt: skip
    cfa = PROFILE.cfa.shifted(x=AREA.x, y=AREA.y)
    listed = make_follow_list(tally, block_votes, shifted, cfa, Thresholds(), early=True)
    return FollowList(np.union1d(listed.photosites, draw_controls(tally.hidden.size)), listed.decoys)


@pytest.mark.usefixtures("_short")
def test_what_a_first_pass_saves_is_what_few_frames_make_stand_out_whatever_the_threads() -> None:
    assert len(split_frames(len(PHOTOS), saving=True)) == 3
    follow = [number for number in range(len(PHOTOS)) if number != 9]
    expected = first_pass(1, reading(), follow)
    assert {number for number, one in expected.records.items() if one.repeat} == set(REPEATS)
    later = {n for batch in split_frames(len(PHOTOS), saving=True) for n in batch.later}
    assert set(expected.saved_windows) == later - REFUSED - set(REPEATS) - {9}
    for number, windows in expected.saved_windows.items():
        slow = listed_slowly(expected, number)
        assert_array_equal(windows.follow_list.photosites, slow.photosites)
        assert_array_equal(windows.follow_list.decoys, slow.decoys)
        values = slow.windows(pad(shown(number)[AREA.slices], 2), expected.shifts[:, number], 2)
        assert_array_equal(windows.values, values)
    for threads in (2, 3, 8, 40):
        found = first_pass(threads, reading(Random(threads)), follow).saved_windows
        assert set(found) == set(expected.saved_windows)
        for number, windows in expected.saved_windows.items():
            assert_array_equal(found[number].follow_list.photosites, windows.follow_list.photosites)
            assert_array_equal(found[number].follow_list.decoys, windows.follow_list.decoys)
            assert_array_equal(found[number].values, windows.values)


@pytest.mark.usefixtures("_short")
def test_frames_of_one_batch_share_their_list() -> None:
    """A list for each of them would be as much as their values."""
    windows = first_pass(2, reading(), range(len(PHOTOS))).saved_windows.values()
    assert len({id(one.follow_list) for one in windows}) == 3
    assert all(one.values.dtype == np.int16 for one in windows)


@pytest.mark.usefixtures("_short")
def test_saving_changes_nothing_of_the_tally() -> None:
    plain, saving = first_pass(2, reading(), ()), first_pass(2, reading(), range(len(PHOTOS)))
    sums = ((*one.tally.sums, one.shifted_sums) for one in (plain, saving))
    for one, other in zip(*sums, strict=True):
        assert_array_equal(one, other)
    assert plain.saved_windows == {}


@pytest.fixture
def _no_thread_left() -> Iterator[None]:
    before = {*threading.enumerate()}
    yield
    assert {*threading.enumerate()} <= before


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_a_list_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sensormap.survey.saved_windows, "make_follow_list", fail)
    with pytest.raises(ZeroDivisionError):
        first_pass(threads, reading(), range(len(PHOTOS)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, DecodeError])
@pytest.mark.parametrize("call", [0, 1, 5, 29])
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_whatever_ends_a_run_leaves_no_thread_waiting(error: type[BaseException], call: int, threads: int) -> None:
    """Ctrl-C while progress is reported, `strict`, a fault: threads that wait for leading frames have to be let go."""
    heard = 0

    def raising(*_: int) -> None:
        nonlocal heard
        heard += 1
        if heard == call + 1:
            raise error

    shared = context(reading(), threads=threads, progress=raising, refusals=Refusals(strict=False))
    with pytest.raises(error):
        run_first_pass(PHOTOS, PROFILE, RAW, shared, follow=range(len(PHOTOS)))


@pytest.mark.parametrize("bad", [1, 0, 10, 29])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_a_photo_whose_reading_fails_in_an_unknown_way_ends_a_run_that_saves(bad: int) -> None:
    def read(photo: Photo, profile: Profile) -> Frame:
        if int(photo.path.stem) == bad:
            raise ZeroDivisionError
        return reading()(photo, profile)

    shared = context(read, threads=4, refusals=Refusals(strict=False))
    with pytest.raises(ZeroDivisionError):
        run_first_pass(PHOTOS, PROFILE, RAW, shared, follow=range(len(PHOTOS)))


# frames that are kept


def test_a_frame_is_kept_whole_and_taken_once() -> None:
    frame = np.arange(255, -1, -1, dtype=np.int16).reshape(16, 16)
    kept = KeptFrames(frame.size)
    kept.keep("digest", frame)
    taken = kept.take("digest")
    assert taken is not None
    assert taken.dtype == np.uint8
    assert_array_equal(taken, frame)
    assert kept.take("digest") is None


def test_frames_are_kept_as_long_as_there_is_room() -> None:
    frame = np.zeros((4, 5), np.int16)
    kept = KeptFrames(2 * frame.size)
    for digest in ("one", "one", "two", "three"):  # the second is a copy, and takes no room
        kept.keep(digest, frame)
    assert [kept.take(digest) is not None for digest in ("one", "two", "three")] == [True, True, False]
    kept.keep("four", frame)
    kept.clear()
    assert kept.take("four") is None
