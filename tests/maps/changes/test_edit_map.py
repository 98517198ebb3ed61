"""Edits by hand: what they do to a map, and that they hold for whatever photos tell later."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormap.camera.profile import Body
from sensormap.errors import FrameMismatchError, PlaceError
from sensormap.maps.changes.edit_map import edit_map, joint_edits, take_edits, with_edits
from sensormap.maps.changes.edits import MOST_EDITS, Edit, EditAction
from sensormap.maps.changes.kept_edits import edited_map_at, with_kept_edits
from sensormap.maps.compare import Change, compare_maps
from sensormap.maps.entries import Column, DefectKind, Row
from sensormap.maps.mapfile.reading import parse_map
from sensormap.maps.mapfile.writing import map_text, write_map
from sensormap.maps.merge import merge_maps
from tests.support.maps import both_map, full_map, jpeg_map, phone_map, sensor_maps, toy_map

ADD, REMOVE = EditAction.ADD, EditAction.REMOVE


def places(sensor_map):
    return [(one.x, one.y) for one in sensor_map.defects]


def at(sensor_map, x, y):
    return next(one for one in sensor_map.defects if (one.x, one.y) == (x, y))


def other_photos(**values):
    """The toy map as of other photos."""
    return toy_map(**({"frames": replace(toy_map().frames, digest="77")} | values))


def test_a_photosite_is_added():
    edited = edit_map(toy_map(), add=[(7, 8, "dead"), (6, 2)], note="seen in every sky")
    assert places(edited) == [(2, 1), (6, 2), (17, 4), (7, 8), (5, 11)]
    made = at(edited, 7, 8)
    assert (made.kind, made.confidence, made.score, made.mean, made.jpeg) == (DefectKind.DEAD, 1.0, 0.0, None, (4, 6))
    assert at(edited, 6, 2).kind == DefectKind.HOT
    assert edited.edits == (
        Edit(6, 2, ADD, None, "seen in every sky"),
        Edit(7, 8, ADD, DefectKind.DEAD, "seen in every sky"),
    )


def test_what_photos_measured_stays():
    edited = edit_map(full_map(), add=[(17, 4), (5, 11, "weak")])
    assert edited.defects == full_map().defects


def test_another_kind_drops_the_strengths_of_the_first():
    made = at(edit_map(full_map(), add=[(17, 4, DefectKind.DEAD)]), 17, 4)
    assert (made.kind, made.dark_dn_per_s, made.response, made.seen) == (DefectKind.DEAD, None, None, (37, 41))


def test_a_photosite_of_a_line_counts_as_listed():
    assert edit_map(toy_map(), add=[(10, 7)]).defects == toy_map().defects


def test_a_photosite_is_removed_and_clusters_are_counted_anew():
    edited = edit_map(full_map(), remove=[(18, 4)])
    assert (18, 4) not in places(edited)
    assert at(edited, 17, 4).cluster is None


@pytest.mark.parametrize(
    ("removed", "ends"),
    [
        ([(10, 7)], [(5, 6), (8, 12)]),
        ([(10, 5)], [(6, 12)]),
        ([(10, 11)], [(5, 10)]),  # 12 is of another plane
        ([(10, 5), (10, 7), (10, 9), (10, 11)], []),
        ([(10, 6), (11, 7)], [(5, 12)]),  # of another plane, and beside it
    ],
)
def test_a_column_stays_but_for_what_is_removed(removed, ends):
    assert [(one.y0, one.y1) for one in edit_map(toy_map(), remove=removed).columns] == ends


def test_a_row_is_cut_too():
    rows = edit_map(full_map(), remove=[(6, 9), (10, 9)]).rows
    assert [(one.x0, one.x1) for one in rows] == [(3, 5), (7, 9), (11, 12)]


@pytest.mark.parametrize("make", [jpeg_map, phone_map])
def test_an_entry_in_a_map_of_jpegs_is_good_to_the_pixel(make):
    made = at(edit_map(make(), add=[(8, 8)]), 8, 8)
    assert (made.radius, made.mean) == (0, None)


def test_edits_are_undone():
    edited = edit_map(full_map(), add=[(7, 8), (17, 4)], remove=[(18, 4), (10, 7)], note="no")
    undone = edit_map(edited, undo=[(7, 8), (17, 4), (18, 4)])
    assert places(undone) == [(2, 1), (17, 4), (5, 11)]
    assert undone.edits == (Edit(10, 7, REMOVE, None, "no"),)
    again = edit_map(undone, add=[(10, 7, "weak")])
    assert again.edits == (Edit(10, 7, ADD, DefectKind.WEAK),)


@pytest.mark.parametrize(
    ("make", "edit", "problem"),
    [
        (toy_map, {"add": [(24, 1)]}, "24,1: x: 24 is outside the sensor, 0 to 23"),
        (toy_map, {"add": [(22, 1)]}, r"22,1: is outside the light-sensitive area \[2, 1, 20, 14\]"),
        (toy_map, {"remove": [(1, -1)]}, "1,-1: y: -1 is outside the sensor, 0 to 15"),
        (toy_map, {"add": [(1, 1)], "remove": [(1, 1)]}, "1,1: is named twice"),
        (toy_map, {"undo": [(1, 1)]}, "1,1: has no edit to undo"),
        (toy_map, {"add": [(1, 1)], "note": "two\nlines"}, "note: 'two.*lines' is not one printable line"),
        (toy_map, {"add": [(1, 1)], "note": "x" * 201}, "of at most 200 characters"),
        (jpeg_map, {"add": [(1, 1)]}, "1,1: is no pixel of the JPEGs"),
    ],
)
def test_what_cannot_be_edited(make, edit, problem):
    with pytest.raises(PlaceError, match=problem):
        edit_map(make(), **edit)


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ([Edit(3, 3, ADD)], r"edits\[0\].edit: add, but the map does not list it"),
        ([Edit(17, 4, REMOVE)], r"edits\[0\].edit: remove, but the map lists it"),
        ([Edit(10, 7, REMOVE)], r"edits\[0\].edit: remove, but the map lists it"),
        ([Edit(3, 3, REMOVE, DefectKind.HOT)], r"edits\[0\].kind: hot, but what is removed has none"),
        ([Edit(3, 3, REMOVE), Edit(3, 3, REMOVE)], r"edits\[1\].y: 3, after 3; edits are sorted"),
        ([Edit(30, 3, REMOVE)], r"edits\[0\].x: 30 is outside the sensor"),
        ([Edit(3, 3, REMOVE, None, " x")], r"edits\[0\].note: ' x' is not one printable line"),
        ([Edit(3, 3, REMOVE)] * (MOST_EDITS + 1), "edits: 20001, expected at most 20000"),
    ],
)
def test_a_map_agrees_with_its_edits(edits, problem):
    with pytest.raises(ValueError, match=problem):
        toy_map(edits=tuple(edits))


def test_a_map_without_edits_is_written_as_before():
    assert "edits" not in map_text(full_map())
    assert "edits:\n- {x: 3, y: 3, edit: remove, note: \"a star\"}\n" in map_text(
        edit_map(full_map(), remove=[(3, 3)], note="a star")
    )


def test_a_file_says_which_edit_is_wrong():
    text = map_text(edit_map(full_map(), remove=[(3, 3)]))
    with pytest.raises(ValueError, match=r"edits\[0\].edit: 'hide' is not one of add, remove"):
        parse_map(text.replace("edit: remove", "edit: hide"))


SOME = st.lists(st.tuples(st.integers(2, 21), st.integers(1, 14)), unique=True, max_size=8)  # where light falls


@given(SOME, st.integers(0, 8))
def test_edits_are_borne_out_survive_the_file_and_are_the_same_when_applied_again(found, cut):
    edited = edit_map(full_map(), add=found[:cut], remove=found[cut:])
    listed = set(edited.photosites())
    assert set(found[:cut]) <= listed
    assert not set(found[cut:]) & listed
    assert parse_map(map_text(edited)) == edited
    assert with_edits(edited, edited.edits) == edited
    untouched = set(full_map().photosites()) - set(found)
    assert listed == untouched | set(found[:cut])


@settings(max_examples=30)
@given(sensor_maps())
def test_the_edits_of_any_map_hold_already(sensor_map):
    again = with_edits(sensor_map, ())
    assert again.photosites() == sensor_map.photosites()
    assert again.edits == sensor_map.edits


# merging


def test_what_was_removed_stays_out_of_a_merged_map_and_what_was_added_in():
    edited = edit_map(toy_map(), add=[(7, 8, "dead")], remove=[(17, 4), (10, 7)], note="no")
    for maps in permutations([edited, other_photos()]):
        merged = merge_maps(maps)
        assert places(merged) == [(2, 1), (7, 8), (5, 11)]
        assert [(one.y0, one.y1) for one in merged.columns] == [(5, 6), (8, 12)]
        assert merged.edits == edited.edits


def test_maps_that_decide_otherwise_are_not_merged():
    one, other = edit_map(toy_map(), add=[(7, 8)]), edit_map(other_photos(), remove=[(7, 8)])
    for maps in permutations([("a.yaml", one), ("b.yaml", other)]):
        names, found = zip(*maps, strict=True)
        with pytest.raises(FrameMismatchError, match=r"b.yaml: removes 7,8 by hand, which a.yaml adds by hand"):
            merge_maps(found, names=names)


def test_of_two_edits_alike_the_one_that_says_more_counts():
    edits = [(7, 8)], [(7, 8, "dead")], [(7, 8, "hot")]
    maps = [(str(index), edit_map(toy_map(), add=add, note=f"{index}")) for index, add in enumerate(edits)]
    for some in permutations(maps):
        assert joint_edits(some) == [Edit(7, 8, ADD, DefectKind.HOT, "2")]


# a new map in the place of an edited one


def test_a_new_map_keeps_the_edits_of_the_file_that_it_replaces(tmp_path):
    path = tmp_path / "d80.yaml"
    edited = edit_map(toy_map(), add=[(7, 8, "dead")], remove=[(17, 4)])
    write_map(edited, path)
    new = with_kept_edits(other_photos(), edited_map_at(path))
    assert new.edits == edited.edits
    assert places(new) == [(2, 1), (7, 8), (5, 11)]


def test_there_may_be_nothing_to_keep(tmp_path):
    write_map(toy_map(), tmp_path / "plain.yaml")
    assert [edited_map_at(path) for path in (tmp_path / "plain.yaml", tmp_path / "none.yaml", None)] == [None] * 3
    assert with_kept_edits(toy_map(), None) == toy_map()


def test_edits_that_cannot_be_read_are_told(tmp_path, caplog):
    path = tmp_path / "d80.yaml"
    path.write_text("format: sensormap/1\nedits:\n- {x: 1\n")
    assert edited_map_at(path) is None
    assert "edits by hand are not kept" in caplog.text
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    "other", [toy_map(body=Body("NIKON CORPORATION", "NIKON D80", "2")), replace(jpeg_map(), columns=(), defects=())]
)
def test_edits_that_do_not_fit_are_told(other, caplog):
    edited = edit_map(toy_map(), add=[(2, 2)])
    assert with_kept_edits(other, edited) == other
    assert "edits by hand are not kept" in caplog.text


def test_edits_are_taken_over_from_another_map():
    edited = edit_map(toy_map(), remove=[(17, 4)])
    assert take_edits(other_photos(), edited).edits == edited.edits
    with pytest.raises(FrameMismatchError, match="other: is of NIKON D80"):
        take_edits(toy_map(body=Body("NIKON CORPORATION", "NIKON D80", "2")), edited)


# comparing


def test_diff_says_that_an_entry_was_removed_by_hand():
    found = compare_maps(toy_map(), edit_map(other_photos(), remove=[(17, 4)])).of(Change.NOT_SEEN)
    assert [(one.entry.x, one.why) for one in found] == [(17, "removed by hand")]


def test_lines_of_any_source_are_cut():
    made = both_map()
    assert isinstance(made.columns[0], Column)
    assert isinstance(made.rows[0], Row)
    edited = edit_map(made, remove=[(10, 7), (6, 9)])
    assert (len(edited.columns), len(edited.rows)) == (2, 2)
