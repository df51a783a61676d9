"""Which samples answer which prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    from recurate.foundation.types import Array


def by_prompt(prompts: Array) -> Array:
    """Rows (prompts, each) of the samples that answer each prompt, given the samples' prompts (n,).

    Raises RecurateError if some prompts have more answers than others.
    """
    numbers, counts = np.unique(prompts, return_counts=True)
    if len(set(counts.tolist())) != 1:
        raise RecurateError("curation: prompts have unequally many continuations; sample again")
    return np.argsort(prompts, kind="stable").reshape(len(numbers), -1)
