"""Evidence into a map: candidates, their kinds, columns, and the numbers that go with each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from sensormap.camera import Body, Profile
from sensormap.classify import Settings, classify
from sensormap.cluster import Run, find_columns
from sensormap.defects import Column, Defect, DefectKind, FrameSummary, Sensor, SensorMap, rounded
from sensormap.detect import Candidates, Thresholds, find_candidates
from sensormap.frame import Photo, Skipped
from sensormap.tally import OUTLIER_SIGMA, Outliers, Tally
from sensormap.vote import FEWEST_VOTES, Ballot

# With fewer frames than this, chance and scenery agree too often to be sure of anything.
_FEW_FRAMES, _FEW_CONFIDENCE = 10, 0.5


@dataclass(frozen=True)
class Evidence:
    """What a pass over the photos of one body left behind.

    Parameters
    ----------
    body, profile
        Whose sensor it is, and the geometry used.
    photos, numbers, digests
        The used photos in order of capture, their frame numbers, and the SHA-256 of their files.
    saturation
        DN at which a photosite clips, black subtracted.
    skipped
        The photos that could not be used, sorted.
    tally
        Sums over the frames.
    ballots
        Results of the blocks of votes.
    """

    body: Body
    profile: Profile
    photos: tuple[Photo, ...]
    numbers: tuple[int, ...]
    digests: tuple[str, ...]
    saturation: int
    skipped: tuple[Skipped, ...]
    tally: Tally
    ballots: tuple[Ballot, ...]


def assemble(evidence: Evidence, thresholds: Thresholds) -> SensorMap:
    """Return the map that the evidence supports."""
    area, cfa = evidence.profile.active_area, evidence.profile.cfa
    sensor = Sensor(evidence.profile.raw_size, area, cfa, evidence.profile.jpeg_crop)
    candidates = find_candidates(evidence.tally, evidence.ballots, cfa.shifted(x=area.x, y=area.y), thresholds)
    kinds = _kinds(evidence, candidates)
    defects = [_defect(evidence, sensor, candidates, kinds, i) for i in range(candidates.row.size)]
    columns = _columns(find_columns(candidates.row, candidates.col), defects)
    return SensorMap(
        body=evidence.body,
        profile=evidence.profile.name,
        sensor=sensor,
        frames=_frame_summary(evidence),
        skipped=evidence.skipped,
        settings={**asdict(thresholds), "outlier_sigma": OUTLIER_SIGMA, "fewest_votes": FEWEST_VOTES},
        columns=columns,
        defects=_outside(defects, columns),
    )


def _outside(defects: Sequence[Defect], columns: Sequence[Column]) -> tuple[Defect, ...]:
    """Return the defects that no column entry covers."""
    by_x: dict[int, list[Column]] = {}
    for column in columns:
        by_x.setdefault(column.x, []).append(column)
    return tuple(
        defect
        for defect in defects
        if not any(
            column.y0 <= defect.y <= column.y1 and defect.plane in column.plane.split("+")
            for column in by_x.get(defect.x, [])
        )
    )


def _kinds(evidence: Evidence, candidates: Candidates) -> list[tuple[DefectKind, float]]:
    """Classify every candidate from its outlying scores in all blocks."""
    settings = _settings(evidence)
    outliers = Outliers.concatenate([ballot.outliers for ballot in evidence.ballots])
    outliers = outliers[np.lexsort((outliers.frame, outliers.index))]
    width = evidence.tally.count.shape[1]
    index = candidates.row.astype(np.int64) * width + candidates.col
    first, last = np.searchsorted(outliers.index, index, "left"), np.searchsorted(outliers.index, index, "right")
    bright = evidence.tally.sum_z[candidates.row, candidates.col] > 0
    ceiling = 1.0 if evidence.tally.frames >= _FEW_FRAMES else _FEW_CONFIDENCE
    kinds = []
    for a, b, is_bright in zip(first, last, bright, strict=True):
        kind, confidence = classify(outliers[a:b], settings, bright=bool(is_bright))
        kinds.append((kind, min(confidence, ceiling)))
    return kinds


def _settings(evidence: Evidence) -> Settings:
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
        mean=rounded(float(evidence.tally.mean((row, col))[0])),
        variance=rounded(float(evidence.tally.variance((row, col))[0])),
        jpeg=sensor.jpeg_pixel(x, y),
    )


def _columns(runs: Sequence[Run], defects: Sequence[Defect]) -> tuple[Column, ...]:
    """Return runs of candidates as entries of the map: the commonest kind, the median score and confidence."""
    columns = []
    for run in runs:
        members = [defects[i] for i in run.members]
        planes = Counter(member.plane for member in members)
        named = sorted(plane for plane, count in planes.items() if count >= len(members) / 10)
        alike = [member for member in members if member.plane in named]
        kind = Counter(member.kind for member in alike).most_common(1)[0][0]
        columns.append(
            Column(
                x=members[0].x,
                y0=alike[0].y,
                y1=alike[-1].y,
                plane="+".join(named),
                kind=kind,
                confidence=rounded(float(np.median([member.confidence for member in alike]))),
                score=rounded(float(np.median([member.score for member in alike])), digits=4),
                defects=len(alike),
            )
        )
    return tuple(columns)


def _frame_summary(evidence: Evidence) -> FrameSummary:
    """Describe the set of photos."""
    exposures = [photo.exposure for photo in evidence.photos]
    times = sorted(exposure.time for exposure in exposures if exposure.time is not None)
    shutters = sorted(exposure.shutter_s for exposure in exposures if exposure.shutter_s is not None)
    isos = sorted(exposure.iso for exposure in exposures if exposure.iso is not None)
    return FrameSummary(
        used=len(evidence.photos),
        skipped=len(evidence.skipped),
        first=times[0] if times else None,
        last=times[-1] if times else None,
        shutter_s=(shutters[0], shutters[-1]) if shutters else None,
        iso=(isos[0], isos[-1]) if isos else None,
        digest=hashlib.sha256("".join(sorted(evidence.digests)).encode()).hexdigest(),
    )
