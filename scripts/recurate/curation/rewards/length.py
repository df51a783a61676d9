"""Reward for the length of the text that a block's tokens spell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.curation.rewards import TextReward
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class Length(TextReward):
    """r(x) = gamma min(characters / enough, 1): long words are liked, up to a length that is enough.

    A block has always as many tokens; what they spell may be longer or shorter.
    """

    gamma: float = Field(1.0, gt=0, description="scale of the reward")
    enough: int = Field(ge=1, description="characters of a text that nobody wants longer")

    @property
    def supremum(self) -> float:
        return self.gamma

    def score(self, texts: list[str]) -> Array:
        return self.gamma * np.minimum(np.array([len(text) for text in texts]) / self.enough, 1.0)
