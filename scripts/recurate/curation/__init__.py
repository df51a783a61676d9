"""Curation: which of a generation's samples people keep. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recurate.foundation.components import Component
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy


class Curation(Component, ABC):
    """A rule that keeps some of a generation's samples."""

    choices: float
    kept: int

    @property
    def by_prompt(self) -> bool:
        """Whether people choose among answers to one prompt, rather than among all samples."""
        return False

    @abstractmethod
    def keep(
        self, rewards: numpy.ndarray, generator: numpy.random.Generator, prompts: numpy.ndarray | None = None
    ) -> numpy.ndarray:
        """Indices (kept,) int64 of the kept samples, given all rewards (n,); a sample may be kept more than once.

        `prompts` (n,) are the numbers of the samples' prompts, where the choice is `by_prompt`.
        """

    def check(self, samples: int) -> None:
        """Raise ValueError with one sentence if a pool of `samples`, or of answers to a prompt, is too small."""


def by_prompt(prompts: numpy.ndarray) -> numpy.ndarray:
    """Rows (prompts, each) of the samples that answer each prompt, given the samples' prompts (n,).

    Raises RecurateError if some prompts have more answers than others.
    """
    found, counts = np.unique(prompts, return_counts=True)
    if len(set(counts.tolist())) != 1:
        raise RecurateError("curation: prompts have unequally many continuations; sample again")
    return np.argsort(prompts, kind="stable").reshape(len(found), -1)
