"""Whether samples lie closer to the training data than data do that the model has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import DATA, Evidence, FeatureMetric, chosen
from recurate.measuring.metrics.parts.neighbours import nearest_squared

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class Memorisation(FeatureMetric):
    """Share of pairs of a sample and a held-out datum in which the sample lies nearer to the training data.

    The statistic of the test of data copying of Meehan et al. (2020, arXiv 2004.05675), over all of the space at once:
    distances are those to the nearest of all training data, also where `reference.samples` limits other metrics; equal
    ones count half. It is 1/2 for data that were never seen, 1 for copies, and below 1/2 for samples that lie farther
    from real data than real data do. Above 1/2 need not be copying: samples that avoid what is rare lie near, too.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("memorisation_{features}", "P(a sample is nearer to the training data than held-out data are), ties half"),
        Term("training_samples_{features}", "number of training data that nearness is measured to", "samples"),
    )

    against_training: ClassVar[bool] = True

    features: str = Field(DATA, description="feature space, one of the study's features, or data")
    samples: int = Field(10_000, ge=1, description="at most so many samples of a generation")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        space = evidence.space(self.features)
        if space.training is None or space.held_out_nearest is None:
            raise RecurateError(
                f"memorisation: nobody measured how near held-out data lie to the training data in {space.name}; "
                "delete nearness.safetensors and run the study again"
            )
        distances = nearest_squared(chosen(space.x, self.samples, evidence.generator), space.training)
        return {
            f"memorisation_{space.name}": share_of_smaller(distances, space.held_out_nearest),
            f"training_samples_{space.name}": float(len(space.training)),
        }


def share_of_smaller(x: Array, y: Array) -> float:
    """P(x < y) + P(x = y) / 2 over all pairs of entries of `x` (n,) and `y` (m,): Mann and Whitney's U over n m."""
    y = np.sort(y)
    larger = len(y) - (np.searchsorted(y, x, "left") + np.searchsorted(y, x, "right")) / 2
    return float(larger.mean() / len(y))
