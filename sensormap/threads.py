"""Threads: how many there are, how their results are waited for, and how progress is reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, wait
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


def result_of(future: Future[T]) -> T:
    """Wait for a result and return it; Ctrl-C ends the wait on every platform."""
    while not future.done():
        wait([future], timeout=0.5)
    return future.result()
