"""Part `engines`: photos by threads, in portions, and by Dask workers of which one is killed: bytes and times."""

from __future__ import annotations

import random
import re
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import kill
from pathlib import Path

from benchmarks.commands import mapping
from benchmarks.performance.sets import Plan, first, photos_of, read_all, repeated
from benchmarks.performance.targets import NOT_MEASURED, Outcome, Target

MOST_DASK, WORKERS, PORTIONS = 1.15, 3, 10
_STARTED = re.compile(r"workers started in ([0-9.]+) s")
_WAIT_S = 0.05
_LONGEST_S = 3 * 3600


def measure(plan: Plan) -> Outcome:
    """Run threads and Dask in turn, then the portions and the cluster that loses a worker."""
    photos = repeated(photos_of(plan.main_set / "photos"), plan.folder / "engines", plan.engine_frames)
    folder = first(photos, plan.engine_frames, plan.folder / "engines-all")
    read_all(photos)
    maps = {name: plan.map_file(f"engines-{name}") for name in ("threads", "dask", "portions", "killed")}
    ratios, starts, seconds = _ratios(plan, folder, maps)
    _portions(plan, photos, maps["portions"])
    killed = _with_a_worker_killed(plan, folder, maps["killed"])
    words = f"{plan.engine_frames} photos, {plan.jobs} Dask workers to as many threads, workers' start apart"
    middle = statistics.median(ratios)
    spread = f"{middle:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
    targets = [Target(words, f"at most {MOST_DASK:.2f} x", spread, middle <= MOST_DASK)]
    targets += [_same(maps["threads"], path, name) for name, path in maps.items() if name != "threads"]
    shown = {name: ", ".join(f"{one:.1f}" for one in found) for name, found in seconds.items()}
    notes = [f"{name}: {text} s" for name, text in shown.items()]
    notes += [f"workers started in {', '.join(f'{one:.1f}' for one in starts)} s", killed]
    return Outcome(targets, notes=notes)


def _ratios(plan: Plan, folder: Path, maps: dict[str, Path]) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Return the ratios of time, the seconds that workers took to start, and the times."""
    seconds: dict[str, list[float]] = {"threads": [], "dask": []}
    starts = []
    for _ in range(plan.rounds):
        for engine, found in seconds.items():
            command = mapping(folder, maps[engine], plan.jobs, *plan.profile, "--engine", engine, "-vv")
            begun = time.perf_counter()
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
            found.append(time.perf_counter() - begun)
            if started := _STARTED.search(done.stderr):
                starts.append(float(started[1]))
                found[-1] -= starts[-1]
    ratios = [dask / threads for threads, dask in zip(seconds["threads"], seconds["dask"], strict=True)]
    return ratios, starts, seconds


def _portions(plan: Plan, photos: Sequence[Path], map_file: Path) -> None:
    """Map more and more of the photos, in random order, with one state folder."""
    state = plan.folder / "engines-state"
    shutil.rmtree(state, ignore_errors=True)
    order = random.Random(plan.seed).sample(list(photos), len(photos))
    for portion in range(1, PORTIONS + 1):
        some = first(order, len(order) * portion // PORTIONS, plan.folder / "engines-some")
        subprocess.run(mapping(some, map_file, plan.jobs, *plan.profile, "--state", state), check=True)
    shutil.rmtree(state)


def _with_a_worker_killed(plan: Plan, folder: Path, map_file: Path) -> str:
    """Map by three workers and kill one after the first shard; return what happened."""
    state = plan.folder / "engines-state"
    shutil.rmtree(state, ignore_errors=True)
    command = mapping(folder, map_file, WORKERS, *plan.profile, "--engine", "dask", "--state", state)
    begun = time.perf_counter()
    with subprocess.Popen(command) as process:
        _wait(process, lambda: any((state / "shards").glob("*.npz")))
        workers = children(process.pid)
        for worker in workers[:1]:
            kill(worker, signal.SIGKILL)
        code = process.wait(_LONGEST_S)
    shutil.rmtree(state)
    if code:
        raise subprocess.CalledProcessError(code, command)
    return f"{len(workers)} workers, {len(workers[:1])} killed: {time.perf_counter() - begun:.1f} s"


def _wait(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    while process.poll() is None and not until():
        time.sleep(_WAIT_S)


def children(process: int) -> list[int]:
    """Return the worker processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == process and b"spawn_main" in stat.with_name("cmdline").read_bytes():
                found.append(int(stat.parent.name))
    return sorted(found)


def _same(one: Path, other: Path, name: str) -> Target:
    words = f"the map of threads and that of {name}: the same bytes"
    if not (one.exists() and other.exists()):
        return Target(words, "yes", NOT_MEASURED, met=False)
    same = one.read_bytes() == other.read_bytes()
    return Target(words, "yes", "yes" if same else "no", same)
