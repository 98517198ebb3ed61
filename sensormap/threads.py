"""Threads: how many there are, how their results are waited for, and how progress is reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import ContextVar
from threading import Event, local
from types import TracebackType
from typing import TypeVar

# Each holds a frame or two of some 45 MB; decoding beyond this waits for the disk.
_MOST_THREADS = 8

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with the number of photos done and the number of all."""


def no_progress(done: int, total: int) -> None:
    """Report no progress."""


def default_threads() -> int:
    """Return how many threads to run where the user does not say: one for each processor, at most 8."""
    # Where the system can restrict a process to some processors, only those count.
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, _MOST_THREADS)


message_prefix = ContextVar("message_prefix", default="")
"""What messages begin with: the camera that they are about, where several are mapped at once."""


interrupted = Event()
"""Set once the user has asked the process to end: what waits ends then, also where the exception got lost."""


class RunEndedError(Exception):
    """The run that the calling thread works for is over."""


class _Own(local):
    """What each thread knows of the pool that it works for."""

    ended: Event | None = None


_own = _Own()


class Pool(ThreadPoolExecutor):
    """Threads whose waiting for a network ends with their run: whoever waits asks `run_ended`.

    Parameters
    ----------
    threads
        How many there are at most.
    """

    def __init__(self, threads: int) -> None:
        self._ended = Event()
        super().__init__(threads, initializer=_join, initargs=(self._ended,))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the threads; with `cancel_futures` also what they are at, as far as that is waiting."""
        if cancel_futures:
            self._ended.set()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.shutdown(cancel_futures=kind is not None)


def _join(ended: Event) -> None:
    """Let the thread that calls this know the pool that it works for."""
    _own.ended = ended


def run_ended() -> bool:
    """Tell whether the run of the calling thread is over, so that its result is of no use any more."""
    return _own.ended is not None and _own.ended.is_set()


def raise_if_ended() -> None:
    """Do nothing while the run of the calling thread goes on.

    Raises
    ------
    RunEndedError
        If it is over.
    """
    if run_ended():
        raise RunEndedError


def exit_if_interrupted() -> None:
    """Do nothing unless the user has asked to end.

    Raises
    ------
    SystemExit
        If so: the exception of the signal may have got lost.
    """
    if interrupted.is_set():
        raise SystemExit(1)


def result_of(future: Future[T]) -> T:
    """Wait for a result and return it; Ctrl-C ends the wait on every platform, in a thread the end of its run.

    Raises
    ------
    RunEndedError
        If the run of the calling thread is over.
    SystemExit
        If the user has asked to end.
    """
    while not future.done():
        wait([future], timeout=0.2)
        raise_if_ended()
        exit_if_interrupted()
    return future.result()
