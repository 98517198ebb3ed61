"""Lines: columns and rows planted into real or generated raw photos as they are decoded, and what a map says of them.

Run ``python -m benchmarks.accuracy.lines PHOTOS... --seed 1 2 3``. Half of the lines are faint; half appear during the
series. Beside them stand edges: stretches that two to four frames alone show, as the scene may make them. A map may list
none of these.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensormap import Options, map_defects
from sensormap.camera.profile import Profile
from sensormap.decode.reading import read_frame
from sensormap.frame import Frame, Photo
from sensormap.maps.entries import LineEntry
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.finding import find_photos
from sensormap.photos.select import read_photos

KINDS = {
    "offset": ("offset_dn", 0.7, 30.0),
    "hot": ("dark_dn_per_s", 20.0, 2000.0),
    "weak": ("response", 0.004, 0.2),
    "overresponsive": ("response", 0.004, 0.2),
}
"""Kinds, the key of their strength in a map, and least and largest strength: DN, DN per second, share lost or gained."""

_SHORTEST, _LONGEST = 120, 1500
_APART = 60  # photosites between lines of one axis
_EDGE_SIGMA = (2.0, 6.0)  # of a frame's typical noise


@dataclass(frozen=True)
class PlantedLine:
    """A line of the active area; an edge has frames, and no others."""

    axis: str
    place: int
    first: int
    last: int
    kind: str
    strength: float
    born: int
    frames: tuple[int, ...] = ()

    def part(self, active: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return its photosites as a view."""
        turned = active if self.axis == "column" else active.T
        return turned[self.first : self.last + 1, self.place]


def plant(shape: tuple[int, int], frames: int, rng: np.random.Generator, *, lines: int, edges: int) -> list[PlantedLine]:
    """Draw lines and edges."""
    found: list[PlantedLine] = []
    while len(found) < lines + edges:
        axis = "column" if rng.random() < 0.5 else "row"
        length, number = shape if axis == "column" else shape[::-1]
        size = int(rng.integers(_SHORTEST, min(_LONGEST, length)))
        first, place = int(rng.integers(0, length - size)), int(rng.integers(0, number))
        if any(one.axis == axis and abs(one.place - place) < _APART for one in found):
            continue
        ends = (axis, place, first, first + size - 1)
        if len(found) >= lines:
            shown = tuple(sorted(rng.choice(frames, int(rng.integers(2, 5)), replace=False).tolist()))
            found.append(PlantedLine(*ends, "edge", float(rng.choice([-1, 1]) * rng.uniform(*_EDGE_SIGMA)), 0, shown))
            continue
        kind = str(rng.choice([*KINDS]))
        _, low, high = KINDS[kind]
        strength = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        born = int(rng.integers(1, int(0.85 * frames))) if rng.random() < 0.5 else 0
        found.append(PlantedLine(*ends, kind, strength, born))
    return found


class Planter:
    """Decodes photos and plants lines into them."""

    def __init__(self, lines: list[PlantedLine], numbers: dict[Path, int], seed: int) -> None:
        self._lines, self._numbers, self._seed = lines, numbers, seed

    def __call__(self, photo: Photo, profile: Profile) -> Frame:
        """Return the photo's frame with the lines in it."""
        frame, number = read_frame(photo, profile), self._numbers[Path(photo.path)]
        mosaic = frame.mosaic.copy()
        active = mosaic[profile.active_area.slices]
        gain, shutter_s = photo.exposure.gain or 1.0, photo.exposure.shutter_s or 0.0
        for i, line in enumerate(self._lines):
            if number < line.born or (line.frames and number not in line.frames):
                continue
            rng = np.random.default_rng([self._seed, number, i])
            own = line.part(active)
            light = np.maximum(own, 0.0)
            if line.kind == "edge":
                typical = 1.4826 * np.median(np.abs(np.diff(own.astype(np.float64)[::2]))) / np.sqrt(2)
                effect = np.full(own.shape, line.strength * typical)
            elif line.kind in ("weak", "overresponsive"):
                effect = (-line.strength if line.kind == "weak" else line.strength) * light
            else:
                effect = np.full(own.shape, gain * line.strength * (shutter_s if line.kind == "hot" else 1.0))
            changed = np.floor(own + effect + rng.random(own.shape))
            clear = own < frame.saturation  # what clips stays clipped
            own[clear] = np.clip(changed, frame.floor, frame.saturation)[clear]
        return Frame(frame.photo, mosaic, frame.floor, frame.saturation, frame.digest)


def judge(found: SensorMap, lines: list[PlantedLine], scatter: NDArray[np.float64]) -> list[str]:
    """Return a line of text for each planted one, and for each entry of a map where none is planted."""
    area, text = found.sensor.active_area, []
    left = list(found.lines)
    for line, sigma in zip(lines, scatter, strict=True):
        across, along = (area.x, area.y) if line.axis == "column" else (area.y, area.x)
        own = [
            one
            for one in left
            if one.noun == line.axis and one.place == line.place + across and _overlap(one, line, along)
        ]
        for one in own:
            left.remove(one)
        what = f"{line.axis:6} {line.place:5} {line.last - line.first + 1:5} long, {line.kind:14} {line.strength:8.3f}"
        what += f" ({sigma:5.2f} sigma), from {line.born:2}"
        text.append(f"{what}: {'; '.join(_said(one, line, along) for one in own) or 'not listed'}")
    return text + [f"FALSE {one.noun} {one.place}, {one.first} to {one.last}: {one.kind}" for one in left]


def _overlap(one: LineEntry, line: PlantedLine, along: int) -> bool:
    return one.first <= line.last + along and line.first + along <= one.last


def _said(one: LineEntry, line: PlantedLine, along: int) -> str:
    ends = one.first - along - line.first, one.last - along - line.last
    key = KINDS.get(line.kind, ("offset_dn", 0, 0))[0]
    value = getattr(one, key)
    truth = line.strength
    if key == "response":
        truth = 1 - truth if line.kind == "weak" else 1 + truth
    right = "" if value is None else f" {key} {value} {'holds' if value[1] <= truth <= value[2] else 'MISSES'} {truth:.4g}"
    alike = " or ".join([one.kind, *one.or_kinds])
    return f"{alike}{'' if line.kind in alike else ' (WRONG)'}, ends {ends}, since {one.onset}, {one.seen}{right}"


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--lines", type=int, default=16)
    parser.add_argument("--edges", type=int, default=8)
    arguments = parser.parse_args()
    paths = find_photos(arguments.photos, images=False)
    photos, _ = read_photos(paths, jobs=2)
    ordered = sorted(photos, key=lambda photo: (photo.exposure.time is None, photo.exposure.time, str(photo.path)))
    numbers = {Path(photo.path): i for i, photo in enumerate(ordered)}
    plain = map_defects(paths, Options(jobs=2))
    area = plain.sensor.active_area
    for seed in arguments.seed:
        rng = np.random.default_rng(seed)
        lines = plant((area.height, area.width), len(photos), rng, lines=arguments.lines, edges=arguments.edges)
        planter = Planter(lines, numbers, seed)
        found = map_defects(paths, Options(jobs=2), read=planter)
        print(f"\nseed {seed}: {len(found.lines)} lines, {len(plain.lines)} before; false {found.false_positives}")
        for text in judge(found, lines, np.zeros(len(lines))):
            print(f"  {text}")


if __name__ == "__main__":
    main()
