"""Spread of samples in a feature space, without real data."""

from __future__ import annotations

from typing import ClassVar

from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, FeatureMetric


class Spread(FeatureMetric):
    """Standard deviation of each feature over the samples, averaged over the features.

    In the space `encoder` it is the statistic by which Shumailov et al. (2305.17493) show their autoencoders losing
    variety.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("spread_{features}", "mean over features of their standard deviation over samples", "of the features"),
    )

    compares: ClassVar[bool] = False

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        x = evidence.space(self.features).x
        return {f"spread_{self.features}": float(np.std(x, axis=0, dtype=np.float64).mean())}
