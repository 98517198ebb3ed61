"""How much silent damage the plausibility check catches: single flipped bits in the strips of generated NEFs.

Run ``python -m benchmarks.accuracy.damage``. Frames are of 1536 x 1024 photosites, since only a few flips in a hundred
pass LibRaw and change more than 1 % of a frame, and each has to be decoded to know.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray

from fixtures.series import Recipe, make_series
from sensormap.camera.cfa import Cfa
from sensormap.decode.quiet import native_stderr_silenced
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.plausible import implausibility

SHAPE = (1024, 1536)
HEADER_BYTES = 65_536  # metadata and thumbnail; the strip begins before this
SATURATION = 3880
CFA = Cfa("GBRG")


def decode(data: bytes) -> NDArray[np.int16] | None:
    """Return the visible mosaic, or None where LibRaw notices the damage."""
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return np.asarray(raw.raw_image_visible.astype(np.int16))
    except rawpy.LibRawError:
        return None


def refused(mosaic: NDArray[np.int16]) -> bool:
    """Tell whether the plausibility check refuses a mosaic."""
    noise = fit_noise(pad(mosaic, 2), 2, clipping=(0, SATURATION))
    return implausibility(mosaic, noise, CFA, clipping=(0, SATURATION)) is not None


def main() -> None:
    """Flip bits until enough of them have done silent damage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=Path, help="folder of photographs; without it procedural scenes")
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--cases", type=int, default=200, help="silently damaged frames to collect")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch, native_stderr_silenced():
        make_series(Recipe(arguments.frames, SHAPE, arguments.seed, scenes=arguments.scenes), Path(scratch))
        files = [path.read_bytes() for path in sorted((Path(scratch) / "photos").iterdir())]
        good = [mosaic for mosaic in map(decode, files) if mosaic is not None]
        false_alarms = sum(map(refused, good))
        while outcomes["caught"] + outcomes["missed"] < arguments.cases:
            number = int(rng.integers(len(files)))
            data = bytearray(files[number])
            data[int(rng.integers(HEADER_BYTES, len(data)))] ^= 1 << int(rng.integers(8))
            mosaic = decode(bytes(data))
            if mosaic is None:
                outcomes["LibRaw refuses"] += 1
            elif np.mean(mosaic != good[number]) <= 0.01:
                outcomes["at most 1 % changed"] += 1
            else:
                outcomes["caught" if refused(mosaic) else "missed"] += 1
    cases = outcomes["caught"] + outcomes["missed"]
    print(f"flipped bits: {outcomes.total()}; {dict(outcomes)}")
    print(f"more than 1 % changed without an error: {cases}, of which caught: {outcomes['caught'] / cases:.1%}")
    print(f"good frames refused: {false_alarms} of {len(good)}")


if __name__ == "__main__":
    main()
