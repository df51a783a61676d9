"""Curation: which of a generation's samples people keep. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recurate.components import Component

if TYPE_CHECKING:
    import numpy


class Curation(Component, ABC):
    """A rule that keeps some of a generation's samples."""

    choices: float
    kept: int

    @abstractmethod
    def keep(self, rewards: numpy.ndarray, generator: numpy.random.Generator) -> numpy.ndarray:
        """Indices (kept,) int64 of the kept samples, given all rewards (n,); a sample may be kept more than once."""

    def check(self, samples: int) -> None:
        """Raise ValueError with one sentence if a pool of `samples` is too small for this rule."""
