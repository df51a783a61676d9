"""The forecast: the whole infinite-capacity trajectory from the rewards of generation 0 alone.

With all densities allowed, curated retraining is p_{t+1} = a p_ref + (1 - a) p_t H_t, where a is the
fraction of real data and H_t the keep ratio (the retraining step of Ferbach et al., arXiv 2407.09499). When
p_ref = p_0, the quotient p_t / p_0 is a function of the reward, so that a sample of p_0 carries every later
generation as weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from recurate.curation.parts.keep_operator import Operator, check_rewards
from recurate.curation.parts.prompts import by_prompt
from recurate.curation.parts.reward_moments import TOP_TOLERANCE
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np
from recurate.mixing.regimes import REGIMES, TrainedRegime
from recurate.mixing.trained import Mixing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    FloatArray = NDArray[np.float64]

SUPREMUM_TOLERANCE = 1e-4  # single-precision rewards may exceed a supremum by rounding, times 1 + |r*|


def forecast(operator: Operator, count: int, mixing: Mixing, generations: int) -> Iterator[FloatArray]:
    """Give the weights of the generation-0 samples in generations 0, 1, .., `generations`.

    Parameters
    ----------
    operator : Operator
        The keep ratio H of the curation for the rewards of the generation-0 samples (`Curation.operator`).
    count : int
        n, the number of these samples.
    mixing : Mixing
        What stays in training sets; where data accumulate, p_{t+1} is the mean of p_ref and of all p_i H_i so far, the
        first with weight a, the others with 1 - a. Fresh real data have the law p_ref too, so that only their weights
        count: with contamination 1 + a t of t + 1 in generation t.
    generations : int
        Number of retrainings.

    Returns
    -------
    iterator of (n,) float64 arrays
        `generations` + 1 normalised weight vectors; w_0 = 1/n, w_{t+1} = a w_0 + (1 - a) w_t H_t.
    """
    if generations < 0:
        raise RecurateError(f"generations is {generations}, but a forecast needs 0 or more of them.")
    return _trajectory(operator, count, mixing, generations)


def infinite(regime: TrainedRegime | None, real_fraction: float) -> Mixing:
    """The mixing rule with these weights, whatever the numbers of samples."""
    fresh = regime is not None and REGIMES[regime].real == "fresh"
    return Mixing(regime=regime, real_fraction=real_fraction, real=1 if fresh else None)


@dataclass(frozen=True)
class _Mass:
    """A part of a training set: its weight, and that times the weights (n,) of the generation-0 samples in it."""

    weight: float
    shares: FloatArray

    def __add__(self, other: _Mass) -> _Mass:
        return _Mass(self.weight + other.weight, self.shares + other.shares)


def _trajectory(operator: Operator, count: int, mixing: Mixing, generations: int) -> Iterator[FloatArray]:
    """Iterate the retraining step on weights (n,)."""
    synthetic = 1 - mixing.real_fraction

    def curated(_: int, pool: _Mass) -> _Mass:
        weights = pool.shares / pool.weight
        kept = weights * operator.ratio(weights)
        return _Mass(synthetic, synthetic * kept / kept.sum())

    def real(weight: float) -> _Mass:
        return _Mass(weight, np.full(count, weight / count))

    pools = mixing.pools(real(mixing.real_weight), real(mixing.real_fraction), curated)
    for pool in islice(pools, generations + 1):
        yield pool.shares / pool.weight


def effective_sample_size(weights: FloatArray) -> float:
    """Compute 1 / sum w^2 of normalised weights (n,): how many samples the forecast still rests on."""
    return float(1.0 / np.sum(weights**2))


def statistics(
    weights: FloatArray,
    rewards: ArrayLike,
    supremum: float,
    classes: ArrayLike | None = None,
    class_count: int | None = None,
) -> dict[str, float]:
    """Predict the metrics of a generation from its weights.

    Parameters
    ----------
    weights : (n,) array
        Normalised weights of the generation-0 samples.
    rewards : (n,) array
        Their rewards (of several, the one to report).
    supremum : float
        r*, the largest reward possible, finite.
    classes : (n,) integer array, optional
        Class of every sample, 0 .. class_count - 1.
    class_count : int, optional
        Number of classes; needed with `classes`.

    Returns
    -------
    dict
        `reward_mean`; `exp_reward_mean` and `exp_reward_variance`, of e^(r - r*); `top_share`, the mass of
        r = r*; `share_<class>`; `kl_to_origin`, KL(p_t||p_0) = sum w log(n w), and `kl_from_origin`,
        KL(p_0||p_t), in nats; `sup_ratio`, the maximum of p_t/p_0.

    Raises
    ------
    RecurateError
        When a reward exceeds the supremum by more than rounding, or classes are out of range.
    """
    values = check_rewards(rewards)
    if values.shape != np.shape(weights):
        raise RecurateError(f"There are {values.size} rewards, but weights of shape {np.shape(weights)}.")
    result = _reward_statistics(weights, values, supremum)
    if classes is not None:
        result |= _class_shares(weights, np.asarray(classes), class_count)
    return result | _divergences(weights)


def _reward_statistics(weights: FloatArray, rewards: FloatArray, supremum: float) -> dict[str, float]:
    """Compute the moments of r and of e^(r - r*), and the mass of the highest level set."""
    excess = float(rewards.max()) - supremum
    if not excess <= SUPREMUM_TOLERANCE * (1 + abs(supremum)) or math.isinf(supremum):
        raise RecurateError(f"The largest reward is {rewards.max():g}, but its supremum is said to be {supremum:g}.")
    exponential = np.exp(np.minimum(rewards - supremum, 0.0))
    mean = float(weights @ exponential)
    return {
        "reward_mean": float(weights @ rewards),
        "exp_reward_mean": mean,
        "exp_reward_variance": float(weights @ (exponential - mean) ** 2),
        "top_share": float(weights[rewards >= supremum - TOP_TOLERANCE].sum()),
    }


def _class_shares(weights: FloatArray, classes: NDArray[np.int64], class_count: int | None) -> dict[str, float]:
    """Add up the weights of every class."""
    if classes.shape != weights.shape or class_count is None:
        raise RecurateError(f"{weights.size} samples need as many classes, not {classes.shape}, and a class_count.")
    if classes.min() < 0 or classes.max() >= class_count:
        raise RecurateError(f"Classes run from {classes.min()} to {classes.max()}, not from 0 to {class_count - 1}.")
    shares = np.bincount(classes, weights, minlength=class_count)
    return {f"share_{index}": float(share) for index, share in enumerate(shares)}


def _divergences(weights: FloatArray) -> dict[str, float]:
    """Compare the weights with equal weights; a weight of zero makes `kl_from_origin` infinite."""
    ratio = weights * weights.size
    with np.errstate(divide="ignore"):
        logs = np.log(ratio)
    present = weights > 0
    return {
        "kl_to_origin": float(weights[present] @ logs[present]),
        "kl_from_origin": float(-logs.mean()),
        "sup_ratio": float(ratio.max()),
    }


def variance_of_answers(weights: FloatArray, rewards: ArrayLike, supremum: float, prompts: ArrayLike) -> float:
    """Predict the variance of e^(r - r*) among the answers to a prompt, mean over prompts of equal weight.

    `weights`, `rewards` and `prompts` are (n,).
    """
    answers = by_prompt(np.asarray(prompts))
    scaled = np.exp(np.minimum(check_rewards(rewards) - supremum, 0.0))[answers]
    shares = weights[answers] / weights[answers].sum(axis=1, keepdims=True)
    mean = (shares * scaled).sum(axis=1, keepdims=True)
    return float((shares * (scaled - mean) ** 2).sum(axis=1).mean())
