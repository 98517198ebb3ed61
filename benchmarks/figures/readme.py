"""The figure of the README: a map's defects on the sensor, and pieces of a photo before and after its repair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rawpy
from numpy.typing import NDArray

from sensormap import SensorMap, read_map
from sensormap.plots.style import STYLE, by_kind, mark_of, mark_size
from sensormap.report.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 48, 36
"""Photosites of a piece."""

PIECES = {"A": (2373, 738), "B": (1344, 1136)}
"""Top left photosites: a white spot, and the end of the column."""


def draw_readme(map_file: Path, photo: Path, corrected: Path, figure_file: Path) -> None:
    """Draw the figure.

    Parameters
    ----------
    map_file
        The demo's map.
    photo, corrected
        The photo of which pieces are shown, and its corrected copy.
    figure_file
        PNG file to write.
    """
    import matplotlib as mpl  # noqa: PLC0415 - its memory would count as that of every benchmark

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    with mpl.rc_context(STYLE):
        figure = plt.figure(figsize=(9.4, 4.3), layout="constrained")
        panes = figure.subplot_mosaic([["map", "A", "A fixed"], ["map", "B", "B fixed"]], width_ratios=[2.1, 1, 1])
        draw_map(panes["map"], read_map(map_file))
        for name, corner in PIECES.items():
            draw_piece(panes[name], photo, corner, f"{name}: as taken")
            draw_piece(panes[f"{name} fixed"], corrected, corner, f"{name}: repaired")
        figure.savefig(figure_file, dpi=110, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)


def draw_map(axes: Axes, sensor_map: SensorMap) -> None:
    """Draw every defect where it lies on the raw grid, as `sensormap plot` marks it, and where the pieces lie."""
    width, height = sensor_map.sensor.raw_size
    for column in sensor_map.columns:
        label = f"column ({len(sensor_map.columns)})"
        axes.plot([column.x] * 2, [column.y0, column.y1], color=COLOURS["column"], linewidth=1.6, label=label)
    for kind, some in by_kind(sensor_map.defects).items():
        xs, ys = [one.x for one in some], [one.y for one in some]
        size = 0.6 * mark_size(len(sensor_map.defects))
        axes.scatter(xs, ys, s=size, label=f"{kind} ({len(some)})", clip_on=False, **mark_of(kind))
    for name, (x, y) in PIECES.items():
        axes.scatter(x + WIDTH / 2, y + HEIGHT / 2, s=190, marker="s", facecolors="none", edgecolors="black")
        axes.annotate(name, (x - 185, y + 60), fontsize=10, weight="bold")
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[0, 1000, 2000, 3000], yticks=[0, 1000, 2000])
    axes.spines[:].set_visible(True)
    axes.set_title("Defects on the sensor, by kind", fontsize=10)
    axes.legend(fontsize=8.5, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    axes.tick_params(labelsize=8)


def developed(photo: Path) -> tuple[NDArray[np.uint8], int, int]:
    """Return a photo as LibRaw develops it, and the raw-grid position of its top left pixel."""
    with rawpy.imread(str(photo)) as raw:
        image: NDArray[np.uint8] = raw.postprocess(use_camera_wb=True, user_flip=0, no_auto_bright=True, bright=1.8)
        return image, raw.sizes.left_margin, raw.sizes.top_margin


def draw_piece(axes: Axes, photo: Path, corner: tuple[int, int], title: str) -> None:
    """Draw a piece of a photo, a pixel as a square."""
    image, left, top = developed(photo)
    x, y = corner[0] - left, corner[1] - top
    axes.imshow(image[y : y + HEIGHT, x : x + WIDTH], interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.set_title(title, fontsize=10)
