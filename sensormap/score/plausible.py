"""Is a decoded frame a photo? Damage that decodes without an error must not be tallied.

A flipped bit in a compressed strip usually shifts all later photosites, and each row then starts from a wrong
predictor: its values are off by an amount of its own. In a photo the two greens of a Bayer sensor agree, row after
row, whatever the scene: at an edge a row lies between the row above and the row below, and on a thin line only one row
lies beyond both. Damaged rows lie beyond both one after another. A flipped bit at the start of a row can instead
leave one colour of all later rows off by one amount: at that row the colour steps, all across the frame, and the other
colour of the same rows does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.compiled import compiled
from sensormap.frame import Mosaic
from sensormap.score.compared_rows import LEAST_ERROR, Compared
from sensormap.score.medians import median_of
from sensormap.score.noise import Noise
from sensormap.score.sudden_steps import is_sudden, odd_rows

# How exactly two colours keep their ratio from one row to the next, as a share of the level.
_RATIO_ERROR = np.float32(0.005)

# Of 160 good frames, level blinds and lines of text among them, no row was torn; of 80 damaged ones (more than 1 % of
# photosites wrong) 78 had at least 0.78 % of their rows so.
_TORN_SIGMA, _TORN_SHARE, _FEWEST_TORN = 2.0, 0.004, 4

_NEAR_TORN = 40  # rows: good frames have hardly ever a torn row, so that two signs of damage near each other are enough

# Pieces of a row without which no step is told.
_FEWEST_STEP_PIECES = 12

# A colour steps where this share of the pieces step one way by so many standard errors, and then, of all the pieces
# that the row has, this share one way by any amount: 96 % or more in damaged, 90 % at most in good frames.
_STEP_SIGMA, _STEP_SHARE, _STEP_EVERYWHERE = 0.6, 0.75, 0.94

# A row moves where this share of its pieces step one way by so many standard errors.
_STILL_SIGMA, _MOVE_SHARE = 0.8, 0.85

_LOWEST2 = 2  # doubled DN; lower levels count as this, so that shares of them mean something

_NEAR_SATURATION = 0.9  # of saturation; a colour whose median is beyond may be clipped in part

# How much a sensor's imbalance of its two greens may vary over the frame, as a share of the level.
_IMBALANCE = 0.01

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
        Noise fitted to this frame, from `fit_noise`.
    cfa
        Filter pattern as read from the active area's corner.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted.
    """
    return unlike_light(active, noise, clipping=clipping) or damage(active, noise, cfa, clipping=clipping)


def damage(active: Mosaic, noise: Noise, cfa: Cfa, *, clipping: tuple[int, int]) -> str | None:
    """Return by what a frame shows that it is damaged, or None; it may be black or saturated all over.

    Parameters
    ----------
    active, noise, cfa, clipping
        As for `implausibility`.
    """
    if noise.outlying > _OUTLYING_SHARE:
        return _unlike_neighbours(noise)
    compared = Compared.rows_of(active, cfa)
    torn = np.flatnonzero(torn_rows(compared))
    if torn.size >= max(_FEWEST_TORN, _TORN_SHARE * active.shape[0]):
        share = torn.size / active.shape[0]
        return f"damaged: {share:.1%} of the rows, the first near row {torn[0]}, do not fit the rows beside them"
    steps = colour_steps(compared, torn, saturation=clipping[1])
    if steps.size:
        return f"damaged: one colour steps near row {steps[0]}, all across the frame"
    return None


def unlike_light(active: Mosaic, noise: Noise, *, clipping: tuple[int, int]) -> str | None:
    """Return why a frame, raw or from a JPEG, does not show light, or None if it may.

    Parameters
    ----------
    active, noise, clipping
        As for `implausibility`.
    """
    sample = active[:: max(active.shape[0] // 64, 1)]
    clipped = np.count_nonzero((sample <= clipping[0]) | (sample >= clipping[1])) / sample.size
    if clipped > _CLIPPED_SHARE:
        return f"{clipped:.1%} of the photosites are black or saturated, expected a photo"
    return _unlike_neighbours(noise) if noise.outlying > _OUTLYING_SHARE else None


def _unlike_neighbours(noise: Noise) -> str:
    return f"{noise.outlying:.0%} of the photosites differ from their neighbours, expected a photo; damaged?"


def torn_rows(compared: Compared) -> NDArray[np.bool_]:
    """Tell for each row whether its green photosites, and those of a row beside it, lie beyond both rows beside them.

    Parameters
    ----------
    compared
        All rows of a frame. Sensors without two greens, and frames too small to tell, yield none.

    Notes
    -----
    In each piece of a row the medians of green minus the neighbours above, and minus those below, are compared with
    their standard error: the smaller of the two counts if they have one sign. A row with such an excess in more than
    half of its pieces is torn if a row beside it is. Sensors have an imbalance of their own between the two greens, a
    share of the level that changes sign from row to row: its median over the frame is subtracted, and what it may vary
    over the sensor is allowed for.
    """
    cfa, pieces = compared.cfa, compared.middle.shape[2]
    if not pieces:
        return np.zeros(0, np.bool_)
    above, below = compared.middle[:2]
    error, level = np.minimum(compared.error[0], compared.error[1]), np.maximum(compared.level[0], np.float32(_LOWEST2))
    # At an edge one of the two is small; the larger says nothing of the sensor. (`np.where` takes five times as long.)
    nearer = (np.abs(above) < np.abs(below)).astype(np.float32)
    share = (nearer * above + (1 - nearer) * below) / level
    # Whether row 1, the first that is compared, has the second green, or else row 2.
    turned = slice(0 if cfa.planes[cfa.name.index("G")].name == "Gr" else 1, None, 2)
    share[turned] *= -1
    usual = median_of(share[1:])
    imbalance = usual * level
    imbalance[turned] *= -1
    above, below = above - imbalance, below - imbalance
    beyond = np.minimum(np.abs(above), np.abs(below)) > _TORN_SIGMA * error + _IMBALANCE * level
    excess = np.count_nonzero(beyond & (above * below > 0), axis=1)
    # The first and the last row, which lack a neighbour, differ by nothing at the lowest level: they are torn where the
    # imbalance alone is too much for that.
    end = bool(np.abs(usual) * _LOWEST2 > _TORN_SIGMA * LEAST_ERROR + _IMBALANCE * np.float32(_LOWEST2))
    torn = np.concatenate([[end], 2 * excess > pieces, [end]])
    pairs = torn[:-1] & torn[1:]
    return np.asarray(np.append(pairs, False) | np.append(False, pairs))


def colour_steps(compared: Compared, torn: NDArray[np.intp], *, saturation: int) -> NDArray[np.intp]:
    """Return the rows at which a colour steps for good, all across the frame, while the rows beside do not.

    Parameters
    ----------
    compared
        All rows of a frame. Sensors without colours, and frames too small to tell, yield no rows.
    torn
        Torn rows, ascending: too few to tell damage by themselves, but near one a step needs no further look.
    saturation
        DN at which a photosite clips: a clipped colour cannot step with the others.

    Notes
    -----
    In each piece of a row, a colour's step to the next row of its plane is compared with the other colour's, times the
    ratio of their levels, so that edges of the scene cancel. An edge of one colour only, level to a photosite over the
    whole frame, moves the rows between and beside too: where they move, nothing is said. What is left, slopes and edges
    of a scene that is nearly of one colour, `sudden_steps` tells from damage.
    """
    if compared.middle.shape[2] < _FEWEST_STEP_PIECES:
        return np.zeros(0, np.intp)
    moving, agreeing = _agreeing(compared, _STEP_SIGMA, saturation)
    still = np.concatenate([[True], (moving < _MOVE_SHARE).all(axis=1), [True]])
    beside = still[:-2] & still[2:]
    found = []
    for row, colour in np.argwhere((agreeing >= _STEP_SHARE) & beside[:, np.newaxis]):
        # A thin line steps back at once, damage stays.
        pairs = [(row, row + 2), (row - 2, row + 2), (row, row + 4)]
        inside = [(a, b) for a, b in pairs if a >= 0 and b < compared.active.shape[0]]
        everywhere = (_agreeing(compared.steps_between(a, b), 0.0, saturation)[1] for a, b in inside)
        if not all(share[0, colour] >= _STEP_EVERYWHERE for share in everywhere):
            continue
        col = (compared.cfa.name.index("G") + int(row) + int(colour)) % 2
        near_torn = bool((np.abs(torn - row) <= _NEAR_TORN).any())
        if near_torn or is_sudden(compared.active, int(row), col, saturation=saturation):
            found.append(int(row))
    if not found:
        odd = odd_rows(compared.active)
        found = [row for row, col in odd if is_sudden(compared.active, row, col, saturation=saturation)]
    return np.array(found, np.intp)


def _agreeing(compared: Compared, sigma: float, saturation: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each row and colour, which share of its pieces step one way, and which beyond the other colour.

    The latter by so many `sigma`, of the pieces where neither is clipped, and 0 where those are not half.
    """
    count, pieces = compared.middle.shape[1:]
    bars = np.array([_STILL_SIGMA, sigma, _LOWEST2, 2 * _NEAR_SATURATION * saturation], np.float32)
    counts = np.empty((count, 2, 3), np.int64)
    moving, stepping, lowest, clipped = bars
    step, error, level = compared.middle[2:], compared.error[2:], compared.level[1:]
    count_steps(step, error, level, moving, stepping, lowest, clipped, counts)
    moved, beyond, unclipped = counts.transpose(2, 0, 1)
    return moved / pieces, np.where(2 * unclipped >= pieces, beyond / np.maximum(unclipped, 1), 0.0)


@compiled
def count_steps(  # noqa: PLR0913, PLR0917
    step: NDArray[np.float32],
    error: NDArray[np.float32],
    level: NDArray[np.float32],
    moving: np.float32,
    stepping: np.float32,
    lowest: np.float32,
    clipped: np.float32,
    counts: NDArray[np.int64],
) -> None:
    """Count in how many pieces of each row two colours step.

    Parameters
    ----------
    step, error, level
        Steps, their standard errors and the levels of both colours, ``(2, rows, pieces)``, in doubled DN.
    moving
        Standard errors that a colour must step to count.
    stepping
        Standard errors that it must step beyond the other colour's step times the ratio of their levels.
    lowest, clipped
        Levels below the former count as it; above the latter a colour may be clipped.
    counts
        Filled, by row and colour, with the pieces that step one way or the other, whichever are more, those of them
        that step so beyond the other colour where none is clipped, and those where none is; shape ``(rows, 2, 3)``.
    """
    for row in range(step.shape[1]):
        for k in range(2):
            step_a, error_a, level_a = step[k, row], error[k, row], level[k, row]
            step_b, error_b, level_b = step[1 - k, row], error[1 - k, row], level[1 - k, row]
            up, down, beyond, below, unclipped = 0, 0, 0, 0, 0
            for i in range(step.shape[2]):
                a, b = max(level_a[i], lowest), max(level_b[i], lowest)
                ratio = a / b
                # np.hypot, of which there is no SIMD code.
                one, two, three = np.float64(error_a[i]), np.float64(ratio * error_b[i]), np.float64(_RATIO_ERROR * a)
                both = np.float64(np.float32(np.sqrt(one * one + two * two)))
                score = (step_a[i] - ratio * step_b[i]) / np.float32(np.sqrt(both * both + three * three))
                moved = step_a[i] / error_a[i]
                open_ = (level_a[i] <= clipped) & (level_b[i] <= clipped)
                up, down = up + (moved > moving), down + (moved < -moving)
                beyond, below = beyond + (open_ & (score > stepping)), below + (open_ & (score < -stepping))
                unclipped += open_
            counts[row, k, 0], counts[row, k, 1], counts[row, k, 2] = max(up, down), max(beyond, below), unclipped
