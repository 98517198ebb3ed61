"""Entries of a map that no second pass checked: candidates with the kind that their outlying values suggest.

Of raw photos each candidate is an entry; of JPEGs, where a defect is smeared over many pixels, each smear is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensormap.assemble.evidence import Clock, Evidence
from sensormap.camera.geometry import Sensor
from sensormap.detect.candidates import Candidates, find_candidates
from sensormap.detect.tally import Outliers
from sensormap.diagnose.jpeg_smears import find_centres
from sensormap.diagnose.kinds import ExposureSettings, classify, jpeg_kind, relative_effect
from sensormap.diagnose.onset import birth_ratios, find_onset
from sensormap.maps.entries import Between, Defect, DefectKind, rounded
from sensormap.settings import Thresholds

CONFIDENCE = 0.95
"""The most that a JPEG can say: what the camera did to the picture before it stored it is not modelled."""

LEAST_EFFECT = 0.1
"""Share of the light around it that a defect adds or lacks at least. The pattern of healthy photosites, and dust,
persist too, and are significant in ten flat fields of a real camera; planted defects that were found had 0.11 or more.
"""

_BORDER = 2  # pixels that a smear reaches

# Of a bad column or row only one in so many members is classified and dated, which takes 3 ms each. For a column of 657
# members this saved 1.7 s, and its entry, whose kind and onset are those of most members, was the same.
_MEMBERS_PER_ANSWER = 8
_Told = tuple[DefectKind, Between | None, tuple[int, int] | None]


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


def settings_of(evidence: Evidence) -> ExposureSettings:
    """Return the exposure settings by frame number, NaN where EXIF does not tell."""
    size = max(evidence.numbers) + 1
    gain, shutter_s = np.full(size, np.nan), np.full(size, np.nan)
    used = np.zeros(size, np.bool_)
    for number, photo in zip(evidence.numbers, evidence.photos, strict=True):
        gain[number], shutter_s[number] = photo.exposure.gain, photo.exposure.shutter_s  # None becomes NaN
        used[number] = True
    return ExposureSettings(gain, shutter_s, used, evidence.saturation)


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


def picture_defects(
    evidence: Evidence, sensor: Sensor, thresholds: Thresholds, *, ceiling: float
) -> tuple[list[Defect], float]:
    """Return the defects that JPEGs show, sorted by (y, x), and how many of them are expected to be false.

    Parameters
    ----------
    evidence
        What the pass over JPEGs left behind.
    sensor
        Geometry; its active area is what JPEGs show.
    thresholds
        What makes a candidate.
    ceiling
        Of the confidences.

    Notes
    -----
    Each block of votes may yield `Thresholds.false_votes` false candidates, by the tail of its shifted votes. That
    number over the number of entries is what each of them may be false by, all else being as modelled.
    """
    cfa = sensor.cfa.shifted(x=sensor.active_area.x, y=sensor.active_area.y)
    candidates = find_candidates(evidence.tally, evidence.ballots, cfa, thresholds)
    outliers = Outliers.concatenate([ballot.outliers for ballot in evidence.ballots])
    outliers = outliers[np.lexsort((outliers.frame, outliers.index))]
    centres = find_centres(candidates, outliers, width=sensor.active_area.width)
    history = _History(evidence)
    defects = []
    lines = []
    for i, radius, line in zip(*(part.tolist() for part in (centres.which, centres.radius, centres.line)), strict=True):
        own = _own(candidates, i, outliers, evidence)
        if relative_effect(own) < LEAST_EFFECT:
            continue
        lines.append(line)
        row, col = int(candidates.row[i]), int(candidates.col[i])
        x, y = col + sensor.active_area.x, row + sensor.active_area.y
        kind, onset, seen = history.of(own, bright=int(own.score.astype(np.int64).sum()) > 0, line=line)
        defects.append(
            Defect(
                x=x,
                y=y,
                plane=sensor.cfa.plane_name(x=x, y=y),
                kind=kind,
                confidence=ceiling,
                score=rounded(float(candidates.score[i]), digits=4),
                mean=None,
                variance=None,
                jpeg=sensor.jpeg_pixel(x, y),
                onset=onset,
                seen=seen,
                radius=max(radius, _least_radius(sensor, row, col)),
            )
        )
    false = rounded(thresholds.false_votes * len(evidence.ballots), digits=2)
    entries = lines.count(0) + len({*lines} - {0})  # the members of a bad line are one
    confidence = rounded(min(ceiling, CONFIDENCE, 1 - false / (false + max(entries, 1))), digits=4)
    return [replace(defect, confidence=confidence) for defect in defects], false


def _own(candidates: Candidates, i: int, outliers: Outliers, evidence: Evidence) -> Outliers:
    """Return the outlying scores of one candidate."""
    place = int(candidates.row[i]) * evidence.tally.sum_z.shape[1] + int(candidates.col[i])
    return outliers[slice(*np.searchsorted(outliers.index, [place, place + 1]))]


def _least_radius(sensor: Sensor, row: int, col: int) -> int:
    """Return how far at least a defect may lie from its pixel: at the border it may lie outside, its smear inside."""
    area = sensor.active_area
    if min(row, col, area.height - 1 - row, area.width - 1 - col) < _BORDER:
        return _BORDER
    return 1 if sensor.is_jpeg_grid else 0


class _History:
    """What candidates are, and when they were born, from the frames that show them.

    Parameters
    ----------
    evidence
        What the pass left behind.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._settings = settings_of(evidence)
        self._numbers = np.array(evidence.numbers)
        self._blocks = [np.searchsorted(self._numbers, block).tolist() for block in evidence.blocks]
        self._voted = np.isin(self._numbers, [number for block in evidence.blocks for number in block])
        self._clock = Clock(evidence.photos)
        self._members: Counter[int] = Counter()
        self._of_line: dict[int, _Told] = {}

    def of(self, outliers: Outliers, *, bright: bool, line: int) -> _Told:
        """Return a candidate's kind, when it was born, and the frames since then that show it, of all since then.

        The members of a bad column or row, which is one entry, take the answer of the last one that was classified.
        """
        self._members[line] += 1
        if not line or self._members[line] % _MEMBERS_PER_ANSWER == 1:
            kind = jpeg_kind(outliers, self._settings, bright=bright)
            self._of_line[line] = (kind, *self._born(outliers, bright=bright))
        return self._of_line[line]

    def _born(self, outliers: Outliers, *, bright: bool) -> tuple[Between | None, tuple[int, int] | None]:
        shows = np.isin(self._numbers, outliers.frame[(outliers.score > 0) == bright])
        if not shows.any():
            return None, None
        birth = find_onset(birth_ratios(shows, self._voted, self._blocks))
        since = slice(birth.low, None)
        seen, due = np.count_nonzero(shows[since]), np.count_nonzero(self._voted[since])
        return self._clock.between(birth), (int(seen), int(due))
