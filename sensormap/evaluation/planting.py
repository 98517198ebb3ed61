"""Planting: defects of known kind and strength added to decoded frames, to see how many of them are found.

The generator of test photos has a planting of its own, on purpose: it knows the light, adds defects before the noise,
and must not share an error with what it tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensormap.frame import Mosaic
from sensormap.maps.entries import DefectKind
from sensormap.settings import FULL_SCALE

# Shares of the kinds, and the range of their strengths for a camera of 12 bits, even by ratio: from what hardly shows
# to what glares.
_SHARES = {
    DefectKind.HOT: 0.30,
    DefectKind.OFFSET: 0.22,
    DefectKind.STUCK: 0.14,
    DefectKind.DEAD: 0.08,
    DefectKind.WEAK: 0.14,
    DefectKind.NOISY: 0.12,
}
_DARK, _OFFSET, _LEVEL, _LOSS, _JUMP = (300, 60_000), (10, 1500), (40, 3800), (0.06, 0.9), (40, 1500)
_WITH_OFFSET = 0.4  # of hot photosites have an offset too,
_FAINTER = 5  # which is so many times fainter than that of others
_PRESENT = (0.4, 0.8)  # range of the shares of the frames in which noisy ones are bright
_APPEARING = 0.5  # of all appear during the series, between these shares of its frames
_ONSETS = (0.1, 0.85)
_APART = 6  # photosites that keep planted ones from each other and from known defects
_ATTEMPTS = 10  # draws for each defect before there is taken to be no room


@dataclass(frozen=True)
class Planted:
    """One planted defect: its place, its strengths, and the first frame that has it.

    Parameters
    ----------
    row, col
        Place in the active area.
    kind
        Kind of defect.
    dark_dn_per_s, offset_dn, response
        D, b and m of the law in `DefectKind`, at base ISO.
    level
        DN that it is stuck at, or dead; None of other kinds.
    jump
        DN at base ISO by which a noisy one is brighter in some of its frames.
    share
        Share of those frames.
    born
        Capture time of its first frame; None if all have it.
    """

    row: int
    col: int
    kind: DefectKind
    dark_dn_per_s: float = 0.0
    offset_dn: float = 0.0
    response: float = 1.0
    level: int | None = None
    jump: float = 0.0
    share: float = 0.0
    born: datetime | None = None


@dataclass(frozen=True)
class Light:
    """One frame's settings and noise.

    Parameters
    ----------
    gain, shutter_s
        Gain relative to ISO 100 and shutter time in seconds; 1 and 0 where unknown.
    floor, saturation
        Lowest and highest DN that a photosite can have, black subtracted.
    photon
        Variance that each DN of signal adds, DN.
    """

    gain: float
    shutter_s: float
    floor: int
    saturation: int
    photon: float


def draw_defects(
    shape: tuple[int, int],
    times: list[datetime],
    *,
    count: int,
    saturation: int,
    avoid: Collection[tuple[int, int]],
    seed: int,
) -> tuple[Planted, ...]:
    """Draw defects at random.

    Parameters
    ----------
    shape
        ``(H, W)`` of the active area.
    times
        Capture times of the frames, ascending; with fewer than two nothing appears late.
    count
        Number of defects to draw; fewer where there is no room.
    saturation
        DN at which a photosite clips, black subtracted: strengths scale with it.
    avoid
        (row, col) of known defects, in the active area.
    seed
        Seed of the random draws; the same seed draws the same defects.

    Returns
    -------
    tuple of Planted
        Sorted by (row, col).
    """
    rng = np.random.default_rng([seed, 0x9A7])
    free = np.ones(shape, np.bool_)
    for row, col in avoid:
        free[_near(row, col)] = False
    found: list[Planted] = []
    for _ in range(_ATTEMPTS * count):
        if len(found) == count:
            break
        row, col = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
        if free[row, col]:
            free[_near(row, col)] = False
            found.append(_draw(row, col, times, saturation, rng))
    return tuple(sorted(found, key=lambda one: (one.row, one.col)))


def plant(
    active: Mosaic, planted: tuple[Planted, ...], time: datetime | None, light: Light, *, seed: list[int]
) -> NDArray[np.float64]:
    """Add defects to a frame in place.

    Parameters
    ----------
    active
        The frame's active area, DN; changed.
    planted
        N defects.
    time
        Capture time of the frame; None has all defects.
    light
        Settings and noise of the frame.
    seed
        Seed of the noise, and of the frames in which noisy ones jump.

    Returns
    -------
    ndarray of float64, shape (N,)
        Change that each made without noise, DN; NaN for those that have not appeared yet.
    """
    rng = np.random.default_rng(seed)
    changed = np.full(len(planted), np.nan)
    draws = rng.random(len(planted)), rng.standard_normal(len(planted))
    for i, (one, chance, noise) in enumerate(zip(planted, *draws, strict=True)):
        if one.born is not None and time is not None and time < one.born:
            continue
        before = float(active[one.row, one.col])
        added = light.gain * (one.offset_dn + one.dark_dn_per_s * light.shutter_s + one.jump * (chance < one.share))
        ideal = before * one.response + added if one.level is None else float(one.level)
        sigma = np.sqrt(light.photon * max(added, 0.0)) if one.level is None else 0.0
        shown = np.clip(np.rint([ideal, ideal + sigma * noise]), light.floor, light.saturation)
        changed[i] = shown[0] - before
        active[one.row, one.col] = shown[1]
    return changed


def _draw(row: int, col: int, times: list[datetime], saturation: int, rng: np.random.Generator) -> Planted:
    """Draw one defect's kind, strengths and onset."""
    kind = list(_SHARES)[int(rng.choice(len(_SHARES), p=list(_SHARES.values())))]
    scale = saturation / FULL_SCALE

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    born = None
    if len(times) > 1 and rng.random() < _APPEARING:
        born = times[max(int(rng.uniform(*_ONSETS) * len(times)), 1)]
    dark = between(*_DARK) * scale if kind == DefectKind.HOT else 0.0
    beside = kind == DefectKind.HOT and rng.random() < _WITH_OFFSET
    offset = between(*_OFFSET) * scale / (_FAINTER if beside else 1) if kind == DefectKind.OFFSET or beside else 0.0
    level = {DefectKind.STUCK: round(between(*_LEVEL) * scale), DefectKind.DEAD: 0}.get(kind)
    response = 1 - between(*_LOSS) if kind == DefectKind.WEAK else 1.0
    noisy = kind == DefectKind.NOISY
    jump, share = (between(*_JUMP) * scale, float(rng.uniform(*_PRESENT))) if noisy else (0.0, 0.0)
    return Planted(row, col, kind, dark, offset, response, level, jump, share, born)


def _near(row: int, col: int) -> tuple[slice, slice]:
    """Return the photosites that are too near to another defect."""
    return slice(max(row - _APART, 0), row + _APART + 1), slice(max(col - _APART, 0), col + _APART + 1)
