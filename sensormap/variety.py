"""Variety: which frames show the scene of an earlier one, decided in order of capture whatever thread is first."""

from __future__ import annotations

from collections import deque
from threading import Condition

from sensormap.marks import bits_of
from sensormap.repeat import Look, alike

# Scenes that a frame is compared with: tripod series and bursts follow each other.
_REMEMBERED = 32


class Variety:
    """Remembers the last scenes; threads ask about their frames at the same time.

    Frames have to be taken up in ascending order, so that the one that everybody waits for is always at work.
    """

    def __init__(self) -> None:
        self._turn = Condition()
        self._next = 0
        self._scenes: deque[Look] = deque(maxlen=_REMEMBERED)

    def is_repeat(self, frame: int, look: Look) -> bool:
        """Tell whether a frame shows the scene of an earlier one; wait until every earlier one has been passed.

        Parameters
        ----------
        frame
            Its number.
        look
            From `repeat.look_of`.
        """
        # Made before the wait, and not remembered: whoever has the turn holds up everybody else.
        bits = None if look.marks is None else bits_of(look.marks.marked, look.marks.area)
        with self._turn:
            self._turn.wait_for(lambda: self._next >= frame)
            if self._next > frame:  # the run is over
                return False
        # Everybody later still waits: the scenes do not change meanwhile.
        repeat = any(alike(look, scene, bits) for scene in self._scenes)
        if not repeat:
            self._scenes.append(look)
        self.pass_over(frame)
        return repeat

    def pass_over(self, frame: int) -> None:
        """Let later frames through; has to be called for every frame that is no photo, and may be for the others."""
        with self._turn:
            self._turn.wait_for(lambda: self._next >= frame)
            self._next = max(self._next, frame + 1)
            self._turn.notify_all()

    def end(self) -> None:
        """Let everybody through: the run is over."""
        with self._turn:
            self._next = 1 << 62
            self._turn.notify_all()
