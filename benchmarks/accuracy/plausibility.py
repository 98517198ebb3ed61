"""How many good frames the plausibility check refuses: scenes that look like damage, in any exposure.

Run ``python -m benchmarks.accuracy.plausibility --frames 200``: so many generated frames of each kind, without files.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from fixtures.camera.curve import quantise
from fixtures.camera.sensor import SATURATION, Exposure, Faults, expose, make_body
from fixtures.scenes.odd_scenes import KINDS, on_photosites
from sensormap.camera.cfa import Cfa
from sensormap.frame import Mosaic
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility

CFA = Cfa("GBRG")
_NO_FAULTS = Faults(*np.zeros((2, 0), np.intp), *np.zeros((4, 0)))


def make_frame(kind: str, shape: tuple[int, int], seed: int) -> Mosaic:
    """Return a frame of a kind of scene, very dark to half saturated, with all levels or those of a D80's files.

    Parameters
    ----------
    kind
        A name of `fixtures.scenes.odd_scenes.KINDS`.
    shape
        Height and width.
    seed
        Gives other scenes and exposures.
    """
    rng = np.random.default_rng([seed, list(KINDS).index(kind), 0x0DD])
    light = on_photosites(KINDS[kind](shape, rng))
    exposure = Exposure((1, int(rng.integers(1, 1000))), int(rng.choice([100, 400, 1600])))
    white = max(float(np.quantile(light[::8, ::8], rng.uniform(0.5, 1))), 1e-3) if kind != "dark" else 1.0
    # A frame that is saturated all over is no photo, and may be refused.
    darkest = max(float(np.quantile(light[::8, ::8], 0.02)), 1e-6)
    share = min(10 ** rng.uniform(-2, 0.1), 0.9 * white / darkest)
    light *= np.float32(SATURATION * share / exposure.gain / white)
    raw = expose(light, make_body(shape, 1), exposure, _NO_FAULTS, rng)
    return (quantise(raw) if rng.random() < 0.7 else raw).astype(np.int16)


def why_refused(active: Mosaic) -> str | None:
    """Return why a frame is refused, or None."""
    clipping = (0, SATURATION)
    noise = fit_noise(pad(active, CFA.step), CFA.step, clipping=clipping, quantised=True)
    return implausibility(active, noise, CFA, clipping=clipping)


def main() -> None:
    """Judge frames of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", default="768x512", help="WIDTHxHEIGHT")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    total = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for kind in arguments.kinds:

            def judge(number: int, kind: str = kind) -> str | None:
                return why_refused(make_frame(kind, (height, width), arguments.seed + number))

            reasons = [(i, why) for i, why in enumerate(pool.map(judge, range(arguments.frames))) if why]
            total += len(reasons)
            print(f"{kind:12s} {len(reasons)} of {arguments.frames} refused", flush=True)
            for number, why in reasons[:3]:
                print(f"    seed {arguments.seed + number}: {why}")
    print(f"{total} of {arguments.frames * len(arguments.kinds)} refused")


if __name__ == "__main__":
    main()
