"""Lines: partial columns and rows whose photosites deviate together, each of them too little to stand out alone.

The mean scores of a healthy line scatter about their plane's centre; those of a bad stretch lie to one side of it.
Deviations, ``(mean - centre) / scale`` with the plane's median and robust spread, are added up along every line of
every plane; where a sum rises higher than chance explains, there is a run. Runs that are parts of one line become one,
those that another one makes of its neighbours are dropped, and each is compared with the lines beside it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import MONO, Cfa
from sensormap.detect.line_walks import TILE, background_of, chance_height, deviate, raise_walks, runs_along, steepest
from sensormap.detect.nulls import in_one_scale
from sensormap.detect.tally import Tally
from sensormap.score.medians import SIGMA_PER_MAD, median_of
from sensormap.score.scores import SCORE_LIMIT, SCORES_PER_SIGMA
from sensormap.settings import require_positive

# Beside a bad line three of eight neighbours are bad: their median moves by up to 0.4 of the effect, the other way.
_OPPOSITE_SHARE = 0.6

# So many photosites give a plane's centre and scale to 0.3 %.
_SAMPLED = 2**18

# The drift is half the least effect, where faint lines rise most surely; beyond these, chance or clipping would rule.
_DRIFTS = (0.25, 1.0)

# Neighbours on either side that say how much equally long runs deviate by chance.
_NEIGHBOURS = 64

# Significance that a plane needs at a place where the other plane already shows a line, and its share of the least
# effect.
_FELLOW_SCORE, _FELLOW_SHARE = 4.0, 0.5


@dataclass(frozen=True, order=True)
class DeviatingLine:
    """A partial column or row of the active area.

    Parameters
    ----------
    axis
        Direction of the line.
    place
        Its column, or its row.
    first, last
        First and last of its rows, or of its columns, both inclusive.
    phases
        Parities of the affected positions along the line; ``(0,)`` for a sensor without filters, and all of the
        pattern's places, 0 to 5, for X-Trans.
    effect
        Typical deviation in sigma of one frame, negative for dark: the mean of the phases' medians.
    score
        Size of the effect in robust standard deviations of equally long runs in the lines beside it.
    """

    axis: Literal["column", "row"]
    place: int
    first: int
    last: int
    phases: tuple[int, ...]
    effect: float
    score: float


@dataclass(frozen=True)
class LineLimits:
    """What makes a line.

    Parameters
    ----------
    effect_sigma
        Least deviation, in units of one frame's noise.
    lone_frames
        Frames that must not make a line by themselves: the deviation is at least what so many of them, each with the
        highest of scores, make in the mean. The edge of a roof runs along a row in one frame, seldom in two.
    shortest
        Least length in photosites of one plane.
    gap
        Healthy photosites of the raw grid, between two runs of a line, that are counted as part of it.
    score
        Least significance in robust standard deviations of equally long runs.
    false_lines
        False lines that a sensor may be expected to yield.

    Raises
    ------
    ValueError
        If one of them is not positive.
    """

    effect_sigma: float = 0.25
    lone_frames: float = 2.0
    shortest: int = 24
    gap: int = 32
    score: float = 7.0
    false_lines: float = 0.001

    def __post_init__(self) -> None:
        require_positive(**vars(self))


FOLLOWED = LineLimits(effect_sigma=0.1, lone_frames=0.5, score=6.0, false_lines=0.1)
"""Limits where each line is followed through the frames, which tell what a few of them or chance have made: lower."""

EARLY = LineLimits(effect_sigma=0.08, lone_frames=0.25, shortest=16, score=4.0, false_lines=1.0)
"""Limits while most frames are still to come, which may raise what does not stand out yet: lower still."""

_BAND = 16  # rows whose intermediate results stay in the cache


def find_lines(
    mean: NDArray[np.float32], seen: NDArray[Any], cfa: Cfa, *, limits: LineLimits | None = None
) -> tuple[DeviatingLine, ...]:
    """Return the partial columns and rows, sorted by (axis, place, first).

    Parameters
    ----------
    mean
        Mean score of each photosite of the active area, in sigma of one frame, ``(H, W)``. Values that are not finite
        count as never seen.
    seen
        Frames that went into each mean, ``(H, W)``: few of them make a mean that says less.
    cfa
        Filter pattern as read from the active area's corner.
    limits
        Limits of what makes a line; None means the defaults.

    Notes
    -----
    Lines are sought in each plane, then measured on the raw grid, where a column crosses two. A smooth background
    is taken off: what is some 8 photosites of a plane wide is not a line but an area. A line makes weaker ones of the
    opposite sign on either side of it, through the median of the neighbours; they are left out, and so is a true line
    that is weaker than 0.6 of an opposite one of the same plane beside it. A line of an X-Trans sensor crosses three
    classes of photosites in no order: all its photosites are taken together, each in the scale of its class.

    Examples
    --------
    >>> mean = np.random.default_rng(1).normal(0, 0.15, (400, 600)).astype(np.float32)
    >>> mean[100:300, 7] -= 0.5
    >>> line, = find_lines(mean, np.full(mean.shape, 60), Cfa("GBRG"))
    >>> line.axis, line.place, abs(line.first - 100) < 4, abs(line.last - 299) < 4, line.phases
    ('column', 7, True, True, (0, 1))
    """
    limits = limits or LineLimits()
    columns = _mean_scores(mean, seen, cfa)
    rows = columns.turned()
    of_few = limits.lone_frames * SCORE_LIMIT / SCORES_PER_SIGMA / columns.most_seen
    limits = replace(limits, effect_sigma=max(limits.effect_sigma, of_few))
    of_columns, of_rows = list[DeviatingLine](), list[DeviatingLine]()
    for row, col in np.ndindex(*columns.scale.shape):
        deviations = columns.deviations(row, col, np.s_[:], np.s_[:])
        of_columns += _scan(columns, row, col, limits, deviations)
        of_rows += _scan(rows, col, row, limits, deviations.T)
    for scores, runs in ((columns, of_columns), (rows, of_rows)):
        for _ in range(2):  # a second time for what the other plane has added
            runs[:] = [line for run in joined(runs, limits.gap) for line in _measured(scores, run, limits)]
    found = (line for lines in (of_columns, of_rows) for line in without_side_effects(lines, cfa.beside))
    every = tuple(range(cfa.step)) if cfa.is_xtrans else None
    return tuple(sorted(found if every is None else (replace(line, phases=every) for line in found)))


def lines_in_means(tally: Tally, cfa: Cfa, *, limits: LineLimits | None = None) -> tuple[DeviatingLine, ...]:
    """Return the columns and rows that deviate in the mean of all frames.

    Parameters
    ----------
    tally
        Sums over the frames.
    cfa
        Filter pattern as read from the active area's corner.
    limits
        Limits of what makes a line, such as `FOLLOWED` or `EARLY`; None means the defaults.
    """
    mean = np.empty(tally.shape, np.float32)
    for first in range(0, tally.shape[0], _BAND):
        mean[first : first + _BAND] = tally.mean_score(np.s_[first : first + _BAND])
    return find_lines(mean, tally.count, cfa, limits=limits)


def joined(runs: Sequence[DeviatingLine], gap: int) -> list[DeviatingLine]:
    """Return the runs with those of one line and sign joined that follow, or that share more than half of both.

    Parameters
    ----------
    runs
        Runs along one axis, in any order.
    gap
        Photosites of the raw grid that may lie between two runs of the same phases.
    """
    found: list[DeviatingLine] = []
    for run in sorted(runs):
        for i, other in enumerate(found):
            if run.place != other.place or (run.effect < 0) != (other.effect < 0):
                continue
            overlap = shared(run, other)
            longer = max(run.last - run.first, other.last - other.first) + 1
            common = {*run.phases} & {*other.phases}
            if overlap >= -gap if run.phases == other.phases else overlap > (0 if common else longer / 2):
                phases = tuple(sorted({*run.phases, *other.phases}))
                first, last = min(run.first, other.first), max(run.last, other.last)
                found[i] = replace(other, phases=phases, first=first, last=last)
                break
        else:
            found.append(run)
    return found


def without_side_effects(lines: Sequence[DeviatingLine], beside: Collection[int]) -> list[DeviatingLine]:
    """Return the lines that stronger ones of their plane, opposite beside them or in the same place, do not explain.

    Parameters
    ----------
    lines
        Lines along one axis, in any order.
    beside
        How many rows or columns away the photosites lie that one is compared with, as `Cfa.beside`.
    """
    kept: list[DeviatingLine] = []
    for line in sorted(lines, key=lambda line: (-abs(line.effect), line)):
        alike = [other for other in kept if {*other.phases} & {*line.phases} and shared(line, other) > 0]
        opposite = sum(
            abs(other.effect)
            for other in alike
            if abs(other.place - line.place) in beside
            and (other.effect < 0) != (line.effect < 0)
            and 2 * shared(line, other) > line.last - line.first + 1
        )
        if abs(line.effect) >= _OPPOSITE_SHARE * opposite and all(other.place != line.place for other in alike):
            kept.append(line)
    return kept


def shared(line: DeviatingLine, other: DeviatingLine) -> int:
    """Return how many rows (columns) both of two lines have; negative, how many lie between them.

    Examples
    --------
    >>> shared(DeviatingLine("row", 3, 10, 19, (0,), 1.0, 9.0), DeviatingLine("row", 3, 15, 30, (0,), 1.0, 9.0))
    5
    """
    return min(line.last, other.last) - max(line.first, other.first) + 1


@dataclass(frozen=True)
class _MeanScores:
    """Mean scores turned so that lines are columns, with centre and scale by (row, column) phase."""

    axis: Literal["column", "row"]
    mean: NDArray[np.float32]
    seen: NDArray[Any]
    most_seen: int
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]

    @property
    def step(self) -> int:
        return int(self.centre.shape[0])

    def turned(self) -> _MeanScores:
        return _MeanScores("row", self.mean.T, self.seen.T, self.most_seen, self.centre.T, self.scale.T)

    def deviations(self, row: int, col: int, rows: slice, cols: slice) -> NDArray[np.float32]:
        """Return deviations of the plane at (row, col) in its scale, those of few frames' means drawn in, clipped."""
        mean, seen = (part[row :: self.step, col :: self.step][rows, cols] for part in (self.mean, self.seen))
        out = np.empty(mean.shape, np.float32)
        drawn_in = np.sqrt(np.arange(self.most_seen + 1) / np.float32(self.most_seen), dtype=np.float32)
        deviate(mean, seen, self.centre[row, col], self.scale[row, col], drawn_in, out)
        return out

    def line(self, row: int, col: int, i: int, part: range) -> NDArray[np.float32]:
        """Return deviations along line `i` of a plane, less the background as its nearer neighbours show it."""
        line = np.empty(len(part), np.float32)
        first = max(i - TILE, 0)
        block = self.deviations(row, col, slice(part.start, part.stop), slice(first, i + TILE + 1))
        for start in range(0, line.size, TILE):
            strip = block[start : start + TILE]
            line[start : start + TILE] = strip[:, i - first] - background_of(strip)[i - first]
        return line


def _mean_scores(mean: NDArray[np.float32], seen: NDArray[Any], cfa: Cfa) -> _MeanScores:
    """Return the mean scores with their planes' null distributions; the scale of an odd plane is infinite."""
    finite = np.isfinite(mean)
    if not finite.all():
        mean, seen = np.where(finite, mean, np.float32(0)), np.where(finite, seen, 0)
    if cfa.is_xtrans:
        mean, cfa = in_one_scale(mean, seen, cfa, sampled=_SAMPLED), Cfa(MONO)
    centre, scale = np.zeros((2, cfa.step, cfa.step), np.float32)
    for plane in cfa.planes:
        thin = 1 + plane.view(mean).size // _SAMPLED
        sample = plane.view(mean)[::thin][plane.view(seen)[::thin] > 0]
        middle = median_of(sample) if sample.size else np.float32(0)
        spread = SIGMA_PER_MAD * float(median_of(np.abs(sample - middle))) if sample.size else 0.0
        centre[plane.row, plane.col], scale[plane.row, plane.col] = middle, spread or np.inf
    return _MeanScores("column", mean, seen, int(seen.max(initial=1)), centre, scale)


def _scan(
    scores: _MeanScores, row: int, col: int, limits: LineLimits, deviations: NDArray[np.float32]
) -> Iterator[DeviatingLine]:
    """Yield the runs of one plane that rise too high for chance; their effect is but a sign."""
    scale = float(scores.scale[row, col])
    length, number = deviations.shape
    if length < limits.shortest or not number or not math.isfinite(scale):
        return
    drift = float(np.clip(limits.effect_sigma / scale / 2, *_DRIFTS))
    height, highest = np.zeros((2, 2, number), np.float32)
    for start in range(0, length, TILE):
        strip = np.ascontiguousarray(deviations[start : start + TILE])
        raise_walks(strip, background_of(strip), np.float32(drift), height, highest)
    chance = limits.false_lines / (4 * scores.scale.size * number)  # two axes, two signs
    bar = chance_height(highest, drift, chance=chance, length=length)
    for dark, i in np.argwhere(highest > bar).tolist():
        line = scores.line(row, col, i, range(length))
        for first, last in runs_along(-line if dark else line, drift, bar, limits.gap // scores.step):
            ends = (row + scores.step * first, row + scores.step * last)
            yield DeviatingLine(scores.axis, col + scores.step * i, *ends, (row,), -1.0 if dark else 1.0, 0.0)


def _measured(scores: _MeanScores, run: DeviatingLine, limits: LineLimits) -> Iterator[DeviatingLine]:
    """Yield a run with its phases, ends, effect and score, if it is a line."""
    sign = math.copysign(1.0, run.effect)
    alone = [_effect(scores, run, (phase,)) for phase in range(scores.step)]
    effects = {
        phase: sign * effect
        for phase, (effect, score) in enumerate(alone)
        if score >= _FELLOW_SCORE and sign * effect >= _FELLOW_SHARE * limits.effect_sigma
    }
    if not effects:
        return
    if float(np.mean([*effects.values()])) < limits.effect_sigma:
        effects = dict([max(effects.items(), key=lambda item: item[1])])
    run = _with_ends(scores, replace(run, phases=tuple(effects)))
    # Of two photosites of a plane there is one of the other in between.
    if (run.last - run.first) // scores.step + 1 < max(limits.shortest, 2):
        return
    effect, score = _effect(scores, run, run.phases)
    if sign * effect >= limits.effect_sigma and score >= limits.score:
        yield replace(run, effect=effect, score=score)


def _effect(scores: _MeanScores, run: DeviatingLine, phases: tuple[int, ...]) -> tuple[float, float]:
    """Return effect and score of some phases of a run against the same stretch of the lines beside it."""
    own = run.place // scores.step
    start = max(own - _NEIGHBOURS, 0)
    middles, variance = [], 0.0
    for phase in phases:
        rows = slice(run.first + (phase - run.first) % scores.step, run.last + 1, scores.step)
        block = scores.mean[rows, run.place % scores.step :: scores.step][:, start : own + _NEIGHBOURS + 1]
        middles.append(np.median(block, axis=0))
        # Of the median of independent normal numbers: what few neighbours say by chance is not believed below it.
        variance += math.pi / 2 * float(scores.scale[phase, run.place % scores.step]) ** 2 / max(block.shape[0], 1)
    middle = np.mean(middles, axis=0)
    effects = middle - background_of(middle[np.newaxis])
    spread = max(SIGMA_PER_MAD * float(np.median(np.abs(effects))), math.sqrt(variance) / len(phases))
    effect = float(effects[own - start])
    return effect, abs(effect) / spread


def _with_ends(scores: _MeanScores, run: DeviatingLine) -> DeviatingLine:
    """Return a run with its most likely ends, given the effect of each of its phases."""
    low = max(run.first - TILE, 0)
    # Logarithm of the likelihood of the effect over that of none, photosite by photosite.
    gain = np.zeros(min(run.last + TILE + 1, scores.mean.shape[0]) - low)
    for phase in run.phases:
        own = gain[(phase - low) % scores.step :: scores.step]
        start = (low - phase + scores.step - 1) // scores.step
        line = scores.line(phase, run.place % scores.step, run.place // scores.step, range(start, start + own.size))
        effect = np.median(line[(run.first - low) // scores.step : (run.last - low) // scores.step + 1])
        own[:] = effect * (line - effect / 2)
    first, last, height = steepest(gain)
    if not height > 0:
        return run
    if len(run.phases) < scores.step:
        first += (run.phases[0] - low - first) % scores.step
    return replace(run, first=low + first, last=low + last)
