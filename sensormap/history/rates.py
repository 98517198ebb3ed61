"""How many defects appear a year, and whether they become more: Poisson regression.

docs/method/history.md has the formulas. statsmodels computes; it is in the extra ``history``, and imported when needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormap.errors import MissingExtraError
from sensormap.maps.entries import HALF_INTERVAL, Interval

# New defects that tell a trend. From five on, its interval held the truth in 95 % or more of 300 simulated cases.
_FEWEST = 5
# Bodies in one regression. It has a parameter for each: 100 take a second, 2000 would take an hour and a gigabyte.
_MOST_BODIES = 100


@dataclass(frozen=True)
class Cell:
    """The new defects of one body in one period.

    Parameters
    ----------
    body
        Number of the body.
    new
        How many appeared.
    years
        Observed time.
    middle
        Middle of the observed time, in years since some day that is the same for all cells.
    """

    body: int
    new: int
    years: float
    middle: float


@dataclass(frozen=True)
class Trend:
    """A rate that grows by the same factor each year.

    Parameters
    ----------
    factor
        Growth of the rate in a year, with its 95 % interval.
    levels
        Logarithm of each body's rate at `middle` 0, by its number.
    slope
        Logarithm of the factor.
    covariance
        Of the level and the slope of each body, as ((level, both), (both, slope)), by its number.
    """

    factor: Interval
    levels: dict[int, float]
    slope: float
    covariance: dict[int, NDArray[np.float64]]


@dataclass(frozen=True)
class Regression:
    """What a Poisson regression tells of some bodies.

    Parameters
    ----------
    trend
        How their rates grow; None where that cannot be told.
    why
        Reason why there is no trend; "" if there is one.
    dispersion
        Pearson's chi-squared over the degrees of freedom, about 1 if defects appear independently of each other; None
        without degrees of freedom.
    freedom
        Degrees of freedom: periods of all bodies less parameters.
    """

    trend: Trend | None
    why: str
    dispersion: float | None
    freedom: int

    @property
    def widening(self) -> float:
        """The dispersion, if intervals have to be widened by it, else 1: below 1 it is by chance."""
        return max(1.0, self.dispersion or 1.0)


def regress(cells: Sequence[Cell]) -> Regression:
    """Fit a rate for each body, and a trend that they share.

    Parameters
    ----------
    cells
        The periods of all bodies, each with time observed. Bodies without a new defect tell nothing here.

    Raises
    ------
    MissingExtraError
        If statsmodels is needed and not installed.

    Examples
    --------
    >>> found = regress([Cell(0, new, 1.0, year) for year, new in enumerate([5, 9, 12, 22])])
    >>> print(*(f"{number:.2f}" for number in found.trend.factor), f"{found.dispersion:.2f}", found.freedom)
    1.61 1.22 2.13 0.11 2
    """
    new = _totals(cells)
    cells = [cell for cell in cells if new[cell.body]]
    bodies = sorted({cell.body for cell in cells})
    why = _untold(cells, len(bodies))
    if not why:
        fitted = _fit(cells, bodies)
        if fitted is not None:
            return fitted
        why = "the regression did not converge"
    years = dict.fromkeys(bodies, 0.0)
    for cell in cells:
        years[cell.body] += cell.years
    expected = [new[cell.body] * cell.years / years[cell.body] for cell in cells]
    chi2 = sum((cell.new - mean) ** 2 / mean for cell, mean in zip(cells, expected, strict=True))
    freedom = len(cells) - len(bodies)
    return Regression(None, why, chi2 / freedom if freedom > 0 else None, max(freedom, 0))


def rate_of(new: int, years: float, *, widening: float = 1.0) -> Interval:
    """Return how many defects appear a year, with the exact 95 % interval of Garwood.

    Parameters
    ----------
    new
        Defects that appeared.
    years
        Observed time, above 0.
    widening
        Dispersion; of defects that appear in groups of so many, the interval is that of the number of groups.

    Raises
    ------
    MissingExtraError
        If statsmodels is not installed.

    Examples
    --------
    >>> print(*(f"{number:.2f}" for number in rate_of(5, 2.0)))
    2.50 0.81 5.83
    """
    *_, confint_poisson = _statsmodels()
    low, high = confint_poisson(new / widening, years / widening, method="exact-c")
    return new / years, float(low), float(high)


def expected_by(
    since: Sequence[float], rate: Interval, *, trend: Trend | None, body: int, start: float
) -> list[Interval]:
    """Return how many new defects are expected by some times, each with its 95 % interval.

    Parameters
    ----------
    since
        The times, in years since the first photo, from 0 on.
    rate
        The body's rate.
    trend
        How it grows; None if it is constant.
    body
        Number of the body.
    start
        The first photo's time on the scale of `Cell.middle`.
    """
    years = np.array(since)
    if trend is None or body not in trend.levels:
        bands = np.outer(rate, years)
    else:
        at = np.stack([np.ones_like(years), start + years])
        # The rate, and its derivatives by level and slope; then their integrals.
        slopes = np.exp(np.array([trend.levels[body], trend.slope]) @ at) * at
        steps = np.diff(years) * (slopes[:, 1:] + slopes[:, :-1]) / 2
        sums = np.concatenate([np.zeros((2, 1)), np.cumsum(steps, axis=1)], axis=1)
        variance = np.einsum("in,ij,jn->n", sums, trend.covariance[body], sums)
        ratio = np.exp(HALF_INTERVAL * np.sqrt(variance) / np.maximum(sums[0], 1e-12))
        bands = np.stack([sums[0], sums[0] / ratio, sums[0] * ratio])
    return [(float(estimate), float(low), float(high)) for estimate, low, high in bands.T]


def _totals(cells: Sequence[Cell]) -> dict[int, int]:
    """Return the new defects of each body."""
    totals = dict.fromkeys((cell.body for cell in cells), 0)
    for cell in cells:
        totals[cell.body] += cell.new
    return totals


def _untold(cells: Sequence[Cell], bodies: int) -> str:
    """Say why there is no trend in these cells; "" if there may be one."""
    ends: dict[int, list[float]] = {}
    for cell in cells:
        ends.setdefault(cell.body, []).append(cell.middle)
    told = [cell for cell in cells if cell.new]
    if bodies > _MOST_BODIES:
        return f"more than {_MOST_BODIES} bodies"
    if len(cells) - bodies < 2:
        return "too few periods"
    if sum(cell.new for cell in told) < _FEWEST:
        return f"fewer than {_FEWEST} new defects"
    # All in the last periods: the steeper the better, without end.
    if all(cell.middle == max(ends[cell.body]) for cell in told):
        return "all new defects in the last period"
    if all(cell.middle == min(ends[cell.body]) for cell in told):
        return "all new defects in the first period"
    return ""


def _fit(cells: Sequence[Cell], bodies: Sequence[int]) -> Regression | None:
    """Fit levels and a slope; None if that does not converge."""
    model, family, _ = _statsmodels()
    middle = np.array([cell.middle for cell in cells])
    centre, scale = middle.mean(), middle.std()  # numbers near 1, whatever century the camera's clock is in
    levels = np.array([[cell.body == body for body in bodies] for cell in cells], float)
    design = np.column_stack([levels, (middle - centre) / scale])
    new, years = np.array([cell.new for cell in cells], float), np.array([cell.years for cell in cells])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # few numbers may be fitted perfectly, of which statsmodels warns
        result = model(new, design, family=family(), offset=np.log(years)).fit()
    freedom = len(cells) - len(bodies) - 1
    dispersion = float(result.pearson_chi2) / freedom
    # From the scaled and centred slope back to years.
    back = np.eye(len(bodies) + 1)
    back[:, -1] = np.append(np.full(len(bodies), -centre / scale), 1 / scale)
    parameters, covariance = back @ result.params, back @ result.cov_params() @ back.T * max(1.0, dispersion)
    error = HALF_INTERVAL * np.sqrt(covariance[-1, -1])
    with np.errstate(over="ignore"):
        factor = np.exp(parameters[-1] + [0.0, -error, error])
    if not (result.converged and np.isfinite([*parameters, *factor]).all() and np.isfinite(covariance).all()):
        return None
    trend = Trend(
        (float(factor[0]), float(factor[1]), float(factor[2])),
        {body: float(level) for body, level in zip(bodies, parameters, strict=False)},
        float(parameters[-1]),
        {body: covariance[np.ix_([i, -1], [i, -1])] for i, body in enumerate(bodies)},
    )
    return Regression(trend, "", dispersion, freedom)


def _statsmodels() -> tuple[Any, Any, Any]:
    """Return the model, its family and the exact interval of statsmodels, which takes seconds to import."""
    try:
        from statsmodels.genmod.families import Poisson  # noqa: PLC0415
        from statsmodels.genmod.generalized_linear_model import GLM  # noqa: PLC0415
        from statsmodels.stats.rates import confint_poisson  # noqa: PLC0415
    except ImportError as error:
        msg = "history: needs statsmodels, which is not installed: pip install 'sensormap[history]'"
        raise MissingExtraError(msg) from error
    return GLM, Poisson, confint_poisson
