"""Real data. One module per kind."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from recurate.foundation.components import Component, component_class
from recurate.foundation.contract import Given, gives
from recurate.foundation.lazy import np
from recurate.foundation.results import WHOLE, array, indices, instance, pair

if TYPE_CHECKING:
    import numpy

    from recurate.foundation.types import Array


@dataclass(frozen=True)
class Description:
    """What a study's settings must fit: the shape of one sample and the number of its classes (0 if it has none).

    `class_names` are what people call the classes, in their order; empty where they have only numbers. `vocabulary` is
    the number of different tokens where a sample is a block of text, and 0 elsewhere.
    """

    shape: tuple[int, ...]
    classes: int
    class_names: tuple[str, ...] = ()
    vocabulary: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple) or not all(_is_count(size) and size for size in self.shape):
            raise ValueError(f"shape is {self.shape!r}, wanted is a tuple of whole numbers >= 1, such as (2,)")
        for name, value in (("classes", self.classes), ("vocabulary", self.vocabulary)):
            if not _is_count(value):
                raise ValueError(f"{name} is {value!r}, wanted is a whole number >= 0")
        if not isinstance(self.class_names, tuple) or len(self.class_names) not in (0, self.classes):
            raise ValueError(f"class_names are {self.class_names!r}, wanted is a tuple of one text for each class")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True)
class RealData:
    """Real data: `train_x` (n, *shape), `train_y` (n,) int64, held-out `test_x`, `test_y`; images are uint8 NHWC.

    A raw corpus has the bytes of its documents one after the other as x (bytes,) and their ends as y (documents,).
    `notes` are texts that go into the file's metadata, such as a tokenizer; `facts` go onto its card.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    notes: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, int | str] = field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> RealData:
        """Inverse of `arrays`."""
        return cls(arrays["train_x"], arrays["train_y"], arrays["test_x"], arrays["test_y"])

    def arrays(self) -> dict[str, Array]:
        """The four arrays by name."""
        return {"train_x": self.train_x, "train_y": self.train_y, "test_x": self.test_x, "test_y": self.test_y}

    def checksums(self) -> dict[str, str]:
        """SHA-256 of each array's bytes in C order, as 64 hex digits."""
        return {name: hashlib.sha256(np.ascontiguousarray(a).data).hexdigest() for name, a in self.arrays().items()}


def _real(_: Data, __: Given, value: object) -> RealData:
    return instance(value, RealData)


def _classes(data: Data, given: Given, value: object) -> Array | None:
    if value is None:
        return None
    return indices(array(value, (len(given.x),), WHOLE), data.description.classes, "class").astype("int64")


def _points(_: SampledData, given: Given, value: object) -> tuple[Array, Array]:
    x, y = pair(value, "points and their classes")
    return array(x, (given.n, 2)), array(y, (given.n,), WHOLE)


def _described(_: Data, __: Given, value: object) -> Description:
    return instance(value, Description)


class Data(Component, ABC):
    """A source of real data with a training and a held-out part."""

    shared: ClassVar[bool] = False  # True: no settings and no randomness, so that one file serves all studies
    licence: ClassVar[str] = "not stated"

    @model_validator(mode="after")
    def _published_are_the_library_s(self) -> Data:
        if self.is_own and self.shared:
            raise ValueError("shared is for the published data sets of the library; leave it out")
        if self.is_own and self.made_from is not None and not component_class(Data, self.made_from).shared:
            raise ValueError(f"made_from is {self.made_from}, which is no published data set")
        return self

    @property
    @abstractmethod
    @gives(_described)
    def description(self) -> Description:
        """Shape and classes, known without loading anything."""

    @property
    def training_size(self) -> int | None:
        """Number of training data, or None where it is not known without loading them."""
        return None

    @property
    def made_from(self) -> str | None:
        """Kind of the shared data set that these are made from, or None."""
        return None

    @property
    def source(self) -> str:
        """Where the data come from, with name and version."""
        return f"computed by the data kind {self.kind}"

    @abstractmethod
    @gives(_real)
    def load(self, generator: numpy.random.Generator) -> RealData:
        """Draw or read the data."""

    @gives(_classes)
    def classify(self, x: Array) -> Array | None:
        """Classes (n,) int64 of samples (n, *shape) by geometry, or None where only a judge can tell."""
        return None


class DerivedData(Data, ABC):
    """Data made from a shared data set, if `made_from` names one, or from the user's own files."""

    @abstractmethod
    @gives(_real)
    def derive(self, raw: RealData | None, generator: numpy.random.Generator) -> RealData:
        """The data, made from the shared ones."""

    def load(self, generator: numpy.random.Generator) -> RealData:
        return self.derive(None, generator)


class SampledData(Data, ABC):
    """Points of the plane, drawn at random: as many as anybody wants."""

    licence: ClassVar[str] = "none needed: drawn at random"

    train: int = Field(10_000, ge=1, description="number of training points")
    test: int = Field(10_000, ge=1, description="number of held-out points")

    @property
    def training_size(self) -> int | None:
        return self.train

    @abstractmethod
    @gives(_points)
    def sample(self, n: int, generator: numpy.random.Generator) -> tuple[Array, Array]:
        """Points (n, 2) and their classes (n,) int64."""

    def load(self, generator: numpy.random.Generator) -> RealData:
        x, y = self.sample(self.train + self.test, generator)
        x = x.astype(np.float32)
        return RealData(x[: self.train], y[: self.train], x[self.train :], y[self.train :])


class PublishedData(Data, ABC):
    """A published data set with its own division into training and held-out part, fetched once for all studies."""

    shared: ClassVar[bool] = True
    published_size: ClassVar[int | None] = None  # number of training data

    @property
    def training_size(self) -> int | None:
        return self.published_size

    @abstractmethod
    def fetch(self, folder: str | None) -> tuple[RealData, str]:
        """The data and the source that had them, with its version; a `folder` that the user names is tried first.

        Raises RecurateError, which lists every source tried, if none gives the published data.
        """

    def load(self, generator: numpy.random.Generator) -> RealData:
        return self.fetch(None)[0]
