"""Do a map's entries persist? What each shows in the first and the second half of the JPEGs that it was made from.

Run ``python -m benchmarks.accuracy.persistence MAP FOLDER [--split N] [--scenes NAME ...]``. An entry that noise or one
scene made shows in one half only. Photos named as scenes are left out of the halves and shown one by one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import PICTURE, Cfa
from sensormap.decode.jpeg_mosaic import remosaic
from sensormap.maps.mapfile.reading import read_map

SMOOTH = 4.0  # mid-spread of the surroundings in which a few levels show


def brightness(path: Path) -> NDArray[np.int16]:
    """Return a JPEG's brightness, 0 to 255."""
    picture = iio.imread(path, plugin="pillow")
    out = np.empty(picture.shape[:2], np.int16)
    remosaic(picture, Cfa(PICTURE), out)
    return out


def residual(picture: NDArray[np.int16], x: int, y: int) -> tuple[float, float]:
    """Return what a pixel differs by from the median of those two away, and their mid-spread."""
    rows, cols = (np.clip([at - 2, at, at + 2], 0, side - 1) for at, side in zip((y, x), picture.shape, strict=True))
    around = np.delete(picture[np.ix_(rows, cols)].astype(float).ravel(), 4)
    low, high = np.sort(around)[[1, 2]].mean(), np.sort(around)[[5, 6]].mean()
    return float(picture[y, x] - np.median(around)), float(high - low)


def main() -> None:
    """Print a line for each entry, and how many persist."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", type=int, help="photos in the first part; half of them if left out")
    parser.add_argument("--scenes", nargs="*", default=[], help="names of photos to show one by one")
    arguments = parser.parse_args()
    names = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    photos = [brightness(path) for path in names if path.name not in arguments.scenes]
    scenes = [brightness(arguments.folder / name) for name in arguments.scenes]
    split = arguments.split or len(photos) // 2
    same = sure = agree = smooth = 0
    entries = sorted(read_map(arguments.map).defects, key=lambda defect: -defect.score)
    for entry in entries:
        x, y = entry.jpeg or (entry.x, entry.y)
        shown = np.array([residual(photo, x, y)[0] for photo in photos])
        parts = shown[:split], shown[split:]
        means = [float(part.mean()) for part in parts]
        errors = [float(part.std(ddof=1)) / np.sqrt(part.size) for part in parts]
        same += means[0] * means[1] > 0
        sure += means[0] * means[1] > 0 and all(abs(m) > 3 * e for m, e in zip(means, errors, strict=True))
        alone = [residual(scene, x, y) for scene in scenes]
        telling = [value for value, spread in alone if spread < SMOOTH and value]
        smooth += len(telling)
        agree += sum(value * shown.mean() > 0 for value in telling)
        values = "  ".join(f"{value:+.0f} of {spread:.0f}" for value, spread in alone)
        halves = "  ".join(f"{m:+6.1f} +- {e:3.1f}" for m, e in zip(means, errors, strict=True))
        print(f"{x:5}, {y:<5} score {entry.score:5.1f}  {halves}  {values}")
    print(f"{len(entries)} entries: {same} with one sign in both parts, {sure} beyond 3 standard errors in each")
    if scenes:
        print(f"in smooth surroundings of the scenes: {agree} of {smooth} with the same sign")


if __name__ == "__main__":
    main()
