"""Improved precision and recall against held-out real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.errors import RecurateError
from recurate.lazy import np
from recurate.metrics import Evidence, Metric, subset

if TYPE_CHECKING:
    import numpy

    from recurate.data import Description


class PrecisionRecall(Metric):
    """Share of samples inside the real manifold, and of real data inside the samples' (Kynkaanniemi et al. 2019).

    The manifold of a set is the union of balls around its points that reach to their k-th neighbour, with a strict `<`:
    a generator collapsed to one point has recall 0.
    """

    neighbours: int = Field(3, ge=1, description="k, neighbour that sets the radius of a ball")
    samples: int = Field(2_000, ge=2, description="at most so many samples of either side")
    features: Literal["data", "judge"] = Field(
        "data", description="space of the distances: data units or judge features"
    )

    @property
    def needs_judge(self) -> bool:
        return self.features == "judge"

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        x, real = (subset(part, self.samples, evidence.generator) for part in self._spaces(evidence))
        precision, recall = precision_recall(x, real, self.neighbours)
        return {"precision": precision, "recall": recall}

    def _spaces(self, evidence: Evidence) -> tuple[numpy.ndarray, numpy.ndarray]:
        if self.features == "data":
            return evidence.x, evidence.real
        assert evidence.judge is not None
        return evidence.judge.features(evidence.x), evidence.judge.features(evidence.real)

    def check(self, data: Description) -> None:
        if self.neighbours >= self.samples:
            raise ValueError(f"neighbours: {self.neighbours} must be smaller than samples: {self.samples}")


def precision_recall(x: numpy.ndarray, real: numpy.ndarray, neighbours: int) -> tuple[float, float]:
    """Precision and recall of samples `x` (n, d) against `real` (m, d).

    Raises RecurateError if either set has no k-th neighbour.
    """
    from scipy.spatial.distance import cdist

    if neighbours >= min(len(x), len(real)):
        raise RecurateError(
            f"precision_recall: neighbours: {neighbours} needs more points than {len(x)} samples, {len(real)} real"
        )
    between = cdist(real, x)
    radius_real, radius_x = _radii(cdist(real, real), neighbours), _radii(cdist(x, x), neighbours)
    precision = (between < radius_real[:, None]).any(axis=0).mean()
    recall = (between < radius_x).any(axis=1).mean()
    return float(precision), float(recall)


def _radii(distances: numpy.ndarray, neighbours: int) -> numpy.ndarray:
    """Distance (n,) of each point to its k-th neighbour, itself not counted."""
    return np.partition(distances, neighbours, axis=1)[:, neighbours]
