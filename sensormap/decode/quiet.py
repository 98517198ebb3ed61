"""Keeping what LibRaw prints to standard error off the screen."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO, TextIOWrapper, UnsupportedOperation
from typing import Any, TextIO

STDERR = 2  # file descriptor of standard error, where C code prints

_lock = threading.Lock()
_silencers: list[_Silencer] = []  # at most one: the descriptor belongs to the whole process


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Discard what C libraries print to standard error while the block runs.

    LibRaw reports damage ("data corrupted at ...") there, once per strip, besides raising an error. The redirection
    holds for the whole process, so enter it once around a run, not once per frame; entered again, by the same or
    another thread, it does nothing more, and the last block to end restores. Python's own `sys.stderr` goes on
    reaching the screen, on a copy of the descriptor: what looks `sys.stderr` up when it writes (rich does) appears
    there, and so does what a `logging.StreamHandler` writes that was created inside the block; one created before
    is silenced too.

    Examples
    --------
    >>> with native_stderr_silenced():
    ...     written = os.write(2, b"silenced")
    """
    with _lock:
        if not _silencers:
            _silencers.append(_Silencer())
        silencer = _silencers[0]
        silencer.users += 1
    try:
        yield
    finally:
        with _lock:
            silencer.users -= 1
            if not silencer.users:
                _silencers.clear()
                silencer.restore()


class _Silencer:
    """Descriptor 2 on the null device, its old target kept on another, `sys.stderr` moved there."""

    def __init__(self) -> None:
        self.users = 0
        self.python_stderr = sys.stderr
        self.moved: TextIO | None = None
        _flush(self.python_stderr)
        try:
            self.saved: int | None = os.dup(STDERR)
        except OSError:  # a daemon without standard error: nothing to silence
            self.saved = None
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, STDERR)
        os.close(null)
        if is_descriptor(self.python_stderr, STDERR):
            self.moved = message_stream(self.saved, self.python_stderr.encoding)
            sys.stderr = self.moved

    def restore(self) -> None:
        if self.moved is not None:
            _flush(self.moved)
            if sys.stderr is self.moved:
                sys.stderr = self.python_stderr
        if self.saved is not None:
            os.dup2(self.saved, STDERR)
            os.close(self.saved)


def message_stream(descriptor: int, encoding: str) -> TextIO:
    """Return a stream for messages, which writes to a descriptor what that takes and drops the rest.

    A message that a full disk or a closed terminal does not take must not end the work that it is about.
    """
    return TextIOWrapper(_Lossy(descriptor, "w", closefd=False), encoding, "backslashreplace", line_buffering=True)


class _Lossy(FileIO):
    """A file that never fails to be written."""

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        left = view
        while left:
            try:
                written = super().write(left)
            except OSError:
                break
            if not written:  # a pipe that does not wait for its reader, and is full
                break
            left = left[written:]
        return len(view)


def is_descriptor(stream: TextIO | None, descriptor: int) -> bool:
    """Tell whether a stream is the real standard output or error, not one that a test or a caller put there."""
    try:
        return stream is not None and stream.fileno() == descriptor
    except (UnsupportedOperation, ValueError, AttributeError):
        return False


def _flush(stream: TextIO | None) -> None:
    """Write out what a stream still holds; a closed one holds nothing."""
    if stream is not None and not stream.closed:
        stream.flush()
