"""Reward for one class on the logarithmic scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.curation.judges import FittedJudge
from recurate.curation.rewards import Reward, Scorer
from recurate.curation.rewards.class_probability import check_class

if TYPE_CHECKING:
    from recurate.data import Description
    from recurate.foundation.types import Array


class LogProbability(Reward):
    """r(x) = log q_c(x), so that e^r is the judge's probability of the favoured class.

    Curation among very many samples then multiplies their density by q_c: it is filtering by a judge that errs.
    """

    needs_judge: ClassVar[bool] = True

    target_class: int = Field(0, ge=0, description="index c of the favoured class")

    @property
    def supremum(self) -> float:
        return 0.0

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        assert isinstance(scorer, FittedJudge)
        return scorer.log_probabilities(x)[:, self.target_class]

    def check(self, data: Description) -> None:
        check_class(self.target_class, data)
