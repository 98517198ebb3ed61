"""The parts of charts in SVG: scales, ticks, axes, and many points as one path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from sensormap.report.page.markup import append, element

WIDTH, HEIGHT = 420, 190
"""Units of a chart; as wide as a phone's screen, so that its letters are legible there."""

LEFT, RIGHT, TOP, BOTTOM = 52, WIDTH - 10, 24, HEIGHT - 36
"""Edges of what is plotted in a chart."""

_EPOCH = datetime(1970, 1, 1)
_DAY = 86400.0
_LARGEST = 1e9
_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_799.0  # what a date can be, which a margin may exceed
SHUTTER_TICKS = (1 / 8000, 1 / 1000, 1 / 125, 1 / 15, 0.5, 4.0, 30.0, 240.0, 1800.0)


@dataclass(frozen=True)
class Scale:
    """Values to places along an axis.

    Parameters
    ----------
    low, high
        Values at its ends, `low` below `high`.
    start, end
        Places of its ends.
    form
        What is applied to values first, such as a logarithm.
    """

    low: float
    high: float
    start: float
    end: float
    form: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """Return the place of a value; of one beyond the ends that of the end."""
        low, high = self.form(self.low), self.form(self.high)
        share = (self.form(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)


def widened(values: Iterable[float], *, least: float = 1.0) -> tuple[float, float]:
    """Return the lowest and the highest of some values, apart by `least` or more, which no value makes up for."""
    found = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(found), max(found)
    lacking = max(least - (high - low), 0.0) / 2
    return low - lacking, high + lacking


def bounded(value: float) -> float:
    """Return a number that can be drawn: a map may hold larger ones, which no camera makes."""
    return min(max(value, -_LARGEST), _LARGEST)


def spaced(low: float, high: float) -> tuple[float, float]:
    """Return two ends a little farther apart, so that no dot between them lies on the frame."""
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def round_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Return round numbers between two values, at most `most`.

    Examples
    --------
    >>> round_ticks(0.0, 23.0), round_ticks(-0.2, 0.13)
    ([0.0, 5.0, 10.0, 15.0, 20.0], [-0.2, -0.1, 0.0, 0.1])
    """
    rough = (high - low) / max(most, 1)
    unit = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    for factor in (1, 2, 5, 10, 20):
        step = factor * unit
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(number * step, 12) for number in range(first, last + 1)]
    return []


def number_text(value: float) -> str:
    """Return a number at a tick, thousands apart.

    Examples
    --------
    >>> number_text(12500.0), number_text(-0.25)
    ('12 500', '−0.25')
    """
    text = f"{value:,.0f}".replace(",", " ") if abs(value) >= 10 or value == int(value) else f"{value:.3g}"
    return text.replace("-", "−")


def seconds_of(time: datetime) -> float:
    """Return a capture time as seconds; cameras' clocks have no time zone, and where one has it is left out."""
    return (time.replace(tzinfo=None) - _EPOCH).total_seconds()


def time_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return at most five round times, as seconds with their texts, between two."""
    low, high = max(low, _EARLIEST), min(high, _LATEST)
    first, last = _EPOCH + timedelta(seconds=low), _EPOCH + timedelta(seconds=high)
    if high - low > 2.2 * 365 * _DAY:
        every = math.ceil((last.year - first.year + 1) / 5)
        years = [
            datetime(year, 1, 1) for year in range(first.year, last.year + 1) if not (year - first.year - 1) % every
        ]
        found = [(seconds_of(one), str(one.year)) for one in years]
    elif high - low > 60 * _DAY:
        months = (last.year - first.year) * 12 + last.month - first.month
        every = next(step for step in (1, 2, 3, 4, 6, 12) if months / step <= 5)
        starts = [divmod(first.year * 12 + first.month - 1 + k, 12) for k in range(1, months + 1)]
        found = [(seconds_of(datetime(y, m + 1, 1)), f"{y}-{m + 1:02}") for y, m in starts if not m % every]
    else:
        step = next((s for s in (1, 2, 5, 10, 20) if (high - low) / _DAY / s <= 5), 20) * _DAY
        if high - low < 2 * _DAY:
            step = next((s for s in (60, 300, 900, 3600, 10800, 21600, 43200) if (high - low) / s <= 5), 43200)
        marks = [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
        form = "%m-%d" if step >= _DAY else "%d. %H:%M"
        found = [(mark, (_EPOCH + timedelta(seconds=mark)).strftime(form)) for mark in marks]
    return [(at, text) for at, text in found if low <= at <= high][:6]


def chart(*, label: str, x_title: str, y_title: str) -> Element:
    """Return an empty chart.

    Parameters
    ----------
    label
        What it shows, in a sentence, for those who do not see it.
    x_title, y_title
        What is along its axes; "" for what goes without saying.
    """
    height = HEIGHT if x_title else HEIGHT - 16
    made = element("svg", viewBox=f"0 0 {WIDTH} {height}", class_="chart", role="img", aria_label=label)
    append(
        made,
        element("text", x_title, x=RIGHT, y=height - 4, class_="axis-title", text_anchor="end") if x_title else None,
        element("text", y_title, x=4, y=12, class_="axis-title"),
    )
    return made


def draw_axes(
    made: Element,
    x: Scale,
    y: Scale,
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
) -> None:
    """Draw grid lines with their texts into a chart."""
    bottom, top = max(y.start, y.end), min(y.start, y.end)
    for value, text in y_ticks:
        at = y(value)
        append(made, element("path", d=f"M{x.start:.0f} {at:.1f}H{x.end:.0f}", class_="rule"))
        append(made, element("text", text, x=x.start - 5, y=at + 4, text_anchor="end"))
    for value, text in x_ticks:
        at = x(value)
        append(made, element("path", d=f"M{at:.1f} {bottom:.0f}v4", class_="tick"))
        anchor = "start" if at < x.start + 14 else "end" if at > x.end - 14 else "middle"
        append(made, element("text", text, x=at, y=bottom + 16, text_anchor=anchor))
    append(made, element("path", d=f"M{x.start:.0f} {top:.0f}V{bottom:.0f}H{x.end:.0f}", class_="frame"))


def points(places: Iterable[tuple[float, float]]) -> str:
    """Return many points as the data of one path: a round pen draws each as a dot.

    Examples
    --------
    >>> points([(1.0, 2.25), (10.51, 3.0)])
    'M1 2.2h0M10.5 3h0'
    """
    return "".join(f"M{_short(x)} {_short(y)}h0" for x, y in places)


def polyline(places: Iterable[tuple[float, float]]) -> str:
    """Return a line through points as the data of a path; "" through none."""
    found = [f"{_short(x)} {_short(y)}" for x, y in places]
    return f"M{'L'.join(found)}" if found else ""


def bars(places: Iterable[tuple[float, float, float]]) -> str:
    """Return upright strokes as the data of one path, each by its place and both ends."""
    return "".join(f"M{_short(x)} {_short(low)}V{_short(high)}" for x, low, high in places)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
