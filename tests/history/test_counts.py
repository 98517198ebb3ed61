"""Defects by onset: from the start, perhaps, new in a period, unknown; and healed ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given

from sensormap.history.counts import count_onsets
from sensormap.history.periods import Unit
from sensormap.history.records import record_of
from sensormap.maps.entries import DefectKind
from tests.support.histories import FIRST, LAST, START, at, between, dated_map
from tests.support.maps import sensor_maps

HOT, WEAK = DefectKind.HOT, DefectKind.WEAK


def counts_of(*lives, unit=Unit.YEAR, **values):
    return count_onsets(record_of(dated_map(*lives, **values), "a"), unit)


def rows(counts):
    return [(one.period.name, dict(one.new), one.least, one.most, one.healed, one.total) for one in counts.periods]


def test_a_history():
    counts = counts_of(
        START,
        (START, WEAK, between("2011-03-01", "2011-03-03")),
        None,
        between(None, "2009-05-01"),
        between("2009-07-01", "2009-07-03"),
        between("2010-12-01", "2011-01-15"),  # of 2010 by its middle
        (between("2011-02-01", "2011-05-01"), WEAK),
        (between("2011-02-01", "2011-05-01"), HOT, between("2012-02-01", "2012-03-01")),
    )
    assert (counts.from_start, counts.perhaps_from_start, counts.unknown) == (
        {"hot": 1, "weak": 1},
        {"hot": 1},
        {"hot": 1},
    )
    assert rows(counts) == [
        ("2009", {"hot": 1}, 1, 2, 0, 5),
        ("2010", {"hot": 1}, 0, 1, 0, 6),
        ("2011", {"hot": 1, "weak": 1}, 2, 3, 1, 7),
        ("2012", {}, 0, 0, 1, 6),
    ]
    assert (counts.new, counts.unclear, counts.healed, counts.all) == (4, 2, 2, 8)


@pytest.mark.parametrize(
    ("onset", "group"),
    [
        (None, "unknown"),
        (between("2010-01-01", None), "unknown"),  # an imported list
        (START, "from_start"),
        (between(None, "2009-04-18"), "from_start"),  # by the first photo
        (between("2008-01-01", "2009-01-01"), "from_start"),  # a clock that was set
        (between("2008-01-01", "2010-01-01"), "perhaps_from_start"),
        (between(None, "2010-01-01"), "perhaps_from_start"),
        (between("2010-01-01", "2010-02-01"), "new"),
        (between("2030-01-01", "2031-02-01"), "new"),  # after the last photo: in the last period
    ],
)
def test_where_an_onset_counts(onset, group):
    counts = counts_of(onset)
    found = {
        **{name: sum(getattr(counts, name).values()) for name in ("from_start", "perhaps_from_start", "unknown")},
        "new": counts.new,
    }
    assert found == dict.fromkeys(found, 0) | {group: 1}
    assert counts.periods[-1].total == 1


def test_without_times_there_are_no_periods():
    counts = counts_of(START, None, between("2010-01-01", "2010-02-01"), first=None, last=None)
    assert counts.periods == counts.appearances == ()
    assert (counts.from_start, counts.unknown, counts.all) == ({"hot": 1}, {"hot": 2}, 3)


def test_one_photo_is_one_period_without_time():
    (only,) = counts_of(START, first=FIRST, last=FIRST).periods
    assert (only.period.years, only.total) == (0, 1)


def test_a_clock_that_jumps_back_may_date_backwards():
    frames = replace(dated_map().frames, clock_jumps=1)
    counts = counts_of(between("2011-02-01", "2010-11-01"), frames=frames)
    assert [one.new for one in counts.periods] == [{}, {"hot": 1}, {}, {}]


@given(sensor_maps())
def test_every_entry_of_every_map_counts_once(sensor_map):
    """Whatever the periods, which never change a total; least and most enclose what is new."""
    record = record_of(sensor_map, "a")
    entries = len(sensor_map.defects) + len(sensor_map.lines)
    first, last = sensor_map.frames.first, sensor_map.frames.last
    units = [Unit.YEAR, Unit.MONTH] if first and last and last.year - first.year < 100 else [Unit.YEAR]
    for unit in units:
        counts = count_onsets(record, unit)
        assert counts.all == entries
        new = [sum(one.new.values()) for one in counts.periods]
        assert sum(new) == counts.new
        assert all(one.least <= number <= one.most for one, number in zip(counts.periods, new, strict=True))
        if counts.periods:
            before = entries - counts.new
            changes = [number - one.healed for one, number in zip(counts.periods, new, strict=True)]
            assert [one.total for one in counts.periods] == list(accumulate(changes, initial=before))[1:]


def test_the_last_photo_belongs_to_the_last_period():
    counts = counts_of(between("2012-09-30", LAST.isoformat()), last=at("2013-01-01"))
    assert [one.period.name for one in counts.periods][-1] == "2013"
    assert counts.periods[-2].new == {"hot": 1}
