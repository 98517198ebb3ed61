"""A run without files: photos of a toy camera whose frames, with stuck photosites, are drawn as they are read."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body, Profile
from sensormap.frame import Exposure, Frame, Photo
from sensormap.photos.refusals import Refusals
from sensormap.settings import Options
from sensormap.survey.context import Read, RunContext
from sensormap.threads import Progress, no_progress
from tests.support.frames import SATURATION, TOY_PROFILE, make_mosaic

SIZE = (101, 90)
AREA = Rect(3, 1, 94, 85)
SHAPE = (AREA.height, AREA.width)
PROFILE = replace(TOY_PROFILE, raw_size=SIZE, active_area=AREA, jpeg_crop=None)
STUCK = {(0, 0): 3000, (40, 51): 3500, (84, 93): 900, (13, 70): 0}
"""(row, col) in the active area, and the level."""


def photos(count: int) -> tuple[Photo, ...]:
    """Return so many photos, named by their frame numbers."""
    return tuple(
        Photo(Path(f"{n}.nef"), 1, Body("A", "B", "1"), Exposure(iso=100 << n % 3, shutter_s=0.01 * (1 + n % 20)))
        for n in range(count)
    )


@cache
def mosaic(number: int) -> NDArray[np.int16]:
    """Return a photo's raw grid, no two of them of one scene."""
    found = make_mosaic(100 + number, shape=SIZE[::-1], level=250.0 * (1 + number % 5) + 20 * (number % 12))
    for (row, col), level in STUCK.items():
        found[AREA.y + row, AREA.x + col] = level
    return found


def frame_of(photo: Photo, _: Profile | None = None) -> Frame:
    """Decode a photo."""
    number = int(photo.path.stem)
    return Frame(photo, mosaic(number), 0, SATURATION, f"{number:064x}")


def context(
    read: Read = frame_of,
    *,
    threads: int = 2,
    progress: Progress = no_progress,
    refusals: Refusals | None = None,
) -> RunContext:
    """Return what the passes of a run share; without refusals, the first photo that cannot be used is an error."""
    return RunContext(Options(jobs=threads), progress, refusals or Refusals(strict=True), read)
