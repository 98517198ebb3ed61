"""What repair methods are given: photosites of one photo that need new values, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import PICTURE, Cfa
from sensormap.camera.profile import Profile
from sensormap.frame import NARROW, Exposure, Mosaic
from sensormap.maps.entries import DarkLaw, Defect


@dataclass(frozen=True)
class Levels:
    """Black and white of a photo.

    Parameters
    ----------
    cfa
        Filter pattern from raw-grid (0, 0).
    black
        DN of no light, one per plane in the order of ``cfa.planes``.
    saturation
        DN at which a photosite clips, black included.
    """

    cfa: Cfa
    black: tuple[int, ...]
    saturation: int

    def of(self, profile: Profile | None) -> Levels:
        """Return the same, but clipping where the camera's profile says, if that is lower.

        Parameters
        ----------
        profile
            Profile of the camera; None, or one that is not verified, changes nothing.
        """
        if profile is None or not profile.verified:
            return self
        return replace(self, saturation=min(self.saturation, profile.saturation))

    @property
    def clipping(self) -> tuple[int, int]:
        """Lowest and highest DN that a photosite can have, black subtracted."""
        return -min(self.black), self.saturation - max(self.black)

    def by_phase(self, shifted: Cfa) -> NDArray[np.int32]:
        """Return black by row and column phase of the same filters as read from elsewhere, ``(step, step)``, DN.

        Parameters
        ----------
        shifted
            Filter pattern as read from there.
        """
        levels = {plane.name: level for plane, level in zip(self.cfa.planes, self.black, strict=True)}
        step = shifted.step
        return np.array([levels[plane.name] for plane in shifted.planes], np.int32).reshape(step, step)

    def above_black(self, mosaic: NDArray[Any], cfa: Cfa) -> Mosaic:
        """Return a part of the raw grid with black subtracted, DN, ``(H, W)``: int16 where that holds all values.

        Parameters
        ----------
        mosaic
            Raw values, ``(H, W)``.
        cfa
            Filter pattern as read from the corner of `mosaic`.
        """
        black = self.by_phase(cfa)
        highest = max(int(mosaic.max(initial=0)), self.saturation, *self.black)
        is_narrow = mosaic.dtype == np.uint16 and highest <= NARROW
        shown: Mosaic = mosaic.astype(np.int16) if is_narrow else mosaic.astype(np.int32)
        for plane in cfa.planes:
            if level := int(black[plane.row, plane.col]):
                plane.view(shown)[...] -= level
        return shown


@dataclass(frozen=True, eq=False)
class Targets:
    """N photosites of one photo that need new values, and what is known of them.

    Parameters
    ----------
    mosaic
        The active area, ``(H, W)``, DN, of any integer type; black is included where `levels` are given, and does not
        matter otherwise.
    defective
        Mask of everything mapped, ``(H, W)``.
    places
        Rows and columns of the photosites, int64 of shape ``(N, 2)``.
    cfa
        Filter pattern as read from the corner of `mosaic`.
    defects
        Entry of the map for each, None for those of columns and rows; empty where there is no map.
    exposure
        Settings of the photo.
    levels
        Black and white of the photo; None where they are unknown.
    dark_law
        How dark currents follow the temperature, by the map; None where it does not tell.

    Raises
    ------
    ValueError
        If shapes disagree, a photosite lies outside, or `cfa` is that of a JPEG of an unknown camera.
    """

    mosaic: NDArray[Any]
    defective: NDArray[np.bool_]
    places: NDArray[np.int64]
    cfa: Cfa
    defects: Sequence[Defect | None] = ()
    exposure: Exposure = field(default_factory=Exposure)
    levels: Levels | None = None
    dark_law: DarkLaw | None = None

    def __post_init__(self) -> None:
        if self.cfa.name == PICTURE:
            msg = "a mosaic is needed, not the pixels of a JPEG"
            raise ValueError(msg)
        if self.mosaic.ndim != 2 or self.defective.shape != self.mosaic.shape:
            shapes = f"shapes {self.mosaic.shape} of the mosaic and {self.defective.shape} of the mask"
            msg = f"{shapes}, expected the same (H, W)"
            raise ValueError(msg)
        if self.places.size and (self.places.min() < 0 or (self.places >= self.mosaic.shape).any()):
            msg = f"a target lies outside the mosaic of shape {self.mosaic.shape}"
            raise ValueError(msg)

    @property
    def recorded(self) -> NDArray[Any]:
        """What the photosites show, in DN, ``(N,)``."""
        return np.asarray(self.mosaic[tuple(self.places.T)])

    @cached_property
    def unhealthy(self) -> NDArray[np.bool_]:
        """Which photosites are never a source, ``(H, W)``: everything mapped, and the targets, mapped or not."""
        mask = self.defective.copy()
        mask[tuple(self.places.T)] = True
        return mask
