"""Reward for one class, as a judge sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.curation.judges import FittedJudge
from recurate.curation.rewards import Reward, Scorer

if TYPE_CHECKING:
    from recurate.data import Description
    from recurate.foundation.types import Array


class ClassProbability(Reward):
    """r(x) = gamma q_c(x), q being the judge's class probabilities (Ferbach et al. 2024: gamma = 5, airplanes)."""

    needs_judge: ClassVar[bool] = True

    gamma: float = Field(5.0, gt=0, description="scale of the reward")
    target_class: int = Field(0, ge=0, description="index c of the favoured class")

    @property
    def supremum(self) -> float:
        return self.gamma

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        assert isinstance(scorer, FittedJudge)
        return self.gamma * scorer.probabilities(x)[:, self.target_class]

    def check(self, data: Description) -> None:
        check_class(self.target_class, data)


def check_class(target_class: int, data: Description) -> None:
    """Raise ValueError with one sentence if the data have no such class."""
    if not data.classes:
        raise ValueError(f"target_class {target_class} does not exist, the data have no labels")
    if target_class >= data.classes:
        raise ValueError(f"target_class {target_class} does not exist, the data have {data.classes} classes")
