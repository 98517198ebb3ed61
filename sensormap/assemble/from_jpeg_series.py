"""Entries of a map of JPEGs: of the followed pixels that are likely defective, those that are centres of a smear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.evidence import Clock
from sensormap.assemble.from_votes import CONFIDENCE, LOOKED_AT, least_radius
from sensormap.camera.geometry import Sensor
from sensormap.detect.candidates import Candidates
from sensormap.detect.tally import Outliers
from sensormap.diagnose.defect_odds import LISTED, probability
from sensormap.diagnose.jpeg.kinds import JpegDiagnosis, diagnose_jpegs
from sensormap.diagnose.jpeg.odds import limit_by_decoys
from sensormap.diagnose.jpeg.smears import find_centres
from sensormap.diagnose.kind_and_strengths import SecondPassResult
from sensormap.diagnose.series import LOT
from sensormap.maps.entries import Defect, DefectKind, rounded
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA
from sensormap.settings import OUTLIER_SIGMA, SMEAR

# Of some 50 entries side by side in simulated photos one was a smear of the other.
_SMEAR_FOR_PAIR = 0.02

# Of 850 entries in twenty simulated sets one was the smear of a defect that was not listed itself.
_SMEAR_ALONE = 0.001

LEAST_EFFECT = 0.07
"""Share of the light around it that a defect adds or lacks at least, in the frames that show it best. The pattern of
healthy photosites, and dust, persist too, and are significant in flat fields of a real camera.
"""


def followed_jpeg_defects(
    followed: SecondPassResult, sensor: Sensor, clock: Clock, *, ceiling: float
) -> tuple[list[Defect], float]:
    """Return the defects that JPEGs show, sorted by (y, x), and how many of them are expected to be false.

    Parameters
    ----------
    followed
        Results of the second pass over JPEGs.
    sensor
        Geometry; its active area is what JPEGs show.
    clock
        Capture times of the followed frames.
    ceiling
        Highest confidence of an entry.

    Notes
    -----
    Expected to be false are the decoys that reach the limit of evidence, what the evidence of the entries leaves open,
    and a small share of them, larger of those that lie side by side, which may be smears.
    """
    limit, false = limit_by_decoys(followed.odds.total, followed.decoys)
    likely = np.flatnonzero(followed.odds.total >= limit)
    width = sensor.active_area.width
    place, total = followed.places[likely], followed.odds.total[likely]
    row, col = (part.astype(np.int32) for part in np.divmod(place, width))
    score = np.sqrt(2 * total)
    outliers = _outliers(followed, likely)
    centres = find_centres(Candidates(row, col, score), outliers, width=width, pairs=not sensor.is_jpeg_grid)
    looked_at, like = _looked_at(centres.line)
    diagnosed = _diagnose(followed, likely[centres.which[looked_at]])
    diagnoses = [diagnosed[i] for i in like.tolist()]
    sure = probability(total - limit + LISTED)
    defects, left_open = [], 0.0
    single = []
    parts = (centres.which.tolist(), centres.radius.tolist(), centres.line.tolist(), diagnoses)
    for i, away, line, found in zip(*parts, strict=True):
        if found.effect < LEAST_EFFECT:
            continue
        x, y = int(col[i]) + sensor.active_area.x, int(row[i]) + sensor.active_area.y
        left_open += 0 if line else 1 - float(sure[i])
        single += [] if line else [(x, y)]
        onset, until = clock.between(found.onset), clock.between(found.until)
        jumps = clock.within_a_day(onset, until)
        there = slice(found.onset.low, None if found.until is None or jumps else found.until.high)
        known = followed.series.known[likely[i], there]
        defects.append(
            Defect(
                x=x,
                y=y,
                plane=sensor.cfa.plane_name(x=x, y=y),
                kind=DefectKind.NOISY if jumps else found.kind,
                confidence=rounded(min(float(sure[i]), ceiling, CONFIDENCE), digits=4),
                score=rounded(float(score[i]), digits=4),
                mean=None,
                variance=None,
                jpeg=sensor.jpeg_pixel(x, y),
                onset=onset,
                until=None if jumps else until,
                seen=(int(np.count_nonzero(found.shows[there])), int(np.count_nonzero(known))),
                radius=max(away, least_radius(sensor, int(row[i]), int(col[i]))),
            )
        )
    smears = _SMEAR_ALONE * len(single) + _SMEAR_FOR_PAIR * _beside_another(single)
    return defects, rounded(false + left_open + smears, digits=2)


def _beside_another(places: Sequence[tuple[int, int]]) -> int:
    """Return how many of the places share a smear with one before them."""
    at = {*places}
    before = [(down, across) for down in range(-SMEAR, 1) for across in range(-SMEAR, SMEAR + 1)]
    before = [step for step in before if step < (0, 0)]
    return sum(any((x + across, y + down) in at for down, across in before) for x, y in at)


def _looked_at(line: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which centres are diagnosed, and for each centre which of those it is like.

    Of a bad column or row, which is one entry, it is every eighth member, and those after it are like it.
    """
    seen: Counter[int] = Counter()
    looked_at: list[int] = []
    like, of_line = np.empty(line.size, np.intp), dict[int, int]()
    for i, number in enumerate(line.tolist()):
        if not number or seen[number] % LOOKED_AT == 0:
            of_line[number] = len(looked_at)
            looked_at.append(i)
        seen[number] += 1
        like[i] = of_line[number]
    return np.array(looked_at, np.intp), like


def _diagnose(followed: SecondPassResult, which: NDArray[np.intp]) -> list[JpegDiagnosis]:
    """Return the diagnoses of some of the followed pixels, a few hundred at a time."""
    found = []
    for start in range(0, which.size, LOT):
        lot = which[start : start + LOT]
        found += diagnose_jpegs(followed.series[lot], followed.conditions, followed.odds[lot])
    return found


def _outliers(followed: SecondPassResult, which: NDArray[np.intp]) -> Outliers:
    """Return the outlying scores of some of the followed pixels, which are ascending, sorted by (index, frame)."""
    parts = []
    for start in range(0, which.size, LOT):
        lot = which[start : start + LOT]
        series = followed.series[lot]
        score = (series.value - series.level) / np.sqrt(series.variance)
        at, frame = np.nonzero(series.known & (np.abs(score) >= OUTLIER_SIGMA))
        eighths = np.clip(np.rint(score[at, frame] * SCORES_PER_SIGMA), -SCORE_LIMIT, SCORE_LIMIT)
        parts.append(
            Outliers(
                frame=followed.conditions.number[frame].astype(np.int32),
                index=followed.places[lot][at].astype(np.int32),
                score=eighths.astype(np.int8),
                value=series.value[at, frame].astype(np.int32),
                level2=np.rint(2 * series.level[at, frame]).astype(np.int32),
            )
        )
    return Outliers.concatenate(parts)
