"""In which order the defects of a map are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sensormap.errors import StrengthError
from sensormap.maps.entries import STRENGTHS, Defect, DefectKind, Source
from sensormap.maps.sensor_map import SensorMap

_Key = Callable[[Defect], tuple[float, ...]]
_KINDS = list(DefectKind)


@dataclass(frozen=True)
class Order:
    """An order of defects.

    Parameters
    ----------
    title
        Title of a table in that order.
    key
        Key to sort by, lowest first; those that are equal follow by row and column.
    strength
        Attribute that holds the strength to sort by; "" if it is none.
    """

    title: str
    key: _Key
    strength: str = ""


def _first_seen(defect: Defect) -> float:
    """Return seconds until a defect was first seen: latest first, then from the start, then unknown."""
    if defect.onset is None:
        return float("inf")
    time = defect.onset.by or defect.onset.after
    return -(time - datetime.min).total_seconds() if time else 1.0


def _by_strength(name: str, healthy: float = 0.0) -> _Key:
    """Return the key by which the largest strength comes first, whatever its sign, and unknown ones last."""

    def key(defect: Defect) -> tuple[float, ...]:
        strength = getattr(defect, name)
        return (-abs(strength[0] - healthy) if strength else 1.0,)

    return key


ORDERS = {
    "score": Order("Defects, strongest first", lambda defect: (-abs(defect.score),)),
    "dark": Order("Defects by dark current, largest first", _by_strength("dark_dn_per_s"), STRENGTHS[0]),
    "offset": Order("Defects by offset, largest first", _by_strength("offset_dn"), STRENGTHS[1]),
    "response": Order("Defects by response, furthest from 1 first", _by_strength("response", 1.0), STRENGTHS[2]),
    "since": Order("Defects, those seen last first", lambda defect: (_first_seen(defect), -abs(defect.score))),
    "kind": Order("Defects by kind, strongest first", lambda defect: (_KINDS.index(defect.kind), -abs(defect.score))),
    "place": Order("Defects from top to bottom", lambda _: ()),
}
"""The orders, by name."""


def in_order(defects: Iterable[Defect], by: str) -> list[Defect]:
    """Return defects in an order, one of `ORDERS`."""
    key = ORDERS[by].key
    return sorted(defects, key=lambda defect: (*key(defect), defect.y, defect.x))


def check_order(sensor_map: SensorMap, by: str) -> None:
    """Refuse to sort by strengths that a map does not hold.

    Raises
    ------
    StrengthError
        If it is of JPEGs, or was made without the second pass.
    """
    name = ORDERS[by].strength
    if not name or any(getattr(defect, name) for defect in sensor_map.defects) or not sensor_map.defects:
        return
    why = "made from JPEGs" if sensor_map.source == Source.JPEG else "whose photos tell none"
    msg = f"a map {why} holds no strengths of this sort, so it cannot be sorted by --sort {by}; --sort score can"
    raise StrengthError(msg)
