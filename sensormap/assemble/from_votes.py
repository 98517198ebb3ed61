"""Entries of a map that no second pass checked: candidates with the kind that their outlying values suggest.

Of raw photos each candidate is an entry; of JPEGs, where a defect is smeared over many pixels, each smear is one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from sensormap.assemble.evidence import Clock, Evidence
from sensormap.camera.geometry import Sensor
from sensormap.detect.candidates import Candidates, find_candidates
from sensormap.detect.tally import Outliers
from sensormap.diagnose.jpeg.smears import find_centres
from sensormap.diagnose.kinds_without_series import ExposureSettings, classify, jpeg_kind, relative_effect
from sensormap.diagnose.onset import find_onset, onset_ratios
from sensormap.maps.entries import Between, Defect, DefectKind, rounded
from sensormap.settings import Thresholds

CONFIDENCE = 0.95
"""The most that a JPEG can say: what the camera did to it before it was stored is not modelled."""

LEAST_EFFECT = 0.1
"""Share of the light around it that a defect adds or lacks at least. The pattern of healthy photosites, and dust,
persist too, and are significant in ten flat fields of a real camera; planted defects that were found had 0.11 or more.
"""

_BORDER = 2  # pixels that a smear reaches

LOOKED_AT = 8
"""Of a bad column or row only one in so many members is classified and dated, which takes 3 ms each. For a column of
657 members this saved 1.7 s, and its entry, whose kind and onset are those of most members, was the same.
"""

_Facts = tuple[DefectKind, Between | None, tuple[int, int] | None]
"""Kind, onset, and the frames since then that show a defect, of all since then."""


def unfollowed_defects(evidence: Evidence, sensor: Sensor, thresholds: Thresholds, *, ceiling: float) -> list[Defect]:
    """Return the candidates of the first pass over raw photos as entries of the map, sorted by (y, x).

    Parameters
    ----------
    evidence
        Results of the first pass.
    sensor
        Geometry.
    thresholds
        Detection thresholds.
    ceiling
        Highest confidence of an entry.
    """
    candidates, outliers = _find(evidence, sensor, thresholds)
    settings = exposure_settings(evidence)
    bright = evidence.tally.sum_z[candidates.row, candidates.col] > 0
    defects = []
    for i in range(candidates.row.size):
        own = _own(outliers, candidates, i, sensor)
        kind, confidence = classify(own, settings, bright=bool(bright[i]))
        defects.append(_entry(sensor, candidates, i, kind, min(confidence, ceiling)))
    return defects


def jpeg_defects(
    evidence: Evidence, sensor: Sensor, thresholds: Thresholds, *, ceiling: float
) -> tuple[list[Defect], float]:
    """Return the defects that JPEGs show, sorted by (y, x), and how many of them are expected to be false.

    Parameters
    ----------
    evidence
        Results of the pass over JPEGs.
    sensor
        Geometry; its active area is what JPEGs show.
    thresholds
        Detection thresholds.
    ceiling
        Highest confidence of an entry.

    Notes
    -----
    Each block of votes may yield `Thresholds.false_votes` false candidates, by the tail of its shifted votes. That
    number over the number of entries is what each of them may be false by, all else being as modelled.
    """
    candidates, outliers = _find(evidence, sensor, thresholds)
    centres = find_centres(candidates, outliers, width=sensor.active_area.width)
    history = _History(evidence)
    defects = []
    lines = []
    for i, away, line in zip(*(part.tolist() for part in (centres.which, centres.radius, centres.line)), strict=True):
        own = _own(outliers, candidates, i, sensor)
        if relative_effect(own) < LEAST_EFFECT:
            continue
        lines.append(line)
        kind, onset, seen = history.of(own, bright=int(own.score.astype(np.int64).sum()) > 0, line=line)
        radius = max(away, least_radius(sensor, int(candidates.row[i]), int(candidates.col[i])))
        entry = _entry(sensor, candidates, i, kind, ceiling)
        defects.append(replace(entry, onset=onset, seen=seen, radius=radius))
    false = rounded(thresholds.false_votes * len(evidence.block_votes), digits=2)
    entries = lines.count(0) + len({*lines} - {0})  # the members of a bad line are one
    confidence = rounded(min(ceiling, CONFIDENCE, 1 - false / (false + max(entries, 1))), digits=4)
    return [replace(defect, confidence=confidence) for defect in defects], false


def exposure_settings(evidence: Evidence) -> ExposureSettings:
    """Return the exposure settings by frame number, NaN where EXIF does not tell.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    """
    size = max(evidence.numbers) + 1
    gain, shutter_s = np.full(size, np.nan), np.full(size, np.nan)
    used = np.zeros(size, np.bool_)
    for number, photo in zip(evidence.numbers, evidence.photos, strict=True):
        gain[number], shutter_s[number] = photo.exposure.gain, photo.exposure.shutter_s  # None becomes NaN
        used[number] = True
    return ExposureSettings(gain, shutter_s, used, evidence.saturation)


def _find(evidence: Evidence, sensor: Sensor, thresholds: Thresholds) -> tuple[Candidates, Outliers]:
    """Return the candidates, and the outlying scores of all blocks sorted by (index, frame)."""
    cfa = sensor.cfa.shifted(x=sensor.active_area.x, y=sensor.active_area.y)
    candidates = find_candidates(evidence.tally, evidence.block_votes, cfa, thresholds)
    outliers = Outliers.concatenate([votes.outliers for votes in evidence.block_votes])
    return candidates, outliers[np.lexsort((outliers.frame, outliers.index))]


def _own(outliers: Outliers, candidates: Candidates, i: int, sensor: Sensor) -> Outliers:
    """Return the outlying scores of candidate `i`."""
    place = int(candidates.row[i]) * sensor.active_area.width + int(candidates.col[i])
    return outliers[slice(*np.searchsorted(outliers.index, [place, place + 1]))]


def _entry(sensor: Sensor, candidates: Candidates, i: int, kind: DefectKind, confidence: float) -> Defect:
    """Return candidate `i` as an entry of the map."""
    x, y = int(candidates.col[i]) + sensor.active_area.x, int(candidates.row[i]) + sensor.active_area.y
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


def least_radius(sensor: Sensor, row: int, col: int) -> int:
    """Return how far at least a defect may lie from its pixel: at the border it may lie outside, its smear inside.

    Parameters
    ----------
    sensor
        Geometry.
    row, col
        Its pixel in the active area.
    """
    area = sensor.active_area
    if min(row, col, area.height - 1 - row, area.width - 1 - col) < _BORDER:
        return _BORDER
    return 1 if sensor.is_jpeg_grid else 0


class _History:
    """What candidates of JPEGs are, and when they appeared, from the frames that show them.

    Parameters
    ----------
    evidence
        Results of the pass over JPEGs.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._settings = exposure_settings(evidence)
        self._numbers = np.array(evidence.numbers)
        self._blocks = [np.searchsorted(self._numbers, block).tolist() for block in evidence.blocks]
        self._voted = np.isin(self._numbers, [number for block in evidence.blocks for number in block])
        self._clock = Clock(evidence.photos)
        self._members: Counter[int] = Counter()
        self._of_line: dict[int, _Facts] = {}

    def of(self, outliers: Outliers, *, bright: bool, line: int) -> _Facts:
        """Return a candidate's kind, its onset, and the frames since then that show it, of all since then.

        Of a bad column or row, which is one entry, every eighth member is looked at, and those after it are like it.
        """
        self._members[line] += 1
        if not line or self._members[line] % LOOKED_AT == 1:
            kind = jpeg_kind(outliers, self._settings, bright=bright)
            self._of_line[line] = (kind, *self._onset(outliers, bright=bright))
        return self._of_line[line]

    def _onset(self, outliers: Outliers, *, bright: bool) -> tuple[Between | None, tuple[int, int] | None]:
        """Return a candidate's onset, and the frames that show it; neither where no frame does."""
        shows = np.isin(self._numbers, outliers.frame[(outliers.score > 0) == bright])
        if not shows.any():
            return None, None
        onset = find_onset(onset_ratios(shows, self._voted, self._blocks))
        since = slice(onset.low, None)
        seen, due = np.count_nonzero(shows[since]), np.count_nonzero(self._voted[since])
        return self._clock.between(onset), (int(seen), int(due))
