"""A picture of how the defects of some bodies become more.

matplotlib draws, without a display; it is in the extra ``history``, and imported when needed.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING, Any, BinaryIO

from sensormap.errors import MissingExtraError
from sensormap.history.growth import BodyGrowth, Growth
from sensormap.history.records import KINDS
from sensormap.photos.files import PNG_START

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLOT_FORMATS = ("png", "svg", "pdf")
MOST_PANELS = 24
"""Bodies that one picture shows, those with most new defects: four by six are legible on a screen."""

_MARK = "sensormap history"  # in each picture, by which it is known again
_OPENINGS = (PNG_START, b"<?xml", b"%PDF-")
_MOST_BYTES = 1 << 26  # of a picture that is looked at; those made here have less than one million
# Told apart by people who see no red and green too (Okabe and Ito 2008).
_COLOURS = dict(
    zip(
        KINDS,
        ("#d55e00", "#e69f00", "#f0e442", "#000000", "#0072b2", "#009e73", "#332288", "#999933", "#cc79a7", "#56b4e9"),
        strict=True,
    )
)
_ONSETS, _FIT, _BAND = "interval of onsets", "fitted growth", "its 95 % interval"
_STYLE = {
    "svg.hashsalt": _MARK,  # without it names of parts are drawn at random
    "font.family": "DejaVu Sans",  # which comes with matplotlib
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


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
        If matplotlib is not installed, which is in the extra ``history``.
    """
    if form not in PLOT_FORMATS:
        msg = f"{form!r} is not one of {', '.join(PLOT_FORMATS)}"
        raise ValueError(msg)
    try:
        import matplotlib as mpl  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        msg = "history: needs matplotlib for a plot, which is not installed: pip install 'sensormap[history]'"
        raise MissingExtraError(msg) from error
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Software": _MARK},
        "svg": {"Creator": _MARK, "Date": None},
        "pdf": {"Creator": _MARK, "CreationDate": None},
    }
    file = io.BytesIO()
    # Whatever the user's own settings of matplotlib are.
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "backend": "agg"}):
        figure = Figure()
        _draw(figure, growth)
        figure.savefig(file, format=form, dpi=150, metadata=metadata[form])
    return file.getvalue()


def unless_growth_plot(file: BinaryIO) -> str:
    """Object to replacing anything but a picture that `draw_growth` made, or an empty file."""
    content = file.read(_MOST_BYTES)
    if not content or (content.startswith(_OPENINGS) and _MARK.encode() in content):
        return ""
    return "is no picture that sensormap history made; --overwrite replaces only those"


def shown_bodies(growth: Growth) -> tuple[BodyGrowth, ...]:
    """Return the bodies that a picture shows, in their order."""
    ranked = sorted(growth.bodies, key=lambda one: (-one.counts.new, one.body))
    kept = {one.body for one in ranked[:MOST_PANELS]}
    return tuple(one for one in growth.bodies if one.body in kept)


def _draw(figure: Figure, growth: Growth) -> None:
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
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        order = [label for label in (*KINDS, _ONSETS, _FIT, _BAND) if label in handles]
        figure.legend(
            [handles[label] for label in order],
            order,
            loc="outside upper center",
            ncols=4 if columns < 3 else 6,
            frameon=False,
        )


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
        colours = [_COLOURS[kind] for kind in kinds]
        axes.stackplot(_days(times), stack, step="post", labels=kinds, colors=colours, alpha=0.75)
    ends = sorted({first, last, *(time for low, high, _ in dated for time in (low, high))})
    surely = _sums(ends, [(high, a.number) for _, high, a in dated])
    perhaps = _sums(ends, [(low, a.number) for low, _, a in dated])
    axes.fill_between(_days(ends), surely, perhaps, step="post", color="0.1", alpha=0.35, lw=0, label=_ONSETS)
    if one.curve:
        at, expected, low, high = zip(*one.curve, strict=True)
        axes.fill_between(_days(at), low, high, color="0.92", lw=0, zorder=0.5, label=_BAND)
        for edge in (low, high):  # which the colours hide
            axes.plot(_days(at), edge, ":", color="0.4", lw=0.9)
        axes.plot(_days(at), expected, "--", color="0.1", lw=1.3, label=_FIT)
    _finish(axes, limits)


def _finish(axes: Axes, limits: tuple[datetime, datetime]) -> None:
    """Set what all panels have in common."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
    axes.set_xlim(*_days(limits))
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.grid(visible=True, axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def _days(times: Sequence[datetime]) -> list[float]:
    """Return times as matplotlib counts them."""
    from matplotlib.dates import date2num  # noqa: PLC0415

    return [float(day) for day in date2num(times)]


def _sums(times: Sequence[datetime], steps: Iterable[tuple[datetime, int]]) -> list[int]:
    """Return how many there are by each of some times, of numbers that are added at times among them."""
    added: Counter[datetime] = Counter()
    for time, number in steps:
        added[time] += number
    return list(accumulate(added[time] for time in times))


def _title(one: BodyGrowth) -> str:
    """Name a body, with its rate; what the font has no sign for becomes a question mark."""
    name = "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in str(one.body))
    at_first = one.counts.all - one.counts.new
    rate = f", {_number(one.rate[0])} a year ({_number(one.rate[1])} to {_number(one.rate[2])})" if one.rate else ""
    return f"{name if len(name) <= 36 else name[:34] + '...'}\n{at_first} at first, {one.counts.new} new{rate}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"
