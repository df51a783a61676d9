"""What the encoder of generation 0 makes of later generations' samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import np, torch
from recurate.measuring.features import Features
from recurate.models import Autoencoder, Model
from recurate.models.parts.fitted import FittedModel

if TYPE_CHECKING:
    from recurate.curation.judges import FittedJudge
    from recurate.foundation.types import Array


class Encoder(Features):
    """Means of the latents, as the encoder of generation 0 gives them (Shumailov et al. 2305.17493)."""

    needs_origin: ClassVar[type[Model] | None] = Autoencoder

    chunk: int = Field(1_000, ge=1, description="samples encoded at a time; fewer need less memory")

    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        assert isinstance(scorer, FittedModel) and isinstance(scorer.model, Autoencoder)
        parts = []
        with torch.no_grad():
            for first in range(0, len(x), self.chunk):
                mean, _ = scorer.model.encode(scorer.parameters, scorer.encoded(x[first : first + self.chunk]))
                parts.append(mean[0].cpu().numpy())
        return np.concatenate(parts)
