"""Laws of resampled frequencies: urns with finitely many states, and empirical distribution functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.closed_form.law import Law
from recurate.closed_form.laws.gaussian import SECOND_MOMENTS
from recurate.closed_form.laws.second_moments import SecondMoments, second_moments
from recurate.closed_form.loop import SimulatedLoop
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.estimators.discrete import Discrete
    from recurate.closed_form.estimators.ecdf import Ecdf
    from recurate.foundation.types import Array


NORMAL_LIMIT = "normal limit of F_hat - F"


def discrete(urn: Discrete, loop: SimulatedLoop) -> list[Law]:
    """Heterozygosity E[1 - sum p^2], E |p - p_0|^2 and E p_i = p_0(i), which is also the probability of ending in i.

    Replacing M samples a generation the first is (1 - 1/M)^(t+1) (1 - sum p_0^2) (Shumailov et al. 2305.17493).
    """
    if loop.preference is not None:
        return []
    moments = second_moments(loop)
    start = 1 - float(np.square(urn.probabilities).sum())
    laws_of_states = [
        Law("heterozygosity", start * moments.variance, SECOND_MOMENTS),
        Law("squared_error", start * moments.squared_error, SECOND_MOMENTS),
    ]
    for state, probability in enumerate(urn.probabilities):
        values = np.full(loop.generations + 1, probability)
        deviation = np.sqrt(probability * (1 - probability) * moments.squared_error)
        laws_of_states.append(Law(f"frequency_{state}", values, "martingale", deviation))
    return laws_of_states


def ecdf(estimator: Ecdf, loop: SimulatedLoop) -> list[Law]:
    """Mean squared distances, exact; W1 and MMD for many samples, where F_hat - F is normal."""
    if loop.preference is not None:
        return []
    moments = ecdf_moments(estimator, loop)
    deviation = np.sqrt(np.maximum(moments.squared_error - moments.error**2, 0))
    distance = folded_mean(moments.error, deviation).sum(axis=1) * estimator.spacing
    relative = second_moments(loop).squared_error  # of samples that are 0 or 1, over their variance
    squares = moments.squared_error.sum(axis=1) * estimator.spacing
    laws_of_distances = [Law("w1", distance, NORMAL_LIMIT, order=distance * relative)]
    if loop.collection is not None:
        return [*laws_of_distances, Law("squared_distance", squares, SECOND_MOMENTS)]
    cramer, kernel = estimator.one_sample()
    discrepancy = mean_root(estimator.kernel_spread()) * np.sqrt(relative)
    return [
        *laws_of_distances,
        Law("mmd", discrepancy, NORMAL_LIMIT, order=discrepancy * relative),
        Law("squared_distance", squares, SECOND_MOMENTS, cramer[1] * relative),
        Law("mmd_squared", kernel[0] * relative, SECOND_MOMENTS, kernel[1] * relative),
    ]


def ecdf_moments(estimator: Ecdf, loop: SimulatedLoop) -> SecondMoments:
    """Moments of F_hat - F at the grid points, (T + 1, points): samples are indicators, whose mean is F."""
    cdf = estimator.target.cdf(estimator.grid)
    if estimator.wrong is None or loop.collection is None:
        return second_moments(loop, variance=cdf * (1 - cdf))
    step = estimator.wrong.cdf(estimator.grid) - cdf

    def offset(generation: int) -> tuple[Array, Array]:
        mean = loop.wrong_share(generation) * step
        return mean, (cdf + mean) * (1 - cdf - mean)

    return second_moments(loop, variance=cdf * (1 - cdf), offset=offset)


def mean_root(weights: Array) -> float:
    """E (sum w_i z_i^2)^1/2 for independent normal z_i and weights w_i >= 0, (r,).

    E Q^1/2 is the integral of (1 - E e^-sQ) s^-3/2 over s > 0, divided by 2 pi^1/2; the trapezoid rule in log s.
    """
    scale, log_s = weights.sum(), np.linspace(-60, 60, 4_001)
    transform = np.exp(-np.log1p(2 * np.exp(log_s)[:, None] * weights / scale).sum(axis=1) / 2)
    integral = np.trapezoid((1 - transform) * np.exp(-log_s / 2), log_s)
    return float(np.sqrt(scale) * integral / (2 * np.sqrt(np.pi)))


def folded_mean(mean: Array, deviation: Array) -> Array:
    """E |x| of a normal x; |mean| where the deviation is 0."""
    from scipy.special import ndtr

    safe = np.where(deviation > 0, deviation, 1.0)
    ratio = mean / safe
    density = np.exp(-(ratio**2) / 2) / np.sqrt(2 * np.pi)
    normal = 2 * deviation * density + mean * (2 * ndtr(ratio) - 1)
    return np.where(deviation > 0, normal, np.abs(mean))
