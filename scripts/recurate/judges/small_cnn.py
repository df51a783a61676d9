"""A small convolutional classifier for small grey images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.judges import Judge
from recurate.lazy import np, torch

if TYPE_CHECKING:
    import numpy
    from torch import Generator, Tensor

    from recurate.data import Description, RealData


class SmallCNN(Judge):
    """Three 3x3 convolutions, one 2x2 pooling, one hidden layer of features; trained on randomly shifted images."""

    channels: int = Field(32, ge=1, description="channels of the first convolution; the others have twice as many")
    features: int = Field(64, ge=2, description="width of the hidden layer that serves as feature space")
    epochs: int = Field(30, ge=1, description="passes over the training data")
    batch_size: int = Field(64, ge=1, description="images per step")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's peak rate; it falls to zero along a half cosine")

    def check(self, data: Description) -> None:
        if len(data.shape) != 3 or not data.classes:
            raise ValueError(f"needs images (height, width, channels) with classes, the data have shape {data.shape}")

    def fit(self, real: RealData, classes: int, generator: Generator) -> dict[str, numpy.ndarray]:
        x, y = torch.from_numpy(real.train_x), torch.from_numpy(real.train_y)
        parameters = self._initial(real.train_x.shape[1:], classes, generator)
        optimizer = torch.optim.AdamW(parameters.values(), lr=self.learning_rate, weight_decay=1e-3, fused=True)
        batches = -(-len(x) // self.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs * batches)
        for _ in range(self.epochs):
            for rows in torch.randperm(len(x), generator=generator).split(self.batch_size):
                logits, _ = _network(parameters, _shifted(x[rows], generator))
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(logits, y[rows], label_smoothing=0.05).backward()
                optimizer.step()
                schedule.step()
        return {name: value.detach().numpy() for name, value in parameters.items()}

    def evaluate(self, parameters: dict[str, numpy.ndarray], x: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
        with torch.no_grad():
            parts = [_network(tensors, part) for part in torch.from_numpy(x).split(1_000)]
        logits, features = zip(*parts, strict=True)
        return torch.cat(logits).numpy(), torch.cat(features).numpy()

    def _initial(self, shape: tuple[int, ...], classes: int, generator: Generator) -> dict[str, Tensor]:
        height, width, colours = shape
        wide = 2 * self.channels
        sizes = {
            "convolution_1": (self.channels, colours, 3, 3),
            "convolution_2": (wide, self.channels, 3, 3),
            "convolution_3": (wide, wide, 3, 3),
            "hidden": (self.features, wide * (height // 2) * (width // 2)),
            "output": (classes, self.features),
        }
        parameters = {}
        for name, size in sizes.items():
            std = (2 / int(np.prod(size[1:]))) ** 0.5
            parameters[f"{name}.weight"] = (std * torch.randn(size, generator=generator)).requires_grad_()
            parameters[f"{name}.bias"] = torch.zeros(size[0], requires_grad=True)
        return parameters


def _shifted(x: Tensor, generator: Generator) -> Tensor:
    """Images (n, height, width, channels), each shifted by up to one pixel in both directions; what enters is black."""
    count, height, width, _ = x.shape
    down, right = torch.randint(0, 3, (2, count, 1, 1), generator=generator)
    rows = down + torch.arange(height)[None, :, None]
    columns = right + torch.arange(width)[None, None, :]
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1, 1, 1))
    return padded[torch.arange(count)[:, None, None], rows, columns]


def _network(parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and features of uint8 images (n, height, width, channels)."""
    f = torch.nn.functional

    def layer(name: str) -> tuple[Tensor, Tensor]:
        return parameters[f"{name}.weight"], parameters[f"{name}.bias"]

    h = x.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
    h = f.relu(f.conv2d(h, *layer("convolution_1"), padding=1))
    h = f.relu(f.conv2d(h, *layer("convolution_2"), padding=1))
    h = f.relu(f.conv2d(f.max_pool2d(h, 2), *layer("convolution_3"), padding=1))
    features = f.relu(f.linear(h.flatten(1), *layer("hidden")))
    return f.linear(features, *layer("output")), features
