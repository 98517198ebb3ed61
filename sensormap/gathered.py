"""What all followed photosites showed in all followed frames, in a few bytes each, until their series are asked for.

Series take nine times as much memory, so that a few hundred are made at a time: a run of 256 followed frames then needs
hardly more than one of 60.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.series import Oddity, Series, make_series

LOT = 256
"""Photosites whose series are made at a time."""


@dataclass(frozen=True)
class Gathered:
    """What N photosites showed in n frames; ``gathered[rows]`` are their series.

    Parameters
    ----------
    windows
        As for `series.make_series`, ``(3, N, n)``, int16 or int32.
    phase
        Number of each photosite's plane, ``(N,)``.
    noise
        Its coefficients by frame and plane, ``(n, planes, 4)``.
    photon
        Variance that each DN of signal adds in each frame, ``(n,)``.
    corner
        Whether each lies in a corner of the active area, ``(N,)``.
    known
        Which values count, ``(N, n)``.
    oddity
        How often healthy photosites are odd; None while it is not measured.
    """

    windows: NDArray[np.int16] | NDArray[np.int32]
    phase: NDArray[np.intp]
    noise: NDArray[np.float64]
    photon: NDArray[np.float64]
    corner: NDArray[np.bool_]
    known: NDArray[np.bool_]
    oddity: Oddity | None = None

    def __len__(self) -> int:
        return self.phase.size

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Series:
        coefficients = self.noise[:, self.phase[rows]].transpose(1, 0, 2)
        series = make_series(
            self.windows[:, rows], coefficients, self.photon, corner=self.corner[rows], known=self.known[rows]
        )
        return series if self.oddity is None else self.oddity.of(series)

    def part(self, rows: slice) -> Gathered:
        """Return some of the photosites as they are, their windows and what is known of them not copied."""
        return Gathered(
            self.windows[:, rows],
            self.phase[rows],
            self.noise,
            self.photon,
            self.corner[rows],
            self.known[rows],
            self.oddity,
        )

    def lots(self) -> list[slice]:
        """Return the photosites in lots of at most `LOT`."""
        return [slice(start, start + LOT) for start in range(0, len(self), LOT)]
