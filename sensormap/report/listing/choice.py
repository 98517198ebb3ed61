"""Which entries of a map are asked for: by kind, by plane, by when they were first seen."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sensormap.errors import PlaneError
from sensormap.maps.entries import Between, Defect, DefectKind, Entry
from sensormap.maps.sensor_map import SensorMap

_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


@dataclass(frozen=True)
class Choice:
    """What entries of a map have to be, to be listed.

    Parameters
    ----------
    kinds
        Kinds; of an entry that may be of several, one is enough. None are all.
    planes
        Names of colour planes, capitals or not; a column or row has to cross one of them. None are all.
    since
        Day on which, or after which, the first photo that shows it was taken. What was there from the first photo on,
        and what the map does not tell, is then left out.
    """

    kinds: Collection[DefectKind] = ()
    planes: Collection[str] = ()
    since: date | None = None

    def of(self, sensor_map: SensorMap) -> SensorMap:
        """Return a map with the chosen entries only.

        Raises
        ------
        PlaneError
            If the sensor has no such plane.
        """
        names = tuple(dict.fromkeys(plane.name for plane in sensor_map.sensor.cfa.planes))
        if unknown := [plane for plane in self.planes if plane.lower() not in map(str.lower, names)]:
            msg = f"the map's sensor has no plane {unknown[0][:20]!r}; --plane takes {', '.join(names)}"
            raise PlaneError(msg)
        return sensor_map.part(
            (defect for defect in sensor_map.defects if self._takes(defect)),
            columns=(column for column in sensor_map.columns if self._takes(column)),
            rows=(row for row in sensor_map.rows if self._takes(row)),
        )

    def text(self) -> str:
        """Say what is asked for; "" if that is everything.

        Examples
        --------
        >>> Choice([DefectKind.HOT, DefectKind.OFFSET], ["R"], date(2010, 5, 1)).text()
        'hot or offset, plane R, since 2010-05-01'
        """
        parts = (
            " or ".join(self.kinds),
            f"plane {' or '.join(self.planes)}" if self.planes else "",
            f"since {self.since}" if self.since else "",
        )
        return ", ".join(filter(None, parts))

    def _takes(self, entry: Entry) -> bool:
        kinds = (entry.kind, *(entry.or_kinds if isinstance(entry, Defect) else ()))
        planes = entry.plane.lower().split("+")
        return (
            (not self.kinds or any(kind in kinds for kind in self.kinds))
            and (not self.planes or any(plane.lower() in planes for plane in self.planes))
            and (self.since is None or _seen_first(entry.onset, self.since))
        )


def _seen_first(onset: Between | None, since: date) -> bool:
    """Tell whether something was seen first on a day or later."""
    if onset is None:
        return False
    first = onset.by or onset.after  # of an imported list the day after which is known, and not the first photo
    return first is not None and first.date() >= since


def parse_day(text: str) -> date:
    """Return a day; of a month or a year the first one.

    Parameters
    ----------
    text
        Such as ``2010-05-02``, ``2010-05`` or ``2010``.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> parse_day("2010-05"), parse_day("2010")
    (datetime.date(2010, 5, 1), datetime.date(2010, 1, 1))
    """
    match = _DAY.fullmatch(text.strip())
    try:
        if match:
            return date(*(int(part or 1) for part in match.groups()))
    except ValueError:  # no such day
        pass
    msg = f"{text[:40]!r} is not a day such as 2010-05-02, a month such as 2010-05, or a year"
    raise ValueError(msg)
