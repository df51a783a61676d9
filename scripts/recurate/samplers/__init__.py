"""Samplers: how samples are drawn from a trained network. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from recurate.components import Component
from recurate.lazy import np, torch
from recurate.models import Model, VelocityModel
from recurate.randomness import numpy_generator

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.data import Description


@dataclass(frozen=True)
class Request:
    """A sample set to be drawn: for which seeds, how many samples of which shape, with which random numbers.

    Every stream of random numbers belongs to a seed, a generation, a stage and `part`. `real` are the training data
    (n, *shape) in data units, for samplers that need them.
    """

    seeds: list[int]
    generation: int
    samples: int
    shape: tuple[int, ...]
    device: str = "cpu"
    stage: str = "sample"
    part: tuple[int, ...] = ()
    real: numpy.ndarray | None = None

    def generators(self, *part: int) -> list[numpy.random.Generator]:
        """A generator for each seed; `part` numbers independent streams."""
        return [numpy_generator(seed, self.generation, self.stage, *self.part, *part) for seed in self.seeds]

    def latents(self, *shape: int) -> Tensor:
        """Standard normal numbers (seeds, samples, *shape) float32."""
        size = (self.samples, *shape)
        drawn = [generator.standard_normal(size, dtype=np.float32) for generator in self.generators()]
        return torch.from_numpy(np.stack(drawn)).to(self.device)


@dataclass(frozen=True)
class Drawn:
    """A sample set: `x` (seeds, samples, *shape) in network units, and other arrays (seeds, samples, ..) by name.

    `evaluations` says how often the network was evaluated for a sample, on average.
    """

    x: Tensor
    evaluations: float
    beside: Mapping[str, numpy.ndarray] = field(default_factory=dict)


class Sampler(Component, ABC):
    """Draws samples from a network of the kind `draws_from`."""

    draws_from: ClassVar[type[Model]]
    needs_real: ClassVar[bool] = False  # whether samples begin from real data

    chunk: int = Field(5_000, ge=1, description="samples of a seed drawn at once, which bounds memory")

    @property
    def answers(self) -> int:
        """How many samples answer one prompt, whose number stands beside them as `prompt`; 0 without prompts."""
        return 0

    @abstractmethod
    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> Drawn:
        """Draw the sample set that is asked for."""

    def check(self, data: Description, model: Model, samples: int) -> None:
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
