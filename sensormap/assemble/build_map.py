"""Evidence into a map: defects, columns and rows, and what is said of the frames and of all entries together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.evidence import Clock, Evidence
from sensormap.assemble.from_jpeg_series import followed_jpeg_defects
from sensormap.assemble.from_series import make_defects
from sensormap.assemble.from_votes import jpeg_defects, unfollowed_defects
from sensormap.assemble.lines import MOST_CERTAIN, make_lines
from sensormap.camera.geometry import Sensor
from sensormap.detect.line_sites import NEAR
from sensormap.detect.lines import lines_in_means
from sensormap.detect.votes import FEWEST_VOTES
from sensormap.diagnose.defect_odds import expected_false
from sensormap.diagnose.fixed_pattern import with_floors
from sensormap.diagnose.kind_and_strengths import FollowedLine, SecondPassResult, diagnose_series
from sensormap.frame import Calibration, Photo, Skipped
from sensormap.maps.clusters import with_clusters
from sensormap.maps.entries import Defect, FrameSummary, Setting, Source, rounded
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import (
    FEW_FRAMES,
    LISTED_CONFIDENCE,
    OUTLIER_SIGMA,
    LeastStrengths,
    Thresholds,
    most_listed,
)

_FEWEST_FOR_DECOYS = 3  # in fewer frames a decoy is a single outlier

# Highest confidence of an entry: 741 of 741 were real where the truth is known, which says no more; and of an entry of
# few frames.
_CONFIDENCE, _FEW_CONFIDENCE = 0.999, 0.5


def assemble(
    evidence: Evidence,
    thresholds: Thresholds,
    least_strengths: LeastStrengths,
    *,
    lines_of: Callable[[], tuple[FollowedLine, ...]] | None = None,
) -> SensorMap:
    """Return the map that the evidence supports; the skipped photos are added to it by `add_skipped`.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    thresholds
        Detection thresholds.
    least_strengths
        Strengths from which a defect counts.
    lines_of
        Function that returns the result of `deviating_lines` from another thread; None finds them here.
    """
    lines_of = lines_of or partial(deviating_lines, evidence)
    profile = evidence.profile
    sensor = Sensor(profile.raw_size, profile.active_area, profile.cfa, profile.jpeg_crop)
    ceiling = _CONFIDENCE if evidence.counted >= FEW_FRAMES else _FEW_CONFIDENCE
    settings: dict[str, Setting] = {**asdict(thresholds), "outlier_sigma": OUTLIER_SIGMA, "fewest_votes": FEWEST_VOTES}
    false: float | None
    rules = evidence.rules
    if rules.smears and evidence.followed is not None:
        clock = Clock(evidence.followed_photos)
        defects, false = followed_jpeg_defects(evidence.followed, sensor, clock, ceiling=ceiling)
    elif rules.smears:
        defects, false = jpeg_defects(evidence, sensor, thresholds, ceiling=ceiling)
    elif evidence.followed is None:
        defects, false = unfollowed_defects(evidence, sensor, thresholds, ceiling=ceiling), None
    else:
        defects = _followed_defects(evidence, evidence.followed, sensor, least_strengths, ceiling=ceiling)
        false = None
    lines = lines_of()
    columns, rows, alone = make_lines(defects, lines, sensor, Clock(evidence.followed_photos))
    if evidence.followed is not None and not rules.smears:
        alone = with_clusters(alone, sensor.cfa)
        area, on_lines = sensor.active_area, {(one.x, one.y) for one in defects} - {(one.x, one.y) for one in alone}
        covered = np.array([(y - area.y) * area.width + x - area.x for x, y in on_lines], np.int64)
        false = _false_positives(evidence, evidence.followed, lines, covered)
    if rules.lists_strengths:
        least = least_strengths
        if evidence.followed is not None:
            least = with_floors(least, evidence.followed.pattern, evidence.followed.conditions)
        settings |= {f"{name}_floor": rounded(value) for name, value in asdict(least).items()}
        settings["listed_confidence"] = LISTED_CONFIDENCE
    if evidence.two_sensors:
        settings["two_sensors"] = evidence.two_sensors
    return SensorMap(
        body=evidence.body,
        profile=profile.name,
        sensor=sensor,
        frames=_frame_summary(evidence),
        skipped=(),
        settings=settings,
        columns=tuple(replace(column, radius=rules.line_radius) for column in columns),
        rows=tuple(replace(row, radius=rules.line_radius) for row in rows),
        defects=alone,
        false_positives=false,
        source=rules.source,
        dark_law=None if evidence.followed is None else evidence.followed.dark_law,
        calibration=_calibration(evidence.photos),
    )


def add_skipped(sensor_map: SensorMap, skipped: Iterable[Skipped]) -> SensorMap:
    """Return a map that lists the photos that could not be used, sorted.

    Parameters
    ----------
    sensor_map
        Map without skipped photos, from `assemble` or of several such maps.
    skipped
        All photos that the run skipped: known only after its last pass.
    """
    listed = tuple(sorted(skipped))
    return replace(sensor_map, skipped=listed, frames=replace(sensor_map.frames, skipped=len(listed)))


def deviating_lines(evidence: Evidence) -> tuple[FollowedLine, ...]:
    """Return the columns and rows that deviate as a whole; none where scenery may pass for them.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    """
    if evidence.counted < FEW_FRAMES or (evidence.followed and evidence.followed.repeats):
        return ()  # the tally has the frames that only the second pass recognised
    if evidence.followed is not None:
        return evidence.followed.lines
    if not evidence.rules.finds_lines:
        return ()
    area = evidence.profile.active_area
    found = lines_in_means(evidence.tally, evidence.profile.cfa.shifted(x=area.x, y=area.y))
    return tuple(FollowedLine(line, MOST_CERTAIN, None) for line in found)


def _false_positives(
    evidence: Evidence, followed: SecondPassResult, lines: Sequence[FollowedLine], covered: NDArray[np.int64]
) -> float | None:
    """Return how many entries may be false: as decoys tell, and as the entries' own confidences leave open.

    `covered` are the places that are no entries by themselves. None where frames are too few for decoys.
    """
    if evidence.counted < _FEWEST_FOR_DECOYS:
        return None
    single = followed.odds.likely & ~np.isin(followed.places, covered)
    left_open = float(np.sum(1 - followed.odds.confidence[single])) + sum(1 - line.confidence for line in lines)
    along = expected_false(followed.line_decoys, part=len(NEAR)) if followed.line_decoys.size else 0.0
    return rounded(expected_false(followed.decoys, part=evidence.decoy_part) + along + left_open, digits=2)


def _followed_defects(
    evidence: Evidence, followed: SecondPassResult, sensor: Sensor, least_strengths: LeastStrengths, *, ceiling: float
) -> list[Defect]:
    """Return the followed candidates that are likely defective, the gravest if they are too many, sorted by (y, x)."""
    likely = np.flatnonzero(followed.odds.likely)
    most = most_listed(evidence.tally.hidden.size)
    if likely.size > most:
        likely = np.sort(likely[np.argsort(-followed.odds.total[likely], kind="stable")[:most]])
    diagnoses = diagnose_series(followed, likely, least_strengths)
    # Odds are those of single laws from the least strength on. Fitted properly, it may be what healthy photosites show.
    counts = [i for i, found in enumerate(diagnoses) if not found.faint]
    likely = likely[counts]
    return make_defects(
        followed.places[likely],
        np.minimum(followed.odds.confidence[likely], ceiling),
        [diagnoses[i] for i in counts],
        series=followed.series[likely],
        sensor=sensor,
        clock=Clock(evidence.followed_photos),
    )


def left_out(evidence: Evidence) -> int:
    """Return how many photosites are likely defective, but not listed, because they are more than 1 % of the sensor.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    """
    if evidence.followed is None:
        return 0
    return max(int(np.count_nonzero(evidence.followed.odds.likely)) - most_listed(evidence.tally.hidden.size), 0)


def undated(evidence: Evidence) -> str | None:
    """Return why a map has no onsets, though its photos could tell them; None if it has.

    Parameters
    ----------
    evidence
        Results of the passes over the photos.
    """
    if evidence.followed is not None:
        return Clock(evidence.followed_photos).problem
    return Clock(evidence.photos).problem if evidence.rules.smears else None


def _calibration(photos: Iterable[Photo]) -> tuple[Calibration, ...]:
    """Return the photos that their files call darks, flats or bias frames, sorted."""
    found = ((photo.path.name, photo.exposure.calibration) for photo in photos)
    return tuple(sorted(Calibration(name, sort) for name, sort in found if sort is not None))


def _frame_summary(evidence: Evidence) -> FrameSummary:
    """Describe the set of photos."""
    exposures = [photo.exposure for photo in evidence.photos]
    times = sorted(exposure.time for exposure in exposures if exposure.time is not None)
    shutters = sorted(exposure.shutter_s for exposure in exposures if exposure.shutter_s is not None)
    warmth = sorted(exposure.temperature_c for exposure in exposures if exposure.temperature_c is not None)
    isos = sorted(exposure.iso for exposure in exposures if exposure.iso is not None)
    return FrameSummary(
        used=len(evidence.photos),
        skipped=0,
        first=times[0] if times else None,
        last=times[-1] if times else None,
        shutter_s=(shutters[0], shutters[-1]) if shutters else None,
        iso=(isos[0], isos[-1]) if isos else None,
        digest=hashlib.sha256("".join(sorted(evidence.digests)).encode()).hexdigest(),
        repeated=evidence.repeated,
        filtered=evidence.filtered,
        followed=0 if evidence.followed is None else evidence.followed.counted,
        clock_jumps=evidence.clock_jumps,
        jpegs=len(evidence.photos) if evidence.rules.source is Source.JPEG else 0,
        temperature_c=(warmth[0], warmth[-1]) if warmth else None,
    )
