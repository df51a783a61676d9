"""VGG11 with batch normalisation for small colour images."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat

from recurate.curation.judges import Judge, Shapes
from recurate.curation.judges.parts.augmentation import mirrored, shifted
from recurate.foundation.lazy import np, torch
from recurate.foundation.torchvision_compat import import_torchvision

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torchvision.models.vgg import VGG

    from recurate.data import Description, RealData
    from recurate.foundation.types import Array


class VGG11(Judge):
    """VGG11 (Simonyan and Zisserman 2015, column A) with batch normalisation, average pooling and two hidden layers.

    With `width` 1 and `hidden` 4096 it is the network whose 92.39 % on CIFAR-10 the literature on curated retraining
    uses, with the same parameter names, so that its public parameters serve as `weights`. Features are the second
    hidden layer.
    """

    wants_gpu: ClassVar[bool] = True
    width: float = Field(1.0, gt=0, description="channels of the convolutions, as a share of the published 64 to 512")
    hidden: int = Field(4096, ge=1, description="width of the two hidden layers; the second serves as feature space")
    epochs: int = Field(100, ge=1, le=10**6, description="passes over the training data")
    batch_size: int = Field(256, ge=2, description="images per step")
    learning_rate: float = Field(
        0.01,
        gt=0,
        description="peak rate of SGD with Nesterov momentum .9; it rises for 30 % of the steps, then falls to 0",
    )
    weight_decay: float = Field(0.01, ge=0, description="decay of all parameters")
    shift: int = Field(4, ge=0, le=1000, description="pixels by which training images are shifted at most")
    horizontal_flip: bool = Field(True, description="mirror every training image with probability 1/2")
    mean: tuple[float, float, float] = Field(
        (0.4914, 0.4822, 0.4465), description="channel means of the images, scaled to 0..1"
    )
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = Field(
        (0.2471, 0.2435, 0.2616), description="channel standard deviations, by which they are divided"
    )

    def check(self, data: Description) -> None:
        if len(data.shape) != 3 or data.shape[2] != 3 or min(data.shape[:2]) < 32:
            raise ValueError(f"needs colour images of at least 32 x 32 pixels, the data have shape {data.shape}")
        if not data.classes:
            raise ValueError("needs images with classes, the data have no labels")

    def shapes(self, shape: tuple[int, ...], classes: int) -> Shapes:
        return {name: tuple(value.shape) for name, value in self._module(classes).state_dict().items()}

    def fit(self, real: RealData, classes: int, generator: Generator, device: str = "cpu") -> dict[str, Array]:
        x, y = torch.from_numpy(real.train_x).to(device), torch.from_numpy(real.train_y).to(device)
        state = _initial(self.shapes(real.train_x.shape[1:], classes), generator)
        module = self._with(state, device)
        if device == "cuda":
            module = module.to(memory_format=torch.channels_last)
        gpus = [torch.cuda.current_device()] if device == "cuda" else []
        # Dropout has no generator of its own: the global one is seeded, and given back as it was.
        with torch.random.fork_rng(gpus), torch.backends.cudnn.flags(enabled=True, deterministic=True):
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            self._train(module.train(), x, y, generator)
        return {name: value.cpu().contiguous().numpy() for name, value in module.state_dict().items()}

    def evaluate(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        module = self._with(parameters, x.device).eval()
        pooled = module.avgpool(module.features(self._normalised(x)))
        features = module.classifier[:-1](pooled.flatten(1))
        return module.classifier[-1](features), features

    def _train(self, module: VGG, x: Tensor, y: Tensor, generator: Generator) -> None:
        device, batches = x.device.type, -(-len(x) // self.batch_size)
        optimizer = torch.optim.SGD(
            module.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=self.weight_decay, nesterov=True
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, total_steps=self.epochs * batches, cycle_momentum=False
        )
        for epoch in range(self.epochs):
            total = torch.zeros((), device=device)
            for rows in torch.randperm(len(x), generator=generator).to(device).split(self.batch_size):
                with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                    loss = torch.nn.functional.cross_entropy(module(self._varied(x[rows], generator)), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.detach() * len(rows)
            print(f"epoch {epoch + 1} of {self.epochs}: mean loss {float(total) / len(x):.4f}")

    def _varied(self, x: Tensor, generator: Generator) -> Tensor:
        x = shifted(x, generator, self.shift)
        return self._normalised(mirrored(x, generator) if self.horizontal_flip else x)

    def _normalised(self, x: Tensor) -> Tensor:
        """Network input (n, 3, height, width) of uint8 images (n, height, width, 3)."""
        mean, std = _on_device(self.mean, x.device), _on_device(self.std, x.device)
        return ((x / 255 - mean) / std).permute(0, 3, 1, 2)

    def _with(self, state: dict[str, Tensor], device: str | torch.device) -> VGG:
        """The network with parameters `state`."""
        module = self._module(len(state["classifier.6.bias"]))
        module.load_state_dict({k: v.to(device) for k, v in state.items()}, strict=False, assign=True)
        return module

    def _module(self, classes: int) -> VGG:
        """The network on the meta device: no numbers yet, so that building it costs neither time nor randomness."""
        import_torchvision()
        from torchvision.models.vgg import VGG, cfgs, make_layers

        nn = torch.nn
        layers = [size if size == "M" else max(1, round(self.width * size)) for size in cfgs["A"]]
        with torch.device("meta"):
            module = VGG(make_layers(layers, batch_norm=True), init_weights=False)
            module.avgpool = nn.AdaptiveAvgPool2d(1)
            module.classifier = nn.Sequential(
                *(nn.Linear(layers[-2], self.hidden), nn.ReLU(), nn.Dropout(0.5)),
                *(nn.Linear(self.hidden, self.hidden), nn.ReLU(), nn.Dropout(0.5)),
                nn.Linear(self.hidden, classes),
            )
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.num_batches_tracked = None  # a count of steps that its averages, of fixed momentum, do not need
        return module


@cache
def _on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers that are kept on a device for one batch after the other."""
    return torch.tensor(values, device=device)


def _initial(shapes: Shapes, generator: Generator) -> dict[str, Tensor]:
    """Normal weights of variance 1 / inputs, one for scales and running variances, zero for the rest."""
    state = {}
    for name, size in shapes.items():
        if len(size) > 1:
            state[name] = torch.randn(size, generator=generator) / int(np.prod(size[1:])) ** 0.5
        else:
            state[name] = torch.ones(size) if name.endswith((".weight", ".running_var")) else torch.zeros(size)
    return state
