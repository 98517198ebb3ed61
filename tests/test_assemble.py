"""Assembling: every candidate appears in the map once, in a column or by itself, with the numbers that go with it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TOY_PROFILE
from hypothesis import given
from hypothesis import strategies as st

from sensormap.assemble import Evidence, assemble
from sensormap.camera import Body, Profile, Rect
from sensormap.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.defects import DefectKind, SensorMap
from sensormap.detect import Thresholds
from sensormap.frame import Exposure, Photo, Skipped
from sensormap.tally import Outliers, Tally
from sensormap.vote import Ballot

BODY = Body("ACME", "ACME One", "7")
FRAMES = 20
TALL = replace(TOY_PROFILE, raw_size=(19, 311), active_area=Rect(3, 1, 13, 301), jpeg_crop=Rect(6, 3, 9, 297))
NO_OUTLIERS = Outliers.concatenate([])


def photo(number: int, **exposure: Any) -> Photo:
    return Photo(Path(f"DSC_{number:04}.NEF"), 1000 + number, BODY, Exposure(**exposure))


def evidence_of(
    places: dict[tuple[int, int], float] | None = None,
    *,
    profile: Profile = TALL,
    outliers: Outliers = NO_OUTLIERS,
    frames: int = FRAMES,
    **parts: Any,
) -> Evidence:
    """Return evidence in which votes single out `places`, (row, col) of the active area with their scores."""
    width, height = profile.active_area.width, profile.active_area.height
    tally = Tally((height, width))
    tally.frames = frames
    index = sorted(row * width + col for row, col in places or {})
    score = [(places or {})[divmod(place, width)] for place in index]
    ballot = Ballot(np.array(index, np.int32), np.array(score, np.float64), outliers, 12.0)
    values = {
        "body": BODY,
        "profile": profile,
        "photos": tuple(photo(number, iso=100, shutter_s=0.01) for number in range(frames)),
        "numbers": tuple(range(frames)),
        "digests": tuple(f"{number:064x}" for number in range(frames)),
        "saturation": profile.saturation,
        "skipped": (),
        "tally": tally,
        "ballots": (ballot,),
    }
    return Evidence(**(values | parts))


def map_of(places: dict[tuple[int, int], float], **parts: Any) -> SensorMap:
    return assemble(evidence_of(places, **parts), Thresholds())


# columns


@st.composite
def candidates(draw: st.DrawFn) -> set[tuple[int, int]]:
    """Runs of one or both planes, near and beyond the gap that a run bridges, in few columns, and strays."""
    row, col = st.integers(0, 300), st.integers(0, 3)
    places = draw(st.sets(st.tuples(row, col), max_size=40))
    for _ in range(draw(st.integers(0, 5))):
        first, length = draw(row), draw(st.integers(5, 80))
        rows = range(first, min(first + length, 301), draw(st.sampled_from([1, 1, 2, 3])))
        where = draw(col)
        places |= {(row, where) for row in rows}
    return places


@given(
    places=candidates(),
    name=st.sampled_from((*BAYER_NAMES, MONO)),
    corner=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_every_candidate_is_in_one_column_or_listed_alone(
    places: set[tuple[int, int]], name: str, corner: tuple[int, int]
) -> None:
    """Columns that overlap on a plane would be refused when the map is made."""
    area = Rect(*corner, 13, 301)
    profile = replace(TALL, cfa=Cfa(name), active_area=area)
    found = map_of(dict.fromkeys(places, 20.0), profile=profile)
    expected = {(col + area.x, row + area.y) for row, col in places}
    alone = {(defect.x, defect.y) for defect in found.defects}
    covered = [place for column in found.columns for place in column.photosites(profile.cfa)]
    assert len(covered) == len(set(covered))
    assert not alone & set(covered)
    assert alone | (expected & set(covered)) == expected
    assert alone <= expected
    for column in found.columns:
        members = expected & set(column.photosites(profile.cfa))
        assert len(members) == column.defects
        assert {(column.x, column.y0), (column.x, column.y1)} <= members
        assert {profile.cfa.plane_name(x=x, y=y) for x, y in members} == set(column.plane.split("+"))


def test_a_column_of_both_planes() -> None:
    found = map_of({(row, 7): 20.0 + row for row in range(100, 160)} | {(5, 7): 9.0})
    (column,) = found.columns
    assert (column.x, column.y0, column.y1, column.plane) == (10, 101, 160, "Gb+R")
    assert (column.defects, column.kind, column.score) == (60, DefectKind.WEAK, 149.5)
    assert [(defect.x, defect.y) for defect in found.defects] == [(10, 6)]


def test_a_column_of_one_plane_leaves_the_other_plane_alone() -> None:
    line = {(row, 7): 20.0 for row in range(100, 200, 2)}
    found = map_of(line | {(151, 7): 30.0, (99, 7): 30.0})
    (column,) = found.columns
    assert (column.y0, column.y1, column.plane, column.defects) == (101, 199, "R", 50)
    assert [(defect.x, defect.y, defect.plane) for defect in found.defects] == [(10, 100, "Gb"), (10, 152, "Gb")]


@pytest.mark.parametrize(("others", "plane"), [(4, "R"), (5, "Gb+R")])
def test_a_plane_belongs_to_a_column_from_a_tenth_of_its_members(others: int, plane: str) -> None:
    line = {(row, 7): 20.0 for row in range(100, 190, 2)} | {(101 + 10 * i, 7): 20.0 for i in range(others)}
    (column,) = map_of(line).columns
    assert column.plane == plane


def test_two_runs_in_one_column() -> None:
    found = map_of({(row, 7): 20.0 for row in (*range(20, 50), *range(82, 120))})
    assert [(column.y0, column.y1) for column in found.columns] == [(21, 50), (83, 120)]
    assert not found.defects


# entries


def test_entries_are_on_the_raw_grid_sorted_and_have_their_plane_and_jpeg_pixel() -> None:
    found = map_of({(0, 0): 13.0, (2, 3): 14.123456, (2, 1): 15.0, (300, 12): 16.0})
    assert [(defect.x, defect.y) for defect in found.defects] == [(3, 1), (4, 3), (6, 3), (15, 301)]
    assert [defect.plane for defect in found.defects] == [TALL.cfa.plane_name(x=d.x, y=d.y) for d in found.defects]
    assert [defect.jpeg for defect in found.defects] == [None, None, (0, 0), None]
    assert [defect.score for defect in found.defects] == [13.0, 15.0, 14.12, 16.0]


def test_mean_and_variance_are_the_tally_s() -> None:
    evidence = evidence_of({(4, 5): 20.0})
    evidence.tally.sum_x[4, 5] = 20 * 300
    evidence.tally.sum_xx[4, 5] = 10 * 200**2 + 10 * 400**2
    (defect,) = assemble(evidence, Thresholds()).defects
    assert (defect.mean, defect.variance) == (300.0, 10_000.0)


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
    ballots = tuple(
        Ballot(np.array([index[0]], np.int32), np.array([20.0]), Outliers.concatenate(parts[i::2]), 12.0)
        for i, index in ((0, parts[0].index), (1, parts[2].index))
    )
    expected = [(DefectKind.DEAD, 0.9), (DefectKind.STUCK, 0.9)]
    for order in (ballots, ballots[::-1]):
        found = assemble(evidence_of(ballots=order), Thresholds()).defects
        assert [(defect.kind, defect.confidence) for defect in found] == expected


@pytest.mark.parametrize(("sum_z", "kind"), [(900, DefectKind.OFFSET), (-900, DefectKind.WEAK)])
def test_without_outliers_the_mean_score_tells_bright_from_dark(sum_z: int, kind: DefectKind) -> None:
    evidence = evidence_of({(4, 5): 20.0})
    evidence.tally.sum_z[4, 5] = sum_z
    (defect,) = assemble(evidence, Thresholds()).defects
    assert (defect.kind, defect.confidence) == (kind, 0.4)


@pytest.mark.parametrize(("frames", "confidence"), [(9, 0.5), (10, 0.9)])
def test_few_frames_cap_the_confidence(frames: int, confidence: float) -> None:
    light = np.linspace(300, 2000, frames).astype(np.int32)
    index = np.full(frames, 4 * TALL.active_area.width + 5, np.int32)
    outliers = Outliers(np.arange(frames, dtype=np.int32), index, np.full(frames, -64, np.int8), 0 * light, 2 * light)
    (defect,) = map_of({(4, 5): 20.0}, outliers=outliers, frames=frames).defects
    assert (defect.kind, defect.confidence) == (DefectKind.DEAD, confidence)


# the rest of the map


def test_frames_are_summed_up() -> None:
    photos = (
        photo(1, iso=400, shutter_s=0.5, time=datetime(2010, 5, 2, 12)),
        photo(2, iso=None, shutter_s=None, time=datetime(2009, 5, 2, 12)),
        photo(3, iso=100, shutter_s=0.001, time=None),
    )
    skipped = (Skipped("a.nef", "empty"), Skipped("b.nef", "empty"))
    evidence = evidence_of(frames=3, photos=photos, numbers=(0, 2, 5), skipped=skipped)
    frames = assemble(evidence, Thresholds()).frames
    assert (frames.used, frames.skipped) == (3, 2)
    assert (frames.first, frames.last) == (datetime(2009, 5, 2, 12), datetime(2010, 5, 2, 12))
    assert (frames.shutter_s, frames.iso) == ((0.001, 0.5), (100, 400))
    shuffled = replace(evidence, digests=evidence.digests[::-1])
    assert assemble(shuffled, Thresholds()).frames.digest == frames.digest
    other = replace(evidence, digests=(*evidence.digests[:-1], "f" * 64))
    assert assemble(other, Thresholds()).frames.digest != frames.digest


def test_frames_that_tell_nothing() -> None:
    frames = assemble(evidence_of(frames=2, photos=(photo(1), photo(2))), Thresholds()).frames
    assert (frames.first, frames.last, frames.shutter_s, frames.iso) == (None, None, None, None)


def test_settings_body_and_geometry_are_recorded() -> None:
    thresholds = Thresholds(mean_sigma=6.5, block_frames=12)
    found = assemble(evidence_of({(4, 5): 20.0}), thresholds)
    assert found.settings == vars(thresholds) | {"outlier_sigma": 3.5, "fewest_votes": 3}
    assert (found.body, found.profile) == (BODY, "toy")
    assert (found.sensor.raw_size, found.sensor.active_area) == (TALL.raw_size, TALL.active_area)
    assert (found.sensor.cfa, found.sensor.jpeg_crop) == (TALL.cfa, TALL.jpeg_crop)
    assert all(math.isfinite(float(value)) for value in found.settings.values() if value is not None)


def test_no_candidates_no_entries() -> None:
    found = map_of({})
    assert found.columns == found.defects == ()
