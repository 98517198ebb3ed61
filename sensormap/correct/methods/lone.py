"""Lone bright photosites of one photo that are in no map: cosmic rays, and defects that come and go.

One photo cannot tell these from what the lens drew that small. So a photosite counts only if it stands out by many
sigma from its colour, and nothing around it stands out with it: a star, or a highlight, is at least as wide as the lens
is sharp, and lifts the photosites beside it, which are of other colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.correct.methods.targets import Levels
from sensormap.errors import FrameMismatchError
from sensormap.frame import Mosaic
from sensormap.score.neighbours import gather_windows, neighbours_of_rows, pad
from sensormap.score.noise import Noise, fit_noise
from sensormap.score.scores import score_band

# Of a star whose light spreads by the 1.4 photosites of a sharp lens, a photosite beside the middle has a third, of
# which a filter of another colour takes a part. What stands out by more than this share of the middle goes with it.
_SHARE = 0.1
_FOUR_SHARE = 0.25  # of the four nearest together
# Where the share is within the noise, so many sigma count: one of the 24 around is beyond 4 in one of a thousand cases.
_SIGMAS, _FOUR_SIGMAS = 4.0, 3.0

_AROUND = 2  # photosites on either side: all colours, and the nearest of the same one
_UNITS = 100  # a sigma threshold as scores are stored: 127 is the most
_SURPLUS = 0.95  # share of the threshold from which photosites are looked at closely: scores are rounded
# Where black is clipped, half of the noise is, and the fit knows nothing of it: the tail of the values there does.
_TAIL, _TAIL_SIGMAS = 0.999, 3.09
_FEWEST_BLACK = 1000  # photosites sampled, of which one lies in that tail
_SAMPLED_ROWS = 64
_MOST_SIGMAS = 1e6  # nothing stands out so far; squares of more are beyond float32
_AT_ONCE = 20_000  # photosites looked at closely: their surroundings are some 20 MB


def find_lone(
    mosaic: NDArray[Any], mapped: NDArray[np.bool_], cfa: Cfa, levels: Levels, sigma: float
) -> NDArray[np.int64]:
    """Return rows and columns of lone bright photosites, ``(N, 2)``, sorted.

    Parameters
    ----------
    mosaic
        The active area, ``(H, W)``, DN, black included.
    mapped
        Mask of everything mapped, ``(H, W)``: never found, and no reason to take another one for more than lone.
    cfa
        Filter pattern as read from the corner of `mosaic`.
    levels
        Black and saturation of the photo.
    sigma
        How far above the median of its eight same-colour neighbours a photosite stands, in standard deviations of that
        difference by the photo's own noise, `registry.LEAST_LONE_SIGMA` at least.

    Raises
    ------
    FrameMismatchError
        If the filters repeat over more than two photosites: what lies beside one is then of no colour of its own.
    """
    step = cfa.step
    if step > 2:
        msg = f"lone photosites are looked for beside Bayer filters and none, and these are {cfa.name}"
        raise FrameMismatchError(msg)
    padded, lowest = pad(levels.above_black(mosaic, cfa), step), levels.clipping[0]
    noise = fit_noise(padded, step, clipping=levels.clipping, quantised=True)
    photo = _Photo(padded, mapped, step, noise, lowest, _spread_at_black(padded, mosaic.shape, step, lowest))
    found = _candidates(photo, sigma)
    found = found[~mapped[found[:, 0], found[:, 1]]]
    parts = [found[first : first + _AT_ONCE] for first in range(0, len(found), _AT_ONCE)]
    kept = [part[_lone(part, photo, sigma)] for part in parts]
    return np.concatenate([np.empty((0, 2), np.int64), *kept])


@dataclass(frozen=True, eq=False)
class _Photo:
    """A photo padded and above black, its mapped photosites, its noise, and the lowest DN with the spread there."""

    padded: Mosaic
    mapped: NDArray[np.bool_]
    step: int
    noise: Noise
    lowest: int
    spread_at_black: float


def _candidates(photo: _Photo, sigma: float) -> NDArray[np.int64]:
    """Return rows and columns of what stands out by nearly so many sigma, or more."""
    height, width = photo.mapped.shape
    # The square of the unit: variances are divided by it.
    unit = photo.noise.rows(width) / np.float32((_UNITS / min(sigma, _MOST_SIGMAS)) ** 2)
    scores, found = np.empty((256, width), np.int8), []
    for first in range(0, height, len(scores)):
        last = min(first + len(scores), height)
        score_band(photo.padded, first, last, photo.step, unit, 127, scores)
        rows, cols = np.nonzero(scores[: last - first] >= _SURPLUS * _UNITS)
        found.append(np.stack([rows + first, cols], axis=1))
    return np.concatenate(found).astype(np.int64)


def _lone(places: NDArray[np.int64], photo: _Photo, sigma: float) -> NDArray[np.bool_]:
    """Tell which photosites stand out, and alone, ``(N,)``."""
    excess, spread = _excess(places, photo)
    stands_out = excess >= sigma * spread
    alone, mapped = stands_out.copy(), photo.mapped
    four, four_variance = np.zeros(len(places)), np.zeros(len(places))
    for down, right in product(range(-_AROUND, _AROUND + 1), repeat=2):
        beside = places + np.array([down, right])
        inside = ((beside >= 0) & (beside < mapped.shape)).all(axis=1)
        beside = np.clip(beside, 0, np.array(mapped.shape) - 1)
        counts = inside & ~mapped[beside[:, 0], beside[:, 1]]
        if down == right == 0:
            continue
        more, noise_beside = _excess(beside, photo)
        alone &= ~counts | (more <= np.maximum(_SHARE * excess, _SIGMAS * noise_beside))
        if abs(down) + abs(right) == 1:
            four += np.where(counts, more, 0)
            four_variance += np.where(counts, noise_beside**2, 0)
    return np.asarray(alone & (four <= np.maximum(_FOUR_SHARE * excess, _FOUR_SIGMAS * np.sqrt(four_variance))))


def _excess(places: NDArray[np.int64], photo: _Photo) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far photosites lie above the median of their neighbours, and the spread of that, DN, ``(N,)``."""
    windows = gather_windows(photo.padded, places[:, 0], places[:, 1], photo.step)
    value, level2, spread2 = windows.astype(np.float64)
    level, spread = level2 / 2, np.sqrt(photo.noise.variance(places, level2 / 2, spread2 / 2))
    at_black = level <= photo.lowest + photo.spread_at_black
    return value - level, np.where(at_black, np.maximum(spread, photo.spread_at_black), spread)


def _spread_at_black(padded: Mosaic, shape: tuple[int, ...], step: int, lowest: int) -> float:
    """Return the spread of values whose neighbours are clipped at black, DN; 0 where hardly any are."""
    rows = np.unique(np.linspace(0, shape[0] - 1, _SAMPLED_ROWS).astype(np.int64))
    value, level2, _ = neighbours_of_rows(padded, rows, step)
    dark = np.asarray(value)[np.asarray(level2) <= 2 * lowest]
    if dark.size < _FEWEST_BLACK:
        return 0.0
    return float(np.quantile(dark, _TAIL) - lowest) / _TAIL_SIGMAS
