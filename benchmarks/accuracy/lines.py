"""Lines: columns and rows planted into real or generated raw photos as they are decoded, and what a map says of them.

Run ``python -m benchmarks.accuracy.lines PHOTOS... --seed 1 2 3``. Many of the lines are faint; half
appear during the series. Beside them stand edges: stretches that two to four frames alone show, as scenery may make
them. A map may list none of these.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
"""Kinds, the key of their strength in a map, least and largest strength: DN, DN per second, share lost or gained."""

_SHORTEST, _LONGEST = 120, 1500
_APART = 60  # photosites between lines of one axis
_EDGE_SIGMA = (2.0, 6.0)  # of a frame's typical noise
_CLASSES = ((0.3, "0.3 sigma and more"), (0.1, "0.1 to 0.3 sigma"), (0.0, "less than 0.1 sigma"))
_ENDS = 2  # photosites: an end is right that is so near


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

    @property
    def length(self) -> int:
        """Number of its photosites."""
        return self.last - self.first + 1

    def part(self, active: NDArray[Any]) -> NDArray[Any]:
        """Return its photosites as a view."""
        turned = active if self.axis == "column" else active.T
        return turned[self.first : self.last + 1, self.place]


def plant(
    shape: tuple[int, int], frames: int, rng: np.random.Generator, *, lines: int, edges: int
) -> list[PlantedLine]:
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
    """Decodes photos and plants lines into them.

    Attributes
    ----------
    shown
        Of each line, its mean effect in each frame that has it, in sigma of the frame's typical noise along it.
    """

    def __init__(self, lines: Sequence[PlantedLine], numbers: dict[str, int], seed: int) -> None:
        self._lines, self._numbers, self._seed = lines, numbers, seed
        self.shown: list[dict[int, float]] = [{} for _ in lines]

    def __call__(self, photo: Photo, profile: Profile) -> Frame:
        """Return the photo's frame with the lines in it."""
        frame, number = read_frame(photo, profile), self._numbers[str(photo.path)]
        mosaic = frame.mosaic.copy()
        active = mosaic[profile.active_area.slices]
        gain, shutter_s = photo.exposure.gain or 1.0, photo.exposure.shutter_s or 0.0
        for i, line in enumerate(self._lines):
            if number < line.born or (line.frames and number not in line.frames):
                continue
            rng, own = np.random.default_rng([self._seed, number, i]), line.part(active)
            typical = 1.4826 * float(np.median(np.abs(np.diff(own[::2].astype(np.float64))))) / np.sqrt(2)
            if line.kind == "edge":
                effect = np.full(own.shape, line.strength * typical)
            elif line.kind in ("weak", "overresponsive"):
                effect = (-line.strength if line.kind == "weak" else line.strength) * np.maximum(own, 0.0)
            else:
                effect = np.full(own.shape, gain * line.strength * (shutter_s if line.kind == "hot" else 1.0))
            self.shown[i][number] = float(np.mean(np.abs(effect))) / max(typical, 0.3)
            changed = np.floor(own + effect + rng.random(own.shape))
            clear = own < frame.saturation  # what clips stays clipped
            own[clear] = np.clip(changed, frame.floor, frame.saturation)[clear]
        return Frame(frame.photo, mosaic, frame.floor, frame.saturation, frame.digest)


def entries_of(found: SensorMap, line: PlantedLine) -> list[LineEntry]:
    """Return the entries of a map that overlap a planted line."""
    area = found.sensor.active_area
    across, along = (area.x, area.y) if line.axis == "column" else (area.y, area.x)
    return [
        one
        for one in found.lines
        if (one.noun, one.place) == (line.axis, line.place + across)
        and one.first <= line.last + along
        and line.first + along <= one.last
    ]


def judge(entry: LineEntry, line: PlantedLine, found: SensorMap, times: Sequence[datetime]) -> dict[str, bool]:
    """Tell what an entry says rightly of a planted line."""
    area = found.sensor.active_area
    along = area.y if line.axis == "column" else area.x
    ends = max(abs(entry.first - along - line.first), abs(entry.last - along - line.last))
    key = KINDS[line.kind][0]
    truth = {"weak": 1 - line.strength, "overresponsive": 1 + line.strength}.get(line.kind, line.strength)
    value, onset = getattr(entry, key), entry.onset
    told = {
        "kind": line.kind in (entry.kind, *entry.or_kinds),
        f"ends within {_ENDS} photosites": ends <= _ENDS,
        "not said to have healed": entry.until is None,
    }
    if value is not None:
        told["strength in its interval"] = bool(value[1] <= truth <= value[2])
    if onset is not None:
        born = times[line.born]
        after, by = onset.after or datetime.min, onset.by or times[0]
        told["onset in its interval"] = bool(after < born <= by or (line.born == 0 and onset.after is None))
    return told


def report(
    found: SensorMap, lines: Sequence[PlantedLine], sigmas: Sequence[float], times: Sequence[datetime]
) -> Counter[str]:
    """Print what a map says of each line, and return counts."""
    counts: Counter[str] = Counter()
    for line, sigma in zip(lines, sigmas, strict=True):
        entries = entries_of(found, line)
        what = f"{line.axis:6} {line.place:5}, {line.length:4} long, {line.kind:14} {line.strength:9.4g}"
        what = f"  {what} ({sigma:5.2f} sigma) from {line.born:2}"
        if line.kind == "edge":
            counts["edges"] += 1
            counts["edges listed"] += bool(entries)
            print(f"{what}: {'LISTED' if entries else 'not listed'}")
            continue
        size = next(name for least, name in _CLASSES if sigma >= least)
        counts[f"lines of {size}"] += 1
        counts[f"lines of {size} found"] += bool(entries)
        if not entries:
            print(f"{what}: not listed")
            continue
        told = judge(entries[0], line, found, times)
        for name, right in told.items():
            counts[name] += 1
            counts[f"{name} right"] += right
        wrong = [name for name, right in told.items() if not right]
        print(f"{what}: {entries[0].kind} {entries[0].seen}{', WRONG: ' + ', '.join(wrong) if wrong else ''}")
    return counts


def main() -> None:
    """Measure every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--profile", help="camera profile, as for map")
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--lines", type=int, default=12)
    parser.add_argument("--edges", type=int, default=8)
    arguments = parser.parse_args()
    photos, _ = read_photos(find_photos(arguments.photos, images=arguments.profile is not None), jobs=2)
    ordered = sorted(photos, key=lambda photo: (photo.exposure.time or datetime.min, str(photo.path)))
    paths = [str(photo.path) for photo in ordered]
    options = Options(jobs=2, profile=arguments.profile)
    plain = map_defects(paths, options)
    area, total = plain.sensor.active_area, Counter[str]()
    print(f"{len(paths)} photos, {len(plain.lines)} lines before")
    for seed in arguments.seed:
        rng = np.random.default_rng(seed)
        lines = plant((area.height, area.width), len(paths), rng, lines=arguments.lines, edges=arguments.edges)
        planter = Planter(lines, {path: i for i, path in enumerate(paths)}, seed)
        found = map_defects(paths, options, read=planter)
        print(f"\nseed {seed}: {len(found.lines)} lines")
        sigmas = [float(np.median([*shown.values()])) if shown else 0.0 for shown in planter.shown]
        counts = report(found, lines, sigmas, [photo.exposure.time or datetime.min for photo in ordered])
        matched = {id(one) for line in lines for one in entries_of(found, line)}
        before = {(one.noun, one.place) for one in plain.lines}
        false = [one for one in found.lines if id(one) not in matched and (one.noun, one.place) not in before]
        for one in false:
            print(f"  FALSE {one.noun} {one.place}, {one.first} to {one.last}: {one.kind}")
        counts["false lines"] = len(false)
        total.update(counts)
    print(f"\nall {len(arguments.seed)} seeds")
    for name, count in sorted(total.items()):
        print(f"  {name}: {count}")


if __name__ == "__main__":
    main()
