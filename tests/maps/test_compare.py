"""What changed between two maps, and what the photos could not tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings

from sensormap.camera.cfa import BAYER_NAMES, Cfa
from sensormap.camera.geometry import Rect
from sensormap.camera.profile import Body
from sensormap.errors import FrameMismatchError
from sensormap.maps.changes.edit_map import with_edits
from sensormap.maps.changes.edits import Edit, EditAction
from sensormap.maps.compare import Change, changed_strength, compare_maps, kind_changed
from sensormap.maps.entries import Between, Column, DefectKind, Row
from sensormap.maps.unseen import unseen
from sensormap.report.differences import difference_line, difference_tables
from tests.support.maps import LATER, TOY_SENSOR, both_map, full_map, jpeg_map, phone_map, toy_defect, toy_map
from tests.support.related_maps import families

COLUMN = Column(10, 3, 12, "R", DefectKind.WEAK, 0.99, -9.7, 3)
LAST = datetime(2011, 1, 9, 11, 2, 45)


def plain_map(*defects, **values):
    """A map of these defects, and no columns or rows unless they are given."""
    return toy_map(**({"columns": (), "defects": tuple(sorted(defects, key=lambda d: (d.y, d.x)))} | values))


def changes(old, new):
    return [str(entry.change) for entry in compare_maps(old, new).entries]


def reasons(old, new):
    return [entry.why for entry in compare_maps(old, new).entries]


def frames(**values):
    return replace(toy_map().frames, **values)


# nothing, new, healed


@pytest.mark.parametrize("make", [toy_map, full_map, jpeg_map, phone_map, both_map])
def test_a_map_is_the_same_as_itself(make):
    found = compare_maps(make(), make())
    counts = len(make().defects), len(make().columns), len(make().rows)
    assert (found.entries, found.same) == ((), sum(counts))


def test_new_and_healed():
    hot, dead = toy_defect(4, 5), toy_defect(7, 6, kind=DefectKind.DEAD)
    assert changes(plain_map(hot), plain_map(hot, dead)) == ["new"]
    assert changes(plain_map(hot, dead), plain_map(hot)) == ["healed"]
    assert compare_maps(plain_map(hot, dead), plain_map(hot)).same == 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(None, None, []), (None, LAST, ["healed"]), (LAST, None, ["changed"]), (LAST, LAST, [])],
)
def test_until(before, after, expected):
    old, new = (toy_defect(4, 5, until=time and Between(time, None)) for time in (before, after))
    assert changes(plain_map(old), plain_map(new)) == expected


def test_what_was_gone_and_is_not_listed_is_the_same():
    gone = toy_defect(4, 5, until=Between(LAST, None))
    assert not compare_maps(plain_map(gone), plain_map()).entries


def test_clusters_and_numbers_of_evidence_do_not_count():
    old = toy_defect(4, 5)
    new = replace(old, cluster=3, score=30.0, confidence=0.9, mean=5.0, seen=(3, 4), onset=Between(None, None))
    assert not compare_maps(plain_map(old), plain_map(new)).entries


# changed


def test_kind_and_strength():
    old = toy_defect(4, 5, dark_dn_per_s=(210.0, 198.0, 222.0), seen=(30, 30))
    near, far = (replace(old, dark_dn_per_s=value) for value in [(230.0, 221.0, 240.0), (520.0, 490.0, 550.0)])
    assert changes(plain_map(old), plain_map(near)) == []
    assert changes(plain_map(old), plain_map(far)) == ["changed"]
    aside = replace(old, offset_dn=(-4.0, -5.0, -3.0)), replace(old, offset_dn=(3.0, 2.0, 4.0))
    assert changes(*map(plain_map, aside)) == []
    assert changes(plain_map(old), plain_map(replace(old, kind=DefectKind.STUCK))) == ["changed"]


def test_kinds_that_are_guesses_are_not_compared():
    """JPEGs are wrong about a quarter of them; a list without photos does not know."""
    for told in ({"radius": 0}, {"score": 0.0}):
        one = toy_defect(4, 5, **told)
        other = replace(one, kind=DefectKind.STUCK)
        make = jpeg_map if "radius" in told else toy_map
        old, new = (make(columns=(), rows=(), defects=(defect,)) for defect in (one, other))
        assert not compare_maps(old, new).entries


@pytest.mark.parametrize("away", [0, 1, 2, 3])
def test_jpegs_match_within_the_larger_radius(away):
    old = jpeg_map(columns=(), defects=(toy_defect(10, 5, radius=0),))
    new = jpeg_map(columns=(), defects=(toy_defect(10 + away, 5 - away, radius=2),))
    assert changes(old, new) == ([] if away <= 2 else ["new", "healed"])
    assert changes(new, old) == ([] if away <= 2 else ["new", "healed"])


def test_each_entry_is_matched_once_and_nearest_first():
    old = jpeg_map(columns=(), defects=(toy_defect(10, 5, radius=2),))
    new = jpeg_map(columns=(), defects=(toy_defect(9, 5, radius=2), toy_defect(10, 5, radius=2)))
    found = compare_maps(old, new)
    assert [(entry.change, entry.entry.x) for entry in found.entries] == [(Change.NEW, 9)]


@pytest.mark.parametrize("away", [1, 3, 4])
def test_a_jpeg_s_entry_is_the_raw_one_within_its_smear(away):
    raw, jpeg = plain_map(toy_defect(10, 5)), jpeg_map(columns=(), defects=(toy_defect(10 + away, 5, radius=1),))
    assert changes(raw, jpeg) == ([] if away <= 3 else ["new", "not seen"])


# columns and rows


@pytest.mark.parametrize("line", [COLUMN, Row(4, 3, 12, "B", DefectKind.WEAK, 0.99, -9.7, 3)])
def test_lines(line):
    key = "columns" if isinstance(line, Column) else "rows"
    with_line = plain_map(**{key: (line,)})
    single = toy_defect(10, 7) if key == "columns" else toy_defect(7, 4)
    assert single.plane == line.plane
    assert changes(plain_map(), with_line) == ["new"]
    assert changes(with_line, plain_map()) == ["healed"]
    assert changes(with_line, plain_map(**{key: (replace(line, kind=DefectKind.DEAD),)})) == ["changed"]
    assert reasons(plain_map(single), with_line) == ["was 1 single defect"]
    assert reasons(with_line, plain_map(single)) == ["now 1 single defect"]
    assert compare_maps(plain_map(single), with_line).same == 0


def test_ends_of_a_line_are_good_to_a_few_photosites():
    sensor = replace(TOY_SENSOR, raw_size=(24, 90), active_area=Rect(0, 0, 24, 90))
    short, longer, longest = (plain_map(columns=(replace(COLUMN, y1=end),), sensor=sensor) for end in (30, 46, 47))
    assert changes(short, longer) == []
    assert reasons(short, longest) == ["was 3 to 30"]


def test_a_line_takes_in_and_leaves_single_defects():
    short, longer = replace(COLUMN, y1=8), COLUMN
    old, new = plain_map(toy_defect(10, 11), columns=(short,)), plain_map(columns=(longer,))
    assert reasons(old, new) == ["took in 1 single defect"]
    assert reasons(new, old) == ["1 single defect left of it"]
    assert [compare_maps(*pair).same for pair in ((old, new), (new, old))] == [0, 0]


def test_a_column_of_another_plane_is_another_one():
    assert changes(plain_map(columns=(COLUMN,)), plain_map(columns=(replace(COLUMN, plane="Gb"),))) == ["new", "healed"]


# not seen


HOT = {"kind": DefectKind.HOT, "seen": (30, 38), "dark_dn_per_s": (210.0, 198.0, 222.0)}


@pytest.mark.parametrize(
    ("entry", "looked", "why"),
    [
        ({}, {}, ""),
        ({}, {"used": 9}, "too few photos (9)"),
        ({}, {"used": 40, "repeated": 31}, "too few photos (9)"),
        ({}, {"used": 0}, "no photos"),
        ({}, {"filtered": 31}, "filtered in camera"),
        ({"kind": DefectKind.DEAD}, {"filtered": 31}, ""),
        ({"score": 0.0}, {}, "never measured"),
        ({"confidence": 0.5}, {}, "was not sure"),
        ({}, {"shutter_s": (0.001, 8.0)}, "shorter exposures"),
        ({}, {"shutter_s": None}, "shorter exposures"),
        ({}, {"shutter_s": (0.25, 8.0)}, ""),  # 50 DN in the shortest
        ({"kind": DefectKind.OFFSET}, {"shutter_s": (0.001, 8.0)}, ""),
        ({"seen": (7, 38)}, {}, "seldom shows"),
        ({"seen": (8, 38)}, {}, ""),
        ({"seen": (30, 38)}, {"used": 10**400}, ""),
    ],
)
def test_why_it_was_not_seen(entry, looked, why):
    listed = plain_map(toy_defect(4, 5, **(HOT | entry)), frames=frames(followed=40))
    assert unseen(listed.defects[0], listed=listed, looked=plain_map(frames=frames(**looked))) == why
    expected = [("not seen" if why else "healed", why)]
    found = compare_maps(listed, plain_map(frames=frames(**looked))).entries
    assert [(str(one.change), one.why) for one in found] == expected


def test_what_jpegs_and_margins_hide():
    raw = plain_map(toy_defect(10, 5), toy_defect(1, 0), rows=(Row(0, 4, 8, "B", DefectKind.DEAD, 0.99, 9.0, 4),))
    assert reasons(raw, jpeg_map(columns=(), defects=())) == ["JPEGs show less"] * 3
    assert reasons(raw, plain_map()) == ["", "outside the photos", "outside the photos"]


def test_what_people_added_is_said_to_be_theirs():
    edited = with_edits(plain_map(), [Edit(4, 5, EditAction.ADD)])
    assert reasons(plain_map(), edited) == ["added by hand"]
    assert reasons(edited, plain_map()) == ["added by hand"]
    assert changes(edited, plain_map()) == ["not seen"]


def test_what_is_new_may_be_older():
    """As old as photos that could not show it, unless its birth is dated."""
    old = plain_map(frames=frames(used=5))
    born = toy_defect(4, 5, onset=Between(LAST, LAST.replace(month=2)))
    assert reasons(old, plain_map(toy_defect(4, 5))) == ["may be older: too few photos (5)"]
    assert reasons(old, plain_map(born)) == [""]


def test_nothing_heals_before_it_was_born():
    """The maps stand in the wrong order, or the photos of one lie between those of the other."""
    born = toy_defect(4, 5, onset=Between(LATER, LAST))
    early = plain_map(frames=frames(last=LATER))
    assert reasons(plain_map(born), early) == ["appeared later"]
    assert changes(plain_map(born), early) == ["not seen"]
    late = plain_map(toy_defect(4, 5), frames=frames(first=LATER))
    assert reasons(late, early) == ["earlier photos"]
    assert reasons(early, late) == [""]


# refusals


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"body": Body("NIKON CORPORATION", "NIKON D80", "2")}, "serial 2"),
        ({"body": Body("NIKON CORPORATION", "NIKON D200", "0012345")}, "NIKON D200"),
        ({"sensor": replace(TOY_SENSOR, raw_size=(24, 17))}, r"raw size \[24, 17\]"),
        ({"sensor": replace(TOY_SENSOR, active_area=Rect(2, 1, 20, 13))}, r"active area \[2, 1, 20, 13\]"),
        *(
            ({"sensor": replace(TOY_SENSOR, cfa=Cfa(name))}, f"filters {name}")
            for name in BAYER_NAMES
            if name != "GBRG"
        ),
    ],
)
def test_other_bodies_and_geometries_are_refused(values, found):
    with pytest.raises(FrameMismatchError, match=rf"^b: is of .*{found}.*, expected one of .* as a$"):
        compare_maps(plain_map(), plain_map(**values), names=("a", "b"))


def test_a_picture_s_grid_is_not_the_raw_grid():
    phone = phone_map(body=toy_map().body)
    with pytest.raises(FrameMismatchError, match=r"^b: is on the pixels of a JPEG, expected one on the raw grid as a$"):
        compare_maps(plain_map(), phone, names=("a", "b"))


def test_an_unknown_serial_fits_any():
    unknown = plain_map(body=Body("NIKON CORPORATION", "NIKON D80", ""))
    assert not compare_maps(unknown, plain_map()).entries
    assert not compare_maps(plain_map(), unknown).entries


def test_jpegs_of_another_crop_are_elsewhere():
    crop = Rect(3, 2, 18, 11)
    other = jpeg_map(columns=(), defects=(), sensor=replace(TOY_SENSOR, active_area=crop, jpeg_crop=crop))
    with pytest.raises(FrameMismatchError, match="JPEG crop"):
        compare_maps(jpeg_map(), other)
    assert not compare_maps(plain_map(), plain_map(sensor=replace(TOY_SENSOR, jpeg_crop=crop))).entries


# laws


@given(families(2))
@settings(max_examples=30)
def test_every_entry_is_accounted_for(maps):
    old, new = maps
    assert not compare_maps(old, old).entries
    found = compare_maps(old, new)
    listed = [one.new for one in found.entries if one.new is not None]
    assert len(set(map(id, listed))) == len(listed)
    assert 0 <= found.same <= len(new.defects) + len(new.columns) + len(new.rows) - len(listed)
    for one in found.of(Change.NEW):
        assert one.old is None
        assert one.new is not None
    for table in difference_tables(found):
        assert all(len(row) == len(table.header) for row in table.rows)


# words


def test_report():
    old = full_map()
    hot = replace(old.defects[1], dark_dn_per_s=(520.0, 490.0, 550.0))
    weak = replace(old.defects[3], kind=DefectKind.DEAD)
    old = replace(old, rows=(replace(old.rows[0], confidence=0.5),))
    new = full_map(defects=(*old.defects[:1], hot, weak, toy_defect(4, 14)), rows=())
    found = compare_maps(old, new)
    assert difference_line(found) == "1 new, 1 healed, 1 not seen, 2 changed, 2 the same"
    assert [(table.title, table.rows) for table in difference_tables(found)] == [
        ("1 new", (("4", "14", "Gb", "hot", "99.5 %", "12.5", "?"),)),
        ("1 healed", (("18", "4", "Gb", "offset", "99.5 %", "12.5", "?"),)),
        (
            "1 not seen",
            (("3 to 12", "9", "R+Gr", "row hot", "50 %", "8.5", "<=2010-05-02", "was not sure"),),
        ),
        (
            "2 changed",
            (
                ("17", "4", "B", "hot", "99.5 %", "12.5", "start", "dark current 210 -> 520 DN/s"),
                ("5", "11", "Gr", "weak -> dead", "99.5 %", "-20.2", "2010-05-09", ""),
            ),
        ),
    ]


def test_of_several_kinds_each_may_be_the_right_one():
    told = toy_defect(5, 4, kind=DefectKind.OFFSET)
    either = toy_defect(5, 4, kind=DefectKind.HOT, or_kinds=(DefectKind.OFFSET,))
    assert not kind_changed(told, either)
    assert kind_changed(toy_defect(5, 4, kind=DefectKind.WEAK), either)
    apart = {"offset_dn": (5.0, 4.0, 6.0)}, {"offset_dn": (50.0, 40.0, 60.0)}
    old, new = (replace(told, **strength) for strength in apart)
    assert changed_strength(old, new) == "offset_dn"
    assert changed_strength(old, replace(new, or_kinds=(DefectKind.HOT,))) is None
