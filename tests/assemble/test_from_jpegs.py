"""Entries from JPEGs: one a defect, where it lies on the raw grid, and nothing claimed that no JPEG tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from sensormap.assemble.build_map import assemble
from sensormap.assemble.evidence import Evidence
from sensormap.assemble.from_votes import CONFIDENCE, LEAST_EFFECT, jpeg_defects
from sensormap.assemble.pass_rules import JPEG
from sensormap.camera.cfa import PICTURE
from sensormap.camera.geometry import Rect, Sensor
from sensormap.camera.profile import Profile
from sensormap.decode.jpeg_mosaic import jpeg_profile
from sensormap.detect.lines import find_lines
from sensormap.detect.tally import Outliers
from sensormap.detect.votes import BlockVotes
from sensormap.diagnose.kinds_without_series import jpeg_kind
from sensormap.maps.entries import Between, Defect, DefectKind, Source
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.sensor_map import SensorMap
from sensormap.settings import LeastStrengths, Thresholds
from tests.support.evidences import evidence_of, photo, votes_of
from tests.support.frames import TOY_PROFILE

CAMERA = replace(TOY_PROFILE, raw_size=(83, 67), active_area=Rect(3, 1, 77, 63), jpeg_crop=Rect(6, 3, 60, 48))
KNOWN, UNKNOWN = jpeg_profile((60, 48), CAMERA), jpeg_profile((60, 48), None)
NOON = datetime(2010, 5, 2, 12)
FRAMES = 20


@dataclass(frozen=True)
class Shown:
    """How a candidate shows: by the votes, and by its value beside its level in each of these frames."""

    frames: Sequence[int] = range(FRAMES)
    score: float = 20.0
    value: int = 160
    level: int = 100


Places = Mapping[tuple[int, int], Shown]
PLAIN = Shown()


def outliers_in(places: Places, frames: Sequence[int]) -> Outliers:
    """Return what some frames show, in the order of a block's votes."""
    seen = [
        (frame, row * KNOWN.active_area.width + col, 40 if one.value > one.level else -40, one.value, 2 * one.level)
        for frame in frames
        for (row, col), one in sorted(places.items())
        if frame in one.frames
    ]
    columns = np.array(seen, np.int64).reshape(-1, 5).T
    kinds = np.int32, np.int32, np.int8, np.int32, np.int32
    return Outliers(*(column.astype(kind) for column, kind in zip(columns, kinds, strict=True)))


def pictures(
    places: Places,
    *,
    profile: Profile = KNOWN,
    numbers: Sequence[int] = range(FRAMES),
    blocks: Sequence[Sequence[int]] | None = None,
    **parts: Any,
) -> Evidence:
    """Return evidence of JPEGs a day apart, of which blocks of ten, or these, list the outlying scores."""
    blocks = [numbers[start : start + 10] for start in range(0, len(numbers), 10)] if blocks is None else blocks
    block_votes = []
    for block in blocks:
        listed = {at: one for at, one in places.items() if len(set(one.frames) & set(block)) >= 3}
        index = [row * KNOWN.active_area.width + col for row, col in sorted(listed)]
        scores = [one.score for _, one in sorted(listed.items())]
        block_votes.append(votes_of(index, scores, outliers_in(listed, block)))
    photos = tuple(
        replace(photo(number, iso=100, shutter_s=0.01, time=NOON + timedelta(days=number)), jpeg_size=(60, 48))
        for number in numbers
    )
    values = {
        "rules": JPEG,
        "frames": len(photos),
        "photos": photos,
        "numbers": tuple(numbers),
        "digests": tuple(f"{number:064x}" for number in numbers),
        "block_votes": tuple(block_votes),
        "blocks": tuple(tuple(block) for block in blocks),
    }
    evidence = evidence_of({}, profile=profile, **(values | parts))
    for (row, col), one in places.items():
        evidence.tally.sum_z[row, col] = (40 if one.value > one.level else -40) * max(len(one.frames), 1)
    return evidence


def sensor_of(profile: Profile) -> Sensor:
    return Sensor(profile.raw_size, profile.active_area, profile.cfa, profile.jpeg_crop)


def defects_of(evidence: Evidence, *, ceiling: float = 1.0, thresholds: Thresholds | None = None) -> list[Defect]:
    return jpeg_defects(evidence, sensor_of(evidence.profile), thresholds or Thresholds(), ceiling=ceiling)[0]


def entry(places: Places, **parts: Any) -> Defect:
    (defect,) = defects_of(pictures(places, **parts))
    return defect


def map_of(evidence: Evidence) -> SensorMap:
    return assemble(evidence, Thresholds(), LeastStrengths())


# where


def test_entries_are_on_the_raw_grid_sorted_and_have_their_plane_and_pixel() -> None:
    places = [(47, 59), (0, 0), (20, 31), (20, 8), (9, 30)]
    found = defects_of(pictures(dict.fromkeys(places, PLAIN)))
    assert [(defect.x, defect.y) for defect in found] == [(6, 3), (36, 12), (14, 23), (37, 23), (65, 50)]
    assert [defect.jpeg for defect in found] == [(0, 0), (30, 9), (8, 20), (31, 20), (59, 47)]
    assert [defect.plane for defect in found] == [CAMERA.cfa.plane_name(x=one.x, y=one.y) for one in found]
    assert [defect.radius for defect in found] == [2, 0, 0, 0, 2]


@pytest.mark.parametrize("profile", [KNOWN, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize(
    ("place", "border"),
    [
        *(((1, 30), True), ((46, 30), True), ((20, 1), True), ((20, 58), True)),
        *(((2, 30), False), ((45, 30), False), ((20, 2), False), ((20, 57), False)),
    ],
)
def test_at_the_border_a_defect_may_lie_outside_of_the_picture(
    place: tuple[int, int], border: bool, profile: Profile
) -> None:
    """Only its smear is seen."""
    assert entry({place: PLAIN}, profile=profile).radius == (2 if border else int(profile is UNKNOWN))


def test_smear_is_left_out_and_makes_the_place_unsure_where_it_is_as_strong() -> None:
    places = {(20, 30): PLAIN, (20, 31): Shown(value=120), (19, 30): Shown(range(8), value=80)}
    assert [(one.jpeg, one.radius) for one in defects_of(pictures(places))] == [((30, 20), 0)]
    strong = Shown(range(13), value=190)
    assert [(one.jpeg, one.radius) for one in defects_of(pictures(places | {(20, 31): strong}))] == [((30, 20), 1)]


def test_where_the_camera_is_unknown_the_grid_is_the_picture_s() -> None:
    """Whose pixels are no photosites: no place is surer than to a pixel."""
    found = map_of(pictures({(20, 31): PLAIN}, profile=UNKNOWN))
    (defect,) = found.defects
    assert (defect.x, defect.y, defect.jpeg, defect.plane, defect.radius) == (31, 20, (31, 20), "luma", 1)
    assert (found.profile, found.sensor.cfa.name, found.sensor.raw_size) == ("picture", PICTURE, (60, 48))
    assert found.source == Source.JPEG


# what is said of them


@pytest.mark.parametrize("profile", [KNOWN, UNKNOWN], ids=["known", "unknown"])
def test_nothing_is_claimed_that_no_jpeg_tells(profile: Profile) -> None:
    found = map_of(pictures({(20, 31): PLAIN, (40, 8): Shown(value=20)}, profile=profile))
    for defect in found.defects:
        assert (defect.mean, defect.variance) == (None, None)
        assert (defect.dark_dn_per_s, defect.offset_dn, defect.response, defect.unresolved) == (None, None, None, ())
        assert (defect.until, defect.cluster) == (None, None)
    assert len(found.defects) == 2
    assert (found.frames.used, found.frames.jpegs, found.frames.followed) == (FRAMES, FRAMES, 0)
    assert not any("floor" in name or name == "listed_confidence" for name in found.settings)
    assert "mean" not in map_text(found).split("defects:")[1]


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (PLAIN, DefectKind.STUCK),
        (Shown(value=0, level=150), DefectKind.DEAD),
        (Shown(value=90, level=130), DefectKind.WEAK),
    ],
)
def test_kinds_are_told_from_the_outliers_of_all_blocks(shown: Shown, kind: DefectKind) -> None:
    assert entry({(20, 31): shown}).kind == kind
    assert entry({(20, 31): shown}, blocks=[range(3), range(3, 20)]).kind == kind


@pytest.mark.parametrize(
    ("shown", "kind"),
    [(PLAIN, DefectKind.STUCK), (Shown(value=70), DefectKind.WEAK)],
)
@pytest.mark.parametrize("mean", [-40 * FRAMES, 0, 40 * FRAMES])
def test_the_sign_is_that_of_the_outliers_whatever_the_mean(
    shown: Shown, kind: DefectKind, mean: int
) -> None:
    """Of a defect born late the mean may have the other sign."""
    evidence = pictures({(20, 31): shown})
    expected = defects_of(evidence)
    evidence.tally.sum_z[20, 31] = mean
    assert defects_of(evidence) == expected
    assert [(defect.kind, defect.seen) for defect in expected] == [(kind, (20, 20))]


def test_the_score_is_that_of_the_best_block() -> None:
    evidence = pictures({(20, 31): Shown(score=12.3456)})
    assert defects_of(evidence)[0].score == 12.35
    first, second = evidence.block_votes
    better = replace(second, score=np.array([31.0]))
    for block_votes in ((first, better), (better, first)):
        assert defects_of(replace(evidence, block_votes=block_votes))[0].score == 31.0


def test_what_only_the_mean_shows_has_no_effect_to_measure_and_is_left_out() -> None:
    assert defects_of(pictures({(20, 31): Shown(())}, block_votes=(votes_of([20 * 60 + 31], [20.0]),))) == []


# the least effect


@pytest.mark.parametrize(("value", "listed"), [(104, False), (105, True), (96, False), (95, True)])
def test_what_adds_or_lacks_less_than_a_tenth_of_the_light_is_left_out(value: int, listed: bool) -> None:
    """On the curve of sRGB 105 is 11 % more light than 100, and 95 is 10 % less."""
    assert LEAST_EFFECT == 0.1
    assert len(defects_of(pictures({(20, 31): Shown(value=value)}))) == listed


def test_fewer_than_three_outliers_are_left_out() -> None:
    evidence = pictures({(20, 31): Shown(range(4))}, blocks=[range(4), range(4, 20)])
    (votes, rest) = evidence.block_votes
    cut = replace(votes, outliers=votes.outliers[:2])
    assert len(defects_of(evidence)) == 1
    assert defects_of(replace(evidence, block_votes=(cut, rest))) == []


# confidence


@pytest.mark.parametrize(("frames", "confidence"), [(9, 0.5), (10, CONFIDENCE), (40, CONFIDENCE)])
def test_few_frames_cap_the_confidence_in_the_map(frames: int, confidence: float) -> None:
    evidence = pictures({(20, 31): Shown(range(frames))}, numbers=range(frames), blocks=[range(frames)])
    assert [defect.confidence for defect in map_of(evidence).defects] == [confidence]


def test_frames_that_repeat_do_not_lift_the_ceiling() -> None:
    evidence = pictures({(20, 31): Shown(range(9))}, blocks=[range(9)], repeated=11)
    assert [defect.confidence for defect in map_of(evidence).defects] == [0.5]


@pytest.mark.parametrize("ceiling", [0.5, 0.7, 1.0])
def test_no_confidence_exceeds_the_ceiling_or_that_of_jpegs(ceiling: float) -> None:
    (defect,) = defects_of(pictures({(20, 31): PLAIN}), ceiling=ceiling)
    assert defect.confidence == min(ceiling, CONFIDENCE)


def test_many_blocks_with_few_entries_lower_the_confidence() -> None:
    evidence = pictures({(20, 31): PLAIN})
    empty = votes_of([], [])
    many: tuple[BlockVotes, ...] = (*evidence.block_votes, *[empty] * 38)
    found = map_of(replace(evidence, block_votes=many))
    assert found.false_positives == pytest.approx(0.2)
    assert found.defects[0].confidence == pytest.approx(1 - 0.2 / 1.2, abs=1e-4)
    places = dict.fromkeys([(20, 31), (40, 8), (5, 50), (5, 8)], PLAIN)
    more = pictures(places)
    found = map_of(replace(more, block_votes=(*more.block_votes, *[empty] * 38)))
    assert {defect.confidence for defect in found.defects} == {CONFIDENCE}


def test_candidates_that_are_left_out_do_not_make_the_others_surer() -> None:
    """Of four candidates three have too little effect."""
    dim = dict.fromkeys([(40, 8), (5, 50), (5, 8)], Shown(value=103))
    evidence = pictures({(20, 31): PLAIN} | dim)
    (defect,) = map_of(replace(evidence, block_votes=(*evidence.block_votes, *[votes_of([], [])] * 38))).defects
    assert defect.confidence == pytest.approx(1 - 0.2 / 1.2, abs=1e-4)


@pytest.mark.parametrize(("false_votes", "false"), [(0.0333, 0.067), (0.1 / 3, 0.067), (1e-9, 2e-9), (0.7, 1.4)])
def test_the_expected_number_of_false_entries_has_two_digits(false_votes: float, false: float) -> None:
    evidence = pictures({(20, 31): PLAIN})
    assert jpeg_defects(evidence, sensor_of(KNOWN), Thresholds(false_votes=false_votes), ceiling=1.0)[1] == false


def test_the_expected_number_of_false_entries_is_that_which_the_votes_allow() -> None:
    evidence = pictures({(20, 31): PLAIN})
    thresholds = Thresholds(false_votes=0.05)
    assert jpeg_defects(evidence, sensor_of(KNOWN), thresholds, ceiling=1.0)[1] == pytest.approx(0.1)


def test_no_candidates_no_entries() -> None:
    assert jpeg_defects(pictures({}), sensor_of(KNOWN), Thresholds(), ceiling=1.0) == ([], 0.01)


# births


def day(number: int) -> datetime:
    return NOON + timedelta(days=number)


def test_from_the_start() -> None:
    defect = entry({(20, 31): PLAIN})
    assert (defect.onset, defect.seen) == (Between(None, None), (20, 20))


def test_frames_without_an_outlier_are_due_and_not_seen() -> None:
    defect = entry({(20, 31): Shown(range(0, 20, 2))})
    assert (defect.onset, defect.seen) == (Between(None, None), (10, 20))


def test_a_birth_is_dated_by_the_frames_around_it_and_what_was_before_is_not_due() -> None:
    defect = entry({(20, 31): Shown(range(6, 20))})
    assert (defect.onset, defect.seen) == (Between(day(5), day(6)), (14, 14))


def test_a_birth_at_the_edge_of_a_block_may_lie_in_the_two_frames_before() -> None:
    defect = entry({(20, 31): Shown(range(10, 20))})
    assert (defect.onset, defect.seen) == (Between(day(7), day(10)), (10, 12))


def test_frames_go_by_number_not_by_place_in_the_list() -> None:
    """Every third photo was skipped, and two repeat a scene and voted not."""
    numbers = [number for number in range(60) if number % 3]
    voting = [number for number in numbers if number not in (43, 50)]
    blocks = [[number for number in voting if number // 15 == quarter] for quarter in range(4)]
    defect = entry({(20, 31): Shown([number for number in voting if number >= 35])}, numbers=numbers, blocks=blocks)
    assert (defect.onset, defect.seen) == (Between(day(34), day(35)), (15, 15))


def test_without_times_nothing_is_dated_but_frames_are_counted() -> None:
    evidence = pictures({(20, 31): Shown(range(6, 20))})
    untimed = tuple(replace(one, exposure=replace(one.exposure, time=None)) for one in evidence.photos)
    (defect,) = defects_of(replace(evidence, photos=untimed))
    assert (defect.onset, defect.seen) == (None, (14, 14))


def test_outliers_of_the_other_sign_do_not_count_as_seen() -> None:
    """A stuck one is above dark and below bright surroundings."""
    evidence = pictures({(20, 31): Shown(range(13))})
    darker = pictures({(20, 31): Shown(range(13, 20), value=100, level=160)})
    both = tuple(
        replace(one, outliers=Outliers.concatenate([one.outliers, other.outliers]))
        for one, other in zip(evidence.block_votes, darker.block_votes, strict=True)
    )
    (defect,) = defects_of(replace(evidence, block_votes=both))
    assert (defect.onset, defect.seen) == (Between(None, None), (13, 20))


# lines


def test_a_column_is_an_entry_of_its_own_with_a_radius() -> None:
    column = {(row, 31): Shown(score=20.0) for row in range(5, 40)}
    smear = {(row, 31 + side): Shown(score=12.0, value=130) for row in range(5, 40) for side in (-1, 1)}
    found = map_of(pictures(column | smear | {(20, 50): PLAIN}))
    (line,) = found.columns
    assert (line.x, line.y0, line.y1, line.plane, line.defects, line.radius) == (37, 8, 42, "B+Gr", 35, 1)
    assert line.onset == Between(None, None)
    assert [(defect.x, defect.y) for defect in found.defects] == [(56, 23)]
    assert found.rows == ()


def test_of_a_column_every_eighth_member_is_classified_and_single_defects_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask(outliers: Outliers, *arguments: Any, **options: Any) -> DefectKind:
        asked.append(int(outliers.index[0]) // KNOWN.active_area.width)
        return jpeg_kind(outliers, *arguments, **options)

    monkeypatch.setattr("sensormap.assemble.from_votes.jpeg_kind", ask)
    column = {(row, 31): Shown(score=20.0) for row in range(5, 40)}
    found = map_of(pictures(column | {(20, 50): PLAIN, (30, 8): PLAIN}))
    assert asked == [5, 13, 20, 21, 29, 30, 37]
    assert [line.defects for line in found.columns] == [35]


@pytest.mark.parametrize("axis", ["row", "column"])
def test_lines_that_deviate_faintly_as_a_whole_are_not_looked_for(axis: str) -> None:
    """The blocks of a JPEG make rows deviate."""
    evidence = pictures({(20, 31): PLAIN})
    noise = np.random.default_rng(1).normal(0, 8, evidence.tally.shape)
    noise[(24, slice(None)) if axis == "row" else (slice(None), 24)] += 24
    evidence.tally.sum_z[...] = np.rint(FRAMES * noise)
    area, cfa = KNOWN.active_area, KNOWN.cfa
    lines = find_lines(evidence.tally.mean_score(), evidence.tally.count, cfa.shifted(x=area.x, y=area.y))
    assert [(line.axis, line.place) for line in lines] == [(axis, 24)]
    found = map_of(evidence)
    assert found.columns == found.rows == ()
    assert [defect.jpeg for defect in found.defects] == [(31, 20)]
