"""The running-variance script that `sensormap map` is measured against: pixels that hardly change from photo to photo.

Run ``python -m benchmarks.programs.running_variance FOLDER``. Written from the description of two articles of 2011: the
running mean and sum of squared deviations of every pixel and colour over some hundred JPEGs, in one process or in
several, each of which takes its share of the files and returns its whole arrays. The pixels of the lowest variance are
the defects.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

LOWEST = 252  # pixels that the articles call defective
SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True)
class Moments:
    """How many pictures, and the mean and the sum of squared deviations of each value, float64 of shape (H, W, 3)."""

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]


def accumulate(paths: Sequence[Path]) -> Moments:
    """Return the moments of some pictures, by Welford's method."""
    mean = iio.imread(paths[0]).astype(np.float64)
    squares = np.zeros_like(mean)
    for count, path in enumerate(paths[1:], start=2):
        picture = iio.imread(path)
        delta = picture - mean
        mean += delta / count
        squares += delta * (picture - mean)
    return Moments(len(paths), mean, squares)


def merge(one: Moments, other: Moments) -> Moments:
    """Return the moments of the pictures of both, by the formula of Chan, Golub and LeVeque."""
    count = one.count + other.count
    delta = other.mean - one.mean
    mean = one.mean + delta * (other.count / count)
    squares = one.squares + other.squares + delta**2 * (one.count * other.count / count)
    return Moments(count, mean, squares)


def moments(paths: Sequence[Path], processes: int) -> Moments:
    """Return the moments of all pictures; one process is this one."""
    if processes == 1:
        return accumulate(paths)
    shares = [share for i in range(processes) if (share := paths[i::processes])]
    with multiprocessing.Pool(processes) as pool:
        return functools.reduce(merge, pool.map(accumulate, shares))


def steadiest(total: Moments, lowest: int) -> list[tuple[int, int]]:
    """Return x and y of the pixels whose variance, summed over the colours, is lowest; the steadiest first."""
    variance = (total.squares / total.count).sum(axis=2)
    places = np.argpartition(variance, lowest - 1, axis=None)[:lowest]
    places = places[np.argsort(variance.flat[places])]
    rows, cols = np.unravel_index(places, variance.shape)
    return list(zip(cols.tolist(), rows.tolist(), strict=True))


def main() -> None:
    """Write the pixels of the lowest variance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of JPEGs, all of one size")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="one a core if not given")
    parser.add_argument("--lowest", type=int, default=LOWEST, help="pixels to list")
    parser.add_argument("-o", "--output", type=Path, help="CSV file to write; none: to stdout")
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        parser.error(f"{arguments.folder}: no JPEGs there")
    points = steadiest(moments(paths, arguments.processes), arguments.lowest)
    text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in points)
    if arguments.output:
        arguments.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
