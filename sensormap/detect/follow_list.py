"""Follow lists: where the photosites that the second pass follows lie in a frame, and their values there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Lattice, step_of
from sensormap.detect.outlier_lists import period_of
from sensormap.frame import Mosaic
from sensormap.score.neighbours import gather_windows, unpadded_shape


@dataclass(frozen=True)
class FollowList:
    """Photosites to follow: positions ``row * W + col`` in the active area.

    Parameters
    ----------
    photosites
        Positions that are the same in every frame, int64.
    decoys
        Positions in shifted frames, int64: in the frame itself each lies where it was before the frame's shift, so that
        no defect is at one of them twice.
    """

    photosites: NDArray[np.int64]
    decoys: NDArray[np.int64]

    def __len__(self) -> int:
        return self.photosites.size + self.decoys.size

    def windows(self, padded: Mosaic, shift: NDArray[np.int32], lattice: Lattice) -> Mosaic:
        """Return a frame's values at the listed positions, photosites first, and those of their neighbours.

        Parameters
        ----------
        padded
            The frame's active area as `score.neighbours.pad` returns it, DN.
        shift
            (row, col) offset by which the frame is shifted, shape ``(2,)``.
        lattice
            Distance between same-plane neighbours, or the filter pattern as read from the active area's corner.

        Returns
        -------
        ndarray of int16 or int32, shape (3, N)
            Value, and twice the median and the mid-spread of the eight neighbours, DN.
        """
        step = step_of(lattice)
        shape = unpadded_shape(padded, step)
        row, col = moved_back(self.decoys, shift, shape, period_of(step))
        row = np.concatenate([self.photosites // shape[1], row])
        col = np.concatenate([self.photosites % shape[1], col])
        return gather_windows(padded, row, col, lattice)

    def positions_in(self, other: FollowList) -> NDArray[np.intp]:
        """Return where each listed position is in the windows of another list, which is ascending; -1 where it is not.

        Photosites are looked up among photosites, decoys among decoys.

        Parameters
        ----------
        other
            List to look them up in.

        Returns
        -------
        ndarray of intp, shape (N,)
            Position of each photosite, then of each decoy.
        """
        found = [_positions(self.photosites, other.photosites), _positions(self.decoys, other.decoys)]
        found[1][found[1] >= 0] += other.photosites.size
        return np.concatenate(found)


def moved_back(
    places: NDArray[np.int64], shift: NDArray[np.int32], shape: tuple[int, int], period: int = 2
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column that positions in a shifted frame have in the frame itself.

    Parameters
    ----------
    places
        Positions ``row * W + col`` in the shifted frame, shape ``(N,)``.
    shift
        (row, col) offset by which it was shifted, around the edges of the largest part that is whole periods a side,
        shape ``(2,)``.
    shape
        ``(H, W)`` of the active area.
    period
        After how many photosites the pattern repeats, as `period_of` returns it.
    """
    height, width = (side - side % period for side in shape)
    return (places // shape[1] - shift[0]) % height, (places % shape[1] - shift[1]) % width


def _positions(wanted: NDArray[np.int64], ascending: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where wanted values are in an ascending array; -1 where they are not."""
    if not ascending.size:
        return np.full(wanted.size, -1, np.intp)
    place = np.minimum(np.searchsorted(ascending, wanted), ascending.size - 1)
    return np.where(ascending[place] == wanted, place, -1)
