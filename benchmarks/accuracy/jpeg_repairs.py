"""How near to a JPEG without defects a corrected one is.

Run ``python -m benchmarks.accuracy.jpeg_repairs --scenes FOLDER``.

Each photo is made twice, with the same noise: with defects and without. Errors are mean absolute differences, in DN,
of the decoded pixels in squares of 7 x 7 pixels around defects; a defect counts as visible where the photos differ by
more than 1.5 DN there. Beside the methods stands what coding the whole JPEG anew, with its own tables, changes.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fixtures.camera.defects import faults_of, plant
from fixtures.camera.develop import CROP_OFFSET, DEMOSAICS, Development, develop
from fixtures.camera.sensor import SATURATION, Faults, expose, make_body
from fixtures.files.jpeg import SUBSAMPLINGS, jpeg_bytes
from fixtures.scenes.scenes import choose_view, find_photographs, paint_scene, read_scene, render
from fixtures.series import JPEG_GAINS, JPEG_QUALITIES, PAINTED_SCENES, Recipe, plan_shots
from sensormap.correct.jpeg.jpeg import METHODS, correct_jpeg
from sensormap.correct.jpeg.smears import Pixel
from sensormap.decode.jpeg import read_jpeg

SHAPE = (1308, 1952)
DEFECTS = 250
HALF = 3  # of the squares in which JPEGs are compared
VISIBLE_DN = 1.5
WORSE_DN = 0.3

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """A photo with defects and the same one without, and where the defects are in them."""

    faulty: bytes
    clean: bytes
    places: list[tuple[int, int]]


@dataclass
class Sums:
    """What one method did to all photos."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    repaired: int = 0
    elsewhere: list[float] = field(default_factory=list)
    largest: int = 0
    growth: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        """Return one row of the table."""
        before, after = np.array(self.before), np.array(self.after)
        seen = before > VISIBLE_DN
        worse = int(np.count_nonzero(after > before + WORSE_DN))
        return (
            f"{name:22} all {before.mean():.2f} -> {after.mean():.2f}  visible {before[seen].mean():.2f} -> "
            f"{after[seen].mean():.2f} (of {np.count_nonzero(seen)})  repaired {self.repaired} of {before.size}, "
            f"{worse} worse  elsewhere mean {np.mean(self.elsewhere):.6f} most {self.largest}  "
            f"size {100 * np.mean(self.growth):+.2f} %  {np.median(self.seconds):.2f} s"
        )


def pairs(seed: int, frames: int, demosaic: str, scenes: Path | None) -> Iterator[Pair]:
    """Make photos with and without the same defects, all of them there from the first."""
    recipe = Recipe(frames=frames, shape=SHAPE, seed=seed)
    files = find_photographs(scenes) if scenes else []
    with ThreadPoolExecutor(2) as pool:
        painted = pool.map(lambda number: paint_scene(number, SHAPE, seed), range(0 if files else PAINTED_SCENES))
        views = [*pool.map(read_scene, files), *painted]
    body, plan = make_body(SHAPE, seed), plant(SHAPE, frames=frames, count=DEFECTS, seed=seed)
    plan = replace(plan, defects=tuple(replace(one, born=0) for one in plan.defects))
    for frame, shot in enumerate(plan_shots(recipe)):
        rng = np.random.default_rng([seed, frame, 0x4E9A])
        scene = views[int(rng.integers(len(views)))]
        light = render(scene, choose_view(scene, SHAPE, rng), SHAPE)
        middle = max(float(np.median(light[::16, ::16])), 1e-6)
        light *= np.float32(shot.brightness * SATURATION / shot.exposure.gain / middle)
        faults, alive = faults_of(plan, frame, seed)
        none = Faults(*(getattr(faults, name)[:0] for name in faults.__dataclass_fields__))
        gains = float(rng.uniform(*JPEG_GAINS)), float(rng.uniform(*JPEG_GAINS))
        quality, sampling = int(rng.integers(JPEG_QUALITIES[0], JPEG_QUALITIES[1] + 1)), int(rng.integers(2))
        photos = []
        for some in (faults, none):
            raw = expose(light, body, shot.exposure, some, np.random.default_rng([seed, frame]))
            pixels = develop(raw, Development(demosaic, CROP_OFFSET, gains))
            photos.append(jpeg_bytes(pixels, shot.meta, quality=quality, subsampling=SUBSAMPLINGS[sampling]))
        places = ((plan.defects[i].x - CROP_OFFSET[0], plan.defects[i].y - CROP_OFFSET[1]) for i in alive.tolist())
        height, width = pixels.shape[:2]
        yield Pair(photos[0], photos[1], [(x, y) for x, y in places if 0 <= x < width and 0 <= y < height])


def errors(pixels: Pixels, clean: Pixels, places: list[tuple[int, int]]) -> list[float]:
    """Return the mean absolute difference around each place."""
    squares = [np.s_[max(y - HALF, 0) : y + HALF + 1, max(x - HALF, 0) : x + HALF + 1] for x, y in places]
    return [float(np.abs(pixels[square].astype(int) - clean[square]).mean()) for square in squares]


def coded_anew(data: bytes, repaired: bytes) -> float:
    """Return the mean change where nothing was repaired if the whole JPEG is coded anew with the same tables."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        before, target = np.asarray(image.convert("RGB")), read_jpeg(repaired, "repaired")
        Image.fromarray(target).save(file, "JPEG", qtables=image.quantization, subsampling=_sampling(image))  # type: ignore[attr-defined]
    same = (target == before).all(2)
    return float(np.abs(read_jpeg(file.getvalue(), "anew").astype(int) - before)[same].mean())


def _sampling(image: Image.Image) -> int:
    """Return Pillow's number of a subsampling."""
    from PIL.JpegImagePlugin import get_sampling  # noqa: PLC0415

    return int(get_sampling(image))


def add(sums: Sums, pair: Pair, method: str, *, every: bool, radius: int) -> bytes:
    """Correct one photo and add up what came of it."""
    rng = np.random.default_rng(len(pair.faulty))
    clean = read_jpeg(pair.clean, "clean")
    limits = np.array(clean.shape[1::-1]) - 1
    off = rng.integers(-(radius // 2), radius // 2 + 1, (len(pair.places), 2))
    pixels = [Pixel(x, y, radius) for x, y in np.clip(np.array(pair.places) + off, 0, limits).tolist()]
    started = time.perf_counter()
    result = correct_jpeg(pair.faulty, "photo", pixels, method=method, all_defects=every)
    sums.seconds.append(time.perf_counter() - started)
    sums.before += errors(read_jpeg(pair.faulty, "faulty"), clean, pair.places)
    sums.after += errors(read_jpeg(result.data, "result"), clean, pair.places)
    sums.repaired += result.repaired
    sums.elsewhere.append(result.mean_change_elsewhere)
    sums.largest = max(sums.largest, result.largest_change_elsewhere)
    sums.growth.append(len(result.data) / len(pair.faulty) - 1)
    return result.data


def main() -> None:
    """Print one table a way of demosaicing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; painted scenes without it")
    arguments = parser.parse_args()
    default = METHODS[0]
    for demosaic in DEMOSAICS:
        kinds = {
            default: (default, False, 0),
            f"{default}, within 2": (default, False, 2),
            f"{default}, every": (default, True, 0),
            METHODS[1]: (METHODS[1], False, 0),
        }
        sums, anew = {name: Sums() for name in kinds}, []
        for seed in arguments.seeds:
            for pair in pairs(seed, arguments.frames, demosaic, arguments.scenes):
                for name, (method, every, radius) in kinds.items():
                    corrected = add(sums[name], pair, method, every=every, radius=radius)
                    if name == default:
                        anew.append(coded_anew(pair.faulty, corrected))
        print(f"demosaic {demosaic}; coded anew as a whole: mean change elsewhere {np.mean(anew):.3f} DN")
        for name in kinds:
            print(sums[name].line(name))


if __name__ == "__main__":
    main()
