"""Standard output that loses nothing in silence, standard error that never costs a run, and signals that end one."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from sensormap.decode.quiet import STDERR, is_descriptor, message_stream
from sensormap.threads import interrupted

_STDIN, _STDOUT = 0, 1  # file descriptors
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class StdoutError(OSError):
    """Standard output takes no more, or nothing."""


class _Stdout(io.FileIO):
    """Standard output, which says so where it cannot be written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise StdoutError(error.errno, error.strerror) from error


def prepare_streams() -> None:
    """Have standard output say that it cannot be written, standard error never, and neither fail over a character.

    Unbuffered, as Python makes it on demand, standard output would drop in silence what a full disk does not take.
    Descriptors that are closed are occupied, or the next file that is opened would be one of these, and get what is
    printed.
    """
    _occupy_closed()
    if not os.environ.get("COLUMNS", "1").strip("0 "):  # of a terminal that does not know its width
        del os.environ["COLUMNS"]
    if sys.stdout is None or (is_descriptor(sys.stdout, _STDOUT) and not (os.name == "nt" and sys.stdout.isatty())):
        encoding = sys.stdout.encoding if sys.stdout else "utf-8"
        buffer = io.BufferedWriter(_Stdout(_STDOUT, "w", closefd=False))
        at_once = buffer.isatty() or isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase)
        sys.stdout = io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=at_once)
    if sys.stderr is None or is_descriptor(sys.stderr, STDERR):
        sys.stderr = message_stream(STDERR, sys.stderr.encoding if sys.stderr else "utf-8")


def _occupy_closed() -> None:
    """Open the null device as standard input, output or error where these are closed, such that using it fails."""
    for descriptor, flags in ((_STDIN, os.O_WRONLY), (_STDOUT, os.O_RDONLY), (STDERR, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free number


def tell_written(path: Path) -> None:
    """Print where a result was written."""
    from sensormap.report.words import plain  # noqa: PLC0415

    click.echo(f"written to {plain(str(path))}")


def check_stdout() -> None:
    """Refuse a standard output that is closed, before hours of work for it.

    Raises
    ------
    StdoutError
        If it is closed.
    """
    if is_descriptor(sys.stdout, _STDOUT):
        try:
            os.write(_STDOUT, b"")
        except OSError as error:
            raise StdoutError(error.errno, error.strerror) from error


def write_result(text: str) -> None:
    """Write a result to standard output as UTF-8, whatever the locale: it is for programs, and for files.

    Raises
    ------
    StdoutError
        If not all of it can be written.
    """
    click.echo(text.encode(), nl=False)


def finish_stdout() -> None:
    """Write out what standard output still holds.

    Raises
    ------
    StdoutError
        If that fails. The rest is dropped: the interpreter would try again at its end, and exit with 120.
    """
    try:
        sys.stdout.flush()
    except StdoutError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, _STDOUT)
        os.close(null)
        raise


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, and signals that ask a process to end, end the block: what is half written is removed first.

    Then there is one line, and the exit code 128 + the signal's number, as shells have it. The exception that a signal
    raises may come out of the block as another one, or not at all: it can arrive in an import, or where a library
    catches everything.

    Raises
    ------
    SystemExit
        If a signal has asked to end.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone may ask for them
        yield
        return
    asked: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        asked.append(number)
        interrupted.set()
        # No KeyboardInterrupt: click prints an empty line for it, and where it arises in a call of exec, which makes
        # named tuples and data classes, Python ends as killed by SIGINT whatever is made of it.
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:  # but those that are ignored, as by nohup
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        interrupted.clear()
        if asked:
            click.echo("Interrupted!" if asked[0] == signal.SIGINT else "Ended by a signal!", err=True)
            raise SystemExit(128 + asked[0])
