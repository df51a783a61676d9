"""Metrics that a study asks for, beside the ones every arm has. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.foundation.results import named, number
from recurate.foundation.terms import Term

if TYPE_CHECKING:
    import numpy

    from recurate.data import Description
    from recurate.foundation.types import Array, Slice
    from recurate.models.parts.fitted import FittedModel

DATA = "data"  # the space of the samples themselves, which needs no feature extractor
# Beginnings of the names of values that are no results but say what results rest on.
CONDITIONS = ("neighbours_", "manifold_samples_", "training_samples_", "warning_few_samples_", "perplexity_context")


@dataclass(frozen=True)
class Space:
    """One feature space: a generation's samples beside real data, all (n, d), features float32, data as they are.

    `reference` is the part of the real data that metrics compare with, `other` the remaining part;
    `reference_is_training` says that `reference` is the training part. `statistics` are `mean` and `factor` of the
    reference, computed once for an origin; the data themselves have none. `training` are all training data, also where
    `reference` and `other` are random subsets, and `held_out_nearest` (m,) the squared distances of held-out data to
    the nearest of them; both only where a metric is `against_training`. In a space that generation 0's model makes, of
    each seed its own, there are no real data: `reference` and `other` are empty.
    """

    name: str
    x: Array
    reference: Array
    other: Array
    reference_is_training: bool
    statistics: Mapping[str, Array] = field(default_factory=dict)
    training: Array | None = None
    held_out_nearest: Array | None = None


@dataclass(frozen=True)
class Evidence:
    """What a metric may look at: one seed's samples `x` (n, *shape) of one generation beside real data.

    `real` (m, *shape) is the part of the real data that metrics compare with. `spaces` are feature spaces by name.
    `generator` is the metric's own and the same for every generation and seed, so that subsets and projections add
    noise neither to a trajectory nor to the spread over seeds. `model` is the generation's own, where `needs_model`;
    `vocabulary` the number of tokens that texts are made of; the first `given` tokens of each sample are a prompt that
    it keeps, or one that every text begins with, which nobody generated.
    """

    x: Array
    real: Array
    generator: numpy.random.Generator
    spaces: Mapping[str, Space] = field(default_factory=dict)
    model: FittedModel | None = None
    vocabulary: int = 0
    given: int = 0

    def space(self, name: str) -> Space:
        """A feature space; raises RecurateError if it was not extracted."""
        if name not in self.spaces:
            raise RecurateError(f"there are no features {name!r}; extracted are {', '.join(self.spaces) or 'none'}")
        return self.spaces[name]


def _values(_: Metric, __: Given, value: object) -> dict[str, float]:
    values = named(value, "numbers")
    if not values:
        raise ValueError("gave no number; wanted is at least one")
    return {name: _number(name, part) for name, part in values.items()}


def _number(name: str, value: object) -> float:
    try:
        return number(value)
    except ValueError as error:
        raise ValueError(f"{error}, as {name}") from error


class Metric(Component, ABC):
    """One or several numbers about one generation of one seed."""

    needs_model: ClassVar[bool] = False  # asks the generation's own model
    compares: ClassVar[bool] = True  # whether it looks at real data, which spaces made by generation 0's model lack
    terms: ClassVar[tuple[Term, ...]] = ()  # its values, for the glossary
    against_training: ClassVar[bool] = False  # whether it asks how near samples and held-out data are to training data

    @property
    def space(self) -> str | None:
        """Name of the feature space that the metric looks at, or None."""
        return None

    @abstractmethod
    @gives(_values)
    def __call__(self, evidence: Evidence) -> dict[str, float]:
        """Values by metric name."""

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this metric cannot be computed on such data."""


class FeatureMetric(Metric):
    """A metric of a feature space, which its key `features` names."""

    features: str = Field(description="feature space, one of the study's features, or data")

    @property
    def space(self) -> str:
        """The space that the key `features` names, which a kind of this sort has without doing anything."""
        return self.features


def subset(x: Array, size: int, generator: numpy.random.Generator) -> Array:
    """Rows of `x` flattened to (m, d) float64; a random subset of `size` rows if there are more."""
    return chosen(x.reshape(len(x), -1), size, generator).astype("float64")


def chosen(x: Array, size: int, generator: numpy.random.Generator) -> Array:
    """Rows of `x` (n, d) as they are; a random subset of `size` rows if there are more."""
    return x[rows_at_most(len(x), size, generator)]


def rows_at_most(count: int, size: int | None, generator: numpy.random.Generator) -> Array | Slice:
    """All of `count` rows, or a random subset of `size` if there are more."""
    return slice(None) if size is None or count <= size else generator.choice(count, size, replace=False)


def joined(x: Array, others: Array) -> Array:
    """Rows of both (n, d) and (m, d), without a copy where there are no `others`."""
    return np.concatenate([x, others]) if len(others) else x
