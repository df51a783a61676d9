"""Reward for text that does not repeat itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.curation.rewards import TextReward, words
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class DistinctWords(TextReward):
    """r(x) = gamma times the number of different words over that of all words, 0 for a text without words."""

    gamma: float = Field(1.0, gt=0, description="scale of the reward")

    @property
    def supremum(self) -> float:
        return self.gamma

    def score(self, texts: list[str]) -> Array:
        tokens = [words(text) for text in texts]
        return self.gamma * np.array([len(set(each)) / max(len(each), 1) for each in tokens])
