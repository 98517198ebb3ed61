"""What belongs together: touching defects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sensormap.camera.cfa import Cfa
from sensormap.maps.entries import Defect

if TYPE_CHECKING:  # whoever reads a map needs no NumPy, which takes a tenth of a second to import
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Cluster:
    """Defects that touch, and the smallest box that holds them.

    Parameters
    ----------
    cluster
        The number that they share.
    size
        How many they are.
    x0, y0, x1, y1
        First and last column and row of the box, all inclusive, on the raw grid.
    """

    cluster: int
    size: int
    x0: int
    y0: int
    x1: int
    y1: int


def clusters_of(defects: Iterable[Defect]) -> tuple[Cluster, ...]:
    """Return the clusters of some defects, by their numbers.

    Parameters
    ----------
    defects
        Defects of one map.

    Examples
    --------
    >>> from sensormap.maps.entries import DefectKind
    >>> pair = [Defect(x, 7, "Gb", DefectKind.HOT, 0.9, 8.0, None, None, None, cluster=1) for x in (4, 6)]
    >>> clusters_of(pair)
    (Cluster(cluster=1, size=2, x0=4, y0=7, x1=6, y1=7),)
    """
    members = defaultdict[int, list[Defect]](list)
    for defect in defects:
        if defect.cluster is not None:
            members[defect.cluster].append(defect)
    found = []
    for number, own in sorted(members.items()):
        x, y = sorted(one.x for one in own), sorted(one.y for one in own)
        found.append(Cluster(number, len(own), x[0], y[0], x[-1], y[-1]))
    return tuple(found)


def with_clusters(defects: Sequence[Defect], cfa: Cfa) -> tuple[Defect, ...]:
    """Return defects with their clusters numbered anew.

    Parameters
    ----------
    defects
        Distinct defects.
    cfa
        Filter pattern. Of X-Trans, whose same-colour neighbours lie one to three photosites away in no order, two
        defects touch from two photosites away, as those of a Bayer plane do.
    """
    import numpy as np  # noqa: PLC0415

    row, col = np.array([[defect.y, defect.x] for defect in defects], np.int64).reshape(-1, 2).T
    clusters = find_clusters(row, col, min(cfa.step, 2))
    numbers = (int(number) or None for number in clusters)
    return tuple(
        one if one.cluster == number else replace(one, cluster=number)
        for one, number in zip(defects, numbers, strict=True)
    )


def find_clusters(row: NDArray[np.int64], col: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return a number for each defect that defects which touch share, 0 for single ones.

    Parameters
    ----------
    row, col
        Rows and columns of distinct defects, int64 of shape ``(N,)``, in any order.
    step
        Distance between same-plane neighbours.

    Notes
    -----
    Two defects touch if they are neighbours on the raw grid or within their plane, diagonals included. Clusters are
    numbered from 1 in the order of their first member.

    Examples
    --------
    >>> import numpy as np
    >>> find_clusters(np.array([3, 40, 4, 6]), np.array([7, 7, 8, 8]), 2)
    array([1, 0, 1, 1])
    """
    import numpy as np  # noqa: PLC0415

    at = {(int(r), int(c)): i for i, (r, c) in enumerate(zip(row, col, strict=True))}
    reach = [(i * far, j * far) for far in sorted({1, step}) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    label = np.zeros(len(at), np.int64)
    number = 0
    for place, first in at.items():
        if label[first]:
            continue
        members, fresh = {first}, [place]
        while fresh:
            r, c = fresh.pop()
            for i, j in reach:
                other = at.get((r + i, c + j))
                if other is not None and other not in members:
                    members.add(other)
                    fresh.append((r + i, c + j))
        if len(members) > 1:
            number += 1
            label[sorted(members)] = number
    return label
