"""Checks of a corrected JPEG: what its changed units hold, what they decode to, and that all else is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.jpeg.coefficients import Blocks, Coded
from sensormap.correct.jpeg.smears import Pixels
from sensormap.correct.jpeg.transform import COLOURS, MIDDLE, samples_of, spread
from sensormap.errors import OutputError
from sensormap.photos.jpeg_markers import Layout, sampling

_RGB: Final = np.linalg.inv(COLOURS)
# Decoders round samples to whole numbers (half a DN), after a transform in whole numbers that is off by less than that;
# then they round red, green and blue, made of samples that may all be off.
_ROUNDED: Final = 0.5
_SAMPLE_OFF: Final = 2 * _ROUNDED
_OFF: Final = np.abs(_RGB).sum(1) * _SAMPLE_OFF + _ROUNDED
_TINY: Final = 1e-6  # DN or steps, of what is computed in double precision
_AT_ONCE: Final = 1024  # units, to bound memory


@dataclass(frozen=True)
class Stored:
    """What units of a corrected file hold.

    Parameters
    ----------
    units
        Numbers of the units, ``(N,)``, sorted: those that were to change, and those around them, whose colours blend
        with theirs.
    blocks
        Coefficients of the units, as `coefficients.read_units` returns them.
    coded
        The file.
    """

    units: NDArray[np.int64]
    blocks: Blocks
    coded: Coded

    def of(self, units: NDArray[np.int64]) -> Blocks:
        """Return the coefficients of some of the units.

        Parameters
        ----------
        units
            Numbers among `units`, of any shape.

        Returns
        -------
        ndarray of int32, shape (*units.shape, blocks, 64)
            Coefficients as coded.
        """
        return self.blocks[np.searchsorted(self.units, units)]


def squares_around(units: NDArray[np.int64], layout: Layout) -> NDArray[np.int64]:
    """Return the numbers of the 3 x 3 units around each, shape ``(N, 3, 3)``; beyond the JPEG the nearest inside.

    Parameters
    ----------
    units
        Numbers of units, ``(N,)``.
    layout
        Layout of the file.
    """
    across, down = layout.units
    rows, cols = np.divmod(units[:, np.newaxis, np.newaxis], across)
    near = np.arange(-1, 2)
    rows = np.clip(rows + near[:, np.newaxis], 0, down - 1)
    return np.asarray(rows * across + np.clip(cols + near, 0, across - 1))


def check_stored(
    changes: NDArray[np.float64], exact: NDArray[np.float64], before: Blocks, after: Blocks, coded: Coded, name: str
) -> None:
    """Refuse changes of units that are not those wanted, rounded to quantisation steps.

    Parameters
    ----------
    changes
        Wanted changes of red, green and blue, float64 of shape ``(units, height, width, 3)``.
    exact
        Changes of the coefficients, in quantisation steps, before they were rounded; shape ``(units, blocks, 64)``.
    before, after
        Coefficients before, and as they are stored, int32 of shape ``(units, blocks, 64)``.
    coded
        The file.
    name
        Name of the file, for messages.

    Raises
    ------
    OutputError
        If the exact change makes another one of pixels than was wanted, but for the detail that colour at a lower
        resolution cannot show; or if a coefficient is more than half a step from it. Where the file's code lacked a
        word, coefficients may be nearer to 0, but the unit no farther from what was wanted than it was.
    """
    shown = np.stack([spread(samples, coded) for samples in samples_of(exact, coded)], -1) @ _RGB.T
    off = np.abs(shown - _storable(changes, coded.layout)).max(initial=0)
    if off > _TINY:
        msg = f"{name}: corrected, but its colours or samples are not what was taken for them, by up to {off:.0f} DN"
        raise OutputError(msg)
    rounded = before + np.rint(exact)
    lowered = (np.abs(after) <= np.abs(rounded)) & (after * rounded >= 0)
    nearer = squared(after - before - exact, coded) <= squared(exact, coded)
    fine = (lowered.all((1, 2)) & nearer) | (after == before).all((1, 2))
    if not fine.all():
        msg = f"{name}: corrected, but what is stored is farther from what was meant than quantisation explains"
        raise OutputError(msg)


def squared(blocks: NDArray[np.float64], coded: Coded) -> NDArray[np.float64]:
    """Return the sum of squares of each unit's coefficients in DN², shape ``(units,)``.

    Parameters
    ----------
    blocks
        Coefficients in quantisation steps, ``(units, blocks, 64)``.
    coded
        The file that they belong to.
    """
    steps = coded.steps.reshape(3, 64)[list(coded.components)]
    return np.asarray(((blocks * steps) ** 2).sum((1, 2)))


def _storable(changes: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """Return changes of pixels with their colours, not their brightness, averaged over the pixels that share one."""
    wide, high = map(int, sampling(layout.factors))
    units, height, width, _ = changes.shape
    means = changes.reshape(units, height // high, high, width // wide, wide, 3).mean((2, 4))
    detail = changes - means.repeat(high, 1).repeat(wide, 2)
    brightness = (detail @ COLOURS[0])[..., np.newaxis]
    return np.asarray(changes - detail + brightness)


def check_decoded(pixels: Pixels, units: NDArray[np.int64], stored: Stored, name: str) -> None:
    """Refuse a file of which units do not decode to what their coefficients say.

    Parameters
    ----------
    pixels
        Pixels of the file by a decoder that knows nothing of this package, uint8 of shape ``(H, W, 3)``.
    units
        Numbers of the units to look at, int64 of shape ``(N,)``.
    stored
        Contents of these units and of those around them.
    name
        The file's name, for messages.

    Raises
    ------
    OutputError
        If a pixel is farther from what its samples say than their rounding explains.

    Notes
    -----
    Where colour is stored at a lower resolution, decoders differ in how they blend it. Whatever they do, a pixel's
    colour lies between the least and the largest of its own sample and those next to it.
    """
    layout = stored.coded.layout
    across, down = layout.unit
    for some in np.array_split(units, -(-units.size // _AT_ONCE) or 1):
        low, high = _limits(some, stored)
        rows = some[:, np.newaxis] // layout.units[0] * down + np.arange(down)
        cols = some[:, np.newaxis] % layout.units[0] * across + np.arange(across)
        inside = (rows < _known_rows(layout))[:, :, np.newaxis] & (cols < layout.width)[:, np.newaxis]
        rows, cols = np.minimum(rows, layout.height - 1), np.minimum(cols, layout.width - 1)
        found = pixels[rows[:, :, np.newaxis], cols[:, np.newaxis]]
        off = (np.maximum(low - found, found - high) - _OFF)[inside]
        if off.max(initial=0) > 0:
            msg = f"{name}: corrected, but a unit of {across} x {down} pixels does not decode to what it holds, by "
            msg += f"{(off + _OFF).max():.0f} DN"
            raise OutputError(msg)


def _known_rows(layout: Layout) -> int:
    """Return how many rows of a JPEG `decode.jpeg.read_jpeg` returns exactly; one may be a bit off."""
    vague = sampling(layout.factors) == (2, 2) and layout.height % layout.unit[1] == 0
    return layout.height - vague


def _limits(units: NDArray[np.int64], stored: Stored) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return between which levels the pixels of units lie, shape ``(units, height, width, 3)`` each."""
    coded = stored.coded
    samples = samples_of(stored.of(units), coded)
    brightness = spread(np.clip(samples[0] + MIDDLE, 0, 255), coded)[..., np.newaxis]
    low, high = brightness, brightness
    for component, (least, most) in enumerate(_blends(units, stored), start=1):
        ends = np.stack([spread(least, coded), spread(most, coded)])[..., np.newaxis] * _RGB[:, component]
        low, high = low + ends.min(0), high + ends.max(0)
    return np.clip(low, 0, 255), np.clip(high, 0, 255)


def _blends(units: NDArray[np.int64], stored: Stored) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield, of both colour differences, the least and the largest sample that may blend into each of units."""
    coded = stored.coded
    wide, high = (int(pixels > 1) for pixels in sampling(coded.layout.factors))
    squares = squares_around(units, coded.layout)[:, 1 - high : 2 + high, 1 - wide : 2 + wide]
    everyone = samples_of(stored.of(squares).reshape(-1, *stored.blocks.shape[1:]), coded)
    for samples in everyone[1:]:
        down, across = samples.shape[1:]
        joined = samples.reshape(*squares.shape, down, across).swapaxes(2, 3)
        joined = joined.reshape(units.size, squares.shape[1] * down, squares.shape[2] * across)
        joined = np.clip(joined, -MIDDLE, MIDDLE - 1)
        windows = np.lib.stride_tricks.sliding_window_view(joined, (1 + 2 * high, 1 + 2 * wide), (1, 2))
        top, left = high * (down - 1), wide * (across - 1)
        windows = windows[:, top : top + down, left : left + across]
        yield windows.min((3, 4)), windows.max((3, 4))


def measure_elsewhere(
    before: Pixels, after: Pixels, where: NDArray[np.bool_], layout: Layout, name: str
) -> tuple[float, int]:
    """Return mean and largest change outside the changed units; refuse one farther off than colours are blended.

    Parameters
    ----------
    before, after
        Decoded pixels, shape ``(H, W, 3)``.
    where
        Mask of the pixels of the changed units, shape ``(H, W)``.
    layout
        Layout of the file.
    name
        Name of the file, for messages.

    Raises
    ------
    OutputError
        If a pixel changed that does not touch a changed unit, or, where no colour is blended, is outside of them.
    """
    across, down = layout.unit
    different = np.flatnonzero(before != after)
    outside = different[~where.ravel()[different // 3]]
    if not outside.size:
        return 0.0, 0
    change = np.abs(before.ravel()[outside].astype(np.int16) - after.ravel()[outside])
    near = np.zeros_like(where)
    if sampling(layout.factors) != (1, 1):
        # Colours are interpolated between those of two units in the one pixel to each side of their border.
        near = np.pad(where, 1)
        near = near[:-2] | near[1:-1] | near[2:]
        near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    near[_known_rows(layout) :] = True
    far = change[~near.ravel()[outside // 3]]
    if far.size:
        msg = f"{name}: corrected, but pixels outside the units of {across} x {down} changed, by up to {far.max()} DN"
        raise OutputError(msg)
    return float(change.sum()) / (3 * int(np.count_nonzero(~where))), int(change.max())
