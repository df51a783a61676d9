"""The U-Net in float32 as it is written, and tuned: bfloat16, channels last and, on a GPU, compiled; features.

Without a GPU the network is small; with one it is that of the published CIFAR-10 experiments.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from measuring import Row, Way, compared
from torch.utils.flop_counter import FlopCounterMode

from recurate.measuring.features.efficientnet_lite0 import EfficientNetLite0
from recurate.models.parts.unet_network import takes_bfloat16
from recurate.models.unet import UNet
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.settings import Training
from recurate.training.state import State

TARGET = 2.0
SHAPE = (32, 32, 3)
SMALL: dict[str, Any] = {"channels": 32, "channel_multipliers": (1, 2)}
PUBLISHED: dict[str, Any] = {
    "channels": 128,
    "channel_multipliers": (1, 2, 2, 2),
    "scale_shift": False,
    "residual_blocks": 2,
    "attention": (16,),
}
BEST = {"kind": "unet", "precision": "bfloat16"}
PEAK_SIZE = {"cuda": 8192, "cpu": 1024}
FEATURE_IMAGES = {"cuda": 4096, "cpu": 64}


@dataclass
class Subject:
    """One way of running a network: seconds of a training step and of one evaluation, for a batch of images."""

    model: UNet
    device: str
    batch: int

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        start = {name: value[None] for name, value in self.model.initial(SHAPE, generator).items()}
        self.state = State(
            start, Training.model_validate({"steps": 1, "batch_size": self.batch, "ema_half_life": 1e5}), self.device
        )
        self.objective = FlowMatching.model_validate({"kind": "flow_matching"})
        self.x = torch.randn(1, self.batch, *SHAPE, generator=generator).to(self.device)
        noise = {"noise": torch.randn(self.x.shape, generator=generator), "time": torch.rand(1, self.batch)}
        self.noise = {name: value.to(self.device) for name, value in noise.items()}

    def train(self) -> None:
        """One step: loss, gradient, Adam, average."""
        costs = self.objective.costs(self.model, self.state.parameters, self.x, self.noise)
        self.state.step(self.state.gradients(costs.mean(dim=1)), 1e-4)

    def sample(self) -> None:
        """One evaluation for every image."""
        with torch.no_grad():
            self.model.velocity(self.state.sampled(), self.x, self.noise["time"])

    def operations(self) -> float:
        """Floating-point operations of one evaluation of one image."""
        with FlopCounterMode(display=False) as counter:
            self.sample()
        return counter.get_total_flops() / self.batch


def images_per_second(action: Callable[[], None], batch: int, device: str, repeats: int) -> float:
    """Images per second of `action`, which takes a batch; finished when the device is."""
    begin = time.perf_counter()
    for _ in range(repeats):
        action()
    if device == "cuda":
        torch.cuda.synchronize()
    return repeats * batch / (time.perf_counter() - begin)


def measured_peak(device: str) -> float:
    """Operations per second of a large product of bfloat16 matrices on this device."""
    size = PEAK_SIZE[device]
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)

    def multiply() -> None:
        torch.mm(a, a)

    multiply()  # the first call prepares the device
    return images_per_second(multiply, 1, device, 10) * 2 * size**3


def features_per_second(device: str) -> float:
    """Images per second from pixels to features, as the project extracts them."""
    count = FEATURE_IMAGES[device]
    x = np.random.default_rng(0).integers(0, 256, (count, *SHAPE), np.uint8)
    space = EfficientNetLite0(kind="efficientnet_lite0", chunk=min(count, 512))
    begin = time.perf_counter()
    space.extract(x, None, device)
    return count / (time.perf_counter() - begin)


def rows(runs: int) -> tuple[list[Row], str]:
    """Rows for training and sampling, and a remark on what was run where."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    settings, batch, repeats = (PUBLISHED, 128, 20) if device == "cuda" else (SMALL, 32, 2)
    torch.set_num_threads(2)
    eager = Subject(UNet.model_validate({"kind": "unet", "precision": "float32", **settings}), device, batch)
    tuned = Subject(UNet.model_validate({**BEST, "compile": device == "cuda", **settings}), device, batch)
    peak, operations = measured_peak(device), eager.operations()
    found = []
    for what, cost in (("train", 3), ("sample", 1)):
        ways = [
            Way(
                words,
                lambda what=what, subject=subject: images_per_second(getattr(subject, what), batch, device, repeats),
            )
            for words, subject in (("float32", eager), ("tuned", tuned))
        ]
        name = f"U-Net {'training' if what == 'train' else 'sampling, per evaluation'}"
        slow, fast, gain = compared(name, "images/s", *ways, TARGET, runs)
        share = [value * cost * operations / peak for value in fast.values]
        found += [slow, fast, Row(f"{name}: share of the measured bfloat16 peak", share, ""), gain]
    found.append(Row("features of efficientnet_lite0", [features_per_second(device) for _ in range(runs)], "images/s"))
    where = torch.cuda.get_device_name() if device == "cuda" else "the processor"
    chosen = "bfloat16" if takes_bfloat16("auto", device) else "float32"
    remark = (
        f"U-Net: {sum(v.numel() for v in eager.state.parameters.values()):,} parameters, 32x32x3, batch {batch}, on "
        f"{where}; measured bfloat16 peak {peak / 1e12:.2f} Tflop/s; `precision: auto` takes {chosen} here."
    )
    return found, remark
