"""What a command costs in time and memory, all its processes included, and how two commands compare."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")
_BETWEEN_LOOKS_S = 0.05  # shorter peaks of several processes together are missed


@dataclass(frozen=True)
class Cost:
    """What one command and the processes that it starts take.

    Attributes
    ----------
    seconds
        From start to end.
    processor_seconds
        Of all cores together: on a busy machine the steadier of the two.
    megabytes
        Most memory resident at once, in units of 10^6 bytes.
    """

    seconds: float
    processor_seconds: float
    megabytes: float


def run(command: list[str]) -> Cost:
    """Run a command to its end and return what it cost; its output is discarded."""
    ended = threading.Event()
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with ThreadPoolExecutor(1) as watcher:
        together = watcher.submit(_watch, process.pid, ended)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        finally:
            ended.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    # The kernel's own peak is of the largest process alone, but misses nothing.
    peak = max(usage.ru_maxrss * 1024, together.result())
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6)


def _watch(process: int, ended: threading.Event) -> int:
    """Return the most bytes that a process and its descendants hold together until told that they have ended."""
    most = 0
    while not ended.wait(_BETWEEN_LOOKS_S):
        most = max(most, _resident(process))
    return most


def _resident(process: int) -> int:
    """Return the resident bytes of a process and its descendants; pages that they share count for each of them."""
    folder = _PROCESSES / str(process)
    try:
        pages = int((folder / "statm").read_text().split()[1])
        children = [int(child) for task in folder.glob("task/*/children") for child in task.read_text().split()]
    except OSError:  # it has ended meanwhile, or the system has no such files
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(_resident(child) for child in children)


def cost_line(words: str, costs: Sequence[Cost]) -> str:
    """Return the median times of several runs and their highest peak as a line of text."""
    seconds = statistics.median(cost.seconds for cost in costs)
    processor = statistics.median(cost.processor_seconds for cost in costs)
    peak = max(cost.megabytes for cost in costs)
    return f"  {words:<34}{seconds:7.2f} s, {processor:6.2f} s of processor time, {peak:5.0f} MB"


def ratio_line(words: str, costs: Sequence[Cost], others: Sequence[Cost]) -> str:
    """Return how many times as long one command takes as another, each run beside the other's in turn."""
    ratios = [one.seconds / other.seconds for one, other in zip(costs, others, strict=True)]
    return f"  {words:<34}{statistics.median(ratios):7.2f}   (from {min(ratios):.2f} to {max(ratios):.2f})"
