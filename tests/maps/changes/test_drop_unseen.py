"""What photos no longer show goes from a merged map, and all else stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from sensormap.maps.changes.edit_map import edit_map
from sensormap.maps.entries import Between, Column, DefectKind
from sensormap.maps.mapfile.reading import parse_map
from sensormap.maps.mapfile.writing import map_text
from sensormap.maps.merge import merge_maps
from tests.support.maps import toy_defect, toy_map

SINCE = datetime(2011, 3, 1)
COLUMN = Column(10, 3, 9, "R", DefectKind.WEAK, 0.99, -9.7, 3, seen=(39, 40))
OLD_DAYS = datetime(2010, 1, 1), datetime(2010, 12, 31, 12)
NEW_DAYS = datetime(2011, 4, 1), datetime(2011, 4, 30)


def night(days, *defects, columns=(), used=40, **values):
    """A map of the photos of some days."""
    frames = replace(
        toy_map().frames, digest=days[0].isoformat(), first=days[0], last=days[1], used=used, skipped=0, **values
    )
    return toy_map(frames=frames, skipped=(), columns=columns, defects=tuple(sorted(defects, key=lambda d: (d.y, d.x))))


def always(x, y, **values):
    return toy_defect(x, y, seen=(40, 40), dark_dn_per_s=(900.0, 880.0, 920.0), **values)


def dropped_of(maps, since=SINCE):
    dropped = []
    merged = merge_maps(maps, drop_unseen_since=since, on_dropped=dropped.append)
    return merged, dropped


def test_what_newer_photos_do_not_show_goes():
    maps = night(OLD_DAYS, always(4, 5), always(12, 9), columns=(COLUMN,)), night(NEW_DAYS, always(12, 9))
    merged, dropped = dropped_of(maps)
    assert [(one.x, one.y) for one in merged.defects] == [(12, 9)]
    assert merged.columns == ()
    assert [getattr(one, "y0", one.y if hasattr(one, "y") else None) for one in dropped] == [3, 5]
    assert dropped_of(maps[::-1])[0] == merged


def test_without_a_date_all_stays_and_nothing_is_told():
    maps = night(OLD_DAYS, always(4, 5)), night(NEW_DAYS)
    assert merge_maps(maps).defects[0].last_seen is None


@pytest.mark.parametrize(
    "new",
    [
        night(NEW_DAYS, used=5),  # too few photos to say
        night(NEW_DAYS, shutter_s=(0.0005, 0.01)),  # too short
        night((OLD_DAYS[0], NEW_DAYS[1])),  # perhaps all of them are old but one
        night(OLD_DAYS),
        edit_map(night(NEW_DAYS), add=[(4, 5)]),
    ],
)
def test_what_they_may_not_show_stays(new):
    faint = toy_defect(4, 5, seen=(40, 40), dark_dn_per_s=(9.0, 8.0, 10.0))
    new = replace(new, frames=replace(new.frames, digest="new"))
    merged, dropped = dropped_of([night(OLD_DAYS, faint), new])
    assert [(one.x, one.y) for one in merged.defects] == [(4, 5)]
    assert not dropped


def test_what_had_healed_before_the_date_goes_by_the_word_of_its_own_map():
    days = OLD_DAYS[0], NEW_DAYS[1]
    healed = always(4, 5, until=Between(datetime(2010, 7, 1), datetime(2010, 7, 2)))
    later = always(6, 5, until=Between(datetime(2011, 4, 1), datetime(2011, 4, 2)))
    merged, dropped = dropped_of([night(days, healed, later, always(12, 9))])
    assert [one.x for one in dropped] == [4]
    assert [one.last_seen for one in merged.defects] == [datetime(2011, 4, 1), NEW_DAYS[1]]


def test_a_column_stays_where_a_photosite_of_it_was_added_by_hand():
    old = edit_map(night(OLD_DAYS, columns=(COLUMN,)), add=[(10, 5)])
    assert dropped_of([old, night(NEW_DAYS)])[0].columns[0].y0 == 3


def test_a_list_maintains_itself_night_by_night():
    """Each night is joined to the list of the nights before, which alone is kept."""
    listed = night((datetime(2011, 1, 1), datetime(2011, 1, 1, 5)), always(4, 5), always(12, 9))
    for day in range(2, 30):
        shown = [always(12, 9)] + ([always(4, 5)] if day < 10 else [])
        tonight = night((datetime(2011, 1, day), datetime(2011, 1, day, 5)), *shown)
        merged, _ = dropped_of([listed, tonight], since=datetime(2011, 1, max(day - 7, 1)))
        listed = parse_map(map_text(merged))
        assert (len(listed.defects) == 2) == (day < 17)
    assert [one.last_seen for one in listed.defects] == [datetime(2011, 1, 29, 5)]


def test_a_plain_merge_keeps_what_is_known():
    first = dropped_of([night(OLD_DAYS, always(4, 5))], since=OLD_DAYS[0])[0]
    assert merge_maps([first, night(NEW_DAYS, always(4, 5))]).defects[0].last_seen == NEW_DAYS[1]
