"""Rewards r(x): what the people who curate prefer. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from recurate.components import Component
from recurate.models import Model

if TYPE_CHECKING:
    import numpy

    from recurate.data import Description
    from recurate.fitted_model import FittedModel
    from recurate.judges import FittedJudge


Scorer: TypeAlias = "FittedJudge | FittedModel | None"
TOP_TOLERANCE = 1e-6  # rewards this close to their supremum count as reaching it


class Reward(Component, ABC):
    """A reward, with its supremum r* known: the theory speaks of e^(r - r*)."""

    needs_judge: ClassVar[bool] = False
    needs_origin: ClassVar[type[Model] | None] = None  # the kind of network generation 0 must be if it is asked

    @property
    @abstractmethod
    def supremum(self) -> float:
        """r*, the least upper bound of the reward over all x."""

    @abstractmethod
    def __call__(self, x: numpy.ndarray, scorer: Scorer) -> numpy.ndarray:
        """Rewards (n,) float64 of samples `x` (n, *shape) in data units.

        `scorer` is the judge where `needs_judge`, generation 0's model where `needs_origin`, and else None.
        """

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this reward cannot be used on such data."""
