"""Random changes to training images that keep their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import torch

if TYPE_CHECKING:
    from torch import Generator, Tensor


def shifted(x: Tensor, generator: Generator, most: int = 1) -> Tensor:
    """Images (n, height, width, channels), each shifted by up to `most` pixels either way; what enters is zero.

    `generator` is on the CPU, whatever the device of the images, so that every device draws the same shifts.
    """
    count, height, width, _ = x.shape
    down, right = torch.randint(0, 2 * most + 1, (2, count, 1, 1), generator=generator).to(x.device)
    rows = down + torch.arange(height, device=x.device)[None, :, None]
    columns = right + torch.arange(width, device=x.device)[None, None, :]
    padded = torch.nn.functional.pad(x, (0, 0, most, most, most, most))
    return padded[torch.arange(count, device=x.device)[:, None, None], rows, columns]


def mirrored(x: Tensor, generator: Generator) -> Tensor:
    """Images (n, height, width, channels), each with probability 1/2 mirrored left to right."""
    mirror = torch.rand((len(x), 1, 1, 1), generator=generator).to(x.device) < 0.5
    return torch.where(mirror, x.flip(2), x)
