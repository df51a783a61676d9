"""How fast errors fall with the amount of data: slopes in log-log scale, with bootstrap errors over replicates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from recurate.closed_form.laws.registry import laws_of
from recurate.foundation.lazy import np
from recurate.foundation.randomness import bootstrap_generator

if TYPE_CHECKING:
    from recurate.closed_form.estimators import Estimator
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.foundation.types import Array

RESAMPLES = 1_000  # bootstrap samples of the replicates, for the error of a slope
SAME = 0.005  # exponents closer than this are taken as equal: sizes are whole numbers
SQUARES = ("squared_distance", "mmd_squared", "squared_error", "w2_squared")  # errors of twice the exponent
SMALLEST_LOGARITHM = 1.0  # pools of fewer than three samples have no log log worth correcting by


def pool_sizes(loop: SimulatedLoop) -> Array:
    """Samples in the pool of generations 0, 1, .., T of a loop in which data accumulate, (T + 1,)."""
    added = loop.sizes.synthetic + (loop.sizes.real if loop.rule.real == "fresh" else 0)
    return loop.sizes.initial + added * np.arange(loop.generations + 1)


def fitted_slope(sizes: Array, errors: Array) -> Array:
    """Least-squares slopes (...) of log `errors` (..., n) on log `sizes` (n,)."""
    x = np.log(sizes)
    x = x - x.mean()
    return np.log(errors) @ x / (x @ x)


def theoretical_exponent(exponent: float, real_fraction: float, decay: float) -> float:
    """min(p, alpha, q): the error falls as t^-min (Wang, Niu and Li 2602.16065).

    `exponent` p of the estimator, `real_fraction` alpha of what a round adds, `decay` q of the bias in collecting real
    data, infinite without one.
    """
    return min(exponent, real_fraction, decay)


def has_logarithm(exponent: float, real_fraction: float, decay: float) -> bool:
    """Whether two of the exponents are the smallest together, which adds a logarithm to the rate."""
    smallest, second, _ = sorted((exponent, real_fraction, decay))
    return second - smallest < SAME


def fit_rates(
    estimator: Estimator,
    loop: SimulatedLoop,
    values: Mapping[str, Array],
    measures: list[str],
    drop: int,
    exponent: float,
) -> Iterator[dict[str, str]]:
    """Slopes of the mean errors `values[measure]` (R, T + 1) from generation `drop` on, one row for each measure.

    The raw slope is fitted to log(error), the log-corrected one to log(error / log(size)), as is done for figures where
    theory has an extra logarithm (at alpha = p, say); of errors that are squares to that of error / log(size)^2.
    `slope_of_law` is the raw slope of the law, where the estimator has one.
    """
    sizes = pool_sizes(loop)[drop:]
    correction = np.maximum(np.log(sizes), SMALLEST_LOGARITHM)
    laws = {law.measure: law for law in laws_of(estimator, loop)}
    added = loop.sizes.real + loop.sizes.synthetic
    fraction = loop.sizes.real / added
    decay = loop.collection.decay if loop.collection else math.inf
    for measure in measures:
        table = values[measure][:, drop:]
        means = np.concatenate([table.mean(axis=0)[None], bootstrap_means(table)])
        power = 2 if measure in SQUARES else 1
        raw, corrected = fitted_slope(sizes, means), fitted_slope(sizes, means / correction**power)
        law = laws.get(measure)
        yield {
            "metric": measure,
            "slope": repr(float(raw[0])),
            "slope_error": repr(float(raw[1:].std(ddof=1))),
            "slope_log_corrected": repr(float(corrected[0])),
            "slope_log_corrected_error": repr(float(corrected[1:].std(ddof=1))),
            "theory": repr(-power * theoretical_exponent(exponent, fraction, decay)),
            "logarithm": repr(has_logarithm(exponent, fraction, decay)),
            "slope_of_law": repr(float(fitted_slope(sizes, law.values[drop:]))) if law else "",
            "law": ("exact" if law.order is None else "first order") if law else "",
            "real_fraction": repr(fraction),
            "decay": repr(decay),
        }


def bootstrap_means(values: Array) -> Array:
    """Means (RESAMPLES, n) over replicates drawn with replacement from the rows of `values` (R, n)."""
    replicates = len(values)
    weights = bootstrap_generator().multinomial(replicates, np.full(replicates, 1 / replicates), size=RESAMPLES)
    return weights @ values / replicates
