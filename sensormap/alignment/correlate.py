"""Where a camera's JPEG lies on the raw grid: its fine detail correlated with that of the mosaic, tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO, Cfa
from sensormap.camera.geometry import Rect
from sensormap.errors import FrameMismatchError
from sensormap.frame import LUMA_SHARES

Floats = NDArray[np.floating[Any]]

TILES = 4  # to each side: enough to notice a JPEG that was turned, resized or freed of its lens's distortion
TILE_SIDE = 256  # photosites; a JPEG resized by one percent still has one offset within a tile
LEAST_TILE_SIDE = 64  # photosites, of tiles of small JPEGs; fewer find no peak in a faint texture
BEYOND = 8  # photosites that a tile searches outside the raw grid: a peak needs neighbours, and a warp shows there
REACH = 2  # distance to the nearest photosites of the same plane
BOUND = 2.0  # detail is cut at so many times its mean: an edge or a hot photosite counts no more than texture
FOOT = 3  # photosites around a peak that belong to it
CLEAR = 1.2  # times as high as anything beyond its foot is the peak of a tile that was found: no regular pattern
CHANCE = 12.0  # over the root of a tile's pixels: so high at least is its peak; mirrored JPEGs seldom reach 11
LEAST_FOUND = 0.25  # share of the tiles; the rest may be sky
LEAST_AGREEING = 0.75  # share of those found; noise reduction moves a peak by one photosite in some tiles
LEAST_DETAIL = 0.5  # levels of the JPEG; rounding alone makes 0.3
CENTRED = 0.2  # photosites; peaks of crops were seen within 0.1 of their photosite, and halfway is 0.5
FFT_STEP = 64
NO_CROP = "the JPEG is not a crop of the raw grid"
LUMA = np.array(LUMA_SHARES, np.float32)  # of a JPEG, in which it has full resolution


@dataclass(frozen=True)
class Alignment:
    """A JPEG found on the raw grid.

    Parameters
    ----------
    crop
        The part of the raw grid that it shows.
    correlation
        Correlation of its fine detail with that of the mosaic, there: 1 is the most there can be.
    runner_up
        Highest correlation at any other offset.
    agreeing, found
        Number of tiles of the JPEG that have their clear peak there, and of those that have one at all.
    """

    crop: Rect
    correlation: float
    runner_up: float
    agreeing: int
    found: int


def align(mosaic: NDArray[np.signedinteger[Any]], cfa: Cfa, active_area: Rect, jpeg: NDArray[np.uint8]) -> Alignment:
    """Find the part of the raw grid that a JPEG shows.

    Parameters
    ----------
    mosaic
        Photosites on the raw grid, shape ``(H, W)``, in DN with black subtracted.
    cfa
        Filter pattern of the raw grid.
    active_area
        The rectangle in which photosites are meaningful.
    jpeg
        Pixels that the camera made of them, shape ``(h, w, 3)``: one pixel a photosite, not rotated.

    Returns
    -------
    Alignment
        With a crop of ``w`` x ``h`` photosites.

    Raises
    ------
    FrameMismatchError
        If the JPEG is larger than the raw grid or tiny, has too little detail, shows something else, or is no crop:
        resized, rotated, shifted by part of a photosite, or corrected for the distortion of the lens.

    Notes
    -----
    Compared are the photosites of green filters with the brightness of the pixels above them, each less the mean of
    its eight neighbours two steps away. In a mosaic those are of the same plane, so colour casts do not matter; the
    square root, the bound and the correlation leave little of tone curve and contrast. Every step is symmetric about
    the photosite, as demosaicing and sharpening are: an odd offset is found as an even one is. Green and brightness
    alone, because where a camera centres its halved colours may differ from where a decoder does. The correlation is
    normalised and masked: photosites without a value count neither in it nor in what it is divided by [1]_.

    References
    ----------
    .. [1] D. Padfield, "Masked object registration in the Fourier domain", IEEE Transactions on Image Processing
       21 (2012) 2706-2718, doi:10.1109/TIP.2011.2181402.

    Examples
    --------
    >>> mosaic = np.random.default_rng(1).integers(0, 4000, (160, 200), dtype=np.int16)
    >>> jpeg = np.repeat((mosaic[9:149, 14:190, np.newaxis] // 16).astype(np.uint8), 3, axis=2)
    >>> align(mosaic, Cfa("mono"), Rect(0, 0, 200, 160), jpeg).crop
    Rect(x=14, y=9, width=176, height=140)
    """
    height, width = jpeg.shape[:2]
    _check_size(mosaic.shape, (height, width))
    play = mosaic.shape[0] - height, mosaic.shape[1] - width
    tiles = _tiles(height, width)
    details = [_detail(jpeg[tile.slices] @ LUMA) for tile in tiles]
    surfaces = [
        _correlate(_bounded(detail), *_green(mosaic, cfa, active_area, _reachable(tile, play)))
        for tile, detail in zip(tiles, details, strict=True)
    ]
    found = [surface for surface, detail in zip(surfaces, details, strict=True) if _is_found(surface, detail.size)]
    if len(found) < LEAST_FOUND * len(tiles):
        bare = sum(float(np.abs(detail).mean()) < LEAST_DETAIL for detail in details)
        raise FrameMismatchError(_not_found(len(tiles), len(found), bare))
    together = np.mean(found, axis=0)
    offsets = [_offset(surface) for surface in found]
    x, y = _offset(together)
    agreeing = offsets.count((x, y))
    if agreeing < LEAST_AGREEING * len(found) or not (0 <= x <= play[1] and 0 <= y <= play[0]):
        raise FrameMismatchError(_no_crop(offsets))
    shifts = _shifts(together)
    if max(map(abs, shifts)) > CENTRED:
        msg = f"{NO_CROP}: it lies between photosites, at x = {x + shifts[0]:.1f}, y = {y + shifts[1]:.1f}"
        raise FrameMismatchError(msg)
    runner_up = _highest_beyond(together, 0)
    return Alignment(Rect(x, y, width, height), float(together.max()), runner_up, agreeing, len(found))


def _check_size(grid: tuple[int, ...], size: tuple[int, int]) -> None:
    """Refuse a JPEG that cannot lie on the raw grid, and one too small for tiles."""
    if size[0] > grid[0] or size[1] > grid[1]:
        msg = f"{size[1]} x {size[0]} pixels, larger than the raw grid of {grid[1]} x {grid[0]} photosites"
        raise FrameMismatchError(msg)
    least = 2 * LEAST_TILE_SIDE
    if min(size) < least:
        msg = f"{size[1]} x {size[0]} pixels, expected at least {least} x {least} to align"
        raise FrameMismatchError(msg)


def _tiles(height: int, width: int) -> list[Rect]:
    """Return squares or less, spread evenly over a JPEG: the middle of each of up to 4 x 4 equal parts."""
    count = min(TILES, min(height, width) // LEAST_TILE_SIDE)
    wide, high = min(TILE_SIDE, width // count), min(TILE_SIDE, height // count)
    middles = [(i + 0.5) / count for i in range(count)]
    return [Rect(int(width * x - wide / 2), int(height * y - high / 2), wide, high) for y in middles for x in middles]


def _reachable(tile: Rect, play: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of the raw grid, and beyond, where the inside of a tile can lie."""
    rows, cols = tile.slices
    return (
        slice(rows.start + REACH - BEYOND, rows.stop - REACH + play[0] + BEYOND),
        slice(cols.start + REACH - BEYOND, cols.stop - REACH + play[1] + BEYOND),
    )


def _detail(values: Floats) -> Floats:
    """Return each value less the mean of its eight neighbours two steps away; the two outer rows and columns go."""
    rows = values[: -2 * REACH] + values[REACH:-REACH] + values[2 * REACH :]
    sums = rows[:, : -2 * REACH] + rows[:, REACH:-REACH] + rows[:, 2 * REACH :]
    return (9 * values[REACH:-REACH, REACH:-REACH] - sums) / 8


def _bounded(detail: Floats) -> Floats:
    """Return detail in units of its mean, cut; zeros stay zeros and do not count."""
    mean = np.abs(detail).sum() / max(np.count_nonzero(detail), 1)
    return np.clip(detail / (BOUND * mean), -1, 1) if mean else detail


def _green(mosaic: NDArray[Any], cfa: Cfa, area: Rect, window: tuple[slice, slice]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the bounded detail of green photosites in a window, 0 elsewhere, and where they are."""
    top, left = window[0].start, window[1].start
    detail = np.zeros((window[0].stop - top, window[1].stop - left), np.float32)
    green, known = np.zeros(detail.shape, np.bool_), np.zeros(detail.shape, np.bool_)
    for plane in cfa.planes:
        if plane.name.startswith("G") or plane.name == MONO:
            green[(plane.row - top) % plane.step :: plane.step, (plane.col - left) % plane.step :: plane.step] = True
    # Neighbours must be meaningful too.
    first_row, first_col = max(top, area.y + REACH), max(left, area.x + REACH)
    end_row = max(min(window[0].stop, area.y + area.height - REACH), first_row)
    end_col = max(min(window[1].stop, area.x + area.width - REACH), first_col)
    values = mosaic[first_row - REACH : end_row + REACH, first_col - REACH : end_col + REACH]
    inside = slice(first_row - top, end_row - top), slice(first_col - left, end_col - left)
    # The square root is close to a camera's tone curve, and noise is even after it.
    detail[inside] = _detail(np.sqrt(np.maximum(values, 0), dtype=np.float32))
    known[inside] = green[inside]
    return _bounded(np.where(known, detail, 0)), known


def _correlate(tile: Floats, detail: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return the normalised correlation of a tile with every place in a larger window, over what is known there.

    It is what this gives for each row and column: ``part, seen = detail[row : row + h, col : col + w], known[...]`` and
    ``(tile * part).sum() / np.sqrt((tile[seen] ** 2).sum() * (part ** 2).sum())``; 0 where less than half is known.
    """
    # Sides without large prime factors transform up to ten times faster.
    shape = tuple(-(-side // FFT_STEP) * FFT_STEP for side in detail.shape)
    places = tuple(slice(whole - part + 1) for whole, part in zip(detail.shape, tile.shape, strict=True))
    fields = [np.fft.rfft2(field, s=shape) for field in (detail, known.astype(np.float32), detail * detail)]
    weights = [np.fft.rfft2(weight, s=shape).conj() for weight in (tile, tile * tile, np.ones_like(tile))]

    def sums(field: int, weight: int) -> Floats:
        return np.fft.irfft2(fields[field] * weights[weight], s=shape)[places]

    products, counts, energies = sums(0, 0), sums(1, 2), sums(1, 1) * sums(2, 2)
    # Transforms leave a remainder of a millionth where nothing is: the full energy of one photosite is far above it.
    usable = (counts > counts.max() / 2) & (energies > 1)
    return np.where(usable, products / np.sqrt(np.maximum(energies, 1)), 0)


def _peak(surface: Floats) -> tuple[int, int]:
    """Return the row and column of the highest correlation."""
    row, col = np.unravel_index(int(surface.argmax()), surface.shape)
    return int(row), int(col)


def _offset(surface: Floats) -> tuple[int, int]:
    """Return where on the raw grid the highest correlation puts the JPEG, as x and y."""
    row, col = _peak(surface)
    return col - BEYOND, row - BEYOND


def _highest_beyond(surface: Floats, distance: int) -> float:
    """Return the highest correlation more than a distance away from the peak."""
    row, col = _peak(surface)
    rest = surface.copy()
    rest[max(row - distance, 0) : row + distance + 1, max(col - distance, 0) : col + distance + 1] = -1
    return float(rest.max())


def _is_found(surface: Floats, pixels: int) -> bool:
    """Tell whether a tile has its place: neither by chance, nor just as well elsewhere."""
    return bool(surface.max() > max(CLEAR * _highest_beyond(surface, FOOT), CHANCE / np.sqrt(pixels)))


def _shifts(surface: Floats) -> tuple[float, float]:
    """Return how far beside its photosite a peak lies, to the right and down: vertices of parabolas."""
    row, col = _peak(surface)
    shifts = []
    for before, middle, after in (surface[row, col - 1 : col + 2], surface[row - 1 : row + 2, col]):
        bend = before - 2 * middle + after
        shifts.append(float(0.5 * (before - after) / bend) if bend else 0.0)
    return shifts[0], shifts[1]


def _not_found(tiles: int, found: int, bare: int) -> str:
    """Say why a JPEG was not found."""
    if 2 * bare > tiles:
        return f"too little detail to align: {bare} of {tiles} tiles are bare"
    return (
        f"only {found} of {tiles} tiles are found in the raw photo: the JPEG is of another shot, or was resized, "
        "rotated or edited"
    )


def _no_crop(offsets: Sequence[tuple[int, int]]) -> str:
    """Say why a JPEG whose tiles lie at several offsets, or outside the raw grid, is no crop."""
    xs, ys = zip(*offsets, strict=True)
    found = f"offsets from x = {min(xs)}, y = {min(ys)} to x = {max(xs)}, y = {max(ys)} over the JPEG"
    if len(set(offsets)) > 1 and max(max(xs) - min(xs), max(ys) - min(ys)) <= 2:
        return f"too little detail to align to the photosite, or not a crop of the raw grid ({found})"
    return f"{NO_CROP} ({found})"
