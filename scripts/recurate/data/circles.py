"""Two concentric circles."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.lazy import np

if TYPE_CHECKING:
    import numpy


class Circles(Data):
    """The unit circle and a smaller one inside it, with Gaussian noise; the curves of scikit-learn's `make_circles`."""

    licence: ClassVar[str] = "none needed: drawn at random"

    inner: float = Field(0.5, gt=0, lt=1, description="radius of the inner circle, in data units")
    noise: float = Field(0.05, gt=0, description="standard deviation of the noise on each coordinate, in data units")
    train: int = Field(10_000, ge=1, description="number of training points")
    test: int = Field(10_000, ge=1, description="number of held-out points")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=2)

    def load(self, generator: numpy.random.Generator) -> RealData:
        n = self.train + self.test
        y = generator.integers(2, size=n)
        angle = 2 * np.pi * generator.random(n)
        curve = np.where(y == 1, self.inner, 1.0)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x = (curve + self.noise * generator.standard_normal((n, 2))).astype(np.float32)
        return RealData(x[: self.train], y[: self.train], x[self.train :], y[self.train :])

    def classify(self, x: numpy.ndarray) -> numpy.ndarray:
        """The nearer circle."""
        return (np.linalg.norm(x, axis=1) < (1 + self.inner) / 2).astype(np.int64)
