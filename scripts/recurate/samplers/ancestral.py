"""Ancestral sampling of denoising diffusion: every step adds noise again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.denoising_sampler import NOISE, DenoisingSampler
from recurate.drawing import Request
from recurate.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor


class Ancestral(DenoisingSampler):
    """Steps x_t -> x_s by p(x_s | x_t, x_0) at the estimated x_0 (Ho et al. 2020, Algorithm 2, with its variance)."""

    def added(self, request: Request, chunk: int, step: int, size: int) -> Tensor | None:
        shape = (size, *request.shape)
        drawn = [g.standard_normal(shape, dtype=np.float32) for g in request.generators(NOISE, chunk, step)]
        return torch.from_numpy(np.stack(drawn)).to(request.device)
