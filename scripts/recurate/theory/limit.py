"""Where a loop ends: weights of the generation-0 samples in the infinite-capacity limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recurate.curation.rewards import TOP_TOLERANCE
from recurate.foundation.lazy import np
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.theory.forecast import forecast

if TYPE_CHECKING:
    import numpy

CHANGE = 1e-6  # total change of the weights in one generation below which a mixed loop has arrived
MOST_GENERATIONS = 200


def limit_weights(
    rewards: numpy.ndarray, supremum: float, choices: float, real_fraction: float, regime: TrainedRegime | None = None
) -> numpy.ndarray | None:
    """Weights (n,) of samples with `rewards` (n,) under p*, the limit of the loop that starts from them.

    The pure loop ends in p_0 restricted to {r = r*} (Ferbach et al. 2024, Theorem 2.1), or stays at p_0 without a
    choice (K = 1). The mixed loop is iterated until its weights stand still. None where no sample reaches r*, so that
    the sample does not tell the limit, and where data accumulate, so that the loop slows down without end.
    """
    if choices == 1:
        return np.full(len(rewards), 1 / len(rewards))
    if regime is not None and REGIMES[regime].accumulates:
        return None
    if real_fraction == 0:
        top = rewards >= supremum - TOP_TOLERANCE
        return top / top.sum() if top.any() else None
    trajectory = forecast(rewards.astype(np.float64), choices, real_fraction, MOST_GENERATIONS)
    weights = next(trajectory)
    for following in trajectory:
        arrived = np.abs(following - weights).sum() < CHANGE
        weights = following
        if arrived:
            break
    return weights
