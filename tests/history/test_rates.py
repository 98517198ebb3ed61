"""Rates and trends: against their definitions, and against what is known in simulations."""

from __future__ import annotations

import sys
from math import exp, log, sqrt

import numpy as np
import pytest

from sensormap.errors import MissingExtraError
from sensormap.history.rates import Cell, expected_by, rate_of, regress

pytest.importorskip("statsmodels", reason="the extra history is not installed")


def cells_of(*bodies):
    """Cells of one year each; a body is its numbers of new defects."""
    return [Cell(body, new, 1.0, year) for body, counts in enumerate(bodies) for year, new in enumerate(counts)]


# Garwood's table 1 (Biometrika 28, 437, 1936): limits for a count.
@pytest.mark.parametrize(
    ("new", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (20, 12.217, 30.888)]
)
def test_the_exact_interval(new, low, high):
    assert rate_of(new, 1.0) == pytest.approx((new, low, high), abs=6e-4)
    assert rate_of(new, 4.0) == pytest.approx((new / 4, low / 4, high / 4), abs=6e-4)


def test_groups_of_three_are_as_uncertain_as_a_third_of_them_alone():
    assert rate_of(15, 2.0, widening=3.0) == pytest.approx([3 * number for number in rate_of(5, 2.0)])


def test_two_rates_give_their_ratio():
    """Years 0 and 1 of two bodies with the same trend: the sums' ratio, and the error of its logarithm."""
    found = regress(cells_of([20, 30], [40, 60]))
    assert found.trend.factor[0] == pytest.approx(1.5)
    error = 1.96 * sqrt(1 / 60 + 1 / 90)
    assert found.trend.factor[1:] == pytest.approx((1.5 * exp(-error), 1.5 * exp(error)))
    assert (found.dispersion, found.freedom) == (pytest.approx(0, abs=1e-12), 1)


@pytest.mark.parametrize("shift", [-5000, 0, 3000])
def test_the_century_does_not_matter(shift):
    cells = cells_of([3, 5, 9, 14], [1, 1, 4, 6])
    moved = [Cell(cell.body, cell.new, cell.years, cell.middle + shift) for cell in cells]
    one, other = regress(cells), regress(moved)
    assert other.trend.factor == pytest.approx(one.trend.factor)
    assert other.dispersion == pytest.approx(one.dispersion)
    since = [0.0, 1.0, 3.0]
    bands = [
        expected_by(since, (4.0, 3.0, 5.0), trend=found.trend, body=1, start=start)
        for found, start in ((one, 0.0), (other, float(shift)))
    ]
    assert np.allclose(*bands, rtol=1e-6)


def test_the_dispersion_without_a_trend_is_pearsons():
    found = regress(cells_of([1, 3]))
    assert (found.trend, found.dispersion, found.freedom) == (None, pytest.approx((1 + 1) / 2), 1)
    assert found.widening == 1.0


def test_a_growing_rate_is_expected_to_add_up_to_what_appeared():
    found = regress(cells_of([5, 9, 12, 22]))
    *_, last = expected_by(np.linspace(0, 4, 100), (12.0, 9.0, 16.0), trend=found.trend, body=0, start=-0.5)
    assert last[0] == pytest.approx(48, rel=0.02)  # a period's rate is that of its middle
    assert last[1] < 48 < last[2]


def test_a_constant_rate_fans_out():
    assert expected_by([0.0, 2.0], (3.0, 2.0, 5.0), trend=None, body=0, start=0.0) == [(0, 0, 0), (6, 4, 10)]


@pytest.mark.parametrize(
    ("bodies", "why"),
    [
        ([], "too few periods"),
        ([[0, 0, 0]], "too few periods"),
        ([[9, 12]], "too few periods"),
        ([[1, 1, 1, 1]], "fewer than 5 new defects"),
        ([[0, 0, 7]], "all new defects in the last period"),
        ([[0, 0, 7], [0, 0, 2]], "all new defects in the last period"),
        ([[7, 0, 0]], "all new defects in the first period"),
        ([[1, 2]] * 101, "more than 100 bodies"),
    ],
)
def test_what_tells_no_trend(bodies, why):
    found = regress(cells_of(*bodies))
    assert (found.trend, found.why) == (None, why)
    assert found.dispersion is None or found.dispersion >= 0


def test_the_order_of_the_cells_does_not_matter():
    cells = cells_of([3, 5, 9], [1, 4, 6])
    assert regress(cells[::-1]).trend.factor == pytest.approx(regress(cells).trend.factor)


def test_without_statsmodels(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.genmod.families", None)
    with pytest.raises(MissingExtraError, match=r"needs statsmodels, .*: pip install 'sensormap\[history\]'$"):
        rate_of(1, 1.0)


def test_the_interval_of_the_trend_holds_the_truth():
    """Of 300 simulated sets of three bodies: 95 % give or take 2.5 (two standard deviations of such a count)."""
    rng, held = np.random.default_rng(14), 0
    slope = log(1.3)
    for _ in range(300):
        means = [[rate * exp(slope * year) for year in range(5)] for rate in (1.0, 3.0, 8.0)]
        found = regress(cells_of(*([int(n) for n in rng.poisson(mean)] for mean in means)))
        held += found.trend.factor[1] <= 1.3 <= found.trend.factor[2]
    assert 0.925 <= held / 300 <= 0.995


def test_defects_that_come_in_groups_widen_the_interval():
    """In 300 cases of groups of three: without widening 70 % hold the truth, with it most; 12 periods tell how wide."""
    rng, held, plain = np.random.default_rng(3), 0, 0
    for _ in range(300):
        counts = [int(3 * n) for n in rng.poisson(2.0, size=12)]
        found = regress(cells_of(counts))
        wide, narrow = rate_of(sum(counts), 12.0, widening=found.widening), rate_of(sum(counts), 12.0)
        held += wide[1] <= 6.0 <= wide[2]
        plain += narrow[1] <= 6.0 <= narrow[2]
    assert plain / 300 < 0.8
    assert held / 300 > 0.88
