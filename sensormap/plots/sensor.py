"""A picture of the sensor: where its defects lie, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensormap.camera.geometry import Rect
from sensormap.maps.sensor_map import SensorMap
from sensormap.plots.style import MOST_VECTORS, by_kind, legend_above, map_title, mark_of, mark_size
from sensormap.report.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHTS = 8.0, (3.0, 10.0)  # inches
_LINES = {"column": "-", "row": "--"}


def draw_sensor(figure: Figure, sensor_map: SensorMap) -> None:
    """Draw every defect where it lies on the raw grid, with a mark for each kind, and the columns and rows."""
    width, height = sensor_map.sensor.raw_size
    figure.set_layout_engine("constrained")
    figure.set_size_inches(_WIDTH, min(max(0.915 * _WIDTH * height / width + 1.25, _HEIGHTS[0]), _HEIGHTS[1]))
    axes = figure.add_subplot()
    axes.set_title(map_title(sensor_map), loc="left", parse_math=False)
    for rect, name, style in (
        (sensor_map.sensor.active_area, "active area", ":"),
        (sensor_map.sensor.jpeg_crop, "JPEG", (0, (5, 3))),
    ):
        if rect is not None and rect != Rect(0, 0, width, height):
            _outline(axes, rect, name, style)
    for line in sensor_map.lines:
        ends = (line.photosite(line.place, line.first), line.photosite(line.place, line.last))
        label = f"{line.noun} ({sum(one.noun == line.noun for one in sensor_map.lines)})"
        axes.plot(*zip(*ends, strict=True), _LINES[line.noun], color=COLOURS[line.noun], lw=1.6, label=label)
    count = len(sensor_map.defects)
    for kind, some in by_kind(sensor_map.defects).items():
        axes.scatter(
            [defect.x for defect in some],
            [defect.y for defect in some],
            s=mark_size(count),
            label=f"{kind} ({len(some)})",
            rasterized=count > MOST_VECTORS,
            clip_on=False,  # whole marks at the edges too
            **mark_of(kind),
        )
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    grid = "JPEG" if sensor_map.sensor.is_jpeg_grid else "raw grid"
    axes.set(xlabel=f"x, column of the {grid}", ylabel=f"y, row of the {grid}")
    axes.spines[:].set_visible(True)
    legend_above(figure)


def _outline(axes: Axes, rect: Rect, name: str, style: object) -> None:
    """Draw the outline of a part of the grid."""
    left, right, top, bottom = rect.x, rect.x + rect.width, rect.y, rect.y + rect.height
    xs, ys = [left, right, right, left, left], [top, top, bottom, bottom, top]
    axes.plot(xs, ys, linestyle=style, color="0.55", lw=0.8, label=name)
