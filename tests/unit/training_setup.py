"""Small trainings that several tests look at, and the same training in plain PyTorch."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from recurate.models.mlp import MLP
from recurate.models.parts.units import Encoding
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

torch.set_num_threads(1)  # networks this small only wait for a second thread

SPEC: dict[str, Any] = {
    "model": {"kind": "mlp", "width": 16, "depth": 2},
    "objective": {"kind": "flow_matching"},
    "training": {"steps": 3 * CHUNK + 7, "batch_size": 32, "learning_rate": 2e-3},
    "mixing": {"real_fraction": 0.5},
}
MODEL = MLP(kind="mlp", width=16, depth=2)
OBJECTIVE = FlowMatching(kind="flow_matching")
ALL_SEEDS = [0, 3, 4, 11]


def points(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 2.0, shape).astype(np.float32)


def mixed_set(seeds: list[int], real_fraction: float = 0.5) -> TrainingSet:
    """Real data for all, and curated samples of each seed's own."""
    curated = np.stack([points(40, 2, seed=100 + seed) + 3 for seed in seeds])
    return TrainingSet(torch.from_numpy(points(60, 2)), torch.from_numpy(curated), real_fraction)


def make_trainer(folder: Path, seeds: list[int], steps: int = 3 * CHUNK + 7, **changes: Any) -> Trainer:
    settings = Training(steps=steps, batch_size=32, learning_rate=2e-3)
    fields: dict[str, Any] = {
        "model": MODEL,
        "objective": OBJECTIVE,
        "settings": settings,
        "encoding": Encoding.of(points(60, 2)),
        "seeds": seeds,
        "generation": 2,
        "progress": folder / ".progress" / "key.safetensors",
    }
    return Trainer(**{**fields, **changes})


def drawn(trainer: Trainer, chunk: int, steps: int, data: TrainingSet) -> tuple[Tensor, dict[str, Tensor]]:
    """Rows and noise of a chunk, as the trainer draws them."""
    return trainer._rows(chunk, steps, data), trainer._noise(chunk, steps)


def trained(trainer: Trainer) -> tuple[dict[str, Tensor], np.ndarray]:
    """Parameters to sample from, and losses."""
    state, losses = trainer.train(trainer.start(), mixed_set(trainer.seeds))
    return state.sampled(), losses


def interrupt_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let the objective raise in step number `steps`, once; later calls are undisturbed."""
    original, calls = FlowMatching.costs, itertools.count()

    def costs(self: FlowMatching, *arguments: Any) -> Tensor:
        if next(calls) == steps:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(FlowMatching, "costs", costs)


def plain_network(parameters: dict[str, Tensor], row: int) -> torch.nn.Sequential:
    """The network of one seed as torch.nn layers."""
    layers: list[torch.nn.Module] = []
    for number in range(3):
        weight, bias = parameters[f"weight_{number}"][row], parameters[f"bias_{number}"][row]
        layer = torch.nn.Linear(*weight.shape)
        layer.weight.data, layer.bias.data = weight.T.clone(), bias[0].clone()
        layers += [layer, torch.nn.SiLU()]
    return torch.nn.Sequential(*layers[:-1])


def plain_velocity(network: torch.nn.Module, x: Tensor, time: Tensor) -> Tensor:
    waves = [f(math.pi / 2 * k * time) for f in (torch.cos, torch.sin) for k in range(1, 9)]
    return network(torch.cat([x, torch.stack(waves, dim=1)], dim=1))
