"""Maximum mean discrepancy to held-out real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, Metric, subset

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class MaximumMeanDiscrepancy(Metric):
    """Unbiased estimate of the squared MMD, Gaussian kernel (Gretton et al. 2012, equation 3); it may be negative."""

    terms: ClassVar[tuple[Term, ...]] = (
        Term("mmd_squared", "unbiased squared MMD of samples and real data, kernel e^(-|x - y|^2 / (2 bandwidth^2))"),
    )

    bandwidth: float = Field(1.0, gt=0, description="standard deviation of the kernel, in data units")
    samples: int = Field(2_000, ge=2, description="at most so many samples of either side")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        x, real = (subset(part, self.samples, evidence.generator) for part in (evidence.x, evidence.real))
        return {"mmd_squared": mmd_squared(x, real, self.bandwidth)}


def mmd_squared(x: Array, y: Array, bandwidth: float) -> float:
    """Unbiased squared MMD between `x` (n, d) and `y` (m, d); raises RecurateError if one is a single point."""
    n, m = len(x), len(y)
    if min(n, m) < 2:
        raise RecurateError(f"maximum_mean_discrepancy: two points of either kind are needed, there are {n} and {m}")
    # The diagonals of the within-sample kernels are all ones and are left out of the means.
    within_x = (_kernel(x, x, bandwidth).sum() - n) / (n * (n - 1))
    within_y = (_kernel(y, y, bandwidth).sum() - m) / (m * (m - 1))
    return float(within_x + within_y - 2 * _kernel(x, y, bandwidth).mean())


def _kernel(x: Array, y: Array, bandwidth: float) -> Array:
    kernel = (x**2).sum(1)[:, None] + (y**2).sum(1)
    kernel -= 2 * x @ y.T
    np.maximum(kernel, 0, out=kernel)
    kernel /= -2 * bandwidth**2
    return np.exp(kernel, out=kernel)
