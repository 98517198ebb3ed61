"""Large, crowded and slow: whether progress stays alive, memory is bounded, and Ctrl-C is quick.

Run ``python -m benchmarks.load``. Each situation runs once to its end on a terminal, where the longest time without
anything new on it is measured, and the peak of memory. Then it is started again some times, and told to stop (SIGINT)
at random moments. Exits with 1 where a stop takes more than 2 s.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import sensormap
from benchmarks.costs import peak_of_tree
from fixtures.series import FULL_SIZE, Recipe, make_series

MOST_S = 2.0  # from SIGINT to the end
SERIAL = b"4001234"  # of the generated photos
# Runs the command where each reading of a file takes as long as from a disk of so many bytes a second.
SLOW_DISK = """
import builtins, io, sys, time
RATE = 5e6
def slowed(reader):
    class Slow(reader):
        def read(self, *size):
            data = super().read(*size)
            time.sleep(len(data) / RATE)
            return data
        def readinto(self, memory):
            count = super().readinto(memory)
            time.sleep((count or 0) / RATE)
            return count
    return Slow
io.FileIO = slowed(io.FileIO)
def opened(file, mode="r", buffering=-1, *rest, **named):
    if mode == "rb" and isinstance(file, (str, bytes)) or hasattr(file, "__fspath__") and mode == "rb":
        raw = io.FileIO(file, "r")
        return raw if buffering == 0 else io.BufferedReader(raw)
    return real(file, mode, buffering, *rest, **named)
real, builtins.open, io.open = builtins.open, opened, opened
from sensormap.__main__ import run
run()
"""


@dataclass(frozen=True)
class Situation:
    """A command in bad surroundings.

    Attributes
    ----------
    words
        What it is.
    make
        Makes what it needs in a folder, and returns the command.
    """

    words: str
    make: Callable[[Path], list[str]]


def tree_of_files(folder: Path, count: int = 200_000) -> list[str]:
    """Return a scan of a tree of files in folders of a thousand: one photo in a hundred, named anew."""
    make_series(Recipe(4, (512, 768), 1), folder / "some")
    (photo, *_) = sorted((folder / "some" / "photos").iterdir())
    for number in range(count):
        if not number % 1000:
            (part := folder / "tree" / f"{number // 1000:03}").mkdir(parents=True)
        path = part / f"DSC_{number:06}.{'NEF' if not number % 100 else 'txt'}"
        if number % 100:
            path.touch()
        else:
            os.link(photo, path)
    return sensormap("scan", folder / "tree")


def large_photos(folder: Path) -> list[str]:
    """Return a map of eight photos of 150 megapixels."""
    make_series(Recipe(8, (10_656, 14_208), 1), folder)
    return _mapping(folder)


def many_bodies(folder: Path, bodies: int = 100, frames: int = 6) -> list[str]:
    """Return a map of the photos of many cameras, each into a file of its own."""
    make_series(Recipe(frames, (512, 768), 1), folder / "one")
    for photo in sorted((folder / "one" / "photos").iterdir()):
        data = photo.read_bytes()
        for number in range(bodies):
            (own := folder / "photos" / f"{number:03}").mkdir(parents=True, exist_ok=True)
            (own / photo.name).write_bytes(data.replace(SERIAL, b"4%06d" % number))
    shutil.copyfile(folder / "one" / "profile.yaml", folder / "profile.yaml")
    return [*_mapping(folder)[:-3], "-o", f"{folder / 'maps'}/", "--overwrite"]


def many_jobs(folder: Path, jobs: int = 8) -> list[str]:
    """Return a map of full-size photos by more threads than there are processors."""
    make_series(Recipe(40, FULL_SIZE, 1), folder)
    return [*_mapping(folder), "--jobs", str(jobs)]


def slow_disk(folder: Path) -> list[str]:
    """Return a map of photos that come at 5 MB a second for each thread."""
    make_series(Recipe(12, FULL_SIZE, 1), folder)
    return [sys.executable, "-c", SLOW_DISK, *_mapping(folder)[_command_length():]]


SITUATIONS = {
    "tree": Situation("a tree of 200 000 files", tree_of_files),
    "large": Situation("8 photos of 150 megapixels", large_photos),
    "bodies": Situation("100 bodies of 6 photos", many_bodies),
    "jobs": Situation("40 photos by 8 jobs", many_jobs),
    "disk": Situation("12 photos from a disk of 5 MB/s", slow_disk),
}


def _mapping(folder: Path) -> list[str]:
    profile = folder / "profile.yaml"  # not of full-size photos, whose camera is known
    given = ("--profile", profile) if profile.exists() else ()
    return sensormap("map", folder / "photos", *given, "-o", folder / "map.yaml", "--overwrite")


def _command_length() -> int:
    return len(sensormap())


@dataclass(frozen=True)
class Seen:
    """What was seen of a run on a terminal.

    Attributes
    ----------
    code
        Its exit code.
    seconds, silent_s
        How long it took, and the longest time in which the terminal showed nothing new.
    megabytes
        Its peak, in units of 10^6 bytes.
    lines
        What stood on the terminal, without the bar.
    """

    code: int
    seconds: float
    silent_s: float
    megabytes: float
    lines: str


def on_a_terminal(command: list[str], *, stop_after: float | None = None) -> Seen:
    """Run a command on a terminal, to its end, or send SIGINT after some seconds; then times count from there."""
    leader, follower = pty.openpty()
    ended = threading.Event()
    begun = last = time.monotonic()
    silent, shown, text = 0.0, b"", b""
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    with ThreadPoolExecutor(1) as pool:
        process = subprocess.Popen(command, stdout=follower, stderr=follower, stdin=follower, env=environment)
        os.close(follower)
        peak = pool.submit(peak_of_tree, process.pid, ended)
        stopped = False
        while True:
            now = time.monotonic()
            if stop_after is not None and not stopped and now - begun > stop_after:
                process.send_signal(signal.SIGINT)
                begun, stopped = now, True
            if select.select([leader], [], [], 0.02)[0]:
                data = b""
                with suppress(OSError):  # the other end is closed
                    data = os.read(leader, 65_536)
                if not data:
                    break
                text += data
                if (words := _words(data)) and words != shown:
                    silent, last, shown = max(silent, time.monotonic() - last), time.monotonic(), words
        code = process.wait()
        ended.set()
        now = time.monotonic()
        os.close(leader)
    return Seen(code, now - begun, max(silent, now - last), peak.result() / 1e6, _words(text).decode()[-300:])


def _words(data: bytes) -> bytes:
    """Return what the terminal shows, without what moves the cursor."""
    return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|[\r\n]+", b" ", data).strip()


def measure(name: str, stops: int, scratch: Path) -> bool:
    """Run one situation to its end, stop it some times, print what was seen, and return whether stops were quick."""
    situation = SITUATIONS[name]
    (folder := scratch / name).mkdir()
    command = situation.make(folder)
    whole = on_a_terminal(command)
    rng = random.Random(1)
    takes = min(whole.seconds, on_a_terminal(command).seconds)  # again: files are in memory now
    runs = [on_a_terminal(command, stop_after=rng.uniform(0.2, 0.8) * takes) for _ in range(stops)]
    slowest = max((run.seconds for run in runs if run.code != 0), default=0.0)
    codes = sorted({run.code for run in runs})
    print(
        f"| {situation.words} | {whole.code} | {whole.seconds:.0f} s | {whole.silent_s:.1f} s "
        f"| {whole.megabytes:.0f} MB | {slowest:.1f} s of {stops}, codes {codes} |",
        flush=True,
    )
    if whole.code:
        print(whole.lines)
    shutil.rmtree(folder)
    return slowest <= MOST_S


def main() -> None:
    """Measure the situations that are named, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SITUATIONS), help="situations, by commas (%(default)s)")
    parser.add_argument("--stops", type=int, default=5, help="SIGINTs for each (%(default)s)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have programs in the background ignore it
    print("| situation | exit code | takes | longest without news | peak | Ctrl-C to the end, slowest |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        quick = [measure(name, arguments.stops, Path(scratch)) for name in arguments.only.split(",")]
    sys.exit(not all(quick))


if __name__ == "__main__":
    main()
