"""Whether photos that are corrected in their own format decode identically outside the map: NEFs and DNGs of each sort.

Run ``python -m benchmarks.accuracy.repairs_in_place PHOTOS MAP``. The mosaics of NEFs of a folder are stored in each
sort, corrected by the map, and decoded by rawpy before and after. What correcting costs is told beside what decoding
costs, in processor seconds of whole commands. Needs imagecodecs.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray

from benchmarks.commands import bare_decode, sensormap
from benchmarks.costs import interleaved, run
from fixtures.files.nef import NefMeta, nef_bytes
from fixtures.files.split import SplitCoding
from fixtures.files.tiled_dng import DngCoding, dng_bytes
from sensormap.decode.nef.file import find_strip, strip_coding
from sensormap.decode.nef.strip import read_values
from sensormap.maps.coordinates import coordinates
from sensormap.maps.mapfile.reading import read_map
from sensormap.photos.exif import read_photo

SPLIT_ROW = 1300
NEFS = {
    "NEF, 12 bits, type 1": None,
    "NEF, 12 bits, type 2": SplitCoding(12),
    "NEF, 12 bits, after a split": SplitCoding(12, SPLIT_ROW),
    "NEF, 14 bits, type 2": SplitCoding(14),
    "NEF, 14 bits, after a split": SplitCoding(14, SPLIT_ROW),
}
DNGS = {
    "DNG, 16 bits, one strip": DngCoding(16),
    "DNG, 12 bits, strips": DngCoding(12, rows=64),
    "DNG, 14 bits, tiles": DngCoding(14, tile=(256, 256)),
    "DNG, lossless JPEG in tiles": DngCoding(14, tile=(256, 256), jpeg=True),
    "DNG, one lossless JPEG": DngCoding(14, jpeg=True),
}


def mosaic_of(path: Path) -> NDArray[np.uint16]:
    """Return the mosaic of a NEF."""
    data = path.read_bytes()
    raw = find_strip(data, path.name)
    coding = strip_coding(raw, path.name) if raw else None
    if raw is None or coding is None:
        msg = f"{path}: expected a NEF of the generator's"
        raise SystemExit(msg)
    strip = data[raw.offset : raw.offset + raw.length]
    return read_values(strip, (raw.height, raw.width), coding, path.name)[0]


def stored(path: Path, name: str) -> bytes:
    """Return a photo's mosaic as a file of one sort, which says of itself what the photo does."""
    mosaic, photo = mosaic_of(path), read_photo(path)
    body, exposure = photo.body, photo.exposure
    if name in DNGS:
        return dng_bytes(mosaic, DNGS[name], model=(body.make, body.model), serial=body.serial)
    split = NEFS[name]
    shutter = round((exposure.shutter_s or 1) * 10_000), 10_000
    meta = NefMeta(serial=body.serial, captured=exposure.time, iso=exposure.iso, shutter=shutter)
    return nef_bytes(mosaic * np.uint16(4) if split and split.bits == 14 else mosaic, meta, split=split)


def decoded(path: Path) -> NDArray[np.uint16]:
    """Return what LibRaw takes for image."""
    with rawpy.imread(str(path)) as raw:
        return raw.raw_image_visible.copy()  # type: ignore[no-any-return]


def compare(photos: list[Path], fixed: Path, mapped: set[tuple[int, int]]) -> str:
    """Return how corrected photos differ from the photos."""
    inside = outside = 0
    sizes = []
    for path in photos:
        one, other = decoded(path), decoded(fixed / path.name)
        places = {(int(y), int(x)) for y, x in np.argwhere(one != other)}
        inside, outside = inside + len(places & mapped), outside + len(places - mapped)
        sizes.append((fixed / path.name).stat().st_size / path.stat().st_size)
    return f"{inside} in the map and {outside} outside it changed; size {min(sizes):.4f} to {max(sizes):.4f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of NEFs of the generator")
    parser.add_argument("map", type=Path, help="map of their defects, from `sensormap map`")
    parser.add_argument("--frames", type=int, default=10, help="photos of each sort (%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="threads (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each; 0 for none (%(default)s)")
    parser.add_argument("--only", default="", help="sorts whose names hold this text")
    arguments = parser.parse_args()
    mapped = {(y, x) for x, y in coordinates(read_map(arguments.map))}
    paths = sorted(arguments.photos.glob("*.NEF"))[: arguments.frames]
    for name in (name for name in (*NEFS, *DNGS) if arguments.only in name):
        with tempfile.TemporaryDirectory() as scratch:
            some, fixed = Path(scratch, "some"), Path(scratch, "fixed")
            some.mkdir()
            photos = []
            for path in paths:
                photos.append(some / f"{path.stem}.{name[:3]}")
                photos[-1].write_bytes(stored(path, name))
            correct = sensormap("correct", arguments.map, "-q", "--all", "--jobs", arguments.jobs, "-o", fixed, some)
            run(correct)
            print(f"{name}: {len(photos)} photos, {compare(photos, fixed, mapped)}", flush=True)
            shutil.rmtree(fixed)
            if not arguments.rounds:
                continue
            commands = {"decode": bare_decode(some, arguments.jobs), "correct": [*correct, "--overwrite"]}
            costs = interleaved(commands, rounds=arguments.rounds)
            ratios = [
                after.processor_seconds / before.processor_seconds
                for before, after in zip(costs["decode"], costs["correct"], strict=True)
            ]
            print(f"  processor time over that of a bare decode: {min(ratios):.2f} to {max(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
