"""What is to be repaired in one raw photo, and the values that it gets, whatever file these go into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Profile
from sensormap.correct.methods.lone import find_lone
from sensormap.correct.methods.new_values import new_values
from sensormap.correct.methods.targets import Levels, Targets
from sensormap.correct.selection import ChosenDefects
from sensormap.errors import DecodeError
from sensormap.frame import Exposure
from sensormap.maps.sensor_map import SensorMap
from sensormap.score.neighbours import pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.score.plausible import damage


@dataclass(frozen=True)
class CorrectionTask:
    """What is to be corrected in one raw photo, and how.

    Parameters
    ----------
    name
        Name of its file, for messages.
    sensor_map
        The map.
    chosen
        Defects of the map that are repaired.
    method
        One of `methods.registry.METHODS`.
    exposure
        Settings of the photo.
    profile
        Profile of the camera, which tells at how many DN a photosite clips; None where there is none.
    also_lone
        Sigma from which lone bright photosites that are in no map are repaired too; None leaves them.
    by_libraw
        Whether LibRaw decodes a corrected NEF, to check it, and not the own decoder only.
    """

    name: str
    sensor_map: SensorMap
    chosen: ChosenDefects
    method: str
    exposure: Exposure
    profile: Profile | None
    by_libraw: bool = True
    also_lone: float | None = None


@dataclass(frozen=True, eq=False)
class RepairedPhotosites:
    """New values of some photosites.

    Parameters
    ----------
    rows, cols
        Where they are on the raw grid, ``(N,)``.
    values
        What they should show, DN, ``(N,)``.
    noise
        Standard deviation of a photosite's own noise there, DN, ``(N,)``.
    left
        How many more there should be.
    lone
        How many of them are in no map.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.uint16]
    noise: NDArray[np.float64]
    left: int
    lone: int = 0


def find_repairs(mosaic: NDArray[Any], area: Rect, levels: Levels, task: CorrectionTask) -> RepairedPhotosites:
    """Return the new values of the chosen photosites inside an area.

    Parameters
    ----------
    mosaic
        The raw grid, ``(H, W)``, DN of any integer type, black included.
    area
        The part of it that is decoded and light-sensitive.
    levels
        Black and saturation of the photo.
    task
        Defects to repair, and the method.

    Raises
    ------
    DecodeError
        If what was decoded shows damage: its copy would hide that.
    """
    noise = check_undamaged(mosaic, area, levels, task)
    sensor_map, chosen = task.sensor_map, task.chosen
    wanted = chosen.photosites(sensor_map)
    inside = [(y - area.y, x - area.x) for x, y in wanted if area.contains(x, y)]
    lone = lone_photosites(mosaic, area, levels, task)
    places = np.concatenate([np.array(inside, np.int64).reshape(-1, 2), lone])
    cfa = sensor_map.sensor.cfa.shifted(x=area.x, y=area.y)
    defects = {(defect.y - area.y, defect.x - area.x): defect for defect in chosen.defects}
    alone = [defects.get(place) for place in inside] + [None] * len(lone)
    mask = mask_of(sensor_map, area)
    targets = Targets(mosaic[area.slices], mask, places, cfa, alone, task.exposure, levels, sensor_map.dark_law)
    repaired = new_values(targets, task.method)
    found = ~repaired.unknown
    rows, cols = (places[found] + (area.y, area.x)).T
    values = repaired.values[found]
    black = levels.by_phase(cfa)[tuple(places[found].T % cfa.step)]
    above = np.maximum(values - black.astype(np.float64), 0)
    own = np.sqrt(noise.own_variance(places[found], above)) if noise else np.zeros(rows.size)
    left = len(wanted) + len(lone) - rows.size
    return RepairedPhotosites(rows, cols, values, own, left, int(np.count_nonzero(found[len(inside) :])))


def check_undamaged(mosaic: NDArray[Any], area: Rect, levels: Levels, task: CorrectionTask) -> Noise | None:
    """Return a photo's noise, None of one too small; refuse it where `score.plausible` finds damage, as surveys do.

    Parameters
    ----------
    mosaic, area, levels, task
        As for `find_repairs`.
    """
    cfa = task.sensor_map.sensor.cfa.shifted(x=area.x, y=area.y)
    if min(area.width, area.height) < 3 * cfa.step:
        return None
    active = levels.above_black(mosaic[area.slices], cfa)
    noise = fit_noise(pad(active, cfa.step), cfa, clipping=levels.clipping, quantised=True)
    if why := damage(active, noise, cfa, clipping=levels.clipping):
        msg = f"{task.name}: {why}"
        raise DecodeError(msg)
    return noise


def lone_photosites(
    mosaic: NDArray[np.uint16], area: Rect, levels: Levels, task: CorrectionTask
) -> NDArray[np.int64]:
    """Return the lone photosites to repair, rows and columns within the area, ``(N, 2)``; none if that was not asked.

    Parameters
    ----------
    mosaic, area, levels, task
        As for `find_repairs`.
    """
    if task.also_lone is None:
        return np.empty((0, 2), np.int64)
    cfa = task.sensor_map.sensor.cfa.shifted(x=area.x, y=area.y)
    return find_lone(mosaic[area.slices], mask_of(task.sensor_map, area), cfa, levels, task.also_lone)


def mask_of(sensor_map: SensorMap, area: Rect) -> NDArray[np.bool_]:
    """Return which photosites of an area are mapped, ``(H, W)``: none of them repairs another."""
    return np.ascontiguousarray(sensor_map.mask()[area.slices])


def with_repairs(mosaic: NDArray[Any], repairs: RepairedPhotosites) -> NDArray[Any]:
    """Return a copy of a mosaic with the repaired values."""
    corrected = mosaic.copy()
    corrected[repairs.rows, repairs.cols] = repairs.values
    return corrected
