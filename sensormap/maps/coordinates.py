"""A map's defective photosites as plain coordinates, for scripts and other programs."""

from __future__ import annotations

from enum import StrEnum

from sensormap.errors import ProfileError
from sensormap.maps.sensor_map import SensorMap


class Space(StrEnum):
    """Where coordinates count from; all are 0-based, x to the right and y down."""

    RAW = "raw"
    """The raw grid as decoded, margins included."""
    ACTIVE = "active"
    """The active area of the map: its top left photosite is (0, 0)."""
    JPEG = "jpeg"
    """The camera's full-size JPEG as stored (EXIF orientation not applied): what the correction script takes."""


def coordinates(sensor_map: SensorMap, space: Space | str = Space.RAW) -> list[tuple[int, int]]:
    """Return every defective photosite, those of columns and rows one by one.

    Parameters
    ----------
    sensor_map
        The map.
    space
        ``raw``, ``active`` or ``jpeg``. What lies outside the active area or the JPEG's crop is left out.

    Returns
    -------
    list of (x, y)
        Sorted by (y, x), each once.

    Raises
    ------
    ValueError
        If `space` is none of these.
    ProfileError
        If it is ``jpeg`` and the map knows no crop, or another one and the map is on the pixels of a JPEG.
    MapSizeError
        If there are more photosites than `SensorMap.photosites` lists.

    Examples
    --------
    >>> from sensormap.camera.profile import Body, Rect
    >>> from sensormap.camera.cfa import Cfa
    >>> from sensormap.maps.entries import Column, Defect, DefectKind, FrameSummary
    >>> from sensormap.camera.geometry import Sensor
    >>> sensor = Sensor((16, 12), Rect(0, 0, 16, 12), Cfa("RGGB"), Rect(3, 1, 12, 10))
    >>> frames = FrameSummary(2, 0, None, None, None, None, digest="")
    >>> column = Column(4, 8, 11, "R", DefectKind.DEAD, 1.0, -9.0, 2)
    >>> hot = Defect(5, 4, "Gr", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, jpeg=(2, 3))
    >>> toy = SensorMap(Body("", "toy", ""), "toy", sensor, frames, (), {}, (column,), (hot,))
    >>> coordinates(toy, "jpeg")
    [(2, 3), (1, 7), (1, 9)]
    """
    sensor = sensor_map.sensor
    windows = {Space.RAW: None, Space.ACTIVE: sensor.active_area, Space.JPEG: sensor.jpeg_crop}
    window = windows[Space(space)]
    if sensor.is_jpeg_grid and space != Space.JPEG:
        msg = "the map is of JPEGs of a camera without a profile, so its raw grid is unknown; use --space jpeg"
        raise ProfileError(msg)
    if space == Space.JPEG and window is None:
        msg = f"the map's camera profile {sensor_map.profile!r} knows no JPEG crop, so no JPEG coordinates"
        raise ProfileError(msg)
    photosites = sensor_map.photosites()
    if window is None:
        return photosites
    return [(x - window.x, y - window.y) for x, y in photosites if window.contains(x, y)]
