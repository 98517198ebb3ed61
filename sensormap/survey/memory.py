"""Returning freed memory to the system, as far as the C library can."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3  # of glibc's mallopt
_LARGE_BYTES = 4_000_000  # a file or a frame is larger, what the arithmetic works in smaller


def keep_no_frames() -> None:
    """Have memory of the size of files and frames returned to the system as soon as it is freed; glibc only.

    Once blocks of up to 32 MB were freed, glibc keeps such blocks, for each thread apart. With two threads that costs
    30 to 60 MB of memory, with eight 90 MB, and saves no time that could be measured.
    """
    try:
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    except (AttributeError, OSError, TypeError):  # not glibc
        return


def give_back() -> None:
    """Return to the system the memory that threads have freed; does nothing where the C library cannot.

    glibc keeps what a thread freed, in case it needs as much again: for decoded frames that is a quarter of the run's
    memory. The steps after the passes run in another thread, which takes its memory from the system.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # not glibc
        return
