"""A picture of a photo with its defects marked, and pieces of it before and after repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO
from sensormap.correct.preview import RepairPreview
from sensormap.maps.entries import DefectKind
from sensormap.plots.style import MARKERS, MOST_VECTORS, legend_above, picture, printable
from sensormap.report.palette import COLOURS
from sensormap.report.words import counted, plain, shutter_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _MOST_PIXELS = 8.0, 1400  # inches, and pixels of the photo across
_PIECES, _REACH = 8, 8  # pieces that are enlarged, and pixels from their middle to their edge
_NUMBER = 0.3  # inches that the number of a piece takes beside its mark
_GAMMA = 1 / 2.2
_WHITE = 0.995  # share of the photo's values that are not clipped in the picture
_FILTERS = {"R": 0, "Gr": 1, "Gb": 1, "Gs": 1, "Gp": 1, "B": 2}
_TINTS = np.array([[1.0, 0.28, 0.22], [0.3, 0.95, 0.35], [0.3, 0.45, 1.0]])
_DARKEST_TINT = 0.12  # of an enlarged photosite, so that even black ones show their filter


def draw_repair(repaired: RepairPreview, form: str = "png") -> bytes:
    """Return a picture of a photo with the defects marked that are repaired in it, and of pieces before and after.

    Parameters
    ----------
    repaired
        The photo, from `preview_repair`.
    form
        Format: ``png``, ``svg`` or ``pdf``.

    Raises
    ------
    ValueError
        If there is no such format.
    MissingExtraError
        If matplotlib is not installed, which is in the extra ``plot``.
    """
    return picture(lambda figure: draw_on_photo(figure, repaired), form)


def draw_on_photo(figure: Figure, repaired: RepairPreview) -> None:
    """Draw the photo as stored, not turned; below it the pieces that the repair changed most, before and after."""
    area, pieces = repaired.area, _pieces(repaired)
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 1), hspace=0.02, wspace=0.02)
    photo_height = min(max(0.95 * _WIDTH * area.height / area.width, 1.5), 9.0)
    figure.set_size_inches(_WIDTH, photo_height + 1.0 + (2.5 if pieces else 0.0))
    rows = figure.add_gridspec(3, _PIECES, height_ratios=(photo_height, 1.0, 1.0)) if pieces else None
    axes = figure.add_subplot(rows[0, :] if rows is not None else 111)
    axes.set_title(_title(repaired), loc="left", parse_math=False)
    whole = _overview(repaired)
    axes.imshow(whole, extent=(area.x, area.x + area.width, area.y + area.height, area.y), interpolation="antialiased")
    _mark(axes, repaired)
    axes.set(xlim=(area.x, area.x + area.width), ylim=(area.y + area.height, area.y), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    legend_above(figure, columns=5)
    room = _NUMBER / min(0.95 * _WIDTH / area.width, photo_height / area.height)  # in photosites
    for number, (x, y) in enumerate(pieces):
        _number(axes, number + 1, (x, y), left=x > area.x + area.width - room, below=y < area.y + room)
        if rows is not None:
            before, after = _enlarged(repaired, x, y)
            for row, piece, name in ((1, before, "as taken"), (2, after, "repaired")):
                panel = figure.add_subplot(rows[row, number])
                panel.imshow(piece, interpolation="nearest")
                panel.set(xticks=[], yticks=[])
                panel.spines[:].set_visible(True)
                if number == 0:
                    panel.set_ylabel(name)
                if row == 1:
                    panel.set_title(f"{number + 1}: {x}, {y}", fontsize=7)


def _title(repaired: RepairPreview) -> str:
    """Name the photo, its exposure, and how many defects are repaired in it."""
    exposure, chosen = repaired.photo.exposure, repaired.chosen
    facts = [printable(plain(repaired.photo.path.name), most=40)]
    facts += [shutter_text(exposure.shutter_s)] if exposure.shutter_s else []
    facts += [f"ISO {exposure.iso}"] if exposure.iso else []
    done = [counted(len(chosen.defects), "defect")]
    nouns = [line.noun for line in chosen.lines]
    done += [counted(nouns.count(noun), noun) for noun in dict.fromkeys(nouns)]
    others = (
        (chosen.before_onset, "appeared later"),
        (chosen.healed, "healed"),
        (chosen.hidden, "invisible at this exposure"),
        (chosen.jpeg_only, "known from JPEGs only"),
    )
    left = ", ".join(f"{count} {why}" for count, why in others if count)
    return f"{', '.join(facts)}: {', '.join(done)} marked" + (f"\nphotosites left alone: {left}" if left else "")


def _number(axes: Axes, number: int, place: tuple[int, int], *, left: bool, below: bool) -> None:
    """Write the number of a piece beside its mark: above and to the right, unless the picture ends there."""
    axes.annotate(
        str(number), place, (-5 if left else 5, -5 if below else 5), textcoords="offset points",
        ha="right" if left else "left", va="top" if below else "bottom", fontsize=8, color="white", weight="bold",
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "0.1", "edgecolor": "none", "alpha": 0.75},
    )  # fmt: skip


def _mark(axes: Axes, repaired: RepairPreview) -> None:
    """Mark defects, columns and rows; each mark has a light edge, so that it shows on any ground."""
    many = len(repaired.places) > MOST_VECTORS
    size = min(max(9000.0 / max(len(repaired.places), 1), 8.0), 70.0)
    for (x0, y0), (x1, y1) in repaired.lines:
        axes.plot([x0, x1], [y0, y1], "-", color="white", lw=3.2, alpha=0.7)
        axes.plot([x0, x1], [y0, y1], "-", color=COLOURS["column"], lw=1.5, label="column or row")
    for kind in DefectKind:
        places = [place for place, defect in repaired.places if defect.kind == kind]
        if places:
            xs, ys = zip(*places, strict=True)
            shape: dict[str, Any] = {"marker": MARKERS[kind], "s": size, "facecolors": "none"}
            shape |= {"rasterized": many, "clip_on": False}
            axes.scatter(xs, ys, edgecolors="white", linewidths=2.6, alpha=0.7, **shape)
            axes.scatter(xs, ys, edgecolors=COLOURS[kind], linewidths=1.2, label=f"{kind} ({len(places)})", **shape)


def _pieces(repaired: RepairPreview) -> list[tuple[int, int]]:
    """Return the middles of the pieces that the repair changed most, apart from each other, strongest first."""
    before, after = repaired.before.astype(np.float32), repaired.after.astype(np.float32)
    change = np.abs(before - after)
    change = change if change.ndim == 2 else change.max(axis=2)
    ends = [end for line in repaired.lines for end in line[:1]]
    candidates = [(float(_most(change, x, y)), x, y) for (x, y), _ in repaired.places] + [
        (float(_most(change, x, y)), x, y) for x, y in ends if repaired.area.contains(x, y)
    ]
    found: list[tuple[int, int]] = []
    for size, x, y in sorted(candidates, key=lambda one: (-one[0], one[2], one[1])):
        apart = all(max(abs(x - a), abs(y - b)) > _REACH for a, b in found)
        if size > 0 and apart:
            found.append((x, y))
        if len(found) == _PIECES:
            break
    return found


def _most(change: NDArray[np.float32], x: int, y: int) -> np.float32:
    """Return the largest change at a place: of a JPEG, which smears it, also around."""
    reach = 1 if change.shape[0] > 1 else 0
    return np.float32(change[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].max(initial=0))


def _enlarged(repaired: RepairPreview, x: int, y: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a piece before and after as RGB, in one scale; of a raw photo each photosite in its filter's colour."""
    area = repaired.area
    left = min(max(x - _REACH, area.x), max(area.x + area.width - 2 * _REACH - 1, area.x))
    top = min(max(y - _REACH, area.y), max(area.y + area.height - 2 * _REACH - 1, area.y))
    cols = slice(left, min(left + 2 * _REACH + 1, area.x + area.width))
    rows = slice(top, min(top + 2 * _REACH + 1, area.y + area.height))
    if repaired.cfa is None or repaired.levels is None:
        return repaired.before[rows, cols], repaired.after[rows, cols]
    filters = _filters(repaired)
    planes = filters[np.ix_(*(np.arange(part.start, part.stop) % len(filters) for part in (rows, cols)))]
    light = [_light(repaired, grid[rows, cols], planes) for grid in (repaired.before, repaired.after)]
    top_level = max(float(np.quantile(light[1], 0.98)) * 1.6, 1.0)
    shown = [np.clip(one / top_level, 0, 1) ** _GAMMA for one in light]
    if repaired.cfa.name == MONO:
        return shown[0][..., None].repeat(3, axis=2), shown[1][..., None].repeat(3, axis=2)
    tints = _TINTS[planes]
    return tuple(tints * (_DARKEST_TINT + (1 - _DARKEST_TINT) * one[..., None]) for one in shown)  # type: ignore[return-value]


def _filters(repaired: RepairPreview) -> NDArray[np.intp]:
    """Return which of red, green and blue the filter at each phase of the grid passes, ``(step, step)``, at least 2."""
    cfa = repaired.cfa
    side = range(max(cfa.step, 2) if cfa else 2)
    names = [[cfa.plane_name(x=x, y=y) if cfa else "" for x in side] for y in side]
    return np.array([[_FILTERS.get(name, 1) for name in row] for row in names], np.intp)


def _light(repaired: RepairPreview, values: NDArray[Any], planes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return values above black, balanced such that grey has one level in all colours."""
    black = float(np.mean(repaired.levels.black)) if repaired.levels else 0.0
    neutral = np.maximum(np.array(repaired.neutral), 1e-3)
    return np.asarray(np.maximum(values.astype(np.float64) - black, 0) / neutral[planes])


def _overview(repaired: RepairPreview) -> NDArray[Any]:
    """Return the whole photo as a small RGB picture: of a raw photo, each cell of filters is a pixel."""
    grid = repaired.before[repaired.area.slices]
    if repaired.cfa is None:
        step = max(grid.shape[1] // _MOST_PIXELS, 1)
        return _shrunk(grid.astype(np.float32), step).astype(np.uint8)
    filters, top, left = _filters(repaired), repaired.area.y, repaired.area.x
    period = len(filters)
    step = max(grid.shape[1] // (period * _MOST_PIXELS), 1) * period
    colours = []
    for colour in range(3):
        phases = [(dy, dx) for dy in range(period) for dx in range(period) if filters[dy, dx] == colour] or [(0, 0)]
        parts = [
            grid[(dy - top) % period :: period, (dx - left) % period :: period].astype(np.float32) for dy, dx in phases
        ]
        parts = [_shrunk(part, step // period) for part in parts]
        height, width = min(part.shape[0] for part in parts), min(part.shape[1] for part in parts)
        mean = np.mean([part[:height, :width] for part in parts], axis=0)
        colours.append(_light(repaired, mean, np.full(mean.shape, colour)))
    height, width = min(part.shape[0] for part in colours), min(part.shape[1] for part in colours)
    rgb = np.stack([part[:height, :width] for part in colours], axis=-1)
    white = max(float(np.quantile(rgb, _WHITE)), 1.0)
    return np.asarray((np.clip(rgb / white, 0, 1) ** _GAMMA * 255).astype(np.uint8))


def _shrunk(grid: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return the means of squares of `step` pixels a side; what is left over at the edges is cut."""
    if step <= 1:
        return grid
    height, width = max(grid.shape[0] // step, 1) * step, max(grid.shape[1] // step, 1) * step
    cut = grid[:height, :width]
    if cut.shape[0] < step or cut.shape[1] < step:
        return grid
    shape = (height // step, step, width // step, step, *grid.shape[2:])
    return np.asarray(cut.reshape(shape).mean(axis=(1, 3)))
