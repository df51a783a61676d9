"""Laws of recursive linear regression (Gerstgrasser et al. 2404.01413)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recurate.closed_form.law import Law
from recurate.closed_form.laws.second_moments import second_moments
from recurate.closed_form.loop import SimulatedLoop
from recurate.foundation.lazy import np
from recurate.mixing.regimes import Sizes

if TYPE_CHECKING:
    from recurate.closed_form.estimators.regression import Regression


def laws(regression: Regression, loop: SimulatedLoop) -> list[Law]:
    """E |w_hat - w|^2 = sigma^2 d / (T - d - 1) times a number that counts generations.

    Labelling the same T inputs again and again, that number is n where data are replaced and sum_{i<=n} 1/i^2 <= pi^2/6
    where they accumulate; in general it is the squared error of a mean whose parts are whole data sets. T > d + 1.
    """
    rows, d = loop.sizes.initial, regression.dimensions
    if regression.design == "fresh" or rows <= d + 1:
        return []
    parts = Sizes(1, loop.sizes.real // rows, loop.sizes.synthetic // rows)
    moments = second_moments(replace(loop, sizes=parts), noise=1.0)
    first = regression.noise**2 * d / (rows - d - 1)
    deviation = None
    if rows > d + 3:
        deviation = _deviation(d, rows) * first * moments.squared_error
    return [Law("test_error", first * moments.squared_error, "Gerstgrasser et al. 2024", deviation)]


def _deviation(d: int, rows: int) -> float:
    """Standard deviation of |w_hat - w|^2 over its mean: z^T W^-1 z for a normal z and a Wishart W of `rows` degrees.

    It is a ratio of independent chi-squares, of d and of rows - d + 1 degrees of freedom.
    """
    k = rows - d + 1
    second = d * (d + 2) / ((k - 2) * (k - 4))
    first = d / (k - 2)
    return float(np.sqrt(second / first**2 - 1))
