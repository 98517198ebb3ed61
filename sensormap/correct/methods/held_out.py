"""How good a repair is in one photo: healthy photosites held out, repaired as if defective, and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa, Lattice
from sensormap.correct.methods.new_values import repair
from sensormap.correct.methods.registry import INTERPOLATIONS
from sensormap.correct.methods.surround import same_colour
from sensormap.score.noise import frame_noise

COUNT = 4000
"""Photosites held out where the photo has room for as many: a median is then good to some 2 %."""

_APART = 5  # photosites between two held out, so that each has all its neighbours
_CELL = 2 * _APART
_SEED = 0x4E1D


@dataclass(frozen=True)
class Quality:
    """Errors of one method, without their sign.

    A method that knew the light itself would have a median of 0.67 and a 95th percentile of 1.96 sigma, or less in
    photos full of texture, some of which the fit of the noise takes for noise.

    Parameters
    ----------
    method
        Name of the method.
    count
        Number of photosites compared.
    median_dn, high_dn
        Median and 95th percentile in DN.
    median_sigma, high_sigma
        The same, each error in sigmas of that photosite's own noise, which nothing around it can tell.
    """

    method: str
    count: int
    median_dn: float
    high_dn: float
    median_sigma: float
    high_sigma: float


@dataclass(frozen=True)
class HeldOut:
    """Errors of the repairs of N photosites that were held out.

    Parameters
    ----------
    errors
        Errors of each method, without their sign, DN, ``(N,)`` each.
    sigma
        Noise of the photosites themselves, DN, ``(N,)``.
    """

    errors: dict[str, NDArray[np.float64]]
    sigma: NDArray[np.float64]


def check(
    mosaic: NDArray[Any],
    defective: NDArray[np.bool_],
    cfa: Cfa,
    *,
    clipping: tuple[int, int],
    count: int = COUNT,
    methods: Sequence[str] = INTERPOLATIONS,
) -> HeldOut:
    """Hold out healthy photosites, repair each, and return the errors by method.

    Parameters
    ----------
    mosaic
        The active area in DN, ``(H, W)``, black subtracted.
    defective
        Everything mapped, ``(H, W)``.
    cfa
        Filter pattern as read from the corner of `mosaic`.
    clipping
        Lowest and highest DN that a photosite can have, black subtracted; clipped photosites are not held out.
    count
        Most photosites to hold out; there are fewer, or none, where the frame has fewer that can be.
    methods
        Methods to try, of `registry.INTERPOLATIONS`.

    Raises
    ------
    ValueError
        If the frame has fewer than three steps of a plane a side.
    """
    targets = hold_out(mosaic, defective, cfa, clipping=clipping, count=count)
    real = mosaic[tuple(targets.T)].astype(np.float64)
    return HeldOut(
        {method: np.abs(repair(mosaic, defective, targets, cfa, method=method).values - real) for method in methods},
        noise_at(mosaic, defective, targets, cfa, clipping=clipping),
    )


def sum_up(parts: Sequence[HeldOut]) -> tuple[Quality, ...]:
    """Return the quality of each method over the photosites held out of several photos; none if there are none.

    Parameters
    ----------
    parts
        Results of `check` for each photo, of the same methods.
    """
    sigma = np.concatenate([np.empty(0), *(part.sigma for part in parts)])
    if not sigma.size:
        return ()
    return tuple(
        quality(method, np.concatenate([part.errors[method] for part in parts]), sigma) for method in parts[0].errors
    )


def quality(method: str, error: NDArray[np.float64], sigma: NDArray[np.float64]) -> Quality:
    """Sum up the errors of one method.

    Parameters
    ----------
    method
        Name of the method.
    error
        Absolute errors in DN, ``(N,)``, N at least 1.
    sigma
        Noise of each photosite in DN, ``(N,)``.
    """
    median_dn, high_dn = np.percentile(error, (50, 95))
    median_sigma, high_sigma = np.percentile(error / sigma, (50, 95))
    return Quality(method, error.size, float(median_dn), float(high_dn), float(median_sigma), float(high_sigma))


def hold_out(
    mosaic: NDArray[Any], defective: NDArray[np.bool_], lattice: Lattice, *, clipping: tuple[int, int], count: int
) -> NDArray[np.int64]:
    """Return rows and columns of healthy photosites, ``(N, 2)``; the same ones for the same shape, mask and count.

    One by chance in each of up to `count` cells of a grid, unless a mapped one is near or it is clipped.

    Parameters
    ----------
    mosaic
        Active area, DN, ``(H, W)``, black subtracted.
    defective
        Mask of everything mapped, ``(H, W)``.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the corner of `mosaic`.
    clipping
        Lowest and highest DN that a photosite can have.
    count
        Largest number of photosites.

    Examples
    --------
    >>> hold_out(np.full((24, 24), 9), np.zeros((24, 24), bool), 2, clipping=(0, 99), count=4).shape
    (4, 2)
    """
    height, width = mosaic.shape
    side = max(_CELL, int(np.ceil((height * width / max(count, 1)) ** 0.5)))
    starts = np.arange(0, height - side + 1, side), np.arange(0, width - side + 1, side)
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng([_SEED, height, width, count])
    targets = corners + rng.integers(0, side - _APART + 1, corners.shape)
    rows, cols = targets.T
    near = np.zeros(len(targets), bool)
    reach = 2 * (lattice if isinstance(lattice, int) else lattice.near)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            near |= defective[np.clip(rows + down, 0, height - 1), np.clip(cols + right, 0, width - 1)]
    clipped = (mosaic[rows, cols] <= clipping[0]) | (mosaic[rows, cols] >= clipping[1])
    return np.asarray(targets[~near & ~clipped][:count], np.int64)


def noise_at(
    mosaic: NDArray[Any],
    defective: NDArray[np.bool_],
    targets: NDArray[np.int64],
    lattice: Lattice,
    *,
    clipping: tuple[int, int],
) -> NDArray[np.float64]:
    """Return the noise that photosites would have if healthy, in DN, ``(N,)``, by the frame's own fit; texture apart.

    Parameters
    ----------
    mosaic
        Active area, DN, ``(H, W)``, black subtracted.
    defective
        Mask of everything mapped, ``(H, W)``.
    targets
        Rows and columns of the photosites, ``(N, 2)``. They need a healthy photosite of their plane, or of X-Trans of
        their colour, within `surround.REACH`; NaN where there is none.
    lattice
        Distance between same-plane neighbours, or the filter pattern as read from the corner of `mosaic`.
    clipping
        Lowest and highest DN that a photosite can have.
    """
    noise = frame_noise(mosaic, lattice, clipping=clipping)
    level = np.full(len(targets), np.nan)
    for places, surround in same_colour(mosaic, defective, targets, lattice):
        level[places] = surround.mean()
    return np.sqrt(noise.own_variance(targets, level))
