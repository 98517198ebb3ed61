"""What ``correct --also-lone`` repairs in frames where nothing is defective, and how many planted hits it finds.

Run ``python -m benchmarks.accuracy.lone --scenes ../shared/data/scenes --frames 6``: so many full-size frames, in
memory, of photographs, of each kind of odd scene, and of skies full of stars as sharp and less sharp lenses draw them.
Of the same frames once more, each with 400 photosites hit, 100 of each strength: how many of those are found.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import erf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fixtures.camera.curve import quantise
from fixtures.camera.sensor import SATURATION, Exposure, Faults, expose, make_body
from fixtures.scenes.odd_scenes import KINDS, on_photosites
from fixtures.scenes.scenes import choose_view, find_photographs, read_scene, render
from fixtures.series import FULL_SIZE, Recipe, plan_shots
from sensormap.camera.cfa import Cfa
from sensormap.correct.methods.lone import find_lone
from sensormap.correct.methods.targets import Levels
from sensormap.score.neighbours import gather_windows, pad
from sensormap.score.noise import fit_noise

CFA = Cfa("GBRG")
LEVELS = Levels(CFA, (0,) * 4, SATURATION)
HITS = 400
STRENGTHS = (10, 20, 40, 80)
"""Sigma of the hits."""
WIDTHS = (1.0, 1.2, 1.4, 2.0)
"""Full width at half maximum of a star, in photosites."""
STARS = 8000  # of a frame, one in four of them brighter than 20 sigma
_PER_PHOTOSITES = 10_000_000
_NO_FAULTS = Faults(*np.zeros((2, 0), np.intp), *np.zeros((4, 0)))

Raw = NDArray[np.uint16]
Judged = tuple[float, int, dict[int, tuple[int, int]]]
"""A threshold, what is found in a healthy frame, and of the hits of each strength how many, of how many."""


def shoot(light: NDArray[np.float32], exposure: Exposure, rng: np.random.Generator) -> Raw:
    """Return the raw values of a healthy camera, as a compressed NEF stores them."""
    return quantise(expose(light, make_body(light.shape, 1), exposure, _NO_FAULTS, rng))


def photographs(folder: Path, shape: tuple[int, int], seed: int) -> Callable[[int], Raw]:
    """Return what makes frames of photographs, at the exposures of a generated series."""
    shots = plan_shots(Recipe(60, shape, seed, scenes=folder))
    paths = find_photographs(folder)

    def made(number: int) -> Raw:
        rng = np.random.default_rng([seed, number, 0x10E])
        shot = shots[int(rng.integers(len(shots)))]
        scene = read_scene(paths[int(rng.integers(len(paths)))])
        light = render(scene, choose_view(scene, shape, rng), shape)
        middle = max(float(np.median(light[::16, ::16])), 1e-6)
        light *= np.float32(shot.brightness * SATURATION / shot.exposure.gain / middle)
        return shoot(light, shot.exposure, rng)

    return made


def odd(kind: str, shape: tuple[int, int], seed: int) -> Callable[[int], Raw]:
    """Return what makes frames of a kind of odd scene."""

    def made(number: int) -> Raw:
        rng = np.random.default_rng([seed, number, 0x0DD1, list(KINDS).index(kind)])
        light = on_photosites(KINDS[kind](shape, rng))
        exposure = Exposure((1, int(rng.integers(1, 1000))), int(rng.choice([100, 400, 1600])))
        white = 1.0 if kind == "dark" else max(float(np.quantile(light[::8, ::8], rng.uniform(0.5, 1))), 1e-3)
        light *= np.float32(SATURATION * 10 ** rng.uniform(-1.5, 0) / exposure.gain / white)
        return shoot(light, exposure, rng)

    return made


def sky(width: float, shape: tuple[int, int], seed: int) -> Callable[[int], Raw]:
    """Return what makes frames of stars on a dim sky, drawn so wide, red ones and blue ones."""

    def made(number: int) -> Raw:
        rng = np.random.default_rng([seed, number, 0x57A4])
        light = np.full((3, *shape), 12.0, np.float32)  # DN at base ISO
        reach = 4
        spread = width / 2.3548
        edges = np.arange(-reach, reach + 2) - 0.5
        for _ in range(STARS):
            row, col = (rng.uniform(reach, side - reach - 1) for side in shape)
            lines = [_share(edges, at % 1, spread) for at in (row, col)]
            # As many stars are so much brighter as there are in the sky: their number grows as brightness falls.
            star = np.outer(*lines).astype(np.float32) * np.float32(min(40 / rng.uniform(1e-3, 1), 8000))
            colour = 10 ** (rng.uniform(-0.25, 0.2) * np.array([-1, 0, 1]))
            top, left = int(row) - reach, int(col) - reach
            light[:, top : top + 2 * reach + 1, left : left + 2 * reach + 1] += colour[:, None, None] * star
        return shoot(on_photosites(light), Exposure((10, 1), 400), rng)

    return made


def _share(edges: NDArray[Any], centre: float, spread: float) -> NDArray[np.float64]:
    """Return the share of a star's light that falls between the edges of photosites along one axis."""
    return np.diff([0.5 * (1 + erf((edge - centre) / (spread * 2**0.5))) for edge in edges])


def with_hits(raw: Raw, seed: int) -> tuple[Raw, dict[int, set[tuple[int, int]]]]:
    """Return a frame in which some photosites stand out, and which by how many sigma."""
    rng = np.random.default_rng([seed, 0x417])
    cells = rng.permutation((raw.shape[0] // 16) * (raw.shape[1] // 16))[:HITS]
    rows, cols = np.divmod(cells, raw.shape[1] // 16)
    places = np.stack([rows, cols], axis=1) * 16 + rng.integers(0, 16, (HITS, 2))
    padded = pad(raw.astype(np.int32), CFA.step)
    noise = fit_noise(padded, CFA.step, clipping=LEVELS.clipping, quantised=True)
    _, level2, spread2 = gather_windows(padded, places[:, 0], places[:, 1], CFA.step).astype(np.float64)
    sigma = np.resize(STRENGTHS, HITS)
    wanted = level2 / 2 + sigma * np.sqrt(noise.variance(places, level2 / 2, spread2 / 2))
    fits = wanted < SATURATION
    hit = raw.copy()
    hit[tuple(places[fits].T)] = np.ceil(wanted[fits]).astype(np.uint16)
    return hit, {
        strength: {(int(row), int(col)) for row, col in places[fits & (sigma == strength)]} for strength in STRENGTHS
    }


def found_in(raw: Raw, sigma: float) -> set[tuple[int, int]]:
    """Return the lone photosites of a frame."""
    places = find_lone(raw, np.zeros(raw.shape, bool), CFA, LEVELS, sigma)
    return {(int(row), int(col)) for row, col in places}


def judged(raw: Raw, thresholds: list[float], seed: int) -> Iterator[Judged]:
    """Yield what each threshold finds."""
    hit, hits = with_hits(raw, seed)
    for sigma in thresholds:
        found = found_in(hit, sigma)
        recall = {one: (len(found & places), len(places)) for one, places in hits.items() if one >= sigma}
        yield sigma, len(found_in(raw, sigma)), recall


def main() -> None:
    """Judge frames of each sort."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs")
    parser.add_argument("--frames", type=int, default=6, help="of each sort")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", default="x".join(map(str, FULL_SIZE[::-1])), help="WIDTHxHEIGHT")
    parser.add_argument("--sigma", type=float, nargs="+", default=[10.0, 20.0, 40.0])
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    shape = height, width
    sorts: dict[str, Callable[[int], Raw]] = {}
    if arguments.scenes:
        sorts["photographs"] = photographs(arguments.scenes, shape, arguments.seed)
    sorts |= {kind: odd(kind, shape, arguments.seed) for kind in KINDS if kind != "stars"}
    sorts |= {f"stars {wide}": sky(wide, shape, arguments.seed) for wide in WIDTHS}
    heads = " | ".join(f"hits of {strength}" for strength in STRENGTHS)
    print(f"| scene | sigma | false, per 10 MP frame | most | {heads} |")
    print(f"| --- | ---: | ---: | ---: |{' ---: |' * len(STRENGTHS)}")
    share = _PER_PHOTOSITES / (width * height)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for sort, make in sorts.items():

            def one(number: int, make: Callable[[int], Raw] = make) -> list[Judged]:
                return list(judged(make(number), arguments.sigma, number))

            frames = list(pool.map(one, range(arguments.frames)))
            for index, sigma in enumerate(arguments.sigma):
                false = [frame[index][1] * share for frame in frames]
                cells = []
                for strength in STRENGTHS:
                    counts = [frame[index][2].get(strength, (0, 0)) for frame in frames]
                    total = sum(count[1] for count in counts)
                    cells.append(f"{sum(count[0] for count in counts) / total:.1%}" if total else "")
                row = f"{sort} | {sigma:g} | {np.mean(false):.1f} | {max(false):.0f} | {' | '.join(cells)}"
                print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
