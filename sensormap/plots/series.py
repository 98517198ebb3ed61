"""A picture of what single defects showed: over time with their onset, and over shutter time with the fitted law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensormap.maps.entries import Defect, DefectKind
from sensormap.plots.style import date_axis, days, light_grid, mark_of, picture, says_nothing
from sensormap.plots.values import DefectValues
from sensormap.report.words import kind_text, since_text, strength_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EVEN = 100.0  # DN up to which a logarithmic axis is even; of less than ten times as much it has no two ticks
_ADDING = (DefectKind.HOT, DefectKind.OFFSET, DefectKind.COLD, DefectKind.NOISY)


def draw_series(values: DefectValues, form: str = "png", *, title: str = "") -> bytes:
    """Return a picture of what some defects showed in some photos.

    Parameters
    ----------
    values
        From `values_in_photos` or `values_in_state`.
    form
        Format: ``png``, ``svg`` or ``pdf``.
    title
        First line above.

    Raises
    ------
    ValueError
        If there is no such format.
    MissingExtraError
        If matplotlib is not installed, which is in the extra ``plot``.
    """
    return picture(lambda figure: draw_values(figure, values, title=title), form)


def draw_values(figure: Figure, values: DefectValues, *, title: str = "") -> None:
    """Draw two panels for each defect: its excess over time, and what its law is about."""
    count = len(values.defects)
    figure.set_layout_engine("constrained")
    figure.set_size_inches(8.0, 0.7 + 1.75 * max(count, 1))
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, parse_math=False)
    if not count:
        says_nothing(figure.add_subplot(), "no defects")
        return
    for number, defect in enumerate(values.defects):
        left = figure.add_subplot(count, 2, 2 * number + 1)
        right = figure.add_subplot(count, 2, 2 * number + 2)
        _draw_time(left, values, number)
        _draw_law(right, values, number)
        text = f"{defect.x}, {defect.y}: {kind_text(defect)}, {strength_text(defect)}, since {since_text(defect.onset)}"
        left.set_title(text, loc="left", parse_math=False)


def _draw_time(axes: Axes, values: DefectValues, number: int) -> None:
    """Draw how far a photosite lies above its neighbours in each photo, and when the defect appeared and healed."""
    defect, excess = values.defects[number], values.value[number] - values.level[number]
    times = [exposure.time for exposure in values.exposures]
    dated = np.array([time is not None for time in times])
    known = np.isfinite(excess)
    if not known.any():
        says_nothing(axes, "its values were not kept")
        return
    if dated.any():
        at = np.full(len(times), np.nan)
        at[dated] = days(time for time in times if time is not None)
        known &= dated
        date_axis(axes)
        for change in (defect.onset, defect.until):
            if change is not None and change.after is not None and change.by is not None:
                axes.axvspan(*days((change.after, change.by)), color="0.85", lw=0, zorder=0)
    else:
        at = np.arange(len(times), dtype=np.float64)
        axes.set_xlabel("photo")
    axes.axhline(0, color="0.6", lw=0.8)
    _points(axes, at[known], excess[known], defect)
    axes.set_ylabel("excess, DN")
    light_grid(axes)


def _draw_law(axes: Axes, values: DefectValues, number: int) -> None:
    """Draw what a kind depends on: the shutter time where it adds, the light where it takes."""
    defect, value, level = values.defects[number], values.value[number], values.level[number]
    shutter = np.array([exposure.shutter_s for exposure in values.exposures], np.float64)
    gain = np.array([exposure.gain for exposure in values.exposures], np.float64)
    known = np.isfinite(value)
    if defect.radius is None and defect.kind in _ADDING and np.isfinite(shutter[known]).any():
        known &= np.isfinite(shutter)
        factor = np.where(np.isfinite(gain), gain, 1.0)
        known &= _there(values, defect)
        _points(axes, shutter[known], (value - level)[known] / factor[known], defect)
        axes.set(xscale="log", xlabel="shutter time, s", ylabel="excess at ISO 100, DN")
        if defect.kind == DefectKind.HOT and axes.dataLim.y1 > 10 * max(axes.dataLim.y0, _EVEN):
            axes.set_yscale("symlog", linthresh=_EVEN)  # from a few DN to thousands
            axes.set_ylim(top=2.0 * max(axes.dataLim.y1, 50.0))
        _law_over_time(axes, defect, shutter[known])
    else:
        known &= _there(values, defect)
        _points(axes, level[known], value[known], defect)
        axes.set(xlabel="its neighbours, DN", ylabel="the photosite, DN")
        _law_over_light(axes, defect, level[known])
    light_grid(axes)


def _there(values: DefectValues, defect: Defect) -> NDArray[np.bool_]:
    """Tell in which photos a defect was there, for all that the map tells."""
    onset, until = defect.onset, defect.until
    found = []
    for exposure in values.exposures:
        time = exposure.time
        after = time is None or onset is None or onset.after is None or time > onset.after
        before = time is None or until is None or until.by is None or time < until.by
        found.append(after and before)
    return np.array(found, np.bool_)


def _law_over_time(axes: Axes, defect: Defect, shutter: NDArray[np.float64]) -> None:
    """Draw the line of dark current and offset."""
    if not shutter.size or not (defect.dark_dn_per_s or defect.offset_dn) or defect.kind == DefectKind.NOISY:
        return
    dark = defect.dark_dn_per_s[0] if defect.dark_dn_per_s else 0.0
    offset = defect.offset_dn[0] if defect.offset_dn else 0.0
    at = np.geomspace(shutter.min(), shutter.max(), 60)
    low, high = axes.get_ylim()
    axes.plot(at, dark * at + offset, "--", color="0.1", lw=1.2)
    axes.set_ylim(low, high)  # where photos clip the line goes on


def _law_over_light(axes: Axes, defect: Defect, level: NDArray[np.float64]) -> None:
    """Draw the line of the response, or of the one level; and dotted, what a healthy photosite shows."""
    if not level.size:
        return
    ends = np.array([min(level.min(), 0.0), level.max()])
    axes.plot(ends, ends, ":", color="0.5", lw=1.0)
    if defect.kind == DefectKind.DEAD:
        axes.plot(ends, [0, 0], "--", color="0.1", lw=1.2)
    elif defect.kind == DefectKind.STUCK and defect.mean is not None:
        axes.plot(ends, [defect.mean, defect.mean], "--", color="0.1", lw=1.2)
    elif defect.response:
        axes.plot(ends, defect.response[0] * ends, "--", color="0.1", lw=1.2)


def _points(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], defect: Defect) -> None:
    style: dict[str, Any] = mark_of(defect.kind)
    axes.scatter(x, y, s=20, zorder=3, **style)
