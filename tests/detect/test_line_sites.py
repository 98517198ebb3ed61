"""A line that many frames make is kept; one that a few make is not, however strong it is there."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.detect.line_support import MOST_LINES, LineSites, supported
from sensormap.detect.lines import DeviatingLine

SHAPE = (400, 600)
FRAMES = 28


def line(place=40, *, axis="column", effect=0.5, first=100, last=299, phases=(0, 1), score=9.0):
    return DeviatingLine(axis, place, first, last, phases, effect, score)


def scores_of(sites, shown, *, seed=1):
    """Return noise, and in each frame that much more on the lines themselves."""
    scores = np.random.default_rng(seed).normal(0, 1, (*sites.photosites.shape, len(shown)))
    scores[:, 0] += np.asarray(shown)
    return scores


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        pytest.param([0.3] * FRAMES, True, id="faint, always"),
        pytest.param([0.0] * 22 + [1.5] * 6, True, id="appeared late"),
        pytest.param([1.5] * 8 + [0.0] * 20, True, id="healed"),
        pytest.param([0.0] * 13 + [4.0] * 2 + [0.0] * 13, False, id="an edge in two frames"),
        pytest.param([0.0] * 27 + [8.0], False, id="an edge in the last frame"),
        pytest.param([0.0] * FRAMES, False, id="chance"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_line_needs_many_frames(shown, kept, sign):
    sites = LineSites.of([line(effect=0.5 * sign)], SHAPE, 2)
    found = supported(sites, scores_of(sites, sign * np.array(shown)), np.ones(FRAMES, np.bool_))
    assert found == (sites.lines if kept else ())


def test_frames_that_are_not_known_do_not_count():
    sites = LineSites.of([line()], SHAPE, 2)
    shown = np.where(np.arange(FRAMES) < 14, 1.0, 0.0)
    assert supported(sites, scores_of(sites, shown), shown > 0) == sites.lines
    assert not supported(sites, scores_of(sites, shown), shown == 0)


def test_too_few_frames_tell_nothing():
    sites = LineSites.of([line()], SHAPE, 2)
    assert supported(sites, scores_of(sites, np.zeros(FRAMES)), np.arange(FRAMES) < 5) == sites.lines


@pytest.mark.parametrize("axis", ["column", "row"])
@pytest.mark.parametrize("place", [0, 1, 40, 398, 399])
@pytest.mark.parametrize(("phases", "step"), [((0, 1), 2), ((1,), 2), ((0,), 1)])
def test_photosites_lie_on_the_line_and_beside_it(axis, place, phases, step):
    sites = LineSites.of([line(place, axis=axis, phases=phases)], SHAPE, step)
    row, col = np.divmod(sites.photosites[0], SHAPE[1])
    along, across = (row, col) if axis == "column" else (col, row)
    assert (across[0] == place).all()
    assert ((along >= 100) & (along <= 299)).all()
    assert {*np.unique(along % step).tolist()} == {*phases}
    apart = np.abs(across[1:] - place)
    assert ((apart >= 3 * step) & (apart <= 6 * step) & (apart % step == 0)).all()
    assert (row < SHAPE[0]).all()
    assert (col < SHAPE[1]).all()


def test_the_memory_is_bounded():
    many = LineSites.of([line(i % 600, score=float(i)) for i in range(1000)], SHAPE, 2)
    assert len(many.lines) == MOST_LINES
    assert many.photosites.size <= 20_000
    assert min(one.score for one in many.lines) == 1000 - MOST_LINES


def test_no_lines():
    none = LineSites.of([], SHAPE, 2)
    assert none.photosites.size == 0
    assert supported(none, np.zeros((*none.photosites.shape, 4)), np.ones(4, np.bool_)) == ()
