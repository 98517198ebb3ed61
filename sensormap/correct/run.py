"""Photos corrected by a map, in several threads; each copy is written before its photo counts as done."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TypeVar

from sensormap.camera.cfa import MONO
from sensormap.camera.profile_files import find_profile
from sensormap.correct.astro.fits import correct_fits
from sensormap.correct.destinations import identity, make_folder, places_of, unless_corrected
from sensormap.correct.jpeg.jpeg import correct_jpeg
from sensormap.correct.methods.registry import DIRECTIONAL, JPEG_METHODS, LEAST_LONE_SIGMA, METHODS
from sensormap.correct.raw import (
    CorrectedCopy,
    correct_as_dng,
    correct_dng,
    correct_image,
    correct_nef,
    list_in_dng,
)
from sensormap.correct.repairs import CorrectionTask
from sensormap.correct.selection import ChosenDefects, check_body, choose_defects, pixels_of
from sensormap.errors import FrameMismatchError, SensorMapError
from sensormap.frame import Photo, Skipped
from sensormap.maps.sensor_map import SensorMap
from sensormap.output import write_atomically
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_fits_name, is_image_name, read_bytes
from sensormap.photos.mark import marked
from sensormap.photos.refusals import skipped
from sensormap.threads import Progress, default_threads, no_progress, result_of
from sensormap.urls import expanded

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
        Number of those that were to be repaired and could not be: no healthy photosite is near, or a JPEG does not show
        them.
    chosen
        The defects that were to be repaired, and how many others were not, by reason.
    elsewhere
        Mean change of a JPEG outside the blocks that were coded anew, in DN of 8 bits.
    lone
        How many of the repaired photosites are in no map.
    inexact
        How many of them are off by more than their own noise, since the file cannot hold what they should be.
    """

    source: Path
    output: Path
    repaired: int
    left: int
    chosen: ChosenDefects
    elsewhere: float | None = None
    lone: int = 0
    inexact: int = 0


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
        Whether that DNG holds the untouched mosaic, and a list of the photosites that the raw developer is to
        interpolate.
    force
        Whether photos of other serial numbers are corrected too.
    overwrite
        Whether earlier results are replaced: corrected copies, and copies that are the same as their photo. Other files
        never are.
    jobs
        Threads; None means one for each processor, at most 8.
    also_lone
        Sigma, 8 or more, from which lone bright photosites of a raw photo are repaired that are in no map (see
        `methods.lone`); None leaves them.

    Raises
    ------
    ValueError
        If there is no such method, `jobs` is below 1, or `also_lone` below 8.
    """

    method: str = DIRECTIONAL
    all_defects: bool = False
    dng: bool = False
    opcodes: bool = False
    force: bool = False
    overwrite: bool = False
    jobs: int | None = None
    also_lone: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            msg = f"method: {self.method!r} is not one of {', '.join(METHODS)}"
            raise ValueError(msg)
        if self.jobs is not None and self.jobs < 1:
            msg = f"jobs: {self.jobs} is not 1 or more"
            raise ValueError(msg)
        if self.also_lone is not None and not LEAST_LONE_SIGMA <= self.also_lone < math.inf:
            msg = f"also_lone: {self.also_lone} is not {LEAST_LONE_SIGMA:g} or more"
            raise ValueError(msg)


def log_skipped(photo: Skipped) -> None:
    """Log a photo that cannot be used, as a warning."""
    log.warning("skipped %s: %s", photo.name, photo.reason)


_DEFAULTS = CorrectOptions()

# Photos of which one, the first among them, is checked by LibRaw once it is a corrected NEF, and not only by the own
# decoder.
_COMPARED = 100


def correct_photos(
    photos: Iterable[str | Path],
    sensor_map: SensorMap,
    folder: str | Path,
    options: CorrectOptions = _DEFAULTS,
    *,
    progress: Progress = no_progress,
    on_skipped: OnSkipped = log_skipped,
) -> tuple[CorrectedPhoto, ...]:
    """Correct photos, each into a file of its own.

    Parameters
    ----------
    photos
        Files, folders (searched recursively) and glob patterns, in any mix.
    sensor_map
        Map of the camera that took them.
    folder
        Folder for the copies, made if it does not exist. They keep their names, and the subfolders in which they lie
        below the folder that all photos have in common. What lies in it already is not taken for photos.
    options
        Options of the correction.
    progress
        Called with the number of photos done and the number of all, first with 0 done.
    on_skipped
        Called for each photo that cannot be corrected, in the order of the photos; by default a warning is logged.

    Returns
    -------
    tuple of CorrectedPhoto
        One for each photo that could be corrected, in the order of the photos.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    OutputError
        If `folder` is not a folder, or is named like a photo.
    FrameMismatchError
        If the options are for none of the photos, whatever they show.
    """
    paths, outputs, kept = places_of(photos, expanded(folder))
    check_options(paths, sensor_map, options)
    by_libraw = {*paths[::_COMPARED]}

    def corrected_photo(path: Path) -> CorrectedPhoto:
        corrected = _correct(path, outputs(path), sensor_map, options, kept, by_libraw=path in by_libraw)
        kept[identity(corrected.output)] = f"the corrected copy of {path}, written in this run"
        return corrected

    return run_each(paths, corrected_photo, jobs=options.jobs, progress=progress, on_skipped=on_skipped)


def run_each(
    paths: Sequence[Path],
    function: Callable[[Path], T],
    *,
    jobs: int | None,
    progress: Progress = no_progress,
    on_skipped: OnSkipped = log_skipped,
) -> tuple[T, ...]:
    """Call a function for each photo, in several threads, and return its results.

    Parameters
    ----------
    paths
        The photos.
    function
        The function. A photo for which it raises `SensorMapError` or `MemoryError` is skipped.
    jobs
        Threads; None means one for each processor, at most 8.
    progress, on_skipped
        As for `correct_photos`.

    Returns
    -------
    tuple
        In the order of the photos, without those that were skipped.
    """
    ended = Event()

    def guarded(path: Path) -> T | Skipped:
        if ended.is_set():
            return skipped(path.name, "the run ended before it")
        try:
            return function(path)
        except SensorMapError as error:
            return skipped(path.name, error)
        except MemoryError:
            return skipped(path.name, "too large for the memory that is free; with several --jobs, fewer need less")

    done: list[T] = []
    pool = ThreadPoolExecutor(jobs or default_threads())
    try:
        progress(0, len(paths))
        for number, future in enumerate([pool.submit(guarded, path) for path in paths], start=1):
            result = result_of(future)
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
    path: Path,
    output: Path,
    sensor_map: SensorMap,
    options: CorrectOptions,
    kept: Mapping[object, str],
    *,
    by_libraw: bool,
) -> CorrectedPhoto:
    """Correct one photo and write it."""
    photo = read_photo(path)
    check_body(photo, sensor_map, force=options.force)
    check_fits(photo, sensor_map, options)
    of_raw = photo.jpeg_size is None
    chosen = choose_defects(sensor_map, photo.exposure, of_raw=of_raw, all_defects=options.all_defects)
    data = read_bytes(path)
    if of_raw:
        copy = _copy_of_raw(data, photo, sensor_map, chosen, options, by_libraw=by_libraw)
    else:
        copy = _copy_of_jpeg(data, photo, sensor_map, chosen, options)
    output = output.with_suffix(copy.suffix) if copy.suffix else output
    make_folder(output.parent)
    objection = unless_corrected(data, kept)
    write_atomically(copy.data, output, overwrite=options.overwrite, objection=objection)
    inexact = f", {copy.inexact} of them off by more than their noise" if copy.inexact else ""
    log.info("%s: %d repaired%s, written to %s", path, copy.repaired, inexact, output)
    return CorrectedPhoto(path, output, copy.repaired, copy.left, chosen, copy.elsewhere, copy.lone, copy.inexact)


def check_options(paths: Sequence[Path], sensor_map: SensorMap, options: CorrectOptions) -> None:
    """Refuse options that no photo of the map, or none of these, can be corrected with, before any is read.

    Raises
    ------
    FrameMismatchError
        Saying which, and why.
    """
    cfa = sensor_map.sensor.cfa
    if options.also_lone is not None and cfa.is_xtrans:
        msg = "--also-lone is for Bayer filters and none, but the map has X-Trans filters"
        raise FrameMismatchError(msg)
    if options.opcodes and (cfa.is_xtrans or cfa.name == MONO):
        found = "X-Trans filters, of which a DNG's list of photosites knows no phase" if cfa.is_xtrans else "none"
        msg = f"--opcodes is for Bayer filters, but the map has {found}"
        raise FrameMismatchError(msg)
    if (options.dng or options.opcodes) and all(is_image_name(path) or is_fits_name(path) for path in paths):
        option = "dng" if options.dng else "opcodes"
        msg = f"--{option} is for raw photos: FITS, PNG and TIFF files tell nothing of what a DNG needs"
        raise FrameMismatchError(msg)


def check_fits(photo: Photo, sensor_map: SensorMap, options: CorrectOptions) -> None:
    """Refuse a photo of a sort that the map, or the options, are not for.

    Raises
    ------
    FrameMismatchError
        Saying what was found, and what is expected.
    """
    name, crop = photo.path.name, sensor_map.sensor.jpeg_crop
    if photo.jpeg_size is None:
        if sensor_map.sensor.is_jpeg_grid:
            msg = f"{name}: a raw photo, but the map is of JPEGs of a camera whose raw grid is unknown"
            raise FrameMismatchError(msg)
        if (is_image_name(photo.path) or is_fits_name(photo.path)) and (options.dng or options.opcodes):
            kind = "FITS" if is_fits_name(photo.path) else "PNG or TIFF"
            msg = f"{name}: a {kind} file tells nothing of what a DNG needs"
            raise FrameMismatchError(msg)
        return
    if options.also_lone is not None:
        msg = f"{name}: a JPEG, in which nothing lone is left: developing spreads it; --also-lone is for raw photos"
        raise FrameMismatchError(msg)
    if options.method not in JPEG_METHODS or options.dng or options.opcodes:
        msg = f"{name}: a JPEG, which is corrected by --method {' or '.join(JPEG_METHODS)} and stays one"
        raise FrameMismatchError(msg)
    if crop is None or photo.jpeg_size != (crop.width, crop.height):
        found = "{} x {} pixels".format(*photo.jpeg_size)
        expected = f"{crop.width} x {crop.height}" if crop else f"none: profile {sensor_map.profile} has no jpeg_crop"
        msg = f"{name}: a JPEG of {found}, expected {expected}"
        raise FrameMismatchError(msg)


def _copy_of_raw(
    data: bytes,
    photo: Photo,
    sensor_map: SensorMap,
    chosen: ChosenDefects,
    options: CorrectOptions,
    *,
    by_libraw: bool,
) -> CorrectedCopy:
    """Return the corrected copy of a raw photo: of the same format if that can be written, else a DNG."""
    name = photo.path.name
    profile = find_profile(sensor_map.body)
    method, lone = options.method, options.also_lone
    task = CorrectionTask(name, sensor_map, chosen, method, photo.exposure, profile, by_libraw, lone)
    if is_image_name(photo.path):
        return correct_image(data, task)
    if is_fits_name(photo.path):
        return correct_fits(data, task)
    if options.opcodes:
        return list_in_dng(data, task)
    copy = None if options.dng else correct_nef(data, task) or correct_dng(data, task)
    return copy or correct_as_dng(data, task)


def _copy_of_jpeg(
    data: bytes, photo: Photo, sensor_map: SensorMap, chosen: ChosenDefects, options: CorrectOptions
) -> CorrectedCopy:
    """Return the corrected copy of a JPEG."""
    name = photo.path.name
    pixels = pixels_of(chosen, sensor_map)
    result = correct_jpeg(data, name, pixels, method=options.method, all_defects=options.all_defects)
    corrected = result.data if result.data == data else marked(result.data)
    return CorrectedCopy(corrected, "", result.repaired, result.left, result.mean_change_elsewhere)
