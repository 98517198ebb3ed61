"""Frames filtered in camera: whether the camera itself lowered bright photosites before it stored the frame.

On long exposures some cameras lower every photosite above the highest of its eight same-colour neighbours to that
neighbour's value [1]_ [2]_. Such a frame says nothing about bright defects. It can be recognised: of unfiltered
photosites 5 to 10 % exceed all eight neighbours and few equal the highest; of filtered ones none exceeds them and 10
to 15 % equal the highest.

References
----------
.. [1] M. Oelund, "In-camera processing of long-exposure RAW data", Digital Photography Review forums, 2010,
   https://www.dpreview.com/forums/post/34309201
.. [2] M. Shelley, "Diagnosing raw data filtering", https://markshelley.co.uk/Astronomy/raw_data_filtering.html
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa, Lattice, step_of
from sensormap.frame import Mosaic
from sensormap.score.neighbours import unpadded_shape

_SAMPLED_ROWS = 24

# Sampled photosites that are neither black nor saturated; with fewer a frame counts as unfiltered.
_FEWEST = 1000

# Of a filtered frame, the largest share of photosites above, and the smallest equal to, the highest of their
# neighbours. Unfiltered frames of coarse levels have equal ones too, up to 8 % at high levels of a quantised format,
# but then as many exceed it.
_MOST_ABOVE, _FEWEST_EQUAL = 0.01, 0.05

# The largest share that is equal: unfiltered frames with next to no noise have more, those of eight bits or of one
# value.
_MOST_EQUAL = 0.4


def is_filtered(padded: Mosaic, lattice: Lattice, *, clipping: tuple[int, int]) -> bool:
    """Tell whether a frame was filtered in camera.

    Parameters
    ----------
    padded
        The active area as `score.neighbours.pad` returns it, DN.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the active area's corner.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.

    Examples
    --------
    >>> is_filtered(np.random.default_rng(1).normal(500, 9, (64, 64)).astype(np.int16), 2, clipping=(0, 4095))
    False
    """
    above, equal, unclipped = _counts(padded, lattice, clipping)
    return (
        unclipped >= _FEWEST
        and above <= _MOST_ABOVE * unclipped
        and _FEWEST_EQUAL * unclipped <= equal <= _MOST_EQUAL * unclipped
    )


def _counts(padded: Mosaic, lattice: Lattice, clipping: tuple[int, int]) -> tuple[int, int, int]:
    """Count photosites above the highest of their neighbours, those equal to it, and all: unclipped, in some rows."""
    step = step_of(lattice)
    height, width = unpadded_shape(padded, step)
    # The outermost photosites have neighbours that are no photosites.
    rows = np.unique(np.linspace(step, height - step - 1, _SAMPLED_ROWS).astype(np.int64)) + step
    if isinstance(lattice, Cfa) and lattice.is_xtrans:
        col = np.arange(step, width - step) + step
        offsets = np.array(lattice.neighbours, np.int64).reshape(step, step, 8, 2)[rows[:, None] % step, col % step]
        value = padded[rows[:, None], col]
        highest = padded[rows[:, None, None] + offsets[..., 0], col[:, None] + offsets[..., 1]].max(axis=2)
    else:
        value, highest = _highest(padded, rows, step, width)
    unclipped = (value > clipping[0]) & (value < clipping[1])
    above, equal = unclipped & (value > highest), unclipped & (value == highest)
    return int(np.count_nonzero(above)), int(np.count_nonzero(equal)), int(np.count_nonzero(unclipped))


def _highest(padded: Mosaic, rows: NDArray[np.int64], step: int, width: int) -> tuple[Mosaic, Mosaic]:
    """Return the values of some rows, and the highest of the eight neighbours of each, where all have those."""
    mid, beside = padded[rows], np.maximum(padded[rows - step], padded[rows + step])
    value = mid[:, 2 * step : width]
    highest = np.maximum(beside, mid)
    # Above and below, and a column with all three rows on either side.
    highest = np.maximum(highest[:, step : width - step], highest[:, 3 * step : width + step])
    np.maximum(highest, beside[:, 2 * step : width], out=highest)
    return value, highest
