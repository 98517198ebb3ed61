"""Part `known`: photos that a state folder knows, some more of them, headers from the catalogue, and memory."""

from __future__ import annotations

import shutil
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks.commands import mapping
from benchmarks.costs import run
from benchmarks.performance.sets import Plan, first, photos_of, read_all, repeated
from benchmarks.performance.targets import Outcome, Target, at_most
from sensormap.camera.profile import Profile
from sensormap.decode.reading import read_frame
from sensormap.frame import Frame, Photo
from sensormap.maps.mapfile.writing import map_text
from sensormap.photos.library import scan
from sensormap.settings import Options
from sensormap.shards.cut import MOST
from sensormap.shards.state import State
from sensormap.survey import run as run_module
from sensormap.survey.run import map_defects

ADDED = 40
MOST_AGAIN_S, LEAST_FILES = 3.0, 2000
HEADERS = 20_000
FEW, MOST_GROWTH, MOST_MB = 60, 1.10, 500.0


def measure(plan: Plan) -> Outcome:
    """Map all but some photos, all of them, and all again; scan a long list of headers twice; look at peaks."""
    photos = repeated(photos_of(plan.main_set / "photos"), plan.folder / "engines", plan.engine_frames)
    read_all(photos)
    few = first(photos, len(photos) - ADDED, plan.folder / "known-few")
    whole = first(photos, len(photos), plan.folder / "known-all")
    state = plan.folder / "known-state"
    shutil.rmtree(state, ignore_errors=True)
    profile = plan.profile[1] if plan.profile else None
    options = Options(profile=profile, jobs=plan.jobs, state=state)
    map_defects([few], options)
    with reading() as names:
        added = map_text(map_defects([whole], options))
    new = {photo.name for photo in photos[len(photos) - ADDED :]}
    counts = Counter(names)
    old = [name for name in counts if name not in new]
    seconds, same = [], added == map_text(map_defects([whole], Options(profile=profile, jobs=plan.jobs)))
    with reading() as none:
        for _ in range(plan.rounds):
            begun = time.perf_counter()
            same = map_text(map_defects([whole], options)) == added and same
            seconds.append(time.perf_counter() - begun)
    shutil.rmtree(state)
    most = 2 * MOST
    words = f"{ADDED} photos added to {len(photos) - ADDED}: old ones that are read"
    return Outcome(
        [
            Target(words, f"at most {most}", f"{len(old)}", len(old) <= most),
            at_most(f"map of {len(photos)} known photos, none new", statistics.median(seconds), MOST_AGAIN_S, "s"),
            Target("photos read for that", "none", str(len(none)), not none),
            Target("the same bytes, added or all at once or known", "yes", "yes" if same else "no", same),
            _headers(plan, photos),
            *_peaks(plan, photos),
        ]
    )


@contextmanager
def reading() -> Iterator[list[str]]:
    """Collect the names of the photos that are decoded while the block runs."""
    names: list[str] = []

    def read(photo: Photo, profile: Profile | None, *, decoder: str) -> Frame:
        names.append(photo.path.name)
        return read_frame(photo, profile, decoder=decoder)

    with patch.object(run_module, "read_frame", read):
        yield names


def _peaks(plan: Plan, photos: list[Path]) -> list[Target]:
    """Return the peaks of `map` for a few photos and for all, and for all with a state folder."""
    folders = [first(photos, count, plan.folder / f"known-{count}") for count in (FEW, len(photos))]
    map_file, state = plan.map_file("known"), plan.folder / "known-state"
    runs = [(folder, ()) for folder in folders] + [(folders[-1], ("--state", state))]
    peaks = [run(mapping(folder, map_file, plan.jobs, *plan.profile, *options)).megabytes for folder, options in runs]
    shutil.rmtree(state)
    few, many, kept = peaks
    return [
        Target(
            f"peak of {len(photos)} photos to that of {FEW}",
            f"at most {MOST_GROWTH:.2f} x",
            f"{many / few:.2f} x ({few:.0f} and {many:.0f} MB)",
            many <= MOST_GROWTH * few,
        ),
        at_most("peak with a state folder", kept, MOST_MB, "MB"),
    ]


def _headers(plan: Plan, photos: list[Path]) -> Target:
    """Return how many headers a second a warm catalogue knows."""
    heads = repeated(photos, plan.folder / "heads", HEADERS, heads=True)[0].parent
    folder = plan.folder / "known-state"
    rates = []
    for _ in range(plan.rounds + 1):
        with State(folder) as state:
            begun = time.perf_counter()
            found = scan([heads], jobs=plan.jobs, read_header=state.read_photo)
            rates.append(sum(body.raw_photos for body in found.bodies) / (time.perf_counter() - begun))
    shutil.rmtree(folder)
    warm = statistics.median(rates[1:])
    return Target(
        f"scan of {HEADERS} headers from a warm catalogue",
        f"at least {LEAST_FILES} a second",
        f"{warm:.0f} ({rates[0]:.0f} when they are read)",
        warm >= LEAST_FILES,
    )
