"""Paired outliers: outlying scores with another diagonally beside them, and how many two frames have in common."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sensormap.score.neighbours import pad
from sensormap.score.noise import fit_noise
from sensormap.score.paired_outliers import (
    PairedOutliers,
    bits_of,
    count_set,
    find_paired_outliers,
    list_outlying,
    share_paired_outliers,
)
from tests.support.frames import SATURATION, make_mosaic
from tests.support.scores import scores

STEPS = pytest.mark.parametrize("step", [1, 2])


def test_frames_of_different_sizes_are_not_compared() -> None:
    places = np.arange(0, 4000, 7, dtype=np.int32)
    assert not share_paired_outliers(PairedOutliers(places, places, 5000), PairedOutliers(places, places, 5001))


@STEPS
def test_paired_are_outlying_scores_with_another_across_a_corner(step: int) -> None:
    """Slowly, where the sample is the whole frame: look at every photosite and its four diagonal neighbours."""
    shape = (40, 30)
    mosaic = make_mosaic(4, shape=shape, step=step, read_noise=30).astype(np.int64)
    mosaic[10:12, 12:14] += 2000
    mosaic[20, 20] += 2000
    mosaic[31, 5:8] -= 600
    padded = pad(np.clip(mosaic, 0, SATURATION).astype(np.int16), step)
    noise = fit_noise(padded, step, clipping=(0, SATURATION))
    before = padded.copy()
    found = find_paired_outliers(padded, noise)
    assert_array_equal(padded, before)
    score = scores(padded, noise)
    assert found.area == score.size
    outlying, paired = [], []
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
                paired.append(place)
    assert found.outlying.tolist() == sorted(outlying)
    assert found.paired.tolist() == sorted(paired)
    assert len(paired) >= 4


def test_a_few_dozen_paired_outliers_have_to_agree() -> None:
    places = np.arange(0, 25 * 3000, 3000, dtype=np.int32)
    enough, fewer = PairedOutliers(places, places, 50_000), PairedOutliers(places[1:], places[1:], 50_000)
    assert share_paired_outliers(enough, enough)
    assert not share_paired_outliers(fewer, fewer)
    # Beside 175 others on either side 25 are more than 13 %, beside 200 less.
    for others, expected in ((150, True), (200, False)):
        mine, theirs = (np.concatenate([places, first + 371 * np.arange(others)]) for first in (100, 230))
        pair = [PairedOutliers(*[np.sort(part).astype(np.int32)] * 2, 50_000) for part in (mine, theirs)]
        assert share_paired_outliers(*pair) == expected


def test_the_bits_of_places_are_those_of_flags() -> None:
    places = np.sort(np.random.default_rng(5).choice(2 * 1234, 700, replace=False)).astype(np.int32)
    flags = np.zeros(2 * 1234, np.bool_)
    flags[places] = True
    assert_array_equal(bits_of(places, 1234), np.packbits(flags, bitorder="little"))


def share_paired_outliers_slowly(one: PairedOutliers, other: PairedOutliers) -> bool:
    """Say what `share_paired_outliers` says, by counting everything."""
    poorer = min(one.paired.size, other.paired.size)
    common = np.intersect1d(one.paired, other.paired).size
    shifts = (-50, -34, -18, 18, 34, 50)
    moved = [np.isin((other.paired + shift) % (2 * one.area), one.paired).sum() for shift in shifts]
    persistent = np.intersect1d(one.outlying, other.outlying).size
    lone = max(persistent - common, 0)
    excess = common - np.mean(moved) - 8 * lone**2 / (2 * one.area)
    return bool(poorer >= 25 and excess >= max(25, 0.13 * poorer, 0.1 * persistent))


@pytest.mark.parametrize("seed", range(60))
def test_leaving_early_changes_nothing(seed: int) -> None:
    """Frames share few or many, in few or many places of all, among outlying scores that persist or do not."""
    rng = np.random.default_rng(seed)
    area = int(rng.choice([40, 1500, 20_000, 200_000]))

    def some(most: int) -> list[int]:
        return rng.integers(0, 2 * area, rng.integers(0, most)).tolist()

    shared, persistent, pair = some(int(rng.choice([60, 400]))), some(area // 10), []
    for _ in range(2):
        paired = {*shared, *some(int(rng.choice([30, 300, 3000])))}
        outlying = paired | {*persistent, *some(area // 20 + 1)}
        pair.append(PairedOutliers(*(np.array(sorted(places), np.int32) for places in (outlying, paired)), area))
    expected = share_paired_outliers_slowly(*pair)
    assert share_paired_outliers(*pair) == expected
    assert share_paired_outliers(*pair, bits_of(pair[0].paired, area)) == expected
    assert share_paired_outliers(pair[1], pair[0]) == expected


# compiled loops


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_places_that_are_set_are_listed_in_order_and_those_with_another_across_a_corner(share: float) -> None:
    flags = np.zeros((7, 24), np.bool_)
    flags[1:-1, 8:-8] = np.random.default_rng(3).random((5, 8)) < share
    outlying, paired, filled = (np.full(size, -1, np.int32) for size in (50, 50, 4))
    starts, counts = 100 * np.arange(7), np.array([2, 1])
    list_outlying(flags.view(np.uint8), flags.view(np.uint64), starts, filled, outlying, paired, counts)
    beside = np.zeros_like(flags)
    for down in (-1, 1):
        for right in (-1, 1):
            beside |= np.roll(flags, (down, right), (0, 1))
    for found, count, before, expected in (
        (outlying, counts[0], 2, flags),
        (paired, counts[1], 1, flags & beside),
    ):
        assert found[:before].tolist() == [-1] * before  # what was listed stays
        row, col = np.nonzero(expected)
        assert_array_equal(found[before:count], 100 * row + col)


def test_bits_are_counted_at_places() -> None:
    rng = np.random.default_rng(4)
    flags = rng.random(800) < 0.3
    places = np.sort(rng.choice(800, 300, replace=False)).astype(np.int32)
    bits = np.packbits(flags, bitorder="little")
    assert count_set(bits, places) == np.count_nonzero(flags[places])
    assert count_set(bits, places[:0]) == 0
