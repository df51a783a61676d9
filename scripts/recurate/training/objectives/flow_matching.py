"""Conditional flow matching with straight paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from recurate.foundation.lazy import np, torch
from recurate.models import Model, VelocityModel
from recurate.training.objectives import Objective

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array


class FlowMatching(Objective):
    """Regression of v((1 - t) z + t x, t) on x - z, with noise z ~ N(0, I) and t uniform (Lipman et al. 2023).

    `optimal_transport` pairs noise and data of a batch by the assignment of least squared distance (OT-CFM, Tong et al.
    2024), the paper's choice for images; `independent` pairs them at random.
    """

    trains: ClassVar[type[Model]] = VelocityModel

    coupling: Literal["independent", "optimal_transport"] = Field(
        "independent", description="how noise and data are paired within a batch"
    )

    def noise(
        self, model: Model, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, Array]:
        return {
            "noise": generator.standard_normal((steps, batch_size, *shape), dtype=np.float32),
            "time": generator.random((steps, batch_size), dtype=np.float32),
        }

    def costs(self, model: Model, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        assert isinstance(model, VelocityModel)
        start, time = noise["noise"], noise["time"]
        if self.coupling == "optimal_transport":
            start = torch.stack([transport_plan(z, y) for z, y in zip(start, x, strict=True)])
        t = time.reshape(*time.shape, *[1] * (x.ndim - 2))
        error = model.velocity(parameters, (1 - t) * start + t * x, time) - (x - start)
        return error.square().flatten(2).mean(dim=2)


def transport_plan(noise: Tensor, x: Tensor) -> Tensor:
    """Noise (batch, *shape), reordered to be optimally assigned to `x` of the same shape.

    With equal weights and sizes an optimal transport plan is a permutation, so the assignment is exact.
    """
    from scipy.optimize import linear_sum_assignment

    cost = torch.cdist(x.flatten(1), noise.flatten(1)).square().cpu().numpy()
    return noise[torch.from_numpy(np.ascontiguousarray(linear_sum_assignment(cost)[1])).to(noise.device)]
