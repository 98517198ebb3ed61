"""Photos to sums: every photo is decoded once, and only the sums stay in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.pass_rules import rules_for
from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body, Profile
from sensormap.camera.profile_files import JPEG_PROFILE
from sensormap.decode.jpeg import PixelBuffer, read_jpeg
from sensormap.errors import FrameMismatchError, SensorMapError
from sensormap.frame import NARROW, Photo, Skipped
from sensormap.maps.entries import Source, rounded
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.files import forget_ahead, read_ahead, read_bytes
from sensormap.photos.refusals import Refusals, skipped
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.settings import DEFAULT_OPTIONS, THREADS, Options
from sensormap.survey.context import RunContext
from sensormap.survey.frame_reader import FrameReader
from sensormap.survey.passes import FEWEST_FRAMES, geometry_of
from sensormap.survey.run import context_of, selected
from sensormap.threads import Pool, Progress, no_progress, result_of
from sensormap.variance.sums import MOST_FRAMES, FrameSums, Lowest

log = logging.getLogger(__name__)

_LOOKED_AHEAD = 16  # photos that may be fetched from a server before a thread is free for them
_COLOURS = 3  # of a JPEG
_FEW = 24  # JPEGs: until then importing the compiler takes longer than it saves

Add = Callable[[int], Skipped | None]
"""Adds a photo, by its number, to the sums, or says why it cannot be used."""


@dataclass(frozen=True)
class PhotoVariance:
    """Count, mean and variance over some photos of one body.

    Parameters
    ----------
    body, profile
        The camera that took them, and the name of the profile used.
    sensor
        Its geometry: of raw photos the raw grid; of JPEGs that on which `Sensor.jpeg_crop` places their pixels, or
        None where that is not known.
    source
        The sort of photos.
    sums
        Sums over the photos: of raw ones those of the active area, shape ``(h, w)``, black subtracted; of JPEGs
        those of all pixels, ``(H, W, 3)``, red, green and blue from 0 to 255.
    skipped
        Photos that could not be used.
    """

    body: Body
    profile: str
    sensor: Sensor | None
    source: Source
    sums: FrameSums
    skipped: tuple[Skipped, ...]

    @property
    def frames(self) -> int:
        """Number of photos that count."""
        return self.sums.frames

    @property
    def count(self) -> NDArray[np.int32]:
        """Frames of each photosite, shape ``(H, W)`` on the raw grid, 0 in the margins; or of each pixel."""
        full = np.full(self.sums.total.shape[:2], self.frames, np.int32)
        return self._on_grid(full, 0)

    @property
    def mean(self) -> NDArray[np.float32]:
        """Mean of each photosite in DN, shape ``(H, W)`` on the raw grid, NaN in the margins; or ``(H, W, 3)``."""
        return self._on_grid(self.sums.mean(), np.nan)

    @property
    def variance(self) -> NDArray[np.float32]:
        """Population variance of each photosite in DN squared, of the shape of `mean`."""
        return self._on_grid(self.sums.variance(), np.nan)

    def lowest(self, count: int) -> list[tuple[int, int, int | str, float]]:
        """Return what changed least: row, column, channel, and the sum of squared deviations from the mean.

        Parameters
        ----------
        count
            How many are returned at most.

        Returns
        -------
        list of tuple
            Ascending by the sum, then by place. Of raw photos rows and columns are on the raw grid, and the channel is
            the plane's name; of JPEGs they are those of the pixel, and the channel is 0, 1 or 2.
        """
        found = self.sums.lowest(count)
        if self.source is Source.JPEG or self.sensor is None:
            return [(one.row, one.col, one.channel, one.squares) for one in found]
        return [_on_raw_grid(one, self.sensor) for one in found]

    def of_entries(self, sensor_map: SensorMap) -> SensorMap:
        """Return a map whose defects have their mean and variance over all these photos, not over the followed ones.

        Parameters
        ----------
        sensor_map
            Map of the same photos. One of JPEGs is returned as it is: its values are not those of one colour.

        Raises
        ------
        ValueError
            If the map has another sensor.
        """
        if Source.JPEG in (sensor_map.source, self.source) or self.sensor is None:
            return sensor_map
        if self.sensor != sensor_map.sensor:
            msg = f"a map of {sensor_map.sensor}, but the variance is of another sensor, {self.sensor}"
            raise ValueError(msg)
        area = self.sensor.active_area
        defects = []
        for defect in sensor_map.defects:
            mean, variance = self.sums.moments(defect.y - area.y, defect.x - area.x)
            defects.append(replace(defect, mean=rounded(mean), variance=rounded(variance)))
        return replace(sensor_map, defects=tuple(defects))

    def _on_grid(self, values: NDArray[Any], margin: float) -> NDArray[Any]:
        if self.source is Source.JPEG or self.sensor is None:
            return values
        width, height = self.sensor.raw_size
        if values.shape == (height, width):
            return values
        grid = np.full((height, width), margin, values.dtype)
        grid[self.sensor.active_area.slices] = values
        return grid


def _on_raw_grid(found: Lowest, sensor: Sensor) -> tuple[int, int, str, float]:
    row, col = found.row + sensor.active_area.y, found.col + sensor.active_area.x
    return row, col, sensor.cfa.plane_name(x=col, y=row), found.squares


def measure_variance(
    photos: Iterable[str | Path],
    options: Options = DEFAULT_OPTIONS,
    *,
    progress: Progress = no_progress,
    quiet: bool = False,
) -> PhotoVariance:
    """Measure mean and variance of every photosite over some photos of one body.

    Raw photos count where there are any, else JPEGs. Every photo counts once, also one that shows the scene of another.

    Parameters
    ----------
    photos, options, progress
        As for `map_defects`; of the options count `profile`, `serial`, `jobs`, `strict`, `jpegs` and `decoder`.
    quiet
        Whether nothing is logged of photos that cannot be used: a map of them has told it.

    Raises
    ------
    SensorMapError
        As by `map_defects`.
    """
    alone = replace(options, state=None, fresh=False, engine=THREADS, scheduler=None)
    context = context_of(alone, progress, None)
    if quiet:
        context = replace(context, refusals=Refusals(strict=options.strict, quiet=True))
    selection, known = selected(photos, context)
    jpegs = [*selection.jpegs, *(jpeg for jpeg, _ in selection.twins)]
    used = tuple(selection.photos or jpegs)
    if selection.photos:
        reason = "a JPEG beside raw photos, which count alone: name JPEGs only"
        context.refusals.add_quietly(Skipped(jpeg.path.name, reason) for jpeg in jpegs)
    if not FEWEST_FRAMES <= len(used) <= MOST_FRAMES:
        raise _unusable(len(used), context)
    profile = geometry_of(used, known)
    log.info("%s: %d photos, profile %s", selection.body, len(used), profile.name)
    adding = _sums_of_raws if selection.photos else _sums_of_jpegs
    sums, refused = adding(used, profile, context)
    context.refusals.extend(refused)
    if sums.frames < FEWEST_FRAMES:
        raise _unusable(sums.frames, context)
    raw = bool(selection.photos)
    placed = raw or profile.name != JPEG_PROFILE
    sensor = Sensor(profile.raw_size, profile.active_area, profile.cfa, profile.jpeg_crop) if placed else None
    return PhotoVariance(
        selection.body, profile.name, sensor, Source.RAW if raw else Source.JPEG, sums,
        tuple(sorted(context.refusals.skipped)),
    )  # fmt: skip


def _sums_of_raws(photos: tuple[Photo, ...], profile: Profile, context: RunContext) -> tuple[FrameSums, list[Skipped]]:
    """Add up the frames that a map would use; by LibRaw alone if it decodes one of them differently."""
    area, step = profile.active_area, profile.cfa.step
    sums = FrameSums((area.height, area.width), bits=max(profile.bits, max(profile.black_level or (0,)).bit_length()))
    reader = FrameReader(photos, profile, rules_for(photos), context)
    tiny = np.zeros((8 * step, 8 * step), np.int16 if profile.saturation <= NARROW else np.int32)
    fit_noise(pad(tiny, step), profile.cfa, clipping=(0, profile.saturation))  # compiles it, where Ctrl-C ends that
    reader.begin()

    def add(number: int) -> Skipped | None:
        frame = reader.read(number)
        if isinstance(frame, Skipped):
            return frame
        sums.add(frame.padded[step:-step, step:-step])
        return None

    try:
        refused = _add_all(photos, add, context)
    finally:
        reader.end()
    if context.differing and context.fallback is not None:
        log.warning("a photo is decoded differently by LibRaw: all are decoded again by LibRaw alone")
        by_fallback = replace(context, read=context.fallback, fallback=None, differing=set())
        return _sums_of_raws(photos, profile, by_fallback)
    if len(reader.contradictions) > max(sums.frames, 1):  # one photo alone may be damaged
        raise reader.contradictions[min(reader.contradictions)]
    return sums, refused


class _Own(local):
    """What each thread keeps from one photo to the next."""

    def __init__(self) -> None:
        self.buffer = PixelBuffer()


def _sums_of_jpegs(photos: tuple[Photo, ...], profile: Profile, context: RunContext) -> tuple[FrameSums, list[Skipped]]:
    """Add up all pixels of JPEGs, which have one size."""
    size = profile.active_area.height, profile.active_area.width
    sums = FrameSums((*size, _COLOURS), bits=profile.bits, signed=False, few=len(photos) <= _FEW)
    own = _Own()

    def add(number: int) -> Skipped | None:
        path = photos[number].path
        try:
            pixels = read_jpeg(read_bytes(path), path.name, buffer=own.buffer)
        except SensorMapError as error:
            return skipped(path.name, error)
        if pixels.shape[:2] != size:
            found = f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
            return skipped(path.name, f"picture of {found}, expected {size[1]} x {size[0]}")
        sums.add(pixels)
        return None

    return sums, _add_all(photos, add, context)


def _add_all(photos: tuple[Photo, ...], add: Add, context: RunContext) -> list[Skipped]:
    """Have the threads of the run add every photo, and return those that cannot be used, in order."""
    paths, begun, progress = [photo.path for photo in photos], count(1), context.progress

    def look_ahead_and_add(number: int) -> Skipped | None:
        read_ahead(paths[next(begun) :][:_LOOKED_AHEAD])  # the pool takes them up in that order
        return add(number)

    refused = []
    pool = Pool(context.options.threads)
    progress(0, len(photos))
    try:
        read_ahead(paths[:_LOOKED_AHEAD])
        pending = [pool.submit(look_ahead_and_add, number) for number in range(len(photos))]
        for done, future in enumerate(pending, start=1):
            if (result := result_of(future)) is not None:
                refused.append(result)
                if context.options.strict:
                    break  # the first one ends the run
            progress(done, len(photos))
    finally:
        forget_ahead(paths)
        pool.shutdown(wait=True, cancel_futures=True)
    return refused


def _unusable(usable: int, context: RunContext) -> FrameMismatchError:
    """Return the error of a run with too few photos, or too many."""
    if usable > MOST_FRAMES:
        return FrameMismatchError(f"{usable} photos of one body, expected at most {MOST_FRAMES}")
    found = "no usable photo" if usable == 0 else "one usable photo only"
    return FrameMismatchError(f"{found} ({len(context.refusals.skipped)} skipped); a variance takes two at least")
