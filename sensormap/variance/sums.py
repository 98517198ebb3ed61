"""Sums over frames, in integers: they are exact, so that neither threads nor the order of frames or merging matter."""

from __future__ import annotations

from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensormap.compiled import compiled

MOST_FRAMES = 32_767
"""Frames that sums hold: of values of 16 bits and a sign, n times a sum of squares then stays below 2 ** 63."""

_BANDS = 16  # of rows, with a lock each, so that threads rarely wait
_BLOCK = 1 << 16  # values whose variances are computed at once: they stay in the cache


class Lowest(NamedTuple):
    """A value that changed little.

    Parameters
    ----------
    row, col, channel
        Its place in the sums; channel 0 where there is one only.
    squares
        Sum of its squared deviations from its mean, DN squared.
    """

    row: int
    col: int
    channel: int
    squares: float


class FrameSums:
    """How many frames, and the sum and the sum of squares of every value over them.

    Parameters
    ----------
    shape
        Shape of a frame: ``(H, W)``, or ``(H, W, 3)`` of pictures.
    bits
        Bits of a value at most, without its sign: 1 to 16.
    signed
        Whether values may be negative.
    few
        Whether so few frames come that NumPy adds them before a compiler is there; the sums are the same.

    Attributes
    ----------
    frames
        Frames added.
    total, squares
        Sums of the values and of their squares. Of 8 bits without a sign uint32 holds 66 000 frames; of up to
        15 bits int32 and int64 hold 65 000, and of 16 bits int64 holds `MOST_FRAMES`.

    Notes
    -----
    Sums of integers are merged by adding them. With the sum of squared deviations ``M = Q - S**2 / n`` of ``n`` frames,
    ``S`` and ``Q`` being the two sums, that is what the pairwise formula of Chan, Golub and LeVeque [1]_ says of
    ``M`` itself, ``M = M1 + M2 + (n2*S1 - n1*S2)**2 / (n1*n2*(n1 + n2))``, without its rounding: ``n*Q - S**2`` is an
    integer, and nothing is divided before the end.

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for Computing the Sample Variance: Analysis and
       Recommendations", The American Statistician 37, 242-247 (1983). https://doi.org/10.1080/00031305.1983.10483115

    Examples
    --------
    >>> sums, others = FrameSums((1, 2), bits=8), FrameSums((1, 2), bits=8)
    >>> sums.add(np.array([[1, 5]], np.uint8))
    >>> others.add(np.array([[3, 5]], np.uint8))
    >>> sums.merge(others)
    >>> sums.frames, sums.mean().tolist(), sums.variance().tolist()
    (2, [[2.0, 5.0]], [[1.0, 0.0]])
    """

    def __init__(self, shape: tuple[int, ...], *, bits: int, signed: bool = True, few: bool = False) -> None:
        if not 0 < bits <= 16:
            msg = f"bits: {bits} is not 1 to 16"
            raise ValueError(msg)
        small, narrow = bits <= 8 and not signed, bits <= 15
        self.frames = 0
        self.bits = bits
        self._add = _add_by_numpy if few else _add
        self.total: NDArray[Any] = np.zeros(shape, np.uint32 if small else np.int32 if narrow else np.int64)
        self.squares: NDArray[Any] = np.zeros(shape, np.uint32 if small else np.int64)
        edges = np.linspace(0, shape[0], min(_BANDS, shape[0]) + 1).astype(int).tolist()
        self._bands = [(first, last, Lock()) for first, last in pairwise(edges)]
        self._frames_lock = Lock()

    def add(self, values: NDArray[Any]) -> None:
        """Add one frame; threads may do so at once.

        Parameters
        ----------
        values
            Values of its shape, integers within its bits.

        Raises
        ------
        OverflowError
            Beyond `MOST_FRAMES`.
        """
        with self._frames_lock:
            self._require_room(1)
            start = self.frames % len(self._bands)  # two frames do not queue behind each other
            self.frames += 1
        for first, last, lock in self._bands[start:] + self._bands[:start]:
            rows = slice(first, last)
            with lock:
                self._add(_by_rows(values[rows]), _by_rows(self.total[rows]), _by_rows(self.squares[rows]))

    def merge(self, other: FrameSums) -> None:
        """Add the sums of other frames; the order of merging does not matter.

        Raises
        ------
        ValueError
            If its shape or its bits differ.
        OverflowError
            If both together have more frames than these hold.
        """
        if (self.total.shape, self.total.dtype) != (other.total.shape, other.total.dtype):
            msg = f"sums of shape {self.total.shape}, {self.bits} bits, take none of {other.total.shape}, {other.bits}"
            raise ValueError(msg)
        self._require_room(other.frames)
        self.frames += other.frames
        self.total += other.total
        self.squares += other.squares

    def mean(self) -> NDArray[np.float32]:
        """Return the mean of every value, DN, rounded to float32; NaN without a frame."""
        mean = np.full(self.total.shape, np.nan, np.float32)
        if self.frames:
            np.divide(self.total, self.frames, out=mean, dtype=np.float64, casting="same_kind")
        return mean

    def variance(self) -> NDArray[np.float32]:
        """Return the population variance of every value, DN squared, rounded to float32; NaN without a frame."""
        variance = np.full(self.total.shape, np.nan, np.float32)
        flat = variance.reshape(-1)
        for start in range(0, flat.size if self.frames else 0, _BLOCK):
            flat[start : start + _BLOCK] = self._deviations(start, _BLOCK) / self.frames**2
        return variance

    def moments(self, row: int, col: int) -> tuple[float, float]:
        """Return mean and population variance of one value, DN and DN squared; of no frame it is an error."""
        total, squares = int(self.total[row, col]), int(self.squares[row, col])
        return total / self.frames, (self.frames * squares - total * total) / self.frames**2

    def lowest(self, count: int) -> list[Lowest]:
        """Return the values that changed least, by their sum of squared deviations, then by row, column and channel.

        Parameters
        ----------
        count
            How many are returned, at most as many as there are.
        """
        places, found = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for start in range(0, self.total.size if count > 0 else 0, _BLOCK):
            block = self._deviations(start, _BLOCK)
            best = _first_lowest(block, count)
            places, found = np.append(places, start + best), np.append(found, block[best])
            if places.size > _BLOCK:
                best = _first_lowest(found, count)
                places, found = places[best], found[best]
        order = np.lexsort((places, found))[:count]
        shape = (*self.total.shape, 1)[:3]
        rows, cols, channels = (index.tolist() for index in np.unravel_index(places[order], shape))
        squares = (found[order] / max(self.frames, 1)).tolist()
        return [Lowest(*one) for one in zip(rows, cols, channels, squares, strict=True)]

    def _deviations(self, start: int, size: int) -> NDArray[np.int64]:
        """Return, of some values, the number of frames times the sum of squared deviations from their mean."""
        part = slice(start, start + size)
        total = self.total.reshape(-1)[part].astype(np.int64)
        deviations: NDArray[np.int64] = self.squares.reshape(-1)[part].astype(np.int64) * self.frames - total * total
        return deviations

    def _require_room(self, frames: int) -> None:
        if self.frames + frames > MOST_FRAMES:
            msg = f"these sums hold at most {MOST_FRAMES} frames"
            raise OverflowError(msg)


def _first_lowest(values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the places of the lowest values, ascending; of equal ones the first."""
    if values.size <= count:
        return np.arange(values.size)
    bar = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < bar)
    return np.sort(np.append(below, np.flatnonzero(values == bar)[: count - below.size]))


def _by_rows(values: NDArray[Any]) -> NDArray[Any]:
    """Return values of shape ``(H, W)`` or ``(H, W, 3)`` as ``(H, n)``, not copied."""
    return values.reshape(values.shape[0], -1)


def _add_by_numpy(values: NDArray[Any], total: NDArray[Any], squares: NDArray[Any]) -> None:
    """Do what `_add` does, three times as slowly, but without half a second for the compiler."""
    for row in range(values.shape[0]):
        total[row] += values[row]
        squares[row] += np.square(values[row], dtype=squares.dtype)


@compiled
def _add(values: NDArray[Any], total: NDArray[Any], squares: NDArray[Any]) -> None:
    """Add values to their sums and to their sums of squares, all ``(H, W)``."""
    for row in range(values.shape[0]):
        line, sums, of_squares = values[row], total[row], squares[row]
        for col in range(line.shape[0]):
            value = np.int64(line[col])
            sums[col] += value
            of_squares[col] += value * value
