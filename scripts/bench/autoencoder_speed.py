"""Training the published autoencoder by `recurate.training.Trainer`, against an ordinary PyTorch loop."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measuring import ROOT, Row, interleaved
from torch import Tensor, nn

from recurate.models.parts.units import Encoding
from recurate.study.reading import read_trained
from recurate.training.state import State
from recurate.training.trainer import CHUNK, Trainer
from recurate.training.training_set import TrainingSet

TARGET = 0.8
IMAGES = 10_000


class PlainAutoencoder(nn.Module):
    """The published network as one would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.mean, self.log_variance = nn.Linear(6272, 20), nn.Linear(6272, 20)
        self.up = nn.Sequential(
            nn.Linear(20, 6272),
            nn.Unflatten(1, (128, 7, 7)),
            nn.ConvTranspose2d(128, 64, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 1, 4, 2, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Loss of images (batch, 1, 28, 28) between 0 and 1."""
        h = self.down(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        logits = self.up(mean + (0.5 * log_variance).exp() * torch.randn_like(mean))
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        return nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence


class Duel:
    """Both ways of training the origin of `shumailov_vae` at paper scale for one chunk of steps."""

    def __init__(self) -> None:
        origin = read_trained(ROOT / "config/studies/shumailov_vae.yaml", "paper", {}).origins["mnist"]
        assert origin.training is not None, "the study trains its origin"
        real = np.random.default_rng(0).integers(256, size=(IMAGES, 28, 28, 1), dtype=np.uint8)
        self.settings = origin.training.model_copy(update={"steps": CHUNK})
        self.training_set = TrainingSet(torch.from_numpy(real), None, 1.0)
        self.trainer = Trainer(
            origin.model,
            origin.objective,
            self.settings,
            Encoding.of(real),
            [0],
            generation=0,
            progress=Path(tempfile.mkdtemp()) / "progress.safetensors",
            save_every=math.inf,
        )
        self.images = self.training_set.real.permute(0, 3, 1, 2) / 255
        self.network = PlainAutoencoder()

    def ours(self) -> float:
        """Images a second."""
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            self.trainer.train(State(self.trainer.initial(), self.settings, "cpu"), self.training_set)
        return CHUNK * self.settings.batch_size / (time.perf_counter() - begin)

    def plain(self) -> float:
        """Images a second."""
        begin = time.perf_counter()
        optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3, weight_decay=1e-5)
        for _ in range(CHUNK):
            loss = self.network(self.images[torch.randint(IMAGES, (self.settings.batch_size,))])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return CHUNK * self.settings.batch_size / (time.perf_counter() - begin)


def rows(runs: int) -> list[Row]:
    """Rows for 1 and 2 threads."""
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        print(f"autoencoder: {threads} threads", file=sys.stderr)
        duel = Duel()
        plain, ours = interleaved(duel.plain, duel.ours, runs)
        name = f"autoencoder, 647,081 parameters, {threads} thread{'s' * (threads > 1)}"
        found += [
            Row(f"{name}: plain loop", plain, "images/s"),
            Row(f"{name}: ours", ours, "images/s"),
            Row(f"{name}: ratio", [b / a for a, b in zip(plain, ours, strict=True)], "", TARGET, at_least=True),
        ]
    torch.set_num_threads(before)
    return found
