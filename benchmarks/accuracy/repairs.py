"""How good the methods of repair are: healthy photosites of photos, held out and compared with what they show.

Run ``python -m benchmarks.accuracy.repairs PHOTO ... [--profile nikon-d80]``. Photos of a generated series can also be
compared with the light that fell on each photosite, without its noise: ``--seed 311 --scenes FOLDER`` say which series
it is.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fixtures.camera.sensor import SATURATION, ideal_response, make_body
from fixtures.scenes.scenes import choose_view, find_photographs, read_scene, render
from fixtures.series import FULL_SIZE, Recipe, plan_shots
from sensormap.camera.cfa import Cfa
from sensormap.camera.profile_files import get_profile
from sensormap.correct.methods.held_out import COUNT, hold_out, noise_at, quality
from sensormap.correct.methods.new_values import repair
from sensormap.correct.methods.registry import INTERPOLATIONS
from sensormap.decode.reading import open_geometry, read_frame
from sensormap.frame import Mosaic
from sensormap.photos.exif import read_photo

Targets = NDArray[np.int64]
Light = Callable[[str, Targets], NDArray[np.float64]]

_COLUMNS = 4  # of a photo, single ones and pairs
_CLUSTERS = 400
_SEEDED_FRAMES = 60


@dataclass(frozen=True)
class Opened:
    """The active area of a photo."""

    name: str
    mosaic: Mosaic
    cfa: Cfa
    clipping: tuple[int, int]


@dataclass(frozen=True)
class Errors:
    """Errors of one method in one photo, DN, and the noise of the same photosites."""

    method: str
    dn: NDArray[np.float64]
    sigma: NDArray[np.float64]


def open_photo(path: Path, profile: str | None) -> Opened:
    """Decode a photo."""
    geometry = open_geometry(path, get_profile(profile) if profile else None)
    frame = read_frame(read_photo(path), geometry)
    area = geometry.active_area
    clipping = frame.floor, frame.saturation
    return Opened(path.name, frame.mosaic[area.slices], geometry.cfa.shifted(x=area.x, y=area.y), clipping)


def shapes(photo: Opened) -> Iterator[tuple[str, Targets]]:
    """Yield what is missing at a time: single photosites, clusters, columns, pairs of columns."""
    height, width = photo.mosaic.shape
    empty = np.zeros((height, width), bool)

    def chosen(count: int) -> Targets:
        return hold_out(photo.mosaic, empty, photo.cfa.step, clipping=photo.clipping, count=count)

    yield "single photosites", chosen(COUNT)
    block = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"), axis=-1).reshape(-1, 2)
    centres = chosen(_CLUSTERS)
    inner = centres[((centres > 0) & (centres < np.array([height, width]) - 1)).all(axis=1)]
    yield "clusters of 3 x 3", (inner[:, None] + block).reshape(-1, 2)
    for wide, name in ((1, "columns"), (2, "pairs of adjacent columns")):
        cols = np.linspace(0, width - 1, _COLUMNS // wide + 2).astype(int)[1:-1]
        lines = [np.stack([np.arange(height), np.full(height, col + i)], axis=1) for col in cols for i in range(wide)]
        yield name, np.concatenate(lines)


def compare(photo: Opened, targets: Targets, light: Light | None) -> tuple[list[Errors], list[Errors]]:
    """Return each method's errors against the values shown and, where known, against the light."""
    empty = np.zeros(photo.mosaic.shape, bool)
    shown = photo.mosaic[tuple(targets.T)]
    open_ = (shown > photo.clipping[0]) & (shown < photo.clipping[1])
    missing = empty.copy()
    missing[tuple(targets.T)] = True
    sigma = noise_at(photo.mosaic, missing, targets, photo.cfa.step, clipping=photo.clipping)
    true = light(photo.name, targets) if light else None
    errors, against_light = [], []
    for method in INTERPOLATIONS:
        values = repair(photo.mosaic, empty, targets, photo.cfa, method=method).values.astype(np.float64)
        errors.append(Errors(method, np.abs(values - shown)[open_], sigma[open_]))
        if true is not None:
            against_light.append(Errors(method, np.abs(values - true)[open_], sigma[open_]))
    if true is not None:
        errors.append(Errors("(light itself)", np.abs(true - shown)[open_], sigma[open_]))
    return errors, against_light


def light_of(seed: int, scenes: Path) -> Light:
    """Return what healthy photosites of a generated series would show without noise, by the name of the photo."""
    recipe = Recipe(_SEEDED_FRAMES, FULL_SIZE, seed, scenes=scenes)
    shots, body = plan_shots(recipe), make_body(recipe.shape, seed)
    seen = [read_scene(path) for path in find_photographs(scenes)]

    def light(name: str, targets: Targets) -> NDArray[np.float64]:
        frame = int(re.findall(r"\d+", name)[-1]) - 1
        look = np.random.default_rng([seed, frame, 0x100C])
        scene = seen[int(look.integers(len(seen)))]
        rendered = render(scene, choose_view(scene, recipe.shape, look), recipe.shape)
        middle = max(float(np.median(rendered[::16, ::16])), 1e-6)
        exposure = shots[frame].exposure
        rendered *= np.float32(shots[frame].brightness * SATURATION / exposure.gain / middle)
        return ideal_response(rendered, body, exposure, targets[:, 0], targets[:, 1])

    return light


def table(title: str, photos: list[list[Errors]]) -> None:
    """Print one table: all photos' errors together, and in how many the median is at most 0.9 times the mean's."""
    print(f"\n### {title}\n")
    heads = ("median DN", "95 % DN", "median σ", "95 % σ", "median ÷ mean's", "95 % ÷ mean's", "photos at most 0.9")
    print(f"| method | {' | '.join(heads)} |")
    print(f"| --- |{' ---: |' * len(heads)}")
    order = [errors.method for errors in photos[0]]
    base = order.index("mean")
    pooled = []
    for i, method in enumerate(order):
        dn, sigma = (np.concatenate([getattr(errors[i], part) for errors in photos]) for part in ("dn", "sigma"))
        pooled.append(quality(method, dn, sigma))
    for i, one in enumerate(pooled):
        ratios = [ratio(errors[i], errors[base]) for errors in photos]
        cells = [f"{one.median_dn:.1f}", f"{one.high_dn:.1f}", f"{one.median_sigma:.3f}", f"{one.high_sigma:.2f}"]
        cells.append(f"{one.median_sigma / pooled[base].median_sigma:.3f}")
        cells.append(f"{one.high_sigma / pooled[base].high_sigma:.3f}")
        cells.append(f"{sum(value <= 0.9 for value in ratios)} of {len(ratios)}")
        print(f"| {one.method} | {' | '.join(cells)} |")
    print(f"\n{pooled[0].count} photosites of {len(photos)} photos; ratios of errors in σ.")


def ratio(errors: Errors, base: Errors) -> float:
    """Return the ratio of two medians, in sigmas: in whole DN medians are coarse."""
    median = float(np.median(base.dn / base.sigma))
    return float(np.median(errors.dn / errors.sigma)) / median if median else 1.0


def main() -> None:
    """Measure all the photos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--profile", help="of the photos; none: LibRaw's")
    parser.add_argument("--seed", type=int, help="of the generated series that the photos are of")
    parser.add_argument("--scenes", type=Path, help="folder of photographs that it shows")
    parser.add_argument("--by-photo", action="store_true", help="also list each photo")
    arguments = parser.parse_args()
    if (arguments.seed is None) != (arguments.scenes is None):
        parser.error("--seed and --scenes belong together")
    light = light_of(arguments.seed, arguments.scenes) if arguments.scenes else None
    shown: dict[str, list[list[Errors]]] = defaultdict(list)
    unlit: dict[str, list[list[Errors]]] = defaultdict(list)
    for path in arguments.photos:
        photo = open_photo(path, arguments.profile)
        for shape, targets in shapes(photo):
            start = time.perf_counter()
            errors, against_light = compare(photo, targets, light)
            took = time.perf_counter() - start
            if not errors[0].dn.size:
                continue
            shown[shape].append(errors)
            if against_light:
                unlit[shape].append(against_light)
            if arguments.by_photo:
                found = ", ".join(f"{one.method} {ratio(one, errors[1]):.3f}" for one in errors)
                print(f"{photo.name}, {shape}: {found} of the mean's {np.median(errors[1].dn):.1f} DN ({took:.1f} s)")
    for shape, photos in shown.items():
        table(f"{shape[0].upper()}{shape[1:]}, against what they showed", photos)
    for shape, photos in unlit.items():
        table(f"{shape[0].upper()}{shape[1:]}, against the light without noise", photos)


if __name__ == "__main__":
    main()
