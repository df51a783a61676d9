"""A convolutional U-Net that predicts the noise in an image, told its class or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.models import NoiseModel
from recurate.models.parts.noise_schedule import shares_on
from recurate.models.parts.unet_network import UNetNetwork

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.data import Description

EMBEDDED_STEPS = 1_000  # range of the steps for which the U-Net's sinusoids were made


class NoiseUNet(UNetNetwork, NoiseModel):
    """The U-Net of `unet` with an embedding of the class, the last of which stands for none.

    At a share s of signal the noise in x is predicted as sqrt(s) f(x) + sqrt(1 - s) x, where f is the U-Net (the target
    v of Salimans and Ho 2022). Where next to nothing but noise is left, this is exact whatever f; a U-Net that gave the
    noise itself would have to learn that, and its smallest error there would be an error of the picture 1/sqrt(s) times
    as large. Steps are scaled to 0..1,000, whatever their number.
    """

    def noise(self, parameters: dict[str, Tensor], x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        share = shares_on(self.noise_steps, x.device)[step][..., None, None, None]
        output = self.outputs(parameters, x, step * (EMBEDDED_STEPS / self.noise_steps), label)
        return share.sqrt() * output + (1 - share).sqrt() * x

    @property
    def embedded_labels(self) -> int:
        return self.classes + 1 if self.classes else 0

    def check(self, data: Description) -> None:
        UNetNetwork.check(self, data)
        NoiseModel.check(self, data)
