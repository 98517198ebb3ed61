"""Is a decoded frame a photo? Damage that decodes without an error must not be tallied.

A flipped bit in a compressed strip usually shifts all later photosites, and each row then starts from a wrong
predictor: its values are off by an amount of its own.  In a photo the two greens of a Bayer sensor agree, row after
row, whatever the scene; in such rows they do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.cfa import Cfa
from sensormap.kernels import Mosaic
from sensormap.score import Noise

# Of 120 good frames no row, of 85 damaged ones (more than 1 % of photosites wrong) at least 1 % of the rows were beyond
# 6 standard errors.
_TORN_SIGMA, _TORN_SHARE = 6.0, 0.004
# Photosites compared a row. More would make harmless imbalances of the two greens significant.
_COLUMNS = 100
# How much a sensor's imbalance of its two greens may vary over the frame, as a share of the level.
_IMBALANCE = 0.01
_FEWEST_ROWS = 32
_SIGMAS_BETWEEN_QUARTILES = 1.349
# The scenes measured have up to 4 % of scores beyond 3.5 sigma.
_OUTLYING_SHARE = 0.25
_CLIPPED_SHARE = 0.995


def implausibility(active: Mosaic, noise: Noise, cfa: Cfa, *, saturation: int) -> str | None:
    """Return why a frame is no plausible photo, or None if it is one.

    Parameters
    ----------
    active
        The frame's active area, DN, black subtracted.
    noise
        Of this frame.
    cfa
        Filter pattern as read from the active area's corner.
    saturation
        DN at which a photosite clips, black subtracted.
    """
    sample = active[:: max(active.shape[0] // 64, 1)]
    clipped = float(np.mean((sample <= 0) | (sample >= saturation)))
    if clipped > _CLIPPED_SHARE:
        return f"{clipped:.1%} of the photosites are black or saturated, expected a photo"
    if noise.outlying > _OUTLYING_SHARE:
        return f"{noise.outlying:.0%} of the photosites differ from their neighbours, expected a photo; damaged?"
    torn = torn_rows(active, cfa)
    share = float(np.mean(torn)) if torn.size else 0.0
    if share > _TORN_SHARE:
        first = int(np.flatnonzero(torn)[0])
        return f"damaged: {share:.1%} of the rows, the first near row {first}, do not fit the rows beside them"
    return None


def torn_rows(active: Mosaic, cfa: Cfa) -> NDArray[np.bool_]:
    """Tell for each row whether its green photosites disagree with the other green above and below.

    Parameters
    ----------
    active
        The frame's active area, DN.
    cfa
        Filter pattern as read from its corner. Sensors without two greens yield no torn rows.

    Notes
    -----
    A row's statistic is the median of green minus the mean of its four diagonal neighbours, over its standard error
    (1.2533 sigma, from the quartiles, over the square root of the number compared). Sensors have an imbalance of their
    own between the two greens, a share of the level that changes sign from row to row: its median over the frame is
    subtracted, and what it may vary over the sensor is added to the error.
    """
    greens = [plane for plane in cfa.planes if plane.name in {"Gr", "Gb"}]
    height, width = active.shape
    if len(greens) != 2 or height < _FEWEST_ROWS or width < 16:
        return np.zeros(0, np.bool_)
    difference, error, level = np.zeros(height), np.ones(height), np.zeros(height)
    step = max((width - 4) // _COLUMNS, 2) // 2 * 2
    for plane in greens:
        row, col = plane.row or 2, plane.col + 2
        rows = slice(row, height - 1, 2)
        centre = active[rows, col : width - 1 : step].astype(np.float32)
        around = np.zeros_like(centre)
        for i, j in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            around += active[row + i : height - 1 + i : 2, col + j : width - 1 + j : step]
        excess = np.sort(centre - around / 4, axis=1)
        low, middle, high = (excess[:, round(share * (excess.shape[1] - 1))] for share in (0.25, 0.5, 0.75))
        spread = (high - low) / _SIGMAS_BETWEEN_QUARTILES
        difference[rows] = middle if plane.name == "Gr" else -middle
        level[rows] = np.maximum(around.mean(axis=1) / 4, 1)
        # A third of a DN: rounding alone, where a clipped or noiseless row has no spread of its own.
        error[rows] = 1.2533 * (spread + 1 / 3) / np.sqrt(centre.shape[1])
    imbalance = float(np.median(difference[2:-1] / level[2:-1]))
    unusual = np.abs(difference - imbalance * level)
    return np.asarray(unusual > _TORN_SIGMA * np.hypot(error, _IMBALANCE / _TORN_SIGMA * level))
