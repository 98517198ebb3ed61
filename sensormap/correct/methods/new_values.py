"""The new values of a photo's defective photosites: interpolated, or less what is known that they add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile import Profile
from sensormap.correct.methods.interpolate import DIRECTIONAL, Repaired, repair
from sensormap.correct.methods.interpolate import METHODS as INTERPOLATIONS
from sensormap.correct.methods.subtract import excess_of, expected_errors, subtract
from sensormap.frame import Exposure
from sensormap.maps.entries import Defect
from sensormap.score.noise import frame_noise

SUBTRACT = "subtract"
METHODS = (DIRECTIONAL, SUBTRACT, *(method for method in INTERPOLATIONS if method != DIRECTIONAL))
"""How photosites of a raw photo may get their values; the first is the default."""


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
        """Return the same, but clipping where the camera's profile says, if that is lower."""
        return self if profile is None else replace(self, saturation=min(self.saturation, profile.saturation))

    @property
    def clipping(self) -> tuple[int, int]:
        """Lowest and highest DN that a photosite can have, black subtracted."""
        return -min(self.black), self.saturation - max(self.black)

    def by_phase(self, shifted: Cfa) -> NDArray[np.int32]:
        """Return black by row and column phase of the same filters as read from elsewhere, ``(step, step)``."""
        levels = {plane.name: level for plane, level in zip(self.cfa.planes, self.black, strict=True)}
        step = shifted.step
        return np.array([levels[plane.name] for plane in shifted.planes], np.int32).reshape(step, step)

    def above_black(self, mosaic: NDArray[np.uint16], cfa: Cfa) -> NDArray[np.int32]:
        """Return a part of the raw grid, whose corner has the filters `cfa`, with black subtracted."""
        shown, black = mosaic.astype(np.int32), self.by_phase(cfa)
        for plane in cfa.planes:
            plane.view(shown)[...] -= black[plane.row, plane.col]
        return shown


@dataclass(frozen=True)
class Recipe:
    """How to find new values: one of `METHODS`, and the exposure of the photo."""

    method: str
    exposure: Exposure


def new_values(
    mosaic: NDArray[np.uint16],
    defective: NDArray[np.bool_],
    targets: NDArray[np.intp],
    cfa: Cfa,
    defects: Sequence[Defect | None],
    how: tuple[Recipe, Levels],
) -> Repaired:
    """Return the values that some photosites should have.

    Parameters
    ----------
    mosaic
        The active area, ``(H, W)``, DN, black included.
    defective
        Everything mapped, ``(H, W)``: never a source.
    targets
        Rows and columns of the photosites to repair, ``(N, 2)``.
    cfa
        Filter pattern from the corner of `mosaic`.
    defects
        What the map says of each; None of those of columns and rows, which have no strengths.
    how
        Method, and levels of the photo.

    Notes
    -----
    By ``subtract`` photosites whose excess is known well enough lose that, and the others are interpolated by the
    default; all of them if the photo does not tell its ISO and shutter time.
    """
    recipe, levels = how
    exposure = recipe.exposure
    if recipe.method != SUBTRACT:
        return repair(mosaic, defective, targets, cfa, method=recipe.method)
    repaired = repair(mosaic, defective, targets, cfa)
    gain, shutter_s = exposure.gain, exposure.shutter_s
    if gain is None or shutter_s is None or not len(targets):
        return repaired
    excess = [excess_of(defect, gain=gain, shutter_s=shutter_s) if defect else None for defect in defects]
    if not any(excess):
        return repaired
    rows, cols = targets.T
    below = levels.by_phase(cfa)[rows % cfa.step, cols % cfa.step]
    shown = levels.above_black(mosaic, cfa)
    errors = expected_errors(shown, defective, targets, frame_noise(shown, cfa.step, clipping=levels.clipping))
    values, less = subtract(shown[rows, cols], excess, repaired.values - below, *errors, clipping=levels.clipping)
    return Repaired((values + below).astype(mosaic.dtype), repaired.unknown & ~less)
