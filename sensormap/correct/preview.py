"""One photo before and after its repair, in memory: what there is to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile_files import find_profile
from sensormap.correct.astro.fits import read_fits_mosaic
from sensormap.correct.jpeg.jpeg import correct_jpeg
from sensormap.correct.methods.targets import Levels
from sensormap.correct.raw import check_image, image_levels, usable_part
from sensormap.correct.repairs import CorrectionTask, find_repairs, with_repairs
from sensormap.correct.run import CorrectOptions, check_fits
from sensormap.correct.selection import ChosenDefects, check_body, choose_defects, pixels_of
from sensormap.decode.jpeg import read_jpeg
from sensormap.decode.original import read_original
from sensormap.decode.png_tiff import read_image
from sensormap.frame import Photo
from sensormap.maps.entries import Defect
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_fits_name, is_image_name, read_bytes

_DEFAULTS = CorrectOptions()


@dataclass(frozen=True, eq=False)
class RepairPreview:
    """A photo before and after its repair.

    Parameters
    ----------
    photo
        The photo.
    before, after
        Of a raw photo the raw grid, ``(H, W)``, DN, black included; of a JPEG its pixels, ``(H, W, 3)``, uint8.
    cfa, levels
        Filter pattern, and black and saturation; None of a JPEG.
    neutral
        Red, green, blue of a grey patch above black, green 1.
    area
        The part of the grid that is decoded.
    chosen
        The defects that are repaired, and how many others are not, by reason.
    places
        (x, y) of the single defects among them on this grid, each with the defect; without those that lie outside.
    lines
        Ends ``((x, y), (x, y))`` of the columns and rows among them on this grid.
    """

    photo: Photo
    before: NDArray[Any]
    after: NDArray[Any]
    cfa: Cfa | None
    levels: Levels | None
    neutral: tuple[float, float, float]
    area: Rect
    chosen: ChosenDefects
    places: tuple[tuple[tuple[int, int], Defect], ...]
    lines: tuple[tuple[tuple[int, int], tuple[int, int]], ...]


def preview_repair(path: str | Path, sensor_map: SensorMap, options: CorrectOptions = _DEFAULTS) -> RepairPreview:
    """Return a photo before and after its repair; nothing is written.

    Parameters
    ----------
    path
        The photo.
    sensor_map
        Map of the camera that took it.
    options
        As for `correct_photos`.

    Raises
    ------
    DecodeError
        If it cannot be read, or is damaged.
    FrameMismatchError
        If it was taken by another camera than the map's, or does not fit the map.
    """
    photo = read_photo(Path(path).expanduser())
    check_body(photo, sensor_map, force=options.force)
    check_fits(photo, sensor_map, options)
    of_raw = photo.jpeg_size is None
    chosen = choose_defects(sensor_map, photo.exposure, of_raw=of_raw, all_defects=options.all_defects)
    data = read_bytes(photo.path)
    if of_raw:
        return _of_raw(data, photo, sensor_map, chosen, options)
    return _of_jpeg(data, photo, sensor_map, chosen, options)


def _of_raw(
    data: bytes, photo: Photo, sensor_map: SensorMap, chosen: ChosenDefects, options: CorrectOptions
) -> RepairPreview:
    """Return a raw photo before and after."""
    name, profile = photo.path.name, find_profile(sensor_map.body)
    task = CorrectionTask(name, sensor_map, chosen, options.method, photo.exposure, profile)
    before: NDArray[Any]
    if is_image_name(photo.path):
        check_image(data, task)
        before, area, neutral = read_image(data, name), sensor_map.sensor.active_area, (1.0, 1.0, 1.0)
        levels = image_levels(task)
    elif is_fits_name(photo.path):
        _, before, levels = read_fits_mosaic(data, name, sensor_map, profile)
        area, neutral = sensor_map.sensor.active_area, (1.0, 1.0, 1.0)
    else:
        original = read_original(data, name)
        before, area, neutral = original.mosaic, usable_part(original, sensor_map, name), original.neutral
        levels = Levels(original.cfa, original.black_level, original.white_level).of(profile)
    repairs = find_repairs(before, area, levels, task)
    ends = [
        (line.photosite(line.place, line.first), line.photosite(line.place, line.last)) for line in chosen.lines
    ]
    return RepairPreview(
        photo=photo,
        before=before,
        after=with_repairs(before, repairs),
        cfa=sensor_map.sensor.cfa,
        levels=levels,
        neutral=neutral,
        area=area,
        chosen=chosen,
        places=tuple(((one.x, one.y), one) for one in chosen.defects if area.contains(one.x, one.y)),
        lines=tuple(ends),
    )


def _of_jpeg(
    data: bytes, photo: Photo, sensor_map: SensorMap, chosen: ChosenDefects, options: CorrectOptions
) -> RepairPreview:
    """Return a JPEG before and after."""
    name, sensor = photo.path.name, sensor_map.sensor
    pixels = pixels_of(chosen, sensor_map)
    result = correct_jpeg(data, name, pixels, method=options.method, all_defects=options.all_defects)
    before = read_jpeg(data, name)
    placed = ((sensor.jpeg_pixel(one.x, one.y), one) for one in chosen.defects)
    ends = (
        [sensor.jpeg_pixel(*line.photosite(line.place, along)) for along in (line.first, line.last)]
        for line in chosen.lines
    )
    return RepairPreview(
        photo=photo,
        before=before,
        after=before if result.data == data else read_jpeg(result.data, name),
        cfa=None,
        levels=None,
        neutral=(1.0, 1.0, 1.0),
        area=Rect(0, 0, before.shape[1], before.shape[0]),
        chosen=chosen,
        places=tuple((place, one) for place, one in placed if place is not None),
        lines=tuple((first, last) for first, last in ends if first is not None and last is not None),
    )
