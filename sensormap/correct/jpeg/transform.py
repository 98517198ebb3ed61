"""From the pixels of a JPEG to its coefficients and back: the colours of JFIF and the cosine transform."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensormap.correct.jpeg.coefficients import Coded
from sensormap.frame import LUMA_SHARES

COLOURS: Final = np.array([LUMA_SHARES, [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""Of JFIF: brightness, blue and red differences, each of red, green and blue."""

MIDDLE: Final = 128
"""The brightness that is coded as 0."""

Samples = tuple[NDArray[np.float64], ...]
"""Of each colour the samples of units, shape ``(units, down, across)``, at the resolution in which they are stored."""


def _cosines() -> NDArray[np.float64]:
    """Return the matrix of the orthonormal cosine transform of 8 samples."""
    places = np.arange(8)
    matrix = np.cos((2 * places + 1) * places[:, np.newaxis] * np.pi / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix


_COSINES: Final = _cosines()


def samples_of(blocks: NDArray[np.int32] | NDArray[np.float64], coded: Coded) -> Samples:
    """Return the samples that coefficients stand for, not rounded, not clipped, and 0 in the middle of their range.

    Parameters
    ----------
    blocks
        Coefficients in quantisation steps, ``(units, blocks, 64)``, as `coefficients.read_units` returns them.
    coded
        The file that they belong to.
    """
    samples, first = [], 0
    for component, (wide, high) in enumerate(coded.layout.factors):
        levels = blocks[:, first : first + wide * high].reshape(-1, high, wide, 8, 8) * coded.steps[component]
        squares = _COSINES.T @ levels @ _COSINES
        samples.append(squares.swapaxes(2, 3).reshape(-1, 8 * high, 8 * wide))
        first += wide * high
    return tuple(samples)


def spread(samples: NDArray[np.float64], coded: Coded) -> NDArray[np.float64]:
    """Return samples of one colour repeated so that each pixel has one, shape ``(units, height, width)``.

    Parameters
    ----------
    samples
        Samples of units, shape ``(units, down, across)``.
    coded
        The file that they belong to.
    """
    across, down = coded.layout.unit
    return samples.repeat(down // samples.shape[1], 1).repeat(across // samples.shape[2], 2)


def averaged(levels: NDArray[np.float64], coded: Coded) -> Samples:
    """Return the samples of pixels, or of changes of pixels: means where several pixels share one.

    Parameters
    ----------
    levels
        Red, green and blue of units, shape ``(units, height, width, 3)``.
    coded
        The file that they belong to.
    """
    across, down = coded.layout.unit
    colours = levels @ COLOURS.T
    samples = []
    for component, (wide, high) in enumerate(coded.layout.factors):
        shape = (-1, 8 * high, down // (8 * high), 8 * wide, across // (8 * wide))
        samples.append(colours[..., component].reshape(shape).mean((2, 4)))
    return tuple(samples)


def in_steps(samples: Samples, coded: Coded) -> NDArray[np.float64]:
    """Return the coefficients of samples in quantisation steps, not rounded: the inverse of `samples_of`.

    Parameters
    ----------
    samples
        Samples of units by colour.
    coded
        The file that they belong to.

    Returns
    -------
    ndarray of float64, shape (units, blocks, 64)
        Coefficients in quantisation steps.
    """
    blocks = []
    for component, (wide, high) in enumerate(coded.layout.factors):
        squares = samples[component].reshape(-1, high, 8, wide, 8).swapaxes(2, 3)
        steps = _COSINES @ squares @ _COSINES.T / coded.steps[component]
        blocks.append(steps.reshape(-1, high * wide, 64))
    return np.concatenate(blocks, 1)
