"""How good repairs are in given photos: healthy photosites held out, repaired, and compared with what they show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sensormap.camera.profile_files import find_profile
from sensormap.correct.methods.held_out import HeldOut, Quality, check, sum_up
from sensormap.correct.methods.new_values import Levels
from sensormap.correct.raw import mask_of, usable_part
from sensormap.correct.run import Told, Wishes, run_each
from sensormap.correct.selection import check_body
from sensormap.decode.original import read_original
from sensormap.errors import FrameMismatchError
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.files import find_photos, read_bytes


def check_repairs(
    arguments: Iterable[str | Path], sensor_map: SensorMap, wishes: Wishes, told: Told
) -> tuple[int, tuple[Quality, ...]]:
    """Repair healthy photosites of photos and return how many photos there were, and the errors by method.

    Parameters
    ----------
    arguments
        Raw photos: files, folders (searched recursively) and glob patterns, in any mix.
    sensor_map
        The defects of the camera that took them, which are neither held out nor used.
    wishes
        Of which `force` and `jobs` count.
    told
        Who is told of photos.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    """

    def one(path: Path) -> HeldOut:
        return _held_out(path, sensor_map, force=wishes.force)

    parts = run_each(find_photos(arguments, images=False), one, wishes.jobs, told)
    return len(parts), sum_up(parts)


def _held_out(path: Path, sensor_map: SensorMap, *, force: bool) -> HeldOut:
    """Hold photosites of one photo out."""
    photo = read_photo(path)
    check_body(photo, sensor_map, force=force)
    if photo.picture is not None or sensor_map.sensor.is_jpeg_grid:
        msg = f"{path.name}: --check holds out photosites of raw photos, not pixels of JPEGs"
        raise FrameMismatchError(msg)
    original = read_original(read_bytes(path), path.name)
    area = usable_part(original, sensor_map, path.name)
    levels = Levels(original.cfa, original.black_level, original.white_level).of(find_profile(sensor_map.body))
    cfa = original.cfa.shifted(x=area.x, y=area.y)
    if min(area.width, area.height) < 3 * cfa.step:
        msg = f"{path.name}: {area.width} x {area.height} photosites are too few to hold any out"
        raise FrameMismatchError(msg)
    shown = levels.above_black(original.mosaic[area.slices], cfa)
    return check(shown, mask_of(sensor_map, area), cfa, clipping=levels.clipping)
