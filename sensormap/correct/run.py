"""Photos corrected by a map, one by one and in several threads; each result is written before it is told of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from sensormap.camera.profile_files import find_profile
from sensormap.correct.destinations import (
    check_folder,
    clashes,
    identity,
    make_folder,
    outside,
    targets,
    unless_corrected,
)
from sensormap.correct.jpeg.jpeg import correct_jpeg
from sensormap.correct.methods.registry import DIRECTIONAL, JPEG_METHODS, METHODS
from sensormap.correct.raw import (
    CorrectedCopy,
    CorrectionTask,
    correct_as_dng,
    correct_image,
    correct_nef,
    list_in_dng,
)
from sensormap.correct.selection import ChosenDefects, check_body, choose_defects, pixels_of
from sensormap.errors import FrameMismatchError, OutputError, SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import write_atomically
from sensormap.photos.exif import read_photo
from sensormap.photos.files import find_photos, is_image_name, marked, read_bytes
from sensormap.photos.refusals import skipped
from sensormap.threads import Progress, default_threads, patiently, unheard

log = logging.getLogger(__name__)

T = TypeVar("T")

OnSkipped = Callable[[Skipped], None]
"""Called for each photo that cannot be used."""


@dataclass(frozen=True)
class CorrectedPhoto:
    """One photo that was corrected.

    Parameters
    ----------
    source, output
        The photo, and the file that was written.
    repaired
        Photosites of a raw photo, or defects of a JPEG, that have other values now, or are listed in the DNG.
    left
        Those that were to be repaired and could not be: no healthy photosite is near, or a JPEG does not show them.
    chosen
        What of the map was to be repaired, and why the rest was not.
    elsewhere
        Of a JPEG, the mean change of the picture outside the blocks that were coded anew, in DN of 8 bits.
    """

    source: Path
    output: Path
    repaired: int
    left: int
    chosen: ChosenDefects
    elsewhere: float | None = None


@dataclass(frozen=True)
class CorrectOptions:
    """How photos are to be corrected.

    Parameters
    ----------
    method
        One of `methods.registry.METHODS`.
    all_defects
        Whether to repair every mapped defect, also those that appeared later, have healed, or are invisible at this
        exposure.
    dng
        Whether every raw photo becomes a DNG, also one that could stay what it is.
    opcodes
        Whether that DNG holds the untouched mosaic and the list of what its developer is to interpolate.
    force
        Whether photos of other serial numbers are corrected too.
    overwrite
        Whether earlier results are replaced: corrected copies, and copies that are the same as their photo. Other files
        never are.
    jobs
        Threads; None means one for each processor, at most 8.

    Raises
    ------
    ValueError
        If there is no such method, or `jobs` is below 1.
    """

    method: str = DIRECTIONAL
    all_defects: bool = False
    dng: bool = False
    opcodes: bool = False
    force: bool = False
    overwrite: bool = False
    jobs: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            msg = f"method: {self.method!r} is not one of {', '.join(METHODS)}"
            raise ValueError(msg)
        if self.jobs is not None and self.jobs < 1:
            msg = f"jobs: {self.jobs} is not 1 or more"
            raise ValueError(msg)


def warn(photo: Skipped) -> None:
    """Log a photo that cannot be used."""
    log.warning("skipped %s: %s", photo.name, photo.reason)


_DEFAULTS = CorrectOptions()


def correct_photos(
    arguments: Iterable[str | Path],
    sensor_map: SensorMap,
    folder: str | Path,
    options: CorrectOptions = _DEFAULTS,
    *,
    progress: Progress = unheard,
    on_skipped: OnSkipped = warn,
) -> tuple[CorrectedPhoto, ...]:
    """Correct photos, each into a file of its own.

    Parameters
    ----------
    arguments
        Files, folders (searched recursively) and glob patterns, in any mix.
    sensor_map
        The defects of the camera that took them.
    folder
        Where the corrected photos go, under their names and in the subfolders that they lie in below the folder that
        all of them have in common; made if it does not exist. What lies in it already is not taken for photos.
    options
        How they are corrected.
    progress
        Called with the number of photos done and the number of all, first with 0 done.
    on_skipped
        Called for each photo that cannot be corrected, in the order of the photos; by default a warning is logged.

    Returns
    -------
    tuple of CorrectedPhoto
        In the order of the photos.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    OutputError
        If the folder is none.
    """
    folder = Path(folder).expanduser()
    check_folder(folder)
    found = find_photos(arguments, images=False)
    paths = outside(found, folder)
    if len(paths) < len(found):
        log.warning("%d files in %s left out: taken for results of earlier runs", len(found) - len(paths), folder)
    outputs = targets(paths, folder)
    taken = clashes(outputs)
    kept = {identity(path): "one of the photos, which are never written over" for path in paths}

    def one(path: Path) -> CorrectedPhoto:
        if path in taken:
            msg = f"{path.name}: {path} would be written to the same file as {taken[path]}"
            raise OutputError(msg)
        corrected = _correct(path, outputs[path], sensor_map, options, kept)
        kept[identity(corrected.output)] = f"the corrected copy of {path}, written in this run"
        return corrected

    return run_each(paths, one, jobs=options.jobs, progress=progress, on_skipped=on_skipped)


def run_each(
    paths: Sequence[Path],
    one: Callable[[Path], T],
    *,
    jobs: int | None,
    progress: Progress = unheard,
    on_skipped: OnSkipped = warn,
) -> tuple[T, ...]:
    """Do something with each photo in several threads, and return what came of those that nothing was wrong with.

    Parameters
    ----------
    paths
        The photos.
    one
        What to do; an error of it does not end the run.
    jobs
        Threads; None means one for each processor, at most 8.
    progress, on_skipped
        As for `correct_photos`.
    """
    ended = Event()

    def guarded(path: Path) -> T | Skipped:
        if ended.is_set():
            return skipped(path.name, "the run ended before it")
        try:
            return one(path)
        except SensorMapError as error:
            return skipped(path.name, error)
        except MemoryError:
            return skipped(path.name, "too large for the memory that is free; fewer --jobs need less")

    done: list[T] = []
    pool = ThreadPoolExecutor(jobs or default_threads())
    try:
        progress(0, len(paths))
        for number, future in enumerate([pool.submit(guarded, path) for path in paths], start=1):
            result = patiently(future)
            if isinstance(result, Skipped):
                on_skipped(result)
            else:
                done.append(result)
            progress(number, len(paths))
    finally:
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return tuple(done)


def _correct(
    path: Path, output: Path, sensor_map: SensorMap, options: CorrectOptions, kept: Mapping[object, str]
) -> CorrectedPhoto:
    """Correct one photo and write it."""
    photo = read_photo(path)
    check_body(photo, sensor_map, force=options.force)
    of_raw = photo.jpeg_size is None
    chosen = choose_defects(sensor_map, photo.exposure, of_raw=of_raw, all_defects=options.all_defects)
    data = read_bytes(path)
    copy = (_raw if of_raw else _jpeg)(data, photo, sensor_map, chosen, options)
    output = output.with_suffix(copy.suffix) if copy.suffix else output
    make_folder(output.parent)
    objection = unless_corrected(data, kept)
    write_atomically(copy.data, output, overwrite=options.overwrite, objection=objection)
    log.info("%s: %d repaired, written to %s", path, copy.repaired, output)
    return CorrectedPhoto(path, output, copy.repaired, copy.left, chosen, copy.elsewhere)


def _raw(
    data: bytes, photo: Photo, sensor_map: SensorMap, chosen: ChosenDefects, options: CorrectOptions
) -> CorrectedCopy:
    """Return the corrected copy of a raw photo: of the same format if that can be written, else a DNG."""
    name = photo.path.name
    profile = find_profile(sensor_map.body)
    task = CorrectionTask(name, sensor_map, chosen, options.method, photo.exposure, profile)
    if sensor_map.sensor.is_picture:
        msg = f"{name}: a raw photo, but the map is of JPEGs of a camera whose raw grid is unknown"
        raise FrameMismatchError(msg)
    if is_image_name(photo.path):
        if options.dng or options.opcodes:
            msg = f"{name}: a PNG or TIFF file tells nothing of what a DNG needs"
            raise FrameMismatchError(msg)
        return correct_image(data, task)
    if options.opcodes:
        return list_in_dng(data, task)
    copy = None if options.dng else correct_nef(data, task)
    return copy or correct_as_dng(data, task)


def _jpeg(
    data: bytes, photo: Photo, sensor_map: SensorMap, chosen: ChosenDefects, options: CorrectOptions
) -> CorrectedCopy:
    """Return the corrected copy of a JPEG."""
    name, crop = photo.path.name, sensor_map.sensor.jpeg_crop
    if options.method not in JPEG_METHODS or options.dng or options.opcodes:
        msg = f"{name}: a JPEG, which is corrected by --method {' or '.join(JPEG_METHODS)} and stays one"
        raise FrameMismatchError(msg)
    if crop is None or photo.jpeg_size != (crop.width, crop.height):
        found = "{} x {} pixels".format(*(photo.jpeg_size or (0, 0)))
        expected = f"{crop.width} x {crop.height}" if crop else f"none: profile {sensor_map.profile} has no jpeg_crop"
        msg = f"{name}: a JPEG of {found}, expected {expected}"
        raise FrameMismatchError(msg)
    result = correct_jpeg(data, name, pixels_of(chosen, sensor_map), method=options.method, every=options.all_defects)
    corrected = result.data if result.data == data else marked(result.data)
    return CorrectedCopy(corrected, "", result.repaired, result.left, result.mean_change_elsewhere)
