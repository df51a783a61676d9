"""Sampling by integrating the flow's differential equation with steps as small as its solution needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import torch
from recurate.models import Model
from recurate.sampling import TYPICAL
from recurate.sampling.parts.flow import FlowSampler, VectorField, exact_slope

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ExactField:
    """The velocity of straight paths from N(0, 1) to data N(0, `deviation`^2)."""

    deviation: float

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Velocity, like `x` (seeds, batch, 1), at one time (seeds, batch) for all."""
        return exact_slope(float(time.flatten()[0]), self.deviation) * x


class DormandPrince(FlowSampler):
    """dx/dt = v(x, t) from t = 0 (noise) to t = 1 (data) by the pair of orders 5 and 4 of Dormand and Prince (1980).

    A step is taken if the root mean square of error / (absolute + relative |x|), over all coordinates of a chunk, is at
    most 1. Every seed is integrated by itself, so that its steps do not depend on the other seeds of a job.
    """

    relative_tolerance: float = Field(1e-5, gt=0, description="local error allowed, relative to each coordinate")
    absolute_tolerance: float = Field(1e-5, gt=0, description="local error allowed beside that, in network units")

    def kept_variance(self, model: Model, deviation: float = TYPICAL) -> float:
        moved = self.generate(ExactField(deviation), {}, torch.ones(1, 1, 1))
        return float(moved.square()) / deviation**2

    def generate(self, model: VectorField, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        seeds = []
        with torch.no_grad():
            for seed in range(len(latents)):
                of_seed = {name: value[seed : seed + 1] for name, value in parameters.items()}
                parts = latents[seed : seed + 1].split(self.chunk, dim=1)
                seeds.append(torch.cat([self._integrate(model, of_seed, part) for part in parts], dim=1))
        return torch.cat(seeds)

    def _integrate(self, model: VectorField, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        from torchdiffeq import odeint

        times = torch.tensor([0.0, 1.0], device=x.device)
        try:
            return odeint(
                lambda time, point: model.velocity(parameters, point, time.expand(point.shape[:2])),
                x,
                times,
                rtol=self.relative_tolerance,
                atol=self.absolute_tolerance,
                method="dopri5",
                options={"step_t": times[1:]},  # ends at t = 1 and not beyond, where the network was never trained
            )[-1]
        except AssertionError as error:
            reason = str(error).partition("\n")[0]
            raise RecurateError(
                f"dopri5 found no step that is small enough ({reason}); raise the sampler's tolerances or retrain"
            ) from error
