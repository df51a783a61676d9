"""A convolutional U-Net for images, from tiny to the one of the published CIFAR-10 experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.models import VelocityModel
from recurate.models.parts.unet_network import UNetNetwork

if TYPE_CHECKING:
    from torch import Tensor


class UNet(UNetNetwork, VelocityModel):
    """U-Net of Dhariwal and Nichol (2021) as torchcfm builds it, one call a seed; parameter names are torchcfm's.

    Its public CIFAR-10 checkpoints (Tong et al. 2024; the origin of Ferbach et al. 2024) fit `channels: 128,
    channel_multipliers: [1, 2, 2, 2], residual_blocks: 2, attention: [16], scale_shift: false` with 64 channels a head:
    35,746,307 parameters. Dropout is left out. `patch` folds squares of pixels into channels, which makes a network for
    two processor cores out of it. `prediction: image` estimates the clean image D and gives v = (D - x) / max(1 - t,
    f), as `residual_mlp` does.
    """

    prediction: Literal["velocity", "image"] = Field("velocity", description="what the network's output stands for")
    floor: float = Field(0.1, gt=0, le=1, description="smallest divisor f where the prediction is the image")

    def velocity(self, parameters: dict[str, Tensor], x: Tensor, time: Tensor) -> Tensor:
        output = self.outputs(parameters, x, time)
        if self.prediction == "velocity":
            return output
        return (output - x) / (1 - time).clamp(min=self.floor)[..., None, None, None]
