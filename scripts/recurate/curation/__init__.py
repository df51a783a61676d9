"""Curation: which of a generation's samples people keep, and the exact law of what they keep. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.files.arrays import read_arrays, read_seed
from recurate.foundation.contract import Given, gives
from recurate.foundation.guard import held
from recurate.foundation.lazy import np
from recurate.foundation.randomness import CURATION, numpy_generator
from recurate.foundation.results import WHOLE, array, got, indices, instance
from recurate.mixing.keeping import Keeping

if TYPE_CHECKING:
    from numpy.random import Generator

    from recurate.curation.parts.keep_operator import Operator
    from recurate.foundation.types import Array


@dataclass(frozen=True)
class Choice:
    """What people kept: indices `kept` (kept,) int64 of samples, and those each was chosen from, `shown` (kept, K).

    A sample may be kept more than once. `shown` is None where all samples were before people's eyes.
    """

    kept: Array
    shown: Array | None = None


def _choice(curation: Curation, given: Given, value: object) -> Choice:
    """Samples that there are, as many as the settings say, each among those that were shown."""
    choice, samples = instance(value, Choice), len(given.rewards)
    kept = indices(array(choice.kept, (None,), WHOLE), samples, "sample")
    if not kept.size:
        raise ValueError(f"gave none of {samples} samples")
    if len(kept) != curation.kept:
        raise ValueError(f"gave {len(kept)} of {samples} samples; by its settings it keeps {curation.kept} (key kept)")
    if choice.shown is None:
        return Choice(kept.astype("int64"))
    shown = indices(array(choice.shown, (len(kept), None), WHOLE), samples, "sample")
    if not (shown == kept[:, None]).any(axis=1).all():
        raise ValueError("gave a sample as kept that is not among those it was chosen from")
    return Choice(kept.astype("int64"), shown)


def _operator(curation: Curation, given: Given, value: object) -> Operator | None:
    if value is not None and not callable(getattr(value, "ratio", None)):
        raise ValueError(f"gave {got(value)}; wanted is an object with a method ratio(weights), or None")
    return None if value is None else HeldOperator(curation.kind, value, len(given.rewards))  # type: ignore[arg-type,return-value]


@dataclass(frozen=True)
class HeldOperator:
    """The operator of a curation of a user's own, whose ratios are looked at: a finite number >= 0 for each sample."""

    kind: str
    operator: Operator
    samples: int

    def ratio(self, weights: Array) -> Array:
        """The operator's ratio (samples,); raises RecurateError."""
        return held(f"curation: {self.kind}: the ratio of its operator", self.operator.ratio, self._ratio)(weights)

    def _ratio(self, value: object) -> Array:
        ratio = array(value, (self.samples,))
        if ratio.min() < 0 or not ratio.sum() > 0:
            raise ValueError("gave numbers below 0, or 0 for every sample")
        return ratio.astype("float64")


class Curation(Keeping, ABC):
    """A rule that keeps some of a generation's samples."""

    takes_vectors: ClassVar[bool] = False  # whether it can choose by rewards that are vectors

    kept: int = Field(
        ge=1, description="number of samples kept; an arm of a trained study that says none keeps as many as are drawn"
    )

    @property
    def by_prompt(self) -> bool:
        """Whether people choose among answers to one prompt, rather than among all samples."""
        return False

    @property
    def bradley_terry_choices(self) -> float | None:
        """K where people choose one of K by Bradley-Terry, which the published claims are about; None elsewhere."""
        return None

    @property
    def asks_rewards(self) -> bool:
        """Whether what is kept depends on rewards; without it a change of reward trains no generation anew."""
        return True

    @abstractmethod
    @gives(_choice)
    def keep(self, rewards: Array, generator: Generator, prompts: Array | None = None) -> Choice:
        """What is kept, given all rewards (n,), or (n, k) where they are vectors.

        `prompts` (n,) are the numbers of the samples' prompts, where the choice is `by_prompt`.
        """

    def kept_unseen(self, samples: str, seeds: list[int], generation: int) -> Array:
        rewards = np.zeros(len(read_seed(samples, 0, ["x"])["x"]))
        prompts = read_arrays(samples, ["prompt"])["prompt"] if self.by_prompt else None
        drawn = []
        for row, seed in enumerate(seeds):
            of_seed = {} if prompts is None else {"prompts": prompts[row]}
            drawn.append(self.keep(rewards, numpy_generator(seed, generation, CURATION), **of_seed))
        return np.stack([choice.kept for choice in drawn])

    @gives(_operator)
    def operator(self, rewards: Array, prompts: Array | None = None) -> Operator | None:
        """The exact keep ratio for samples with `rewards` (n,) or (n, k), whatever their weights.

        A kind that knows none does not define this; it is neither forecast nor compared with a limit. That of a user's
        own is compared with what `keep` keeps of generation 0.
        """
        return None

    @property
    def has_operator(self) -> bool:
        """Whether the kind gives an exact keep ratio."""
        return type(self).operator is not Curation.operator

    def check(self, samples: int) -> None:
        """Raise ValueError with one sentence if `samples`, or the answers to a prompt, are too few."""
