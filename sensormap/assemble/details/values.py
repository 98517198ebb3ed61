"""What a run knows beside its map: its photos, the series and surroundings of the strongest entries, all scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensormap.maps.entries import Defect
from sensormap.maps.sensor_map import SensorMap

STRONGEST, OF_EACH_KIND = 50, 6
"""Defects of a map whose series and surroundings are kept: the strongest of all, and the strongest of each kind."""

TILE = 15
"""Photosites along a side of the surroundings, the entry in the middle."""

TILE_UNIT, OUTSIDE = 8, -128
"""Steps a sigma of the scores in surroundings, and what stands where there is no photosite."""

BINS_PER_SIGMA, BIN_LIMIT = 16, 8
"""Of the mean scores that are counted: bins a sigma of one frame, and the largest score."""


@dataclass(frozen=True)
class PhotoFacts:
    """A photo that was used.

    Parameters
    ----------
    name
        Name of its file, without folders.
    time
        Capture time by the camera's clock; None where unknown.
    shutter_s, iso
        Exposure; None where unknown.
    """

    name: str
    time: datetime | None
    shutter_s: float | None
    iso: int | None


@dataclass(frozen=True)
class EntrySeries:
    """What one photosite showed in the n followed photos.

    Parameters
    ----------
    x, y
        Place on the raw grid.
    value, level
        Its values, and the medians of its same-colour neighbours: DN, black subtracted, float32, ``(n,)``.
    sigma
        Standard deviation of a healthy photosite there, DN, float32, ``(n,)``.
    known
        Mask of the photos that count for it, ``(n,)``.
    """

    x: int
    y: int
    value: NDArray[np.float32]
    level: NDArray[np.float32]
    sigma: NDArray[np.float32]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Surroundings:
    """Mean scores around one photosite.

    Parameters
    ----------
    x, y
        Place on the raw grid of the photosite in the middle.
    scores
        Mean scores less the median of their plane, in eighths of sigma of one photo: int8, ``(TILE, TILE)``;
        `OUTSIDE` beyond the edge of the active area.
    """

    x: int
    y: int
    scores: NDArray[np.int8]


@dataclass(frozen=True)
class PlaneScores:
    """How the mean scores of all photosites of a plane are distributed.

    Parameters
    ----------
    plane
        Its name.
    counts
        Photosites by mean score, int64: bins of 1/16 sigma of one photo, whose middles go from -8 to 8.
    centre, scale
        Those of the healthy ones: median and robust standard deviation, sigma of one photo; the scale is infinite
        where half of them are one value.
    bar
        Distance from the centre beyond which a mean score makes a candidate.
    """

    plane: str
    counts: NDArray[np.int64]
    centre: float
    scale: float
    bar: float


@dataclass(frozen=True)
class RunDetails:
    """What the run over raw photos, or over JPEGs, knows beside its map.

    Parameters
    ----------
    noun
        Name of its photos: "raw photo" or "JPEG".
    photos
        The photos used, in order of capture.
    followed
        Which of them the second pass followed, ascending; those that `series` tells of, intp, ``(n,)``.
    gain, saturation
        ISO over 100 of the followed ones, NaN where unknown, and the highest DN that a photosite can have: ``(n,)``.
    series, surroundings
        Of `strongest_defects`, the strongest first. No series without the second pass.
    planes
        Distribution of the mean scores, by plane.
    warnings
        Lines that say what makes the map less certain than it looks.
    """

    noun: str
    photos: tuple[PhotoFacts, ...]
    followed: NDArray[np.intp]
    gain: NDArray[np.float64]
    saturation: NDArray[np.float64]
    series: tuple[EntrySeries, ...]
    surroundings: tuple[Surroundings, ...]
    planes: tuple[PlaneScores, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DetailedMap:
    """A map, and what its run knows beside it.

    Parameters
    ----------
    sensor_map
        The map.
    details
        Of the run over raw photos, then of that over JPEGs, as far as there were any and they were asked for.
    """

    sensor_map: SensorMap
    details: tuple[RunDetails, ...] = field(default=())


def ranked_defects(sensor_map: SensorMap) -> list[Defect]:
    """Return the defects of a map, those with the highest scores first; of equal ones the upper left first."""
    return sorted(sensor_map.defects, key=lambda defect: (-abs(defect.score), defect.y, defect.x))


def strongest_defects(ranked: Sequence[Defect]) -> list[int]:
    """Return which defects have pictures: the `STRONGEST` of all, and `OF_EACH_KIND` of each kind, ascending.

    Parameters
    ----------
    ranked
        Defects, strongest first.
    """
    chosen, counts = [], Counter[str]()
    for rank, defect in enumerate(ranked):
        if rank < STRONGEST or counts[defect.kind] < OF_EACH_KIND:
            chosen.append(rank)
        counts[defect.kind] += 1
    return chosen
