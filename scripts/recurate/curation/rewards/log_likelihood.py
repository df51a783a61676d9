"""Reward for text that generation 0 finds likely."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.curation.rewards import Reward, Scorer, check_text
from recurate.models import LanguageModel, Model
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.likelihood import log_likelihood

if TYPE_CHECKING:
    from recurate.data import Description
    from recurate.foundation.types import Array


class LogLikelihood(Reward):
    """r(x) = gamma times the mean log-probability of the block's tokens under generation 0's model.

    With gamma = 1, e^r is one over the block's perplexity.
    """

    needs_origin: ClassVar[type[Model] | None] = LanguageModel

    gamma: float = Field(1.0, gt=0, description="scale of the reward, per nat a token")

    @property
    def supremum(self) -> float:
        return 0.0

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        assert isinstance(scorer, FittedModel)
        return self.gamma * log_likelihood(scorer, x)

    def check(self, data: Description) -> None:
        check_text(data)
