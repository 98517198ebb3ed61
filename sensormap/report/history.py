"""The history of bodies as tables, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

from sensormap.history.counts import Counts, Kinds, PeriodCounts
from sensormap.history.growth import NO_STATSMODELS, BodyGrowth, Growth
from sensormap.history.records import KINDS
from sensormap.maps.entries import Interval
from sensormap.report.table import Table
from sensormap.report.words import UNKNOWN, counted, plain, span_text

_START, _PERHAPS = "start", "start?"
_CSV_HEADER = (
    *("make", "model", "serial", "map", "onset", "from", "to", "years"),
    *(*KINDS, "all", "least", "most", "healed", "total"),
)


def history_tables(growth: Growth) -> list[Table]:
    """Return a table for each body, its defects by onset, and one of their rates.

    Parameters
    ----------
    growth
        The bodies. Text from files is cleaned of what could steer a terminal.

    Returns
    -------
    list of Table
        In a body's table ``start`` are the defects of the first photo, ``start?`` those that are perhaps as old, and
        ``unknown`` those of which the map does not tell; then come the periods.
    """
    return [*(_body_table(one) for one in growth.bodies), _rate_table(growth)]


def growth_json(growth: Growth) -> str:
    """Return all as JSON in ASCII, ending in a newline; intervals are estimate, low, high."""
    document = {
        "by": growth.unit,
        "trend_a_year": growth.trend,
        "no_trend_because": growth.why or None,
        "dispersion": growth.dispersion,
        "degrees_of_freedom": growth.freedom,
        "bodies": [_json_of(one) for one in growth.bodies],
    }
    return json.dumps(document, indent=2) + "\n"


def growth_csv(growth: Growth) -> str:
    """Return the tables of all bodies as one in CSV: a line for each body and onset; text from files as in tables."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV_HEADER)
    for one in growth.bodies:
        body = tuple(map(plain, (one.body.make, one.body.model, one.body.serial, one.map_name)))
        for name, kinds in _undated(one.counts):
            writer.writerow((*body, name, "", "", "", *_numbers(kinds), "", "", "", ""))
        for counts in one.counts.periods:
            period = counts.period
            span = (period.start.isoformat(), period.end.isoformat(), f"{period.years:.4f}")
            numbers = (counts.least, counts.most, counts.healed, counts.total)
            writer.writerow((*body, period.name, *span, *_numbers(counts.new), *numbers))
    return file.getvalue()


def _undated(counts: Counts) -> Iterator[tuple[str, Kinds]]:
    """Yield the defects that belong to no period, those from the start first."""
    yield _START, counts.from_start
    yield _PERHAPS, counts.perhaps_from_start
    yield "unknown", counts.unknown


def _numbers(kinds: Kinds) -> tuple[int, ...]:
    """Return the number of each kind, and of all."""
    return (*(kinds.get(kind, 0) for kind in KINDS), sum(kinds.values()))


def _body_table(one: BodyGrowth) -> Table:
    """Return a body's defects by onset."""
    counts = one.counts
    undated = [(name, kinds) for name, kinds in _undated(counts) if kinds]
    groups = [*(kinds for _, kinds in undated), *(period.new for period in counts.periods)]
    shown = [kind for kind in KINDS if any(kind in kinds for kinds in groups)]
    # Columns that would say nothing are left out.
    facts = {"range": [_range(period) for period in counts.periods]}
    facts["healed"] = [str(period.healed) for period in counts.periods] if counts.healed else []
    facts = {name: cells for name, cells in facts.items() if any(cells)}
    facts["total"] = [str(period.total) for period in counts.periods]
    rows = [(name, *_cells(kinds, shown), *([""] * len(facts))) for name, kinds in undated]
    for period, cells in zip(counts.periods, zip(*facts.values(), strict=True), strict=True):
        rows.append((period.period.name, *_cells(period.new, shown), *cells))
    header = ("onset", *shown, "all", *facts)
    title = f"{one.body}: {_photos_text(one)} ({one.map_name})"
    numbers = frozenset(range(1, len(header)))
    return Table(plain(title), header, tuple(rows), right=numbers, note=plain(_note(one)), spare=("range",))


def _range(counts: PeriodCounts) -> str:
    """Return how many defects may have appeared in a period, where that is not clear."""
    return "" if counts.least == counts.most else f"{counts.least}-{counts.most}"


def _cells(kinds: Kinds, shown: list[str]) -> tuple[str, ...]:
    return (*(str(kinds.get(kind, "")) for kind in shown), str(sum(kinds.values())))


def _photos_text(one: BodyGrowth) -> str:
    """Say how many photos a map is of, and from when."""
    photos = counted(one.frames.used, "photo")
    if one.frames.first is None or one.frames.last is None:
        return photos
    return f"{photos}, {span_text(one.frames.first.date().isoformat(), one.frames.last.date().isoformat())}"


def _note(one: BodyGrowth) -> str:
    """Say what else there is to know of a body's dates."""
    notes = []
    if one.frames.clock_jumps:
        notes.append(f"The camera's clock jumped {counted(one.frames.clock_jumps, 'time')}: dates are doubtful.")
    if one.other_names:
        names = ", ".join(one.other_names[:3]) + (" and others" if len(one.other_names) > 3 else "")
        notes.append(f"Not used, since their photos end earlier or are fewer: {names}.")
    return " ".join(notes)


def _rate_table(growth: Growth) -> Table:
    """Return the rates of all bodies, with what the regression says of them together."""
    unclear = any(one.counts.unclear for one in growth.bodies if one.rate)
    header = ("body", "years", "new", "a year", *(["at most"] if unclear else []), "95 % interval")
    rows = []
    for one in growth.bodies:
        years = UNKNOWN if one.years is None else f"{one.years:.2f}"
        told = (UNKNOWN, UNKNOWN, f"none: {one.why}")
        if one.rate:
            told = _number(one.rate[0]), _number(one.at_most or 0.0), _ends(one.rate)
        rate = told if unclear else (told[0], told[2])
        rows.append((plain(str(one.body)), years, str(one.counts.new), *rate))
    right = frozenset(range(1, len(header) - 1))
    return Table("New defects a year", header, tuple(rows), right=right, note="\n".join(_rate_notes(growth)))


def _rate_notes(growth: Growth) -> Iterator[str]:
    """Yield what there is to know of all bodies together, a line each."""
    if any(one.counts.perhaps_from_start for one in growth.bodies):
        yield f"{_PERHAPS}: there from the start perhaps, or appeared soon after."
    rated = [one for one in growth.bodies if one.rate]
    if any(one.counts.unclear for one in rated):
        yield "at most: if all defects of unclear onset appeared between the first photo and the last."
    if rated:
        yield _trend_text(growth)
    if growth.why == NO_STATSMODELS:
        yield "Rates need statsmodels: pip install 'sensormap[history]'."
    if growth.dispersion is not None:
        widened = " The intervals are widened by it." if growth.dispersion > 1 else ""
        freedom = f"{counted(growth.freedom, 'degree')} of freedom"
        yield f"Dispersion: {growth.dispersion:.2f} ({freedom}); chance alone makes about 1.{widened}"


def _trend_text(growth: Growth) -> str:
    """Say whether rates grow."""
    if growth.trend is None:
        return f"Trend: none told ({growth.why})."
    factor, low, high = growth.trend
    what = "grows" if low > 1 else "falls" if high < 1 else "may be constant"
    return f"Trend: times {factor:.2f} a year (95 % interval {low:.2f} to {high:.2f}); the rate {what}."


def _ends(interval: Interval) -> str:
    return f"{_number(interval[1])} to {_number(interval[2])}"


def _number(value: float) -> str:
    """Write a rate with three digits, or all before the point."""
    return f"{value:.0f}" if value >= 99.95 or not value else f"{value:#.3g}"


def _json_of(one: BodyGrowth) -> dict[str, object]:
    """Return a body as JSON has it."""
    frames, counts = one.frames, one.counts
    return {
        "make": one.body.make,
        "model": one.body.model,
        "serial": one.body.serial,
        "map": one.map_name,
        "maps_not_used": one.other_names,
        "photos": frames.used,
        "first": frames.first.isoformat() if frames.first else None,
        "last": frames.last.isoformat() if frames.last else None,
        "clock_jumps": frames.clock_jumps,
        "years": one.years,
        "from_start": counts.from_start,
        "perhaps_from_start": counts.perhaps_from_start,
        "unknown": counts.unknown,
        "periods": [
            {
                "period": period.period.name,
                "from": period.period.start.isoformat(),
                "to": period.period.end.isoformat(),
                "years": period.period.years,
                "new": period.new,
                "least": period.least,
                "most": period.most,
                "healed": period.healed,
                "total": period.total,
            }
            for period in counts.periods
        ],
        "new": counts.new,
        "rate_a_year": one.rate,
        "rate_at_most": one.at_most,
        "no_rate_because": one.why or None,
    }
