"""Bicubic resizing of images as Pillow does it, by two matrix products on any device."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array

SHARPNESS = -0.5  # a of the cubic kernel (Keys 1981)


def resized(images: Tensor, size: int) -> Tensor:
    """Images (n, channels, height, width) of values 0..255 as (n, channels, size, size), clipped to 0..255."""
    down, across = (_matrix_on(pixels, size, images.device) for pixels in images.shape[2:])
    return (down @ (images @ across.T)).clamp(0, 255)


@cache
def _matrix_on(pixels: int, size: int, device: torch.device) -> Tensor:
    """The weights below, float32, kept on a device for one chunk of images after the other."""
    return torch.from_numpy(bicubic_matrix(pixels, size)).to(device, torch.float32)


def bicubic_matrix(pixels: int, size: int) -> Array:
    """Weights (size, pixels) float64 of old pixels in new ones.

    The kernel is stretched when an image shrinks, and its weights are normalised, which matters at the edges.
    """
    scale = pixels / size
    centres = (np.arange(size) + 0.5) * scale
    weights = _cubic((np.arange(pixels) + 0.5 - centres[:, None]) / max(scale, 1.0))
    return weights / weights.sum(axis=1, keepdims=True)


def _cubic(x: Array) -> Array:
    a, x = SHARPNESS, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
