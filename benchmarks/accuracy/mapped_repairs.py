"""How far off the defects of a map are in generated photos, before and after each method of correction.

Run ``python -m benchmarks.accuracy.mapped_repairs PHOTOS MAP --seed 311 --scenes FOLDER``: mean absolute error against
the light that fell on each photosite, without its noise. What the map says appeared later, or does not show, is
left out.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.repairs import light_of
from sensormap.camera.profile_files import find_profile
from sensormap.correct.methods.registry import DIRECTIONAL, METHODS, SUBTRACT
from sensormap.correct.methods.targets import Levels
from sensormap.correct.nef import read_nef
from sensormap.correct.repairs import CorrectionTask, find_repairs
from sensormap.correct.selection import choose_defects
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.exif import read_photo

Values = dict[str, NDArray[np.float64]]
"""What photosites show, what the light would make them show, and what each method gives, DN, ``(N,)`` each."""

_SHOWN, _LIGHT = "before", "light"


def values_of(path: Path, sensor_map: SensorMap) -> tuple[list[str], NDArray[np.int64], Values]:
    """Return kinds, rows and columns, and values of the photosites that a photo needs repaired."""
    photo, nef = read_photo(path), read_nef(path.read_bytes(), path.name)
    if nef is None:
        msg = f"{path.name}: not a compressed 12-bit NEF"
        raise SystemExit(msg)
    cfa, area = sensor_map.sensor.cfa, sensor_map.sensor.active_area
    profile = find_profile(sensor_map.body)
    levels = Levels(cfa, (0,) * len(cfa.planes), int(nef.levels[-1])).of(profile)
    chosen = choose_defects(sensor_map, photo.exposure, of_raw=True)
    kinds = {(defect.y, defect.x): str(defect.kind) for defect in chosen.defects}
    values: Values = {}
    for method in METHODS:
        task = CorrectionTask(path.name, sensor_map, chosen, method, photo.exposure, profile)
        found = find_repairs(nef.values, area, levels, task)
        values[method] = found.values.astype(np.float64)
    values[_SHOWN] = nef.values[found.rows, found.cols].astype(np.float64)
    places = np.stack([found.rows, found.cols], axis=1)
    return [kinds.get((int(y), int(x)), "columns") for y, x in places], places, values


def table(rows: dict[str, list[Values]]) -> None:
    """Print a row for each group of photosites."""
    names = (_SHOWN, *METHODS)
    print(f"| | photosites | {' | '.join(names)} |")
    print(f"| --- |{' ---: |' * (len(names) + 1)}")
    for title, parts in sorted(rows.items()):
        light = np.concatenate([part[_LIGHT] for part in parts])
        errors = [np.abs(np.concatenate([part[name] for part in parts]) - light).mean() for name in names]
        print(f"| {title} | {light.size} | {' | '.join(f'{error:.1f}' for error in errors)} |")


def main() -> None:
    """Measure all the photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of NEFs")
    parser.add_argument("map", type=Path, help="map of their defects, from `sensormap map`")
    parser.add_argument("--seed", type=int, required=True, help="of the generated series")
    parser.add_argument("--scenes", type=Path, required=True, help="folder of photographs that it shows")
    arguments = parser.parse_args()
    sensor_map, light = read_map(arguments.map), light_of(arguments.seed, arguments.scenes)
    rows: dict[str, list[Values]] = defaultdict(list)
    for path in sorted(arguments.photos.glob("*.NEF")):
        kinds, places, values = values_of(path, sensor_map)
        values[_LIGHT] = light(path.name, places)
        named = np.array(kinds)
        groups = {kind: named == kind for kind in kinds}
        less = values[SUBTRACT] != values[DIRECTIONAL]
        groups |= {f"{kind}, subtracted": less & (named == kind) for kind in set(named[less])}
        groups |= {f"subtracted, ISO {read_photo(path).exposure.iso:5}": less} if less.any() else {}
        for title, some in groups.items():
            rows[title].append({name: part[some] for name, part in values.items()})
    table(rows)


if __name__ == "__main__":
    main()
