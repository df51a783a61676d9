"""The pixels themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.lazy import np
from recurate.measuring.features import Features

if TYPE_CHECKING:
    from recurate.curation.judges import FittedJudge
    from recurate.data import Description
    from recurate.foundation.types import Array
    from recurate.models.parts.fitted import FittedModel


class Pixels(Features):
    """All pixel values of an image, from -1 to 1.

    The Fréchet distance on them is what Wang, Niu and Li (2602.16065) call FID on MNIST; it is not the literature's.
    """

    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        return x.reshape(len(x), -1).astype(np.float32) / 127.5 - 1

    def check(self, data: Description) -> None:
        if len(data.shape) != 3:
            raise ValueError(f"{self.kind} needs images (height, width, channels), the data have shape {data.shape}")
