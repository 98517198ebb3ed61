"""Geometry: rectangles, and the raw grid of a sensor with its active area and JPEG crop."""

from __future__ import annotations

from dataclasses import dataclass

from sensormap.camera.cfa import PICTURE, Cfa

MAX_GRID_SIDE = 65_536  # photosites; five times the largest sensor sold, and a bound on what a hostile file can ask for


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


def rect_text(rect: Rect | None) -> str:
    """Return a rectangle as files of sensormap have it, ``null`` for none.

    Examples
    --------
    >>> rect_text(Rect(14, 9, 3872, 2592)), rect_text(None)
    ('[14, 9, 3872, 2592]', 'null')
    """
    return "null" if rect is None else f"[{rect.x}, {rect.y}, {rect.width}, {rect.height}]"


@dataclass(frozen=True)
class Sensor:
    """Geometry of the grid: a camera's raw grid, or where the camera is unknown the pixels of its JPEG.

    Parameters
    ----------
    raw_size
        Width and height of the grid.
    active_area
        The part of it that frames show.
    cfa
        Filter pattern; ``picture`` for the pixels of a JPEG.
    jpeg_crop
        The part that the camera's full-size JPEG shows, or None where unknown.

    Raises
    ------
    ValueError
        If a side of `raw_size` is not in 1 to 65536, a rectangle reaches beyond it, or the crop of the pixels of a JPEG
        is not all of them.
    """

    raw_size: tuple[int, int]
    active_area: Rect
    cfa: Cfa
    jpeg_crop: Rect | None

    def __post_init__(self) -> None:
        if not all(1 <= side <= MAX_GRID_SIDE for side in self.raw_size):
            msg = f"raw_size: {list(self.raw_size)} is not a width and a height from 1 to {MAX_GRID_SIDE}"
            raise ValueError(msg)
        for name, rect in (("active_area", self.active_area), ("jpeg_crop", self.jpeg_crop)):
            if rect is not None and not rect.fits(*self.raw_size):
                msg = f"{name}: {rect_text(rect)} reaches beyond the raw size {list(self.raw_size)}"
                raise ValueError(msg)
        whole = Rect(0, 0, *self.raw_size)
        if self.is_jpeg_grid and self.jpeg_crop != whole:
            msg = f"jpeg_crop: {rect_text(self.jpeg_crop)}, but where cfa is {PICTURE} it is {rect_text(whole)}"
            raise ValueError(msg)

    @property
    def is_jpeg_grid(self) -> bool:
        """Whether the grid is that of a JPEG, since the camera's raw grid is unknown."""
        return self.cfa.name == PICTURE

    def jpeg_pixel(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the pixel of the camera's full-size JPEG that photosite (x, y) falls on, None outside its crop."""
        crop = self.jpeg_crop
        return (x - crop.x, y - crop.y) if crop is not None and crop.contains(x, y) else None
