"""One raw photo corrected: its bytes in, those of the corrected photo out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.correct.dng import check_dng, dng_bytes
from sensormap.correct.methods.new_values import Levels, Recipe, new_values
from sensormap.correct.nef import check_rewritten, read_nef, with_values
from sensormap.correct.selection import Chosen
from sensormap.decode.original import Original, read_original
from sensormap.decode.png_tiff import image_bytes, image_size, read_image
from sensormap.errors import FrameMismatchError, OutputError
from sensormap.formats.listing import Listing, Photosite
from sensormap.formats.programs.dng_opcodes import opcode_list
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.files import marked


@dataclass(frozen=True)
class Content:
    """What a corrected photo's file is to hold.

    Parameters
    ----------
    data
        All of it.
    suffix
        Ending of its name; "" for that of the photo.
    repaired
        Photosites that have another value, or are listed for the developer to interpolate.
    left
        Photosites that were to be repaired, but have no healthy one near enough, or lie where nothing is decoded.
    elsewhere
        Of a JPEG, the mean change of the picture outside the blocks that were coded anew, in DN of 8 bits.
    """

    data: bytes
    suffix: str
    repaired: int
    left: int
    elsewhere: float | None = None


@dataclass(frozen=True)
class Repairs:
    """New values of some photosites: rows and columns on the raw grid, DN; and how many more there should be."""

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    values: NDArray[np.uint16]
    left: int


def correct_nef(
    data: bytes, name: str, sensor_map: SensorMap, chosen: Chosen, recipe: Recipe, profile: Profile | None
) -> Content | None:
    """Return a NEF with some photosites repaired and everything else kept, compared with what LibRaw decodes of it.

    Parameters
    ----------
    data, name
        The file, and its name for messages.
    sensor_map, chosen
        The map, and what of it to repair.
    recipe
        How.
    profile
        Of the camera; tells at which DN a photosite clips.

    Returns
    -------
    Content or None
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
    nef = read_nef(data, name)
    if nef is None:
        return None
    _check_size((nef.raw.width, nef.raw.height), None, sensor_map, name)
    cfa, area = sensor_map.sensor.cfa, sensor_map.sensor.active_area
    levels = Levels(cfa, (0,) * len(cfa.planes), int(nef.levels[-1]))  # such cameras subtract black themselves
    repairs = find_repairs(nef.values, area, sensor_map, chosen, recipe, levels.of(profile))
    rewritten = with_values(nef, repairs.rows, repairs.cols, repairs.values)
    if rewritten is not data:
        rewritten = marked(rewritten)
        check_rewritten(rewritten, nef, repairs.rows, repairs.cols, repairs.values)
    return Content(rewritten, "", repairs.rows.size, repairs.left)


def correct_as_dng(
    data: bytes, name: str, sensor_map: SensorMap, chosen: Chosen, recipe: Recipe, profile: Profile | None
) -> Content:
    """Return a DNG of a raw photo with some photosites repaired; otherwise as `correct_nef`."""
    original = read_original(data, name)
    area = usable_part(original, sensor_map, name)
    levels = Levels(original.cfa, original.black_level, original.white_level).of(profile)
    repairs = find_repairs(original.mosaic, area, sensor_map, chosen, recipe, levels)
    mosaic = original.mosaic.copy()
    mosaic[repairs.rows, repairs.cols] = repairs.values
    dng = marked(dng_bytes(mosaic, original))
    check_dng(dng, mosaic, name)
    return Content(dng, ".dng", repairs.rows.size, repairs.left)


def correct_image(
    data: bytes, name: str, sensor_map: SensorMap, chosen: Chosen, recipe: Recipe, profile: Profile | None
) -> Content:
    """Return a PNG or TIFF file that holds a mosaic, with some photosites repaired; otherwise as `correct_nef`.

    What else the file says is not kept.
    """
    cfa = sensor_map.sensor.cfa
    _check_size(image_size(data, name), None, sensor_map, name)
    mosaic = read_image(data, name)
    black = profile.black_level if profile and profile.black_level else (0,) * len(cfa.planes)
    levels = Levels(cfa, black, int(np.iinfo(np.uint16).max)).of(profile)
    repairs = find_repairs(mosaic, sensor_map.sensor.active_area, sensor_map, chosen, recipe, levels)
    corrected = mosaic.copy()
    corrected[repairs.rows, repairs.cols] = repairs.values
    written = marked(image_bytes(corrected, like=data))
    if not np.array_equal(read_image(written, name), corrected):
        msg = f"{name}: written again, it does not decode to the corrected mosaic"
        raise OutputError(msg)
    return Content(written, "", repairs.rows.size, repairs.left)


def list_in_dng(data: bytes, name: str, sensor_map: SensorMap, chosen: Chosen) -> Content:
    """Return a DNG of an untouched raw photo, with the list of photosites that its developer is to interpolate."""
    original = read_original(data, name)
    area = usable_part(original, sensor_map, name)
    wanted = chosen.photosites(sensor_map)
    photosites = tuple(Photosite(y, x) for x, y in wanted if area.contains(x, y))
    opcodes = opcode_list(Listing(photosites), sensor_map.sensor)
    dng = marked(dng_bytes(original.mosaic, original, opcodes=opcodes))
    check_dng(dng, original.mosaic, name)
    return Content(dng, ".dng", len(photosites), len(wanted) - len(photosites))


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


def find_repairs(
    mosaic: NDArray[np.uint16], area: Rect, sensor_map: SensorMap, chosen: Chosen, recipe: Recipe, levels: Levels
) -> Repairs:
    """Return the new values of the chosen photosites inside an area.

    Parameters
    ----------
    mosaic
        The raw grid, ``(H, W)``, DN, black included.
    area
        What of it is decoded and light-sensitive.
    sensor_map, chosen, recipe
        As for `correct_nef`.
    levels
        Black and saturation.
    """
    wanted = chosen.photosites(sensor_map)
    inside = [(y - area.y, x - area.x) for x, y in wanted if area.contains(x, y)]
    targets = np.array(inside, np.intp).reshape(-1, 2)
    cfa = sensor_map.sensor.cfa.shifted(x=area.x, y=area.y)
    defects = {(defect.y - area.y, defect.x - area.x): defect for defect in chosen.defects}
    alone = [defects.get(place) for place in inside]
    repaired = new_values(mosaic[area.slices], mask_of(sensor_map, area), targets, cfa, alone, (recipe, levels))
    found = ~repaired.unknown
    rows, cols = (targets[found] + (area.y, area.x)).T
    return Repairs(rows, cols, repaired.values[found], len(wanted) - rows.size)


def mask_of(sensor_map: SensorMap, area: Rect) -> NDArray[np.bool_]:
    """Return which photosites of an area are mapped: none of them repairs another."""
    return np.ascontiguousarray(sensor_map.mask()[area.slices])


def _check_size(size: tuple[int, int], cfa: Cfa | None, sensor_map: SensorMap, name: str) -> None:
    """Refuse a photo whose raw grid is not the map's; no filters are told where `cfa` is None."""
    sensor = sensor_map.sensor
    if size != sensor.raw_size or cfa not in (None, sensor.cfa):
        expected = f"{sensor.raw_size[0]} x {sensor.raw_size[1]} {sensor.cfa.name}"
        msg = f"{name}: raw grid of {size[0]} x {size[1]}{f' {cfa.name}' if cfa else ''}, but the map is of {expected}"
        raise FrameMismatchError(msg)
