"""Whether samples lie closer to training data than to data the model has not seen."""

from __future__ import annotations

from pydantic import Field

from recurate.measuring.metrics import DATA, Evidence, FeatureMetric, chosen
from recurate.measuring.metrics.parts.neighbours import nearest_squared


class Memorisation(FeatureMetric):
    """Share of samples whose nearest neighbour, among equally many training and held-out data, is a training one.

    Without memorisation it is 1/2, with copies of training data 1; a sample equally near to both counts half.
    """

    features: str = Field(DATA, description="feature space, one of the study's features, or data")
    samples: int = Field(10_000, ge=1, description="at most so many samples, training data and held-out data")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        space = evidence.space(self.features)
        size = min(self.samples, len(space.reference), len(space.other))
        x = chosen(space.x, self.samples, evidence.generator)
        parts = (chosen(part, size, evidence.generator) for part in (space.reference, space.other))
        reference, other = (nearest_squared(x, part) for part in parts)
        share = (reference < other).mean() + (reference == other).mean() / 2
        return {f"memorisation_{space.name}": float(share if space.reference_is_training else 1 - share)}
