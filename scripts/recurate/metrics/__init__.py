"""Metrics that a study asks for, beside the ones every arm has. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.components import Component

if TYPE_CHECKING:
    import numpy

    from recurate.data import Description
    from recurate.judges import FittedJudge


@dataclass(frozen=True)
class Evidence:
    """What a metric may look at: one seed's samples `x` (n, *shape) of one generation beside held-out real data.

    `generator` is the metric's own and the same for every generation and seed, so that subsets and projections add
    noise neither to a trajectory nor to the spread over seeds.
    """

    x: numpy.ndarray
    real: numpy.ndarray
    judge: FittedJudge | None
    generator: numpy.random.Generator


class Metric(Component, ABC):
    """One or several numbers about one generation of one seed."""

    @property
    def needs_judge(self) -> bool:
        """Whether the metric, with these settings, looks at `Evidence.judge`."""
        return False

    @abstractmethod
    def __call__(self, evidence: Evidence) -> dict[str, float]:
        """Values by metric name."""

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this metric cannot be computed on such data."""


def subset(x: numpy.ndarray, size: int, generator: numpy.random.Generator) -> numpy.ndarray:
    """Rows of `x` flattened to (m, d) float64; a random subset of `size` rows if there are more."""
    flat = x.reshape(len(x), -1).astype("float64")
    return flat if len(flat) <= size else flat[generator.choice(len(flat), size, replace=False)]
