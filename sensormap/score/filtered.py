"""Suppression: whether the camera itself lowered what stood out.

Nikon's filter lowers every photosite above the highest of its eight same-colour neighbours to that neighbour, on long
exposures.  Such a frame says nothing about bright defects.  It shows: of unfiltered photosites 5 to 10 % exceed all
eight neighbours and few equal the highest; of filtered ones none exceeds and 10 to 15 % equal it.
"""

from __future__ import annotations

import numpy as np

from sensormap.frame import Mosaic

_SAMPLED_ROWS = 24

# Photosites neither black nor saturated; with fewer nothing is told.
_FEWEST = 1000

# Shares of photosites above, and equal to, the highest of their neighbours. Unfiltered frames of coarse levels have
# equal ones too, up to 8 % at high levels of a quantised format, but then as many that exceed.
_MOST_ABOVE, _FEWEST_EQUAL = 0.01, 0.05

# Frames with next to no noise have more: eight-bit ones, and those of one value.
_MOST_EQUAL = 0.4


def is_filtered(padded: Mosaic, step: int, *, clipping: tuple[int, int]) -> bool:
    """Tell whether a frame was filtered in camera.

    Parameters
    ----------
    padded
        The active area as `score.pad` returns it, DN.
    step
        Distance between same-plane neighbours: 2 for Bayer, 1 for mono.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.

    Examples
    --------
    >>> is_filtered(np.random.default_rng(1).normal(500, 9, (64, 64)).astype(np.int16), 2, clipping=(0, 4095))
    False
    """
    above, equal, of = _shares(padded, step, clipping)
    return of >= _FEWEST and above <= _MOST_ABOVE * of and _FEWEST_EQUAL * of <= equal <= _MOST_EQUAL * of


def _shares(padded: Mosaic, step: int, clipping: tuple[int, int]) -> tuple[int, int, int]:
    """Count the open photosites above and equal to the highest of their eight neighbours, in a sample of rows."""
    height, width = padded.shape[0] - 2 * step, padded.shape[1] - 2 * step
    # The outermost photosites have neighbours that are no photosites.
    rows = np.unique(np.linspace(step, height - step - 1, _SAMPLED_ROWS).astype(np.int64)) + step
    mid, beside = padded[rows], np.maximum(padded[rows - step], padded[rows + step])
    value = mid[:, 2 * step : width]
    highest = np.maximum(beside, mid)
    # Above and below, and a column with all three rows on either side.
    highest = np.maximum(highest[:, step : width - step], highest[:, 3 * step : width + step])
    np.maximum(highest, beside[:, 2 * step : width], out=highest)
    open_ = (value > clipping[0]) & (value < clipping[1])
    above, equal = open_ & (value > highest), open_ & (value == highest)
    return int(np.count_nonzero(above)), int(np.count_nonzero(equal)), int(np.count_nonzero(open_))
