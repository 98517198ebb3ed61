"""Smears: what a camera's JPEG spreads of one defect over many pixels, taken back to its centre.

A defective photosite shows in a JPEG as a cross or blob of three to seven pixels, with a halo from sharpening around
it; compression adds ripples in the same block of 16 x 16 pixels. All of them persist from photo to photo as the defect
does, but are weaker than its centre. So of the candidates that one defect can explain only the strongest is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.detect.candidates import Candidates
from sensormap.detect.runs import CandidateRun, find_columns
from sensormap.detect.tally import Outliers
from sensormap.settings import SMEAR

# Side of the block that is compressed as one where chroma is halved both ways; ripples seldom reach 2/3 of the score of
# their cause or, since scores are clipped, a quarter of its excess.
_BLOCK, _RIPPLE, _RIPPLE_EXCESS = 16, 2 / 3, 1 / 4

# Ripples of a line run along it on both sides, as far as the block goes.
_BESIDE_LINE = 8

# Two defects side by side show alike in the same frames; a smear is fainter, and in fewer. In five simulated sets of
# three developments, 44 of 50 true pairs have at least these shares of score, excess and frames, and 2 of 995 smears,
# both between two defects.
_PAIR_EXCESS, _PAIR_SCORE, _PAIR_FRAMES, _FEWEST_FRAMES = 0.68, 0.85, 0.75, 5

# What lies between two defects deviates at most so many times as much as these.
_BETWEEN = 1.3

# The place is sure where no neighbour deviates nearly as much.
_NEARLY = 0.8


@dataclass(frozen=True)
class Centres:
    """The candidates that stand for a defect each.

    Parameters
    ----------
    which
        Positions among the candidates, ascending.
    radius
        Distance in pixels at which the true photosite may lie, 0 or 1.
    line
        Number of the bad column or row that each belongs to, 0 for none.
    """

    which: NDArray[np.intp]
    radius: NDArray[np.int64]
    line: NDArray[np.int64]


def find_centres(candidates: Candidates, outliers: Outliers, *, width: int, pairs: bool = True) -> Centres:
    """Return the centres of what is smeared.

    Parameters
    ----------
    candidates
        All candidates, by position in the JPEG.
    outliers
        Outlying scores, at least those of the candidates, sorted by (index, frame).
    width
        Width of the JPEG in pixels.
    pairs
        Whether two pixels side by side may be a defect each, which brightness alone does not tell.
    """
    row, col, score = candidates.row.astype(np.int64), candidates.col.astype(np.int64), candidates.score
    place = row * width + col
    ends = np.stack([np.searchsorted(outliers.index, place, side) for side in ("left", "right")], axis=1)
    excess = _total_excess(outliers, ends)
    run = _main_runs(candidates)
    kept: dict[tuple[int, int], list[int]] = {}

    def explained(weak: int, strong: int) -> bool:
        down, across = abs(int(row[weak] - row[strong])), abs(int(col[weak] - col[strong]))
        away = max(down, across)
        if run[weak] > 0 and run[weak] == run[strong]:
            return False
        if away <= SMEAR:
            near = score[weak] >= _PAIR_SCORE * score[strong] and excess[weak] >= _PAIR_EXCESS * excess[strong]
            return not (pairs and near and _alike(outliers[slice(*ends[weak])], outliers[slice(*ends[strong])]))
        together = row[weak] // _BLOCK == row[strong] // _BLOCK and col[weak] // _BLOCK == col[strong] // _BLOCK
        faint = score[weak] < _RIPPLE * score[strong] or excess[weak] < _RIPPLE_EXCESS * excess[strong]
        return bool((together or away <= _BLOCK // 2) and faint)

    # Scores are clipped, so that a glaring defect and its halo may have the same: the excess tells them apart.
    for i in np.lexsort((-score, -excess)).tolist():
        block = (int(row[i]) // _BLOCK, int(col[i]) // _BLOCK)
        near = [j for at in _around(block) for j in kept.get(at, ())]
        if run[i] >= 0 and not any(explained(i, j) for j in near):
            kept.setdefault(block, []).append(i)
    which = np.sort(np.array([i for members in kept.values() for i in members], np.intp))
    which = which[~_between(row[which], col[which], excess[which]) | (run[which] > 0)]
    return Centres(which, _radius(row, col, np.where(excess > 0, excess, score), which), run[which])


def smeared(places: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return all places that the smears of some photosites may cover, ascending.

    Parameters
    ----------
    places
        Positions ``row * W + col``, ``(N,)``.
    shape
        ``(H, W)`` of the JPEG.
    """
    reach = np.arange(-SMEAR, SMEAR + 1)
    row = np.clip(places[:, None, None] // shape[1] + reach[:, None], 0, shape[0] - 1)
    col = np.clip(places[:, None, None] % shape[1] + reach, 0, shape[1] - 1)
    return np.unique(row * shape[1] + col)


def strongest(places: NDArray[np.int64], evidence: NDArray[np.float64], width: int) -> NDArray[np.bool_]:
    """Tell which of some photosites have none of more evidence as near as a smear reaches, ``(N,)``.

    Parameters
    ----------
    places
        Positions ``row * W + col``, ``(N,)``, all different.
    evidence
        Evidence of each, in nats.
    width
        Width W of the JPEG in pixels.
    """
    known = dict(zip(places.tolist(), evidence.tolist(), strict=True))
    reach = range(-SMEAR, SMEAR + 1)
    around = [down * width + across for down in reach for across in reach]
    return np.array(
        [all(known.get(place + step, -np.inf) <= own for step in around) for place, own in known.items()], np.bool_
    )


def _between(row: NDArray[np.int64], col: NDArray[np.int64], excess: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which centres lie between two others, and deviate hardly more: both their smears meet there, ``(N,)``."""
    at = {place: i for i, place in enumerate(zip(row.tolist(), col.tolist(), strict=True))}
    found = np.zeros(row.size, np.bool_)
    for (y, x), i in at.items():
        for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
            sides = at.get((y - down, x - across)), at.get((y + down, x + across))
            if None not in sides:
                found[i] |= excess[i] < _BETWEEN * min(excess[side] for side in sides if side is not None)
    return found


def _around(block: tuple[int, int]) -> list[tuple[int, int]]:
    """Return a block and the eight around it."""
    return [(block[0] + i, block[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def _alike(one: Outliers, other: Outliers) -> bool:
    """Tell whether two photosites deviate the same way in nearly the same frames."""
    _, mine, others = np.intersect1d(one.frame, other.frame, assume_unique=True, return_indices=True)
    if mine.size < max(_PAIR_FRAMES * len(other), _FEWEST_FRAMES):
        return False
    excess, reference = (
        float(np.median(part.value[at] - part.level2[at] / 2)) for part, at in ((one, mine), (other, others))
    )
    return excess * reference > 0


def _total_excess(outliers: Outliers, ends: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how much each candidate's outlying values differ from their surroundings, added up over the frames."""
    size = np.abs(outliers.value - outliers.level2 / 2)
    sums = np.concatenate([[0.0], np.cumsum(size)])
    return np.asarray(sums[ends[:, 1]] - sums[ends[:, 0]], np.float64)


def _radius(
    row: NDArray[np.int64], col: NDArray[np.int64], size: NDArray[np.float64], which: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return 1 for each kept candidate that has a pixel beside it which deviates nearly as much, 0 for the others."""
    at = {(int(y), int(x)): float(s) for y, x, s in zip(row, col, size, strict=True)}
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return np.array(
        [
            max(at.get((int(row[i]) + y, int(col[i]) + x), 0.0) for y, x in around) >= _NEARLY * size[i]
            for i in which.tolist()
        ],
        np.int64,
    )


def _main_runs(candidates: Candidates) -> NDArray[np.int64]:
    """Return for each candidate the number of its bad column or row, 0 for none, -1 if it is the smear of one.

    Of runs side by side only the strongest is a bad line.
    """
    number = np.zeros(candidates.row.size, np.int64)
    count = 0
    for along, across in ((candidates.row, candidates.col), (candidates.col, candidates.row)):
        runs = find_columns(along, across)
        main: list[CandidateRun] = []
        for run in sorted(runs, key=lambda run: -float(candidates.score[run.members].sum())):
            if not any(abs(run.col - other.col) <= _BESIDE_LINE and _overlap(run, other) for other in main):
                main.append(run)
        for run in main:
            count += 1
            beside = (np.abs(across - run.col) <= SMEAR) & (along >= run.first - SMEAR) & (along <= run.last + SMEAR)
            number[beside & (number == 0)] = -1
            number[run.members] = count
    return number


def _overlap(one: CandidateRun, other: CandidateRun) -> bool:
    return one.first <= other.last and other.first <= one.last
