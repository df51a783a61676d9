"""The training loop: all seeds of a job at once, resumable, the same on every run.

Random numbers are drawn per seed and per chunk of steps from a generator of that (seed, generation, chunk), so a seed
sees the same numbers alone as in a batch, and a resumed run the same as an undisturbed one.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recurate.files.arrays import read_arrays, read_metadata, write_arrays
from recurate.files.fingerprints import arrays_digest
from recurate.foundation.device import out_of_memory
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import numpy_generator, torch_generator
from recurate.models.parts.units import Encoding
from recurate.training.state import State
from recurate.training.training_set import Pool

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array
    from recurate.models import Model
    from recurate.training.objectives import Objective
from recurate.training.settings import Training

CHUNK = 50


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
    save_every: float = math.inf  # seconds

    def initial(self) -> dict[str, Tensor]:
        """Random parameters, stacked over the seeds."""
        alone = [
            self.model.initial(self.encoding.shape, torch_generator(seed, self.generation, "train", 0))
            for seed in self.seeds
        ]
        return {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}

    def start(self, model: str | Path | None = None, carry_over: Collection[str] = ()) -> State:
        """State to train from: random parameters, or those of the file `model` with what is carried over from it."""
        if model is None:
            return State(self.initial(), self.settings, self.device)
        return State.read(model, self.settings, self.device, carry_over)

    def train(self, state: State, pool: Pool) -> tuple[State, Array]:
        """Train `state`, or what an interrupted run made of it; also gives every chunk's mean loss (seeds, chunks).

        Raises RecurateError as soon as a loss is not finite, naming seed and step, and if memory does not suffice.
        """
        chunks = math.ceil(self.settings.steps / CHUNK)
        state, losses = self._resume(state)
        saved = time.monotonic()
        remedy = f"lower training.batch_size (now {self.settings.batch_size}) or seeds_per_job"
        with out_of_memory(f"training generation {self.generation}", remedy):
            for chunk in self._progress(range(len(losses), chunks), losses):
                losses.append(self._chunk(chunk, state, pool))
                if time.monotonic() - saved > self.save_every and chunk + 1 < chunks:
                    arrays = {**state.arrays(complete=True), "losses": np.stack(losses)}
                    write_arrays(self.progress, arrays, {"sha256": arrays_digest(arrays)})
                    saved = time.monotonic()
        return state, np.stack(losses, axis=1)

    def finish(self) -> None:
        """Delete the private checkpoint once the result is written, and any that other settings left beside it."""
        for checkpoint in self.progress.parent.glob(f"*{self.progress.suffix}"):
            checkpoint.unlink(missing_ok=True)

    def _progress(self, chunks: range, losses: list[Array]) -> Iterator[int]:
        """Give the chunks, with a bar on a terminal and ten lines in the log."""
        from tqdm import tqdm

        bar = tqdm(chunks, initial=chunks.start, total=chunks.stop, unit="chunk", disable=not sys.stderr.isatty())
        for chunk in bar:
            yield chunk
            if chunk % max(1, chunks.stop // 10) == 0 or chunk + 1 == chunks.stop:
                print(f"step {min((chunk + 1) * CHUNK, self.settings.steps)}: mean loss {losses[-1].mean():.5f}")

    def _chunk(self, chunk: int, state: State, pool: Pool) -> Array:
        """Train for one chunk of steps; returns the mean loss of each seed."""
        first = chunk * CHUNK
        steps = min(CHUNK, self.settings.steps - first)
        pool = pool.of_chunk(chunk, steps * self.settings.batch_size)
        rows, draws = self._draw(chunk, steps, pool)
        x = self._data(chunk, rows, pool)
        if self.objective.uses_labels:
            draws["label"] = pool.labels(rows.flatten(1)).unflatten(1, rows.shape[1:])
        total = torch.zeros(len(self.seeds), device=self.device)
        for step in range(steps):
            draw = {name: numbers[:, step] for name, numbers in draws.items()}
            loss = self.objective.loss(self.model, state.parameters, x[:, step], draw)
            state.step(loss, self.settings.rate(first + step))
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
            draws.append(self.objective.draw(self.model, generator, steps, size, self.encoding.shape))
        stacked = {name: torch.from_numpy(np.stack([d[name] for d in draws])).to(self.device) for name in draws[0]}
        return torch.stack(rows).to(self.device), stacked

    def _data(self, chunk: int, rows: Tensor, pool: Pool) -> Tensor:
        """Data (seeds, steps, batch, *shape) in network units at `rows` (seeds, steps, batch).

        Gathered and encoded for all steps at once: call by call it takes a tenth of a small network's time.
        """
        x = pool.take(rows.flatten(1))
        if self.settings.horizontal_flip:
            shape = x.shape[1]
            generators = [numpy_generator(seed, self.generation, "train", 3, chunk) for seed in self.seeds]
            mirrored = torch.from_numpy(np.stack([g.random(shape) < 0.5 for g in generators])).to(self.device)
            x[mirrored] = x[mirrored].flip(-2)
        return self.encoding.encode(x).unflatten(1, rows.shape[1:])

    def _resume(self, state: State) -> tuple[State, list[Array]]:
        """What the private checkpoint holds and the losses so far, or `state` and none if there is no sound one."""
        if not self.progress.is_file():
            return state, []
        try:
            if arrays_digest(read_arrays(self.progress)) != read_metadata(self.progress)["sha256"]:
                raise RecurateError(f"{self.progress}: does not hold what was written")
            resumed = self.start(self.progress, ("optimizer", "ema") if state.average else ("optimizer",))
            losses = list(read_arrays(self.progress, ["losses"])["losses"])
        except RecurateError as error:
            print(f"starting over instead of resuming: {error}", file=sys.stderr)
            return state, []
        print(f"resuming at step {len(losses) * CHUNK} from {self.progress}", file=sys.stderr)
        return resumed, losses
