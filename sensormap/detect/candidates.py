"""Candidates: photosites that differ from the healthy ones of their plane by more than chance and effect allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormap.camera.cfa import Cfa
from sensormap.detect.nulls import nulls_of
from sensormap.detect.tally import Tally
from sensormap.detect.votes import BlockVotes
from sensormap.settings import FEW_FRAMES, Thresholds


@dataclass(frozen=True)
class Candidates:
    """Photosites that the first pass singles out, ascending by row and column.

    Parameters
    ----------
    row, col
        Positions in the active area, ``(N,)``.
    score
        The larger of what mean score and votes say, in standard deviations of what healthy photosites do: ``(N,)``.
    """

    row: NDArray[np.int32]
    col: NDArray[np.int32]
    score: NDArray[np.float64]


def find_candidates(tally: Tally, block_votes: Sequence[BlockVotes], cfa: Cfa, thresholds: Thresholds) -> Candidates:
    """Return the photosites whose mean score or votes stand out.

    Parameters
    ----------
    tally
        Sums over all frames of the active area.
    block_votes
        Results of the blocks of votes.
    cfa
        Filter pattern as read from the active area's corner.
    thresholds
        Distances that stand out.

    Notes
    -----
    A mean score is compared with those of its plane, see `nulls`. A photosite that was clipped with its surroundings in
    some of the frames has fewer scores to its mean, and is compared with a wider distribution in proportion.
    """
    # A mean of few scores has the tails of single ones: the edges of two scenes meet in many places.
    mean_sigma = thresholds.mean_sigma * math.sqrt(max(FEW_FRAMES / max(tally.frames, 1), 1))
    step, width = cfa.step, tally.shape[1]
    centre, scale = nulls_of(tally, cfa)
    # Few exceed even the lower of the two bars: only those are looked at closely.
    place = tally.beyond(centre, np.maximum(np.float32(thresholds.effect_sigma), np.float32(mean_sigma) * scale))
    row, col = place // width, place % width
    phase = row % step, col % step
    seen = np.maximum(tally.frames - tally.hidden[row, col].astype(np.int64), 1).astype(np.float32)
    effect = tally.mean_score((row, col)) - centre[phase]
    deviation = effect / scale[phase] * np.sqrt(seen / np.float32(max(tally.frames, 1)))
    passes = np.abs(deviation) > mean_sigma
    strongest: dict[int, float] = dict(zip(place[passes].tolist(), np.abs(deviation[passes]).tolist(), strict=True))
    for votes in block_votes:
        for index, sigmas in zip(votes.index.tolist(), votes.score.astype(np.float32).tolist(), strict=True):
            strongest[index] = max(strongest.get(index, 0.0), sigmas)
    found = np.array(sorted(strongest), np.int32)
    score = np.array([strongest[index] for index in found.tolist()], np.float64)
    return Candidates(found // np.int32(width), found % np.int32(width), score)
