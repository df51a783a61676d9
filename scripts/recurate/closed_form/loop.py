"""A loop around an estimator, as simulation and theory see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import above_supremum, exceeds
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.closed_form.streams import Replicates
    from recurate.curation import Curation
    from recurate.curation.rewards import Reward
    from recurate.foundation.types import Array
    from recurate.mixing.regimes import Regime, Sizes
    from recurate.mixing.simulated import Collection

REWARD_MEASURES = ("reward_mean", "exp_reward_mean", "exp_reward_variance", "top_share")  # of curated loops


@dataclass(frozen=True)
class Preference:
    """What curators prefer, and how they choose."""

    reward: Reward
    curation: Curation

    def keep(self, x: Array, randoms: Replicates) -> tuple[Array, Array]:
        """Rewards (R, n) of samples `x` (R, n, d), and the kept samples (R, kept, d).

        Raises RecurateError where a user's own reward exceeds its supremum.
        """
        rewards = np.stack([self.reward(row, None) for row in x])
        if self.reward.is_own and exceeds(rewards, self.reward.supremum):
            raise RecurateError(above_supremum(self.reward.kind, rewards, self.reward.supremum))
        kept = randoms.sample_rows(lambda generator, row: self.curation.keep(row, generator).kept, rewards)
        return rewards, np.take_along_axis(x, kept[..., None], axis=1)


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
