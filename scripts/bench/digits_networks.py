"""Compare networks for the digits: quality of an origin against the seconds of one core that it costs.

Run `python scripts/bench/digits_networks.py [--pictures FOLDER]`; it prints the table of docs/digits-network.md.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from recurate.curation.judges import FittedJudge, Judge
from recurate.data import Data
from recurate.foundation.components import load
from recurate.foundation.randomness import JUDGE, LATENTS, REAL_DATA, numpy_generator, torch_generator
from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments
from recurate.models import Model, VelocityModel
from recurate.models.parts.units import Encoding
from recurate.sampling.parts.flow import FlowSampler
from recurate.training.objectives import Objective
from recurate.training.settings import Training
from recurate.training.trainer import Trainer
from recurate.training.training_set import TrainingSet

if TYPE_CHECKING:
    from recurate.foundation.types import Array

SEEDS = [0, 1, 2]
SAMPLES = 5_000
SAMPLER = {"kind": "ode", "method": "midpoint", "steps": 10, "chunk": 1_000}
COLUMNS = (
    "network",
    "parameters",
    "steps",
    "training s",
    "sampling s",
    "Fréchet, held-out",
    "Fréchet, training",
    "sure",
    "distance to training",
    "copies",
)


@dataclass(frozen=True)
class Candidate:
    """A network, and how an origin of it is trained."""

    label: str
    model: dict[str, Any]
    steps: int
    learning_rate: float
    coupling: str = "independent"


RESIDUAL = {"kind": "residual_mlp", "width": 256, "blocks": 2}
CANDIDATES = [
    Candidate("mlp 128 x 3", {"kind": "mlp", "width": 128, "depth": 3}, 12_000, 2e-3),
    Candidate("mlp 256 x 3", {"kind": "mlp", "width": 256, "depth": 3}, 8_000, 2e-3),
    Candidate("mlp 512 x 3", {"kind": "mlp", "width": 512, "depth": 3}, 3_000, 1e-3),
    Candidate("residual_mlp 256 x 2", RESIDUAL, 4_000, 3e-3),
    Candidate("residual_mlp 256 x 2, optimal transport", RESIDUAL, 4_000, 3e-3, "optimal_transport"),
    Candidate("residual_mlp 256 x 2, longer", RESIDUAL, 6_000, 3e-3),
]


class Bench:
    """Digits, a judge of them, and the measurements that every candidate goes through."""

    def __init__(self) -> None:
        self.real = load(Data, {"kind": "digits"}).load(numpy_generator(0, 0, REAL_DATA))
        judge = load(Judge, {"kind": "small_cnn"})
        self.judge = FittedJudge(judge, judge.fit(self.real, 10, torch_generator(0, 0, JUDGE)))

    def frechet(self, x: Array, reference: Array) -> float:
        """Fréchet distance between the judge's features of `x` and `reference`."""
        mean, covariance = moments(self.judge.features(reference))
        return frechet_distance(*moments(self.judge.features(x)), mean, factor(covariance))

    def distances(self, x: Array) -> Array:
        """Distances (n,) from images to their nearest training images, grey levels counted from 0 to 1."""
        points, train = (torch.from_numpy(y.reshape(len(y), -1) / 255.0) for y in (x, self.real.train_x))
        return torch.cdist(points, train).amin(dim=1).numpy()

    def train(self, candidate: Candidate, steps: int) -> tuple[Trainer, dict[str, torch.Tensor]]:
        """Parameters of all seeds after `steps` steps."""
        trainer = Trainer(
            model=load(Model, candidate.model),
            objective=load(Objective, {"kind": "flow_matching", "coupling": candidate.coupling}),
            settings=Training.model_validate(
                {"steps": steps, "batch_size": 64, "learning_rate": candidate.learning_rate, "schedule": "cosine"}
            ),
            encoding=Encoding.of(self.real.train_x),
            seeds=SEEDS,
            generation=0,
            progress=Path("never-written"),
            save_every=float("inf"),
        )
        training_set = TrainingSet(real=torch.from_numpy(self.real.train_x), curated=None, real_fraction=1.0)
        with contextlib.redirect_stdout(sys.stderr):
            return trainer, trainer.train(trainer.start(), training_set)[0].sampled()

    def measure(self, candidate: Candidate) -> tuple[dict[str, str], Array]:
        """A row of the table, and the samples (seeds, n, 8, 8, 1); seconds are those of the processor."""
        self.train(candidate, 1)  # The first step pays for set-up that no later one pays for.
        began = time.process_time()
        trainer, parameters = self.train(candidate, candidate.steps)
        trained = time.process_time()
        shape = (SAMPLES, 8, 8, 1)
        draws = [numpy_generator(s, 0, LATENTS).standard_normal(shape, dtype=np.float32) for s in SEEDS]
        latents = torch.from_numpy(np.stack(draws))
        drawn = load(FlowSampler, SAMPLER).generate(load(VelocityModel, candidate.model), parameters, latents)
        x = trainer.encoding.decode(drawn)
        sampled = time.process_time()
        cells = [
            candidate.label,
            f"{sum(value[0].numel() for value in parameters.values()):,}",
            f"{candidate.steps:,}",
            f"{trained - began:.0f}",
            f"{sampled - trained:.1f}",
            *self.quality(x),
        ]
        return dict(zip(COLUMNS, cells, strict=True)), x

    def quality(self, x: Array) -> list[str]:
        """Mean and standard deviation over seeds of both distances, then certainty, distance and copies over all."""
        cells = []
        for reference in (self.real.test_x, self.real.train_x):
            values = [self.frechet(x_seed, reference) for x_seed in x]
            cells.append(f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}" if len(x) > 1 else f"{values[0]:.2f}")
        everything = x.reshape(-1, 8, 8, 1)
        distances = self.distances(everything)
        near = np.quantile(self.distances(self.real.test_x), 0.01)
        sure = (self.judge.probabilities(everything).max(axis=1) > 0.8).mean()
        return [*cells, f"{sure:.1%}", f"{np.median(distances):.2f}", f"{(distances < near).mean():.2%}"]


def picture(x: Array, path: Path) -> None:
    """Write the first 200 images of `x` (n, 8, 8, 1) to `path`, 20 in a row."""
    import matplotlib.pyplot as plt

    rows = np.pad(x[:200, :, :, 0], ((0, 0), (1, 1), (1, 1)), constant_values=90).reshape(10, 20, 10, 10)
    path.parent.mkdir(parents=True, exist_ok=True)
    plt.imsave(path, rows.transpose(0, 2, 1, 3).reshape(100, 200).repeat(6, 0).repeat(6, 1), cmap="gray")


def main() -> None:
    """Print one row per candidate, after one for the held-out digits themselves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for one contact sheet per candidate")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bench = Bench()
    real = bench.quality(bench.real.test_x[None])
    real[0] = f"{bench.frechet(bench.real.train_x, bench.real.test_x):.2f}"
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS))
    print("| " + " | ".join(["real digits, training against held-out", "", "", "", "", *real]) + " |", flush=True)
    for candidate in CANDIDATES:
        row, x = bench.measure(candidate)
        print("| " + " | ".join(row.values()) + " |", flush=True)
        if arguments.pictures:
            picture(x[0], arguments.pictures / f"{candidate.label.replace(' ', '_').replace(',', '')}.png")


if __name__ == "__main__":
    main()
