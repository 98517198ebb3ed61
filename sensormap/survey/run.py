"""Photos in; a defect map out: the run itself. Only this package drives those above, and only here are its threads.

Read `run` (the whole), `passes` (both passes over the photos of one body), `frame_reader` (what happens to a photo
before it counts), `first_pass`, `second_pass`; `scenes_seen` and `saved_windows` serve the first pass, `memory` gives
memory back to the system.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sensormap.assemble.build_map import add_skipped, assemble, deviating_lines
from sensormap.assemble.cautions import cautions
from sensormap.assemble.details.gathering import details_of
from sensormap.assemble.details.values import DetailedMap, RunDetails
from sensormap.assemble.evidence import Evidence
from sensormap.assemble.pass_rules import rules_for
from sensormap.assemble.raw_and_jpeg import combine
from sensormap.camera.profile import Profile
from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.decode.reading import read_frame
from sensormap.errors import DecodeError, FrameMismatchError, StateError
from sensormap.frame import Photo, PhotoPath, Skipped
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_jpeg_name
from sensormap.photos.finding import find_photos
from sensormap.photos.refusals import Refusals
from sensormap.photos.select import Selection, in_order, read_photos, select_photos
from sensormap.settings import DASK, DEFAULT_OPTIONS, RAWPY, Options
from sensormap.shards.catalogue import Catalogue, open_catalogue
from sensormap.shards.cut import cut_into_shards
from sensormap.shards.file_format.reading_writing import read_shard_file
from sensormap.shards.shard_folder import ALGORITHM, SurveySettings, fingerprint, shard_file
from sensormap.shards.state import State
from sensormap.shards.state_folder import CATALOGUE, check_folder, held, is_state
from sensormap.survey.context import Engine, Read, RunContext, no_candidates
from sensormap.survey.engines.dask_engine import open_engine
from sensormap.survey.engines.temporary_folder import temporary_folder
from sensormap.survey.kept_maps import Mapped, PhotoGroup, keep_map, kept_map
from sensormap.survey.passes import FEWEST_FRAMES, gather_evidence, geometry_of, too_few
from sensormap.survey.survey_shards import settings_of
from sensormap.threads import Progress, no_progress
from sensormap.urls import expanded

log = logging.getLogger(__name__)


def map_defects(
    photos: Iterable[str | Path],
    options: Options = DEFAULT_OPTIONS,
    *,
    progress: Progress = no_progress,
    read: Read | None = None,
    on_candidates: Callable[[int], None] = no_candidates,
) -> SensorMap:
    """Map the defects of the sensor that took some photos.

    Raw photos are mapped; what only JPEGs of other shots show is added. JPEGs alone give a map of their own.

    Parameters
    ----------
    photos
        Files, folders (searched recursively) and glob patterns, in any mix, each a path or a URL.
    options
        Options of the run.
    progress
        Called with the number of photos done and of all, in each pass, first with 0.
    read
        Decoder of photos; None takes `decode.reading.read_frame` with the decoder that the options name.
    on_candidates
        Called with the number of candidates that the first pass has found so far, each time there are more, by the
        thread that finds them.

    Raises
    ------
    DecodeError
        If nothing is found; with ``strict``, for the first photo that cannot be used.
    ProfileError
        If the profile is unknown, malformed, or contradicts most photos.
    FrameMismatchError
        If the photos are of several bodies, but for strays, or fewer than two can be used.
    StateError
        If another run has the state folder, or it cannot be written.
    EngineError, MissingExtraError
        If the engine that the options name cannot be used, or is not installed.
    """
    found = _map_photos(photos, options, progress=progress, read=read, on_candidates=on_candidates, detailed=False)
    return found.sensor_map


def map_with_details(
    photos: Iterable[str | Path],
    options: Options = DEFAULT_OPTIONS,
    *,
    progress: Progress = no_progress,
    read: Read | None = None,
    on_candidates: Callable[[int], None] = no_candidates,
) -> DetailedMap:
    """Map the defects of the sensor that took some photos, and keep what a report shows beside the map.

    The map is that of `map_defects`, and no photo is read once more for the rest. A state folder has it too.

    Parameters
    ----------
    photos, options, progress, read, on_candidates
        As for `map_defects`.

    Returns
    -------
    DetailedMap
        The map; and of the raw photos, and of the JPEGs, which were used, the series and surroundings of the strongest
        defects, and how all scores are distributed: half a megabyte or so.

    Raises
    ------
    DecodeError, ProfileError, FrameMismatchError, StateError, EngineError, MissingExtraError
        As by `map_defects`.
    """
    return _map_photos(photos, options, progress=progress, read=read, on_candidates=on_candidates, detailed=True)


def _map_photos(
    photos: Iterable[str | Path],
    options: Options,
    *,
    progress: Progress,
    read: Read | None,
    on_candidates: Callable[[int], None],
    detailed: bool,
) -> DetailedMap:
    """Find the photos of one body and map them."""
    with open_engine(options, read) as engine, open_state(options, read) as state:
        context = replace(context_of(options, progress, read, state, engine), on_candidates=on_candidates)
        selection, known = selected(photos, context)
        return map_selection(selection, known, context, detailed=detailed)


@dataclass(frozen=True)
class PlannedShard:
    """Photos that are surveyed together.

    Parameters
    ----------
    first, last
        File names of the first and the last one.
    photos
        Number of photos.
    known
        Whether the state folder has what they show; if not, all of them are read.
    """

    first: str
    last: str
    photos: int
    known: bool


def plan_map(photos: Iterable[str | Path], options: Options = DEFAULT_OPTIONS) -> tuple[PlannedShard, ...]:
    """Return what `map_defects` would read and what its state folder knows, by shard. No photo is decoded.

    A photo that was moved, or copied with another time, counts as to be read, though its bytes may turn out to be
    known. A run may read some photos more, such as those of a shard that shows a scene of another one.

    Parameters
    ----------
    photos, options
        As for `map_defects`.

    Returns
    -------
    tuple of PlannedShard
        In order of capture, raw photos before JPEGs. Without a state folder nothing is known.

    Raises
    ------
    DecodeError, ProfileError, FrameMismatchError, StateError
        As by `map_defects`.
    """
    context = context_of(options, no_progress, None)
    selection, known = selected(photos, context)
    raws = selection.photos
    used = {photo.path for photo in raws}
    jpegs, _ = in_order(_jpegs(selection, used, known, context.refusals, mapped=bool(raws)))
    groups = [group for group in (raws, tuple(jpegs)) if group]
    if not groups:
        raise too_few(0, context)
    return tuple(shard for group in groups for shard in _planned(group, known, options))


def _planned(photos: tuple[Photo, ...], known: Profile | None, options: Options) -> Iterator[PlannedShard]:
    """Yield the shards of photos that are mapped together."""
    rules = rules_for(photos)
    saves = bool(rules.second_pass and options.follow)
    settings = settings_of(geometry_of(photos, known), rules, options, saves=saves)
    shards = [photos[numbers.start : numbers.stop] for numbers in cut_into_shards(photos)]
    there = [False] * len(shards)
    folder = None if options.state is None else expanded(options.state)
    if folder is not None:
        check_folder(folder)
    if folder is not None and not options.fresh and is_state(folder):
        with held(folder), open_catalogue(folder / CATALOGUE) as catalogue:
            if catalogue is not None:
                there = [_is_kept(shard, settings, folder, catalogue, options) for shard in shards]
    for shard, is_known in zip(shards, there, strict=True):
        yield PlannedShard(shard[0].path.name, shard[-1].path.name, len(shard), is_known)


def _is_kept(
    photos: tuple[Photo, ...], settings: SurveySettings, folder: Path, catalogue: Catalogue, options: Options
) -> bool:
    """Tell whether a state folder has a shard, as far as that can be told without reading a photo."""
    known = catalogue.digests(photo.path for photo in photos)
    if any(photo.path not in known for photo in photos):
        return False
    name = fingerprint([known[photo.path] for photo in photos], settings, ())
    path = shard_file(folder, name)
    try:
        return path.is_file() and not (read_shard_file(path, name).skipped and options.retry_skipped)
    except StateError:  # damaged
        return False


def open_state(options: Options, read: Read | None) -> AbstractContextManager[State | None]:
    """Return the state folder that the options name, to be closed after the run; None in its place if they name none.

    What a decoder of the caller's own makes of photos is not kept. Workers need a folder: without one, they get one
    that is removed after the run.
    """
    if options.state is None and options.engine == DASK:
        return _passing_state()
    if options.state is None or read is not None:
        return nullcontext()
    folder = expanded(options.state)
    return State(folder, fresh=options.fresh, retry_skipped=options.retry_skipped, threads=options.threads)


@contextmanager
def _passing_state() -> Iterator[State]:
    """Return a state folder of this run only."""
    with temporary_folder("state") as folder, State(folder, passing=True) as state:
        yield state


def context_of(
    options: Options, progress: Progress, read: Read | None, state: State | None = None, engine: Engine | None = None
) -> RunContext:
    """Return what all passes of a run share, by the arguments of `map_defects`."""
    fallback = None if read or options.decoder == RAWPY else partial(read_frame, decoder=RAWPY)
    read = read or partial(read_frame, decoder=options.decoder)
    return RunContext(options, progress, Refusals(strict=options.strict), read, fallback, state, engine)


def map_selection(
    selection: Selection, known: Profile | None, context: RunContext, *, detailed: bool = False
) -> DetailedMap:
    """Map the defects of one body, as `map_defects` does once the photos have been chosen.

    Parameters
    ----------
    selection
        The photos of the body.
    known
        Its profile; None where there is none.
    context
        Of this run; photos that were left out before are among its refusals already.
    detailed
        Whether the details of the run are asked for; without, there are none.
    """
    refusals = context.refusals
    raws = PhotoGroup(selection.photos, selection.body, known, selection.clock_jumps)
    maps: list[SensorMap] = []
    details: list[RunDetails] = []
    used: set[PhotoPath] = set()
    problem = too_few(0, context)
    if raws.photos:
        try:
            noun = "raw photo" if selection.jpegs else "frame"
            alone = not (selection.jpegs or selection.twins)
            found, used = _mapped(raws, context, noun=noun, alone=alone, detailed=detailed)
            maps.append(found.sensor_map)
            details += [found.details] if found.details else []
        except FrameMismatchError as error:
            problem = error  # JPEGs may be more
    if maps and known and not known.verified:  # the raw photos may have corrected or contradicted it
        known = replace(known, jpeg_crop=maps[0].sensor.jpeg_crop) if maps[0].profile == known.name else None
    ordered, jumps = in_order(_jpegs(selection, used, known, refusals, mapped=bool(maps)))
    jpegs = PhotoGroup(ordered, selection.body, known, jumps)
    if jpegs.photos:
        try:
            found, more = _mapped(jpegs, context, noun="JPEG", alone=not raws.photos, detailed=detailed)
            maps.append(found.sensor_map)
            details += [found.details] if found.details else []
            used |= more
        except FrameMismatchError as error:
            problem = error
    if not maps:
        raise problem
    refusals.add_unmapped(photo.path.name for photo in (*raws.photos, *jpegs.photos) if photo.path not in used)
    whole = add_skipped(maps[0] if len(maps) == 1 else combine(*maps), refusals.skipped)
    return DetailedMap(whole, tuple(details) if detailed else ())


def _mapped(
    group: PhotoGroup, context: RunContext, *, noun: str, alone: bool, detailed: bool
) -> tuple[Mapped, set[PhotoPath]]:
    """Return the map of photos, which are called `noun`, and the files that were used; log what makes it uncertain.

    The map of a run of no others, `alone`, is taken from the state folder where that has it. What is kept there has its
    details whether they are asked for or not, so that a later report needs no photo.
    """
    keeps, refusals = alone and context.state is not None, context.refusals
    context = replace(context, candidates=set())
    mapped = kept_map(group, context, detailed=detailed) if keeps else None
    if mapped is not None:
        log.info("all photos are known, and so is their map")
        refusals.extend(Skipped(group.photos[number].path.name, reason) for number, reason in mapped.refused)
    else:
        before = refusals.lost
        evidence = gather_evidence(group.photos, group.body, group.known, context, clock_jumps=group.clock_jumps)
        mapped = _map(evidence, context.options, noun=noun, detailed=detailed or keeps)
        # A photo that was lost between the passes may be there next time.
        if keeps and refusals.lost == before:
            keep_map(group, context, mapped)
    for line in mapped.warnings:
        log.warning("%s", line)
    refused = {number for number, _ in mapped.refused}
    return mapped, {photo.path for number, photo in enumerate(group.photos) if number not in refused}


def selected(arguments: Iterable[str | Path], context: RunContext) -> tuple[Selection, Profile | None]:
    """Find the photos, choose those of one body, and find its profile."""
    options, refusals = context.options, context.refusals
    named = None if options.profile is None else get_profile(options.profile)
    found = find_photos(arguments, images=named is not None)
    paths = [path for path in found if options.jpegs or not is_jpeg_name(path)]
    if not paths:
        msg = f"no photos found: no file there has the name of a raw photo{' or a JPEG' if options.jpegs else ''}"
        if found:
            msg = f"{_number(len(found), 'JPEG')} found, but only raw photos can be used here"
        elif named is None:
            msg += " (PNG and TIFF files count only with --profile); sensormap scan lists what is there"
        raise DecodeError(msg)
    log.info("%d files found", len(paths))
    read_header = context.state.read_photo if context.state else read_photo
    photos, unread = read_photos(paths, jobs=options.threads, read_header=read_header)
    refusals.extend(unread)
    selection = select_photos(photos, profile=named, serial=options.serial)
    refusals.extend(selection.skipped)
    return selection, named or find_profile(selection.body)


def _jpegs(
    selection: Selection, used: set[PhotoPath], known: Profile | None, refusals: Refusals, *, mapped: bool
) -> list[Photo]:
    """Return the JPEGs to map: of shots that no raw photo in use shows, if they can be placed beside those."""
    twins = [jpeg for jpeg, photo in selection.twins if photo.path in used]
    same = "shows the same shot as a raw photo, which tells more"
    refusals.add_quietly(Skipped(jpeg.path.name, same) for jpeg in twins)
    if twins:
        log.info("%s left out: raw photos show the same shots", _number(len(twins), "JPEG"))
    jpegs = [*selection.jpegs, *(jpeg for jpeg, photo in selection.twins if photo.path not in used)]
    if mapped and not (known and all(known.places_jpegs_of(jpeg.jpeg_size) for jpeg in jpegs)):
        reason = "a JPEG beside raw photos, but no profile says where it lies on the raw grid"
        if known and known.cfa.is_xtrans:
            reason = "a JPEG beside raw photos: those of X-Trans cameras are not placed on the raw grid"
        refusals.extend(Skipped(jpeg.path.name, reason) for jpeg in jpegs)
        return []
    if mapped and len(jpegs) < FEWEST_FRAMES:
        refusals.add_quietly(Skipped(jpeg.path.name, "one JPEG alone adds nothing") for jpeg in jpegs)
        return []
    return jpegs


def _map(evidence: Evidence, options: Options, *, noun: str, detailed: bool) -> Mapped:
    """Return the map that the evidence supports, and what makes it less certain than it looks."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(deviating_lines, evidence) if options.threads > 1 else None
        lines_of = found.result if found else None
        sensor_map = assemble(evidence, options.thresholds, options.least_strengths, lines_of=lines_of)
    sensor_map = replace(sensor_map, settings={"algorithm": ALGORITHM, **sensor_map.settings})
    warnings = tuple(cautions(evidence, sensor_map, noun))
    details = details_of(evidence, sensor_map, options.thresholds, warnings=warnings) if detailed else None
    return Mapped(sensor_map, warnings, tuple(sorted(evidence.refused.items())), details)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
