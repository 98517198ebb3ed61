"""Details of a run to test with: series and surroundings of the defects of a map, made up or hostile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from sensormap.assemble.details.values import (
    BIN_LIMIT,
    BINS_PER_SIGMA,
    TILE,
    DetailedMap,
    EntrySeries,
    PhotoFacts,
    PlaneScores,
    RunDetails,
    Surroundings,
    ranked_defects,
    strongest_defects,
)
from sensormap.camera.cfa import Cfa
from sensormap.camera.geometry import Rect, Sensor
from sensormap.maps.entries import Between, Column, Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap
from tests.support.maps import full_map

SATURATION = 3880.0
FIRST = datetime(2010, 5, 2, 12)
HOSTILE = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">'\"&amp;\u202e\x1b[31m\x00"
"""What must be shown and not run, wherever a file may hold text."""


def some_details(sensor_map: SensorMap, *, photos: int = 40, noun: str = "raw photo", name: str = "DSC") -> RunDetails:
    """Return details of a map's strongest defects, in photos a day apart."""
    rng = np.random.default_rng(5)
    ranked = ranked_defects(sensor_map)
    shown = [ranked[rank] for rank in strongest_defects(ranked)]
    facts = tuple(
        PhotoFacts(f"{name}_{n:04}.NEF", FIRST + timedelta(days=n), 2.0 ** (n % 16 - 12), 100 << n % 4)
        for n in range(photos)
    )
    counts = np.zeros(2 * BIN_LIMIT * BINS_PER_SIGMA + 1, np.int64)
    counts[120:137] = 4000 * np.exp(-(((np.arange(17) - 8) / 3) ** 2) / 2)
    counts[[10, 200]] = 1
    return RunDetails(
        noun=noun,
        photos=facts,
        followed=np.arange(0, photos, 2),
        gain=np.array([(one.iso or 100) / 100 for one in facts[::2]]),
        saturation=np.full(len(facts[::2]), SATURATION),
        series=tuple(_series(defect, len(facts[::2]), rng) for defect in shown),
        surroundings=tuple(
            Surroundings(one.x, one.y, rng.integers(-9, 9, (TILE, TILE)).astype(np.int8)) for one in shown
        ),
        planes=tuple(PlaneScores(plane.name, counts, 0.0, 0.2, 1.4) for plane in sensor_map.sensor.cfa.planes),
        warnings=("only a test",),
    )


def _series(defect: Defect, count: int, rng: np.random.Generator) -> EntrySeries:
    level = rng.uniform(50, 2000, count).astype(np.float32)
    value = np.minimum(level + rng.exponential(300, count), SATURATION).astype(np.float32)
    return EntrySeries(defect.x, defect.y, value, level, np.full(count, 12, np.float32), rng.random(count) > 0.1)


def many_defects(count: int, *, size: tuple[int, int] = (3904, 2616), seed: int = 3) -> SensorMap:
    """Return a map of so many defects of all kinds, some of them in clusters, and a column."""
    rng = np.random.default_rng(seed)
    sensor = Sensor(size, Rect(0, 0, *size), Cfa("GBRG"), Rect(16, 12, size[0] - 32, size[1] - 24))
    places = rng.choice(size[0] * size[1], count, replace=False)
    kinds = [DefectKind.HOT] * 3 + list(DefectKind)
    defects = []
    for number, place in enumerate(np.sort(places).tolist()):
        y, x = divmod(place, size[0])
        kind = kinds[number % len(kinds)]
        later = FIRST + timedelta(days=number % 900)
        defects.append(
            Defect(
                x=x,
                y=y,
                plane=sensor.cfa.plane_name(x=x, y=y),
                kind=kind,
                confidence=round(float(rng.uniform(0.8, 0.999)), 4),
                score=round(float(rng.gamma(6, 3)) + 4, 2),
                mean=round(float(rng.uniform(5, 3000)), 1),
                variance=round(float(rng.uniform(5, 3000)), 1),
                jpeg=sensor.jpeg_pixel(x, y),
                onset=Between(None, None) if number % 3 else Between(later - timedelta(days=3), later),
                seen=(40, 41),
                cluster=number // 2 + 1 if number < 20 else None,
                **_strengths(kind, float(rng.gamma(2, 60))),
            )
        )
    frames = replace(full_map().frames, first=FIRST, last=FIRST + timedelta(days=900), clock_jumps=0)
    column = Column(1367, 501, 1155, "B+Gr", DefectKind.WEAK, 0.99, -14.0, 5)
    kept = tuple(one for one in defects if not (one.x == 1367 and 501 <= one.y <= 1155))
    return replace(
        full_map(), sensor=sensor, frames=frames, columns=(column,), rows=(), defects=kept, false_positives=0.3
    )


def _strengths(kind: DefectKind, size: float) -> dict[str, tuple[float, float, float]]:
    if kind == DefectKind.HOT:
        return {"dark_dn_per_s": (size, 0.9 * size, 1.1 * size)}
    if kind in (DefectKind.OFFSET, DefectKind.COLD):
        offset = -size if kind == DefectKind.COLD else size
        return {"offset_dn": (offset, offset - 2, offset + 2)}
    if kind in (DefectKind.WEAK, DefectKind.OVERRESPONSIVE):
        response = 0.6 if kind == DefectKind.WEAK else 1.4
        return {"response": (response, response - 0.05, response + 0.05)}
    return {}


def detailed(sensor_map: SensorMap, **options) -> DetailedMap:
    """Return a map with made-up details."""
    return DetailedMap(sensor_map, (some_details(sensor_map, **options),))
