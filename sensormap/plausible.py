"""Is a decoded frame a photo? Damage that decodes without an error must not be tallied.

A flipped bit in a compressed strip usually shifts all later photosites, and each row then starts from a wrong
predictor: its values are off by an amount of its own.  In a photo the two greens of a Bayer sensor agree, row after
row, whatever the scene: at an edge a row lies between the row above and the row below, and on a thin line only one row
lies beyond both.  Damaged rows lie beyond both one after another.  A flipped bit at the start of a row can instead
leave one colour of all later rows off by one amount: at that row the colour steps, all across the frame, and the other
colour of the same rows does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.cfa import Cfa, Plane
from sensormap.kernels import Mosaic
from sensormap.score import Noise

# A row is compared in up to 16 pieces of 12 photosites, since a damaged row can be too bright here and too dark there.
_PIECES, _PIECE_PHOTOSITES, _FEWEST_PIECES = 16, 12, 3
# Of 160 good frames, level blinds and lines of text among them, no row was torn; of 80 damaged ones (more than 1 % of
# photosites wrong) 78 had at least 0.78 % of their rows so.
_TORN_SIGMA, _TORN_SHARE, _FEWEST_TORN = 2.0, 0.004, 4
# A colour steps where 85 % of the pieces step one way by so many standard errors. Good frames stay below 1.2.
_STEP_SIGMA, _STEP_SHARE = 1.6, 0.85
# A colour that steps less than this does not step; of pure noise 85 % of the pieces seldom agree at all.
_STILL_SIGMA = 0.8
_NEAR_SATURATION = 0.9
# How exactly two colours keep their ratio from one row to the next, as a share of the level.
_RATIO_ERROR = 0.005
# How much a sensor's imbalance of its two greens may vary over the frame, as a share of the level.
_IMBALANCE = 0.01
_FEWEST_ROWS = 32
# Quartiles of 12 sorted values are, nearly, the fourth from either end; their distance in standard deviations.
_QUARTILE, _SIGMAS_BETWEEN_QUARTILES = 3, 1.1
# The painted scenes have up to 24 % of scores beyond 3.5 sigma, the photographed ones 9 %. By construction of the
# noise about a third of the scores is beyond 1 sigma.
_OUTLYING_SHARE = 0.3
_CLIPPED_SHARE = 0.995


def implausibility(active: Mosaic, noise: Noise, cfa: Cfa, *, clipping: tuple[int, int]) -> str | None:
    """Return why a frame is no plausible photo, or None if it is one.

    Parameters
    ----------
    active
        The frame's active area, DN, black subtracted.
    noise
        Of this frame.
    cfa
        Filter pattern as read from the active area's corner.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.
    """
    sample = active[:: max(active.shape[0] // 64, 1)]
    clipped = float(np.mean((sample <= clipping[0]) | (sample >= clipping[1])))
    if clipped > _CLIPPED_SHARE:
        return f"{clipped:.1%} of the photosites are black or saturated, expected a photo"
    if noise.outlying > _OUTLYING_SHARE:
        return f"{noise.outlying:.0%} of the photosites differ from their neighbours, expected a photo; damaged?"
    torn = np.flatnonzero(torn_rows(active, cfa))
    if torn.size >= max(_FEWEST_TORN, _TORN_SHARE * active.shape[0]):
        share = torn.size / active.shape[0]
        return f"damaged: {share:.1%} of the rows, the first near row {torn[0]}, do not fit the rows beside them"
    steps = colour_steps(active, cfa, saturation=clipping[1])
    if steps.size:
        return f"damaged: one colour steps near row {steps[0]}, all across the frame"
    return None


def torn_rows(active: Mosaic, cfa: Cfa) -> NDArray[np.bool_]:
    """Tell for each row whether its green photosites, and those of a row beside it, lie beyond both rows beside them.

    Parameters
    ----------
    active
        The frame's active area, DN.
    cfa
        Filter pattern as read from its corner. Sensors without two greens, and frames too small to tell, yield no rows.

    Notes
    -----
    In each piece of a row the medians of green minus the neighbours above, and minus those below, are compared with
    their standard error (1.2533 sigma, from the quartiles, over the square root of the number compared): the smaller
    of the two counts if they have one sign. A row with such an excess in more than half of its pieces is torn if a row
    beside it is. Sensors have an imbalance of their own between the two greens, a share of the level that changes sign
    from row to row: its median over the frame is subtracted, and what it may vary over the sensor is allowed for.
    """
    greens = [plane for plane in cfa.planes if plane.name in {"Gr", "Gb"}]
    height, width = active.shape
    pieces = min((width - 6) // (2 * _PIECE_PHOTOSITES), _PIECES)
    if len(greens) != 2 or height < _FEWEST_ROWS or pieces < _FEWEST_PIECES:
        return np.zeros(0, np.bool_)
    cols = _piece_columns(width, pieces)
    above, below, error, level = (np.zeros((height, pieces), np.float32) for _ in range(4))
    for plane in greens:
        rows = slice(plane.row or 2, height - 1, 2)
        above[rows], below[rows], error[rows], level[rows] = _compared(active, plane, cols, pieces)
    # At an edge one of the two is small; the larger says nothing of the sensor.
    smaller = np.where(np.abs(above) < np.abs(below), above, below)
    imbalance = np.float32(np.median(smaller[2:-1] / level[2:-1]))
    above -= imbalance * level
    below -= imbalance * level
    beyond = np.where(above * below > 0, np.minimum(np.abs(above), np.abs(below)), 0)
    torn = np.mean(beyond > _TORN_SIGMA * error + _IMBALANCE * level, axis=1) > 0.5
    pairs = torn[:-1] & torn[1:]
    return np.asarray(np.append(pairs, False) | np.append(False, pairs))


def _compared(active: Mosaic, plane: Plane, cols: NDArray[np.intp], pieces: int) -> tuple[NDArray[np.float32], ...]:
    """Return one green's medians against the rows above and below, their standard error, and the level, by piece."""
    first, last, at = plane.row or 2, active.shape[0] - 1, cols + plane.col

    def beside(shift: int) -> NDArray[np.float32]:
        rows = active[first + shift : last + shift : 2]
        return (rows[:, at - 1].astype(np.float32) + rows[:, at + 1].astype(np.float32)) / np.float32(2)

    def ordered(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.sort(values.reshape(len(values), pieces, -1), axis=2)

    def middle(values: NDArray[np.float32]) -> NDArray[np.float32]:
        half = _PIECE_PHOTOSITES // 2
        return (values[..., half - 1] + values[..., half]) / np.float32(2 if plane.name == "Gr" else -2)

    centre, around = active[first:last:2][:, at].astype(np.float32), beside(-1)
    above, below = ordered(centre - around), ordered(centre - beside(1))
    spreads = [values[..., -1 - _QUARTILE] - values[..., _QUARTILE] for values in (above, below)]
    # A third of a DN: rounding alone, where a clipped or noiseless piece has no spread of its own.
    sigma = np.minimum(*spreads) / np.float32(_SIGMAS_BETWEEN_QUARTILES) + np.float32(1 / 3)
    error = np.float32(1.2533 / _PIECE_PHOTOSITES**0.5) * sigma
    level = np.maximum(around.reshape(len(around), pieces, -1).mean(axis=2), np.float32(1))
    return middle(above), middle(below), error, level


def colour_steps(active: Mosaic, cfa: Cfa, *, saturation: int) -> NDArray[np.intp]:
    """Return the rows at which one colour steps, all across the frame, and no other colour does.

    Parameters
    ----------
    active
        The frame's active area, DN.
    cfa
        Filter pattern as read from its corner. Sensors without colours, and frames too small to tell, yield no rows.
    saturation
        DN at which a photosite clips: a clipped colour cannot step with the others.

    Notes
    -----
    In each piece of a row, a colour's step to the next row of its plane is compared with the other colour's, times the
    ratio of their levels, so that edges of the scene cancel. An edge of one colour only, level to a photosite over the
    whole frame, moves the other colours a little too: where any of them steps, nothing is said.
    """
    height, width = active.shape
    pieces = min((width - 6) // (2 * _PIECE_PHOTOSITES), _PIECES)
    if len(cfa.planes) != 4 or height < _FEWEST_ROWS or pieces < _FEWEST_PIECES:
        return np.zeros(0, np.intp)
    cols = _piece_columns(width, pieces)
    planes = [[_Steps.of(active[row::2][:, cols + phase], pieces, saturation) for phase in (0, 1)] for row in (0, 1)]
    still = [np.maximum(*(_coherent(one.step / one.error) for one in pair)) < _STILL_SIGMA for pair in planes]
    found = []
    for row, pair in enumerate(planes):
        # Steps of the other rows that overlap in height: one before (or after) and the one of the same number.
        beside = np.ones(len(still[row]) + 2, np.bool_)
        others = still[1 - row]
        beside[1 : 1 + len(others)] = others
        quiet = beside[1:-1] & (beside[2:] if row else beside[:-2])
        for one, other in (pair, pair[::-1]):
            ratio = one.level / other.level
            sigma = np.hypot(np.hypot(one.error, ratio * other.error), np.float32(_RATIO_ERROR) * one.level)
            strength = _coherent(np.where(one.clipped | other.clipped, 0, (one.step - ratio * other.step) / sigma))
            alone = (_coherent(other.step / other.error) < _STILL_SIGMA) & quiet
            found.append(2 * np.flatnonzero((strength > _STEP_SIGMA) & alone) + row)
    return np.sort(np.concatenate(found))


@dataclass(frozen=True)
class _Steps:
    """A plane's steps from each row to its next, by piece: median, standard error, level between, clipping."""

    step: NDArray[np.float32]
    error: NDArray[np.float32]
    level: NDArray[np.float32]
    clipped: NDArray[np.bool_]

    @staticmethod
    def of(plane: Mosaic, pieces: int, saturation: int) -> _Steps:
        values = plane.astype(np.float32).reshape(len(plane), pieces, -1)
        means = values.mean(axis=2)
        steps = np.sort(values[1:] - values[:-1], axis=2)
        half = _PIECE_PHOTOSITES // 2
        spread = (steps[..., -1 - _QUARTILE] - steps[..., _QUARTILE]) / np.float32(_SIGMAS_BETWEEN_QUARTILES)
        return _Steps(
            step=np.asarray((steps[..., half - 1] + steps[..., half]) / 2, np.float32),
            error=np.asarray(1.2533 / _PIECE_PHOTOSITES**0.5 * (spread + 1 / 3), np.float32),
            level=np.maximum((means[1:] + means[:-1]) / np.float32(2), np.float32(1)),
            clipped=np.maximum(means[1:], means[:-1]) > np.float32(_NEAR_SATURATION * saturation),
        )


def _coherent(score: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return, for each row, what 85 % of its pieces' scores exceed in one direction; 0 or less if they disagree."""
    ordered = np.sort(score, axis=1)
    rest = int((1 - _STEP_SHARE) * score.shape[1])
    return np.asarray(np.maximum(ordered[:, rest], -ordered[:, -1 - rest]), np.float32)


def _piece_columns(width: int, pieces: int) -> NDArray[np.intp]:
    """Return the even columns of all pieces of a row, spread over its width."""
    starts = np.linspace(1, (width - 4) // 2 - _PIECE_PHOTOSITES, pieces).astype(np.intp) * 2
    columns: NDArray[np.intp] = (starts[:, np.newaxis] + 2 * np.arange(_PIECE_PHOTOSITES)).ravel()
    return columns
