"""How good repairs are in given photos: healthy photosites are repaired as if defective, and compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sensormap.camera.profile_files import find_profile
from sensormap.correct.astro.fits import read_fits_mosaic
from sensormap.correct.methods.held_out import HeldOut, Quality, check, sum_up
from sensormap.correct.methods.targets import Levels
from sensormap.correct.raw import usable_part
from sensormap.correct.repairs import mask_of
from sensormap.correct.run import OnSkipped, log_skipped, run_each
from sensormap.correct.selection import check_body
from sensormap.decode.original import read_original
from sensormap.errors import DecodeError, FrameMismatchError
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_fits_name, read_bytes
from sensormap.photos.finding import find_local_photos
from sensormap.threads import Progress, no_progress


@dataclass(frozen=True)
class RepairCheck:
    """How far off each repair method is.

    Parameters
    ----------
    photos
        Number of photos that could be used.
    methods
        Errors of each method.
    """

    photos: int
    methods: tuple[Quality, ...]


def check_repairs(
    photos: Iterable[str | Path],
    sensor_map: SensorMap,
    *,
    force: bool = False,
    jobs: int | None = None,
    progress: Progress = no_progress,
    on_skipped: OnSkipped = log_skipped,
) -> RepairCheck:
    """Repair healthy photosites of photos as if they were defective, and return how far off each method is.

    Parameters
    ----------
    photos
        Raw photos: files, folders (searched recursively) and glob patterns, in any mix.
    sensor_map
        Map of the camera that took them, whose defects are neither held out nor used.
    force
        Whether photos of other serial numbers are used too.
    jobs
        Threads; None means one for each processor, at most 8.
    progress, on_skipped
        As for `correct_photos`.

    Returns
    -------
    RepairCheck
        The photos that could be used, and the errors of each method.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    """

    def held_out(path: Path) -> HeldOut:
        return _held_out(path, sensor_map, force=force)

    paths = find_local_photos(photos, images=False)
    if not paths:
        msg = "no photos found: no file there has the name of a raw photo"
        raise DecodeError(msg)
    parts = run_each(paths, held_out, jobs=jobs, progress=progress, on_skipped=on_skipped)
    return RepairCheck(len(parts), sum_up(parts))


def _held_out(path: Path, sensor_map: SensorMap, *, force: bool) -> HeldOut:
    """Hold out photosites of one photo, and return the errors of their repairs."""
    photo = read_photo(path)
    check_body(photo, sensor_map, force=force)
    if photo.jpeg_size is not None or sensor_map.sensor.is_jpeg_grid:
        msg = f"{path.name}: --check holds out photosites of raw photos, not pixels of JPEGs"
        raise FrameMismatchError(msg)
    data, profile = read_bytes(path), find_profile(sensor_map.body)
    mosaic: NDArray[Any]
    if is_fits_name(path):
        _, mosaic, levels = read_fits_mosaic(data, path.name, sensor_map, profile)
        area = sensor_map.sensor.active_area
    else:
        original = read_original(data, path.name)
        mosaic, area = original.mosaic, usable_part(original, sensor_map, path.name)
        levels = Levels(original.cfa, original.black_level, original.white_level).of(profile)
    cfa = levels.cfa.shifted(x=area.x, y=area.y)
    if min(area.width, area.height) < 3 * cfa.step:
        msg = f"{path.name}: {area.width} x {area.height} photosites are too few to hold any out"
        raise FrameMismatchError(msg)
    shown = levels.above_black(mosaic[area.slices], cfa)
    return check(shown, mask_of(sensor_map, area), cfa, clipping=levels.clipping)
