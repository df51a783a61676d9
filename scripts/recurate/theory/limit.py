"""Where a loop ends: weights of the generation-0 samples in the infinite-capacity limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.curation.parts.reward_moments import reaches
from recurate.foundation.lazy import np
from recurate.theory.forecast import forecast

if TYPE_CHECKING:
    from recurate.curation import Curation
    from recurate.curation.parts.keep_operator import Operator
    from recurate.foundation.types import Array
    from recurate.mixing.trained import Mixing

CHANGE = 1e-6  # total change of the weights in one generation below which a mixed loop has arrived
MOST_GENERATIONS = 200


def limit_weights(rewards: Array, supremum: float, curation: Curation, mixing: Mixing) -> Array | None:
    """Weights (n,) of samples under p*, the limit of the loop that starts from them; `rewards` (n,), or (n, k) vectors.

    The pure loop of K-wise Bradley-Terry choices ends in p_0 restricted to {r = r*} (Ferbach et al. 2024, Theorem 2.1),
    or stays at p_0 without a choice (K = 1). The mixed loop is iterated until its weights stand still. None where no
    sample reaches r*, so that the sample does not tell the limit; where data accumulate, so that the loop slows down
    without end; where people choose by prompts; and of curations whose limit nobody knows.
    """
    choices, count = curation.bradley_terry_choices, len(rewards)
    if choices == 1:
        return np.full(count, 1 / count)
    if mixing.rule.accumulates or curation.by_prompt:
        return None
    if mixing.real_fraction == 0:
        top = reaches(rewards, supremum)
        return top / top.sum() if choices is not None and top.any() else None
    operator = curation.operator(rewards.astype(np.float64))
    return None if operator is None else _fixed_point(operator, count, mixing)


def _fixed_point(operator: Operator, count: int, mixing: Mixing) -> Array:
    """Weights (count,) at which a mixed loop stands still."""
    trajectory = forecast(operator, count, mixing, MOST_GENERATIONS)
    weights = next(trajectory)
    for following in trajectory:
        arrived = np.abs(following - weights).sum() < CHANGE
        weights = following
        if arrived:
            break
    return weights
