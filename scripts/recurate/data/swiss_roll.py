"""A spiral in the plane: the Swiss roll seen from its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.data import Description, SampledData
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array

START, END = 1.5, 4.5  # angles in units of pi
CURVE_POINTS = 500  # of each class, to which samples are compared


class SwissRoll(SampledData):
    """Points s (a cos a, a sin a), the angle a uniform from 3/2 pi to 9/2 pi, with Gaussian noise.

    Two of the three coordinates of scikit-learn's `make_swiss_roll`, made smaller by s = `scale`. Classes are the inner
    and the outer half of the angles.
    """

    scale: float = Field(0.2, gt=0, description="s, which brings the roll to a radius of 14 s")
    noise: float = Field(0.1, gt=0, description="standard deviation of the noise on each coordinate, in data units")

    @property
    def description(self) -> Description:
        return Description(shape=(2,), classes=2)

    def curve(self, place: Array) -> Array:
        """Points (n, 2) without noise, at places (n,) from 0 inside to 1 outside."""
        angle = np.pi * (START + (END - START) * place)
        return self.scale * angle[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        place = generator.random(n)
        return self.curve(place) + self.noise * generator.standard_normal((n, 2)), (place >= 0.5).astype(np.int64)

    def classify(self, x: Array) -> Array:
        """The half whose curve is nearer."""
        from scipy.spatial import KDTree

        halves = [self.curve((np.arange(CURVE_POINTS) / CURVE_POINTS + half) / 2) for half in (0, 1)]
        distances = [KDTree(half).query(x)[0] for half in halves]
        return np.argmin(distances, axis=0)
