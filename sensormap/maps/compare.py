"""What changed between two maps of one body, and what only seems so because the photos could not show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sensormap.errors import FrameMismatchError
from sensormap.maps.entries import Defect, DefectKind, Entry, LineEntry
from sensormap.maps.matching import LINE_ENDS, DefectIndex, LineIndex, mismatch
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.unseen import APPEARED_LATER, BY_HAND, unseen

_STRENGTH = {
    DefectKind.HOT: "dark_dn_per_s",
    DefectKind.OFFSET: "offset_dn",
    DefectKind.WEAK: "response",
    DefectKind.OVERRESPONSIVE: "response",
    DefectKind.COLD: "offset_dn",
}


class Change(StrEnum):
    """What became of an entry."""

    NEW = "new"
    """Only the new map lists it."""
    HEALED = "healed"
    """Only the old map lists it, though the new map's photos would have shown it; or the new one says it is gone."""
    NOT_SEEN = "not seen"
    """Only the old map lists it, but the new map's photos may not have been able to show it."""
    CHANGED = "changed"
    """Both list it, as something else."""


@dataclass(frozen=True)
class Difference:
    """One entry that is not in both maps as the same.

    Parameters
    ----------
    change
        The sort of difference.
    old, new
        The entry in either map; None where it has none, or has single defects in the place of a line.
    why
        Reason in words: what changed, or why it was not seen; "" where there is no more to say.
    """

    change: Change
    old: Entry | None
    new: Entry | None
    why: str = ""

    @property
    def entry(self) -> Entry:
        """The entry in the new map, or else in the old one."""
        found = self.new or self.old
        if found is None:
            msg = "a difference without an entry"
            raise ValueError(msg)
        return found


@dataclass(frozen=True)
class Differences:
    """All differences of two maps.

    Parameters
    ----------
    entries
        Sorted by change, then by place: (y, x) of the entry or of the start of its line.
    same
        Number of entries of the new map that are those of the old one.
    """

    entries: tuple[Difference, ...]
    same: int

    def of(self, change: Change) -> tuple[Difference, ...]:
        """Return the differences of one sort."""
        return tuple(entry for entry in self.entries if entry.change == change)


def compare_maps(old: SensorMap, new: SensorMap, *, names: Sequence[str] = ("old", "new")) -> Differences:
    """Return what `new` has that `old` has not, the reverse, and what changed.

    Parameters
    ----------
    old, new
        Maps of one body.
    names
        Names of the two for errors.

    Raises
    ------
    FrameMismatchError
        If they are of different bodies, geometries or grids.

    Notes
    -----
    Entries of raw photos are the same if they share a photosite; those of JPEGs, if they lie within the larger radius;
    one of each, within 3 pixels. Single defects that a column or row of the other map holds changed into it. What the
    old map already calls gone and the new one does not list is the same.
    """
    if found := mismatch(new, old):
        msg = f"{names[1]}: is {found[0]}, expected one {found[1]} as {names[0]}"
        raise FrameMismatchError(msg)
    pairs = _paired(old.defects, new.defects)
    left = [defect for defect in old.defects if defect not in pairs]
    taken = set(pairs.values())
    added = [defect for defect in new.defects if defect not in taken]
    entries = [_compared(one, other) for one, other in pairs.items()]
    was, now = LineIndex(old.lines), LineIndex(new.lines)
    entries += _line_differences(old, new, was, now, left=left, added=added)
    entries += [_lost(one, old, new) for one in left if not now.near(one)]
    entries += [_found(one, old, new) for one in added if not was.near(one)]
    listed = [entry for entry in entries if entry is not None]
    same = len(new.defects) + len(new.lines) - sum(entry.new is not None for entry in listed)
    joined = sum(bool(was.near(one)) for one in added)  # single defects that a line of the old map held
    return Differences(tuple(sorted(listed, key=_order)), same - joined)


def changed_strength(old: Entry, new: Entry) -> str | None:
    """Return the name of the strength that makes a defect of its kind, if its two 95 % intervals do not meet.

    The others are side effects near nothing: of hundreds, some intervals miss each other by chance.
    """
    if old.or_kinds or new.or_kinds:
        return None  # then it is not known which strength makes it
    name = _STRENGTH.get(new.kind, "")
    one, other = getattr(old, name, None), getattr(new, name, None)
    apart = old.kind == new.kind and one and other and (one[2] < other[1] or other[2] < one[1])
    return name if apart else None


def kind_changed(old: Entry, new: Entry) -> bool:
    """Tell whether two entries' kinds differ, where both are known well enough to say so.

    JPEGs are wrong about one in four, and a list without photos (score 0) may hold a guess. Of an entry that names
    several kinds each may be the right one.
    """
    sure = all(entry.radius is None and entry.score for entry in (old, new))
    return sure and _kinds(old).isdisjoint(_kinds(new))


def _kinds(entry: Entry) -> frozenset[DefectKind]:
    """Return all kinds that an entry may be."""
    return frozenset({entry.kind, *entry.or_kinds})


def _order(difference: Difference) -> tuple[int, int, int, str]:
    entry = difference.entry
    x, y = (entry.x, entry.y) if isinstance(entry, Defect) else entry.photosite(entry.place, entry.first)
    return list(Change).index(difference.change), y, x, entry.plane


def _paired(old: Sequence[Defect], new: Sequence[Defect]) -> dict[Defect, Defect]:
    """Return which defects are the same: those at one place first, then the nearest that is left."""
    at = {(defect.x, defect.y): defect for defect in new}
    pairs = {defect: at[defect.x, defect.y] for defect in old if (defect.x, defect.y) in at}
    taken, places = set(pairs.values()), DefectIndex(new)
    for defect in old:
        if defect in pairs:
            continue
        other = next((other for other in places.near(defect) if other not in taken), None)
        if other is not None:
            pairs[defect] = other
            taken.add(other)
    return pairs


def _compared(old: Defect, new: Defect) -> Difference | None:
    """Return how an entry that both maps list changed; None if it did not."""
    if new.until is not None:
        return Difference(Change.HEALED, old, new, "gone in its photos") if old.until is None else None
    back = "back again" if old.until is not None else ""
    if back or kind_changed(old, new) or changed_strength(old, new):
        return Difference(Change.CHANGED, old, new, back)
    return None


def _lost(entry: Entry, old: SensorMap, new: SensorMap) -> Difference | None:
    """Say what became of an entry that the new map does not list; None if it was gone before."""
    if entry.until is not None:
        return None
    first, last = old.frames.first, new.frames.last
    earlier = first is not None and last is not None and last <= first
    why = "earlier photos" if earlier else unseen(entry, listed=old, looked=new)
    return Difference(Change.NOT_SEEN if why else Change.HEALED, entry, None, why)


def _found(entry: Entry, old: SensorMap, new: SensorMap) -> Difference:
    """Return an entry that only the new map lists, saying if it may be as old as the old map's photos."""
    why = unseen(entry, listed=new, looked=old)
    if why == APPEARED_LATER:
        why = ""
    elif why not in ("", BY_HAND):
        why = f"may be older: {why}"
    return Difference(Change.NEW, None, entry, why)


def _line_differences(
    old: SensorMap,
    new: SensorMap,
    was: LineIndex,
    now: LineIndex,
    *,
    left: Sequence[Defect],
    added: Sequence[Defect],
) -> list[Difference | None]:
    """Return what became of columns and rows.

    Parameters
    ----------
    old, new, was, now
        Both maps, and the lines of both by place.
    left, added
        The single defects of either map that the other has not.
    """
    joined, split = _held(left, now), _held(added, was)
    found: list[Difference | None] = []
    for line in new.lines:
        partner, singles = next(iter(was.near(line)), None), joined[line]
        if partner is not None:
            found.append(_compared_lines(partner, line, joined=singles, split=split[partner]))
        elif singles:
            found.append(Difference(Change.CHANGED, None, line, f"was {_singles(singles)}"))
        else:
            found.append(_found(line, old, new))
    for line in old.lines:
        if now.near(line):
            continue
        singles = split[line]
        gone = Difference(Change.CHANGED, line, None, f"now {_singles(singles)}") if singles else _lost(line, old, new)
        found.append(gone)
    return found


def _held(defects: Sequence[Defect], lines: LineIndex) -> dict[LineEntry, int]:
    """Count the defects in each line."""
    counts: dict[LineEntry, int] = defaultdict(int)
    for defect in defects:
        for line in lines.near(defect)[:1]:
            counts[line] += 1
    return counts


def _compared_lines(old: LineEntry, new: LineEntry, *, joined: int, split: int) -> Difference | None:
    """Return how a line that both maps list changed; None if it did not."""
    if new.until is not None and old.until is None:
        return Difference(Change.HEALED, old, new, "gone in its photos")
    why = ["back again"] if old.until is not None and new.until is None else []
    if max(abs(old.first - new.first), abs(old.last - new.last)) > LINE_ENDS:
        why.append(f"was {old.first} to {old.last}")
    if joined:
        why.append(f"took in {_singles(joined)}")
    if split:
        why.append(f"{_singles(split)} left of it")
    if why or kind_changed(old, new) or changed_strength(old, new):
        return Difference(Change.CHANGED, old, new, ", ".join(why))
    return None


def _singles(number: int) -> str:
    return f"{number} single defect{'' if number == 1 else 's'}"
