"""The training loop: all seeds of a job at once, resumable, the same on every run.

Random numbers are drawn per seed and per chunk of steps from a generator of that (seed, generation, chunk), so a seed
sees the same numbers alone as in a batch, and a resumed run the same as an undisturbed one.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate import store
from recurate.components import Settings
from recurate.encoding import Encoding
from recurate.errors import RecurateError
from recurate.lazy import np, torch
from recurate.mixing import draw_rows
from recurate.randomness import numpy_generator, torch_generator

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.models import Model
    from recurate.objectives import Objective

CHUNK = 50


class Training(Settings):
    """How a network is trained."""

    steps: int = Field(ge=1, description="number of optimiser steps")
    batch_size: int = Field(256, ge=1, description="samples per step and seed")
    learning_rate: float = Field(1e-3, gt=0, description="Adam's peak rate")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="course of the rate: constant, or falling to zero along a half cosine"
    )

    def rate(self, step: int) -> float:
        """Learning rate at a step, counted from 0."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass(frozen=True)
class Pool:
    """What a generation is trained on: rows of [real; curated], the real ones with probability `real_fraction`.

    `real` is (n, *shape), shared by all seeds; `curated` is (seeds, kept, *shape) or None where there is none (an
    origin). Both in data units.
    """

    real: Tensor
    curated: Tensor | None
    real_fraction: float

    def rows(self, generator: numpy.random.Generator, shape: tuple[int, ...]) -> Tensor:
        """Row numbers for one seed."""
        curated = 0 if self.curated is None else self.curated.shape[1]
        return torch.from_numpy(draw_rows(generator, self.real_fraction, len(self.real), curated, shape))

    def take(self, rows: Tensor) -> Tensor:
        """Data (seeds, batch, *shape) at `rows` (seeds, batch)."""
        real = self.real[rows.clamp(max=len(self.real) - 1)]
        if self.curated is None:
            return real
        seeds = torch.arange(len(rows), device=rows.device)[:, None]
        curated = self.curated[seeds, (rows - len(self.real)).clamp(min=0)]
        is_real = (rows < len(self.real)).reshape(*rows.shape, *[1] * (real.ndim - 2))
        return torch.where(is_real, real, curated)


@dataclass
class Trainer:
    """Trains the stacked parameters of several seeds on one generation's pool.

    `progress` is the private checkpoint: written every `save_every` seconds, read back if the same job was interrupted,
    deleted at the end. Its name must tell apart different settings and inputs.
    """

    model: Model
    objective: Objective
    settings: Training
    encoding: Encoding
    seeds: list[int]
    generation: int
    progress: Path
    device: str = "cpu"
    save_every: float = 30.0

    def initial(self) -> dict[str, Tensor]:
        """Random parameters, stacked over the seeds."""
        alone = [
            self.model.initial(self.encoding.shape, torch_generator(seed, self.generation, "train", 0))
            for seed in self.seeds
        ]
        return {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}

    def train(self, start: dict[str, Tensor], pool: Pool) -> tuple[dict[str, Tensor], numpy.ndarray]:
        """Trained parameters, and the mean loss (seeds, chunks) of every chunk of steps.

        Raises RecurateError as soon as a loss is not finite, naming seed and step.
        """
        parameters = {name: value.to(self.device).clone().requires_grad_() for name, value in start.items()}
        optimizer = torch.optim.Adam(list(parameters.values()), fused=True)
        chunks = math.ceil(self.settings.steps / CHUNK)
        losses = self._resume(parameters, optimizer)
        saved = time.monotonic()
        for chunk in self._progress(range(len(losses), chunks), losses):
            losses.append(self._chunk(chunk, parameters, optimizer, pool))
            if time.monotonic() - saved > self.save_every and chunk + 1 < chunks:
                self._save(parameters, optimizer, losses)
                saved = time.monotonic()
        return {name: value.detach() for name, value in parameters.items()}, np.stack(losses, axis=1)

    def finish(self) -> None:
        """Delete the private checkpoint once the result is written, and any that other settings left beside it."""
        for checkpoint in self.progress.parent.glob(f"*{self.progress.suffix}"):
            checkpoint.unlink(missing_ok=True)

    def _progress(self, chunks: range, losses: list[numpy.ndarray]) -> Iterator[int]:
        """Give the chunks, with a bar on a terminal and ten lines in the log."""
        from tqdm import tqdm

        bar = tqdm(chunks, initial=chunks.start, total=chunks.stop, unit="chunk", disable=not sys.stderr.isatty())
        for chunk in bar:
            yield chunk
            if chunk % max(1, chunks.stop // 10) == 0 or chunk + 1 == chunks.stop:
                print(f"step {min((chunk + 1) * CHUNK, self.settings.steps)}: mean loss {losses[-1].mean():.5f}")

    def _chunk(
        self, chunk: int, parameters: dict[str, Tensor], optimizer: torch.optim.Optimizer, pool: Pool
    ) -> numpy.ndarray:
        """Train for one chunk of steps; returns the mean loss of each seed."""
        first = chunk * CHUNK
        steps = min(CHUNK, self.settings.steps - first)
        rows, draws = self._draw(chunk, steps, pool)
        # Gathered and encoded for all steps at once: call by call it takes a tenth of a small network's time.
        x = self.encoding.encode(pool.take(rows.flatten(1))).unflatten(1, rows.shape[1:])
        total = torch.zeros(len(self.seeds), device=self.device)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = self.settings.rate(first + step)
            draw = {name: numbers[:, step] for name, numbers in draws.items()}
            loss = self.objective.loss(self.model, parameters, x[:, step], draw)
            optimizer.zero_grad(set_to_none=True)
            # Seeds share no parameter, so the gradient of the sum is each seed's own.
            loss.sum().backward()
            optimizer.step()
            total += loss.detach()
        mean = (total / steps).cpu().numpy()
        if not np.isfinite(mean).all():
            seed = self.seeds[int(np.argmin(np.isfinite(mean)))]
            raise RecurateError(
                f"training diverged: the loss of seed {seed} is not finite in generation {self.generation} "
                f"after step {first}; lower training.learning_rate (now {self.settings.learning_rate:g})"
            )
        return mean

    def _draw(self, chunk: int, steps: int, pool: Pool) -> tuple[Tensor, dict[str, Tensor]]:
        """Row numbers (seeds, steps, batch) and the objective's random numbers of one chunk."""
        size = self.settings.batch_size
        rows, draws = [], []
        for seed in self.seeds:
            rows.append(pool.rows(numpy_generator(seed, self.generation, "train", 1, chunk), (steps, size)))
            generator = numpy_generator(seed, self.generation, "train", 2, chunk)
            draws.append(self.objective.draw(generator, steps, size, self.encoding.shape))
        stacked = {name: torch.from_numpy(np.stack([d[name] for d in draws])).to(self.device) for name in draws[0]}
        return torch.stack(rows).to(self.device), stacked

    def _save(
        self, parameters: dict[str, Tensor], optimizer: torch.optim.Optimizer, losses: list[numpy.ndarray]
    ) -> None:
        arrays = {"losses": np.stack(losses)}
        for name, value in parameters.items():
            arrays[f"parameter/{name}"] = value.detach().cpu().numpy()
            for key, state in optimizer.state[value].items():
                arrays[f"{key}/{name}"] = state.cpu().numpy()
        store.write_arrays(self.progress, arrays, {})

    def _resume(self, parameters: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> list[numpy.ndarray]:
        """Load the private checkpoint into parameters and optimiser; returns the losses so far."""
        if not self.progress.is_file():
            return []
        arrays = store.read_arrays(self.progress)
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(torch.from_numpy(arrays[f"parameter/{name}"]))
                optimizer.state[value] = {
                    key: torch.from_numpy(arrays[f"{key}/{name}"]).to(self.device)
                    for key in ("step", "exp_avg", "exp_avg_sq")
                }
        print(f"resuming at step {len(arrays['losses']) * CHUNK} from {self.progress}", file=sys.stderr)
        return list(arrays["losses"])
