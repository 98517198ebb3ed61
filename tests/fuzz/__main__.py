"""Damage files for all readers as long as time allows: ``python -m tests.fuzz --minutes 10 --processes 2``.

Each process takes one reader after the other, a slice of time each, in bounded memory. What a reader raises besides its
own errors, and what takes too long, is kept as a file in the folder ``--found``, from where it goes into
``tests/fuzz/corpus``. A process that dies, as a library in C can make it, is told with the file that it was at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SLICE_S = 20.0
LONGEST_S = 30  # one file; a tenth of a second is usual, and machines are busy
MEMORY = 4 << 30  # of addresses: libraries alone take 1 GB


class _Enough(BaseException):
    """The slice of time is over."""


def main() -> int:
    """Run processes, print what they tried, and return 1 if they found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--found", type=Path, default=Path("fuzz-found"), help="folder for files that a reader fails on"
    )
    parser.add_argument("--only", help="one reader, by its name")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--coverage", action="store_true", help="also tell which branches of the readers were taken")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.found.mkdir(exist_ok=True)
    if options.worker is not None:
        return _work(options)
    seed = time.time_ns() % 10**9 if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    end = time.monotonic() + 60 * options.minutes
    tried: Counter[str] = Counter()
    died: list[str] = []
    workers: dict[int, subprocess.Popen[bytes]] = {}
    number = seed
    while (left := end - time.monotonic()) > 0 or workers:
        while left > 1 and len(workers) < options.processes:
            number += 1
            workers[number] = _started(options, number, left)
        for at, process in list(workers.items()):
            late = left < -SLICE_S - LONGEST_S
            if late:
                process.kill()
            if process.poll() is None:
                continue
            del workers[at]
            done = options.found / f"{at}.json"
            if done.exists():
                tried.update(json.loads(done.read_text()))
                done.unlink()
            current = options.found / f"{at}.current"
            if process.returncode and current.exists():
                died.append(f"process ended with {process.returncode}: {_kept(options.found, current)}")
            for leftover in options.found.glob(f"{at}.current*"):
                leftover.unlink()
        time.sleep(0.2)
    return _report(options, tried, died)


def _started(options: argparse.Namespace, number: int, left: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.fuzz", "--worker", str(number), "--minutes", str(left / 60)]
    command += ["--found", str(options.found), *(["--only", options.only] if options.only else [])]
    if options.coverage:
        command[1:3] = [
            "-m",
            "coverage",
            "run",
            "--branch",
            "--parallel-mode",
            "--source=sensormap",
            "-m",
            "tests.fuzz",
        ]
    return subprocess.Popen(command, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})


def _report(options: argparse.Namespace, tried: Counter[str], died: list[str]) -> int:
    """Print a table of what was tried, and what was found."""
    names = sorted({key.rsplit(":", 1)[0] for key in tried})
    rows = [(name, *(tried[f"{name}:{what}"] for what in ("read", "refused", "failed"))) for name in names]
    total = ("all", *(sum(row[column] for row in rows) for column in (1, 2, 3)))
    lines = [
        f"{name:14} {sum(counts):>9} {counts[0]:>9} {counts[1]:>9} {counts[2]:>7}" for name, *counts in (*rows, total)
    ]
    print(f"{'reader':14} {'files':>9} {'read':>9} {'refused':>9} {'failed':>7}", *lines, *died, sep="\n")
    if options.coverage:
        subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet"], check=False)
        readers = (
            "sensormap/decode/*,sensormap/photos/*,sensormap/maps/mapfile/*,sensormap/formats/*,sensormap/camera/*"
        )
        readers += ",sensormap/shards/*,sensormap/correct/*,sensormap/strict_yaml.py,sensormap/urls.py"
        subprocess.run([sys.executable, "-m", "coverage", "report", f"--include={readers}"], check=False)
    return 1 if died or total[3] else 0


def _kept(folder: Path, current: Path) -> str:
    """Keep the file that a process died of under the name that the corpus wants; return that."""
    name = current.with_name(current.name + "-name").read_text()
    kept = folder / f"{name}"
    current.replace(kept)
    return str(kept)


def _work(options: argparse.Namespace) -> int:
    """Damage files until the time is over."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    from tests.fuzz.targets import TARGETS  # after the bound, and not in the parent

    logging.getLogger("sensormap").setLevel(logging.ERROR)

    names = [options.only] if options.only else list(TARGETS)
    end = time.monotonic() + 60 * options.minutes
    tried: Counter[str] = Counter()
    number, turn = options.worker, options.worker
    while time.monotonic() < end:
        name = names[turn % len(names)]
        turn += 1
        number += 1_000_003
        _try(name, number, min(end, time.monotonic() + SLICE_S), options, tried)
        (options.found / f"{options.worker}.json").write_text(json.dumps(tried))
    return 0


def _too_long(*_: Any) -> None:
    msg = f"more than {LONGEST_S} seconds"
    raise AssertionError(msg)


def _try(name: str, number: int, end: float, options: argparse.Namespace, tried: Counter[str]) -> None:
    """Damage files for one reader until its slice of time is over."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from tests.fuzz.damage import cases
    from tests.fuzz.targets import TARGETS, check

    target = TARGETS[name]
    files = target.files()
    current = options.found / f"{options.worker}.current"

    @seed(number)
    @settings(
        max_examples=10**9, deadline=None, database=None, derandomize=False, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=cases(files))
    def run(case: Any) -> None:
        if time.monotonic() > end:
            raise _Enough
        file, content = case.of(files)
        kept_as = f"{name.replace(' ', '_')}--{file.replace('/', '+')}"
        current.write_bytes(content)
        current.with_name(current.name + "-name").write_text(kept_as)
        with TemporaryDirectory() as folder:
            signal.alarm(LONGEST_S)
            try:
                read = check(target, file, content, Path(folder))
                tried[f"{name}:{'read' if read else 'refused'}"] += 1
            except Exception:  # noqa: BLE001 - whatever it is, it is a find
                tried[f"{name}:failed"] += 1
                _keep(options.found, kept_as, content)
            finally:
                signal.alarm(0)

    try:
        run()
    except _Enough:
        return


def _keep(folder: Path, kept_as: str, content: bytes) -> None:
    """Keep a file that a reader fails on, one for each place where it does."""
    text = traceback.format_exc()
    places = "".join(line for line in text.splitlines() if line.strip().startswith("File"))
    part = hashlib.sha256(places.encode()).hexdigest()[:8]
    target, _, file = kept_as.partition("--")
    place = folder / part
    place.mkdir(exist_ok=True)
    if not any(place.iterdir()):
        (place / f"{target}--{file}").write_bytes(content)
        (place / "why.txt").write_text(text)


if __name__ == "__main__":
    sys.exit(main())
