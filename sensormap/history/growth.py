"""The defects of one or many bodies over the years, and how fast they become more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

from sensormap.camera.profile import Body
from sensormap.errors import MissingExtraError
from sensormap.history.counts import Counts, count_onsets
from sensormap.history.periods import YEAR, Unit
from sensormap.history.records import Record, newest_of_each_body, record_of
from sensormap.maps.entries import FrameSummary, Interval
from sensormap.maps.sensor_map import SensorMap

if TYPE_CHECKING:  # it takes NumPy, which a reader of counts does not need
    from sensormap.history.rates import Cell, Regression

_STEPS = 48  # of a curve: as smooth as print
NO_STATSMODELS = "statsmodels is not installed"
"""Reason why there is no rate and no trend, where nothing else is in the way of them."""
CurvePoint = tuple[datetime, float, float, float]
"""A time, and how many new defects are expected by then: estimate, and the ends of its 95 % interval."""


@dataclass(frozen=True)
class BodyGrowth:
    """The defects of one body over the years.

    Parameters
    ----------
    body
        The camera.
    map_name, other_names
        Name of the map that was used, and of the body's other maps, which were not.
    frames
        The photos behind the map.
    counts
        Its defects by onset.
    years
        Observed time: from the first photo to the last; None where the map does not tell.
    rate
        New defects a year, with its 95 % interval; None where there is nothing to tell it from.
    at_most
        The same if all had appeared in the observed time whose onset is unclear.
    why
        Reason why there is no rate; "" if there is one.
    curve
        Expected new defects from the first photo to the last, by the rate, or by the trend where the 95 % interval of
        that leaves no doubt that the rate changes; empty without a rate.
    """

    body: Body
    map_name: str
    other_names: tuple[str, ...]
    frames: FrameSummary
    counts: Counts
    years: float | None
    rate: Interval | None = None
    at_most: float | None = None
    why: str = ""
    curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True)
class Growth:
    """The defects of some bodies over the years.

    Parameters
    ----------
    bodies
        By make, model and serial number, each once.
    unit
        Length of the periods in which defects are counted: ``year`` or ``month``.
    trend
        Factor by which the rates of all bodies grow in a year, with its 95 % interval; None where it cannot be told.
    why
        Reason why there is no trend; "" if there is one.
    dispersion
        Pearson's chi-squared over its degrees of freedom: about 1 if defects appear independently of each other. What
        is above 1 has widened the intervals of rates and trend. None without degrees of freedom.
    freedom
        Degrees of freedom.
    """

    bodies: tuple[BodyGrowth, ...]
    unit: str
    trend: Interval | None
    why: str
    dispersion: float | None
    freedom: int


def measure_growth(maps: Iterable[SensorMap], *, names: Iterable[str] | None = None, by: str = "year") -> Growth:
    """Return when defects appeared and healed, and how many appear a year.

    Parameters
    ----------
    maps
        Maps of one or many bodies. Of each body the map with the latest last photo is used, of several such that of
        most photos.
    names
        Name of each map, by which the result names it; None numbers them.
    by
        Periods to count in: ``year`` or ``month``.

    Raises
    ------
    ValueError
        If there is no map, not a name for each, or no such period.

    Notes
    -----
    The order of the maps does not matter. Where statsmodels is not installed, which is in the extra ``history``, there
    are counts and no rates, and `why` says so. docs/method/history.md has the statistics.
    """
    numbered = (f"map {number}" for number in count(1))
    pairs = zip(maps, numbered, strict=False) if names is None else zip(maps, names, strict=True)
    return growth_of((record_of(sensor_map, name) for sensor_map, name in pairs), by=by)


def growth_of(records: Iterable[Record], *, by: str = "year") -> Growth:
    """Return the same of maps of which only the records are kept.

    Parameters
    ----------
    records
        What of each map counts.
    by
        As for `measure_growth`.
    """
    unit = Unit(by)
    bodies = [_counted(record, others, unit) for record, others in newest_of_each_body(records)]
    if not bodies:
        msg = "there is no map to tell a history from"
        raise ValueError(msg)
    told = [number for number, one in enumerate(bodies) if not one.why]
    if not told:
        return Growth(tuple(bodies), str(unit), None, "no rate is known", None, 0)
    from sensormap.history.rates import Regression, regress  # noqa: PLC0415

    origin = min(_start(bodies[number]) for number in told)
    try:
        found = regress([cell for number in told for cell in _cells(number, bodies[number], origin)])
        rated = {number: _rated(bodies[number], number, found, origin) for number in told}
    except MissingExtraError:
        rated = {number: replace(bodies[number], why=NO_STATSMODELS) for number in told}
        found = Regression(None, NO_STATSMODELS, None, 0)
    bodies = [rated.get(number, one) for number, one in enumerate(bodies)]
    trend = found.trend.factor if found.trend else None
    return Growth(tuple(bodies), str(unit), trend, found.why, found.dispersion, found.freedom)


def _counted(record: Record, others: tuple[str, ...], unit: Unit) -> BodyGrowth:
    """Return a body's defects by onset, and why there is no rate, if so."""
    counts, observed = count_onsets(record, unit), record.observed
    years = (observed[1] - observed[0]) / YEAR if observed else None
    why = ""
    if not years:
        why = "no capture times" if years is None else "no time between its photos"
    elif counts.all and counts.all == sum(counts.unknown.values()):
        why = "no dated onsets"
    return BodyGrowth(record.body, record.name, others, record.frames, counts, years, why=why)


def _start(one: BodyGrowth) -> datetime:
    return one.counts.periods[0].period.start


def _cells(number: int, one: BodyGrowth, origin: datetime) -> Iterator[Cell]:
    """Yield the periods of a body in which time was observed."""
    from sensormap.history.rates import Cell  # noqa: PLC0415

    for counts in one.counts.periods:
        period = counts.period
        if period.years:
            middle = (period.start - origin) / YEAR + period.years / 2
            yield Cell(number, sum(counts.new.values()), period.years, middle)


def _rated(one: BodyGrowth, number: int, found: Regression, origin: datetime) -> BodyGrowth:
    """Return a body with its rate."""
    from sensormap.history.rates import expected_by, rate_of  # noqa: PLC0415

    counts, years, start = one.counts, one.years or 0.0, _start(one)
    rate = rate_of(counts.new, years, widening=found.widening)
    trend = found.trend if found.trend and not found.trend.factor[1] <= 1 <= found.trend.factor[2] else None
    since = [years * step / _STEPS for step in range(_STEPS + 1)]
    bands = expected_by(since, rate, trend=trend, body=number, start=(start - origin) / YEAR)
    times = [start + (one.counts.periods[-1].period.end - start) * step / _STEPS for step in range(_STEPS + 1)]
    curve = tuple((time, *band) for time, band in zip(times, bands, strict=True))
    at_most = (counts.new + counts.unclear) / years
    return replace(one, rate=rate, at_most=at_most, curve=curve)
