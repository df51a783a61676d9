"""Deterministic sampling of denoising diffusion by a solver of second order."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import Model, NoiseModel
from recurate.models.parts.noise_schedule import signal_shares
from recurate.sampling import TYPICAL, Request
from recurate.sampling.parts.denoising import DenoisingSampler, Predictor, exact_clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


class DPMSolver(DenoisingSampler):
    """DPM-Solver++(2M) (Lu et al. 2022, Algorithm 2): steps in the log of signal over noise, one evaluation each.

    Every step but the first and the last extrapolates the estimates of the clean sample of this and the step before. At
    the end stands the last estimate itself.
    """

    power: float = Field(
        1.5,
        ge=1,
        description="steps are taken at T (k/n)^power, k = n .. 0, of the network's T; above 1 they are smaller where "
        "little noise is left",
    )

    def visited(self, noise_steps: int) -> list[int]:
        count = self.steps
        spaced = [round(noise_steps * (number / count) ** self.power) for number in range(count + 1)]
        for number in range(1, count + 1):  # no step twice
            spaced[number] = max(spaced[number], spaced[number - 1] + 1)
        return spaced[::-1]

    def kept_variance(self, model: Model, deviation: float = TYPICAL) -> float:
        assert isinstance(model, NoiseModel)
        shares = signal_shares(model.noise_steps)
        x = 1.0
        weights = solver_weights([shares[step] for step in self.visited(model.noise_steps)])
        before = 0.0
        for share, (of_x, of_clean, of_before) in weights:
            clean = exact_clean(share, deviation) * x
            x, before = of_x * x + of_clean * clean + of_before * before, clean
        return (x / deviation) ** 2

    def added(self, request: Request, chunk: int, step: int, size: int) -> Tensor | None:
        return None

    def _denoised(self, x: Tensor, model: NoiseModel, predict: Predictor, request: Request, chunk: int) -> Tensor:
        shares = signal_shares(model.noise_steps)
        visited = self.visited(model.noise_steps)
        before = torch.zeros_like(x)
        weights = solver_weights([shares[step] for step in visited])
        for step, (share, (of_x, of_clean, of_before)) in zip(visited, weights, strict=False):
            noise = predict(x, torch.full(x.shape[:2], step, device=x.device))
            clean = (x - math.sqrt(1 - share) * noise) / math.sqrt(share)
            if self.limit is not None:
                clean = clean.clamp(-self.limit, self.limit)
            x, before = of_x * x + of_clean * clean + of_before * before, clean
        return x


def solver_weights(shares: list[float]) -> Iterator[tuple[float, tuple[float, float, float]]]:
    """For each step between `shares` of signal, rising to 1: its share, and the weights of x and of two estimates.

    The estimates of the clean sample are that of this step and that of the step before.
    """
    before = 0.0
    for number, (share, following) in enumerate(itertools.pairwise(shares)):
        if number == len(shares) - 2:
            yield share, (0.0, 1.0, 0.0)
            return
        width = _log_ratio(following) - _log_ratio(share)
        scale = -math.sqrt(following) * math.expm1(-width)
        extrapolated = width / (2 * before) if number else 0.0
        of_x = math.sqrt((1 - following) / (1 - share))
        yield share, (of_x, scale * (1 + extrapolated), -scale * extrapolated)
        before = width


def _log_ratio(share: float) -> float:
    """Half the log of signal over noise in variance."""
    return 0.5 * math.log(share / (1 - share))
