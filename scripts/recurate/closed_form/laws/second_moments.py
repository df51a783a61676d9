"""The exact law of means and variances in every regime, without curation.

Let a model with mean mu and variance S be fitted to n samples, S being their scatter divided by n - ddof, and let the
next synthetic samples have mean mu and variance lambda_s S. Then the expectations of S, of (mu - m)^2 and of the pool's
own second moment obey a linear recursion: nothing else about the distributions enters. So one law covers Gaussians in
every coordinate (Shumailov et al., Alemohammad et al., Kazdan et al.), the frequencies of an urn and the empirical
distribution function at a point, whose samples are 0 or 1 and whose S is mu (1 - mu) (Shumailov et al., Wang et al.).
Regression follows it too, with labels in the place of samples and S held at the noise. The published closed forms are
special cases, to which tests hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recurate.closed_form.loop import SimulatedLoop

    Values = NDArray[np.float64]


@dataclass(frozen=True)
class SecondMoments:
    """Expectations by generation, (T + 1, ...): of the fitted variance S, of mu - m, and of (mu - m)^2."""

    variance: Values
    error: Values
    squared_error: Values


@dataclass
class _Pool:
    """A pool of n samples with mean x: E[x - m], E[(x - m)^2], E[scatter / n], E[(x - m) (fixed real mean - m)].

    The scatter is kept by itself, not as a difference of squares: variances fall to where such differences are noise.
    """

    n: float
    first: Values
    square: Values
    scatter: Values
    with_fixed: Values


@dataclass
class _Model:
    """Of the fitted model: E S, E[mu - m], E[(mu - m)^2], E[(mu - m) (fixed mean - m)], E[(mu - pool's mean)^2]."""

    variance: Values
    first: Values
    square: Values
    with_fixed: Values
    departure: Values


@dataclass
class _Fresh:
    """New real data: their number, mean minus m, and variance."""

    n: float
    offset: Values
    spread: Values


def second_moments(
    loop: SimulatedLoop,
    ddof: int = 0,
    variance: float | Values = 1.0,
    offset: Callable[[int], tuple[Values, Values]] | None = None,
    noise: float | None = None,
) -> SecondMoments:
    """Expected variance and squared error of a loop.

    Parameters
    ----------
    loop : SimulatedLoop
        Without a preference.
    ddof : int
        The fitted variance is the scatter divided by n - ddof.
    variance : float or array
        Variance of the real data about their mean m.
    offset : function of the generation, optional
        Mean, minus m, and variance of the real data that are new in a generation, where they are collected wrongly.
    noise : float, optional
        Variance of synthetic samples where it does not follow from the model (regression).

    Returns
    -------
    SecondMoments
        (T + 1, ...) with the shape of `variance`.
    """
    if loop.preference is not None:
        raise RecurateError("The law of second moments is about loops without curation.")
    real_variance = np.asarray(variance, dtype=np.float64)
    zero = np.zeros_like(real_variance)

    def real(n: int, generation: int) -> _Fresh:
        return _Fresh(float(n), *(offset(generation) if offset else (zero, real_variance)))

    first = real(loop.sizes.initial, 0)
    square = first.offset**2 + first.spread / first.n
    start = _Pool(first.n, first.offset, square, (1 - 1 / first.n) * first.spread, square)
    pool, models = start, [_fitted(loop, start, ddof)]
    for generation in range(1, loop.generations + 1):
        model = models[-1]
        drawn = loop.sampling_bias * model.variance if noise is None else np.full_like(real_variance, noise)
        fresh = real(loop.sizes.real if loop.rule.real == "fresh" else 0, generation)
        pool = _next(loop, pool, start, model, drawn, fresh)
        models.append(_fitted(loop, pool, ddof))
    columns = ([getattr(model, name) for model in models] for name in ("variance", "first", "square"))
    return SecondMoments(*(np.stack(column) for column in columns))


def _fitted(loop: SimulatedLoop, pool: _Pool, ddof: int) -> _Model:
    """The model fitted to a pool or to a subset of it, drawn without replacement."""
    n, departure = pool.n, np.zeros_like(pool.scatter)
    if loop.rule.subsamples and pool.n > loop.sizes.initial:
        n = float(loop.sizes.initial)
        departure = pool.scatter * (pool.n - n) / (n * (pool.n - 1))
    if n <= ddof:
        raise RecurateError(f"A variance with ddof {ddof} needs more than {n:.0f} samples.")
    variance = (pool.scatter - departure) * n / (n - ddof)
    return _Model(variance, pool.first, pool.square + departure, pool.with_fixed, departure)


def _next(loop: SimulatedLoop, pool: _Pool, start: _Pool, model: _Model, drawn: Values, fresh: _Fresh) -> _Pool:
    """The pool after one round, whose synthetic samples have mean mu and variance `drawn`.

    A subset's mean has the pool's as its expectation, given the pool; fresh data are independent of all else.
    """
    synthetic, real = float(loop.sizes.synthetic), fresh.n
    kept = pool.n if loop.rule.accumulates else 0.0
    fixed = start.n if loop.rule.real == "fixed" else 0.0
    n = kept + fixed + synthetic + real
    own_noise = drawn / synthetic if synthetic else 0 * drawn
    own_spread = fresh.spread / real if real else 0 * drawn
    # The square of the pool's sum: squares of its parts' sums, and twice their products.
    total = (
        kept**2 * pool.square
        + fixed**2 * start.square
        + synthetic**2 * (model.square + own_noise)
        + real**2 * (fresh.offset**2 + own_spread)
        + 2 * kept * synthetic * pool.square
        + 2 * fixed * synthetic * model.with_fixed
        + 2 * real * fresh.offset * (kept * pool.first + fixed * start.first + synthetic * model.first)
    )
    # The scatter: that within parts, and between each two of them the square of their means' distance.
    apart = fresh.offset**2 + own_spread
    from_fixed = model.square + start.square - 2 * model.with_fixed
    scatter = (
        kept * pool.scatter
        + fixed * start.scatter
        + synthetic * (drawn - own_noise)
        + real * (fresh.spread - own_spread)
        + kept * synthetic / n * (model.departure + own_noise)
        + fixed * synthetic / n * (from_fixed + own_noise)
        + kept * real / n * (pool.square + apart - 2 * fresh.offset * pool.first)
        + synthetic * real / n * (model.square + own_noise + apart - 2 * fresh.offset * model.first)
    )
    mean = kept * pool.first + fixed * start.first + synthetic * model.first + real * fresh.offset
    with_fixed = fixed * start.square + synthetic * model.with_fixed
    return _Pool(n, mean / n, total / n**2, scatter / n, with_fixed / n)
