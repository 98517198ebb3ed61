"""Giving memory back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return the memory that threads have freed but still hold; does nothing where the C library cannot.

    glibc keeps what a thread freed for the next thread, in case it needs as much: for decoded frames that is a quarter
    of the run's memory, while the steps after the passes run in another thread and get theirs from the system.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # not glibc
        return
