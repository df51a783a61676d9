"""Sampling by integrating the flow's differential equation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import Model
from recurate.sampling import TYPICAL
from recurate.sampling.parts.flow import FlowSampler, VectorField, exact_slope

if TYPE_CHECKING:
    from torch import Tensor

# Explicit Runge-Kutta methods: for each stage its time and its weights on the earlier slopes; then the final weights.
TABLEAUS: dict[str, tuple[list[tuple[float, list[float]]], list[float]]] = {
    "euler": ([(0.0, [])], [1.0]),
    "midpoint": ([(0.0, []), (0.5, [0.5])], [0.0, 1.0]),
    "heun": ([(0.0, []), (1.0, [1.0])], [0.5, 0.5]),
    "rk4": ([(0.0, []), (0.5, [0.5]), (0.5, [0.0, 0.5]), (1.0, [0.0, 0.0, 1.0])], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
}


class ODE(FlowSampler):
    """dx/dt = v(x, t) from t = 0 (noise) to t = 1 (data), with equal steps."""

    method: Literal["euler", "midpoint", "heun", "rk4"] = Field("midpoint", description="Runge-Kutta method")
    steps: int = Field(
        20,
        ge=1,
        le=100_000,
        description="number of equal steps; midpoint and heun evaluate twice a step, rk4 four times",
    )

    def kept_variance(self, model: Model, deviation: float = TYPICAL) -> float:
        stages, weights = TABLEAUS[self.method]
        h, x = 1.0 / self.steps, 1.0
        for step in range(self.steps):
            slopes: list[float] = []
            for offset, coefficients in stages:
                point = x + h * sum(a * k for a, k in zip(coefficients, slopes, strict=True))
                slopes.append(exact_slope((step + offset) * h, deviation) * point)
            x += h * sum(b * k for b, k in zip(weights, slopes, strict=True))
        return (x / deviation) ** 2

    def generate(self, model: VectorField, parameters: dict[str, Tensor], latents: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat(
                [self._integrate(model, parameters, part) for part in latents.split(self.chunk, dim=1)], dim=1
            )

    def _integrate(self, model: VectorField, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        stages, weights = TABLEAUS[self.method]
        h = 1.0 / self.steps
        for step in range(self.steps):
            slopes: list[Tensor] = []
            for offset, coefficients in stages:
                point = x + h * sum(
                    (a * k for a, k in zip(coefficients, slopes, strict=True) if a), torch.zeros_like(x)
                )
                time = torch.full(x.shape[:2], (step + offset) * h, device=x.device)
                slopes.append(model.velocity(parameters, point, time))
            x = x + h * sum((b * k for b, k in zip(weights, slopes, strict=True) if b), torch.zeros_like(x))
        return x
