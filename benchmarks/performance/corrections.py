"""Whether corrected NEFs are what they should be, and what correcting costs beside decoding.

Run ``python -m benchmarks.performance.corrections PHOTOS MAP``. All NEFs of the folder are corrected, each is decoded
by rawpy before and after, and photosites that changed are looked up in the map. Then some are corrected and decoded in
turn, as whole processes and with the same number of threads.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray

from benchmarks.commands import bare_decode, sensormap
from benchmarks.costs import interleaved, run
from sensormap.maps.coordinates import coordinates
from sensormap.maps.mapfile.reading import read_map


def decoded(path: Path) -> NDArray[np.uint16]:
    """Return what LibRaw takes for image."""
    with rawpy.imread(str(path)) as raw:
        return raw.raw_image_visible.copy()  # type: ignore[no-any-return]


def compare(photos: list[Path], fixed: Path, map_file: Path) -> None:
    """Print how corrected photos differ from the photos."""
    mapped = {(y, x) for x, y in coordinates(read_map(map_file))}
    outside = inside = 0
    sizes = []
    for path in photos:
        changed = {(int(y), int(x)) for y, x in np.argwhere(decoded(path) != decoded(fixed / path.name))}
        outside += len(changed - mapped)
        inside += len(changed & mapped)
        sizes.append((fixed / path.name).stat().st_size / path.stat().st_size)
    print(f"{len(photos)} photos, map of {len(mapped)} photosites")
    print(f"photosites that decode otherwise: {inside} in the map, {outside} outside it")
    print(f"size of the corrected file over the photo's: {min(sizes):.5f} to {max(sizes):.5f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of NEFs")
    parser.add_argument("map", type=Path, help="map of their defects, from `sensormap map`")
    parser.add_argument("--frames", type=int, default=10, help="photos that are timed (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="threads (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="counted runs of each (%(default)s)")
    arguments = parser.parse_args()
    photos = sorted(arguments.photos.glob("*.NEF"))
    with tempfile.TemporaryDirectory() as scratch:
        some, fixed = Path(scratch, "some"), Path(scratch, "fixed")
        some.mkdir()
        for path in photos[: arguments.frames]:
            shutil.copy(path, some)
        correct = sensormap("correct", arguments.map, "-q", "--jobs", arguments.jobs, "-o", fixed)
        run([*correct, str(arguments.photos)])
        compare(photos, fixed, arguments.map)
        commands = {"decode": bare_decode(some, arguments.jobs), "correct": [*correct, "--overwrite", str(some)]}
        costs = interleaved(commands, rounds=arguments.rounds)
    pairs = list(zip(costs["decode"], costs["correct"], strict=True))
    for name, ratios in (
        ("seconds", [after.seconds / before.seconds for before, after in pairs]),
        ("processor seconds", [after.processor_seconds / before.processor_seconds for before, after in pairs]),
    ):
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{arguments.frames} photos corrected over decoded, {name}: {statistics.median(ratios):.2f} ({spread})")
    print(f"most memory: {max(cost.megabytes for cost in costs['correct']):.0f} MB")


if __name__ == "__main__":
    main()
