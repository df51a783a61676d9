"""A mixture of Gaussians, fitted by expectation maximisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.samples import Samples, sampled_cells
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes


@dataclass(frozen=True)
class Fitted:
    """Weights (R, k), means (R, k, d), covariances (R, k, d, d)."""

    weights: Array
    means: Array
    covariances: Array


class GaussianMixture(Estimator[Fitted, Samples, Fitted]):
    """k Gaussians fitted by scikit-learn's EM to samples of one blob N(0, s^2 I).

    Shumailov et al. (2305.17493), figure on mixtures.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("l2_squared", "integral of (p - p')^2, p the fitted and p' the true density"),
        Term("mean_std", "mean over components of (tr S / d)^(1/2), S their covariances", "of the data"),
        Term("mean_distance", "length of the fitted mixture's mean", "of the data"),
    )

    scales_spread = True

    components: int = Field(2, ge=1, description="number of Gaussians k")
    dimensions: int = Field(2, ge=1, description="number of coordinates d")
    std: float = Field(1.0, gt=0, description="standard deviation s of the real blob in every coordinate")
    tolerance: float = Field(1e-5, gt=0, description="gain in mean log-likelihood, in nats, at which EM stops")
    iterations: int = Field(2_000, ge=1, le=10**6, description="most iterations of EM")
    floor: float = Field(
        1e-6, ge=0, description="added to every fitted variance, relative to s^2 (scikit-learn's reg_covar)"
    )

    @property
    def coordinates(self) -> int:
        return self.dimensions

    def truth(self, initial: int, randoms: Replicates) -> Fitted:
        return self._blob(len(randoms))

    def _blob(self, seeds: int) -> Fitted:
        covariance = self.std**2 * np.eye(self.dimensions)
        return Fitted(np.ones((seeds, 1)), np.zeros((seeds, 1, self.dimensions)), np.tile(covariance, (seeds, 1, 1, 1)))

    def holds_samples(self, rule: Regime) -> bool:
        return True

    def check(self, rule: Regime, sizes: Sizes) -> None:
        needed = max(2, self.components)
        replaces = rule.real == "none" and not rule.accumulates
        if sizes.initial < needed or (replaces and sizes.synthetic < needed):
            raise ValueError(f"{self.components} components need {needed} samples in every generation at least")

    def fit(self, pool: Samples, randoms: Replicates) -> Fitted:
        starts = randoms.sample(lambda generator: np.asarray(generator.integers(2**31)))
        fitted = [self._fit_one(x, int(start)) for x, start in zip(pool.x, starts, strict=True)]
        return Fitted(*(np.stack(parts) for parts in zip(*fitted, strict=True)))

    def _fit_one(self, x: Array, start: int) -> tuple[Array, Array, Array]:
        """Weights, means and covariances of one seed, fitted to samples of unit scale: EM's floor is relative to it."""
        from sklearn.mixture import GaussianMixture as Library
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # the arrays are far too small for threads
            mixture = Library(
                self.components,
                tol=self.tolerance,
                max_iter=self.iterations,
                reg_covar=self.floor,
                random_state=start,
            ).fit(x / self.std)
        return mixture.weights_, self.std * mixture.means_, self.std**2 * mixture.covariances_

    def sample_pool(
        self, model: Fitted, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Samples:
        return Samples(self.samples(model, n, randoms, bias))

    def samples(self, model: Fitted, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        component = sampled_cells(model.weights, n, randoms)
        z = randoms.draw(lambda generator, loops: generator.standard_normal((loops, n, self.dimensions)))
        roots = np.sqrt(bias) * np.linalg.cholesky(model.covariances)
        rows = np.arange(len(randoms))[:, None]
        return model.means[rows, component] + np.einsum("rnij,rnj->rni", roots[rows, component], z)

    def pool_of(self, x: Array, explicit: bool = False) -> Samples:
        return Samples(x)

    @property
    def measures(self) -> Mapping[str, Measure[Fitted]]:
        return {
            "l2_squared": self._l2_squared,
            "mean_std": lambda model: np.sqrt(_variances(model)).mean(axis=1),
            "mean_distance": lambda model: np.linalg.norm(_centre(model), axis=1),
        }

    def _l2_squared(self, model: Fitted) -> Array:
        """Integral of (p_hat - p)^2, p the real blob, in closed form: products of Gaussians integrate to Gaussians."""
        truth = self._blob(len(model.weights))
        return _overlap(model, model) - 2 * _overlap(model, truth) + _overlap(truth, truth)

    def parameters(self, model: Fitted) -> dict[str, Array]:
        return dict(vars(model))


def _overlap(one: Fitted, other: Fitted) -> Array:
    """Integral of the product of two mixtures, (R,): sum over pairs of w v N(m - n; 0, S + T)."""
    step = one.means[:, :, None] - other.means[:, None]
    covariance = one.covariances[:, :, None] + other.covariances[:, None]
    solved = np.linalg.solve(covariance, step[..., None])[..., 0]
    log_determinant = np.linalg.slogdet(2 * np.pi * covariance)[1]
    pairs = np.exp(-0.5 * (step * solved).sum(axis=-1) - 0.5 * log_determinant)
    return np.einsum("ri,rj,rij->r", one.weights, other.weights, pairs)


def _variances(model: Fitted) -> Array:
    """Mean variance over coordinates of each component, (R, k)."""
    return np.trace(model.covariances, axis1=2, axis2=3) / model.covariances.shape[2]


def _centre(model: Fitted) -> Array:
    """Mean (R, d) of the whole mixture."""
    return np.einsum("rk,rkd->rd", model.weights, model.means)
