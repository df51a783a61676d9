"""Ancestral sampling of denoising diffusion: every step adds noise again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import ADDED_NOISE
from recurate.sampling import Request
from recurate.sampling.parts.denoising import DenoisingSampler

if TYPE_CHECKING:
    from torch import Tensor


class Ancestral(DenoisingSampler):
    """Steps x_t -> x_s by p(x_s | x_t, x_0) at the estimated x_0 (Ho et al. 2020, Algorithm 2, with its variance)."""

    adds_noise = True

    def added(self, request: Request, chunk: int, step: int, size: int) -> Tensor | None:
        shape = (size, *request.shape)
        drawn = [g.standard_normal(shape, dtype=np.float32) for g in request.generators(ADDED_NOISE, chunk, step)]
        return torch.from_numpy(np.stack(drawn)).to(request.device)
