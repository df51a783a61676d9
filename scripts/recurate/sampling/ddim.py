"""Deterministic sampling of denoising diffusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.sampling import Request
from recurate.sampling.parts.denoising import DenoisingSampler

if TYPE_CHECKING:
    from torch import Tensor


class DDIM(DenoisingSampler):
    """Steps without noise of their own, so that samples follow from their latents (Song et al. 2021, eta = 0)."""

    def added(self, request: Request, chunk: int, step: int, size: int) -> Tensor | None:
        return None
