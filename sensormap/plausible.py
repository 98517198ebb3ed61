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

from sensormap.cfa import Cfa
from sensormap.kernels import Mosaic
from sensormap.row_kernels import PIECE_PHOTOSITES, compare_greens, step_rows
from sensormap.score import Noise

# A row is compared in up to 24 pieces, since a damaged row can be too bright here and too dark there.
_PIECES, _FEWEST_PIECES, _FEWEST_STEP_PIECES = 24, 3, 12
# Of 160 good frames, level blinds and lines of text among them, no row was torn; of 80 damaged ones (more than 1 % of
# photosites wrong) 78 had at least 0.78 % of their rows so.
_TORN_SIGMA, _TORN_SHARE, _FEWEST_TORN = 2.0, 0.004, 4
# A colour steps where this share of the pieces step one way by so many standard errors, and then, of all the pieces
# that the row has, this share one way by any amount: 96 % or more in damaged, 90 % at most in good frames.
_STEP_SIGMA, _STEP_SHARE, _STEP_EVERYWHERE = 0.6, 0.75, 0.94
# A row moves where this share of its pieces step one way by so many standard errors.
_STILL_SIGMA, _MOVE_SHARE = 0.8, 0.85
_NEAR_SATURATION = 0.9
# How exactly two colours keep their ratio from one row to the next, as a share of the level.
_RATIO_ERROR = 0.005
# How much a sensor's imbalance of its two greens may vary over the frame, as a share of the level.
_IMBALANCE = 0.01
_FEWEST_ROWS = 32
# Twice the mid-spread of eight normally distributed values, in standard deviations.
_SIGMAS_OF_MID_SPREAD2 = 2.65
# The painted scenes have up to 24 % of scores beyond 3.5 sigma, the photographed ones 9 %. By construction of the
# noise about a third of the scores is beyond 1 sigma.
_OUTLYING_SHARE = 0.3
_CLIPPED_SHARE = 0.9999  # a dark frame may be black but for its hot photosites


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
    reason = unlike_light(active, noise, clipping=clipping)
    if reason is not None:
        return reason
    torn = np.flatnonzero(torn_rows(active, cfa))
    if torn.size >= max(_FEWEST_TORN, _TORN_SHARE * active.shape[0]):
        share = torn.size / active.shape[0]
        return f"damaged: {share:.1%} of the rows, the first near row {torn[0]}, do not fit the rows beside them"
    steps = colour_steps(active, cfa, saturation=clipping[1])
    if steps.size:
        return f"damaged: one colour steps near row {steps[0]}, all across the frame"
    return None


def unlike_light(active: Mosaic, noise: Noise, *, clipping: tuple[int, int]) -> str | None:
    """Return why a frame, raw or from a JPEG, is no picture of light, or None; parameters as for `implausibility`."""
    sample = active[:: max(active.shape[0] // 64, 1)]
    clipped = float(np.mean((sample <= clipping[0]) | (sample >= clipping[1])))
    if clipped > _CLIPPED_SHARE:
        return f"{clipped:.1%} of the photosites are black or saturated, expected a photo"
    if noise.outlying > _OUTLYING_SHARE:
        return f"{noise.outlying:.0%} of the photosites differ from their neighbours, expected a photo; damaged?"
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
    their standard error (1.2533 sigma over the square root of the number compared): the smaller of the two counts if
    they have one sign. A row with such an excess in more than half of its pieces is torn if a row beside it is.
    Sensors have an imbalance of their own between the two greens, a share of the level that changes sign from row to
    row: its median over the frame is subtracted, and what it may vary over the sensor is allowed for.
    """
    starts = _piece_starts(active.shape, cfa)
    if not starts.size:
        return np.zeros(0, np.bool_)
    above, below, spread, level = (np.zeros((active.shape[0], starts.size), np.float32) for _ in range(4))
    compare_greens(active, cfa.name.index("G"), starts, above, below, spread, level)
    level = np.maximum(level, np.float32(2))
    first_green = 0 if cfa.planes[cfa.name.index("G")].name == "Gr" else 1
    sign = np.where(np.arange(active.shape[0]) % 2 == first_green, 1, -1).astype(np.float32)[:, np.newaxis]
    above, below = above * sign, below * sign
    # At an edge one of the two is small; the larger says nothing of the sensor.
    smaller = np.where(np.abs(above) < np.abs(below), above, below)
    imbalance = np.float32(np.median(smaller[2:-1] / level[2:-1]))
    above, below = above - imbalance * level, below - imbalance * level
    beyond = np.where(above * below > 0, np.minimum(np.abs(above), np.abs(below)), 0)
    torn = np.mean(beyond > _TORN_SIGMA * _standard_error(spread) + _IMBALANCE * level, axis=1) > 0.5
    pairs = torn[:-1] & torn[1:]
    return np.asarray(np.append(pairs, False) | np.append(False, pairs))


def colour_steps(active: Mosaic, cfa: Cfa, *, saturation: int) -> NDArray[np.intp]:
    """Return the rows at which a colour steps for good, all across the frame, while the rows beside do not.

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
    whole frame, moves the rows between and beside too: where they move, nothing is said.
    """
    starts = _piece_starts(active.shape, cfa)
    if starts.size < _FEWEST_STEP_PIECES:
        return np.zeros(0, np.intp)
    one, other = (_Steps.of(active, phase, starts, saturation) for phase in (0, 1))
    everywhere = np.ones_like(one.clipped)
    moves = [_agreeing(steps.step / steps.error, _STILL_SIGMA, everywhere) >= _MOVE_SHARE for steps in (one, other)]
    still = np.concatenate([[True], ~(moves[0] | moves[1]), [True]])
    beside = still[:-2] & still[2:]
    found = []
    for phase in (0, 1):
        this, that = (one, other) if phase == 0 else (other, one)
        agreeing = _agreeing(this.against(that), _STEP_SIGMA, ~(this.clipped | that.clipped))
        for row in np.flatnonzero((agreeing >= _STEP_SHARE) & beside):
            # A thin line steps back at once, damage stays.
            pairs = [(row, row + 2), (row - 2, row + 2), (row, row + 4)]
            inside = [(a, b) for a, b in pairs if a >= 0 and b < active.shape[0]]
            if all(_steps_everywhere(active[[a, a, b]], phase, cfa, saturation) for a, b in inside):
                found.append(int(row))
    return np.array(sorted(found), np.intp)


def _steps_everywhere(rows: Mosaic, phase: int, cfa: Cfa, saturation: int) -> bool:
    """Tell whether a colour steps from the first to the last of three rows, judged by all the pieces there are."""
    pieces = rows.shape[1] // (2 * PIECE_PHOTOSITES)
    starts = _piece_starts((_FEWEST_ROWS, rows.shape[1]), cfa, most=pieces)
    this, that = (_Steps.of(rows, at, starts, saturation) for at in (phase, 1 - phase))
    return bool(_agreeing(this.against(that), 0.0, ~(this.clipped | that.clipped))[0] >= _STEP_EVERYWHERE)


@dataclass(frozen=True)
class _Steps:
    """Steps of the colour in every second column from each row to its plane's next, in doubled DN, by piece."""

    step: NDArray[np.float32]
    error: NDArray[np.float32]
    level: NDArray[np.float32]
    clipped: NDArray[np.bool_]

    @staticmethod
    def of(active: Mosaic, phase: int, starts: NDArray[np.intp], saturation: int) -> _Steps:
        step, spread, level = (np.empty((active.shape[0] - 2, starts.size), np.float32) for _ in range(3))
        step_rows(active, phase, starts, step, spread, level)
        clipped = level > np.float32(2 * _NEAR_SATURATION * saturation)
        return _Steps(step, _standard_error(spread), np.maximum(level, np.float32(2)), clipped)

    def against(self, other: _Steps) -> NDArray[np.float32]:
        """Return the steps beyond those of the other colour, times the ratio of their levels, over their error."""
        ratio = self.level / other.level
        sigma = np.hypot(np.hypot(self.error, ratio * other.error), np.float32(_RATIO_ERROR) * self.level)
        return np.asarray((self.step - ratio * other.step) / sigma, np.float32)


def _agreeing(score: NDArray[np.float32], sigma: float, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, for each row, which share of its pieces score beyond `sigma` one way; 0 where half are left out."""
    count = np.count_nonzero(where, axis=1)
    up, down = (np.count_nonzero((side > sigma) & where, axis=1) for side in (score, -score))
    enough = 2 * count >= score.shape[1]
    return np.where(enough, np.maximum(up, down) / np.maximum(count, 1), 0.0)


def _standard_error(spread2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the standard error of the median of eight from their mid-spread, both in doubled DN.

    A third of a DN is added: rounding alone, where a clipped or noiseless piece has no spread of its own.
    """
    return np.asarray(1.2533 / PIECE_PHOTOSITES**0.5 * (2 * spread2 / _SIGMAS_OF_MID_SPREAD2 + 2 / 3), np.float32)


def _piece_starts(shape: tuple[int, ...], cfa: Cfa, *, most: int = _PIECES) -> NDArray[np.intp]:
    """Return the even columns where the pieces of a row begin; none where there is no telling."""
    height, width = shape
    pieces = min((width - 4) // (2 * PIECE_PHOTOSITES) - 1, most)
    if len(cfa.planes) != 4 or height < _FEWEST_ROWS or pieces < _FEWEST_PIECES:
        return np.zeros(0, np.intp)
    starts = np.linspace(1, (width - 4) // 2 - PIECE_PHOTOSITES, pieces).astype(np.intp) * 2
    return np.asarray(starts, np.intp)
