"""A small convolutional classifier for small images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from recurate.curation.judges import Judge, Shapes
from recurate.curation.judges.parts.augmentation import mirrored, shifted
from recurate.foundation.lazy import np, torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description, RealData
    from recurate.foundation.types import Array


class SmallCNN(Judge):
    """Three 3x3 convolutions, some 2x2 poolings, one hidden layer of features; trained on randomly shifted images."""

    channels: int = Field(32, ge=1, description="channels of the first convolution; the others have twice as many")
    poolings: int = Field(
        1,
        ge=1,
        le=3,
        description="2x2 poolings: one after the second convolution, two: also after the first, three: all",
    )
    features: int = Field(64, ge=2, description="width of the hidden layer that serves as feature space")
    epochs: int = Field(30, ge=1, le=10**6, description="passes over the training data")
    batch_size: int = Field(64, ge=1, description="images per step")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's peak rate; it falls to zero along a half cosine")
    shift: int = Field(1, ge=0, le=1000, description="pixels by which training images are shifted at most")
    horizontal_flip: bool = Field(False, description="mirror every training image with probability 1/2")

    def check(self, data: Description) -> None:
        if len(data.shape) != 3:
            raise ValueError(f"needs images (height, width, channels) with classes, the data have shape {data.shape}")
        if not data.classes:
            raise ValueError("needs images with classes, the data have no labels")
        if min(data.shape[:2]) >> self.poolings < 1:
            raise ValueError(f"poolings: {self.poolings} leave nothing of images of shape {data.shape}; take fewer")

    def shapes(self, shape: tuple[int, ...], classes: int) -> Shapes:
        height, width, colours = shape
        wide = 2 * self.channels
        sizes: Shapes = {
            "convolution_1": (self.channels, colours, 3, 3),
            "convolution_2": (wide, self.channels, 3, 3),
            "convolution_3": (wide, wide, 3, 3),
            "hidden": (self.features, wide * (height >> self.poolings) * (width >> self.poolings)),
            "output": (classes, self.features),
        }
        named: Shapes = {}
        for name, size in sizes.items():
            named |= {f"{name}.weight": size, f"{name}.bias": size[:1]}
        return named

    def fit(self, real: RealData, classes: int, generator: Generator, device: str = "cpu") -> dict[str, Array]:
        x, y = torch.from_numpy(real.train_x).to(device), torch.from_numpy(real.train_y).to(device)
        parameters = self._initial(self.shapes(real.train_x.shape[1:], classes), generator, device)
        optimizer = torch.optim.AdamW(parameters.values(), lr=self.learning_rate, weight_decay=1e-3, fused=True)
        batches = -(-len(x) // self.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs * batches)
        for _ in range(self.epochs):
            for rows in torch.randperm(len(x), generator=generator).to(device).split(self.batch_size):
                logits, _ = self._network(parameters, self._varied(x[rows], generator))
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(logits, y[rows], label_smoothing=0.05).backward()
                optimizer.step()
                schedule.step()
        return {name: value.detach().cpu().numpy() for name, value in parameters.items()}

    def evaluate(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        return self._network(parameters, x)

    def _initial(self, shapes: Shapes, generator: Generator, device: str) -> dict[str, Tensor]:
        parameters = {}
        for name, size in shapes.items():
            if name.endswith(".bias"):
                value = torch.zeros(size)
            else:
                value = (2 / int(np.prod(size[1:]))) ** 0.5 * torch.randn(size, generator=generator)
            parameters[name] = value.to(device).requires_grad_()
        return parameters

    def _varied(self, x: Tensor, generator: Generator) -> Tensor:
        x = shifted(x, generator, self.shift)
        return mirrored(x, generator) if self.horizontal_flip else x

    def _network(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features of uint8 images (n, height, width, channels)."""
        f = torch.nn.functional

        def layer(name: str) -> tuple[Tensor, Tensor]:
            return parameters[f"{name}.weight"], parameters[f"{name}.bias"]

        h = x.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
        for number, pooled in ((1, self.poolings >= 2), (2, True), (3, self.poolings == 3)):
            h = f.conv2d(h, *layer(f"convolution_{number}"), padding=1)
            h = f.relu(f.max_pool2d(h, 2) if pooled else h)
        features = f.relu(f.linear(h.flatten(1), *layer("hidden")))
        return f.linear(features, *layer("output")), features
