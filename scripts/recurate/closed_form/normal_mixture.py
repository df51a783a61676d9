"""One-dimensional mixtures of normal distributions on a lattice: what real data follow in loops of empirical laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from recurate.foundation.components import Settings
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array


class NormalMixture(Settings):
    """A mixture of normal distributions on the line."""

    weights: tuple[float, ...] = Field(min_length=1, description="weight of every component")
    means: tuple[float, ...] = Field(description="mean of every component")
    stds: tuple[float, ...] = Field(description="standard deviation of every component")

    @model_validator(mode="after")
    def _fits_together(self) -> NormalMixture:
        if not len(self.weights) == len(self.means) == len(self.stds):
            raise ValueError("weights, means and stds need one number for each component")
        if min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-9 or min(self.stds) <= 0:
            raise ValueError("weights must be >= 0 and add up to 1, stds must be > 0")
        return self

    @property
    def mean(self) -> float:
        """Mean of the mixture."""
        return float(np.dot(self.weights, self.means))

    @property
    def std(self) -> float:
        """Standard deviation of the mixture."""
        second = np.dot(self.weights, np.square(self.means) + np.square(self.stds))
        return float(np.sqrt(second - self.mean**2))

    def cdf(self, x: Array) -> Array:
        """Distribution function at the points `x`."""
        from scipy.special import ndtr

        standard = (x[..., None] - np.asarray(self.means)) / np.asarray(self.stds)
        return ndtr(standard) @ np.asarray(self.weights)
