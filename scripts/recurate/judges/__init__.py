"""Judges: fixed models that score samples. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from recurate.components import Component, load
from recurate.lazy import np
from recurate.store import read_arrays

if TYPE_CHECKING:
    import numpy
    from torch import Generator

    from recurate.data import Description, RealData


class Judge(Component, ABC):
    """A classifier trained once on real data."""

    minimum_accuracy: float = Field(0.0, ge=0, le=1, description="held-out accuracy below which the judge is refused")

    @abstractmethod
    def fit(self, real: RealData, classes: int, generator: Generator) -> dict[str, numpy.ndarray]:
        """Train on the training part of `real`; returns the parameters."""

    @abstractmethod
    def evaluate(self, parameters: dict[str, numpy.ndarray], x: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Logits (n, classes) and features (n, d), float32, of samples `x` (n, *shape)."""

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this judge cannot be trained on such data."""


@dataclass(frozen=True)
class FittedJudge:
    """A judge with its parameters."""

    judge: Judge
    parameters: dict[str, numpy.ndarray]

    @classmethod
    def read(cls, spec: dict[str, object], path: str | Path) -> FittedJudge:
        """The judge that `spec` describes, with parameters from its file."""
        return cls(load(Judge, "judges", spec), read_arrays(path))

    def probabilities(self, x: numpy.ndarray) -> numpy.ndarray:
        """Class probabilities q (n, classes) float64."""
        logits = self.judge.evaluate(self.parameters, x)[0].astype(np.float64)
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True)

    def classify(self, x: numpy.ndarray) -> numpy.ndarray:
        """Most probable class (n,) int64."""
        return np.argmax(self.judge.evaluate(self.parameters, x)[0], axis=1)

    def features(self, x: numpy.ndarray) -> numpy.ndarray:
        """Features of the last hidden layer (n, d) float32."""
        return self.judge.evaluate(self.parameters, x)[1]
