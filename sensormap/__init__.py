"""Find the defective photosites of a camera sensor from a folder of ordinary photos.

The packages, in the order in which a photo passes through them:

    camera      what is known of a camera before a photo is opened
    photos      files, folders and patterns to the photos of one body; no pixel is decoded
    decode      a photo to a frame: its mosaic on the raw grid, black subtracted
    score       a frame to its noise and scores; whether it is a photo, and counts
    detect      scores of many frames to candidates and lines
    diagnose    a candidate's values in all frames to its kind, strengths and onset
    assemble    the evidence of a run to a defect map
    survey      the run: photos in, a defect map out; drives all above

and what is done with a map:

    maps        the map: a value, a file, compared, merged, as coordinates
    correct     photos and a map to repaired photos
    formats     maps to and from other programs' lists
    evaluation  photos to how well the survey does on them
    alignment   a raw file and its JPEG to where the JPEG lies on the raw grid
    report      results to tables
    cli         the command line

>>> from sensormap import Options, correct_photos, map_defects, write_map
>>> sensor_map = map_defects(["~/Pictures/d80"], Options())  # doctest: +SKIP
>>> write_map(sensor_map, "d80.yaml")  # doctest: +SKIP
>>> correct_photos(["~/Pictures/d80"], sensor_map, "fixed")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensormap.correct.run import CorrectOptions, correct_photos
    from sensormap.errors import SensorMapError
    from sensormap.maps.coordinates import coordinates
    from sensormap.maps.entries import Column, Defect, DefectKind
    from sensormap.maps.mapfile.reading import read_map
    from sensormap.maps.mapfile.writing import write_map
    from sensormap.maps.sensor_map import SensorMap
    from sensormap.settings import Options, Thresholds
    from sensormap.survey.run import map_defects

__all__ = [
    "Column",
    "CorrectOptions",
    "Defect",
    "DefectKind",
    "Options",
    "SensorMap",
    "SensorMapError",
    "Thresholds",
    "coordinates",
    "correct_photos",
    "map_defects",
    "read_map",
    "write_map",
]

_MODULES = {
    "Column": "maps.entries",
    "CorrectOptions": "correct.run",
    "Defect": "maps.entries",
    "DefectKind": "maps.entries",
    "Options": "settings",
    "SensorMap": "maps.sensor_map",
    "SensorMapError": "errors",
    "Thresholds": "settings",
    "coordinates": "maps.coordinates",
    "correct_photos": "correct.run",
    "map_defects": "survey.run",
    "read_map": "maps.mapfile.reading",
    "write_map": "maps.mapfile.writing",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: compiled code takes a second that a reader of maps never needs."""
    if name not in _MODULES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
