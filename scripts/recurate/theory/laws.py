"""What theory says about simulated loops: laws of recorded numbers, each with its source and the way it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

    from recurate.estimators import Preference
    from recurate.mixing import Regime, Sizes


@dataclass(frozen=True)
class Collection:
    """Real data of round n = 1, 2, .. come from a wrong distribution with probability share (n + offset)^-decay."""

    share: float = 0.0
    offset: float = 0.0
    decay: float = 0.0

    def wrong_share(self, generation: int) -> float:
        """The probability in `generation` = n - 1."""
        return self.share * (generation + 1 + self.offset) ** -self.decay if self.share else 0.0


@dataclass(frozen=True)
class SimulatedLoop:
    """A loop around an estimator: regime, sizes, the scaling of the model's covariance, curation, the horizon."""

    rule: Regime
    sizes: Sizes
    generations: int
    sampling_bias: float = 1.0
    preference: Preference | None = None
    collection: Collection = Collection()


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
