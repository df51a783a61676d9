"""Sampling from the prior of an autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from recurate.foundation.lazy import torch
from recurate.models import Autoencoder, Model
from recurate.sampling import Request, Sampler, SampleSet

if TYPE_CHECKING:
    from torch import Tensor


class Decoder(Sampler):
    """Latents from N(0, I), decoded; a pixel is its probability of being on, as in Shumailov et al. (2305.17493).

    That is the mean of the model learnt, whose pixels are on or off: every pixel lacks the variance p (1 - p). Theory
    is about samples of what was learnt, so these arms have no forecast and the claims do not apply to them.
    """

    draws_from: ClassVar[type[Model]] = Autoencoder

    @property
    def is_biased(self) -> bool:
        return True

    def other_law(self, model: Model) -> str:
        return "the sampler gives means of what was learnt"

    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> SampleSet:
        assert isinstance(model, Autoencoder)
        latents = request.latents(model.latent)
        return SampleSet(decoded(model, parameters, latents, self.chunk), evaluations=1.0)


def decoded(model: Autoencoder, parameters: dict[str, Tensor], latents: Tensor, chunk: int) -> Tensor:
    """Images (seeds, n, *shape) in network units, -1 for off to 1 for on, of latents (seeds, n, latent)."""
    with torch.no_grad():
        parts = [2 * torch.sigmoid(model.decode(parameters, part)) - 1 for part in latents.split(chunk, dim=1)]
    return torch.cat(parts, dim=1)
