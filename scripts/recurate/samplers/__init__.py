"""Samplers: how samples are drawn from a trained network. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from recurate.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class VectorField(Protocol):
    """What a sampler needs of a model."""

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


class Sampler(Component, ABC):
    """Turns latents into samples."""

    chunk: int = Field(5_000, ge=1, description="samples of a seed drawn at once, which bounds memory")

    @abstractmethod
    def generate(self, model: VectorField, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        """Samples like `latents` (seeds, n, *shape), in network units, from standard normal latents."""
