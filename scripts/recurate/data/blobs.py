"""Three Gaussian blobs in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, SampledData
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class Blobs(SampledData):
    """Isotropic Gaussians of equal weight at the corners of an equilateral triangle around the origin."""

    radius: float = Field(3.0, gt=0, description="distance of the blobs' centres from the origin, in data units")
    std: float = Field(1.0, gt=0, description="standard deviation of a blob, in data units")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=3)

    def centres(self) -> Array:
        """Centres (3, 2)."""
        angles = 2 * np.pi * np.arange(3) / 3 + np.pi / 2
        return self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        y = generator.integers(3, size=n)
        return self.centres()[y] + self.std * generator.standard_normal((n, 2)), y

    def classify(self, x: Array) -> Array:
        """Nearest centre."""
        return np.argmin(np.linalg.norm(x[:, None] - self.centres(), axis=-1), axis=1)
