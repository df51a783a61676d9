"""Real data. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recurate.components import Component

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class Description:
    """What a study's settings must fit: the shape of one sample and the number of its classes (0 if it has none)."""

    shape: tuple[int, ...]
    classes: int


@dataclass(frozen=True)
class RealData:
    """Real data: `train_x` (n, *shape), `train_y` (n,) int64, held-out `test_x`, `test_y`; images are uint8 NHWC."""

    train_x: numpy.ndarray
    train_y: numpy.ndarray
    test_x: numpy.ndarray
    test_y: numpy.ndarray


class Data(Component, ABC):
    """A source of real data with a training and a held-out part."""

    @property
    @abstractmethod
    def description(self) -> Description:
        """Shape and classes, known without loading anything."""

    @abstractmethod
    def load(self, generator: numpy.random.Generator) -> RealData:
        """Draw or read the data."""

    def classify(self, x: numpy.ndarray) -> numpy.ndarray | None:
        """Classes (n,) int64 of samples (n, *shape) by geometry, or None where only a judge can tell."""
        return None
