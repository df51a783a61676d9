"""What a sampler is asked for and what it gives. Training, which may draw samples too, imports no sampler for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recurate.lazy import np, torch
from recurate.randomness import numpy_generator

if TYPE_CHECKING:
    import numpy
    from torch import Tensor


@dataclass(frozen=True)
class Request:
    """A sample set to be drawn: for which seeds, how many samples of which shape, with which random numbers.

    Every stream of random numbers belongs to a seed, a generation, a stage and `part`. `label_shares` (seeds, classes)
    say how often each class occurs in the training set and `real` (n, *shape) are real data in data units, both for
    samplers that ask for them.
    """

    seeds: list[int]
    generation: int
    samples: int
    shape: tuple[int, ...]
    device: str = "cpu"
    stage: str = "sample"
    part: tuple[int, ...] = ()
    label_shares: numpy.ndarray | None = None
    real: numpy.ndarray | None = None

    def generators(self, *part: int) -> list[numpy.random.Generator]:
        """A generator for each seed; `part` numbers independent streams."""
        return [numpy_generator(seed, self.generation, self.stage, *self.part, *part) for seed in self.seeds]

    def latents(self, *shape: int) -> Tensor:
        """Standard normal numbers (seeds, samples, *shape) float32."""
        size = (self.samples, *shape)
        drawn = [generator.standard_normal(size, dtype=np.float32) for generator in self.generators()]
        return torch.from_numpy(np.stack(drawn)).to(self.device)


@dataclass(frozen=True)
class Drawn:
    """A sample set: `x` (seeds, samples, *shape) in network units, and other arrays (seeds, samples, ..) by name.

    `evaluations` says how often the network was evaluated for a sample, on average.
    """

    x: Tensor
    evaluations: float
    beside: Mapping[str, numpy.ndarray] = field(default_factory=dict)
