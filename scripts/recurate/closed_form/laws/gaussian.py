"""Laws of recursive Gaussian fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recurate.closed_form.law import Law
from recurate.closed_form.laws.curated_gaussian import operator_laws
from recurate.closed_form.laws.second_moments import second_moments
from recurate.closed_form.loop import SimulatedLoop
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.estimators.gaussian import Gaussian
    from recurate.foundation.types import Array

SECOND_MOMENTS = "second moments, exact in every regime"


def laws(gaussian: Gaussian, loop: SimulatedLoop) -> list[Law]:
    """What is known of a Gaussian loop's measures."""
    if loop.preference is not None:
        return operator_laws(gaussian, loop)
    moments = second_moments(loop, gaussian.ddof, gaussian.std**2)
    replaces = loop.rule.real == "none" and not loop.rule.accumulates
    with np.errstate(over="ignore", invalid="ignore"):  # a spread beyond all numbers: nothing is known from a mean
        deviation = relative_deviation(gaussian, loop) * moments.variance if replaces else None
    zero = np.zeros(loop.generations + 1)
    normal = math.sqrt(2 / gaussian.dimensions)  # given all scatters mu is normal: its square has this spread at least
    shift = np.sqrt(moments.squared_error / gaussian.dimensions)
    all_laws = [
        Law("variance", moments.variance, SECOND_MOMENTS, deviation),
        Law("squared_error", moments.squared_error, SECOND_MOMENTS, normal * moments.squared_error),
        Law("mean_shift", zero, "martingale", shift),
    ]
    if gaussian.dimensions > 1:
        return all_laws
    if replaces:
        all_laws.append(Law("log_variance", mean_log_variance(gaussian, loop), "logarithms of chi-squares"))
    if loop.rule.real == "none" and not loop.rule.subsamples and loop.sampling_bias == 1:
        all_laws.append(first_order_w2(gaussian, loop))
    return all_laws


def first_order_w2(gaussian: Gaussian, loop: SimulatedLoop) -> Law:
    """E W2^2 = (3/2) sigma^2 sum 1/M_i to first order in that sum (Shumailov et al. 2305.17493).

    Where data accumulate, the fit of a generation moves by a share of its own error, of 1/i in equal parts: sum 1/(M
    i^2).
    """
    fits = np.arange(loop.generations + 1)
    sizes = np.where(fits == 0, loop.sizes.initial, loop.sizes.synthetic)
    share = sizes / np.cumsum(sizes) if loop.rule.accumulates else np.ones(len(fits))
    total = np.cumsum(share**2 / sizes)
    values = 1.5 * gaussian.std**2 * total
    deviation = math.sqrt(2.5) * gaussian.std**2 * total  # of sigma^2 (z^2 + z'^2 / 2), z and z' normal
    return Law("w2_squared", values, "Shumailov et al. 2023, first order", deviation, order=values * total)


def _degrees(gaussian: Gaussian, loop: SimulatedLoop) -> tuple[Array, Array]:
    """Sizes and degrees of freedom of the fits of generations 0, 1, .., T of a loop that replaces its data."""
    sizes = np.full(loop.generations + 1, loop.sizes.synthetic, dtype=np.float64)
    sizes[0] = loop.sizes.initial
    return sizes, sizes - 1


def mean_log_variance(gaussian: Gaussian, loop: SimulatedLoop) -> Array:
    """E log sigma_t^2, (T + 1,), of a replacing loop in one dimension: a sum of logarithms of chi-squares.

    sigma_t^2 = sigma^2 prod lambda_s chi^2_{M-1} / (M - ddof). It falls by about 1/M a generation and so does the
    median, while E sigma_t^2 stands still (ddof 1): a martingale carried by ever rarer replicates.
    """
    from scipy.special import digamma

    sizes, degrees = _degrees(gaussian, loop)
    steps = digamma(degrees / 2) + np.log(2 / (sizes - gaussian.ddof))
    steps[1:] += math.log(loop.sampling_bias)
    return 2 * math.log(gaussian.std) + np.cumsum(steps)


def relative_deviation(gaussian: Gaussian, loop: SimulatedLoop) -> Array:
    """Standard deviation of sigma_t^2 over its mean, (T + 1,), of a replacing loop.

    In one dimension and for each coordinate of a diagonal covariance E sigma^4 / (E sigma^2)^2 = prod (1 + 2/(M - 1));
    the mean over d independent coordinates divides the relative variance by d. For full covariances, tr Sigma given the
    last Sigma has variance 2 tr Sigma^2 / (M - 1), and both tr^2 and tr of squares follow a linear recursion (Haff
    1979).
    """
    _, degrees = _degrees(gaussian, loop)
    d = gaussian.dimensions
    if gaussian.diagonal:
        return np.sqrt((np.cumprod(1 + 2 / degrees) - 1) / d)
    trace_squared, squares, moments = float(d * d), float(d), []
    for k in degrees:
        trace_squared, squares = trace_squared + 2 * squares / k, squares + (squares + trace_squared) / k
        moments.append(trace_squared / d**2 - 1)
    return np.sqrt(moments)
