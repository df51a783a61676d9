"""K-wise curation by the generalised Bradley-Terry (Luce) choice rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from recurate.curation import Choice, Curation
from recurate.curation.parts.keep_operator import KeepOperator, promptwise
from recurate.curation.parts.prompts import by_prompt
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from numpy.random import Generator

    from recurate.curation.parts.keep_operator import Operator
    from recurate.foundation.types import Array


class BradleyTerry(Curation):
    """From K samples keep one, P(keep x_k) = exp r(x_k) / sum_j exp r(x_j) (Ferbach et al. 2024, equation 1).

    `choices: .inf` keeps samples in proportion to e^r among those that there are, the limit K -> infinity for as many.

    Every choice shows K different samples, and no sample again before all others were shown. Up to samples / K choices
    are therefore disjoint and their winners as good as independent; of more choices the kept set is unbiased, but holds
    repeats. With as many choices as samples a share 1 - (1 - 1/K)^K of it is distinct if all rewards are equal (68 % at
    K = 4), and means over it have 2 - 1/K times the variance of as many fresh choices. With rewards that differ fewer
    are distinct, and means of what does not depend on the reward have 1 + (1 - 1/K) E[H^2] times that variance, with
    keep ratios H. The metrics `curation_distinct_share` and `curation_design_effect` measure both.
    """

    choices: float = Field(
        4,
        allow_inf_nan=True,
        json_schema_extra={"minimum": 1},
        description="K, samples a person chooses one from: an integer >= 1, or .inf",
    )
    kept: int = Field(
        ge=1,
        description="number of choices made, the size of the curated set; beyond samples / K they share samples",
    )
    among: Literal["all", "prompt"] = Field(
        default="all", description="what a person chooses from: any samples, or those that answer one prompt"
    )

    @field_validator("choices", mode="before")
    @classmethod
    def _integer_or_infinite(cls, value: object) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or value < 1
            or (value % 1 and value != math.inf)
        ):
            raise ValueError(f"{value!r} is not allowed; it must be an integer >= 1 or .inf")
        return value

    @property
    def by_prompt(self) -> bool:
        return self.among == "prompt"

    @property
    def bradley_terry_choices(self) -> float:
        return self.choices

    @property
    def asks_rewards(self) -> bool:
        return self.choices > 1

    def operator(self, rewards: Array, prompts: Array | None = None) -> Operator:
        if self.by_prompt:
            assert prompts is not None, "answers come with the numbers of their prompts"
            return promptwise(rewards, self.choices, by_prompt(prompts))
        return KeepOperator(rewards, self.choices)

    def check(self, samples: int) -> None:
        if self.choices != math.inf and self.choices > samples:
            raise ValueError(f"choices: {self.choices:g} is more than the {samples} samples there are")

    def keep(self, rewards: Array, generator: Generator, prompts: Array | None = None) -> Choice:
        if self.by_prompt:
            assert prompts is not None, "answers come with the numbers of their prompts"
            return self._keep_by_prompt(rewards, by_prompt(prompts), generator)
        if self.choices == math.inf:
            return Choice(proportional(rewards, self.kept, generator))
        shown = choice_sets(len(rewards), int(self.choices), self.kept, generator)
        # Gumbel-max: the arg max of r + Gumbel noise follows the softmax, without ever forming e^r.
        winner = np.argmax(rewards[shown] + generator.gumbel(size=shown.shape), axis=1)
        return Choice(np.take_along_axis(shown, winner[:, None], axis=1)[:, 0], shown)

    def _keep_by_prompt(self, rewards: Array, answers: Array, generator: Generator) -> Choice:
        """One choice after another, each among answers (prompts, each) to the next prompt in a random order."""
        passes = -(-self.kept // len(answers))
        order = np.concatenate([generator.permutation(len(answers)) for _ in range(passes)])[: self.kept]
        shown = generator.permuted(answers[order], axis=1)
        if self.choices != math.inf:
            shown = shown[:, : int(self.choices)]
        winner = np.argmax(rewards[shown] + generator.gumbel(size=shown.shape), axis=1)
        return Choice(np.take_along_axis(shown, winner[:, None], axis=1)[:, 0], shown)


def choice_sets(samples: int, choices: int, sets: int, generator: Generator) -> Array:
    """Choice sets (sets, choices) int64 of distinct samples, each a uniformly random subset.

    Permutations of all samples are cut into consecutive sets, so that every sample is offered equally often (up to one
    pass): with K = 1 and as many choices as samples, everything is kept exactly once.
    """
    per_pass = samples // choices
    passes = -(-sets // per_pass)
    cut = [generator.permutation(samples)[: per_pass * choices].reshape(per_pass, choices) for _ in range(passes)]
    return np.concatenate(cut)[:sets]


def proportional(rewards: Array, kept: int, generator: Generator) -> Array:
    """Indices (kept,) drawn independently in proportion to e^r, with the weights formed from r - max r."""
    weights = np.exp(rewards.astype(np.float64) - rewards.max())
    cumulative = np.cumsum(weights)
    return np.searchsorted(cumulative, generator.random(kept) * cumulative[-1], side="right").astype(np.int64)
