"""The defects of one body by onset: there from the start, new in each period, or unknown; and those that healed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sensormap.history.periods import Period, Unit, observed_periods, period_of
from sensormap.history.records import KINDS, Record
from sensormap.maps.entries import Between

Span = tuple[datetime, datetime]
Kinds = Mapping[str, int]
"""How many of each kind, without those of which there are none."""

_START = Between(None, None)


@dataclass(frozen=True)
class PeriodCounts:
    """What happened in one period.

    Parameters
    ----------
    period
        The period.
    new
        How many appeared in it, by kind: those the middle of whose onset lies in it.
    least, most
        How many surely appeared in it, their whole onset being inside, and how many may have.
    healed
        How many healed in it, by the middle of `until`.
    total
        How many there were at its end: all that were there from the start, perhaps from the start, or since an unknown
        time, and the new ones so far, less those healed so far.
    """

    period: Period
    new: Kinds
    least: int
    most: int
    healed: int
    total: int


@dataclass(frozen=True)
class Appearance:
    """A number of defects of a kind that appeared from `low` to `high`; `low` is None if perhaps from the start."""

    kind: str
    low: datetime | None
    high: datetime
    number: int


@dataclass(frozen=True)
class Counts:
    """The defects of one map by onset.

    Parameters
    ----------
    from_start
        Those there in the first photo already.
    perhaps_from_start
        Those that appeared before some later photo, perhaps before the first one.
    unknown
        Those whose onset the map does not tell.
    periods
        The observed time in order; empty where the map does not tell it.
    appearances
        Those that appeared, or perhaps appeared, in the observed time, in the order of `high`.
    """

    from_start: Kinds
    perhaps_from_start: Kinds
    unknown: Kinds
    periods: tuple[PeriodCounts, ...]
    appearances: tuple[Appearance, ...]

    @property
    def new(self) -> int:
        """How many appeared in the observed time, in whatever period."""
        return sum(one.number for one in self.appearances if one.low is not None)

    @property
    def healed(self) -> int:
        """How many healed, in whatever period."""
        return sum(one.healed for one in self.periods)

    @property
    def unclear(self) -> int:
        """How many may have appeared in the observed time, or not."""
        return sum(self.perhaps_from_start.values()) + sum(self.unknown.values())

    @property
    def all(self) -> int:
        """How many the map lists, healed ones included."""
        return sum(self.from_start.values()) + self.new + self.unclear


def count_onsets(record: Record, unit: Unit) -> Counts:
    """Return the defects of a map by onset and period.

    Parameters
    ----------
    record
        The map.
    unit
        Length of a period.
    """
    start: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    appeared: Counter[tuple[datetime, datetime | None, str]] = Counter()
    healed: Counter[datetime] = Counter()
    observed = record.observed
    for life, number in record.lives.items():
        if life.onset == _START:
            start[life.kind] += number
        elif observed is None or life.onset is None or is_open(life.onset):
            unknown[life.kind] += number
        elif (span := _span(life.onset, observed))[1] == observed[0]:
            start[life.kind] += number
        else:
            appeared[span[1], None if _may_be_older(life.onset, observed) else span[0], life.kind] += number
        if observed is not None and life.until is not None:
            healed[_middle(_span(life.until, observed))] += number
    ranked = sorted(appeared.items(), key=lambda item: (item[0][0], item[0][1] or datetime.min, item[0][2]))
    appearances = tuple(Appearance(kind, low, high, number) for (high, low, kind), number in ranked)
    perhaps = _by_kind(one for one in appearances if one.low is None)
    before = start.total() + unknown.total() + sum(perhaps.values())
    periods = observed_periods(*observed, unit) if observed else ()
    return Counts(
        _ordered(start), perhaps, _ordered(unknown), _in_periods(periods, appearances, healed, before), appearances
    )


def _in_periods(
    periods: Sequence[Period], appearances: Sequence[Appearance], healed: Mapping[datetime, int], before: int
) -> tuple[PeriodCounts, ...]:
    """Return what happened in each period, of which the first begins with so many defects `before`."""
    new: list[list[Appearance]] = [[] for _ in periods]
    least, overlaps, gone = Counter[int](), Counter[int](), Counter[int]()
    for one in appearances:
        low = 0 if one.low is None else period_of(one.low, periods)
        high = period_of(one.high, periods)
        if one.low is not None:
            new[period_of(_middle((one.low, one.high)), periods)].append(one)
            least[high] += one.number if low == high else 0
        overlaps[low] += one.number  # begins to be possible, and ends to be
        overlaps[high + 1] -= one.number
    for time, number in healed.items():
        gone[period_of(time, periods)] += number
    found, total, most = [], before, 0
    for i, period in enumerate(periods):
        kinds = _by_kind(new[i])
        total += sum(kinds.values()) - gone[i]
        most += overlaps[i]
        found.append(PeriodCounts(period, kinds, least[i], most, gone[i], total))
    return tuple(found)


def _by_kind(appearances: Iterable[Appearance]) -> Kinds:
    counts: Counter[str] = Counter()
    for one in appearances:
        counts[one.kind] += one.number
    return _ordered(counts)


def _ordered(counts: Mapping[str, int]) -> Kinds:
    """Return counts in the order of `KINDS`."""
    return {kind: counts[kind] for kind in KINDS if counts.get(kind)}


def is_open(change: Between) -> bool:
    """Tell whether all that is known of a change is that it came after some photo, as in imported lists."""
    return change.after is not None and change.by is None


def _may_be_older(onset: Between, observed: Span) -> bool:
    """Tell whether an onset that a later photo ends may lie before the first one."""
    return onset.after is None or min(onset.after, onset.by or onset.after) < observed[0]


def _span(change: Between, observed: Span) -> Span:
    """Return the part of the observed time in which a change lies; where the clock jumped its times may be reversed."""
    first, last = observed
    if change == _START:
        return first, first
    ends = sorted((change.after or first, change.by or last))
    low, high = (min(max(end, first), last) for end in ends)
    return low, high


def _middle(span: Span) -> datetime:
    return span[0] + (span[1] - span[0]) / 2
