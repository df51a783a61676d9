"""Rewards r(x): what the people who curate prefer. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from recurate.components import Component

if TYPE_CHECKING:
    import numpy

    from recurate.data import Description
    from recurate.judges import FittedJudge

TOP_TOLERANCE = 1e-6  # rewards this close to their supremum count as reaching it


class Reward(Component, ABC):
    """A reward, with its supremum r* known: the theory speaks of e^(r - r*)."""

    needs_judge: ClassVar[bool] = False

    @property
    @abstractmethod
    def supremum(self) -> float:
        """r*, the least upper bound of the reward over all x."""

    @abstractmethod
    def __call__(self, x: numpy.ndarray, judge: FittedJudge | None) -> numpy.ndarray:
        """Rewards (n,) float64 of samples `x` (n, *shape); `judge` is given where `needs_judge`."""

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this reward cannot be used on such data."""
