"""Samplers: how samples are drawn from a trained network. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from recurate.components import Component
from recurate.drawing import Drawn, Request
from recurate.models import Model, VelocityModel

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.data import Description


class Sampler(Component, ABC):
    """Draws samples from a network of the kind `draws_from`."""

    draws_from: ClassVar[type[Model]]
    needs_real: ClassVar[bool] = False  # whether samples begin from real data

    chunk: int = Field(5_000, ge=1, description="samples of a seed drawn at once, which bounds memory")

    @property
    def uses_label_shares(self) -> bool:
        """Whether it draws classes as often as they occur in the training set."""
        return False

    @property
    def is_biased(self) -> bool:
        """Whether it draws from another law than the one that the network has learnt."""
        return False

    @property
    def answers(self) -> int:
        """How many samples answer one prompt, whose number stands beside them as `prompt`; 0 without prompts."""
        return 0

    def check(self, model: Model, drops_labels: bool) -> None:
        """Raise ValueError with one sentence if it cannot draw from such a network.

        `drops_labels` says whether that learns to do without classes, too.
        """
        if not isinstance(model, self.draws_from):
            raise ValueError(f"{self.kind} needs {self.draws_from.role}, the model {model.kind} is {model.role}")

    @abstractmethod
    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> Drawn:
        """Draw the sample set that is asked for."""

    def check_samples(self, data: Description, model: Model, samples: int) -> None:
        """Raise ValueError with one sentence if so many samples of such data cannot be drawn from the model."""


class VectorField(Protocol):
    """What an integrator needs of a model."""

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Velocity, like `x`, at points `x` (seeds, batch, *shape) and times (seeds, batch)."""


class Counted:
    """A model that counts at how many points its velocity is asked for."""

    def __init__(self, model: VectorField) -> None:
        self.model = model
        self.evaluations = 0

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """The model's velocity."""
        self.evaluations += time.numel()
        return self.model.velocity(parameters, x, time)


class FlowSampler(Sampler):
    """Moves latents along a vector field."""

    draws_from: ClassVar[type[Model]] = VelocityModel

    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> Drawn:
        assert isinstance(model, VelocityModel)
        counted = Counted(model)
        x = self.generate(counted, parameters, request.latents(*request.shape))
        return Drawn(x, counted.evaluations / (len(request.seeds) * request.samples))

    @abstractmethod
    def generate(self, model: VectorField, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        """Samples like `latents` (seeds, n, *shape), in network units, from standard normal latents."""
