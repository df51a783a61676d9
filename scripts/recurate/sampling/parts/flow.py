"""Sampling by moving latents along a vector field."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from recurate.foundation.contract import Given, gives
from recurate.foundation.results import tensor
from recurate.models import Model, VelocityModel
from recurate.sampling import Request, Sampler, SampleSet

if TYPE_CHECKING:
    from torch import Tensor


class VectorField(Protocol):
    """What an integrator needs of a model."""

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Velocity, like `x`, at points `x` (seeds, batch, *shape) and times (seeds, batch)."""


def exact_slope(time: float, deviation: float) -> float:
    """Velocity over x at a time, of straight paths from N(0, 1) to data N(0, `deviation`^2)."""
    variance = (1 - time) ** 2 + (time * deviation) ** 2
    return (time * deviation**2 - (1 - time)) / variance


class Counted:
    """A model that counts at how many points its velocity is asked for."""

    def __init__(self, model: VectorField) -> None:
        self.model = model
        self.evaluations = 0

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """The model's velocity."""
        self.evaluations += time.numel()
        return self.model.velocity(parameters, x, time)


def _like_latents(_: FlowSampler, given: Given, value: object) -> Tensor:
    return tensor(value, given.latents.shape)


class FlowSampler(Sampler):
    """Moves latents along a vector field."""

    draws_from: ClassVar[type[Model]] = VelocityModel

    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> SampleSet:
        assert isinstance(model, VelocityModel)
        counted = Counted(model)
        x = self.generate(counted, parameters, request.latents(*request.shape))
        return SampleSet(x, counted.evaluations / (len(request.seeds) * request.samples))

    @abstractmethod
    @gives(_like_latents)
    def generate(self, model: VectorField, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        """Samples like `latents` (seeds, n, *shape), in network units, from standard normal latents."""
