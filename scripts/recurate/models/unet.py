"""A convolutional U-Net for images, from tiny to the one of the published CIFAR-10 experiments."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from recurate.lazy import torch
from recurate.models import VelocityModel

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from recurate.data import Description

GROUPS = 32  # of the group normalisation in every block


class UNet(VelocityModel):
    """U-Net of Dhariwal and Nichol (2021) as torchcfm builds it, one call a seed; parameter names are torchcfm's.

    Its public CIFAR-10 checkpoints (Tong et al. 2024; the origin of Ferbach et al. 2024) fit `channels: 128,
    channel_multipliers: [1, 2, 2, 2], residual_blocks: 2, attention: [16]` with 64 channels a head: 35,746,307
    parameters. Dropout is left out. `patch` folds squares of pixels into channels, which makes a network for two
    processor cores out of it. `prediction: image` estimates the clean image D and gives v = (D - x) / max(1 - t, f), as
    `residual_mlp` does.
    """

    wants_gpu: ClassVar[bool] = True
    channels: int = Field(32, ge=GROUPS, multiple_of=GROUPS, description="channels of the first level")
    channel_multipliers: tuple[int, ...] = Field(
        (1, 2), min_length=1, description="channels of every level, in units of `channels`; each level halves the size"
    )
    residual_blocks: int = Field(1, ge=1, description="residual blocks on every level")
    attention: tuple[int, ...] = Field(
        (), description="sizes in pixels (after `patch`) of the levels with attention; the middle always has it"
    )
    head_channels: int = Field(64, ge=1, description="channels of an attention head")
    patch: int = Field(1, ge=1, description="side of the squares of pixels that are folded into channels")
    prediction: Literal["velocity", "image"] = Field("velocity", description="what the network's output stands for")
    floor: float = Field(0.1, gt=0, le=1, description="smallest divisor f where the prediction is the image")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="arithmetic of the convolutions; auto: bfloat16 where the processor or GPU multiplies it"
    )
    compile: bool = Field(False, description="compile the network with torch.compile, which pays on a GPU")

    def check(self, data: Description) -> None:
        if len(data.shape) != 3:
            raise ValueError(f"needs images (height, width, channels), the data have shape {data.shape}")
        height, width, _ = data.shape
        unit = self.patch * 2 ** (len(self.channel_multipliers) - 1)
        if height != width or height % unit:
            raise ValueError(
                f"needs square images whose side is a multiple of {unit} (patch and levels), they are {height}x{width}"
            )
        channels = {height // self.patch // 2**n: self.channels * m for n, m in enumerate(self.channel_multipliers)}
        for size in (*self.attention, min(channels)):
            if size not in channels:
                raise ValueError(f"attention: no level has {size} pixels, they have {', '.join(map(str, channels))}")
            if channels[size] % self.head_channels:
                raise ValueError(f"head_channels: {self.head_channels} does not divide the {channels[size]} channels")

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
            network = self._build(shape)
        return {name: value.detach() for name, value in network.named_parameters()}

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in self._build(shape).named_parameters()}

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        output = torch.stack(
            [
                self._one_seed({name: value[seed] for name, value in parameters.items()}, x[seed], time[seed])
                for seed in range(len(x))
            ]
        )
        if self.prediction == "velocity":
            return output
        return (output - x) / (1 - time).clamp(min=self.floor)[..., None, None, None]

    def _one_seed(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        """Output (batch, height, width, channels) float32 of one seed's network."""
        device, half = x.device.type, takes_bfloat16(self.precision, x.device.type)
        layout = torch.channels_last if half else torch.contiguous_format
        image = torch.nn.functional.pixel_unshuffle(x.permute(0, 3, 1, 2), self.patch).contiguous(memory_format=layout)
        call = _network_call(self, tuple(x.shape[1:]))
        with torch.autocast(device, torch.bfloat16, enabled=half):
            output = call(parameters, time, image)
        return torch.nn.functional.pixel_shuffle(output.float(), self.patch).permute(0, 2, 3, 1)

    def _build(self, shape: tuple[int, ...]) -> nn.Module:
        height, width, channels = shape
        side = height // self.patch
        return _torchcfm_unet().UNetModelWrapper(
            dim=(channels * self.patch**2, side, width // self.patch),
            num_channels=self.channels,
            num_res_blocks=self.residual_blocks,
            channel_mult=list(self.channel_multipliers),
            # A size beyond the image's stands for none.
            attention_resolutions=",".join(str(size) for size in self.attention or (2 * side,)),
            num_heads=4,
            num_head_channels=self.head_channels,
        )


def takes_bfloat16(precision: str, device: str) -> bool:
    """Whether convolutions run in bfloat16; for auto, whether "cpu" or "cuda" multiplies it here."""
    if precision != "auto":
        return precision == "bfloat16"
    return torch.cuda.is_bf16_supported() if device == "cuda" else bool(torch.cpu.get_capabilities().get("amx_bf16"))


@cache
def _torchcfm_unet() -> Any:
    """torchcfm's package `models.unet` by itself; the whole of torchcfm imports POT and scikit-learn, 1.8 s a job."""
    name = "torchcfm_unet"
    folder = str(distribution("torchcfm").locate_file("torchcfm/models/unet"))
    spec: Any = spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    sys.modules[name] = module_from_spec(spec)  # where its own relative imports look
    spec.loader.exec_module(sys.modules[name])
    return import_module(f"{name}.unet")


@cache
def _network_call(model: UNet, shape: tuple[int, ...]) -> Any:
    """Function of (parameters, time, image) that evaluates the network without holding parameters of its own."""
    with torch.device("meta"):
        network = model._build(shape)

    def call(parameters: dict[str, Tensor], time: Tensor, image: Tensor) -> Tensor:
        return torch.func.functional_call(network, parameters, (time, image))

    return torch.compile(call) if model.compile else call
