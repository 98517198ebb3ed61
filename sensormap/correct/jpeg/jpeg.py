"""Correcting defects in a camera's own JPEGs: only units that hold one are coded anew, all other bits stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.jpeg.check import Stored, check_decoded, check_stored, measure_elsewhere, squared, squares_around
from sensormap.correct.jpeg.coefficients import Blocks, Coded, open_coded, read_units, replace_units
from sensormap.correct.jpeg.previews import moved_previews
from sensormap.correct.jpeg.smears import REPAIR_RADIUS, Pixel, Pixels, repair_smears, weighted8
from sensormap.correct.jpeg.transform import COLOURS, MIDDLE, averaged, in_steps, samples_of, spread
from sensormap.decode.jpeg import read_jpeg
from sensormap.errors import FrameMismatchError
from sensormap.photos.jpeg_markers import Layout

DIRECTIONAL, WEIGHTED8 = "directional", "weighted8"
METHODS: Final = (DIRECTIONAL, WEIGHTED8)
_MOST: Final = 1023  # a coefficient of 8-bit samples, in quantisation steps of 1


@dataclass(frozen=True)
class CorrectedJpeg:
    """A corrected JPEG file.

    Attributes
    ----------
    data
        The file; the input itself where nothing was to be done.
    repaired, left
        Number of defects that were repaired, and of those left alone: they do not show, or the file cannot say it.
    blocks_changed
        Number of units of 16 x 16, 16 x 8 or 8 x 8 pixels that were coded anew.
    mean_change_elsewhere, largest_change_elsewhere
        Absolute difference of the decoded pixels outside those units, in DN: mean over all pixels and colours, and
        maximum. It is 0 but for the pixels that touch a changed unit, whose colour (not brightness) decoders blend with
        that of the unit where colour is stored at a lower resolution.
    """

    data: bytes
    repaired: int
    left: int
    blocks_changed: int
    mean_change_elsewhere: float
    largest_change_elsewhere: int


def correct_jpeg(
    data: bytes, name: str, defects: Sequence[Pixel], *, method: str = DIRECTIONAL, all_defects: bool = False
) -> CorrectedJpeg:
    """Repair the defects of one JPEG file.

    Parameters
    ----------
    data
        The whole file.
    name
        Name of the file, for messages.
    defects
        Places of the defects in the JPEG as stored: not turned as EXIF says.
    method
        DIRECTIONAL repairs whole smears (see `sensormap.correct.jpeg.smears.repair_smears`); "weighted8" does what the
        single-pixel script does, one pixel after the other, whether the defect shows or not.
    all_defects
        Whether to interpolate also defects that do not show.

    Returns
    -------
    CorrectedJpeg
        All segments of the file and what follows its first image are kept byte for byte, but for the offsets in a
        list of further images (MPF).

    Raises
    ------
    DecodeError
        If the file is none that a camera writes, or damaged.
    FrameMismatchError
        If a defect lies outside the JPEG.
    OutputError
        If the corrected file does not decode, inside the changed units, to what was meant, and outside of them to the
        same pixels.
    ValueError
        If there is no such method.

    Notes
    -----
    What the repair changes is transformed to coefficients, divided by the quantisation steps, rounded and added. As
    stored coefficients are whole numbers of steps, this is the same as coding the repaired unit anew, but without the
    rounding of its pixels. Where the file's code lacks words for that, a unit is changed as far as it has them, but is
    left as it was if that would take it farther from what is meant.
    """
    if method not in METHODS:
        msg = f"method {method!r}: expected one of {', '.join(METHODS)}"
        raise ValueError(msg)
    defects = [Pixel(*pixel) for pixel in defects]
    pixels = read_jpeg(data, name)
    _check_inside(pixels, defects, name)
    coded = open_coded(data, name)
    centres: list[tuple[int, int] | None]
    if method == "weighted8":
        centres = [(x, y) for x, y, *_ in defects]
        repaired = weighted8(pixels, [(x, y) for x, y, *_ in defects])
    else:
        repaired, centres = repair_smears(pixels, defects, all_defects=all_defects)
    units, at = _touched(pixels, repaired, coded.layout)
    before = read_units(coded, units, name)
    changes = _changes(pixels[at], repaired[at], before, coded)
    exact = in_steps(averaged(changes, coded), coded)
    after = _added(before, np.rint(exact).astype(np.int32), coded)
    if np.array_equal(after, before):
        return CorrectedJpeg(data, 0, len(defects), 0, 0.0, 0)
    out, stored = _written(coded, units, before, after, exact, name)
    out = moved_previews(out, name, end=coded.intervals[-1][1], by=len(out) - len(data))
    decoded = read_jpeg(out, name)
    changed = units[(stored.of(units) != before).any((1, 2))]
    where = _where(changed, coded.layout)
    mean, largest = measure_elsewhere(pixels, decoded, where, coded.layout, name)
    check_stored(changes, exact, before, stored.of(units), coded, name)
    check_decoded(decoded, units, stored, name)
    repaired_count = _count(centres, 0 if method == "weighted8" else REPAIR_RADIUS, where)
    return CorrectedJpeg(out, repaired_count, len(defects) - repaired_count, changed.size, mean, largest)


def _check_inside(pixels: Pixels, defects: Sequence[Pixel], name: str) -> None:
    """Refuse defects of another JPEG."""
    height, width = pixels.shape[:2]
    for x, y, *_ in defects:
        if not (0 <= x < width and 0 <= y < height):
            msg = f"{name}: pixel {x},{y} lies outside the JPEG of {width} x {height} pixels"
            raise FrameMismatchError(msg)


def _touched(
    pixels: Pixels, repaired: Pixels, layout: Layout
) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the units that hold changed pixels, and the rows and columns of their pixels."""
    across, down = layout.unit
    rows, cols = np.divmod(np.flatnonzero(repaired != pixels) // 3, layout.width)
    units = np.unique(rows // down * layout.units[0] + cols // across)
    # Beyond the JPEG's edges units go on with its last pixels.
    inside_rows = np.minimum(units[:, np.newaxis] // layout.units[0] * down + np.arange(down), layout.height - 1)
    inside_cols = np.minimum(units[:, np.newaxis] % layout.units[0] * across + np.arange(across), layout.width - 1)
    return units, (inside_rows[:, :, np.newaxis], inside_cols[:, np.newaxis, :])


def _changes(pixels: Pixels, repaired: Pixels, before: Blocks, coded: Coded) -> NDArray[np.float64]:
    """Return what changes in the pixels of units; what was clipped when they were decoded is taken away too."""
    clipped = ((pixels == 0) | (pixels == 255)) & (repaired != pixels).any(-1, keepdims=True)
    change = repaired.astype(np.float64) - pixels
    some = clipped.any((1, 2, 3))
    change[some] -= np.where(clipped[some], _beyond(before[some], coded), 0)
    return change


def _beyond(blocks: Blocks, coded: Coded) -> NDArray[np.float64]:
    """Return how far the colours of units lie above 255 or (negative) below 0, before they are clipped."""
    colours = np.stack([spread(samples, coded) for samples in samples_of(blocks, coded)], -1)
    colours[..., 0] += MIDDLE
    levels = colours @ np.linalg.inv(COLOURS).T
    return levels - np.clip(levels, 0, 255)


def _added(before: Blocks, steps: Blocks, coded: Coded) -> Blocks:
    """Add changes to coefficients, within what 8-bit samples can have."""
    limit = np.maximum(_MOST // coded.steps.reshape(3, 64)[list(coded.components)], 1)
    return np.where(steps == 0, before, np.clip(before + steps, -limit, limit))


def _written(
    coded: Coded, units: NDArray[np.int64], before: Blocks, after: Blocks, exact: NDArray[np.float64], name: str
) -> tuple[bytes, Stored]:
    """Return the file with units changed, and what it holds of them; `exact` is the change before it was rounded."""
    near = np.unique(squares_around(units, coded.layout))
    kept = (after != before).any((1, 2))
    while True:
        out = replace_units(coded, units[kept], after[kept], name)
        new = open_coded(out, name)
        stored = Stored(near, read_units(new, near, name), new)
        # The file's Huffman table may lack a code for a changed coefficient; a nearby value may be worse than no
        # repair.
        farther = kept & (squared(stored.of(units) - before - exact, coded) > squared(exact, coded))
        if not farther.any():
            return out, stored
        kept &= ~farther


def _where(units: NDArray[np.int64], layout: Layout) -> NDArray[np.bool_]:
    """Return which pixels the units hold, shape (H, W)."""
    across, down = layout.unit
    grid = np.zeros(layout.units[::-1], np.bool_)
    grid.ravel()[units] = True
    return grid.repeat(down, 0).repeat(across, 1)[: layout.height, : layout.width]


def _count(centres: Sequence[tuple[int, int] | None], reach: int, where: NDArray[np.bool_]) -> int:
    """Return how many repairs made it into the file."""
    return sum(
        bool(where[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].any())
        for x, y in filter(None, centres)
    )
