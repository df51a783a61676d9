"""torchcfm's U-Net, of any size and with any number of classes, as a part of this library's networks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from recurate.foundation.lazy import torch
from recurate.models import Model

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from recurate.data import Description

Call = Callable[[dict[str, "Tensor"], "Tensor", "Tensor", "Tensor | None"], "Tensor"]
GROUPS = 32  # of the group normalisation in every block


class UNetNetwork(Model):
    """U-Net of Dhariwal and Nichol (2021) as torchcfm builds it, one call a seed; parameter names are torchcfm's.

    Dropout is left out. `patch` folds squares of pixels into channels, which makes a network for two processor cores
    out of it.
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
    scale_shift: bool = Field(
        True,
        description="whether time (and class) scale and shift normalised channels; otherwise they are added before "
        "channels are normalised, as in torchcfm's CIFAR-10 network",
    )
    patch: int = Field(1, ge=1, description="side of the squares of pixels that are folded into channels")
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
        if not self.scale_shift and GROUPS in channels.values():
            # A group of one channel loses all that is added to it.
            raise ValueError(f"scale_shift: a level of {GROUPS} channels cannot be told time without")
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

    def outputs(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """What the network gives, like `x` (seeds, batch, *shape), at times and labels (seeds, batch)."""
        labels = [None] * len(x) if label is None else label
        alone = [
            self._one_seed({name: value[seed] for name, value in parameters.items()}, x[seed], time[seed], labels[seed])
            for seed in range(len(x))
        ]
        return torch.stack(alone)

    def _one_seed(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """Output (batch, height, width, channels) float32 of one seed's network."""
        device, half = x.device.type, takes_bfloat16(self.precision, x.device.type)
        layout = torch.channels_last if half else torch.contiguous_format
        image = torch.nn.functional.pixel_unshuffle(x.permute(0, 3, 1, 2), self.patch).contiguous(memory_format=layout)
        call = _network_call(self, tuple(x.shape[1:]))
        with torch.autocast(device, torch.bfloat16, enabled=half):
            output = call(parameters, time, image, label)
        return torch.nn.functional.pixel_shuffle(output.float(), self.patch).permute(0, 2, 3, 1)

    @property
    def embedded_labels(self) -> int:
        """Number of labels that the network has an embedding of."""
        return 0

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
            use_scale_shift_norm=self.scale_shift,
            class_cond=self.embedded_labels > 0,
            num_classes=self.embedded_labels,
        )


def takes_bfloat16(precision: str, device: str) -> bool:
    """Whether convolutions run in bfloat16; for auto, whether "cpu" or "cuda" multiplies it here."""
    if precision != "auto":
        return precision == "bfloat16"
    return torch.cuda.is_bf16_supported() if device == "cuda" else bool(torch.cpu.get_capabilities().get("amx_bf16"))


@cache
def _torchcfm_unet() -> ModuleType:
    """torchcfm's package `models.unet` by itself; the whole of torchcfm imports POT and scikit-learn, 1.8 s a job."""
    name = "torchcfm_unet"
    folder = str(distribution("torchcfm").locate_file("torchcfm/models/unet"))
    spec = spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])
    assert spec is not None and spec.loader is not None, "a folder of Python files"
    sys.modules[name] = module_from_spec(spec)  # where its own relative imports look
    spec.loader.exec_module(sys.modules[name])
    return import_module(f"{name}.unet")


@cache
def _network_call(model: UNetNetwork, shape: tuple[int, ...]) -> Call:
    """Function of (parameters, time, image, label) that evaluates the network without holding parameters of its own."""
    with torch.device("meta"):
        network = model._build(shape)

    def call(parameters: dict[str, Tensor], time: Tensor, image: Tensor, label: Tensor | None) -> Tensor:
        return torch.func.functional_call(network, parameters, (time, image, label))

    return torch.compile(call) if model.compile else call
