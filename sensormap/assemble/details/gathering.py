"""Taking what a report shows from the evidence of a run, while it is in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.details.values import (
    BIN_LIMIT,
    BINS_PER_SIGMA,
    OUTSIDE,
    TILE,
    TILE_UNIT,
    EntrySeries,
    PhotoFacts,
    PlaneScores,
    RunDetails,
    Surroundings,
    ranked_defects,
    strongest_defects,
)
from sensormap.assemble.evidence import Evidence
from sensormap.detect.nulls import nulls_of
from sensormap.maps.entries import Defect, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import FEW_FRAMES, Thresholds

_BAND = 64  # rows whose mean scores are counted at a time, so that they take little memory


def details_of(
    evidence: Evidence, sensor_map: SensorMap, thresholds: Thresholds, *, warnings: Sequence[str] = ()
) -> RunDetails:
    """Return what a report shows of a run beside its map.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    sensor_map
        The map made of it.
    thresholds
        Detection thresholds of the run.
    warnings
        Lines that say what makes the map less certain than it looks.
    """
    ranked = ranked_defects(sensor_map)
    strongest = [ranked[rank] for rank in strongest_defects(ranked)]
    numbers = np.array(evidence.numbers, np.int64)
    followed, conditions = evidence.followed, None if evidence.followed is None else evidence.followed.conditions
    exposures = [(photo.path.name, photo.exposure) for photo in evidence.photos]
    area = evidence.profile.active_area
    centre, scale = nulls_of(evidence.tally, evidence.profile.cfa.shifted(x=area.x, y=area.y))
    return RunDetails(
        noun="JPEG" if evidence.rules.source is Source.JPEG else "raw photo",
        photos=tuple(PhotoFacts(name, one.time, one.shutter_s, one.iso) for name, one in exposures),
        followed=np.empty(0, np.intp) if conditions is None else np.searchsorted(numbers, conditions.number),
        gain=np.empty(0) if conditions is None else conditions.gain,
        saturation=np.empty(0) if conditions is None else conditions.saturation,
        series=() if followed is None else tuple(_series(evidence, strongest)),
        surroundings=tuple(_surroundings(evidence, strongest, centre)),
        planes=tuple(_planes(evidence, thresholds, centre, scale)),
        warnings=tuple(warnings),
    )


def _series(evidence: Evidence, defects: Sequence[Defect]) -> Iterator[EntrySeries]:
    """Yield the series of those of the defects that were followed."""
    followed, area = evidence.followed, evidence.profile.active_area
    if followed is None or not followed.places.size:
        return
    places = np.array([(one.y - area.y) * area.width + one.x - area.x for one in defects], np.int64)
    at = np.minimum(np.searchsorted(followed.places, places), followed.places.size - 1)
    found = np.flatnonzero(followed.places[at] == places)
    series = followed.series[at[found]]
    for row, number in enumerate(found.tolist()):
        yield EntrySeries(
            x=defects[number].x,
            y=defects[number].y,
            value=series.value[row].astype(np.float32),
            level=series.level[row].astype(np.float32),
            sigma=np.sqrt(series.variance[row]).astype(np.float32),
            known=series.known[row].copy(),
        )


def _surroundings(evidence: Evidence, defects: Sequence[Defect], centre: NDArray[np.float32]) -> Iterator[Surroundings]:
    """Yield the mean scores around defects."""
    area, reach, step = evidence.profile.active_area, TILE // 2, centre.shape[0]
    for defect in defects:
        top, left = defect.y - area.y - reach, defect.x - area.x - reach
        rows = np.arange(max(top, 0), min(top + TILE, area.height))
        cols = np.arange(max(left, 0), min(left + TILE, area.width))
        mean = evidence.tally.mean_score(np.ix_(rows, cols)) - centre[np.ix_(rows % step, cols % step)]
        scores = np.full((TILE, TILE), OUTSIDE, np.int8)
        eighths = np.clip(np.rint(mean * TILE_UNIT), OUTSIDE + 1, -OUTSIDE - 1)
        scores[np.ix_(rows - top, cols - left)] = eighths.astype(np.int8)
        yield Surroundings(defect.x, defect.y, scores)


def _planes(
    evidence: Evidence, thresholds: Thresholds, centre: NDArray[np.float32], scale: NDArray[np.float32]
) -> Iterator[PlaneScores]:
    """Yield the distribution of mean scores of each plane, or class of planes, and the bar of `detect.candidates`."""
    tally, area = evidence.tally, evidence.profile.active_area
    cfa = evidence.profile.cfa.shifted(x=area.x, y=area.y)
    mean_sigma = thresholds.mean_sigma * math.sqrt(max(FEW_FRAMES / max(tally.frames, 1), 1))
    for planes in cfa.classes:
        counts, plane = np.zeros(2 * BIN_LIMIT * BINS_PER_SIGMA + 1, np.int64), planes[0]
        for one in planes:
            for first in range(one.row, tally.shape[0], _BAND * cfa.step):
                mean = tally.mean_score(np.s_[first : first + _BAND * cfa.step : cfa.step, one.col :: cfa.step])
                number = np.rint(np.clip(mean, -BIN_LIMIT, BIN_LIMIT) * BINS_PER_SIGMA).astype(np.intp)
                counts += np.bincount((number + BIN_LIMIT * BINS_PER_SIGMA).ravel(), minlength=counts.size)
        middle, width = float(centre[plane.row, plane.col]), float(scale[plane.row, plane.col])
        bar = max(thresholds.effect_sigma, mean_sigma * width)
        yield PlaneScores(plane.name, counts, middle, width, bar)
