"""What a command costs in time and memory, all its processes included, and how two commands compare."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key")

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
    with ThreadPoolExecutor(1) as sampler:
        together = sampler.submit(peak_of_tree, process.pid, ended)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        finally:
            ended.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    peak = together.result()
    # The kernel's own peak is of the largest process alone, but misses nothing; as a new process begins as a copy of
    # this one, it is never below this one's.
    if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        peak = max(peak, usage.ru_maxrss * 1024)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, peak / 1e6)


def interleaved(
    commands: Mapping[Key, list[str]], *, rounds: int, warm_up: bool = True
) -> dict[Key, list[Cost]]:
    """Run commands in turn, round after round, and return what each run cost.

    Parameters
    ----------
    commands
        By whatever names them. One that fails is told on stderr, not run again, and has no costs.
    rounds
        That count.
    warm_up
        Whether one round before them does not count.
    """
    costs: dict[Key, list[Cost]] = {name: [] for name in commands}
    failed: set[Key] = set()
    for i in range(rounds + warm_up):
        for name, command in commands.items():
            if name in failed:
                continue
            try:
                cost = run(command)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed.add(name)
                costs[name] = []
            else:
                costs[name] += [cost] if i >= warm_up else []
    return costs


def ratios(costs: Sequence[Cost], others: Sequence[Cost]) -> list[float]:
    """Return how many times as long one command took as another, round by round; nothing where either failed."""
    return [one.seconds / other.seconds for one, other in zip(costs, others, strict=False)]


def peak_of_tree(process: int, ended: threading.Event) -> int:
    """Return the most bytes that a process and its descendants hold together until told that they have ended."""
    most = _resident(process)
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
    found = ratios(costs, others)
    return f"  {words:<34}{statistics.median(found):7.2f}   (from {min(found):.2f} to {max(found):.2f})"
