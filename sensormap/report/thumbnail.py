"""A sensor as a few lines of block characters: where its defects lie, and of what kind most are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sensormap.history.records import KINDS
from sensormap.maps.sensor_map import SensorMap

LARGEST = (60, 20)
"""Characters across and down, at most."""

_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # by the sum of 1, 2, 4, 8 for top left, top right, bottom left, bottom right
_SHADES = " ░▒▓█"
_DENSE = 0.5  # share of quarters with a defect beyond which places tell nothing any more, and shades do


@dataclass(frozen=True)
class Thumbnail:
    """Characters and what colour they have.

    Parameters
    ----------
    cells
        By line, each a character and the kind, one of `KINDS`, of most defects there; "" where there is none.
    shaded
        Whether shades tell how many defects there are, because they are everywhere.
    """

    cells: tuple[tuple[tuple[str, str], ...], ...]
    shaded: bool

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that colour something, in the order of `KINDS`."""
        found = {kind for line in self.cells for _, kind in line}
        return tuple(kind for kind in KINDS if kind in found)


def thumbnail(sensor_map: SensorMap, *, width: int = LARGEST[0]) -> Thumbnail:
    """Return a small picture of a map.

    Parameters
    ----------
    sensor_map
        The map; its raw grid fills the picture.
    width
        Characters across, at most.
    """
    across, down = _size(sensor_map.sensor.raw_size, width)
    fine = [[Counter[str]() for _ in range(2 * across)] for _ in range(2 * down)]
    scale_x, scale_y = 2 * across / sensor_map.sensor.raw_size[0], 2 * down / sensor_map.sensor.raw_size[1]
    for column in sensor_map.columns:
        for row in range(int(column.y0 * scale_y), int(column.y1 * scale_y) + 1):
            fine[row][int(column.x * scale_x)]["column"] += 1
    for line in sensor_map.rows:
        for col in range(int(line.x0 * scale_x), int(line.x1 * scale_x) + 1):
            fine[int(line.y * scale_y)][col]["row"] += 1
    for defect in sensor_map.defects:
        fine[int(defect.y * scale_y)][int(defect.x * scale_x)][defect.kind.value] += 1
    filled = sum(bool(part) for line in fine for part in line)
    shaded = filled > _DENSE * 4 * across * down
    quarters = [
        [(fine[y][x], fine[y][x + 1], fine[y + 1][x], fine[y + 1][x + 1]) for x in range(0, 2 * across, 2)]
        for y in range(0, 2 * down, 2)
    ]
    most = max((sum(map(Counter.total, cell)) for line in quarters for cell in line), default=0)
    return Thumbnail(tuple(tuple(_cell(cell, most if shaded else 0) for cell in line) for line in quarters), shaded)


def _size(grid: tuple[int, int], width: int) -> tuple[int, int]:
    """Return characters across and down; one is twice as high as wide."""
    across = max(min(width, LARGEST[0]), 1)
    down = max(round(across * grid[1] / grid[0] / 2), 1)
    if down > LARGEST[1]:
        across, down = max(round(2 * LARGEST[1] * grid[0] / grid[1]), 1), LARGEST[1]
    return across, down


def _cell(quarters: tuple[Counter[str], ...], most: int) -> tuple[str, str]:
    """Return the character of four quarters, and the kind of most defects there; shaded where `most` is above 0."""
    kinds = sum(quarters, Counter[str]())
    if not kinds:
        return " ", ""
    kind = max(kinds, key=lambda one: (kinds[one], -KINDS.index(one)))
    if most:
        return _SHADES[min(1 + 4 * kinds.total() // (most + 1), 4)], kind
    return _QUADRANTS[sum(2**i for i, quarter in enumerate(quarters) if quarter)], kind
