"""What a run says on stderr: messages and errors one line each, and a progress bar on a terminal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Any

import click

from sensormap.threads import message_prefix

if TYPE_CHECKING:
    from rich.console import Console

    from sensormap.maps.sensor_map import SensorMap
    from sensormap.threads import Progress


class Failure(click.ClickException):
    """An error that ends a command: one line on stderr, worded here and not by click, and exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"Error: {self.message}", file=file, err=True)


@cache
def stderr_console() -> Console:
    """Return the console that progress and messages share, so that they do not overwrite each other."""
    from rich.console import Console  # noqa: PLC0415 - rich takes longer to import than --help may take

    return Console(stderr=True)


class _ConsoleHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        from sensormap.report.words import plain  # noqa: PLC0415

        message = record.getMessage()
        if message and (prefix := message_prefix.get()):
            message = f"{prefix}: {message}"
        lines = [message] if message else []  # one line, whatever the file names in it
        if record.exc_info:
            lines += logging.Formatter().formatException(record.exc_info).splitlines()
        for line in lines:
            stderr_console().out(plain(line), highlight=False)


def note_unknown_serials(maps: Mapping[str, SensorMap]) -> None:
    """Say on stderr which of several maps, by name, do not know their camera's serial number, where others may."""
    from sensormap.report.words import plain  # noqa: PLC0415

    for name, sensor_map in maps.items() if len(maps) > 1 else ():
        if not sensor_map.body.serial:
            text = f"{name}: the camera's serial number is unknown; taken for the same camera"
            click.echo(plain(text), err=True)


def configure_log(verbosity: int) -> None:
    """Send the package's messages to stderr: warnings at 0, progress of the work at 1, everything at 2 and more."""
    logger = logging.getLogger("sensormap")
    levels = {-2: logging.ERROR, -1: logging.WARNING, 0: logging.WARNING, 1: logging.INFO}
    logger.setLevel(levels.get(max(verbosity, -2), logging.DEBUG))
    logger.handlers = [_ConsoleHandler()]
    logger.propagate = False


@contextmanager
def progress_bar(verbosity: int, doing: str = "mapping") -> Iterator[Progress]:
    """Show a bar with frames a second and the time left while the block runs; nothing in a pipe or when quiet."""
    console = stderr_console()
    if not console.is_terminal or verbosity < 0:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Pace(ProgressColumn):
        def render(self, task: Task) -> Text:
            if not task.completed or not task.total or not task.elapsed:
                return Text("reading EXIF" if task.total is None else "decoding")
            left = round(task.elapsed * (task.total / task.completed - 1))
            hours, minutes = divmod(left // 60, 60)
            time = f"{hours}:{minutes:02}:{left % 60:02}" if hours else f"{minutes}:{left % 60:02}"
            return Text(f"{task.completed / task.elapsed:.1f} frames/s, {time} left")

    # The rest takes up to 50 characters, and is worth more than a long bar.
    bar_column = BarColumn(bar_width=min(max(console.width - 50, 4), 40))
    columns = (TextColumn(doing), bar_column, MofNCompleteColumn(), Pace())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int) -> None:
            if not done:
                bar.reset(task, total=total)  # the pace is that of decoding
            bar.update(task, completed=done, total=total)

        yield show


@contextmanager
def count_shown(verbosity: int, noun: str) -> Iterator[Callable[[int], None]]:
    """Show a number of things done, of which nobody knows how many there are; nothing in a pipe or when quiet."""
    console = stderr_console()
    if not console.is_terminal or verbosity < 0:
        yield lambda done: None
        return
    with console.status(f"0 {noun}") as status:
        yield lambda done: status.update(f"{done} {noun}")
