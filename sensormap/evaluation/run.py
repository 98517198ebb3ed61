"""Evaluation on the user's own photos: plant defects into the decoded frames, map them blind, count what is found."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile import Profile
from sensormap.decode.reading import read_frame
from sensormap.diagnose.series import photon_noise
from sensormap.evaluation.counts import SHOWS_SIGMA, Evaluation, Trace, bad_places, compare
from sensormap.evaluation.planting import Light, Planted, draw_defects, plant
from sensormap.frame import Frame, Photo, PhotoPath
from sensormap.score.noise import Noise, frame_noise
from sensormap.settings import DEFAULT_OPTIONS, Options
from sensormap.survey.run import map_defects
from sensormap.threads import Progress, no_progress

log = logging.getLogger(__name__)

DEFAULT_PLANTED = 250
"""Defects that are planted, as many as a worn sensor of 10 megapixels has."""


def evaluate(
    photos: Iterable[str | Path],
    options: Options = DEFAULT_OPTIONS,
    *,
    progress: Progress = no_progress,
    count: int = DEFAULT_PLANTED,
    seed: int = 1,
) -> Evaluation:
    """Plant defects into photos and report how the detection fares.

    Parameters
    ----------
    photos, options, progress
        As for `map_defects`, which runs twice: on the photos as they are, to know their own defects, and on the same
        photos with defects planted, of which it is told nothing. JPEGs are left out.
    count
        Number of defects to plant.
    seed
        Seed of the random draws; the same seed plants the same defects.

    Raises
    ------
    SensorMapError
        As by `map_defects`.
    """
    paths = list(photos)
    options = replace(options, jpegs=False)  # a defect comes before the development that makes a JPEG
    plain = _PlainReader()
    before = map_defects(paths, options, progress=progress, read=plain)
    # Where the clock jumps, dates say nothing about the order of the frames.
    times = [] if before.frames.clock_jumps else sorted(plain.times)
    area = before.sensor.active_area
    planted = draw_defects(
        (area.height, area.width),
        times,
        count=count,
        saturation=max(plain.saturations),
        avoid={(y - area.y, x - area.x) for x, y in bad_places(before)},
        seed=seed,
    )
    if len(planted) < count:
        log.warning("%d of %d defects planted: there is no room for more", len(planted), count)
    planter = _Planter(planted, seed)
    with _errors_only():  # the same would be said twice
        after = map_defects(paths, options, progress=progress, read=planter)
    return compare(planted, planter.traces(), before, after)


@contextmanager
def _errors_only() -> Iterator[None]:
    """Log nothing but errors of the package."""
    package = logging.getLogger("sensormap")
    level = package.level
    package.setLevel(logging.ERROR)
    try:
        yield
    finally:
        package.setLevel(level)


class _PlainReader:
    """Reads photos as they are, and remembers when they were taken and where they clip."""

    def __init__(self) -> None:
        self.times: set[datetime] = set()
        self.saturations: set[int] = set()

    def __call__(self, photo: Photo, profile: Profile) -> Frame:
        frame = read_frame(photo, profile)
        if photo.exposure.time is not None:
            self.times.add(photo.exposure.time)
        self.saturations.add(frame.saturation)
        return frame


class _Planter:
    """Reads photos with defects in them, and remembers how clearly each shows in each frame."""

    def __init__(self, planted: tuple[Planted, ...], seed: int) -> None:
        self.planted = planted
        self.seed = seed
        self._places = np.array([(one.row, one.col) for one in planted], np.int64).reshape(-1, 2)
        self._lock = Lock()
        self._shows: dict[PhotoPath, NDArray[np.float64]] = {}

    def __call__(self, photo: Photo, profile: Profile) -> Frame:
        frame = read_frame(photo, profile)
        area = profile.active_area
        active = frame.mosaic[area.slices].copy()
        cfa = profile.cfa.shifted(x=area.x, y=area.y)
        noise = frame_noise(active, cfa, clipping=(frame.floor, frame.saturation))
        healthy = np.array([active[one.row, one.col] for one in self.planted], np.float64)
        light = _light(photo, frame, noise)
        # Every photo has noise of its own, whatever the order and the folder.
        own = [self.seed, int(frame.digest[:12], 16)]
        changed = plant(active, self.planted, photo.exposure.time, light, seed=own)
        mosaic = frame.mosaic.copy()
        mosaic[area.slices] = active
        sigma = np.sqrt(noise.variance(self._places, healthy, np.zeros(healthy.size)))  # of flat surroundings
        with self._lock:
            self._shows[photo.path] = np.abs(changed) / sigma
        return replace(frame, mosaic=mosaic)

    def traces(self) -> list[Trace]:
        """Return how clearly each defect shows."""
        if not self._shows:
            return [Trace(0, 0) for _ in self.planted]
        shows = np.stack([self._shows[path] for path in sorted(self._shows, key=str)])
        frames = np.count_nonzero(np.isfinite(shows), axis=0)
        beyond = np.count_nonzero(np.nan_to_num(shows) > SHOWS_SIGMA, axis=0)
        return [Trace(int(n), int(k)) for n, k in zip(frames, beyond, strict=True)]


def _light(photo: Photo, frame: Frame, noise: Noise) -> Light:
    """Return a frame's settings and noise as `plant` takes them."""
    gain = photo.exposure.gain
    gains = np.array([gain], np.float64)  # None becomes NaN
    photon = float(photon_noise(noise.coefficients[np.newaxis].astype(np.float64), gains)[0])
    return Light(1.0 if gain is None else gain, photo.exposure.shutter_s or 0.0, frame.floor, frame.saturation, photon)
