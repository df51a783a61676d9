"""A fully connected network for low-dimensional data."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import TIME_FEATURES, VelocityModel, time_features

if TYPE_CHECKING:
    from torch import Generator, Tensor


class MLP(VelocityModel):
    """Multi-layer perceptron on (x, cos(pi k t / 2), sin(pi k t / 2)), k = 1..8, with SiLU activations."""

    width: int = Field(64, ge=1, description="units of each hidden layer")
    depth: int = Field(3, ge=1, description="number of hidden layers")

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        size = math.prod(shape)
        widths = [size + TIME_FEATURES, *[self.width] * self.depth, size]
        parameters = {}
        for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            scale = 0.0 if layer == self.depth else inputs**-0.5
            parameters[f"weight_{layer}"] = scale * torch.randn(inputs, outputs, generator=generator)
            parameters[f"bias_{layer}"] = torch.zeros(1, outputs)
        return parameters

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        h = torch.cat([x.flatten(2), time_features(time)], dim=-1)
        for layer in range(self.depth):
            h = torch.nn.functional.silu(torch.baddbmm(parameters[f"bias_{layer}"], h, parameters[f"weight_{layer}"]))
        h = torch.baddbmm(parameters[f"bias_{self.depth}"], h, parameters[f"weight_{self.depth}"])
        return h.unflatten(2, x.shape[2:])
