"""Charts of one defect: what it showed over time, and by which law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from sensormap.assemble.details.values import EntrySeries, PhotoFacts, RunDetails
from sensormap.maps.entries import Defect, DefectKind, Interval
from sensormap.report.page.drawing import (
    BOTTOM,
    LEFT,
    RIGHT,
    SHUTTER_TICKS,
    TOP,
    Scale,
    bars,
    bounded,
    chart,
    draw_axes,
    number_text,
    points,
    polyline,
    round_ticks,
    seconds_of,
    spaced,
    time_ticks,
    widened,
)
from sensormap.report.page.markup import append, element
from sensormap.report.page.sensor_picture import kind_class
from sensormap.report.words import shutter_text

MOST_POINTS = 512
"""Photos that a chart shows, evenly chosen of more."""

_SIGMAS = 3.0  # the scatter that is drawn for a healthy photosite
_STEPS = 24  # of a law's line
_CLIPPED = 0.97  # of the saturation; noise lowers some of what is clipped

# Kinds whose law is in the shutter time; that of the others is in the light.
_TIMED = frozenset({DefectKind.HOT, DefectKind.OFFSET, DefectKind.COLD})


@dataclass(frozen=True)
class Followed:
    """The series of one defect beside the photos that it tells of.

    Parameters
    ----------
    series
        The series.
    photos
        The followed photos, in its order.
    gain, saturation
        ISO over 100 of each, NaN where unknown, and the highest DN that a photosite can have.
    """

    series: EntrySeries
    photos: tuple[PhotoFacts, ...]
    gain: NDArray[np.float64]
    saturation: NDArray[np.float64]

    @staticmethod
    def of(series: EntrySeries, details: RunDetails) -> Followed:
        """Return the series with at most `MOST_POINTS` of its photos: those that count for it."""
        which = np.flatnonzero(series.known)
        if which.size > MOST_POINTS:
            which = which[np.linspace(0, which.size - 1, MOST_POINTS).round().astype(np.intp)]
        chosen = EntrySeries(
            series.x, series.y, series.value[which], series.level[which], series.sigma[which], series.known[which]
        )
        photos = tuple(details.photos[number] for number in details.followed[which].tolist())
        return Followed(chosen, photos, details.gain[which], details.saturation[which])

    @property
    def excess(self) -> NDArray[np.float64]:
        """Values less those of the surroundings, DN."""
        return self.series.value.astype(np.float64) - self.series.level

    @property
    def clipped(self) -> NDArray[np.bool_]:
        """Where the value is about the highest that there can be: what the defect adds is more than what is seen."""
        return self.series.value >= _CLIPPED * self.saturation

    @property
    def shutter_s(self) -> NDArray[np.float64]:
        """Shutter times, NaN where unknown."""
        return np.array([math.nan if one.shutter_s is None else one.shutter_s for one in self.photos], np.float64)


def time_chart(defect: Defect, followed: Followed) -> Element | None:
    """Return what a defect showed beside its surroundings over time, with the interval of its onset.

    Parameters
    ----------
    defect
        The defect.
    followed
        Its series.

    Returns
    -------
    Element or None
        None if no photo counts. Where photos have no times they are drawn in their order.
    """
    excess, sigma = followed.excess, followed.series.sigma.astype(np.float64)
    if not excess.size:
        return None
    times = [None if one.time is None else seconds_of(one.time) for one in followed.photos]
    dated = all(time is not None for time in times)
    at = np.array(times if dated else range(excess.size), np.float64)
    least = 60.0 if dated else 1.0
    x = Scale(*spaced(*widened(at, least=least)), LEFT, RIGHT)
    unit = max(float(np.median(sigma)), 1e-6)
    y = _signed(np.concatenate([excess, _SIGMAS * sigma, -_SIGMAS * sigma]), unit)
    made = chart(
        label=_time_label(defect, followed),
        x_title="" if dated else "photos in order of capture",
        y_title="DN above the surroundings, logarithmic",
    )
    band = _onset_band(defect, x) if dated else None
    append(made, band)
    x_ticks = time_ticks(x.low, x.high) if dated else [(v, number_text(v)) for v in round_ticks(x.low, x.high)]
    draw_axes(made, x, y, x_ticks, _signed_ticks(y, unit))
    scatter = zip((x(v) for v in at), y_all(y, -_SIGMAS * sigma), y_all(y, _SIGMAS * sigma), strict=True)
    dots = zip((x(v) for v in at), y_all(y, excess), strict=True)
    append(
        made,
        element("path", d=bars(scatter), class_="usual"),
        element("path", d=points(dots), class_=f"dots {kind_class(defect.kind)}"),
    )
    return made


def law_chart(defect: Defect, followed: Followed | None) -> Element | None:
    """Return what a defect adds against the shutter time, or shows against the light, with the law of its kind.

    Parameters
    ----------
    defect
        The defect.
    followed
        Its series; None draws the law alone, which is that of a kind with strengths.
    """
    law = _line_of(defect) if defect.kind in _TIMED else None
    if law is not None:
        return _shutter_chart(defect, followed, law)
    return None if followed is None else _light_chart(defect, followed)


def y_all(scale: Scale, values: NDArray[np.float64]) -> list[float]:
    """Return the places of values along an axis."""
    return [scale(value) for value in values.tolist()]


def _shutter_chart(defect: Defect, followed: Followed | None, law: Sequence[tuple[float, float]]) -> Element:
    """Draw excess at base ISO against shutter time, with the fitted line and its band: `law` as of `_line_of`."""
    shutter, excess, clipped = np.empty(0), np.empty(0), np.empty(0, np.bool_)
    unit = 0.0
    if followed is not None:
        use = np.isfinite(followed.shutter_s) & (followed.shutter_s > 0) & np.isfinite(followed.gain)
        shutter, clipped = followed.shutter_s[use], followed.clipped[use]
        excess = (followed.excess / followed.gain)[use]
        unit = float(np.median(followed.series.sigma[use] / followed.gain[use])) if use.any() else 0.0
    shortest, longest = (float(shutter.min()), float(shutter.max())) if shutter.size else (1 / 1000, 30.0)
    x = Scale(shortest / 1.3, longest * 1.3, LEFT, RIGHT, math.log)
    times = np.exp(np.linspace(math.log(x.low), math.log(x.high), _STEPS))
    lines = [part[0] * times + part[1] for part in law]
    if not unit > 0:
        unit = max(float(abs(lines[0]).max()) / 100, 1e-3)
    # Of photos in which it is clipped the law is far beyond what is seen: it is drawn a little farther than the dots.
    most = 2 * max(float(abs(excess).max()), unit) if excess.size else math.inf
    shown = abs(lines[0]) <= most
    middle, low, high = (line[shown] for line in lines)
    y = _signed(np.concatenate([excess, middle, low, high]), unit)
    made = chart(
        label="What it adds at ISO 100 against the shutter time, with the fitted law and its 95 % interval.",
        x_title="shutter time",
        y_title="DN above the surroundings, at ISO 100, logarithmic",
    )
    ticks = [(value, shutter_text(value)) for value in SHUTTER_TICKS if x.low <= value <= x.high]
    draw_axes(made, x, y, ticks, _signed_ticks(y, unit))
    colour, across = kind_class(defect.kind), [x(value) for value in times[shown].tolist()]
    below, above = y_all(y, np.minimum(low, high)), y_all(y, np.maximum(low, high))
    outline = [*zip(across, below, strict=True), *zip(reversed(across), reversed(above), strict=True)]
    append(made, element("path", d=f"{polyline(outline)}z", class_=f"band {colour}") if outline else None)
    for chosen, name in ((clipped, "dots clipped"), (~clipped, f"dots {colour}")):
        dots = zip(y_all(x, shutter[chosen]), y_all(y, excess[chosen]), strict=True)
        append(made, element("path", d=points(dots), class_=name) if chosen.any() else None)
    append(made, element("path", d=polyline(zip(across, y_all(y, middle), strict=True)), class_="law"))
    return made


def _light_chart(defect: Defect, followed: Followed) -> Element | None:
    """Draw values against those of the surroundings, with the line of healthy ones and that of the kind."""
    value, level = followed.series.value.astype(np.float64), followed.series.level.astype(np.float64)
    if not value.size:
        return None
    low, high = spaced(*widened(np.concatenate([level, value]), least=10.0))
    x, y = Scale(low, high, LEFT, RIGHT), Scale(low, high, BOTTOM, TOP)
    made = chart(
        label="Its values against the level of its surroundings; a healthy one lies on the dashed diagonal.",
        x_title="level of the surroundings, DN",
        y_title="value, DN",
    )
    ticks = [(tick, number_text(tick)) for tick in round_ticks(low, high)]
    draw_axes(made, x, y, ticks, ticks)
    append(
        made,
        element("path", d=polyline([(x(low), y(low)), (x(high), y(high))]), class_="equal"),
        element(
            "path",
            d=points(zip(y_all(x, level), y_all(y, value), strict=True)),
            class_=f"dots {kind_class(defect.kind)}",
        ),
    )
    if defect.response is not None and not defect.or_kinds:
        offset, slope = bounded(defect.offset_dn[0] if defect.offset_dn else 0.0), bounded(defect.response[0])
        ends = (max(low, 0.0), high)
        line = [(x(end), y(slope * end + offset)) for end in ends]
        append(made, element("path", d=polyline(line), class_="law"))
    elif defect.kind in (DefectKind.STUCK, DefectKind.DEAD) and defect.mean is not None:
        append(made, element("path", d=polyline([(x(low), y(defect.mean)), (x(high), y(defect.mean))]), class_="law"))
    return made


def _line_of(defect: Defect) -> tuple[tuple[float, float], ...] | None:
    """Return slope and offset of a law in the shutter time, and of both ends of its interval; None where unknown."""
    dark, offset = defect.dark_dn_per_s, defect.offset_dn
    if defect.or_kinds:  # the strength of one kind alone
        hot = defect.kind == DefectKind.HOT
        dark, offset = (dark, None) if hot else (None, offset)
    if dark is None and offset is None:
        return None
    zero: Interval = (0.0, 0.0, 0.0)
    slopes, offsets = dark or zero, offset or zero
    # Where both are uncertain their errors hardly go together: the band is theirs in turn, the wider.
    return tuple((bounded(slope), bounded(at)) for slope, at in zip(slopes, offsets, strict=True))


def _signed(values: NDArray[np.float64], unit: float) -> Scale:
    """Return a scale that is even near 0, within a few units, and logarithmic far from it on both sides."""
    low, high = widened(np.append(values, 0.0), least=4 * unit)

    def form(value: float) -> float:
        return math.asinh(value / (3 * unit))

    spare = 0.06 * (form(high) - form(low))
    low, high = 3 * unit * math.sinh(form(low) - spare), 3 * unit * math.sinh(form(high) + spare)
    return Scale(low, high, BOTTOM, TOP, form)


def _signed_ticks(scale: Scale, unit: float) -> list[tuple[float, str]]:
    """Return 0 and powers of ten on both sides, those that are apart."""
    exponents = range(math.floor(math.log10(max(unit, 1e-6))), 7)
    found, last = [(0.0, "0")], {1: scale(0.0), -1: scale(0.0)}
    for value in (sign * factor * 10.0**k for k in exponents for factor in (1, 3) for sign in (1, -1)):
        sign = 1 if value > 0 else -1
        if scale.low <= value <= scale.high and abs(scale(value) - last[sign]) >= 22:
            last[sign] = scale(value)
            found.append((value, number_text(value)))
    return found


def _onset_band(defect: Defect, x: Scale) -> Element | None:
    """Return the interval in which a defect appeared, as far as it lies within the photos."""
    onset = defect.onset
    if onset is None or onset.by is None:
        return None
    first = x.low if onset.after is None else seconds_of(onset.after)
    left, right = x(first), x(seconds_of(onset.by))
    return element("rect", x=left, y=TOP, width=max(right - left, 1.5), height=BOTTOM - TOP, class_="onset")


def _time_label(defect: Defect, followed: Followed) -> str:
    excess, sigma = followed.excess, followed.series.sigma
    beyond = int(np.count_nonzero(np.abs(excess) > _SIGMAS * sigma))
    return (
        f"What it shows above its surroundings in {excess.size} photos: beyond 3 sigma in {beyond}, "
        f"{_span(excess.tolist())} DN."
    )


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"
