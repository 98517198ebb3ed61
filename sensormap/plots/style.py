"""The look of all pictures: colours, marks, hatches and letters, legible in black and white too; and their files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from sensormap.errors import MissingExtraError
from sensormap.history.records import KINDS
from sensormap.maps.entries import DARK_KINDS, Defect, DefectKind
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.files import PNG_START
from sensormap.report.palette import COLOURS
from sensormap.report.words import counted, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

PLOT_FORMATS = ("png", "svg", "pdf")
STYLE = {
    "svg.hashsalt": "sensormap history",  # without it names of parts are drawn at random
    "font.family": "DejaVu Sans",  # which comes with matplotlib
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
}
MARKERS = dict(zip(KINDS, ("o", "^", "s", "X", "v", "*", "D", "P", "|", "_"), strict=True))
"""Marks by kind, which tell them apart without colours; dark kinds are hollow."""
HATCHES = dict(zip(KINDS, ("", "///", "...", "", "\\\\\\", "xxx", "+++", "ooo", "|||", "---"), strict=True))
"""Hatches of areas by kind, which tell them apart without colours; dead is black."""

MOST_VECTORS = 2000
"""Marks that a vector format draws one by one; more become a picture within it, which stays small."""

_MARKS = (b"sensormap plot", b"sensormap history")  # in each picture, by which it is known again
_OPENINGS = (PNG_START, b"<?xml", b"%PDF-")
_MOST_BYTES = 1 << 26  # of a picture that is looked at; those made here have a few million


def picture(draw: Callable[[Figure], None], form: str, *, extra: str = "plot") -> bytes:
    """Return a picture as the bytes of a file.

    Parameters
    ----------
    draw
        Draws into an empty figure.
    form
        Format: ``png``, ``svg`` or ``pdf``.
    extra
        Extra to install, for the message where matplotlib is not.

    Returns
    -------
    bytes
        The file; the same drawing gives the same bytes, with the same releases of matplotlib and its libraries,
        whatever the user's own settings of matplotlib are.

    Raises
    ------
    ValueError
        If there is no such format.
    MissingExtraError
        If matplotlib is not installed.
    """
    if form not in PLOT_FORMATS:
        msg = f"{form!r} is not one of {', '.join(PLOT_FORMATS)}"
        raise ValueError(msg)
    require_matplotlib(extra)
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    mark = f"sensormap {extra}"
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Software": mark},
        "svg": {"Creator": mark, "Date": None},
        "pdf": {"Creator": mark, "CreationDate": None},
    }
    file = io.BytesIO()
    with mpl.rc_context({**mpl.rcParamsDefault, **STYLE, "backend": "agg"}):
        figure = Figure()
        draw(figure)
        figure.savefig(file, format=form, dpi=150, metadata=metadata[form])
    return file.getvalue()


def require_matplotlib(extra: str = "plot") -> None:
    """Refuse to go on without matplotlib.

    Raises
    ------
    MissingExtraError
        If it is not installed, or cannot be loaded.
    """
    try:
        import matplotlib.figure  # noqa: F401, PLC0415
    except ImportError as error:
        what = "history: needs matplotlib for a plot," if extra == "history" else f"{extra}: needs matplotlib,"
        msg = f"{what} which is not installed: pip install 'sensormap[{extra}]'"
        raise MissingExtraError(msg) from error
    except ValueError as error:  # of a setting such as MPLBACKEND
        msg = f"{extra}: matplotlib cannot be loaded: {error}"
        raise MissingExtraError(msg) from error


def unless_picture(file: BinaryIO) -> str:
    """Object to replacing anything but a picture that was made here, or an empty file."""
    content = file.read(_MOST_BYTES)
    if not content or (content.startswith(_OPENINGS) and any(mark in content for mark in _MARKS)):
        return ""
    return "is no picture that sensormap made; --overwrite replaces only those"


def printable(text: str, *, most: int = 60) -> str:
    """Return a text of at most `most` characters in which what the font has no sign for is a question mark."""
    shown = "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in text)
    return shown if len(shown) <= most else shown[: most - 2] + "..."


def map_title(sensor_map: SensorMap, text: str = "") -> str:
    """Return the title of a picture of a map: its camera, how many defects it has, and a second line if one is given.

    Examples
    --------
    >>> from sensormap.camera.cfa import Cfa
    >>> from sensormap.camera.geometry import Rect, Sensor
    >>> from sensormap.camera.profile import Body
    >>> from sensormap.maps.entries import FrameSummary
    >>> sensor = Sensor((16, 12), Rect(0, 0, 16, 12), Cfa("RGGB"), None)
    >>> frames = FrameSummary(2, 0, None, None, None, None, digest="")
    >>> map_title(SensorMap(Body("", "toy", "7"), "toy", sensor, frames, (), {}, (), ()))
    'toy, serial 7: 0 defects'
    """
    lines = [counted(len(sensor_map.defects), "defect")]
    lines += [counted(len(sensor_map.columns), "column")] if sensor_map.columns else []
    lines += [counted(len(sensor_map.rows), "row")] if sensor_map.rows else []
    title = f"{printable(plain(str(sensor_map.body)))}: {', '.join(lines)}"
    return f"{title}\n{text}" if text else title


def by_kind(defects: Iterable[Defect]) -> dict[DefectKind, list[Defect]]:
    """Return defects by kind, in the order of the kinds; only kinds that occur."""
    found: dict[DefectKind, list[Defect]] = {kind: [] for kind in DefectKind}
    for defect in defects:
        found[defect.kind].append(defect)
    return {kind: some for kind, some in found.items() if some}


def mark_of(kind: DefectKind) -> dict[str, Any]:
    """Return marker and colours of a kind, as `Axes.scatter` takes them."""
    colour = COLOURS[kind]
    if kind in DARK_KINDS and kind != DefectKind.DEAD:
        return {"marker": MARKERS[kind], "facecolors": "white", "edgecolors": colour, "linewidths": 1.1}
    return {"marker": MARKERS[kind], "facecolors": colour, "edgecolors": "0.15", "linewidths": 0.4}


def mark_size(count: int) -> float:
    """Return the area of so many marks, in square points: smaller where there are more."""
    return min(max(9000.0 / max(count, 1), 6.0), 36.0)


def says_nothing(axes: Axes, why: str) -> None:
    """Say in an empty panel why nothing is drawn."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="0.4", parse_math=False)


def legend_above(figure: Figure, order: Sequence[str] = (), *, columns: int = 6) -> None:
    """Put one legend of all panels above them, each label once; those of `order` first, in that order.

    What one panel shows as areas and another as marks has both beside its label.
    """
    from matplotlib.legend_handler import HandlerTuple  # noqa: PLC0415

    handles: dict[str, dict[type, Any]] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, {}).setdefault(type(handle), handle)
    if not handles:
        return
    labels = [*(label for label in order if label in handles), *(label for label in handles if label not in order)]
    shown: Any = [tuple(handles[label].values()) for label in labels]
    figure.legend(
        shown,
        labels,
        loc="outside upper center",
        ncols=columns,
        handler_map={tuple: HandlerTuple(ndivide=None)},
    )


def light_grid(axes: Axes, *, which: Literal["both", "y"] = "y") -> None:
    """Draw faint lines behind what an axis shows."""
    axes.grid(visible=True, axis=which, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def whole_numbers(axis: Axis) -> None:
    """Have an axis that counts things show whole numbers only."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))


def date_axis(axes: Axes) -> None:
    """Have the x axis show dates, in few words; what the ticks leave out, such as the year, once at its end."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def days(times: Iterable[datetime]) -> list[float]:
    """Return times as matplotlib counts them."""
    from matplotlib.dates import date2num  # noqa: PLC0415

    return [float(day) for day in date2num(list(times))]
