"""The loop without any estimation error, on a grid in one dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.closed_form.estimators import Estimator, Measure, stacked
from recurate.closed_form.loop import Preference
from recurate.closed_form.normal_mixture import NormalMixture
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.foundation.types import Array  # a parameter of the base class
from recurate.mixing.mass import Mass
from recurate.theory.forecast import statistics

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates


class Densities(Mass):
    """Probabilities (R, points) with the number of samples that they stand for when pools add up."""

    @property
    def size(self) -> int:
        """That number."""
        return int(self.weight)

    def subset(self, size: int, randoms: Replicates) -> Densities:
        """A random subset of infinitely many samples has the same law."""
        return densities(size, self.law)


def densities(size: int, law: Array) -> Densities:
    """A law (R, points) that stands for `size` samples."""
    return Densities(size, size * law)


class GridDensity(Estimator[Array, Densities, Array]):
    """All densities, infinitely many samples: p_{t+1} is the pool's law itself, and curation the exact operator p H.

    Ferbach et al. (2407.09499), equation of the retraining step; sizes only weigh the parts of a pool. Nothing is
    random.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("squared_error", "(m - m')^2, m the fitted and m' the true mean", "of the data, squared"),
        Term("variance", "variance of the fitted density", "of the data, squared"),
    )

    has_samples: ClassVar[bool] = True

    target: NormalMixture = Field(
        NormalMixture(weights=(1.0,), means=(0.0,), stds=(1.0,)), description="distribution of the real data"
    )
    points: int = Field(801, ge=2, description="grid points")
    reach: float = Field(8.0, gt=0, description="the grid covers the target's mean +- so many standard deviations")

    @property
    def grid(self) -> Array:
        """The points, (points,)."""
        half = self.reach * self.target.std
        return np.linspace(self.target.mean - half, self.target.mean + half, self.points)

    def truth(self, initial: int, randoms: Replicates) -> Array:
        half = (self.grid[1] - self.grid[0]) / 2
        shares = np.diff(self.target.cdf(np.append(self.grid - half, self.grid[-1] + half)))
        return np.tile(shares / shares.sum(), (len(randoms), 1))

    def fit(self, pool: Densities, randoms: Replicates) -> Array:
        return pool.law

    def sample_pool(
        self, model: Array, n: int, randoms: Replicates, bias: float = 1.0, explicit: bool = False
    ) -> Densities:
        return densities(n, model)

    def curated(
        self,
        model: Array,
        n: int,
        preference: Preference,
        randoms: Replicates,
        bias: float = 1.0,
        explicit: bool = False,
    ) -> tuple[Densities, Mapping[str, Array]]:
        rewards = preference.reward(self.grid[:, None], None)
        operator = preference.curation.operator(rewards)
        if operator is None:
            raise RecurateError(
                f"{self.kind} curates by exact operators, which {preference.curation.kind} does not give"
            )
        kept = np.stack([shares * operator.ratio(shares) for shares in model])
        moments = stacked([statistics(shares, rewards, preference.reward.supremum) for shares in model])
        return densities(preference.curation.kept, kept / kept.sum(axis=1, keepdims=True)), moments

    @property
    def measures(self) -> Mapping[str, Measure[Array]]:
        return {
            "squared_error": lambda model: np.square(model @ self.grid - self.target.mean),
            "variance": lambda model: model @ np.square(self.grid) - np.square(model @ self.grid),
        }

    def parameters(self, model: Array) -> dict[str, Array]:
        return {"shares": model}
