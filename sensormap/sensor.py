"""The grid that a map's coordinates refer to."""

from __future__ import annotations

from dataclasses import dataclass

from sensormap.camera import Rect
from sensormap.cfa import PICTURE, Cfa

MAX_SIDE = 65_536  # photosites; five times the largest sensor sold, and a bound on what a hostile file can ask for


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
        Its filters; ``picture`` for the pixels of a JPEG.
    jpeg_crop
        The part that the camera's full-size JPEG shows, or None where unknown.

    Raises
    ------
    ValueError
        If a side of `raw_size` is not in 1 to 65536, a rectangle reaches beyond it, or the crop of a picture is not all
        of it.
    """

    raw_size: tuple[int, int]
    active_area: Rect
    cfa: Cfa
    jpeg_crop: Rect | None

    def __post_init__(self) -> None:
        if not all(1 <= side <= MAX_SIDE for side in self.raw_size):
            msg = f"raw_size: {list(self.raw_size)} is not a width and a height from 1 to {MAX_SIDE}"
            raise ValueError(msg)
        for name, rect in (("active_area", self.active_area), ("jpeg_crop", self.jpeg_crop)):
            if rect is not None and not rect.fits(*self.raw_size):
                msg = f"{name}: {_listed(rect)} reaches beyond the raw size {list(self.raw_size)}"
                raise ValueError(msg)
        whole = Rect(0, 0, *self.raw_size)
        if self.is_picture and self.jpeg_crop != whole:
            msg = f"jpeg_crop: {_listed(self.jpeg_crop)}, but where cfa is {PICTURE} it is {_listed(whole)}"
            raise ValueError(msg)

    @property
    def is_picture(self) -> bool:
        """Whether the grid is that of a JPEG, since the camera's raw grid is unknown."""
        return self.cfa.name == PICTURE

    def jpeg_pixel(self, x: int, y: int) -> tuple[int, int] | None:
        """Return the pixel of the camera's full-size JPEG that photosite (x, y) falls on, None outside its crop."""
        crop = self.jpeg_crop
        return (x - crop.x, y - crop.y) if crop is not None and crop.contains(x, y) else None


def _listed(rect: Rect | None) -> str:
    """Write a rectangle as the map file does."""
    return "null" if rect is None else f"[{rect.x}, {rect.y}, {rect.width}, {rect.height}]"
