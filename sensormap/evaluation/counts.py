"""What became of planted defects: how many were found, named and dated right, by kind and by how clearly they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sensormap.evaluation.planting import Planted
from sensormap.maps.entries import STRENGTHS, Between, Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap

SHOWS_SIGMA = 3.0
"""A defect shows in a frame where it changes the value by more than so many standard deviations of the noise."""

CLASSES = ("strong", "some", "faint")
"""Defects that show in at least half of the frames since they appeared, in at least three frames, in fewer."""

_SOME = 3  # frames

# Kinds that have strengths.
_LINEAR = (DefectKind.HOT, DefectKind.OFFSET, DefectKind.WEAK, DefectKind.COLD, DefectKind.OVERRESPONSIVE)


@dataclass(frozen=True)
class Trace:
    """How clearly one planted defect shows: the number of its frames, and of those in which it shows."""

    frames: int
    beyond: int

    @property
    def name(self) -> str:
        """One of `CLASSES`."""
        if 2 * self.beyond >= self.frames > 0:
            return "strong"
        return "some" if self.beyond >= _SOME else "faint"


@dataclass(frozen=True)
class Share:
    """So many out of so many."""

    right: int
    of: int


@dataclass(frozen=True)
class Evaluation:
    """The result of one evaluation.

    Parameters
    ----------
    recall
        Found out of planted, by class and kind.
    kinds
        Numbers of strong defects found, by planted kind and the kind that the map gives.
    false
        (x, y) of entries that were neither planted nor in the map of the photos as they are; columns and rows by their
        first photosite.
    lost
        Number of entries of that map that are missing in the map of the planted frames.
    onset
        Intervals that hold the first frame, out of those of strong ones found.
    strengths
        Intervals that hold the true strength, out of those of strong ones found, by name.
    own
        Number of the photos' own entries.
    expected_false
        Number of false entries that the map of the planted frames itself expects.
    """

    recall: dict[tuple[str, DefectKind], Share]
    kinds: dict[tuple[DefectKind, DefectKind], int]
    false: tuple[tuple[int, int], ...]
    lost: int
    onset: Share
    strengths: dict[str, Share]
    own: int
    expected_false: float | None

    def total(self, name: str) -> Share:
        """Return found out of planted in a class, of all kinds."""
        shares = [share for (one, _), share in self.recall.items() if one == name]
        return Share(sum(share.right for share in shares), sum(share.of for share in shares))

    @property
    def precision(self) -> Share:
        """Planted entries out of all that are not the photos' own."""
        found = sum(self.total(name).right for name in CLASSES)
        return Share(found, found + len(self.false))


def compare(planted: Sequence[Planted], traces: Sequence[Trace], before: SensorMap, after: SensorMap) -> Evaluation:
    """Compare the map of the planted frames with what was planted and with the map of the photos as they are.

    Parameters
    ----------
    planted, traces
        Planted defects, and how clearly each shows.
    before, after
        The two maps.
    """
    area = after.sensor.active_area
    at = {(one.col + area.x, one.row + area.y): one for one in planted}
    entries = {(defect.x, defect.y): defect for defect in after.defects}
    own, covered = bad_places(before), bad_places(after)
    recall: dict[tuple[str, DefectKind], Share] = {}
    kinds: dict[tuple[DefectKind, DefectKind], int] = {}
    strong: list[tuple[Planted, Defect]] = []
    for (place, one), trace in zip(at.items(), traces, strict=True):
        entry = entries.get(place)
        share = recall.get((trace.name, one.kind), Share(0, 0))
        recall[trace.name, one.kind] = Share(share.right + (place in covered), share.of + 1)
        if entry is not None and trace.name == "strong":
            strong.append((one, entry))
            kinds[one.kind, entry.kind] = kinds.get((one.kind, entry.kind), 0) + 1
    return Evaluation(
        recall=dict(sorted(recall.items(), key=lambda item: (CLASSES.index(item[0][0]), item[0][1]))),
        kinds=dict(sorted(kinds.items())),
        false=tuple(sorted({*set(entries) - set(at) - own, *_starts(after, own)})),
        lost=sum((defect.x, defect.y) not in covered for defect in before.defects) + len(_starts(before, covered)),
        onset=_onsets(strong, after.frames.first),
        strengths={name: _held(strong, name) for name in STRENGTHS},
        own=len(before.defects) + len(before.lines),
        expected_false=after.false_positives,
    )


def bad_places(sensor_map: SensorMap) -> set[tuple[int, int]]:
    """Return (x, y) of all defects of a map and of the photosites of its columns and rows."""
    return set(sensor_map.photosites())


def _starts(sensor_map: SensorMap, other: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where the columns and rows begin of which less than half is bad in another map too."""
    cfa = sensor_map.sensor.cfa
    places = [list(line.photosites(cfa)) for line in sensor_map.lines]
    return [line[0] for line in places if line and 2 * sum(place in other for place in line) < len(line)]


def _onsets(strong: Sequence[tuple[Planted, Defect]], start: datetime | None) -> Share:
    """Count the onsets that hold the truth, of those in the map."""
    dated = [(one, entry.onset) for one, entry in strong if entry.onset is not None]
    return Share(sum(_holds(onset, one.born or start, start) for one, onset in dated), len(dated))


def _holds(onset: Between, born: datetime | None, start: datetime | None) -> bool:
    """Tell whether an interval holds the first frame that has a defect; the first frame of all is from `start`."""
    if born is None or start is None:  # without times nothing is dated
        return False
    if onset.by is None:
        return born <= start
    return (onset.after is None or born > onset.after) and born <= onset.by


def _held(strong: Sequence[tuple[Planted, Defect]], name: str) -> Share:
    """Count the intervals that hold the true strength, of those given for defects of the right kind."""
    given = [
        (getattr(one, name), interval)
        for one, entry in strong
        if entry.kind == one.kind in _LINEAR and (interval := getattr(entry, name)) is not None
    ]
    return Share(sum(low <= truth <= high for truth, (_, low, high) in given), len(given))
