"""What theory says about simulated loops: laws of recorded numbers, each with its source and the way it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

    from recurate.closed_form.estimators import Preference
    from recurate.mixing.regimes import Regime, Sizes
    from recurate.mixing.simulated import Collection


@dataclass(frozen=True)
class SimulatedLoop:
    """A loop around an estimator: regime, sizes, the scaling of the model's covariance, curation, the horizon."""

    rule: Regime
    sizes: Sizes
    generations: int
    sampling_bias: float = 1.0
    preference: Preference | None = None
    collection: Collection | None = None

    def wrong_share(self, generation: int) -> float:
        """Probability that real data which are new in a generation come from the wrong distribution."""
        return self.collection.wrong_share(generation) if self.collection else 0.0


@dataclass(frozen=True)
class Law:
    """A statement about the mean of a measure over replicates, for generations 0, 1, .., T.

    `deviation` is the standard deviation of one replicate, or a lower bound of it, where theory knows one, (T + 1,).
    `order` is None of an exact law; of one for many samples the size of what it leaves out, up to a factor, in units
    of the measure, (T + 1,).
    """

    measure: str
    values: numpy.ndarray
    source: str
    deviation: numpy.ndarray | None = None
    order: numpy.ndarray | None = None
