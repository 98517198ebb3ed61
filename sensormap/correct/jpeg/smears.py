"""Repairing the smears that defective photosites leave in a camera's JPEGs: arithmetic on pixels alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class Pixel(NamedTuple):
    """Where a defect is: x, y in the JPEG as stored, how far it may lie from there, and the number of its line.

    Pixels of one bad column or row share a number above 0: they show together.
    """

    x: int
    y: int
    radius: int = 0
    line: int = 0


WEIGHTS: Final = np.array([[0.5, 1, 0.5], [1, 0, 1], [0.5, 1, 0.5]])
"""Weights of a pixel's eight neighbours, in the single-pixel correction script."""

REPAIR_RADIUS: Final = 2  # pixels from a defect to the edge of its smear: demosaicing reaches 1, sharpening one more
_AROUND: Final = REPAIR_RADIUS + 1  # where the ring around a smear is
_COMPARED: Final = 8  # pixels from a defect to the farthest place that it is compared with
_SCATTERS: Final = 3.0  # a defect shows where its contrast is so many times the scatter around,
_MORE_SCATTERS: Final = 0.5  # and so many more for each pixel of uncertainty: of many places one stands out by chance
_LINE_SHARE: Final = 0.2  # of a line's pixels; of healthy ones one in fifty stands out
_LEAST: Final = 1.5  # DN; lower contrast is no more than the rounding of coefficients leaves
_REACH: Final = 12  # pixels that are searched for healthy ones, to each side
_NOWHERE: Final = 1e9  # steps to a healthy pixel where there is none
_NOISE: Final = 6.0  # DN; differences below it say little about the direction of an edge
_DIRECTIONS: Final = ((0, 1), (1, 0), (1, 1), (1, -1))


class Repair(NamedTuple):
    """Repaired pixels, and where the smear of each defect was found: x and y, or None where it was left alone."""

    pixels: Pixels
    centres: list[tuple[int, int] | None]


def weighted8(pixels: Pixels, defects: Sequence[tuple[int, int]]) -> Pixels:
    """Replace pixels one after the other by weighted means of their eight neighbours, as the single-pixel script does.

    Parameters
    ----------
    pixels
        Red, green and blue of the JPEG, shape ``(H, W, 3)``.
    defects
        Places (x, y); a pixel sees those replaced before it.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        A new array.

    Raises
    ------
    ValueError
        If a pixel lies outside the JPEG.

    Examples
    --------
    >>> pixels = np.full((3, 3, 3), 10, np.uint8)
    >>> pixels[1, 1] = 200
    >>> weighted8(pixels, [(1, 1)])[1, 1].tolist()
    [10, 10, 10]
    """
    _check_inside(pixels, defects)
    out = pixels.copy()
    height, width = pixels.shape[:2]
    for x, y in defects:
        top, left = max(y - 1, 0), max(x - 1, 0)
        weights = WEIGHTS[top - y + 1 :, left - x + 1 :][: height - top, : width - left]
        if weights.any():
            near = out[top : y + 2, left : x + 2].astype(np.float64)
            out[y, x] = np.rint(np.tensordot(weights, near, 2) / weights.sum())
    return out


def repair_smears(pixels: Pixels, defects: Sequence[Pixel], *, all_defects: bool = False) -> Repair:
    """Replace the smears around defects by what the pixels around them suggest, along edges rather than across.

    Parameters
    ----------
    pixels
        Red, green and blue of the JPEG, shape ``(H, W, 3)``.
    defects
        Places of the defects.
    all_defects
        Whether to replace also those that do not stand out in this JPEG.

    Returns
    -------
    Repair
        A new array of pixels; only those up to `REPAIR_RADIUS` from a centre differ.

    Raises
    ------
    ValueError
        If a pixel lies outside the JPEG.

    Notes
    -----
    A defect stands out where a pointed mean of 3 x 3 pixels differs, in any colour, from the ring of 24 pixels around
    its smear by 3 times the root mean square of what the same difference is at the places 6 to 8 pixels away. Within
    an uncertainty the place that stands out most is taken, and half a time more is asked for each pixel of it. Where a
    fifth of a line stands out, all of it is replaced.

    A pixel of a smear is estimated along the row, the column and both diagonals, between the nearest healthy pixels to
    both sides, the nearer one weighing more. The four estimates are averaged with weights that fall with their length
    and with the square of the difference between their ends.
    """
    defects = [Pixel(*pixel) for pixel in defects]
    _check_inside(pixels, [pixel[:2] for pixel in defects])
    centres = [_centre(pixels, pixel, all_defects=all_defects) for pixel in defects]
    members = Counter(pixel.line for pixel in defects)
    found = Counter(pixel.line for pixel, centre in zip(defects, centres, strict=True) if centre)
    shown = {line for line in members if line and found[line] >= _LINE_SHARE * members[line]}
    centres = [
        _centre(pixels, pixel, all_defects=True) if pixel.line in shown and not centre else centre
        for pixel, centre in zip(defects, centres, strict=True)
    ]
    mask = np.zeros(pixels.shape[:2], np.bool_)
    for x, y in filter(None, centres):
        top, left = max(y - REPAIR_RADIUS, 0), max(x - REPAIR_RADIUS, 0)
        mask[top : y + REPAIR_RADIUS + 1, left : x + REPAIR_RADIUS + 1] = True
    return Repair(_filled(pixels, mask), centres)


def _check_inside(pixels: Pixels, defects: Sequence[tuple[int, int]]) -> None:
    height, width = pixels.shape[:2]
    for x, y in defects:
        if not (0 <= x < width and 0 <= y < height):
            msg = f"pixel {x},{y} lies outside the JPEG of {width} x {height}"
            raise ValueError(msg)


def _pointed() -> NDArray[np.float32]:
    """Return the weights of the difference between a pointed mean and the ring around it."""
    weights = np.zeros((2 * _AROUND + 1, 2 * _AROUND + 1), np.float32)
    weights[[0, -1]] = weights[:, [0, -1]] = 1
    weights /= -weights.sum()
    weights[_AROUND - 1 : _AROUND + 2, _AROUND - 1 : _AROUND + 2] = np.outer((1, 2, 1), (1, 2, 1)) / 16
    return weights


_POINTED: Final = _pointed()


def _centre(pixels: Pixels, pixel: Pixel, *, all_defects: bool) -> tuple[int, int] | None:
    """Return where the smear of a defect stands out most, or None where it nowhere does."""
    x, y, radius = pixel[:3]
    reach = _COMPARED + radius + _AROUND
    height, width = pixels.shape[:2]
    rows = np.clip(np.arange(y - reach, y + reach + 1), 0, height - 1)
    cols = np.clip(np.arange(x - reach, x + reach + 1), 0, width - 1)
    around = pixels[rows[:, np.newaxis], cols].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(around, _POINTED.shape, (0, 1))
    contrast = np.einsum("ijcrs,rs->ijc", windows, _POINTED)
    middle = contrast.shape[0] // 2
    steps = np.abs(np.arange(contrast.shape[0]) - middle)
    away = np.maximum(steps[:, np.newaxis], steps) >= _AROUND + REPAIR_RADIUS + 1 + radius
    scatter = np.maximum(np.sqrt(np.mean(contrast[away] ** 2, 0)), _LEAST / _SCATTERS)
    # Only places inside the JPEG can be a centre.
    top, left = max(middle - radius, middle - y), max(middle - radius, middle - x)
    bottom, right = min(middle + radius, middle + height - 1 - y), min(middle + radius, middle + width - 1 - x)
    ratio = (np.abs(contrast[top : bottom + 1, left : right + 1]) / scatter).max(2)
    row, col = np.unravel_index(np.argmax(ratio), ratio.shape)
    if ratio[row, col] < _SCATTERS + _MORE_SCATTERS * radius and not all_defects:
        return None
    return x + int(col) + left - middle, y + int(row) + top - middle


def _filled(pixels: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """Estimate the masked pixels from those around; one that sees no healthy pixel stays as it is."""
    out = pixels.copy()
    rows, cols = np.nonzero(mask)
    total, weights = np.zeros((rows.size, 3)), np.zeros((rows.size, 1))
    for down, across in _DIRECTIONS:
        one, far_one = _nearest(pixels, mask, (rows, cols), (down, across))
        two, far_two = _nearest(pixels, mask, (rows, cols), (-down, -across))
        near = np.minimum(far_one, far_two)
        weight = np.hypot(down, across) * (far_one + far_two) * (np.abs(one - two).mean(1, keepdims=True) + _NOISE) ** 2
        # Where one side has no healthy pixel, the other one's counts next to nothing beside estimates from two sides.
        weight = (near < _NOWHERE) / weight
        total += weight * (one * far_two + two * far_one) / (far_one + far_two)
        weights += weight
    known = weights[:, 0] > 0
    out[rows[known], cols[known]] = np.clip(np.rint(total[known] / weights[known]), 0, 255)
    return out


def _nearest(
    pixels: Pixels, mask: NDArray[np.bool_], places: tuple[NDArray[np.intp], NDArray[np.intp]], step: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nearest healthy pixels in a direction, and how many steps away they are."""
    height, width = mask.shape
    levels = np.zeros((places[0].size, 3))
    far = np.full((places[0].size, 1), _NOWHERE)
    for steps in range(1, _REACH + 1):
        rows, cols = places[0] + steps * step[0], places[1] + steps * step[1]
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width) & (far[:, 0] == _NOWHERE)
        at = np.flatnonzero(inside)
        at = at[~mask[rows[at], cols[at]]]
        far[at] = steps
        levels[at] = pixels[rows[at], cols[at]]
    return levels, far
