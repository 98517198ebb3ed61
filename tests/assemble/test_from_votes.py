"""Entries that no second pass checked: on the raw grid, with the kind that outlying values suggest."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.assemble.build_map import assemble
from sensormap.assemble.evidence import Evidence
from sensormap.assemble.from_votes import unfollowed_defects
from sensormap.camera.geometry import Sensor
from sensormap.detect.tally import Outliers
from sensormap.maps.entries import Defect, DefectKind
from sensormap.settings import LeastStrengths, Thresholds
from tests.support.evidences import FRAMES, TALL, evidence_of, photo, votes_of

SENSOR = Sensor(TALL.raw_size, TALL.active_area, TALL.cfa, TALL.jpeg_crop)


def defects_of(evidence: Evidence, *, ceiling: float = 1.0) -> list[Defect]:
    return unfollowed_defects(evidence, SENSOR, Thresholds(), ceiling=ceiling)


def test_entries_are_on_the_raw_grid_sorted_and_have_their_plane_and_jpeg_pixel() -> None:
    found = defects_of(evidence_of({(0, 0): 13.0, (2, 3): 14.123456, (2, 1): 15.0, (300, 12): 16.0}))
    assert [(defect.x, defect.y) for defect in found] == [(3, 1), (4, 3), (6, 3), (15, 301)]
    assert [defect.plane for defect in found] == [TALL.cfa.plane_name(x=d.x, y=d.y) for d in found]
    assert [defect.jpeg for defect in found] == [None, None, (0, 0), None]
    assert [defect.score for defect in found] == [13.0, 15.0, 14.12, 16.0]


def test_without_a_second_pass_nothing_is_told_of_the_values() -> None:
    (defect,) = defects_of(evidence_of({(4, 5): 20.0}))
    assert (defect.mean, defect.variance) == (None, None)


def test_kinds_are_told_from_each_photosite_s_own_outliers_in_all_blocks() -> None:
    dead, stuck, width = (4, 5), (60, 8), TALL.active_area.width
    light = np.linspace(300, 2000, FRAMES).astype(np.int32)
    parts = []
    for (row, col), value in ((dead, 0), (stuck, 2500)):
        for frames in (np.arange(10), np.arange(10, 20)):
            size = np.ones(10, np.int32)
            score = np.full(10, -64 if value == 0 else 64, np.int8)
            parts.append(
                Outliers(frames.astype(np.int32), size * (row * width + col), score, size * value, 2 * light[frames])
            )
    block_votes = tuple(
        votes_of([int(index[0])], [20.0], Outliers.concatenate(parts[i::2]))
        for i, index in ((0, parts[0].index), (1, parts[2].index))
    )
    expected = [(DefectKind.DEAD, 0.9), (DefectKind.STUCK, 0.9)]
    for order in (block_votes, block_votes[::-1]):
        found = defects_of(evidence_of(block_votes=order))
        assert [(defect.kind, defect.confidence) for defect in found] == expected


@pytest.mark.parametrize(("sum_z", "kind"), [(900, DefectKind.OFFSET), (-900, DefectKind.WEAK)])
def test_without_outliers_the_mean_score_tells_bright_from_dark(sum_z: int, kind: DefectKind) -> None:
    evidence = evidence_of({(4, 5): 20.0})
    evidence.tally.sum_z[4, 5] = sum_z
    (defect,) = defects_of(evidence)
    assert (defect.kind, defect.confidence) == (kind, 0.4)


@pytest.mark.parametrize("ceiling", [0.5, 1.0])
def test_the_ceiling_caps_the_confidence(ceiling: float) -> None:
    light = np.linspace(300, 2000, FRAMES).astype(np.int32)
    index = np.full(FRAMES, 4 * TALL.active_area.width + 5, np.int32)
    outliers = Outliers(np.arange(FRAMES, dtype=np.int32), index, np.full(FRAMES, -64, np.int8), 0 * light, 2 * light)
    (defect,) = defects_of(evidence_of({(4, 5): 20.0}, outliers=outliers), ceiling=ceiling)
    assert (defect.kind, defect.confidence) == (DefectKind.DEAD, min(0.9, ceiling))


@pytest.mark.parametrize(("frames", "confidence"), [(9, 0.5), (10, 0.9)])
def test_few_frames_cap_the_confidence_in_the_map(frames: int, confidence: float) -> None:
    light = np.linspace(300, 2000, frames).astype(np.int32)
    index = np.full(frames, 4 * TALL.active_area.width + 5, np.int32)
    outliers = Outliers(np.arange(frames, dtype=np.int32), index, np.full(frames, -64, np.int8), 0 * light, 2 * light)
    evidence = evidence_of({(4, 5): 20.0}, outliers=outliers, frames=frames)
    (defect,) = assemble(evidence, Thresholds(), LeastStrengths()).defects
    assert (defect.kind, defect.confidence) == (DefectKind.DEAD, confidence)


def test_entries_say_nothing_that_only_a_second_pass_tells() -> None:
    (defect,) = defects_of(evidence_of({(4, 5): 20.0}))
    assert (defect.dark_dn_per_s, defect.offset_dn, defect.response, defect.unresolved) == (None, None, None, ())
    assert (defect.onset, defect.until, defect.seen, defect.cluster) == (None, None, None, None)


def test_settings_go_by_frame_number_not_by_place_in_the_list() -> None:
    """Hot, and every second of frames 10 to 39 is a long exposure; photos 0 to 9 were skipped."""
    shutter_s = np.where(np.arange(30) % 2, 4.0, 0.01)
    numbers = tuple(range(10, 40))
    photos = tuple(photo(number, iso=100, shutter_s=float(time)) for number, time in enumerate(shutter_s))
    frame = np.array([number for number, time in zip(numbers, shutter_s, strict=True) if time > 1], np.int32)
    index = np.full(frame.size, 4 * TALL.active_area.width + 5, np.int32)
    level2 = np.linspace(400, 4000, frame.size).astype(np.int32)
    outliers = Outliers(frame, index, np.full(frame.size, 64, np.int8), level2 // 2 + 800, level2)
    evidence = evidence_of({(4, 5): 20.0}, outliers=outliers, frames=30, photos=photos, numbers=numbers)
    evidence.tally.sum_z[4, 5] = 900
    (defect,) = defects_of(evidence)
    assert defect.kind == DefectKind.HOT


def test_no_candidates_no_entries() -> None:
    assert defects_of(evidence_of({})) == []
