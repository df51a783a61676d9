"""How likely generation 0 finds the texts of a generation, from the likeliest to the least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, Metric

QUANTILES = {"low": 0.05, "median": 0.5, "high": 0.95}


class PerplexitySpread(Metric):
    """Mean and 5 %, 50 % and 95 % quantiles over blocks of their perplexity under generation 0's model.

    How many tokens a block has, `perplexity_context`, stands beside them: a token is predicted from those before it in
    its block, so that perplexities of other blocks do not compare. Collapse moves the quantiles to the left, while
    single blocks that generation 0 would never have written make a tail on the right (Shumailov et al. 2024).
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("block_perplexity_mean", "mean over blocks of e^(mean of -log p of its tokens, by generation 0's model)"),
        Term("block_perplexity_low", "5 % quantile over blocks of the same"),
        Term("block_perplexity_median", "median over blocks of the same"),
        Term("block_perplexity_high", "95 % quantile over blocks of the same"),
        Term("perplexity_context", "length of a block, in which tokens are predicted", "tokens"),
    )

    compares: ClassVar[bool] = False
    former: ClassVar[Mapping[str, str]] = {"features": "leave it out, it is always block_perplexity"}

    @property
    def space(self) -> str:
        return "block_perplexity"

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        perplexity = evidence.space(self.space).x.astype(np.float64)[:, 0]
        quantiles = {f"block_perplexity_{name}": np.quantile(perplexity, share) for name, share in QUANTILES.items()}
        context = float(evidence.x.shape[1])
        return {"block_perplexity_mean": float(perplexity.mean()), **quantiles, "perplexity_context": context}
