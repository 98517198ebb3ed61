"""Which photos of a shard kill the process that decodes them."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from dataclasses import replace

from sensormap.errors import EngineError
from sensormap.survey.engines import try_photos
from sensormap.survey.engines.shard_task import ShardTask

_CRASHES = "it crashes the decoder"
_REASONS = {
    try_photos.TOO_LARGE: "decoding it takes more memory than any photo should",
    -getattr(signal, "SIGALRM", 0): f"decoding it takes longer than {try_photos.SECONDS} seconds",
}


def find_culprits(task: ShardTask) -> dict[int, str]:
    """Decode the photos of a shard one by one, in processes apart, and return which ones end theirs.

    Parameters
    ----------
    task
        The shard.

    Returns
    -------
    dict
        Why each of these photos cannot be used, by its place in the shard.

    Raises
    ------
    EngineError
        If no process can be started.
    """
    culprits: dict[int, str] = {}
    while True:
        # What was decoded before is not decoded again.
        begun = max(culprits, default=-1) + 1
        passed = dict.fromkeys(range(begun), "")
        command = [sys.executable, "-m", try_photos.__name__]
        try:
            done = subprocess.run(
                command,
                input=pickle.dumps(replace(task, culprits=passed)),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError as error:
            msg = f"{sys.executable}: cannot be started to try photos one by one: {error.strerror}"
            raise EngineError(msg) from error
        if done.returncode == 0:
            return culprits
        numbers = done.stdout.split()
        if not numbers:
            msg = f"{sys.executable}: ends with code {done.returncode} before it tries a photo"
            raise EngineError(msg)
        culprits[int(numbers[-1])] = _REASONS.get(done.returncode, _CRASHES)
