"""Laws that are pooled: how much of a training set a part is, and what law it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from recurate.foundation.types import Array


@dataclass(frozen=True)
class Mass:
    """A part of a pool: its weight, and that times the probabilities (.., n) of its law."""

    weight: float
    shares: Array

    def __add__(self, other: Self) -> Self:
        return type(self)(self.weight + other.weight, self.shares + other.shares)

    @property
    def law(self) -> Array:
        """Probabilities (.., n)."""
        return self.shares / self.weight
