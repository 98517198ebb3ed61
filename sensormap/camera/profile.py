"""What is known of a camera model: geometry, levels, filters; and which body took a photo."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect

MAX_NAME_LENGTH = 64
"""Characters of a make, model or serial number, and of EXIF's other names: longer ones are cut."""


@dataclass(frozen=True)
class Profile:
    """Geometry and levels of one camera model.

    Parameters
    ----------
    name
        File name of the profile without its ending, or ``libraw`` when LibRaw supplied the numbers.
    make, model
        Maker and model as EXIF writes them.
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
        Shutter time in seconds from which the camera itself lowers bright photosites; None where unknown.
    verified
        False where no photo has confirmed the numbers yet, which come from tables: a photo that contradicts them is
        then believed, and its levels always are.
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
    verified: bool = True

    @property
    def jpeg_size(self) -> tuple[int, int] | None:
        """Width and height of the camera's full-size JPEG, None where unknown."""
        return None if self.jpeg_crop is None else (self.jpeg_crop.width, self.jpeg_crop.height)

    def places_jpegs_of(self, size: tuple[int, int] | None) -> bool:
        """Tell whether it says where JPEGs of a size lie on the raw grid, or forbids them as a verified one does.

        Those of X-Trans cameras are never placed there: how a defect is smeared by their demosaicing is not known.
        """
        placed = self.jpeg_crop is not None and not self.cfa.is_xtrans
        return placed and (self.verified or size == self.jpeg_size)


@dataclass(frozen=True, order=True)
class Body:
    """One camera: `make` and `model` as EXIF writes them, and its serial number ("" where unknown)."""

    make: str
    model: str
    serial: str

    @property
    def name(self) -> str:
        """Its model, after its make unless it begins with that."""
        name = self.model if self.model.startswith(self.make.split(" ")[0]) else f"{self.make} {self.model}".strip()
        return name or "unknown camera"

    def __str__(self) -> str:
        return f"{self.name}, serial {self.serial or 'unknown'}"


shared_body = lru_cache(maxsize=256)(Body)
"""Makes a body; the photos of one hold one value, not one each."""
