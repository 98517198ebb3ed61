"""Several maps of one body into one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given, settings

from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body
from sensormap.errors import FrameMismatchError
from sensormap.frame import Skipped
from sensormap.maps.entries import Between, Column, DarkLaw, DefectKind, Source
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.mapfile.writing import map_text, write_map
from sensormap.maps.merge import PARTS, merge_maps
from tests.support.maps import (
    FIRST,
    LATER,
    TOY_SENSOR,
    both_map,
    full_map,
    jpeg_map,
    night_map,
    phone_map,
    toy_defect,
    toy_map,
)
from tests.support.related_maps import families

START = Between(None, None)
COLUMN = Column(10, 3, 8, "R", DefectKind.WEAK, 0.99, -9.7, 3)
JULY, AUGUST, LAST = datetime(2010, 7, 1), datetime(2010, 8, 1), datetime(2011, 1, 9)


def merged(*maps):
    return merge_maps(maps, names=[f"{i}.yaml" for i in range(len(maps))])


def made(digest, *defects, make=toy_map, **values):
    """A map of these defects with photos of its own."""
    frames = replace(make().frames, digest=digest)
    entries = tuple(sorted(defects, key=lambda d: (d.y, d.x)))
    return make(**({"frames": frames, "columns": (), "rows": (), "defects": entries} | values))


def listed(*defects, **values):
    """What an import makes: no photos, score 0."""
    told = {"score": 0.0, "confidence": 1.0, "mean": None, "variance": None, "seen": None}
    frames = replace(toy_map().frames, used=0, skipped=0, first=None, last=None, digest="", shutter_s=None, iso=None)
    entries = tuple(replace(defect, **told) for defect in defects)
    return made("", *entries, frames=frames, skipped=(), settings={}, **values)


def frames(digest, first, last, **values):
    return replace(toy_map().frames, digest=digest, first=first, last=last, **values)


# entries


def test_union():
    one, other = toy_defect(4, 5), toy_defect(12, 9, kind=DefectKind.DEAD)
    assert merged(made("a", other), made("b", one)).defects == (one, other)


@pytest.mark.parametrize("make", [toy_map, full_map, jpeg_map, phone_map, both_map])
def test_one_map_stays_as_it_is(make):
    assert merged(make(), make(), make()) == make()
    assert merged(make()) == make()


@pytest.mark.parametrize(
    ("strong", "weak"),
    [
        ({"confidence": 0.9, "score": 5.0}, {"confidence": 0.8, "score": 50.0}),
        ({"score": -20.0}, {"score": 10.0}),
        ({"confidence": 0.9}, {"confidence": 1.0, "score": 0.0, "mean": None, "variance": None}),
        ({"confidence": 0.9, "seen": (3, 4)}, {"confidence": 0.95}),
    ],
)
def test_the_stronger_evidence_stands(strong, weak):
    strong = toy_defect(4, 5, kind=DefectKind.STUCK, **strong)
    found = merged(made("b", toy_defect(4, 5, **weak)), made("a", strong)).defects
    assert [(one.kind, one.score, one.mean) for one in found] == [(DefectKind.STUCK, strong.score, strong.mean)]


def test_what_was_seen_is_added_and_the_higher_confidence_counts():
    one, other = toy_defect(4, 5, confidence=0.9, score=50.0, seen=(9, 10)), toy_defect(4, 5, seen=(3, 7))
    (found,) = merged(made("a", one), made("b", other)).defects
    assert (found.seen, found.confidence) == ((12, 17), 0.995)
    (found,) = merged(made("a", one), listed(other)).defects
    assert (found.seen, found.confidence) == ((9, 10), 0.9)


def test_counts_beyond_any_camera_are_refused():
    huge = made("a", toy_defect(4, 5, seen=(1, 10**18 - 1)))
    with pytest.raises(FrameMismatchError, match=r"^0.yaml, 1.yaml: cannot stand in one map: .*seen"):
        merged(huge, made("b", toy_defect(4, 5, seen=(1, 1))))
    with pytest.raises(FrameMismatchError, match="counts of photos"):
        merged(made("a", frames=frames("a", FIRST, LAST, used=10**18)), made("b"))
    with pytest.raises(FrameMismatchError, match="false_positives: inf"):
        merged(made("a", false_positives=1e308), made("b", false_positives=1e308))


@pytest.mark.parametrize(
    ("strong", "weak", "expected"),
    [
        (Between(FIRST, AUGUST), Between(JULY, LAST), Between(JULY, AUGUST)),
        (Between(None, AUGUST), Between(JULY, None), Between(JULY, AUGUST)),
        (Between(FIRST, JULY), Between(JULY, LAST), Between(FIRST, JULY)),  # they share no moment
        (Between(None, LATER), START, START),
        (START, Between(JULY, AUGUST), START),
        (Between(JULY, AUGUST), START, Between(JULY, AUGUST)),
        (None, Between(JULY, AUGUST), Between(JULY, AUGUST)),
        (START, None, START),
        (None, None, None),
        (Between(AUGUST, JULY), Between(FIRST, LAST), Between(AUGUST, JULY)),  # the clock jumped
    ],
)
def test_onset_is_narrowed(strong, weak, expected):
    jumped = frames("a", FIRST, LAST, clock_jumps=1)
    one = made("a", toy_defect(4, 5, score=20.0, onset=strong), frames=jumped)
    other = made("b", toy_defect(4, 5, onset=weak), frames=replace(jumped, digest="b"))
    (found,) = merged(one, other).defects
    assert found.onset == expected
    column, row = replace(COLUMN, score=20.0, onset=strong), replace(COLUMN, onset=weak)
    assert merged(replace(one, columns=(column,)), replace(other, columns=(row,))).columns[0].onset == expected


def test_before_its_own_first_photo_is_no_longer_before_all():
    old, new = frames("a", FIRST, LATER), frames("b", JULY, LAST)
    born = toy_defect(4, 5, onset=START)
    assert merged(made("a", frames=old), made("b", born, frames=new)).defects[0].onset == Between(None, JULY)
    dated = toy_defect(4, 5, score=20.0, onset=Between(FIRST, LATER))
    assert merged(made("a", dated, frames=old), made("b", born, frames=new)).defects[0].onset == dated.onset
    assert merged(made("a", born, frames=old), made("b", born, frames=new)).defects[0].onset == START


def test_the_latest_map_that_lists_a_defect_says_if_it_is_gone():
    gone = toy_defect(4, 5, until=Between(FIRST, LATER), score=20.0)
    back = replace(gone, until=None, score=10.0)
    old, new = frames("a", FIRST, LATER), frames("b", JULY, LAST)
    assert merged(made("a", gone, frames=old), made("b", back, frames=new)).defects[0].until is None
    assert merged(made("a", back, frames=old), made("b", gone, frames=new)).defects[0].until == gone.until
    assert merged(made("a", gone, frames=old), made("b", frames=new)).defects[0].until == gone.until


def test_clusters_are_numbered_anew():
    first, second, third = toy_defect(4, 3), toy_defect(5, 3), toy_defect(12, 9, cluster=4)
    found = merged(made("a", first, third), made("b", second))
    assert [(one.x, one.cluster) for one in found.defects] == [(4, 1), (5, 1), (12, None)]


# columns and rows


def test_overlapping_columns_unite_until_none_do():
    """The first and the third meet only by way of the second."""
    pieces = [replace(COLUMN, y0=1, y1=4), replace(COLUMN, y0=8, y1=12, defects=9), replace(COLUMN, y0=4, y1=8)]
    pieces[2] = replace(pieces[2], plane="R+Gb", score=-30.0, kind=DefectKind.DEAD)
    expected = replace(pieces[2], plane="R+Gb", y0=1, y1=12, defects=9)
    for order in permutations(range(3)):
        assert merged(*(made(str(i), columns=(pieces[i],)) for i in order)).columns == (expected,)


def test_columns_of_different_planes_stay_apart():
    one, other = COLUMN, replace(COLUMN, plane="Gb")
    assert set(merged(made("a", columns=(one,)), made("b", columns=(other,))).columns) == {one, other}


def test_a_photosite_of_a_column_is_no_single_defect():
    within, beside = toy_defect(10, 5), toy_defect(10, 6)
    assert merged(made("a", within, beside), made("b", columns=(COLUMN,))).defects == (beside,)


# JPEGs


def test_jpegs_add_what_only_they_show():
    raw, smear, more = toy_defect(10, 5), toy_defect(12, 7, radius=1), toy_defect(14, 9, radius=1)
    found = merged(made("a", raw), made("b", smear, more, make=jpeg_map))
    assert found.source == Source.BOTH
    assert found.defects == (raw, more)
    assert found.sensor == TOY_SENSOR


def test_jpegs_around_a_raw_defect_or_column_are_its_smear():
    raw, near = toy_defect(10, 5), [toy_defect(9, 5, radius=1), toy_defect(12, 4, radius=1)]
    assert merged(made("a", raw), made("b", *near, make=jpeg_map)).defects == (raw,)
    assert merged(made("a", columns=(COLUMN,)), made("b", *near, make=jpeg_map)).defects == ()


def test_jpegs_of_two_sets_match_within_the_larger_radius():
    one, other = toy_defect(10, 5, radius=1, score=20.0), toy_defect(12, 5, radius=2)
    assert merged(made("a", one, make=jpeg_map), made("b", other, make=jpeg_map)).defects == (one,)
    far = toy_defect(13, 5, radius=2)
    assert merged(made("a", one, make=jpeg_map), made("b", far, make=jpeg_map)).defects == (one, far)


def test_a_raw_column_is_not_changed_by_a_jpeg_s():
    rough = replace(COLUMN, x=11, y1=12, plane="B", radius=1, score=-99.0)
    assert merged(made("a", columns=(COLUMN,)), made("b", columns=(rough,), make=jpeg_map)).columns == (COLUMN,)
    far = replace(rough, x=15)
    found = merged(made("a", columns=(COLUMN,)), made("b", columns=(far,), make=jpeg_map))
    assert found.columns == (COLUMN, far)


def test_all_that_jpegs_show_around_a_raw_column_is_its_smear():
    left, right = (replace(COLUMN, x=x, plane=plane, radius=1) for x, plane in ((9, "B"), (11, "Gr")))
    found = merged(made("a", columns=(COLUMN,)), made("b", columns=(left, right), make=jpeg_map))
    assert found.columns == (COLUMN,)
    apart = merged(made("a", columns=(left,), make=jpeg_map), made("b", columns=(right,), make=jpeg_map))
    assert apart.columns == (left, right)  # among JPEGs two pixels are more than the radius


def test_a_list_without_photos_cannot_be_joined_to_jpegs_alone():
    with pytest.raises(FrameMismatchError, match=r"^1.yaml: is of no photos, .* JPEGs"):
        merged(made("a", make=jpeg_map), listed(toy_defect(4, 5)))
    assert merged(made("a", make=jpeg_map), listed(toy_defect(4, 5)), made("b")).source == Source.BOTH


# the rest of a map


def test_frames_are_added_up():
    one = frames("b", FIRST, LATER, shutter_s=(0.001, 2.0), iso=None, skipped=1, repeated=1, filtered=2, followed=3)
    other = frames("a", JULY, LAST, shutter_s=(0.5, 30.0), iso=(200, 400), skipped=2, clock_jumps=4)
    same = Skipped("a.nef", "empty")
    found = merged(
        made("b", frames=one, skipped=(same,)), made("a", frames=other, skipped=(Skipped("b.nef", "no time"), same))
    )
    assert found.skipped == (same, Skipped("b.nef", "no time"))
    digest = hashlib.sha256(b"ab").hexdigest()
    expected = frames(digest, FIRST, LAST, used=80, shutter_s=(0.001, 30.0), iso=(200, 400), clock_jumps=4)
    assert found.frames == replace(expected, repeated=1, filtered=2, followed=3)
    assert found.settings[PARTS] == "a b"


def test_a_list_without_photos_leaves_the_digest_and_the_number_of_false_entries():
    found = merged(made("a", false_positives=0.25), listed(toy_defect(4, 5)))
    assert (found.frames.digest, found.false_positives) == ("a", 0.25)
    assert PARTS not in found.settings
    assert merged(made("a", false_positives=0.25), made("b", false_positives=0.5)).false_positives == 0.75
    assert merged(made("a", false_positives=0.25), made("b")).false_positives is None


def test_two_lists_without_photos():
    found = merged(listed(toy_defect(4, 5)), listed(toy_defect(12, 9)))
    assert (len(found.defects), found.frames.used, found.source) == (2, 0, Source.RAW)


def test_settings_that_differ_are_left_out():
    one, other = made("a", settings={"same": 3.5, "own": 1, "one": 1}), made("b", settings={"same": 3.5, "one": True})
    assert merged(one, other).settings == {"same": 3.5, "own": 1, PARTS: "a b"}


def test_photos_do_not_count_twice():
    one, other = made("a", toy_defect(4, 5)), made("b")
    with pytest.raises(FrameMismatchError, match=r"^1.yaml: is of photos that 0.yaml is of as well, .* count twice$"):
        merged(one, made("a", settings={"vote_z": 4.0}))
    with pytest.raises(FrameMismatchError, match="count twice"):
        merged(merged(one, other), one)
    third = made("c")
    steps, once = merged(merged(one, other), third), merged(one, other, third)
    assert steps.frames.digest == once.frames.digest


# refusals


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"body": Body("NIKON CORPORATION", "NIKON D80", "2")}, "serial 2"),
        ({"body": Body("NIKON", "NIKON D80", "")}, "NIKON D80"),
        ({"sensor": replace(TOY_SENSOR, raw_size=(24, 17))}, r"raw size \[24, 17\]"),
        ({"sensor": replace(TOY_SENSOR, active_area=Rect(2, 1, 20, 13))}, r"active area \[2, 1, 20, 13\]"),
        ({"sensor": replace(TOY_SENSOR, jpeg_crop=None)}, "JPEG crop None"),
        *(
            ({"sensor": replace(TOY_SENSOR, cfa=Cfa(name))}, f"filters {name}")
            for name in BAYER_NAMES
            if name != "GBRG"
        ),
    ],
)
def test_other_bodies_and_geometries_are_refused(values, found):
    with pytest.raises(FrameMismatchError, match=rf"^1.yaml: is of .*{found}.*, expected one of .* as 0.yaml$"):
        merged(made("a"), made("b", **values))


def test_an_unknown_serial_fits_one_but_not_two_others():
    unknown, one, two = (made(s or "x", body=Body("NIKON CORPORATION", "NIKON D80", s)) for s in ("", "1", "2"))
    assert merged(unknown, one).body == one.body
    for maps in permutations([unknown, one, two]):
        with pytest.raises(FrameMismatchError):
            merged(*maps)


def test_no_map():
    with pytest.raises(ValueError, match="no map"):
        merged()


# laws


@given(families(3))
@settings(max_examples=25)
def test_the_order_of_the_maps_does_not_matter(maps):
    texts = {map_text(merged(*order)) for order in permutations(maps)}
    assert len(texts) == 1


@given(families(2))
@settings(max_examples=15)
def test_a_merged_map_can_be_written_and_holds_every_place(tmp_path_factory, maps):
    found = merged(*maps)
    path = tmp_path_factory.getbasetemp() / "merged.yaml"
    write_map(found, path, overwrite=True)
    assert read_map(path) == found
    if found.source == Source.RAW:  # elsewhere what lies within reach is the same
        held = {photosite for line in found.columns + found.rows for photosite in line.photosites(found.sensor.cfa)}
        held |= {(one.x, one.y) for one in found.defects}
        for one in maps:
            lines = {photosite for line in one.columns + one.rows for photosite in line.photosites(one.sensor.cfa)}
            assert lines | {(defect.x, defect.y) for defect in one.defects} <= held


def test_dark_currents_of_all_maps_hold_at_one_temperature():
    """The map that knows the law best names the temperature; the other's dark currents are brought there."""
    known = DarkLaw(10.0, (6.0, 5.9, 6.1))
    cold = made("a", toy_defect(3, 3, dark_dn_per_s=(100.0, 98.0, 102.0)), make=night_map, rows=(), dark_law=known)
    other = DarkLaw(22.0, (6.0, 5.0, 7.0))
    warm = made("b", toy_defect(9, 9, dark_dn_per_s=(400.0, 380.0, 420.0)), make=night_map, rows=(), dark_law=other)
    untold = made("c", toy_defect(14, 9, dark_dn_per_s=(50.0, 49.0, 51.0)))
    for order in permutations((cold, warm, untold)):
        found = merged(*order)
        assert found.dark_law == known
        assert [one.dark_dn_per_s for one in found.defects] == [
            (100.0, 98.0, 102.0),
            (100.0, 95.0, 105.0),
            (50.0, 49.0, 51.0),
        ]
    assert merged(cold, warm).frames.temperature_c == (-9.5, 28.0)
    assert [photo.sort for photo in merged(cold, warm).calibration] == ["dark", "dark", "flat", "flat"]
    assert merged(made("c", toy_defect(3, 3)), made("d", toy_defect(4, 3))).dark_law is None
