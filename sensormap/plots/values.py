"""What single photosites showed in many photos: read from the photos, or from a state folder that has kept it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.correct.run import OnSkipped, log_skipped, run_each
from sensormap.correct.selection import check_body
from sensormap.decode.reading import read_frame
from sensormap.errors import FrameMismatchError, StateError
from sensormap.frame import Exposure, Photo
from sensormap.maps.entries import Defect, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo
from sensormap.photos.files import is_jpeg_name
from sensormap.photos.finding import find_local_photos
from sensormap.score.neighbours import gather_windows, pad
from sensormap.shards.state_values import kept_photos
from sensormap.survey.passes import geometry_of
from sensormap.threads import Progress, no_progress

MOST_SHOWN = 6
"""Defects whose values one picture shows."""


@dataclass(frozen=True, eq=False)
class DefectValues:
    """What some defects showed in some photos.

    Parameters
    ----------
    defects
        The defects, N.
    exposures
        Settings of the photos, n, in order of capture; those without a time last.
    value, level
        Each photosite's value, and the median of its eight neighbours of the same colour: DN, black subtracted, NaN
        where it is not known; ``(N, n)``.
    """

    defects: tuple[Defect, ...]
    exposures: tuple[Exposure, ...]
    value: NDArray[np.float64]
    level: NDArray[np.float64]


def strongest(sensor_map: SensorMap, places: Sequence[tuple[int, int]] = ()) -> tuple[Defect, ...]:
    """Return the defects to show: those at some places (x, y), or of the others the strongest of each kind in turn.

    Raises
    ------
    FrameMismatchError
        If no defect of the map lies at one of the places.
    """
    if places:
        found = {(defect.x, defect.y): defect for defect in sensor_map.defects}
        if missing := [place for place in places if place not in found]:
            msg = f"the map has no single defect at {missing[0][0]},{missing[0][1]}; sensormap show --all lists them"
            raise FrameMismatchError(msg)
        return tuple(found[place] for place in dict.fromkeys(places))[:MOST_SHOWN]
    ranked = sorted(sensor_map.defects, key=lambda defect: (-abs(defect.score), defect.y, defect.x))
    turns: dict[str, int] = {}
    keyed = []
    for number, defect in enumerate(ranked):
        turns[defect.kind] = turns.get(defect.kind, 0) + 1
        keyed.append((turns[defect.kind], number, defect))
    return tuple(defect for _, _, defect in sorted(keyed, key=lambda one: one[:2])[:MOST_SHOWN])


def values_in_photos(  # noqa: PLR0913
    photos: Iterable[str | Path],
    sensor_map: SensorMap,
    defects: Sequence[Defect],
    *,
    profile: str | None = None,
    jobs: int | None = None,
    progress: Progress = no_progress,
    on_skipped: OnSkipped = log_skipped,
) -> DefectValues:
    """Read photos, and return what some defects show in them.

    Parameters
    ----------
    photos
        Files, folders (searched recursively) and glob patterns, in any mix.
    sensor_map
        Map of the camera that took them.
    defects
        Defects of the map.
    profile
        Name or file of the camera profile; None finds the one that the map is by, and leaves the geometry to the photos
        if there is none.
    jobs, progress, on_skipped
        As for `correct_photos`.

    Raises
    ------
    DecodeError
        If an argument names nothing.
    ProfileError
        If there is no such profile.
    FrameMismatchError
        If no photo can be used.
    """
    of_jpegs = sensor_map.source == Source.JPEG
    paths = [path for path in find_local_photos(photos, images=profile is not None) if is_jpeg_name(path) == of_jpegs]
    if not paths:
        msg = f"no {'JPEGs' if of_jpegs else 'raw photos'} found, which the map is of; name those that it was made from"
        raise FrameMismatchError(msg)
    sensor = sensor_map.sensor
    named = get_profile(profile) if profile else find_profile(sensor_map.body)
    if named is not None and not profile and named.raw_size != sensor.raw_size:  # the map is by another one
        named = None
    geometry = geometry_of([Photo(path, 0, sensor_map.body, Exposure()) for path in paths], named)
    if geometry.raw_size != sensor.raw_size:
        found, expected = ("{} x {}".format(*size) for size in (geometry.raw_size, sensor.raw_size))
        msg = f"the photos are of {found} photosites, but the map is of {expected}; name those that it was made from"
        raise FrameMismatchError(msg)
    area = geometry.active_area
    cfa = sensor.cfa.shifted(x=area.x, y=area.y)
    row = np.array([defect.y - area.y for defect in defects], np.int64)
    col = np.array([defect.x - area.x for defect in defects], np.int64)

    def windows_of(path: Path) -> tuple[Exposure, NDArray[np.float64]]:
        photo = read_photo(path)
        check_body(photo, sensor_map)
        frame = read_frame(photo, geometry)
        padded = pad(frame.mosaic[area.slices], cfa.step)
        return photo.exposure, gather_windows(padded, row, col, cfa).astype(np.float64)

    found_windows = run_each(paths, windows_of, jobs=jobs, progress=progress, on_skipped=on_skipped)
    if not found_windows:
        msg = f"none of {len(paths)} photos could be used; each is named above, with the reason"
        raise FrameMismatchError(msg)
    return _put_together(defects, found_windows)


def values_in_state(folder: str | Path, sensor_map: SensorMap, defects: Sequence[Defect]) -> DefectValues:
    """Return what some defects showed in the photos that a state folder knows; no photo is read.

    Parameters
    ----------
    folder
        A folder that ``map --state`` has made.
    sensor_map
        A map of the same camera.
    defects
        Defects of the map. One that a shard of photos did not find worth following has no values in those.

    Raises
    ------
    StateError
        If it is no state folder, another run has it, or it knows nothing of the camera.
    """
    area = sensor_map.sensor.active_area
    places = np.array([(one.y - area.y) * area.width + one.x - area.x for one in defects], np.int64)
    found = []
    for kept in kept_photos(Path(folder).expanduser(), sensor_map.body, (area.height, area.width)):
        listed = kept.windows.follow_list.photosites
        at = np.minimum(np.searchsorted(listed, places), max(listed.size - 1, 0))
        known = listed[at] == places if listed.size else np.zeros(places.size, np.bool_)
        windows = np.full((3, places.size), np.nan)
        windows[:, known] = kept.windows.values[:, at[known]]
        found.append((kept.photo.exposure, windows))
    if not found:
        msg = f"{folder}: knows no photo of {sensor_map.body}; run map --state with it, or name the photos"
        raise StateError(msg)
    return _put_together(defects, found)


def _put_together(
    defects: Sequence[Defect], found: Sequence[tuple[Exposure, NDArray[np.float64]]]
) -> DefectValues:
    """Return the values of all photos, in order of capture."""
    ordered = sorted(found, key=lambda one: (one[0].time is None, one[0].time or 0, one[0].shutter_count or 0))
    windows = np.stack([one[1] for one in ordered], axis=-1)
    return DefectValues(tuple(defects), tuple(one[0] for one in ordered), windows[0], windows[1] / 2)
