"""Part `kills`: runs with a state folder that are killed at random moments, and what the next run makes of each."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.commands import mapping
from benchmarks.performance.sets import Plan, first, photos_of, repeated
from benchmarks.performance.targets import Outcome, Target

# What a state folder holds when no run has it.
_KEPT = re.compile(r"catalogue\.sqlite(-wal|-shm)?|lock\.sqlite|shards(/[0-9a-f]{64}\.npz)?")


def measure(plan: Plan) -> Outcome:
    """Run once to the end, then kill and continue."""
    photos = repeated(photos_of(plan.main_set / "photos"), plan.folder / "engines", plan.engine_frames)
    folder = first(photos, plan.engine_frames, plan.folder / "engines-all")
    state, maps = plan.folder / "kills-state", plan.folder / "kills-maps"
    expected, output = plan.map_file("kills-expected"), maps / "map.yaml"
    command = mapping(folder, output, plan.jobs, *plan.profile, "--state", state)
    seconds = _whole(mapping(folder, expected, plan.jobs, *plan.profile, "--state", state), state)
    shards = len(_shards(state))
    rng = random.Random(plan.seed)
    same = redone = strays = 0
    notes = []
    for number in range(1, plan.kills + 1):
        for path in (state, maps):
            shutil.rmtree(path, ignore_errors=True)
        maps.mkdir()
        after = rng.uniform(0.0, seconds)
        killed = _killed(command, after)
        there = _shards(state)
        subprocess.run(command, check=True)
        again = sum(_shards(state).get(name) != before for name, before in there.items())
        stray = [path for path in _inside(state) if not _KEPT.fullmatch(path)]
        notes.append(
            f"{number}: {'killed' if killed else 'done'} after {after:.1f} of {seconds:.0f} s, {len(there)} of "
            f"{shards} shards there, {again} made again, {len(stray)} stray files, "
            f"{len(list(maps.iterdir())) - 1} beside the map"
        )
        same += output.read_bytes() == expected.read_bytes()
        redone += again
        strays += len(stray)
    shutil.rmtree(state)
    return Outcome(
        [
            Target(f"{plan.kills} runs killed and continued: the same bytes", "all", str(same), same == plan.kills),
            Target("shards that were there, made again", "none", str(redone), not redone),
            Target("stray files in the state folder", "none", str(strays), not strays),
        ],
        notes=notes,
    )


def _whole(command: list[str], state: Path) -> float:
    """Run a command to its end and return how long it took."""
    shutil.rmtree(state, ignore_errors=True)
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun


def _killed(command: list[str], after: float) -> bool:
    """Start a command and kill it after some seconds; return whether it was still at work."""
    with subprocess.Popen(command) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def _shards(state: Path) -> dict[str, tuple[int, int]]:
    """Return the shard files and what tells whether one was written again."""
    found = [(path, path.stat()) for path in state.glob("shards/*.npz")]
    return {path.name: (stat.st_ino, stat.st_mtime_ns) for path, stat in found}


def _inside(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
