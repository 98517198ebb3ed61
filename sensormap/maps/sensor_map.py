"""The map of one sensor; one that contradicts itself cannot be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Sensor
from sensormap.camera.profile import Body
from sensormap.errors import MapSizeError
from sensormap.frame import Calibration, Skipped
from sensormap.maps.changes.edits import Edit, check_edits, edits_of_part
from sensormap.maps.checks import check_entries, check_frames, check_numbers, check_source
from sensormap.maps.entries import Column, DarkLaw, Defect, FrameSummary, LineEntry, Row, Setting, Source

if TYPE_CHECKING:  # whoever reads a map needs no NumPy, which takes a tenth of a second to import
    import numpy as np
    from numpy.typing import NDArray

MOST_PHOTOSITES = 2_000_000
"""Defective photosites of a map that are listed one by one: a fifth of a small sensor, 300 MB of memory."""
MOST_MASKED = 1 << 29
"""Photosites of a grid for which there is a mask, a byte each: more than twice as many as any camera has."""


@dataclass(frozen=True)
class SensorMap:
    """A defect map: one body's defective photosites and where the evidence came from.

    Parameters
    ----------
    body, profile, sensor
        The camera, the name of the profile used, and the geometry of the sensor.
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
        Estimated number of entries that chance and scenery alone make; None where it was not estimated.
    source
        The sort of photos behind it. In a map of raw photos no entry has a `radius`; in one of JPEGs every entry has
        one, and a JPEG pixel. A map on the pixels of a JPEG, its camera unknown, is of JPEGs.
    edits
        What people decided by hand, sorted by (y, x), each photosite once. What they added is listed, what they removed
        is not.
    dark_law
        How dark currents follow the temperature: they hold at that of the law. None where photos did not tell it.
    calibration
        Photos used that their files call darks, flats or bias frames, sorted by name.

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
    edits: tuple[Edit, ...] = ()
    dark_law: DarkLaw | None = None
    calibration: tuple[Calibration, ...] = ()

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
        check_edits(self.edits, self.defects, self.lines, self.sensor)

    @property
    def lines(self) -> tuple[Column | Row, ...]:
        """The columns, then the rows."""
        return (*self.columns, *self.rows)

    def part(
        self,
        defects: Iterable[Defect],
        *,
        columns: Iterable[Column] | None = None,
        rows: Iterable[Row] | None = None,
    ) -> SensorMap:
        """Return a map with some of the entries, and with the edits that hold for these.

        Parameters
        ----------
        defects, columns, rows
            The entries that stay, in the order of the map; None are all.
        """
        defects = tuple(defects)
        columns = self.columns if columns is None else tuple(columns)
        rows = self.rows if rows is None else tuple(rows)
        edits = edits_of_part(self.edits, defects, (*columns, *rows), self.sensor)
        return replace(self, columns=columns, rows=rows, defects=defects, edits=edits)

    def photosites(self) -> list[tuple[int, int]]:
        """Return where all defective photosites lie, those of columns and rows one by one.

        Returns
        -------
        list of (x, y)
            On the raw grid, sorted by (y, x), each photosite once. Of a line that covers one of two planes, every
            second photosite.

        Raises
        ------
        MapSizeError
            If there are more than `MOST_PHOTOSITES`.

        Examples
        --------
        >>> from sensormap.camera.geometry import Rect
        >>> from sensormap.maps.entries import DefectKind
        >>> sensor = Sensor((16, 12), Rect(0, 0, 16, 12), Cfa("RGGB"), None)
        >>> frames = FrameSummary(2, 0, None, None, None, None, digest="")
        >>> column = Column(4, 8, 11, "R", DefectKind.DEAD, 1.0, -9.0, 2)
        >>> hot = Defect(5, 3, "B", DefectKind.HOT, 0.9, 8.0, 120.0, 60.0, jpeg=None)
        >>> SensorMap(Body("", "toy", ""), "toy", sensor, frames, (), {}, (column,), (hot,)).photosites()
        [(5, 3), (4, 8), (4, 10)]
        """
        return photosites_of(self.defects, self.lines, self.sensor.cfa)

    def mask(self) -> NDArray[np.bool_]:
        """Return which photosites of the raw grid are defective, also those of columns and rows.

        Returns
        -------
        ndarray of bool, shape (H, W)
            True where `photosites` has an entry.

        Raises
        ------
        MapSizeError
            If the grid has more than `MOST_MASKED` photosites.

        Examples
        --------
        >>> from sensormap.camera.geometry import Rect
        >>> from sensormap.maps.entries import DefectKind
        >>> sensor = Sensor((6, 4), Rect(0, 0, 6, 4), Cfa("RGGB"), None)
        >>> frames = FrameSummary(2, 0, None, None, None, None, digest="")
        >>> row = Row(1, 0, 5, "B", DefectKind.DEAD, 1.0, -9.0, 2)
        >>> SensorMap(Body("", "toy", ""), "toy", sensor, frames, (), {}, (), (), (row,)).mask().astype(int)
        array([[0, 0, 0, 0, 0, 0],
               [0, 1, 0, 1, 0, 1],
               [0, 0, 0, 0, 0, 0],
               [0, 0, 0, 0, 0, 0]])
        """
        import numpy as np  # noqa: PLC0415

        width, height = self.sensor.raw_size
        if width * height > MOST_MASKED:
            msg = f"the map's grid of {width} x {height} photosites is too large for a mask, at most {MOST_MASKED}"
            raise MapSizeError(msg)
        mask = np.zeros((height, width), np.bool_)
        mask[[defect.y for defect in self.defects], [defect.x for defect in self.defects]] = True
        for line in self.lines:
            along = line.covered(self.sensor.cfa)
            x, y = line.photosite(line.place, slice(along.start, along.stop, along.step))
            mask[y, x] = True
        return mask


def photosites_of(defects: Iterable[Defect], lines: Sequence[LineEntry], cfa: Cfa) -> list[tuple[int, int]]:
    """Return where some entries of a map lie; otherwise as `SensorMap.photosites`.

    Parameters
    ----------
    defects, lines
        The entries.
    cfa
        The filters of their map.
    """
    found = {(defect.x, defect.y) for defect in defects}
    # Counted before they are listed: a small file can name lines that fill the largest grid.
    count = len(found) + sum(len(line.covered(cfa)) for line in lines)
    if count > MOST_PHOTOSITES:
        msg = f"the map holds {count} defective photosites, too many to list one by one, at most {MOST_PHOTOSITES}"
        raise MapSizeError(msg)
    for line in lines:
        found.update(line.photosites(cfa))
    return sorted(found, key=lambda photosite: photosite[::-1])
