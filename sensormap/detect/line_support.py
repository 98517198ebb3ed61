"""Whether many frames make a line, or a few: the mean of all frames cannot tell, what single frames show can.

A defective line shows in every frame since it appeared. The edge of a roof that lies along a row in two frames of sixty
can make as large a mean. So the frames in which a line shows most are left out: what is left of a defect is little less
than before, and of an edge nothing. What chance and scenery leave of healthy lines is measured on lines near by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.lines import DeviatingLine
from sensormap.score.medians import SIGMA_PER_MAD

# Photosites of a line, and of each line near by, whose values are compared; and of all lines together, which take
# memory in every frame.
_SAMPLED, _SAMPLED_IN_ALL = 96, 20_000

# Distances of the lines near by, in lines of a plane: the nearest ones deviate the other way, see `lines`.
_APART = (-6, -5, -4, -3, 3, 4, 5, 6)

MOST_LINES = 185
"""Lines that are looked at, those of the highest score; the others are dropped."""

# Frames left out: so many, and this share of all.
_LEFT_OUT, _LEFT_OUT_SHARE = 2, 0.05

# Frames without which nothing is told.
_FEWEST_FRAMES = 6

# What is left of a line is at least so many standard deviations of what is left of those near by, and this share of
# what all frames make: a defect of the last fifth of the frames keeps a third.
_LEFT_SIGMA, _LEFT_SHARE = 3.0, 0.25

_CLIP = 4.0  # sigma: a glaring photosite counts like a clear one


@dataclass(frozen=True, eq=False)
class LineSites:
    """Photosites along some lines, and along the lines near each.

    Attributes
    ----------
    lines
        The lines.
    photosites
        Positions ``row * W + col`` in the active area, int64, shape ``(lines, 1 + near, sampled)``: first of the line
        itself, and then of each line near by. Lines of which fewer are sampled repeat theirs.
    """

    lines: tuple[DeviatingLine, ...]
    photosites: NDArray[np.int64]

    @staticmethod
    def of(lines: Sequence[DeviatingLine], shape: tuple[int, int], step: int) -> LineSites:
        """Choose the photosites of lines.

        Parameters
        ----------
        lines
            Lines of the active area, from `lines.find_lines`.
        shape
            ``(H, W)`` of the active area.
        step
            Distance between same-plane neighbours.
        """
        kept = sorted(sorted(lines, key=lambda line: (-line.score, line))[:MOST_LINES])
        sampled = min(_SAMPLED, _SAMPLED_IN_ALL // (max(len(kept), 1) * (1 + len(_APART))))
        places = np.zeros((len(kept), 1 + len(_APART), sampled), np.int64)
        for i, line in enumerate(kept):
            along = np.arange(line.first, line.last + 1)
            along = along[np.isin(along % step, line.phases)]
            along = along[np.linspace(0, along.size - 1, sampled).round().astype(int)]
            across = line.place + step * np.array([0, *_APART])
            # Instead of a line beyond the border one on the other side is taken.
            most = shape[1] if line.axis == "column" else shape[0]
            beyond = (across < 0) | (across >= most)
            across = np.where(beyond, 2 * line.place - across, across) % most
            by_along, by_across = (shape[1], 1) if line.axis == "column" else (1, shape[1])
            places[i] = by_along * along + by_across * across[:, np.newaxis]
        return LineSites(tuple(kept), places)


def supported(sites: LineSites, scores: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[DeviatingLine, ...]:
    """Return the lines that many frames make, in the order of `sites`.

    Parameters
    ----------
    sites
        The lines and their photosites.
    scores
        Residuals of these photosites over their noise, in each frame, shape ``(*sites.photosites.shape, frames)``.
    known
        Which frames tell something of every photosite, ``(frames,)``. Where those are too few, all lines are returned.
    """
    frames = int(np.count_nonzero(known))
    if frames < _FEWEST_FRAMES or not sites.lines:
        return sites.lines
    shown = np.clip(scores[..., known], -_CLIP, _CLIP).mean(axis=2)  # (lines, 1 + near, frames)
    shown -= np.median(shown[:, 1:], axis=1, keepdims=True)
    sign = np.array([math.copysign(1.0, line.effect) for line in sites.lines])
    shown *= sign[:, np.newaxis, np.newaxis]
    out = _LEFT_OUT + math.ceil(_LEFT_OUT_SHARE * frames)
    left = np.sort(shown, axis=2)[..., : max(frames - out, 1)].mean(axis=2)
    whole = shown[:, 0].mean(axis=1)
    centre = np.median(left[:, 1:], axis=1)
    # Scenery and noise are not alike at all lines; few lines near by tell it badly, all together of another place.
    spread = SIGMA_PER_MAD * np.median(np.abs(left[:, 1:] - centre[:, np.newaxis]), axis=1)
    spread = np.maximum(spread, np.median(spread))
    clear = (left[:, 0] - centre > _LEFT_SIGMA * spread) & (left[:, 0] - centre > _LEFT_SHARE * whole)
    return tuple(line for line, kept in zip(sites.lines, clear.tolist(), strict=True) if kept)
