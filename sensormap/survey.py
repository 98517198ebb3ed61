"""From a folder to a map: find the photos, choose the body and its geometry, run the pass, assemble."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sensormap.assemble import FEW_FRAMES, assemble, undated
from sensormap.camera import Profile
from sensormap.decode import open_geometry, read_frame
from sensormap.defects import SensorMap
from sensormap.detect import Thresholds, largest_sums, most_followed, worth_following
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError, SensorMapError
from sensormap.evidence import Evidence
from sensormap.first_pass import FirstPass, Progress, Read
from sensormap.follow import Places, SecondPass, choose_frames
from sensormap.frame import Photo, Skipped
from sensormap.photos import find_photos, read_photos, select_photos
from sensormap.profiles import find_profile, get_profile
from sensormap.scenery import has_company
from sensormap.stories import Floors
from sensormap.tally import MOST_FRAMES
from sensormap.verdict import Followed

log = logging.getLogger(__name__)

FEWEST_FRAMES = 2
# Each holds a frame or two of some 45 MB; decoding beyond this waits for the disk.
_MOST_THREADS = 8
# More defects than this share of the photosites: the camera is beyond repair, or the photos repeat a scene.
_MANY_DEFECTS = 2e-4
DEFAULT_FOLLOWED = 256
"""Frames of the second pass, at most."""


@dataclass(frozen=True)
class Options:
    """What a survey is asked to do.

    Parameters
    ----------
    profile
        Name or file of a camera profile; None finds it by EXIF, and leaves the geometry to LibRaw if there is none.
    serial
        Serial number of the body, where the photos are of several.
    jobs
        Threads; None means one for each processor, at most 8.
    strict
        Whether the first photo that cannot be used ends the run.
    follow
        Frames that the second pass reads at most; 0 leaves it out, and with it strengths, onsets and sure kinds.
    thresholds
        Of detection.
    floors
        The least strengths that count as defects.
    """

    profile: str | None = None
    serial: str | None = None
    jobs: int | None = None
    strict: bool = False
    follow: int = DEFAULT_FOLLOWED
    thresholds: Thresholds = field(default_factory=Thresholds)
    floors: Floors = field(default_factory=Floors)

    def __post_init__(self) -> None:
        for name, value, least in (("jobs", self.jobs, 1), ("follow", self.follow, 0)):
            if value is not None and value < least:
                msg = f"{name}: {value} is not {least} or more"
                raise ValueError(msg)

    @property
    def threads(self) -> int:
        """Number of threads to run."""
        if self.jobs is not None:
            return self.jobs
        # Where the system can restrict a process to some processors, only those count.
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(processors, _MOST_THREADS)


def unheard(done: int, total: int) -> None:
    """Report progress to nobody."""


def map_defects(
    arguments: Iterable[str | Path], options: Options, progress: Progress = unheard, *, read: Read = read_frame
) -> SensorMap:
    """Map the defects of the sensor that took some photos.

    Parameters
    ----------
    arguments
        Files, folders and patterns.
    options
        What to do.
    progress
        Called as photos are done, in each pass.
    read
        Decodes a photo.

    Raises
    ------
    DecodeError
        If nothing is found; with ``strict``, for the first photo that cannot be used.
    ProfileError
        If the profile is unknown, malformed, or contradicts the photos.
    FrameMismatchError
        If the photos are of several bodies, or fewer than two can be used.
    """
    named = None if options.profile is None else get_profile(options.profile)
    paths = find_photos(arguments, images=named is not None)
    if not paths:
        msg = "no photos found: no file there has the name of a raw photo"
        if named is None:
            msg += " (PNG and TIFF files count only with --profile)"
        raise DecodeError(msg)
    log.info("%d files found", len(paths))
    photos, unread = read_photos(paths, jobs=options.threads)
    refuse = _Refusals(strict=options.strict)
    refuse.extend(unread)
    selection = select_photos(photos, profile=named, serial=options.serial)
    refuse.extend(selection.skipped)
    _require_frames(len(selection.photos), refuse.skipped)
    if len(selection.photos) > MOST_FRAMES:
        msg = f"{len(selection.photos)} photos of one body, expected at most {MOST_FRAMES} for one map"
        raise FrameMismatchError(msg)
    profile = _geometry(selection.photos, named or find_profile(selection.body))
    log.info("%s: %d photos, profile %s", selection.body, len(selection.photos), profile.name)
    for number, photo in enumerate(selection.photos):
        log.debug("frame %d: %s", number, photo.path)
    run = FirstPass(selection.photos, profile, options.thresholds, read=read)
    run.run(options.threads, progress, lambda photo: refuse.extend([photo]))
    used = sorted(run.tallied)
    _require_frames(len(used), refuse.skipped)
    followed = _follow(run, options, progress, refuse) if options.follow else None
    evidence = Evidence(
        body=selection.body,
        profile=profile,
        photos=tuple(selection.photos[number] for number in used),
        numbers=tuple(used),
        digests=tuple(run.tallied[number].digest for number in used),
        saturation=min(run.tallied[number].saturation for number in used),
        skipped=tuple(sorted(refuse.skipped)),
        tally=run.tally,
        ballots=run.all_ballots,
        repeated=sum(run.tallied[number].repeat for number in used) + (followed.repeats if followed else 0),
        filtered=sum(run.tallied[number].filtered for number in used),
        followed=followed,
        decoy_part=run.shifted.size / run.tally.count.size,
        clock_jumps=selection.clock_jumps,
    )
    sensor_map = assemble(evidence, options.thresholds, options.floors)
    _warn(evidence, sensor_map)
    return sensor_map


def _follow(run: FirstPass, options: Options, progress: Progress, refuse: _Refusals) -> Followed | None:
    """Run the second pass over the frames that count."""
    area = run.profile.active_area
    cfa = run.profile.cfa.shifted(x=area.x, y=area.y)
    candidates = worth_following(run.tally, run.all_ballots, cfa, options.thresholds)
    # Decoys are held to the bar of the candidates.
    most = most_followed(run.tally.count.size, options.thresholds)
    bar = largest_sums(run.tally.sum_outlying.reshape(-1), most)
    decoys = [np.flatnonzero(run.shifted >= bar)] + [ballot.decoys for ballot in run.all_ballots]
    decoy = np.unique(np.concatenate(decoys)).astype(np.int64)
    company = has_company(run.tally, cfa, candidates)
    places = Places(candidates, company, decoy[decoy < run.shifted.size], run.shifts)
    usable = [number for number in sorted(run.tallied) if not run.tallied[number].repeat]
    frames = choose_frames(run.photos, usable, options.follow)
    log.info("following %d photosites, %d decoys, %d frames", candidates.size, places.decoys.size, len(frames))
    second = SecondPass(run.photos, run.profile, run.tallied, read=run.read)
    followed = second.run(
        frames,
        places,
        options.floors,
        threads=options.threads,
        progress=progress,
        refuse=lambda photo: refuse.extend([photo]),
    )
    if followed is None:
        log.warning("no photo could be read a second time: the map is that of the first pass")
    return followed


def _warn(evidence: Evidence, sensor_map: SensorMap) -> None:
    """Say what makes a map less certain than it looks."""
    counted = evidence.counted
    if counted < FEW_FRAMES:
        what = f"{_number(counted, 'frame')}{' of different scenes' if evidence.repeated else ''}"
        log.warning("only %s: confidences are capped; a map to rely on takes %d or more", what, FEW_FRAMES)
    if evidence.repeated:
        log.warning("%s of a scene shown before: repeated scenes count once", _number(evidence.repeated, "frame"))
    if evidence.clock_jumps:
        times = _number(evidence.clock_jumps, "time")
        log.warning("the camera's clock contradicts its shutter count %s; the count is believed", times)
    if evidence.followed is not None and (problem := undated(evidence)):
        log.warning("no onsets: %s", problem)
    if evidence.followed is not None and not np.isfinite(evidence.followed.conditions.shutter_s).any():
        log.warning("no photo has a shutter time: hot photosites cannot be told from offset or noisy ones")
    if len(sensor_map.defects) > _MANY_DEFECTS * evidence.tally.count.size + FEW_FRAMES:
        log.warning(
            "%d defects are too many to believe: photos that repeat one scene make its texture look like defects",
            len(sensor_map.defects),
        )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


class _Refusals:
    """Photos that cannot be used: told at once, kept for the map; with `strict` the first ends the run."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.skipped: list[Skipped] = []

    def extend(self, entries: Iterable[Skipped]) -> None:
        for entry in entries:
            if self.strict:
                msg = f"{entry.name}: {entry.reason}"
                raise DecodeError(msg)
            log.warning("skipped %s: %s", entry.name, entry.reason)
            self.skipped.append(entry)


def _require_frames(number: int, skipped: list[Skipped]) -> None:
    if number < FEWEST_FRAMES:
        found = "no usable photo" if number == 0 else "one usable photo only"
        msg = f"{found} ({len(skipped)} skipped); a map takes at least {FEWEST_FRAMES}, better dozens"
        raise FrameMismatchError(msg)


def _geometry(photos: tuple[Photo, ...], known: Profile | None) -> Profile:
    """Return the geometry of the run, from the first photo that opens and, where a profile is known, agrees with it.

    Where LibRaw has to tell, three photos are asked, and the size that most of them have is taken.
    """
    problem: SensorMapError | None = None
    told: list[Profile] = []
    asked = photos if known else (photos[0], photos[len(photos) // 2], photos[-1], *photos)
    for photo in asked:
        try:
            told.append(open_geometry(photo.path, known))
        except ProfileError as error:
            problem = problem if isinstance(problem, ProfileError) else error
        except DecodeError as error:
            problem = problem or error
        if len(told) == (1 if known else 3):
            break
    if told:
        sizes = [profile.raw_size for profile in told]
        return max(told, key=lambda profile: sizes.count(profile.raw_size))
    if isinstance(problem, ProfileError):
        raise problem
    msg = f"no usable photo: {problem}"
    raise FrameMismatchError(msg)
