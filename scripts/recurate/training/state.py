"""What training changes, in memory and on disk: parameters, their running average, Adam's moments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.arrays import read_arrays, read_parameters
from recurate.foundation.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array
    from recurate.training.settings import Training

ADAM = ("step", "exp_avg", "exp_avg_sq")


class State:
    """Stacked parameters of several seeds on `device`, with what the optimiser remembers of them.

    In a file `parameter/NAME` is the network to sample from: the running average, where there is one. A file with all
    of the state also has the parameters that Adam moves, `raw/NAME`, if there is an average beside them, and Adam's
    `exp_avg/NAME`, `exp_avg_sq/NAME` and `step/NAME`.
    """

    def __init__(self, start: Mapping[str, Tensor], settings: Training, device: str) -> None:
        """Begin at the parameters `start`, which are copied; the average begins there too."""
        self.settings = settings
        self.device = device
        # Files have an order of their own, which a norm over all parameters would show in its last digits.
        ordered = sorted(start.items())
        self.parameters = {name: value.to(device, copy=True).requires_grad_() for name, value in ordered}
        averaged = {} if settings.ema_half_life is None else self.parameters
        self.average = {name: value.detach().clone() for name, value in averaged.items()}
        # Adam's moments are kept here: an object of torch.optim.Adam imports the compiler, which takes 1.3 s a job.
        self.adam = {
            key: {name: torch.zeros_like(value, requires_grad=False) for name, value in self.parameters.items()}
            for key in ("exp_avg", "exp_avg_sq")
        }
        self.adam["step"] = {name: torch.zeros((), device=device) for name in self.parameters}

    @classmethod
    def read(cls, path: str | Path, settings: Training, device: str, carry_over: Collection[str] = ()) -> State:
        """Begin at the sampled parameters of a file, with what is carried over.

        `ema`: begin at the raw parameters instead, and go on with the average. `optimizer`: go on with Adam's moments
        and step counts. Raises RecurateError if the file does not hold them.
        """
        sampled = {name: torch.from_numpy(value) for name, value in read_parameters(path).items()}
        state = cls(sampled, settings, device)
        if "ema" in carry_over:
            state._read_raw(path)
        if "optimizer" in carry_over:
            state._read_optimizer(path)
        return state

    def _read_raw(self, path: str | Path) -> None:
        arrays = read_arrays(path, [f"raw/{name}" for name in self.parameters])
        with torch.no_grad():
            for name, value in self.parameters.items():
                value.copy_(torch.from_numpy(arrays[f"raw/{name}"]))

    def _read_optimizer(self, path: str | Path) -> None:
        arrays = read_arrays(path, [f"{key}/{name}" for key in ADAM for name in self.parameters])
        self.adam = {
            key: {name: torch.from_numpy(arrays[f"{key}/{name}"]).to(self.device) for name in self.parameters}
            for key in ADAM
        }

    def sampled(self) -> dict[str, Tensor]:
        """Parameters to sample from: the average, where there is one."""
        return {name: value.detach() for name, value in (self.average or self.parameters).items()}

    def arrays(self, complete: bool) -> dict[str, Array]:
        """Arrays for a file: the sampled parameters or, if `complete`, all of the state."""
        parts = {"parameter": self.sampled()}
        if complete and self.average:
            parts["raw"] = self.parameters
        for key in ADAM if complete else ():
            parts[key] = self.adam[key]
        return {
            f"{part}/{name}": value.detach().cpu().numpy()
            for part, values in parts.items()
            for name, value in values.items()
        }

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Gradient of `loss` (seeds,) by every parameter, each seed's own."""
        # Seeds share no parameter, so the gradient of the sum is each seed's own.
        gradients = torch.autograd.grad(loss.sum(), list(self.parameters.values()), materialize_grads=True)
        # Adam's fused step reads numbers in the order in which they lie, which must be that of the parameters.
        return [gradient.contiguous() for gradient in gradients]

    def step(self, gradients: list[Tensor], rate: float) -> None:
        """One step down the gradients with the learning rate `rate`; the average follows."""
        parameters = list(self.parameters.values())
        with torch.no_grad():
            self._adam(parameters, gradients, rate)
            if self.average:
                torch._foreach_lerp_(list(self.average.values()), parameters, 1 - self.settings.average_weight)

    def _adam(self, parameters: list[Tensor], gradients: list[Tensor], rate: float) -> None:
        """Adam's step (Kingma and Ba 2015) with its usual constants."""
        from torch.optim.adam import adam

        exp_avg, exp_avg_sq, step = (list(self.adam[key].values()) for key in ("exp_avg", "exp_avg_sq", "step"))
        adam(
            parameters,
            gradients,
            exp_avg,
            exp_avg_sq,
            [],
            step,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=self.settings.weight_decay,
            decoupled_weight_decay=self.settings.decoupled_weight_decay,
            eps=1e-8,
            maximize=False,
        )


def clip(gradients: list[Tensor], largest: float) -> None:
    """Scale the gradients (seeds, ..) of each seed down, in place, so that their joint norm is at most `largest`."""
    norms = torch.stack([torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients])
    norm = torch.linalg.vector_norm(norms, dim=0)
    scale = (largest / norm).clamp(max=1)
    for gradient in gradients:
        gradient *= scale.reshape(-1, *[1] * (gradient.ndim - 1))
