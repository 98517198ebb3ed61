"""A toy camera and mosaics with planted defects; hypothesis draws the same examples in every run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from sensormap.camera import Profile, Rect
from sensormap.cfa import Cfa
from sensormap.score import Noise

# The first call of a compiled loop takes a second, and two cores are shared: no deadline.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Undo what a command did to the package's log: it sends it to stderr, where no other test's caplog hears it."""
    logger = logging.getLogger("sensormap")
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    yield
    logger.setLevel(level)
    logger.handlers, logger.propagate = handlers, propagate


SATURATION = 3880
TOY_PROFILE = Profile(
    name="toy",
    make="ACME",
    model="ACME One",
    raw_size=(47, 37),
    active_area=Rect(3, 1, 41, 33),
    jpeg_crop=Rect(6, 3, 35, 29),
    cfa=Cfa("GBRG"),
    black_level=(0, 0, 0, 0),
    saturation=SATURATION,
    bits=12,
    suppression_from_s=None,
)
"""Odd sizes, an odd crop, and margins on all four sides."""

# Relative response of the four planes: a plane mistaken for another one stands out.
_RESPONSE = np.array([[1.0, 0.5], [0.6, 1.0]])


def make_mosaic(
    seed: int,
    *,
    shape: tuple[int, int] = (33, 41),
    step: int = 2,
    level: float = 800.0,
    read_noise: float = 6.0,
    dn_per_electron: float = 1.0,
    defects: Mapping[tuple[int, int], tuple[float, float]] | None = None,
) -> NDArray[np.int16]:
    """Return a smooth scene with read and photon noise, clipped at black and saturation.

    `defects` maps (row, col) to response and offset: (1, b) is an offset, (m, 0) weak, (0, 0) dead, (0, b) stuck at b.
    """
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[: shape[0], : shape[1]]
    row_phase, col_phase = rng.uniform(0, 2 * np.pi, 2)
    light = level * (1 + 0.4 * np.sin(row / 50 + row_phase) + 0.3 * np.cos(col / 60 + col_phase))
    if step == 2:
        light *= _RESPONSE[row % 2, col % 2]
    value = light + rng.normal(0, 1, shape) * np.sqrt(read_noise**2 + dn_per_electron * light)
    for place, (response, offset) in (defects or {}).items():
        value[place] = response * value[place] + offset
    return np.clip(np.rint(value), 0, SATURATION).astype(np.int16)


def plain_noise(step: int, *, sigma: float = 8.0) -> Noise:
    """Return a noise that depends on nothing; at the default of 8 DN a score in eighths is the residual in DN."""
    coefficients = np.zeros((step, step, 4), np.float32)
    coefficients[..., 0] = (2 * sigma) ** 2  # coefficients are in doubled DN
    return Noise(coefficients, np.ones((step, step)), 0.0)
