"""Scenes seen: whichever thread is first, frames are compared in order of capture, and no thread waits for ever."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from sensormap.score.paired_outliers import PairedOutliers
from sensormap.score.same_scene import Fingerprint, show_one_scene
from sensormap.score.slopes import slopes_of
from sensormap.survey.saved_windows import split_frames
from sensormap.survey.scenes_seen import ScenesSeen


@cache
def fingerprint(scene: int) -> Fingerprint:
    """Return what a frame of a scene shows."""
    places = np.unique(np.random.default_rng(scene).integers(0, 200_000, 500)).astype(np.int32)
    return Fingerprint(slopes_of(np.zeros((2, 3, 50), np.int8)), PairedOutliers(places, places, 100_000))


def serially(scenes: list[int | None]) -> list[bool | None]:
    """Ask about one frame after the other; None is a frame that is no photo."""
    scenes_seen, found = ScenesSeen(range(200)), []
    for frame, scene in enumerate(scenes):
        found.append(None if scene is None else scenes_seen.is_repeat(frame, fingerprint(scene)))
        scenes_seen.pass_over(frame)
    return found


def test_scenes_are_as_assumed() -> None:
    assert show_one_scene(fingerprint(1), fingerprint(1))
    assert not any(show_one_scene(fingerprint(one), fingerprint(other)) for one, other in combinations(range(34), 2))


@pytest.mark.parametrize(
    ("scenes", "repeats"),
    [
        ([1, 2, 3], [False, False, False]),
        ([1, 1, 1, 1], [False, True, True, True]),
        ([1, 2, 1, 2, 3, 1], [False, False, True, True, False, True]),
        ([None, 1, None, 1], [None, False, None, True]),
        ([1, None, None], [False, None, None]),
    ],
)
def test_the_first_frame_of_a_scene_is_none_and_the_others_are_repeats(
    scenes: list[int | None], repeats: list[bool | None]
) -> None:
    assert serially(scenes) == repeats


@pytest.mark.parametrize(("others", "remembered"), [(31, True), (32, False)])
def test_the_last_32_scenes_are_remembered(others: int, remembered: bool) -> None:
    assert serially([0, *range(1, others + 1), 0])[-1] == remembered
    # A repeat takes no place of its own, and does not renew its scene.
    assert serially([0, *[1] * 50, 0])[-1]
    assert serially([0, *range(1, 32), 0, 32, 0])[-1] is False


@pytest.mark.parametrize("frames", [60, 120, 200])
def test_two_frames_in_a_row_count_once_wherever_they_are_and_in_whatever_order_they_are_taken_up(frames: int) -> None:
    order = [number for batch in split_frames(frames, saving=True) for number in (*batch.leading, *batch.later)]
    for first in range(frames - 1):
        scenes = [*range(first + 1), first, *range(first + 2, frames)]
        scenes_seen = ScenesSeen(order)
        with pytest.MonkeyPatch.context() as patch:
            equal = lambda one, other, _: one.slopes == other.slopes  # noqa: E731
            patch.setattr("sensormap.survey.scenes_seen.show_one_scene", equal)
            found = [scenes_seen.is_repeat(number, Fingerprint(scenes[number], None)) for number in order]
        assert sum(found) == 1, first


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_threads_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    scenes = [rng.choice([None, 1, 2, 3, 4, 5, 6]) for _ in range(40)]
    expected = serially(scenes)
    scenes_seen, found = ScenesSeen(range(200)), [None] * len(scenes)

    def ask(frame: int) -> None:
        time.sleep(rng.random() * 0.003)
        scene = scenes[frame]
        if scene is not None:
            found[frame] = scenes_seen.is_repeat(frame, fingerprint(scene))
        if scene is None or frame % 2:  # allowed for every frame
            scenes_seen.pass_over(frame)

    frames = list(range(len(scenes)))
    rng.shuffle(frames)
    threads = [threading.Thread(target=ask, args=[frame], daemon=True) for frame in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)
    assert found == expected


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_pool_that_takes_frames_up_in_order_never_blocks(workers: int) -> None:
    """Each worker passes its frame over whatever happens, also where it is no photo."""
    scenes_seen = ScenesSeen(range(200))

    def work(frame: int) -> bool | None:
        try:
            time.sleep(0.002 * (frame % 3))
            return None if frame % 5 == 3 else scenes_seen.is_repeat(frame, fingerprint(frame % 4))
        finally:
            scenes_seen.pass_over(frame)

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(work, range(60), timeout=20))
    assert found == serially([None if frame % 5 == 3 else frame % 4 for frame in range(60)])


def test_a_frame_waits_for_every_earlier_one() -> None:
    scenes_seen, found = ScenesSeen(range(200)), []
    thread = threading.Thread(target=lambda: found.append(scenes_seen.is_repeat(2, fingerprint(1))), daemon=True)
    thread.start()
    for frame in (0, 1):
        thread.join(timeout=0.05)
        assert thread.is_alive()
        assert scenes_seen.is_repeat(frame, fingerprint(frame)) is False
    thread.join(timeout=10)
    assert found == [True]


def test_passing_an_earlier_frame_over_again_changes_nothing() -> None:
    scenes_seen = ScenesSeen(range(200))
    for frame in range(4):
        scenes_seen.is_repeat(frame, fingerprint(frame))
    scenes_seen.pass_over(1)
    scenes_seen.pass_over(3)
    assert scenes_seen.is_repeat(4, fingerprint(2)) is True


def test_the_end_of_the_run_lets_everybody_through() -> None:
    scenes_seen, done = ScenesSeen(range(200)), []

    def wait(frame: int) -> None:
        if frame % 2:
            scenes_seen.is_repeat(frame, fingerprint(1))
        scenes_seen.pass_over(frame)
        done.append(frame)

    threads = [threading.Thread(target=wait, args=[frame], daemon=True) for frame in (7, 3, 4, 1, 20)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    assert done == []
    scenes_seen.end()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(done) == [1, 3, 4, 7, 20]
    scenes_seen.pass_over(100)  # and whoever comes late
