"""The evidence lower bound of variational autoencoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import np, torch
from recurate.models import Autoencoder, Model
from recurate.training.objectives import Objective

if TYPE_CHECKING:
    import numpy
    from torch import Tensor

    from recurate.foundation.types import Array


class EvidenceBound(Objective):
    """Negative evidence lower bound in nats (Kingma and Welling 2014), with one draw of the latents.

    Binary cross entropy of the pixels, which stand for probabilities of being on, summed over an image, plus
    `divergence_weight` times KL(N(mean, variance) || N(0, I)). Times the size of the batch, so that the loss is the sum
    over it, as Shumailov et al. have it (2305.17493), which matters beside a weight decay.
    """

    trains: ClassVar[type[Model]] = Autoencoder

    divergence_weight: float = Field(1.0, ge=0, description="weight of the divergence from the prior; 1 is the bound")

    def noise(
        self, model: Model, generator: numpy.random.Generator, steps: int, batch_size: int, shape: tuple[int, ...]
    ) -> dict[str, Array]:
        assert isinstance(model, Autoencoder)
        return {"noise": generator.standard_normal((steps, batch_size, model.latent), dtype=np.float32)}

    def costs(self, model: Model, parameters: dict[str, Tensor], x: Tensor, noise: dict[str, Tensor]) -> Tensor:
        assert isinstance(model, Autoencoder)
        mean, log_variance = model.encode(parameters, x)
        logits = model.decode(parameters, mean + (0.5 * log_variance).exp() * noise["noise"])
        on = (x + 1) / 2
        pixels = torch.nn.functional.binary_cross_entropy_with_logits(logits, on, reduction="none")
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
        bound = pixels.flatten(2).sum(dim=2) + self.divergence_weight * divergence.flatten(2).sum(dim=2)
        return bound * x.shape[1]
