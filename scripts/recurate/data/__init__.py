"""Real data. One module per kind."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.components import Component
from recurate.lazy import np

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True)
class Description:
    """What a study's settings must fit: the shape of one sample and the number of its classes (0 if it has none).

    `class_names` are what people call the classes, in their order; empty where they have only numbers.
    """

    shape: tuple[int, ...]
    classes: int
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RealData:
    """Real data: `train_x` (n, *shape), `train_y` (n,) int64, held-out `test_x`, `test_y`; images are uint8 NHWC."""

    train_x: numpy.ndarray
    train_y: numpy.ndarray
    test_x: numpy.ndarray
    test_y: numpy.ndarray

    def arrays(self) -> dict[str, numpy.ndarray]:
        """The four arrays by name."""
        return dict(vars(self))

    def checksums(self) -> dict[str, str]:
        """SHA-256 of each array's bytes in C order, as 64 hex digits."""
        return {name: hashlib.sha256(np.ascontiguousarray(a).data).hexdigest() for name, a in self.arrays().items()}


class Data(Component, ABC):
    """A source of real data with a training and a held-out part."""

    shared: ClassVar[bool] = False  # True: no settings and no randomness, so that one file serves all studies
    licence: ClassVar[str] = "not stated"

    @property
    @abstractmethod
    def description(self) -> Description:
        """Shape and classes, known without loading anything."""

    @property
    def source(self) -> str:
        """Where the data come from, with name and version."""
        return f"computed by the data kind {self.kind}"

    @abstractmethod
    def load(self, generator: numpy.random.Generator) -> RealData:
        """Draw or read the data."""

    def classify(self, x: numpy.ndarray) -> numpy.ndarray | None:
        """Classes (n,) int64 of samples (n, *shape) by geometry, or None where only a judge can tell."""
        return None


class DrawnData(Data, ABC):
    """Points of the plane, drawn at random: as many as anybody wants."""

    licence: ClassVar[str] = "none needed: drawn at random"

    train: int = Field(10_000, ge=1, description="number of training points")
    test: int = Field(10_000, ge=1, description="number of held-out points")

    @abstractmethod
    def draw(self, n: int, generator: numpy.random.Generator) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Points (n, 2) and their classes (n,) int64."""

    def load(self, generator: numpy.random.Generator) -> RealData:
        x, y = self.draw(self.train + self.test, generator)
        x = x.astype(np.float32)
        return RealData(x[: self.train], y[: self.train], x[self.train :], y[self.train :])


class PublishedData(Data, ABC):
    """A published data set with its own division into training and held-out part, fetched once for all studies."""

    shared: ClassVar[bool] = True

    @abstractmethod
    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        """The data and the source that had them, with its version; a `folder` that the user names is tried first.

        Raises RecurateError, which lists every source tried, if none gives the published data.
        """

    def load(self, generator: numpy.random.Generator) -> RealData:
        return self.fetch(None)[0]
