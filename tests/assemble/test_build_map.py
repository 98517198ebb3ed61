"""Assembling: every defect appears in the map once, in a column or by itself, with the numbers that go with it."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.assemble.build_map import add_skipped, assemble, left_out, undated
from sensormap.assemble.evidence import Evidence
from sensormap.camera.cfa import BAYER_NAMES, MONO, Cfa
from sensormap.camera.geometry import Rect
from sensormap.diagnose.defect_odds import expected_false, probability
from sensormap.frame import Skipped
from sensormap.maps.entries import Between, Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import LISTED_CONFIDENCE, LeastStrengths, Thresholds
from tests.support.evidences import BODY, FRAMES, TALL, evidence_of, photo
from tests.support.followed import HEALTHY, Law, follow, make_conditions, simulate

NOON = datetime(2010, 5, 2, 12)


def map_of(places: dict[tuple[int, int], float], **parts: Any) -> SensorMap:
    return assemble(evidence_of(places, **parts), Thresholds(), LeastStrengths())


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


# followed candidates


HOT = Law(dark=3000.0)
BRIGHT = Law(offset=60.0)
DEAD = Law(stuck=0.0)
LATE = Law(offset=60.0, since=25)
HEALED = Law(offset=60.0, until=25)


def followed_evidence(laws: dict[tuple[int, int], Law], *, frames: int = 40, seed: int = 1, **parts: Any) -> Evidence:
    """Return evidence in which photosites by (row, col) of the active area were followed through all frames."""
    rng = np.random.default_rng(seed)
    conditions = make_conditions(frames, rng)
    places = sorted(laws)
    found = follow(simulate([laws[place] for place in places], conditions, rng), conditions)
    index = np.array([row * TALL.active_area.width + col for row, col in places], np.int64)
    photos = tuple(photo(i, iso=100, shutter_s=0.01, time=NOON + timedelta(days=i)) for i in range(frames))
    return evidence_of({(9, 9): 30.0}, frames=frames, photos=photos, followed=replace(found, places=index), **parts)


def entries(evidence: Evidence) -> dict[tuple[int, int], Defect]:
    """Return single defects by (row, col) of the active area."""
    found = assemble(evidence, Thresholds(), LeastStrengths())
    assert list(found.defects) == sorted(found.defects, key=lambda defect: (defect.y, defect.x))
    return {(defect.y - TALL.active_area.y, defect.x - TALL.active_area.x): defect for defect in found.defects}


def test_followed_candidates_are_defects_where_their_series_says_so_and_votes_alone_make_none() -> None:
    """The votes name (9, 9), which was not followed."""
    evidence = followed_evidence({(0, 0): DEAD, (4, 5): HOT, (60, 8): HEALTHY, (300, 12): BRIGHT})
    found = entries(evidence)
    kinds = {place: defect.kind for place, defect in found.items()}
    assert kinds == {(0, 0): DefectKind.DEAD, (4, 5): DefectKind.HOT, (300, 12): DefectKind.OFFSET}
    hot = found[4, 5]
    assert (hot.x, hot.y, hot.plane, hot.jpeg) == (8, 5, TALL.cfa.plane_name(x=8, y=5), (2, 2))
    value = evidence.followed.series[:].value[evidence.followed.places.tolist().index(4 * TALL.active_area.width + 5)]
    assert hot.mean == pytest.approx(value.mean(), rel=1e-4)
    assert hot.variance == pytest.approx(value.var(), rel=1e-4)
    assert hot.confidence == 0.999
    assert hot.score > 10
    assert hot.dark_dn_per_s[1] <= 3000 <= hot.dark_dn_per_s[2]
    assert found[300, 12].offset_dn[1] <= 60 <= found[300, 12].offset_dn[2]
    assert found[0, 0].offset_dn is found[0, 0].dark_dn_per_s is found[0, 0].response is None
    for defect in found.values():
        seen, due = defect.seen
        assert 0 < 0.9 * due <= seen <= due <= 40


@pytest.mark.parametrize(("frames", "ceiling"), [(9, 0.5), (10, 0.999)])
def test_few_frames_cap_the_confidence_of_followed_ones(frames: int, ceiling: float) -> None:
    (defect,) = entries(followed_evidence({(4, 5): DEAD}, frames=frames)).values()
    assert defect.confidence == ceiling


def test_frames_that_repeat_do_not_lift_the_ceiling() -> None:
    evidence = followed_evidence({(4, 5): DEAD}, frames=30)
    evidence.tally.frames = 9
    (defect,) = entries(replace(evidence, repeated=21)).values()
    assert defect.confidence == 0.5


def test_births_and_ends_are_dated_by_the_frames_around_them() -> None:
    found = entries(followed_evidence({(4, 5): LATE, (60, 8): HEALED, (90, 2): BRIGHT}))
    birth, healed = found[4, 5].onset, found[60, 8].until
    assert birth.after <= NOON + timedelta(days=24) < NOON + timedelta(days=25) <= birth.by
    assert birth.by - birth.after <= timedelta(days=4)
    assert healed.after <= NOON + timedelta(days=24) < NOON + timedelta(days=25) <= healed.by
    assert found[60, 8].onset == found[90, 2].onset == Between(None, None)
    assert found[4, 5].until is found[90, 2].until is None


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        ([None] * 40, "of 40 photos 40 without a capture time"),
        ([NOON] * 39 + [None], "of 40 photos 1 without a capture time"),
        ([NOON] * 40, "all photos have one capture time"),
    ],
)
def test_without_times_nothing_is_dated(times: list[datetime | None], problem: str) -> None:
    evidence = followed_evidence({(4, 5): LATE, (60, 8): HEALED})
    assert undated(evidence) is None
    timeless = replace(evidence, photos=tuple(photo(i, time=time) for i, time in enumerate(times)))
    assert undated(timeless) == problem
    for defect in entries(timeless).values():
        assert defect.onset is defect.until is None
    assert undated(replace(timeless, followed=None)) is None


def test_only_the_followed_frames_need_times() -> None:
    """Frame numbers have gaps where photos were skipped; followed are every second of the used ones."""
    evidence = followed_evidence({(4, 5): LATE}, frames=40)
    numbers = tuple(range(0, 160, 2))
    photos = tuple(photo(i, time=NOON + timedelta(days=n) if n % 4 == 0 else None) for i, n in enumerate(numbers))
    conditions = replace(evidence.followed.conditions, number=np.arange(0, 160, 4))
    followed = replace(evidence.followed, conditions=conditions)
    parts = {"photos": photos, "numbers": numbers, "digests": ("0" * 64,) * 80, "followed": followed}
    ((_, defect),) = entries(replace(evidence, **parts)).items()
    assert defect.onset.after <= NOON + timedelta(days=96) < NOON + timedelta(days=100) <= defect.onset.by
    assert (defect.onset.by - NOON).days % 4 == 0
    assert assemble(replace(evidence, **parts), Thresholds(), LeastStrengths()).frames.followed == 40


def test_what_healthy_photosites_have_too_is_not_listed() -> None:
    evidence = followed_evidence({(4, 5): HOT, (100, 3): BRIGHT})
    followed = replace(evidence.followed, highest_healthy=np.tile([0.04, 6000.0, 2.0], (2, 1)))
    least = LeastStrengths(dark_dn_per_s=9000.0)
    for one, count in ((evidence, 2), (replace(evidence, followed=followed), 1)):
        kinds = [defect.kind for defect in assemble(one, Thresholds(), least).defects]
        assert kinds == [DefectKind.HOT, DefectKind.OFFSET][-count:]


def test_touching_defects_share_a_number() -> None:
    laws = {(4, 5): BRIGHT, (5, 6): BRIGHT, (4, 9): BRIGHT, (100, 3): BRIGHT, (102, 3): BRIGHT, (200, 3): BRIGHT}
    clusters = {place: defect.cluster for place, defect in entries(followed_evidence(laws)).items()}
    one, two = clusters[4, 5], clusters[100, 3]
    assert one != two
    assert clusters == {(4, 5): one, (5, 6): one, (4, 9): None, (100, 3): two, (102, 3): two, (200, 3): None}


def test_the_estimate_of_false_entries_is_that_of_the_decoys_and_what_the_listed_ones_leave_open() -> None:
    evidence = followed_evidence({(4, 5): DEAD, (90, 8): HOT})
    odds = evidence.followed.odds
    assert odds.likely.all()
    doubtful = replace(odds, total=np.array([odds.total[0], np.log(0.85 / 0.15 * 1e5)]))
    assert probability(doubtful.total)[1] == pytest.approx(0.85, abs=0.01)
    unsure = replace(evidence, followed=replace(evidence.followed, odds=doubtful))
    assert assemble(unsure, Thresholds(), LeastStrengths()).false_positives == pytest.approx(0.15, abs=0.01)
    for decoys in (np.empty(0), np.array([-9.0, 3.0, 8.0]), np.array([20.0, 30.0])):
        counted = replace(evidence, followed=replace(evidence.followed, decoys=decoys), decoy_part=0.25)
        found = assemble(counted, Thresholds(), LeastStrengths()).false_positives
        assert found == pytest.approx(expected_false(decoys, part=0.25), rel=0.05)
    assert found >= 8
    assert assemble(replace(evidence, followed=None), Thresholds(), LeastStrengths()).false_positives is None


def test_no_followed_candidate_no_entry() -> None:
    assert entries(followed_evidence({})) == {}


# the rest of the map


def test_frames_are_summed_up() -> None:
    photos = (
        photo(1, iso=400, shutter_s=0.5, time=datetime(2010, 5, 2, 12)),
        photo(2, iso=None, shutter_s=None, time=datetime(2009, 5, 2, 12)),
        photo(3, iso=100, shutter_s=0.001, time=None),
    )
    evidence = evidence_of(frames=3, photos=photos, numbers=(0, 2, 5))
    frames = assemble(evidence, Thresholds(), LeastStrengths()).frames
    assert (frames.used, frames.skipped) == (3, 0)
    assert (frames.first, frames.last) == (datetime(2009, 5, 2, 12), datetime(2010, 5, 2, 12))
    assert (frames.shutter_s, frames.iso) == ((0.001, 0.5), (100, 400))
    shuffled = replace(evidence, digests=evidence.digests[::-1])
    assert assemble(shuffled, Thresholds(), LeastStrengths()).frames.digest == frames.digest
    other = replace(evidence, digests=(*evidence.digests[:-1], "f" * 64))
    assert assemble(other, Thresholds(), LeastStrengths()).frames.digest != frames.digest


def test_what_became_of_the_frames_is_counted() -> None:
    counts = {"repeated": 3, "filtered": 4, "clock_jumps": 2}
    frames = assemble(evidence_of(**counts), Thresholds(), LeastStrengths()).frames
    assert (frames.used, frames.repeated, frames.filtered, frames.clock_jumps, frames.followed) == (FRAMES, 3, 4, 2, 0)
    assert assemble(followed_evidence({}, **counts), Thresholds(), LeastStrengths()).frames.followed == 40


def test_skipped_photos_are_added_sorted_and_counted() -> None:
    found = assemble(evidence_of({(4, 5): 20.0}), Thresholds(), LeastStrengths())
    skipped = (Skipped("a.nef", "empty"), Skipped("b.nef", "empty"))
    listed = add_skipped(found, reversed(skipped))
    assert (listed.skipped, listed.frames.skipped) == (skipped, 2)
    assert replace(listed, skipped=(), frames=found.frames) == found


def test_frames_that_tell_nothing() -> None:
    frames = assemble(evidence_of(frames=2, photos=(photo(1), photo(2))), Thresholds(), LeastStrengths()).frames
    assert (frames.first, frames.last, frames.shutter_s, frames.iso) == (None, None, None, None)


def test_settings_body_and_geometry_are_recorded() -> None:
    thresholds, least_strengths = Thresholds(mean_sigma=6.5, block_frames=12), LeastStrengths(offset_dn=4.0)
    found = assemble(evidence_of({(4, 5): 20.0}), thresholds, least_strengths)
    named = {f"{name}_floor": value for name, value in asdict(least_strengths).items()}
    others = {"outlier_sigma": 3.5, "fewest_votes": 3, "listed_confidence": LISTED_CONFIDENCE}
    assert found.settings == vars(thresholds) | named | others
    assert (found.body, found.profile) == (BODY, "toy")
    assert (found.sensor.raw_size, found.sensor.active_area) == (TALL.raw_size, TALL.active_area)
    assert (found.sensor.cfa, found.sensor.jpeg_crop) == (TALL.cfa, TALL.jpeg_crop)
    assert all(math.isfinite(float(value)) for value in found.settings.values() if value is not None)


def test_no_candidates_no_entries() -> None:
    found = map_of({})
    assert found.columns == found.defects == ()


def test_of_a_sensor_that_is_nothing_but_defects_the_gravest_are_listed():
    rng = np.random.default_rng(4)
    conditions = make_conditions(FRAMES, rng)
    sizes = np.where(np.arange(108) % 9 == 0, 40.0, 900.0)
    series = simulate([Law(offset=size) for size in sizes], conditions, rng)
    followed = follow(series, conditions)
    evidence = evidence_of(followed=replace(followed, places=7 * np.arange(108)), frames=FRAMES)
    assert np.count_nonzero(followed.odds.likely) > 100
    assert left_out(evidence) == np.count_nonzero(followed.odds.likely) - 100
    found = assemble(evidence, Thresholds(), LeastStrengths())
    assert len(found.photosites()) >= 100
    weakest = {7 * i for i in np.argsort(followed.odds.total)[: 108 - 100].tolist()}
    area = found.sensor.active_area
    listed = {(one.y - area.y) * area.width + one.x - area.x for one in found.defects}
    assert listed.isdisjoint(weakest)
    assert left_out(evidence_of()) == 0
