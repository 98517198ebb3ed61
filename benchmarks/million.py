"""What a million photos of 2 000 bodies take, from costs measured here: ``python -m benchmarks.million PHOTOS``.

Some hundred photos are mapped twice by one thread with a state folder, and the steps timed. A library is then drawn at
random: bodies, capture times in bursts and sessions. Its photos are cut by the real rule, and its shards given to 1 to
4 096 workers, which fail at random: a shard whose worker fails is surveyed again. Sums, second passes and maps are made
body by body, on one machine or by the workers.
"""

from __future__ import annotations

import argparse
import functools
import heapq
import math
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.commands import mapping
from benchmarks.costs import run
from sensormap.camera.profile import Body
from sensormap.frame import Exposure, Photo
from sensormap.settings import Options
from sensormap.shards import shard_folder, state_folder
from sensormap.shards.cut import cut_into_shards
from sensormap.survey import passes, survey_shards
from sensormap.survey.run import map_defects

BODIES, PHOTOS = 2_000, 1_000_000
WORKERS = (1, 8, 64, 512, 4096)
FOLLOWED, READ_AGAIN = 256, 0.4  # photos of a body that the second pass follows, and the share that it reads again
FAILURES_AN_HOUR = 0.05  # of a worker: one in twenty is lost each hour
SPREAD = 0.3  # of the times of shards, as a share


@dataclass(frozen=True)
class Figures:
    """What was measured: processor seconds, and bytes.

    Parameters
    ----------
    survey_s
        Of surveying one photo in a shard.
    write_s, add_s
        Of writing the file of one shard, and of reading it and adding it up: sums over all photosites mostly, so that
        it hardly matters how many photos the shard has.
    again_s
        Of reading one photo again in the second pass, all that it computes included.
    map_s
        Of what remains for one body: headers, lines, the map.
    photo_bytes, shard_bytes
        Size of a photo, and of the file of a shard.
    worker_mb
        Peak memory of one worker.
    """

    survey_s: float
    write_s: float
    add_s: float
    again_s: float
    map_s: float
    photo_bytes: float
    shard_bytes: float
    worker_mb: float


@dataclass(frozen=True)
class Simulated:
    """What a run takes: hours until all shards are surveyed, and until all maps are made; shards surveyed again."""

    surveyed_h: float
    done_h: float
    again: int


def main() -> None:
    """Measure, simulate, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos of one body, 120 or more")
    parser.add_argument("--bodies", type=int, default=BODIES)
    parser.add_argument("--total", type=int, default=PHOTOS, help="photos of all bodies")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = measured(arguments.photos)
    for name, value in vars(figures).items():
        print(f"{name:12} {value:14.4f}" if value < 1e4 else f"{name:12} {value:14.0f}")
    rng = np.random.default_rng(arguments.seed)
    start = time.perf_counter()
    library = drawn_library(rng, arguments.bodies, arguments.total)
    shards = np.concatenate(library)
    cut_s = time.perf_counter() - start
    print(f"\n{shards.sum()} photos of {len(library)} bodies, cut in {cut_s:.0f} s into {shards.size} shards of"
          f" {shards.min()} to {shards.max()} photos, {np.median(shards):.0f} in the middle")  # fmt: skip
    print_totals(figures, library)
    print("\nworkers  surveyed  maps by one machine  maps by the workers  surveyed again  GB/s read")
    for workers in WORKERS:
        one, all_ = (simulate(figures, library, workers, mappers, seed=arguments.seed) for mappers in (2, workers))
        rate = shards.sum() * figures.photo_bytes / (one.surveyed_h * 3600) / 1e9
        print(f"{workers:7}  {one.surveyed_h:6.2f} h  {one.done_h:17.2f} h  {all_.done_h:17.2f} h"
              f"  {one.again:14}  {rate:9.2f}")  # fmt: skip
    print_catalogue(shards.sum())


def measured(photos: Path) -> Figures:
    """Map photos with a state folder, by one thread: anew, and once more without the kept map."""
    files = [path for path in photos.iterdir() if path.is_file()]
    with TemporaryDirectory() as folder:
        options = Options(jobs=1, state=Path(folder) / "state")
        map_defects(files[:4], Options(jobs=1))  # everything is compiled
        with timed((survey_shards, "survey_shard"), (shard_folder, "summary_bytes")) as first:
            map_defects(files, options)
        with sqlite3.connect(Path(folder) / "state" / state_folder.CATALOGUE) as catalogue:
            catalogue.execute("DELETE FROM maps")
        steps = (passes, "survey_shards"), (passes, "run_second_pass")
        with timed(*steps) as second:
            map_defects(files, options)
        kept = sum(path.stat().st_size for path in (Path(folder) / "state" / "shards").iterdir())
        shards = first.calls["survey_shard"]
        peak = run(mapping(photos, Path(folder) / "map.yaml", 1)).megabytes
    count = len(files)
    second_s, adding_s = second.seconds["run_second_pass"], second.seconds["survey_shards"]
    return Figures(
        survey_s=first.seconds["survey_shard"] / count,
        write_s=first.seconds["summary_bytes"] / shards,
        add_s=adding_s / shards,
        again_s=second_s / (READ_AGAIN * min(count, FOLLOWED)),
        map_s=second.total - second_s - adding_s,
        photo_bytes=sum(path.stat().st_size for path in files) / count,
        shard_bytes=kept / shards,
        worker_mb=peak,
    )


class Timed:
    """Processor seconds and number of calls of some functions, and processor seconds of all."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.total = 0.0


@contextmanager
def timed(*functions: tuple[ModuleType, str]) -> Iterator[Timed]:
    """Time functions of modules while the block runs."""
    found, originals = Timed(), [(module, name, getattr(module, name)) for module, name in functions]

    def timing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            start = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                found.seconds[name] += time.process_time() - start
                found.calls[name] += 1

        return call

    for module, name, function in originals:
        setattr(module, name, timing(name, function))
    start = time.process_time()
    try:
        yield found
    finally:
        found.total = time.process_time() - start
        for module, name, function in originals:
            setattr(module, name, function)


def drawn_library(rng: np.random.Generator, bodies: int, total: int) -> list[np.ndarray]:
    """Return for each body how many photos its shards have: few bodies have many photos, most have some hundreds."""
    weights = rng.lognormal(0, 1, bodies)
    counts = np.maximum((weights / weights.sum() * total).astype(int), 2)
    counts[counts.argmax()] += max(total - int(counts.sum()), 0)
    return [np.array([len(one) for one in cut_into_shards(_drawn_photos(rng, count))]) for count in counts.tolist()]


def _drawn_photos(rng: np.random.Generator, count: int) -> list[Photo]:
    """Return photos without files: sessions of some dozens, days apart, in which bursts follow each other."""
    pauses = np.where(rng.random(count) < 1 / 40, rng.exponential(4 * 86400, count), rng.exponential(60, count))
    pauses[rng.random(count) < 1 / 3] = 0.3
    seconds, begin = np.cumsum(pauses), datetime(2010, 1, 1)
    first, body = int(rng.integers(1, 10_000)), Body("", "", "")
    return [
        Photo(Path(f"{number}.NEF"), 1, body, Exposure(time=begin + timedelta(seconds=s), shutter_count=first + number))
        for number, s in enumerate(seconds.tolist())
    ]


def print_totals(figures: Figures, library: list[np.ndarray]) -> None:
    """Print what all workers together take, and what is moved and kept."""
    photos, shards = sum(int(one.sum()) for one in library), sum(one.size for one in library)
    again = sum(min(int(one.sum()), FOLLOWED) for one in library) * READ_AGAIN
    hours = {
        "first pass": photos * figures.survey_s + shards * figures.write_s,
        "adding up": shards * figures.add_s,
        "second pass": again * figures.again_s,
        "maps": len(library) * figures.map_s,
    }
    print(f"processor hours: {sum(hours.values()) / 3600:.0f}:",
          ", ".join(f"{name} {value / 3600:.1f}" for name, value in hours.items()))  # fmt: skip
    read = (photos + again) * figures.photo_bytes
    kept = shards * figures.shard_bytes
    print(f"photos read: {read / 1e12:.2f} TB; state: {kept / 1e9:.0f} GB, written once and read once;"
          f" memory of a worker: {figures.worker_mb:.0f} MB")  # fmt: skip


def simulate(figures: Figures, library: list[np.ndarray], workers: int, mappers: int, *, seed: int) -> Simulated:
    """Return how long workers take, of which some fail, and the threads that make the maps, a body each.

    Parameters
    ----------
    figures, library
        Costs, and how many photos the shards of each body have.
    workers
        Number of workers, of one thread each. A failed one is replaced at once, but its shard begins anew.
    mappers
        Number of threads that add up, run second passes and make maps: those of one machine, or all workers, which are
        then free once the shards are surveyed.
    seed
        Of what is drawn: how long each shard takes, and which workers fail.
    """
    rng = np.random.default_rng(seed)
    free, again = [0.0] * workers, 0
    ready = []
    for shards in library:
        last = 0.0
        for photos in shards.tolist():
            cost = (photos * figures.survey_s + figures.write_s) * rng.lognormal(-(SPREAD**2) / 2, SPREAD)
            begin = heapq.heappop(free)
            while rng.random() < 1 - math.exp(-cost / 3600 * FAILURES_AN_HOUR):
                begin += cost * rng.random()
                again += 1
            heapq.heappush(free, begin + cost)
            last = max(last, begin + cost)
        ready.append(last)
    surveyed = max(ready)
    at_work = sorted(free) if mappers == workers else [0.0] * mappers
    heapq.heapify(at_work)
    done = surveyed
    for when, shards in sorted(zip(ready, library, strict=True), key=lambda one: one[0]):
        again_s = READ_AGAIN * min(int(shards.sum()), FOLLOWED) * figures.again_s
        begin = max(heapq.heappop(at_work), when)
        end = begin + shards.size * figures.add_s + again_s + figures.map_s
        heapq.heappush(at_work, end)
        done = max(done, end)
    return Simulated(surveyed / 3600, done / 3600, again)


def print_catalogue(photos: int) -> None:
    """Fill a real catalogue with so many headers, and print its size and what asking it takes."""
    from sensormap.shards.catalogue import Catalogue, FileDigest, FileHeader  # noqa: PLC0415

    exposure = '[100, 0.01, "2010-05-02T12:00:00", 1, 1, null]'
    header = f'[1, "0.2.0", [["NIKON CORPORATION", "NIKON D80", "3012345"], {exposure}, null]]'
    with TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder) / "catalogue.sqlite")
        start = time.perf_counter()
        for first in range(0, photos, 2000):
            paths = [b"/archive/%07d/DSC_%07d.NEF" % (number // 1000, number) for number in range(first, first + 2000)]
            catalogue.keep_headers(FileHeader(path, 8_000_000, 1, header) for path in paths)
            catalogue.remember(FileDigest(path, 8_000_000, 1, path.hex().rjust(64, "0")[:64]) for path in paths)
        filled = time.perf_counter() - start
        size = (Path(folder) / "catalogue.sqlite").stat().st_size
        start, asked = time.perf_counter(), 20_000
        step = max(photos // asked, 1)
        for number in range(0, photos, step):
            catalogue.header(FileDigest(b"/archive/%07d/DSC_%07d.NEF" % (number // 1000, number), 8_000_000, 1, ""))
        each = (time.perf_counter() - start) / len(range(0, photos, step))
        catalogue.close()
    print(f"\ncatalogue of {photos} photos: {size / 1e6:.0f} MB, filled in {filled:.0f} s,"
          f" asked in {each * 1e6:.0f} us a photo")  # fmt: skip


if __name__ == "__main__":
    main()
