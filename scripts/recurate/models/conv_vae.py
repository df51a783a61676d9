"""The convolutional variational autoencoder of Shumailov et al.'s experiments on MNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import Autoencoder

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description

KERNEL, STRIDE, PADDING = 4, 2, 1  # every layer halves or doubles the side
REDUCTION = STRIDE**2


class ConvVAE(Autoencoder):
    """Two convolutions down to a Gaussian over latents, a linear layer and two transposed convolutions back up.

    With 64 and 128 channels and 20 latents these are the 647,081 parameters of Shumailov et al. (2305.17493), in
    PyTorch's own initialisation. Weights of linear layers are (outputs, inputs), as in `torch.nn.Linear`.
    """

    wants_gpu: ClassVar[bool] = True
    channels: int = Field(64, ge=1, description="channels of the first convolution; the second has twice as many")

    def check(self, data: Description) -> None:
        if len(data.shape) != 3 or data.shape[0] != data.shape[1] or data.shape[0] % REDUCTION:
            raise ValueError(
                f"needs square images whose side is a multiple of {REDUCTION}, the data have shape {data.shape}"
            )

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        parameters = {}
        for name, (weight, bias, inputs) in self._layers(shape).items():
            # PyTorch draws weights and biases of these layers uniformly, up to 1 / sqrt(inputs of a unit).
            for part, size in (("weight", weight), ("bias", (bias,))):
                parameters[f"{name}.{part}"] = (2 * torch.rand(size, generator=generator) - 1) * inputs**-0.5
        return parameters

    def _layers(self, shape: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], int, int]]:
        """Shape of the weight, size of the bias and number of inputs that PyTorch counts, by layer."""
        side, _, pixels = shape
        first, second, area = self.channels, 2 * self.channels, KERNEL**2
        hidden = second * (side // REDUCTION) ** 2
        return {
            "down_1": ((first, pixels, KERNEL, KERNEL), first, pixels * area),
            "down_2": ((second, first, KERNEL, KERNEL), second, first * area),
            "mean": ((self.latent, hidden), self.latent, hidden),
            "log_variance": ((self.latent, hidden), self.latent, hidden),
            "expand": ((hidden, self.latent), hidden, self.latent),
            "up_2": ((second, first, KERNEL, KERNEL), first, first * area),
            "up_1": ((first, pixels, KERNEL, KERNEL), pixels, pixels * area),
        }

    def encode(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        of_seeds = [self._encode(of_seed(parameters, seed), x[seed]) for seed in range(len(x))]
        means, log_variances = zip(*of_seeds, strict=True)
        return torch.stack(means), torch.stack(log_variances)

    def decode(self, parameters: dict[str, Tensor], z: Tensor) -> Tensor:
        return torch.stack([self._decode(of_seed(parameters, seed), z[seed]) for seed in range(len(z))])

    def _encode(self, p: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        f = torch.nn.functional
        h = x.permute(0, 3, 1, 2)
        for name in ("down_1", "down_2"):
            h = f.relu(f.conv2d(h, p[f"{name}.weight"], p[f"{name}.bias"], STRIDE, PADDING))
        h = h.flatten(1)
        mean = f.linear(h, p["mean.weight"], p["mean.bias"])
        return mean, f.linear(h, p["log_variance.weight"], p["log_variance.bias"])

    def _decode(self, p: dict[str, Tensor], z: Tensor) -> Tensor:
        f = torch.nn.functional
        h = f.linear(z, p["expand.weight"], p["expand.bias"])
        side = round((h.shape[1] / (2 * self.channels)) ** 0.5)
        h = f.conv_transpose2d(h.unflatten(1, (-1, side, side)), p["up_2.weight"], p["up_2.bias"], STRIDE, PADDING)
        h = f.conv_transpose2d(f.relu(h), p["up_1.weight"], p["up_1.bias"], STRIDE, PADDING)
        return h.permute(0, 2, 3, 1)


def of_seed(parameters: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Parameters of one seed, without the seed axis."""
    return {name: value[seed] for name, value in parameters.items()}
