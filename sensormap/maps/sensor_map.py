"""The map of one sensor; one that contradicts itself cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.maps.checks import check_entries, check_frames, check_numbers, check_source
from sensormap.maps.entries import Column, Defect, FrameSummary, Row, Setting, Source

if TYPE_CHECKING:
    from sensormap.frame import Skipped


@dataclass(frozen=True)
class SensorMap:
    """A defect map: one body's defective photosites and where the evidence came from.

    Parameters
    ----------
    body, profile, sensor
        Whose sensor it is, the name of the camera profile used, and the geometry.
    frames, skipped
        The photos behind the map, and those that could not be used.
    settings
        The thresholds in force, by name: Python identifiers of at most 100 characters.
    columns
        Sorted by (x, y0); no photosite in two of them.
    rows
        Sorted by (y, x0); no photosite in two of them. One where a row crosses a column may be in both.
    defects
        Sorted by (y, x), each photosite once, and none that a column or row covers.
    false_positives
        How many entries chance and scenery alone are estimated to make; None where it was not estimated.
    source
        What photos it was made from. In a map of raw photos no entry has a `radius`, in one of JPEGs every entry has
        one and a JPEG pixel; one on the grid of a picture, its camera unknown, is of JPEGs.

    Raises
    ------
    ValueError
        If entries are unsorted or repeated, lie outside the sensor, contradict its CFA or JPEG crop, or hold a number
        that is not finite. The message opens with the entry, such as ``defects[3].x: 3900 ...``.
    """

    body: Body
    profile: str
    sensor: Sensor
    frames: FrameSummary
    skipped: tuple[Skipped, ...]
    settings: Mapping[str, Setting]
    columns: tuple[Column, ...]
    defects: tuple[Defect, ...]
    rows: tuple[Row, ...] = ()
    false_positives: float | None = None
    source: Source = Source.RAW

    def __post_init__(self) -> None:
        check_source(self.source, self.sensor)
        check_frames(self.frames, self.skipped, self.source)
        check_numbers(self.settings, self.false_positives)
        check_entries(
            self.columns,
            self.rows,
            self.defects,
            sensor=self.sensor,
            source=self.source,
            clock_jumps=self.frames.clock_jumps,
        )
