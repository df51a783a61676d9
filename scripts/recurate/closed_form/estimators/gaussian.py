"""A Gaussian with fitted mean and covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from recurate.closed_form import covariance_roots as roots
from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.samples import Moments, Samples
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes


@dataclass(frozen=True)
class Fitted:
    """Means (R, d) and roots of covariances (see `roots`)."""

    mean: Array
    root: Array


class Gaussian(Estimator[Fitted, Moments | Samples, Fitted]):
    """N(m, s^2 I) in d dimensions, refitted by its moments, which are drawn: a normal mean, a Wishart scatter.

    Shumailov et al. (2305.17493), Alemohammad et al. (2307.01850), Kazdan et al. (2410.16713).
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("mean_error", "|m - m'|, m the fitted and m' the true mean", "of the data"),
        Term("mean_shift", "mean over coordinates of m - m'", "of the data"),
        Term("squared_error", "mean over coordinates of (m - m')^2", "of the data, squared"),
        Term("std_error", "|(tr S / d)^(1/2) - s|, S the fitted covariance, s the true deviation", "of the data"),
        Term("variance", "tr S / d", "of the data, squared"),
        Term("log_variance", "its logarithm"),
        Term("w2_squared", "squared 2-Wasserstein distance of the fitted and the true law", "of the data, squared"),
    )

    scales_spread = True

    dimensions: int = Field(1, ge=1, description="number of coordinates d")
    mean: float = Field(0.0, description="mean m of the real data in every coordinate")
    std: float = Field(1.0, gt=0, description="standard deviation s of the real data in every coordinate")
    ddof: Literal[0, 1] = Field(1, description="the fitted covariance is the scatter divided by n - ddof")
    covariance: Literal["full", "diagonal"] = Field("full", description="whether correlations are fitted")

    @property
    def coordinates(self) -> int:
        return self.dimensions

    @property
    def diagonal(self) -> bool:
        """Whether roots are those of diagonal matrices, as all are in one dimension."""
        return self.covariance == "diagonal" or self.dimensions == 1

    def truth(self, initial: int, randoms: Replicates) -> Fitted:
        mean = np.full((len(randoms), self.dimensions), self.mean)
        root = np.full((len(randoms), self.dimensions), self.std)
        return Fitted(mean, root if self.diagonal else root[:, :, None] * np.eye(self.dimensions))

    def fit(self, pool: Moments | Samples, randoms: Replicates) -> Fitted:
        moments = pool.moments(self.diagonal) if isinstance(pool, Samples) else pool
        return Fitted(moments.mean, moments.scatter_root / np.sqrt(moments.size - self.ddof))

    def holds_samples(self, rule: Regime) -> bool:
        return rule.subsamples

    def check(self, rule: Regime, sizes: Sizes) -> None:
        needed = self.ddof + 1
        replaces = rule.real == "none" and not rule.accumulates
        if sizes.initial < needed or (replaces and sizes.synthetic < needed):
            raise ValueError(f"a covariance with ddof {self.ddof} needs {needed} samples in every generation at least")

    def sample_pool(
        self, model: Fitted, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Moments | Samples:
        if explicit:
            return Samples(self.samples(model, n, randoms, bias))
        root = np.sqrt(bias) * model.root
        z = randoms.draw(lambda generator, loops: generator.standard_normal((loops, 1, roots.columns(root))))
        mean = model.mean + roots.spread(root, z)[:, 0] / np.sqrt(n)
        return Moments(n, mean, roots.times(root, roots.wishart_root(n - 1, root, randoms)))

    def samples(self, model: Fitted, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        z = randoms.draw(lambda generator, loops: generator.standard_normal((loops, n, roots.columns(model.root))))
        return model.mean[:, None, :] + roots.spread(np.sqrt(bias) * model.root, z)

    def pool_of(self, x: Array, explicit: bool = False) -> Moments | Samples:
        return Samples(x) if explicit else Samples(x).moments(self.diagonal)

    @property
    def measures(self) -> Mapping[str, Measure[Fitted]]:
        return {
            "mean_error": self._mean_error,
            "mean_shift": lambda model: model.mean.mean(axis=1) - self.mean,
            "squared_error": lambda model: np.square(model.mean - self.mean).mean(axis=1),
            "std_error": lambda model: np.abs(np.exp(roots.log_mean_variance(model.root) / 2) - self.std),
            "variance": lambda model: np.exp(roots.log_mean_variance(model.root)),
            "log_variance": lambda model: roots.log_mean_variance(model.root),
            "w2_squared": self._w2_squared,
        }

    def _mean_error(self, model: Fitted) -> Array:
        return np.linalg.norm(model.mean - self.mean, axis=1)

    def _w2_squared(self, model: Fitted) -> Array:
        """Squared Wasserstein distance to N(m, s^2 I): |mu - m|^2 + sum (sqrt lambda_i - s)^2, lambda of Sigma."""
        spreads = np.square(roots.standard_deviations(model.root) - self.std).sum(axis=1)
        return np.square(model.mean - self.mean).sum(axis=1) + spreads

    def parameters(self, model: Fitted) -> dict[str, Array]:
        return {"mean": model.mean, "root": model.root}
