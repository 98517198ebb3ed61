"""Calendar years and months, cut to what was observed."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormap.history.periods import Unit, observed_periods, period_of
from tests.support.histories import at

TIMES = st.datetimes(at("1990-01-01"), at("2030-12-31"))


@pytest.mark.parametrize(
    ("first", "last", "unit", "names"),
    [
        ("2009-04-18", "2011-01-02", Unit.YEAR, ["2009", "2010", "2011"]),
        ("2009-11-30", "2010-02-01", Unit.MONTH, ["2009-11", "2009-12", "2010-01", "2010-02"]),
        ("2009-01-01", "2009-01-01", Unit.YEAR, ["2009"]),
        ("9998-05-01", "9999-12-31", Unit.YEAR, ["9998", "9999"]),
        ("9999-11-01", "9999-12-31", Unit.MONTH, ["9999-11", "9999-12"]),
        ("0001-01-01", "0001-02-03", Unit.MONTH, ["0001-01", "0001-02"]),
    ],
)
def test_periods_follow_the_calendar(first, last, unit, names):
    assert [period.name for period in observed_periods(at(first), at(last), unit)] == names


@given(st.tuples(TIMES, TIMES).map(sorted), st.sampled_from(Unit), TIMES)
def test_periods_tile_the_observed_time(span, unit, time):
    periods = observed_periods(*span, unit)
    assert (periods[0].start, periods[-1].end) == tuple(span)
    assert all(one.end == other.start for one, other in pairwise(periods))
    assert sum(period.years for period in periods) == pytest.approx((span[1] - span[0]) / timedelta(days=365.25))
    found = periods[period_of(time, periods)]
    if span[0] <= time <= span[1]:
        assert found.start <= time <= found.end
        assert found.name == f"{time:%Y-%m}"[: len(found.name)]
    else:
        assert found in (periods[0], periods[-1])


def test_the_first_moment_of_a_year_belongs_to_it():
    periods = observed_periods(at("2009-04-18"), at("2011-01-02"), Unit.YEAR)
    assert periods[period_of(datetime(2010, 1, 1), periods)].name == "2010"
