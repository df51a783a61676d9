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
from recurate.foundation.randomness import (
    INITIAL_PARAMETERS,
    MIRRORING,
    OBJECTIVE_NOISE,
    TRAINING_ROWS,
    numpy_generator,
    torch_generator,
)
from recurate.models.parts.units import Encoding
from recurate.training.settings import Training
from recurate.training.state import State, clip
from recurate.training.training_set import TrainingSet

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array
    from recurate.models import Model
    from recurate.training.objectives import Objective

CHUNK = 50


def _shapes(parameters: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in parameters.items()}


@dataclass
class Trainer:
    """Trains the stacked parameters of several seeds on one generation's training set.

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
            self.model.initial(self.encoding.shape, torch_generator(seed, self.generation, INITIAL_PARAMETERS))
            for seed in self.seeds
        ]
        for seed, parameters in zip(self.seeds, alone, strict=True):
            if _shapes(parameters) != _shapes(alone[0]):
                raise RecurateError(
                    f"model: {self.model.kind}: initial gives the seed {seed} parameters of other names or shapes than "
                    f"the seed {self.seeds[0]}; mend it"
                )
        return {name: torch.stack([parameters[name] for parameters in alone]) for name in alone[0]}

    def start(self, model: str | Path | None = None, carry_over: Collection[str] = ()) -> State:
        """State to train from: random parameters, or those of the file `model` with what is carried over from it."""
        if model is None:
            return State(self.initial(), self.settings, self.device)
        return State.read(model, self.settings, self.device, carry_over)

    def train(self, state: State, training_set: TrainingSet) -> tuple[State, Array]:
        """Train `state`, or what an interrupted run made of it; also gives every chunk's mean loss (seeds, chunks).

        Random numbers and data are made ready for a chunk of steps at once, which would take a good part of a small
        network's time step by step. Raises RecurateError as soon as a loss is not finite, naming seed and step, and if
        memory does not suffice.
        """
        settings = self.settings
        state, losses = self._resume(state)
        saved = time.monotonic()
        remedy = f"lower training.batch_size (now {settings.batch_size}) or seeds_per_job"
        with out_of_memory(f"training generation {self.generation}", remedy):
            for chunk in self._chunks_from(len(losses), losses):
                first = chunk * CHUNK
                steps = min(CHUNK, settings.steps - first)
                data = training_set.of_chunk(chunk, steps * settings.batch_size)
                rows = self._rows(chunk, steps, data)
                noise = self._noise(chunk, steps)
                if self.objective.uses_labels:
                    noise["label"] = data.labels(rows.flatten(1)).unflatten(1, rows.shape[1:])
                batches = self._batches(chunk, rows, data)
                total = torch.zeros(len(self.seeds), device=self.device)
                for step in range(steps):
                    of_step = {name: values[:, step] for name, values in noise.items()}
                    costs = self.objective.costs(self.model, state.parameters, batches[:, step], of_step)
                    loss = costs.mean(dim=1)
                    gradients = state.gradients(loss)
                    if settings.gradient_clip is not None:
                        clip(gradients, settings.gradient_clip)
                    state.step(gradients, settings.rate(first + step))
                    total += loss.detach()
                losses.append(self._finite(total / steps, first))
                if time.monotonic() - saved > self.save_every and first + steps < settings.steps:
                    self._save(state, losses)
                    saved = time.monotonic()
        return state, np.stack(losses, axis=1)

    def finish(self) -> None:
        """Once the result is written, delete the private checkpoint and what other settings and killed jobs left."""
        for path in self.progress.parent.glob("*"):
            path.unlink(missing_ok=True)

    def _chunks_from(self, start: int, losses: list[Array]) -> Iterator[int]:
        """Give the chunks from `start` on, with a bar on a terminal and ten lines in the log."""
        from tqdm import tqdm

        chunks = range(start, math.ceil(self.settings.steps / CHUNK))
        bar = tqdm(chunks, initial=chunks.start, total=chunks.stop, unit="chunk", disable=not sys.stderr.isatty())
        for chunk in bar:
            yield chunk
            if chunk % max(1, chunks.stop // 10) == 0 or chunk + 1 == chunks.stop:
                print(f"step {min((chunk + 1) * CHUNK, self.settings.steps)}: mean loss {losses[-1].mean():.5f}")

    def _rows(self, chunk: int, steps: int, data: TrainingSet) -> Tensor:
        """Row numbers (seeds, steps, batch) of a chunk's data."""
        generators = [numpy_generator(seed, self.generation, TRAINING_ROWS, chunk) for seed in self.seeds]
        shape = (steps, self.settings.batch_size)
        return torch.stack([data.rows(generator, shape) for generator in generators]).to(self.device)

    def _noise(self, chunk: int, steps: int) -> dict[str, Tensor]:
        """The objective's random numbers (seeds, steps, batch, ..) of a chunk."""
        size, shape = self.settings.batch_size, self.encoding.shape
        generators = [numpy_generator(seed, self.generation, OBJECTIVE_NOISE, chunk) for seed in self.seeds]
        of_seeds = [self.objective.noise(self.model, generator, steps, size, shape) for generator in generators]
        stacked = {name: np.stack([of_seed[name] for of_seed in of_seeds]) for name in of_seeds[0]}
        return {name: torch.from_numpy(values).to(self.device) for name, values in stacked.items()}

    def _batches(self, chunk: int, rows: Tensor, data: TrainingSet) -> Tensor:
        """Data (seeds, steps, batch, *shape) in network units at `rows` (seeds, steps, batch).

        Gathered and encoded for all steps at once: call by call it takes a tenth of a small network's time.
        """
        x = data.take(rows.flatten(1))
        if self.settings.horizontal_flip:
            shape = x.shape[1]
            generators = [numpy_generator(seed, self.generation, MIRRORING, chunk) for seed in self.seeds]
            mirrored = torch.from_numpy(np.stack([g.random(shape) < 0.5 for g in generators])).to(self.device)
            x = torch.where(mirrored[..., None, None, None], x.flip(-2), x)
        return self.encoding.encode(x).unflatten(1, rows.shape[1:])

    def _finite(self, loss: Tensor, first: int) -> Array:
        """Mean losses (seeds,) of a chunk that began with the step `first`; RecurateError if one is not finite."""
        mean = loss.cpu().numpy()
        if not np.isfinite(mean).all():
            seed = self.seeds[int(np.argmin(np.isfinite(mean)))]
            raise RecurateError(
                f"training diverged: the loss of seed {seed} is not finite in generation {self.generation} "
                f"after step {first}; lower training.learning_rate (now {self.settings.learning_rate:g})"
            )
        return mean

    def _save(self, state: State, losses: list[Array]) -> None:
        """Write the private checkpoint."""
        arrays = {**state.arrays(complete=True), "losses": np.stack(losses)}
        write_arrays(self.progress, arrays, {"sha256": arrays_digest(arrays)})

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
