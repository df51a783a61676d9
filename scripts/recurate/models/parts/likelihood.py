"""How a language model sees blocks of text: the likelihood of their tokens, and how sure it is of the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recurate.foundation.lazy import np, torch
from recurate.models import LanguageModel
from recurate.models.parts.fitted import FittedModel

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.foundation.types import Array

LOGITS_AT_A_TIME = 2**24  # 64 MB


def log_likelihood(fitted: FittedModel, tokens: Array, given: int = 0) -> Array:
    """Mean log-probability (n,) float64, in nats a token, of the second and later tokens of blocks (n, block).

    Its negative is what training minimises; exp of that is the perplexity of the block. The first `given` tokens, a
    prompt, are read but do not count.
    """

    def mean(logits: Tensor, following: Tensor) -> Tensor:
        of_tokens = logits.log_softmax(dim=2).gather(2, following[..., None])[..., 0]
        return of_tokens[:, max(given - 1, 0) :].double().mean(dim=1)

    return _by_block(fitted, tokens, mean)


def predictive_entropy(fitted: FittedModel, tokens: Array) -> Array:
    """Mean entropy (n,) float64, in nats, of the distribution of the next token over the places of each block."""

    def mean(logits: Tensor, following: Tensor) -> Tensor:
        log_probabilities = logits.log_softmax(dim=2)
        return -(log_probabilities.exp() * log_probabilities).sum(dim=2).double().mean(dim=1)

    return _by_block(fitted, tokens, mean)


def _by_block(fitted: FittedModel, tokens: Array, mean: Callable[[Tensor, Tensor], Tensor]) -> Array:
    """What `mean` makes of the logits (n, block - 1, vocabulary) and of the tokens that followed, (n, block - 1)."""
    assert isinstance(fitted.model, LanguageModel)
    chunk = max(1, LOGITS_AT_A_TIME // (tokens.shape[1] * fitted.model.vocabulary))
    parts = []
    with torch.no_grad():
        for first in range(0, len(tokens), chunk):
            x = fitted.encoded(tokens[first : first + chunk])
            logits = fitted.model.logits(fitted.parameters, x[..., :-1])
            parts.append(mean(logits[0], x[0, :, 1:]).cpu().numpy())
    return np.concatenate(parts)
