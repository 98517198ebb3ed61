"""What is known of a camera model: geometry, levels, filters; and which body took a photo."""

from __future__ import annotations

from dataclasses import dataclass

from sensormap.cfa import Cfa


@dataclass(frozen=True)
class Rect:
    """A rectangle of photosites on the raw grid: left column `x`, top row `y`, and its size.

    Raises
    ------
    ValueError
        If an offset is negative or a side is below 1.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.x, self.y) < 0 or min(self.width, self.height) < 1:
            msg = f"[{self.x}, {self.y}, {self.width}, {self.height}] is not a rectangle: x, y >= 0; width, height >= 1"
            raise ValueError(msg)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle in an array ``[row, col]``."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    def contains(self, x: int, y: int) -> bool:
        """Tell whether photosite (x, y) lies inside."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def fits(self, width: int, height: int) -> bool:
        """Tell whether the rectangle lies inside a grid of `width` x `height` photosites."""
        return self.x + self.width <= width and self.y + self.height <= height

    def intersection(self, other: Rect) -> Rect:
        """Return the common part.

        Raises
        ------
        ValueError
            If the rectangles do not meet.

        Examples
        --------
        >>> Rect(0, 0, 10, 10).intersection(Rect(4, 2, 20, 3))
        Rect(x=4, y=2, width=6, height=3)
        """
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Rect(x, y, right - x, bottom - y)


@dataclass(frozen=True)
class Profile:
    """Geometry and levels of one camera model.

    Parameters
    ----------
    name
        File name of the profile without its ending, or ``libraw`` when LibRaw supplied the numbers.
    make, model
        As EXIF writes them.
    raw_size
        Width and height of the raw grid, in photosites.
    active_area
        The light-sensitive rectangle on the raw grid.
    jpeg_crop
        The rectangle that the camera's full-size JPEG shows, or None where unknown.
    cfa
        Filter pattern from raw-grid (0, 0).
    black_level
        DN of no light, one per plane in the order of ``cfa.planes``; None leaves it to LibRaw.
    saturation
        DN at which a photosite clips, before black is subtracted.
    bits
        Bits per photosite.
    suppression_from_s
        Shutter time in seconds from which the camera itself lowers hot photosites; None where unknown.
    """

    name: str
    make: str
    model: str
    raw_size: tuple[int, int]
    active_area: Rect
    jpeg_crop: Rect | None
    cfa: Cfa
    black_level: tuple[int, ...] | None
    saturation: int
    bits: int
    suppression_from_s: float | None


@dataclass(frozen=True, order=True)
class Body:
    """One camera: `make` and `model` as EXIF writes them, and its serial number ("" where unknown)."""

    make: str
    model: str
    serial: str

    def __str__(self) -> str:
        name = self.model if self.model.startswith(self.make.split(" ")[0]) else f"{self.make} {self.model}".strip()
        return f"{name or 'unknown camera'}, serial {self.serial or 'unknown'}"
