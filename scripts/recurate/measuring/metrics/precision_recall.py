"""Precision, recall, density and coverage against real data in a feature space."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.terms import Term
from recurate.measuring.metrics import DATA, Evidence, FeatureMetric, chosen
from recurate.measuring.metrics.parts.neighbours import manifolds

if TYPE_CHECKING:
    from recurate.data import Description


class PrecisionRecall(FeatureMetric):
    """Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    The manifold of a set is the union of balls around its points that reach to their k-th neighbour. Precision is the
    share of samples inside the real manifold, recall that of real data inside the samples'; density is the number of
    real balls a sample lies in, over k; coverage the share of real balls that hold a sample. A point on the edge of a
    ball is outside: a generator collapsed to one real point has recall 0. Values depend on k and on the number of
    points, which is the same for both sides; both are written beside them.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("precision_{features}", "share of samples within a ball of a real datum, to its k-th neighbour"),
        Term("recall_{features}", "share of real data within a ball of a sample, to its k-th neighbour"),
        Term("density_{features}", "mean over samples of the number of real balls they lie in, over k"),
        Term("coverage_{features}", "share of real balls that hold a sample"),
        Term("neighbours_{features}", "k"),
        Term("manifold_samples_{features}", "number of samples, and of real data, that these rest on", "samples"),
    )

    features: str = Field(DATA, description="feature space, one of the study's features, or data")
    neighbours: int = Field(3, ge=1, description="k, neighbour that sets the radius of a ball")
    samples: int = Field(2_000, ge=2, description="at most so many samples and as many real data")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        space = evidence.space(self.features)
        size = min(self.samples, len(space.x), len(space.reference))
        if self.neighbours >= size:
            raise RecurateError(f"precision_recall: neighbours: {self.neighbours} needs more than {size} samples")
        x, real = (chosen(part, size, evidence.generator) for part in (space.x, space.reference))
        scores = manifolds(x, real, self.neighbours)
        values = {
            "precision": scores.precision,
            "recall": scores.recall,
            "density": scores.density,
            "coverage": scores.coverage,
            "neighbours": float(self.neighbours),
            "manifold_samples": float(size),
        }
        return {f"{name}_{space.name}": value for name, value in values.items()}

    def check(self, data: Description) -> None:
        if self.neighbours >= self.samples:
            raise ValueError(f"neighbours: {self.neighbours} must be smaller than samples: {self.samples}")
