"""Which defects of a map are repaired in a photo: those there when it was taken, and visible at its exposure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Body
from sensormap.correct.jpeg.smears import Pixel
from sensormap.errors import FrameMismatchError
from sensormap.frame import Exposure, Photo
from sensormap.maps.entries import Between, Column, Defect, Row, Source
from sensormap.maps.sensor_map import SensorMap, photosites_of
from sensormap.maps.visible import visible_defects
from sensormap.photos.files import is_image_name

# Where a defect shows best, DN of 12 bits: a bright one in black, where there is no photon noise; a dark one just below
# saturation.
_DARKEST_DN, _BRIGHTEST_DN = 0.0, 3800.0


@dataclass(frozen=True)
class ChosenDefects:
    """The defects of a map that are repaired in a photo, and how many others are not, by reason.

    Parameters
    ----------
    defects
        Single photosites, sorted by (y, x).
    lines
        Columns and rows.
    before_onset, healed, hidden
        Photosites left alone: numbers of those that appeared after the photo was taken, that had healed by then, and
        that are invisible at its exposure.
    jpeg_only
        Number of those left alone in a raw photo since only JPEGs show them: their place is not known well enough.
    """

    defects: tuple[Defect, ...]
    lines: tuple[Column | Row, ...]
    before_onset: int = 0
    healed: int = 0
    hidden: int = 0
    jpeg_only: int = 0

    def photosites(self, sensor_map: SensorMap) -> list[tuple[int, int]]:
        """Return (x, y) of all of them on the raw grid, sorted by (y, x), each once."""
        return photosites_of(self.defects, self.lines, sensor_map.sensor.cfa)


def check_body(photo: Photo, sensor_map: SensorMap, *, force: bool = False) -> None:
    """Refuse a photo of another camera than the map's.

    Parameters
    ----------
    photo
        The photo, as its EXIF describes it. PNG and TIFF files that say nothing are taken for those of any camera.
    sensor_map
        The map. One without a model or serial number, as of JPEGs without EXIF, takes photos of any.
    force
        Whether another or unknown serial number is no reason, nor that nothing is known; another model always is.

    Raises
    ------
    FrameMismatchError
        Naming both bodies.
    """
    found, expected = photo.body, sensor_map.body
    nameless = found == Body("", "", "")
    if nameless and (force or is_image_name(photo.path)):
        return
    if (expected.make or expected.model) and (found.make, found.model) != (expected.make, expected.model):
        hint = "; --force corrects it" if nameless else ""
        msg = f"{photo.path.name}: taken by {_model(found)}, but the map is of {_model(expected)}{hint}"
        raise FrameMismatchError(msg)
    if expected.serial and found.serial != expected.serial and not force:
        msg = f"{photo.path.name}: taken by {found}, but the map is of serial {expected.serial}; --force corrects it"
        raise FrameMismatchError(msg)


def choose_defects(
    sensor_map: SensorMap, exposure: Exposure, *, of_raw: bool, all_defects: bool = False
) -> ChosenDefects:
    """Return the defects of a map that are repaired in a photo.

    Parameters
    ----------
    sensor_map
        The map.
    exposure
        Settings of the photo. Without a time everything counts as there; without a shutter time or ISO everything
        counts as visible.
    of_raw
        Whether the photo is a raw one: entries that only JPEGs show are left out, their photosites being uncertain.
    all_defects
        Whether to repair every mapped defect, also those that appeared later, have healed, or are invisible at this
        exposure.

    Notes
    -----
    A defect that appeared between two photos counts as there from just after the first. It is invisible where it stays
    within 3 sigma of the noise that `maps.visible` assumes, even where it would show best: a bright one in black, a
    dark one just below saturation. Defects of unknown strength, and those of a map of JPEGs, always count as visible.
    """
    defects = [defect for defect in sensor_map.defects if not (of_raw and defect.radius is not None)]
    lines = [line for line in sensor_map.lines if not (of_raw and line.radius is not None)]
    cfa = sensor_map.sensor.cfa
    jpeg_only = len(sensor_map.defects) - len(defects) + _size(sensor_map.lines, cfa) - _size(lines, cfa)
    if all_defects:
        return ChosenDefects(tuple(defects), tuple(lines), jpeg_only=jpeg_only)
    appeared = [defect for defect in defects if not _before(exposure.time, defect.onset)]
    there = [defect for defect in appeared if not _after(exposure.time, defect.until)]
    shown = _shown(sensor_map, there, exposure)
    alive = [line for line in lines if not _before(exposure.time, line.onset)]
    return ChosenDefects(
        tuple(shown),
        tuple(alive),
        before_onset=len(defects) - len(appeared) + _size(lines, cfa) - _size(alive, cfa),
        healed=len(appeared) - len(there),
        hidden=len(there) - len(shown),
        jpeg_only=jpeg_only,
    )


def pixels_of(chosen: ChosenDefects, sensor_map: SensorMap) -> list[Pixel]:
    """Return the pixels of the camera's JPEG that show what was chosen, sorted by (y, x).

    Parameters
    ----------
    chosen
        Defects, as `choose_defects` returns them.
    sensor_map
        Their map. Photosites outside the JPEG's crop, or all of them where that is unknown, are left out.
    """
    wanted = chosen.photosites(sensor_map)
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for number, line in enumerate(chosen.lines, start=1):
        found |= dict.fromkeys(line.photosites(sensor_map.sensor.cfa), (line.radius or 0, number))
    found |= {(defect.x, defect.y): (defect.radius or 0, 0) for defect in chosen.defects}
    places = ((sensor_map.sensor.jpeg_pixel(*place), found[place]) for place in wanted)
    return [Pixel(*pixel, *rest) for pixel, rest in places if pixel is not None]


def _shown(sensor_map: SensorMap, defects: list[Defect], exposure: Exposure) -> list[Defect]:
    """Return those of some defects that show at an exposure."""
    if sensor_map.source == Source.JPEG or exposure.iso is None or exposure.shutter_s is None:
        return defects
    some = sensor_map.part(defects)
    levels = (_DARKEST_DN, _BRIGHTEST_DN)
    law, warmth = sensor_map.dark_law, exposure.temperature_c
    dark_s = exposure.shutter_s * (1.0 if law is None or warmth is None else law.factor(warmth))
    return list(visible_defects(some, shutter_s=dark_s, iso=exposure.iso, levels=levels))


def _size(lines: Iterable[Column | Row], cfa: Cfa) -> int:
    """Return how many photosites lines have."""
    return sum(len(line.covered(cfa)) for line in lines)


def _before(time: datetime | None, change: Between | None) -> bool:
    """Tell whether a photo was taken before a change: by the last photo that did not show it, or earlier."""
    return time is not None and change is not None and change.after is not None and time <= change.after


def _after(time: datetime | None, change: Between | None) -> bool:
    """Tell whether a photo was taken after a change: by the first photo that showed it, or later."""
    return time is not None and change is not None and change.by is not None and time >= change.by


def _model(body: Body) -> str:
    return str(body).rsplit(", serial", 1)[0]
