"""Shutter times as people write them, and how many defects are visible at one."""

from __future__ import annotations

import re

from sensormap.maps.sensor_map import SensorMap
from sensormap.report.table import shutter_text

_NUMBER = r"(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_SHUTTER = re.compile(rf"(?:({_NUMBER})/)?({_NUMBER}) ?s?")


def parse_shutter(text: str) -> float:
    """Return a shutter time in seconds.

    Parameters
    ----------
    text
        As cameras and people write it: ``1/60``, ``0.5``, ``30``, with or without an ``s``.

    Raises
    ------
    ValueError
        If it is no time above 0.

    Examples
    --------
    >>> parse_shutter("1/4"), parse_shutter("30 s")
    (0.25, 30.0)
    """
    match = _SHUTTER.fullmatch(text.strip())
    over, under = (float(part) if part else None for part in match.groups()) if match else (None, None)
    seconds = under if over is None else over / under if under else None
    if not seconds:
        msg = f"{text[:40]!r} is not a shutter time such as 1/60, 0.5 or 30 (seconds)"
        raise ValueError(msg)
    return seconds


def visible_title(sensor_map: SensorMap, shown: int, *, shutter_s: float, iso: int) -> str:
    """Return how many defects of how many are visible at which exposure."""
    return f"{shown} of {len(sensor_map.defects)} defects visible at {shutter_text(shutter_s)}, ISO {iso}"
