"""A residual fully connected network for small images, which estimates the clean image instead of the velocity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import TIME_FEATURES, VelocityModel, time_features

if TYPE_CHECKING:
    from torch import Generator, Tensor

TIME_UNITS = 32


class ResidualMLP(VelocityModel):
    """v(x, t) = (D(x, t) - x) / max(1 - t, f), with D a residual network whose blocks time scales and shifts.

    On the straight path x = (1 - t) z + t y the velocity is (y - x) / (1 - t), so D estimates the clean image y. A
    network that gives v itself must learn to amplify noise by 1 / (1 - t); D only has to come near the data, which is
    easier where these fill few of their dimensions (Li and He 2025, arXiv 2511.13720). `floor` f bounds the weight that
    the loss |v - (y - z)|^2 puts on the last moments of the path, at which pictures are already decided.
    """

    width: int = Field(256, ge=1, description="units of every layer")
    blocks: int = Field(2, ge=1, description="number of residual blocks, each of two layers")
    floor: float = Field(0.3, gt=0, le=1, description="smallest divisor of D - x; below it 1 - t no longer counts")

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        size, width, time = math.prod(shape), self.width, TIME_FEATURES
        layers = {
            "input": (size + time, width, 1.0),
            "time": (time, TIME_UNITS, 1.0),
            "modulation": (TIME_UNITS, 2 * width * self.blocks, 0.0),
            "output": (width, size, 0.0),
            "skip": (size + time, size, 0.0),
        }
        for block in range(self.blocks):
            layers[f"expand_{block}"] = (width, width, 1.0)
            layers[f"contract_{block}"] = (width, width, 0.3)
        parameters = {}
        for name, (inputs, outputs, scale) in layers.items():
            parameters[f"{name}.weight"] = scale * inputs**-0.5 * torch.randn(inputs, outputs, generator=generator)
            parameters[f"{name}.bias"] = torch.zeros(1, outputs)
        return parameters

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        divisor = (1 - time).clamp(min=self.floor).reshape(*time.shape, *[1] * (x.ndim - 2))
        return (self._clean(parameters, x.flatten(2), time).reshape(x.shape) - x) / divisor

    def _clean(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Estimate D, like `x` (seeds, batch, size); for 1 - t < floor an affine function of it and of x."""
        silu, normalise = torch.nn.functional.silu, torch.nn.functional.layer_norm

        def linear(name: str, h: Tensor) -> Tensor:
            return torch.baddbmm(parameters[f"{name}.bias"], h, parameters[f"{name}.weight"])

        embedding = time_features(time)
        modulation = linear("modulation", silu(linear("time", embedding))).chunk(2 * self.blocks, dim=-1)
        start = torch.cat([x, embedding], dim=-1)
        h = linear("input", start)
        for block in range(self.blocks):
            scale, shift = modulation[2 * block : 2 * block + 2]
            u = normalise(h, (self.width,))
            u = torch.addcmul(u + shift, u, scale)
            h = h + linear(f"contract_{block}", silu(linear(f"expand_{block}", u)))
        return linear("output", silu(h)) + linear("skip", start)
