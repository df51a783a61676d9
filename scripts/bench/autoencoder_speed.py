"""Training the published autoencoder by `recurate.training.Trainer`, against an ordinary PyTorch loop."""

from __future__ import annotations

import numpy as np
from duel import Duel, Stakes, duels
from measuring import ROOT, Row
from torch import Tensor, nn

from recurate.study.reading import read_trained
from recurate.training.trainer import CHUNK

STAKES = Stakes("autoencoder, 647,081 parameters", "images/s", target=0.8, agreement=1e-3)
IMAGES = 10_000


class PlainAutoencoder(nn.Module):
    """The published network as one would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.down_1, self.down_2 = nn.Conv2d(1, 64, 4, 2, 1), nn.Conv2d(64, 128, 4, 2, 1)
        self.mean, self.log_variance = nn.Linear(6272, 20), nn.Linear(6272, 20)
        self.expand = nn.Linear(20, 6272)
        self.up_2, self.up_1 = nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ConvTranspose2d(64, 1, 4, 2, 1)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """Loss of images (batch, 1, 28, 28) between 0 and 1, with normal numbers (batch, 20)."""
        h = self.down_2(self.down_1(x).relu()).relu().flatten(1)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = self.expand(mean + (0.5 * log_variance).exp() * noise)
        logits = self.up_1(self.up_2(z.unflatten(1, (128, 7, 7))).relu())
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
        return nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") + divergence


class AutoencoderDuel(Duel):
    """Both ways of training the origin of `shumailov_vae`, in images a second."""

    def network(self, seed: int) -> PlainAutoencoder:
        network = PlainAutoencoder()
        network.load_state_dict({name: value[seed] for name, value in self.start.items()})
        return network

    def loss(self, network: nn.Module, x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        return network((x.permute(0, 3, 1, 2) + 1) / 2, noise["noise"])

    def told(self, seconds: float) -> float:
        return self.settings.steps * self.settings.batch_size / seconds


def rows(runs: int) -> tuple[list[Row], str]:
    """Rows for one seed with 1 and 2 threads, one chunk of steps at paper scale, and a remark on agreement."""
    origin = read_trained(ROOT / "config/studies/shumailov_vae.yaml", "paper", {}).origins["mnist"]
    assert origin.training is not None, "the study trains its origin"
    settings = origin.training.model_copy(update={"steps": CHUNK})
    real = np.random.default_rng(0).integers(256, size=(IMAGES, 28, 28, 1), dtype=np.uint8)
    found, largest = duels(STAKES, lambda seeds: AutoencoderDuel(origin, settings, real, seeds), (1,), runs)
    return found, f"Autoencoder: {CHUNK} steps; losses of both ways agree to {largest:.0e}."
