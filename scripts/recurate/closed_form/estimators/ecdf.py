"""The empirical distribution function in one dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.closed_form.estimators import Estimator, Measure
from recurate.closed_form.normal_mixture import NormalMixture
from recurate.closed_form.samples import Counts, counted, sampled_cells, sampled_counts
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.foundation.types import Array  # a parameter of the base class

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates


# Wang et al.'s target
WANG = NormalMixture(weights=(0.35, 0.65), means=(-2.0, 1.0), stds=(0.8, 1.3))


@dataclass(frozen=True)
class CellShares:
    """Probability of every cell, (R, cells); of the truth, which all replicates share, (1, cells)."""

    shares: Array


@dataclass(frozen=True)
class Discrepancy:
    """How far cell probabilities (R, points + 1) are from the true ones; each part is computed once, when asked for."""

    estimator: Ecdf
    shares: Array

    @cached_property
    def of_functions(self) -> Array:
        """F_hat - F at the grid points, (R, points)."""
        return np.cumsum(self.shares[:, :-1], axis=1) - self.estimator.truly[0]

    @cached_property
    def of_kernel_means(self) -> Array:
        """Maximum mean discrepancy (R,) of the cell probabilities, with a Gaussian kernel of bandwidth 1/2."""
        return np.linalg.norm((self.shares - self.estimator.truly[1]) @ self.estimator.kernel_root, axis=1)


class Ecdf(Estimator[CellShares, Counts, Discrepancy]):
    """Resampling a pool: the model is the pool's empirical distribution, seen at the points of a grid.

    Wang, Niu and Li (2602.16065). Between grid points only the number of samples matters, and resampling keeps every
    sample in its cell, so that a loop draws cell counts, whatever the size of its pool.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("w1", "integral of |F - F'|, F the fitted and F' the true distribution function", "of the data"),
        Term("squared_distance", "integral of (F - F')^2", "of the data"),
        Term("mmd", "MMD of the fitted and the true law, Gaussian kernel of bandwidth 1/2"),
        Term("mmd_squared", "its square"),
    )

    target: NormalMixture = Field(WANG, description="distribution of the real data")
    wrong: NormalMixture | None = Field(None, description="distribution of wrongly collected real data")
    points: int = Field(500, ge=2, description="grid points, the ends included")
    reach: float = Field(6.0, gt=0, description="the grid covers the target's mean +- so many standard deviations")

    @property
    def has_contaminant(self) -> bool:
        return self.wrong is not None

    @cached_property
    def grid(self) -> Array:
        """Points (points,) at which distribution functions are compared."""
        half = self.reach * self.target.std
        return np.linspace(self.target.mean - half, self.target.mean + half, self.points)

    @property
    def spacing(self) -> float:
        """Distance of grid points."""
        return float(self.grid[1] - self.grid[0])

    def cell_shares(self, wrong_share: float = 0.0) -> Array:
        """Probability (points + 1,) of the cells up to the first point, between points, and beyond the last."""
        shares = _cells(self.target.cdf(self.grid))
        if self.wrong is None or wrong_share == 0:
            return shares
        return (1 - wrong_share) * shares + wrong_share * _cells(self.wrong.cdf(self.grid))

    def truth(self, initial: int, randoms: Replicates) -> CellShares:
        return CellShares(self.cell_shares()[None])

    def real(
        self, truth: CellShares, n: int, randoms: Replicates, wrong_share: float = 0.0, explicit: bool = False
    ) -> Counts:
        shares = self.cell_shares(wrong_share)[None] if wrong_share else truth.shares
        return sampled_counts(shares, n, randoms)

    def fit(self, pool: Counts, randoms: Replicates) -> CellShares:
        return CellShares(pool.shares)

    def sample_pool(
        self, model: CellShares, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Counts:
        return sampled_counts(model.shares, n, randoms)

    def samples(self, model: CellShares, n: int, randoms: Replicates, bias: float = 1.0) -> Array:
        """Samples at the middle of their cells, those of the outermost cells half a cell beyond the grid."""
        return self._middles[sampled_cells(model.shares, n, randoms)][..., None]

    @cached_property
    def _middles(self) -> Array:
        return np.append(self.grid - self.spacing / 2, self.grid[-1] + self.spacing / 2)

    def pool_of(self, x: Array, explicit: bool = False) -> Counts:
        return counted(np.searchsorted(self.grid, x[..., 0]), self.points + 1)

    @property
    def measures(self) -> Mapping[str, Measure[Discrepancy]]:
        return {
            "w1": lambda seen: np.abs(seen.of_functions).sum(axis=1) * self.spacing,
            "squared_distance": lambda seen: np.square(seen.of_functions).sum(axis=1) * self.spacing,
            "mmd": lambda seen: seen.of_kernel_means,
            "mmd_squared": lambda seen: np.square(seen.of_kernel_means),
        }

    def seen(self, model: CellShares) -> Discrepancy:
        """How far the model's cell probabilities are from the true ones."""
        return Discrepancy(self, self.seen_shares(model))

    def seen_shares(self, model: CellShares) -> Array:
        """Probabilities (R, points + 1) of the cells between grid points."""
        return model.shares

    @cached_property
    def truly(self) -> tuple[Array, Array]:
        """Distribution function (points,) and cell probabilities (points + 1,) of the real data."""
        return self.target.cdf(self.grid), self.cell_shares()

    def one_sample(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean and spread of the squared distance and of MMD^2 of one sample, both squares of a random vector.

        Of a vector with covariance C the square has mean tr C and, if it is normal, standard deviation (2 tr C^2)^1/2.
        """
        cdf, _ = self.truly
        bridge = self.spacing * (np.minimum.outer(cdf, cdf) - np.outer(cdf, cdf))
        cramer, discrepancy = (
            (float(np.trace(c)), float(np.sqrt(2 * np.square(c).sum()))) for c in (bridge, self._kernel_covariance)
        )
        return cramer, discrepancy

    @cached_property
    def _kernel_covariance(self) -> Array:
        """Covariance (r, r) of the vector whose square is the MMD^2 of one sample."""
        shares = self.truly[1]
        mean = shares @ self.kernel_root
        return (self.kernel_root.T * shares) @ self.kernel_root - np.outer(mean, mean)

    def kernel_spread(self) -> Array:
        """Eigenvalues (r,) of that covariance, which weigh squares of normal numbers where samples are many."""
        return np.maximum(np.linalg.eigvalsh(self._kernel_covariance), 0)

    @cached_property
    def kernel_root(self) -> Array:
        """Root (points + 1, r) of the kernel matrix between the middles of cells, which is of low rank."""
        kernel = np.exp(-np.square(self._middles[:, None] - self._middles) / (2 * MMD_BANDWIDTH**2))
        values, vectors = np.linalg.eigh(kernel)
        above_rounding = values > values[-1] * 1e-12
        return vectors[:, above_rounding] * np.sqrt(values[above_rounding])

    def parameters(self, model: CellShares) -> dict[str, Array]:
        return {"shares": model.shares}


MMD_BANDWIDTH = 0.5  # of the kernel of Wang et al.'s figures, in data units


def _cells(cdf: Array) -> Array:
    return np.diff(cdf, prepend=0.0, append=1.0)
