"""The photos of many bodies in; a folder of maps out, one for each body that has enough photos."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from sensormap.assemble.details.values import DetailedMap
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.errors import DecodeError, OutputError, SensorMapError
from sensormap.maps.changes.kept_edits import edited_map_at, with_kept_edits
from sensormap.maps.map_names import map_names
from sensormap.maps.mapfile.writing import check_output, write_map
from sensormap.photos.exif import read_photo
from sensormap.photos.library import FoundBody, LeftOut, Remainder, describe, select_bodies
from sensormap.photos.select import Selection
from sensormap.settings import DEFAULT_OPTIONS, Options
from sensormap.survey.context import Read, RunContext
from sensormap.survey.engines.dask_engine import open_engine
from sensormap.survey.memory import bodies_at_once, give_back
from sensormap.survey.run import context_of, map_selection, open_state
from sensormap.threads import Pool, Progress, message_prefix, no_progress, raise_if_ended, result_of
from sensormap.urls import expanded, is_url, shown_url

log = logging.getLogger(__name__)

AfterMap = Callable[[Path, DetailedMap], None]
"""What is done with each map, once it is written: called with the name of its file, and the map with its details."""


@dataclass(frozen=True)
class MappedBody:
    """A body that has enough photos, and what came of it.

    Parameters
    ----------
    body
        The body.
    path
        Where its map lies, or was to lie.
    photos, skipped, defects, lines
        How many photos were used and how many not, and how many single defects, and columns and rows, were found; 0
        where there is no map.
    problem
        Why there is no map; "" where there is one.
    """

    body: Body
    path: Path
    photos: int = 0
    skipped: int = 0
    defects: int = 0
    lines: int = 0
    problem: str = ""


@dataclass(frozen=True)
class BodyMaps:
    """What came of the photos of many bodies.

    Parameters
    ----------
    bodies
        The bodies that have enough photos, sorted.
    too_few
        The others.
    left_out
        Files that were left out, the most frequent reason first.
    """

    bodies: tuple[MappedBody, ...]
    too_few: tuple[FoundBody, ...]
    left_out: tuple[LeftOut, ...]


def map_bodies(  # noqa: PLR0913
    photos: Iterable[str | Path],
    folder: str | Path,
    options: Options = DEFAULT_OPTIONS,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
    read: Read | None = None,
    after_map: AfterMap | None = None,
) -> BodyMaps:
    """Map the defects of each body that took some photos, each into a file of its own.

    The map of a body is the one that `map_defects` makes of its photos alone. Whatever goes wrong with one body, the
    others are mapped.

    Parameters
    ----------
    photos
        Files, folders (searched recursively) and glob patterns, in any mix, each a path or a URL.
    folder
        Folder for the maps, made if it does not exist. They are called ``<profile or model>_<serial number>.yaml``.
    options
        What the run is asked to do. A profile or a serial number leaves out other models or bodies.
    overwrite
        Whether maps that lie there may be replaced; any other file never is.
    progress
        Called with the number of photos that the first pass over each body is done with, and of all, first with 0.
    read
        Decoder of photos, as for `map_defects`.
    after_map
        Called once the map of a body is written, perhaps for two bodies at once; a `SensorMapError` that it raises is
        the body's problem. None asks for no details.

    Returns
    -------
    BodyMaps
        What came of each body.

    Raises
    ------
    DecodeError
        If an argument names nothing, or no photo is found whose camera is known; with ``strict``, for the first file
        that cannot be read.
    ProfileError
        If the profile is unknown or malformed.
    OutputError
        If the folder is none, and cannot be made.
    StateError
        If another run has the state folder, or it cannot be written.
    EngineError, MissingExtraError
        If the engine that the options name cannot be used, or is not installed.
    """
    folder = expanded(folder)
    named = None if options.profile is None else get_profile(options.profile)
    _make_folder(folder)
    remainder = Remainder(strict=options.strict)
    with open_engine(options, read) as engine, open_state(options, read) as state:
        selections = select_bodies(
            photos, remainder, options, profile=named, read_header=state.read_photo if state else read_photo
        )
        if not selections:
            msg = "no photos found: no file there is a raw photo or a JPEG that names its camera"
            raise DecodeError(msg)
        profiles = {one.body: named or find_profile(one.body) for one in selections}
        names = map_names({body: profile.name if profile else None for body, profile in profiles.items()})
        found = [(one, describe(one)) for one in selections]
        usable = [one for one, described in found if described.usable]
        shown = _Shown(progress, usable)

        def map_one(selection: Selection) -> MappedBody:
            body = selection.body
            context = context_of(options, shown.of(selection), read, state, engine)
            path = folder / names[body]
            mapped = _map_body(selection, profiles[body], path, context, overwrite=overwrite, after_map=after_map)
            shown.finish(selection)
            give_back()
            return mapped

        largest = max((_photosites(one, profiles[one.body]) for one in usable), default=0)
        bodies = _each(map_one, usable, at_once=bodies_at_once(largest, options))
    too_few = tuple(described for _, described in found if not described.usable)
    return BodyMaps(tuple(bodies), too_few, remainder.listed())


class _Shown:
    """The progress of several bodies as that of one run: photos of which the first pass is over; threads share it.

    Parameters
    ----------
    progress
        Called with the number of photos done and of all.
    selections
        The photos of each body.
    """

    def __init__(self, progress: Progress, selections: Sequence[Selection]) -> None:
        self._progress = progress
        self._lock = Lock()
        self._done = {one.body: 0 for one in selections}
        self._total = {one.body: len(one.photos) + len(one.jpegs) + len(one.twins) for one in selections}
        progress(0, sum(self._total.values()))

    def of(self, selection: Selection) -> Progress:
        """Return what a body's passes report to; it ends them where the run is over."""

        def report(done: int, _: int) -> None:
            raise_if_ended()
            self._show(selection.body, done)

        return report

    def finish(self, selection: Selection) -> None:
        """Count all photos of a body as done."""
        self._show(selection.body, self._total[selection.body])

    def _show(self, body: Body, done: int) -> None:
        with self._lock:
            before = self._done[body]
            self._done[body] = max(before, min(done, self._total[body]))
            if self._done[body] > before:
                self._progress(sum(self._done.values()), sum(self._total.values()))


def _each(
    map_one: Callable[[Selection], MappedBody], selections: Sequence[Selection], *, at_once: int
) -> list[MappedBody]:
    """Map bodies, some at once: while one is between two passes, or its map is made, another keeps the threads busy."""
    with Pool(at_once) as pool:  # when it ends early, so does what its threads wait for
        # The largest first: what comes last may have the threads for itself, and should not have them for long.
        largest = sorted(selections, key=lambda one: -len(one.photos) - len(one.jpegs))
        futures = {one.body: pool.submit(map_one, one) for one in largest}
        return [result_of(futures[one.body]) for one in selections]


def _photosites(selection: Selection, profile: Profile | None) -> int:
    """Return the number of photosites of a body's photos; an estimate where nothing is known of it."""
    if profile is not None:
        return profile.raw_size[0] * profile.raw_size[1]
    jpegs = (*selection.jpegs, *(jpeg for jpeg, _ in selection.twins))
    return max(photo.size_bytes for photo in (*selection.photos, *jpegs))


def _map_body(
    selection: Selection,
    profile: Profile | None,
    path: Path,
    context: RunContext,
    *,
    overwrite: bool,
    after_map: AfterMap | None,
) -> MappedBody:
    """Map one body and write its map; tell what went wrong, if anything did."""
    body = selection.body
    message_prefix.set(str(body))
    try:
        check_output(path, overwrite=overwrite)
        edited = edited_map_at(path)
        context.refusals.extend(selection.skipped)
        found = map_selection(selection, profile, context, detailed=after_map is not None)
        sensor_map = with_kept_edits(found.sensor_map, edited)
        write_map(sensor_map, path, overwrite=overwrite)
        if after_map is not None:
            after_map(path, replace(found, sensor_map=sensor_map))
    except SensorMapError as error:
        problem = str(error)
    except MemoryError:
        problem = "too large for the memory that is free; with several --jobs, fewer need less"
    else:
        log.info("written to %s", path)
        lines = len(sensor_map.columns) + len(sensor_map.rows)
        frames = sensor_map.frames
        return MappedBody(body, path, frames.used, frames.skipped, len(sensor_map.defects), lines)
    log.warning("not mapped: %s", problem)
    return MappedBody(body, path, problem=problem)


def _make_folder(folder: Path) -> None:
    """Make the folder for the maps unless it is there."""
    if is_url(folder):
        msg = f"{shown_url(str(folder))}: is a URL, expected a folder on this machine"
        raise OutputError(msg)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        msg = f"{folder}: cannot be made: {getattr(error, 'strerror', None) or error}"
        raise OutputError(msg) from error
