"""Watching: whichever thread is first, the same frames decide what a stretch looks at, and nobody waits for ever."""

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
from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.detect.follow_list import Spots, promising
from sensormap.detect.outlier_lists import shift_places
from sensormap.detect.tally import Outliers, Tally, add_outlying
from sensormap.detect.votes import count_votes, parts_of
from sensormap.errors import DecodeError
from sensormap.frame import Frame, Photo, Skipped
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.settings import Thresholds
from sensormap.survey.first_pass import DECOY_PART, FirstPass
from sensormap.survey.saved_windows import CONTROLS, Stretch, Watch, draw_controls, stretches
from tests.support.toy_run import AREA, PROFILE, SHAPE, frame_of, mosaic, photos

# Nothing here takes so long, but a test that hangs must not hang the others.
GUARD_S = 30


# stretches


@given(frames=st.integers(1, 400), watched=st.booleans())
def test_every_frame_is_once_in_a_stretch_scouts_before_others(frames: int, watched: bool) -> None:
    parts = stretches(frames, watched=watched)
    numbers = [number for part in parts for number in (*part.scouts, *part.others)]
    assert sorted(numbers) == list(range(frames))
    assert all(type(number) is int for number in numbers)
    assert stretches(frames, watched=watched) == parts
    begin = 0
    for part in parts:  # each covers numbers that follow each other
        size = len(part.scouts) + len(part.others)
        assert sorted((*part.scouts, *part.others)) == list(range(begin, begin + size))
        assert list(part.scouts) == sorted(part.scouts)
        assert list(part.others) == sorted(part.others)
        assert part.scouts
        begin += size


@given(frames=st.integers(1, 400))
def test_the_last_frames_are_scouts_and_of_the_others_two_thirds_are_not(frames: int) -> None:
    parts = stretches(frames, watched=True)
    scouts = {number for part in parts for number in part.scouts}
    assert set(range(max(frames - sensormap.survey.saved_windows._LAST_SCOUTS, 0), frames)) <= scouts
    others = frames - len(scouts)
    assert abs(3 * others - 2 * max(frames - sensormap.survey.saved_windows._LAST_SCOUTS, 0)) <= 3 * len(parts)
    assert max(len(part.scouts) + len(part.others) for part in parts) <= 1.5 * sensormap.survey.saved_windows._STRETCH


@given(frames=st.integers(1, 400))
def test_unwatched_there_is_one_stretch_of_scouts_in_order(frames: int) -> None:
    assert stretches(frames, watched=False) == (Stretch(tuple(range(frames))),)


def test_controls_are_the_same_every_time() -> None:
    controls = draw_controls(500)
    assert_array_equal(controls, draw_controls(500))
    assert (controls.size, controls.dtype) == (CONTROLS, np.int64)
    assert (controls.min(), controls.max()) == (0, 499)


# who waits for whom


PARTS = (
    Stretch((1, 4, 7), (0, 2, 3, 5, 6, 8)),
    Stretch((10, 13), (9, 11, 12, 14)),
    Stretch((16, 17)),
    Stretch((19, 22, 23), (18, 20, 21)),
)
FRAMES = 24
NOTHING = Outliers.concatenate([])
PADDED = pad(np.zeros((8, 8), np.int16), 2)


class Recorded(Watch):
    """Remembers, in place of looking out, which frames had been tallied then, and whose outliers were there."""

    def __init__(
        self, parts: Sequence[Stretch] = PARTS, followed: Collection[int] = range(FRAMES), fails: Collection[int] = ()
    ) -> None:
        super().__init__(
            parts, followed, Tally((8, 8)), np.zeros(16, np.uint16), np.zeros((2, FRAMES), np.int32),
            cfa=Cfa("RGGB"), thresholds=Thresholds(),
        )  # fmt: skip
        self.added: set[int] = set()
        self.looked: dict[int, tuple[set[int], list[int]]] = {}
        self.fails = fails

    def _look_out(self, part: int) -> Spots | None:
        assert part not in self.looked
        self.looked[part] = set(self.added), sorted(self._outliers[part])
        time.sleep(0.001)
        assert self.added == self.looked[part][0]
        if part in self.fails:
            raise ZeroDivisionError
        return Spots(np.array([part], np.int64), np.array([9 + part], np.int64))

    def frame(self, number: int, *, refused: bool = False, repeat: bool = False) -> None:
        """Do with a frame what a first pass does."""
        try:
            if refused:
                return
            self.wait(number)
            if not repeat:
                self.added.add(number)
                self.tallied(number, PADDED, NOTHING)
        finally:
            self.finish(number)


def all_done(futures: Sequence[Future[None]], watch: Watch) -> None:
    """Wait for the futures; free those that wait for ever before that is told."""
    _, late = wait(futures, timeout=GUARD_S)
    watch.end()
    assert not late, "somebody waits for ever"


@pytest.mark.parametrize("threads", [1, 2, 8, 30])
@pytest.mark.parametrize("seed", range(6))
def test_each_stretch_looks_out_after_its_scouts_and_all_before_and_nothing_else(threads: int, seed: int) -> None:
    """Threads finish in random order; some frames are refused, and wait for nothing; some are repeats."""
    random = Random(seed)
    fate = {number: random.choice(["good"] * 3 + ["refused", "repeat"]) for number in range(FRAMES)}
    if seed == 0:
        fate = dict.fromkeys(range(FRAMES), "good")
    delay = {number: random.choice([0, 0, 0.0002, 0.002]) for number in range(FRAMES)}
    watch = Recorded()

    def take_up(number: int) -> None:
        time.sleep(delay[number])
        watch.frame(number, refused=fate[number] == "refused", repeat=fate[number] == "repeat")

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(take_up, number) for number in watch.order]
        all_done(futures, watch)
    for future in futures:
        future.result()
    assert set(watch.looked) == {0, 1, 3}  # the third has nobody to look
    good = {number for number in range(FRAMES) if fate[number] == "good"}
    for part, (added, outliers) in watch.looked.items():
        before = {number for one in PARTS[:part] for number in (*one.scouts, *one.others)}
        assert added == good & (before | set(PARTS[part].scouts))
        assert outliers == sorted(good & set(PARTS[part].scouts))
    others = {number: part for part, one in enumerate(PARTS) for number in one.others}
    assert set(watch.seen) == good & set(others)
    for number, sight in watch.seen.items():
        assert sight.spots.fixed.tolist() == [others[number]]
        assert sight.windows.shape == (3, 2)


def test_scouts_of_the_next_stretch_are_held_back_until_the_one_before_has_looked_out() -> None:
    """Where all between them are refused, or have threads to wait in, they would be added too early."""
    parts = (Stretch((1, 4), (0, 2, 3, 5)), Stretch((7, 10), (6, 8, 9)))
    watch, go = Recorded(parts), threading.Event()

    def last_scout() -> None:
        go.wait(GUARD_S)
        watch.frame(4)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(watch.frame, 1), pool.submit(last_scout)]
        futures += [pool.submit(watch.frame, number, refused=True) for number in (0, 2, 3, 5)]
        futures += [pool.submit(watch.frame, number) for number in (7, 10)]
        time.sleep(0.05)
        assert watch.added == {1}
        go.set()
        futures += [pool.submit(watch.frame, number) for number in (6, 8, 9)]
        all_done(futures, watch)
    assert watch.looked == {0: ({1, 4}, [1, 4]), 1: ({1, 4, 7, 10}, [7, 10])}


def test_scouts_wait_for_nothing_in_the_first_stretch() -> None:
    watch = Recorded()
    for number in PARTS[0].scouts:
        watch.wait(number)
    assert not watch.looked


def test_only_frames_that_the_second_pass_wants_are_seen() -> None:
    watch = Recorded(followed=[0, 1, 3, 12])
    for number in watch.order:
        watch.frame(number)
    assert sorted(watch.seen) == [0, 3, 12]


@pytest.mark.parametrize("frames", [1, 24])
def test_nobody_watched_nobody_waits(frames: int) -> None:
    watch = Recorded(stretches(frames, watched=False), followed=())
    assert watch.order == tuple(range(frames))
    for number in reversed(watch.order):  # in any order
        watch.frame(number)
    assert (watch.looked, watch.seen) == ({}, {})


@given(frames=st.integers(1, 24), fates=st.lists(st.sampled_from(["good", "refused", "repeat"]), min_size=24))
def test_one_thread_never_waits_however_few_frames_there_are(frames: int, fates: list[str]) -> None:
    watch = Recorded(stretches(frames, watched=True))
    with ThreadPoolExecutor(1) as pool:
        futures = [
            pool.submit(watch.frame, number, refused=fates[number] == "refused", repeat=fates[number] == "repeat")
            for number in watch.order
        ]
        all_done(futures, watch)
    for future in futures:
        future.result()


def waiting(watch: Watch, numbers: Sequence[int]) -> list[threading.Thread]:
    """Start a thread for each frame that waits until it is known what to look at."""
    threads = [threading.Thread(target=watch.wait, args=(number,), daemon=True) for number in numbers]
    for thread in threads:
        thread.start()
    return threads


def freed(threads: Sequence[threading.Thread]) -> bool:
    begin = time.monotonic()
    for thread in threads:
        thread.join(max(begin + GUARD_S - time.monotonic(), 0))
    return not any(thread.is_alive() for thread in threads)


def test_the_end_frees_everybody() -> None:
    watch = Recorded()
    threads = waiting(watch, [number for part in PARTS for number in (*part.others, *part.scouts)])
    threads[0].join(0.02)
    assert threads[0].is_alive()
    watch.end()
    assert freed(threads)


def test_after_the_end_nobody_looks_out() -> None:
    """That takes a second of a large sensor, and Ctrl-C waits for it."""
    watch = Recorded()
    watch.end()
    for number in watch.order:
        watch.frame(number)
    assert watch.looked == {}
    assert watch.seen == {}


def test_who_fails_to_look_out_says_so_and_frees_those_that_wait() -> None:
    watch = Recorded(fails=[0])
    threads = waiting(watch, PARTS[0].others)
    watch.frame(1)
    watch.frame(4)
    with pytest.raises(ZeroDivisionError):
        watch.frame(7)
    assert freed(threads)
    watch.frame(0)
    assert watch.seen == {}


def test_a_failure_frees_the_next_stretch_too_where_both_are_ready_at_once() -> None:
    parts = (Stretch((1,), (0, 2)), Stretch((4,), (3, 5)))
    watch = Recorded(parts, fails=[0])
    for number in (0, 2, 4):
        watch.frame(number, refused=True)
    threads = waiting(watch, [0, 3, 5])
    with pytest.raises(ZeroDivisionError):
        watch.frame(1)
    assert freed(threads)


# in a first pass

PHOTOS = photos(30)
REFUSED, REPEATS = {3, 8, 22}, {6: 5, 14: 13, 20: 19}
"""Frames that cannot be read, and those that show again what was shown by a frame before, or by a scout."""


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have several stretches in few frames."""
    monkeypatch.setattr(sensormap.survey.saved_windows, "_STRETCH", 10)
    monkeypatch.setattr(sensormap.survey.saved_windows, "_LAST_SCOUTS", 3)
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


def first_pass(threads: int, read: Callable[[Photo, Profile], Frame], follow: Collection[int]) -> FirstPass:
    run = FirstPass(PHOTOS, PROFILE, Thresholds(), read=read, follow=follow)
    refused: list[Skipped] = []
    run.run(threads, lambda *_: None, refused.append)
    assert {one.name for one in refused} == {f"{number}.nef" for number in REFUSED}
    return run


def spots_slowly(run: FirstPass, number: int) -> Spots:
    """Return what a frame's stretch has to look at, from a tally of only the frames that may have a say."""
    parts = stretches(len(PHOTOS), watched=True)
    part = next(i for i, one in enumerate(parts) if number in one.others)
    before = [n for one in parts[:part] for n in (*one.scouts, *one.others)]
    tally = Tally(SHAPE, frames=len(PHOTOS))
    shifted = np.zeros(SHAPE[0] // DECOY_PART * SHAPE[1], tally.sum_outlying.dtype)
    outliers = {}
    for n in (*before, *parts[part].scouts):
        if n in REFUSED or n in REPEATS:
            continue
        padded = pad(shown(n)[AREA.slices], 2)
        noise, clipping = fit_noise(padded, 2, clipping=(0, 3880)), (0, 3880)
        found = tally.add(padded, noise, clipping=clipping, frame=n)
        add_outlying(shift_places(found.index, run.shifts[:, n], SHAPE), found.score, shifted)
        if n in parts[part].scouts:
            outliers[n] = found
    ballots = count_votes(
        outliers, parts_of(sorted(outliers)), run.shifts, shape=SHAPE, false_votes=Thresholds().false_votes,
        seed=sensormap.survey.saved_windows._VOTE_SEED + part,
    )  # fmt: skip
    cfa = PROFILE.cfa.shifted(x=AREA.x, y=AREA.y)
    found_spots = promising(tally, ballots, shifted, cfa, Thresholds(), early=True)
    return Spots(np.union1d(found_spots.fixed, draw_controls(tally.hidden.size)), found_spots.decoys)


@pytest.mark.usefixtures("_short")
def test_what_a_first_pass_sees_is_what_few_frames_make_promising_whatever_the_threads() -> None:
    assert len(stretches(len(PHOTOS), watched=True)) == 3
    follow = [number for number in range(len(PHOTOS)) if number != 9]
    expected = first_pass(1, reading(), follow)
    assert {number for number, one in expected.tallied.items() if one.repeat} == set(REPEATS)
    others = {n for part in stretches(len(PHOTOS), watched=True) for n in part.others}
    assert set(expected.watch.seen) == others - REFUSED - set(REPEATS) - {9}
    for number, sight in expected.watch.seen.items():
        slow = spots_slowly(expected, number)
        assert_array_equal(sight.spots.fixed, slow.fixed)
        assert_array_equal(sight.spots.decoys, slow.decoys)
        windows = slow.windows(pad(shown(number)[AREA.slices], 2), expected.shifts[:, number], 2)
        assert_array_equal(sight.windows, windows)
    for threads in (2, 3, 8, 40):
        run = first_pass(threads, reading(Random(threads)), follow)
        assert set(run.watch.seen) == set(expected.watch.seen)
        for number, sight in run.watch.seen.items():
            assert_array_equal(sight.spots.fixed, expected.watch.seen[number].spots.fixed)
            assert_array_equal(sight.spots.decoys, expected.watch.seen[number].spots.decoys)
            assert_array_equal(sight.windows, expected.watch.seen[number].windows)


@pytest.mark.usefixtures("_short")
def test_frames_of_one_stretch_share_their_list_of_spots() -> None:
    """A list for each of them would be as much as what they show."""
    run = first_pass(2, reading(), range(len(PHOTOS)))
    lists = {id(sight.spots) for sight in run.watch.seen.values()}
    assert len(lists) == 3
    assert all(sight.windows.dtype == np.int16 for sight in run.watch.seen.values())


@pytest.mark.usefixtures("_short")
def test_watching_changes_nothing_of_the_tally() -> None:
    plain, watched = first_pass(2, reading(), ()), first_pass(2, reading(), range(len(PHOTOS)))
    for one, other in zip((*plain.tally.sums, plain.shifted), (*watched.tally.sums, watched.shifted), strict=True):
        assert_array_equal(one, other)
    assert plain.watch.seen == {}


@pytest.fixture
def _no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_a_failure_to_look_out_ends_the_run(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(sensormap.survey.saved_windows, "promising", fail)
    with pytest.raises(ZeroDivisionError):
        first_pass(threads, reading(), range(len(PHOTOS)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, DecodeError])
@pytest.mark.parametrize("call", [0, 1, 5, 29])
@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_whatever_ends_a_watched_run_leaves_nobody_waiting(error: type[BaseException], call: int, threads: int) -> None:
    """Ctrl-C while progress is told, `strict`, a fault: threads that wait for scouts have to be let go."""
    heard = 0

    def raising(*_: int) -> None:
        nonlocal heard
        heard += 1
        if heard == call + 1:
            raise error

    run = FirstPass(PHOTOS, PROFILE, Thresholds(), read=reading(), follow=range(len(PHOTOS)))
    with pytest.raises(error):
        run.run(threads, raising, lambda _: None)


@pytest.mark.parametrize("bad", [1, 0, 10, 29])
@pytest.mark.usefixtures("_short", "_no_thread_left")
def test_a_photo_whose_reading_fails_in_an_unknown_way_ends_a_watched_run(bad: int) -> None:
    def read(photo: Photo, profile: Profile) -> Frame:
        if int(photo.path.stem) == bad:
            raise ZeroDivisionError
        return reading()(photo, profile)

    run = FirstPass(PHOTOS, PROFILE, Thresholds(), read=read, follow=range(len(PHOTOS)))
    with pytest.raises(ZeroDivisionError):
        run.run(4, lambda *_: None, lambda _: None)
