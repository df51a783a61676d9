"""How well a generation's own model predicts real text that no model has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, Metric
from recurate.models.parts.likelihood import log_likelihood, predictive_entropy

if TYPE_CHECKING:
    from recurate.data import Description


class HeldOutPrediction(Metric):
    """Test perplexity, exp of the mean cost of a token of the real blocks, and the mean entropy of the predictions.

    All blocks have as many tokens, so the mean over tokens is that over blocks; batches do not enter. Their number,
    `perplexity_context`, stands beside it: a token is predicted from those before it in its block. The study's
    `reference` says which part of the real data is meant, by default the held-out one.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("test_perplexity", "e^(mean of -log p of real tokens, by the generation's own model)"),
        Term("perplexity_context", "length of a block, in which tokens are predicted", "tokens"),
        Term("predictive_entropy", "mean over real tokens of - sum of p log p over what the model predicts", "nats"),
    )

    needs_model: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        assert evidence.model is not None
        cost = -log_likelihood(evidence.model, evidence.real).mean()
        return {
            "test_perplexity": float(np.exp(cost)),
            "perplexity_context": float(evidence.real.shape[1]),
            "predictive_entropy": float(predictive_entropy(evidence.model, evidence.real).mean()),
        }

    def check(self, data: Description) -> None:
        if not data.vocabulary:
            raise ValueError("held_out_prediction needs text, the data have no tokens")
