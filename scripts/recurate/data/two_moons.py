"""Two interleaved half circles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, SampledData
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


class TwoMoons(SampledData):
    """Upper half of the unit circle around (0, 0) and lower half of the one around (1, 1/2), with Gaussian noise.

    The same curves as scikit-learn's `make_moons`, with points uniform in angle.
    """

    noise: float = Field(0.1, gt=0, description="standard deviation of the noise on each coordinate, in data units")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=2)

    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        y = generator.integers(2, size=n)
        angle = math.pi * generator.random(n)
        sign = 1 - 2 * y
        curve = np.stack([y + sign * np.cos(angle), 0.5 * y + sign * np.sin(angle)], axis=1)
        return curve + self.noise * generator.standard_normal((n, 2)), y

    def classify(self, x: Array) -> Array:
        """The moon whose half circle is nearer."""
        upper = _distance_to_half_circle(x)
        lower = _distance_to_half_circle(np.stack([1 - x[:, 0], 0.5 - x[:, 1]], axis=1))
        return (lower < upper).astype(np.int64)


def _distance_to_half_circle(x: Array) -> Array:
    """Distance (n,) of points (n, 2) to the upper half of the unit circle."""
    to_circle = np.abs(np.linalg.norm(x, axis=1) - 1)
    ends = np.array([[1.0, 0.0], [-1.0, 0.0]])
    to_ends = np.linalg.norm(x[:, None] - ends, axis=2).min(axis=1)
    return np.where(x[:, 1] >= 0, to_circle, to_ends)
