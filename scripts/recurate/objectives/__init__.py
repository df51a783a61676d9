"""Training objectives. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recurate.components import Component

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.models import Model


class Objective(Component, ABC):
    """A loss on batches of data; its random numbers are drawn ahead, per seed, so that seeds stay independent."""

    @abstractmethod
    def draw(
        self, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, numpy.ndarray]:
        """Random numbers of `steps` steps of one seed, each array (steps, batch, ..) float32."""

    @abstractmethod
    def loss(self, model: Model, parameters: dict[str, Tensor], x: Tensor, draw: dict[str, Tensor]) -> Tensor:
        """Loss (seeds,) on data `x` (seeds, batch, *shape) in network units; `draw` holds (seeds, batch, ..)."""
