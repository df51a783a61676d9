"""Two concentric circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, SampledData
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class Circles(SampledData):
    """The unit circle and a smaller one inside it, with Gaussian noise; the curves of scikit-learn's `make_circles`."""

    inner: float = Field(0.5, gt=0, lt=1, description="radius of the inner circle, in data units")
    noise: float = Field(0.05, gt=0, description="standard deviation of the noise on each coordinate, in data units")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=2)

    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        y = generator.integers(2, size=n)
        angle = 2 * np.pi * generator.random(n)
        curve = np.where(y == 1, self.inner, 1.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return curve + self.noise * generator.standard_normal((n, 2)), y

    def classify(self, x: Array) -> Array:
        """The nearer circle."""
        return (np.linalg.norm(x, axis=1) < (1 + self.inner) / 2).astype(np.int64)
