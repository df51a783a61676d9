"""Kernel distance to real data in a feature space."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, FeatureMetric, chosen

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class KernelDistance(FeatureMetric):
    """Unbiased squared MMD with a cubic polynomial kernel, mean over random subsets (Binkowski et al. 2018).

    It is called kid on Inception's features only. Unlike the Fréchet distance it has no bias from few samples.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("kernel_distance_{features}", "unbiased squared MMD, kernel (x . y / d + 1)^3, mean over random subsets"),
        Term("kid", "kernel_distance_{features} of the features inception"),
    )

    subsets: int = Field(100, ge=1, le=10**6, description="number of random subsets")
    subset_size: int = Field(1_000, ge=2, description="samples of either side in a subset; all if there are fewer")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        space = evidence.space(self.features)
        size = min(self.subset_size, len(space.x), len(space.reference))
        estimates = []
        for _ in range(self.subsets):
            x, real = (chosen(part, size, evidence.generator) for part in (space.x, space.reference))
            estimates.append(polynomial_mmd_squared(x.astype(np.float64), real.astype(np.float64)))
        name = "kid" if space.name == "inception" else f"kernel_distance_{space.name}"
        return {name: float(np.mean(estimates))}


def polynomial_mmd_squared(x: Array, y: Array) -> float:
    """Unbiased squared MMD of `x` (n, d) and `y` (m, d) float64 with the kernel (x . y / d + 1)^3; may be negative.

    Raises RecurateError if one is a single point.
    """
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise RecurateError(f"kernel_distance: two points of either kind are needed, there are {n} and {m}")
    within = [(_kernel(z, z).sum() - _cubed(np.square(z).sum(1), z).sum()) / (len(z) * (len(z) - 1)) for z in (x, y)]
    return float(sum(within) - 2 * _kernel(x, y).mean())


def _kernel(x: Array, y: Array) -> Array:
    return _cubed(x @ y.T, x)


def _cubed(products: Array, x: Array) -> Array:
    """(product / d + 1)^3; multiplied out, because powers of arrays are slow."""
    base = products / x.shape[1] + 1
    return base * base * base
