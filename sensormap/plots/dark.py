"""A picture of dark currents: how strong each is, and how many defects that makes visible at which exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensormap.maps.entries import DefectKind, Source
from sensormap.maps.sensor_map import SensorMap
from sensormap.maps.visible import visible_defects
from sensormap.plots.style import (
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
from sensormap.report.words import shutter_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ISOS = {100: "-", 400: "--", 1600: ":"}
_SHUTTERS = [2.0 ** (i / 2) for i in range(-26, 19)]  # from 1/8000 s to eight minutes
_TICKS = (1 / 4000, 1 / 250, 1 / 15, 1.0, 15.0, 240.0)
_FEWER_STEPS = 5000  # defects from which every second shutter time is drawn: each takes a look at all of them


def draw_dark(figure: Figure, sensor_map: SensorMap) -> None:
    """Draw the dark currents in order, with 95 % intervals, and the number of visible defects over shutter time."""
    figure.set_layout_engine("constrained")
    figure.set_size_inches(8.0, 4.2)
    left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    left.set_title(map_title(sensor_map), loc="left", parse_math=False)
    _draw_currents(left, sensor_map)
    _draw_visible(right, sensor_map)
    legend_above(figure, columns=8)


def _draw_currents(axes: Axes, sensor_map: SensorMap) -> None:
    """Draw the dark currents of what is hot, or may be, where the photos tell them from 0, largest first."""
    hot = [defect for defect in sensor_map.defects if DefectKind.HOT in (defect.kind, *defect.or_kinds)]
    strong = [(one, one.dark_dn_per_s) for one in hot if one.dark_dn_per_s and one.dark_dn_per_s[1] > 0]
    strong.sort(key=lambda one: (-one[1][0], one[0].y, one[0].x))
    if not strong:
        says_nothing(axes, "the map tells no dark current")
        return
    rank = {defect: number for number, (defect, _) in enumerate(strong, start=1)}
    axes.vlines(
        list(rank.values()),
        [dark[1] for _, dark in strong],
        [dark[2] for _, dark in strong],
        color="0.5",
        lw=0.9,
        label="95 % interval",
        rasterized=len(strong) > MOST_VECTORS,
    )
    for kind, some in by_kind(rank).items():
        axes.scatter(
            [rank[one] for one in some],
            [one.dark_dn_per_s[0] for one in some if one.dark_dn_per_s],
            s=mark_size(len(strong)),
            label=str(kind),
            rasterized=len(strong) > MOST_VECTORS,
            zorder=3,
            **mark_of(kind),
        )
    axes.set(yscale="log", xlabel="defects, strongest first", ylabel="dark current, DN/s at ISO 100")
    axes.set_xlim(0, len(strong) + 1)
    whole_numbers(axes.xaxis)
    light_grid(axes)


def _draw_visible(axes: Axes, sensor_map: SensorMap) -> None:
    """Draw how many defects clearly exceed the noise of a photo, over its shutter time."""
    if sensor_map.source == Source.JPEG or not sensor_map.defects:
        why = "no defects" if not sensor_map.defects else "a map of JPEGs does not tell\nwhat shows at an exposure"
        says_nothing(axes, why)
        return
    shutters = _SHUTTERS[:: 2 if len(sensor_map.defects) > _FEWER_STEPS else 1]
    for iso, style in _ISOS.items():
        counts = [len(visible_defects(sensor_map, shutter_s=shutter, iso=iso)) for shutter in shutters]
        axes.plot(shutters, counts, style, color="0.1", lw=1.3, drawstyle="steps-mid", label=f"ISO {iso}")
    axes.set(xscale="log", xlabel="shutter time, s", ylabel="defects that exceed the noise")
    axes.set_xticks(_TICKS, [shutter_text(time).removesuffix(" s") for time in _TICKS])
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1.04 * len(sensor_map.defects) + 0.5)
    whole_numbers(axes.yaxis)
    light_grid(axes)
