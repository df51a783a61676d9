"""All seeds of a job at once, by `recurate.training.Trainer`, against an ordinary loop, one seed after another."""

from __future__ import annotations

import itertools
import math

import torch
from duel import Duel, Stakes, duels, whole_chunks
from measuring import ROOT, Row
from torch import Tensor, nn

from recurate.foundation.randomness import REAL_DATA, numpy_generator
from recurate.models.mlp import MLP
from recurate.study.reading import read_trained

STAKES = Stakes("training", "s", target=2.5, agreement=1e-4)


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


class MixtureDuel(Duel):
    """Both ways of training the origin of the mixture study, in seconds a seed."""

    def network(self, seed: int) -> PlainNetwork:
        assert isinstance(self.origin.model, MLP)
        size = self.real.shape[1]
        network = PlainNetwork(size, size, self.origin.model.width, self.origin.model.depth)
        network.start_from(self.start, seed)
        return network

    def loss(self, network: nn.Module, x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        z, t = noise["noise"], noise["time"]
        between = (1 - t[:, None]) * z + t[:, None] * x
        return nn.functional.mse_loss(network(between, t), x - z)


def rows(runs: int, steps: int) -> tuple[list[Row], str]:
    """Rows for 4 and 8 seeds with 1 and 2 threads, and a remark on the agreement of the losses.

    `steps` is rounded up to whole chunks.
    """
    origin = read_trained(ROOT / "config/studies/mixture.yaml", "demo", {}).origins["gaussians"]
    assert origin.training is not None, "the study trains its origin"
    settings = origin.training.model_copy(update={"steps": whole_chunks(steps)})
    real = origin.data.load(numpy_generator(0, 0, REAL_DATA)).train_x
    found, largest = duels(STAKES, lambda seeds: MixtureDuel(origin, settings, real, seeds), (4, 8), runs)
    remark = (
        f"Training: {settings.steps} steps of the mixture study's origin, seconds a seed; losses of both ways agree to "
        f"{largest:.0e}."
    )
    return found, remark
