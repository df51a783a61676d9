"""Judges: fixed models that score samples. One module per kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.files.arrays import read_arrays
from recurate.foundation.components import Component
from recurate.foundation.contract import Given, gives
from recurate.foundation.device import out_of_memory
from recurate.foundation.lazy import np, torch
from recurate.foundation.results import array, finite_tensor, named, pair, tensor
from recurate.models.parts.checkpoint import Checkpoint, matched

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description, RealData
    from recurate.foundation.types import Array

Shapes = dict[str, tuple[int, ...]]


def _fitted(judge: Judge, given: Given, value: object) -> dict[str, Array]:
    """Parameters of the names and shapes that the judge says."""
    found, shapes = named(value, "arrays"), judge.shapes(given.real.train_x.shape[1:], given.classes)
    if found.keys() != shapes.keys():
        raise ValueError(
            f"gave the parameters {', '.join(sorted(found))}; its shapes are of {', '.join(sorted(shapes))}"
        )
    return {name: array(part, shapes[name]) for name, part in found.items()}


def _judged(_: Judge, given: Given, value: object) -> tuple[Tensor, Tensor]:
    logits, features = pair(value, "logits and features")
    n = len(given.x)
    return finite_tensor(tensor(logits, (n, None))), finite_tensor(tensor(features, (n, None)))


class Judge(Component, ABC):
    """A classifier trained once on real data, or read from a file."""

    is_pretrained: ClassVar[bool] = False  # whether it is another library's, which its jobs then need
    wants_gpu: ClassVar[bool] = False  # whether a cluster is asked for a GPU to train it and to judge with it

    minimum_accuracy: float = Field(0.0, ge=0, le=1, description="held-out accuracy below which the judge is refused")
    weights: Checkpoint | None = Field(None, description="parameters trained elsewhere; trained here if none")

    @property
    def files(self) -> tuple[str, ...]:
        return (self.weights.path,) if self.weights else ()

    chunk: int = Field(1_000, ge=1, description="samples judged at a time; fewer need less memory")

    @abstractmethod
    def shapes(self, shape: tuple[int, ...], classes: int) -> Shapes:
        """Shapes of the parameters, by name, for samples of `shape`."""

    @abstractmethod
    @gives(_fitted)
    def fit(self, real: RealData, classes: int, generator: Generator, device: str = "cpu") -> dict[str, Array]:
        """Train on the training part of `real`; returns the parameters."""

    @abstractmethod
    @gives(_judged)
    def evaluate(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, classes) and features (n, d), float32, of samples `x` (n, *shape), all at a time.

        All of them on the device on which the parameters and the samples are; no gradient is asked for.
        """

    def check(self, data: Description) -> None:
        """Raise ValueError with one sentence if this judge cannot be trained on such data."""

    def read_weights(self, shape: tuple[int, ...], classes: int) -> dict[str, Array]:
        """Parameters from `weights`, for samples of `shape`.

        Raises RecurateError if they are another network's.
        """
        assert self.weights is not None
        state = self.weights.read()
        # PyTorch's batch normalisation counts its steps; the count does not enter its results.
        state = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
        return matched(state, self.shapes(shape, classes), self.weights.path)


@dataclass(frozen=True)
class FittedJudge:
    """A judge with its parameters."""

    judge: Judge
    parameters: dict[str, Array]
    device: str = "cpu"

    @classmethod
    def read(cls, judge: Judge, path: str | Path, device: str = "cpu") -> FittedJudge:
        """A judge with parameters from its file."""
        return cls(judge, read_arrays(path), device)

    @cached_property
    def _on_device(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(value).to(self.device) for name, value in self.parameters.items()}

    def log_probabilities(self, x: Array) -> Array:
        """Logarithms of the class probabilities (n, classes) float64, finite however small a probability is."""
        logits = self._evaluate(x, 0).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def probabilities(self, x: Array) -> Array:
        """Class probabilities q (n, classes) float64."""
        return np.exp(self.log_probabilities(x))

    def classify(self, x: Array) -> Array:
        """Most probable class (n,) int64."""
        return np.argmax(self._evaluate(x, 0), axis=1)

    def features(self, x: Array) -> Array:
        """Features of the last hidden layer (n, d) float32."""
        return self._evaluate(x, 1)

    def _evaluate(self, x: Array, part: int) -> Array:
        """Logits (`part` 0) or features (1); what is not asked for is dropped chunk by chunk, as it may be large."""
        parts = []
        with out_of_memory("judging samples", f"lower judge.chunk (now {self.judge.chunk})"), torch.no_grad():
            for first in range(0, len(x), self.judge.chunk):
                rows = torch.from_numpy(x[first : first + self.judge.chunk]).to(self.device)
                parts.append(self.judge.evaluate(self._on_device, rows)[part].cpu().numpy())
        return np.concatenate(parts)
