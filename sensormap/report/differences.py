"""What changed between two maps, as a sentence and tables of plain text."""

from __future__ import annotations

from sensormap.maps.compare import Change, Difference, Differences, changed_strength, kind_changed
from sensormap.maps.entries import Column, Defect, Entry
from sensormap.report.table import Table
from sensormap.report.words import STRENGTH_NAMES, certainty, kind_text, since_text

_HEADER = ("x", "y", "plane", "kind", "certainty", "score", "since", "remark")
_RIGHT = frozenset({0, 1, 4, 5})
_SPARE = ("plane", "score", "certainty", "since")
_UNITS = {"dark_dn_per_s": " DN/s", "offset_dn": " DN", "response": ""}


def difference_line(differences: Differences, *, with_lines: bool = False) -> str:
    """Return how many entries are new, healed, not seen, changed and the same.

    Parameters
    ----------
    differences
        The differences of two maps.
    with_lines
        Whether columns or rows are among the entries, each counted as one.

    Examples
    --------
    >>> difference_line(Differences((), 246))
    '0 new, 0 healed, 0 not seen, 0 changed, 246 the same'
    """
    counts = [f"{len(differences.of(change))} {change}" for change in Change]
    counted_too = " (columns and rows counted)" if with_lines else ""
    return ", ".join((*counts, f"{differences.same} the same{counted_too}"))


def difference_tables(differences: Differences) -> list[Table]:
    """Return a table for each sort of difference that occurs, its entries by (y, x).

    Parameters
    ----------
    differences
        The differences of two maps.

    Returns
    -------
    list of Table
        A line's place is its start to its end; certainty, score and date are those of the new map, where it has the
        entry.
    """
    tables = []
    for change in Change:
        rows = tuple(_cells(difference) for difference in differences.of(change))
        if rows:
            shown = len(_HEADER) if any(row[-1] for row in rows) else len(_HEADER) - 1  # an empty column says nothing
            cells = tuple(row[:shown] for row in rows)
            tables.append(Table(f"{len(rows)} {change}", _HEADER[:shown], cells, right=_RIGHT, spare=_SPARE))
    return tables


def _cells(difference: Difference) -> tuple[str, ...]:
    """Return one entry's row."""
    entry, old, new = difference.entry, difference.old, difference.new
    kind, remarks = kind_text(entry), [difference.why]
    if old and new:
        kind = f"{kind_text(old)} -> {kind_text(new)}" if kind_changed(old, new) else kind
        remarks.append(_strength_change(old, new))
    noun = "" if isinstance(entry, Defect) else f"{entry.noun} "
    facts = (f"{noun}{kind}", certainty(entry.confidence), f"{entry.score:.1f}", since_text(entry.onset))
    return (*_place(entry), entry.plane, *facts, ", ".join(filter(None, remarks)))


def _place(entry: Entry) -> tuple[str, str]:
    """Return where an entry lies, from where to where in the case of a line."""
    if isinstance(entry, Defect):
        return str(entry.x), str(entry.y)
    place, ends = str(entry.place), f"{entry.first} to {entry.last}"
    return (place, ends) if isinstance(entry, Column) else (ends, place)


def _strength_change(old: Entry, new: Entry) -> str:
    """Say how much a strength differs, if by more than its intervals."""
    name = changed_strength(old, new)
    if name is None:
        return ""
    return f"{STRENGTH_NAMES[name]} {getattr(old, name)[0]:.3g} -> {getattr(new, name)[0]:.3g}{_UNITS[name]}"
