"""Which photosites of a map a photo needs repaired."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sensormap.camera.profile import Body
from sensormap.correct.selection import check_body, choose_defects, pixels_of
from sensormap.errors import FrameMismatchError, MapSizeError
from sensormap.frame import Exposure, Photo
from sensormap.maps import sensor_map as sensor_map_module
from sensormap.maps.changes.edits import Edit, EditAction
from sensormap.maps.entries import Between, Column, DefectKind, Row
from tests.support.maps import toy_defect, toy_map

OLD, BORN, SEEN, HEALED, NEW = (datetime(2012, month, 1) for month in (1, 3, 4, 8, 12))
LONG, SHORT = Exposure(iso=100, shutter_s=30.0), Exposure(iso=100, shutter_s=1 / 4000)
MINE = Body("NIKON CORPORATION", "NIKON D80", "0012345")


def photo(body):
    return Photo(Path("folder/DSC_1.NEF"), 1, body, Exposure())


def hot(x, y, dark, **values):
    return toy_defect(x, y, dark_dn_per_s=(dark, dark * 0.9, dark * 1.1), **values)


def chosen_at(sensor_map, exposure, **options):
    chosen = choose_defects(sensor_map, exposure, **{"of_raw": True} | options)
    return chosen, [(defect.x, defect.y) for defect in chosen.defects]


@pytest.mark.parametrize(
    ("time", "repaired", "before_onset", "healed"),
    [
        (OLD, [], 1, 0),
        (BORN, [], 1, 0),
        (BORN + timedelta(seconds=1), [(5, 5)], 0, 0),
        (SEEN, [(5, 5)], 0, 0),
        (HEALED - timedelta(seconds=1), [(5, 5)], 0, 0),
        (HEALED, [], 0, 1),
        (NEW, [], 0, 1),
        (None, [(5, 5)], 0, 0),
    ],
)
def test_a_defect_is_repaired_while_it_lives(time, repaired, before_onset, healed):
    defect = toy_defect(5, 5, onset=Between(BORN, SEEN), until=Between(SEEN, HEALED))
    chosen, places = chosen_at(toy_map(defects=(defect,), columns=()), Exposure(time=time))
    assert places == repaired
    assert (chosen.before_onset, chosen.healed) == (before_onset, healed)


def test_an_edited_defect_is_left_alone_where_it_does_not_live():
    defect = toy_defect(5, 5, onset=Between(BORN, SEEN))
    sensor_map = toy_map(defects=(defect,), columns=(), edits=(Edit(5, 5, EditAction.ADD),))
    assert chosen_at(sensor_map, replace(LONG, time=OLD))[1] == []
    assert chosen_at(sensor_map, replace(LONG, time=SEEN))[1] == [(5, 5)]


@pytest.mark.parametrize("onset", [None, Between(None, None), Between(None, SEEN)])
def test_what_was_there_from_the_start_is_repaired_in_every_photo(onset):
    sensor_map = toy_map(defects=(toy_defect(5, 5, onset=onset),), columns=())
    assert chosen_at(sensor_map, Exposure(time=datetime(1999, 1, 1)))[1] == [(5, 5)]


def test_lines_are_repaired_once_they_are_born_and_give_all_their_photosites():
    column = Column(10, 5, 12, "R", DefectKind.WEAK, 0.9995, -9.7, 3, onset=Between(BORN, SEEN))
    row = Row(6, 8, 12, "Gb+B", DefectKind.HOT, 0.9995, 9.7, 3)
    sensor_map = toy_map(defects=(toy_defect(3, 3),), columns=(column,), rows=(row,))
    early, _ = chosen_at(sensor_map, Exposure(time=OLD))
    late, _ = chosen_at(sensor_map, Exposure(time=NEW))
    assert (early.before_onset, late.before_onset) == (4, 0)  # every other row of the column
    in_row = list(row.photosites(sensor_map.sensor.cfa))
    assert early.photosites(sensor_map) == sorted([(3, 3), *in_row], key=lambda place: place[::-1])
    assert set(late.photosites(sensor_map)) == {(3, 3), *in_row, *column.photosites(sensor_map.sensor.cfa)}
    assert sensor_map.photosites() == late.photosites(sensor_map)


@pytest.mark.parametrize(
    ("defect", "exposure", "shown"),
    [
        (hot(5, 5, 40.0), LONG, True),
        (hot(5, 5, 40.0), SHORT, False),
        (hot(5, 5, 40.0), Exposure(iso=100), True),
        (hot(5, 5, 40.0), Exposure(shutter_s=1 / 4000), True),
        (toy_defect(5, 5), SHORT, True),
        # 4 DN show in black, where they are 4 sigma, and nowhere else.
        (toy_defect(5, 5, kind=DefectKind.OFFSET, offset_dn=(4.0, 3.5, 4.5)), SHORT, True),
        (toy_defect(5, 5, kind=DefectKind.OFFSET, offset_dn=(2.5, 2.0, 3.0)), SHORT, False),
        # 2 % less show just below saturation only.
        (toy_defect(5, 5, kind=DefectKind.WEAK, response=(0.98, 0.97, 0.99)), SHORT, True),
        (toy_defect(5, 5, kind=DefectKind.WEAK, response=(0.99, 0.985, 0.995)), SHORT, False),
        (toy_defect(5, 5, kind=DefectKind.STUCK), SHORT, True),
    ],
)
def test_what_does_not_show_at_an_exposure_is_left_alone(defect, exposure, shown):
    sensor_map = toy_map(defects=(defect,), columns=())
    chosen, places = chosen_at(sensor_map, exposure)
    assert places == [(5, 5)] * shown
    assert chosen.hidden == (not shown)
    assert chosen_at(sensor_map, exposure, all_defects=True)[1] == [(5, 5)]


def test_all_repairs_also_what_is_not_born_or_healed():
    lost = toy_defect(5, 5, onset=Between(BORN, SEEN), until=Between(SEEN, HEALED))
    sensor_map = toy_map(defects=(lost,), columns=())
    for time in (OLD, NEW):
        chosen, places = chosen_at(sensor_map, Exposure(time=time), all_defects=True)
        assert places == [(5, 5)]
        assert (chosen.before_onset, chosen.healed, chosen.hidden) == (0, 0, 0)


@pytest.mark.parametrize("all_defects", [False, True])
def test_what_only_jpegs_show_is_left_alone_in_a_raw_photo(all_defects):
    summary = replace(toy_map().frames, jpegs=2)
    entries = (toy_defect(5, 5), toy_defect(8, 8, radius=2))
    sensor_map = toy_map(defects=entries, columns=(), source="raw+jpeg", frames=summary)
    chosen, places = chosen_at(sensor_map, LONG, all_defects=all_defects)
    assert (places, chosen.jpeg_only) == ([(5, 5)], 1)
    chosen, places = chosen_at(sensor_map, LONG, of_raw=False, all_defects=all_defects)
    assert (places, chosen.jpeg_only) == ([(5, 5), (8, 8)], 0)


@pytest.mark.parametrize(
    ("body", "force", "message"),
    [
        (MINE, False, None),
        (replace(MINE, serial="999"), True, None),
        (replace(MINE, serial="999"), False, r"D80, serial 999, but .* serial 0012345; --force"),
        (replace(MINE, serial=""), False, "serial unknown, but the map is of serial 0012345; --force"),
        (replace(MINE, model="NIKON D200"), False, "taken by NIKON D200, but the map is of NIKON D80$"),
        (replace(MINE, model="NIKON D200"), True, "taken by NIKON D200, but the map is of NIKON D80$"),
        (Body("", "", ""), False, "taken by unknown camera, but the map is of NIKON D80; --force corrects it$"),
        (Body("", "", ""), True, None),
    ],
)
def test_photos_of_another_camera_are_refused_by_name(body, force, message):
    if message is None:
        check_body(photo(body), toy_map(), force=force)
    else:
        with pytest.raises(FrameMismatchError, match=message):
            check_body(photo(body), toy_map(), force=force)


def test_lines_of_more_photosites_than_a_sensor_could_work_with_are_counted_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(sensor_map_module, "MOST_PHOTOSITES", 3)
    chosen, _ = chosen_at(toy_map(defects=()), LONG)
    for listed in (chosen.photosites, lambda sensor_map: pixels_of(chosen, sensor_map)):
        with pytest.raises(MapSizeError, match="4 defective photosites, too many"):
            listed(toy_map(defects=()))


def test_a_map_that_does_not_know_its_body_takes_photos_of_any():
    check_body(photo(MINE), toy_map(body=Body("", "", "")))
    check_body(photo(MINE), toy_map(body=replace(MINE, serial="")))
    with pytest.raises(FrameMismatchError, match="NIKON D200"):
        check_body(photo(replace(MINE, model="NIKON D200")), toy_map(body=replace(MINE, serial="")))
