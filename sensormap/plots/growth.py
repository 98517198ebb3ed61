"""A picture of how the defects of some bodies become more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from sensormap.history.growth import BodyGrowth, Growth
from sensormap.history.records import KINDS
from sensormap.plots.style import HATCHES, date_axis, days, legend_above, picture, printable
from sensormap.report.palette import COLOURS
from sensormap.report.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 24
"""Bodies that one picture shows, those with most new defects: four by six are legible on a screen."""

_ONSETS, _FIT, _BAND = "interval of onsets", "fitted growth", "its 95 % interval"


def draw_growth(growth: Growth, form: str = "png") -> bytes:
    """Return a picture of the new defects of each body over the years, and of the fitted growth.

    Parameters
    ----------
    growth
        The bodies; of more than `MOST_PANELS` those with most new defects are shown.
    form
        Format: ``png``, ``svg`` or ``pdf``.

    Returns
    -------
    bytes
        The file; the same growth gives the same bytes, with the same releases of matplotlib and its libraries.

    Raises
    ------
    ValueError
        If there is no such format.
    MissingExtraError
        If matplotlib is not installed, which is in the extras ``plot`` and ``history``.
    """
    return picture(lambda figure: draw_bodies(figure, growth), form, extra="history")


def shown_bodies(growth: Growth) -> tuple[BodyGrowth, ...]:
    """Return the bodies that a picture shows, in their order."""
    ranked = sorted(growth.bodies, key=lambda one: (-one.counts.new, one.body))
    kept = {one.body for one in ranked[:MOST_PANELS]}
    return tuple(one for one in growth.bodies if one.body in kept)


def draw_bodies(figure: Figure, growth: Growth) -> None:
    """Draw a panel for each body, and one legend."""
    bodies = shown_bodies(growth)
    columns = 1 if len(bodies) == 1 else 2 if len(bodies) <= 4 else 3 if len(bodies) <= 12 else 4
    rows = ceil(len(bodies) / columns)
    figure.set_layout_engine("constrained")
    figure.set_size_inches((7.5, 5.2) if len(bodies) == 1 else (3.6 * columns, 2.7 * rows + 1))
    times = [time for one in bodies for time in (one.frames.first, one.frames.last) if time is not None]
    limits = (min(times), max(times)) if times and min(times) < max(times) else None
    for number, one in enumerate(bodies, 1):
        _draw_body(figure.add_subplot(rows, columns, number), one, limits)
    figure.supxlabel("capture time, by the camera's clock", fontsize=9)
    figure.supylabel("new defects since the first photo", fontsize=9)
    legend_above(figure, (*KINDS, _ONSETS, _FIT, _BAND), columns=4 if columns < 3 else 6)


def _draw_body(axes: Axes, one: BodyGrowth, limits: tuple[datetime, datetime] | None) -> None:
    """Draw one body's defects, stacked by kind, with the intervals of their onsets, and the fitted growth."""
    axes.set_title(_title(one), loc="left", parse_math=False)
    first, last = one.frames.first, one.frames.last
    if first is None or last is None or limits is None:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, one.why, transform=axes.transAxes, ha="center", va="center", color="0.4")
        return
    dated = [(a.low, a.high, a) for a in one.counts.appearances if a.low is not None]
    middles = [(low + (high - low) / 2, a.kind, a.number) for low, high, a in dated]
    times = sorted({first, last, *(time for time, _, _ in middles)})
    kinds = [kind for kind in KINDS if any(kind == other for _, other, _ in middles)]
    stack = [_sums(times, [(time, number) for time, other, number in middles if other == kind]) for kind in kinds]
    if kinds:
        colours = [COLOURS[kind] for kind in kinds]
        areas = axes.stackplot(days(times), stack, step="post", labels=kinds, colors=colours, alpha=0.75)
        for kind, area in zip(kinds, areas, strict=True):
            area.set(hatch=HATCHES[kind], edgecolor="0.25", linewidth=0.4)
    ends = sorted({first, last, *(time for low, high, _ in dated for time in (low, high))})
    surely = _sums(ends, [(high, a.number) for _, high, a in dated])
    perhaps = _sums(ends, [(low, a.number) for low, _, a in dated])
    axes.fill_between(days(ends), surely, perhaps, step="post", color="0.1", alpha=0.35, lw=0, label=_ONSETS)
    if one.curve:
        at, expected, low, high = zip(*one.curve, strict=True)
        axes.fill_between(days(at), low, high, color="0.92", lw=0, zorder=0.5, label=_BAND)
        for edge in (low, high):  # which the colours hide
            axes.plot(days(at), edge, ":", color="0.4", lw=0.9)
        axes.plot(days(at), expected, "--", color="0.1", lw=1.3, label=_FIT)
    _finish(axes, limits)


def _finish(axes: Axes, limits: tuple[datetime, datetime]) -> None:
    """Set what all panels have in common."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    date_axis(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    axes.set_xlim(*days(limits))
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.grid(visible=True, axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def _sums(times: Sequence[datetime], steps: Iterable[tuple[datetime, int]]) -> list[int]:
    """Return how many there are by each of some times, of numbers that are added at times among them."""
    added: Counter[datetime] = Counter()
    for time, number in steps:
        added[time] += number
    return list(accumulate(added[time] for time in times))


def _title(one: BodyGrowth) -> str:
    """Name a body, with its rate; what the font has no sign for becomes a question mark."""
    name = printable(str(one.body), most=36)
    counts = one.counts
    old = {"at first": counts.from_start, "perhaps": counts.perhaps_from_start, "of unknown onset": counts.unknown}
    parts = [f"{sum(kinds.values())} {when}" for when, kinds in old.items() if kinds]
    lines = Counter({**counts.from_start}) + Counter({**counts.unknown})
    for appeared in counts.appearances:
        lines[appeared.kind] += appeared.number
    parts += [f"{counts.new} new", *(f"with {counted(lines[noun], noun)}" for noun in ("column", "row") if lines[noun])]
    rate = f"\n{_number(one.rate[0])} a year ({_number(one.rate[1])} to {_number(one.rate[2])})" if one.rate else ""
    return f"{name}\n{', '.join(parts)}{rate}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"
