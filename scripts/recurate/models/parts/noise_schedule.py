"""Noise added to data step by step, on a cosine schedule, and one step back from it.

After step t a sample is sqrt(s_t) x + sqrt(1 - s_t) noise, with a share of signal s_t that falls from s_0 = 1 (Ho et
al. 2020, who write alpha-bar for s).
"""

from __future__ import annotations

import itertools
import math
import operator
from functools import cache
from typing import TYPE_CHECKING

from recurate.foundation.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


OFFSET = 0.008  # keeps the noise of the first steps from being too small
LARGEST_LOSS = 0.999  # of signal in one step; the last would lose all of it


@cache
def signal_shares(steps: int) -> tuple[float, ...]:
    """Shares of signal s_0 = 1, s_1, .., s_T for T = `steps` (Nichol and Dhariwal 2021, equation 17).

    Without NumPy, which reading settings does not import: what samplers lose is computed from them then.
    """
    course = [math.cos((step / steps + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2 for step in range(steps + 1)]
    kept = [max(after / before, 1 - LARGEST_LOSS) for before, after in itertools.pairwise(course)]
    return tuple(itertools.accumulate(kept, operator.mul, initial=1.0))


@cache
def shares_on(steps: int, device: torch.device) -> Tensor:
    """The same, float32 on a device; kept there, for every step of training and of a sampler asks for them."""
    return torch.tensor(signal_shares(steps), dtype=torch.float64).to(device, torch.float32)


def visited_steps(steps: int, taken: int) -> list[int]:
    """The steps at which a network is asked by a sampler that takes fewer, T first, and 0 as the end: `taken` + 1."""
    return [round(steps * number / taken) for number in range(taken, -1, -1)]


def noised(x: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """`x` (seeds, batch, *shape) with noise of the same shape, at shares of signal (seeds, batch)."""
    s = share.reshape(*share.shape, *[1] * (x.ndim - 2))
    return s.sqrt() * x + (1 - s).sqrt() * noise


def fresh_noise(share: float, following: float) -> float:
    """Standard deviation of p(x_s | x_t, x_0), the noise that an ancestral step adds (Ho et al. 2020, equation 7).

    `share` is that of the signal at t, `following` at the earlier s.
    """
    return math.sqrt((1 - following) / (1 - share) * (1 - share / following))


def step_back(
    x: Tensor, noise: Tensor, share: float, following: float, added: Tensor | None, limit: float | None
) -> Tensor:
    """From `x` with the share `share` of signal to the larger share `following` (Song et al. 2021, equation 12).

    `noise` is what the network sees in `x`, `added` standard normal or None; with it the step is ancestral (eta = 1),
    without it deterministic (eta = 0). `limit` bounds the estimate of the clean sample in absolute value.
    """
    clean = (x - math.sqrt(1 - share) * noise) / math.sqrt(share)
    if limit is not None:
        clean = clean.clamp(-limit, limit)
        noise = (x - math.sqrt(share) * clean) / math.sqrt(1 - share)
    deviation = 0.0 if added is None else fresh_noise(share, following)
    stepped = math.sqrt(following) * clean + math.sqrt(max(1 - following - deviation**2, 0.0)) * noise
    return stepped if added is None else torch.add(stepped, added, alpha=deviation)
