"""Reward for whatever a judge is sure of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.curation.judges import FittedJudge
from recurate.curation.rewards import Reward, Scorer

if TYPE_CHECKING:
    from recurate.data import Description
    from recurate.foundation.types import Array


class Confidence(Reward):
    """r(x) = gamma max_i q_i(x), q being the judge's class probabilities (Ferbach et al. 2024)."""

    needs_judge: ClassVar[bool] = True

    gamma: float = Field(15.0, gt=0, description="scale of the reward; our choice, the paper's is not known")

    @property
    def supremum(self) -> float:
        return self.gamma

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        assert isinstance(scorer, FittedJudge)
        return self.gamma * scorer.probabilities(x).max(axis=1)

    def check(self, data: Description) -> None:
        if not data.classes:
            raise ValueError("a judge's confidence needs classes, the data have no labels")
