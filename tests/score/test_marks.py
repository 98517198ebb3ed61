"""Marks: outlying scores with company, and how many two frames have in common."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.score.marks import Marks, bits_of, find_marks, share_marks
from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from tests.support.frames import SATURATION, make_mosaic
from tests.support.scores import scores

STEPS = pytest.mark.parametrize("step", [1, 2])


def test_frames_of_different_sizes_are_not_compared() -> None:
    places = np.arange(0, 4000, 7, dtype=np.int32)
    assert not share_marks(Marks(places, places, 5000), Marks(places, places, 5001))


@STEPS
def test_marks_are_outlying_scores_with_company_across_a_corner(step: int) -> None:
    """Slowly, where the sample is the whole frame: look at every photosite and its four diagonal neighbours."""
    shape = (40, 30)
    mosaic = make_mosaic(4, shape=shape, step=step, read_noise=30).astype(np.int64)
    mosaic[10:12, 12:14] += 2000
    mosaic[20, 20] += 2000
    mosaic[31, 5:8] -= 600
    padded = pad(np.clip(mosaic, 0, SATURATION).astype(np.int16), step)
    noise = fit_noise(padded, step, clipping=(0, SATURATION))
    before = padded.copy()
    found = find_marks(padded, noise)
    assert_array_equal(padded, before)
    score = scores(padded, noise)
    assert found.area == score.size
    outlying, marked = [], []
    for number, sign in enumerate((1, -1)):
        far = score * sign >= 20
        for row, col in np.argwhere(far).tolist():
            place = number * score.size + row * shape[1] + col
            outlying.append(place)
            # Strips of eight rows are looked at one by one.
            strip = row // 8 * 8
            corners = [(row + i, col + j) for i in (-1, 1) for j in (-1, 1)]
            inside = [(r, c) for r, c in corners if strip <= r < strip + 8 and 0 <= c < shape[1]]
            if any(far[r, c] for r, c in inside):
                marked.append(place)
    assert found.outlying.tolist() == sorted(outlying)
    assert found.marked.tolist() == sorted(marked)
    assert len(marked) >= 4


def test_a_few_dozen_marks_have_to_agree() -> None:
    places = np.arange(0, 25 * 3000, 3000, dtype=np.int32)
    assert share_marks(Marks(places, places, 50_000), Marks(places, places, 50_000))
    assert not share_marks(Marks(places[1:], places[1:], 50_000), Marks(places[1:], places[1:], 50_000))
    # Beside 175 others on either side 25 are more than 13 %, beside 200 less.
    for others, expected in ((150, True), (200, False)):
        mine, theirs = (np.concatenate([places, first + 371 * np.arange(others)]) for first in (100, 230))
        pair = [Marks(*[np.sort(part).astype(np.int32)] * 2, 50_000) for part in (mine, theirs)]
        assert share_marks(*pair) == expected


def test_the_bits_of_places_are_those_of_flags() -> None:
    places = np.sort(np.random.default_rng(5).choice(2 * 1234, 700, replace=False)).astype(np.int32)
    flags = np.zeros(2 * 1234, np.bool_)
    flags[places] = True
    assert_array_equal(bits_of(places, 1234), np.packbits(flags, bitorder="little"))


def share_marks_slowly(one: Marks, other: Marks) -> bool:
    """Say what `share_marks` says, by counting everything."""
    poorer = min(one.marked.size, other.marked.size)
    common = np.intersect1d(one.marked, other.marked).size
    shifts = (-50, -34, -18, 18, 34, 50)
    moved = [np.isin((other.marked + shift) % (2 * one.area), one.marked).sum() for shift in shifts]
    lone = max(np.intersect1d(one.outlying, other.outlying).size - common, 0)
    excess = common - np.mean(moved) - 8 * lone**2 / (2 * one.area)
    return bool(poorer >= 25 and excess >= max(25, 0.13 * poorer))


@pytest.mark.parametrize("seed", range(60))
def test_leaving_early_changes_nothing(seed: int) -> None:
    """Frames share a few or many marks, in few or many places of all, among outlying scores that persist or do not."""
    rng = np.random.default_rng(seed)
    area = int(rng.choice([40, 1500, 20_000, 200_000]))

    def some(most: int) -> list[int]:
        return rng.integers(0, 2 * area, rng.integers(0, most)).tolist()

    shared, persistent, pair = some(int(rng.choice([60, 400]))), some(area // 10), []
    for _ in range(2):
        marked = {*shared, *some(int(rng.choice([30, 300, 3000])))}
        outlying = marked | {*persistent, *some(area // 20 + 1)}
        pair.append(Marks(*(np.array(sorted(places), np.int32) for places in (outlying, marked)), area))
    expected = share_marks_slowly(*pair)
    assert share_marks(*pair) == expected
    assert share_marks(*pair, bits_of(pair[0].marked, area)) == expected
    assert share_marks(pair[1], pair[0]) == expected
