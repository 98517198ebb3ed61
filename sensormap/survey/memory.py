"""How much memory a run takes, what fits into what it may take, and returning what was freed to the system."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import replace

from sensormap.settings import THREADS, Options

log = logging.getLogger(__name__)

# Fitted to measured peaks of 24 frames of 2.5, 10 and 21 megapixels, by one, two and four threads, and of 60 frames of
# 10 megapixels; the estimate is up to 10 % above them. The program and its libraries take 190 MB; of each body's
# photosites the sums and what is made of them 15 bytes, and each thread that decodes another 5.
_PROGRAM_BYTES = 190_000_000
_A_PHOTOSITE, _A_PHOTOSITE_AND_THREAD = 15, 5

# Bodies at once. Two keep all threads busy; of workers, which survey a shard each, a body of few photos needs one only.
_BODIES, _BODIES_WITH_WORKERS = 2, 8
_USUAL_MEMORY = 8_000_000_000

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST_HEAPS = -1, -3, -8  # of glibc's mallopt
_LARGE_BYTES = 4_000_000  # a file or a frame is larger, what the arithmetic works in smaller
_KEPT_BYTES = 32 << 20  # the most that glibc takes for the second; what a frame needs at once is hardly larger


def bytes_needed(photosites: int, threads: int, bodies: int = 1) -> int:
    """Return the memory that a run takes at most, in bytes.

    Parameters
    ----------
    photosites
        Photosites of a frame.
    threads
        Threads that survey a body.
    bodies
        Bodies that are mapped at once.
    """
    return _PROGRAM_BYTES + bodies * photosites * (_A_PHOTOSITE + threads * _A_PHOTOSITE_AND_THREAD)


def fitted(photosites: int, options: Options) -> Options:
    """Return options with as many threads as fit into the memory that they allow, one at least.

    Parameters
    ----------
    photosites
        Photosites of a frame.
    options
        Options of the run.
    """
    if options.memory is None:
        return options
    threads = options.threads
    while threads > 1 and bytes_needed(photosites, threads) > options.memory:
        threads -= 1
    if (needed := bytes_needed(photosites, threads)) > options.memory:
        log.warning("%d MB needed for frames of this size, though only %d allowed", needed / 1e6, options.memory / 1e6)
    elif threads < options.threads:
        log.info("%d of %d threads: more would take more memory than allowed", threads, options.threads)
    return replace(options, jobs=threads)


def bytes_left(photosites: int, options: Options, most: int) -> int:
    """Return how many bytes a body may take beside those that it needs, `most` where memory is not limited.

    Of what is left beside two bodies, which may be mapped at once, it is half.

    Parameters
    ----------
    photosites
        Photosites of a frame.
    options
        Options of the run, its threads `fitted`.
    most
        Bytes that would be used.
    """
    if options.memory is None:
        return most
    left = options.memory - bytes_needed(photosites, options.threads, _BODIES)
    return min(max(left // _BODIES, 0), most)


def bodies_at_once(photosites: int, options: Options) -> int:
    """Return how many bodies can be mapped at once in the memory that the options allow, one at least.

    Parameters
    ----------
    photosites
        Photosites of the largest frames.
    options
        Options of the run. Without a limit of its own, it takes no more than half of the machine's memory for that.
    """
    if options.threads == 1 and options.engine == THREADS:
        return 1
    most = _BODIES if options.engine == THREADS else _BODIES_WITH_WORKERS
    memory = options.memory or _memory_of_the_machine() // 2
    while most > 1 and bytes_needed(photosites, options.threads, most) > memory:
        most -= 1
    return most


def _memory_of_the_machine() -> int:
    """Return the machine's memory in bytes; 8 GB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return _USUAL_MEMORY


def keep_no_frames() -> None:
    """Have memory of the size of files and frames returned to the system as soon as it is freed; glibc only.

    Once blocks of up to 32 MB were freed, glibc keeps such blocks, for each thread apart: 30 to 60 MB more with two
    threads, 90 MB with eight. Kept in one heap for all, they are 25 MB for 60 photos and 90 MB for 600, and save a
    twentieth of the time.
    """
    _set(_MMAP_THRESHOLD, _LARGE_BYTES)


def keep_frames() -> None:
    """Have freed memory kept for the next frame, in one heap for all threads, until `give_back` is called; glibc only.

    Dask starts its workers such that all that is freed goes back to the system at once. Then each frame takes its
    memory anew, page by page, which costs a quarter of a worker's time.
    """
    _set(_MOST_HEAPS, 1)
    _set(_MMAP_THRESHOLD, _KEPT_BYTES)
    _set(_TRIM_THRESHOLD, _KEPT_BYTES)


def _set(parameter: int, value: int) -> None:
    """Set what glibc's allocator goes by."""
    try:
        ctypes.CDLL(None).mallopt(parameter, value)
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
