"""One raw photo corrected: its bytes in, those of the corrected copy out."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.correct.dng import check_dng, dng_bytes
from sensormap.correct.dng_inside import lossless_jpeg
from sensormap.correct.dng_inside.rewriting import Tiles, assembled, read_tiles, with_photosites
from sensormap.correct.methods.targets import Levels
from sensormap.correct.nef import Nef, check_rewritten, read_nef, stored_values, with_values
from sensormap.correct.nef_packing import nearest_indices
from sensormap.correct.repairs import (
    CorrectionTask,
    RepairedPhotosites,
    check_undamaged,
    find_repairs,
    lone_photosites,
    with_repairs,
)
from sensormap.decode.dng.tiles import Mosaic, find_mosaic
from sensormap.decode.libraw import open_raw, read_levels
from sensormap.decode.original import Original, read_original
from sensormap.decode.png_tiff import image_bytes, image_size, read_image
from sensormap.errors import DecodeError, FrameMismatchError, OutputError
from sensormap.formats.listing import Listing, Photosite
from sensormap.formats.programs.dng_opcodes import opcode_list
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.mark import marked

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorrectedCopy:
    """A corrected copy of a photo, before it is written.

    Parameters
    ----------
    data
        All bytes of the file.
    suffix
        Ending of its name; "" for that of the photo.
    repaired
        Photosites that have another value, or are listed for the raw developer to interpolate.
    left
        Photosites that were to be repaired, but have no healthy one near enough, or lie where nothing is decoded.
    elsewhere
        Mean change of a JPEG outside the blocks that were coded anew, in DN of 8 bits.
    lone
        How many of the repaired photosites are in no map.
    inexact
        How many of them are off by more than their own noise, since the file cannot hold what they should be.
    """

    data: bytes
    suffix: str
    repaired: int
    left: int
    elsewhere: float | None = None
    lone: int = 0
    inexact: int = 0


def correct_nef(data: bytes, task: CorrectionTask) -> CorrectedCopy | None:
    """Return a NEF with some photosites repaired and everything else kept, decoded again and compared with that.

    Parameters
    ----------
    data
        The whole file.
    task
        Defects to correct in it, and the method.

    Returns
    -------
    CorrectedCopy or None
        None where the file is no NEF that can be written again.

    Raises
    ------
    DecodeError
        If the file is damaged.
    FrameMismatchError
        If it has another size or other filters than the map.
    OutputError
        If the new file does not decode to what it should.
    """
    nef = read_nef(data, task.name)
    if nef is None:
        return None
    _check_size((nef.raw.width, nef.raw.height), None, task.sensor_map, task.name)
    levels = _nef_levels(data, int(nef.levels[-1]), task)
    repairs = find_repairs(nef.values, task.sensor_map.sensor.active_area, levels, task)
    rewritten = with_values(nef, repairs.rows, repairs.cols, repairs.values)
    if rewritten is None:
        log.info("%s: becomes a DNG: a value beside the left border cannot be written in its code", task.name)
        return None
    if rewritten is not data:
        rewritten = marked(rewritten)
        check_rewritten(rewritten, nef, repairs.rows, repairs.cols, repairs.values, by_libraw=task.by_libraw)
    inexact = _inexact(nef, repairs)
    return CorrectedCopy(rewritten, "", repairs.rows.size, repairs.left, lone=repairs.lone, inexact=inexact)


def _inexact(nef: Nef, repairs: RepairedPhotosites) -> int:
    """Return how many values are not the nearest level, as after a split, and off by more than noise."""
    stored = stored_values(nef, repairs.rows, repairs.cols, repairs.values)
    if stored is None:
        return 0
    nearest = nef.levels[nearest_indices(repairs.values, nef.levels)]
    off = np.abs(stored - repairs.values.astype(np.float64)) > repairs.noise
    return int(np.count_nonzero(off & (stored != nearest)))


def _nef_levels(data: bytes, highest: int, task: CorrectionTask) -> Levels:
    """Return black and saturation of a NEF: the profile's where it was checked, else LibRaw's, which decodes for it."""
    profile, sensor = task.profile, task.sensor_map.sensor
    if profile and profile.verified and profile.black_level is not None:
        return Levels(sensor.cfa, profile.black_level, highest).of(profile)
    with open_raw(data, task.name) as file:
        found = read_levels(file, task.name, data)
    _check_size(sensor.raw_size, found.cfa, task.sensor_map, task.name)
    return Levels(found.cfa, found.black_level, min(highest, found.white_level)).of(profile)


def can_rewrite_dng(data: bytes, name: str) -> bool:
    """Tell, without decoding it, whether a file is a DNG that `correct_dng` keeps, unless it is odd or damaged."""
    mosaic = find_mosaic(data, name)
    return mosaic is not None and (not mosaic.lossless_jpeg or lossless_jpeg.is_available())


def correct_dng(data: bytes, task: CorrectionTask) -> CorrectedCopy | None:
    """Return a DNG with some photosites repaired and everything else kept; otherwise as `correct_nef`."""
    mosaic = find_mosaic(data, task.name)
    if mosaic is None:
        return None
    if mosaic.lossless_jpeg and not lossless_jpeg.is_available():
        log.info("%s: becomes a new DNG; with imagecodecs it would stay: pip install 'sensormap[dng]'", task.name)
        return None
    original = read_original(data, task.name)
    if original.mosaic.shape != (mosaic.height, mosaic.width):
        return None
    tiles = _tiles_like(data, mosaic, original, task.name)
    area = usable_part(original, task.sensor_map, task.name)
    levels = Levels(original.cfa, original.black_level, original.white_level).of(task.profile)
    repairs = find_repairs(original.mosaic, area, levels, task)
    corrected = with_repairs(original.mosaic, repairs)
    rows, cols = np.nonzero(corrected != original.mosaic)
    if not rows.size:
        return CorrectedCopy(data, "", repairs.rows.size, repairs.left, lone=repairs.lone)
    changes = rows, cols, corrected[rows, cols]
    rewritten = with_photosites(data, mosaic, tiles, changes, task.name) if tiles else None
    if rewritten is None:
        why = "it would be too large" if tiles else "its tiles are coded in a way that is not known"
        log.info("%s: becomes a new DNG: %s", task.name, why)
        return None
    rewritten = marked(rewritten)
    check_dng(rewritten, corrected, task.name)
    return CorrectedCopy(rewritten, "", repairs.rows.size, repairs.left, lone=repairs.lone)


def _tiles_like(data: bytes, mosaic: Mosaic, original: Original, name: str) -> Tiles | None:
    """Return the tiles of a DNG, or None where they are coded in a way that is not known.

    Refused is a file that holds other values than LibRaw decodes: what LibRaw decodes is written nowhere then.
    """
    tiles = read_tiles(data, mosaic, name)
    if tiles is None:
        return None
    visible = original.visible.slices
    differ = np.count_nonzero(assembled(tiles, mosaic)[visible] != original.mosaic[visible])
    if differ:
        msg = f"{name}: LibRaw decodes other values than the file holds, at {differ} photosites"
        raise DecodeError(msg)
    return tiles


def _read_sure(data: bytes, name: str) -> Original:
    """Decode a raw photo; refuse a DNG that holds other values."""
    original = read_original(data, name)
    mosaic = find_mosaic(data, name)
    can_read = mosaic is not None and (not mosaic.lossless_jpeg or lossless_jpeg.is_available())
    if mosaic and can_read and original.mosaic.shape == (mosaic.height, mosaic.width):
        _tiles_like(data, mosaic, original, name)
    return original


def correct_as_dng(data: bytes, task: CorrectionTask) -> CorrectedCopy:
    """Return a DNG of a raw photo with some photosites repaired; otherwise as `correct_nef`."""
    original = _read_sure(data, task.name)
    area = usable_part(original, task.sensor_map, task.name)
    levels = Levels(original.cfa, original.black_level, original.white_level).of(task.profile)
    repairs = find_repairs(original.mosaic, area, levels, task)
    mosaic = with_repairs(original.mosaic, repairs)
    dng = marked(dng_bytes(mosaic, original))
    check_dng(dng, mosaic, task.name)
    return CorrectedCopy(dng, ".dng", repairs.rows.size, repairs.left, lone=repairs.lone)


def correct_image(data: bytes, task: CorrectionTask) -> CorrectedCopy:
    """Return a PNG or TIFF file that holds a mosaic, with some photosites repaired; otherwise as `correct_nef`.

    What else the file says is not kept.
    """
    check_image(data, task)
    mosaic = read_image(data, task.name)
    repairs = find_repairs(mosaic, task.sensor_map.sensor.active_area, image_levels(task), task)
    corrected = with_repairs(mosaic, repairs)
    written = marked(image_bytes(corrected, like=data))
    if not np.array_equal(read_image(written, task.name), corrected):
        msg = f"{task.name}: written again, it does not decode to the corrected mosaic"
        raise OutputError(msg)
    return CorrectedCopy(written, "", repairs.rows.size, repairs.left, lone=repairs.lone)


def check_image(data: bytes, task: CorrectionTask) -> None:
    """Refuse a PNG or TIFF file of another size than the map's raw grid."""
    _check_size(image_size(data, task.name), None, task.sensor_map, task.name)


def image_levels(task: CorrectionTask) -> Levels:
    """Return black and saturation of a PNG or TIFF file: its own header tells neither, the profile may."""
    cfa, profile = task.sensor_map.sensor.cfa, task.profile
    black = profile.black_level if profile and profile.black_level else (0,) * len(cfa.planes)
    return Levels(cfa, black, int(np.iinfo(np.uint16).max)).of(profile)


def list_in_dng(data: bytes, task: CorrectionTask) -> CorrectedCopy:
    """Return a DNG of an untouched raw photo, with the list of photosites that its developer is to interpolate."""
    original = _read_sure(data, task.name)
    area = usable_part(original, task.sensor_map, task.name)
    wanted = task.chosen.photosites(task.sensor_map)
    levels = Levels(original.cfa, original.black_level, original.white_level).of(task.profile)
    check_undamaged(original.mosaic, area, levels, task)
    lone = lone_photosites(original.mosaic, area, levels, task) + np.array([area.y, area.x])
    photosites = tuple(sorted([
        *(Photosite(y, x) for x, y in wanted if area.contains(x, y)),
        *(Photosite(y, x) for y, x in lone.tolist()),
    ]))  # fmt: skip
    opcodes = opcode_list(Listing(photosites), task.sensor_map.sensor)
    dng = marked(dng_bytes(original.mosaic, original, opcodes=opcodes))
    check_dng(dng, original.mosaic, task.name)
    left = len(wanted) + len(lone) - len(photosites)
    return CorrectedCopy(dng, ".dng", len(photosites), left, lone=len(lone))


def usable_part(original: Original, sensor_map: SensorMap, name: str) -> Rect:
    """Return the part of the active area that LibRaw decodes of a photo.

    Raises
    ------
    FrameMismatchError
        If the photo's raw grid is not the map's.
    """
    height, width = original.mosaic.shape
    _check_size((width, height), original.cfa, sensor_map, name)
    try:
        return sensor_map.sensor.active_area.intersection(original.visible)
    except ValueError as error:
        msg = f"{name}: shows nothing of the map's active area"
        raise FrameMismatchError(msg) from error


def _check_size(size: tuple[int, int], cfa: Cfa | None, sensor_map: SensorMap, name: str) -> None:
    """Refuse a photo whose raw grid is not the map's; no filters are told where `cfa` is None."""
    sensor = sensor_map.sensor
    if size != sensor.raw_size or cfa not in (None, sensor.cfa):
        expected = f"{sensor.raw_size[0]} x {sensor.raw_size[1]} {sensor.cfa.name}"
        msg = f"{name}: raw grid of {size[0]} x {size[1]}{f' {cfa.name}' if cfa else ''}, but the map is of {expected}"
        raise FrameMismatchError(msg)
