"""Training objectives. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.lazy import torch
from recurate.foundation.results import arrays, tensor
from recurate.models import Model

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array


LABEL = "label"  # the name of classes among the noise


def _noise(objective: Objective, given: Given, value: object) -> dict[str, Array]:
    noise = arrays(value, (given.steps, given.batch_size))
    if objective.uses_labels and LABEL in noise:
        raise ValueError(f"gave the name {LABEL!r}, under which classes are put beside it")
    return noise


def _costs(_: Objective, given: Given, value: object) -> Tensor:
    costs = tensor(value, given.x.shape[:2])
    trained = torch.is_grad_enabled() and any(part.requires_grad for part in given.parameters.values())
    if trained and not costs.requires_grad:
        raise ValueError("gave costs that do not depend on the parameters, so that nothing can be learnt")
    return costs


class Objective(Component, ABC):
    """A cost of every sample, whose mean over a batch is the loss.

    Its random numbers are drawn ahead, per seed, so that seeds stay independent.
    """

    trains: ClassVar[type[Model]]  # the kind of network it trains

    @property
    def uses_labels(self) -> bool:
        """Whether `costs` finds the classes of `x` in its noise, as "label"."""
        return False

    @property
    def drops_labels(self) -> bool:
        """Whether the network also learns to do without classes."""
        return False

    def check(self, model: Model) -> None:
        """Raise ValueError with one sentence if this objective cannot train such a network."""
        if not isinstance(model, self.trains):
            raise ValueError(f"{self.kind} needs {self.trains.role}, the model {model.kind} is {model.role}")

    @abstractmethod
    @gives(_noise)
    def noise(
        self, model: Model, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, Array]:
        """Random numbers of `steps` steps of one seed, each array (steps, batch, ..), for samples of `shape`."""

    @abstractmethod
    @gives(_costs)
    def costs(self, model: Model, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        """Costs (seeds, batch) of data `x` (seeds, batch, *shape) in network units; `noise` holds (seeds, batch, ..).

        Their mean over the batch is what training minimises.
        """
