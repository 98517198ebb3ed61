"""Threads: how many, how their results are waited for, and how progress is told."""

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


def default_threads() -> int:
    """Return how many threads to run where nobody says: one for each processor, at most 8."""
    # Where the system can restrict a process to some processors, only those count.
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, _MOST_THREADS)


def no_progress(done: int, total: int) -> None:
    """Report progress to nobody."""


def result_of(future: Future[T]) -> T:
    """Wait for a result such that Ctrl-C gets through on every platform."""
    while not future.done():
        wait([future], timeout=0.5)
    return future.result()
