"""Samplers: how samples are drawn from a trained network. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recurate.components import Component

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.models import Model


class Sampler(Component, ABC):
    """Turns latents into samples."""

    @abstractmethod
    def generate(self, model: Model, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        """Samples like `latents` (seeds, n, *shape), in network units, from standard normal latents."""
