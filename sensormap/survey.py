"""Pass 1: photos into a tally and votes, and those into a map.

Frames are decoded and tallied by threads of one process, which share the tally: decoding and kernels release the GIL,
no frame crosses a process boundary, and sums of integers do not depend on who added first.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sensormap.assemble import Evidence, assemble
from sensormap.camera import Profile
from sensormap.decode import open_geometry, read_frame
from sensormap.defects import SensorMap
from sensormap.detect import Thresholds
from sensormap.errors import DecodeError, FrameMismatchError, ProfileError, SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.photos import find_photos, read_photos, select_photos, skipped
from sensormap.plausible import implausibility
from sensormap.profiles import find_profile, get_profile
from sensormap.score import fit_noise, pad
from sensormap.tally import MOST_FRAMES, Outliers, Tally
from sensormap.vote import Ballot, count_votes, parts_of, time_blocks

log = logging.getLogger(__name__)

FEWEST_FRAMES = 2
# A map of fewer frames than this is made, with a warning.
_FEW_FRAMES = 10
# Photosites: three of each plane, which the neighbours at the borders are copied from.
_SMALLEST_SIDE = 6

Progress = Callable[[int, int], None]
"""Called with the number of photos done and the number of all."""


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
        Threads; None means one for each processor.
    strict
        Whether the first photo that cannot be used ends the run.
    thresholds
        Of detection.
    """

    profile: str | None = None
    serial: str | None = None
    jobs: int | None = None
    strict: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def threads(self) -> int:
        """Number of threads to run."""
        if self.jobs is not None:
            return self.jobs
        # Where the system can restrict a process to some processors, only those count.
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Tallied:
    """What is kept of a frame once it has been added to the tally."""

    outliers: Outliers
    saturation: int
    digest: str


def _unheard(done: int, total: int) -> None:
    """Report progress to nobody."""


def map_defects(arguments: Iterable[str | Path], options: Options, progress: Progress = _unheard) -> SensorMap:
    """Map the defects of the sensor that took some photos.

    Parameters
    ----------
    arguments
        Files, folders and patterns.
    options
        What to do.
    progress
        Called as photos are done.

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
    run = _Run(selection.photos, profile, options.thresholds)
    for number, photo in enumerate(selection.photos):
        log.debug("frame %d: %s", number, photo.path)
    run.warm_up()
    progress(0, len(selection.photos))
    run.work(options.threads, refuse, progress)
    used = sorted(run.tallied)
    _require_frames(len(used), refuse.skipped)
    if len(used) < _FEW_FRAMES:
        log.warning("only %d frames: confidences are capped; a map to rely on takes %d or more", len(used), _FEW_FRAMES)
    return assemble(
        Evidence(
            body=selection.body,
            profile=profile,
            photos=tuple(selection.photos[number] for number in used),
            numbers=tuple(used),
            digests=tuple(run.tallied[number].digest for number in used),
            saturation=min(run.tallied[number].saturation for number in used),
            skipped=tuple(sorted(refuse.skipped)),
            tally=run.tally,
            ballots=tuple(ballot for block in sorted(run.ballots) for ballot in run.ballots[block]),
        ),
        options.thresholds,
    )


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
    """Return the geometry of the run, from the first photo that opens and, where a profile is known, agrees with it."""
    problem: SensorMapError | None = None
    for photo in photos:
        try:
            return open_geometry(photo.path, known)
        except ProfileError as error:
            problem = problem if isinstance(problem, ProfileError) else error
        except DecodeError as error:
            problem = problem or error
    if isinstance(problem, ProfileError):
        raise problem
    msg = f"no usable photo: {problem}"
    raise FrameMismatchError(msg)


def _highest(profile: Profile) -> int:
    """Return the highest value that a photosite can have."""
    return max(profile.saturation, (1 << profile.bits) - 1)


class _Run:
    """One pass over the photos: the shared tally, and what each frame and each block of votes left behind."""

    def __init__(self, photos: tuple[Photo, ...], profile: Profile, thresholds: Thresholds) -> None:
        self.photos = photos
        self.profile = profile
        self.thresholds = thresholds
        area = profile.active_area
        if min(area.width, area.height) < _SMALLEST_SIDE:
            size = f"{area.width} x {area.height} photosites"
            msg = f"{profile.name}: active area of {size}, expected {_SMALLEST_SIDE} a side or more"
            raise ProfileError(msg)
        self.tally = Tally((area.height, area.width), frames=len(photos), highest=_highest(profile))
        self.tallied: dict[int, _Tallied] = {}
        self.ballots: dict[int, tuple[Ballot, ...]] = {}
        long = [(photo.exposure.shutter_s or 0) >= thresholds.long_exposure_s for photo in photos]
        self.blocks = time_blocks(range(len(photos)), long=long, size=thresholds.block_frames)

    def warm_up(self) -> None:
        """Have the kernels compiled here, on a tiny frame: Ctrl-C ends that, but waits for a thread that does it."""
        step, saturation = self.profile.cfa.step, self.profile.saturation
        highest = _highest(self.profile)
        tiny = np.zeros((8 * step, 8 * step), np.int16 if saturation <= np.iinfo(np.int16).max else np.int32)
        tally = Tally(tiny.shape, frames=self.tally.max_frames, highest=highest)
        padded = pad(tiny, step)
        tally.add(padded, fit_noise(padded, step, clipping=(0, saturation)), clipping=(0, saturation), frame=0)

    def work(self, threads: int, refuse: _Refusals, progress: Progress) -> None:
        """Decode and tally every photo, count each block's votes when its last frame is done."""
        block_of = {frame: block for block, frames in enumerate(self.blocks) for frame in frames}
        waiting = {block: set(frames) for block, frames in enumerate(self.blocks)}
        order = iter(range(len(self.photos)))
        pending: dict[Future[_Tallied | Skipped | tuple[Ballot, ...]], int] = {}
        votes: dict[Future[_Tallied | Skipped | tuple[Ballot, ...]], int] = {}
        pool = ThreadPoolExecutor(threads)
        done = 0
        try:
            while True:
                # Two photos a thread in flight: no thread idles, and no more frames than threads are in memory.
                for frame in _take(order, 2 * threads - len(pending)):
                    pending[pool.submit(self._frame, frame)] = frame
                if not pending and not votes:
                    return
                # The time-out lets Ctrl-C through on every platform.
                finished, _ = wait({*pending, *votes}, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in sorted(finished & set(pending), key=pending.__getitem__):
                    frame = pending.pop(future)
                    result = future.result()
                    if isinstance(result, Skipped):
                        refuse.extend([result])
                    elif isinstance(result, _Tallied):
                        self.tallied[frame] = result
                    done += 1
                    progress(done, len(self.photos))
                    block = block_of[frame]
                    waiting[block].discard(frame)
                    if not waiting[block]:
                        votes[pool.submit(self._vote, block)] = block
                for future in finished & set(votes):
                    block = votes.pop(future)
                    ballot = future.result()
                    if isinstance(ballot, tuple):
                        self.ballots[block] = ballot
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _frame(self, number: int) -> _Tallied | Skipped:
        """Decode one photo, check it, add it to the tally."""
        photo = self.photos[number]
        try:
            frame = read_frame(photo, self.profile)
            area = self.profile.active_area
            step = self.profile.cfa.step
            padded = pad(frame.mosaic[area.slices], step)
            noise = fit_noise(padded, step, clipping=(frame.floor, frame.saturation))
            cfa = self.profile.cfa.shifted(x=area.x, y=area.y)
            reason = implausibility(frame.mosaic[area.slices], noise, cfa, clipping=(frame.floor, frame.saturation))
        except SensorMapError as error:
            return skipped(photo.path.name, error)
        if reason is not None:
            return skipped(photo.path.name, reason)
        outliers = self.tally.add(padded, noise, clipping=(frame.floor, frame.saturation), frame=number)
        return _Tallied(outliers, frame.saturation, frame.digest)

    def _vote(self, block: int) -> tuple[Ballot, ...]:
        """Count a block's votes, whole and by halves; its frames' outliers are dropped but for what a ballot keeps."""
        frames = [frame for frame in self.blocks[block] if frame in self.tallied]
        ballots = [
            count_votes(
                Outliers.concatenate([self.tallied[frame].outliers for frame in part]),
                shape=self.tally.count.shape,
                step=self.profile.cfa.step,
                false_votes=self.thresholds.false_votes,
                seed=3 * block + number,
            )
            for number, part in enumerate(parts_of(frames))
        ]
        empty = Outliers.concatenate([])
        for frame in frames:
            tallied = self.tallied[frame]
            self.tallied[frame] = _Tallied(empty, tallied.saturation, tallied.digest)
        # A half keeps nothing that the whole does not keep.
        return (ballots[0], *(replace(ballot, outliers=empty) for ballot in ballots[1:]))


def _take(items: Iterator[int], number: int) -> Iterator[int]:
    for _ in range(number):
        try:
            yield next(items)
        except StopIteration:
            return
