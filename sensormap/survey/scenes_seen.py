"""Scenes seen so far: which frames show the scene of another one, decided in the order in which they are taken up."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from threading import Condition

import numpy as np

from sensormap.score.paired_outliers import bits_of
from sensormap.score.same_scene import Fingerprint, show_one_scene

# Number of scenes before, and after, in order of capture, that a frame is compared with: tripod series and bursts
# follow each other.
_REMEMBERED = 32


class ScenesSeen:
    """Fingerprints of the scenes seen so far; threads ask about their frames at the same time.

    Of frames that show one scene the first in order counts, whatever thread is first.

    Parameters
    ----------
    order
        All frame numbers, which count in order of capture, in the order in which threads take them up: then the frame
        that all others wait for is always at work.
    """

    def __init__(self, order: Sequence[int]) -> None:
        self._turn = Condition()
        self._next = 0
        self._turns = {number: turn for turn, number in enumerate(order)}
        # By turn, the earliest frame that is still to come: scenes far before it are forgotten.
        self._earliest = np.minimum.accumulate(np.array(order, np.int64)[::-1])[::-1].tolist()
        self._scenes: dict[int, Fingerprint] = {}

    def is_repeat(self, frame: int, fingerprint: Fingerprint) -> bool:
        """Tell whether a frame shows the scene of one near it; wait until all frames before it in order are passed.

        Parameters
        ----------
        frame
            Frame number.
        fingerprint
            The frame's fingerprint, from `score.same_scene.fingerprint_of`.
        """
        # Made before the wait, and not kept: all other threads wait for the one whose turn it is.
        outliers = fingerprint.paired_outliers
        bits = None if outliers is None else bits_of(outliers.paired, outliers.area)
        turn = self._turns[frame]
        with self._turn:
            self._turn.wait_for(lambda: self._next >= turn)
            if self._next > turn:  # the run is over
                return False
        # All later frames still wait: the scenes do not change meanwhile.
        known = sorted(self._scenes)
        place, first = bisect(known, frame), bisect(known, self._earliest[turn])
        near = known[max(place - _REMEMBERED, 0) : place + _REMEMBERED]
        repeat = any(show_one_scene(fingerprint, self._scenes[number], bits) for number in near)
        if not repeat:
            self._scenes[frame] = fingerprint
        for number in known[: max(first - _REMEMBERED, 0)]:
            del self._scenes[number]
        self.pass_over(frame)
        return repeat

    def pass_over(self, frame: int) -> None:
        """Let later frames through; has to be called for every frame that is not asked about, and may be for others."""
        turn = self._turns[frame]
        with self._turn:
            self._turn.wait_for(lambda: self._next >= turn)
            self._next = max(self._next, turn + 1)
            self._turn.notify_all()

    def end(self) -> None:
        """Let all threads through: the run is over."""
        with self._turn:
            self._next = 1 << 62
            self._turn.notify_all()
