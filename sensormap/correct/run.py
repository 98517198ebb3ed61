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
from sensormap.correct.jpeg.jpeg import METHODS as JPEG_METHODS
from sensormap.correct.jpeg.jpeg import correct_jpeg
from sensormap.correct.methods.new_values import METHODS, Recipe
from sensormap.correct.raw import Content, correct_as_dng, correct_image, correct_nef, list_in_dng
from sensormap.correct.selection import Chosen, check_body, choose, pixels_of
from sensormap.errors import FrameMismatchError, OutputError, SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import write_atomically
from sensormap.photos.exif import read_photo
from sensormap.photos.files import find_photos, is_image_name, marked, read_bytes
from sensormap.photos.refusals import skipped
from sensormap.threads import Progress, default_threads, result_of

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Corrected:
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
    chosen: Chosen
    elsewhere: float | None = None


@dataclass(frozen=True)
class Wishes:
    """How photos are to be corrected.

    Parameters
    ----------
    method
        One of `values.METHODS`.
    every
        Whether to repair also what was not born yet, was healed, or does not show.
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

    method: str = METHODS[0]
    every: bool = False
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


def _warn(photo: Skipped) -> None:
    log.warning("skipped %s: %s", photo.name, photo.reason)


@dataclass(frozen=True)
class Told:
    """Who is told of photos: `progress` how many are done, first 0; `refuse` those that cannot be used, in order."""

    progress: Progress = lambda _done, _total: None
    refuse: Callable[[Skipped], None] = _warn


_AS_USUAL, _NOBODY = Wishes(), Told()


def correct_photos(
    arguments: Iterable[str | Path],
    sensor_map: SensorMap,
    folder: str | Path,
    wishes: Wishes = _AS_USUAL,
    told: Told = _NOBODY,
) -> tuple[Corrected, ...]:
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
    wishes
        How.
    told
        Who is told of photos.

    Returns
    -------
    tuple of Corrected
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

    def one(path: Path) -> Corrected:
        if path in taken:
            msg = f"{path.name}: {path} would be written to the same file as {taken[path]}"
            raise OutputError(msg)
        corrected = _correct(path, outputs[path], sensor_map, wishes, kept)
        kept[identity(corrected.output)] = f"the corrected copy of {path}, written in this run"
        return corrected

    return run_each(paths, one, wishes.jobs, told)


def run_each(paths: Sequence[Path], one: Callable[[Path], T], jobs: int | None, told: Told) -> tuple[T, ...]:
    """Do something with each photo in several threads, and return what came of those that nothing was wrong with.

    Parameters
    ----------
    paths
        The photos.
    one
        What to do; an error of it does not end the run.
    jobs
        Threads; None means one for each processor, at most 8.
    told
        Who is told of photos.
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
        told.progress(0, len(paths))
        for number, future in enumerate([pool.submit(guarded, path) for path in paths], start=1):
            result = result_of(future)
            if isinstance(result, Skipped):
                told.refuse(result)
            else:
                done.append(result)
            told.progress(number, len(paths))
    finally:
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)
    return tuple(done)


def _correct(
    path: Path, output: Path, sensor_map: SensorMap, wishes: Wishes, kept: Mapping[object, str]
) -> Corrected:
    """Correct one photo and write it."""
    photo = read_photo(path)
    check_body(photo, sensor_map, force=wishes.force)
    of_raw = photo.picture is None
    chosen = choose(sensor_map, photo.exposure, of_raw=of_raw, every=wishes.every)
    data = read_bytes(path)
    content = (_raw if of_raw else _jpeg)(data, photo, sensor_map, chosen, wishes)
    output = output.with_suffix(content.suffix) if content.suffix else output
    make_folder(output.parent)
    objection = unless_corrected(data, kept)
    write_atomically(content.data, output, overwrite=wishes.overwrite, objection=objection)
    log.info("%s: %d repaired, written to %s", path, content.repaired, output)
    return Corrected(path, output, content.repaired, content.left, chosen, content.elsewhere)


def _raw(data: bytes, photo: Photo, sensor_map: SensorMap, chosen: Chosen, wishes: Wishes) -> Content:
    """Return the corrected copy of a raw photo: of the same format if that can be written, else a DNG."""
    name = photo.path.name
    recipe, profile = Recipe(wishes.method, photo.exposure), find_profile(sensor_map.body)
    if sensor_map.sensor.is_jpeg_grid:
        msg = f"{name}: a raw photo, but the map is of JPEGs of a camera whose raw grid is unknown"
        raise FrameMismatchError(msg)
    if is_image_name(photo.path):
        if wishes.dng or wishes.opcodes:
            msg = f"{name}: a PNG or TIFF file tells nothing of what a DNG needs"
            raise FrameMismatchError(msg)
        return correct_image(data, name, sensor_map, chosen, recipe, profile)
    if wishes.opcodes:
        return list_in_dng(data, name, sensor_map, chosen)
    content = None if wishes.dng else correct_nef(data, name, sensor_map, chosen, recipe, profile)
    return content or correct_as_dng(data, name, sensor_map, chosen, recipe, profile)


def _jpeg(data: bytes, photo: Photo, sensor_map: SensorMap, chosen: Chosen, wishes: Wishes) -> Content:
    """Return the corrected copy of a JPEG."""
    name, crop = photo.path.name, sensor_map.sensor.jpeg_crop
    if wishes.method not in JPEG_METHODS or wishes.dng or wishes.opcodes:
        msg = f"{name}: a JPEG, which is corrected by --method {' or '.join(JPEG_METHODS)} and stays one"
        raise FrameMismatchError(msg)
    if crop is None or photo.picture != (crop.width, crop.height):
        found = "{} x {} pixels".format(*(photo.picture or (0, 0)))
        expected = f"{crop.width} x {crop.height}" if crop else f"none: profile {sensor_map.profile} has no jpeg_crop"
        msg = f"{name}: a JPEG of {found}, expected {expected}"
        raise FrameMismatchError(msg)
    result = correct_jpeg(data, name, pixels_of(chosen, sensor_map), method=wishes.method, every=wishes.every)
    corrected = result.data if result.data == data else marked(result.data)
    return Content(corrected, "", result.repaired, result.left, result.mean_change_elsewhere)
