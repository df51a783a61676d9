"""A study's origin trained in two ways: all seeds at once by `recurate.training.Trainer`, and as one would write it."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from measuring import Row, Way, compared, threads
from torch import Tensor, nn

from recurate.foundation.randomness import OBJECTIVE_NOISE, TRAINING_ROWS, numpy_generator
from recurate.models.parts.units import Encoding
from recurate.study.origin import Origin
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

if TYPE_CHECKING:
    from recurate.foundation.types import Array


@dataclass
class Duel(ABC):
    """Both ways, from the same parameters and on the same numbers; their losses must agree.

    `settings` are of whole chunks of steps, without clipping, average or decoupled decay, which the ordinary loop has
    not.
    """

    origin: Origin
    settings: Training
    real: Array
    seeds: int
    losses: dict[str, Array] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.training_set = TrainingSet(torch.from_numpy(self.real), None, 1.0)
        self.trainer = Trainer(
            self.origin.model,
            self.origin.objective,
            self.settings,
            Encoding.of(self.real),
            list(range(self.seeds)),
            generation=0,
            progress=Path(tempfile.mkdtemp()) / "progress.safetensors",
            save_every=math.inf,
        )
        self.start = self.trainer.initial()
        self.data = self.trainer.encoding.encode(self.training_set.real)

    @abstractmethod
    def network(self, seed: int) -> nn.Module:
        """The network of one seed as one would write it, with the parameters `start`."""

    @abstractmethod
    def loss(self, network: nn.Module, x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        """Its loss on data (batch, *shape) in network units with the objective's random numbers (batch, ..)."""

    def told(self, seconds: float) -> float:
        """What is told of the seconds that training takes a seed."""
        return seconds

    def stacked(self) -> float:
        """All seeds at once by the Trainer."""
        state = State(self.start, self.settings, "cpu")
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            _, self.losses["stacked"] = self.trainer.train(state, self.training_set)
        return self.told((time.perf_counter() - begin) / self.seeds)

    def plain(self) -> float:
        """One seed after another by an ordinary loop."""
        networks = [self.network(seed) for seed in range(self.seeds)]
        begin = time.perf_counter()
        self.losses["plain"] = np.stack([self._train(seed, network) for seed, network in enumerate(networks)])
        return self.told((time.perf_counter() - begin) / self.seeds)

    def difference(self, allowed: float) -> float:
        """Largest relative difference between the losses of both ways; raises AssertionError if they do not agree."""
        largest = float(np.abs(self.losses["stacked"] / self.losses["plain"] - 1).max())
        assert largest < allowed, f"the losses of both ways of training differ by {largest:g} of their size"
        return largest

    def _train(self, seed: int, network: nn.Module) -> Array:
        """Train one seed on the numbers that the Trainer draws for it; mean loss of every chunk."""
        optimizer = torch.optim.Adam(network.parameters(), weight_decay=self.settings.weight_decay)
        history = []
        for chunk in range(self.settings.steps // CHUNK):
            rows, noise = self._numbers(seed, chunk)
            for step in range(CHUNK):
                optimizer.param_groups[0]["lr"] = self.settings.rate(chunk * CHUNK + step)
                loss = self.loss(network, self.data[rows[step]], {name: of[step] for name, of in noise.items()})
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.append(loss.item())
        return np.reshape(history, (-1, CHUNK)).mean(axis=1)

    def _numbers(self, seed: int, chunk: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Rows (steps, batch) and the objective's random numbers (steps, batch, ..) of a chunk."""
        size = (CHUNK, self.settings.batch_size)
        rows = self.training_set.rows(numpy_generator(seed, 0, TRAINING_ROWS, chunk), size)
        generator = numpy_generator(seed, 0, OBJECTIVE_NOISE, chunk)
        noise = self.origin.objective.noise(self.origin.model, generator, *size, self.real.shape[1:])
        return rows, {name: torch.from_numpy(values) for name, values in noise.items()}


@dataclass(frozen=True)
class Stakes:
    """What both ways are measured for: the smallest gain aimed at, and how far losses may be apart."""

    what: str
    unit: str
    target: float
    agreement: float


def duels(stakes: Stakes, begin: Callable[[int], Duel], seeds: Sequence[int], runs: int) -> tuple[list[Row], float]:
    """Rows for 1 and 2 threads and these numbers of seeds; and the largest relative difference of the losses."""
    found, largest = list[Row](), 0.0
    for number in (1, 2):
        with threads(number) as with_threads:
            for count in seeds:
                name = f"{stakes.what}, {count} seed{'s' * (count > 1)}, {with_threads}"
                print(name, file=sys.stderr)
                duel = begin(count)
                ways = Way("ordinary loop", duel.plain), Way("Trainer", duel.stacked)
                found += compared(name, stakes.unit, *ways, stakes.target, runs)
                largest = max(largest, duel.difference(stakes.agreement))
    return found, largest


def whole_chunks(steps: int) -> int:
    """As many steps, rounded up to whole chunks."""
    return math.ceil(steps / CHUNK) * CHUNK
