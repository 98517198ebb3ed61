"""A picture of the evidence: how strong it is, and in how many photos each defect showed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sensormap.maps.entries import Defect
from sensormap.maps.sensor_map import SensorMap
from sensormap.plots.style import (
    HATCHES,
    MOST_VECTORS,
    by_kind,
    legend_above,
    light_grid,
    map_title,
    mark_of,
    mark_size,
    says_nothing,
    whole_numbers,
)
from sensormap.report.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS, _LEAST, _MOST = 30, 0.1, 1e9  # a file may say anything


def draw_scores(figure: Figure, sensor_map: SensorMap) -> None:
    """Draw how many defects of each kind have which score, and in which share of the photos they showed."""
    figure.set_layout_engine("constrained")
    figure.set_size_inches(8.0, 4.2)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    left.set_title(map_title(sensor_map), loc="left", parse_math=False)
    defects = sensor_map.defects
    if not defects:
        says_nothing(left, "no defects")
        says_nothing(right, "no defects")
        return
    first, last = math.log10(min(map(_size, defects))) - 0.02, math.log10(max(map(_size, defects))) + 0.02
    edges = [10 ** (first + (last - first) * i / _BINS) for i in range(_BINS + 1)]
    kinds = by_kind(defects)
    parts: Any
    _, _, parts = left.hist(
        [[_size(defect) for defect in some] for some in kinds.values()],
        bins=edges,
        stacked=True,
        color=[COLOURS[kind] for kind in kinds],
        label=[str(kind) for kind in kinds],
    )
    for kind, part in zip(kinds, parts if len(kinds) > 1 else [parts], strict=True):
        for bar in part:
            bar.set(hatch=HATCHES[kind], edgecolor="0.25", linewidth=0.4)
    left.set(xscale="log", xlabel="score, standard deviations", ylabel="defects")
    whole_numbers(left.yaxis)
    _plain_numbers(left)
    light_grid(left)
    _draw_seen(right, sensor_map)
    legend_above(figure, [str(kind) for kind in kinds], columns=8)


def _draw_seen(axes: Axes, sensor_map: SensorMap) -> None:
    """Draw the share of the photos in which each defect showed over its score."""
    seen = [defect for defect in sensor_map.defects if defect.seen and defect.seen[1]]
    if not seen:
        says_nothing(axes, "the map does not tell in how many\nphotos each defect showed")
        return
    for kind, some in by_kind(seen).items():
        shares = [100 * one.seen[0] / one.seen[1] for one in some if one.seen]
        axes.scatter(
            [_size(defect) for defect in some],
            shares,
            s=mark_size(len(seen)),
            label=str(kind),
            rasterized=len(seen) > MOST_VECTORS,
            **mark_of(kind),
        )
    axes.set(xscale="log", xlabel="score, standard deviations", ylabel="shown in, % of the photos", ylim=(-3, 103))
    _plain_numbers(axes)
    light_grid(axes)


def _size(defect: Defect) -> float:
    return min(max(abs(defect.score), _LEAST), _MOST)


def _plain_numbers(axes: Axes) -> None:
    """Write the numbers of a logarithmic axis as people do, with as many as there is room for."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter  # noqa: PLC0415

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
