"""Photosites predicted from those around them, of all colours, by what goes together in this very photo.

The 5 x 5 photosites around one are a vector of 25 values. Were mean and covariance of that vector known, the best
linear guess of the middle one, given the healthy ones of the rest, would be its conditional expectation: whatever is
missing beside it is left out of the equations, so that clusters, lines, corners and borders are no special cases.

Mean and covariance are taken from the 81 like places around the target, which follow the direction of its edges and
the colours that they join. That covariance is added to the one of the whole photo, which follows its noise and its
sharpness. Where the surroundings are flat the photo's part is larger, where they have structure their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.correct.methods.surround import by_place, colour_rings, same_colour, same_plane_rings, surroundings
from sensormap.correct.methods.targets import Targets

_PATCH = 2  # photosites on either side of the middle: 5 x 5, all colours, the eight nearest of the same plane
_MIDDLE = 12
_STEPS = 4  # steps of the plane on either side within which the patches around a target lie: 9 x 9
_STEPS_XTRANS = 2  # of X-Trans sensors, whose planes have steps of six photosites: 5 x 5 patches

# Weight of the surroundings' covariance against the photo's. Tuned on sets that docs/method/correction.md does not
# report on; from 0.05 to 0.2, and from 3 to 5 steps, errors differ by 2 % at most.
_LOCAL_SHARE = 0.1
_SAMPLES = 6400  # patches a plane that the photo's covariance is taken from; 10 000 make errors less than 1 % smaller
_SAMPLES_XTRANS = 1600  # a plane, of which there are nine times as many
_RIDGE = 1 / 12  # DN squared, the noise of rounding: what keeps a photo without any noise solvable
_RIDGE_SHARE = 1e-9  # of the mean variance, where values are so large that rounding hides the former
_AT_ONCE = 512  # targets: some thirty megabytes


def directional(targets: Targets) -> NDArray[np.float64]:
    """Return the values that photosites should have, in DN and not rounded, ``(N,)``; NaN where nothing is known.

    Parameters
    ----------
    targets
        The photosites.

    Notes
    -----
    With mean mu and covariance C of the 25 values, m the middle one and k the known ones, the guess is
    ``mu_m + C_mk C_kk^-1 (x_k - mu_k)``; ``C = C_photo + 0.1 * mean over the 81 patches of (x - mu) (x - mu)^T``. It
    stays within the range of the nearest healthy photosites of the same plane, against ringing. In patches that serve
    as examples only, what is unhealthy counts as the mean of those. Edge-directed interpolation [1]_ fits around each
    target alone, kriging the whole photo alone.

    References
    ----------
    .. [1] X. Li and M. T. Orchard, "New edge-directed interpolation", IEEE Transactions on Image Processing 10, 2001,
       doi:10.1109/83.951537.
    """
    places, cfa = targets.places, targets.cfa
    filled = _filled(targets.mosaic, targets.unhealthy, cfa)
    lowest, highest = _bounds(targets.mosaic, targets.unhealthy, places, cfa)
    values = np.full(len(places), np.nan)
    known = np.isfinite(lowest)
    for place, every in by_place(places, cfa.step):
        own = every[known[every]]
        if own.size:
            photo = photo_covariance(filled, place, cfa)
            for first in range(0, own.size, _AT_ONCE):
                some = own[first : first + _AT_ONCE]
                values[some] = _expected(filled, targets.unhealthy, places[some], cfa.step, photo)
    return np.asarray(np.clip(values, lowest, highest), np.float64)


def photo_covariance(filled: NDArray[Any], place: int, cfa: Cfa) -> NDArray[np.float64]:
    """Return the covariance of the 5 x 5 photosites around those of one plane, ``(25, 25)``, DN squared.

    Parameters
    ----------
    filled
        Mosaic in DN, ``(H, W)``, with a plausible value at every photosite.
    place
        Number of the plane in ``cfa.planes``.
    cfa
        Filter pattern as read from the corner of the mosaic.

    Notes
    -----
    Taken from patches on a fixed grid. Each weighs less the more it varies: else few of high contrast would dominate.
    """
    step, plane = cfa.step, cfa.planes[place]
    phase = (plane.row, plane.col)
    side = round((_SAMPLES_XTRANS if cfa.is_xtrans else _SAMPLES) ** 0.5)
    last = [(length - 1 - first) // step for length, first in zip(filled.shape, phase, strict=True)]
    steps = [np.unique(np.linspace(0, most, min(side, most + 1)).astype(np.int64)) for most in last]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2) * step + phase
    patches = _blocks(filled, grid, _PATCH).reshape(-1, (2 * _PATCH + 1) ** 2)
    around = [one for one in cfa.neighbours[place] if max(map(abs, one)) <= _PATCH]
    same_plane = np.array(around, np.int64) @ [2 * _PATCH + 1, 1] + _MIDDLE
    variance = patches[:, same_plane].var(axis=1)
    weight = 1 / (variance + 2 * np.median(variance) + 1)
    weight /= weight.sum()
    patches -= weight @ patches
    return np.asarray((patches.T * weight) @ patches, np.float64)


def _filled(mosaic: NDArray[Any], unhealthy: NDArray[np.bool_], cfa: Cfa) -> NDArray[Any]:
    """Return the mosaic with a first guess at what is unhealthy."""
    flat = np.flatnonzero(unhealthy)
    every = np.stack(np.unravel_index(flat, mosaic.shape), axis=1)
    filled = mosaic.copy()
    for places, surround in same_colour(mosaic, unhealthy, every, cfa):
        filled.flat[flat[places]] = np.rint(surround.mean())
    return filled


def _bounds(
    mosaic: NDArray[Any], unhealthy: NDArray[np.bool_], targets: NDArray[np.int64], cfa: Cfa
) -> NDArray[np.float64]:
    """Return the lowest and the highest value of each target's nearest healthy ones of its plane, ``(2, N)``, else NaN.

    Where some of the eight nearest are missing, perhaps all on one side, the sixteen around them count as well.
    """
    if cfa.is_xtrans:
        bounds = np.full((2, len(targets)), np.nan)
        for place, own in by_place(targets, cfa.step):
            bounds[:, own] = _bounds_by(mosaic, unhealthy, targets[own], colour_rings(cfa, place))
        return bounds
    return _bounds_by(mosaic, unhealthy, targets, same_plane_rings(cfa.step))


def _bounds_by(
    mosaic: NDArray[Any], unhealthy: NDArray[np.bool_], targets: NDArray[np.int64], rings: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return the same by rings that all targets have in common."""
    first, second, *farther = rings
    bounds = np.full((2, len(targets)), np.nan)
    fewer = np.ones(len(targets), bool)
    for places, surround in surroundings(mosaic, unhealthy, targets, [first]):
        bounds[:, places] = surround.range()
        fewer[places] = ~surround.known.all(axis=1)
    some = np.flatnonzero(fewer)
    for places, surround in surroundings(mosaic, unhealthy, targets[some], [np.vstack([first, second]), *farther]):
        bounds[:, some[places]] = surround.range()
    return bounds


def _expected(
    filled: NDArray[Any],
    unhealthy: NDArray[np.bool_],
    targets: NDArray[np.int64],
    step: int,
    photo: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the conditional expectation of some targets of one plane."""
    width = 2 * _PATCH + 1
    steps = _STEPS if step <= 2 else _STEPS_XTRANS
    around = _blocks(filled, targets, step * steps + _PATCH)
    examples = sliding_window_view(around, (width, width), axis=(1, 2))[:, ::step, ::step]
    examples = examples.reshape(len(targets), -1, width * width)
    middle = examples[:, examples.shape[1] // 2]
    mean = examples.mean(axis=1)
    apart = examples - mean[:, None]
    covariance = photo + _LOCAL_SHARE / examples.shape[1] * (apart.transpose(0, 2, 1) @ apart)
    known = ~_blocks(unhealthy, targets, _PATCH, outside=True).reshape(len(targets), -1)
    return np.asarray(mean[:, _MIDDLE] + _weighed(covariance, known, middle - mean), np.float64)


def _weighed(
    covariance: NDArray[np.float64], known: NDArray[np.bool_], apart: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the known ones' distances from the mean say of the middle one's."""
    identity = np.eye(known.shape[1])
    ridge = _RIDGE + _RIDGE_SHARE * np.trace(covariance, axis1=1, axis2=2) / known.shape[1]
    both = known[:, :, None] & known[:, None, :]
    # An unknown one has an equation of its own, which says 0.
    system = np.where(both, covariance + ridge[:, None, None] * identity, identity)
    weights = np.linalg.solve(system, np.where(known, covariance[:, _MIDDLE], 0)[..., None])[..., 0]
    return np.asarray((weights * np.where(known, apart, 0)).sum(axis=1), np.float64)


def _blocks(
    values: NDArray[Any], centres: NDArray[np.int64], radius: int, *, outside: bool | None = None
) -> NDArray[Any]:
    """Return the squares around some photosites, ``(N, 2 radius + 1, 2 radius + 1)``, as float64 unless boolean.

    Beyond the border they hold `outside`, or where that is None what lies as far inside: the same plane again.
    """
    across = np.arange(-radius, radius + 1)
    index, inside = [], []
    for axis, length in enumerate(values.shape):
        place = centres[:, axis, None] + across
        inside.append((place >= 0) & (place < length))
        period = max(2 * (length - 1), 1)
        place %= period
        index.append(np.minimum(np.minimum(place, period - place), length - 1))
    blocks = values[index[0][:, :, None], index[1][:, None, :]]
    if outside is None:
        return np.asarray(blocks, np.float64)
    return np.where(inside[0][:, :, None] & inside[1][:, None, :], blocks, outside)
