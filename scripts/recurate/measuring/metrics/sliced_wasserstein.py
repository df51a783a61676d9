"""Sliced Wasserstein distance to held-out real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, Metric, subset

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class SlicedWasserstein(Metric):
    """Root of the mean over random directions of the squared one-dimensional 2-Wasserstein distance, in data units.

    Bonneel et al. (2015). Sorting solves the one-dimensional problem, so all samples enter.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("sliced_wasserstein", "(mean over directions of W_2^2 of the projections on them)^(1/2)", "of the data"),
    )

    projections: int = Field(64, ge=1, le=10**6, description="number of random directions")
    samples: int = Field(10_000, ge=2, description="at most so many samples of either side")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        n = min(self.samples, len(evidence.x), len(evidence.real))
        x, real = (subset(part, n, evidence.generator) for part in (evidence.x, evidence.real))
        directions = evidence.generator.standard_normal((x.shape[1], self.projections))
        return {"sliced_wasserstein": sliced_wasserstein(x, real, directions)}


def sliced_wasserstein(x: Array, y: Array, directions: Array) -> float:
    """Distance between equally many points `x` and `y` (n, d) along `directions` (d, projections) of any length."""
    unit = directions / np.linalg.norm(directions, axis=0)
    gap = np.sort(x @ unit, axis=0) - np.sort(y @ unit, axis=0)
    return float(np.sqrt(np.mean(gap**2)))
