"""Calendar years or months, cut to the time that photos observe."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, datetime, timedelta
from enum import StrEnum

YEAR = timedelta(days=365.25)
"""Unit of observed time."""


class Unit(StrEnum):
    """Length of a period."""

    YEAR = "year"
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """The observed part of a calendar year or month.

    Parameters
    ----------
    name
        The year or month, such as ``2010`` or ``2010-05``.
    start, end
        The observed part. Its end belongs to the next period, but for the last one.
    """

    name: str
    start: datetime
    end: datetime

    @property
    def years(self) -> float:
        """Observed time, in years."""
        return (self.end - self.start) / YEAR


def observed_periods(first: datetime, last: datetime, unit: Unit) -> tuple[Period, ...]:
    """Return the periods from the first photo to the last.

    Parameters
    ----------
    first, last
        Their capture times, in order.
    unit
        Length of a period.

    Examples
    --------
    >>> [period.name for period in observed_periods(datetime(2009, 11, 5), datetime(2010, 1, 2), Unit.MONTH)]
    ['2009-11', '2009-12', '2010-01']
    """
    cuts = [first, *_boundaries(first, last, unit)]
    form = "{0.year:04}" if unit == Unit.YEAR else "{0.year:04}-{0.month:02}"
    return tuple(Period(form.format(start), start, end) for start, end in zip(cuts, [*cuts[1:], last], strict=True))


def period_of(time: datetime, periods: Sequence[Period]) -> int:
    """Return the number of the period that holds a time, or the nearest one."""
    return max(bisect_right(periods, time, key=lambda period: period.start) - 1, 0)


def _boundaries(first: datetime, last: datetime, unit: Unit) -> Iterator[datetime]:
    """Yield where a calendar period begins within the observed time, after its start."""
    year, month = first.year, first.month
    while True:
        year, month = (year + 1, 1) if unit == Unit.YEAR or month == 12 else (year, month + 1)
        if year > MAXYEAR or datetime(year, month, 1) > last:
            return
        yield datetime(year, month, 1)
