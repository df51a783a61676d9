"""How varied a generation's texts are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.foundation.lazy import np
from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, Metric, chosen

if TYPE_CHECKING:
    from recurate.data import Description
    from recurate.foundation.types import Array

LONGEST = 3


class DistinctNgrams(Metric):
    """Different n-grams over all n-grams of the texts together, n = 1, 2, 3 (Li et al. 2016); the vocabulary in use.

    N-grams are of tokens and stay within a block; a prompt that samples keep does not count. The more texts,
    the lower the shares: they compare only for one number of texts, which is written beside them.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("distinct_{number}", "different n-grams over all n-grams of tokens of all blocks, n the number"),
        Term("vocabulary_share", "different tokens of all blocks over the tokens of the vocabulary"),
        Term("distinct_samples", "number of blocks that these shares rest on", "blocks"),
    )

    samples: int = Field(10_000, ge=1, description="at most so many blocks")

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        x = chosen(evidence.x, self.samples, evidence.generator)[:, evidence.given :]
        values = {f"distinct_{n}": distinct_share(x, n) for n in range(1, LONGEST + 1)}
        in_use = len(np.unique(x)) / evidence.vocabulary
        return {**values, "vocabulary_share": in_use, "distinct_samples": float(len(x))}

    def check(self, data: Description) -> None:
        if not data.vocabulary:
            raise ValueError("distinct_ngrams needs text, the data have no tokens")
        if data.shape[0] < LONGEST:
            raise ValueError(f"distinct_ngrams needs {LONGEST} generated tokens a sample, there are {data.shape[0]}")


def distinct_share(x: Array, n: int) -> float:
    """Number of different n-grams of blocks (m, block) over the number of all."""
    grams = np.lib.stride_tricks.sliding_window_view(x, n, axis=1).reshape(-1, n)
    return len(np.unique(grams, axis=0)) / len(grams)
