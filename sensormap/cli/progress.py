"""How far a run is, on a terminal: a bar with frames a second, the time left and the candidates so far."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from sensormap.cli.console import stderr_console
from sensormap.compiled import compiling_told

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

log = logging.getLogger(__name__)

# Characters of a terminal from which there is room for the candidates, and for a bar at all.
_WIDE, _ROOM_FOR_A_BAR = 80, 60

_LONG_S = 2.0  # without a photo after which seconds are counted: large ones take as long


class Shown:
    """What is shown of a run; until it is shown on a bar, nothing."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self.found = 0
        self.compiling_since: float | None = None
        self.compiled_s = 0.0

    def on(self, bar: RichProgress) -> None:
        """Show it on a bar."""
        self._bar, self._task = bar, bar.add_task("", total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show how many photos are done, in a pass that begins with 0."""
        if self._bar is None or self._task is None:
            return
        if not done:
            self.found = 0
            self._bar.reset(self._task, total=total)  # the pace is that of decoding
        self._bar.update(self._task, completed=done, total=total)

    def candidates(self, found: int) -> None:
        """Show how many candidates there are so far."""
        self.found = found

    def compiling(self, begins: bool) -> None:
        """Show that the arithmetic is compiled, which happens once after each installation."""
        if begins:
            self.compiling_since = monotonic()
        elif self.compiling_since is not None:
            self.compiled_s += monotonic() - self.compiling_since
            self.compiling_since = None

    def state(self, done: float, total: float | None, elapsed: float | None, *, width: int) -> str:
        """Say how far the run is, in the room that a terminal has.

        Examples
        --------
        >>> shown = Shown()
        >>> shown.candidates(214)
        >>> shown.state(20, 60, 10.0, width=100), shown.state(20, 60, 10.0, width=40)
        ('2.0 frames/s, 0:20 left, 214 candidates', '2.0/s, 0:20 left')
        """
        since = self.compiling_since
        if since is not None:
            return f"compiling once, {self.compiled_s + monotonic() - since:.0f} s"
        if not done or not total or not elapsed:
            doing = "reading EXIF" if total is None else "decoding"
            return f"{doing}, {elapsed:.0f} s" if elapsed and elapsed >= _LONG_S else doing
        left = round(elapsed * (total / done - 1))
        hours, minutes = divmod(left // 60, 60)
        time = f"{hours}:{minutes:02}:{left % 60:02}" if hours else f"{minutes}:{left % 60:02}"
        found = f", {self.found} candidates" if self.found and width >= _WIDE else ""
        return f"{done / elapsed:.1f}{' frames' if width >= _ROOM_FOR_A_BAR else ''}/s, {time} left{found}"


@contextmanager
def progress_bar(verbosity: int, doing: str = "mapping") -> Iterator[Shown]:
    """Show a bar with frames a second and the time left while the block runs; nothing in a pipe or when quiet."""
    console, shown = stderr_console(), Shown()
    if not console.is_terminal or verbosity < 0:
        with compiling_told(shown.compiling):
            yield shown
        _log_compiled(shown)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class State(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(shown.state(task.completed, task.total, task.elapsed, width=console.width), no_wrap=True)

    # The rest takes up to 50 characters, 68 with candidates, and is worth more than a long bar.
    taken = 68 if console.width >= _WIDE else 50
    bars = [BarColumn(bar_width=min(console.width - taken, 40))] if console.width >= _ROOM_FOR_A_BAR else []
    with Progress(TextColumn(doing), *bars, MofNCompleteColumn(), State(), console=console, transient=True) as bar:
        shown.on(bar)
        with compiling_told(shown.compiling):
            yield shown
    _log_compiled(shown)


def _log_compiled(shown: Shown) -> None:
    if shown.compiled_s:
        log.info("the arithmetic was compiled, once after an installation: %.0f s", shown.compiled_s)


@contextmanager
def count_shown(verbosity: int, noun: str) -> Iterator[Callable[[int], None]]:
    """Show a number of things done, of which nobody knows how many there are; nothing in a pipe or when quiet."""
    console = stderr_console()
    if not console.is_terminal or verbosity < 0:
        yield lambda done: None
        return
    with console.status(f"0 {noun}") as status:
        yield lambda done: status.update(f"{done} {noun}")
