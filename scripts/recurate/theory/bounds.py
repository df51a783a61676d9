"""Published bounds on curated retraining, one function each (Ferbach et al., NeurIPS 2024, arXiv 2407.09499).

Exponential rewards are e^(r - r*), with r* the supremum of the reward, so that the paper's e^{r*} is 1. The
argument `synthetic_ratio` is the paper's lambda: synthetic to real data in every training set, infinite for
the pure loop; `choices` is its K, an integer >= 1 or infinity. Moments may be floats or arrays of any one
shape.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recurate.foundation.lazy import np

    Values = TypeVar("Values", float, NDArray[np.float64])


def selection_strength(choices: float) -> float:
    """Compute (K - 1)/K, which is 0 without a choice and 1 for infinitely many samples."""
    return 1.0 - 1.0 / choices


def chosen_variance(by_prompt: bool) -> str:
    """Name of the metric that is the variance of e^(r - r*) among what people choose from."""
    return "exp_reward_variance_of_answers" if by_prompt else "exp_reward_variance"


def next_exponential_reward(mean: Values, variance: Values, choices: float) -> Values:
    """Bound E_{t+1}[e^r] from below in the pure loop: E_t[e^r] + (K-1)/K Var_t[e^r] / e^{r*} (Lemma 2.2).

    Parameters
    ----------
    mean, variance : float or array
        Of e^(r - r*) in generation t.
    """
    return mean + selection_strength(choices) * variance


def mixed_exponential_reward(mean: Values, variance: Values, choices: float, synthetic_ratio: float) -> Values:
    """Bound E_t[e^r], t >= 1, from below in the mixed loop (Theorem 2.3).

    The bound is E_ref[e^r] + lambda/(1+lambda)^3 (K-1)/K Var_ref[e^r] / e^{r*}.

    Parameters
    ----------
    mean, variance : float or array
        Of e^(r - r*) under the reference, which is also generation 0.
    """
    factor = 0.0 if math.isinf(synthetic_ratio) else synthetic_ratio / (1 + synthetic_ratio) ** 3
    return mean + factor * selection_strength(choices) * variance


def is_stable(choices: float, synthetic_ratio: float) -> bool:
    """Say whether lambda < 1/(K-1), the condition of Theorem 2.4."""
    limit = math.inf if choices == 1 else 1.0 / (choices - 1)
    return synthetic_ratio < limit


def largest_density_ratio(choices: float, synthetic_ratio: float) -> float | None:
    """Bound sup p_t/p_ref in the mixed loop by 1/(1 - lambda(K-1)); None when lambda >= 1/(K-1)."""
    if not is_stable(choices, synthetic_ratio):
        return None
    return 1.0 / (1.0 - synthetic_ratio * (choices - 1))


def divergence_to_reference(choices: float, synthetic_ratio: float) -> float | None:
    """Bound KL(p_t||p_ref) in nats by -log(1 - lambda(K-1)); None when lambda >= 1/(K-1) (Theorem 2.4)."""
    ratio = largest_density_ratio(choices, synthetic_ratio)
    return None if ratio is None else math.log(ratio)


def divergence_from_reference(synthetic_ratio: float) -> float:
    """Bound KL(p_ref||p_t) in nats by log(1 + lambda), as p_t holds p_ref/(1 + lambda); infinite if pure."""
    return math.log1p(synthetic_ratio)
