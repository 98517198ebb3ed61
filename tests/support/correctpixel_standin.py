"""Stand-in for the single-pixel correction script: ``python correctpixel.py IMAGE.jpg X,Y`` writes ``c_IMAGE.jpg``.

The pixel becomes a weighted mean of its eight neighbours, the diagonal ones weighing less.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

WEIGHTS = np.array([[0.5, 1, 0.5], [1, 0, 1], [0.5, 1, 0.5]])


def main(name, position):
    """Write the corrected picture beside the original."""
    path = Path(name)
    x, y = map(int, position.split(","))
    picture = np.array(Image.open(path).convert("RGB"))
    height, width = picture.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        sys.exit(f"{x},{y} is outside the picture")
    rows, cols = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
    weights = WEIGHTS[rows.start - y + 1 :, cols.start - x + 1 :][: height - rows.start, : width - cols.start]
    neighbours = picture[rows, cols].astype(float)
    picture[y, x] = np.rint(np.tensordot(weights, neighbours, 2) / weights.sum())
    Image.fromarray(picture).save(path.with_name(f"c_{path.name}"), quality=100, subsampling=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
