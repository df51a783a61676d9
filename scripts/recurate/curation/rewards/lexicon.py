"""Reward for words of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from recurate.curation.rewards import TextReward, words
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class Lexicon(TextReward):
    """r(x) = gamma times the share of a text's words that are in the list, 0 for a text without words."""

    gamma: float = Field(1.0, gt=0, description="scale of the reward")
    liked: list[str] = Field(min_length=1, description="words that are liked, in lower case")

    @field_validator("liked")
    @classmethod
    def _words_as_they_are_found(cls, liked: list[str]) -> list[str]:
        """Each once, in the order of the alphabet: the same words are the same settings."""
        for word in liked:
            if words(word) != [word]:
                raise ValueError(f"{word!r} is not one word in lower case")
        return sorted(set(liked))

    @property
    def supremum(self) -> float:
        return self.gamma

    def score(self, texts: list[str]) -> Array:
        liked, tokens = set(self.liked), [words(text) for text in texts]
        return self.gamma * np.array([sum(word in liked for word in each) / max(len(each), 1) for each in tokens])
