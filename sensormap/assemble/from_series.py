"""Entries of a map: diagnoses of followed series as defects, with the camera's times and the sensor's coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.evidence import Clock
from sensormap.camera.geometry import Sensor
from sensormap.diagnose.kind_and_strengths import Diagnosis
from sensormap.diagnose.series import Series
from sensormap.maps.entries import Defect, Interval, rounded


def make_defects(
    places: NDArray[np.int64],
    confidence: NDArray[np.float64],
    diagnoses: Sequence[Diagnosis],
    *,
    series: Series,
    sensor: Sensor,
    clock: Clock,
) -> list[Defect]:
    """Return N followed photosites as entries of the map, in the order given.

    Parameters
    ----------
    places
        Positions ``row * W + col`` in the active area, ``(N,)``.
    confidence
        Probability that each is a defect, ``(N,)``.
    diagnoses
        Diagnosis of each.
    series
        Series of each.
    sensor
        Geometry.
    clock
        Capture times of the followed frames.
    """
    defects = []
    rows, cols = np.divmod(places, sensor.active_area.width)
    for i, found in enumerate(diagnoses):
        x, y = int(cols[i]) + sensor.active_area.x, int(rows[i]) + sensor.active_area.y
        mean, variance = _moments(series.value[i, series.known[i]].astype(np.int64))
        defects.append(
            Defect(
                x=x,
                y=y,
                plane=sensor.cfa.plane_name(x=x, y=y),
                confidence=rounded(float(confidence[i]), digits=4),
                score=rounded(found.score, digits=4),
                mean=rounded(mean),
                variance=rounded(variance),
                jpeg=sensor.jpeg_pixel(x, y),
                **told_facts(found, clock),
            )
        )
    return defects


def told_facts(found: Diagnosis, clock: Clock) -> dict[str, Any]:
    """Return what a diagnosis says of an entry, by the names that it has there: kinds, strengths, onset and end.

    Parameters
    ----------
    found
        Diagnosis of a photosite, or of a line.
    clock
        Capture times of the followed frames.
    """
    onset, until = clock.between(found.onset), clock.between(found.until)
    jumps = clock.within_a_day(onset, until)
    diagnosis, until = (found.jumping(), None) if jumps else (found, until)
    return {
        "kind": diagnosis.kind,
        **{name: _rounded(interval) for name, interval in diagnosis.strengths.items()},
        "unresolved": diagnosis.unresolved,
        "or_kinds": diagnosis.or_kinds,
        "onset": onset,
        "until": until,
        "seen": (diagnosis.seen, diagnosis.due),
    }


def _moments(values: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and population variance of raw values, from exact integers."""
    n, total = values.size, int(values.sum())
    return total / n, (n * int(values @ values) - total**2) / n**2


def _rounded(interval: tuple[float, float, float]) -> Interval:
    """Round an interval to what its width deserves, without making it narrower than it is by more than a hundredth."""
    value, low, high = interval
    unit = max((high - low) / 200, 1e-9)
    digits = -int(np.floor(np.log10(unit)))
    value, low, high = (round(float(number), digits) + 0.0 for number in (value, low, high))
    return value, min(low, value), max(high, value)
