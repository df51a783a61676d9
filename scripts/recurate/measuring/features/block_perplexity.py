"""Perplexity of each block under generation 0's model."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import PrivateAttr

from recurate.foundation.lazy import np
from recurate.measuring.features import Features
from recurate.models import LanguageModel, Model
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.likelihood import log_likelihood

if TYPE_CHECKING:
    from recurate.curation.judges import FittedJudge
    from recurate.data import Description
    from recurate.foundation.types import Array


class BlockPerplexity(Features):
    """One number a block: exp of the mean cost of its second and later tokens, in nats (Shumailov et al. 2024).

    A prompt that samples keep is what the rest is likely after; its own tokens do not count.
    """

    needs_origin: ClassVar[type[Model] | None] = LanguageModel

    _given: int = PrivateAttr(0)

    def without_prompt(self, given: int) -> BlockPerplexity:
        told = self.model_copy()
        told._given = given
        return told

    def extract(self, x: Array, scorer: FittedJudge | FittedModel | None, device: str) -> Array:
        assert isinstance(scorer, FittedModel)
        return np.exp(-log_likelihood(scorer, x, self._given)).astype(np.float32)[:, None]

    def check(self, data: Description) -> None:
        if not data.vocabulary:
            raise ValueError("block_perplexity needs text, the data have no tokens")
