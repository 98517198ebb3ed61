"""Whether a step of one plane is that of a damaged file, or an edge of the scene.

A file that stores differences to the photosite two rows above is damaged so that all later photosites of one plane are
off by one number of the file's levels: the step is complete between two rows, and as high at the left as at the right.
The edge of a scene is neither: it is blurred over a few rows, and its height varies along the row with what is on both
sides. A slope of the scene is no step at all: the rows before and behind rise as much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.medians import SIGMA_PER_MAD

# Rows of the plane before and behind that tell how much the steps of the scene vary.
_AROUND = 12

# Parts of a row whose steps are compared, and photosites without which a part says nothing.
_PARTS, _FEWEST = 24, 8

_EDGE_ROWS = 3  # an edge, blurred by a lens, spoils so many rows of a plane on either side
_LEVEL_ROWS = 15  # every such row, of either phase in turn, tells which levels the file has
_NEAR_LEVELS = 4  # on either side, of which the two that lie nearest to each other have none between them

# A row is odd if it bends by so much of its photosites, so many times as much as usual around (and as chance makes
# usual), and the rows between by at most a share of that; so many rows of a frame are looked at.
_ODD_SHARE, _ODD_TIMES, _ODD_LEAST, _BETWEEN_SHARE, _MOST_ODD = 0.1, 8.0, 0.8, 0.5, 4

# A plane bends where a row differs from those beside it, less what they differ from each other, so many times more than
# any of the rows around does; one that is damaged more times, since a scene with one edge has others.
_TIMES_AROUND, _TIMES_OWN = 1.5, 3.0

# A step is even if its parts spread by no more than this share of it and so many times what those of the rows around
# do, which it exceeds so many times.
_SPREAD_SHARE, _SPREAD_TIMES, _CLEAR = 0.1, 2.0, 2.5

# It is complete if the rows that touch it step like those around, to this share of it, so many of their spreads, up to
# another share of it, and the error of a median over the parts: a lens leaves more of an edge there.
_BESIDE_SHARE, _BESIDE_SPREADS, _MOST_BESIDE, _BESIDE_ERROR = 0.03, 3.0, 0.17, 0.15

# On either side an edge goes on the same way: by this share of it, and the error of that, in the mean of both.
_BLURRED, _BLURRED_ERROR = 0.08, 0.05

# The first damaged row may be garbled: so many of its parts lie beyond both sides of the step, by so many spreads.
_GARBLED_SHARE, _GARBLED_SPREADS = 0.25, 4.0

# An edge in one colour shows in the other colours by so much at least: filters let other light through.
_SEEN_SHARE = 0.015

_ROUNDING = 0.1  # of a level: what the rounding of a noiseless plane makes


def odd_rows(active: Mosaic) -> list[tuple[int, int]]:
    """Return the rows and columns, as `is_sudden` takes them, where far more of a plane's photosites rise, or fall.

    Parameters
    ----------
    active
        The frame's active area of a Bayer sensor, DN.

    Notes
    -----
    Counted are the photosites that rise less those that fall, whatever the amount, as a share of the row. A row is odd
    if that share differs from those of the rows beside it by many times what it usually does around, and if the rows
    between differ far less.
    """
    height, width = active.shape
    if height < 4 * _AROUND or width < 2 * _PARTS * _FEWEST:
        return []
    rises = np.empty((height - 2, 2), np.int32)
    count_rises(active, rises)
    bend = np.zeros((height, 2), np.float32)
    bend[2 : height - 4] = np.abs(rises[2:-2] - (rises[:-4] + rises[4:]) / 2) / (width // 4)
    odd = []
    for row, col in np.argwhere(bend > _ODD_SHARE).tolist():
        around = bend[max(row - 2 * _AROUND, row % 2) : row + 2 * _AROUND : 2, col]
        usual = max(float(np.median(around)), _ODD_LEAST / math.sqrt(width / 4))
        if bend[row, col] > _ODD_TIMES * usual and bend[row - 1 : row + 2 : 2].max() < _BETWEEN_SHARE * bend[row, col]:
            odd.append((float(bend[row, col] / usual), row, col))
    return [(row, col) for _, row, col in sorted(odd, reverse=True)[:_MOST_ODD]]


@compiled
def count_rises(active: Mosaic, rises: NDArray[np.int32]) -> None:
    """Count, of each row and both columns' planes, the photosites that rise to the next row, less those that fall.

    Every second photosite of a plane is counted: half the time, and enough.

    Parameters
    ----------
    active
        The frame's active area, DN.
    rises
        Filled, ``(H - 2, 2)``.
    """
    quarter = active.shape[1] // 4
    for row in range(rises.shape[0]):
        above, below = active[row], active[row + 2]
        for col in range(2):
            total = 0
            for i in range(quarter):
                one, other = above[4 * i + col], below[4 * i + col]
                total += (other > one) - (other < one)
            rises[row, col] = total


def is_sudden(active: Mosaic, row: int, col: int, *, saturation: int) -> bool:
    """Tell whether a plane steps suddenly, by one amount all across the frame, and the rows between do not.

    Parameters
    ----------
    active
        The frame's active area of a Bayer sensor, DN.
    row
        Last row before the step; the next one of its plane lies two below.
    col
        Column, 0 or 1, of the plane's first photosite in it.
    saturation
        DN at which a photosite clips: parts at it, or at 0, on either side of the step tell nothing.
    """
    levels = _Levels.of(active)
    own = _Steps.of(active, row, col, levels)
    if own is None or 2 * np.count_nonzero(own.tells(saturation)) < _PARTS:
        return False
    own = own.within(own.tells(saturation))
    if not (own.is_complete() or own.is_garbled()):
        return False
    # The other plane of the same rows may be damaged too, those of the rows between are not.
    between = [at for at in (row - 1, row + 1) if 0 <= at < active.shape[0] - 2]
    others = (_Steps.of(active, at, either, levels) for at in between for either in (0, 1))
    least = _SEEN_SHARE * own.single.height()
    return not any(other is not None and other.bends_with(least) for other in others)


@dataclass(frozen=True)
class _Levels:
    """The levels of a file, which may lie further apart where the light is bright: damage shifts values by so many.

    Attributes
    ----------
    value
        Levels that a sample of the frame has, DN, ascending.
    number
        Number of each, with those between counted that the sample lacks.
    """

    value: NDArray[Any]
    number: NDArray[np.float64]

    @staticmethod
    def of(active: Mosaic) -> _Levels:
        value = np.unique(active[::_LEVEL_ROWS])
        apart = np.diff(value.astype(np.float64))
        if not apart.size:
            return _Levels(value, np.zeros(1))
        near = sliding_window_view(np.pad(apart, _NEAR_LEVELS, mode="edge"), 2 * _NEAR_LEVELS + 1).min(axis=1)
        return _Levels(value, np.concatenate([[0.0], np.cumsum(apart / near)]))

    def numbers(self, values: Mosaic) -> NDArray[np.float32]:
        return np.interp(values, self.value, self.number).astype(np.float32)


@dataclass(frozen=True)
class _Rise:
    """By how much the parts of some rows rise, and which of the rows is in question.

    Attributes
    ----------
    parts
        In levels of the file, ``(rows, parts)``.
    at
        The row in question.
    reach
        Rows on, of which the rises have no row in common.
    """

    parts: NDArray[np.float32]
    at: int
    reach: int

    def excess(self) -> NDArray[np.float32]:
        """Return by how much the row rises beyond those beside it, part by part."""
        beside = [self.parts[i] for i in (self.at - self.reach, self.at + self.reach) if 0 <= i < len(self.parts)]
        return np.asarray(self.parts[self.at] - np.mean(beside, axis=0), np.float32)

    def around(self) -> NDArray[np.float32]:
        """Return the same of the rows around that an edge at the row does not touch."""
        reach = self.reach
        bends = self.parts[reach:-reach] - (self.parts[: -2 * reach] + self.parts[2 * reach :]) / 2
        rows = np.arange(reach, len(self.parts) - reach)
        return np.asarray(bends[np.abs(rows - self.at) > _EDGE_ROWS], np.float32)

    def height(self) -> float:
        return abs(float(np.median(self.excess())))

    def natural(self) -> float:
        """Return how much the parts of a row around spread."""
        return float(np.median([_spread(bend) for bend in self.around()]))

    def bends(self, times: float = _TIMES_AROUND) -> bool:
        """Tell whether the row rises beyond those beside it more than any around does beyond those beside it."""
        usual = np.abs(np.median(self.around(), axis=1))
        return bool(self.height() > times * float(usual.max(initial=0)) + _ROUNDING)

    def is_even(self) -> bool:
        """Tell whether all parts of the row rise by one amount."""
        height, natural = self.height(), self.natural()
        even = _spread(self.excess()) <= float(np.hypot(_SPREAD_SHARE * height, _SPREAD_TIMES * natural))
        return even and height > _CLEAR * natural

    def is_alone(self) -> bool:
        """Tell whether the rows beside rise no more than those around."""
        far, middles = np.abs(np.arange(len(self.parts)) - self.at), np.median(self.parts, axis=1)
        usual = middles[far > _EDGE_ROWS]
        spread = min(_BESIDE_SPREADS * _spread(usual), _MOST_BESIDE * self.height())
        reach = _BESIDE_SHARE * self.height() + spread + _BESIDE_ERROR * self.natural()
        beside = middles[far == self.reach] - np.median(usual)
        onward = float(beside.mean()) * math.copysign(1.0, float(np.median(self.excess())))
        blurred = onward > _BLURRED * self.height() + _BLURRED_ERROR * self.natural()
        return bool(np.ptp(beside) <= self.height() and (np.abs(beside) <= reach).all() and not blurred)


@dataclass(frozen=True)
class _Steps:
    """Steps of a plane around a row.

    Attributes
    ----------
    single
        Steps from each row to the next one; in question is the one from the row.
    double
        Steps from each row to the second next; in question is the one that passes over the row after.
    middle
        Medians of the parts of the row and of the row after it, DN, ``(2, parts)``.
    """

    single: _Rise
    double: _Rise
    middle: NDArray[np.float32]

    @staticmethod
    def of(active: Mosaic, row: int, col: int, levels: _Levels) -> _Steps | None:
        """Return the steps around a row; None where there is no telling. Parameters as for `is_sudden`."""
        at, width = row // 2, active.shape[1] // 2 // _PARTS
        first = max(at - _AROUND, 0)
        around = active[row % 2 :: 2, col::2][first : at + _AROUND + 2, : width * _PARTS]
        at -= first
        if width < _FEWEST or around.shape[0] < _AROUND or at + 2 >= around.shape[0]:
            return None
        index = levels.numbers(around).reshape(-1, _PARTS, width)
        single, double = (_Rise(_means(index[by:] - index[:-by]), at, by) for by in (1, 2))
        middle = np.median(around[at : at + 2].reshape(2, _PARTS, width), axis=2).astype(np.float32)
        return _Steps(single, double, middle)

    def tells(self, saturation: int) -> NDArray[np.bool_]:
        """Return which parts are clipped on neither side of the row."""
        return np.asarray(((self.middle > 0) & (self.middle < saturation)).all(axis=0))

    def within(self, kept: NDArray[np.bool_]) -> _Steps:
        """Return the steps of some parts."""
        single, double = (replace(rise, parts=rise.parts[:, kept]) for rise in (self.single, self.double))
        return _Steps(single, double, self.middle[:, kept])

    def bends_with(self, least: float) -> bool:
        """Tell whether the plane bends as at an edge of the scene, by `least` or more, and not as damage of its own."""
        return self.single.height() > least and self.single.bends() and not self.is_garbled()

    def is_complete(self) -> bool:
        """Tell whether the plane steps evenly from the row to the next."""
        return self.single.bends(_TIMES_OWN) and self.single.is_even() and self.single.is_alone()

    def is_garbled(self) -> bool:
        """Tell whether the plane steps evenly over the row after, much of which lies beyond both sides."""
        up, down = self.single.parts[self.single.at : self.single.at + 2]
        beyond = np.minimum(np.abs(up), np.abs(down)) > _GARBLED_SPREADS * self.single.natural()
        if np.count_nonzero(beyond & (up * down < 0)) < _GARBLED_SHARE * up.size:
            return False
        return self.double.bends(_TIMES_OWN) and self.double.is_even() and self.double.is_alone()


def _spread(values: NDArray[np.float32]) -> float:
    return SIGMA_PER_MAD * float(np.median(np.abs(values - np.median(values))))


def _means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return means along the last axis, of values drawn in to some three sigma about their median."""
    middle = np.median(values, axis=2, keepdims=True)
    reach = np.float32(3 * SIGMA_PER_MAD) * np.median(np.abs(values - middle), axis=2, keepdims=True) + np.float32(1)
    return np.asarray(np.clip(values, middle - reach, middle + reach).mean(axis=2), np.float32)
