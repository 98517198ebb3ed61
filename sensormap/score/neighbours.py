"""The eight same-colour neighbours of photosites: their median and their spread, by compiled loops.

The median of eight is the mean of the 4th and 5th smallest; the mid-spread is the mean of the 6th and 7th less that of
the 2nd and 3rd, so that one outlier on either side changes neither. Both are kept doubled, which makes them integers.

The inner loops run over equal-length row slices with one integer width each, because that is what LLVM turns into
SIMD code; `error_model="numpy"` removes the division check that would prevent it. Fused multiply-add and other
value-changing optimisations stay off, so that every machine computes the same scores.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa, Lattice, step_of
from sensormap.compiled import compiled
from sensormap.frame import NARROW, Mosaic

BLOCK_ROWS = 32
"""Rows whose intermediate results stay in the processor's cache."""

# Rows and columns of the eight neighbours, from the corner; and the comparators of `middle_rows`.
_AROUND = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2))
_NETWORK = (
    (0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6),
    (0, 4), (3, 7), (1, 5), (2, 6), (1, 4), (3, 6), (2, 4), (3, 5),
)  # fmt: skip

Work = tuple[NDArray[Any], NDArray[Any], NDArray[np.int8]]
"""Memory for some rows: twice the levels, twice the mid-spreads, and the scores."""


def pad(active: Mosaic | NDArray[np.uint8], step: int, out: Mosaic | None = None) -> Mosaic:
    """Return the active area with `step` more rows and columns around it, each plane continued in a straight line.

    Parameters
    ----------
    active
        The active area, DN, ``(H, W)``, at least three steps a side. Of bytes, int16 is returned.
    step
        Distance between same-plane neighbours: 2 for Bayer, 6 for X-Trans, 1 for mono.
    out
        Memory for it, as an earlier call for an area of the same size and type returned it; None takes new memory.

    Raises
    ------
    ValueError
        If the area is smaller.

    Notes
    -----
    Beyond the edge a value is twice the outermost one less the next inside, so that a gradient of the scene does not
    make the edge stand out. Copies would: mirrored ones all come from one side, and repeat neighbours, so that a single
    defect beside a corner is half of them.
    """
    height, width = active.shape
    if min(height, width) < 3 * step:
        msg = f"an active area of {width} x {height} photosites is too small: at least {3 * step} a side"
        raise ValueError(msg)
    shape = (height + 2 * step, width + 2 * step)
    dtype = np.dtype(np.int16) if active.dtype == np.uint8 else active.dtype
    fits = out is not None and out.shape == shape and out.dtype == dtype
    padded = out if out is not None and fits else np.empty(shape, dtype)
    padded[step:-step, step:-step] = active
    inner = padded[:, step:-step]
    inner[:step] = _continued(inner[step : 2 * step], inner[2 * step : 3 * step])
    inner[-step:] = _continued(inner[-2 * step : -step], inner[-3 * step : -2 * step])
    padded[:, :step] = _continued(padded[:, step : 2 * step], padded[:, 2 * step : 3 * step])
    padded[:, -step:] = _continued(padded[:, -2 * step : -step], padded[:, -3 * step : -2 * step])
    # A defect in a corner would continue into three of its own neighbours: those take other photosites' lines.
    own, other = slice(step, 2 * step), slice(3 * step, 4 * step)
    beyond = slice(0, step)
    for corner in (padded, padded[::-1], padded[:, ::-1], padded[::-1, ::-1]):
        corner[beyond, own] = corner[beyond, other]
        corner[own, beyond] = corner[other, beyond]
        corner[beyond, beyond] = corner[other, other]
    return cast("Mosaic", padded)


def unpadded_shape(padded: Mosaic, step: int) -> tuple[int, int]:
    """Return ``(H, W)`` of the active area that `pad` put `step` rows and columns around.

    Examples
    --------
    >>> unpadded_shape(pad(np.zeros((8, 10), np.int16), 2), 2)
    (8, 10)
    """
    return padded.shape[0] - 2 * step, padded.shape[1] - 2 * step


def gather_windows(
    padded: Mosaic, row: NDArray[np.int64], col: NDArray[np.int64], lattice: Lattice
) -> Mosaic:
    """Return value, twice the median and twice the mid-spread of the eight neighbours of some photosites, ``(3, N)``.

    Parameters
    ----------
    padded, lattice
        As for `middle_of_rows`.
    row, col
        Rows and columns of the photosites in the unpadded frame, ``(N,)``.

    Returns
    -------
    ndarray of shape (3, N)
        In DN and doubled DN, of the frame's type, which holds twice its values; a spread beyond it, from far below
        black to saturation, is cut.
    """
    width, step = padded.shape[1], step_of(lattice)
    corner = row * width + col
    flat = padded.reshape(-1)
    if isinstance(lattice, Cfa) and lattice.is_xtrans:
        offsets = np.array(lattice.neighbours, np.int64)[row % step * step + col % step] + step
        a = list(flat[corner + offsets[..., 0].T * width + offsets[..., 1].T])
    else:
        a = [flat[corner + (down * width + right) * step] for down, right in _AROUND]
    for one, other in _NETWORK:
        a[one], a[other] = np.minimum(a[one], a[other]), np.maximum(a[one], a[other])
    a = [values.astype(np.int32) for values in a]
    value = flat[corner + (width + 1) * step].astype(np.int32)
    spread = np.minimum((a[5] + a[6]) - (a[1] + a[2]), np.iinfo(padded.dtype).max)
    windows = np.stack([value, a[3] + a[4], spread])
    return windows.astype(np.int16) if padded.dtype == np.int16 else windows


def neighbours_of_rows(
    padded: Mosaic, rows: NDArray[np.int64], lattice: Lattice
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return value, twice the median and twice the mid-spread of the neighbours of whole rows, each ``(R, W)``.

    Parameters
    ----------
    padded, lattice
        As for `middle_of_rows`.
    rows
        Numbers of the rows in the unpadded frame, ``(R,)``.

    Returns
    -------
    tuple of ndarray
        In DN and doubled DN, of the types that `work_rows` has.
    """
    step = step_of(lattice)
    width = padded.shape[1] - 2 * step
    level2, spread2, _ = work_rows(padded, step, len(rows))
    # A call for every row, not a kernel of all: this one is compiled for the tally in any case.
    for i, row in enumerate(rows.tolist()):
        middle_of_rows(padded, row, 1, lattice, level2[i : i + 1], spread2[i : i + 1])
    return padded[rows + step][:, step : step + width], level2, spread2


def work_rows(padded: Mosaic, step: int, rows: int = BLOCK_ROWS) -> Work:
    """Return memory for twice the levels, twice the mid-spreads and the scores of some rows, each ``(rows, W)``.

    Parameters
    ----------
    padded
        The active area as `pad` returns it, DN.
    step
        Distance between same-plane neighbours: 2 for Bayer, 6 for X-Trans, 1 for mono.
    rows
        Number of rows.

    Notes
    -----
    The memory is as narrow as the mosaic, for speed: of int16 all values are within +-`frame.NARROW`, so that twice
    their median fits int16, and twice their mid-spread uint16.
    """
    shape = (rows, padded.shape[1] - 2 * step)
    spread2 = np.empty(shape, np.uint16 if padded.dtype == np.int16 else np.int32)
    return np.empty(shape, padded.dtype), spread2, np.empty(shape, np.int8)


def middle_of_rows(
    padded: Mosaic, first: int, count: int, lattice: Lattice, level2: NDArray[Any], spread2: NDArray[Any]
) -> None:
    """Fill twice the median, and twice the mid-spread, of the eight same-colour neighbours of some rows' photosites.

    Parameters
    ----------
    padded
        The active area as `pad` returns it, DN.
    first, count
        First row, in the unpadded frame, and number of rows.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the active area's corner.
    level2, spread2
        Memory to fill, as for `middle_rows`.
    """
    if isinstance(lattice, int) or not lattice.is_xtrans:
        middle_rows(padded, first, count, step_of(lattice), level2, spread2)
        return
    step, near = lattice.step, lattice.near
    strips = np.empty((count + 2 * near, step, -(-padded.shape[1] // step)), padded.dtype)
    results = np.empty(strips.shape[2], level2.dtype), np.empty(strips.shape[2], spread2.dtype)
    middle_rows_of_pattern(padded, first, count, near, _strip_places(lattice), strips, *results, level2, spread2)


@cache
def _strip_places(cfa: Cfa) -> NDArray[np.int64]:
    """Return where the neighbours of each place of a pattern lie in strips: `places` of `middle_rows_of_pattern`."""
    step, near = cfa.step, cfa.near
    places = np.empty((step * step, 8, 3), np.int64)
    for plane, around, place in zip(cfa.planes, cfa.neighbours, places, strict=True):
        for (down, right), one in zip(around, place, strict=True):
            one[:] = near + down, (plane.col + right) % step, (plane.col + step + right) // step
    return places.reshape(step, step, 8, 3)


def _continued(outermost: Mosaic, inside: Mosaic) -> Mosaic:
    """Return what lies one step beyond `outermost` on a straight line from `inside`, within what the type may hold."""
    most = NARROW if outermost.dtype == np.int16 else np.iinfo(outermost.dtype).max // 2
    line = 2 * outermost.astype(np.int64) - inside
    return cast("Mosaic", np.clip(line, -most, most).astype(outermost.dtype))


@compiled
def middle_rows(
    padded: Mosaic, first: int, count: int, step: int, level2: NDArray[Any], spread2: NDArray[Any]
) -> None:
    """Fill twice the median, and twice the mid-spread, of the eight same-colour neighbours of some rows' photosites.

    Parameters
    ----------
    padded, step
        As for `work_rows`; each photosite's neighbours lie `step` rows and columns around it.
    first, count
        First row, in the unpadded frame, and number of rows.
    level2, spread2
        Memory to fill, ``(count, W)`` at least, W that of the unpadded frame; as `work_rows` returns it.

    Notes
    -----
    Each photosite's neighbours are sorted by Batcher's odd-even merge network [1]_, whose comparators are minima and
    maxima: no branches. Its last comparator, between the 4th and the 5th, is left out: only their sum is wanted.

    References
    ----------
    .. [1] K. E. Batcher, "Sorting networks and their applications", AFIPS Spring Joint Computer Conference 32 (1968)
       307, doi:10.1145/1468075.1468121.
    """
    width = level2.shape[1]
    for i in range(count):
        up, mid, down = padded[first + i], padded[first + i + step], padded[first + i + 2 * step]
        n0, n1, n2 = up[0:width], up[step : step + width], up[2 * step : 2 * step + width]
        n3, n4 = mid[0:width], mid[2 * step : 2 * step + width]
        n5, n6, n7 = down[0:width], down[step : step + width], down[2 * step : 2 * step + width]
        middle_of_eight(n0, n1, n2, n3, n4, n5, n6, n7, level2[i], spread2[i])


@compiled
def middle_rows_of_pattern(
    padded: Mosaic,
    first: int,
    count: int,
    near: int,
    places: NDArray[np.int64],
    strips: Mosaic,
    strip_level2: NDArray[Any],
    strip_spread2: NDArray[Any],
    level2: NDArray[Any],
    spread2: NDArray[Any],
) -> None:
    """Fill the same as `middle_rows`, of patterns whose places have their neighbours here and there.

    Parameters
    ----------
    padded, first, count, level2, spread2
        As for `middle_rows`.
    near
        Rows above and below a photosite in which its neighbours lie, at most.
    places
        Where each of the eight neighbours of the first photosite of a row lies that is of a place of the pattern:
        number of the row, from `near` above, of the strip in it, and place in the strip; shape ``(step, step, 8, 3)``.
    strips
        Memory for rows taken apart by the pattern's columns: ``(count + 2 near, step, columns)``. In a strip like
        photosites lie side by side, so that the network runs over whole vectors of them.
    strip_level2, strip_spread2
        Memory for the results of a strip.
    """
    step, width = places.shape[0], level2.shape[1]
    for i in range(strips.shape[0]):
        row = padded[first + step - near + i]
        for col in range(step):
            strip = strips[i, col]
            for j in range((row.shape[0] - col + step - 1) // step):
                strip[j] = row[col + step * j]
    for i in range(count):
        of_row = places[(first + i) % step]
        for col in range(min(step, width)):
            size, at = (width - col + step - 1) // step, of_row[col]
            n0 = strips[i + at[0, 0], at[0, 1], at[0, 2] : at[0, 2] + size]
            n1 = strips[i + at[1, 0], at[1, 1], at[1, 2] : at[1, 2] + size]
            n2 = strips[i + at[2, 0], at[2, 1], at[2, 2] : at[2, 2] + size]
            n3 = strips[i + at[3, 0], at[3, 1], at[3, 2] : at[3, 2] + size]
            n4 = strips[i + at[4, 0], at[4, 1], at[4, 2] : at[4, 2] + size]
            n5 = strips[i + at[5, 0], at[5, 1], at[5, 2] : at[5, 2] + size]
            n6 = strips[i + at[6, 0], at[6, 1], at[6, 2] : at[6, 2] + size]
            n7 = strips[i + at[7, 0], at[7, 1], at[7, 2] : at[7, 2] + size]
            line2, wide2 = strip_level2[:size], strip_spread2[:size]
            middle_of_eight(n0, n1, n2, n3, n4, n5, n6, n7, line2, wide2)
            for j in range(size):
                level2[i, col + step * j] = line2[j]
                spread2[i, col + step * j] = wide2[j]


@compiled
def middle_of_eight(
    n0: NDArray[Any],
    n1: NDArray[Any],
    n2: NDArray[Any],
    n3: NDArray[Any],
    n4: NDArray[Any],
    n5: NDArray[Any],
    n6: NDArray[Any],
    n7: NDArray[Any],
    line2: NDArray[Any],
    wide2: NDArray[Any],
) -> None:
    """Fill twice the median and twice the mid-spread of eight values at each place, by the network of `middle_rows`.

    Parameters
    ----------
    n0, n1, n2, n3, n4, n5, n6, n7
        The eight values of each place, ``(size,)`` each.
    line2, wide2
        Memory to fill, ``(size,)``.
    """
    for j in range(line2.shape[0]):
        a, b, c, d, e, f, g, h = n0[j], n1[j], n2[j], n3[j], n4[j], n5[j], n6[j], n7[j]
        a, b = min(a, b), max(a, b)
        c, d = min(c, d), max(c, d)
        e, f = min(e, f), max(e, f)
        g, h = min(g, h), max(g, h)
        a, c = min(a, c), max(a, c)
        b, d = min(b, d), max(b, d)
        e, g = min(e, g), max(e, g)
        f, h = min(f, h), max(f, h)
        b, c = min(b, c), max(b, c)
        f, g = min(f, g), max(f, g)
        a, e = min(a, e), max(a, e)
        d, h = min(d, h), max(d, h)
        b, f = min(b, f), max(b, f)
        c, g = min(c, g), max(c, g)
        b, e = min(b, e), max(b, e)
        d, g = min(d, g), max(d, g)
        c, e = min(c, e), max(c, e)
        d, f = min(d, f), max(d, f)
        line2[j] = d + e
        wide2[j] = (f + g) - (b + c)
