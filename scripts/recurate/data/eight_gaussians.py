"""Gaussians evenly spaced on a circle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, SampledData
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class EightGaussians(SampledData):
    """Equal mixture of isotropic Gaussians on a circle; mode 0 lies at (radius, 0), the others follow anticlockwise."""

    modes: int = Field(8, ge=1, description="number of Gaussians")
    radius: float = Field(4.0, gt=0, description="radius of the circle of means, in data units")
    std: float = Field(0.3, gt=0, description="standard deviation of each coordinate, in data units")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=self.modes)

    def centres(self) -> Array:
        """Means (modes, 2)."""
        angle = 2 * math.pi * np.arange(self.modes) / self.modes
        return self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        y = generator.integers(self.modes, size=n)
        return self.centres()[y] + self.std * generator.standard_normal((n, 2)), y

    def classify(self, x: Array) -> Array:
        """Nearest mean."""
        return np.argmin(np.linalg.norm(x[:, None] - self.centres(), axis=-1), axis=1)
