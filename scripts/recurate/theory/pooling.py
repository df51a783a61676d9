"""Standard errors of a few seeds, pooled over generations and arms as far as their spreads agree.

The mean slack of two to four seeds has next to no degrees of freedom of its own. Its noise, though, is that of a mean
of e^(r - r*) or of a share over one sample set of finite size and one training: to first order it is proportional to
the spread of what is averaged. In units of that scale the variances of a claim's rows (generations and arms of one
study with as many seeds) are alike, up to chance and a remainder. Both are told apart as in Smyth (2004,
doi:10.2202/1544-6115.1027): variances are moderated towards a common one with as many degrees of freedom as their
scatter leaves it, none where they truly differ. Then false alarms are right on the average over rows; a row that is
noisier than its like beyond that scale is alarmed at more often (docs/limits.md has numbers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np
from recurate.theory.power import LEVEL

if TYPE_CHECKING:
    from recurate.foundation.types import Array

FEWEST_ROWS = 3  # fewer tell nothing of how variances scatter
SMALLEST_SHARE = 1e-5  # of the median variance: what smaller ones count as, so that their logarithms stay finite
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Spread:
    """Variances (R,) of one seed, row by row, and their degrees of freedom (R,)."""

    variances: Array
    degrees: Array


def standard_error(values: Array) -> Array:
    """Standard error of the mean over the first axis of `values` (R, ..), the replicates; nan of a single one."""
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    return spread / math.sqrt(len(values))


def half_width(values: Array) -> Array:
    """Half the width of the 95 % Student interval of the mean over the first axis of `values` (R, ..); nan of one."""
    from scipy.special import stdtrit

    return stdtrit(len(values) - 1, 1 - LEVEL) * standard_error(values)


def independent_rows(rows: int, likeness: float) -> float:
    """How many independent rows tell as much of a variance as `rows` whose errors correlate; `likeness` is r^2."""
    return rows / (1 + (rows - 1) * likeness)


def mean_squared_correlation(values: Array) -> float:
    """Mean of r^2 over all pairs of columns of `values` (n, R), without what chance adds: 1 / (n - 1) if independent.

    It is Ezekiel's adjusted r^2, which is 1 where r is, and right on the average where columns are independent,
    whatever their law. Columns without any scatter count as independent of all others; of a single one it is 0.
    """
    n, rows = values.shape
    if rows < 2:
        return 0.0
    centred = values - values.mean(axis=0)
    norm = np.linalg.norm(centred, axis=0)
    unit = centred / np.where(norm > 0, norm, 1.0)
    squares = float(np.square(unit.T @ unit).sum()) - int((norm > 0).sum())
    mean = squares / (rows * (rows - 1))
    return max(0.0, 1 - (1 - mean) * (n - 1) / (n - 2))


def own_spread(values: Array) -> Spread:
    """Variances over the first axis of `values` (n, R), each by itself; nan of one seed."""
    n, rows = values.shape
    variances = values.var(axis=0, ddof=1) if n > 1 else np.full(rows, np.nan)
    return Spread(variances, np.full(rows, float(n - 1)))


def pooled_spread(values: Array, likeness: float) -> Spread:
    """Variances over the first axis of `values` (n, R), moderated towards a common one.

    Rows of fewer than two seeds, fewer than three rows, and rows without any scatter keep their own. `likeness` is the
    squared correlation of two rows' errors: dependent rows tell less of the common variance.
    """
    own = own_spread(values)
    n, rows = values.shape
    if n < 2 or rows < FEWEST_ROWS or not (median := float(np.median(own.variances))):
        return own
    degrees = float(n - 1)
    prior, common = _prior(np.maximum(own.variances, SMALLEST_SHARE * median), degrees)
    if math.isinf(prior):
        moderated = np.full(rows, own.variances.mean())
    else:
        moderated = (prior * common + degrees * own.variances) / (prior + degrees)
    most = max(degrees, degrees * independent_rows(rows, likeness))
    return Spread(moderated, np.full(rows, min(prior + degrees, most)))


def _prior(variances: Array, degrees: float) -> tuple[float, float]:
    """Degrees of freedom and value of the common variance, by moments of log variances (Smyth 2004, 6.2)."""
    from scipy.special import digamma, polygamma

    logs = np.log(variances) - digamma(degrees / 2) + math.log(degrees / 2)
    beyond_chance = float(logs.var(ddof=1) - polygamma(1, degrees / 2))
    if beyond_chance <= 0:
        return math.inf, float(variances.mean())
    prior = 2 * inverse_trigamma(beyond_chance)
    return prior, float(np.exp(logs.mean() + digamma(prior / 2) - math.log(prior / 2)))


def inverse_trigamma(value: float) -> float:
    """x > 0 with trigamma(x) = `value` > 0, by Newton's method on 1 / trigamma, which is convex and nearly linear."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(NEWTON_STEPS):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x
