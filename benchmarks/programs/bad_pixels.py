"""What rawpy has for this, which `sensormap map` is measured against.

Run ``python -m benchmarks.programs.bad_pixels FOLDER``.

`rawpy.enhance.find_bad_pixels` compares each photosite with the median of its plane's 3 x 3 and lists those that differ
by a fixed step in nine of ten photos. It runs here as it comes, with OpenCV's median.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import rawpy


def find(paths: list[Path]) -> list[tuple[int, int]]:
    """Return x and y on the raw grid of what `find_bad_pixels` lists; it counts from the corner of the visible area."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that scikit-image is not there: OpenCV is, and faster
        from rawpy.enhance import find_bad_pixels  # noqa: PLC0415
    points = find_bad_pixels([str(path) for path in paths])
    with rawpy.imread(str(paths[0])) as raw:
        left, top = raw.sizes.left_margin, raw.sizes.top_margin
    return [(col + left, row + top) for row, col in points.tolist()]


def main() -> None:
    """Write what is found as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of NEFs, all of one body")
    parser.add_argument("-o", "--output", type=Path, help="CSV file to write; none: to stdout")
    arguments = parser.parse_args()
    paths = sorted(arguments.folder.glob("*.NEF"))
    if not paths:
        parser.error(f"{arguments.folder}: no NEFs there")
    text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in find(paths))
    if arguments.output:
        arguments.output.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
