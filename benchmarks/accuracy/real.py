"""An independent look at real photos, and a map judged by it: which outliers the map has, and which of its words fit.

Run ``python -m benchmarks.accuracy.real MAP PHOTOS... [--profile FILE]``. Of every photosite it takes the mean over the
frames of its residual to the median of the 5 x 5 photosites of its colour around, over the noise of its tile, in robust
standard deviations of its plane. Nothing of it is used by the detector, and it judges only. It knows neither onsets nor
texture: a star that stays on one photosite stands out, and a defect of few frames does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.camera.profile_files import find_profile, get_profile
from sensormap.decode.reading import read_frame
from sensormap.errors import SensorMapError
from sensormap.maps.entries import Defect, DefectKind
from sensormap.maps.mapfile.reading import read_map
from sensormap.maps.sensor_map import SensorMap
from sensormap.photos.finding import find_photos
from sensormap.photos.select import read_photos
from sensormap.survey.passes import geometry_of

BRIGHT = frozenset({DefectKind.HOT, DefectKind.OFFSET, DefectKind.OVERRESPONSIVE})
DARK = frozenset({DefectKind.COLD, DefectKind.DEAD, DefectKind.WEAK})
PARTIAL = frozenset({DefectKind.NOISY})  # a mean need not show what jumps

_RADIUS = 2  # of the 5 x 5 around
_TILE = 32  # photosites of a plane on either side, of which the noise is one
_LEAST_NOISE = 0.3  # DN: rounding to whole DN has as much
_BRIGHT_IN_DARKS = 8 / 255  # of the ceiling
_BAND = 64  # rows of a plane at a time, so that 25 copies of them fit


@dataclass(frozen=True)
class Judgement:
    """A map beside the independent look.

    Attributes
    ----------
    entries
        Single defects of the map.
    bright, dark
        Photosites beyond the bar, above and below their surroundings: how many the map lists, and how many there are.
    missed
        Those of them that it does not list, as (x, y, sigma), strongest first.
    contradicting
        Entries of kinds with a sign that stand out to the other side, beyond half the bar.
    unsupported
        Entries that stand out by less than half the bar, and of these the ones that jump, appeared later or healed.
    """

    entries: int
    bright: tuple[int, int]
    dark: tuple[int, int]
    missed: tuple[tuple[int, int, float], ...]
    contradicting: tuple[Defect, ...]
    unsupported: tuple[int, int]


def mean_sigmas(frames: Iterator[NDArray[np.int32]] | Sequence[NDArray[np.int32]], cfa: Cfa) -> NDArray[np.float64]:
    """Return how far each photosite's mean residual lies from its plane's, in robust standard deviations, ``(H, W)``.

    Parameters
    ----------
    frames
        Active areas, DN, ``(H, W)`` each; at least one.
    cfa
        Filter pattern as read from the active area's corner.
    """
    total: NDArray[np.float64] | None = None
    for active in frames:
        total = np.zeros(active.shape) if total is None else total
        for plane in cfa.planes:
            part = np.s_[plane.row :: cfa.step, plane.col :: cfa.step]
            total[part] += _scores(active[part].astype(np.float32))
    if total is None:
        msg = "no photo could be decoded"
        raise SystemExit(msg)
    for plane in cfa.planes:
        part = np.s_[plane.row :: cfa.step, plane.col :: cfa.step]
        centre = np.median(total[part])
        total[part] = (total[part] - centre) / max(1.4826 * np.median(np.abs(total[part] - centre)), 1e-9)
    return total


def judge(sigmas: NDArray[np.float64], sensor_map: SensorMap, *, bar: float = 10.0) -> Judgement:
    """Compare a map with the independent look.

    Parameters
    ----------
    sigmas
        What `mean_sigmas` returns.
    sensor_map
        The map.
    bar
        Sigmas from which a photosite stands out for certain.
    """
    area = sensor_map.sensor.active_area
    listed = sensor_map.mask()[area.slices]
    out = np.argwhere((np.abs(sigmas) > bar) & ~listed)
    out = out[np.argsort(-np.abs(sigmas[out[:, 0], out[:, 1]]), kind="stable")]
    seen = [(one, float(sigmas[one.y - area.y, one.x - area.x])) for one in sensor_map.defects]
    faint = [one for one, sigma in seen if abs(sigma) < bar / 2]
    return Judgement(
        entries=len(seen),
        bright=(int(np.count_nonzero((sigmas > bar) & listed)), int(np.count_nonzero(sigmas > bar))),
        dark=(int(np.count_nonzero((sigmas < -bar) & listed)), int(np.count_nonzero(sigmas < -bar))),
        missed=tuple((int(x) + area.x, int(y) + area.y, float(sigmas[y, x])) for y, x in out),
        contradicting=tuple(
            one
            for one, sigma in seen
            if (one.kind in BRIGHT and sigma < -bar / 2) or (one.kind in DARK and sigma > bar / 2)
        ),
        unsupported=(len(faint), sum(map(_in_part, faint))),
    )


def lines_of(found: Judgement, *, bar: float) -> list[str]:
    """Return a judgement as lines of text."""
    few, parts = found.unsupported
    shares = (f"{name}: {own} of {every}" for name, (own, every) in (("bright", found.bright), ("dark", found.dark)))
    lines = [
        f"{found.entries} entries",
        f"beyond {bar:g} sigma, {'; '.join(shares)}",
        f"words against the sign: {len(found.contradicting)}",
        f"within {bar / 2:g} sigma in the mean of all frames: {few}, of them {parts} jump, appeared later or healed",
    ]
    lines += [f"  missed x {x}, y {y}: {sigma:+.1f}" for x, y, sigma in found.missed[:20]]
    return lines + [f"  against its sign x {one.x}, y {one.y}: {one.kind}" for one in found.contradicting[:20]]


def dark_currents(darks: NDArray[np.float64], time: NDArray[np.float64], ceiling: float) -> NDArray[np.float64]:
    """Return each photosite's dark current by least squares over darks, DN a second, ``(N,)``.

    Parameters
    ----------
    darks
        Values of N photosites in n darks, DN, ``(N, n)``.
    time
        Shutter times, ``(n,)``.
    ceiling
        DN from which a value is clipped, and counts for nothing.

    Notes
    -----
    Fitted is ``D min(t, T) + b``, with any T: some photosites add no more beyond one.
    """
    found, least = np.zeros(len(darks)), np.full(len(darks), np.inf)
    for last in np.geomspace(time.min(), time.max(), 100)[::-1]:  # where two do as well, the longer time counts
        for i, values in enumerate(darks):
            use = values < ceiling
            if np.unique(np.minimum(time, last)[use]).size < 2:
                continue
            design = np.stack([np.minimum(time, last)[use], np.ones(use.sum())], axis=1)
            solved = np.linalg.lstsq(design, values[use], rcond=None)[0]
            misfit = float(((design @ solved - values[use]) ** 2).sum())
            if misfit < least[i] - 1e-9:
                found[i], least[i] = solved[0], misfit
    return found


def darks_lines(
    sensor_map: SensorMap, darks: NDArray[np.float64], time: NDArray[np.float64], ceiling: float
) -> list[str]:
    """Return what darks, ``(n, H, W)`` on the raw grid, tell of a map, as lines of text."""
    mean, mask = darks.mean(axis=0), sensor_map.mask()
    bright = mean >= _BRIGHT_IN_DARKS * ceiling
    told = [one for one in sensor_map.defects if one.dark_dn_per_s is not None]
    true = dark_currents(np.array([darks[:, one.y, one.x] for one in told]).reshape(-1, len(time)), time, ceiling)
    inside = [
        low <= truth <= high
        for (_, low, high), truth in zip([one.dark_dn_per_s or (0, 0, 0) for one in told], true.tolist(), strict=True)
    ]
    hot = [one.kind == DefectKind.HOT for one in told]
    listed = f"{np.count_nonzero(bright & mask)} of {np.count_nonzero(bright)}"
    return [
        f"8 of 255 and more in the darks' mean, listed: {listed}",
        f"dark currents inside their intervals: {sum(inside)} of {len(inside)}",
        f"of them of hot ones: {sum(a and b for a, b in zip(inside, hot, strict=True))} of {sum(hot)}",
    ]


def _in_part(one: Defect) -> bool:
    """Tell whether an entry says itself that not all frames show it."""
    later = one.onset is not None and one.onset.after is not None
    return one.kind in PARTIAL or one.until is not None or later


def _scores(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the residuals of one plane of one frame over the noise of their tiles, within 8 sigma."""
    size = 2 * _RADIUS + 1
    padded = np.pad(plane, _RADIUS, mode="reflect")
    residual = np.empty(plane.shape, np.float32)
    for row in range(0, plane.shape[0], _BAND):
        rows = padded[row : row + _BAND + 2 * _RADIUS]
        windows = sliding_window_view(rows, (size, size))
        residual[row : row + _BAND] = plane[row : row + _BAND] - np.median(windows, axis=(2, 3))
    scores = np.empty(plane.shape)
    for row in range(0, plane.shape[0], _TILE):
        for col in range(0, plane.shape[1], _TILE):
            tile = residual[row : row + _TILE, col : col + _TILE]
            noise = max(1.4826 * float(np.median(np.abs(tile))), _LEAST_NOISE)
            scores[row : row + _TILE, col : col + _TILE] = tile / noise
    return np.clip(scores, -8, 8)


def main() -> None:
    """Judge one map."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--profile", help="camera profile, as for map")
    parser.add_argument("--darks", help="part of the names of photos that are darks")
    parser.add_argument("--bar", type=float, default=10.0, help="sigmas from which a photosite stands out for certain")
    arguments = parser.parse_args()
    photos, _ = read_photos(find_photos(arguments.photos, images=arguments.profile is not None), jobs=2)
    sensor_map = read_map(arguments.map)
    profile = get_profile(arguments.profile) if arguments.profile else find_profile(sensor_map.body)
    profile = geometry_of(tuple(photos), profile)
    area = profile.active_area

    def frames() -> Iterator[NDArray[np.int32]]:
        for photo in photos:
            try:
                yield read_frame(photo, profile).mosaic[area.slices].astype(np.int32)
            except SensorMapError as error:
                print(f"left out: {error}")

    found = judge(mean_sigmas(frames(), profile.cfa.shifted(x=area.x, y=area.y)), sensor_map, bar=arguments.bar)
    for line in lines_of(found, bar=arguments.bar):
        print(line)
    if arguments.darks:
        named = [photo for photo in photos if arguments.darks in photo.path.name]
        darks = np.stack([read_frame(photo, profile).mosaic.astype(np.float64) for photo in named])
        time = np.array([photo.exposure.shutter_s for photo in named], np.float64)
        for line in darks_lines(sensor_map, darks, time, float(profile.saturation)):
            print(line)


if __name__ == "__main__":
    main()
