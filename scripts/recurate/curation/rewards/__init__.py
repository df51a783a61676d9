"""Rewards r(x): what the people who curate prefer. One module per kind."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pydantic import model_validator

from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.results import array, named, number
from recurate.models import Model

if TYPE_CHECKING:
    from recurate.curation.judges import FittedJudge
    from recurate.data import Description
    from recurate.foundation.types import Array
    from recurate.models.parts.fitted import FittedModel


Scorer: TypeAlias = "FittedJudge | FittedModel | None"
WORD = re.compile(r"\w+(?:['-]\w+)*")


def _supremum(_: Reward, __: Given, value: object) -> float:
    return number(value)


def _rewards(reward: Reward, given: Given, value: object) -> Array:
    samples = given.x if hasattr(given, "x") else given.texts
    parts = (len(reward.components),) if reward.components else ()
    return array(value, (len(samples), *parts)).astype("float64")


class Reward(Component, ABC):
    """A reward, with its supremum r* known: the theory speaks of e^(r - r*)."""

    needs_judge: ClassVar[bool] = False  # whether it asks the origin's judge
    needs_origin: ClassVar[type[Model] | None] = None  # the kind of network generation 0 must be if it is asked
    reads_text: ClassVar[bool] = False  # is given decoded texts in place of tokens
    components: ClassVar[tuple[str, ...]] = ()  # names of the parts of a reward that is a vector

    @model_validator(mode="after")
    def _components_have_names_of_their_own(self) -> Reward:
        if len(named(dict.fromkeys(self.components), "parts")) < len(self.components):
            raise ValueError(f"components: {', '.join(self.components)}: give each a name of its own")
        return self

    @property
    @abstractmethod
    @gives(_supremum)
    def supremum(self) -> float:
        """r*, the least upper bound of the reward over all x; of a vector, that of the sum of its parts."""

    @abstractmethod
    @gives(_rewards)
    def __call__(self, x: Array, scorer: Scorer) -> Array:
        """Rewards (n,) float64 of samples `x` (n, *shape) in data units, or (n, k) where there are k `components`.

        `scorer` is the judge where `needs_judge`, generation 0's model where `needs_origin`, and else None. Where
        `reads_text`, `x` are texts (n,).
        """

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this reward cannot be used on such data."""


class TextReward(Reward):
    """A reward of what tokens spell."""

    reads_text: ClassVar[bool] = True

    @abstractmethod
    @gives(_rewards)
    def score(self, texts: list[str]) -> Array:
        """Rewards (n,) of `texts`."""

    def __call__(self, x: Array, scorer: Scorer) -> Array:
        return self.score(x.tolist())

    def check(self, data: Description) -> None:
        check_text(data)


def check_text(data: Description) -> None:
    """Raise ValueError with one sentence if the data are not text."""
    if not data.vocabulary:
        raise ValueError(f"it is for text, the data have shape {data.shape} and no tokens")


def words(text: str) -> list[str]:
    """Words of a text in lower case, without punctuation; a hyphen or apostrophe within a word belongs to it."""
    return WORD.findall(text.lower())
