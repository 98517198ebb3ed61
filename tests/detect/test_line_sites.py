"""Where lines are followed: along each, along the lines on either side, and about its ends."""

from __future__ import annotations

import numpy as np
import pytest

from sensormap.detect.line_sites import ENDS, MOST_LINES, REACH, LineSites
from sensormap.detect.lines import DeviatingLine

SHAPE = (400, 600)


def line(place=40, *, axis="column", effect=0.5, first=100, last=299, phases=(0, 1), score=9.0):
    return DeviatingLine(axis, place, first, last, phases, effect, score)


def along_and_across(places, axis):
    row, col = np.divmod(places, SHAPE[1])
    return (row, col) if axis == "column" else (col, row)


@pytest.mark.parametrize("axis", ["column", "row"])
@pytest.mark.parametrize("place", [0, 1, 40, 398, 399])
@pytest.mark.parametrize(("phases", "step"), [((0, 1), 2), ((1,), 2), ((0,), 1)])
def test_photosites_lie_on_the_line_and_beside_it(axis, place, phases, step):
    sites = LineSites.of([line(place, axis=axis, phases=phases)], SHAPE, step)
    along, across = along_and_across(sites.beside[0], axis)
    assert (across[REACH] == place).all()
    assert ((along >= 100) & (along <= 299)).all()
    assert {*np.unique(along % step).tolist()} == {*phases}
    apart = np.abs(np.delete(across, REACH, axis=0) - place)
    assert ((apart >= step) & (apart <= REACH * step) & (apart % step == 0)).all()
    assert 0 <= sites.photosites.min() <= sites.photosites.max() < SHAPE[0] * SHAPE[1]


@pytest.mark.parametrize("axis", ["column", "row"])
def test_every_photosite_about_the_ends_is_listed(axis):
    sites = LineSites.of([line(axis=axis, first=10, last=299)], SHAPE, 2)
    (before, behind), places = sites.ends[0], sites.along[0]
    assert places[0].tolist() == list(range(10 + ENDS + 1))
    assert places[1].tolist() == list(range(299 - ENDS, 299 + ENDS + 1))
    for found, expected in ((before, places[0]), (behind, places[1])):
        along, across = along_and_across(found, axis)
        assert along.tolist() == expected.tolist()
        assert (across == 40).all()


def test_the_slices_cut_the_photosites_into_lines():
    sites = LineSites.of([line(), line(90, axis="row", phases=(1,))], SHAPE, 2)
    every = sites.photosites
    for number, (beside, first, last) in enumerate(sites.slices()):
        assert every[beside].tolist() == sites.beside[number].ravel().tolist()
        assert every[first].tolist() == sites.ends[number][0].tolist()
        assert every[last].tolist() == sites.ends[number][1].tolist()
    assert sites.slices()[-1][-1].stop == every.size


@pytest.mark.parametrize(("first", "last"), [(100, 299), (93, 310), (60, 299), (120, 250)])
def test_what_is_listed_early_has_the_photosites_of_what_is_found_in_the_end(first, last):
    """Which planes deviate and where a line ends may look otherwise in a third of the frames."""
    early = LineSites.of([line(phases=(0,))], SHAPE, 2, every_plane=True)
    late = LineSites.of([line(first=first, last=last), line(300, axis="row")], SHAPE, 2)
    own = late.beside[[one.place for one in late.lines].index(40)]
    known = np.isin(own, early.beside[0])
    within = (own // SHAPE[1] >= 100) & (own // SHAPE[1] <= 299)
    assert known[within].mean() >= 0.5
    assert known.any(axis=0).sum() == known.all(axis=0).sum()  # of all lines beside, or of none


def test_the_memory_is_bounded():
    many = LineSites.of([line(i % 600, score=float(i)) for i in range(1000)], SHAPE, 2)
    assert len(many.lines) == MOST_LINES
    assert many.photosites.size <= 30_000
    assert min(one.score for one in many.lines) == 1000 - MOST_LINES
    assert all(beside.shape[0] == 2 * REACH + 1 and beside.shape[1] for beside in many.beside)


@pytest.mark.parametrize("shape", [(30, 3), (30, 40)])
def test_a_tiny_sensor(shape):
    sites = LineSites.of([line(1, first=0, last=29)], shape, 2)
    assert 0 <= sites.photosites.min() <= sites.photosites.max() < shape[0] * shape[1]


def test_no_lines():
    none = LineSites.of([], SHAPE, 2)
    assert none.photosites.size == 0
    assert none.slices() == []
