"""The figure of the README: a map's defects on the sensor, and pieces of a photo before and after its repair.

Run ``python -m benchmarks.readme_figure MAP PHOTO CORRECTED FIGURE.png``; it needs ``make .venv/bench-ready``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rawpy
from numpy.typing import NDArray

from sensormap import DefectKind, SensorMap, read_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Shapes tell the kinds apart in black and white, colours (Okabe and Ito, 2008) for those who see them.
MARKERS: dict[DefectKind, dict[str, Any]] = {
    DefectKind.HOT: {"marker": "^", "color": "#D55E00"},
    DefectKind.OFFSET: {"marker": "s", "color": "#E69F00", "s": 12},
    DefectKind.STUCK: {"marker": "x", "color": "#0072B2", "linewidths": 1.3},
    DefectKind.DEAD: {"marker": "o", "color": "#000000"},
    DefectKind.WEAK: {"marker": "v", "facecolors": "none", "edgecolors": "#009E73", "linewidths": 1.1},
    DefectKind.COLD: {"marker": "p", "color": "#56B4E9"},
    DefectKind.OVERRESPONSIVE: {"marker": "D", "facecolors": "none", "edgecolors": "#F0E442", "linewidths": 1.1},
    DefectKind.NOISY: {"marker": "+", "color": "#8A4F7D", "linewidths": 1.4, "s": 28},
}
WIDTH, HEIGHT = 48, 36
"""Photosites of a piece."""


def draw_map(axes: Axes, sensor_map: SensorMap, pieces: dict[str, tuple[int, int]]) -> None:
    """Draw every defect where it lies on the raw grid, and where the pieces lie."""
    width, height = sensor_map.sensor.raw_size
    for kind, style in MARKERS.items():
        places = np.array([(defect.x, defect.y) for defect in sensor_map.defects if defect.kind == kind]).reshape(-1, 2)
        axes.scatter(places[:, 0], places[:, 1], label=f"{kind} ({len(places)})", **{"s": 16, **style})
    for number, column in enumerate(sensor_map.columns):
        label = "" if number else f"column ({len(sensor_map.columns)})"
        axes.plot([column.x] * 2, [column.y0, column.y1], color="black", linewidth=1.5, label=label)
    for name, (x, y) in pieces.items():
        axes.scatter(x + WIDTH / 2, y + HEIGHT / 2, s=190, marker="s", facecolors="none", edgecolors="black")
        axes.annotate(name, (x - 185, y + 60), fontsize=10, weight="bold")
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[0, 1000, 2000, 3000], yticks=[0, 1000, 2000])
    axes.set_title("Defects on the sensor, by kind", fontsize=10)
    axes.legend(fontsize=8.5, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)
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
    axes.set_title(title, fontsize=10)


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme_figure", description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("photo", type=Path, help="photo of which pieces are shown")
    parser.add_argument("corrected", type=Path, help="its corrected copy")
    parser.add_argument("figure", type=Path, help="PNG file to write")
    parser.add_argument("--a", default="2373,738", help="X,Y of the first piece's top left photosite")
    parser.add_argument("--b", default="1344,1136", help="the same of the second piece")
    arguments = parser.parse_args()
    import matplotlib as mpl  # noqa: PLC0415 - only the extra bench has it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    sensor_map = read_map(arguments.map)
    corners = [tuple(int(number) for number in text.split(",")) for text in (arguments.a, arguments.b)]
    pieces = {name: (x, y) for name, (x, y) in zip("AB", corners, strict=True)}
    figure = plt.figure(figsize=(9.4, 4.3), layout="constrained")
    panes = figure.subplot_mosaic([["map", "A", "A fixed"], ["map", "B", "B fixed"]], width_ratios=[2.1, 1, 1])
    draw_map(panes["map"], sensor_map, pieces)
    for name, corner in pieces.items():
        draw_piece(panes[name], arguments.photo, corner, f"{name}: as taken")
        draw_piece(panes[f"{name} fixed"], arguments.corrected, corner, f"{name}: repaired")
    figure.savefig(arguments.figure, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
