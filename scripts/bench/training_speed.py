"""All seeds of a job at once, by `recurate.training.Trainer`, against an ordinary loop, one seed after another."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from measuring import ROOT, Row, interleaved, largest_difference
from torch import Tensor, nn

from recurate.foundation.randomness import OBJECTIVE_NOISE, REAL_DATA, TRAINING_ROWS, numpy_generator
from recurate.models.mlp import MLP
from recurate.models.parts.units import Encoding
from recurate.study.origin import Origin
from recurate.study.reading import read_trained
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer, TrainingSet

if TYPE_CHECKING:
    from recurate.foundation.types import Array

TARGET = 2.5
AGREEMENT = 1e-4


class PlainNetwork(nn.Module):
    """The network of the study as one would write it for one seed."""

    frequencies: Tensor

    def __init__(self, inputs: int, outputs: int, width: int, depth: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi / 2 * torch.arange(1, 9))
        widths = [inputs + 16, *[width] * depth]
        layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        angle = time[:, None] * self.frequencies
        return self.layers(torch.cat([x, torch.cos(angle), torch.sin(angle)], dim=1))

    def start_from(self, parameters: dict[str, Tensor], row: int) -> None:
        """Copy one seed's parameters, so that both ways start from the same numbers."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        with torch.no_grad():
            for number, layer in enumerate(linear):
                layer.weight.copy_(parameters[f"weight_{number}"][row].T)
                layer.bias.copy_(parameters[f"bias_{number}"][row].flatten())


@dataclass
class Duel:
    """Both ways of training the origin of the mixture study, for `seeds` seeds and the first `steps` steps."""

    seeds: int
    steps: int
    losses: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin: Origin = read_trained(ROOT / "config/studies/mixture.yaml", "demo", {}).origins["gaussians"]
        real = self.origin.data.load(numpy_generator(0, 0, REAL_DATA)).train_x
        assert self.origin.training is not None, "the study trains its origin"
        self.settings = self.origin.training.model_copy(update={"steps": self.steps})
        self.training_set = TrainingSet(torch.from_numpy(real), None, 1.0)
        self.trainer = Trainer(
            self.origin.model,
            self.origin.objective,
            self.settings,
            Encoding.of(real),
            list(range(self.seeds)),
            generation=0,
            progress=Path(tempfile.mkdtemp()) / "progress.safetensors",
            save_every=math.inf,
        )
        self.start = self.trainer.initial()
        self.data = self.trainer.encoding.encode(self.training_set.real)

    def stacked(self) -> float:
        """Seconds a seed, all seeds at once."""
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            _, self.losses["stacked"] = self.trainer.train(State(self.start, self.settings, "cpu"), self.training_set)
        return (time.perf_counter() - begin) / self.seeds

    def plain(self) -> float:
        """Seconds a seed, one seed after another."""
        begin = time.perf_counter()
        self.losses["plain"] = np.stack([self._plain_seed(seed) for seed in range(self.seeds)])
        return (time.perf_counter() - begin) / self.seeds

    def _plain_seed(self, seed: int) -> Array:
        """Train one seed on the numbers that the Trainer draws for it; returns the mean loss of every chunk."""
        assert isinstance(self.origin.model, MLP)
        size = self.data.shape[1]
        network = PlainNetwork(size, size, self.origin.model.width, self.origin.model.depth)
        network.start_from(self.start, seed)
        optimizer = torch.optim.Adam(network.parameters())
        history = []
        for chunk in range(math.ceil(self.steps / CHUNK)):
            shape = (CHUNK, self.settings.batch_size)
            rows = self.training_set.rows(numpy_generator(seed, 0, TRAINING_ROWS, chunk), shape)
            draws = self.origin.objective.noise(
                self.origin.model, numpy_generator(seed, 0, OBJECTIVE_NOISE, chunk), *shape, (size,)
            )
            noise, times = torch.from_numpy(draws["noise"]), torch.from_numpy(draws["time"])
            for step in range(CHUNK):
                optimizer.param_groups[0]["lr"] = self.settings.rate(chunk * CHUNK + step)
                x, z, t = self.data[rows[step]], noise[step], times[step]
                between = (1 - t[:, None]) * z + t[:, None] * x
                loss = nn.functional.mse_loss(network(between, t), x - z)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.append(loss.item())
        return np.reshape(history, (-1, CHUNK)).mean(axis=1)


def rows(runs: int, steps: int) -> tuple[list[Row], str]:
    """Rows for 4 and 8 seeds with 1 and 2 threads, and a remark on the agreement of the losses.

    `steps` is rounded up to whole chunks.
    """
    steps = math.ceil(steps / CHUNK) * CHUNK
    found, largest = [], 0.0
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for seeds in (4, 8):
            print(f"training: {seeds} seeds, {threads} threads", file=sys.stderr)
            duel = Duel(seeds, steps)
            plain, stacked = interleaved(duel.plain, duel.stacked, runs)
            largest = max(largest, largest_difference(duel.losses, AGREEMENT))
            name = f"training, {seeds} seeds, {threads} thread{'s' * (threads > 1)}"
            found += [
                Row(f"{name}: a seed, one by one", plain, "s"),
                Row(f"{name}: a seed, all at once", stacked, "s"),
                Row(f"{name}: gain", [p / s for p, s in zip(plain, stacked, strict=True)], "", TARGET, at_least=True),
            ]
    torch.set_num_threads(before)
    remark = f"Training: {steps} steps of the mixture study's origin; losses of both ways agree to {largest:.0e}."
    return found, remark
