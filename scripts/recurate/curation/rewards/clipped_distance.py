"""Reward that falls with the distance to a point, flat within a radius of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.curation.rewards import Reward
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.curation.rewards import Scorer
    from recurate.data import Description
    from recurate.foundation.types import Array


class ClippedDistance(Reward):
    """r(x) = -gamma max(0, |x - x*| - r_min).

    The clipping gives the level set r = r* = 0 positive mass, which Theorem 2.1 of Ferbach et al. (2024) needs.
    """

    gamma: float = Field(1.0, gt=0, description="slope of the reward, per unit of distance")
    target: tuple[float, ...] = Field(description="the favoured point x*, in data units")
    radius: float = Field(
        0.5, ge=0, description="r_min, distance below which the reward is at its maximum, in data units"
    )

    @property
    def supremum(self) -> float:
        return 0.0

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        distance = np.linalg.norm(x.astype(np.float64) - np.asarray(self.target), axis=-1)
        return -self.gamma * np.maximum(0.0, distance - self.radius)

    def check(self, data: Description) -> None:
        if data.shape != (len(self.target),):
            raise ValueError(f"target has {len(self.target)} coordinates, but the data have shape {data.shape}")
