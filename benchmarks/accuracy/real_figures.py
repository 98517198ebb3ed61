"""Pictures of what series of real cameras showed, for docs/real-cameras.md.

Run ``python -m benchmarks.accuracy.real_figures FOLDER -o docs/images``, with the folder that has `flea3`,
`sequoia-nir`, `seestar-s50` and `emva-cmos`. Each picture is drawn from the photos, and from maps that are made here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.real import mean_sigmas
from sensormap import Options, map_defects
from sensormap.camera.profile_files import get_profile
from sensormap.decode.reading import read_frame
from sensormap.frame import Photo
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.finding import find_photos
from sensormap.photos.select import read_photos
from sensormap.survey.passes import geometry_of

_INK, _FAINT = "black", "0.6"
_SIZE = (7.2, 2.9)  # inches
_DPI = 100


class _Series:
    """Photos of one camera, their frames, and the map of them."""

    def __init__(self, folder: Path) -> None:
        self.profile_file = str(folder / "profile.yaml")
        found, _ = read_photos(find_photos([str(folder)], images=True), jobs=2)
        self.photos: list[Photo] = sorted(found, key=lambda photo: photo.path.name)
        self.profile = geometry_of(tuple(self.photos), get_profile(self.profile_file))
        self.values = np.stack([read_frame(photo, self.profile).mosaic.astype(np.int32) for photo in self.photos])
        self.shutter_s = np.array([photo.exposure.shutter_s or np.nan for photo in self.photos])

    def map(self) -> SensorMap:
        return map_defects([str(photo.path) for photo in self.photos], Options(jobs=2, profile=self.profile_file))

    def named(self, part: str) -> NDArray[np.bool_]:
        return np.array([part in photo.path.name for photo in self.photos])

    def around(self, x: int, y: int, reach: int, step: int) -> NDArray[np.float64]:
        """Return the median of the neighbours of one colour in each frame."""
        places = [(y + i * step, x + j * step) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
        height, width = self.values.shape[1:]
        inside = [(r, c) for r, c in places if (r, c) != (y, x) and 0 <= r < height and 0 <= c < width]
        rows, cols = np.array(inside).T
        return np.asarray(np.median(self.values[:, rows, cols], axis=1))


def flea3(series: _Series, figure: Any) -> None:
    """Draw a dark current that levels off, and the column."""
    left, right = figure.subplots(1, 2)
    dark = series.named("dark")
    for (x, y), mark in (((191, 20), "o"), ((28, 109), "s"), ((279, 218), "^")):
        left.plot(
            series.shutter_s[dark],
            series.values[dark, y, x] / 256 + 0.0,
            mark,
            color=_INK,
            markerfacecolor="white",
            label=f"x {x}, y {y}",
        )
    left.set(xscale="log", xlabel="shutter time, s", ylabel="value in the darks, of 255", title="Three hot photosites")
    left.legend(frameon=False, loc="upper left")
    column = series.values[dark][:, 240:342, 27].mean(axis=0) / 256
    beside = (series.values[dark][:, 240:342, 25] + series.values[dark][:, 240:342, 29]).mean(axis=0) / 512
    rows = np.arange(240, 342)
    for first, mark, name in ((0, ".", "even"), (1, "x", "odd")):
        right.plot(rows[first::2], column[first::2], mark, color=_INK, markersize=4, label=f"x 27, {name} y")
    right.plot(rows, beside, color=_FAINT, linestyle="--", label="x 25 and 29")
    right.set(xlabel="y", ylabel="mean of the darks, of 255", title="The column", ylim=(-0.2, 3.6))
    right.legend(frameon=False, loc="upper left")


def sequoia(series: _Series, figure: Any) -> None:
    """Draw that what half of the photos show, the other half shows too."""
    left, right = figure.subplots(1, 2)
    halves = [series.values[i::2] for i in range(2)]
    found = map_defects([str(photo.path) for photo in series.photos[::2]], Options(jobs=2, profile=series.profile_file))
    own, other = (mean_sigmas(list(half), series.profile.cfa) for half in halves)
    y, x = np.array([(one.y, one.x) for one in found.defects]).T
    left.plot(own[y, x], other[y, x], ".", color=_INK, markersize=2)
    left.axhline(0, color=_FAINT, linewidth=1)
    left.set(
        xlabel="sigma in the 14 photos of the map",
        ylabel="sigma in the other 14",
        title=f"{len(found.defects)} entries",
        xlim=(0, 25),
        ylim=(-5, 25),
    )
    bins = np.arange(-6, 16, 0.5)
    right.hist(other.ravel(), bins, histtype="step", color=_FAINT, linestyle="--", label="all photosites")
    right.hist(other[y, x], bins, color=_INK, histtype="step", label="entries")
    right.set(yscale="log", xlabel="sigma in the other 14", ylabel="photosites", title="Beside all photosites")
    right.legend(frameon=False)


def seestar(series: _Series, figure: Any) -> None:
    """Draw photosites below their neighbours, whatever the frame."""
    left, right = figure.subplots(1, 2)
    for (x, y), mark in (((925, 166), "o"), ((362, 1103), "s")):
        around = series.around(x, y, 1, 2)
        left.plot(series.values[:, y, x] - around, mark, color=_INK, markerfacecolor="white", label=f"x {x}, y {y}")
    left.axhline(0, color=_FAINT, linewidth=1)
    left.set(xlabel="photo", ylabel="DN above the neighbours", title="Two cold photosites", ylim=(-1100, 300))
    left.legend(frameon=False, loc="upper left")
    found = series.map()
    kinds = sorted({str(one.kind) for one in found.defects})
    counts = [sum(one.kind == kind for one in found.defects) for kind in kinds]
    before = {"weak": 7, "hot": 6, "offset": 6, "noisy": 3, "dead": 2}
    names = sorted({*kinds, *before})
    places = np.arange(len(names))
    now = dict(zip(kinds, counts, strict=True))
    old = [before.get(name, 0) for name in names]
    right.barh(places + 0.2, old, 0.4, color="white", edgecolor=_INK, label="before")
    right.barh(places - 0.2, [now.get(name, 0) for name in names], 0.4, color=_INK, label="after")
    right.set(yticks=places, yticklabels=names, xlabel="entries", title="What they are called")
    right.legend(frameon=False)


def emva(series: _Series, figure: Any) -> None:
    """Draw how few steps 8 bits have, and the pattern of healthy photosites."""
    left, right = figure.subplots(1, 2)
    values, counts = np.unique(series.values[0] // 256, return_counts=True)
    left.bar(values, counts, color=_INK, width=0.8)
    left.set(yscale="log", xlabel="value, of 255", ylabel="photosites", title="One dark photo")
    dark = series.values[np.argsort(series.values.mean(axis=(1, 2)))[:20]].mean(axis=0) / 256
    away = (dark - np.median(dark)).ravel()
    right.hist(away, np.arange(-1.5, 1.55, 0.1), color=_INK, histtype="step")
    right.set(
        yscale="log",
        xlabel="mean of 20 dark photos, less the median",
        ylabel="photosites",
        title="They differ, and few stand out",
    )


FIGURES: dict[str, Callable[[_Series, Any], None]] = {
    "flea3": flea3,
    "sequoia-nir": sequoia,
    "seestar-s50": seestar,
    "emva-cmos": emva,
}


def main() -> None:
    """Draw all pictures."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("agg")
    from matplotlib.figure import Figure  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    with mpl.rc_context({"font.size": 8, "axes.titlesize": 9, "axes.spines.top": False, "axes.spines.right": False}):
        for name, draw in FIGURES.items():
            figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
            draw(_Series(arguments.folder / name), figure)
            path = arguments.output / f"real-{name}.png"
            figure.savefig(path, metadata={"Software": None})
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
