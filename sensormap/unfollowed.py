"""Entries of a map that no second pass checked: candidates with the kind that their outlying values suggest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sensormap.camera.geometry import Sensor
from sensormap.detect.candidates import Candidates, find_candidates
from sensormap.detect.tally import Outliers
from sensormap.diagnose.kinds import Settings, classify
from sensormap.evidence import Evidence
from sensormap.maps.entries import Defect, DefectKind, rounded
from sensormap.settings import Thresholds


def unfollowed_defects(evidence: Evidence, sensor: Sensor, thresholds: Thresholds, *, ceiling: float) -> list[Defect]:
    """Return the candidates of the first pass as entries of the map, sorted by (y, x).

    Parameters
    ----------
    evidence
        What the first pass left behind.
    sensor
        Geometry.
    thresholds
        What makes a candidate.
    ceiling
        Of the confidences.
    """
    cfa = sensor.cfa.shifted(x=sensor.active_area.x, y=sensor.active_area.y)
    candidates = find_candidates(evidence.tally, evidence.ballots, cfa, thresholds)
    kinds = _kinds(evidence, candidates, ceiling)
    return [_defect(evidence, sensor, candidates, kinds, i) for i in range(candidates.row.size)]


def _kinds(evidence: Evidence, candidates: Candidates, ceiling: float) -> list[tuple[DefectKind, float]]:
    """Classify every candidate from its outlying scores in all blocks."""
    settings = settings_of(evidence)
    outliers = Outliers.concatenate([ballot.outliers for ballot in evidence.ballots])
    outliers = outliers[np.lexsort((outliers.frame, outliers.index))]
    width = evidence.tally.shape[1]
    index = candidates.row.astype(np.int64) * width + candidates.col
    first, last = np.searchsorted(outliers.index, index, "left"), np.searchsorted(outliers.index, index, "right")
    bright = evidence.tally.sum_z[candidates.row, candidates.col] > 0
    kinds = []
    for a, b, is_bright in zip(first, last, bright, strict=True):
        kind, confidence = classify(outliers[a:b], settings, bright=bool(is_bright))
        kinds.append((kind, min(confidence, ceiling)))
    return kinds


def settings_of(evidence: Evidence) -> Settings:
    """Return the exposure settings by frame number, NaN where EXIF does not tell."""
    size = max(evidence.numbers) + 1
    gain, shutter_s = np.full(size, np.nan), np.full(size, np.nan)
    used = np.zeros(size, np.bool_)
    for number, photo in zip(evidence.numbers, evidence.photos, strict=True):
        gain[number] = np.nan if photo.exposure.iso is None else photo.exposure.iso / 100
        shutter_s[number] = np.nan if photo.exposure.shutter_s is None else photo.exposure.shutter_s
        used[number] = True
    return Settings(gain, shutter_s, used, evidence.saturation)


def _defect(
    evidence: Evidence, sensor: Sensor, candidates: Candidates, kinds: Sequence[tuple[DefectKind, float]], i: int
) -> Defect:
    """Return candidate `i` as an entry of the map."""
    row, col = candidates.row[i : i + 1], candidates.col[i : i + 1]
    x, y = int(col[0]) + sensor.active_area.x, int(row[0]) + sensor.active_area.y
    kind, confidence = kinds[i]
    return Defect(
        x=x,
        y=y,
        plane=sensor.cfa.plane_name(x=x, y=y),
        kind=kind,
        confidence=confidence,
        score=rounded(float(candidates.score[i]), digits=4),
        mean=None,
        variance=None,
        jpeg=sensor.jpeg_pixel(x, y),
    )
