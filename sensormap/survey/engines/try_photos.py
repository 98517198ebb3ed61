"""Decodes photos one by one, in a process of its own that may die of one: ``python -m`` this, a pickled task on stdin.

Before each photo its number is printed, so that whoever started the process knows of which one it died. A photo that
takes too long, or more memory than any should, ends the process too.
"""

from __future__ import annotations

import pickle
import signal
import sys
from contextlib import suppress
from importlib import import_module

from sensormap.errors import SensorMapError
from sensormap.survey.engines.shard_task import ShardTask, readers

SECONDS = 120
"""Time for one photo: a hundred times what the largest ones take on a slow machine."""

_MOST_BYTES = 8 << 30  # of addresses: Python and its libraries take one or two GB, the largest photos as much
TOO_LARGE = 3
"""Exit code if memory does not suffice."""


def main() -> None:
    """Decode the photos of the task."""
    task: ShardTask = pickle.load(sys.stdin.buffer)
    _limit_memory()
    read, fallback = readers(task.settings.decoder)
    for number, photo in enumerate(task.photos):
        if number in task.culprits:
            continue
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(SECONDS)  # nothing catches it: it ends the process, whatever code is at work
        for decode in (read, fallback):
            if decode is not None:
                with suppress(SensorMapError):  # that is no reason to die
                    decode(photo, task.settings.profile)


def _limit_memory() -> None:
    """Have the system refuse more memory than any photo needs; where it cannot, there is no limit."""
    with suppress(ImportError, ValueError, OSError):
        resource = import_module("resource")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        sys.exit(TOO_LARGE)
