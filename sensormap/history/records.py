"""What of a map its history needs, and which of several maps of one body is used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sensormap.camera.profile import Body
from sensormap.maps.entries import Between, DefectKind, FrameSummary
from sensormap.maps.sensor_map import SensorMap

KINDS = (*(str(kind) for kind in DefectKind), "column", "row")
"""What is counted: defects by kind; columns and rows, each as one whatever its kind."""


@dataclass(frozen=True)
class Life:
    """What an entry of a map is, one of `KINDS`, and when it began and ended, as in `Defect`."""

    kind: str
    onset: Between | None
    until: Between | None = None


@dataclass(frozen=True)
class Record:
    """What of a map counts here, so that thousands of maps fit into memory.

    Parameters
    ----------
    name
        Name of the map, for people.
    body, frames
        As in `SensorMap`.
    lives
        How many entries have each life; of many defects that appeared between the same two photos there is one.
    """

    name: str
    body: Body
    frames: FrameSummary
    lives: Mapping[Life, int]

    @property
    def observed(self) -> tuple[datetime, datetime] | None:
        """Capture times of the first and the last photo; None where unknown."""
        first, last = self.frames.first, self.frames.last
        return None if first is None or last is None else (min(first, last), max(first, last))


def record_of(sensor_map: SensorMap, name: str) -> Record:
    """Return what of a map counts."""
    lives = Counter(Life(str(defect.kind), defect.onset, defect.until) for defect in sensor_map.defects)
    lives.update(Life(line.noun, line.onset) for line in sensor_map.lines)
    return Record(name, sensor_map.body, sensor_map.frames, lives)


def newest_of_each_body(records: Iterable[Record]) -> list[tuple[Record, tuple[str, ...]]]:
    """Return the map to use of each body, by body, each with the names of the body's other maps.

    Parameters
    ----------
    records
        Maps of one or many bodies; those without a serial number count as one body of their make and model.

    Notes
    -----
    It is the map whose last photo is the latest, of several such that of most photos. The order of `records` does not
    matter.
    """
    bodies: dict[Body, list[Record]] = defaultdict(list)
    for record in records:
        bodies[record.body].append(record)
    chosen = []
    for body in sorted(bodies):
        # Maps that agree in all of this are of the same photos: then the first name decides.
        ranked = sorted(bodies[body], key=lambda one: (one.name, one.frames.digest, repr(one.lives)))
        ranked.sort(key=lambda one: (one.frames.last or datetime.min, one.frames.used), reverse=True)
        chosen.append((ranked[0], tuple(sorted(one.name for one in ranked[1:]))))
    return chosen
