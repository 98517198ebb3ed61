"""A picture of when defects appeared and healed: each a bar between the photos around its onset."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sensormap.history.counts import is_open
from sensormap.maps.entries import Defect
from sensormap.maps.sensor_map import SensorMap
from sensormap.plots.style import (
    MOST_VECTORS,
    by_kind,
    date_axis,
    days,
    legend_above,
    light_grid,
    map_title,
    mark_of,
    mark_size,
    says_nothing,
    whole_numbers,
)
from sensormap.report.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Dated = tuple[datetime, datetime, Defect]
_INTERVAL, _HEALED = "photos around the onset", "healed"


def draw_timeline(figure: Figure, sensor_map: SensorMap) -> None:
    """Draw the defects that appeared between the first photo and the last, in order of onset, one above the other."""
    figure.set_layout_engine("constrained")
    first, last = sensor_map.frames.first, sensor_map.frames.last
    dated = _dated(sensor_map)
    figure.set_size_inches(8.0, min(max(2.6 + 0.035 * len(dated), 3.4), 9.0))
    axes = figure.add_subplot()
    others = len(sensor_map.defects) - len(dated)
    start = sum(defect.onset is not None and not is_open(defect.onset) for defect in sensor_map.defects) - len(dated)
    told = [f"{start} there from the start"] if start else []
    told += [f"{others - start} of unknown onset"] if others > start else []
    line = f"{counted(len(dated), 'defect')} appeared{', ' if told else ''}{', '.join(told)}"
    axes.set_title(map_title(sensor_map, line), loc="left", parse_math=False)
    if first is None or last is None:
        says_nothing(axes, "the photos have no capture times")
        return
    size, many = mark_size(len(dated)), len(dated) > MOST_VECTORS
    if not dated:
        says_nothing(axes, "no defect appeared between the first photo and the last")
        return
    rank = {defect: number for number, (_, _, defect) in enumerate(dated, start=1)}
    axes.hlines(
        list(rank.values()),
        days(low for low, _, _ in dated),
        days(high for _, high, _ in dated),
        color="0.6",
        lw=min(max(250 / len(dated), 0.8), 3.0),
        label=_INTERVAL,
        rasterized=many,
    )
    for kind, some in by_kind(rank).items():
        ends = [defect.onset.by for defect in some if defect.onset and defect.onset.by]
        axes.scatter(days(ends), [rank[one] for one in some], s=size, label=str(kind), rasterized=many, **mark_of(kind))
    healed = [(defect.until.by, rank[defect]) for defect in rank if defect.until and defect.until.by]
    if healed:
        times, ranks = zip(*healed, strict=True)
        axes.scatter(days(times), ranks, marker="x", c="0.15", s=size, linewidths=1.0, label=_HEALED, rasterized=many)
    limits = days((min(first, last), max(first, last)))
    margin = 0.02 * (limits[1] - limits[0]) or 1.0
    # A clock may say anything, and matplotlib knows no other years.
    least, most = days((datetime(1, 1, 1), datetime(9999, 12, 31)))
    axes.set_xlim(max(limits[0] - margin, least), min(limits[1] + margin, most))
    axes.set_ylim(0, len(dated) + 1)
    whole_numbers(axes.yaxis)
    axes.set(xlabel="capture time, by the camera's clock", ylabel="defects that appeared, so far")
    date_axis(axes)
    light_grid(axes, which="both")
    legend_above(figure, columns=5)


def _dated(sensor_map: SensorMap) -> list[_Dated]:
    """Return the defects that appeared after the first photo, with the photos around, in order of onset."""
    found = [
        (defect.onset.after, defect.onset.by, defect)
        for defect in sensor_map.defects
        if defect.onset is not None and defect.onset.after is not None and defect.onset.by is not None
    ]
    # A clock that was set back makes onsets run backwards.
    ordered = ((min(after, by), max(after, by), one) for after, by, one in found)
    return sorted(ordered, key=lambda one: (one[1], one[0], one[2].y, one[2].x))
